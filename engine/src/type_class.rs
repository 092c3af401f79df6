//! Classes of types: what a contract can promise and a source can hold.

use std::fmt;

use crate::product::{Column, LogicalType};
use datafusion::arrow::datatypes::DataType;

/// What kind of values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeClass {
    /// Text.
    String,
    /// Bytes.
    Binary,
    /// Whole numbers.
    Integer,
    /// Numbers, whole or not.
    Number,
    /// True and false.
    Boolean,
    /// Days.
    Date,
    /// Instants, or local dates with times.
    Timestamp,
    /// Times of day.
    Time,
    /// Named fields.
    Object,
    /// Items of one type.
    Array,
    /// Keys with values.
    Map,
}

impl TypeClass {
    /// The class that a logical type promises.
    #[must_use]
    pub fn of_logical(logical: LogicalType) -> Self {
        match logical {
            LogicalType::String => Self::String,
            LogicalType::Date => Self::Date,
            LogicalType::Timestamp => Self::Timestamp,
            LogicalType::Time => Self::Time,
            LogicalType::Number => Self::Number,
            LogicalType::Integer => Self::Integer,
            LogicalType::Object => Self::Object,
            LogicalType::Array | LogicalType::Vector => Self::Array,
            LogicalType::Boolean => Self::Boolean,
            LogicalType::Map => Self::Map,
        }
    }

    /// The class that an owner's own name of a type promises; none for a name nobody knows.
    pub fn of_physical(physical: &str) -> Option<Self> {
        let name: String = physical
            .trim()
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect::<String>()
            .to_ascii_lowercase();
        Some(match name.as_str() {
            "string" | "varchar" | "char" | "character" | "text" | "utf8" | "largeutf8"
            | "utf8view" | "large_utf8" | "nvarchar" | "nchar" | "varchar2" | "enum" => {
                Self::String
            }
            "binary" | "varbinary" | "bytes" | "blob" | "bytea" | "fixed" => Self::Binary,
            "int" | "integer" | "bigint" | "smallint" | "tinyint" | "long" | "short" | "byte"
            | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64"
            | "int2" | "int4" | "hugeint" | "ubigint" | "uinteger" => Self::Integer,
            "double" | "float" | "real" | "float16" | "float32" | "float64" | "float4"
            | "float8" | "decimal" | "numeric" | "number" | "dec" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "date" | "date32" | "date64" => Self::Date,
            "timestamp" | "timestamptz" | "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz"
            | "datetime" | "datetime2" => Self::Timestamp,
            "time" | "time32" | "time64" => Self::Time,
            "struct" | "record" | "row" | "object" => Self::Object,
            "array" | "list" | "largelist" | "large_list" => Self::Array,
            "map" => Self::Map,
            _ => return None,
        })
    }

    /// The class of what a source holds; none for a type that no contract can promise.
    pub fn of_arrow(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::String,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Binary,
            DataType::Decimal32(_, 0)
            | DataType::Decimal64(_, 0)
            | DataType::Decimal128(_, 0)
            | DataType::Decimal256(_, 0) => Self::Integer,
            data_type if data_type.is_integer() => Self::Integer,
            data_type if data_type.is_numeric() => Self::Number,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Struct(_) => Self::Object,
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::FixedSizeList(..) => Self::Array,
            DataType::Map(..) => Self::Map,
            DataType::Dictionary(_, values) => return Self::of_arrow(values),
            _ => return None,
        })
    }

    /// True if values of class `held` keep the promise of this class.
    pub fn accepts(self, held: Self) -> bool {
        self == held || (self == Self::Number && held == Self::Integer)
    }
}

impl fmt::Display for TypeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Binary => "binary",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Object => "object",
            Self::Array => "array",
            Self::Map => "map",
        })
    }
}

/// The class that a source breaks if it holds `data_type` for a promised column.
///
/// An owner may say that dates are stored as text (`logicalType: date`, `physicalType: VARCHAR`).
/// Where the two disagree, the physical type alone is the promise about the source.
pub fn broken_promise(column: &Column, data_type: &DataType) -> Option<TypeClass> {
    if *data_type == DataType::Null {
        return None;
    }
    let held = TypeClass::of_arrow(data_type);
    let breaks = |promised: TypeClass| !held.is_some_and(|held| promised.accepts(held));
    let logical = column.logical_type.map(TypeClass::of_logical);
    let physical = column.physical_type.as_deref().and_then(TypeClass::of_physical);
    if let Some(physical) = physical.filter(|promised| breaks(*promised)) {
        return Some(physical);
    }
    let is_stored_otherwise = match (logical, physical) {
        (Some(logical), Some(physical)) => !logical.accepts(physical) && !physical.accepts(logical),
        _ => false,
    };
    logical.filter(|promised| !is_stored_otherwise && breaks(*promised))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_keeps_or_breaks_what_logical_and_physical_type_promise() {
        use LogicalType as L;
        let cases = [
            (Some(L::Integer), None, DataType::Int64, None),
            (Some(L::Integer), None, DataType::Decimal128(38, 0), None),
            (Some(L::Integer), None, DataType::Utf8, Some(TypeClass::Integer)),
            (Some(L::Integer), None, DataType::Float64, Some(TypeClass::Integer)),
            (Some(L::Number), None, DataType::Int32, None),
            (Some(L::Number), None, DataType::Decimal128(10, 2), None),
            (Some(L::String), None, DataType::Utf8View, None),
            (Some(L::String), None, DataType::Int64, Some(TypeClass::String)),
            (Some(L::Date), Some("VARCHAR(10)"), DataType::Utf8, None),
            (Some(L::Date), Some("VARCHAR(10)"), DataType::Date32, Some(TypeClass::String)),
            (Some(L::Date), Some("strange"), DataType::Utf8, Some(TypeClass::Date)),
            (Some(L::Integer), Some("decimal(18,0)"), DataType::Float64, Some(TypeClass::Integer)),
            (Some(L::Integer), Some("BIGINT"), DataType::Int32, None),
            (
                None,
                Some("timestamp(6) with time zone"),
                DataType::Int64,
                Some(TypeClass::Timestamp),
            ),
            (None, Some("whatever"), DataType::Int64, None),
            (None, None, DataType::Int64, None),
            (Some(L::Integer), None, DataType::Null, None),
        ];
        for (logical_type, physical, held, expected) in cases {
            let column = Column {
                logical_type,
                physical_type: physical.map(str::to_owned),
                ..Column::default()
            };
            let found = broken_promise(&column, &held);
            assert_eq!(found, expected, "{logical_type:?} {physical:?} {held}");
        }
    }
}
