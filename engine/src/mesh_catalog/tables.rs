//! `mesh.discovery.tables`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use crate::error::Result;
use crate::product::{DataProduct, OutputPort, Table};

/// A promised table with where it stands.
pub(super) struct Row<'a> {
    pub(super) product: &'a DataProduct,
    pub(super) port: &'a OutputPort,
    pub(super) table: &'a Table,
}

/// Every promised table, ordered by domain and product.
pub(super) fn rows(picture: Picture<'_>) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for product in picture.mesh.products() {
        for port in &product.ports {
            for table in &port.contract.tables {
                rows.push(Row { product, port, table });
            }
        }
    }
    rows
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(picture);
    TableBuilder::new(&rows)
        .text("domain", |row| Some(&row.product.domain))
        .text("product", |row| Some(&row.product.name))
        .text("port", |row| Some(&row.port.name))
        .text("version", |row| Some(row.port.version.to_string()))
        .text("table", |row| Some(&row.table.name))
        .number("columns", |row| count(row.table.columns.len()))
        .text("primary_key", |row| {
            let key = row.table.primary_key();
            (!key.is_empty()).then(|| key.join(", "))
        })
        .text("granularity", |row| row.table.granularity.as_ref())
        .text("description", |row| row.table.description.as_ref())
        .flag("is_deprecated", |row| row.table.is_deprecated)
        .build()
}
