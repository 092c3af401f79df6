//! What a scan keeps when its plan is shipped to another process and back.

use super::*;

fn scan_in(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match plan.children().first() {
        Some(child) => scan_in(child),
        None => Arc::clone(plan),
    }
}

#[tokio::test]
async fn w6_plain_encoding_would_lose_deleted_rows_and_identities() {
    let memory = Memory::new();
    let fields = vec![with_id("old", DataType::Int64, 1)];
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..40));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![values]).unwrap();
    let mut file = memory.file("one", "a.parquet", &batch).await;
    file.deleted_rows = Some(Deletes::Held(Arc::new((0..10).collect())));
    let columns = vec![by_id(with_id("new", DataType::Int64, 1), 1)];
    let context = session(&memory, snapshot(columns, vec![file]), false);
    let sql = "select new from t";
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let scan = scan_in(&plan);
    let (config, source) = lake_scan(scan.as_ref()).expect("a lake scan in every plan");
    let plain = datafusion::datasource::physical_plan::FileScanConfigBuilder::from(config.clone())
        .with_source(Arc::clone(source.parquet()))
        .build();
    let plain: Arc<dyn ExecutionPlan> =
        datafusion::datasource::source::DataSourceExec::from_data_source(plain);
    let codec = DefaultPhysicalExtensionCodec {};
    let bytes = physical_plan_to_bytes_with_extension_codec(plain, &codec).unwrap();
    let proto = physical_plan_from_bytes_with_extension_codec(&bytes, &context.task_ctx(), &codec);
    let proto = proto.unwrap();
    let read = proto.downcast_ref::<datafusion::datasource::source::DataSourceExec>().unwrap();
    let read = read
        .data_source()
        .downcast_ref::<datafusion::datasource::physical_plan::FileScanConfig>()
        .unwrap();
    assert!(read.expr_adapter_factory.is_none(), "the identities are gone");
    let files: Vec<_> = read.file_groups.iter().flat_map(|group| group.files()).collect();
    assert!(
        files.iter().all(|file| file
            .extension::<datafusion::datasource::physical_plan::parquet::ParquetRowSelection>()
            .is_none()),
        "the deleted rows are back"
    );
    // A lake scan is never shipped like that.
    assert!(physical_plan_to_bytes_with_extension_codec(plan, &codec).is_err());
}

#[tokio::test]
async fn w6_shipped_scan_gives_the_same_rows() {
    let memory = Memory::new();
    let batch = |names: [&str; 2], from: i64| {
        let fields =
            vec![with_id(names[0], DataType::Int64, 1), with_id(names[1], DataType::Utf8, 2)];
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 40));
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((from..from + 40).map(|id| format!("n{id}"))));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![ids, texts]).unwrap()
    };
    let mut one = memory.file("local", "a.parquet", &batch(["old", "x"], 0)).await;
    one.deleted_rows = Some(Deletes::Held(Arc::new([0, 5, 6, 39].into_iter().collect())));
    one.constants = vec![(2, ScalarValue::Utf8View(None))];
    let mut two = memory.file("local", "b.parquet", &batch(["x", "old"], 100)).await;
    two.constants = vec![(2, ScalarValue::Utf8View(Some("b".to_owned())))];
    let mut added = by_id(with_id("added", DataType::Int64, 9), 9);
    added.when_missing = Some(ScalarValue::Int64(Some(7)));
    let columns = vec![
        by_id(with_id("id", DataType::Int64, 1), 1),
        by_id(with_id("name", DataType::Utf8View, 2), 2),
        by_id(with_id("p", DataType::Utf8View, 3), 3),
        added,
    ];
    let context = session(&memory, snapshot(columns, vec![one, two]), false);
    for sql in [
        "select id, name, p, added from t order by id",
        "select p, count(*), sum(id), sum(added) from t group by p order by p",
        "select name from t where id > 3 and added = 7 and p is null order by id limit 3",
        "select a.name from t a join t b on a.id = b.id + 1 where b.id in (4, 101) order by 1",
    ] {
        let (here, _) = ask(&context, sql).await.unwrap();
        assert!(!here.is_empty(), "{sql}");
        let there = shipped(&memory, &context, sql).await;
        assert_eq!(there.unwrap_or_else(|error| panic!("{sql}: {error:?}")), here, "{sql}");
    }
}
