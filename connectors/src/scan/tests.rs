//! One test for each way in which a scan could give wrong rows (`W` and `L` are the numbers of the
//! facts that the scan is built on).

mod ahead;
mod keys;
mod lineage;
mod names;
mod nested;
mod shipped;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, Int64Builder, ListArray, MapBuilder, RecordBatch,
    StringArray, StringBuilder, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use datafusion_proto::physical_plan::DefaultPhysicalExtensionCodec;
use object_store::ObjectMeta;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use samite_engine::connector::SnapshotId;
use samite_engine::{Error, ErrorKind};

use super::identity::{FIELD_ID, PHYSICAL_NAME};
use super::report::lake_scan;
use super::{
    Bounds, Deletes, Identity, LakeCodec, LakeFile, SnapshotColumn, TableSnapshot, pinned,
    when_missing,
};
use crate::stores::{StoreHandle, Stores, StoresConfig};
use crate::testing::{ask, location, noon, parquet, request, rows, with_tables};

/// Two stores that keep their files in memory, and one that keeps them in a folder.
pub(super) struct Memory {
    pub(super) stores: Stores,
    folder: tempfile::TempDir,
    handles: HashMap<&'static str, Arc<StoreHandle>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let stores = Stores::new(StoresConfig {
            mesh_root: Some(location(folder.path())),
            allow: vec!["s3://one".to_owned(), "s3://two".to_owned()],
            ..StoresConfig::default()
        })
        .unwrap();
        let handle = |bucket: &'static str| {
            let place = stores.resolve(&format!("s3://{bucket}/x"), None).unwrap();
            let known = place.store;
            let handle = StoreHandle {
                id: known.id.clone(),
                url: known.url.clone(),
                store: Arc::new(InMemory::new()),
                footers: Arc::clone(&known.footers),
                root: known.root.clone(),
                reading: known.reading.clone(),
            };
            (bucket, Arc::new(handle))
        };
        let mut handles: HashMap<_, _> = ["one", "two"].map(handle).into();
        let local = stores.resolve(&location(folder.path()), None).unwrap();
        handles.insert("local", local.store);
        Self { handles, folder, stores }
    }

    /// Writes a file and tells all that its footer would.
    pub(super) async fn file(&self, bucket: &str, path: &str, batch: &RecordBatch) -> LakeFile {
        let handle = &self.handles[bucket];
        let bytes = parquet(batch, 10);
        let size = bytes.len() as u64;
        let path = if bucket == "local" {
            std::fs::write(self.folder.path().join(path), bytes).unwrap();
            let location = format!("{}/{path}", location(self.folder.path()));
            self.stores.resolve(&location, None).unwrap().path
        } else {
            let path = Path::parse(path).unwrap();
            handle.store.put(&path, bytes.into()).await.unwrap();
            path
        };
        let meta =
            ObjectMeta { location: path, last_modified: noon(), size, e_tag: None, version: None };
        let mut file = LakeFile::new(Arc::clone(handle), meta);
        file.rows = Some(batch.num_rows() as u64);
        file
    }
}

pub(super) fn by_name(name: &str, data_type: DataType) -> SnapshotColumn {
    SnapshotColumn {
        field: Arc::new(Field::new(name, data_type, true)),
        identity: Identity::PhysicalName(name.to_owned()),
        when_missing: None,
    }
}

pub(super) fn snapshot(columns: Vec<SnapshotColumn>, files: Vec<LakeFile>) -> TableSnapshot {
    let id = SnapshotId("test:1".to_owned());
    TableSnapshot { id, committed_at: None, columns, files, key_deletes: None }
}

fn numbers(name: &str, values: impl IntoIterator<Item = i64>) -> RecordBatch {
    let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
    RecordBatch::try_from_iter([(name, array)]).unwrap()
}

fn int_bounds(min: i64, max: i64) -> Bounds {
    Bounds {
        min: Some(ScalarValue::Int64(Some(min))),
        max: Some(ScalarValue::Int64(Some(max))),
        nulls: Some(0),
        attained: true,
        rounded_us: None,
        has_no_nan: false,
    }
}

