//! Each mask on each type, as tables.

use std::sync::Arc;

use datafusion::arrow::array::{
    BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeBinaryArray, LargeStringArray, ListArray, MapArray, StringArray,
    StringViewArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array, new_empty_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Fields, Int32Type, Int64Type, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;

const FIXED: &str = concat!("XX", "XX", "XX", "XX");

fn shown(array: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

/// A mask on an array, as its column would get it.
fn mask(mask: Mask, array: &ArrayRef) -> Vec<String> {
    let masked = apply(fitting(mask, array.data_type(), true), array, &Salt::random());
    assert_eq!((masked.data_type(), masked.len()), (array.data_type(), array.len()), "{mask}");
    shown(&masked)
}

fn texts(values: &[Option<&str>]) -> Vec<ArrayRef> {
    let plain: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
    let dictionary: DictionaryArray<Int32Type> = values.iter().copied().collect();
    vec![
        Arc::clone(&plain),
        Arc::new(LargeStringArray::from(values.to_vec())),
        Arc::new(values.iter().copied().collect::<StringViewArray>()),
        Arc::new(dictionary),
    ]
}

#[test]
fn texts_are_masked() {
    let values = [Some("Anna-Lena 27"), None, Some("ab1"), Some(""), Some("Åsa 5€"), Some("abcd")];
    let digest = |text: &str| {
        shown(&values_of(digest::of(&texts(&[Some(text)])[0], digest::plain))).remove(0)
    };
    assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let digests: Vec<String> =
        values.iter().map(|value| value.map_or("NULL".to_owned(), digest)).collect();
    let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
    for (action, expected) in [
        (Mask::Alphanum, vec!["xxxx-xxxx nn", "NULL", "xxn", "", "xxx n€", "xxxx"]),
        (Mask::ShowFirst4, vec!["Anna-xxxx nn", "NULL", "ab1", "", "Åsa n€", "abcd"]),
        (Mask::ShowLast4, vec!["xxxx-xxxa 27", "NULL", "ab1", "", "xxa 5€", "abcd"]),
        (Mask::Sha256Global, digests),
        (Mask::FixedValue, vec![FIXED; 6]),
        (Mask::Null, vec!["NULL"; 6]),
        (Mask::TruncateToMonth, vec![FIXED; 6]),
        (Mask::TruncateToYear, vec![FIXED; 6]),
    ] {
        for array in texts(&values) {
            assert_eq!(mask(action, &array), expected, "{action} on {}", array.data_type());
        }
    }
}

fn values_of(array: Option<ArrayRef>) -> ArrayRef {
    array.unwrap()
}

#[test]
fn numbers_are_digested_in_their_width() {
    // The first bytes of the SHA-256 of the value's own bytes, little-endian.
    let expected = |bytes: &[u8], width: usize| {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(&digest::plain(bytes)[..width]);
        u64::from_le_bytes(wide)
    };
    let seven = |width: usize| expected(&7_u64.to_le_bytes()[..width], width);
    let cases: Vec<(ArrayRef, String)> = vec![
        (Arc::new(Int8Array::from(vec![Some(7), None])), (seven(1) as i8).to_string()),
        (Arc::new(Int16Array::from(vec![Some(7), None])), (seven(2) as i16).to_string()),
        (Arc::new(Int32Array::from(vec![Some(7), None])), (seven(4) as i32).to_string()),
        (Arc::new(Int64Array::from(vec![Some(7), None])), (seven(8) as i64).to_string()),
        (Arc::new(UInt8Array::from(vec![Some(7), None])), (seven(1) as u8).to_string()),
        (Arc::new(UInt16Array::from(vec![Some(7), None])), (seven(2) as u16).to_string()),
        (Arc::new(UInt32Array::from(vec![Some(7), None])), (seven(4) as u32).to_string()),
        (Arc::new(UInt64Array::from(vec![Some(7), None])), seven(8).to_string()),
    ];
    for (array, digest) in cases {
        let expected = vec![digest, "NULL".to_owned()];
        assert_eq!(mask(Mask::Sha256Global, &array), expected, "{}", array.data_type());
    }
}

#[test]
fn binaries_become_their_digest() {
    let values = [Some(&b"abc"[..]), None];
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let cases: [ArrayRef; 3] = [
        Arc::new(values.iter().copied().collect::<BinaryArray>()),
        Arc::new(values.iter().copied().collect::<LargeBinaryArray>()),
        Arc::new(values.iter().copied().collect::<BinaryViewArray>()),
    ];
    for array in cases {
        assert_eq!(mask(Mask::Sha256Global, &array), [digest, "NULL"], "{}", array.data_type());
    }
}

#[test]
fn salted_digest_is_the_same_in_a_query_and_another_in_the_next() {
    let (one, another) = (Salt::random(), Salt::random());
    for array in texts(&[Some("abc"), Some("abc"), Some("abd"), None]) {
        let with = |salt: &Salt| shown(&apply(Mask::Sha256QueryLocal, &array, salt));
        assert_eq!(with(&one), with(&one));
        assert_ne!(with(&one)[0], with(&another)[0]);
        assert_ne!(with(&one)[0], mask(Mask::Sha256Global, &array)[0]);
        assert_eq!(with(&one)[0], with(&one)[1]);
        assert_ne!(with(&one)[0], with(&one)[2]);
        assert_eq!(with(&one)[3], "NULL");
    }
    let number: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let with = |salt: &Salt| shown(&apply(Mask::Sha256QueryLocal, &number, salt));
    assert_ne!(with(&one), with(&another));
}

#[test]
fn days_and_instants_are_truncated() {
    let second = 1_782_831_601_i64; // 2026-06-30T15:00:01Z
    let day = (second / 86_400) as i32;
    let zone = Some("Europe/Stockholm");
    let cases: Vec<(ArrayRef, [&str; 2], &str)> = vec![
        (Arc::new(Date32Array::from(vec![Some(day), None])), ["2026-06-01", "2026-01-01"], ""),
        (
            Arc::new(Date64Array::from(vec![Some(second * 1000), None])),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00",
        ),
        (
            Arc::new(TimestampSecondArray::from(vec![Some(second), None])),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00",
        ),
        (
            Arc::new(TimestampMillisecondArray::from(vec![Some(second * 1_000), None])),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00",
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![Some(second * 1_000_000), None])),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00",
        ),
        (
            Arc::new(TimestampNanosecondArray::from(vec![Some(second * 1_000_000_000), None])),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00",
        ),
        (
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(second * 1_000_000), None])
                    .with_timezone_opt(zone.map(|_| "+00:00")),
            ),
            ["2026-06-01", "2026-01-01"],
            "T00:00:00Z",
        ),
    ];
    for (array, [month, year], time) in cases {
        for (action, start) in [(Mask::TruncateToMonth, month), (Mask::TruncateToYear, year)] {
            let expected = [format!("{start}{time}"), "NULL".to_owned()];
            assert_eq!(mask(action, &array), expected, "{action} on {}", array.data_type());
        }
    }
    // Before 1970, in the column's own zone another month: UTC counts.
    let array: ArrayRef = Arc::new(
        TimestampSecondArray::from(vec![-1, 1_782_864_000 - 3_600]).with_timezone("+05:00"),
    );
    let expected = ["1969-12-01T05:00:00+05:00", "2026-06-01T05:00:00+05:00"];
    assert_eq!(mask(Mask::TruncateToMonth, &array), expected);
}

