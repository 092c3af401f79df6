//! What makes the digests of one query differ from those of all others.

use std::fmt;

use sha2::{Digest, Sha256};

/// A secret of one query: its tables share it, so that they can be joined on what is digested. It
/// cannot be printed.
#[derive(Clone)]
pub(crate) struct Salt([u8; 32]);

impl Salt {
    /// A salt that nobody can guess.
    pub(crate) fn random() -> Self {
        let mut salt = [0; 32];
        let (one, another) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        for (place, byte) in salt.iter_mut().zip(one.as_bytes().iter().chain(another.as_bytes())) {
            *place = *byte;
        }
        Self(salt)
    }

    /// The salt of one execution: a plan can be run again, and is another query then.
    pub(super) fn of_query(&self, query_id: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(query_id.as_bytes());
        Self(digest.finalize().into())
    }

    /// The digest of a value with this salt.
    pub(super) fn digest(&self, value: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(value);
        digest.finalize().into()
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_is_another_for_each_query_and_never_shown() {
        let salt = Salt::random();
        assert_eq!(format!("{salt:?}"), "Salt(***)");
        assert_ne!(salt.digest(b"a"), Salt::random().digest(b"a"));
        assert_ne!(salt.of_query("1").digest(b"a"), salt.of_query("2").digest(b"a"));
        assert_eq!(salt.of_query("1").digest(b"a"), salt.clone().of_query("1").digest(b"a"));
    }
}
