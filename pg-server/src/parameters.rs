//! The values of a prepared statement: from text and binary to values of Arrow.

mod moments;

use std::sync::Arc;

use bytes::Buf;
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use samite_engine::plan::Parameter;
use samite_engine::{Error, ErrorKind, Result};

use crate::kind::{Kind, item_oid};
use crate::values::{Format, items_of_text, numeric_of_binary, numeric_of_text};

/// Days from 1970-01-01 to 2000-01-01, and the same in microseconds.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// Items of an array that is bound.
const ITEMS_MAX: usize = 1 << 20;

/// A parameter, as a client binds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// The number of its type.
    pub(crate) oid: u32,
    /// The type of Arrow that texts are read as.
    data_type: DataType,
}

impl Wanted {
    /// How a parameter is read: as the client says with `declared`, else as the query needs it or is
    /// likely to, else as text. Instants without a zone are those of `zone`.
    ///
    /// # Errors
    ///
    /// When there are no values of such a type.
    pub(crate) fn new(parameter: &Parameter, declared: u32, zone: &str) -> Result<Self> {
        if let Some(data_type) = Kind::parameter(declared)? {
            return Ok(Self { oid: declared, data_type: in_zone(data_type, zone) });
        }
        match parameter.data_type.as_ref().or(parameter.likely_type.as_ref()) {
            Some(data_type) => Ok(Self {
                oid: Kind::of(data_type)?.oid(),
                data_type: in_zone(data_type.clone(), zone),
            }),
            None => Ok(Self { oid: 25, data_type: DataType::Utf8 }),
        }
    }

    /// NULL, of its type.
    ///
    /// # Errors
    ///
    /// When there is none of the type.
    pub(crate) fn null(&self) -> Result<ScalarValue> {
        Ok(ScalarValue::try_from(&self.data_type)?)
    }

    /// A value of another type in this one.
    ///
    /// # Errors
    ///
    /// When it is none of this one.
    pub(crate) fn fit(&self, value: &ScalarValue) -> Result<ScalarValue> {
        Ok(value.cast_to(&self.data_type)?)
    }

    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When it is not one of the type.
    pub(crate) fn read(
        &self,
        number: usize,
        value: Option<&[u8]>,
        format: Format,
    ) -> Result<ScalarValue> {
        let Some(bytes) = value else { return self.null() };
        let read = match format {
            Format::Text => text(bytes, &self.data_type, self.oid),
            Format::Binary => binary(bytes, self.oid),
        };
        read.map_err(|error| {
            let what = match Kind::of(&self.data_type) {
                Ok(_) => self.data_type.to_string(),
                Err(_) => "its type".to_owned(),
            };
            Error::new(
                ErrorKind::InvalidQuery,
                format!("parameter ${number} cannot be read as {what}"),
            )
            .with_hint("bind a value of that type, or a text that says one")
            .with_source(error)
        })
    }
}

/// The type, with instants in a zone.
fn in_zone(data_type: DataType, zone: &str) -> DataType {
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(unit, Some(zone.into())),
        other => other,
    }
}

fn text(bytes: &[u8], data_type: &DataType, oid: u32) -> Result<ScalarValue> {
    let text = std::str::from_utf8(bytes).map_err(unreadable)?;
    if let DataType::List(item) = data_type {
        let items = items_of_text(text)?;
        let item_type = item.data_type();
        let read = |item: Option<String>| match item {
            Some(item) => self::text(item.as_bytes(), item_type, item_oid(oid).unwrap_or(oid)),
            None => Ok(ScalarValue::try_from(item_type)?),
        };
        return list(items.into_iter().map(read).collect::<Result<_>>()?, item_type);
    }
    match data_type {
        DataType::Utf8 => Ok(ScalarValue::Utf8(Some(text.to_owned()))),
        DataType::Binary => Ok(ScalarValue::Binary(Some(bytea(text)?))),
        DataType::Decimal128(..) if oid == 1700 => decimal(text),
        DataType::Interval(_) => Ok(ScalarValue::Utf8(Some(spelled(text))).cast_to(data_type)?),
        DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(_, None) => {
            let local = moments::local(text, data_type);
            Ok(ScalarValue::Utf8(Some(local)).cast_to(data_type)?)
        }
        _ => Ok(ScalarValue::Utf8(Some(text.trim().to_owned())).cast_to(data_type)?),
    }
}

