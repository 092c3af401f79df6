//! The schema that a contract promises, in Arrow's types: what a table has as long as nobody opened it.
//!
//! A listing of ten thousand tables is made of these. The port itself may hold other types that keep the
//! promise (a whole number of 32 bits for `integer`): who needs them opens the one table.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, Fields, Schema, TimeUnit,
};

use super::postgres::type_numbers::{
    BIGINT, BOOLEAN, BPCHAR, BYTEA, DATE, DOUBLE, INTEGER, NUMERIC, REAL, SMALLINT, TEXT, TIME,
    TIMESTAMP, TIMESTAMPTZ, VARCHAR,
};
use super::postgres::{PostgresType, known_type};
use crate::product::{Column, LogicalType, Table};

/// Digits of a decimal number whose owner names none, and those after the point.
const DECIMAL_DIGITS: (u8, i8) = (38, 10);

/// The schema that the contract of a table promises.
///
/// Returns `None` if it names no column, or leaves the type of one open: an unknown type, an array
/// without item, an object without fields.
#[must_use]
pub fn promised_schema(table: &Table) -> Option<Schema> {
    let fields: Option<Vec<Field>> = table.columns.iter().map(field).collect();
    fields.filter(|fields| !fields.is_empty()).map(Schema::new)
}

fn field(column: &Column) -> Option<Field> {
    Some(Field::new(&column.name, data_type(column)?, !column.is_required))
}

fn data_type(column: &Column) -> Option<DataType> {
    match column.logical_type {
        Some(LogicalType::Object) => {
            let fields: Option<Vec<Field>> = column.children.iter().map(field).collect();
            fields.filter(|fields| !fields.is_empty()).map(|fields| DataType::Struct(fields.into()))
        }
        Some(LogicalType::Array) => item(column).map(DataType::List),
        Some(LogicalType::Vector) => {
            let item = Field::new("item", DataType::Float32, true);
            Some(DataType::List(Arc::new(item)))
        }
        Some(LogicalType::Map) => map(column),
        // Nobody says how the owner keeps it.
        Some(LogicalType::Number) if column.physical_type.is_none() => Some(DataType::Float64),
        logical => scalar(known_type(column)?, logical),
    }
}

fn item(column: &Column) -> Option<Arc<Field>> {
    let [item] = column.children.as_slice() else { return None };
    Some(Arc::new(Field::new("item", data_type(item)?, !item.is_required)))
}

fn map(column: &Column) -> Option<DataType> {
    let [key, value] = column.children.as_slice() else { return None };
    let entries = Fields::from(vec![
        Field::new("key", data_type(key)?, false),
        Field::new("value", data_type(value)?, !value.is_required),
    ]);
    Some(DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false))
}

fn scalar(promised: PostgresType, logical: Option<LogicalType>) -> Option<DataType> {
    // A day that is kept as text is read as either, by what the port makes of it.
    let is_text = logical.is_none_or(|logical| logical == LogicalType::String);
    Some(match promised.oid {
        BOOLEAN => DataType::Boolean,
        BYTEA => DataType::Binary,
        BIGINT => DataType::Int64,
        SMALLINT => DataType::Int16,
        INTEGER => DataType::Int32,
        REAL => DataType::Float32,
        DOUBLE => DataType::Float64,
        DATE => DataType::Date32,
        TIME => DataType::Time64(TimeUnit::Microsecond),
        TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        NUMERIC => decimal(promised)?,
        TEXT | BPCHAR | VARCHAR if is_text => DataType::Utf8,
        _ => return None,
    })
}

fn decimal(promised: PostgresType) -> Option<DataType> {
    let (precision, scale) = match promised.precision().zip(promised.scale()) {
        None => DECIMAL_DIGITS,
        Some((precision, scale)) => (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?),
    };
    match precision {
        0 | 77.. => None,
        ..=DECIMAL128_MAX_PRECISION => Some(DataType::Decimal128(precision, scale)),
        _ => Some(DataType::Decimal256(precision, scale)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(logical: Option<LogicalType>, physical: Option<&str>, children: &[Column]) -> Column {
        Column {
            name: "c".to_owned(),
            logical_type: logical,
            physical_type: physical.map(str::to_owned),
            children: children.to_vec(),
            ..Column::default()
        }
    }

    #[test]
    fn type_is_that_of_the_contract_or_open() {
        use LogicalType::{Array, Date, Integer, Map, Number, Object, String, Timestamp, Vector};
        let whole = column(Some(Integer), None, &[]);
        let text = column(Some(String), None, &[]);
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (column, expected) in [
            (whole.clone(), Some(DataType::Int64)),
            (column(Some(Integer), Some("INT"), &[]), Some(DataType::Int32)),
            (column(Some(Number), None, &[]), Some(DataType::Float64)),
            (column(Some(Number), Some("decimal"), &[]), Some(DataType::Decimal128(38, 10))),
            (column(None, Some("DECIMAL(12,2)"), &[]), Some(DataType::Decimal128(12, 2))),
            (column(None, Some("DECIMAL(40,2)"), &[]), Some(DataType::Decimal256(40, 2))),
            (column(None, Some("DECIMAL(90,2)"), &[]), None),
            (column(Some(Timestamp), None, &[]), Some(micros(None))),
            (column(None, Some("timestamptz"), &[]), Some(micros(Some("UTC")))),
            (column(Some(Date), Some("VARCHAR"), &[]), None),
            (column(Some(String), Some("VARCHAR(7)"), &[]), Some(DataType::Utf8)),
            (column(None, None, &[]), None),
            (column(None, Some("geography"), &[]), None),
            (column(Some(Array), None, &[]), None),
            (
                column(Some(Array), Some("ARRAY<BIGINT>"), std::slice::from_ref(&whole)),
                Some(DataType::new_list(DataType::Int64, true)),
            ),
            (column(Some(Vector), None, &[]), Some(DataType::new_list(DataType::Float32, true))),
            (column(Some(Object), None, &[]), None),
            (
                column(Some(Object), None, std::slice::from_ref(&text)),
                Some(DataType::Struct(vec![Field::new("c", DataType::Utf8, true)].into())),
            ),
            (column(Some(Map), None, std::slice::from_ref(&text)), None),
        ] {
            assert_eq!(data_type(&column), expected, "{column:?}");
        }
        assert!(data_type(&column(Some(Map), None, &[text, whole])).is_some());
    }

    #[test]
    fn one_open_type_leaves_the_schema_open() {
        let table = |columns: Vec<Column>| Table { columns, ..Table::default() };
        let known = column(Some(LogicalType::Integer), None, &[]);
        assert!(promised_schema(&table(vec![])).is_none());
        assert!(promised_schema(&table(vec![known.clone(), column(None, None, &[])])).is_none());
        let required = Column { is_required: true, ..known };
        let schema = promised_schema(&table(vec![required])).unwrap();
        assert!(!schema.field(0).is_nullable());
    }
}
