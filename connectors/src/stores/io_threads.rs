//! The threads that speak with remote stores.
//!
//! A runtime of their own, so that a query that computes for long never keeps an answer of a store
//! waiting, nor a time limit from striking.

use std::sync::Arc;

use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};

/// How many threads there are; they only move bytes.
const THREADS: usize = 2;

/// The threads that speak with remote stores; they end with the last store that holds them.
#[derive(Debug)]
pub(super) struct IoThreads(Option<Runtime>);

impl IoThreads {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("samite-io")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    "the threads for remote stores cannot be started",
                )
                .with_source(error)
            })?;
        Ok(Self(Some(runtime)))
    }

    /// Where work is handed over; none while the threads end.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

/// A runtime must not be dropped where others wait, so that it ends in the background.
impl Drop for IoThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The threads, started for the first remote store: a mesh on this machine needs none.
#[derive(Debug, Default)]
pub(super) struct LazyIoThreads(Mutex<Option<Arc<IoThreads>>>);

impl LazyIoThreads {
    /// The threads.
    ///
    /// # Errors
    ///
    /// As [`IoThreads::start`].
    pub(super) fn get(&self) -> Result<Arc<IoThreads>> {
        let mut started = self.0.lock();
        if let Some(threads) = &*started {
            return Ok(Arc::clone(threads));
        }
        let threads = Arc::new(IoThreads::start()?);
        *started = Some(Arc::clone(&threads));
        Ok(threads)
    }
}
