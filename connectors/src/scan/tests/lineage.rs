//! Row lineage is the same however a file is read: whole, in part, filtered, without deleted rows.

use super::*;
use crate::scan::{FileLineage, Lineage};

fn lineage_column(lineage: Lineage) -> SnapshotColumn {
    SnapshotColumn {
        field: Arc::new(Field::new(lineage.name(), DataType::Int64, true)),
        identity: Identity::Lineage(lineage),
        when_missing: None,
    }
}

fn ids(range: std::ops::Range<i64>) -> RecordBatch {
    let fields = vec![with_id("id", DataType::Int64, 1)];
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(range));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![values]).unwrap()
}

/// Every fourth row was there before, with an id and a number of its own.
fn rewritten(range: std::ops::Range<i64>) -> RecordBatch {
    let own = |number: i64| {
        let values = range.clone().map(|id| (id % 4 == 1).then_some(number + id));
        Arc::new(values.collect::<Int64Array>()) as ArrayRef
    };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(range.clone()));
    let fields = vec![
        with_id("x", DataType::Int64, Lineage::RowId.field_id()),
        with_id("id", DataType::Int64, 1),
        with_id("y", DataType::Int64, Lineage::LastUpdated.field_id()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![own(9_000_000), ids, own(0)]).unwrap()
}

/// Id, row id, sequence number.
type Row = (i64, Option<i64>, Option<i64>);

/// What each row must have.
fn expected() -> Vec<Row> {
    let selected = (10..40).map(|id| (id, Some(100 + id), Some(3)));
    let masked = (1000..3400).filter(|id| id % 2 == 1).map(|id| match id % 4 {
        1 => (id, Some(9_000_000 + id), Some(id)),
        _ => (id, Some(500 + id - 1000), Some(5)),
    });
    let unknown = (7000..7010).map(|id| (id, None, None));
    selected.chain(masked).chain(unknown).collect()
}

async fn table(memory: &Memory) -> TableSnapshot {
    let inherits =
        |first_row_id, sequence_number| Some(FileLineage { first_row_id, sequence_number });
    let mut selected = memory.file("local", "a.parquet", &ids(0..40)).await;
    selected.deleted_rows = Some(Deletes::Held(Arc::new((0..10).collect())));
    selected.lineage = inherits(100, 3);
    let mut masked = memory.file("local", "b.parquet", &rewritten(1000..3400)).await;
    let even = (0..2400).filter(|position| position % 2 == 0);
    masked.deleted_rows = Some(Deletes::Held(Arc::new(even.collect())));
    masked.lineage = inherits(500, 5);
    let unknown = memory.file("local", "c.parquet", &ids(7000..7010)).await;
    let columns = vec![
        by_id(with_id("id", DataType::Int64, 1), 1),
        lineage_column(Lineage::RowId),
        lineage_column(Lineage::LastUpdated),
    ];
    snapshot(columns, vec![selected, masked, unknown])
}

fn texts(rows: impl IntoIterator<Item = Row>) -> Vec<String> {
    let text = |value: Option<i64>| value.map_or_else(|| "NULL".to_owned(), |it| it.to_string());
    rows.into_iter()
        .map(|(id, row, number)| format!("{id}|{}|{}", text(row), text(number)))
        .collect()
}

#[tokio::test]
async fn rows_keep_their_ids_in_every_way_of_reading() {
    let memory = Memory::new();
    let table = table(&memory).await;
    for pushdown in [false, true] {
        let context = session(&memory, table.clone(), pushdown);
        let all = "select id, _row_id, _last_updated_sequence_number from t";
        let kept = |keeps: fn(&Row) -> bool| texts(expected().into_iter().filter(keeps));
        for (sql, rows) in [
            (format!("{all} order by id"), texts(expected())),
            (format!("{all} where _row_id = 551"), kept(|row| row.1 == Some(551))),
            (
                format!("{all} where _row_id > 9002000 order by id"),
                kept(|row| row.1 > Some(9_002_000)),
            ),
            (format!("{all} where _row_id is null order by id"), kept(|row| row.1.is_none())),
            (
                format!("{all} where _last_updated_sequence_number < 4 order by id"),
                kept(|row| row.2.is_some_and(|it| it < 4)),
            ),
            (
                format!("{all} where id in (39, 1003, 3397, 7009) order by id"),
                kept(|row| [39, 1003, 3397, 7009].contains(&row.0)),
            ),
        ] {
            let (found, _) = ask(&context, &sql).await.unwrap();
            assert!(!rows.is_empty(), "{sql}");
            assert_eq!(found, rows, "{sql}");
            let there = shipped(&memory, &context, &sql).await;
            assert_eq!(there.unwrap_or_else(|error| panic!("{sql}: {error:?}")), rows, "{sql}");
        }
    }
}

#[tokio::test]
async fn what_is_made_of_row_ids_is_made_of_the_complete_ones() {
    let memory = Memory::new();
    let context = session(&memory, table(&memory).await, false);
    let rows = expected();
    let sum: i64 = rows.iter().filter_map(|row| row.1).map(|id| id % 7).sum();
    let (least, most) =
        (rows.iter().filter_map(|row| row.1).min(), rows.iter().filter_map(|row| row.1).max());
    check(
        &context,
        &[
            ("select sum(_row_id % 7) from t", &[&sum.to_string()]),
            (
                "select min(_row_id), max(_row_id) from t",
                &[&format!("{}|{}", least.unwrap(), most.unwrap())],
            ),
            ("select count(_row_id), count(*) from t", &["1230|1240"]),
            ("select max(_row_id + id) from t where id < 40", &["178"]),
            ("select _row_id from t order by _row_id limit 2", &["110", "111"]),
            ("select _row_id from t order by _row_id desc nulls last limit 1", &["9003397"]),
            ("select a.id from t a join t b on a._row_id = b._row_id where b.id = 1003", &["1003"]),
        ],
    )
    .await;
}
