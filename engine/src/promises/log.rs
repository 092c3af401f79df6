//! The last verdict on each promise.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{PromisedTable, Verdict};
use crate::product::{Contract, Slo, Version};

/// Verdicts that are kept at most.
const VERDICTS_MAX: usize = 50_000;

/// The last verdict on each promise, for `mesh.discovery.slo`: a listing opens no port.
#[derive(Debug, Default)]
pub(crate) struct VerdictLog(Mutex<HashMap<Key, Verdict>>);

/// A promise: the contract's id and version, the table, the property with its element.
type Key = (String, Version, String, String);

impl VerdictLog {
    /// Keeps the verdict on a promise in the place of an earlier one.
    pub(crate) fn keep(&self, table: &PromisedTable, index: usize, verdict: Verdict) {
        let Some(slo) = table.contract.slos.get(index) else { return };
        let key = key(&table.contract, &table.table.name, slo);
        let mut verdicts = self.0.lock();
        if verdicts.len() >= VERDICTS_MAX && !verdicts.contains_key(&key) {
            let oldest = verdicts.iter().min_by_key(|(_, verdict)| verdict.judged_at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                verdicts.remove(&oldest);
            }
        }
        verdicts.insert(key, verdict);
    }

    /// The last verdict on a promise of `contract` for one of its tables.
    pub(crate) fn last(&self, contract: &Contract, table: &str, slo: &Slo) -> Option<Verdict> {
        self.0.lock().get(&key(contract, table, slo)).copied()
    }
}

fn key(contract: &Contract, table: &str, slo: &Slo) -> Key {
    let promise = format!("{} {}", slo.property, slo.element.as_deref().unwrap_or_default());
    (contract.id.clone(), contract.version, table.to_owned(), promise)
}
