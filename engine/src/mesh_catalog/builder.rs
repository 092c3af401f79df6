//! Builds a table of ours, column by column.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Int16Type, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::postgres::OID_MARK;
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

    /// A column of whole numbers of four bytes.
    #[must_use]
    pub(super) fn int(self, name: &str, value: impl Fn(&'a T) -> Option<i32>) -> Self {
        let column: Int32Array = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of whole numbers of two bytes.
    #[must_use]
    pub(super) fn small(self, name: &str, value: impl Fn(&'a T) -> Option<i16>) -> Self {
        let column: Int16Array = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of numbers of four bytes that are not whole.
    #[must_use]
    pub(super) fn real(self, name: &str, value: impl Fn(&'a T) -> Option<f32>) -> Self {
        let column: Float32Array = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of numbers of eight bytes that are not whole.
    #[must_use]
    pub(super) fn double(self, name: &str, value: impl Fn(&'a T) -> Option<f64>) -> Self {
        let column: Float64Array = self.items.iter().map(value).collect();
        self.column(name, Arc::new(column))
    }

    /// A column of object identifiers.
    #[must_use]
    pub(super) fn oid(mut self, name: &str, value: impl Fn(&'a T) -> Option<i32>) -> Self {
        let column: Int32Array = self.items.iter().map(value).collect();
        let field = oid_field(name, "oid");
        self.fields.push(field);
        self.columns.push(Arc::new(column));
        self
    }

    /// A column of lists of the numbers of columns.
    #[must_use]
    pub(super) fn smalls(self, name: &str, value: impl Fn(&'a T) -> Option<Vec<i16>>) -> Self {
        let lists = self.items.iter().map(|item| Some(value(item)?.into_iter().map(Some)));
        let column = ListArray::from_iter_primitive::<Int16Type, _, _>(lists);
        self.column(name, Arc::new(column))
    }

    /// The same, as a vector of the catalog: `int2vector` or `oidvector`.
    #[must_use]
    pub(super) fn vector(
        self,
        name: &str,
        kind: &str,
        value: impl Fn(&'a T) -> Option<Vec<i16>>,
    ) -> Self {
        let mut next = self.smalls(name, value);
        if let Some(field) = next.fields.pop() {
            next.fields.push(field.with_metadata(mark(kind)));
        }
        next
    }

    /// A column of a type that holds nothing but NULL.
    #[must_use]
    pub(super) fn nothing(self, field: Field) -> Self {
        let column = new_null_array(field.data_type(), self.items.len());
        let mut next = self;
        next.fields.push(field);
        next.columns.push(column);
        next
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

/// The field of a column of object identifiers of one kind.
pub(super) fn oid_field(name: &str, kind: &str) -> Field {
    Field::new(name, DataType::Int32, true).with_metadata(mark(kind))
}

fn mark(kind: &str) -> HashMap<String, String> {
    HashMap::from([(OID_MARK.to_owned(), kind.to_owned())])
}

/// A count as a number of SQL.
pub(super) fn count(count: usize) -> Option<i64> {
    i64::try_from(count).ok()
}
