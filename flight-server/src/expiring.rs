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
            entries.retain(|_, entry| entry.ends_at > now && !is_spare(&entry.value));
        }
        if entries.len() >= self.entries_max {
            let message = format!("there are too many {} at once", self.noun);
            return Err(Error::new(ErrorKind::Overloaded, message)
                .with_detail(format!("the server keeps at most {}", self.entries_max))
                .with_hint("close those that are not needed, or try again later"));
        }
        entries.insert(key, Entry { value, ends_at: now + lifetime });
        Ok(())
    }

    /// The thing with this handle; `None` once it has ended.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.entries.lock();
        let entry = entries.get(key)?;
        (entry.ends_at > Instant::now()).then(|| Arc::clone(&entry.value))
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

    /// Takes out all that have ended, and those that `is_gone`.
    pub(crate) fn sweep(&self, is_gone: impl Fn(&K, &V) -> bool) {
        let now = Instant::now();
        self.entries.lock().retain(|key, entry| entry.ends_at > now && !is_gone(key, &entry.value));
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
        table.sweep(|_, _| false);
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
}
