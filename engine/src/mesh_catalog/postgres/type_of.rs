//! Which type of PostgreSQL a column has: by its Arrow type, or by what its contract says.

use datafusion::arrow::datatypes::DataType;

use super::type_numbers::{
    BIGINT, BOOLEAN, BPCHAR, BYTEA, DATE, DOUBLE, INTEGER, INTERVAL, JSON, NUMERIC, REAL, SMALLINT,
    TEXT, TIME, TIMESTAMP, TIMESTAMPTZ, VARCHAR,
};
use super::types::{FoundType, MODIFIER_OFFSET};
use crate::product::{Column, LogicalType};

/// The mark in a field's metadata that makes a whole number an object identifier, or a list of them a
/// vector of the catalog; its value is the name of the type.
pub const OID_MARK: &str = "pg.oid_alias";

/// The type of a column as a client of PostgreSQL sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresType {
    /// The number of the type.
    pub oid: i32,
    /// The modifier: length or digits; -1 without.
    pub modifier: i32,
}

impl PostgresType {
    const fn plain(oid: i32) -> Self {
        Self { oid, modifier: -1 }
    }

    const fn long(oid: i32, length: i32) -> Self {
        Self { oid, modifier: length.saturating_add(MODIFIER_OFFSET) }
    }

    fn numeric(precision: i32, scale: i32) -> Self {
        Self { oid: NUMERIC, modifier: ((precision << 16) | (scale & 0x7ff)) + MODIFIER_OFFSET }
    }

    fn array(self) -> Self {
        match FoundType::by_oid(self.oid) {
            Some(FoundType::Scalar(known)) if known.array != 0 && known.oid != JSON => {
                Self { oid: known.array, ..self }
            }
            _ => Self::plain(JSON),
        }
    }
}

/// What `information_schema` says of a type.
impl PostgresType {
    /// The name in the catalog.
    pub(crate) fn name(self) -> Option<String> {
        FoundType::by_oid(self.oid).map(FoundType::name)
    }

    /// The characters that a text has at most.
    pub(crate) fn length(self) -> Option<i32> {
        let is_long = matches!(self.oid, VARCHAR | BPCHAR) && self.modifier >= MODIFIER_OFFSET;
        is_long.then(|| self.modifier - MODIFIER_OFFSET)
    }

    /// The digits of a number, in its radix.
    pub(crate) fn precision(self) -> Option<i32> {
        match self.oid {
            SMALLINT => Some(16),
            INTEGER => Some(32),
            BIGINT => Some(64),
            REAL => Some(24),
            DOUBLE => Some(53),
            NUMERIC if self.modifier >= MODIFIER_OFFSET => {
                Some((self.modifier - MODIFIER_OFFSET) >> 16)
            }
            _ => None,
        }
    }

    /// The radix of a number's digits.
    pub(crate) fn radix(self) -> Option<i32> {
        match self.oid {
            NUMERIC => Some(10),
            _ => self.precision().map(|_| 2),
        }
    }

    /// The digits after the point.
    pub(crate) fn scale(self) -> Option<i32> {
        match self.oid {
            BIGINT | SMALLINT | INTEGER => Some(0),
            NUMERIC if self.modifier >= MODIFIER_OFFSET => {
                Some((self.modifier - MODIFIER_OFFSET) & 0x7ff)
            }
            _ => None,
        }
    }

    /// The digits of a second.
    pub(crate) fn digits_of_second(self) -> Option<i32> {
        match self.oid {
            TIME | TIMESTAMP | TIMESTAMPTZ | INTERVAL => Some(6),
            DATE => Some(0),
            _ => None,
        }
    }
}

/// The type that values of an Arrow type are sent as; `json` for those that are written out.
#[must_use]
pub fn pg_type_of(data_type: &DataType) -> PostgresType {
    let oid = match data_type {
        DataType::Boolean => BOOLEAN,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => SMALLINT,
        DataType::UInt16 | DataType::Int32 => INTEGER,
        DataType::UInt32 | DataType::Int64 => BIGINT,
        DataType::UInt64 => NUMERIC,
        DataType::Float16 | DataType::Float32 => REAL,
        DataType::Float64 => DOUBLE,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            return PostgresType::numeric(i32::from(*precision), i32::from(*scale));
        }
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => BYTEA,
        DataType::Struct(_) | DataType::Map(..) => JSON,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => return pg_type_of(item.data_type()).array(),
        DataType::Dictionary(_, value) => return pg_type_of(value),
        DataType::RunEndEncoded(_, value) => return pg_type_of(value.data_type()),
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Union(..) => TEXT,
    };
    PostgresType::plain(oid)
}

/// The type that a contract promises for a column; text where it names none.
pub(crate) fn promised(column: &Column) -> PostgresType {
    known(column).unwrap_or(PostgresType::plain(TEXT))
}

/// The type that a contract promises for a column; `None` where it names none that is known.
pub(crate) fn known(column: &Column) -> Option<PostgresType> {
    let physical = column.physical_type.as_deref().and_then(by_physical_name);
    physical.or_else(|| column.logical_type.map(|logical| by_meaning(logical, column)))
}

