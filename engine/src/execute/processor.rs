//! The threads that plan and run queries.
//!
//! A runtime of its own keeps a busy query from starving whoever listens to the network, and gives
//! its threads a stack that deep expressions do not overflow.

use std::future::Future;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, ErrorKind, Result};

/// The stack of a thread, in bytes; only what is touched is real memory.
const STACK_BYTES: usize = 128 << 20;

/// The threads that plan and run queries.
#[derive(Debug)]
pub(crate) struct Processor(Option<Runtime>);

impl Processor {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub(crate) fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(available_parallelism().map_or(1, std::num::NonZero::get))
            .thread_name("samite-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::InvalidConfiguration, "the query threads cannot be started")
                    .with_source(error)
            })?;
        Ok(Self(Some(runtime)))
    }

    /// Starts `work`; dropping the handle stops it.
    ///
    /// # Errors
    ///
    /// When the threads are gone.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<AbortOnDropHandle<T>> {
        match &self.0 {
            Some(runtime) => Ok(AbortOnDropHandle::new(runtime.spawn(work))),
            None => Err(Error::new(ErrorKind::Cancelled, "the engine is shutting down")),
        }
    }

    /// Runs `work` to its end; dropping the future stops it, and a panic becomes an error.
    ///
    /// # Errors
    ///
    /// Those of `work`, and when it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match self.start(work)?.await {
            Ok(result) => result,
            Err(error) => Err(stopped(&error)),
        }
    }
}

/// The error for work that ended without a result.
pub(super) fn stopped(error: &tokio::task::JoinError) -> Error {
    if error.is_panic() {
        return Error::new(ErrorKind::Internal, "the query failed inside Samite")
            .with_hint("please report it, with the statement")
            .with_context("panic", error);
    }
    Error::new(ErrorKind::Cancelled, "the query was cancelled")
}

/// A runtime must not be dropped where others wait, so that it ends in the background.
impl Drop for Processor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
