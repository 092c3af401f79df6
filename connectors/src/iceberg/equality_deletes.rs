//! Equality deletes: files of keys whose rows count no more in older data files.
//!
//! | spec of the delete file | counts for data files that are older and |
//! | --- | --- |
//! | without partitions | any |
//! | with partitions | of the same spec and with the same values of it |
//!
//! The scan does the work, as an anti join; here is only decided which files it is about.

use std::collections::{BTreeMap, HashMap};

use iceberg::spec::{DataFile, NestedFieldRef, PrimitiveType, TableMetadata, Type};
use samite_engine::{Error, ErrorKind, Result};

use super::columns::{IcebergColumn, column};
use super::lake_files::{LakeFiles, Specs};
use super::live::Live;
use super::manifests::ManifestReader;
use super::name_mapping::MappedNames;
use super::survivors::{Part, part};
use crate::scan::{KeyDeletes, KeySet};
use crate::source_table::view_column;

/// A data file belongs to a part for which no keys are deleted.
const NO_PART: i64 = -1;

/// The equality deletes of a snapshot.
#[derive(Debug, Default)]
pub(super) struct EqualityDeletes {
    /// The columns that are in a key, as no consumer sees them.
    pub(super) columns: Vec<IcebergColumn>,
    /// The age of the youngest keys that count for all data files.
    youngest: Option<i64>,
    /// The number of a part, and the age of the youngest keys that count for it.
    parts: HashMap<Part, (i64, i64)>,
}

impl EqualityDeletes {
    /// Which columns and which data files the deletes of a snapshot are about.
    ///
    /// # Errors
    ///
    /// `Unsupported` for keys that are nested or floating-point numbers, `CorruptSource` if a file
    /// does not tell its key.
    pub(super) fn new(
        reader: &ManifestReader<'_>,
        metadata: &TableMetadata,
        live: &Live<'_>,
        specs: &Specs<'_>,
    ) -> Result<Self> {
        let mut found = Self::default();
        let names = MappedNames::new(reader.name, metadata)?;
        for file in &live.keys {
            for id in ids(reader, file.file)? {
                if found.columns.iter().all(|column| column.id != id) {
                    found.columns.push(key_column(reader, metadata, &names, id)?);
                }
            }
            if specs.is_unpartitioned(file.manifest) {
                found.youngest = found.youngest.max(Some(file.age));
            } else {
                let number = i64::try_from(found.parts.len()).unwrap_or(i64::MAX);
                let entry = found.parts.entry(part(specs, file)).or_insert((number, file.age));
                entry.1 = entry.1.max(file.age);
            }
        }
        Ok(found)
    }

    /// The number of a data file's part, and true if keys that count for it are younger.
    pub(super) fn of(&self, part: &Part, age: i64) -> (i64, bool) {
        let is_global = self.youngest.is_some_and(|youngest| youngest > age);
        match self.parts.get(part) {
            Some((number, youngest)) => (*number, is_global || *youngest > age),
            None => (NO_PART, is_global),
        }
    }

    /// The deletes as the scan knows them; `None` if there are none.
    ///
    /// # Errors
    ///
    /// If a file lies where nothing may be read.
    pub(super) fn key_deletes(
        &self,
        reader: &ManifestReader<'_>,
        live: &Live<'_>,
        specs: &Specs<'_>,
    ) -> Result<Option<KeyDeletes>> {
        if live.keys.is_empty() {
            return Ok(None);
        }
        let columns = self.columns.iter().map(|column| column.column.clone()).collect();
        let mut deletes = KeyDeletes::new(columns, Vec::new());
        let files = LakeFiles::new(reader, &self.columns, specs);
        let mut sets: BTreeMap<(Vec<i32>, bool), KeySet> = BTreeMap::new();
        for live in &live.keys {
            let mut file = files.make(live)?;
            let is_of_parts = !specs.is_unpartitioned(live.manifest);
            let number = match is_of_parts {
                true => self.parts.get(&part(specs, live)).map_or(NO_PART, |(number, _)| *number),
                false => NO_PART,
            };
            file.constants.extend(deletes.constants(0, live.age, number));
            let ids = ids(reader, live.file)?;
            let place = |id: &i32| self.columns.iter().position(|column| column.id == *id);
            let keys = ids.iter().filter_map(place).collect();
            let set = sets.entry((ids, is_of_parts));
            set.or_insert_with(|| KeySet { keys, is_of_parts, files: Vec::new() }).files.push(file);
        }
        deletes.sets = sets.into_values().collect();
        deletes.columns.iter_mut().for_each(view_column);
        Ok(Some(deletes))
    }
}

/// The columns of a delete file's key, each once.
fn ids(reader: &ManifestReader<'_>, file: &DataFile) -> Result<Vec<i32>> {
    let mut ids = file.equality_ids().unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err(untold(reader, "an equality delete does not tell its columns"));
    }
    Ok(ids)
}

fn untold(reader: &ManifestReader<'_>, detail: &str) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("the deletes of table \"{}\" cannot be read", reader.name),
    )
    .with_detail(detail)
    .with_hint("ask the owner of the product to repair the table")
}

/// The column of a key; a column that was dropped is what it was last.
fn key_column(
    reader: &ManifestReader<'_>,
    metadata: &TableMetadata,
    names: &MappedNames,
    id: i32,
) -> Result<IcebergColumn> {
    let mut older: Vec<_> = metadata.schemas_iter().collect();
    older.sort_unstable_by_key(|schema| std::cmp::Reverse(schema.schema_id()));
    let schemas = std::iter::once(metadata.current_schema()).chain(older);
    let mut is_nested = false;
    for schema in schemas {
        let fields: &[NestedFieldRef] = schema.as_struct().fields();
        let Some(field) = fields.iter().find(|field| field.id == id) else {
            is_nested |= schema.field_by_id(id).is_some();
            continue;
        };
        if !matches!(&*field.field_type, Type::Primitive(kind) if !is_floating(kind)) {
            return Err(reader.unsupported(&format!(
                "equality deletes by column \"{}\" of type {}",
                field.name, field.field_type
            )));
        }
        let mut found = column(reader.name, field, names)?;
        let hidden = found.column.field.as_ref().clone();
        found.column.field = hidden.with_name(format!("#key{id}")).with_nullable(true).into();
        return Ok(found);
    }
    match is_nested {
        true => Err(reader.unsupported("equality deletes by a nested column")),
        false => Err(untold(reader, "an equality delete is by a column that never was")),
    }
}

/// True for numbers of which equal ones may have different bits.
fn is_floating(kind: &PrimitiveType) -> bool {
    matches!(kind, PrimitiveType::Float | PrimitiveType::Double)
}
