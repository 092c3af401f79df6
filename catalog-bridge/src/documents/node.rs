//! A document as a tree of values, each with the line that it stands on.
//!
//! The tree has the data model of JSON, because that is what the standards' schemas speak of.

use crate::redact::without_secrets;

/// One value of a document, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The line, from 1.
    pub(crate) line: u64,
    /// What stands there.
    pub(crate) value: Value,
}

/// What can stand in a document.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The line of the key, from 1.
    pub(crate) line: u64,
    pub(crate) key: String,
    pub(crate) node: Node,
}

/// A number, with the text that it was written as.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) amount: Amount,
    pub(crate) text: String,
}

/// The amount of a number; whole ones are exact.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amount {
    Whole(i128),
    Float(f64),
}

impl Amount {
    /// True for `3` and for `3.0`, which are one value in JSON Schema.
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Float(value) => value.fract() == 0.0,
        }
    }

    fn canonical(self) -> String {
        match self {
            Self::Whole(value) => value.to_string(),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 1e38 => {
                (value as i128).to_string()
            }
            Self::Float(value) => format!("{value:e}"),
        }
    }

    /// The nearest float.
    pub(crate) fn as_float(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl Node {
    /// The value of `key`, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The text of `key`, if this is a map that has it as text.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The items of the list under `key`; none if there is no such list.
    pub(crate) fn items_of(&self, key: &str) -> &[Node] {
        self.get(key).map_or(&[], Node::items)
    }

    /// True if `key` holds `true`.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Node { value: Value::Boolean(true), .. }))
    }

    /// The text, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if this is one.
    pub(crate) fn whole(&self) -> Option<i128> {
        match &self.value {
            Value::Number(Number { amount: Amount::Whole(value), .. }) => Some(*value),
            Value::Number(Number { amount: Amount::Float(value), .. })
                if value.fract() == 0.0 && value.abs() < 1e15 =>
            {
                Some(*value as i128)
            }
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A scalar as the text that it was written as.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::Null => Some("null".to_owned()),
            Value::Boolean(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.text.clone()),
            Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What it is, for a message; long texts are cut.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Boolean(value) => format!("the boolean {value}"),
            Value::Number(number) => format!("the number {}", shortened(&number.text)),
            Value::Text(text) if text.contains("://") => {
                format!("\"{}\"", shortened(&without_secrets(text)))
            }
            Value::Text(text) => format!("\"{}\"", shortened(text)),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// A text that two values share exactly if JSON Schema calls them equal: `3` is `3.0`, and the
    /// order of keys does not count.
    pub(crate) fn canonical(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Number(number) => number.amount.canonical(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(Self::canonical).collect();
                format!("[{}]", items.join(","))
            }
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{:?}:{}", entry.key, entry.node.canonical()))
                    .collect();
                entries.sort_unstable();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
}

/// The text as one line of at most 60 characters.
pub(crate) fn shortened(text: &str) -> String {
    shortened_to(text, 60)
}

/// The text as one line of at most this many characters.
pub(crate) fn shortened_to(text: &str, signs_max: usize) -> String {
    let signs = text.chars().take(signs_max);
    let line: String = signs.map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(signs_max).is_some() { format!("{line}...") } else { line }
}
