//! What all queries share: memory, disk, threads, and their number.

use std::sync::Arc;

use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use super::memory::QueryPool;
use super::processor::Processor;
use super::queue::{Places, QueueConfig};
use super::stores::NoStores;
use crate::config::EngineConfig;
use crate::error::Result;
use crate::telemetry::Load;

/// Consumers of memory that are named when it does not suffice.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN;

/// What all queries share: memory, disk, threads, and their number.
#[derive(Debug)]
pub struct Limits {
    runtime: Arc<RuntimeEnv>,
    processor: Processor,
    places: Places,
    query_memory_bytes_max: usize,
}

impl Limits {
    /// Sets memory, disk and threads up.
    ///
    /// # Errors
    ///
    /// When the folder for spilled data cannot be made, or the system gives no threads.
    pub fn new(
        config: &EngineConfig,
        stores: Option<Arc<dyn ObjectStoreRegistry>>,
    ) -> Result<Self> {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let pool = GreedyMemoryPool::new(bytes(config.memory_bytes_max));
        let disk = DiskManagerBuilder::default()
            .with_mode(match &config.spill_folder {
                Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
                None => DiskManagerMode::OsTmpDirectory,
            })
            .with_max_temp_directory_size(config.spill_bytes_max);
        // Listings that never expire hide new files, and no provider of ours needs these caches.
        let caches = CacheManagerConfig::default()
            .with_list_files_cache_limit(0)
            .with_file_statistics_cache_limit(0);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, NAMED_CONSUMERS)))
            .with_disk_manager_builder(disk)
            .with_cache_manager(caches)
            .with_object_store_registry(stores.unwrap_or_else(|| Arc::new(NoStores)))
            .build_arc()?;
        Ok(Self {
            runtime,
            processor: Processor::new()?,
            places: Places::new(queue_config(config)),
            query_memory_bytes_max: bytes(config.query_memory_bytes_max),
        })
    }

    /// What plans run in.
    #[must_use]
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// The threads that plan and run queries.
    pub(crate) fn processor(&self) -> &Processor {
        &self.processor
    }

    /// What one query runs in: the same, with a bound on its memory.
    pub(super) fn query_runtime(&self) -> Arc<RuntimeEnv> {
        let shared = Arc::clone(&self.runtime.memory_pool);
        let pool = QueryPool::new(shared, self.query_memory_bytes_max);
        Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..self.runtime.as_ref().clone() })
    }

    /// The places among the queries that run.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// What is held and waited for now.
    pub(crate) fn load(&self) -> Load {
        let (running, waiting) = self.places.load();
        Load { running, waiting, memory_bytes: self.runtime.memory_pool.reserved() }
    }
}

fn queue_config(config: &EngineConfig) -> QueueConfig {
    QueueConfig {
        places_max: config.concurrent_queries_max,
        principal_places_max: match config.principal_queries_max {
            0 => config.concurrent_queries_max,
            most => most,
        },
        waiting_max: config.queue_length_max,
        timeout: config.queue_timeout,
    }
}
