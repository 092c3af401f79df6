//! Row filters over every type, as tables of what they show.

use std::sync::Arc;

use chrono::{TimeZone, Utc};
use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal32Array, Decimal128Array, Decimal256Array,
    DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt8Array, UInt64Array,
};
use datafusion::arrow::datatypes::{Field, Int32Type, i256};
use datafusion::common::DFSchema;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;

use super::*;

fn schema_of(array: &ArrayRef) -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]))
}

/// What a predicate is for each row, before `IS TRUE`: `t`, `f`, or `-` for NULL.
fn truth(predicate: &RowPredicate, array: &ArrayRef) -> String {
    let schema = schema_of(array);
    let expr = lower(predicate, &schema).unwrap();
    let df_schema = DFSchema::try_from(schema.as_ref().clone()).unwrap();
    let context = PhysicalPlanningContext::default();
    let physical =
        create_physical_expr(&expr, &df_schema, &ExecutionProps::new(), &context).unwrap();
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(array)]).unwrap();
    let values = physical.evaluate(&batch).unwrap().into_array(array.len()).unwrap();
    let values = values.as_any().downcast_ref::<BooleanArray>().unwrap();
    values.iter().map(|value| value.map_or('-', |value| if value { 't' } else { 'f' })).collect()
}

fn compared(comparison: Comparison, value: &Value) -> RowPredicate {
    RowPredicate::Compare { column: "c".to_owned(), comparison, value: value.clone() }
}

/// The six comparisons with a value: `=`, `<>`, `<`, `<=`, `>`, `>=`.
fn six(value: &Value, array: &ArrayRef) -> [String; 6] {
    [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ]
    .map(|comparison| truth(&compared(comparison, value), array))
}

fn check(array: impl Array + 'static, cases: &[(Value, [&str; 6])]) {
    let array: ArrayRef = Arc::new(array);
    for (value, expected) in cases {
        assert_eq!(six(value, &array), *expected, "{value:?} on {}", array.data_type());
    }
}

fn integer(number: i64) -> Value {
    Value::Integer(number)
}

fn decimal(ten_thousandths: i64) -> Value {
    Value::Decimal(ten_thousandths)
}

const ALL: &str = "ttt-";
const NONE: &str = "fff-";

