//! The values that functions of the catalog take and give.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use datafusion::common::Result as DataFusionResult;
use datafusion::scalar::ScalarValue;

use crate::mesh_catalog::builder::oid_field;

/// A value that a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Flag(bool),
}

/// A value that a function gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Null,
    Number(i64),
    Oid(i32),
    Text(String),
    Flag(bool),
    Texts(Vec<String>),
    Instant(i64),
}

/// What a function takes in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Number,
    Text,
    Flag,
    /// The number of something, or its name.
    Object,
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Number,
    Oid,
    Text,
    Flag,
    Texts,
    Instant,
}

impl Takes {
    /// The type that an argument of another type becomes.
    pub(super) fn coerced(self, given: &DataType) -> DataType {
        match self {
            Self::Number => DataType::Int64,
            Self::Text => DataType::Utf8,
            Self::Flag => DataType::Boolean,
            Self::Object if given.is_integer() => DataType::Int64,
            Self::Object => DataType::Utf8,
        }
    }
}

impl Gives {
    /// The field of a column of such values.
    pub(super) fn field(self, name: &str) -> Field {
        let data_type = match self {
            Self::Oid => return oid_field(name, "oid"),
            Self::Number => DataType::Int64,
            Self::Text => DataType::Utf8,
            Self::Flag => DataType::Boolean,
            Self::Texts => DataType::new_list(DataType::Utf8, true),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        Field::new(name, data_type, true)
    }

    /// An answer as a value of DataFusion.
    ///
    /// # Errors
    ///
    /// When there is no NULL of its type, which cannot be.
    pub(super) fn scalar(self, answer: Answer) -> DataFusionResult<ScalarValue> {
        Ok(match answer {
            Answer::Null => ScalarValue::try_from(self.field("").data_type())?,
            Answer::Number(number) => ScalarValue::Int64(Some(number)),
            Answer::Oid(oid) => ScalarValue::Int32(Some(oid)),
            Answer::Text(text) => ScalarValue::Utf8(Some(text)),
            Answer::Flag(flag) => ScalarValue::Boolean(Some(flag)),
            Answer::Texts(texts) => {
                let items: Vec<ScalarValue> = texts.into_iter().map(ScalarValue::from).collect();
                ScalarValue::List(ScalarValue::new_list(&items, &DataType::Utf8, true))
            }
            Answer::Instant(micros) => {
                ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
            }
        })
    }
}

impl<'a> Value<'a> {
    /// The value of one row.
    pub(super) fn of(array: &'a ArrayRef, row: usize) -> Self {
        if array.is_null(row) {
            return Self::Null;
        }
        match array.data_type() {
            DataType::Int64 => Self::Number(array.as_primitive::<Int64Type>().value(row)),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().value(row)),
            DataType::Boolean => Self::Flag(array.as_boolean().value(row)),
            _ => Self::Null,
        }
    }

    /// The number of something; `None` for NULL and for what is no such number.
    pub(super) fn oid(self) -> Option<i32> {
        match self {
            Self::Number(number) => i32::try_from(number).ok(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Flag(_) => None,
        }
    }

    /// The value as text; `None` for NULL.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Null => None,
        }
    }
}

impl From<Option<String>> for Answer {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<Option<i32>> for Answer {
    fn from(oid: Option<i32>) -> Self {
        oid.map_or(Self::Null, Self::Oid)
    }
}
