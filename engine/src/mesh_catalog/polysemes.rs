//! `mesh.discovery.polysemes`: columns that are bound to a definition, and so mean the same thing in several products.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use crate::error::Result;
use crate::polysemes::{Binding, bindings, id_of};
use crate::product::Definition;

struct Row<'a> {
    binding: Binding<'a>,
    /// `None` for a definition beyond the mesh.
    definition: Option<&'a Definition>,
}

impl Row<'_> {
    /// True if the column is as its definition says, as far as that says something.
    fn agrees(&self) -> bool {
        let Some(definition) = self.definition else { return true };
        let column = self.binding.column;
        let has_type = match (definition.logical_type, column.logical_type) {
            (Some(expected), Some(found)) => expected == found,
            _ => true,
        };
        let has_classification = definition.classification.is_none()
            || definition.classification == column.classification;
        has_type && has_classification
    }
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let mesh = picture.mesh;
    let mut rows = Vec::new();
    for binding in bindings(mesh) {
        let definition = mesh.definitions.get(binding.key).map(Arc::as_ref);
        rows.push(Row { binding, definition });
    }
    rows.sort_by_key(|row| row.binding.key);
    TableBuilder::new(&rows)
        .text("definition", |row| Some(id_of(row.binding.key)))
        .text("name", |row| row.definition?.name.as_ref())
        .text("domain", |row| Some(&row.binding.product.domain))
        .text("product", |row| Some(&row.binding.product.name))
        .text("port", |row| Some(&row.binding.port.name))
        .text("version", |row| Some(row.binding.port.version.to_string()))
        .text("table", |row| Some(&row.binding.table.name))
        .text("column", |row| Some(&row.binding.column.name))
        .text("logical_type", |row| row.binding.column.logical_type.map(|kind| kind.as_str()))
        .text("classification", |row| row.binding.column.classification.as_ref())
        .flag("agrees", Row::agrees)
        .text("url", |row| Some(row.binding.key))
        .text("description", |row| row.definition?.description.as_ref())
        .build()
}
