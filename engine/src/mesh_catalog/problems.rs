//! `mesh.discovery.problems`: what is wrong with documents and policies, and what was found wrong with the shape of
//! tables when they were last read.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use super::tables;
use crate::authorizer::Action;
use crate::error::Result;
use crate::product::{OnBreach, Problem, ProblemLevel};

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let mut problems = picture.mesh.problems.clone();
    for place in &tables::rows(picture) {
        problems.extend(of_shape(picture, place));
    }
    TableBuilder::new(&problems)
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

/// What was met of a table, as far as whoever asks may know it: nothing of columns that it does not see, and how many
/// rows only if it may see numbers about them.
fn of_shape(picture: Picture<'_>, place: &tables::Row<'_>) -> Vec<Problem> {
    let contract = &place.port.contract;
    let shapes = picture.asking.engine.shapes();
    let Some(met) = shapes.of((contract, &place.table.name)) else { return Vec::new() };
    let address = format!(
        "{}.{}@{}.{}",
        place.product.domain, place.product.name, place.port.version, place.table.name
    );
    let problem = |level: ProblemLevel, line: u64, message: String| Problem {
        level,
        domain: Some(place.product.domain.clone()),
        product: Some(place.product.name.clone()),
        file: contract.file.clone(),
        line: Some(line).filter(|line| *line > 0),
        path: None,
        message,
        hint: Some("mend the data or the contract".to_owned()),
    };
    let is_open = picture.asking.engine.authorizer().is_open();
    let mut problems = Vec::new();
    if let Some(why) = met.unopened {
        let message = match is_open || picture.is_administrator {
            true => why,
            false => format!("table {address} cannot be opened as its contract promises"),
        };
        problems.push(problem(ProblemLevel::Error, place.table.line, message));
    }
    let may_profile =
        picture.asking.allows(Action::Profile, (place.product, place.port, place.table));
    let seen = |name: &str| place.table.columns.iter().find(|column| column.name == name);
    let level = match contract.on_breach {
        OnBreach::Warn => ProblemLevel::Warning,
        OnBreach::Refuse => ProblemLevel::Error,
    };
    for missing in &met.missing {
        let Some(column) = seen(&missing.column) else { continue };
        let reason = missing.words(!may_profile);
        let message = format!("column {address}.{} is required: {reason}", missing.column);
        problems.push(problem(level, column.line, message));
    }
    problems
}
