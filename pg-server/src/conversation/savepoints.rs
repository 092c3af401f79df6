//! The savepoints of a transaction. Nothing is changed between them, so that going back to one only
//! makes a transaction that failed go on, which drivers count on.

use pgwire::messages::response::TransactionStatus;
use samite_engine::ErrorKind;

use crate::error::{Coded, code};

/// Savepoints that a transaction may have.
const SAVEPOINTS_MAX: usize = 1000;

/// The savepoints of a transaction, oldest first.
#[derive(Debug, Default)]
pub(super) struct Savepoints(Vec<String>);

impl Savepoints {
    /// Marks a place.
    ///
    /// # Errors
    ///
    /// Outside of a transaction, or when there are too many.
    pub(super) fn mark(&mut self, transaction: TransactionStatus, name: &str) -> Result<(), Coded> {
        if matches!(transaction, TransactionStatus::Idle) {
            let message = "a savepoint is made in a transaction only";
            return Err(Coded::new(code::NO_TRANSACTION, ErrorKind::InvalidQuery, message)
                .with_hint("send BEGIN first"));
        }
        if self.0.len() >= SAVEPOINTS_MAX {
            let message = format!("a transaction has at most {SAVEPOINTS_MAX} savepoints");
            return Err(Coded::new(code::TOO_MANY, ErrorKind::ResourcesExhausted, message));
        }
        self.0.push(name.to_owned());
        Ok(())
    }

    /// Forgets a place and those after it.
    ///
    /// # Errors
    ///
    /// When there is no such place.
    pub(super) fn release(&mut self, name: &str) -> Result<(), Coded> {
        let place = self.place(name)?;
        self.0.truncate(place);
        Ok(())
    }

    /// Goes back to a place: forgets those after it.
    ///
    /// # Errors
    ///
    /// When there is no such place.
    pub(super) fn find(&mut self, name: &str) -> Result<(), Coded> {
        let place = self.place(name)?;
        self.0.truncate(place + 1);
        Ok(())
    }

    /// Forgets all: the transaction has ended.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn place(&self, name: &str) -> Result<usize, Coded> {
        self.0.iter().rposition(|known| known == name).ok_or_else(|| {
            let message = format!("there is no savepoint \"{name}\"");
            Coded::new(code::INVALID_SAVEPOINT, ErrorKind::NotFound, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_holds_until_it_or_one_before_it_is_released() {
        let mut savepoints = Savepoints::default();
        let of = |result: Result<(), Coded>| result.err().map(|coded| coded.code);
        assert_eq!(of(savepoints.mark(TransactionStatus::Idle, "a")), Some("25P01"));
        for name in ["a", "b", "a", "c"] {
            assert_eq!(of(savepoints.mark(TransactionStatus::Transaction, name)), None);
        }
        assert_eq!(of(savepoints.find("a")), None);
        assert_eq!(of(savepoints.find("c")), Some("3B001"));
        assert_eq!(of(savepoints.release("b")), None);
        assert_eq!(of(savepoints.find("b")), Some("3B001"));
        assert_eq!(of(savepoints.find("a")), None);
        savepoints.clear();
        assert_eq!(of(savepoints.release("a")), Some("3B001"));
    }
}