fn by_meaning(logical: LogicalType, column: &Column) -> PostgresType {
    let oid = match logical {
        LogicalType::Date => DATE,
        LogicalType::Timestamp => TIMESTAMP,
        LogicalType::Time => TIME,
        LogicalType::Number => NUMERIC,
        LogicalType::Integer => BIGINT,
        LogicalType::Boolean => BOOLEAN,
        LogicalType::Object | LogicalType::Map => JSON,
        LogicalType::Vector => 1021,
        LogicalType::Array => match column.children.first() {
            Some(item) => return promised(item).array(),
            None => 1009,
        },
        LogicalType::String => TEXT,
    };
    PostgresType::plain(oid)
}

/// The type by the word of its owner, in the words of SQL, Spark, Parquet and Iceberg.
fn by_physical_name(text: &str) -> Option<PostgresType> {
    let text = text.trim().to_ascii_lowercase();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim_end(), rest.split_once(')').map(|(inside, _)| inside)),
        None => (text.as_str(), None),
    };
    let numbers: Option<Vec<i32>> = arguments
        .map(|inside| inside.split(',').map(|number| number.trim().parse().ok()).collect())
        .unwrap_or_default();
    let length = match numbers.as_deref() {
        Some([length]) if (1..=10_485_760).contains(length) => Some(*length),
        _ => None,
    };
    let oid =
        match name {
            _ if text.starts_with("timestamp(") && text.ends_with(" with time zone") => TIMESTAMPTZ,
            "decimal" | "numeric" | "number" | "dec" => {
                return Some(match numbers.as_deref() {
                    Some([precision @ 1..=1000]) => PostgresType::numeric(*precision, 0),
                    Some([precision @ 1..=1000, scale @ -1000..=1000]) => {
                        PostgresType::numeric(*precision, *scale)
                    }
                    _ => PostgresType::plain(NUMERIC),
                });
            }
            "varchar" | "character varying" | "nvarchar" | "varchar2" => {
                return Some(length.map_or(PostgresType::plain(TEXT), |length| {
                    PostgresType::long(VARCHAR, length)
                }));
            }
            "char" | "character" | "nchar" => {
                return Some(length.map_or(PostgresType::plain(TEXT), |length| {
                    PostgresType::long(BPCHAR, length)
                }));
            }
            "string" | "text" | "utf8" => TEXT,
            "boolean" | "bool" => BOOLEAN,
            "tinyint" | "byte" | "smallint" | "short" | "int2" | "int8_t" | "int16" => SMALLINT,
            "int" | "integer" | "int4" | "int32" => INTEGER,
            "bigint" | "long" | "int8" | "int64" => BIGINT,
            "float" | "real" | "float4" | "float32" => REAL,
            "double" | "double precision" | "float8" | "float64" => DOUBLE,
            "date" => DATE,
            "time" | "time without time zone" => TIME,
            "timestamp" | "timestamp_ntz" | "datetime" | "timestamp without time zone" => TIMESTAMP,
            "timestamptz" | "timestamp_tz" | "timestamp_ltz" | "timestamp with time zone" => {
                TIMESTAMPTZ
            }
            "binary" | "bytea" | "varbinary" | "blob" | "fixed" => BYTEA,
            _ => return None,
        };
    Some(PostgresType::plain(oid))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{Field, Fields, TimeUnit};

    use super::*;

    #[test]
    fn arrow_type_has_the_number_that_is_sent() {
        let list = |item: DataType| DataType::List(Arc::new(Field::new("item", item, true)));
        for (data_type, oid, modifier) in [
            (DataType::Int8, 21, -1),
            (DataType::UInt32, 20, -1),
            (DataType::UInt64, 1700, -1),
            (DataType::Utf8View, 25, -1),
            (DataType::Decimal128(12, 2), 1700, ((12 << 16) | 2) + 4),
            (DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), 1184, -1),
            (list(DataType::Int32), 1007, -1),
            (list(DataType::Null), 1009, -1),
            (list(list(DataType::Int32)), 114, -1),
            (DataType::Struct(Fields::empty()), 114, -1),
            (DataType::Null, 25, -1),
            (DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), 25, -1),
        ] {
            assert_eq!(pg_type_of(&data_type), PostgresType { oid, modifier }, "{data_type}");
        }
    }

    #[test]
    fn promise_is_read_in_the_words_of_its_owner() {
        for (physical, logical, oid, modifier) in [
            (Some("DECIMAL(12,2)"), None, 1700, ((12 << 16) | 2) + 4),
            (Some("decimal"), None, 1700, -1),
            (Some("VARCHAR(20)"), None, 1043, 24),
            (Some("VARCHAR"), None, 25, -1),
            (Some("long"), None, 20, -1),
            (Some("timestamp(6) with time zone"), None, 1184, -1),
            (Some("something"), Some(LogicalType::Integer), 20, -1),
            (None, Some(LogicalType::Array), 1009, -1),
            (None, Some(LogicalType::Object), 114, -1),
            (None, None, 25, -1),
        ] {
            let physical_type = physical.map(str::to_owned);
            let column = Column { physical_type, logical_type: logical, ..Column::default() };
            assert_eq!(
                promised(&column),
                PostgresType { oid, modifier },
                "{physical:?} {logical:?}"
            );
        }
    }
}
