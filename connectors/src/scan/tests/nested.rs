//! Nested fields that files have otherwise than the table.

use super::*;

#[tokio::test]
async fn nested_fields_are_renamed_widened_added_and_dropped_at_every_depth() {
    let memory = Memory::new();
    let leaf = |name: &str, id| with_id(name, DataType::Int32, id);
    let ints = |values: &[i32]| -> ArrayRef {
        Arc::new(datafusion::arrow::array::Int32Array::from(values.to_vec()))
    };
    let item = StructArray::from(vec![
        (Arc::new(leaf("gone", 12)), ints(&[7, 8, 9])),
        (Arc::new(leaf("old", 11)), ints(&[1, 2, 3])),
    ]);
    let element = with_id("element", item.data_type().clone(), 10);
    let list = ListArray::try_new(
        Arc::new(element),
        OffsetBuffer::from_lengths([2, 0, 1]),
        Arc::new(item),
        None,
    )
    .unwrap();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for key in ["a", "b", "c"] {
        map.keys().append_value(key);
        map.values().append_value(5);
        map.append(true).unwrap();
    }
    let map = map.finish();
    let fields =
        vec![with_id("l", list.data_type().clone(), 1), with_id("m", map.data_type().clone(), 2)];
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![Arc::new(list), Arc::new(map.clone())],
    )
    .unwrap();
    let file = memory.file("one", "a.parquet", &batch).await;
    let mut given = with_id("given", DataType::Utf8, 14);
    given.metadata_mut().extend([when_missing(&"x".into()).unwrap()]);
    let item: Vec<FieldRef> = vec![
        Arc::new(with_id("new", DataType::Int64, 11)),
        Arc::new(with_id("added", DataType::Utf8, 13)),
        Arc::new(given.with_nullable(false)),
    ];
    let element = Arc::new(with_id("element", DataType::Struct(item.into()), 10));
    let columns = vec![
        by_id(Field::new("list", DataType::List(element), true), 1),
        by_id(Field::new("map", map.data_type().clone(), true), 2),
    ];
    let context = session(&memory, snapshot(columns, vec![file]), false);
    check(
        &context,
        &[
            (
                "select list from t",
                &[
                    "[{new: 1, added: NULL, given: x}, {new: 2, added: NULL, given: x}]",
                    "[]",
                    "[{new: 3, added: NULL, given: x}]",
                ],
            ),
            ("select map['b'] from t where map['b'] is not null", &["5"]),
            ("select list[1]['new'] from t where list[2]['new'] = 2", &["1"]),
            ("select list[1]['given'] from t where list[1]['given'] = 'x'", &["x", "x"]),
        ],
    )
    .await;
}
