//! Deletion vectors: one blob of a Puffin file names the deleted rows of one data file.
//!
//! The manifest tells where the blob lies and how many rows it names, so that one ranged read is
//! all, and none where rows are just counted; the Puffin file's own footer is not needed.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::object_store::ObjectStoreExt;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::DataFile;
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};

use super::live::LiveFile;
use super::manifests::{ManifestReader, Shared};
use super::survivors::Survivors;
use crate::scan::deletion_vector::stored;
use crate::scan::{DeletedRows, Deletes, StoredDeletes};
use crate::stores::{shown_name, unreadable};

/// Deletion vectors of one scan that are fetched at the same time.
const VECTORS_AT_ONCE: usize = 16;

/// The vectors that count for one scan.
pub(super) struct Vectors {
    shared: Arc<Shared>,
    server: Arc<Server>,
    table: String,
    vectors: Vec<DataFile>,
}

/// Where the vector of a data file is, by the raw path of the data file.
#[derive(Debug)]
pub(super) struct VectorsByPath {
    vectors: Arc<Vectors>,
    places: HashMap<String, usize>,
}

impl VectorsByPath {
    /// Those of `vectors` that count for one of `survivors`. Fetches nothing.
    ///
    /// # Errors
    ///
    /// If one does not tell its data file, or two name the same one.
    pub(super) fn new(
        reader: &ManifestReader<'_>,
        server: &Arc<Server>,
        vectors: &[LiveFile<'_>],
        survivors: &Survivors<'_>,
    ) -> Result<Self> {
        let mut by_path = HashMap::new();
        for vector in vectors {
            let path = vector.file.referenced_data_file();
            let path = path.ok_or_else(|| broken(reader, "it does not name a data file"))?;
            if by_path.insert(path, vector).is_some() {
                return Err(broken(reader, "a data file has two"));
            }
        }
        by_path.retain(|path, vector| survivors.has_as_old(path, vector.age));
        let (mut places, mut counting) = (HashMap::new(), Vec::new());
        for (path, vector) in by_path {
            places.insert(path, counting.len());
            counting.push(vector.file.clone());
        }
        let vectors = Arc::new(Vectors {
            shared: Arc::clone(reader.shared),
            server: Arc::clone(server),
            table: reader.name.to_owned(),
            vectors: counting,
        });
        Ok(Self { vectors, places })
    }

    /// The vector of the data file at `path`. Where there is one, files of positions do not count.
    pub(super) fn of(&self, path: &str) -> Option<Deletes> {
        let place = *self.places.get(path)?;
        let rows = self.vectors.vectors.get(place)?.record_count();
        let of: Arc<dyn StoredDeletes> = Arc::clone(&self.vectors) as _;
        Some(Deletes::Stored { rows, of, place })
    }
}

#[async_trait]
impl StoredDeletes for Vectors {
    async fn fetch(&self, places: &[usize]) -> Result<Vec<Arc<DeletedRows>>> {
        let reader =
            ManifestReader { shared: &self.shared, server: &self.server, name: &self.table };
        let vectors = places.iter().map(|place| self.vectors.get(*place));
        let vectors = vectors.collect::<Option<Vec<_>>>();
        let vectors = vectors.ok_or_else(|| broken(&reader, "it is not there"))?;
        check_size(&reader, vectors.iter().copied())?;
        let reads: Vec<_> = vectors.into_iter().map(|vector| fetch(&reader, vector)).collect();
        futures::stream::iter(reads).buffered(VECTORS_AT_ONCE).try_collect().await
    }
}

impl fmt::Debug for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Refuses vectors that are too large together: all of them are held at once.
fn check_size<'a>(
    reader: &ManifestReader<'_>,
    vectors: impl Iterator<Item = &'a DataFile>,
) -> Result<()> {
    let sizes = vectors.filter_map(DataFile::content_size_in_bytes);
    let bytes = sizes.fold(0_u64, |sum, size| sum.saturating_add(size.try_into().unwrap_or(0)));
    let bytes_max = reader.shared.config.delete_file_bytes_max;
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ResourcesExhausted,
        format!("the deletion vectors of table \"{}\" are too large", reader.name),
    )
    .with_detail(format!("they have {bytes} bytes together, at most {bytes_max} are read"))
    .with_hint("ask the owner of the product to rewrite the table without deleted rows"))
}

async fn fetch(reader: &ManifestReader<'_>, vector: &DataFile) -> Result<Arc<DeletedRows>> {
    let range = range(vector).ok_or_else(|| broken(reader, "it lies outside of its file"))?;
    let place = reader.place(vector.file_path())?;
    let (offset, bytes) = (range.start, range.end - range.start);
    let kept = reader.shared.parsed.vectors.get(&place, offset);
    // Another snapshot may tell another number of rows of the same vector, and be wrong.
    if let Some(kept) = kept.filter(|kept| kept.len() == vector.record_count()) {
        return Ok(kept);
    }
    let name = shown_name(place.path.filename().unwrap_or_default());
    let what = format!("delete file \"{name}\" of table \"{}\"", reader.name);
    let store = &place.store.store;
    let found =
        store.get_range(&place.path, range).await.map_err(|error| unreadable(&what, error))?;
    let deleted = stored(&found, vector.record_count()).map_err(|why| broken(reader, why))?;
    Ok(reader.shared.parsed.vectors.put(&place, offset, deleted, bytes))
}

fn range(vector: &DataFile) -> Option<Range<u64>> {
    let start = u64::try_from(vector.content_offset()?).ok()?;
    let end = start.checked_add(u64::try_from(vector.content_size_in_bytes()?).ok()?)?;
    (end <= vector.file_size_in_bytes()).then_some(start..end)
}

fn broken(reader: &ManifestReader<'_>, why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("a deletion vector of table \"{}\" cannot be read", reader.name),
    )
    .with_detail(why.to_owned())
    .with_hint("ask the owner of the product to repair the table")
}
