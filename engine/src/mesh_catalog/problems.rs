//! `mesh.discovery.problems`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use crate::error::Result;
use crate::product::ProblemLevel;

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&picture.mesh.problems)
        .text("level", |problem| {
            Some(match problem.level {
                ProblemLevel::Warning => "warning",
                ProblemLevel::Error => "error",
            })
        })
        .text("domain", |problem| problem.domain.as_ref())
        .text("product", |problem| problem.product.as_ref())
        .text("document", |problem| Some(&problem.file))
        .number("line", |problem| i64::try_from(problem.line?).ok())
        .text("path", |problem| problem.path.as_ref())
        .text("message", |problem| Some(&problem.message))
        .text("hint", |problem| problem.hint.as_ref())
        .build()
}
