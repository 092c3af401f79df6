//! `mesh.discovery.quality`: the rules about the quality of tables, and how each stood when it was last checked.
//!
//! A rule is checked by `samite check --data`, and by a server on a schedule: this listing reads no rows. What was
//! found is a number about the data, which only those see who may profile the table.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use super::tables;
use crate::authorizer::Action;
use crate::error::Result;
use crate::product::Measure;
use crate::quality::{self, QualityResult, TableRule};

/// A rule of a table.
struct Row<'a> {
    place: &'a tables::Row<'a>,
    rule: TableRule<'a>,
    column: Option<String>,
    status: &'static str,
    /// What was found, for those who may see it.
    result: Option<QualityResult>,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let tables = tables::rows(picture);
    let rows: Vec<Row<'_>> = tables.iter().flat_map(|place| rows(picture, place)).collect();
    TableBuilder::new(&rows)
        .text("domain", |row| Some(&row.place.product.domain))
        .text("product", |row| Some(&row.place.product.name))
        .text("port", |row| Some(&row.place.port.name))
        .text("version", |row| Some(row.place.port.version.to_string()))
        .text("table", |row| Some(&row.place.table.name))
        .text("column", |row| row.column.as_ref())
        .text("rule", |row| Some(&row.rule.rule.name))
        .text("kind", |row| Some(row.rule.rule.kind.as_str()))
        .text("dimension", |row| row.rule.rule.dimension.as_ref())
        .text("severity", |row| row.rule.rule.severity.as_ref())
        .text("metric", |row| metric(&row.rule.rule.measure))
        .text("expectation", |row| Some(row.rule.rule.expectation.as_ref()?.to_string()))
        .text("unit", |row| row.rule.rule.is_percent.then_some("percent"))
        .text("schedule", |row| row.rule.rule.schedule.as_ref())
        .text("status", |row| Some(row.status))
        .double("measured", |row| quality::as_float(row.result.as_ref()?.measured.as_ref()?))
        .number("rows", |row| i64::try_from(row.result.as_ref()?.rows?).ok())
        .text("message", |row| row.result.as_ref()?.message.as_ref())
        .text("snapshot", |row| row.result.as_ref()?.snapshot.as_ref())
        .time("checked_at", |row| Some(row.result.as_ref()?.checked_at))
        .text("description", |row| row.rule.rule.description.as_ref())
        .text("document", |row| Some(&row.place.port.contract.file))
        .number("line", |row| {
            count(usize::try_from(row.rule.rule.line).ok().filter(|line| *line > 0)?)
        })
        .build()
}

fn rows<'a>(picture: Picture<'a>, place: &'a tables::Row<'a>) -> Vec<Row<'a>> {
    let rules = quality::rules(place.table);
    if rules.is_empty() {
        return Vec::new();
    }
    let asking = picture.asking;
    let is_open = asking.engine.authorizer().is_open();
    let may_profile = asking.allows(Action::Profile, (place.product, place.port, place.table));
    let row = |rule: TableRule<'a>| {
        let last = asking.engine.quality().last(&place.port.contract, &place.table.name, &rule);
        let (status, result) = match (&rule.rule.measure, last) {
            (Measure::Nothing(_), _) => ("not run", None),
            _ if !may_profile => ("hidden", None),
            (_, None) => ("not checked", None),
            (_, Some(last)) => (last.status.as_str(), Some(told(last, is_open))),
        };
        Row { place, column: rule.column_label(), rule, status, result }
    };
    rules.into_iter().map(row).collect()
}

/// The result as it may be told: the error of a rule that met a row repeats what is in it.
fn told(result: QualityResult, is_open: bool) -> QualityResult {
    if is_open || !result.tells_of_rows {
        return result;
    }
    let message = "the rule failed while it read rows: samite check --data says why";
    QualityResult { message: Some(message.to_owned()), ..result }
}

fn metric(measure: &Measure) -> Option<&'static str> {
    match measure {
        Measure::Nothing(_) | Measure::Impossible(_) => None,
        measure => Some(measure.as_str()),
    }
}
