//! `information_schema`: tables, columns and schemata, in each domain and over the whole mesh.
//!
//! Names and meanings are those of ISO/IEC 9075-11, in the columns that tools read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;

use super::builder::{TableBuilder, count};
use super::{ListedTable, Picture, listing};
use crate::error::Result;
use crate::product::{Column, LogicalType};
use crate::resolve::{INFORMATION_SCHEMA, not_found};

const TABLES: &str = "tables";
const COLUMNS: &str = "columns";
const SCHEMATA: &str = "schemata";

pub(super) fn table(
    picture: Picture<'_>,
    domain: Option<&str>,
    table: &str,
) -> Result<Arc<dyn TableProvider>> {
    let is_wanted = |listed: &ListedTable| domain.is_none_or(|domain| listed.catalog == domain);
    match table {
        TABLES => {
            let listed = listing::list(picture)?;
            tables(&listed.into_iter().filter(is_wanted).collect::<Vec<_>>())
        }
        SCHEMATA => {
            let mut listed: Vec<_> =
                listing::list(picture)?.into_iter().filter(is_wanted).collect();
            listed.dedup_by(|next, kept| {
                (&next.catalog, &next.schema) == (&kept.catalog, &kept.schema)
            });
            schemata(&listed)
        }
        COLUMNS => {
            let listed = listing::list(picture)?;
            columns(&listed.into_iter().filter(is_wanted).collect::<Vec<_>>())
        }
        _ => {
            let place = domain.map(|domain| format!("{domain}.")).unwrap_or_default();
            Err(not_found(&format!("{place}{INFORMATION_SCHEMA}.{table}"))
                .with_hint("the tables of information_schema are columns, schemata, tables"))
        }
    }
}

/// The tables of `information_schema` with their schemas.
pub(super) fn schemas() -> [(&'static str, SchemaRef); 3] {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    [
        (
            COLUMNS,
            Arc::new(Schema::new(vec![
                text("table_catalog"),
                text("table_schema"),
                text("table_name"),
                text("column_name"),
                number("ordinal_position"),
                text("is_nullable"),
                text("data_type"),
                text("column_comment"),
            ])),
        ),
        (SCHEMATA, Arc::new(Schema::new(vec![text("catalog_name"), text("schema_name")]))),
        (
            TABLES,
            Arc::new(Schema::new(vec![
                text("table_catalog"),
                text("table_schema"),
                text("table_name"),
                text("table_type"),
                text("table_comment"),
            ])),
        ),
    ]
}

fn tables(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(listed)
        .text("table_catalog", |table| Some(&table.catalog))
        .text("table_schema", |table| Some(&table.schema))
        .text("table_name", |table| Some(&table.table))
        .text("table_type", |table| {
            Some(match table.kind {
                super::TableKind::Table => "BASE TABLE",
                super::TableKind::View => "VIEW",
                super::TableKind::SystemTable => "SYSTEM TABLE",
            })
        })
        .text("table_comment", |table| table.promise.as_ref()?.description.as_ref())
        .build()
}

fn schemata(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(listed)
        .text("catalog_name", |table| Some(&table.catalog))
        .text("schema_name", |table| Some(&table.schema))
        .build()
}

struct ColumnRow<'a> {
    table: &'a ListedTable,
    position: usize,
    name: &'a str,
    is_nullable: bool,
    data_type: String,
    description: Option<&'a str>,
}

fn columns(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let rows: Vec<ColumnRow<'_>> = listed.iter().flat_map(columns_of).collect();
    TableBuilder::new(&rows)
        .text("table_catalog", |row| Some(&row.table.catalog))
        .text("table_schema", |row| Some(&row.table.schema))
        .text("table_name", |row| Some(&row.table.table))
        .text("column_name", |row| Some(row.name))
        .number("ordinal_position", |row| count(row.position))
        .text("is_nullable", |row| Some(if row.is_nullable { "YES" } else { "NO" }))
        .text("data_type", |row| Some(&row.data_type))
        .text("column_comment", |row| row.description)
        .build()
}

fn columns_of(table: &ListedTable) -> Vec<ColumnRow<'_>> {
    let promised = table.promise.iter().flat_map(|promise| &promise.columns).enumerate();
    let mut rows: Vec<ColumnRow<'_>> = promised
        .map(|(index, column)| ColumnRow {
            table,
            position: index + 1,
            name: &column.name,
            is_nullable: !column.is_required,
            data_type: promised_type(column),
            description: column.description.as_deref(),
        })
        .collect();
    let known = table.known_schema.iter().flat_map(|schema| schema.fields()).enumerate();
    rows.extend(known.map(|(index, field)| ColumnRow {
        table,
        position: index + 1,
        name: field.name(),
        is_nullable: field.is_nullable(),
        data_type: field.data_type().to_string(),
        description: None,
    }));
    rows
}

/// The type as its owner calls it, else the nearest SQL type of its meaning.
fn promised_type(column: &Column) -> String {
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