fn session(memory: &Memory, snapshot: TableSnapshot, pushdown: bool) -> SessionContext {
    let table = pinned(snapshot, &request("s3://one", Vec::new())).unwrap();
    let mut config = SessionConfig::new().with_target_partitions(2);
    config.options_mut().execution.parquet.pushdown_filters = pushdown;
    config.options_mut().optimizer.repartition_file_min_size = 0;
    with_tables(&memory.stores, config, &[("t", &table.provider)])
}

async fn check(context: &SessionContext, cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        let (rows, _) = ask(context, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(rows, *expected, "{sql}");
    }
}

#[tokio::test]
async fn w4_and_l5_stores_with_equal_paths_do_not_share_footers_or_files() {
    let memory = Memory::new();
    // The same path, size and time; other rows and row groups.
    let one = memory.file("one", "p/a.parquet", &numbers("id", 0..40)).await;
    let two = memory.file("two", "p/a.parquet", &numbers("id", 100..140)).await;
    assert_eq!(one.size, two.size);
    let columns = vec![by_name("id", DataType::Int64)];
    let context = session(&memory, snapshot(columns, vec![one, two]), false);
    check(
        &context,
        &[
            ("select sum(id), count(*) from t", &["5560|80"]),
            ("select id from t where id in (39, 100) order by 1", &["39", "100"]),
            ("select count(*) from t", &["80"]),
        ],
    )
    .await;
    let (_, reports) = ask(&context, "select id from t").await.unwrap();
    assert_eq!(reports.iter().map(|report| report.files_total).sum::<u64>(), 2);
    assert_eq!(reports.iter().map(|report| report.files_read).sum::<u64>(), 2);
}

#[tokio::test]
async fn w8_deleted_rows_count_in_no_answer_and_files_are_still_skipped() {
    let memory = Memory::new();
    let mut files = Vec::new();
    for part in 0..4 {
        let from = part * 40;
        let path = format!("{part}.parquet");
        let mut file = memory.file("one", &path, &numbers("id", from..from + 40)).await;
        file.bounds = vec![int_bounds(from, from + 39)];
        file.deleted_rows = Some(Deletes::Held(Arc::new([0, 39].into_iter().collect())));
        files.push(file);
    }
    let columns = vec![by_name("id", DataType::Int64)];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), files.clone()), pushdown);
        check(
            &context,
            &[
                ("select count(*) from t", &["152"]),
                ("select min(id), max(id) from t", &["1|158"]),
                ("select count(id) from t where id >= 120", &["38"]),
                ("select id from t order by id desc limit 1", &["158"]),
                ("select count(*) from (select id from t limit 45)", &["45"]),
            ],
        )
        .await;
        let (_, reports) = ask(&context, "select id from t where id = 50").await.unwrap();
        assert_eq!((reports[0].files_total, reports[0].files_read), (4, 1), "{reports:?}");
    }
}

