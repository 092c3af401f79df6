//! `mesh.discovery.columns`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use super::tables;
use crate::error::Result;
use crate::product::Column;

struct Row<'a> {
    table: &'a tables::Row<'a>,
    position: usize,
    column: &'a Column,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let tables = tables::rows(picture);
    let mut rows = Vec::new();
    for table in &tables {
        for (index, column) in table.table.columns.iter().enumerate() {
            rows.push(Row { table, position: index + 1, column });
        }
    }
    TableBuilder::new(&rows)
        .text("domain", |row| Some(&row.table.product.domain))
        .text("product", |row| Some(&row.table.product.name))
        .text("port", |row| Some(&row.table.port.name))
        .text("version", |row| Some(row.table.port.version.to_string()))
        .text("table", |row| Some(&row.table.table.name))
        .text("column", |row| Some(&row.column.name))
        .number("position", |row| count(row.position))
        .text("logical_type", |row| row.column.logical_type.map(|kind| kind.as_str()))
        .text("physical_type", |row| row.column.physical_type.as_ref())
        .text("classification", |row| row.column.classification.as_ref())
        .flag("is_required", |row| row.column.is_required)
        .flag("is_unique", |row| row.column.is_unique)
        .number("primary_key_position", |row| row.column.primary_key_position.map(i64::from))
        .number("partition_position", |row| row.column.partition_position.map(i64::from))
        .flag("is_deprecated", |row| row.column.is_deprecated)
        .text("semantic_definition", |row| row.column.semantic_definition.as_ref())
        .text("description", |row| row.column.description.as_ref())
        .build()
}
