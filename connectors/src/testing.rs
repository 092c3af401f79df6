//! What the tests of this crate share: files in a folder, and queries over tables.

use std::path::Path;
use std::sync::Arc;

use chrono::{TimeZone, Utc};
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::metadata::ParquetMetaDataWriter;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use samite_engine::connector::{OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::{
    Column, Contract, Moment, OnBreach, ProductSelector, Server, Status, Table, TableName, Version,
};
use samite_engine::{Error, Result};
use tempfile::TempDir;

use crate::scan;
use crate::stores::{Stores, StoresConfig};

/// A folder that goes away with the test, and the stores that may read it.
pub(crate) struct Folder {
    pub(crate) folder: TempDir,
    pub(crate) stores: Stores,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let stores = Stores::new(StoresConfig {
            mesh_root: Some(location(folder.path())),
            ..StoresConfig::default()
        });
        Self { stores: stores.unwrap(), folder }
    }

    pub(crate) fn location(&self) -> String {
        location(self.folder.path())
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Writes one file with row groups of `rows`.
    pub(crate) fn write_parquet(&self, path: &str, batch: &RecordBatch, rows: usize) {
        self.write(path, &parquet(batch, rows));
    }
}

pub(crate) fn location(path: &Path) -> String {
    format!("file://{}", path.canonicalize().unwrap().display())
}

pub(crate) fn parquet(batch: &RecordBatch, rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows.max(1)))
        .set_data_page_row_count_limit(rows.div_ceil(3).max(1))
        .set_write_batch_size(4)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The Parquet file of `batch` in one row group, whose footer says of the first column what
/// `statistics` says.
pub(crate) fn parquet_that_says(batch: &RecordBatch, statistics: &Statistics) -> Vec<u8> {
    let properties =
        WriterProperties::builder().set_statistics_enabled(EnabledStatistics::Chunk).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    let footer = writer.close().unwrap();
    let mut builder = footer.into_builder();
    let mut group = builder.take_row_groups().remove(0).into_builder();
    let mut columns = group.take_columns();
    let first = columns.remove(0).into_builder().clear_statistics();
    columns.insert(0, first.set_statistics(statistics.clone()).build().unwrap());
    let group = group.set_column_metadata(columns).build().unwrap();
    let footer = builder.set_row_groups(vec![group]).build();
    // The footer that is there already stays as bytes that nobody reads.
    ParquetMetaDataWriter::new(&mut bytes, &footer).finish().unwrap();
    bytes
}

/// So many plays with ids from `from` on.
pub(crate) fn plays(from: i64, rows: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + rows));
    let names: ArrayRef =
        Arc::new(StringArray::from_iter_values((from..from + rows).map(|id| format!("name {id}"))));
    let scores: ArrayRef =
        Arc::new(Float64Array::from_iter_values((from..from + rows).map(|id| id as f64 / 2.0)));
    RecordBatch::try_from_iter([("id", ids), ("name", names), ("score", scores)]).unwrap()
}

/// Asks for the one table of a contract that lies at `location`.
pub(crate) fn request(location: &str, columns: Vec<Column>) -> OpenRequest {
    let server = Arc::new(Server {
        format: Some("parquet".to_owned()),
        location: Some(location.to_owned()),
        ..Server::default()
    });
    let table = Arc::new(Table { name: "t".to_owned(), columns, ..Table::default() });
    let contract = Arc::new(Contract {
        id: "c".to_owned(),
        name: None,
        version: Version::parse("1.0.0").unwrap(),
        status: Status::Active,
        description: None,
        file: "c.odcs.yaml".to_owned(),
        servers: vec![Arc::clone(&server)],
        tables: vec![Arc::clone(&table)],
        slos: Vec::new(),
        allowed_purposes: Vec::new(),
        on_breach: OnBreach::default(),
        general_availability: None,
        end_of_support: None,
        end_of_life: None,
    });
    let product = ProductSelector::parse("p").unwrap();
    let name = TableName { domain: "d".to_owned(), product, table: "t".to_owned() };
    OpenRequest { name, contract, server, table, moment: Moment::Latest }
}

pub(crate) fn hive(mut request: OpenRequest) -> OpenRequest {
    let server = Server { is_hive_partitioned: true, ..request.server.as_ref().clone() };
    request.server = Arc::new(server);
    request
}

/// A session that reads through `stores`.
pub(crate) fn context(stores: &Stores, config: SessionConfig) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(stores.clone()))
        .build_arc()
        .unwrap();
    let mut config = config;
    config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    SessionContext::new_with_config_rt(config, runtime)
}

/// A session with tables.
#[expect(clippy::disallowed_methods, reason = "a test of tables needs no governance")]
pub(crate) fn with_tables(
    stores: &Stores,
    config: SessionConfig,
    tables: &[(&str, &Arc<dyn TableProvider>)],
) -> SessionContext {
    let context = context(stores, config);
    for (name, table) in tables {
        context.register_table(*name, Arc::clone(table)).unwrap();
    }
    context
}

/// The rows of a query, as text, with the reports of its scans.
pub(crate) async fn ask(
    context: &SessionContext,
    sql: &str,
) -> Result<(Vec<String>, Vec<ScanReport>)> {
    let plan = context.sql(sql).await.map_err(Error::from)?;
    let plan = plan.create_physical_plan().await.map_err(Error::from)?;
    let batches = datafusion::physical_plan::collect(Arc::clone(&plan), context.task_ctx()).await;
    let mut reports = Vec::new();
    reports_of(&plan, &mut reports);
    Ok((rows(&batches.map_err(Error::from)?), reports))
}

fn reports_of(plan: &Arc<dyn ExecutionPlan>, reports: &mut Vec<ScanReport>) {
    reports.extend(scan::report(plan.as_ref()));
    for child in plan.children() {
        reports_of(child, reports);
    }
}

/// Each row as one text.
pub(crate) fn rows(batches: &[RecordBatch]) -> Vec<String> {
    use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows
}

/// The rows of a query over one pinned table, called `t`.
pub(crate) async fn ask_pinned(
    stores: &Stores,
    pinned: &PinnedTable,
    sql: &str,
) -> Result<(Vec<String>, Vec<ScanReport>)> {
    let config = SessionConfig::new().with_target_partitions(2);
    ask(&with_tables(stores, config, &[("t", &pinned.provider)]), sql).await
}

/// A time for files whose own does not matter.
pub(crate) fn noon() -> chrono::DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000, 0).unwrap()
}
