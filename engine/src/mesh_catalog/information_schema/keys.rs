//! The keys in `information_schema`: the primary ones of the contracts. Contracts name no foreign keys yet.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use crate::error::Result;
use crate::mesh_catalog::ListedTable;
use crate::mesh_catalog::builder::TableBuilder;

/// One column of a key, and its place in it from 1.
struct KeyColumn<'a> {
    table: &'a ListedTable,
    column: &'a str,
    place: i64,
}

fn key(table: &ListedTable) -> Vec<&str> {
    table.promise.as_ref().map(|promise| promise.primary_key()).unwrap_or_default()
}

fn name(table: &ListedTable) -> String {
    format!("{}_pkey", table.table)
}

pub(super) fn constraints(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let with_key: Vec<&ListedTable> =
        listed.iter().filter(|table| !key(table).is_empty()).collect();
    TableBuilder::new(&with_key)
        .text("constraint_catalog", |table| Some(&table.catalog))
        .text("constraint_schema", |table| Some(&table.schema))
        .text("constraint_name", |table| Some(name(table)))
        .text("table_catalog", |table| Some(&table.catalog))
        .text("table_schema", |table| Some(&table.schema))
        .text("table_name", |table| Some(&table.table))
        .text("constraint_type", |_| Some("PRIMARY KEY"))
        .text("is_deferrable", |_| Some("NO"))
        .text("initially_deferred", |_| Some("NO"))
        .text("enforced", |_| Some("NO"))
        .build()
}

pub(super) fn columns(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let columns_of = |table| {
        let columns = (1..).zip(key(table));
        columns.map(move |(place, column)| KeyColumn { table, column, place })
    };
    let rows: Vec<KeyColumn<'_>> = listed.iter().flat_map(columns_of).collect();
    TableBuilder::new(&rows)
        .text("constraint_catalog", |row| Some(&row.table.catalog))
        .text("constraint_schema", |row| Some(&row.table.schema))
        .text("constraint_name", |row| Some(name(row.table)))
        .text("table_catalog", |row| Some(&row.table.catalog))
        .text("table_schema", |row| Some(&row.table.schema))
        .text("table_name", |row| Some(&row.table.table))
        .text("column_name", |row| Some(row.column))
        .number("ordinal_position", |row| Some(row.place))
        .number("position_in_unique_constraint", |_| None)
        .build()
}

/// No foreign keys.
pub(super) fn references(_: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let none: [(); 0] = [];
    let text = |_: &()| None::<&str>;
    TableBuilder::new(&none)
        .text("constraint_catalog", text)
        .text("constraint_schema", text)
        .text("constraint_name", text)
        .text("unique_constraint_catalog", text)
        .text("unique_constraint_schema", text)
        .text("unique_constraint_name", text)
        .text("match_option", text)
        .text("update_rule", text)
        .text("delete_rule", text)
        .build()
}
