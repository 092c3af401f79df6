//! The types of PostgreSQL: which one a column of Arrow is sent as, and which one of Arrow a
//! parameter is read as.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use samite_engine::mesh_catalog::postgres::OID_MARK;
use samite_engine::{Error, ErrorKind, Result};

/// A type of PostgreSQL that values are sent as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    /// What PostgreSQL has no type for: maps, structs, and lists in lists.
    Json,
    /// A number of a row of the catalog.
    Oid,
    /// A list of such numbers, or of small ones, as the catalog has it.
    Vector(Box<Kind>),
    /// A list of values of one of the types before.
    Array(Box<Kind>),
}

impl Kind {
    /// The type that a column is sent as: columns of the catalog have types of their own.
    ///
    /// # Errors
    ///
    /// As [`Kind::of`].
    pub(crate) fn of_field(field: &Field) -> Result<Self> {
        match (field.metadata().get(OID_MARK).map(String::as_str), field.data_type()) {
            (Some("oid"), DataType::Int32) => Ok(Self::Oid),
            (Some("int2vector"), DataType::List(_)) => Ok(Self::Vector(Box::new(Self::Int2))),
            (Some("oidvector"), DataType::List(_)) => Ok(Self::Vector(Box::new(Self::Oid))),
            (_, data_type) => Self::of(data_type),
        }
    }

    /// The type that values of a type of Arrow are sent as.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn of(data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 => Self::Int8,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Numeric,
            DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytea,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            DataType::Dictionary(_, values) => Self::of(values)?,
            DataType::RunEndEncoded(_, values) => Self::of(values.data_type())?,
            DataType::Struct(_) | DataType::Map(..) => Self::Json,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => match Self::of(item.data_type())? {
                Self::Json | Self::Array(_) => Self::Json,
                kind => Self::Array(Box::new(kind)),
            },
            DataType::Union(..) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a column of a union type cannot be sent to PostgreSQL clients",
                )
                .with_hint("cast it, or connect with Arrow Flight SQL"));
            }
        })
    }

    /// The type's number in `pg_type`.
    pub(crate) fn oid(&self) -> u32 {
        self.oids().0
    }

    /// The numbers of the type and of arrays of it (PostgreSQL's `pg_type.dat`).
    fn oids(&self) -> (u32, u32) {
        match self {
            Self::Bool => (16, 1000),
            Self::Bytea => (17, 1001),
            Self::Int8 => (20, 1016),
            Self::Int2 => (21, 1005),
            Self::Int4 => (23, 1007),
            Self::Text => (25, 1009),
            Self::Json => (114, 199),
            Self::Float4 => (700, 1021),
            Self::Float8 => (701, 1022),
            Self::Date => (1082, 1182),
            Self::Time => (1083, 1183),
            Self::Timestamp => (1114, 1115),
            Self::TimestampTz => (1184, 1185),
            Self::Interval => (1186, 1187),
            Self::Numeric => (1700, 1231),
            Self::Oid => (26, 1028),
            Self::Vector(item) if **item == Self::Oid => (30, 1013),
            Self::Vector(_) => (22, 1006),
            Self::Array(item) => (item.oids().1, 0),
        }
    }

    /// The bytes of a value; -1 if they differ.
    pub(crate) fn size(&self) -> i16 {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Date | Self::Oid => 4,
            Self::Int8 | Self::Float8 | Self::Time | Self::Timestamp | Self::TimestampTz => 8,
            Self::Interval => 16,
            Self::Text
            | Self::Bytea
            | Self::Numeric
            | Self::Json
            | Self::Vector(_)
            | Self::Array(_) => -1,
        }
    }

    /// The type of Arrow that values are brought to before they are written. Where several are
    /// written, that of the column stays.
    pub(crate) fn normal(&self, data_type: &DataType) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 | Self::Oid => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Numeric => match data_type {
                DataType::UInt64 => DataType::Decimal128(20, 0),
                DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                    DataType::Decimal128(*precision, *scale)
                }
                other => unpacked(other).clone(),
            },
            Self::Text => match unpacked(data_type) {
                DataType::Null => DataType::Utf8,
                other => other.clone(),
            },
            Self::Bytea => match unpacked(data_type) {
                DataType::FixedSizeBinary(_) => DataType::Binary,
                other => other.clone(),
            },
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => match unpacked(data_type) {
                DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
                _ => DataType::Interval(IntervalUnit::MonthDayNano),
            },
            Self::Json => unpacked(data_type).clone(),
            Self::Array(item) | Self::Vector(item) => {
                let inner = item_type(unpacked(data_type));
                DataType::List(Arc::new(Field::new_list_field(item.normal(inner), true)))
            }
        }
    }

    /// The type of Arrow that a parameter of a type is read as; `None` if the client leaves it open.
    ///
    /// # Errors
    ///
    /// When values of that type cannot be read.
    pub(crate) fn parameter(oid: u32) -> Result<Option<DataType>> {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        Ok(Some(match oid {
            0 | 705 => return Ok(None),
            16 => DataType::Boolean,
            17 => DataType::Binary,
            20 | 26 => DataType::Int64,
            21 => DataType::Int16,
            23 => DataType::Int32,
            18 | 19 | 25 | 114 | 142 | 1042 | 1043 | 2950 | 3802 => DataType::Utf8,
            700 => DataType::Float32,
            701 => DataType::Float64,
            1082 => DataType::Date32,
            1083 => DataType::Time64(TimeUnit::Microsecond),
            1114 => DataType::Timestamp(TimeUnit::Microsecond, None),
            1184 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            1186 => DataType::Interval(IntervalUnit::MonthDayNano),
            1700 => DataType::Decimal128(38, 10),
            _ => match item_oid(oid).map(Self::parameter).transpose()?.flatten() {
                Some(item) => list(item),
                None => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        format!("parameters of the type with the number {oid} cannot be read"),
                    )
                    .with_hint("bind a text, and cast it in the statement"));
                }
            },
        }))
    }
}

