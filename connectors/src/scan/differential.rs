//! Random tables and random queries: the scan must answer what a table in memory answers.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;

use super::identity::FIELD_ID;
use super::tests::{Memory, shipped, snapshot};
use super::{Bounds, Deletes, Identity, LakeFile, SnapshotColumn, pinned};
use crate::testing::{ask, request, with_tables};

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (!self.one_in(6)).then_some(value)
    }
}

const DEFAULT: i64 = 7;

fn field(name: &str, data_type: DataType, id: i32) -> Field {
    let metadata = HashMap::from([(FIELD_ID.to_owned(), id.to_string())]);
    Field::new(name, data_type, true).with_metadata(metadata)
}

fn struct_type(names: [&str; 2], number: DataType) -> DataType {
    DataType::Struct(vec![field(names[0], number, 21), field(names[1], DataType::Utf8, 22)].into())
}

fn list_type(name: &str) -> DataType {
    DataType::List(Arc::new(field(name, DataType::Int64, 23)))
}

/// The table as a consumer sees it, with the ids of its fields.
fn table_fields() -> Vec<Field> {
    vec![
        field("id", DataType::Int64, 1),
        field("n", DataType::Int64, 2),
        field("d", DataType::Decimal128(12, 2), 3),
        field("ts", DataType::Timestamp(TimeUnit::Microsecond, None), 4),
        field("day", DataType::Date32, 5),
        field("s", DataType::Utf8View, 6),
        field("b", DataType::Boolean, 7),
        field("x", DataType::Float64, 8),
        field("st", struct_type(["a", "c"], DataType::Int64), 9),
        field("l", list_type("element"), 10),
        field("p", DataType::Utf8View, 11),
        field("added", DataType::Int64, 12),
        field("extra", DataType::Utf8View, 13),
    ]
}

fn plain(schema: &[Field]) -> SchemaRef {
    let fields: Vec<Field> = schema.iter().map(super::identity::without_metadata).collect();
    Arc::new(Schema::new(fields))
}

/// The rows of one file as a consumer sees them. Old files know no `added` and no `extra`.
#[expect(clippy::too_many_lines, reason = "one column after the other")]
fn logical_rows(
    random: &mut Random,
    from: i64,
    is_old: bool,
    partition: Option<&str>,
) -> RecordBatch {
    let rows = 10 + random.below(60) as usize;
    let base = random.below(300) as i64;
    let mut ints = |spread: u64| -> Vec<Option<i64>> {
        (0..rows)
            .map(|_| {
                let value = base + random.below(spread) as i64;
                random.maybe(value)
            })
            .collect()
    };
    let (n, d, ts, day, added) = (ints(40), ints(5000), ints(1_000_000), ints(60), ints(10));
    let text = |values: Vec<Option<i64>>| -> Vec<Option<String>> {
        values.into_iter().map(|value| value.map(|value| format!("name {}", value % 50))).collect()
    };
    let (s, c, extra) = (text(ints(100)), text(ints(9)), text(ints(5)));
    let a: Vec<Option<i64>> = ints(20).into_iter().map(|a| a.map(|a| a % 30)).collect();
    let x: Vec<Option<f64>> = (0..rows)
        .map(|_| match random.below(8) {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(-0.0),
            _ => Some(random.below(1000) as f64 / 10.0 - 20.0),
        })
        .collect();
    let b: Vec<Option<bool>> = (0..rows)
        .map(|_| {
            let value = random.one_in(2);
            random.maybe(value)
        })
        .collect();
    let lists: Vec<Option<Vec<Option<i64>>>> = (0..rows)
        .map(|_| {
            let items = (0..random.below(4))
                .map(|_| {
                    let item = random.below(9) as i64;
                    random.maybe(item)
                })
                .collect();
            random.maybe(items)
        })
        .collect();
    let schema = plain(&table_fields());
    let DataType::Struct(children) = schema.field(8).data_type() else { panic!("a struct") };
    // What lies below a NULL is NULL: a table in memory would look at what is hidden there.
    let nulls = (0..rows).map(|_| !random.one_in(7)).collect::<Vec<bool>>();
    let a = nulls.iter().zip(a).map(|(is_there, a)| a.filter(|_| *is_there)).collect::<Vec<_>>();
    let c = nulls.iter().zip(c).map(|(is_there, c)| c.filter(|_| *is_there)).collect::<Vec<_>>();
    let st = StructArray::new(
        children.clone(),
        vec![Arc::new(Int64Array::from(a)), Arc::new(StringArray::from(c))],
        Some(nulls.into()),
    );
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
    let list = cast(&list, schema.field(9).data_type()).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(from..from + rows as i64)),
        Arc::new(Int64Array::from(n)),
        Arc::new(
            d.into_iter()
                .map(|value| value.map(i128::from))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(12, 2)
                .unwrap(),
        ),
        Arc::new(TimestampMicrosecondArray::from(ts)),
        Arc::new(day.into_iter().map(|day| day.map(|day| day as i32)).collect::<Date32Array>()),
        Arc::new(StringViewArray::from_iter(s)),
        Arc::new(BooleanArray::from(b)),
        Arc::new(Float64Array::from(x)),
        Arc::new(st),
        list,
        Arc::new(StringViewArray::from(vec![partition; rows])),
        if is_old {
            Arc::new(Int64Array::from(vec![DEFAULT; rows]))
        } else {
            Arc::new(Int64Array::from(added))
        },
        if is_old {
            new_null_array(&DataType::Utf8View, rows)
        } else {
            Arc::new(StringViewArray::from_iter(extra))
        },
    ];
    RecordBatch::try_new(schema, columns).unwrap()
}

