//! A table of things that clients hold by a handle: bounded, and each with an end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};

/// Things by handle, each until its end.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    /// What the things are, for messages.
    noun: &'static str,
    entries_max: usize,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    ends_at: Instant,
    /// What holds it; until the last of them is dropped it does not end.
    holds: usize,
}

impl<V> Entry<V> {
    fn is_there(&self, now: Instant) -> bool {
        self.holds > 0 || self.ends_at > now
    }
}

/// Holds a thing beyond its end. It ends `linger` after the last hold was dropped.
#[derive(Debug)]
pub(crate) struct Hold<K: Hash + Eq, V> {
    table: Arc<Expiring<K, V>>,
    key: K,
    linger: Duration,
}

impl<K: Hash + Eq, V> Drop for Hold<K, V> {
    fn drop(&mut self) {
        if let Some(entry) = self.table.entries.lock().get_mut(&self.key) {
            entry.holds = entry.holds.saturating_sub(1);
            entry.ends_at = Instant::now() + self.linger;
        }
    }
}

impl<K: Hash + Eq, V> Expiring<K, V> {
    pub(crate) fn new(noun: &'static str, entries_max: usize) -> Self {
        Self { noun, entries_max, entries: Mutex::default() }
    }

    /// Puts a thing in. A full table first drops what has ended, then what `is_spare`.
    ///
    /// # Errors
    ///
    /// When there is no room.
    pub(crate) fn insert(
        &self,
        key: K,
        value: Arc<V>,
        lifetime: Duration,
        is_spare: impl Fn(&V) -> bool,
    ) -> Result<()> {
        let now = Instant::now();
        let mut entries = self.entries.lock();
        if entries.len() >= self.entries_max {
            entries.retain(|_, entry| {
                entry.holds > 0 || (entry.ends_at > now && !is_spare(&entry.value))
            });
        }
        if entries.len() >= self.entries_max {
            let message = format!("there are too many {} at once", self.noun);
            return Err(Error::new(ErrorKind::Overloaded, message)
                .with_detail(format!("the server keeps at most {}", self.entries_max))
                .with_hint("close those that are not needed, or try again later"));
        }
        entries.insert(key, Entry { value, ends_at: now + lifetime, holds: 0 });
        Ok(())
    }

    /// The thing with this handle; `None` once it has ended.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.entries.lock();
        let entry = entries.get(key)?;
        entry.is_there(Instant::now()).then(|| Arc::clone(&entry.value))
    }

    /// Lets a thing stay until the hold is dropped, and `linger` more; `None` once it has ended.
    pub(crate) fn hold(self: &Arc<Self>, key: K, linger: Duration) -> Option<Hold<K, V>> {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&key).filter(|entry| entry.is_there(Instant::now()))?;
        entry.holds += 1;
        drop(entries);
        Some(Hold { table: Arc::clone(self), key, linger })
    }

    /// Lets a thing end `lifetime` from now.
    pub(crate) fn end_in(&self, key: &K, lifetime: Duration) {
        if let Some(entry) = self.entries.lock().get_mut(key) {
            entry.ends_at = Instant::now() + lifetime;
        }
    }

    /// Takes a thing out.
    pub(crate) fn remove(&self, key: &K) -> Option<Arc<V>> {
        self.entries.lock().remove(key).map(|entry| entry.value)
    }

    /// Takes out all that have ended.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.entries.lock().retain(|_, entry| entry.is_there(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn thing_ends_with_its_lifetime() {
        let table = Expiring::new("things", 2);
        table.insert(1, Arc::new("a"), Duration::ZERO, |_| false).unwrap();
        table.insert(2, Arc::new("b"), HOUR, |_| false).unwrap();
        assert!(table.get(&1).is_none());
        assert_eq!(table.get(&2).as_deref(), Some(&"b"));
        table.end_in(&2, Duration::ZERO);
        assert!(table.get(&2).is_none());
        table.sweep();
        assert!(table.remove(&2).is_none());
    }

    #[test]
    fn full_table_drops_the_spare_and_refuses_the_rest() {
        let table = Expiring::new("things", 2);
        for (key, value) in [(1, "spare"), (2, "used"), (3, "used")] {
            table.insert(key, Arc::new(value), HOUR, |value| *value == "spare").unwrap();
        }
        assert!(table.get(&1).is_none());
        let refusal = table.insert(4, Arc::new("used"), HOUR, |_| false);
        assert_eq!(refusal.map_err(|error| error.kind()), Err(ErrorKind::Overloaded));
    }

    #[test]
    fn thing_that_is_held_does_not_end() {
        let table = Arc::new(Expiring::new("things", 1));
        table.insert(1, Arc::new("a"), HOUR, |_| false).unwrap();
        let first = table.hold(1, HOUR).unwrap();
        let second = table.hold(1, Duration::ZERO).unwrap();
        table.end_in(&1, Duration::ZERO);
        drop(first);
        table.end_in(&1, Duration::ZERO);
        table.sweep();
        assert!(table.insert(2, Arc::new("b"), HOUR, |_| true).is_err());
        assert!(table.get(&1).is_some());
        drop(second);
        assert!(table.get(&1).is_none());
        assert!(table.hold(1, HOUR).is_none());
    }
}
