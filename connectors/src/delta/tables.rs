//! The tables that are kept between queries.
//!
//! A query asks the log for new commits, so that it sees every commit made before it; but nothing
//! is read twice, and many queries at once look only once.

use std::sync::Arc;
use std::time::Instant;

use datafusion::object_store::path::Path;
use deltalake_core::DeltaTable;
use samite_engine::Result;

use super::config::DeltaConfig;
use super::log;
use super::snapshot::TableReader;
use crate::slots::Slots;
use crate::source_table::SourceTable;
use crate::stores::StoreId;

/// The tables that are kept.
#[derive(Debug)]
pub(super) struct Tables(Slots<Key, Kept>);

/// A table at its newest version, or at a fixed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    store: StoreId,
    path: Path,
    version: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    /// When the look at the log began: it shows every commit that was made before.
    looked: Instant,
    table: DeltaTable,
    version: Option<u64>,
    source: Arc<SourceTable>,
}

impl Tables {
    pub(super) fn new(config: &DeltaConfig) -> Self {
        Self(Slots::new(config.tables_max, config.files_max))
    }

    /// The table at `version`, or at the newest version that was there when this was asked.
    ///
    /// # Errors
    ///
    /// If the log cannot be read or needs more than Samite reads.
    pub(super) async fn source(
        &self,
        reader: &TableReader<'_>,
        version: Option<u64>,
    ) -> Result<Arc<SourceTable>> {
        let asked = Instant::now();
        let key =
            Key { store: reader.place.store.id.clone(), path: reader.place.path.clone(), version };
        let slot = self.0.slot(&key);
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| version.is_some() || kept.looked >= asked) {
            return Ok(Arc::clone(&kept.source));
        }
        let loaded = load(reader, version, kept.take()).await;
        let source = loaded.map(|loaded| Arc::clone(&kept.insert(loaded).source));
        drop(kept);
        drop(slot);
        match &source {
            Ok(source) => self.0.settle(&key, source.file_count()),
            Err(_) => self.0.forget_empty(&key),
        }
        source
    }
}

async fn load(reader: &TableReader<'_>, version: Option<u64>, kept: Option<Kept>) -> Result<Kept> {
    let looked = Instant::now();
    let explain = |error| log::explain(reader.name, reader.place, version, error);
    if let Some(mut kept) = kept
        && kept.table.update_incremental(version).await.is_ok()
        && kept.table.version() >= kept.version
    {
        kept.looked = looked;
        if kept.table.version() != kept.version {
            kept.source = Arc::new(reader.read(&kept.table).await?);
            kept.version = kept.table.version();
        }
        return Ok(kept);
    }
    // Nothing is known yet, or the table was made anew at its place.
    let mut table = log::table(reader.place)?;
    if let Err(error) = table.update_incremental(version).await {
        return Err(explain(error).await);
    }
    let source = Arc::new(reader.read(&table).await?);
    Ok(Kept { looked, version: table.version(), table, source })
}
