//! Builds a table of ours, column by column.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::unmade;
use crate::error::Result;

/// A table of ours, column by column over the same items.
#[derive(Debug)]
pub(super) struct TableBuilder<'a, T> {
    items: &'a [T],
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl<'a, T> TableBuilder<'a, T> {
    /// One row for each item.
    pub(super) fn new(items: &'a [T]) -> Self {
        Self { items, fields: Vec::new(), columns: Vec::new() }
    }

    /// A column of text.
    #[must_use]
    pub(super) fn text<S: AsRef<str>>(
        self,
        name: &str,
        value: impl Fn(&'a T) -> Option<S>,
    ) -> Self {
        let column: StringArray = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of whole numbers.
    #[must_use]
    pub(super) fn number(self, name: &str, value: impl Fn(&'a T) -> Option<i64>) -> Self {
        let column: Int64Array = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of truth values.
    #[must_use]
    pub(super) fn flag(self, name: &str, value: impl Fn(&'a T) -> bool) -> Self {
        let column: BooleanArray = self.items.iter().map(|item| Some(value(item))).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of instants.
    #[must_use]
    pub(super) fn time(self, name: &str, value: impl Fn(&'a T) -> Option<DateTime<Utc>>) -> Self {
        let micros = self.items.iter().map(|item| value(item).map(|time| time.timestamp_micros()));
        let column = TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC");
        self.column(name, Arc::new(column))
    }

    fn column(mut self, name: &str, column: ArrayRef) -> Self {
        self.fields.push(Field::new(name, column.data_type().clone(), true));
        self.columns.push(column);
        self
    }

    /// The table.
    pub(super) fn build(self) -> Result<Arc<dyn TableProvider>> {
        let schema = Arc::new(Schema::new(self.fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), self.columns).map_err(unmade)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

/// A count as a number of SQL.
pub(super) fn count(count: usize) -> Option<i64> {
    i64::try_from(count).ok()
}