/// An interval with its hours, minutes and seconds in words: `1 day, 0:00:02` as clients write it.
fn spelled(interval: &str) -> String {
    let word = |word: &str| {
        let (sign, time) = match word.strip_prefix(['-', '+']) {
            Some(time) if word.starts_with('-') => ("-", time),
            Some(time) => ("", time),
            None => ("", word),
        };
        let parts: Vec<&str> = time.split(':').collect();
        match parts.as_slice() {
            [hours, minutes] => format!("{sign}{hours} hours {sign}{minutes} minutes"),
            [hours, minutes, seconds] => {
                format!("{sign}{hours} hours {sign}{minutes} minutes {sign}{seconds} seconds")
            }
            _ => word.to_owned(),
        }
    };
    let words: Vec<String> = interval.replace(',', " ").split_whitespace().map(word).collect();
    words.join(" ")
}

/// A decimal with the digits that it is written with.
fn decimal(text: &str) -> Result<ScalarValue> {
    let text = text.trim();
    let written = ScalarValue::Utf8(Some(text.to_owned()));
    let data_type = match numeric_of_text(text) {
        None => DataType::Decimal128(38, 10),
        Some((digits, scale)) => {
            let precision = u8::try_from(digits.max(scale).max(1)).map_err(unreadable)?;
            let scale = i8::try_from(scale).map_err(unreadable)?;
            match precision {
                0..=38 => DataType::Decimal128(precision, scale),
                _ => DataType::Decimal256(precision, scale),
            }
        }
    };
    Ok(written.cast_to(&data_type)?)
}

/// Bytes in hexadecimal, `\x00ff`.
fn bytea(text: &str) -> Result<Vec<u8>> {
    let wrong = || unreadable(std::io::Error::other("not bytes in hexadecimal"));
    let digits = text.strip_prefix("\\x").ok_or_else(wrong)?;
    if digits.len() % 2 != 0 {
        return Err(wrong());
    }
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(|pair| byte(pair).ok_or_else(wrong)).collect()
}

fn binary(mut bytes: &[u8], oid: u32) -> Result<ScalarValue> {
    if let Some(item) = item_oid(oid) {
        return array(bytes, item);
    }
    let value = match oid {
        16 => ScalarValue::Boolean(Some(bytes.try_get_u8().map_err(unreadable)? != 0)),
        17 => return Ok(ScalarValue::Binary(Some(bytes.to_vec()))),
        20 => ScalarValue::Int64(Some(bytes.try_get_i64().map_err(unreadable)?)),
        21 => ScalarValue::Int16(Some(bytes.try_get_i16().map_err(unreadable)?)),
        23 => ScalarValue::Int32(Some(bytes.try_get_i32().map_err(unreadable)?)),
        26 => ScalarValue::Int64(Some(bytes.try_get_u32().map_err(unreadable)?.into())),
        700 => ScalarValue::Float32(Some(bytes.try_get_f32().map_err(unreadable)?)),
        701 => ScalarValue::Float64(Some(bytes.try_get_f64().map_err(unreadable)?)),
        1082 => {
            let days = bytes.try_get_i32().map_err(unreadable)?;
            ScalarValue::Date32(Some(days.checked_add(EPOCH_DAYS).ok_or_else(too_far)?))
        }
        1083 => ScalarValue::Time64Microsecond(Some(bytes.try_get_i64().map_err(unreadable)?)),
        1114 | 1184 => {
            let micros = bytes.try_get_i64().map_err(unreadable)?;
            let micros = micros.checked_add(EPOCH_MICROS).ok_or_else(too_far)?;
            let zone = (oid == 1184).then(|| Arc::from("UTC"));
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        1186 => interval(&mut bytes)?,
        1700 => return decimal(&numeric_of_binary(bytes)?),
        2950 => return uuid(bytes),
        // The version of jsonb before its text.
        3802 if bytes.first() == Some(&1) => return utf8(bytes.get(1..).unwrap_or_default()),
        _ => return utf8(bytes),
    };
    if bytes.is_empty() { Ok(value) } else { Err(unreadable(std::io::Error::other("too long"))) }
}

fn utf8(bytes: &[u8]) -> Result<ScalarValue> {
    let text = std::str::from_utf8(bytes).map_err(unreadable)?;
    Ok(ScalarValue::Utf8(Some(text.to_owned())))
}

fn interval(bytes: &mut &[u8]) -> Result<ScalarValue> {
    use datafusion::arrow::datatypes::IntervalMonthDayNano;
    let micros = bytes.try_get_i64().map_err(unreadable)?;
    let days = bytes.try_get_i32().map_err(unreadable)?;
    let months = bytes.try_get_i32().map_err(unreadable)?;
    let nanoseconds = micros.checked_mul(1000).ok_or_else(too_far)?;
    let interval = IntervalMonthDayNano { months, days, nanoseconds };
    Ok(ScalarValue::IntervalMonthDayNano(Some(interval)))
}

fn uuid(bytes: &[u8]) -> Result<ScalarValue> {
    let bytes: [u8; 16] = bytes.try_into().map_err(unreadable)?;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    let groups: Vec<&str> = groups.into_iter().filter_map(|place| digits.get(place)).collect();
    Ok(ScalarValue::Utf8(Some(groups.join("-"))))
}

/// An array of one dimension.
fn array(mut bytes: &[u8], item: u32) -> Result<ScalarValue> {
    let item_type =
        Kind::parameter(item)?.ok_or_else(|| unreadable(std::io::Error::other("no type")))?;
    let dimensions = bytes.try_get_i32().map_err(unreadable)?;
    let _has_nulls = bytes.try_get_i32().map_err(unreadable)?;
    let sent = bytes.try_get_u32().map_err(unreadable)?;
    if dimensions == 0 {
        return list(Vec::new(), &item_type);
    }
    let length = usize::try_from(bytes.try_get_i32().map_err(unreadable)?).map_err(unreadable)?;
    let _first = bytes.try_get_i32().map_err(unreadable)?;
    // Each item has a length of four bytes.
    let fits = length <= ITEMS_MAX && length * 4 <= bytes.len();
    if dimensions != 1 || sent != item || !fits {
        return Err(unreadable(std::io::Error::other(
            "not an array of one dimension of that type",
        )));
    }
    let mut items = Vec::with_capacity(length);
    for _ in 0..length {
        items.push(match usize::try_from(bytes.try_get_i32().map_err(unreadable)?) {
            Err(_) => ScalarValue::try_from(&item_type)?,
            Ok(size) => {
                let (value, rest) = bytes
                    .split_at_checked(size)
                    .ok_or_else(|| unreadable(std::io::Error::other("too short")))?;
                bytes = rest;
                binary(value, item)?
            }
        });
    }
    list(items, &item_type)
}

/// A list of values, all of one type: decimals get that of the parameter.
fn list(items: Vec<ScalarValue>, item_type: &DataType) -> Result<ScalarValue> {
    if items.len() > ITEMS_MAX {
        return Err(too_far());
    }
    let items: Vec<ScalarValue> =
        items.into_iter().map(|item| Ok(item.cast_to(item_type)?)).collect::<Result<_>>()?;
    Ok(ScalarValue::List(ScalarValue::new_list(&items, item_type, true)))
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidQuery, "a value is not of its type").with_source(error)
}

