//! Manifests: the lists of a snapshot's files, parsed once.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::object_store::ObjectStoreExt;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::{
    DataFile, Datum, FormatVersion, Manifest, ManifestEntry, ManifestFile, ManifestList,
    PrimitiveLiteral,
};
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};

use super::config::IcebergConfig;
use super::kept::Kept;
use super::partition_names;
use super::position_deletes::Positions;
use crate::scan::DeletedRows;
use crate::stores::{Place, Stores, shown_name, unreadable};

/// Manifests of one table that are fetched at the same time.
pub(super) const MANIFESTS_AT_ONCE: usize = 16;

/// A manifest, with what the manifest list tells of it.
pub(super) type Listed = (ManifestFile, Arc<Manifest>);

/// What all tables are read with.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: IcebergConfig,
    pub(super) parsed: Parsed,
    pub(super) stores: Stores,
}

/// What all queries share of files that never change.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Manifests; one weighs about the bytes that it takes.
    pub(super) manifests: Kept<Manifest>,
    /// Deletion vectors; one weighs its bytes.
    pub(super) vectors: Kept<DeletedRows>,
    /// Files of deleted positions; one weighs the bytes of its bitmaps.
    pub(super) positions: Kept<Positions>,
}

impl Parsed {
    pub(super) fn new(config: &IcebergConfig) -> Self {
        Self {
            manifests: Kept::new(config.manifests_bytes_max),
            vectors: Kept::new(config.deletes_bytes_max),
            positions: Kept::new(config.deletes_bytes_max),
        }
    }
}

fn parse(bytes: &Bytes) -> iceberg::Result<Manifest> {
    match partition_names::mended(bytes) {
        Some(mended) => Manifest::parse_avro(&mended),
        None => Manifest::parse_avro(bytes),
    }
}

/// About the bytes that a manifest takes in memory.
fn weight(manifest: &Manifest) -> u64 {
    let of_entry = |file: &DataFile| {
        let counts = file.column_sizes().len()
            + file.value_counts().len()
            + file.null_value_counts().len()
            + file.nan_value_counts().len();
        let bounds = file.lower_bounds().values().chain(file.upper_bounds().values());
        let text = |bound: &Datum| match bound.literal() {
            PrimitiveLiteral::String(text) => text.len(),
            PrimitiveLiteral::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        let bounds: usize = bounds.map(|bound| BOUND_BYTES + text(bound)).sum();
        let partition = size_of_val(file.partition().fields());
        ENTRY_BYTES + file.file_path().len() + counts * COUNT_BYTES + bounds + partition
    };
    let entries: usize = manifest.entries().iter().map(|entry| of_entry(entry.data_file())).sum();
    (MANIFEST_BYTES + entries) as u64
}

/// What a manifest takes besides its entries: the schema and the spec in its header.
const MANIFEST_BYTES: usize = 16 << 10;

/// What an entry takes besides its lists.
const ENTRY_BYTES: usize = size_of::<ManifestEntry>() + 128;

/// What an entry of a hash table takes, which is kept at most seven eighths full and grows by half.
const COUNT_BYTES: usize = (size_of::<(i32, u64)>() + 1) * 3 / 2;

/// As [`COUNT_BYTES`], for bounds.
const BOUND_BYTES: usize = (size_of::<(i32, Datum)>() + 1) * 3 / 2;

/// What the manifests of a table are fetched with.
#[derive(Clone, Copy)]
pub(super) struct ManifestReader<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) server: &'a Server,
    pub(super) name: &'a str,
}

