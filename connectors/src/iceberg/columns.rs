//! The schema of an Iceberg table as columns of a snapshot, each known by its field id.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use datafusion::scalar::ScalarValue;
use iceberg::spec::{NestedField, PrimitiveType, Schema, Type};
use samite_engine::{Error, ErrorKind, Result};

use super::name_mapping::MappedNames;
use super::values::scalar;
use crate::scan::{Identity, Lineage, SnapshotColumn, when_missing};

/// One column with what the manifests know it by.
#[derive(Debug, Clone)]
pub(super) struct IcebergColumn {
    /// The column as the scan sees it.
    pub(super) column: SnapshotColumn,
    /// Its field id.
    pub(super) id: i32,
    /// Its type, if it is not nested.
    pub(super) primitive: Option<PrimitiveType>,
}

/// The columns of a schema.
///
/// # Errors
///
/// `Unsupported` for a type or default value that is not read.
pub(super) fn columns(
    table: &str,
    schema: &Schema,
    names: &MappedNames,
) -> Result<Vec<IcebergColumn>> {
    schema.as_struct().fields().iter().map(|field| column(table, field, names)).collect()
}

/// The columns of row lineage, which every table of version 3 has besides those of its schema.
pub(super) fn lineage_columns() -> impl Iterator<Item = IcebergColumn> {
    Lineage::ALL.into_iter().map(|lineage| IcebergColumn {
        column: SnapshotColumn {
            field: Arc::new(Field::new(lineage.name(), DataType::Int64, true)),
            identity: Identity::Lineage(lineage),
            when_missing: None,
        },
        id: lineage.field_id(),
        // What manifests tell of these columns is about a part of the rows.
        primitive: None,
    })
}

/// The column of a field.
///
/// # Errors
///
/// As [`columns`].
pub(super) fn column(
    table: &str,
    field: &NestedField,
    names: &MappedNames,
) -> Result<IcebergColumn> {
    let primitive = field.field_type.as_primitive_type().cloned();
    let when_missing = match &field.initial_default {
        None => None,
        Some(_) => {
            let value = default_value(field);
            Some(value.ok_or_else(|| unread(table, field, "a default value"))?)
        }
    };
    if has_unread_default(&field.field_type) {
        return Err(unread(table, field, "a nested default value that is no plain value"));
    }
    let data_type = data_type(&field.field_type, names)
        .ok_or_else(|| unread(table, field, &format!("type {}", field.field_type)))?;
    let arrow = Field::new(&field.name, data_type, !field.required)
        .with_metadata(names.of(field.id).into_iter().collect());
    let identity = Identity::FieldId(field.id);
    Ok(IcebergColumn {
        column: SnapshotColumn { field: Arc::new(arrow), identity, when_missing },
        id: field.id,
        primitive,
    })
}

fn unread(table: &str, field: &NestedField, what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("column \"{}\" of table \"{table}\" has {what}, which is not read", field.name),
    )
}

/// True if a default at some depth is not a plain value of a struct's field. An item of a list or a
/// map is never lacking alone, so that a default of it has no meaning.
fn has_unread_default(iceberg: &Type) -> bool {
    let of_item = |field: &NestedField| {
        field.initial_default.is_some() || has_unread_default(&field.field_type)
    };
    let of_field = |field: &NestedField| {
        let is_plain = field.initial_default.is_none() || default_value(field).is_some();
        !is_plain || has_unread_default(&field.field_type)
    };
    match iceberg {
        Type::Primitive(_) => false,
        Type::Struct(fields) => fields.fields().iter().any(|field| of_field(field)),
        Type::List(list) => of_item(&list.element_field),
        Type::Map(map) => of_item(&map.key_field) || of_item(&map.value_field),
    }
}

/// The value of a field in a file that lacks it, if it is a plain one.
fn default_value(field: &NestedField) -> Option<ScalarValue> {
    let primitive = field.field_type.as_primitive_type()?;
    let literal = field.initial_default.as_ref()?.as_primitive_literal()?;
    scalar(&literal, primitive, primitive)
}

fn data_type(iceberg: &Type, names: &MappedNames) -> Option<DataType> {
    match iceberg {
        Type::Primitive(primitive) => self::primitive(primitive),
        Type::Struct(fields) => {
            let fields: Option<Fields> = fields.fields().iter().map(|f| nested(f, names)).collect();
            Some(DataType::Struct(fields?))
        }
        Type::List(list) => Some(DataType::List(nested(&list.element_field, names)?)),
        Type::Map(map) => {
            let entries = Fields::from(vec![
                nested(&map.key_field, names)?,
                nested(&map.value_field, names)?,
            ]);
            let entries = Field::new("key_value", DataType::Struct(entries), false);
            Some(DataType::Map(Arc::new(entries), false))
        }
    }
}