fn too_far() -> Error {
    Error::new(ErrorKind::InvalidQuery, "a value lies outside of what its type holds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(data_type: Option<DataType>, declared: u32) -> Wanted {
        let parameter = Parameter { number: 1, data_type, likely_type: None };
        Wanted::new(&parameter, declared, "+02:00").unwrap()
    }

    fn read(declared: u32, value: &[u8], format: Format) -> Option<ScalarValue> {
        wanted(None, declared).read(1, Some(value), format).ok()
    }

    #[test]
    fn client_says_the_type_and_else_the_query() {
        assert_eq!(wanted(None, 0).oid, 25);
        assert_eq!(wanted(Some(DataType::Int64), 0).oid, 20);
        assert_eq!(wanted(Some(DataType::Int64), 23).oid, 23);
        let day = wanted(Some(DataType::Date32), 0).read(1, Some(b"2000-01-02"), Format::Text);
        assert_eq!(day.ok(), Some(ScalarValue::Date32(Some(10_958))));
        assert_eq!(
            wanted(None, 20).read(1, None, Format::Text).ok(),
            Some(ScalarValue::Int64(None))
        );
    }

    #[test]
    fn text_is_read_as_its_type() {
        let zone = || Some(Arc::from("+02:00"));
        let day_and_two_seconds = ScalarValue::new_interval_mdn(0, 1, 2_000_000_000);
        for (oid, text, value) in [
            (16, "t", Some(ScalarValue::Boolean(Some(true)))),
            (16, "off", Some(ScalarValue::Boolean(Some(false)))),
            (23, " 7 ", Some(ScalarValue::Int32(Some(7)))),
            (23, "7.5", None),
            (23, "x", None),
            (21, "40000", None),
            (1700, "-1.50", Some(ScalarValue::Decimal128(Some(-150), 3, 2))),
            (1700, "0.05", Some(ScalarValue::Decimal128(Some(5), 2, 2))),
            (25, " a ", Some(ScalarValue::Utf8(Some(" a ".to_owned())))),
            (17, "\\x00Ff", Some(ScalarValue::Binary(Some(vec![0, 255])))),
            (17, "\\x0", None),
            (17, "ab", None),
            (
                1184,
                "2000-01-01 02:00:00",
                Some(ScalarValue::TimestampMicrosecond(Some(EPOCH_MICROS), zone())),
            ),
            (
                1184,
                "2000-01-01 02:00:00+02",
                Some(ScalarValue::TimestampMicrosecond(Some(EPOCH_MICROS), zone())),
            ),
            (1082, "2000-13-01", None),
            (1082, "2000-01-02 +01", Some(ScalarValue::Date32(Some(10_958)))),
            (1082, "2000-01-02 23:30:00-05", Some(ScalarValue::Date32(Some(10_958)))),
            (1082, "2000-01-02 soon", None),
            (1083, "01:00:00+01", Some(ScalarValue::Time64Microsecond(Some(3_600_000_000)))),
            (1083, "01:00:00 soon", None),
            // The time on the clock: what a timestamp without a zone means in PostgreSQL.
            (
                1114,
                "2000-01-01 00:00:00+05:30",
                Some(ScalarValue::TimestampMicrosecond(Some(EPOCH_MICROS), None)),
            ),
            (
                1114,
                "2000-01-01T00:00:00Z",
                Some(ScalarValue::TimestampMicrosecond(Some(EPOCH_MICROS), None)),
            ),
            (1186, "1 day, 0:00:02", Some(day_and_two_seconds.clone())),
            (1186, "25:00:02", Some(ScalarValue::new_interval_mdn(0, 0, 90_002_000_000_000))),
            (1186, "-0:30", Some(ScalarValue::new_interval_mdn(0, 0, -1_800_000_000_000))),
            (1186, "1 day 2 secs", Some(day_and_two_seconds.clone())),
            (1186, "soon", None),
        ] {
            assert_eq!(read(oid, text.as_bytes(), Format::Text), value, "{oid} {text}");
        }
        assert_eq!(read(25, b"\xff", Format::Text), None);
    }

    #[test]
    fn binary_is_read_as_its_type_and_in_full() {
        for (oid, bytes, value) in [
            (16, &[1][..], Some(ScalarValue::Boolean(Some(true)))),
            (23, &[0, 0, 0, 7], Some(ScalarValue::Int32(Some(7)))),
            (23, &[0, 0, 7], None),
            (23, &[0, 0, 0, 0, 7], None),
            (1082, &[0, 0, 0, 1], Some(ScalarValue::Date32(Some(10_958)))),
            (1082, &[0x7f, 0xff, 0xff, 0xff], None),
            (3802, b"\x01{}", Some(ScalarValue::Utf8(Some("{}".to_owned())))),
            (25, b"a", Some(ScalarValue::Utf8(Some("a".to_owned())))),
        ] {
            assert_eq!(read(oid, bytes, Format::Binary), value, "{oid} {bytes:?}");
        }
        let text = "00112233-4455-6677-8899-aabbccddeeff".to_owned();
        let bytes: Vec<u8> = (0..16).map(|digit| digit * 0x11).collect();
        assert_eq!(read(2950, &bytes, Format::Binary), Some(ScalarValue::Utf8(Some(text))));
    }

    #[test]
    fn array_is_read_as_a_list() {
        let numbers = |numbers: &[Option<i32>]| {
            let items: Vec<_> = numbers.iter().map(|number| ScalarValue::Int32(*number)).collect();
            Some(ScalarValue::List(ScalarValue::new_list(&items, &DataType::Int32, true)))
        };
        assert_eq!(read(1007, b"{1,NULL}", Format::Text), numbers(&[Some(1), None]));
        let head = |dimensions: i32, length: i32| {
            [dimensions, 0, 23, length, 1].map(i32::to_be_bytes).concat()
        };
        let item = [0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
        let bytes = [head(1, 2), item.to_vec()].concat();
        assert_eq!(read(1007, &bytes, Format::Binary), numbers(&[Some(1), None]));
        assert_eq!(read(1007, &[0; 8], Format::Binary), None);
        let empty = [0i32, 0, 23].map(i32::to_be_bytes).concat();
        assert_eq!(read(1007, &empty, Format::Binary), numbers(&[]));
        assert_eq!(read(1007, &head(1, i32::MAX), Format::Binary), None);
        assert_eq!(read(1007, &head(2, 1), Format::Binary), None);
        assert_eq!(read(1009, &bytes, Format::Binary), None);
    }
}