impl ManifestReader<'_> {
    /// The manifests of a manifest list that name live files, in its order.
    ///
    /// # Errors
    ///
    /// If it is missing, damaged, or outside of the allowed locations, or a manifest is encrypted.
    pub(super) async fn list(
        &self,
        list: &str,
        version: FormatVersion,
    ) -> Result<Vec<ManifestFile>> {
        let place = self.place(list)?;
        let bytes = self.fetch(&place, "manifest list").await?;
        let list = match ManifestList::parse_with_version(&bytes, version) {
            Ok(list) => list,
            // A table that was upgraded may still have a list of the first version.
            Err(error) if version != FormatVersion::V1 => {
                ManifestList::parse_with_version(&bytes, FormatVersion::V1)
                    .map_err(|_| self.damaged("manifest list", error))?
            }
            Err(error) => return Err(self.damaged("manifest list", error)),
        };
        let is_live = |file: &ManifestFile| file.has_added_files() || file.has_existing_files();
        let live: Vec<ManifestFile> = list.consume_entries().into_iter().filter(is_live).collect();
        if live.iter().any(|file| file.key_metadata.is_some()) {
            return Err(self.unsupported("an encrypted manifest"));
        }
        Ok(live)
    }

    /// Manifests, in their order.
    ///
    /// # Errors
    ///
    /// As [`ManifestReader::manifest`].
    pub(super) async fn manifests(&self, files: Vec<ManifestFile>) -> Result<Vec<Listed>> {
        futures::stream::iter(files)
            .map(|file| async move {
                let manifest = self.manifest(&file).await?;
                Ok((file, manifest))
            })
            .buffered(MANIFESTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// A manifest.
    ///
    /// # Errors
    ///
    /// If it is missing, damaged, or outside of the allowed locations.
    pub(super) async fn manifest(&self, file: &ManifestFile) -> Result<Arc<Manifest>> {
        let place = self.place(&file.manifest_path)?;
        if let Some(kept) = self.shared.parsed.manifests.get(&place, 0) {
            return Ok(kept);
        }
        let bytes = self.fetch(&place, "manifest").await?;
        // Entries are read until the file ends, so that a file which was cut could lose some.
        let length = u64::try_from(file.manifest_length).unwrap_or_default();
        if (bytes.len() as u64) < length {
            let found = format!("it has {} bytes, the manifest list says {length}", bytes.len());
            return Err(self.damaged("manifest", found.clone()).with_detail(found));
        }
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        let manifest = match parsed {
            Ok(Ok(manifest)) => manifest,
            Ok(Err(error)) => return Err(self.damaged("manifest", error)),
            Err(error) => return Err(self.damaged("manifest", error)),
        };
        let weight = weight(&manifest);
        Ok(self.shared.parsed.manifests.put(&place, 0, manifest, weight))
    }

    /// The place of a location that the metadata names.
    ///
    /// # Errors
    ///
    /// If it is not allowed.
    pub(super) fn place(&self, location: &str) -> Result<Place> {
        self.shared.stores.resolve_file(location, Some(self.server)).map_err(|error| {
            let detail = format!("the metadata of table \"{}\" names it", self.name);
            let error = error.with_context("table", self.name);
            match error.detail() {
                Some(found) => {
                    let detail = format!("{detail}; {found}");
                    error.with_detail(detail)
                }
                None => error.with_detail(detail),
            }
        })
    }

    async fn fetch(&self, place: &Place, kind: &str) -> Result<Bytes> {
        let file = shown_name(place.path.filename().unwrap_or_default());
        let what = format!("{kind} \"{file}\" of table \"{}\"", self.name);
        let store = &place.store.store;
        let found = store.get(&place.path).await.map_err(|error| unreadable(&what, error))?;
        if found.meta.size > self.shared.config.metadata_bytes_max {
            return Err(Error::new(ErrorKind::ResourcesExhausted, format!("{what} is too large")));
        }
        found.bytes().await.map_err(|error| unreadable(&what, error))
    }

    fn damaged(
        &self,
        kind: &str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::new(
            ErrorKind::CorruptSource,
            format!("a {kind} of table \"{}\" cannot be read", self.name),
        )
        .with_hint("ask the owner of the product to repair the table")
        .with_source(error)
    }

    /// The error for something in a table that is not read.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("table \"{}\" has {what}, which is not read", self.name),
        )
        .with_hint("ask the owner of the product to rewrite the table without it")
    }
}
