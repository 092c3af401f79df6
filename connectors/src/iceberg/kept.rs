//! A bounded place for what is parsed of files that never change: manifests and deletes.
//!
//! All queries share it. What was not used for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use datafusion::object_store::path::Path;
use parking_lot::Mutex;

use crate::stores::{Place, StoreId};

/// Where something lies: the store, the file, and where in it.
type Key = (StoreId, Path, u64);

/// What is kept, by where it lies.
pub(super) struct Kept<T> {
    weight_max: u64,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    weight: u64,
    clock: u64,
    entries: HashMap<Key, Entry<T>>,
    /// The keys by when they were used last.
    used: BTreeMap<u64, Key>,
}

struct Entry<T> {
    used: u64,
    weight: u64,
    value: Arc<T>,
}

impl<T> Kept<T> {
    /// Keeps at most so much.
    pub(super) fn new(weight_max: u64) -> Self {
        let (entries, used) = (HashMap::new(), BTreeMap::new());
        Self { weight_max, inner: Mutex::new(Inner { weight: 0, clock: 0, entries, used }) }
    }

    /// What lies at `place`, from `offset` on, if it is kept.
    pub(super) fn get(&self, place: &Place, offset: u64) -> Option<Arc<T>> {
        let key = (place.store.id.clone(), place.path.clone(), offset);
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let now = inner.clock;
        let entry = inner.entries.get_mut(&key)?;
        let before = std::mem::replace(&mut entry.used, now);
        let value = Arc::clone(&entry.value);
        inner.used.remove(&before);
        inner.used.insert(now, key);
        Some(value)
    }

    /// Keeps a value that weighs so much, in place of what was not used for longest.
    pub(super) fn put(&self, place: &Place, offset: u64, value: T, weight: u64) -> Arc<T> {
        let value = Arc::new(value);
        if weight > self.weight_max {
            return value;
        }
        let key = (place.store.id.clone(), place.path.clone(), offset);
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let now = inner.clock;
        let entry = Entry { used: now, weight, value: Arc::clone(&value) };
        inner.weight += weight;
        inner.used.insert(now, key.clone());
        if let Some(before) = inner.entries.insert(key, entry) {
            inner.weight -= before.weight;
            inner.used.remove(&before.used);
        }
        while inner.weight > self.weight_max {
            let Some((_, oldest)) = inner.used.pop_first() else { break };
            inner.weight -= inner.entries.remove(&oldest).map_or(0, |entry| entry.weight);
        }
        value
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock();
        f.debug_struct("Kept")
            .field("entries", &inner.entries.len())
            .field("weight", &inner.weight)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = crate::testing::Folder::new();
        let place = folder.stores.resolve(&folder.location(), None).unwrap();
        let kept = Kept::new(10);
        for offset in 0..3 {
            kept.put(&place, offset, offset, 3);
        }
        assert_eq!(kept.get(&place, 0).as_deref(), Some(&0));
        kept.put(&place, 3, 3, 3);
        let found = |offset| kept.get(&place, offset).is_some();
        assert_eq!([found(0), found(1), found(2), found(3)], [true, false, true, true]);
        // The same again weighs nothing more, and what is too heavy throws nothing out.
        kept.put(&place, 3, 3, 4);
        kept.put(&place, 9, 9, 11);
        assert_eq!([found(0), found(2), found(3), found(9)], [true, true, true, false]);
        kept.put(&place, 4, 4, 10);
        assert_eq!([found(0), found(2), found(3), found(4)], [false, false, false, true]);
    }
}
