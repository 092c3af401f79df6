//! Position deletes: files that name the deleted rows of data files by path and position.
//!
//! A delete file counts for each data file that it names and that is not younger than itself. Paths
//! are compared as they are written, never decoded or made canonical.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::object_store::ObjectStoreExt;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::{StreamExt, TryStreamExt};
use roaring::RoaringTreemap;
use samite_engine::{Error, ErrorKind, Result};

use super::live::LiveFile;
use super::manifests::ManifestReader;
use crate::scan::DeletedRows;
use crate::stores::{shown_name, unreadable};

/// Delete files of one scan that are fetched at the same time.
const FILES_AT_ONCE: usize = 16;

/// Position deletes, by the raw path of the data file, each with its age.
#[derive(Debug, Default)]
pub(super) struct PositionDeletes {
    by_path: HashMap<String, Vec<(i64, Arc<DeletedRows>)>>,
}

impl PositionDeletes {
    /// Fetches delete files.
    ///
    /// # Errors
    ///
    /// If one cannot be fetched or understood, or all of them together are too large.
    pub(super) async fn fetch(reader: &ManifestReader<'_>, files: &[LiveFile<'_>]) -> Result<Self> {
        check_size(reader, files)?;
        let reads: Vec<_> = files.iter().map(|live| fetch(reader, live)).collect();
        let mut read = futures::stream::iter(reads).buffer_unordered(FILES_AT_ONCE);
        let mut found = Self::default();
        while let Some((live, positions)) = read.try_next().await? {
            let referenced = live.file.referenced_data_file();
            for (path, (_, positions)) in positions.iter() {
                if referenced.as_ref().is_none_or(|referenced| referenced == path) {
                    let of_path = found.by_path.entry(path.clone()).or_default();
                    of_path.push((live.age, Arc::clone(positions)));
                }
            }
        }
        Ok(found)
    }

    /// The deleted rows of the data file at `path` of age `sequence`, if there are any.
    pub(super) fn of(&self, path: &str, sequence: i64) -> Option<Arc<DeletedRows>> {
        let of_path = self.by_path.get(path)?;
        let mut counting = of_path.iter().filter(|(of_delete, _)| *of_delete >= sequence);
        let (_, first) = counting.next()?;
        let mut deleted = Arc::clone(first);
        for (_, more) in counting {
            deleted = Arc::new(deleted.and(more));
        }
        Some(deleted)
    }
}

/// Refuses delete files with too many rows together: all of them are held at once.
fn check_size(reader: &ManifestReader<'_>, files: &[LiveFile<'_>]) -> Result<()> {
    let rows = files.iter().fold(0_u64, |sum, live| sum.saturating_add(live.file.record_count()));
    let rows_max = reader.shared.config.delete_rows_max;
    if rows <= rows_max {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ResourcesExhausted,
        format!("table \"{}\" has too many position deletes", reader.name),
    )
    .with_detail(format!("at most {rows_max} deleted rows are read"))
    .with_hint("ask the owner of the product to rewrite the table without them"))
}

async fn fetch<'a>(
    reader: &ManifestReader<'_>,
    live: &'a LiveFile<'a>,
) -> Result<(&'a LiveFile<'a>, Arc<Positions>)> {
    let file = live.file;
    let place = reader.place(file.file_path())?;
    let name = shown_name(place.path.filename().unwrap_or_default());
    let what = format!("delete file \"{name}\" of table \"{}\"", reader.name);
    if file.file_size_in_bytes() > reader.shared.config.delete_file_bytes_max {
        return Err(Error::new(ErrorKind::ResourcesExhausted, format!("{what} is too large")));
    }
    if let Some(kept) = reader.shared.parsed.positions.get(&place, 0) {
        return Ok((live, kept));
    }
    let store = &place.store.store;
    let found = store.get(&place.path).await.map_err(|error| unreadable(&what, error))?;
    let bytes = found.bytes().await.map_err(|error| unreadable(&what, error))?;
    let damaged = |why: String| {
        Error::new(ErrorKind::CorruptSource, format!("{what} cannot be read")).with_detail(why)
    };
    let read = tokio::task::spawn_blocking(move || positions(bytes)).await;
    let rows = read.map_err(|error| damaged(error.to_string()))?.map_err(damaged)?;
    let counted: u64 = rows.values().map(|(count, _)| count).sum();
    if counted != file.record_count() {
        return Err(damaged(format!("{counted} rows, not {}", file.record_count())));
    }
    let weight = rows.values().map(|(_, rows)| rows.bytes()).sum();
    Ok((live, reader.shared.parsed.positions.put(&place, 0, rows, weight)))
}

/// The positions of one delete file, by the raw path of the data file, each with the number of its rows.
pub(super) type Positions = HashMap<String, (u64, Arc<DeletedRows>)>;

type Collected = HashMap<String, (u64, RoaringTreemap)>;

fn positions(bytes: Bytes) -> std::result::Result<Positions, String> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["file_path", "pos"]);
    let batches = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
    let mut found = Collected::new();
    for batch in batches {
        collect(&batch.map_err(|error| error.to_string())?, &mut found)?;
    }
    let shared = |(path, (count, rows))| (path, (count, Arc::new(DeletedRows::new(rows))));
    Ok(found.into_iter().map(shared).collect())
}

fn collect(batch: &RecordBatch, found: &mut Collected) -> std::result::Result<(), String> {
    let column = |name: &str, data_type: &DataType| {
        let column =
            batch.column_by_name(name).ok_or_else(|| format!("it has no column {name}"))?;
        let column = cast(column, data_type).map_err(|error| error.to_string())?;
        if column.null_count() > 0 { Err(format!("column {name} holds NULL")) } else { Ok(column) }
    };
    let paths = column("file_path", &DataType::Utf8)?;
    let rows = column("pos", &DataType::Int64)?;
    let paths = paths.as_string::<i32>().iter().flatten();
    for (path, row) in paths.zip(rows.as_primitive::<Int64Type>().values()) {
        let row = u64::try_from(*row).map_err(|_| "a position is negative".to_owned())?;
        // Files are sorted by path, so that most rows need no new entry.
        match found.get_mut(path) {
            Some((count, rows)) => {
                *count += 1;
                rows.insert(row);
            }
            None => {
                found.insert(path.to_owned(), (1, RoaringTreemap::from_iter([row])));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delete_counts_for_its_path_and_for_what_is_not_younger() {
        let mut deletes = PositionDeletes::default();
        for (sequence, row) in [(3, 1), (5, 2)] {
            let rows = Arc::new(DeletedRows::from_iter([row]));
            deletes.by_path.entry("a".to_owned()).or_default().push((sequence, rows));
        }
        for (path, sequence, deleted) in
            [("a", 1, 2), ("a", 3, 2), ("a", 4, 1), ("a", 5, 1), ("a", 6, 0), ("b", 1, 0)]
        {
            let found = deletes.of(path, sequence).map_or(0, |rows| rows.len());
            assert_eq!(found, deleted, "{path} {sequence}");
        }
    }
}
