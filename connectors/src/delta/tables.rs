//! The tables that are kept between queries.
//!
//! A query asks the log for new commits, so that it sees every commit made before it; but nothing
//! is read twice, and many queries at once look only once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use datafusion::object_store::path::Path;
use deltalake_core::DeltaTable;
use parking_lot::Mutex as ShortMutex;
use samite_engine::Result;
use tokio::sync::Mutex;

use super::config::DeltaConfig;
use super::log;
use super::snapshot::TableReader;
use crate::source_table::SourceTable;
use crate::stores::StoreId;

/// The tables that are kept.
#[derive(Debug)]
pub(super) struct Tables {
    config: DeltaConfig,
    slots: ShortMutex<HashMap<Key, Slot>>,
}

/// A table at its newest version, or at a fixed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    store: StoreId,
    path: Path,
    version: Option<u64>,
}

#[derive(Debug)]
struct Slot {
    used: Instant,
    files: usize,
    table: Arc<Mutex<Option<Kept>>>,
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
    pub(super) fn new(config: DeltaConfig) -> Self {
        Self { config, slots: ShortMutex::default() }
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
        let slot = self.slot(&key, asked);
        let mut kept = slot.lock().await;
        if let Some(kept) = &*kept
            && (version.is_some() || kept.looked >= asked)
        {
            return Ok(Arc::clone(&kept.source));
        }
        // A table that fails to load is taken out, so that its next query starts anew.
        let loaded = load(reader, version, kept.take()).await?;
        let source = Arc::clone(&loaded.source);
        *kept = Some(loaded);
        drop(kept);
        self.bound(&key, source.file_count());
        Ok(source)
    }

    fn slot(&self, key: &Key, now: Instant) -> Arc<Mutex<Option<Kept>>> {
        let mut slots = self.slots.lock();
        let slot = slots.entry(key.clone()).or_insert_with(|| Slot {
            used: now,
            files: 0,
            table: Arc::default(),
        });
        slot.used = now;
        Arc::clone(&slot.table)
    }

    /// Drops what was not used for longest until the bounds hold; the newest table stays.
    fn bound(&self, key: &Key, files: usize) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(key) {
            slot.files = files;
        }
        let mut total: usize = slots.values().map(|slot| slot.files).sum();
        while slots.len() > 1
            && (slots.len() > self.config.tables_max || total > self.config.files_max)
        {
            let oldest =
                slots.iter().filter(|(other, _)| *other != key).min_by_key(|(_, s)| s.used);
            let Some(oldest) = oldest.map(|(oldest, _)| oldest.clone()) else { return };
            total -= slots.remove(&oldest).map_or(0, |slot| slot.files);
        }
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
