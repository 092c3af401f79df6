//! `mesh.runtime.audit`: who lately asked what of which table, what was decided, and what was read; and what runs.
//!
//! For administrators, and for those whom the policies let administer a table, about that table. To anybody else it
//! is empty: what is in it tells of hidden rows and hidden names.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::administered::Administered;
use super::builder::TableBuilder;
use crate::audit::{PortAddress, TableAccess, ToldStatement, to_domain};
use crate::error::Result;
use crate::events::{Asked, Outcome, QueryEvent};

/// A table of a statement; a statement that names none has one row.
struct Row {
    told: ToldStatement,
    place: Option<usize>,
    /// True for one who may see what the whole statement is about.
    shows_statement: bool,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(&Administered::new(picture));
    let number = |number: u64| i64::try_from(number).ok();
    let read = |row: &Row, value: fn(&TableAccess) -> u64| {
        row.ended()?;
        number(value(row.access()?))
    };
    let handed_out = |row: &Row, value: fn(&QueryEvent) -> u64| {
        number(value(row.ended().filter(|_| row.shows_statement)?))
    };
    TableBuilder::new(&rows)
        .text("query_id", |row| Some(&row.asked().query_id))
        .time("started_at", |row| Some(row.asked().started_at))
        .time("ended_at", |row| row.ended().map(|event| event.ended_at))
        .text("principal", |row| Some(&row.asked().principal.name))
        .text("principal_kind", |row| Some(&row.asked().principal.kind))
        .text("principal_groups", |row| joined(row.asked().principal.groups.iter()))
        .text("principal_domain", |row| Some(to_domain(&row.asked().principal)))
        .text("reader", |row| row.access()?.reader.as_ref().map(|reader| &reader.name))
        .text("purpose", |row| row.asked().purpose.as_ref())
        .text("channel", |row| Some(row.asked().channel))
        .text("client", |row| row.asked().address.map(|address| address.to_string()))
        .text("program", |row| row.asked().program.as_ref())
        .text("action", |row| Some(row.asked().action.as_str()))
        .text("statement", |row| row.shows_statement.then_some(&row.asked().statement))
        .text("domain", |row| row.port().map(|port| &port.domain))
        .text("product", |row| row.port().map(|port| &port.product))
        .text("table", |row| row.access().map(|access| &access.table))
        .text("contract_version", |row| row.port().map(|port| &port.version))
        .text("snapshot", |row| row.access()?.snapshot.as_ref().map(|snapshot| &snapshot.0))
        .text("decision", |row| row.access().map(|access| access.decision.as_str()))
        .text("policies", |row| joined(row.access()?.policies.iter()))
        .text("policy_texts", |row| {
            row.access()?.policy_texts.as_ref().map(|texts| texts.fingerprint())
        })
        .flag("is_row_filtered", |row| row.access().is_some_and(|access| access.is_row_filtered))
        .text("masked", |row| joined(row.access()?.masked.iter()))
        .text("absent", |row| joined(row.access()?.absent.iter()))
        .text("fingerprint", |row| row.access()?.fingerprint.as_ref())
        .number("rows_read", |row| read(row, |access| access.reads.rows))
        .number("rows_passed", |row| read(row, |access| access.reads.rows_passed))
        .number("bytes_read", |row| read(row, |access| access.reads.bytes))
        .number("rows", |row| handed_out(row, |event| event.rows))
        .number("bytes", |row| handed_out(row, |event| event.bytes))
        .text("outcome", |row| Some(row.ended().map_or("running", |it| it.outcome.as_str())))
        .text("error", |row| match row.ended()?.outcome {
            Outcome::Failed(kind) => Some(kind.as_str()),
            Outcome::Finished | Outcome::Cancelled => None,
        })
        .number("elapsed_ms", |row| i64::try_from(row.ended()?.elapsed.as_millis()).ok())
        .build()
}

impl Row {
    fn asked(&self) -> &Asked {
        self.told.asked()
    }

    fn ended(&self) -> Option<&QueryEvent> {
        self.told.ended()
    }

    fn access(&self) -> Option<&TableAccess> {
        self.asked().tables.get(self.place?)
    }

    fn port(&self) -> Option<&PortAddress> {
        self.access()?.port.as_ref()
    }
}

fn rows(administered: &Administered<'_>) -> Vec<Row> {
    if administered.is_none() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for told in administered.history() {
        let tables = &told.asked().tables;
        let shows_statement = match tables.is_empty() {
            true => administered.is_all(),
            // What a virtual product reads in its own name, no statement names.
            false => tables
                .iter()
                .filter(|table| table.reader.is_none())
                .all(|table| administered.has(table.port.as_ref())),
        };
        let row = |place| Row { told: told.clone(), place, shows_statement };
        if tables.is_empty() && shows_statement {
            rows.push(row(None));
        }
        for (place, table) in tables.iter().enumerate() {
            if administered.has(table.port.as_ref()) {
                rows.push(row(Some(place)));
            }
        }
    }
    rows
}

fn joined<'a>(texts: impl Iterator<Item = &'a String>) -> Option<String> {
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
