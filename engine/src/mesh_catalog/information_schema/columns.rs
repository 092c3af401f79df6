//! `information_schema.columns`: what contracts promise of each column.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use crate::error::Result;
use crate::mesh_catalog::ListedTable;
use crate::mesh_catalog::builder::{TableBuilder, count};
use crate::mesh_catalog::postgres::{PostgresType, pg_type_of, promised_type};
use crate::product::{Column, LogicalType};

struct Row<'a> {
    table: &'a ListedTable,
    position: usize,
    name: &'a str,
    is_nullable: bool,
    data_type: String,
    postgres: PostgresType,
    description: Option<&'a str>,
}

pub(super) fn table(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let rows: Vec<Row<'_>> = listed.iter().flat_map(columns_of).collect();
    TableBuilder::new(&rows)
        .text("table_catalog", |row| Some(&row.table.catalog))
        .text("table_schema", |row| Some(&row.table.schema))
        .text("table_name", |row| Some(&row.table.table))
        .text("column_name", |row| Some(row.name))
        .number("ordinal_position", |row| count(row.position))
        .text("is_nullable", |row| Some(if row.is_nullable { "YES" } else { "NO" }))
        .text("data_type", |row| Some(&row.data_type))
        .text("column_comment", |row| row.description)
        .text("column_default", |_| None::<&str>)
        .int("character_maximum_length", |row| row.postgres.length())
        .int("numeric_precision", |row| row.postgres.precision())
        .int("numeric_precision_radix", |row| row.postgres.radix())
        .int("numeric_scale", |row| row.postgres.scale())
        .int("datetime_precision", |row| row.postgres.digits_of_second())
        .text("udt_catalog", |row| Some(&row.table.catalog))
        .text("udt_schema", |_| Some("pg_catalog"))
        .text("udt_name", |row| row.postgres.name())
        .text("is_identity", |_| Some("NO"))
        .text("is_generated", |_| Some("NEVER"))
        .text("is_updatable", |_| Some("NO"))
        .build()
}

fn columns_of(table: &ListedTable) -> Vec<Row<'_>> {
    let promised = table.promise.iter().flat_map(|promise| &promise.columns).enumerate();
    let mut rows: Vec<Row<'_>> = promised
        .map(|(index, column)| Row {
            table,
            position: index + 1,
            name: &column.name,
            is_nullable: !column.promises_values(),
            data_type: owners_type(column),
            postgres: promised_type(column),
            description: column.description.as_deref(),
        })
        .collect();
    let known = table.known_schema.iter().flat_map(|schema| schema.fields()).enumerate();
    rows.extend(known.map(|(index, field)| Row {
        table,
        position: index + 1,
        name: field.name(),
        is_nullable: field.is_nullable(),
        data_type: field.data_type().to_string(),
        postgres: pg_type_of(field.data_type()),
        description: None,
    }));
    rows
}

/// The type as its owner calls it, else the nearest SQL type of its meaning.
fn owners_type(column: &Column) -> String {
    if let Some(physical) = &column.physical_type {
        return physical.clone();
    }
    match column.logical_type {
        Some(LogicalType::String) => "VARCHAR",
        Some(LogicalType::Date) => "DATE",
        Some(LogicalType::Timestamp) => "TIMESTAMP",
        Some(LogicalType::Time) => "TIME",
        Some(LogicalType::Number) => "NUMERIC",
        Some(LogicalType::Integer) => "BIGINT",
        Some(LogicalType::Object) => "STRUCT",
        Some(LogicalType::Array | LogicalType::Vector) => "ARRAY",
        Some(LogicalType::Boolean) => "BOOLEAN",
        Some(LogicalType::Map) => "MAP",
        None => "UNKNOWN",
    }
    .to_owned()
}
