//! `mesh.discovery.domains`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use crate::error::Result;
use crate::product::Domain;

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let domains: Vec<&Domain> = picture.mesh.domains.values().collect();
    let problems = |domain: &Domain| {
        let all = picture.mesh.problems.iter();
        all.filter(|problem| problem.domain.as_deref() == Some(domain.name.as_str())).count()
    };
    TableBuilder::new(&domains)
        .text("domain", |domain| Some(&domain.name))
        .number("products", |domain| count(domain.products.len()))
        .number("problems", |domain| count(problems(domain)))
        .build()
}
