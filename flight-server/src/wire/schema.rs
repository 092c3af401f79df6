//! The one schema of a query on the wire.

use std::sync::Arc;

use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use samite_engine::{Error, ErrorKind, Result};

use super::column_metadata::{TableOrigin, describe};
use super::profile::Profile;
use super::types::{kept_metadata, wire_type};

/// The one schema of a query on the wire: every answer about the query shows this one.
#[derive(Debug, Clone)]
pub(crate) struct WireSchema {
    schema: SchemaRef,
    /// The schema as an encapsulated IPC message, as `FlightInfo` and the like carry it.
    message: Bytes,
}

impl WireSchema {
    /// The schema of a result: types that the client reads, and every column may be null.
    pub(crate) fn of_result(plan: &Schema, profile: Profile) -> Result<Self> {
        Self::normalised(plan, profile, None)
    }

    /// The schema of a table, as `SELECT *` of it has it.
    pub(crate) fn of_table(
        table: &Schema,
        profile: Profile,
        origin: TableOrigin<'_>,
    ) -> Result<Self> {
        Self::normalised(table, profile, Some(origin))
    }

    /// A schema that the specification fixes.
    pub(crate) fn fixed(schema: SchemaRef) -> Result<Self> {
        let message = encapsulated(&schema)?;
        Ok(Self { schema, message })
    }

    /// The schema of a statement that gives no rows.
    pub(crate) fn empty() -> Result<Self> {
        Self::fixed(Arc::new(Schema::empty()))
    }

    /// The schema.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The schema as an encapsulated IPC message.
    pub(crate) fn message(&self) -> Bytes {
        self.message.clone()
    }

    fn normalised(
        schema: &Schema,
        profile: Profile,
        origin: Option<TableOrigin<'_>>,
    ) -> Result<Self> {
        let field = |field: &Arc<Field>| {
            let data_type = wire_type(field.data_type(), profile);
            let mut metadata = kept_metadata(field, profile);
            describe(
                &mut metadata,
                &data_type,
                origin.map(|origin| (origin, field.name().as_str())),
            );
            Field::new(field.name(), data_type, true).with_metadata(metadata)
        };
        Self::fixed(Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())))
    }
}

/// A schema as an encapsulated IPC message.
fn encapsulated(schema: &Schema) -> Result<Bytes> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, ArrowError> = SchemaAsIpc::new(schema, &options).try_into();
    let IpcMessage(bytes) = message.map_err(|error| {
        Error::new(ErrorKind::Internal, "the schema cannot be encoded").with_source(error)
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use datafusion::arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn result_columns_may_be_null_and_carry_no_metadata_of_sources() {
        let metadata = HashMap::from([("PARQUET:field_id".to_owned(), "7".to_owned())]);
        let plan = Schema::new(vec![
            Field::new("n", DataType::Int64, false).with_metadata(metadata.clone()),
            Field::new("n", DataType::Utf8View, false),
        ])
        .with_metadata(HashMap::from([("pandas".to_owned(), "{}".to_owned())]));
        let wire = WireSchema::of_result(&plan, Profile::Arrow).unwrap();
        assert!(wire.schema().metadata().is_empty());
        for field in wire.schema().fields() {
            assert!(field.is_nullable());
            assert!(!field.metadata().contains_key("PARQUET:field_id"));
        }
        assert_eq!(wire.schema().field(1).data_type(), &DataType::Utf8);
    }
}
