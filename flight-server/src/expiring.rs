//! A table of things that clients hold by a handle: bounded, and each with an end.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};

/// Keys of things that are gone, beyond the number of those that are there.
const GONE_KEYS_MAX: usize = 64;

/// Things by handle, each until its end.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    /// What the things are, for messages.
    noun: &'static str,
    entries_max: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    /// The keys, oldest first; those of things that are gone may be among them.
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V> Entries<K, V> {
    /// Takes out what has ended or `is_spare`, oldest first, until there are fewer than `most`. Whoever
    /// waits for room does not wait for the end of a thousand things.
    fn make_room(&mut self, most: usize, is_spare: impl Fn(&V) -> bool) -> Vec<Entry<V>> {
        let now = Instant::now();
        let mut gone = Vec::new();
        for _ in 0..self.order.len() {
            if self.by_key.len() < most {
                break;
            }
            let Some(key) = self.order.pop_front() else { break };
            let is_needed = |entry: &Entry<V>| {
                entry.holds > 0 || (entry.ends_at > now && !is_spare(&entry.value))
            };
            match self.by_key.get(&key).map(is_needed) {
                Some(true) => self.order.push_back(key),
                Some(false) => gone.extend(self.by_key.remove(&key)),
                None => {}
            }
        }
        gone
    }

    fn insert(&mut self, key: K, entry: Entry<V>) {
        if self.order.len() > 2 * self.by_key.len() + GONE_KEYS_MAX {
            let Self { by_key, order } = self;
            order.retain(|key| by_key.contains_key(key));
        }
        self.order.push_back(key.clone());
        self.by_key.insert(key, entry);
    }
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
        if let Some(entry) = self.table.entries.lock().by_key.get_mut(&self.key) {
            entry.holds = entry.holds.saturating_sub(1);
            entry.ends_at = Instant::now() + self.linger;
        }
    }
}

impl<K: Hash + Eq + Clone, V> Expiring<K, V> {
    pub(crate) fn new(noun: &'static str, entries_max: usize) -> Self {
        let entries = Entries { by_key: HashMap::new(), order: VecDeque::new() };
        Self { noun, entries_max, entries: Mutex::new(entries) }
    }

    /// Puts a thing in. A full table makes room for it: what has ended or `is_spare` goes, the oldest
    /// first.
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
        let gone = entries.make_room(self.entries_max, is_spare);
        if entries.by_key.len() >= self.entries_max {
            let message = format!("there are too many {} at once", self.noun);
            return Err(Error::new(ErrorKind::Overloaded, message)
                .with_detail(format!("the server keeps at most {}", self.entries_max))
                .with_hint("close those that are not needed, or try again later"));
        }
        entries.insert(key, Entry { value, ends_at: now + lifetime, holds: 0 });
        drop(entries);
        drop(gone);
        Ok(())
    }

    /// The thing with this handle; `None` once it has ended.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.entries.lock();
        let entry = entries.by_key.get(key)?;
        entry.is_there(Instant::now()).then(|| Arc::clone(&entry.value))
    }

    /// Lets a thing stay until the hold is dropped, and `linger` more; `None` once it has ended.
    pub(crate) fn hold(self: &Arc<Self>, key: K, linger: Duration) -> Option<Hold<K, V>> {
        let mut entries = self.entries.lock();
        let entry = entries.by_key.get_mut(&key).filter(|entry| entry.is_there(Instant::now()))?;
        entry.holds += 1;
        drop(entries);
        Some(Hold { table: Arc::clone(self), key, linger })
    }

    /// Lets a thing end `lifetime` from now.
    pub(crate) fn end_in(&self, key: &K, lifetime: Duration) {
        if let Some(entry) = self.entries.lock().by_key.get_mut(key) {
            entry.ends_at = Instant::now() + lifetime;
        }
    }

    /// Takes a thing out.
    pub(crate) fn remove(&self, key: &K) -> Option<Arc<V>> {
        self.entries.lock().by_key.remove(key).map(|entry| entry.value)
    }

    /// Takes out all that have ended.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut entries = self.entries.lock();
        let ended = entries.by_key.extract_if(|_, entry| !entry.is_there(now));
        let gone: Vec<(K, Entry<V>)> = ended.collect();
        // Nobody waits while they are dropped.
        drop(entries);
        drop(gone);
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
    fn full_table_drops_the_oldest_that_it_can_spare_and_no_more() {
        let table = Arc::new(Expiring::new("things", 3));
        let insert = |key| table.insert(key, Arc::new(key), HOUR, |value| *value != 1).unwrap();
        let there = || (1..=6).filter(|key| table.get(key).is_some()).collect::<Vec<_>>();
        [1, 2, 3].into_iter().for_each(insert);
        let hold = table.hold(2, HOUR).unwrap();
        insert(4);
        assert_eq!(there(), [1, 2, 4]);
        drop(hold);
        insert(5);
        assert_eq!(there().len(), 3);
        assert!(there().contains(&1) && there().contains(&5), "{:?}", there());
    }

    #[test]
    fn keys_of_what_is_gone_are_forgotten() {
        let table = Expiring::new("things", 3);
        for key in 0..1000 {
            table.insert(key, Arc::new(key), HOUR, |_| false).unwrap();
            table.remove(&key);
        }
        assert!(table.entries.lock().order.len() <= GONE_KEYS_MAX + 1);
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
