//! Manifests: the lists of a snapshot's files, parsed once.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::object_store::ObjectStoreExt;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::{FormatVersion, Manifest, ManifestFile, ManifestList};
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};

use super::config::IcebergConfig;
use super::kept::Kept;
use super::partition_names;
use super::position_deletes::Positions;
use crate::scan::DeletedRows;
use crate::stores::{Place, Stores, shown_name, unreadable};

/// Manifests of one table that are fetched at the same time.
const MANIFESTS_AT_ONCE: usize = 16;

/// What all queries share of files that never change.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Manifests; one weighs its entries.
    pub(super) manifests: Kept<Manifest>,
    /// Deletion vectors; one weighs its bytes.
    pub(super) vectors: Kept<DeletedRows>,
    /// Files of deleted positions; one weighs the bytes of its bitmaps.
    pub(super) positions: Kept<Positions>,
}

impl Parsed {
    pub(super) fn new(config: &IcebergConfig) -> Self {
        Self {
            manifests: Kept::new(config.manifest_entries_max as u64),
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

/// What the manifests of a table are fetched with.
#[derive(Clone, Copy)]
pub(super) struct ManifestReader<'a> {
    pub(super) config: &'a IcebergConfig,
    pub(super) parsed: &'a Parsed,
    pub(super) stores: &'a Stores,
    pub(super) server: &'a Server,
    pub(super) name: &'a str,
}

impl ManifestReader<'_> {
    /// The manifests of a manifest list that name live files, in its order.
    ///
    /// # Errors
    ///
    /// If one of them is missing, damaged, encrypted or outside of the allowed locations.
    pub(super) async fn load(
        &self,
        list: &str,
        version: FormatVersion,
    ) -> Result<Vec<(ManifestFile, Arc<Manifest>)>> {
        let place = self.place(list)?;
        let bytes = self.fetch(&place, "manifest list").await?;
        let list = ManifestList::parse_with_version(&bytes, version)
            .map_err(|error| self.damaged("manifest list", error))?;
        let live: Vec<ManifestFile> = list
            .consume_entries()
            .into_iter()
            .filter(|file| file.has_added_files() || file.has_existing_files())
            .collect();
        futures::stream::iter(live)
            .map(|file| async move {
                let manifest = self.manifest(&file).await?;
                Ok((file, manifest))
            })
            .buffered(MANIFESTS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn manifest(&self, file: &ManifestFile) -> Result<Arc<Manifest>> {
        if file.key_metadata.is_some() {
            return Err(self.unsupported("an encrypted manifest"));
        }
        let place = self.place(&file.manifest_path)?;
        if let Some(kept) = self.parsed.manifests.get(&place, 0) {
            return Ok(kept);
        }
        let bytes = self.fetch(&place, "manifest").await?;
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        let manifest = match parsed {
            Ok(Ok(manifest)) => manifest,
            Ok(Err(error)) => return Err(self.damaged("manifest", error)),
            Err(error) => return Err(self.damaged("manifest", error)),
        };
        let entries = manifest.entries().len() as u64;
        Ok(self.parsed.manifests.put(&place, 0, manifest, entries))
    }

    /// The place of a location that the metadata names.
    ///
    /// # Errors
    ///
    /// If it is not allowed.
    pub(super) fn place(&self, location: &str) -> Result<Place> {
        self.stores.resolve_file(location, Some(self.server)).map_err(|error| {
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
        if found.meta.size > self.config.metadata_bytes_max {
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
