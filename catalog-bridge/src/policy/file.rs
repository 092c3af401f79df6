//! One file of policies: read, and checked by itself.
//!
//! ```text
//! text ──Cedar──▶ policies ──syntax──▶ ids, masks, actions, scopes, row filters ──schema──▶ rules
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;
use samite_engine::authorizer::Mask;
use samite_engine::product::Mesh;

use super::schema::RowTypes;
use super::source::Source;
use super::syntax::{self, Syntax};
use super::vocabulary::{Verb, domain_id, is_in_domain, product_id, table_id};
use crate::problems::Finding;

/// The longest policy that is read, in bytes.
const POLICY_BYTES_MAX: usize = 64 * 1024;

/// The most brackets that are open at once, and the most signs of operators, in one policy.
const BRACKETS_MAX: usize = 100;
const OPERATORS_MAX: usize = 4_000;

/// What a domain may permit.
const DOMAIN_PERMITS: [Verb; 3] = [Verb::Select, Verb::Describe, Verb::Profile];

/// Where a file of policies lies, which says what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place<'a> {
    /// `mesh/policies`
    Mesh,
    /// `domains/<domain>/policies`
    Domain(&'a str),
}

impl<'a> Place<'a> {
    /// The first part of the ids of its policies.
    fn layer(self) -> &'a str {
        match self {
            Self::Mesh => "global",
            Self::Domain(domain) => domain,
        }
    }

    fn domain(self) -> Option<&'a str> {
        match self {
            Self::Mesh => None,
            Self::Domain(domain) => Some(domain),
        }
    }
}

/// One policy that may be used.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) policy: Policy,
    pub(super) syntax: Syntax,
    /// The mask that it offers instead of the raw values.
    pub(super) mask: Option<Mask>,
    /// The file that it stands in.
    pub(super) source: Option<Arc<Source>>,
    /// The two instants, in ms, at which alone it can decide otherwise than before: an agreement begins and ends.
    pub(super) period: Option<[i64; 2]>,
}

/// What the policies speak of.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) rows: RowTypes,
    /// The domains, products and tables: type and id.
    things: BTreeSet<(&'static str, String)>,
}

impl Surroundings {
    pub(super) fn new(rows: RowTypes, mesh: &Mesh) -> Self {
        let mut things = BTreeSet::new();
        things.extend(mesh.domains.keys().map(|domain| ("Domain", domain_id(domain))));
        for product in mesh.products() {
            things.insert(("Product", product_id(&product.domain, &product.name)));
            for port in &product.ports {
                let ids = port.contract.tables.iter().map(|table| table_id(product, port, table));
                things.extend(ids.map(|id| ("Table", id)));
            }
        }
        Self { rows, things }
    }

    /// True for a domain, product or table that is not there.
    fn lacks(&self, kind: &str, id: &str) -> bool {
        let kind = ["Domain", "Product", "Table"].into_iter().find(|known| *known == kind);
        kind.is_some_and(|kind| !self.things.contains(&(kind, id.to_owned())))
    }
}