#[tokio::test]
async fn w8_scattered_deleted_rows_are_masked_and_count_in_no_limit() {
    let memory = Memory::new();
    let mut files = Vec::new();
    for part in 0..4 {
        let path = format!("{part}.parquet");
        let mut file = memory.file("one", &path, &numbers("id", part * 40..part * 40 + 40)).await;
        // Every other row of two files, and none of the others.
        if part % 2 == 0 {
            file.deleted_rows = Some(Deletes::Held(Arc::new((0..20).map(|row| row * 2).collect())));
        }
        files.push(file);
    }
    let columns = vec![by_name("id", DataType::Int64)];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), files.clone()), pushdown);
        check(
            &context,
            &[
                ("select count(*) from t", &["120"]),
                ("select count(*) from t where id % 2 = 0", &["40"]),
                ("select count(*), sum(id), min(id) from t where id < 45", &["25|610|1"]),
                ("select count(*) from (select id from t limit 30)", &["30"]),
                ("select count(*) from (select id from t limit 110)", &["110"]),
                ("select count(*) from (select 1 from t limit 110)", &["110"]),
                ("select id from t order by id desc limit 2", &["159", "158"]),
                ("select id from t order by id limit 2", &["1", "3"]),
                ("select id + 1 from t where id = 81", &["82"]),
                ("select max(file_row_index()) from t where id < 40", &["39"]),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn file_with_another_number_of_rows_than_its_table_says_is_refused() {
    let memory = Memory::new();
    let mut file = memory.file("one", "a.parquet", &numbers("id", 0..40)).await;
    for (deleted, message) in [(None, "is not the one"), (Some(1), "deleted rows")] {
        file.rows = Some(41);
        file.deleted_rows =
            deleted.map(|row: u64| Deletes::Held(Arc::new([row].into_iter().collect())));
        let columns = vec![by_name("id", DataType::Int64)];
        let context = session(&memory, snapshot(columns, vec![file.clone()]), false);
        let error = ask(&context, "select sum(id) from t").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource);
        assert!(
            error.to_line().contains("a.parquet") && error.to_line().contains(message),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn w8_cut_text_is_no_answer() {
    let memory = Memory::new();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["abcdef", "xyz"]));
    let batch = RecordBatch::try_from_iter([("name", names)]).unwrap();
    let mut file = memory.file("one", "a.parquet", &batch).await;
    let text = |text: &str| Some(ScalarValue::Utf8View(Some(text.to_owned())));
    file.bounds =
        vec![Bounds { min: text("abc"), max: text("y"), nulls: Some(0), ..Bounds::default() }];
    let context =
        session(&memory, snapshot(vec![by_name("name", DataType::Utf8View)], vec![file]), false);
    check(&context, &[("select min(name), max(name) from t", &["abcdef|xyz"])]).await;
}

#[tokio::test]
async fn w7_predicate_on_a_reshaped_column_is_not_lost() {
    let memory = Memory::new();
    let child: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "x", "z"]));
    let old = Field::new("old", DataType::Utf8, true);
    let structs: ArrayRef = Arc::new(StructArray::from(vec![(Arc::new(old), child)]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("s", structs)]).unwrap();
    let file = memory.file("one", "a.parquet", &batch).await;
    let physical = HashMap::from([(PHYSICAL_NAME.to_owned(), "old".to_owned())]);
    let field = Field::new("c", DataType::Utf8, true).with_metadata(physical);
    let columns =
        vec![by_name("id", DataType::Int64), by_name("s", DataType::Struct(vec![field].into()))];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), vec![file.clone()]), pushdown);
        check(
            &context,
            &[
                ("select id from t where s['c'] <> 'x' order by 1", &["2", "4"]),
                ("select id from t where s['c'] = 'x' and id > 1", &["3"]),
                ("select s['c'] from t where id = 4", &["z"]),
                ("select s from t where id = 4", &["{c: z}"]),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn l1_null_partition_values_are_null() {
    let memory = Memory::new();
    let mut one = memory.file("one", "1.parquet", &numbers("id", 0..10)).await;
    one.constants = vec![(1, ScalarValue::Utf8View(None))];
    let mut two = memory.file("one", "2.parquet", &numbers("id", 10..20)).await;
    two.constants = vec![(1, ScalarValue::Utf8View(Some("a".to_owned())))];
    let columns = vec![by_name("id", DataType::Int64), by_name("p", DataType::Utf8View)];
    for pushdown in [false, true] {
        let files = vec![one.clone(), two.clone()];
        let context = session(&memory, snapshot(columns.clone(), files), pushdown);
        check(
            &context,
            &[
                ("select count(p), count(*) from t", &["10|20"]),
                ("select count(*) from t where p is null", &["10"]),
                (
                    "select p, sum(id) from t group by p order by p nulls first",
                    &["NULL|45", "a|145"],
                ),
                ("select count(id) from t where p = 'a' and id > 15", &["4"]),
                ("select count(id) from t where p <> 'a'", &["0"]),
            ],
        )
        .await;
        let (_, reports) = ask(&context, "select id from t where p = 'a'").await.unwrap();
        assert_eq!(reports[0].files_read, 1);
    }
}

#[tokio::test]
async fn l2_file_of_unknown_length_makes_the_count_unknown() {
    let memory = Memory::new();
    let one = memory.file("one", "1.parquet", &numbers("id", 0..10)).await;
    let mut two = memory.file("one", "2.parquet", &numbers("id", 10..20)).await;
    two.rows = None;
    two.constants = vec![(1, ScalarValue::Utf8View(None))];
    let columns = vec![by_name("id", DataType::Int64), by_name("p", DataType::Utf8View)];
    let context = session(&memory, snapshot(columns, vec![one, two]), false);
    check(&context, &[("select count(*), count(p) from t", &["20|0"])]).await;
}

#[tokio::test]
async fn l3_nan_is_above_every_number() {
    let memory = Memory::new();
    let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, f64::NAN]));
    let batch = RecordBatch::try_from_iter([("x", values)]).unwrap();
    let mut file = memory.file("one", "a.parquet", &batch).await;
    file.bounds = vec![Bounds {
        min: Some(ScalarValue::Float64(Some(1.0))),
        max: Some(ScalarValue::Float64(Some(2.0))),
        nulls: Some(0),
        attained: true,
        rounded_us: None,
        has_no_nan: false,
    }];
    let columns = vec![by_name("x", DataType::Float64)];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), vec![file.clone()]), pushdown);
        check(
            &context,
            &[
                ("select count(*) from t where x > 100", &["1"]),
                ("select x from t order by x desc limit 1", &["NaN"]),
                ("select max(x) from t", &["NaN"]),
                ("select count(*) from t where x < 1.5", &["1"]),
            ],
        )
        .await;
    }
}

