//! The tables that are kept between queries.
//!
//! A query looks for newer metadata, so that it sees every commit made before it; what the same
//! metadata file told once is not read again.

use std::sync::Arc;
use std::time::Instant;

use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use samite_engine::Result;
use samite_engine::product::Moment;

use super::config::IcebergConfig;
use super::manifests::ManifestReader;
use super::{metadata, snapshot};
use crate::slots::Slots;
use crate::source_table::SourceTable;
use crate::stores::{Place, StoreId};

/// The tables that are kept.
#[derive(Debug)]
pub(super) struct Tables(Slots<Key, Kept>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    store: StoreId,
    path: Path,
    moment: Moment,
}

#[derive(Debug)]
struct Kept {
    /// When the look for newer metadata began: it shows every commit that was made before.
    looked: Instant,
    file: ObjectMeta,
    source: Arc<SourceTable>,
}

impl Tables {
    pub(super) fn new(config: &IcebergConfig) -> Self {
        Self(Slots::new(config.tables_max, config.files_max))
    }

    /// The table at `moment`, as the newest metadata tells that was there when this was asked.
    ///
    /// # Errors
    ///
    /// If its metadata cannot be read or needs more than Samite reads.
    pub(super) async fn source(
        &self,
        reader: &ManifestReader<'_>,
        place: &Place,
        moment: &Moment,
    ) -> Result<Arc<SourceTable>> {
        let asked = Instant::now();
        let key =
            Key { store: place.store.id.clone(), path: place.path.clone(), moment: moment.clone() };
        let is_fresh = |kept: &Kept| kept.looked >= asked;
        let load = |kept| load(reader, place, moment, kept);
        self.0.kept(&key, is_fresh, load, |kept| &kept.source).await
    }
}

async fn load(
    reader: &ManifestReader<'_>,
    place: &Place,
    moment: &Moment,
    kept: Option<Kept>,
) -> Result<Kept> {
    let looked = Instant::now();
    let file = metadata::find(reader.name, place).await?;
    if let Some(kept) = kept.filter(|kept| kept.file == file) {
        return Ok(Kept { looked, ..kept });
    }
    let bytes_max = reader.shared.config.metadata_bytes_max;
    let metadata = metadata::read(reader.name, place, &file, bytes_max).await?;
    let source = Arc::new(snapshot::read(reader, metadata, moment).await?);
    Ok(Kept { looked, file, source })
}
