//! `pg_attribute`: the columns, as contracts promise them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{ColumnFacts, Database, Relation};
use super::types::FoundType;
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

struct Row<'a> {
    relation: i32,
    column: ColumnFacts<'a>,
    length: i16,
}

impl<'a> Row<'a> {
    fn new(relation: i32, column: ColumnFacts<'a>) -> Self {
        let length = FoundType::by_oid(column.kind.oid).map_or(-1, FoundType::length);
        Self { relation, column, length }
    }
}

fn rows(database: &Database) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for relation in &database.relations {
        rows.extend(relation.columns().into_iter().map(|column| Row::new(relation.oid, column)));
    }
    for key in &database.keys {
        let columns = database.table_of(key).map(Relation::columns).unwrap_or_default();
        for (number, wanted) in (1..).zip(&key.columns) {
            if let Some(column) = columns.iter().find(|column| column.number == *wanted) {
                rows.push(Row::new(key.index, ColumnFacts { number, ..*column }));
            }
        }
    }
    rows
}

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(database);
    let list =
        |name: &str| Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true);
    TableBuilder::new(&rows)
        .oid("attrelid", |row| Some(row.relation))
        .text("attname", |row| Some(row.column.name))
        .oid("atttypid", |row| Some(row.column.kind.oid))
        .int("attstattarget", |_| Some(-1))
        .small("attlen", |row| Some(row.length))
        .small("attnum", |row| Some(row.column.number))
        .int("attndims", |row| Some(i32::from(is_array(row.column.kind.oid))))
        .int("attcacheoff", |_| Some(-1))
        .int("atttypmod", |row| Some(row.column.kind.modifier))
        .flag("attbyval", |row| matches!(row.length, 1 | 2 | 4 | 8))
        .text("attalign", |row| Some(if row.length == 8 { "d" } else { "i" }))
        .text("attstorage", |row| Some(if row.length < 0 { "x" } else { "p" }))
        .text("attcompression", |_| Some(""))
        .flag("attnotnull", |row| row.column.is_required)
        .flag("atthasdef", |_| false)
        .flag("atthasmissing", |_| false)
        .text("attidentity", |_| Some(""))
        .text("attgenerated", |_| Some(""))
        .flag("attisdropped", |_| false)
        .flag("attislocal", |_| true)
        .small("attinhcount", |_| Some(0))
        .oid("attcollation", |_| Some(0))
        .nothing(list("attacl"))
        .nothing(list("attoptions"))
        .nothing(list("attfdwoptions"))
        .nothing(list("attmissingval"))
        .build()
}

fn is_array(oid: i32) -> bool {
    matches!(FoundType::by_oid(oid), Some(FoundType::Array(_)))
}
