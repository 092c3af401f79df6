//! `relationships[]` of a contract: foreign keys of tables and of columns.

use super::forms::REFERENCE;
use super::shared::custom_properties;
use crate::documents::check::Check;
use crate::documents::node::{Node, Value};
use crate::documents::shape::{Field, List, Shape, text, word};

static COMMON: &[Field] = &[text("id").added(), word("type", &["foreignKey"]), custom_properties()];

static OF_TABLE: &[Field] = &[end("from").required(), end("to").required()];
static OF_COLUMN: &[Field] = &[end("to").required()];

/// One column, or several for a key of several columns.
const fn end(key: &'static str) -> Field {
    Field::new(key, Shape::Special(check_end))
}

static ENDS: List =
    List { item: Shape::Form(&REFERENCE), count: (1, usize::MAX), is_unique: false };

fn check_end<'a>(check: &mut Check<'a>, node: &'a Node) {
    match node.value {
        Value::List(_) => check.value(&Shape::List(&ENDS), node),
        _ => check.value(&Shape::Form(&REFERENCE), node),
    }
}

/// A relationship of a table has both ends, and both of one kind.
pub(super) fn check_table_relationship<'a>(check: &mut Check<'a>, node: &'a Node) {
    check.keys(node, "relationship of a table", &[COMMON, OF_TABLE]);
    let (Some(from), Some(to)) = (node.get("from"), node.get("to")) else { return };
    let is_list = |end: &Node| matches!(end.value, Value::List(_));
    if is_list(from) != is_list(to) {
        check.report(
            node.line,
            "one of from and to is a list".to_owned(),
            "expected two columns, or two lists of columns".to_owned(),
        );
    }
}

/// A relationship of a column begins at the column.
pub(super) fn check_column_relationship<'a>(check: &mut Check<'a>, node: &'a Node) {
    check.keys(node, "relationship of a column", &[COMMON, OF_COLUMN]);
}
