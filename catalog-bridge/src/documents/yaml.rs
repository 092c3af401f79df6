//! YAML into a tree of located values.
//!
//! The rules are those of YAML 1.2: `y`, `NO` and dates are text. A key that occurs twice, an
//! unknown tag, an infinite number and a document that is too deep or too large are refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Options, Spanned};

use super::node::{Amount, Entry, Node, Number, Value, shortened, shortened_to};

/// The largest document that is read, in bytes.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The most that aliases may add to a document, in parser events.
const ALIAS_EVENTS_MAX: usize = 50_000;

/// The longest text of the library that a message repeats, in characters.
const MESSAGE_SIGNS_MAX: usize = 200;

/// Why a text is not a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotYaml {
    pub(crate) line: Option<u64>,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

/// Reads a document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node, NotYaml> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let raw: Raw = serde_saphyr::from_str_with_options(text, options()).map_err(not_yaml)?;
    Ok(raw.located(text))
}

fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_EVENTS_MAX },
        with_snippet: false,
        emit_comments: false,
    }
}

fn not_utf8(bytes: &[u8], valid: usize) -> NotYaml {
    let lines = bytes.iter().take(valid).filter(|byte| **byte == b'\n').count();
    NotYaml {
        line: u64::try_from(lines + 1).ok(),
        message: "the document is not text in UTF-8".to_owned(),
        hint: "write it in UTF-8",
    }
}

fn not_yaml(error: serde_saphyr::Error) -> NotYaml {
    let place = error.location().filter(|place| place.line() > 0);
    let error = error.without_snippet();
    let message = match error {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("key \"{}\" is here twice", shortened(key))
        }
        serde_saphyr::Error::NonFiniteFloat { .. } => "a number is not finite".to_owned(),
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "there is more than one document".to_owned()
        }
        serde_saphyr::Error::Budget { .. }
        | serde_saphyr::Error::AliasReplayLimitExceeded { .. } => {
            "it is too large or too deep".to_owned()
        }
        other => first_line(&other.to_string(), place),
    };
    NotYaml {
        line: place.map(|place| place.line()),
        message: format!("the document is not valid YAML: {message}"),
        hint: "expected one YAML 1.2 document",
    }
}

/// The library's own text; the place, which it appends, is told apart.
fn first_line(text: &str, place: Option<Location>) -> String {
    let line = text.lines().next().unwrap_or_default();
    let place = place.map(|at| format!(" at line {}, column {}", at.line(), at.column()));
    let line = place.and_then(|place| line.strip_suffix(&place)).unwrap_or(line);
    shortened_to(line, MESSAGE_SIGNS_MAX)
}

/// A node as serde-saphyr hands it over, with the place of each value in the text.
struct Raw {
    place: Location,
    value: RawValue,
}

enum RawValue {
    Null,
    Boolean(bool),
    Number(Amount),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn located(self, text: &str) -> Node {
        let value = match self.value {
            RawValue::Null => Value::Null,
            RawValue::Boolean(value) => Value::Boolean(value),
            RawValue::Text(value) => Value::Text(value),
            RawValue::Number(amount) => {
                Value::Number(Number { amount, text: number_text(text, self.place, amount) })
            }
            RawValue::List(items) => {
                Value::List(items.into_iter().map(|item| item.located(text)).collect())
            }
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, raw)| Entry {
                        line: key.referenced.line(),
                        key: key.value,
                        node: raw.located(text),
                    })
                    .collect(),
            ),
        };
        Node { line: self.place.line(), value }
    }
}

/// The number as it was written (`1.10`), or, where the text is not at hand, as it was read.
fn number_text(text: &str, place: Location, amount: Amount) -> String {
    let span = place.span();
    let written = span.byte_offset().zip(span.byte_len()).and_then(|(offset, length)| {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        text.get(start..end)
    });
    match (written, amount) {
        (Some(written), _) if written.parse::<f64>().is_ok() => written.to_owned(),
        (_, Amount::Whole(value)) => value.to_string(),
        (_, Amount::Float(value)) => value.to_string(),
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<RawValue>::deserialize(deserializer)?;
        Ok(Self { place: spanned.referenced, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Number(Amount::Whole(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue::Number(Amount::Whole(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<RawValue, E> {
        if value.is_finite() {
            Ok(RawValue::Number(Amount::Float(value)))
        } else {
            Err(E::custom("a number is not finite"))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut entries: Vec<(Spanned<String>, Raw)> = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Raw>()? {
            entries.push((key, value));
        }
        // Keys that differ in YAML, such as `1` and "1", can still be one text.
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.value.as_str()).collect();
        keys.sort_unstable();
        if let Some((key, _)) = keys.iter().zip(keys.iter().skip(1)).find(|(l, r)| l == r) {
            return Err(A::Error::custom(format!("duplicate mapping key: {key}")));
        }
        Ok(RawValue::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn scalars_follow_yaml_1_2() {
        for (text, described) in [
            ("y", "\"y\""),
            ("NO", "\"NO\""),
            ("on", "\"on\""),
            ("true", "the boolean true"),
            ("1.10", "the number 1.10"),
            ("-7", "the number -7"),
            ("1e3", "the number 1e3"),
            ("1_000", "\"1_000\""),
            ("\"1\"", "\"1\""),
            ("2026-06-01T00:00:00Z", "\"2026-06-01T00:00:00Z\""),
            ("~", "nothing"),
            ("", "nothing"),
        ] {
            let document = read(&format!("a: {text}\n"));
            assert_eq!(document.get("a").map(Node::describe).as_deref(), Some(described), "{text}");
        }
    }

    #[test]
    fn every_key_and_value_knows_its_line() {
        let document = read("a: 1\nb:\n  - x\n  - c: 2\n    d:\n      [e,\n       f]\n");
        let lines: Vec<_> = document.entries().iter().map(|e| (e.line, e.node.line)).collect();
        assert_eq!(lines, [(1, 1), (2, 3)]);
        let item = &document.items_of("b")[1];
        let lines: Vec<_> = item.entries().iter().map(|e| (e.line, e.node.line)).collect();
        assert_eq!(lines, [(4, 4), (5, 6)]);
        assert_eq!(item.items_of("d")[1].line, 7);
    }

    #[test]
    fn what_is_not_one_clear_document_is_refused_with_its_line() {
        let bomb = format!(
            "a0: &a0 [x, x]\n{}",
            (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect::<String>()
        );
        let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
        for (text, line) in [
            ("a: 1\nb: 2\na: 3\n", Some(3)),
            ("1: a\n\"1\": b\n", None),
            ("a: .inf\n", Some(1)),
            ("a: 1e999\n", Some(1)),
            ("a: [1\n", None),
            ("a: !secret x\n", Some(1)),
            ("a: 1\n---\nb: 1\n", None),
            ("a: \"open\n", None),
            ("? [a, b]\n: c\n", None),
            (bomb.as_str(), None),
            (deep.as_str(), Some(1)),
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(error.message.starts_with("the document is not"), "{text}: {error:?}");
            assert!(!error.message.contains('\n'), "{text}: {error:?}");
            if line.is_some() {
                assert_eq!(error.line, line, "{text}: {error:?}");
            }
        }
        let error = parse(b"a: 1\nb: \xff\n").expect_err("bytes");
        assert_eq!(error.line, Some(2));
    }
}
