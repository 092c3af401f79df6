//! What all queries share: memory, disk, and their number.

use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::sync::Semaphore;

use crate::config::EngineConfig;
use crate::error::Result;

/// What all queries share: memory, disk, and their number.
#[derive(Debug)]
pub struct Limits {
    runtime: Arc<RuntimeEnv>,
    queries: Arc<Semaphore>,
}

impl Limits {
    /// Sets memory and disk up.
    ///
    /// # Errors
    ///
    /// When the folder for spilled data cannot be made.
    pub fn new(
        config: &EngineConfig,
        stores: Option<Arc<dyn ObjectStoreRegistry>>,
    ) -> Result<Self> {
        let mut builder = RuntimeEnvBuilder::new();
        if let Some(stores) = stores {
            builder = builder.with_object_store_registry(stores);
        }
        Ok(Self {
            runtime: builder.build_arc()?,
            queries: Arc::new(Semaphore::new(config.concurrent_queries_max)),
        })
    }

    /// What plans run in.
    #[must_use]
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// The places for running queries.
    #[must_use]
    pub fn queries(&self) -> &Arc<Semaphore> {
        &self.queries
    }
}
