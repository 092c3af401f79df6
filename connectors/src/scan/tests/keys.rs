//! Deleted keys: what is left, however it is asked for and wherever it is run.

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::physical_plan::joins::HashJoinExec;

use super::super::{KeyDeletes, KeySet};
use super::*;

fn keyed(name: &str, values: &[Option<i64>]) -> RecordBatch {
    let array: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    let schema = Schema::new(vec![with_id(name, DataType::Int64, 1)]);
    RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap()
}

/// Files of ages 1 and 3 with ids 0 to 4 and NULL, in two stores; deleted are, of age 2, the keys 1
/// and NULL of part 7, and, of age 4, the key 3 everywhere.
async fn table(memory: &Memory, [one, two]: [&str; 2]) -> TableSnapshot {
    let ids = [Some(0), Some(1), None, Some(3), Some(4)];
    let key = SnapshotColumn {
        field: Arc::new(Field::new("#key1", DataType::Int64, true)),
        ..by_id(with_id("id", DataType::Int64, 1), 1)
    };
    let mut deletes = KeyDeletes::new(vec![key], Vec::new());
    for (is_of_parts, age, keys) in
        [(true, 2, vec![Some(1), None]), (false, 4, vec![Some(3), Some(9)])]
    {
        let path = format!("keys-{age}.parquet");
        let mut file = memory.file(one, &path, &keyed("k", &keys)).await;
        file.constants.extend(deletes.constants(0, age, 7));
        deletes.sets.push(KeySet { keys: vec![0], is_of_parts, files: vec![file] });
    }
    let mut files = Vec::new();
    for (bucket, age, part) in [(one, 1, 7), (two, 3, 7), (one, 1, 8), (two, 4, 7)] {
        let path = format!("{age}-{part}.parquet");
        let mut file = memory.file(bucket, &path, &keyed("id", &ids)).await;
        file.bounds = vec![int_bounds(0, 4)];
        file.bounds[0].nulls = Some(1);
        file.has_deleted_keys = age < 4;
        file.constants.extend(deletes.constants(1, age, part));
        files.push(file);
    }
    let columns = vec![by_id(with_id("id", DataType::Int64, 1), 1)];
    TableSnapshot { key_deletes: Some(Arc::new(deletes)), ..snapshot(columns, files) }
}

const CASES: [(&str, &[&str]); 8] = [
    ("select count(*), count(id), sum(id), min(id), max(id) from t", &["15|12|22|0|4"]),
    ("select id from t where id = 3", &["3"]),
    ("select count(*) from t where id is null", &["3"]),
    ("select count(*) from t where id = 1", &["3"]),
    ("select count(*) from (select id from t limit 15)", &["15"]),
    ("select count(*) from (select id from t limit 100)", &["15"]),
    ("select id from t order by id desc nulls last limit 5", &["4", "4", "4", "4", "3"]),
    ("select a.id from t a join t b on a.id = b.id where b.id = 3", &["3"]),
];

#[tokio::test]
async fn deleted_keys_count_for_older_files_of_their_part() {
    for pushdown in [false, true] {
        let memory = Memory::new();
        let context = session(&memory, table(&memory, ["one", "two"]).await, pushdown);
        check(&context, &CASES).await;
        // What is kept in memory cannot be shipped.
        let context = session(&memory, table(&memory, ["local", "local"]).await, pushdown);
        check(&context, &CASES).await;
        for (sql, expected) in CASES {
            assert_eq!(shipped(&memory, &context, sql).await.unwrap(), expected, "shipped: {sql}");
        }
    }
}

#[tokio::test]
async fn deletes_that_cannot_count_are_not_read() {
    let memory = Memory::new();
    let mut of_one_part = table(&memory, ["one", "two"]).await;
    of_one_part.files.retain(|file| file.path.as_ref().ends_with("-8.parquet"));
    let joins = async |snapshot: TableSnapshot| {
        let context = session(&memory, snapshot, false);
        let plan = context.sql("select * from t").await.unwrap();
        let mut nodes = vec![plan.create_physical_plan().await.unwrap()];
        let mut joins = 0;
        while let Some(node) = nodes.pop() {
            joins += usize::from(node.downcast_ref::<HashJoinExec>().is_some());
            nodes.extend(node.children().into_iter().map(Arc::clone));
        }
        joins
    };
    assert_eq!(joins(of_one_part).await, 1);
    let mut young = table(&memory, ["one", "two"]).await;
    young.files.retain(|file| !file.has_deleted_keys);
    assert_eq!(joins(young).await, 0);
}
