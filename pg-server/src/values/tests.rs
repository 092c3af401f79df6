use std::sync::Arc;

use datafusion::arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationSecondArray,
    Float32Array, Float64Array, Int32Array, IntervalMonthDayNanoArray, IntervalYearMonthArray,
    ListArray, NullArray, StringArray, StringViewArray, StructArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampSecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::{Field, Float64Type, Int8Type, Int64Type, IntervalMonthDayNano};

use super::*;

fn write(array: ArrayRef, format: Format, zone: &str) -> Result<Vec<Option<Vec<u8>>>> {
    let kind = Kind::of(array.data_type())?;
    let values = Values::new(&array, &kind, format, Zone::named(zone)?)?;
    let write = |row| {
        let mut out = BytesMut::new();
        values.write(row, &mut out)?;
        let (length, bytes) = out.split_at(4);
        let is_null = length == (-1i32).to_be_bytes();
        Ok((!is_null).then(|| bytes.to_vec()))
    };
    (0..array.len()).map(write).collect()
}

fn texts_in(zone: &str, array: impl Array + 'static) -> Vec<Option<String>> {
    let written = write(Arc::new(array), Format::Text, zone).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    written.into_iter().map(|value| value.map(text)).collect()
}

fn texts(array: impl Array + 'static) -> Vec<Option<String>> {
    texts_in("UTC", array)
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

fn binary(array: impl Array + 'static) -> Vec<u8> {
    write(Arc::new(array), Format::Binary, "UTC").unwrap().remove(0).unwrap()
}

fn refusal(array: impl Array + 'static) -> Option<ErrorKind> {
    write(Arc::new(array), Format::Text, "UTC").err().map(|error| error.kind())
}

#[test]
fn floats_have_the_fewest_digits_as_in_postgresql() {
    let values = [
        0.0,
        -0.0,
        1.0,
        0.1,
        1e14,
        1e15,
        123_456_789_012_345.6,
        1.5e300,
        0.0001,
        0.00001,
        -2.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5e-324,
    ];
    let expected = [
        "0",
        "-0",
        "1",
        "0.1",
        "100000000000000",
        "1e+15",
        "123456789012345.6",
        "1.5e+300",
        "0.0001",
        "1e-05",
        "-2.5",
        "NaN",
        "Infinity",
        "-Infinity",
        "5e-324",
    ];
    assert_eq!(texts(Float64Array::from(values.to_vec())), some(&expected));
    let floats = Float32Array::from(vec![0.1f32, 999_999.0, 1e6, 1_234_567.0, 3.4e38]);
    let expected = ["0.1", "999999", "1e+06", "1.234567e+06", "3.4e+38"];
    assert_eq!(texts(floats), some(&expected));
}

#[test]
fn null_stays_null_in_every_kind() {
    assert_eq!(texts(NullArray::new(1)), [None]);
    assert_eq!(texts(BooleanArray::from(vec![Some(true), None])), [Some("t".to_owned()), None]);
    // arrow-pg writes these two as values.
    let interval = IntervalMonthDayNanoArray::from(vec![None::<IntervalMonthDayNano>]);
    assert_eq!(texts(interval), [None]);
    let keys = datafusion::arrow::array::Int8Array::from(vec![0, 1]);
    let words = Arc::new(StringArray::from(vec![Some("a"), None]));
    let words = DictionaryArray::<Int8Type>::new(keys, words);
    assert_eq!(texts(words), [Some("a".to_owned()), None]);
}

#[test]
fn decimals_keep_every_digit() {
    let digits = 12_345_678_901_234_567_890_123_456_789_012_345_678_i128;
    let decimal = |value, scale| {
        Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap()
    };
    assert_eq!(texts(decimal(digits, 2)), some(&["123456789012345678901234567890123456.78"]));
    assert_eq!(texts(decimal(-5, 3)), some(&["-0.005"]));
    assert_eq!(texts(UInt64Array::from(vec![u64::MAX])), some(&["18446744073709551615"]));
    for (value, scale, expected) in [
        (0, 2, vec![0i16, 0, 0, 2]),
        (1250, 2, vec![2, 0, 0, 2, 12, 5000]),
        (-1250, 2, vec![2, 0, 0x4000, 2, 12, 5000]),
        (5, 3, vec![1, -1, 0, 3, 50]),
        (5, 8, vec![1, -2, 0, 8, 5]),
        (10_000, 0, vec![1, 1, 0, 0, 1]),
        (120_000_345, 4, vec![3, 1, 0, 4, 1, 2000, 345]),
    ] {
        let written = binary(decimal(value, scale));
        let bytes: Vec<u8> = expected.iter().flat_map(|short| short.to_be_bytes()).collect();
        assert_eq!(written, bytes, "{value} {scale}");
        let text = decimal(value, scale).value_as_string(0);
        assert_eq!(numeric_of_binary(&written).ok(), Some(text), "{value} {scale}");
    }
}

#[test]
fn broken_numeric_is_refused() {
    for bytes in [
        &[][..],
        &[0, 1, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0xc0, 0, 0, 0],
        &[0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        &[0, 0, 0x7f, 0xff, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0, 0, 0x7f, 0xff],
    ] {
        assert!(numeric_of_binary(bytes).is_err(), "{bytes:?}");
    }
    assert_eq!(numeric_of_text("-012.50"), Some((4, 2)));
    assert_eq!(numeric_of_text("1e5"), None);
}

#[test]
fn dates_and_times_are_in_the_style_iso() {
    let days = vec![0, 10_957, -719_162, -719_163, 2_932_897, -719_528];
    let expected =
        ["1970-01-01", "2000-01-01", "0001-01-01", "0001-12-31 BC", "10000-01-01", "0001-01-01 BC"];
    assert_eq!(texts(Date32Array::from(days)), some(&expected));
    assert_eq!(binary(Date32Array::from(vec![10_958])), 1i32.to_be_bytes());
    assert_eq!(
        texts(Time64NanosecondArray::from(vec![3_661_000_001_999])),
        some(&["01:01:01.000001"])
    );
    let micros = vec![0, 1_700_000_000_120_000, -1];
    let expected = ["1970-01-01 00:00:00", "2023-11-14 22:13:20.12", "1969-12-31 23:59:59.999999"];
    assert_eq!(texts(TimestampMicrosecondArray::from(micros)), some(&expected));
    let instants = || TimestampMicrosecondArray::from(vec![946_684_800_000_001]);
    assert_eq!(binary(instants()), 1i64.to_be_bytes());
    for (zone, expected) in [
        ("UTC", "2000-01-01 00:00:00.000001+00"),
        ("Europe/Berlin", "2000-01-01 01:00:00.000001+01"),
        ("Asia/Kolkata", "2000-01-01 05:30:00.000001+05:30"),
        ("-03:00", "1999-12-31 21:00:00.000001-03"),
    ] {
        let instants = instants().with_timezone("Asia/Tokyo");
        assert_eq!(texts_in(zone, instants), some(&[expected]), "{zone}");
    }
}

#[test]
fn what_lies_too_far_away_is_refused_and_never_null() {
    assert_eq!(refusal(Date32Array::from(vec![i32::MAX])), Some(ErrorKind::Unsupported));
    assert_eq!(refusal(TimestampSecondArray::from(vec![i64::MAX])), Some(ErrorKind::Unsupported));
    assert_eq!(
        refusal(TimestampMicrosecondArray::from(vec![i64::MAX])),
        Some(ErrorKind::Unsupported)
    );
}

#[test]
fn text_with_a_zero_character_is_refused() {
    for text in ["a\0b", "\0"] {
        assert_eq!(refusal(StringViewArray::from(vec![text])), Some(ErrorKind::Unsupported));
    }
    assert_eq!(texts(StringViewArray::from(vec!["", "ä b"])), some(&["", "ä b"]));
}

#[test]
fn intervals_are_in_the_style_of_postgresql() {
    let interval = |months, days, micros: i64| {
        IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(
            months,
            days,
            micros * 1000,
        )])
    };
    for (months, days, micros, expected) in [
        (0, 0, 0, "00:00:00"),
        (14, 3, 14_706_500_000, "1 year 2 mons 3 days 04:05:06.5"),
        (0, 1, 0, "1 day"),
        (-1, 2, 0, "-1 mons +2 days"),
        (0, -1, 3_600_000_000, "-1 days +01:00:00"),
        (0, 0, -1, "-00:00:00.000001"),
        (0, 0, 360_000_000_000, "100:00:00"),
    ] {
        assert_eq!(texts(interval(months, days, micros)), some(&[expected]));
    }
    assert_eq!(texts(IntervalYearMonthArray::from(vec![13])), some(&["1 year 1 mon"]));
    assert_eq!(texts(DurationSecondArray::from(vec![90])), some(&["00:01:30"]));
    let bytes = [&7i64.to_be_bytes()[..], &3i32.to_be_bytes(), &2i32.to_be_bytes()].concat();
    assert_eq!(binary(interval(2, 3, 7)), bytes);
}

