//! `pg_catalog`: the mesh as clients of PostgreSQL read it.
//!
//! The database is a domain, its schemas are the products, its relations their tables; without a domain
//! it is `mesh`. Nothing here opens a port: columns are those that contracts promise. The numbers of
//! things are made from their names, so that they are the same in every query and after a restart.

mod attributes;
mod classes;
mod constraints;
mod database;
mod databases;
mod descriptions;
mod empty;
mod functions;
mod names;
mod namespaces;
mod oids;
mod parameters;
mod procedures;
mod roles;
mod system;
pub(crate) mod type_numbers;
mod type_of;
mod type_rows;
mod types;
mod views;

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use crate::error::Result;
use crate::resolve::not_found;

pub(crate) use database::{Database, PG_CATALOG};
pub(crate) use databases::Databases;
pub(crate) use functions::{Expanded, function, is_function, only_value};
pub(crate) use parameters::fixed as fixed_parameter;
pub use parameters::{SERVER_VERSION, SERVER_VERSION_NUMBER};
pub use type_of::{OID_MARK, PostgresType, pg_type_of};
pub(crate) use type_of::{known as known_type, promised as promised_type};

/// A table of `pg_catalog`.
///
/// # Errors
///
/// When there is no such table.
pub(crate) fn table(database: &Database, name: &str) -> Result<Arc<dyn TableProvider>> {
    system::make(database, name)?.ok_or_else(|| not_found(&format!("{PG_CATALOG}.{name}")))
}

/// The function that is a table of `pg_catalog` here.
pub(crate) const KEYWORDS: &str = system::KEYWORDS;

/// True for the name of a table of `pg_catalog`.
pub(crate) fn is_known(name: &str) -> bool {
    system::is_known(name)
}

/// True for the name of a table of `pg_catalog` that never has rows.
pub(crate) fn is_empty(name: &str) -> bool {
    empty::is_empty(name)
}
