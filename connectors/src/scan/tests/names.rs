//! Names that are used again for another column or field.

use datafusion::arrow::array::{BinaryArray, StructArray};

use super::*;

fn known_as(name: &str, data_type: DataType, physical: &str) -> FieldRef {
    let metadata = HashMap::from([(PHYSICAL_NAME.to_owned(), physical.to_owned())]);
    Arc::new(Field::new(name, data_type, true).with_metadata(metadata))
}

#[tokio::test]
async fn l4_dropped_nested_field_stays_away_when_its_name_comes_back() {
    let memory = Memory::new();
    let ints = |values: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let plain = |name: &str| Arc::new(Field::new(name, DataType::Int64, true));
    let held = StructArray::from(vec![(plain("x"), ints([1, 2])), (plain("a"), ints([10, 20]))]);
    let items = |values: StructArray| {
        let item = Arc::new(Field::new("element", values.data_type().clone(), true));
        ListArray::try_new(item, OffsetBuffer::from_lengths([1, 1]), Arc::new(values), None)
    };
    let list = items(held.clone()).unwrap();
    // The file is as old as the table's first version, which had no mapping.
    let old = RecordBatch::try_from_iter_with_nullable([
        ("s", Arc::new(held) as ArrayRef, true),
        ("l", Arc::new(list) as ArrayRef, true),
    ]);
    let file = memory.file("local", "old.parquet", &old.unwrap()).await;
    let fields = vec![known_as("x", DataType::Int64, "x"), known_as("a", DataType::Int64, "col-1")];
    let now = DataType::Struct(fields.into());
    let element = Arc::new(Field::new("element", now.clone(), true));
    let columns = vec![by_name("s", now), by_name("l", DataType::List(element))];
    for pushdown in [false, true] {
        let context = session(&memory, snapshot(columns.clone(), vec![file.clone()]), pushdown);
        check(
            &context,
            &[
                ("select s from t", &["{x: 1, a: NULL}", "{x: 2, a: NULL}"]),
                ("select l from t", &["[{x: 1, a: NULL}]", "[{x: 2, a: NULL}]"]),
                ("select count(*) from t where s['a'] = 20", &["0"]),
                ("select s['x'] from t where s['a'] is null", &["1", "2"]),
            ],
        )
        .await;
        let rows = shipped(&memory, &context, "select s from t").await.unwrap();
        assert_eq!(rows, ["{x: 1, a: NULL}", "{x: 2, a: NULL}"]);
    }
}

fn bytes_and_text(names: [&str; 2], ids: Option<[i32; 2]>) -> RecordBatch {
    let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0xff, 0x00]), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["one", "two"]));
    let field = |at: usize, data_type: DataType| match ids {
        Some(ids) => with_id(names[at], data_type, ids[at]),
        None => Field::new(names[at], data_type, true),
    };
    let fields = vec![field(0, DataType::Binary), field(1, DataType::Utf8)];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![bytes, texts]).unwrap()
}

async fn check_bytes_and_text(memory: &Memory, columns: &[SnapshotColumn], files: &[LakeFile]) {
    for pushdown in [false, true] {
        let context = session(memory, snapshot(columns.to_vec(), files.to_vec()), pushdown);
        check(
            &context,
            &[
                ("select raw from t where raw is not null", &["ff00", "ff00"]),
                ("select a from t where a = 'one'", &["one"]),
                ("select count(raw), count(a), count(*) from t", &["2|2|4"]),
                (
                    "select a, upper(a) from t where a is not null order by a",
                    &["one|ONE", "two|TWO"],
                ),
                ("select max(a) from t where raw is null", &["two"]),
                ("select a from t order by a desc nulls last limit 1", &["two"]),
                ("select x.a from t x join t y on x.a = y.a where y.a > 'p'", &["two"]),
                ("select 1 from t", &["1", "1", "1", "1"]),
            ],
        )
        .await;
        let sql = "select a, raw from t where a = 'one'";
        assert_eq!(shipped(memory, &context, sql).await.unwrap(), ["one|ff00"]);
        let schema = context.table("t").await.unwrap().schema().as_arrow().clone();
        let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["raw", "a"]);
    }
}

#[tokio::test]
async fn l4_bytes_are_not_read_as_the_text_that_took_their_name() {
    let memory = Memory::new();
    // 1 was called a and is called raw now; what is called a now is another column.
    let old = bytes_and_text(["a", "other"], Some([1, 9]));
    let old = memory.file("local", "old.parquet", &old).await;
    let new = bytes_and_text(["raw", "a"], Some([1, 2]));
    let new = memory.file("local", "new.parquet", &new).await;
    let columns = [
        by_id(with_id("raw", DataType::BinaryView, 1), 1),
        by_id(with_id("a", DataType::Utf8View, 2), 2),
    ];
    check_bytes_and_text(&memory, &columns, &[old, new]).await;
}

#[tokio::test]
async fn l4_bytes_with_a_physical_name_are_not_read_as_text() {
    let memory = Memory::new();
    let old = memory.file("local", "old.parquet", &bytes_and_text(["a", "other"], None)).await;
    let new = memory.file("local", "new.parquet", &bytes_and_text(["a", "col-2"], None)).await;
    let known = |name: &str, data_type: DataType, physical: &str| SnapshotColumn {
        identity: Identity::PhysicalName(physical.to_owned()),
        ..by_name(name, data_type)
    };
    let columns =
        [known("raw", DataType::BinaryView, "a"), known("a", DataType::Utf8View, "col-2")];
    check_bytes_and_text(&memory, &columns, &[old, new]).await;
}
