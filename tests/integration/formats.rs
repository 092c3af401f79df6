//! What the tests of the formats share: tables of other writers, and a comparison cell by cell.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Column;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::physical_plan::collect;
use datafusion::prelude::{Expr, SessionConfig, SessionContext, lit};
use datafusion::scalar::ScalarValue;
use samite_connectors::stores::{Stores, StoresConfig};
use samite_engine::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use samite_engine::product::{
    Contract, Moment, OnBreach, ProductSelector, Server, Status, Table, TableName, Version,
};
use samite_tests::{left_out, python};
use tempfile::TempDir;

/// The tables that `tests/<script>` writes, in a folder of their own, or just those of `cases`; `None` if it cannot run
/// here.
pub(crate) fn written(script: &str, cases: &[&str]) -> Option<TempDir> {
    let Some(python) = python() else {
        left_out(script, "no Python with tests/requirements.txt");
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let mut command = Command::new(python);
    command.arg(&script).arg(folder.path()).args(cases);
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", script.display());
    Some(folder)
}

/// A registry of stores that may read these folders.
pub(crate) fn stores(allow: &[&Path]) -> Stores {
    let allow = allow.iter().map(|folder| format!("file://{}", folder.display())).collect();
    Stores::new(StoresConfig { allow, ..StoresConfig::default() }).expect("stores")
}

/// A request for the table at `location`, with all columns of the source.
pub(crate) fn request(format: &str, location: &str, moment: Moment) -> OpenRequest {
    let server = Arc::new(Server {
        name: "local".to_owned(),
        kind: "local".to_owned(),
        format: Some(format.to_owned()),
        location: Some(location.to_owned()),
        ..Server::default()
    });
    let table = Arc::new(Table { name: "table".to_owned(), ..Table::default() });
    let contract = Arc::new(Contract {
        id: "contract".to_owned(),
        name: None,
        version: Version { major: 1, minor: 0, patch: 0 },
        status: Status::Active,
        description: None,
        file: "contract.odcs.yaml".to_owned(),
        servers: vec![Arc::clone(&server)],
        tables: vec![Arc::clone(&table)],
        slos: Vec::new(),
        allowed_purposes: Vec::new(),
        on_breach: OnBreach::default(),
        general_availability: None,
        end_of_support: None,
        end_of_life: None,
    });
    let name = TableName {
        domain: "domain".to_owned(),
        product: ProductSelector::parse("product").expect("a name"),
        table: "table".to_owned(),
    };
    OpenRequest { name, contract, server, table, moment }
}

/// Opens the table at `location` and reads all of it, with the number of rows that `count(*)` says.
pub(crate) async fn rows(
    connector: &dyn Connector,
    stores: &Stores,
    request: OpenRequest,
) -> samite_engine::Result<Vec<RecordBatch>> {
    let pinned = connector.open(request).await?;
    let batches = query(stores, &pinned, "SELECT * FROM t").await?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let counted = query(stores, &pinned, "SELECT count(*) FROM t").await?;
    assert_eq!(cells(&counted), [[rows.to_string()]], "count(*)");
    if let Some(known) = pinned.rows {
        assert_eq!(known, rows as u64, "rows of the metadata");
    }
    Ok(batches)
}

/// Asks `sql` of a pinned table, which is `t` in it.
pub(crate) async fn query(
    stores: &Stores,
    pinned: &PinnedTable,
    sql: &str,
) -> samite_engine::Result<Vec<RecordBatch>> {
    Ok(context(stores, pinned).sql(sql).await?.collect().await?)
}

/// A session that knows a pinned table as `t`.
#[expect(clippy::disallowed_methods, reason = "a connector is tested without an engine")]
fn context(stores: &Stores, pinned: &PinnedTable) -> SessionContext {
    let environment = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(stores.clone()))
        .build_arc()
        .expect("an environment");
    let mut config = SessionConfig::new().with_target_partitions(3);
    config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let context = SessionContext::new_with_config_rt(config, environment);
    context.register_table("t", Arc::clone(&pinned.provider)).expect("a table");
    context
}