/// Reads a file. What is found may be warnings only: then there are rules as well.
pub(super) fn read(
    text: &str,
    place: Place<'_>,
    surroundings: &Surroundings,
) -> (Option<Vec<Rule>>, Vec<Finding>) {
    if let Some(line) = too_deep(text) {
        let finding = Finding::error(line, "", "the policy is too long, or nested too deeply");
        return (None, vec![finding.with_hint("write several simpler ones")]);
    }
    let set = match text.parse::<PolicySet>() {
        Ok(set) => set,
        Err(errors) => {
            let findings = errors.iter().map(|error| found(text, error, "the policy is no Cedar"));
            return (None, findings.collect());
        }
    };
    let mut reader = Reader { text, place, surroundings, end: 0, findings: Vec::new() };
    if set.num_of_templates() > 0 {
        reader.findings.push(
            Finding::error(1, "", "a policy is a template: it has a slot such as ?principal")
                .with_hint("name the principal or the resource"),
        );
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Cedar numbers them in the order of the file.
    policies.sort_by_key(|policy| policy.id().to_string().get(6..).and_then(number));
    let mut rules = Vec::with_capacity(policies.len());
    let mut ids = BTreeSet::new();
    for policy in policies {
        let line = reader.line_of(policy);
        let Some(rule) = reader.rule(policy, line) else { continue };
        if !ids.insert(rule.id.clone()) {
            let message = format!("policy \"{}\" is here twice", rule.id);
            reader.error(line, message, "give each policy an @id of its own");
        }
        rules.push(rule);
    }
    let mut findings = reader.findings;
    if !findings.iter().any(Finding::is_error) {
        findings.extend(invalid(text, &rules, place, surroundings));
    }
    findings.sort_by_key(|finding| finding.line);
    let is_good = !findings.iter().any(Finding::is_error);
    (is_good.then_some(rules), findings)
}

fn number(digits: &str) -> Option<usize> {
    digits.parse().ok()
}

struct Reader<'a> {
    text: &'a str,
    place: Place<'a>,
    surroundings: &'a Surroundings,
    /// Where the last policy ends in the text.
    end: usize,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn error(&mut self, line: u64, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error(line, "", message).with_hint(hint));
    }

    /// The line that a policy begins on; they come in the order of the text.
    fn line_of(&mut self, policy: &Policy) -> u64 {
        let snippet = policy.to_cedar().unwrap_or_default();
        let rest = self.text.get(self.end..).unwrap_or_default();
        let start = self.end + rest.find(&snippet).unwrap_or_default();
        self.end = start + snippet.len();
        line_at(self.text, start)
    }

    fn rule(&mut self, policy: &Policy, line: u64) -> Option<Rule> {
        let layer = self.place.layer();
        let prefix = format!("{layer}/");
        let wanted = format!("write @id(\"{layer}/<name>\") before it");
        let id = match policy.annotation("id") {
            Some(id) if id.strip_prefix(&prefix).is_some_and(|name| !name.trim().is_empty()) => {
                id.to_owned()
            }
            Some(id) => {
                self.error(
                    line,
                    format!("policy id \"{id}\" does not begin with {layer}/"),
                    wanted,
                );
                return None;
            }
            None => {
                self.error(line, "the policy has no id", wanted);
                return None;
            }
        };
        let tree = policy.to_pst().map_err(|error| error.to_string());
        let syntax = match tree.and_then(|tree| Ok(syntax::read(tree.body())?)) {
            Ok(syntax) => syntax,
            Err(why) => {
                self.error(line, format!("policy \"{id}\": {why}"), "write several simpler ones");
                return None;
            }
        };
        let mask = self.mask(policy, (&id, line), &syntax);
        self.keeps_to_its_layer(&id, line, &syntax);
        if let Some(why) = syntax.no_filter.filter(|_| syntax.verbs.contains(&Verb::ReadRow)) {
            let hint = "compare a column with a value: == != < <= > >=, has, [..].contains(column), \
                        and && || ! of these";
            self.error(line, format!("policy \"{id}\" is no row filter: {why}"), hint);
        }
        self.names_what_exists(&id, line, &syntax);
        let policy = policy.new_id(PolicyId::new(&id));
        Some(Rule { id, policy, syntax, mask, source: None, period: None })
    }

    /// The mask of a permit for masked values; there it must be one that is known.
    fn mask(&mut self, policy: &Policy, place: (&str, u64), syntax: &Syntax) -> Option<Mask> {
        let (id, line) = place;
        if !syntax.is_permit || !syntax.verbs.contains(&Verb::ReadMasked) {
            return None;
        }
        let masks = Mask::ALL.map(Mask::as_str).join(", ");
        let hint = format!("write @mask(\"..\") with one of {masks}");
        let Some(name) = policy.annotation("mask") else {
            let message = format!("policy \"{id}\" permits readMasked and names no mask");
            self.error(line, message, hint);
            return None;
        };
        let mask = Mask::parse(name);
        if mask.is_none() {
            self.error(line, format!("policy \"{id}\": there is no mask \"{name}\""), hint);
        }
        mask
    }

    /// A domain decides about its own things, and may only be stricter than the mesh.
    fn keeps_to_its_layer(&mut self, id: &str, line: u64, syntax: &Syntax) {
        let Place::Domain(domain) = self.place else { return };
        let may = |verb: &Verb| DOMAIN_PERMITS.contains(verb);
        if syntax.is_permit && !(syntax.names_verbs && syntax.verbs.iter().all(may)) {
            let message = format!("policy \"{id}\" permits more than a domain may");
            let hint = "a domain may permit select, describe and profile, by name; all else is \
                        permitted in mesh/policies";
            self.error(line, message, hint);
        }
        let scope = &syntax.scope;
        let is_own_thing = scope.within.as_ref().map(|(kind, id)| {
            let is_thing = matches!(kind.as_str(), "Domain" | "Product" | "Table" | "Column");
            let is_whole = kind != "Domain" || *id == domain_id(domain);
            is_thing && is_whole && is_in_domain(id, domain)
        });
        let is_own_kind =
            scope.kind.as_ref().map(|kind| self.surroundings.rows.domain_of(kind) == Some(domain));
        let is_row_type = scope.kind.as_deref().is_some_and(syntax::is_row_type);
        let is_own = match (is_own_thing, is_own_kind) {
            (Some(is_own_thing), Some(is_own_kind)) => {
                is_own_thing && (is_own_kind || !is_row_type)
            }
            (Some(is_own), None) | (None, Some(is_own)) => is_own,
            (None, None) => false,
        };
        if !is_own {
            let message = format!("policy \"{id}\" reaches beyond domain \"{domain}\"");
            let own = domain_id(domain);
            let hint = format!(
                "write resource in {}::Domain::{own:?}, or a product or table of the domain",
                super::vocabulary::NAMESPACE
            );
            self.error(line, message, hint);
        }
    }

    fn names_what_exists(&mut self, id: &str, line: u64, syntax: &Syntax) {
        for (kind, thing) in &syntax.things {
            if self.surroundings.lacks(kind, thing) {
                let what = kind.to_lowercase();
                let message = format!("policy \"{id}\": there is no {what} \"{thing}\"");
                let hint = "the policy applies to nothing of that name";
                self.findings.push(Finding::warning(line, "", message).with_hint(hint));
            }
        }
    }
}

