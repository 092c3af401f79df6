//! Object identifiers: made from names, so that the same thing has the same one in every query, in
//! every program, and after a restart.

use std::collections::HashSet;

/// The first number that PostgreSQL gives to what is not its own.
pub(super) const FIRST: i32 = 16_384;

/// How many numbers there are from there on.
const SPAN: u64 = i32::MAX as u64 - FIRST as u64;

/// Gives out the numbers of one kind of things.
#[derive(Debug)]
pub(super) struct Oids {
    kind: &'static str,
    used: HashSet<i32>,
}

impl Oids {
    /// The numbers of things of one kind.
    pub(super) fn of(kind: &'static str) -> Self {
        Self { kind, used: HashSet::new() }
    }

    /// The number of the thing with this name. Where two names have the same, the one that comes later
    /// gets the next that is free: things are named in the same order each time.
    pub(super) fn give(&mut self, name: &[&str]) -> i32 {
        let mut place = hash(self.kind, name) % SPAN;
        loop {
            let oid = i32::try_from(place).unwrap_or_default().saturating_add(FIRST);
            if self.used.insert(oid) {
                return oid;
            }
            place = (place + 1) % SPAN;
        }
    }
}

/// FNV-1a over the parts, each ended by a NUL: no name holds one.
fn hash(kind: &str, name: &[&str]) -> u64 {
    let parts = [kind].into_iter().chain(name.iter().copied());
    let bytes = parts.flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers themselves: another release of Samite gives the same.
    #[test]
    fn number_depends_on_the_name_alone() {
        let orders = Oids::of("relation").give(&["shop", "orders", "orders"]);
        assert_eq!(orders, Oids::of("relation").give(&["shop", "orders", "orders"]));
        assert_ne!(orders, Oids::of("index").give(&["shop", "orders", "orders"]));
        assert_ne!(orders, Oids::of("relation").give(&["shop", "order", "sorders"]));
        assert!(orders >= FIRST);
    }

    #[test]
    fn no_number_is_given_twice() {
        let mut oids = Oids::of("relation");
        let first = oids.give(&["a"]);
        assert_eq!(oids.give(&["a"]), first + 1);
        let many: HashSet<i32> = (0..10_000).map(|n| oids.give(&[&n.to_string()])).collect();
        assert_eq!(many.len(), 10_000);
    }
}
