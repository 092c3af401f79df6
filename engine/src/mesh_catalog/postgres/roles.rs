//! Roles: there is one, whoever asks.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, ROLE_OID};
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

fn config(name: &str) -> Field {
    Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true)
}

fn never(_: &String) -> Option<DateTime<Utc>> {
    None
}

fn attributes(principal: &[String]) -> TableBuilder<'_, String> {
    TableBuilder::new(principal)
        .oid("oid", |_| Some(ROLE_OID))
        .text("rolname", Some)
        .flag("rolsuper", |_| false)
        .flag("rolinherit", |_| true)
        .flag("rolcreaterole", |_| false)
        .flag("rolcreatedb", |_| false)
        .flag("rolcanlogin", |_| true)
        .flag("rolreplication", |_| false)
}

pub(super) fn roles(database: &Database) -> Result<Arc<dyn TableProvider>> {
    attributes(std::slice::from_ref(&database.principal))
        .int("rolconnlimit", |_| Some(-1))
        .text("rolpassword", |_| Some("********"))
        .time("rolvaliduntil", never)
        .flag("rolbypassrls", |_| false)
        .nothing(config("rolconfig"))
        .build()
}

pub(super) fn authorizations(database: &Database) -> Result<Arc<dyn TableProvider>> {
    attributes(std::slice::from_ref(&database.principal))
        .flag("rolbypassrls", |_| false)
        .int("rolconnlimit", |_| Some(-1))
        .text("rolpassword", |_| None::<&str>)
        .time("rolvaliduntil", never)
        .build()
}

fn users_of(principal: &[String]) -> TableBuilder<'_, String> {
    TableBuilder::new(principal)
        .text("usename", Some)
        .oid("usesysid", |_| Some(ROLE_OID))
        .flag("usecreatedb", |_| false)
        .flag("usesuper", |_| false)
        .flag("userepl", |_| false)
        .flag("usebypassrls", |_| false)
        .text("passwd", |_| Some("********"))
        .time("valuntil", never)
        .nothing(config("useconfig"))
}

pub(super) fn users(database: &Database) -> Result<Arc<dyn TableProvider>> {
    users_of(std::slice::from_ref(&database.principal)).build()
}

/// Nobody sees passwords, so that there is nothing more to see here.
pub(super) fn shadows(database: &Database) -> Result<Arc<dyn TableProvider>> {
    users_of(std::slice::from_ref(&database.principal)).build()
}