fn with_id(name: &str, data_type: DataType, id: i32) -> Field {
    let metadata = HashMap::from([(FIELD_ID.to_owned(), id.to_string())]);
    Field::new(name, data_type, true).with_metadata(metadata)
}

fn by_id(field: Field, id: i32) -> SnapshotColumn {
    SnapshotColumn { field: Arc::new(field), identity: Identity::FieldId(id), when_missing: None }
}

#[tokio::test]
async fn l4_columns_are_found_by_id_and_never_by_a_name_used_again() {
    let memory = Memory::new();
    let fields = vec![with_id("a", DataType::Int64, 1), with_id("b", DataType::Int64, 2)];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(Int64Array::from(vec![10, 20]))];
    let old = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let file = memory.file("one", "old.parquet", &old).await;
    // 1 is called b now; 2 is gone; a is new, and has a default.
    let mut new = by_id(with_id("a", DataType::Utf8View, 3), 3);
    new.when_missing = Some(ScalarValue::Utf8View(Some("new".to_owned())));
    let columns = vec![by_id(with_id("b", DataType::Int64, 1), 1), new];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), vec![file.clone()]), pushdown);
        check(
            &context,
            &[
                ("select * from t order by b", &["1|new", "2|new"]),
                ("select a from t where b = 2", &["new"]),
                ("select count(*) from t where b > 5", &["0"]),
                ("select count(*) from t where a = 'new' and b < 2", &["1"]),
                ("select count(*) from t where a <> 'new'", &["0"]),
                ("select count(*) from t where a is null", &["0"]),
            ],
        )
        .await;
        let schema = context.table("t").await.unwrap().schema().as_arrow().clone();
        assert!(schema.fields().iter().all(|field| field.metadata().is_empty()));
    }
}

#[tokio::test]
async fn file_without_ids_is_refused_by_name() {
    let memory = Memory::new();
    let file = memory.file("one", "x/plain.parquet", &numbers("a", 0..3)).await;
    let columns = vec![by_id(with_id("a", DataType::Int64, 1), 1)];
    let context = session(&memory, snapshot(columns, vec![file]), false);
    let error = ask(&context, "select a from t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_line().contains("x/plain.parquet"), "{error:?}");
}

#[tokio::test]
async fn column_that_cannot_be_widened_names_file_and_column() {
    let memory = Memory::new();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let batch = RecordBatch::try_from_iter([("n", texts)]).unwrap();
    let file = memory.file("one", "x/text.parquet", &batch).await;
    let columns = vec![by_name("n", DataType::Int64)];
    let context = session(&memory, snapshot(columns, vec![file]), false);
    for sql in ["select n from t", "select count(*) from t where n > 3"] {
        let error = ask(&context, sql).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
        let line = error.to_line();
        assert!(line.contains("x/text.parquet") && line.contains("\"n\""), "{line}");
    }
}

/// Ships the plan of a query to a fresh session and runs it there.
pub(super) async fn shipped(
    memory: &Memory,
    context: &SessionContext,
    sql: &str,
) -> Result<Vec<String>, Error> {
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    let codec = LakeCodec::new(memory.stores.clone());
    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &codec)?;
    let fresh = crate::testing::context(&memory.stores, SessionConfig::new());
    let plan = physical_plan_from_bytes_with_extension_codec(&bytes, &fresh.task_ctx(), &codec)?;
    Ok(rows(&datafusion::physical_plan::collect(plan, fresh.task_ctx()).await?))
}
