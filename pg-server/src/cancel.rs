//! Cancelling over another connection, as PostgreSQL's clients do: with a number and a key that the
//! server gave them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Bytes of a key, as protocol 3.0 has it, and as later ones allow.
const SHORT_KEY_BYTES: usize = 4;
const LONG_KEY_BYTES: usize = 32;

/// The sessions, by number. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancels(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: AtomicI32,
    sessions: Mutex<HashMap<i32, Known>>,
}

#[derive(Debug)]
struct Known {
    key: Bytes,
    /// Fires to end what runs; `None` while nothing does.
    running: Option<CancellationToken>,
}

/// One session; forgotten when it is dropped.
#[derive(Debug)]
pub(crate) struct Cancellable {
    cancels: Cancels,
    /// Its number.
    pub(crate) process: i32,
    /// What proves that somebody may cancel it.
    pub(crate) key: Bytes,
}

impl Cancels {
    /// Makes a number and a key for a session.
    pub(crate) fn register(&self, has_long_keys: bool) -> Cancellable {
        let length = if has_long_keys { LONG_KEY_BYTES } else { SHORT_KEY_BYTES };
        let key: Bytes = (0..length).map(|_| rand::random::<u8>()).collect();
        let mut sessions = self.0.sessions.lock();
        let process = loop {
            let next = self.0.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if next > 0 && !sessions.contains_key(&next) {
                break next;
            }
            if next < 0 {
                self.0.last.store(0, Ordering::Relaxed);
            }
        };
        sessions.insert(process, Known { key: key.clone(), running: None });
        Cancellable { cancels: self.clone(), process, key }
    }

    /// Ends what the session of that number runs, if the key is its own. Says nothing of either.
    pub(crate) fn cancel(&self, process: i32, key: &[u8]) {
        let sessions = self.0.sessions.lock();
        let known = sessions.get(&process).filter(|known| is_same(&known.key, key));
        if let Some(running) = known.and_then(|known| known.running.as_ref()) {
            running.cancel();
        }
    }
}

/// True if the two are the same, in a time that does not tell where they differ.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |differing, (left, right)| differing | (left ^ right))
            == 0
}

impl Cancellable {
    /// Says that something begins to run; what is returned fires to end it.
    pub(crate) fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        self.set(Some(token.clone()));
        token
    }

    /// Says that nothing runs any more.
    pub(crate) fn end(&self) {
        self.set(None);
    }

    fn set(&self, running: Option<CancellationToken>) {
        if let Some(known) = self.cancels.0.sessions.lock().get_mut(&self.process) {
            known.running = running;
        }
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        self.cancels.0.sessions.lock().remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_of_a_session_cancels_what_it_runs() {
        let cancels = Cancels::default();
        let (one, other) = (cancels.register(false), cancels.register(true));
        assert_eq!((one.key.len(), other.key.len()), (4, 32));
        let running = one.begin();
        for (process, key) in [
            (one.process, &other.key[..]),
            (one.process, b""),
            (other.process, &one.key),
            (99, &one.key),
        ] {
            cancels.cancel(process, key);
            assert!(!running.is_cancelled(), "{process} {key:?}");
        }
        cancels.cancel(one.process, &one.key);
        assert!(running.is_cancelled());
        let next = one.begin();
        one.end();
        cancels.cancel(one.process, &one.key);
        assert!(!next.is_cancelled());
        let process = one.process;
        drop(one);
        assert!(!cancels.0.sessions.lock().contains_key(&process));
    }
}
