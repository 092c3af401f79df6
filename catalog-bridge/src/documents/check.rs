//! Holds a document against the tables of its standard and collects everything that is wrong.

use std::collections::BTreeSet;

use super::node::{Amount, Entry, Node, Number, Value, shortened};
use super::shape::{Field, List, Shape, Words};
use super::version::Edition;
use crate::problems::Finding;

/// The most findings that are collected of one document.
const FINDINGS_MAX: usize = 100;

/// One step down in a document.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// The check of one document.
pub(crate) struct Check<'a> {
    pub(crate) edition: Edition,
    path: Vec<Step<'a>>,
    findings: Vec<Finding>,
}

/// Holds a document against the shape of its root.
pub(crate) fn check(edition: Edition, shape: &Shape, root: &Node) -> Vec<Finding> {
    let mut check = Check { edition, path: Vec::new(), findings: Vec::new() };
    check.value(shape, root);
    check.findings
}

impl<'a> Check<'a> {
    /// Holds one value against a shape.
    pub(crate) fn value(&mut self, shape: &Shape, node: &'a Node) {
        match shape {
            Shape::Any => {}
            Shape::Scalar => {
                self.expect(scalar(node), node, "a text, a number, true, false or null");
            }
            Shape::Text => self.expect(node.text().is_some(), node, "text"),
            Shape::Word(words) => self.word(*words, node),
            Shape::Form(form) => {
                let matches = node.text().is_some_and(|text| (form.matches)(text, self.edition));
                self.expect(matches, node, form.expected);
            }
            Shape::Boolean => {
                self.expect(matches!(node.value, Value::Boolean(_)), node, "true or false");
            }
            Shape::Whole(least) => self.whole(*least, node),
            Shape::Number => self.expect(amount(node).is_some(), node, "a number"),
            Shape::Positive => {
                let is_positive = amount(node).is_some_and(|amount| amount.as_float() > 0.0);
                self.expect(is_positive, node, "a number above 0");
            }
            Shape::Port => self.port(node),
            Shape::Mapping => {
                self.expect(matches!(node.value, Value::Map(_)), node, "a mapping");
            }
            Shape::TextOrMapping => {
                let fits = matches!(node.value, Value::Text(_) | Value::Map(_));
                self.expect(fits, node, "text or a mapping");
            }
            Shape::Part(part) => {
                self.mapping(node, part.name, &[part.fields], part.is_open);
            }
            Shape::List(list) => self.list(list, node),
            Shape::Special(special) => special(self, node),
        }
    }

