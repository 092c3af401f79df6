//! The last result of each rule.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{QualityResult, TableRule};
use crate::product::{Contract, Expectation, Measure, Version};

/// Results that are kept at most.
const RESULTS_MAX: usize = 50_000;

/// The last result of each rule, for `mesh.discovery.quality`: a listing reads no rows.
#[derive(Debug, Default)]
pub(crate) struct QualityLog(Mutex<HashMap<Key, Kept>>);

/// A rule: the contract's id and version, the table, the column, the key of the rule.
type Key = (String, Version, String, String, String);

#[derive(Debug)]
struct Kept {
    /// What was checked: a contract can change without a new version.
    measure: Measure,
    expectation: Option<Expectation>,
    is_percent: bool,
    result: QualityResult,
}

impl QualityLog {
    /// Keeps the result of a rule in the place of an earlier one, unless nothing was found out.
    pub(crate) fn keep(
        &self,
        contract: &Contract,
        (table, rule): (&str, &TableRule<'_>),
        result: &QualityResult,
    ) {
        let key = key(contract, table, rule);
        let mut results = self.0.lock();
        if result.was_put_off && results.contains_key(&key) {
            return;
        }
        if results.len() >= RESULTS_MAX && !results.contains_key(&key) {
            let oldest = results.iter().min_by_key(|(_, kept)| kept.result.checked_at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                results.remove(&oldest);
            }
        }
        let kept = Kept {
            measure: rule.rule.measure.clone(),
            expectation: rule.rule.expectation.clone(),
            is_percent: rule.rule.is_percent,
            result: result.clone(),
        };
        results.insert(key, kept);
    }

    /// The last result of a rule, if it still says the same.
    pub(crate) fn last(
        &self,
        contract: &Contract,
        table: &str,
        rule: &TableRule<'_>,
    ) -> Option<QualityResult> {
        let results = self.0.lock();
        let kept = results.get(&key(contract, table, rule))?;
        let is_same = kept.measure == rule.rule.measure
            && kept.expectation == rule.rule.expectation
            && kept.is_percent == rule.rule.is_percent;
        is_same.then(|| kept.result.clone())
    }
}

fn key(contract: &Contract, table: &str, rule: &TableRule<'_>) -> Key {
    // A name may look like a way.
    let column = format!("{:?}", rule.path);
    (contract.id.clone(), contract.version, table.to_owned(), column, rule.rule.key.clone())
}
