//! `mesh.discovery.products`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use crate::error::Result;
use crate::product::DataProduct;

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let products: Vec<&DataProduct> = picture.mesh.products().map(AsRef::as_ref).collect();
    TableBuilder::new(&products)
        .text("domain", |product| Some(&product.domain))
        .text("product", |product| Some(&product.name))
        .text("version", |product| product.version.as_ref())
        .text("status", |product| Some(product.status.to_string()))
        .text("archetype", |product| product.archetype.as_ref())
        .text("owner", |product| product.owner.team.as_ref())
        .text("contact", |product| product.owner.contact.as_ref())
        .text("description", |product| product.description.as_ref())
        .text("tags", |product| Some(product.tags.join(", ")))
        .number("ports", |product| count(product.ports.len()))
        .text("id", |product| Some(&product.id))
        .text("document", |product| Some(&product.file))
        .build()
}
