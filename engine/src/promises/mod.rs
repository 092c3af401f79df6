//! Holds tables against what their contracts promise about time, by metadata that is there anyway.
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
mod verdict;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::connector::{PinnedTable, TableFacts};
use crate::error::{Error, ErrorKind};
use crate::product::{Contract, LifeStage, OnBreach, Slo, Table};

pub(crate) use duration::seconds_of_unit;
pub(crate) use log::VerdictLog;
pub(crate) use promise::{Promise, Subject};
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
    /// True if the asker may not learn how old its rows are: some of them are hidden.
    hides_ages: bool,
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
    /// What `contract` promises of `table`, which was opened as `pinned`; `None` if it is nothing about time.
    pub(crate) fn new(
        address: String,
        stage: LifeStage,
        (contract, table): (&Arc<Contract>, &Arc<Table>),
        pinned: &PinnedTable,
    ) -> Option<Self> {
        contract.slos.iter().any(|slo| Promise::of(slo, contract, table).is_some()).then(|| Self {
            address,
            contract: Arc::clone(contract),
            table: Arc::clone(table),
            stage,
            facts: Arc::clone(&pinned.facts),
            committed_at: pinned.committed_at,
            hides_ages: false,
        })
    }

    /// The same for somebody who sees it in part: whether a promise is kept, but not how old its rows are.
    #[must_use]
    pub(crate) fn without_ages(self) -> Self {
        Self { hides_ages: true, ..self }
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

    /// What the asker is told of a broken promise: an error where it says so, else a warning. `None` for others.
    pub(crate) fn breach(&self, judged: &Judged) -> Option<Result<String, Error>> {
        if judged.verdict.status != VerdictStatus::Broken {
            return None;
        }
        let PromiseReport { promise, on_breach, reason, .. } = self.report(judged)?;
        let reason = reason.unwrap_or_else(|| "its rows are too old".to_owned());
        Some(match on_breach {
            OnBreach::Warn => Ok(format!("promise broken: {promise}: {reason}")),
            OnBreach::Refuse => {
                Err(Error::new(ErrorKind::ContractViolated, format!("promise broken: {promise}"))
                    .with_detail(reason)
                    .with_hint("ask the owner of the product; its contract says onBreach: refuse"))
            }
        })
    }

    /// A verdict for people.
    pub(crate) fn report(&self, judged: &Judged) -> Option<PromiseReport> {
        let slo = self.contract.slos.get(judged.index)?;
        let subject = Promise::of(slo, &self.contract, &self.table)?.subject;
        Some(PromiseReport {
            promise: words(slo, &self.address),
            status: judged.verdict.status,
            on_breach: slo.on_breach,
            reason: match (self.hides_ages, subject) {
                (true, Subject::Newest(_) | Subject::Oldest(_)) => None,
                _ => reason(subject, judged.verdict.age),
            },
        })
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
fn words(slo: &Slo, address: &str) -> String {
    let unit = slo.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let element = slo.element.as_ref().map(|element| format!(" of {element}")).unwrap_or_default();
    format!("{} {}{unit}{element} in {address}", slo.property, slo.value)
}

#[cfg(test)]
mod tests;