    /// Holds a mapping against tables of keys; together they are all that it may have.
    pub(crate) fn keys(&mut self, node: &'a Node, what: &str, tables: &[&'static [Field]]) {
        self.mapping(node, what, tables, false);
    }

    /// Says what is wrong with this place.
    pub(crate) fn report(&mut self, line: u64, message: String, hint: String) {
        if self.findings.len() < FINDINGS_MAX {
            let finding = Finding::error(line, self.written_path(), message);
            self.findings.push(finding.with_hint(hint));
        }
    }

    /// Says that this place holds something else than it should.
    pub(crate) fn wrong(&mut self, node: &Node, expected: &str) {
        let hint = match &node.value {
            Value::Number(Number { text, .. }) if expected.starts_with("text") => {
                format!("expected {expected}: put it in quotes, \"{}\"", shortened(text))
            }
            Value::Boolean(value) if expected.starts_with("text") => {
                format!("expected {expected}: put it in quotes, \"{value}\"")
            }
            _ => format!("expected {expected}"),
        };
        self.report(node.line, format!("found {}", node.describe()), hint);
    }

    fn expect(&mut self, fits: bool, node: &Node, expected: &str) {
        if !fits {
            self.wrong(node, expected);
        }
    }

    fn word(&mut self, words: Words, node: &Node) {
        let edition = self.edition;
        if node.text().is_some_and(|word| words.allows(word, edition)) {
            return;
        }
        let all = words.of(edition);
        let expected = match all.as_slice() {
            [only] => format!("expected \"{only}\""),
            several => {
                let nearest = node.text().and_then(|word| nearest(word, several.iter().copied()));
                let guess = nearest.map(|word| format!(": did you mean \"{word}\"?"));
                format!("expected one of {}{}", several.join(", "), guess.unwrap_or_default())
            }
        };
        self.report(node.line, format!("found {}", node.describe()), expected);
    }

    fn whole(&mut self, least: Option<i32>, node: &Node) {
        let fits = amount(node).is_some_and(|amount| {
            amount.is_whole() && least.is_none_or(|least| amount.as_float() >= f64::from(least))
        });
        match least {
            Some(least) => {
                self.expect(fits, node, &format!("a whole number, {least} or more"));
            }
            None => self.expect(fits, node, "a whole number"),
        }
    }

    fn port(&mut self, node: &Node) {
        if self.edition == Edition::Newer && node.text().is_some() {
            return;
        }
        self.whole(None, node);
    }

    fn list(&mut self, list: &List, node: &'a Node) {
        let Value::List(items) = &node.value else {
            self.wrong(node, "a list");
            return;
        };
        let (least, most) = list.count;
        if items.len() < least || items.len() > most {
            let expected = match (least, most) {
                (2, 2) => "a list of two".to_owned(),
                (least, _) => format!("a list of at least {least}"),
            };
            self.wrong(node, &expected);
        }
        for (index, item) in items.iter().enumerate() {
            self.at(Step::Index(index), |check| check.value(&list.item, item));
        }
        if list.is_unique {
            self.unique(items);
        }
    }

    fn unique(&mut self, items: &'a [Node]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if !seen.insert(item.canonical()) {
                self.at(Step::Index(index), |check| {
                    check.report(
                        item.line,
                        format!("{} is here twice", item.describe()),
                        "expected items that differ".to_owned(),
                    );
                });
            }
        }
    }

    fn mapping(&mut self, node: &'a Node, what: &str, tables: &[&'static [Field]], is_open: bool) {
        let Value::Map(entries) = &node.value else {
            self.wrong(node, &format!("a mapping, the {what}"));
            return;
        };
        let edition = self.edition;
        let fields = || tables.iter().flat_map(|fields| fields.iter());
        for entry in entries {
            let field = fields().find(|field| field.key == entry.key);
            match field.filter(|field| field.is_known(edition)) {
                Some(field) => {
                    self.at(Step::Key(&entry.key), |check| check.value(&field.shape, &entry.node));
                }
                None if is_open => {}
                None => {
                    let is_newer = field.is_some();
                    let known = fields().filter(|field| field.is_known(edition));
                    let known: Vec<_> = known.map(|field| field.key).collect();
                    self.unknown_key(what, entry, is_newer, &known);
                }
            }
        }
        for field in fields().filter(|field| field.is_required(edition)) {
            if node.get(field.key).is_none() {
                let message = format!("key \"{}\" is missing", field.key);
                self.report(node.line, message, format!("the {what} needs it"));
            }
        }
    }

    fn unknown_key(
        &mut self,
        what: &str,
        entry: &'a Entry,
        is_newer: bool,
        known: &[&'static str],
    ) {
        let key = shortened(&entry.key);
        let (message, hint) = if is_newer {
            (
                format!("key \"{key}\" is not known in this apiVersion"),
                "it came with ODCS v3.2.0 and ODPS v1.1.0".to_owned(),
            )
        } else {
            let hint = match nearest(&entry.key, known.iter().copied()) {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            (format!("the {what} has no key \"{key}\""), hint)
        };
        self.at(Step::Key(&entry.key), |check| check.report(entry.line, message, hint));
    }

    fn at(&mut self, step: Step<'a>, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    fn written_path(&self) -> String {
        let mut written = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if written.is_empty() => written.push_str(&shortened(key)),
                Step::Key(key) => {
                    written.push('.');
                    written.push_str(&shortened(key));
                }
                Step::Index(index) => written.push_str(&format!("[{index}]")),
            }
        }
        written
    }
}

fn amount(node: &Node) -> Option<Amount> {
    match &node.value {
        Value::Number(number) => Some(number.amount),
        _ => None,
    }
}

fn scalar(node: &Node) -> bool {
    !matches!(node.value, Value::List(_) | Value::Map(_))
}

/// The known word that was probably meant.
fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