fn nested() -> Vec<(ArrayRef, &'static str)> {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
    let inner = Fields::from(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Int64, false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("secret"), None])),
        Arc::new(Int64Array::from(vec![1, 2])),
    ];
    let structs = StructArray::try_new(inner, columns, None).unwrap();
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int64, true),
    ]);
    let entries = Arc::new(Field::new("entries", DataType::Struct(entries), false));
    let map: ArrayRef = Arc::new(
        MapArray::try_new(
            Arc::clone(&entries),
            datafusion::arrow::buffer::OffsetBuffer::from_lengths([1, 0]),
            StructArray::try_new(
                Fields::from(vec![
                    Field::new("key", DataType::Utf8, false),
                    Field::new("value", DataType::Int64, true),
                ]),
                vec![
                    Arc::new(StringArray::from(vec!["secret"])),
                    Arc::new(Int64Array::from(vec![1])),
                ],
                None,
            )
            .unwrap(),
            None,
            false,
        )
        .unwrap(),
    );
    let large = DataType::LargeList(Arc::new(Field::new("element", DataType::Int64, false)));
    let views = DataType::ListView(Arc::new(Field::new("element", DataType::Utf8, true)));
    let pair = DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Utf8, true)), 2);
    vec![
        (Arc::new(list), "[]"),
        (Arc::new(structs), concat!("{a: XX", "XX", "XX", "XX, b: 0}")),
        (map, "{}"),
        (two_nulls(&large), "[]"),
        (two_nulls(&views), "[]"),
        (two_nulls(&pair), concat!("[XX", "XX", "XX", "XX, XX", "XX", "XX", "XX]")),
    ]
}

