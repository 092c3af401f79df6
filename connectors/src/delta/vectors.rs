//! The deletion vectors of one version of a table, fetched for the files that a scan reads.
//!
//! ```text
//! entries of the log ──open──▶ places and numbers of rows     no request
//! files of a scan    ──plan──▶ vectors, those of one file with one request
//! ```

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::object_store::ObjectStoreExt;
use datafusion::object_store::path::Path;
use deltalake_core::kernel::DeletionVectorDescriptor;
use futures::{StreamExt, TryStreamExt};
use samite_engine::{Error, ErrorKind, Result};

use super::config::DeltaConfig;
use super::deletion_vector;
use crate::scan::{DeletedRows, StoredDeletes};
use crate::stores::{Place, StoreHandle, StoreId, unreadable};

/// Files with vectors of one scan that are read at the same time.
const FILES_AT_ONCE: usize = 16;

/// The deletion vectors of one version.
#[derive(Debug)]
pub(super) struct Vectors {
    table: String,
    bytes_max: u64,
    vectors: Vec<Vector>,
    bytes: u64,
}

#[derive(Debug)]
struct Vector {
    descriptor: DeletionVectorDescriptor,
    lies: Lies,
    kept: OnceLock<Arc<DeletedRows>>,
}

#[derive(Debug)]
enum Lies {
    Inline(Vec<u8>),
    InFile { store: Arc<StoreHandle>, path: Path, range: Range<u64> },
}

impl Vectors {
    /// None yet, of the table called `table`.
    pub(super) fn new(table: &str, config: &DeltaConfig) -> Self {
        let bytes_max = config.deletion_vectors_bytes_max;
        Self { table: table.to_owned(), bytes_max, vectors: Vec::new(), bytes: 0 }
    }

    /// Adds a vector that lies in the log.
    pub(super) fn add_inline(
        &mut self,
        descriptor: DeletionVectorDescriptor,
        bytes: Vec<u8>,
    ) -> usize {
        self.add(descriptor, Lies::Inline(bytes))
    }

    /// Adds a vector that lies in a file.
    pub(super) fn add_stored(
        &mut self,
        descriptor: DeletionVectorDescriptor,
        place: Place,
        range: Range<u64>,
    ) -> usize {
        self.add(descriptor, Lies::InFile { store: place.store, path: place.path, range })
    }

    fn add(&mut self, descriptor: DeletionVectorDescriptor, lies: Lies) -> usize {
        self.bytes = self.bytes.saturating_add(size(&descriptor));
        self.vectors.push(Vector { descriptor, lies, kept: OnceLock::new() });
        self.vectors.len() - 1
    }

    /// Refuses vectors that are too large together: all of one scan are held at once.
    fn check_size<'a>(&self, vectors: impl Iterator<Item = &'a Vector>) -> Result<()> {
        let sizes = vectors.map(|vector| size(&vector.descriptor));
        let bytes = sizes.fold(0_u64, u64::saturating_add);
        if bytes <= self.bytes_max {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ResourcesExhausted,
            format!("the deletion vectors of table \"{}\" are too large", self.table),
        )
        .with_detail(format!(
            "those of the files that are asked for have {bytes} bytes together, at most {} are read",
            self.bytes_max
        ))
        .with_hint("ask for fewer files, or the owner of the product to rewrite the table without deleted rows"))
    }

    /// Those of `places` that lie in one file, with one request.
    async fn read(&self, places: Vec<InFile<'_>>) -> Result<Vec<(usize, Arc<DeletedRows>)>> {
        let ranges: Vec<Range<u64>> = places.iter().map(|it| it.range.clone()).collect();
        let Some((store, path)) = places.first().map(|it| (&it.store.store, it.path)) else {
            return Ok(Vec::new());
        };
        let parts = match store.get_ranges(path, &ranges).await {
            Ok(parts) => parts,
            // Stores have many errors for a range that is not there.
            Err(error) => match store.head(path).await {
                Ok(file) if ranges.iter().any(|range| file.size < range.end) => {
                    let why = "it would end beyond its file";
                    return Err(broken(&self.table, why).with_source(error));
                }
                _ => {
                    let what = format!("a deletion vector of table \"{}\"", self.table);
                    return Err(unreadable(&what, error));
                }
            },
        };
        let decoded = places.iter().zip(&parts).map(|(it, bytes)| {
            let deleted = deletion_vector::stored(it.descriptor, bytes);
            let deleted = deleted.map_err(|why| broken(&self.table, why))?;
            Ok((it.place, Arc::new(deleted)))
        });
        decoded.collect()
    }
}

/// A vector in a file.
struct InFile<'a> {
    place: usize,
    descriptor: &'a DeletionVectorDescriptor,
    store: &'a StoreHandle,
    path: &'a Path,
    range: &'a Range<u64>,
}

#[async_trait]
impl StoredDeletes for Vectors {
    async fn fetch(&self, places: &[usize]) -> Result<Vec<Arc<DeletedRows>>> {
        let wanted = places.iter().filter_map(|place| Some((*place, self.vectors.get(*place)?)));
        self.check_size(wanted.clone().map(|(_, vector)| vector))?;
        let mut rows: HashMap<usize, Arc<DeletedRows>> = HashMap::new();
        let mut files: BTreeMap<(&StoreId, &Path), Vec<InFile<'_>>> = BTreeMap::new();
        for (place, Vector { descriptor, lies, kept }) in wanted {
            match (kept.get(), lies) {
                (Some(kept), _) => {
                    rows.insert(place, Arc::clone(kept));
                }
                (None, Lies::Inline(bytes)) => {
                    let deleted = deletion_vector::inline(descriptor, bytes);
                    let deleted = deleted.map_err(|why| broken(&self.table, why))?;
                    rows.insert(place, Arc::new(deleted));
                }
                (None, Lies::InFile { store, path, range }) => {
                    let of_file = files.entry((&store.id, path)).or_default();
                    of_file.push(InFile { place, descriptor, store, path, range });
                }
            }
        }
        let reads: Vec<_> = files.into_values().map(|places| self.read(places)).collect();
        let mut read = futures::stream::iter(reads).buffer_unordered(FILES_AT_ONCE);
        while let Some(found) = read.try_next().await? {
            rows.extend(found);
        }
        if self.bytes <= self.bytes_max {
            for (place, deleted) in &rows {
                // Whoever was faster has read the same.
                let _ = self.vectors.get(*place).map(|it| it.kept.set(Arc::clone(deleted)));
            }
        }
        let found = places.iter().map(|place| rows.get(place).cloned());
        found.map(|rows| rows.ok_or_else(|| broken(&self.table, "it is not there"))).collect()
    }
}

fn size(descriptor: &DeletionVectorDescriptor) -> u64 {
    u64::try_from(descriptor.size_in_bytes).unwrap_or(0)
}

/// The error for a vector of `table` that cannot be one.
pub(super) fn broken(table: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("a deletion vector of table \"{table}\" cannot be read"),
    )
    .with_detail(why.to_owned())
    .with_hint("ask the owner of the product to repair the table")
}
