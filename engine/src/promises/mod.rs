//! Holds tables against what their contracts promise about time and shape, by metadata that is there anyway.
//!
//! ```text
//! Slo ─promise─▶ Promise (subject, limit) ─age of what the metadata knows─▶ Verdict
//! ```
//!
//! Reads nothing: what the metadata does not tell for certain is no verdict. A pass is claimed only where no row
//! could say otherwise, and so is a breach.

mod age;
mod duration;
mod log;
mod promise;
mod shape;
mod verdict;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;

use crate::connector::{PinnedTable, TableFacts};
use crate::error::{Error, ErrorKind};
use crate::product::{Column, Contract, LifeStage, OnBreach, Slo, Table};

pub(crate) use duration::seconds_of_unit;
pub(crate) use log::VerdictLog;
pub(crate) use promise::{Promise, Subject};
pub(crate) use shape::{MissingValues, ShapeLog};
pub use verdict::{Verdict, VerdictStatus};

use age::Age;

/// A table that was opened, and what its contract promises of it.
#[derive(Debug, Clone)]
pub(crate) struct PromisedTable {
    /// The product with its version, as messages name it.
    pub(crate) address: String,
    pub(crate) contract: Arc<Contract>,
    pub(crate) table: Arc<Table>,
    pub(crate) stage: LifeStage,
    facts: Arc<dyn TableFacts>,
    committed_at: Option<DateTime<Utc>>,
    /// The columns that the asker sees.
    columns: SchemaRef,
    /// True if the asker may not learn how old its rows are, and how many: some of them are hidden.
    hides_numbers: bool,
}

/// A promise about time and the verdict on it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseReport {
    /// The promise, for instance `freshness 2 h of plays.played_at in media_player.play_events@2.1.0`.
    pub promise: String,
    /// The verdict.
    pub status: VerdictStatus,
    /// What happens while it is broken.
    pub on_breach: OnBreach,
    /// What the verdict was judged by; `None` if nothing is known.
    pub reason: Option<String>,
}

/// One promise, and whether it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Its place among the service levels of the contract.
    pub(crate) index: usize,
    pub(crate) verdict: Verdict,
}

impl PromisedTable {
    /// What `contract` promises of `table`, which was opened as `pinned`; `None` if it is nothing about time or values.
    pub(crate) fn new(
        address: String,
        stage: LifeStage,
        (contract, table): (&Arc<Contract>, &Arc<Table>),
        pinned: &PinnedTable,
    ) -> Option<Self> {
        let is_about_time =
            contract.slos.iter().any(|it| Promise::of(it, contract, table).is_some());
        let is_about_values = table.columns.iter().any(Column::promises_values);
        (is_about_time || is_about_values).then(|| Self {
            address,
            contract: Arc::clone(contract),
            table: Arc::clone(table),
            stage,
            facts: Arc::clone(&pinned.facts),
            committed_at: pinned.committed_at,
            columns: pinned.provider.schema(),
            hides_numbers: false,
        })
    }

    /// The same for somebody who sees these columns of it, and perhaps not all rows: whether a promise is kept, but not
    /// how old its rows are, and no name of another column.
    #[must_use]
    pub(crate) fn in_part(self, columns: SchemaRef) -> Self {
        Self { columns, hides_numbers: true, ..self }
    }

    /// Judges each promise about time that concerns the table.
    pub(crate) fn judge(&self, now: DateTime<Utc>) -> Vec<Judged> {
        let slos = self.contract.slos.iter().enumerate();
        slos.filter_map(|(index, slo)| {
            let promise = Promise::of(slo, &self.contract, &self.table)?;
            Some(Judged { index, verdict: self.verdict(&promise, now) })
        })
        .collect()
    }

    fn verdict(&self, promise: &Promise<'_>, now: DateTime<Utc>) -> Verdict {
        let age = match promise.subject {
            Subject::Commit => Age::of_commit(self.committed_at, now),
            Subject::Newest(column) => Age::of_newest(&self.facts.range(column), now),
            Subject::Oldest(column) => Age::of_oldest(&self.facts.range(column), now),
            // What is in the table was there when it was committed, and is that old at least.
            Subject::Data => Age { at_most: None, ..Age::of_commit(self.committed_at, now) },
        };
        if self.stage == LifeStage::Unsupported {
            return Verdict { status: VerdictStatus::NoPromise, age, judged_at: now };
        }
        let status = promise.limit.map_or(VerdictStatus::Unknown, |limit| age.against(limit));
        Verdict { status, age, judged_at: now }
    }

