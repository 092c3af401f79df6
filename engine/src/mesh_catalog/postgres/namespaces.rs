//! `pg_namespace`, `pg_database` and `pg_tablespace`: where relations are.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, ROLE_OID};
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// The number of the tablespace that everything is in.
const TABLESPACE: i32 = 1663;

/// The number of the encoding UTF8.
pub(super) const UTF8: i32 = 6;

fn list(name: &str) -> Field {
    Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true)
}

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&database.namespaces)
        .oid("oid", |schema| Some(schema.oid))
        .text("nspname", |schema| Some(&schema.name))
        .oid("nspowner", |_| Some(ROLE_OID))
        .nothing(list("nspacl"))
        .build()
}

pub(super) fn databases(database: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&database.databases)
        .oid("oid", |(_, oid)| Some(*oid))
        .text("datname", |(name, _)| Some(name))
        .oid("datdba", |_| Some(ROLE_OID))
        .int("encoding", |_| Some(UTF8))
        .text("datlocprovider", |_| Some("c"))
        .flag("datistemplate", |_| false)
        .flag("datallowconn", |_| true)
        .int("datconnlimit", |_| Some(-1))
        .number("datfrozenxid", |_| Some(0))
        .number("datminmxid", |_| Some(0))
        .oid("dattablespace", |_| Some(TABLESPACE))
        .text("datcollate", |_| Some("C"))
        .text("datctype", |_| Some("C"))
        .text("daticulocale", |_| None::<&str>)
        .text("daticurules", |_| None::<&str>)
        .text("datcollversion", |_| None::<&str>)
        .nothing(list("datacl"))
        .build()
}

pub(super) fn tablespaces(_: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&[(TABLESPACE, "pg_default")])
        .oid("oid", |(oid, _)| Some(*oid))
        .text("spcname", |(_, name)| Some(name))
        .oid("spcowner", |_| Some(ROLE_OID))
        .nothing(list("spcacl"))
        .nothing(list("spcoptions"))
        .build()
}
