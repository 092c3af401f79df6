//! `schema[]` of a contract: tables.

use super::columns::check_column;
use super::quality::RULES;
use super::relationships::check_table_relationship;
use super::shared::{context, custom_properties, definitions, id, synonyms};
use crate::documents::check::Check;
use crate::documents::node::Node;
use crate::documents::shape::{Field, List, Shape, Words, boolean, list, text, texts};

/// What tables and columns have in common.
pub(super) static ELEMENT: &[Field] = &[
    id(),
    text("physicalType"),
    text("description"),
    text("businessName"),
    boolean("deprecated").added(),
    synonyms(),
    definitions(),
    texts("tags"),
    custom_properties(),
];

static TABLE: &[Field] = &[
    text("name").required(),
    Field::new("logicalType", Shape::Word(Words { all: &["object", "blob"], newer: &[] })),
    text("physicalName"),
    text("dataGranularityDescription"),
    list("properties", &COLUMNS),
    list("relationships", &RELATIONSHIPS),
    list("quality", &RULES),
    context(),
];

/// The columns of a table, or the fields of an object.
pub(super) static COLUMNS: List = List::of(Shape::Special(check_column));

static RELATIONSHIPS: List = List::of(Shape::Special(check_table_relationship));

pub(super) fn check_table<'a>(check: &mut Check<'a>, node: &'a Node) {
    check.keys(node, "table", &[ELEMENT, TABLE]);
}