#[test]
fn whole_numbers_beside_any_number() {
    let below = [NONE, ALL, NONE, NONE, ALL, ALL];
    let above = [NONE, ALL, ALL, ALL, NONE, NONE];
    check(
        Int8Array::from(vec![Some(-128), Some(2), Some(127), None]),
        &[
            (integer(2), ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"]),
            (decimal(25_000), [NONE, ALL, "ttf-", "ttf-", "fft-", "fft-"]),
            (decimal(20_000), ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"]),
            (decimal(-1_280_000), ["tff-", "ftt-", NONE, "tff-", "ftt-", ALL]),
            (decimal(-1_280_001), below),
            (decimal(1_270_001), above),
            (integer(128), above),
            (integer(-129), below),
            (integer(i64::MAX), above),
            (integer(i64::MIN), below),
        ],
    );
    check(
        UInt8Array::from(vec![Some(0), Some(2), Some(255), None]),
        &[
            (integer(-1), below),
            (decimal(-1), below),
            (decimal(1), ["fff-", "ttt-", "tff-", "tff-", "ftt-", "ftt-"]),
            (integer(256), above),
        ],
    );
    check(
        UInt64Array::from(vec![Some(0), Some(2), Some(u64::MAX), None]),
        &[(integer(i64::MAX), ["fff-", "ttt-", "ttf-", "ttf-", "fft-", "fft-"])],
    );
    check(
        Int64Array::from(vec![Some(i64::MIN), Some(0), Some(i64::MAX), None]),
        &[
            (integer(i64::MAX), ["fft-", "ttf-", "ttf-", ALL, NONE, "fft-"]),
            (integer(i64::MIN), ["tff-", "ftt-", NONE, "tff-", "ftt-", ALL]),
            (decimal(-1), ["fff-", "ttt-", "tff-", "tff-", "ftt-", "ftt-"]),
        ],
    );
}

#[test]
fn decimals_of_other_scales() {
    let two = Decimal128Array::from(vec![Some(-100), Some(150), Some(151), None]);
    check(
        two.with_precision_and_scale(5, 2).unwrap(),
        &[
            (decimal(15_000), ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"]),
            (decimal(15_001), [NONE, ALL, "ttf-", "ttf-", "fft-", "fft-"]),
            (integer(-1), ["tff-", "ftt-", NONE, "tff-", "ftt-", ALL]),
            (integer(i64::MAX), [NONE, ALL, ALL, ALL, NONE, NONE]),
        ],
    );
    let seven = Decimal128Array::from(vec![Some(15_000_000), Some(15_000_001), Some(-1), None]);
    check(
        seven.with_precision_and_scale(20, 7).unwrap(),
        &[(decimal(15_000), ["tff-", "ftt-", "fft-", "tft-", "ftf-", "ttf-"])],
    );
    // Hundreds.
    let negative = Decimal128Array::from(vec![Some(-1), Some(0), Some(1), None]);
    check(
        negative.with_precision_and_scale(5, -2).unwrap(),
        &[
            (integer(100), ["fft-", "ttf-", "ttf-", ALL, NONE, "fft-"]),
            (integer(99), [NONE, ALL, "ttf-", "ttf-", "fft-", "fft-"]),
            (decimal(-1), [NONE, ALL, "tff-", "tff-", "ftt-", "ftt-"]),
        ],
    );
    let small = Decimal32Array::from(vec![Some(0), Some(1), Some(2), None]);
    check(
        small.with_precision_and_scale(9, 9).unwrap(),
        &[
            (integer(3), [NONE, ALL, ALL, ALL, NONE, NONE]),
            (integer(-3), [NONE, ALL, NONE, NONE, ALL, ALL]),
            (integer(0), ["tff-", "ftt-", NONE, "tff-", "ftt-", ALL]),
        ],
    );
    let large = Decimal256Array::from(vec![
        Some(i256::from(-1)),
        Some(i256::from(0)),
        Some(i256::from(1)),
        None,
    ]);
    check(
        large.with_precision_and_scale(76, 76).unwrap(),
        &[
            (integer(1), [NONE, ALL, ALL, ALL, NONE, NONE]),
            (integer(i64::MIN), [NONE, ALL, NONE, NONE, ALL, ALL]),
            (integer(0), ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"]),
        ],
    );
}

#[test]
fn floats_beside_any_number() {
    check(
        Float64Array::from(vec![Some(0.1), Some(-0.0), Some(1e300), None]),
        &[
            (integer(0), ["ftf-", "tft-", "fff-", "ftf-", "tft-", "ttt-"]),
            // The float that is written 0.1 is a little above a tenth.
            (decimal(1_000), [NONE, ALL, "ftf-", "ftf-", "tft-", "tft-"]),
        ],
    );
    let half = Float64Array::from(vec![Some(0.5), Some(0.0), Some(f64::NEG_INFINITY), None]);
    check(
        half,
        &[
            (decimal(5_000), ["tff-", "ftt-", "ftt-", ALL, NONE, "tff-"]),
            (integer(0), ["ftf-", "tft-", "fft-", "ftt-", "tff-", "ttf-"]),
        ],
    );
    // No float lies between 2^53 and 2^53 + 2.
    let wide = 9_007_199_254_740_992_i64;
    check(
        Float64Array::from(vec![Some(wide as f64), Some(wide as f64 + 2.0), Some(0.0), None]),
        &[
            (integer(wide + 1), [NONE, ALL, "tft-", "tft-", "ftf-", "ftf-"]),
            (integer(wide), ["tff-", "ftt-", "fft-", "tft-", "ftf-", "ttf-"]),
        ],
    );
    check(
        Float32Array::from(vec![Some(16_777_216.0), Some(16_777_218.0), Some(f32::INFINITY), None]),
        &[
            (integer(16_777_217), [NONE, ALL, "tff-", "tff-", "ftt-", "ftt-"]),
            (integer(16_777_218), ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"]),
        ],
    );
}

#[test]
fn texts_of_every_layout() {
    let values = [Some("SE"), Some("NO"), Some(""), None];
    let expected = ["tff-", "ftt-", "ftt-", "ttt-", "fff-", "tff-"];
    let dictionary: DictionaryArray<Int32Type> = values.iter().copied().collect();
    let text = || Value::Text("SE".to_owned());
    check(StringArray::from(values.to_vec()), &[(text(), expected)]);
    check(LargeStringArray::from(values.to_vec()), &[(text(), expected)]);
    check(values.iter().copied().collect::<StringViewArray>(), &[(text(), expected)]);
    check(dictionary, &[(text(), expected)]);
}

#[test]
fn instants_and_days() {
    let noon = Value::Instant(Utc.with_ymd_and_hms(2026, 6, 30, 12, 0, 0).unwrap());
    let midnight = Value::Instant(Utc.with_ymd_and_hms(2026, 6, 30, 0, 0, 0).unwrap());
    let second = 1_782_820_800_i64;
    let day = (second / 86_400) as i32;
    let around = ["ftf-", "tft-", "tff-", "ttf-", "fft-", "ftt-"];
    let micros: Vec<Option<i64>> =
        [-1, 0, 1].iter().map(|step| Some(second * 1_000_000 + step)).chain([None]).collect();
    check(TimestampMicrosecondArray::from(micros.clone()), &[(noon.clone(), around)]);
    for zone in ["UTC", "Europe/Stockholm", "+05:00"] {
        let zoned = TimestampMicrosecondArray::from(micros.clone()).with_timezone(zone);
        check(zoned, &[(noon.clone(), around)]);
    }
    let half = Utc.timestamp_opt(second, 500_000_000).unwrap();
    check(
        TimestampSecondArray::from(vec![Some(second - 1), Some(second), Some(second + 1), None]),
        &[
            (noon.clone(), around),
            (Value::Instant(half), [NONE, ALL, "ttf-", "ttf-", "fft-", "fft-"]),
        ],
    );
    // A day is its first instant.
    check(
        Date32Array::from(vec![Some(day - 1), Some(day), Some(day + 1), None]),
        &[(midnight, around), (noon, [NONE, ALL, "ttf-", "ttf-", "fft-", "fft-"])],
    );
    // Nanoseconds reach to the year 2262.
    let far = Value::Instant(Utc.with_ymd_and_hms(9999, 1, 1, 0, 0, 0).unwrap());
    check(
        TimestampNanosecondArray::from(vec![Some(i64::MIN), Some(0), Some(i64::MAX), None]),
        &[(far, [NONE, ALL, ALL, ALL, NONE, NONE])],
    );
}

#[test]
fn lists_of_values_and_connectives() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(9), None]));
    let among =
        |values: &[Value]| RowPredicate::In { column: "c".to_owned(), values: values.to_vec() };
    let null = || RowPredicate::IsNull("c".to_owned());
    let not = |inner: RowPredicate| RowPredicate::Not(Box::new(inner));
    let two = || compared(Comparison::Equal, &integer(2));
    let many: Vec<Value> = (1..=5).map(integer).collect();
    for (predicate, expected) in [
        (among(&[]), "fff-"),
        (not(among(&[])), "ttt-"),
        (among(&[integer(1), decimal(15_000), decimal(90_000)]), "tft-"),
        (among(&many), "ttf-"),
        (not(among(&many)), "fft-"),
        (null(), "ffft"),
        (not(null()), "tttf"),
        (RowPredicate::Constant(true), "tttt"),
        (RowPredicate::Constant(false), "ffff"),
        (RowPredicate::And(Vec::new()), "tttt"),
        (RowPredicate::Or(Vec::new()), "ffff"),
        (RowPredicate::Or(vec![two(), null()]), "ftft"),
        (RowPredicate::And(vec![not(two()), not(null())]), "tftf"),
        (RowPredicate::Or(vec![two(), RowPredicate::Constant(true)]), "tttt"),
    ] {
        assert_eq!(truth(&predicate, &array), expected, "{predicate:?}");
    }
    let values = [Some("a"), Some("b"), Some("z"), None];
    let letters: Vec<Value> = ["a", "b", "c", "d"].map(|c| Value::Text(c.to_owned())).to_vec();
    for array in [
        Arc::new(StringArray::from(values.to_vec())) as ArrayRef,
        Arc::new(values.iter().copied().collect::<StringViewArray>()),
        Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>()),
    ] {
        assert_eq!(truth(&among(&letters), &array), "ttf-", "{}", array.data_type());
    }
    let wide: Vec<RowPredicate> =
        (0..20_000).map(|n| compared(Comparison::Equal, &integer(n))).collect();
    assert_eq!(truth(&RowPredicate::Or(wide), &array), "ttt-");
}

