//! Manifests: the lists of a snapshot's files, parsed once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use datafusion::object_store::ObjectStoreExt;
use datafusion::object_store::path::Path;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::{FormatVersion, Manifest, ManifestFile, ManifestList};
use parking_lot::Mutex;
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};

use super::config::IcebergConfig;
use crate::stores::{Place, StoreId, Stores, shown_name, unreadable};

/// Manifests of one table that are fetched at the same time.
const MANIFESTS_AT_ONCE: usize = 16;

/// The manifests that are kept: a manifest never changes.
#[derive(Debug)]
pub(super) struct Manifests {
    entries_max: usize,
    kept: Mutex<HashMap<(StoreId, Path), Kept>>,
}

#[derive(Debug)]
struct Kept {
    used: Instant,
    manifest: Arc<Manifest>,
}

/// What the manifests of a table are fetched with.
#[derive(Clone, Copy)]
pub(super) struct ManifestReader<'a> {
    pub(super) config: &'a IcebergConfig,
    pub(super) manifests: &'a Manifests,
    pub(super) stores: &'a Stores,
    pub(super) server: &'a Server,
    pub(super) name: &'a str,
}

impl Manifests {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries_max, kept: Mutex::default() }
    }

    fn get(&self, key: &(StoreId, Path)) -> Option<Arc<Manifest>> {
        let mut kept = self.kept.lock();
        let found = kept.get_mut(key)?;
        found.used = Instant::now();
        Some(Arc::clone(&found.manifest))
    }

    fn put(&self, key: (StoreId, Path), manifest: Arc<Manifest>) {
        let mut kept = self.kept.lock();
        kept.insert(key, Kept { used: Instant::now(), manifest });
        let mut total: usize = kept.values().map(|kept| kept.manifest.entries().len()).sum();
        while total > self.entries_max {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            total -= kept.remove(&oldest).map_or(0, |kept| kept.manifest.entries().len());
        }
    }
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
        let key = (place.store.id.clone(), place.path.clone());
        if let Some(kept) = self.manifests.get(&key) {
            return Ok(kept);
        }
        let bytes = self.fetch(&place, "manifest").await?;
        let parsed = tokio::task::spawn_blocking(move || Manifest::parse_avro(&bytes)).await;
        let manifest = match parsed {
            Ok(Ok(manifest)) => Arc::new(manifest),
            Ok(Err(error)) => return Err(self.damaged("manifest", error)),
            Err(error) => return Err(self.damaged("manifest", error)),
        };
        self.manifests.put(key, Arc::clone(&manifest));
        Ok(manifest)
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
