//! The schemas that the specification fixes.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

pub(super) fn catalogs() -> SchemaRef {
    schema(vec![required("catalog_name", DataType::Utf8)])
}

pub(super) fn schemas() -> SchemaRef {
    schema(vec![text("catalog_name"), required("db_schema_name", DataType::Utf8)])
}

pub(super) fn table_types() -> SchemaRef {
    schema(vec![required("table_type", DataType::Utf8)])
}

pub(super) fn tables(include_schema: bool) -> SchemaRef {
    let mut fields = vec![
        text("catalog_name"),
        text("db_schema_name"),
        required("table_name", DataType::Utf8),
        required("table_type", DataType::Utf8),
    ];
    if include_schema {
        fields.push(required("table_schema", DataType::Binary));
    }
    schema(fields)
}

pub(super) fn primary_keys() -> SchemaRef {
    schema(vec![
        text("catalog_name"),
        text("db_schema_name"),
        required("table_name", DataType::Utf8),
        required("column_name", DataType::Utf8),
        text("key_name"),
        required("key_sequence", DataType::Int32),
    ])
}

pub(super) fn foreign_keys() -> SchemaRef {
    schema(vec![
        text("pk_catalog_name"),
        text("pk_db_schema_name"),
        required("pk_table_name", DataType::Utf8),
        required("pk_column_name", DataType::Utf8),
        text("fk_catalog_name"),
        text("fk_db_schema_name"),
        required("fk_table_name", DataType::Utf8),
        required("fk_column_name", DataType::Utf8),
        required("key_sequence", DataType::Int32),
        text("fk_key_name"),
        text("pk_key_name"),
        required("update_rule", DataType::UInt8),
        required("delete_rule", DataType::UInt8),
    ])
}