/// What the strict validator says against the schema of the mesh.
fn invalid(
    text: &str,
    rules: &[Rule],
    place: Place<'_>,
    surroundings: &Surroundings,
) -> Vec<Finding> {
    let broken = |message: String| vec![Finding::error(1, "", message)];
    let attributes = rules.iter().flat_map(|rule| rule.syntax.attributes.iter().cloned()).collect();
    let kinds = rules.iter().flat_map(|rule| rule.syntax.kinds.iter().cloned()).collect();
    let schema = surroundings.rows.schema_for(place.domain(), &attributes, &kinds);
    let schema = match schema {
        Ok(schema) => schema,
        Err(error) => return broken(format!("the schema of the mesh cannot be made: {error}")),
    };
    let set = PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone()));
    let set = match set {
        Ok(set) => set,
        Err(error) => return broken(format!("the policies do not fit together: {error}")),
    };
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let mut findings: Vec<Finding> = Vec::new();
    let errors = result.validation_errors().map(|error| found(text, error, "the policy is wrong"));
    let warnings = result.validation_warnings().map(|warning| Finding {
        level: samite_engine::product::ProblemLevel::Warning,
        ..found(text, warning, "the policy is odd")
    });
    for finding in errors.chain(warnings) {
        // One mistake is found once for each type of rows that looks different, and makes more odd.
        let is_echo = !finding.is_error() && findings.iter().any(Finding::is_error);
        if !is_echo && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// What Cedar finds, with its place in the text.
fn found(text: &str, what: &(impl Diagnostic + ?Sized), title: &str) -> Finding {
    let place = what.labels().and_then(|mut labels| labels.next());
    let line = place.map(|place| line_at(text, place.offset()));
    let message = what.to_string();
    let first = message.lines().next().unwrap_or_default();
    let hint =
        what.help().map(|help| help.to_string().lines().next().unwrap_or_default().to_owned());
    let finding = Finding::error(1, "", format!("{title}: {first}"));
    Finding { line, hint: hint.filter(|hint| !hint.is_empty()), ..finding }
}

/// The line of a policy that is so long or nested that it could be deeper than any stack: Cedar
/// reads a chain of a thousand conditions as one that is a thousand deep.
fn too_deep(text: &str) -> Option<u64> {
    let (mut start, mut depth, mut operators) = (0, 0_usize, 0);
    let (mut is_text, mut is_comment, mut is_escaped) = (false, false, false);
    let mut last = b' ';
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => is_comment = false,
            _ if is_comment => {}
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'/' if last == b'/' => is_comment = true,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'|' | b'&' | b'.' | b'+' | b'-' | b'*' | b'!' => operators += 1,
            b';' => (start, depth, operators) = (place + 1, 0, 0),
            _ => {}
        }
        last = byte;
        let is_long = place.saturating_sub(start) > POLICY_BYTES_MAX;
        if is_long || depth > BRACKETS_MAX || operators > OPERATORS_MAX {
            return Some(line_at(text, start));
        }
    }
    None
}

fn line_at(text: &str, offset: usize) -> u64 {
    let lines = text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    u64::try_from(lines + 1).unwrap_or(u64::MAX)
}
