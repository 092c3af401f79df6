//! What Flight SQL says about a column beside its type (`ARROW:FLIGHT:SQL:*`).

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use samite_engine::product::{Column, Table};

const PREFIX: &str = "ARROW:FLIGHT:SQL:";

/// The table that a column is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableOrigin<'a> {
    pub(crate) catalog: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) table: &'a str,
    /// What its contract says.
    pub(crate) promise: Option<&'a Table>,
}

impl<'a> TableOrigin<'a> {
    /// What the contract says of a column.
    fn column(&self, name: &str) -> Option<&'a Column> {
        self.promise?.columns.iter().find(|column| column.name == name)
    }

    /// True if the contract promises a column without NULL.
    pub(super) fn requires(&self, name: &str) -> bool {
        self.column(name).is_some_and(Column::promises_values)
    }
}

/// Adds what is known of a column with this type; of a table also by its name.
pub(super) fn describe(
    metadata: &mut HashMap<String, String>,
    data_type: &DataType,
    origin: Option<(TableOrigin<'_>, &str)>,
) {
    let mut put = |key: &str, value: String| metadata.insert(format!("{PREFIX}{key}"), value);
    if let Some((origin, name)) = origin {
        // In a result it would take the place of the column's name.
        if let Some(text) = origin.column(name).and_then(|column| column.description.as_ref()) {
            put("REMARKS", text.clone());
        }
        put("CATALOG_NAME", origin.catalog.to_owned());
        put("DB_SCHEMA_NAME", origin.schema.to_owned());
        put("TABLE_NAME", origin.table.to_owned());
    }
    put("TYPE_NAME", type_name(data_type).to_owned());
    if let Some(precision) = precision(data_type) {
        put("PRECISION", precision.to_string());
    }
    if let Some(scale) = scale(data_type) {
        put("SCALE", scale.to_string());
    }
    let is_text = matches!(data_type, DataType::Utf8);
    put("IS_AUTO_INCREMENT", flag(false));
    put("IS_CASE_SENSITIVE", flag(is_text));
    put("IS_READ_ONLY", flag(true));
    put("IS_SEARCHABLE", flag(true));
}

fn flag(value: bool) -> String {
    if value { "1" } else { "0" }.to_owned()
}

/// The name of a type in SQL, bare.
fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Null => "NULL",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "TINYINT UNSIGNED",
        DataType::UInt16 => "SMALLINT UNSIGNED",
        DataType::UInt32 => "INTEGER UNSIGNED",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "DECIMAL",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "VARBINARY",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Duration(_) | DataType::Interval(_) => "INTERVAL",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..) => "ARRAY",
        DataType::Struct(_) => "STRUCT",
        DataType::Map(..) => "MAP",
        DataType::Union(..) => "UNION",
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
    }
}

/// Digits of a number, characters of a date or time.
fn precision(data_type: &DataType) -> Option<u32> {
    Some(match data_type {
        DataType::Boolean => 1,
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        DataType::Float32 => 7,
        DataType::Float64 => 15,
        DataType::Decimal128(precision, _) => u32::from(*precision),
        DataType::Date32 => 10,
        DataType::Time64(_) => 15,
        DataType::Timestamp(TimeUnit::Second, _) => 19,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 23,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 26,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 29,
        _ => return None,
    })
}

fn scale(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Decimal128(_, scale) => Some(i32::from(*scale)),
        DataType::Timestamp(TimeUnit::Second, _) => Some(0),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Some(3),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(6),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(9),
        data_type if data_type.is_integer() => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_tells_its_precision_beside_a_bare_name() {
        let mut metadata = HashMap::new();
        let origin = TableOrigin { catalog: "c", schema: "s", table: "t", promise: None };
        describe(&mut metadata, &DataType::Decimal128(18, 3), Some((origin, "c")));
        for (key, value) in [
            ("TYPE_NAME", "DECIMAL"),
            ("PRECISION", "18"),
            ("SCALE", "3"),
            ("TABLE_NAME", "t"),
            ("IS_SEARCHABLE", "1"),
        ] {
            let found = metadata.get(&format!("{PREFIX}{key}")).map(String::as_str);
            assert_eq!(found, Some(value), "{key}");
        }
    }
}
