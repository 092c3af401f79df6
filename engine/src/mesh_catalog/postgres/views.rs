//! The views of `pg_catalog` that people read: tables, views, indexes, and what runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;

use super::database::{Database, Key, ROLE_OID, Relation};
use super::names::quoted;
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

pub(super) fn tables(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows: Vec<&Relation> =
        database.relations.iter().filter(|relation| !relation.is_view).collect();
    TableBuilder::new(&rows)
        .text("schemaname", |table| Some(&table.schema))
        .text("tablename", |table| Some(&table.name))
        .text("tableowner", |_| Some(&database.principal))
        .text("tablespace", |_| None::<&str>)
        .flag("hasindexes", |table| table.has_key)
        .flag("hasrules", |_| false)
        .flag("hastriggers", |_| false)
        .flag("rowsecurity", |_| false)
        .build()
}

pub(super) fn views(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows: Vec<&Relation> =
        database.relations.iter().filter(|relation| relation.is_view).collect();
    TableBuilder::new(&rows)
        .text("schemaname", |view| Some(&view.schema))
        .text("viewname", |view| Some(&view.name))
        .text("viewowner", |_| Some(&database.principal))
        .text("definition", |_| None::<&str>)
        .build()
}

pub(super) fn indexes(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let row = |key| Some((key, database.table_of(key)?));
    let rows: Vec<(&Key, &Relation)> = database.keys.iter().filter_map(row).collect();
    TableBuilder::new(&rows)
        .text("schemaname", |(_, table)| Some(&table.schema))
        .text("tablename", |(_, table)| Some(&table.name))
        .text("indexname", |(key, _)| Some(&key.name))
        .text("tablespace", |_| None::<&str>)
        .text("indexdef", |(key, table)| Some(index_definition(key, table)))
        .build()
}

/// The statement that would make the index of a key.
pub(super) fn index_definition(key: &Key, table: &Relation) -> String {
    format!(
        "CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})",
        quoted(&key.name),
        quoted(&table.schema),
        quoted(&table.name),
        key_columns(key, table).join(", ")
    )
}

/// The names of the columns of a key, quoted where they must be.
pub(super) fn key_columns(key: &Key, table: &Relation) -> Vec<String> {
    let columns = table.columns();
    let name = |number: &i16| {
        columns.iter().find(|column| column.number == *number).map(|column| quoted(column.name))
    };
    key.columns.iter().filter_map(name).collect()
}

/// How often tables were read is not counted.
pub(super) fn statistics(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows: Vec<&Relation> =
        database.relations.iter().filter(|relation| !relation.is_view).collect();
    let never = |_: &&Relation| -> Option<DateTime<Utc>> { None };
    let unknown = |_: &&Relation| -> Option<i64> { None };
    TableBuilder::new(&rows)
        .oid("relid", |table| Some(table.oid))
        .text("schemaname", |table| Some(&table.schema))
        .text("relname", |table| Some(&table.name))
        .number("seq_scan", unknown)
        .number("seq_tup_read", unknown)
        .number("idx_scan", unknown)
        .number("idx_tup_fetch", unknown)
        .number("n_tup_ins", unknown)
        .number("n_tup_upd", unknown)
        .number("n_tup_del", unknown)
        .number("n_live_tup", unknown)
        .number("n_dead_tup", unknown)
        .time("last_vacuum", never)
        .time("last_autovacuum", never)
        .time("last_analyze", never)
        .time("last_autoanalyze", never)
        .build()
}

/// The session that asks: others are nobody's business, `mesh.runtime.queries` has its own queries.
pub(super) fn activity(database: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(std::slice::from_ref(database))
        .oid("datid", |own| Some(own.oid))
        .text("datname", |own| Some(&own.name))
        .int("pid", |_| Some(0))
        .int("leader_pid", |_| None)
        .oid("usesysid", |_| Some(ROLE_OID))
        .text("usename", |own| Some(&own.principal))
        .text("application_name", |_| Some(""))
        .text("client_addr", |_| None::<&str>)
        .text("client_hostname", |_| None::<&str>)
        .int("client_port", |_| None)
        .time("backend_start", |_| None)
        .time("xact_start", |own| Some(own.now))
        .time("query_start", |own| Some(own.now))
        .time("state_change", |own| Some(own.now))
        .text("wait_event_type", |_| None::<&str>)
        .text("wait_event", |_| None::<&str>)
        .text("state", |_| Some("active"))
        .number("backend_xid", |_| None)
        .number("backend_xmin", |_| None)
        .number("query_id", |_| None)
        .text("query", |_| None::<&str>)
        .text("backend_type", |_| Some("client backend"))
        .build()
}