/// What the scan of `sql` had to read, and its rows.
pub(crate) async fn scanned(
    connector: &dyn Connector,
    stores: &Stores,
    pinned: &PinnedTable,
    sql: &str,
) -> (ScanReport, Vec<RecordBatch>) {
    let context = context(stores, pinned);
    let plan = context.sql(sql).await.expect(sql).create_physical_plan().await.expect(sql);
    let batches = collect(Arc::clone(&plan), context.task_ctx()).await.expect(sql);
    let mut nodes = vec![plan];
    while let Some(node) = nodes.pop() {
        if let Some(report) = connector.report(node.as_ref()) {
            return (report, batches);
        }
        nodes.extend(node.children().into_iter().map(Arc::clone));
    }
    panic!("{sql} has no scan");
}

/// Holds every comparison of a column with a value that is in it against the same comparison over `theirs` in memory: what
/// skips files and row groups must not skip rows.
pub(crate) async fn assert_same_filtered(
    stores: &Stores,
    pinned: &PinnedTable,
    theirs: &[RecordBatch],
    what: &str,
) {
    let context = context(stores, pinned);
    let ours = context.table("t").await.expect("a table");
    let schema = Arc::clone(theirs.first().expect("a batch").schema_ref());
    let memory = concat_batches(&schema, theirs).expect("one batch");
    let memory_frame = context.read_batch(memory.clone()).expect("a table in memory");
    for (field, values) in pinned.provider.schema().fields().iter().zip(memory.columns()) {
        if field.data_type().is_nested() {
            continue;
        }
        let column = Expr::Column(Column::new_unqualified(field.name()));
        let mut filters = vec![column.clone().is_null(), column.clone().is_not_null()];
        for row in (0..values.len()).step_by(values.len() / 3 + 1) {
            let value = ScalarValue::try_from_array(values, row).expect("a value");
            let Ok(value) = value.cast_to(field.data_type()) else { continue };
            if !value.is_null() {
                let value = lit(value);
                filters.push(column.clone().eq(value.clone()));
                filters.push(match row % 2 {
                    0 => column.clone().lt(value),
                    _ => column.clone().gt_eq(value),
                });
            }
        }
        for filter in filters {
            let ours = ours.clone().filter(filter.clone()).expect("a filter");
            let theirs = memory_frame.clone().filter(filter.clone()).expect("a filter");
            let ours = ours.collect().await.unwrap_or_else(|e| panic!("{what}, {filter}: {e}"));
            let theirs = theirs.collect().await.expect("rows");
            assert_same(&ours, &theirs, &format!("{what} where {filter}"));
        }
    }
}

/// The rows of a Parquet file.
pub(crate) fn parquet(file: &Path) -> Vec<RecordBatch> {
    let opened = std::fs::File::open(file).expect("the answer is there");
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).expect("it is Parquet");
    let schema = Arc::clone(builder.schema());
    let reader = builder.build().expect("it is Parquet");
    let mut batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    batches.push(RecordBatch::new_empty(schema));
    batches
}

/// Every cell as text, NULL as `NULL`; the rows sorted, for no writer promises an order.
pub(crate) fn cells(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
        let columns: Vec<_> = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a cell has a text"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows.sort();
    rows
}

/// Texts in quotes, so that NULL and the text `NULL` differ; the forms of one type made equal.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let texts = cast(column, &DataType::Utf8).expect("a text");
            let texts = texts.as_any().downcast_ref::<datafusion::arrow::array::StringArray>();
            let quoted =
                texts.expect("a text").iter().map(|text| text.map(|text| format!("{text:?}")));
            Arc::new(quoted.collect::<datafusion::arrow::array::StringArray>())
        }
        _ => Arc::clone(column),
    }
}

/// Holds what we read against what the writer reads: names, order of columns, cells.
pub(crate) fn assert_same(ours: &[RecordBatch], theirs: &[RecordBatch], what: &str) {
    let names = |batches: &[RecordBatch]| -> Vec<String> {
        let schema = batches.first().map(RecordBatch::schema);
        schema.iter().flat_map(|s| s.fields().iter()).map(|field| field.name().clone()).collect()
    };
    if !ours.is_empty() {
        assert_eq!(names(ours), names(theirs), "columns of {what}");
    }
    let (ours, theirs) = (cells(ours), cells(theirs));
    assert_eq!(ours.len(), theirs.len(), "number of rows of {what}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "a row of {what}");
    }
}

/// The answers of a case: the name of the state and the file.
pub(crate) fn answers(case: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(case)
        .expect("the case is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    found.sort();
    found
}

/// The cases below a folder.
pub(crate) fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}
