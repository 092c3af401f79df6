//! What all parameters that the server keeps may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use samite_engine::{Error, ErrorKind, Result};

/// What all parameters that the server keeps may take together. Clones count into the same sum.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    bytes_max: usize,
    bytes: Arc<AtomicUsize>,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: Arc::default() }
    }

    /// Takes this share.
    ///
    /// # Errors
    ///
    /// When so much is not left.
    pub(crate) fn take(&self, bytes: usize) -> Result<Share> {
        let mut share = Share { budget: self.clone(), bytes: 0 };
        share.grow(bytes)?;
        Ok(share)
    }
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// The same share once more.
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
        let budget = &self.budget;
        let grown = |bytes: usize| bytes.checked_add(more).filter(|sum| *sum <= budget.bytes_max);
        let result = budget.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        result.map_err(|_| full(budget.bytes_max))?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn full(bytes_max: usize) -> Error {
    Error::new(ErrorKind::Overloaded, "the server keeps too many parameters of statements")
        .with_detail(format!("all together take at most {bytes_max} bytes"))
        .with_hint("close prepared statements that are not needed, or try again later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_given_back_when_it_is_dropped() {
        let budget = Budget::new(100);
        let mut share = budget.take(60).unwrap();
        assert!(share.again().is_err() && share.grow(41).is_err());
        share.grow(40).unwrap();
        assert!(budget.take(1).is_err() && budget.take(usize::MAX).is_err());
        drop(share);
        assert_eq!(budget.take(100).unwrap().bytes(), 100);
    }
}
