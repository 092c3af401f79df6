//! `pg_class`: the tables, the views, and the indexes of their keys.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, ROLE_OID, Relation};
use super::procedures::{BTREE, HEAP};
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

struct Row<'a> {
    oid: i32,
    namespace: i32,
    name: &'a str,
    kind: &'static str,
    width: i16,
    has_index: bool,
    is_stored: bool,
}

impl<'a> Row<'a> {
    fn of(relation: &'a Relation) -> Self {
        Self {
            oid: relation.oid,
            namespace: relation.namespace,
            name: &relation.name,
            kind: if relation.is_view { "v" } else { "r" },
            width: relation.width(),
            has_index: relation.has_key,
            is_stored: !relation.is_view,
        }
    }
}

fn rows(database: &Database) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = database.relations.iter().map(Row::of).collect();
    for key in &database.keys {
        let Some(table) = database.table_of(key) else { continue };
        rows.push(Row {
            oid: key.index,
            namespace: table.namespace,
            name: &key.name,
            kind: "i",
            width: i16::try_from(key.columns.len()).unwrap_or(i16::MAX),
            has_index: false,
            is_stored: false,
        });
    }
    rows
}

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(database);
    let list =
        |name: &str| Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true);
    TableBuilder::new(&rows)
        .oid("oid", |row| Some(row.oid))
        .text("relname", |row| Some(row.name))
        .oid("relnamespace", |row| Some(row.namespace))
        .oid("reltype", |_| Some(0))
        .oid("reloftype", |_| Some(0))
        .oid("relowner", |_| Some(ROLE_OID))
        .oid("relam", |row| {
            Some(match row.kind {
                "r" => HEAP,
                "i" => BTREE,
                _ => 0,
            })
        })
        .oid("relfilenode", |_| Some(0))
        .oid("reltablespace", |_| Some(0))
        .int("relpages", |_| Some(0))
        // Nobody knows how many rows there are before a port is opened.
        .real("reltuples", |row| Some(if row.is_stored { -1.0 } else { 0.0 }))
        .int("relallvisible", |_| Some(0))
        .oid("reltoastrelid", |_| Some(0))
        .flag("relhasindex", |row| row.has_index)
        .flag("relisshared", |_| false)
        .text("relpersistence", |_| Some("p"))
        .text("relkind", |row| Some(row.kind))
        .small("relnatts", |row| Some(row.width))
        .small("relchecks", |_| Some(0))
        .flag("relhasrules", |_| false)
        .flag("relhastriggers", |_| false)
        .flag("relhassubclass", |_| false)
        .flag("relrowsecurity", |_| false)
        .flag("relforcerowsecurity", |_| false)
        .flag("relispopulated", |_| true)
        .text("relreplident", |_| Some("d"))
        .flag("relispartition", |_| false)
        .oid("relrewrite", |_| Some(0))
        .number("relfrozenxid", |_| Some(0))
        .number("relminmxid", |_| Some(0))
        .nothing(list("relacl"))
        .nothing(list("reloptions"))
        .nothing(Field::new("relpartbound", DataType::Utf8, true))
        .build()
}