/// The number of a type by its name in SQL; `None` for one that is not known.
pub(crate) fn oid_of_name(name: &str) -> Option<u32> {
    Some(match name {
        "bool" | "boolean" => 16,
        "bytea" => 17,
        "bigint" | "int8" => 20,
        "smallint" | "int2" => 21,
        "int" | "integer" | "int4" => 23,
        "text" => 25,
        "varchar" | "character varying" => 1043,
        "real" | "float4" => 700,
        "double precision" | "float8" | "float" => 701,
        "date" => 1082,
        "time" => 1083,
        "timestamp" | "timestamp without time zone" => 1114,
        "timestamptz" | "timestamp with time zone" => 1184,
        "interval" => 1186,
        "numeric" | "decimal" => 1700,
        "uuid" => 2950,
        "unknown" => 705,
        _ => return None,
    })
}

/// The number of the type of the items of an array.
pub(crate) fn item_oid(oid: u32) -> Option<u32> {
    Some(match oid {
        1000 => 16,
        1001 => 17,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1028 => 26,
        1021 => 700,
        1022 => 701,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1231 => 1700,
        2951 => 2950,
        _ => return None,
    })
}

/// The type of the values, without a dictionary or runs.
fn unpacked(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => unpacked(values),
        DataType::RunEndEncoded(_, values) => unpacked(values.data_type()),
        other => other,
    }
}

/// The type of the items of a list.
fn item_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => item.data_type(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Fields, UnionFields, UnionMode};
    use samite_engine::mesh_catalog::postgres::pg_type_of;

    use super::*;

    #[test]
    fn every_type_is_sent_as_one_that_holds_all_its_values() {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        for (data_type, oid) in [
            (DataType::Null, 25),
            (DataType::Boolean, 16),
            (DataType::Int8, 21),
            (DataType::UInt8, 21),
            (DataType::UInt16, 23),
            (DataType::UInt32, 20),
            (DataType::UInt64, 1700),
            (DataType::Float16, 700),
            (DataType::Decimal256(76, 3), 1700),
            (DataType::LargeUtf8, 25),
            (DataType::FixedSizeBinary(16), 17),
            (DataType::Date64, 1082),
            (DataType::Time32(TimeUnit::Second), 1083),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), 1114),
            (DataType::Timestamp(TimeUnit::Second, Some("+01:00".into())), 1184),
            (DataType::Duration(TimeUnit::Second), 1186),
            (DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), 25),
            (list(DataType::Int64), 1016),
            (list(list(DataType::Int64)), 114),
            (DataType::Struct(Fields::empty()), 114),
            (list(DataType::Struct(Fields::empty())), 114),
        ] {
            let kind = Kind::of(&data_type).map(|kind| kind.oid());
            assert_eq!(kind.ok(), Some(oid), "{data_type}");
            // What the catalog says of a column is what is sent.
            assert_eq!(u32::try_from(pg_type_of(&data_type).oid), Ok(oid), "{data_type}");
        }
        let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
        assert_eq!(Kind::of(&union).err().map(|error| error.kind()), Some(ErrorKind::Unsupported));
    }

    #[test]
    fn parameter_has_the_type_that_the_client_names() {
        assert!(matches!(Kind::parameter(0), Ok(None)));
        assert!(matches!(Kind::parameter(23), Ok(Some(DataType::Int32))));
        assert!(matches!(Kind::parameter(1009), Ok(Some(DataType::List(_)))));
        let refusal = Kind::parameter(600).err().map(|error| error.kind());
        assert_eq!(refusal, Some(ErrorKind::Unsupported));
    }
}
