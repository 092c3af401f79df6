//! Parts that stand in many places of a contract.

use super::forms::ID;
use crate::documents::shape::{Field, List, Part, Shape, list, text, texts};

/// The id of a part.
pub(crate) const fn id() -> Field {
    Field::new("id", Shape::Form(&ID))
}

/// The three keys with which most parts can be explained and extended.
pub(crate) const fn definitions() -> Field {
    list("authoritativeDefinitions", &DEFINITIONS)
}

/// Keys of the owner's own, and of Samite's.
pub(crate) const fn custom_properties() -> Field {
    list("customProperties", &CUSTOM_PROPERTIES)
}

/// Other words for the same thing.
pub(crate) const fn synonyms() -> Field {
    list("synonyms", &SYNONYMS).added()
}

/// What a language model should know.
pub(crate) const fn context() -> Field {
    Field::new("context", Shape::Special(check_context)).added()
}

static DEFINITIONS: List = List::of(Shape::Part(&Part::new(
    "authoritative definition",
    &[id(), text("url").required(), text("type").required(), text("description")],
)));

static CUSTOM_PROPERTIES: List = List::of(Shape::Part(&Part::new(
    "custom property",
    &[
        id(),
        text("property").required(),
        Field::new("value", Shape::Any).required(),
        text("description"),
        text("vendor").added(),
    ],
)));

static SYNONYMS: List = List::of(Shape::Part(&Part::new(
    "synonym",
    &[
        id(),
        text("synonym").required(),
        text("description"),
        text("locale"),
        text("source"),
        text("status"),
        custom_properties(),
    ],
)));

static CONTEXT: Part = Part::new(
    "context",
    &[
        text("instructions"),
        list("verifiedStatements", &VERIFIED_STATEMENTS),
        list("constraints", &CONSTRAINTS),
    ],
);

static VERIFIED_STATEMENTS: List = List::of(Shape::Part(&Part::new(
    "verified statement",
    &[
        text("id"),
        text("question").required(),
        text("answer"),
        definitions(),
        texts("tags"),
        custom_properties(),
    ],
)));

static CONSTRAINTS: List = List::of(Shape::Part(&Part::new(
    "constraint",
    &[text("id"), text("constraint").required(), definitions(), texts("tags"), custom_properties()],
)));

/// Text, or a mapping.
fn check_context<'a>(
    check: &mut crate::documents::check::Check<'a>,
    node: &'a crate::documents::node::Node,
) {
    if node.text().is_none() {
        check.value(&Shape::Part(&CONTEXT), node);
    }
}
