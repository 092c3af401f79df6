//! Holds the rows of tables against what their contracts promise of their quality.
//!
//! ```text
//! Table ─rules─▶ what is written, and what other words imply ─scans─▶ SQL ─run─▶ measured ─judge─▶ QualityResult ─▶ log
//! ```
//!
//! All rules that count rows are one scan of the table; keys that occur twice or lead nowhere and the queries of the
//! owner are queries of their own, all on one snapshot. They are asked like any other query, with its limits, in the name of the product,
//! whose own tables are read whole: what its owner promises, it promises of all rows. Results are numbers about
//! the data: who may see them is decided where they are listed.

mod expression;
mod formats;
mod judge;
mod log;
mod pattern;
mod pinned;
mod place;
mod rules;
mod run;
mod scans;
mod schedule;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::engine::Engine;
use crate::product::{
    DataProduct, LifeStage, OutputPort, ProductSelector, QualityRule, RuleValue, Table, TableName,
    VersionSelector,
};

pub(crate) use judge::float as as_float;
pub(crate) use log::QualityLog;
pub(crate) use rules::{TableRule, rules};

/// A table of a port, whose rules are checked.
#[derive(Debug, Clone)]
pub struct QualitySubject {
    /// The product.
    pub product: Arc<DataProduct>,
    /// The port with its contract.
    pub port: OutputPort,
    /// The table of the contract.
    pub table: Arc<Table>,
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QualityStatus {
    /// What was measured is as expected.
    Pass,
    /// It is not.
    Fail,
    /// It could not be measured.
    Error,
    /// It is not for Samite to measure.
    NotRun,
}

impl QualityStatus {
    /// The word in `mesh.discovery.quality`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NotRun => "not run",
        }
    }
}

/// How a rule stood when it was last checked.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityResult {
    /// How it stands.
    pub status: QualityStatus,
    /// What was measured.
    pub measured: Option<RuleValue>,
    /// The rows of the table, where they were counted.
    pub rows: Option<u64>,
    /// What is to be said of it.
    pub message: Option<String>,
    /// True if the message comes from rows that were being read, so that it may repeat what is in them.
    pub tells_of_rows: bool,
    /// True if there was no room for it among other queries.
    pub was_put_off: bool,
    /// The snapshot of the table that was read, if any was.
    pub snapshot: Option<String>,
    /// When.
    pub checked_at: DateTime<Utc>,
}

/// A rule with its result.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleReport {
    /// The column, as its path; `None` for a rule of the table.
    pub column: Option<String>,
    /// The rule.
    pub rule: QualityRule,
    /// How it stands.
    pub result: QualityResult,
}

impl QualitySubject {
    /// The tables of all ports of a product.
    #[must_use]
    pub fn of_product(product: &Arc<DataProduct>) -> Vec<Self> {
        let tables = product.ports.iter().flat_map(|port| {
            port.contract.tables.iter().map(move |table| (port.clone(), Arc::clone(table)))
        });
        tables.map(|(port, table)| Self { product: Arc::clone(product), port, table }).collect()
    }

    /// True if there is anything to check.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        !rules(&self.table).is_empty()
    }

    /// True if a rule of it has a schedule of its own, by which it is due after `after` and not after `until`.
    #[must_use]
    pub fn is_due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let of_columns = self.table.columns.iter().flat_map(|column| &column.quality);
        let mut schedules = self
            .table
            .quality
            .iter()
            .chain(of_columns)
            .filter_map(|rule| schedule::Schedule::parse(rule.schedule.as_deref()?).ok());
        schedules.any(|schedule| schedule.is_due(after, until))
    }

    /// The name of the table, with port and exact version.
    pub(crate) fn name(&self) -> TableName {
        let version = self.port.version;
        TableName {
            domain: self.product.domain.clone(),
            product: ProductSelector {
                product: self.product.name.clone(),
                port: Some(self.port.name.clone()),
                version: VersionSelector::Patch(version.major, version.minor, version.patch),
            },
            table: self.table.name.clone(),
        }
    }

    /// Why nothing is promised of it now.
    fn is_without_promise(&self, now: DateTime<Utc>) -> Option<&'static str> {
        match self.port.stage(now) {
            LifeStage::Active | LifeStage::Deprecated => None,
            LifeStage::Unborn => Some("it is not served yet"),
            LifeStage::Unsupported => Some("its support has ended"),
            LifeStage::Ended => Some("it has ended"),
        }
    }
}

/// Checks that a rule's schedule can be read: five fields of cron, or a word for them such as `@daily`.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_schedule(schedule: &str) -> Result<(), String> {
    schedule::Schedule::parse(schedule).map(drop)
}

/// Checks all rules of a table, and keeps the results for `mesh.discovery.quality`.
///
/// The caller vouches that it may know them: policies are not asked about the product's own tables.
pub async fn check(engine: &Engine, subject: &QualitySubject) -> Vec<RuleReport> {
    let rules = rules(&subject.table);
    let now = engine.clock().now();
    let results = match subject.is_without_promise(now) {
        Some(why) => rules.iter().map(|_| judge::not_run(why.to_owned(), now)).collect(),
        None => run::results(engine, subject, &rules).await,
    };
    let kept = engine.quality();
    let reports = rules.into_iter().zip(results).map(|(rule, result)| {
        kept.keep(&subject.port.contract, (&subject.table.name, &rule), &result);
        RuleReport { column: rule.column_label(), rule: rule.rule.into_owned(), result }
    });
    reports.collect()
}

#[cfg(test)]
mod tests;
