//! Deletion vectors: one blob of a Puffin file names the deleted rows of one data file.
//!
//! The manifest tells where the blob lies and how many rows it names, so that one ranged read is
//! all; the Puffin file's own footer is not needed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::object_store::ObjectStoreExt;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::DataFile;
use samite_engine::{Error, ErrorKind, Result};

use super::live::LiveFile;
use super::manifests::ManifestReader;
use super::survivors::Survivors;
use crate::scan::DeletedRows;
use crate::scan::deletion_vector::stored;
use crate::stores::{shown_name, unreadable};

/// Deletion vectors of one scan that are fetched at the same time.
const VECTORS_AT_ONCE: usize = 16;

/// Vectors, by the raw path of the data file.
#[derive(Debug, Default)]
pub(super) struct Vectors(HashMap<String, Arc<DeletedRows>>);

impl Vectors {
    /// Fetches the vectors that count for one of `survivors`.
    ///
    /// # Errors
    ///
    /// If one does not tell its data file, two name the same one, one of them does not fit its
    /// file, or all together are too large.
    pub(super) async fn fetch(
        reader: &ManifestReader<'_>,
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
        check_size(reader, by_path.values().map(|vector| vector.file))?;
        let reads: Vec<_> =
            by_path.into_iter().map(|(path, vector)| fetch(reader, path, vector.file)).collect();
        let read = futures::stream::iter(reads).buffer_unordered(VECTORS_AT_ONCE);
        Ok(Self(read.try_collect().await?))
    }

    /// The vector of the data file at `path`. Where there is one, files of positions do not count.
    pub(super) fn of(&self, path: &str) -> Option<&Arc<DeletedRows>> {
        self.0.get(path)
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

async fn fetch(
    reader: &ManifestReader<'_>,
    path: String,
    vector: &DataFile,
) -> Result<(String, Arc<DeletedRows>)> {
    let range = range(vector).ok_or_else(|| broken(reader, "it lies outside of its file"))?;
    let place = reader.place(vector.file_path())?;
    let (offset, bytes) = (range.start, range.end - range.start);
    let kept = reader.shared.parsed.vectors.get(&place, offset);
    // Another snapshot may tell another number of rows of the same vector, and be wrong.
    if let Some(kept) = kept.filter(|kept| kept.len() == vector.record_count()) {
        return Ok((path, kept));
    }
    let name = shown_name(place.path.filename().unwrap_or_default());
    let what = format!("delete file \"{name}\" of table \"{}\"", reader.name);
    let store = &place.store.store;
    let found =
        store.get_range(&place.path, range).await.map_err(|error| unreadable(&what, error))?;
    let deleted = stored(&found, vector.record_count()).map_err(|why| broken(reader, why))?;
    Ok((path, reader.shared.parsed.vectors.put(&place, offset, deleted, bytes)))
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
