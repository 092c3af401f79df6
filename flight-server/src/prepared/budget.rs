//! What all parameters that the server keeps may take together, and those of one principal.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};

use crate::share::Share;

/// What all parameters that the server keeps may take together. Clones count into the same sum.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    bytes_max: usize,
    owner_bytes_max: usize,
    /// In whose name is taken; of nobody in particular may be taken all.
    owner: Option<Arc<str>>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    by_owner: HashMap<Arc<str>, usize>,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize, share: Share) -> Self {
        let owner_bytes_max = share.of(bytes_max);
        Self { bytes_max, owner_bytes_max, owner: None, taken: Arc::default() }
    }

    /// The same, taken in the name of this principal.
    pub(crate) fn of(&self, principal: &Principal) -> Self {
        let owner = (!principal.is_anonymous()).then(|| Arc::from(principal.name.as_str()));
        Self { owner, ..self.clone() }
    }

    /// Takes so much.
    ///
    /// # Errors
    ///
    /// When so much is not left.
    pub(crate) fn take(&self, bytes: usize) -> Result<Part> {
        let mut part = Part { budget: self.clone(), bytes: 0 };
        part.grow(bytes)?;
        Ok(part)
    }

    fn add(&self, more: usize) -> Result<()> {
        let mut taken = self.taken.lock();
        let sum = |bytes: usize, most| bytes.checked_add(more).filter(|sum| *sum <= most);
        let bytes = sum(taken.bytes, self.bytes_max).ok_or_else(|| full(self.bytes_max))?;
        if let Some(owner) = &self.owner {
            let known = taken.by_owner.get(owner).copied().unwrap_or(0);
            let most = self.owner_bytes_max;
            let owned = sum(known, most).ok_or_else(|| owner_full(most))?;
            taken.by_owner.insert(Arc::clone(owner), owned);
        }
        taken.bytes = bytes;
        Ok(())
    }

    fn give_back(&self, bytes: usize) {
        let mut taken = self.taken.lock();
        taken.bytes -= bytes;
        let Some(owner) = &self.owner else { return };
        let left = taken.by_owner.get(owner).map_or(0, |owned| owned - bytes);
        match left {
            0 => drop(taken.by_owner.remove(owner)),
            left => drop(taken.by_owner.insert(Arc::clone(owner), left)),
        }
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    budget: Budget,
    bytes: usize,
}

impl Part {
    /// The same once more.
    ///
    /// # Errors
    ///
    /// When so much is not left.
    pub(crate) fn again(&self) -> Result<Self> {
        self.budget.take(self.bytes)
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more.
    ///
    /// # Errors
    ///
    /// When so much is not left.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        self.budget.add(more)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

const HINT: &str = "close prepared statements that are not needed, or try again later";

fn full(bytes_max: usize) -> Error {
    Error::new(ErrorKind::Overloaded, "the server keeps too many parameters of statements")
        .with_detail(format!("all together take at most {bytes_max} bytes"))
        .with_hint(HINT)
}

fn owner_full(bytes_max: usize) -> Error {
    Error::new(ErrorKind::Overloaded, "the server keeps too many parameters of your statements")
        .with_detail(format!("those of one principal take at most {bytes_max} bytes"))
        .with_hint(HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_given_back_when_it_is_dropped() {
        let budget = Budget::new(100, Share::percent(100));
        let mut part = budget.take(60).unwrap();
        assert!(part.again().is_err() && part.grow(41).is_err());
        part.grow(40).unwrap();
        assert!(budget.take(1).is_err() && budget.take(usize::MAX).is_err());
        drop(part);
        assert_eq!(budget.take(100).unwrap().bytes(), 100);
    }

    #[test]
    fn principal_has_its_share_and_nobody_in_particular_has_all() {
        let budget = Budget::new(100, Share::percent(25));
        let anna = budget.of(&Principal::user("anna"));
        let part = anna.take(20).unwrap();
        let refusal = anna.take(6).err().unwrap();
        assert!(refusal.message().contains("of your statements"), "{refusal:?}");
        let nobody = budget.of(&Principal::anonymous());
        let rest = nobody.take(80).unwrap();
        let refusal = budget.of(&Principal::user("bo")).take(1).err().unwrap();
        assert!(!refusal.message().contains("your"), "{refusal:?}");
        drop((part, rest));
        assert_eq!(anna.take(25).unwrap().bytes(), 25);
        assert!(budget.taken.lock().by_owner.is_empty());
    }
}
