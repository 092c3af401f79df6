//! A table of things that clients hold by a handle: bounded as a whole and for each principal, and each
//! with an end.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};

use crate::share::Share;

/// Keys of things that are gone, beyond the number of those that are there.
const GONE_KEYS_MAX: usize = 64;

/// Things by handle, each until its end.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    /// What the things are, for messages.
    noun: &'static str,
    entries_max: usize,
    /// What one owner may have of them.
    owner_entries_max: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    owners: HashMap<Arc<str>, Owned<K>>,
}

/// What one owner has.
#[derive(Debug)]
struct Owned<K> {
    count: usize,
    /// The keys, oldest first; those of things that are gone may be among them.
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V> Entries<K, V> {
    /// Takes out what has ended or `is_spare` of what an owner has, oldest first, until there is so
    /// little. Whoever waits for room does not wait for the end of a thousand things.
    fn make_room(&mut self, owner: &str, most: usize, is_spare: impl Fn(&V) -> bool) -> Gone<V> {
        let now = Instant::now();
        let mut gone = Vec::new();
        let Some(owned) = self.owners.get_mut(owner) else { return gone };
        for _ in 0..owned.order.len() {
            if owned.count <= most {
                break;
            }
            let Some(key) = owned.order.pop_front() else { break };
            let is_needed = |entry: &Entry<V>| {
                entry.holds > 0 || (entry.ends_at > now && !is_spare(&entry.value))
            };
            match self.by_key.get(&key).map(is_needed) {
                Some(true) => owned.order.push_back(key),
                Some(false) => {
                    gone.extend(self.by_key.remove(&key));
                    owned.count -= 1;
                }
                None => {}
            }
        }
        if owned.count == 0 {
            self.owners.remove(owner);
        }
        gone
    }

    /// Takes one thing out that has ended or `is_spare`: of this owner, else of whoever has most.
    fn make_room_for(&mut self, owner: &str, is_spare: impl Fn(&V) -> bool) -> Gone<V> {
        let mut owners: Vec<(bool, usize, Arc<str>)> = self
            .owners
            .iter()
            .map(|(name, owned)| (**name == *owner, owned.count, Arc::clone(name)))
            .collect();
        owners.sort_unstable_by(|one, other| other.cmp(one));
        for (_, count, name) in owners {
            let gone = self.make_room(&name, count.saturating_sub(1), &is_spare);
            if !gone.is_empty() {
                return gone;
            }
        }
        Vec::new()
    }

    fn insert(&mut self, key: K, entry: Entry<V>) {
        if let Some(known) = self.by_key.remove(&key) {
            self.disown(&known.owner);
        }
        let owner = Arc::clone(&entry.owner);
        self.by_key.insert(key.clone(), entry);
        let Self { by_key, owners } = self;
        let owned = owners.entry(owner);
        let owned = owned.or_insert_with(|| Owned { count: 0, order: VecDeque::new() });
        owned.count += 1;
        if owned.order.len() > 2 * owned.count + GONE_KEYS_MAX {
            owned.order.retain(|key| by_key.contains_key(key));
        }
        owned.order.push_back(key);
    }

    fn remove(&mut self, key: &K) -> Option<Entry<V>> {
        let entry = self.by_key.remove(key)?;
        self.disown(&entry.owner);
        Some(entry)
    }

    fn disown(&mut self, owner: &Arc<str>) {
        if let Some(owned) = self.owners.get_mut(owner) {
            owned.count = owned.count.saturating_sub(1);
            if owned.count == 0 {
                self.owners.remove(owner);
            }
        }
    }
}

/// What is dropped once nobody waits any more.
type Gone<V> = Vec<Entry<V>>;

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    owner: Arc<str>,
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
    /// At most `entries_max` things, and of those of one principal the `share`.
    pub(crate) fn new(noun: &'static str, entries_max: usize, share: Share) -> Self {
        let entries = Entries { by_key: HashMap::new(), owners: HashMap::new() };
        let owner_entries_max = share.of(entries_max);
        Self { noun, entries_max, owner_entries_max, entries: Mutex::new(entries) }
    }

    /// Puts a thing in. A full table makes room for it: what has ended or `is_spare` goes, the oldest
    /// of the owner first.
    ///
    /// # Errors
    ///
    /// When there is no room, or the owner has its share.
    pub(crate) fn insert(
        &self,
        owner: &Principal,
        (key, value): (K, Arc<V>),
        lifetime: Duration,
        is_spare: impl Fn(&V) -> bool,
    ) -> Result<()> {
        let most = match owner.is_anonymous() {
            true => self.entries_max,
            false => self.owner_entries_max,
        };
        let owner: Arc<str> = Arc::from(owner.name.as_str());
        let now = Instant::now();
        let mut entries = self.entries.lock();
        let mut gone = entries.make_room(&owner, most.saturating_sub(1), &is_spare);
        if entries.owners.get(&owner).is_some_and(|owned| owned.count >= most) {
            return Err(self.too_many(most));
        }
        if entries.by_key.len() >= self.entries_max {
            gone.extend(entries.make_room_for(&owner, &is_spare));
        }
        if entries.by_key.len() >= self.entries_max {
            return Err(self.too_many(self.entries_max));
        }
        entries.insert(key, Entry { value, owner, ends_at: now + lifetime, holds: 0 });
        drop(entries);
        drop(gone);
        Ok(())
    }

    fn too_many(&self, most: usize) -> Error {
        let noun = self.noun;
        let (message, detail) = match most == self.entries_max {
            true => (
                format!("there are too many {noun} at once"),
                format!("the server keeps at most {most}"),
            ),
            false => (
                format!("you have too many {noun} at once"),
                format!("the server keeps at most {most} for one principal"),
            ),
        };
        Error::new(ErrorKind::Overloaded, message)
            .with_detail(detail)
            .with_hint("close those that are not needed, or try again later")
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
        self.entries.lock().remove(key).map(|entry| entry.value)
    }

    /// Takes out all that have ended.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut entries = self.entries.lock();
        let ended = entries.by_key.extract_if(|_, entry| !entry.is_there(now));
        let gone: Gone<V> = ended.map(|(_, entry)| entry).collect();
        for entry in &gone {
            entries.disown(&entry.owner);
        }
        // Nobody waits while they are dropped.
        drop(entries);
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
