//! `mesh.runtime.data_movement`: how much went from which domain to which, by day.
//!
//! For administrators alone: a sum over all tables of a product tells of those that somebody may not know of.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, Utc};
use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use crate::audit::{MovedData, MovementKey};
use crate::error::Result;

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    // Where only the columns are wanted, nobody asks.
    let shows_rows = picture.is_administrator && !picture.principal.is_empty();
    let rows: Vec<(MovementKey, MovedData)> = match shows_rows {
        true => picture.engine.movement().all(),
        false => Vec::new(),
    };
    let number = |number: u64| i64::try_from(number).ok();
    TableBuilder::new(&rows)
        .time("day", |(key, _)| Some(start_of(key)))
        .text("from_domain", |(key, _)| Some(&key.from_domain))
        .text("from_product", |(key, _)| Some(&key.from_product))
        .text("to_domain", |(key, _)| Some(&key.to_domain))
        .text("principal_kind", |(key, _)| Some(&key.principal_kind))
        .text("purpose", |(key, _)| Some(&key.purpose))
        .flag("is_crossing", |(key, _)| key.from_domain != key.to_domain)
        .number("statements", |(_, moved)| number(moved.statements))
        .number("rows", |(_, moved)| number(moved.rows))
        .number("bytes", |(_, moved)| number(moved.bytes))
        .build()
}

fn start_of(key: &MovementKey) -> DateTime<Utc> {
    key.day.and_time(NaiveTime::MIN).and_utc()
}
