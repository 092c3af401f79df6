//! `information_schema`: tables, columns, schemata and keys, in each domain and over the whole mesh.
//!
//! Names and meanings are those of ISO/IEC 9075-11, in the columns that tools read; `udt_name` and its
//! like are those of PostgreSQL.

mod columns;
mod keys;

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;

use super::builder::TableBuilder;
use super::{ListedTable, Picture, TableKind, listing};
use crate::error::Result;
use crate::resolve::{INFORMATION_SCHEMA, not_found};

type MakeTable = fn(&[ListedTable]) -> Result<Arc<dyn TableProvider>>;

/// The tables of `information_schema`, by name.
const TABLES: [(&str, MakeTable); 8] = [
    ("columns", columns::table),
    ("key_column_usage", keys::columns),
    ("referential_constraints", keys::references),
    ("routines", routines),
    ("schemata", schemata),
    ("table_constraints", keys::constraints),
    ("tables", tables),
    ("views", views),
];

pub(super) fn table(
    picture: Picture<'_>,
    domain: Option<&str>,
    table: &str,
) -> Result<Arc<dyn TableProvider>> {
    let Some((_, make)) = TABLES.iter().find(|(name, _)| *name == table) else {
        let place = domain.map(|domain| format!("{domain}.")).unwrap_or_default();
        let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        return Err(not_found(&format!("{place}{INFORMATION_SCHEMA}.{table}"))
            .with_hint(format!("the tables of information_schema are {}", names.join(", "))));
    };
    let listed = match domain {
        Some(domain) => listing::list_catalog(picture, domain)?,
        None => listing::list(picture)?,
    };
    make(&listed)
}

/// The tables of `information_schema` with their schemas.
pub(super) fn schemas() -> Result<Vec<(&'static str, SchemaRef)>> {
    TABLES.iter().map(|(name, make)| Ok((*name, make(&[])?.schema()))).collect()
}

fn tables(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(listed)
        .text("table_catalog", |table| Some(&table.catalog))
        .text("table_schema", |table| Some(&table.schema))
        .text("table_name", |table| Some(&table.table))
        .text("table_type", |table| {
            Some(match table.kind {
                TableKind::Table => "BASE TABLE",
                TableKind::View => "VIEW",
                TableKind::SystemTable => "SYSTEM TABLE",
            })
        })
        .text("table_comment", |table| table.promise.as_ref()?.description.as_ref())
        .text("is_insertable_into", |_| Some("NO"))
        .text("is_typed", |_| Some("NO"))
        .build()
}

fn schemata(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let mut schemas: Vec<&ListedTable> = listed.iter().collect();
    schemas.dedup_by(|next, kept| (&next.catalog, &next.schema) == (&kept.catalog, &kept.schema));
    TableBuilder::new(&schemas)
        .text("catalog_name", |table| Some(&table.catalog))
        .text("schema_name", |table| Some(&table.schema))
        .text("schema_owner", |_| None::<&str>)
        .text("default_character_set_name", |_| Some("UTF8"))
        .build()
}

/// Virtual products; how they are made is nobody's business but their owner's.
fn views(listed: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let views: Vec<&ListedTable> =
        listed.iter().filter(|table| table.kind == TableKind::View).collect();
    TableBuilder::new(&views)
        .text("table_catalog", |table| Some(&table.catalog))
        .text("table_schema", |table| Some(&table.schema))
        .text("table_name", |table| Some(&table.table))
        .text("view_definition", |_| None::<&str>)
        .text("check_option", |_| Some("NONE"))
        .text("is_updatable", |_| Some("NO"))
        .text("is_insertable_into", |_| Some("NO"))
        .build()
}

/// Products have no routines.
fn routines(_: &[ListedTable]) -> Result<Arc<dyn TableProvider>> {
    let none: [(); 0] = [];
    let text = |_: &()| None::<&str>;
    TableBuilder::new(&none)
        .text("specific_catalog", text)
        .text("specific_schema", text)
        .text("specific_name", text)
        .text("routine_catalog", text)
        .text("routine_schema", text)
        .text("routine_name", text)
        .text("routine_type", text)
        .text("data_type", text)
        .text("routine_definition", text)
        .build()
}
