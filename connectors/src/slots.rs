//! A bounded place for what is kept of tables between queries.
//!
//! Each table has a slot with a lock of its own, so that many queries for one table load it once and
//! queries for another table never wait.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex as ShortMutex;
use samite_engine::Result;
use tokio::sync::Mutex;

use crate::source_table::SourceTable;

/// What is kept of tables, by key.
pub(crate) struct Slots<K, T> {
    tables_max: usize,
    files_max: usize,
    slots: ShortMutex<HashMap<K, Slot<T>>>,
}

struct Slot<T> {
    used: Instant,
    files: usize,
    table: Arc<Mutex<Option<T>>>,
}

impl<K: Clone + Eq + Hash, T> Slots<K, T> {
    /// Keeps at most so many tables, with at most so many data files together.
    pub(crate) fn new(tables_max: usize, files_max: usize) -> Self {
        Self { tables_max, files_max, slots: ShortMutex::default() }
    }

    /// The source of a table: as it is kept if that is fresh, else loaded again from what is kept.
    ///
    /// # Errors
    ///
    /// If it cannot be loaded; then nothing is kept of it.
    pub(crate) async fn kept<F>(
        &self,
        key: &K,
        is_fresh: impl Fn(&T) -> bool,
        load: impl FnOnce(Option<T>) -> F,
        source: impl Fn(&T) -> &Arc<SourceTable>,
    ) -> Result<Arc<SourceTable>>
    where
        F: Future<Output = Result<T>>,
    {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| is_fresh(kept)) {
            return Ok(Arc::clone(source(kept)));
        }
        let loaded = load(kept.take()).await;
        let found = loaded.map(|loaded| Arc::clone(source(kept.insert(loaded))));
        drop(kept);
        drop(slot);
        match &found {
            Ok(found) => self.settle(key, found.file_count()),
            Err(_) => self.forget_empty(key),
        }
        found
    }

    /// The slot of a table; empty if nothing is kept of it.
    fn slot(&self, key: &K) -> Arc<Mutex<Option<T>>> {
        let now = Instant::now();
        let mut slots = self.slots.lock();
        let slot = slots.entry(key.clone()).or_insert_with(|| Slot {
            used: now,
            files: 0,
            table: Arc::default(),
        });
        slot.used = now;
        Arc::clone(&slot.table)
    }

    /// Notes how many files a table has, and drops what was not used for longest until the bounds
    /// hold again; the table itself stays.
    fn settle(&self, key: &K, files: usize) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(key) {
            slot.files = files;
        }
        let mut total: usize = slots.values().map(|slot| slot.files).sum();
        while slots.len() > self.tables_max || total > self.files_max {
            let others = slots.iter().filter(|(other, _)| *other != key);
            let oldest = others.min_by_key(|(_, slot)| slot.used).map(|(oldest, _)| oldest.clone());
            let Some(oldest) = oldest else { return };
            total -= slots.remove(&oldest).map_or(0, |slot| slot.files);
        }
    }

    /// Takes a slot out that holds nothing, unless somebody waits for it.
    fn forget_empty(&self, key: &K) {
        let mut slots = self.slots.lock();
        let is_empty = slots.get(key).is_some_and(|slot| {
            Arc::strong_count(&slot.table) == 1
                && slot.table.try_lock().is_ok_and(|table| table.is_none())
        });
        if is_empty {
            slots.remove(key);
        }
    }
}

impl<K, T> fmt::Debug for Slots<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("tables", &self.slots.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_drop_what_was_not_used_for_longest() {
        let slots: Slots<u8, u8> = Slots::new(3, 100);
        for (key, files, kept) in [
            (1, 10, vec![1]),
            (2, 10, vec![1, 2]),
            (3, 10, vec![1, 2, 3]),
            (4, 10, vec![2, 3, 4]),
            (2, 10, vec![2, 3, 4]),
            (5, 85, vec![2, 5]),
            (6, 500, vec![6]),
        ] {
            slots.slot(&key);
            slots.settle(&key, files);
            let mut found: Vec<u8> = slots.slots.lock().keys().copied().collect();
            found.sort_unstable();
            assert_eq!(found, kept, "{key}");
        }
    }

    #[test]
    fn slot_that_holds_nothing_is_forgotten() {
        let slots: Slots<u8, u8> = Slots::new(3, 100);
        slots.slot(&1);
        let waiting = slots.slot(&2);
        *slots.slot(&3).try_lock().expect("free") = Some(3);
        for key in [1, 2, 3] {
            slots.forget_empty(&key);
        }
        drop(waiting);
        let mut found: Vec<u8> = slots.slots.lock().keys().copied().collect();
        found.sort_unstable();
        assert_eq!(found, [2, 3]);
    }
}