    /// What the asker is told of a column that lacks values: as of a promise about time.
    pub(crate) fn breach_of_shape(&self, missing: &MissingValues) -> Result<String, Error> {
        let (promise, reason) = (self.required(missing), missing.words(self.hides_numbers));
        broken(self.on_breach_of_shape(), &promise, reason)
    }

    /// A column that lacks values, for people.
    pub(crate) fn report_of_shape(&self, missing: &MissingValues) -> PromiseReport {
        PromiseReport {
            promise: self.required(missing),
            status: VerdictStatus::Broken,
            on_breach: self.on_breach_of_shape(),
            reason: Some(missing.words(self.hides_numbers)),
        }
    }

    /// What the asker is told of a broken promise: an error where it says so, else a warning. `None` for others.
    pub(crate) fn breach(&self, judged: &Judged) -> Option<Result<String, Error>> {
        if judged.verdict.status != VerdictStatus::Broken {
            return None;
        }
        let PromiseReport { promise, on_breach, reason, .. } = self.report(judged)?;
        let reason = reason.unwrap_or_else(|| "its rows are too old".to_owned());
        Some(broken(on_breach, &promise, reason))
    }

    /// A verdict for people.
    pub(crate) fn report(&self, judged: &Judged) -> Option<PromiseReport> {
        let slo = self.contract.slos.get(judged.index)?;
        let subject = Promise::of(slo, &self.contract, &self.table)?.subject;
        Some(PromiseReport {
            promise: words(slo, self.element(slo, subject).as_deref(), &self.address),
            status: judged.verdict.status,
            on_breach: slo.on_breach,
            reason: match (self.hides_numbers, subject) {
                (true, Subject::Newest(_) | Subject::Oldest(_)) => None,
                _ => reason(subject, judged.verdict.age),
            },
        })
    }

    /// What a promise is about, as far as the asker may know it.
    fn element(&self, slo: &Slo, subject: Subject<'_>) -> Option<String> {
        if !self.hides_numbers {
            return slo.element.clone();
        }
        match subject {
            Subject::Newest(column) | Subject::Oldest(column) => {
                let is_seen = self.columns.column_with_name(column).is_some();
                is_seen.then(|| format!("{}.{column}", self.table.name))
            }
            Subject::Commit | Subject::Data => {
                slo.element.as_ref().map(|_| self.table.name.clone())
            }
        }
    }
}

/// An error where the contract says so, else a warning.
fn broken(on_breach: OnBreach, promise: &str, reason: String) -> Result<String, Error> {
    match on_breach {
        OnBreach::Warn => Ok(format!("promise broken: {promise}: {reason}")),
        OnBreach::Refuse => {
            Err(Error::new(ErrorKind::ContractViolated, format!("promise broken: {promise}"))
                .with_detail(reason)
                .with_hint("ask the owner of the product; its contract says onBreach: refuse"))
        }
    }
}

/// What is known of the age of a subject, in words.
fn reason(subject: Subject<'_>, age: Age) -> Option<String> {
    if age.is_of_nothing {
        return Some("there is no value in the column".to_owned());
    }
    let old = match (age.at_least, age.at_most) {
        (Some(least), Some(most)) => {
            let (least, most) = (duration::words(least), duration::words(most));
            if least == most { least } else { format!("{least} to {most}") }
        }
        (Some(least), None) => format!("at least {}", duration::words(least)),
        (None, Some(most)) => format!("at most {}", duration::words(most)),
        (None, None) => return None,
    };
    Some(match subject {
        Subject::Commit | Subject::Data => format!("the last commit is {old} old"),
        Subject::Newest(_) => format!("the newest row is {old} old"),
        Subject::Oldest(_) => format!("the oldest row is {old} old"),
    })
}

/// A service level in words: `freshness 2 h of plays.played_at in media_player.play_events@2.1.0`.
fn words(slo: &Slo, element: Option<&str>, address: &str) -> String {
    let unit = slo.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let element = element.map(|element| format!(" of {element}")).unwrap_or_default();
    format!("{} {}{unit}{element} in {address}", slo.property, slo.value)
}

#[cfg(test)]
mod tests;