/// A field within another one: a file knows it by its id, and what lacks it has its default.
fn nested(field: &NestedField, names: &MappedNames) -> Option<FieldRef> {
    let mut metadata = HashMap::from_iter(names.of(field.id));
    metadata.insert(PARQUET_FIELD_ID_META_KEY.to_owned(), field.id.to_string());
    if let Some(value) = default_value(field) {
        metadata.extend([when_missing(&value).ok()?]);
    }
    let arrow = Field::new(&field.name, data_type(&field.field_type, names)?, !field.required);
    Some(Arc::new(arrow.with_metadata(metadata)))
}

fn primitive(primitive: &PrimitiveType) -> Option<DataType> {
    let utc = || Some("UTC".into());
    Some(match primitive {
        PrimitiveType::Boolean => DataType::Boolean,
        PrimitiveType::Int => DataType::Int32,
        PrimitiveType::Long => DataType::Int64,
        PrimitiveType::Float => DataType::Float32,
        PrimitiveType::Double => DataType::Float64,
        PrimitiveType::Decimal { precision, scale } => {
            DataType::Decimal128(u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?)
        }
        PrimitiveType::Date => DataType::Date32,
        PrimitiveType::Time => DataType::Time64(TimeUnit::Microsecond),
        PrimitiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        PrimitiveType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        PrimitiveType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        PrimitiveType::TimestamptzNs => DataType::Timestamp(TimeUnit::Nanosecond, utc()),
        PrimitiveType::String => DataType::Utf8,
        PrimitiveType::Uuid => DataType::FixedSizeBinary(16),
        PrimitiveType::Fixed(size) => DataType::FixedSizeBinary(i32::try_from(*size).ok()?),
        PrimitiveType::Binary => DataType::Binary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_that_has_no_meaning_is_refused_by_name() {
        let item =
            r#"{"type": "list", "element-id": 2, "element-required": false, "element": "int"}"#;
        let mut schema: Schema = serde_json::from_str(&format!(
            r#"{{"type": "struct", "schema-id": 0, "fields": [
                {{"id": 1, "name": "s", "required": false, "type": {item}}}]}}"#
        ))
        .expect("schema");
        assert!(columns("t", &schema, &MappedNames::default()).is_ok());
        let element = NestedField::list_element(2, PrimitiveType::Int.into(), false)
            .with_initial_default(iceberg::spec::Literal::int(1));
        let list = iceberg::spec::ListType::new(Arc::new(element));
        let list = NestedField::optional(1, "s", Type::List(list));
        schema = Schema::builder().with_fields([Arc::new(list)]).build().expect("schema");
        let error = columns("t", &schema, &MappedNames::default()).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let named = "column \"s\" of table \"t\" has a nested default value";
        assert!(error.message().contains(named), "{}", error.message());
    }

    #[test]
    fn every_type_has_its_arrow_type_and_nested_fields_their_ids() {
        let schema: Schema = serde_json::from_str(
            r#"{"type": "struct", "schema-id": 0, "fields": [
                {"id": 1, "name": "a", "required": true, "type": "decimal(9, 2)"},
                {"id": 2, "name": "b", "required": false, "type": {"type": "list",
                    "element-id": 3, "element": "uuid", "element-required": false}},
                {"id": 4, "name": "c", "required": false, "type": {"type": "struct", "fields": [
                    {"id": 5, "name": "d", "required": false, "type": "timestamptz"}]}}]}"#,
        )
        .expect("schema");
        let columns = columns("t", &schema, &MappedNames::default()).expect("columns");
        let types: Vec<String> =
            columns.iter().map(|c| c.column.field.data_type().to_string()).collect();
        assert!(types[0].contains("Decimal128(9, 2)"), "{types:?}");
        assert!(types[1].contains("FixedSizeBinary(16)"), "{types:?}");
        let DataType::Struct(fields) = columns[2].column.field.data_type() else { panic!() };
        assert_eq!(fields[0].metadata().get(PARQUET_FIELD_ID_META_KEY), Some(&"5".to_owned()));
        assert!(!columns[0].column.field.is_nullable());
        assert_eq!(columns[2].column.identity, Identity::FieldId(4));
    }
}