#[test]
fn bytes_are_in_hexadecimal() {
    assert_eq!(texts(BinaryArray::from(vec![&b"\0\xab"[..], b""])), some(&["\\x00ab", "\\x"]));
}

#[test]
fn lists_are_arrays() {
    let numbers = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None, Some(-3)]),
        Some(vec![]),
        None,
    ]);
    let expected = [Some("{1,NULL,-3}".to_owned()), Some("{}".to_owned()), None];
    assert_eq!(texts(numbers.clone()), expected);
    let number = |value: i64| [&8i32.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let head = [1i32, 1, 20, 3, 1].map(i32::to_be_bytes).concat();
    let expected = [head, number(1), (-1i32).to_be_bytes().to_vec(), number(-3)].concat();
    assert_eq!(binary(numbers.clone()), expected);
    assert_eq!(binary(numbers.slice(1, 1)), [0i32, 0, 20].map(i32::to_be_bytes).concat());

    let words = StringArray::from(vec!["a", "", "null", "a b", "x,\"y\\"]);
    let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([5]);
    let list = ListArray::new(field, offsets, Arc::new(words), None);
    let text = r#"{a,"","null","a b","x,\"y\\"}"#;
    assert_eq!(texts(list), some(&[text]));
    let words = ["a", "", "null", "a b", "x,\"y\\"].map(|word| Some(word.to_owned()));
    assert_eq!(items_of_text(text).ok(), Some(words.to_vec()));
}

