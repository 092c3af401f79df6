//! The vocabulary of the tables that describe a document: what may stand where, and since when.
//!
//! The tables are data in `odcs/` and `odps/`; `check.rs` holds a document against them.

use super::check::Check;
use super::node::Node;
use super::version::Edition;

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Anything at all.
    Any,
    /// Anything but a list or a mapping.
    Scalar,
    Text,
    /// One of these texts.
    Word(Words),
    /// A text of this form.
    Form(&'static Form),
    Boolean,
    /// A whole number, not below the given one.
    Whole(Option<i32>),
    Number,
    /// A number above zero.
    Positive,
    /// A whole number; since the newer edition also a text, so that it can be a variable.
    Port,
    /// A mapping with any keys.
    Mapping,
    /// A text or a mapping with any keys.
    TextOrMapping,
    /// A mapping with these keys and no others.
    Part(&'static Part),
    /// A list.
    List(&'static List),
    /// What a table cannot say.
    Special(for<'a> fn(&mut Check<'a>, &'a Node)),
}

/// The words that an edition allows.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) all: &'static [&'static str],
    /// Those that the newer edition added.
    pub(crate) newer: &'static [&'static str],
}

impl Words {
    pub(crate) fn allows(self, word: &str, edition: Edition) -> bool {
        self.all.contains(&word) || (edition == Edition::Newer && self.newer.contains(&word))
    }

    /// The words of an edition, for a message.
    pub(crate) fn of(self, edition: Edition) -> Vec<&'static str> {
        let newer = if edition == Edition::Newer { self.newer } else { &[] };
        self.all.iter().chain(newer).copied().collect()
    }
}

/// A form that a text must have.
pub(crate) struct Form {
    pub(crate) matches: fn(&str, Edition) -> bool,
    pub(crate) expected: &'static str,
}

/// A list of values of one shape.
pub(crate) struct List {
    pub(crate) item: Shape,
    /// The number of items, at least and at most.
    pub(crate) count: (usize, usize),
    /// True if no two items are equal.
    pub(crate) is_unique: bool,
}

impl List {
    pub(crate) const fn of(item: Shape) -> Self {
        Self { item, count: (0, usize::MAX), is_unique: false }
    }
}

/// A mapping with a closed list of keys.
pub(crate) struct Part {
    /// What it is, for a message.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// True if other keys are allowed.
    pub(crate) is_open: bool,
}

impl Part {
    pub(crate) const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields, is_open: false }
    }
}

/// One key of a mapping.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) shape: Shape,
    /// The editions that know the key: older, newer.
    pub(crate) known: [bool; 2],
    /// The editions that require it: older, newer.
    pub(crate) required: [bool; 2],
}

impl Field {
    /// A key that both editions know and neither requires.
    pub(crate) const fn new(key: &'static str, shape: Shape) -> Self {
        Self { key, shape, known: [true, true], required: [false, false] }
    }

    /// Both editions require it.
    pub(crate) const fn required(mut self) -> Self {
        self.required = [true, true];
        self
    }

    /// Only the older edition requires it.
    pub(crate) const fn required_before(mut self) -> Self {
        self.required = [true, false];
        self
    }

    /// The newer edition added it.
    pub(crate) const fn added(mut self) -> Self {
        self.known = [false, true];
        let [_, newer] = self.required;
        self.required = [false, newer];
        self
    }

    pub(crate) fn is_known(&self, edition: Edition) -> bool {
        by(self.known, edition)
    }

    pub(crate) fn is_required(&self, edition: Edition) -> bool {
        by(self.required, edition)
    }
}

fn by([older, newer]: [bool; 2], edition: Edition) -> bool {
    match edition {
        Edition::Older => older,
        Edition::Newer => newer,
    }
}

/// A key that holds text.
pub(crate) const fn text(key: &'static str) -> Field {
    Field::new(key, Shape::Text)
}

/// A key that holds a list of text.
pub(crate) const fn texts(key: &'static str) -> Field {
    Field::new(key, Shape::List(&TEXTS))
}

/// A key that holds true or false.
pub(crate) const fn boolean(key: &'static str) -> Field {
    Field::new(key, Shape::Boolean)
}

/// A key that holds one of the words of both editions.
pub(crate) const fn word(key: &'static str, all: &'static [&'static str]) -> Field {
    Field::new(key, Shape::Word(Words { all, newer: &[] }))
}

/// A key that holds a list.
pub(crate) const fn list(key: &'static str, list: &'static List) -> Field {
    Field::new(key, Shape::List(list))
}

/// A key that holds a mapping.
pub(crate) const fn part(key: &'static str, part: &'static Part) -> Field {
    Field::new(key, Shape::Part(part))
}

static TEXTS: List = List::of(Shape::Text);