#[test]
fn booleans() {
    check(
        BooleanArray::from(vec![Some(true), Some(false), Some(true), None]),
        &[(Value::Bool(true), ["tft-", "ftf-", "ftf-", "ttt-", "fff-", "tft-"])],
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let instant = Value::Instant(Utc.timestamp_opt(0, 0).unwrap());
    let text = || Value::Text("1".to_owned());
    for (value, data_type) in [
        (text(), DataType::Int64),
        (integer(1), DataType::Utf8),
        (integer(1), DataType::Boolean),
        (integer(1), DataType::Date32),
        (Value::Bool(true), DataType::Int64),
        (instant.clone(), DataType::Int64),
        (instant, DataType::Utf8),
        (text(), DataType::Binary),
        (integer(1), DataType::new_list(DataType::Int64, true)),
        (integer(1), DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int64))),
    ] {
        let schema = Schema::new(vec![Field::new("c", data_type.clone(), true)]);
        let predicate = compared(Comparison::Equal, &value);
        assert!(lower(&predicate, &schema).is_err(), "{value:?} on {data_type}");
        let other = RowPredicate::In { column: "c".to_owned(), values: vec![value] };
        assert!(lower(&RowPredicate::Not(Box::new(other)), &schema).is_err(), "{data_type}");
    }
    let schema = Schema::new(vec![Field::new("C", DataType::Int64, true)]);
    assert!(lower(&RowPredicate::IsNull("c".to_owned()), &schema).is_err());
}