#[test]
fn array_that_a_client_writes_is_read() {
    let items = |items: &[Option<&str>]| {
        Some(items.iter().map(|item| item.map(str::to_owned)).collect::<Vec<_>>())
    };
    for (text, expected) in [
        ("{}", items(&[])),
        (" { 1 , NULL ,2} ", items(&[Some("1"), None, Some("2")])),
        (r#"{"NULL"}"#, items(&[Some("NULL")])),
        ("{{1}}", None),
        ("{1", None),
        ("1,2", None),
        ("{1,,2}", None),
        (r#"{"a}"#, None),
        (r#"{"a"b}"#, None),
    ] {
        assert_eq!(items_of_text(text).ok(), expected, "{text}");
    }
}

#[test]
fn what_postgresql_has_no_type_for_is_json() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["a\"b", "c"]));
    let pairs = StructArray::from(vec![
        (Arc::new(Field::new("n", DataType::Int32, true)), numbers),
        (Arc::new(Field::new("t", DataType::Utf8, true)), words),
    ]);
    assert_eq!(texts(pairs), some(&[r#"{"n":1,"t":"a\"b"}"#, r#"{"n":null,"t":"c"}"#]));
    let inner = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(0.5)])]);
    let field = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([1]);
    let nested = ListArray::new(field, offsets, Arc::new(inner), None);
    assert_eq!(texts(nested), some(&["[[0.5]]"]));
}

#[test]
fn row_is_a_message_with_its_length() {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
    let zone = Zone::named("UTC").unwrap();
    let column = Values::new(&numbers, &Kind::Int4, Format::Text, zone).unwrap();
    let mut out = BytesMut::new();
    write_row(&[column], 0, &mut out).unwrap();
    assert_eq!(&out[..], b"D\0\0\0\x0b\0\x01\0\0\0\x017");
}
