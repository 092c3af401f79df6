//! The reserved catalog `mesh`, `information_schema`, and the listings behind them.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use crate::error::{Error, ErrorKind, Result};
use crate::product::{Table, TableName};
use crate::session::Session;

/// What a listed table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableKind {
    /// A table of a product.
    Table,
    /// A virtual product.
    View,
    /// A table of Samite's own: `mesh` or `information_schema`.
    SystemTable,
}

/// One table of a listing.
#[derive(Debug, Clone)]
pub struct ListedTable {
    /// The catalog: the domain.
    pub catalog: String,
    /// The schema: the product, with port and version where the name needs them.
    pub schema: String,
    /// The table.
    pub table: String,
    /// What it is.
    pub kind: TableKind,
    /// What the contract promises; `None` for a system table.
    pub promise: Option<Arc<Table>>,
    /// The schema, where it is known without opening a port: that of a system table.
    pub known_schema: Option<SchemaRef>,
}

pub(crate) async fn list(_session: &Session) -> Result<Vec<ListedTable>> {
    Err(Error::new(ErrorKind::Internal, "not built"))
}

pub(crate) async fn table_schema(_session: &Session, _name: &TableName) -> Result<SchemaRef> {
    Err(Error::new(ErrorKind::Internal, "not built"))
}