fn two_nulls(data_type: &DataType) -> ArrayRef {
    assert_eq!(new_empty_array(data_type).len(), 0);
    new_null_array(data_type, 2)
}

/// Every other mask does not fit these types, and is the fixed value, too.
#[test]
fn fixed_values_replace_null_too() {
    let zoned = TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
    let flat: Vec<(ArrayRef, &str)> = vec![
        (Arc::new(BooleanArray::from(vec![Some(true), None])), "false"),
        (Arc::new(Float32Array::from(vec![Some(1.5), None])), "0.0"),
        (Arc::new(Float64Array::from(vec![Some(1.5), None])), "0.0"),
        (
            Arc::new(
                Decimal128Array::from(vec![Some(150), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
            "0.00",
        ),
        (Arc::new(Time64MicrosecondArray::from(vec![Some(1), None])), "00:00:00"),
        (
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    [Some([7_u8; 4]), None].into_iter(),
                    4,
                )
                .unwrap(),
            ),
            "00000000",
        ),
    ];
    let only_fixed = [
        Mask::TruncateToMonth,
        Mask::TruncateToYear,
        Mask::ShowFirst4,
        Mask::ShowLast4,
        Mask::Alphanum,
        Mask::Sha256Global,
        Mask::Sha256QueryLocal,
        Mask::FixedValue,
    ];
    for (array, expected) in flat.into_iter().chain(nested()) {
        for action in only_fixed {
            let masked = mask(action, &array);
            assert_eq!(masked, [expected, expected], "{action} on {}", array.data_type());
        }
        assert_eq!(mask(Mask::Null, &array), ["NULL", "NULL"], "{}", array.data_type());
    }
    for (array, expected) in [
        (Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef, "0"),
        (Arc::new(Date32Array::from(vec![Some(1), None])), "1970-01-01"),
        (Arc::new(zoned), "1970-01-01T00:00:00Z"),
        (Arc::new(BinaryArray::from(vec![Some(&b"abc"[..]), None])), ""),
    ] {
        assert_eq!(mask(Mask::FixedValue, &array), [expected, expected], "{}", array.data_type());
    }
}

#[test]
fn mask_that_does_not_fit_is_the_fixed_value() {
    let month = DataType::Timestamp(TimeUnit::Nanosecond, None);
    for (mask, data_type, may_be_null, expected) in [
        (Mask::Null, DataType::Int64, true, Mask::Null),
        (Mask::Null, DataType::Int64, false, Mask::FixedValue),
        (Mask::Alphanum, DataType::Int64, true, Mask::FixedValue),
        (Mask::Sha256Global, DataType::Int64, true, Mask::Sha256Global),
        (Mask::Sha256Global, DataType::Float64, true, Mask::FixedValue),
        (Mask::Sha256Global, DataType::FixedSizeBinary(16), true, Mask::FixedValue),
        (Mask::TruncateToYear, month, false, Mask::TruncateToYear),
        (Mask::TruncateToYear, DataType::Utf8, false, Mask::FixedValue),
    ] {
        assert_eq!(fitting(mask, &data_type, may_be_null), expected, "{mask} on {data_type}");
    }
}

#[test]
fn dictionary_with_other_keys_keeps_its_type() {
    let array = texts(&[Some("abc"), None]).remove(0);
    let data_type = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    let array = cast(&array, &data_type).unwrap();
    for (action, expected) in [
        (Mask::Alphanum, ["xxx", "NULL"]),
        (Mask::FixedValue, [FIXED, FIXED]),
        (Mask::Null, ["NULL", "NULL"]),
    ] {
        assert_eq!(mask(action, &array), expected, "{action}");
    }
}