/// The same rows as a file has them: other names, narrower types, another order.
fn physical_rows(logical: &RecordBatch, is_old: bool) -> RecordBatch {
    let as_type = |index: usize, data_type: &DataType| -> ArrayRef {
        cast(logical.column(index), data_type).unwrap()
    };
    let named = |name: &str, data_type: DataType, id: i32, column: ArrayRef| {
        let retyped = if data_type.is_nested() {
            let data = column.to_data().into_builder().data_type(data_type.clone());
            datafusion::arrow::array::make_array(data.build().unwrap())
        } else {
            column
        };
        (field(name, data_type, id), retyped)
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let mut columns = vec![
        named("d", DataType::Decimal128(12, 2), 3, Arc::clone(logical.column(2))),
        named("ts", micros, 4, Arc::clone(logical.column(3))),
        named("day", DataType::Date32, 5, Arc::clone(logical.column(4))),
        named("b", DataType::Boolean, 7, Arc::clone(logical.column(6))),
    ];
    if is_old {
        let old = StructArray::from(vec![
            (
                Arc::new(field("c", DataType::Utf8, 22)),
                Arc::clone(
                    logical.column(8).as_any().downcast_ref::<StructArray>().unwrap().column(1),
                ),
            ),
            (
                Arc::new(field("was_a", DataType::Int32, 21)),
                cast(
                    logical.column(8).as_any().downcast_ref::<StructArray>().unwrap().column(0),
                    &DataType::Int32,
                )
                .unwrap(),
            ),
        ]);
        let nulls = logical.column(8).nulls().cloned();
        let (fields, arrays, _) = old.into_parts();
        let old: ArrayRef = Arc::new(StructArray::new(fields, arrays, nulls));
        columns.push((field("number", DataType::Int32, 2), as_type(1, &DataType::Int32)));
        // Names of the table that mean other columns here, or none.
        let decoys: ArrayRef = Arc::new(Int32Array::from_iter_values(0..logical.num_rows() as i32));
        columns.push((field("n", DataType::Int32, 98), Arc::clone(&decoys)));
        columns.push((field("added", DataType::Int32, 99), decoys));
        columns.push((field("st", old.data_type().clone(), 9), old));
        columns.push((field("id", DataType::Int64, 1), as_type(0, &DataType::Int64)));
        columns.push((field("x", DataType::Float64, 8), Arc::clone(logical.column(7))));
        columns.push((field("text", DataType::Utf8, 6), as_type(5, &DataType::Utf8)));
        columns.push(named("l", list_type("item"), 10, Arc::clone(logical.column(9))));
    } else {
        columns.insert(0, (field("id", DataType::Int64, 1), as_type(0, &DataType::Int64)));
        columns.push((field("n", DataType::Int64, 2), as_type(1, &DataType::Int64)));
        columns.push((field("s", DataType::Utf8, 6), as_type(5, &DataType::Utf8)));
        columns.push((field("x", DataType::Float64, 8), Arc::clone(logical.column(7))));
        let st = struct_type(["a", "c"], DataType::Int64);
        columns.push(named("st", st, 9, Arc::clone(logical.column(8))));
        columns.push(named("l", list_type("element"), 10, Arc::clone(logical.column(9))));
        columns.push((field("added", DataType::Int64, 12), as_type(11, &DataType::Int64)));
        columns.push((field("extra", DataType::Utf8, 13), as_type(12, &DataType::Utf8)));
    }
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn bounds_of(column: &ArrayRef, random: &mut Random) -> Bounds {
    let nulls = Some(column.null_count() as u64);
    if column.data_type().is_nested() || column.data_type().is_floating() || random.one_in(5) {
        return Bounds { nulls: random.maybe(nulls).flatten(), ..Bounds::default() };
    }
    let mut values: Vec<ScalarValue> = (0..column.len())
        .map(|row| ScalarValue::try_from_array(column, row).unwrap())
        .filter(|value| !value.is_null())
        .collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    Bounds {
        min: values.first().cloned(),
        max: values.last().cloned(),
        nulls,
        attained: true,
        rounded_us: None,
        has_no_nan: false,
    }
}

/// A table with several files of both ages, and the same rows in memory.
async fn random_table(memory: &Memory, random: &mut Random) -> [Arc<dyn TableProvider>; 2] {
    let (mut files, mut kept) = (Vec::new(), Vec::new());
    for part in 0..5 {
        let is_old = part < 2;
        let partition = ["a", "b", "c"].get(random.below(4) as usize).copied();
        let logical = logical_rows(random, part * 100, is_old, partition);
        let physical = physical_rows(&logical, is_old);
        let path = format!("part {part}%20.parquet");
        let mut file: LakeFile = memory.file("local", &path, &physical).await;
        file.bounds = logical.columns().iter().map(|column| bounds_of(column, random)).collect();
        file.constants = vec![(10, ScalarValue::Utf8View(partition.map(str::to_owned)))];
        let mut keep = vec![true; logical.num_rows()];
        if !random.one_in(3) {
            let share = 1 + random.below(5);
            let deleted: Vec<u64> =
                (0..keep.len() as u64).filter(|_| random.one_in(share)).collect();
            for row in &deleted {
                keep[*row as usize] = false;
            }
            file.deleted_rows = Some(Deletes::Held(Arc::new(deleted.into_iter().collect())));
        } else if partition.is_some() && random.one_in(2) {
            file.rows = None;
        }
        kept.push(filter_record_batch(&logical, &BooleanArray::from(keep)).unwrap());
        files.push(file);
    }
    let columns = table_fields()
        .into_iter()
        .map(|field| SnapshotColumn {
            identity: Identity::FieldId(field.metadata()[FIELD_ID].parse().unwrap()),
            when_missing: (field.name() == "added").then_some(ScalarValue::Int64(Some(DEFAULT))),
            field: Arc::new(field),
        })
        .collect();
    let scan =
        pinned(snapshot(columns, files), &request("file:///x", Vec::new())).unwrap().provider;
    let schema = plain(&table_fields());
    assert_eq!(scan.schema(), schema);
    [scan, Arc::new(MemTable::try_new(schema, vec![kept]).unwrap())]
}

fn predicate(random: &mut Random, depth: u64) -> String {
    if depth > 0 && random.one_in(2) {
        let (one, other) = (predicate(random, depth - 1), predicate(random, depth - 1));
        return match random.below(4) {
            0 => format!("({one} or {other})"),
            1 => format!("not ({one})"),
            _ => format!("({one} and {other})"),
        };
    }
    let number = random.below(350);
    let compare = random.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match random.below(18) {
        0 => format!("id {compare} {number}"),
        1 => format!("n {compare} {number}"),
        2 => format!("d {compare} {}.25", number / 6),
        3 => format!("ts {compare} timestamp '1970-01-01T00:00:00.{number:03}'"),
        4 => format!("day {compare} date '1970-08-01'"),
        5 => format!("s {compare} 'name {}'", number % 50),
        6 => "s like '%name 1%'".to_owned(),
        7 => "b".to_owned(),
        8 => format!("x {compare} {}.5", number % 100),
        9 => "isnan(x)".to_owned(),
        10 => format!("st['a'] {compare} {}", number % 30),
        11 => format!("st['c'] {compare} 'name {}'", number % 50),
        12 => format!("added {compare} {}", random.pick(&["7", "100", "205"])),
        13 => format!("extra is {}null", random.pick(&["", "not "])),
        14 => format!("p {compare} 'b'"),
        15 => format!("{} is null", random.pick(&["p", "n", "st", "l", "x", "d"])),
        16 => format!("n in ({number}, {}, {}, 7)", number / 2, number / 3),
        _ => format!("l[1] {compare} {}", number % 9),
    }
}

/// A query, and whether the order of its rows is given.
fn query(random: &mut Random) -> (String, bool) {
    let filter = predicate(random, 2);
    let limit = 1 + random.below(30);
    let key = random.pick(&["id", "n", "d", "ts", "day", "s", "x", "added"]);
    let direction = random.pick(&["", " desc", " nulls first", " desc nulls last"]);
    match random.below(12) {
        0 => (format!("select * from t where {filter}"), false),
        1 => (format!("select id, p, added, extra from t where {filter}"), false),
        2 => (
            format!(
                "select count(*), count(n), sum(n), min(day), max(s), sum(d) from t where {filter}"
            ),
            true,
        ),
        3 => (
            "select count(*), count(p), min(id), max(id), min(day), max(ts) from t".to_owned(),
            true,
        ),
        4 => (
            format!("select p, b, count(*), sum(added) from t where {filter} group by p, b"),
            false,
        ),
        5 => (
            format!(
                "select {key} as k, id from t where {filter} order by {key}{direction}, id limit {limit}"
            ),
            true,
        ),
        6 => (
            format!("select {key} as k, id from t order by {key}{direction}, id limit {limit}"),
            true,
        ),
        7 => (
            format!(
                "select t.id, o.id from t join (select id, n, s from t where {filter}) o on t.n = o.n"
            ),
            false,
        ),
        8 => (
            format!(
                "select t.id, o.id from t join (select id, s from t where {filter} order by id limit 3) o on t.id = o.id + 100"
            ),
            false,
        ),
        9 => (format!("select count(*) from (select id from t limit {limit})"), true),
        10 => (format!("select st['a'], st['c'], l[1], x from t where {filter}"), false),
        _ => (format!("select 1 from t where {filter} and x > 10"), false),
    }
}

fn config(partitions: usize, pushdown: bool, dynamic: bool) -> SessionConfig {
    let mut config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(16);
    let options = config.options_mut();
    options.optimizer.repartition_file_min_size = 0;
    options.execution.parquet.pushdown_filters = pushdown;
    options.optimizer.enable_topk_dynamic_filter_pushdown = dynamic;
    options.optimizer.enable_join_dynamic_filter_pushdown = dynamic;
    config
}

async fn answer(context: &SessionContext, sql: &str, is_ordered: bool) -> Vec<String> {
    let (mut rows, _) = ask(context, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    if !is_ordered {
        rows.sort_unstable();
    }
    rows
}

/// All combinations of one table.
async fn compare(seed: u64, queries: usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let memory = Memory::new();
    let [scan, rows] = random_table(&memory, &mut random).await;
    for partitions in [1, 2, 7] {
        for (pushdown, dynamic) in [(false, false), (false, true), (true, false), (true, true)] {
            let config = config(partitions, pushdown, dynamic);
            let ours = with_tables(&memory.stores, config.clone(), &[("t", &scan)]);
            let theirs = with_tables(&memory.stores, config, &[("t", &rows)]);
            for _ in 0..queries {
                let (sql, is_ordered) = query(&mut random);
                let expected = answer(&theirs, &sql, is_ordered).await;
                let found = answer(&ours, &sql, is_ordered).await;
                let setting = format!(
                    "seed {seed}, {partitions} partitions, pushdown {pushdown}, dynamic {dynamic}: {sql}"
                );
                assert_eq!(found, expected, "{setting}");
                if random.one_in(6) {
                    let mut found = shipped(&memory, &ours, &sql)
                        .await
                        .unwrap_or_else(|error| panic!("shipped, {setting}: {error:?}"));
                    if !is_ordered {
                        found.sort_unstable();
                    }
                    assert_eq!(found, expected, "shipped, {setting}");
                }
            }
        }
    }
}

#[tokio::test]
async fn scan_answers_like_a_table_in_memory_one() {
    compare(1, 12).await;
}

#[tokio::test]
async fn scan_answers_like_a_table_in_memory_two() {
    compare(2, 12).await;
}

#[tokio::test]
async fn scan_answers_like_a_table_in_memory_three() {
    compare(3, 12).await;
}

#[tokio::test]
async fn scan_answers_like_a_table_in_memory_four() {
    compare(4, 12).await;
}
