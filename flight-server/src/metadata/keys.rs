//! Keys: the primary ones of the contracts. Contracts name no foreign keys yet.

use std::sync::Arc;

use arrow_flight::sql::CommandGetPrimaryKeys;
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use samite_engine::Result;

use super::{Asker, schemas, unbuildable};

/// The primary key of each table with this name.
pub(super) async fn primary_keys(
    command: &CommandGetPrimaryKeys,
    asker: Asker<'_>,
) -> Result<Vec<RecordBatch>> {
    let is_asked = |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|a| a == name);
    let mut rows = Vec::new();
    let tables = asker.session.tables().await?;
    for table in &tables {
        let matches = table.table == command.table
            && is_asked(&command.catalog, &table.catalog)
            && is_asked(&command.db_schema, &table.schema);
        if let Some(promise) = table.promise.as_ref().filter(|_| matches) {
            let key = promise.primary_key();
            let named = (1..).zip(key.iter().map(|column| (*column).to_owned()));
            rows.extend(named.map(|(sequence, column)| (table, column, sequence)));
        }
    }
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let columns = vec![
        text(rows.iter().map(|(table, ..)| table.catalog.as_str()).collect()),
        text(rows.iter().map(|(table, ..)| table.schema.as_str()).collect()),
        text(rows.iter().map(|(table, ..)| table.table.as_str()).collect()),
        text(rows.iter().map(|(_, column, _)| column.as_str()).collect()),
        Arc::new(StringArray::new_null(rows.len())),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|(.., sequence)| *sequence))),
    ];
    Ok(vec![RecordBatch::try_new(schemas::primary_keys(), columns).map_err(unbuildable)?])
}

/// No foreign keys.
pub(super) fn no_foreign_keys() -> Result<Vec<RecordBatch>> {
    Ok(Vec::new())
}
