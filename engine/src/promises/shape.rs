//! Whether a table has the shape that its contract promises.
//!
//! | known | from | then |
//! | --- | --- | --- |
//! | a column is missing, or has another type | opening it | it is not read at all |
//! | rows have no value in a column that is `required` | the metadata that planning reads | as `onBreach` of the contract says |
//!
//! What was met is kept for `mesh.discovery.problems` until the table is met again without it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::PromisedTable;
use crate::connector::NullCount;
use crate::error::Error;
use crate::product::{Contract, LifeStage, OnBreach, Version};

/// Tables whose problems are kept at most.
const TABLES_MAX: usize = 1_000;

/// A column that is promised to have a value in each row, and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingValues {
    pub(crate) column: String,
    pub(crate) nulls: NullCount,
}

impl MissingValues {
    /// How many rows have no value, in words; for somebody who may not know, that there are some.
    pub(crate) fn words(&self, hides_numbers: bool) -> String {
        let NullCount { at_least, at_most } = self.nulls;
        match (hides_numbers, at_most) {
            (true, _) => "rows have no value".to_owned(),
            (false, Some(at_most)) if at_most == at_least => {
                format!("{at_least} rows have no value")
            }
            (false, _) => format!("at least {at_least} rows have no value"),
        }
    }
}

impl PromisedTable {
    /// The columns that lack values which their contract promises. Only what no row could say otherwise.
    pub(crate) fn missing_values(&self) -> Vec<MissingValues> {
        if self.stage == LifeStage::Unsupported {
            return Vec::new();
        }
        let promised = self.table.columns.iter().filter(|column| column.promises_values());
        let seen = promised.filter(|column| self.columns.index_of(&column.name).is_ok());
        seen.filter_map(|column| {
            let nulls = self.facts.nulls(&column.name);
            (nulls.at_least > 0).then(|| MissingValues { column: column.name.clone(), nulls })
        })
        .collect()
    }

    /// The promise of a column in words.
    pub(super) fn required(&self, missing: &MissingValues) -> String {
        format!("required {}.{} in {}", self.table.name, missing.column, self.address)
    }

    /// What happens while it is broken.
    pub(super) fn on_breach_of_shape(&self) -> OnBreach {
        self.contract.on_breach
    }
}

/// What was met of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShapeProblems {
    /// Why it could not be opened as promised.
    pub(crate) unopened: Option<String>,
    pub(crate) missing: Vec<MissingValues>,
    met_at: DateTime<Utc>,
}

/// The problems of shape that were met, for `mesh.discovery.problems`: a listing opens no port.
#[derive(Debug, Default)]
pub(crate) struct ShapeLog(Mutex<HashMap<Key, ShapeProblems>>);

/// The contract's id and version, and the table.
type Key = (String, Version, String);

impl ShapeLog {
    /// Keeps what is missing of a table in the place of what was.
    pub(crate) fn judged(
        &self,
        table: &PromisedTable,
        missing: Vec<MissingValues>,
        now: DateTime<Utc>,
    ) {
        self.keep((&table.contract, &table.table.name), now, |known| known.missing = missing);
    }

    /// Keeps why a table could not be opened.
    pub(crate) fn failed(&self, of: (&Contract, &str), error: &Error, now: DateTime<Utc>) {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let message = format!("{}{detail}", error.message());
        self.keep(of, now, |known| known.unopened = Some(message));
    }

    /// Forgets why a table could not be opened.
    pub(crate) fn opened(&self, of: (&Contract, &str), now: DateTime<Utc>) {
        self.keep(of, now, |known| known.unopened = None);
    }

    /// What was met of a table.
    pub(crate) fn of(&self, (contract, table): (&Contract, &str)) -> Option<ShapeProblems> {
        let known = self.0.lock();
        // Most often there is nothing at all.
        if known.is_empty() { None } else { known.get(&key(contract, table)).cloned() }
    }

    fn keep(
        &self,
        (contract, table): (&Contract, &str),
        now: DateTime<Utc>,
        change: impl FnOnce(&mut ShapeProblems),
    ) {
        let mut all = self.0.lock();
        let mut known = ShapeProblems::default();
        let is_known = match all.is_empty() {
            true => false,
            false => all.remove(&key(contract, table)).map(|it| known = it).is_some(),
        };
        change(&mut known);
        if known.unopened.is_none() && known.missing.is_empty() {
            return;
        }
        if !is_known && all.len() >= TABLES_MAX {
            let oldest = all.iter().min_by_key(|(_, known)| known.met_at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                all.remove(&oldest);
            }
        }
        known.met_at = now;
        all.insert(key(contract, table), known);
    }
}

fn key(contract: &Contract, table: &str) -> Key {
    (contract.id.clone(), contract.version, table.to_owned())
}
