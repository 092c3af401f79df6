//! Locks out who fails to log in again and again.
//!
//! Failures count for a name at an address, so that nobody can lock somebody else out from afar, and
//! for an address alone, so that nobody can go through names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};

/// Names and addresses that are counted; those that failed longest ago are forgotten first.
const COUNTED_MAX: u64 = 100_000;

/// After this time without a failure, nothing is held against anybody.
const FORGIVEN: Duration = Duration::from_secs(3600);

/// The longest lock.
const LOCK_MAX: Duration = Duration::from_secs(15 * 60);

/// How many times as many failures an address may have as a name: many users can share it.
const NAMES_PER_ADDRESS: usize = 10;

/// Counts failed logins.
#[derive(Debug)]
pub(super) struct Lockout {
    counted: Cache<Key, Arc<Mutex<Failures>>>,
    failures_max: usize,
    lock: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(Option<String>, Option<IpAddr>);

#[derive(Debug, Default)]
struct Failures {
    count: usize,
    locked_until: Option<Instant>,
}

impl Lockout {
    pub(super) fn new(failures_max: usize, lock: Duration) -> Self {
        let counted = Cache::builder().max_capacity(COUNTED_MAX).time_to_idle(FORGIVEN).build();
        Self { counted, failures_max, lock }
    }

    /// Refuses whoever is locked out.
    ///
    /// # Errors
    ///
    /// Says for how long.
    pub(super) fn check(&self, name: &str, address: Option<IpAddr>) -> Result<()> {
        let now = Instant::now();
        let until = self.keys(name, address).into_iter().filter_map(|(key, _)| {
            self.counted.get(&key).and_then(|failures| failures.lock().locked_until)
        });
        match until.max().and_then(|until| until.checked_duration_since(now)) {
            Some(left) => Err(Error::new(ErrorKind::Unauthenticated, "too many failed logins")
                .with_hint(format!("try again in {} s", left.as_secs() + 1))),
            None => Ok(()),
        }
    }

    /// Holds a failure against the name and the address.
    pub(super) fn failed(&self, name: &str, address: Option<IpAddr>) {
        for (key, most) in self.keys(name, address) {
            let failures = self.counted.get_with(key, Arc::default);
            let mut failures = failures.lock();
            failures.count += 1;
            if let Some(more) = failures.count.checked_sub(most) {
                let doubled = 1_u32.checked_shl(u32::try_from(more).unwrap_or(u32::MAX));
                let lock = self.lock.saturating_mul(doubled.unwrap_or(u32::MAX)).min(LOCK_MAX);
                failures.locked_until = Instant::now().checked_add(lock);
            }
        }
    }

    /// Forgets what the name failed at the address, and what the address failed: many users may share
    /// it, and each of them mistypes now and then. Other names stay counted.
    pub(super) fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        for (key, _) in self.keys(name, address) {
            self.counted.invalidate(&key);
        }
    }

    fn keys(&self, name: &str, address: Option<IpAddr>) -> [(Key, usize); 2] {
        let for_address = self.failures_max.saturating_mul(NAMES_PER_ADDRESS);
        [
            (Key(Some(name.to_owned()), address), self.failures_max),
            (Key(None, address), for_address),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn name_is_locked_at_its_address_after_failures_in_a_row() {
        let lockout = Lockout::new(3, Duration::from_secs(30));
        lockout.failed("a", address(1));
        lockout.failed("a", address(1));
        lockout.succeeded("a", address(1));
        lockout.failed("a", address(1));
        lockout.failed("a", address(1));
        assert!(lockout.check("a", address(1)).is_ok());
        lockout.failed("a", address(1));
        assert!(lockout.check("a", address(1)).is_err());
        assert!(lockout.check("a", address(2)).is_ok(), "another address");
        assert!(lockout.check("b", address(1)).is_ok(), "another name");
    }

    #[test]
    fn address_that_goes_through_names_is_locked() {
        let lockout = Lockout::new(3, Duration::from_secs(30));
        for name in 0..30 {
            assert!(lockout.check(&name.to_string(), address(1)).is_ok(), "{name}");
            lockout.failed(&name.to_string(), address(1));
        }
        assert!(lockout.check("never tried", address(1)).is_err());
        assert!(lockout.check("never tried", address(2)).is_ok());
    }

    #[test]
    fn address_of_many_users_is_not_locked_by_what_they_mistype() {
        let lockout = Lockout::new(3, Duration::from_secs(30));
        for name in 0..100 {
            lockout.failed(&name.to_string(), address(1));
            lockout.succeeded(&name.to_string(), address(1));
        }
        assert!(lockout.check("a", address(1)).is_ok());
        (0..3).for_each(|_| lockout.failed("a", address(1)));
        lockout.succeeded("b", address(1));
        assert!(lockout.check("a", address(1)).is_err(), "another name stays locked");
    }

    #[test]
    fn lock_grows_and_has_a_bound() {
        let lockout = Lockout::new(1, Duration::from_secs(30));
        let hint = || {
            lockout.check("a", address(1)).err().and_then(|error| error.hint().map(str::to_owned))
        };
        lockout.failed("a", address(1));
        assert_eq!(hint().as_deref(), Some("try again in 30 s"));
        lockout.failed("a", address(1));
        assert_eq!(hint().as_deref(), Some("try again in 60 s"));
        (0..100).for_each(|_| lockout.failed("a", address(1)));
        assert_eq!(hint().as_deref(), Some("try again in 900 s"));
    }
}
