//! The tables that are kept between queries.
//!
//! A query asks the log for new commits, so that it sees every commit made before it; but nothing
//! is read twice, and many queries at once look only once.

use std::sync::Arc;
use std::time::Instant;

use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use samite_engine::Result;

use super::config::DeltaConfig;
use super::log::{self, Look};
use super::replayed::Replayed;
use super::snapshot::TableReader;
use crate::slots::Slots;
use crate::source_table::SourceTable;
use crate::stores::{StoreId, unreadable};

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

struct Kept {
    /// When the look at the log began: it shows every commit that was made before.
    looked: Instant,
    replayed: Replayed,
    version: u64,
    /// The commit of that version; none if a checkpoint replaced it.
    commit: Option<ObjectMeta>,
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
        let is_fresh = |kept: &Kept| version.is_some() || kept.looked >= asked;
        let load = |kept| load(reader, version, kept);
        self.0.kept(&key, is_fresh, load, |kept| &kept.source).await
    }
}

async fn load(reader: &TableReader<'_>, version: Option<u64>, kept: Option<Kept>) -> Result<Kept> {
    let looked = Instant::now();
    if let Some(kept) = kept
        && let Some(kept) = refreshed(reader, kept).await?
    {
        return Ok(Kept { looked, ..kept });
    }
    keep(reader, Replayed::read(reader.name, reader.place, version).await?, looked).await
}

/// What is kept, with all that was committed since; `None` if the table was made anew.
async fn refreshed(reader: &TableReader<'_>, kept: Kept) -> Result<Option<Kept>> {
    let look = look(reader, kept.version).await?;
    // The commit that the kept state ends with is still the same, or the log is another one.
    if look.commit.is_none() || look.commit != kept.commit {
        return Ok(None);
    }
    if !look.has_newer {
        return Ok(Some(kept));
    }
    let Replayed::Table(mut table) = kept.replayed else { return Ok(None) };
    if table.update_incremental(None).await.is_err() {
        return Ok(None);
    }
    keep(reader, Replayed::Table(table), kept.looked).await.map(Some)
}

async fn keep(reader: &TableReader<'_>, replayed: Replayed, looked: Instant) -> Result<Kept> {
    let source = Arc::new(reader.read(&replayed).await?);
    let version = replayed.version();
    let commit = look(reader, version).await?.commit;
    Ok(Kept { looked, replayed, version, commit, source })
}

async fn look(reader: &TableReader<'_>, version: u64) -> Result<Look> {
    let look = log::look(reader.place, version).await;
    look.map_err(|error| unreadable(&log::the_log(reader.name), error))
}
