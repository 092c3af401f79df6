//! The royalties, as an Iceberg table of several snapshots.
//!
//! The `iceberg` crate is built on an older Arrow than the rest: no value of it leaves this file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use arrow_array_58::{ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray};
use iceberg::arrow::schema_to_arrow_schema;
use iceberg::io::LocalFsStorageFactory;
use iceberg::memory::{MEMORY_CATALOG_WAREHOUSE, MemoryCatalogBuilder};
use iceberg::spec::{
    DataFile, DataFileFormat, Literal, NestedField, PartitionKey, PrimitiveType,
    Schema as IcebergSchema, Struct, Transform, Type, UnboundPartitionSpec,
};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::writer::base_writer::data_file_writer::DataFileWriterBuilder;
use iceberg::writer::file_writer::ParquetWriterBuilder;
use iceberg::writer::file_writer::location_generator::{
    DefaultFileNameGenerator, DefaultLocationGenerator,
};
use iceberg::writer::file_writer::rolling_writer::RollingFileWriterBuilder;
use iceberg::writer::partitioning::PartitioningWriter;
use iceberg::writer::partitioning::clustered_writer::ClusteredWriter;
use iceberg::{Catalog, CatalogBuilder, MemoryCatalog, NamespaceIdent, TableCreation};
use parquet_58::basic::Compression;
use parquet_58::file::properties::WriterProperties;
use samite_engine::Result;

use super::company::{artist_id, first_day};
use super::failed;
use super::plays::Counts;

/// What an artist gets for one play, in hundredths of a cent.
const RATE: u32 = 42;

/// Writes what `counts` is worth into `folder`: partitioned by country, in the order of artists,
/// one snapshot for each month.
///
/// # Errors
///
/// When the table cannot be written.
pub(crate) async fn write(folder: &Path, counts: &[Counts]) -> Result<()> {
    Box::pin(write_table(folder, counts)).await.map_err(|error| failed(folder, error))
}

type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn write_table(folder: &Path, counts: &[Counts]) -> Fallible<()> {
    let location = format!("file://{}", folder.display());
    let catalog = MemoryCatalogBuilder::default()
        .with_storage_factory(Arc::new(LocalFsStorageFactory))
        .load("demo", HashMap::from([(MEMORY_CATALOG_WAREHOUSE.to_owned(), location.clone())]))
        .await?;
    let mut table = create(&catalog, location).await?;
    let mut months: BTreeMap<&str, Vec<&Counts>> = BTreeMap::new();
    for part in counts {
        months.entry(part.month).or_default().push(part);
    }
    for parts in months.values() {
        let files = write_files(&table, parts).await?;
        let transaction = Transaction::new(&table);
        let append = transaction.fast_append().add_data_files(files);
        table = append.apply(transaction)?.commit(&catalog).await?;
    }
    write_hint(folder, &table)
}

async fn create(catalog: &MemoryCatalog, location: String) -> Fallible<Table> {
    let namespace = NamespaceIdent::new("royalties".to_owned());
    catalog.create_namespace(&namespace, HashMap::new()).await?;
    let money = || Type::Primitive(PrimitiveType::Decimal { precision: 18, scale: 2 });
    let text = || Type::Primitive(PrimitiveType::String);
    let schema = IcebergSchema::builder()
        .with_fields([
            Arc::new(NestedField::required(1, "artist_id", text())),
            Arc::new(NestedField::required(2, "country", text())),
            Arc::new(NestedField::required(3, "month", Type::Primitive(PrimitiveType::Date))),
            Arc::new(NestedField::required(4, "due", money())),
            Arc::new(NestedField::required(5, "paid", money())),
        ])
        .build()?;
    let partitions = UnboundPartitionSpec::builder()
        .with_spec_id(0)
        .add_partition_field(2, "country", Transform::Identity)?
        .build();
    let creation = TableCreation::builder()
        .name("royalties".to_owned())
        .location(location)
        .schema(schema)
        .partition_spec(partitions)
        .build();
    Ok(catalog.create_table(&namespace, creation).await?)
}

async fn write_files(table: &Table, parts: &[&Counts]) -> Fallible<Vec<DataFile>> {
    let metadata = table.metadata();
    let month = parts.first().map_or("", |part| part.month);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let files = RollingFileWriterBuilder::new_with_default_file_size(
        ParquetWriterBuilder::new(properties, Arc::clone(metadata.current_schema())),
        table.file_io().clone(),
        DefaultLocationGenerator::new(metadata)?,
        DefaultFileNameGenerator::new(format!("royalties-{month}"), None, DataFileFormat::Parquet),
    );
    let mut writer = ClusteredWriter::new(DataFileWriterBuilder::new(files));
    for part in parts {
        let key = PartitionKey::new(
            metadata.default_partition_spec().as_ref().clone(),
            Arc::clone(metadata.current_schema()),
            Struct::from_iter([Some(Literal::string(part.country))]),
        );
        writer.write(key, batch(table, part)?).await?;
    }
    Ok(writer.close().await?)
}

/// Every artist that was played gets a line; every seventh still waits for a part of it.
fn batch(table: &Table, part: &Counts) -> Fallible<RecordBatch> {
    let played = || part.plays.iter().copied().enumerate().filter(|(_, plays)| *plays > 0);
    let lines = played().count();
    let due = || played().map(|(_, plays)| i128::from((plays * RATE).div_ceil(100)));
    let paid = played().zip(due()).map(|((artist, _), due)| match artist % 7 {
        0 => due * 6 / 10,
        _ => due,
    });
    let money = |values: Vec<i128>| -> Fallible<ArrayRef> {
        Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 2)?))
    };
    let days = first_day(part.month).signed_duration_since(chrono::NaiveDate::default()).num_days();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(played().map(|(artist, _)| artist_id(artist)))),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(part.country, lines))),
        Arc::new(Date32Array::from_value(i32::try_from(days)?, lines)),
        money(due().collect())?,
        money(paid.collect())?,
    ];
    let schema = schema_to_arrow_schema(table.metadata().current_schema())?;
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// Names the newest metadata file, for readers that have no catalog.
fn write_hint(folder: &Path, table: &Table) -> Fallible<()> {
    let location = table.metadata_location().ok_or("the table has no metadata file")?;
    let file = location.rsplit('/').next().unwrap_or(location);
    let stem = file.strip_suffix(".metadata.json").unwrap_or(file);
    std::fs::write(folder.join("metadata").join("version-hint.text"), stem)?;
    Ok(())
}
