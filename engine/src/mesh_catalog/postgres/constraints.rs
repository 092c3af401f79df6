//! `pg_constraint` and `pg_index`: the primary keys of the contracts. Contracts name no foreign keys yet.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, Key};
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// The number of `pg_constraint` itself.
const CONSTRAINTS: i32 = 2606;

/// A key with the numbers of its table and that table's schema.
struct Row<'a> {
    key: &'a Key,
    table: i32,
    namespace: i32,
}

fn rows(database: &Database) -> Vec<Row<'_>> {
    let row = |key| {
        let table = database.table_of(key)?;
        Some(Row { key, table: table.oid, namespace: table.namespace })
    };
    database.keys.iter().filter_map(row).collect()
}

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(database);
    let list = |name: &str, item| Field::new_list(name, Field::new_list_field(item, true), true);
    TableBuilder::new(&rows)
        .oid("oid", |row| Some(row.key.constraint))
        .text("conname", |row| Some(&row.key.name))
        .oid("connamespace", |row| Some(row.namespace))
        .text("contype", |_| Some("p"))
        .flag("condeferrable", |_| false)
        .flag("condeferred", |_| false)
        .flag("convalidated", |_| true)
        .oid("conrelid", |row| Some(row.table))
        .oid("contypid", |_| Some(0))
        .oid("conindid", |row| Some(row.key.index))
        .oid("conparentid", |_| Some(0))
        .oid("confrelid", |_| Some(0))
        .text("confupdtype", |_| Some(" "))
        .text("confdeltype", |_| Some(" "))
        .text("confmatchtype", |_| Some(" "))
        .flag("conislocal", |_| true)
        .small("coninhcount", |_| Some(0))
        .flag("connoinherit", |_| true)
        .smalls("conkey", |row| Some(row.key.columns.clone()))
        .nothing(list("confkey", DataType::Int16))
        .nothing(list("conpfeqop", DataType::Int32))
        .nothing(list("conppeqop", DataType::Int32))
        .nothing(list("conffeqop", DataType::Int32))
        .nothing(list("confdelsetcols", DataType::Int16))
        .nothing(list("conexclop", DataType::Int32))
        .text("conbin", |_| None::<&str>)
        .oid("tableoid", |_| Some(CONSTRAINTS))
        .build()
}

pub(super) fn indexes(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = rows(database);
    let width = |row: &Row<'_>| i16::try_from(row.key.columns.len()).ok();
    let zeros = |row: &Row<'_>| Some(vec![0; row.key.columns.len()]);
    TableBuilder::new(&rows)
        .oid("indexrelid", |row| Some(row.key.index))
        .oid("indrelid", |row| Some(row.table))
        .small("indnatts", width)
        .small("indnkeyatts", width)
        .flag("indisunique", |_| true)
        .flag("indnullsnotdistinct", |_| false)
        .flag("indisprimary", |_| true)
        .flag("indisexclusion", |_| false)
        .flag("indimmediate", |_| true)
        .flag("indisclustered", |_| false)
        .flag("indisvalid", |_| true)
        .flag("indcheckxmin", |_| false)
        .flag("indisready", |_| true)
        .flag("indislive", |_| true)
        .flag("indisreplident", |_| false)
        .vector("indkey", "int2vector", |row| Some(row.key.columns.clone()))
        .vector("indcollation", "oidvector", zeros)
        .vector("indclass", "oidvector", zeros)
        .vector("indoption", "int2vector", zeros)
        .text("indexprs", |_| None::<&str>)
        .text("indpred", |_| None::<&str>)
        .build()
}
