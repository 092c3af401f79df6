//! Position deletes: files that name the deleted rows of data files by path and position.
//!
//! A delete file counts for a data file of the same partition that is not younger than itself. Paths
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
use iceberg::spec::{DataFile, Struct};
use roaring::RoaringTreemap;
use samite_engine::{Error, ErrorKind, Result};

use super::manifests::ManifestReader;
use crate::scan::DeletedRows;
use crate::stores::unreadable;

/// What a file of data or deletes belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) spec: i32,
    pub(super) partition: Struct,
    pub(super) sequence: i64,
}

/// All position deletes of a snapshot, by the raw path of the data file.
#[derive(Debug, Default)]
pub(super) struct PositionDeletes {
    by_path: HashMap<String, Vec<(Arc<Membership>, RoaringTreemap)>>,
}

impl PositionDeletes {
    /// Adds a delete file.
    ///
    /// # Errors
    ///
    /// If it cannot be fetched or understood.
    pub(super) async fn add(
        &mut self,
        reader: &ManifestReader<'_>,
        file: &DataFile,
        membership: Membership,
    ) -> Result<()> {
        let place = reader.place(file.file_path())?;
        let name = place.path.filename().unwrap_or_default();
        let what = format!("delete file \"{name}\" of table \"{}\"", reader.name);
        if file.file_size_in_bytes() > reader.config.delete_file_bytes_max {
            return Err(Error::new(ErrorKind::ResourcesExhausted, format!("{what} is too large")));
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
        let membership = Arc::new(membership);
        let referenced = file.referenced_data_file();
        for (path, (_, positions)) in rows {
            if referenced.as_ref().is_none_or(|referenced| *referenced == path) {
                let entries = self.by_path.entry(path).or_default();
                entries.push((Arc::clone(&membership), positions));
            }
        }
        Ok(())
    }

    /// The deleted rows of the data file at `path`, if there are any.
    pub(super) fn of(&self, path: &str, data: &Membership) -> Option<DeletedRows> {
        let mut deleted = RoaringTreemap::new();
        for (membership, positions) in self.by_path.get(path)? {
            let is_same = membership.spec == data.spec && membership.partition == data.partition;
            if is_same && membership.sequence >= data.sequence {
                deleted |= positions;
            }
        }
        (!deleted.is_empty()).then(|| DeletedRows::new(deleted))
    }
}

type Positions = HashMap<String, (u64, RoaringTreemap)>;

fn positions(bytes: Bytes) -> std::result::Result<Positions, String> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["file_path", "pos"]);
    let batches = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
    let mut found = Positions::new();
    for batch in batches {
        collect(&batch.map_err(|error| error.to_string())?, &mut found)?;
    }
    Ok(found)
}

fn collect(batch: &RecordBatch, found: &mut Positions) -> std::result::Result<(), String> {
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
