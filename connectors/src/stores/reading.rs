//! What all reads from one store share: how fast it is, and the memory for what is read before it is
//! asked for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::speed::Speed;
use super::whole_files::WholeFiles;

/// Memory is handed out in pieces of this size.
const PIECE_BYTES: u64 = 1024;

/// What all reads from one store share.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// How fast the store is.
    pub(crate) speed: Arc<Speed>,
    /// The whole files of small tables.
    pub(crate) whole_files: Arc<WholeFiles>,
    ahead: Arc<Semaphore>,
}

/// Memory for what is read ahead, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct AheadMemory(
    #[expect(dead_code, reason = "held until dropped")] OwnedSemaphorePermit,
);

impl Reading {
    /// That of the first store, with so many bytes for reading ahead and for whole files.
    pub(super) fn new(ahead_bytes_max: u64, whole_bytes_max: u64) -> Self {
        let pieces = usize::try_from(ahead_bytes_max / PIECE_BYTES).unwrap_or(usize::MAX);
        Self {
            speed: Arc::default(),
            whole_files: Arc::new(WholeFiles::new(whole_bytes_max)),
            ahead: Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// That of another store, with which the memory is shared.
    pub(super) fn of_another_store(&self) -> Self {
        Self { speed: Arc::default(), ..self.clone() }
    }

    /// Memory for reading ahead, if there is so much left.
    pub(crate) fn memory_for(&self, bytes: u64) -> Option<AheadMemory> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).ok()?;
        Arc::clone(&self.ahead).try_acquire_many_owned(pieces).ok().map(AheadMemory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_reading_ahead_is_one_bound_for_all_stores() {
        let one = Reading::new(10 * PIECE_BYTES, 0);
        let other = one.of_another_store();
        let held = one.memory_for(7 * PIECE_BYTES).unwrap();
        assert!(other.memory_for(4 * PIECE_BYTES).is_none());
        assert!(other.memory_for(3 * PIECE_BYTES - 1).is_some());
        drop(held);
        assert!(other.memory_for(10 * PIECE_BYTES).is_some());
        assert!(Reading::new(0, 0).memory_for(1).is_none());
    }
}
