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

    /// The schema of a table, as `SELECT *` of it has it but for one thing: a column that its contract
    /// requires is one without NULL. In rows every column may be null, since nobody looks whether the
    /// owner kept the promise.
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
            let is_nullable = origin.is_none_or(|origin| !origin.requires(field.name()));
            Field::new(field.name(), data_type, is_nullable).with_metadata(metadata)
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
    use samite_engine::product::{Column, Table};

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

    #[test]
    fn table_columns_that_the_contract_requires_hold_no_null() {
        let column = |name: &str, is_required, primary_key_position| Column {
            name: name.to_owned(),
            is_required,
            primary_key_position,
            ..Column::default()
        };
        let columns =
            vec![column("a", true, None), column("b", false, Some(1)), column("c", false, None)];
        let promise = Table { columns, ..Table::default() };
        let fields: Vec<Field> =
            ["a", "b", "c", "d"].map(|name| Field::new(name, DataType::Int64, false)).into();
        let table = Schema::new(fields);
        for (promise, nullable) in
            [(Some(&promise), [false, false, true, true]), (None, [true, true, true, true])]
        {
            let origin = TableOrigin { catalog: "c", schema: "s", table: "t", promise };
            let wire = WireSchema::of_table(&table, Profile::Arrow, origin).unwrap();
            let found: Vec<bool> = wire.schema().fields().iter().map(|f| f.is_nullable()).collect();
            assert_eq!(found, nullable, "{promise:?}");
        }
    }
}
