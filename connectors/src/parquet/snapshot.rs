//! A listing of Parquet files becomes a snapshot.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_plan::metrics::Count;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use samite_engine::Result;
use samite_engine::connector::OpenRequest;

use super::ParquetConfig;
use super::bounds::bounds;
use super::hive::HiveColumns;
use super::listing::Listing;
use super::schema::{Union, file_schema};
use super::variant::check_no_variant;
use crate::scan::{DataFile, Identity, LakeFile, SnapshotColumn, TableSnapshot, footer, promise};
use crate::stores::{StoreHandle, unreadable};

/// One file with its footer.
struct Footer<'a> {
    path: &'a str,
    meta: &'a ObjectMeta,
    footer: Arc<ParquetMetaData>,
    schema: Schema,
}

/// The snapshot of a listing.
///
/// # Errors
///
/// When a file cannot be read, does not fit to the others, or breaks the contract.
pub(crate) async fn snapshot(
    listing: &Listing,
    request: &OpenRequest,
    config: &ParquetConfig,
) -> Result<TableSnapshot> {
    let footers = footers(listing, config).await?;
    let hive = hive_columns(listing, request)?;
    let columns = columns(&footers, hive.as_ref(), request)?;
    let files = footers
        .iter()
        .map(|footer| lake_file(footer, listing, hive.as_ref(), &columns))
        .collect::<Result<_>>()?;
    Ok(TableSnapshot {
        id: listing.fingerprint(),
        committed_at: listing.files.iter().map(|(_, meta)| meta.last_modified).max(),
        columns,
        files,
        key_deletes: None,
    })
}

async fn footers<'a>(listing: &'a Listing, config: &ParquetConfig) -> Result<Vec<Footer<'a>>> {
    let store = &listing.place.store;
    let bytes: u64 = listing.files.iter().map(|(_, meta)| meta.size).sum();
    let is_small = bytes <= store.reading.speed.whole_bytes();
    let reads: Vec<_> =
        listing.files.iter().map(|(path, meta)| read_footer(store, path, meta, is_small)).collect();
    futures::stream::iter(reads).buffered(config.footers_concurrent.max(1)).try_collect().await
}

async fn read_footer<'a>(
    store: &Arc<StoreHandle>,
    path: &'a str,
    meta: &'a ObjectMeta,
    is_small: bool,
) -> Result<Footer<'a>> {
    let file = DataFile::new(Arc::clone(store), meta.clone(), Count::new());
    if is_small {
        let read = file.read_whole().await;
        read.map_err(|error| unreadable(&file.to_string(), error))?;
    }
    let footer = footer(&file, store, PageIndexPolicy::Skip).await?;
    let schema = file_schema(path, &footer)?;
    Ok(Footer { path, meta, footer, schema })
}

fn hive_columns(listing: &Listing, request: &OpenRequest) -> Result<Option<HiveColumns>> {
    let first = listing.files.first().filter(|_| request.server.is_hive_partitioned);
    first.map(|(path, _)| HiveColumns::of(path, &request.table)).transpose()
}

/// The columns that a consumer sees: those of the files, then those of the folders.
fn columns(
    footers: &[Footer<'_>],
    hive: Option<&HiveColumns>,
    request: &OpenRequest,
) -> Result<Vec<SnapshotColumn>> {
    let table = &request.table;
    let folders = hive.map_or(&[][..], |hive| &hive.0);
    let is_promised = |name: &str| {
        table.columns.is_empty() || table.columns.iter().any(|column| column.source_name() == name)
    };
    // The folder wins over a column of the same name in the file.
    let is_wanted =
        |name: &str| is_promised(name) && !folders.iter().any(|(folder, _)| folder == name);
    let mut union = Union::default();
    for footer in footers {
        check_no_variant(&request.name, footer.path, &footer.footer, is_wanted)?;
        union.add(footer.path, &footer.schema, is_wanted)?;
    }
    let mut fields = union.fields();
    fields.extend(
        folders.iter().map(|(name, data_type)| Arc::new(Field::new(name, data_type.clone(), true))),
    );
    let source = fields
        .into_iter()
        .map(|field| SnapshotColumn {
            identity: Identity::PhysicalName(field.name().clone()),
            field,
            when_missing: None,
        })
        .collect();
    promise(source, table, &request.name).map_err(|error| {
        let named = table.columns.iter().find(|column| {
            error.message().contains(&format!("\"{}\"", column.name))
                && union.file_of(column.source_name()).is_some()
        });
        match named.and_then(|column| union.file_of(column.source_name())) {
            Some(file) => {
                let detail = error.detail().unwrap_or_default().to_owned();
                error.with_detail(format!("{detail}, for instance in data file \"{file}\""))
            }
            None => error,
        }
    })
}

fn lake_file(
    footer: &Footer<'_>,
    listing: &Listing,
    hive: Option<&HiveColumns>,
    columns: &[SnapshotColumn],
) -> Result<LakeFile> {
    let mut file = LakeFile::new(Arc::clone(&listing.place.store), footer.meta.clone());
    let rows: i64 = footer.footer.row_groups().iter().map(|group| group.num_rows()).sum();
    file.rows = u64::try_from(rows).ok();
    let source_name = |column: &SnapshotColumn| match &column.identity {
        Identity::PhysicalName(name) => name.clone(),
        Identity::FieldId(_) | Identity::Lineage(_) => String::new(),
    };
    file.bounds = columns
        .iter()
        .map(|column| {
            let name = source_name(column);
            bounds(&footer.footer, &footer.schema, &name, column.field.data_type())
        })
        .collect();
    if let Some(hive) = hive {
        let values = hive.values(footer.path)?;
        for ((name, _), value) in hive.0.iter().zip(values) {
            let found = columns.iter().position(|column| source_name(column) == *name);
            if let Some(index) = found {
                file.constants.push((index, value));
            }
        }
    }
    Ok(file)
}
