//! The name mapping of a table: by which names a file without field ids knows the fields.

use std::collections::HashMap;

use iceberg::spec::{DEFAULT_SCHEMA_NAME_MAPPING, MappedField, NameMapping, TableMetadata};
use samite_engine::{Error, ErrorKind, Result};

use crate::scan::MAPPED_NAMES;

/// The names of each field, by its id.
#[derive(Debug, Default)]
pub(super) struct MappedNames(HashMap<i32, Vec<String>>);

impl MappedNames {
    /// The mapping of a table; empty if it has none.
    ///
    /// # Errors
    ///
    /// If the mapping cannot be understood.
    pub(super) fn new(table: &str, metadata: &TableMetadata) -> Result<Self> {
        let Some(text) = metadata.properties().get(DEFAULT_SCHEMA_NAME_MAPPING) else {
            return Ok(Self::default());
        };
        let mapping: NameMapping = serde_json::from_str(text).map_err(|error| {
            Error::new(
                ErrorKind::CorruptSource,
                format!("the name mapping of table \"{table}\" cannot be read"),
            )
            .with_detail(format!("the property {DEFAULT_SCHEMA_NAME_MAPPING} is no mapping"))
            .with_source(error)
        })?;
        let mut names = Self::default();
        let mut fields: Vec<&MappedField> = mapping.fields().iter().collect();
        while let Some(field) = fields.pop() {
            fields.extend(field.fields().iter().map(AsRef::as_ref));
            if let Some(id) = field.field_id() {
                names.0.entry(id).or_default().extend_from_slice(field.names());
            }
        }
        Ok(names)
    }

    /// What the scan is told of a field's names, as metadata of the field.
    pub(super) fn of(&self, id: i32) -> Option<(String, String)> {
        let names = serde_json::to_string(self.0.get(&id)?).ok()?;
        Some((MAPPED_NAMES.to_owned(), names))
    }
}
