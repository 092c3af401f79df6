//! `mesh.discovery.slo`: what is promised, and whether it was kept when it was last looked at.
//!
//! A promise about time is looked at when a query reads the table, or `samite check` does: this listing
//! opens no port.

use std::sync::Arc;

use chrono::TimeDelta;
use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use crate::error::Result;
use crate::product::{DataProduct, LifeStage, OnBreach, OutputPort, Slo, Table};
use crate::promises::{Promise, Verdict, VerdictStatus};

/// A service level, and a table that it is about.
struct Row<'a> {
    product: &'a DataProduct,
    port: &'a OutputPort,
    slo: &'a Slo,
    table: Option<&'a Table>,
    status: &'static str,
    verdict: Option<Verdict>,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(picture);
    // The age of rows that somebody may not see tells of them.
    let shows_ages = picture.engine.authorizer().is_open() || picture.is_administrator;
    let seconds = |length: Option<TimeDelta>| Some(length.filter(|_| shows_ages)?.num_seconds());
    TableBuilder::new(&rows)
        .text("domain", |row| Some(&row.product.domain))
        .text("product", |row| Some(&row.product.name))
        .text("port", |row| Some(&row.port.name))
        .text("version", |row| Some(row.port.version.to_string()))
        .text("table", |row| Some(&row.table?.name))
        .text("property", |row| Some(&row.slo.property))
        .text("value", |row| Some(&row.slo.value))
        .text("unit", |row| row.slo.unit.as_ref())
        .text("element", |row| row.slo.element.as_ref())
        .text("on_breach", |row| {
            Some(match row.slo.on_breach {
                OnBreach::Warn => "warn",
                OnBreach::Refuse => "refuse",
            })
        })
        .text("status", |row| Some(row.status))
        .number("age_s_at_least", |row| seconds(row.verdict?.age.at_least))
        .number("age_s_at_most", |row| seconds(row.verdict?.age.at_most))
        .time("judged_at", |row| Some(row.verdict?.judged_at))
        .text("description", |row| row.slo.description.as_ref())
        .text("document", |row| Some(&row.port.contract.file))
        .number("line", |row| count(usize::try_from(row.slo.line).ok().filter(|line| *line > 0)?))
        .build()
}

fn rows(picture: Picture<'_>) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for product in picture.mesh.products() {
        for port in &product.ports {
            for slo in &port.contract.slos {
                add(&mut rows, picture, (product, port), slo);
            }
        }
    }
    rows
}

/// Adds one row for each table that a service level is about, one for all if no table can be held against it.
fn add<'a>(
    rows: &mut Vec<Row<'a>>,
    picture: Picture<'a>,
    (product, port): (&'a DataProduct, &'a OutputPort),
    slo: &'a Slo,
) {
    let contract = &port.contract;
    let has_no_promise =
        matches!(port.stage(picture.now), LifeStage::Unsupported | LifeStage::Ended);
    let mut is_judged = false;
    for table in &contract.tables {
        if Promise::of(slo, contract, table).is_none() {
            continue;
        }
        is_judged = true;
        let verdict = picture.engine.verdicts().last(contract, &table.name, slo);
        let status = match verdict {
            _ if has_no_promise => VerdictStatus::NoPromise.as_str(),
            Some(verdict) => verdict.status.as_str(),
            None => "not looked at",
        };
        rows.push(Row { product, port, slo, table: Some(table), status, verdict });
    }
    if !is_judged {
        let status = if has_no_promise { VerdictStatus::NoPromise.as_str() } else { "not judged" };
        rows.push(Row { product, port, slo, table: None, status, verdict: None });
    }
}
