//! How fields of a file are recognised as fields of a table.
//!
//! A name in a file says little: columns are renamed, and an old name may be used again for another
//! column. So a field is found by its id or by its physical name, and by nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use samite_engine::{Error, ErrorKind, Result};

use super::Identity;

/// The metadata key of a field's id, in Parquet's Arrow schemas.
pub(crate) const FIELD_ID: &str = "PARQUET:field_id";
/// The metadata key of a nested field's physical name.
pub(crate) const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";
/// The metadata key of the names, as a JSON list, by which a file without ids knows a field.
pub(crate) const MAPPED_NAMES: &str = "samite.mapped_names";

impl Identity {
    /// The identity of a nested field below a column that is recognised like `self`.
    fn of_nested(&self, field: &Field) -> Option<Self> {
        match self {
            Self::FieldId(_) => field.metadata().get(FIELD_ID)?.parse().ok().map(Self::FieldId),
            Self::Lineage(_) => None,
            Self::PhysicalName(_) => {
                let name = field.metadata().get(PHYSICAL_NAME).unwrap_or(field.name());
                Some(Self::PhysicalName(name.clone()))
            }
        }
    }

    /// True if a file's type that equals `table`, metadata aside, has the fields of `table`: none of
    /// them, at any depth, is known by anything but its own name.
    pub(crate) fn is_told_by_type(&self, table: &DataType) -> bool {
        let is_told = |field: &FieldRef| {
            let metadata = field.metadata();
            let is_named = match self {
                Self::FieldId(_) | Self::Lineage(_) => !metadata.contains_key(FIELD_ID),
                Self::PhysicalName(_) => {
                    metadata.get(PHYSICAL_NAME).is_none_or(|name| name == field.name())
                }
            };
            is_named && self.is_told_by_type(field.data_type())
        };
        match table {
            DataType::Struct(fields) => fields.iter().all(is_told),
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::Map(item, _) => is_told(item),
            _ => true,
        }
    }

    /// True if `field` of a file has this identity.
    fn names(&self, field: &Field) -> bool {
        let id = match self {
            Self::FieldId(id) => *id,
            Self::Lineage(lineage) => lineage.field_id(),
            Self::PhysicalName(name) => return field.name() == name,
        };
        field.metadata().get(FIELD_ID).is_some_and(|text| text.parse() == Ok(id))
    }

    /// The index of the one field of a file with this identity.
    ///
    /// # Errors
    ///
    /// When two fields have it.
    pub(crate) fn find(&self, fields: &Fields) -> Result<Option<usize>> {
        let mut found = fields.iter().enumerate().filter(|(_, field)| self.names(field));
        let first = found.next();
        if let Some((_, second)) = found.next() {
            return Err(Error::new(
                ErrorKind::CorruptSource,
                format!("two columns of one file are the same column, \"{}\"", second.name()),
            ));
        }
        Ok(first.map(|(index, _)| index))
    }
}

/// The children of a struct by the index that each has in a struct of a file.
///
/// # Errors
///
/// When two fields of the file have one identity.
pub(crate) fn match_children(
    parent: &Identity,
    table: &Fields,
    file: &Fields,
) -> Result<Vec<Option<usize>>> {
    let find = |field: &FieldRef| match parent.of_nested(field) {
        Some(identity) => identity.find(file),
        None => Ok(None),
    };
    table.iter().map(find).collect()
}

/// A field as a consumer sees it: without metadata, at every depth.
pub(crate) fn without_metadata(field: &Field) -> Field {
    Field::new(field.name(), plain_type(field.data_type()), field.is_nullable())
        .with_metadata(HashMap::new())
}

fn plain(field: &FieldRef) -> FieldRef {
    Arc::new(without_metadata(field))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        DataType::List(item) => DataType::List(plain(item)),
        DataType::LargeList(item) => DataType::LargeList(plain(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain(item), *size),
        DataType::ListView(item) => DataType::ListView(plain(item)),
        DataType::LargeListView(item) => DataType::LargeListView(plain(item)),
        DataType::Map(entries, is_sorted) => DataType::Map(plain(entries), *is_sorted),
        other => other.clone(),
    }
}

/// True if some field at any depth, `fields` among them, carries an id.
pub(crate) fn has_field_ids(fields: &Fields) -> bool {
    fields.iter().any(|field| field.metadata().contains_key(FIELD_ID))
}

/// The columns of a file that has no ids, each with the id of the column of `table` that goes by its
/// name, at every depth. A column that nobody maps stays without one.
pub(crate) fn with_mapped_ids<'a>(
    table: impl Iterator<Item = (i32, &'a FieldRef)> + Clone,
    file: &Fields,
) -> Fields {
    let mapped = |held: &FieldRef| match table.clone().find(|(_, field)| maps(field, held.name())) {
        Some((id, field)) => with_id(held, Some(id), field.data_type()),
        None => Arc::clone(held),
    };
    file.iter().map(mapped).collect()
}

fn maps(field: &Field, name: &str) -> bool {
    let names = field.metadata().get(MAPPED_NAMES);
    let names = names.and_then(|names| serde_json::from_str::<Vec<String>>(names).ok());
    names.is_some_and(|names| names.iter().any(|mapped| mapped == name))
}

fn with_id(held: &FieldRef, id: Option<i32>, table: &DataType) -> FieldRef {
    let data_type = mapped_type(table, held.data_type());
    let field = Field::new(held.name(), data_type, held.is_nullable());
    let metadata = id.map(|id| (FIELD_ID.to_owned(), id.to_string()));
    Arc::new(field.with_metadata(metadata.into_iter().collect()))
}

fn mapped_type(table: &DataType, file: &DataType) -> DataType {
    let id = |field: &FieldRef| field.metadata().get(FIELD_ID)?.parse::<i32>().ok();
    let item = |table: &FieldRef, file: &FieldRef| with_id(file, id(table), table.data_type());
    match (table, file) {
        (DataType::Struct(table), DataType::Struct(file)) => {
            let children = table.iter().filter_map(|field| Some((id(field)?, field)));
            DataType::Struct(with_mapped_ids(children, file))
        }
        (DataType::List(table), DataType::List(file)) => DataType::List(item(table, file)),
        (DataType::List(table), DataType::LargeList(file)) => {
            DataType::LargeList(item(table, file))
        }
        (DataType::Map(table, _), DataType::Map(file, is_sorted)) => {
            let (DataType::Struct(parts), DataType::Struct(held)) =
                (table.data_type(), file.data_type())
            else {
                return DataType::Map(Arc::clone(file), *is_sorted);
            };
            // Key and value are found by their place.
            let held = parts.iter().zip(held).map(|(table, file)| item(table, file)).collect();
            let entries = file.as_ref().clone().with_data_type(DataType::Struct(held));
            DataType::Map(Arc::new(entries), *is_sorted)
        }
        (_, file) => file.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_id(name: &str, id: &str) -> FieldRef {
        let metadata = HashMap::from([(FIELD_ID.to_owned(), id.to_owned())]);
        Arc::new(Field::new(name, DataType::Int64, true).with_metadata(metadata))
    }

    #[test]
    fn field_is_found_by_identity_and_never_by_a_name_used_again() {
        let file: Fields = vec![with_id("b", "1"), with_id("c", "2")].into();
        let cases = [
            (Identity::FieldId(1), Some(0)),
            (Identity::FieldId(2), Some(1)),
            (Identity::FieldId(3), None),
            (Identity::PhysicalName("c".to_owned()), Some(1)),
            (Identity::PhysicalName("B".to_owned()), None),
        ];
        for (identity, expected) in cases {
            assert_eq!(identity.find(&file).unwrap(), expected, "{identity:?}");
        }
        let twice: Fields = vec![with_id("b", "1"), with_id("c", "1")].into();
        assert!(Identity::FieldId(1).find(&twice).is_err());
    }

    #[test]
    fn file_without_ids_gets_those_of_the_names_that_are_mapped() {
        let named = |name: &str, data_type: DataType, id: &str, names: &str| {
            let metadata = [(FIELD_ID, id), (MAPPED_NAMES, names)];
            let metadata = metadata.map(|(key, text)| (key.to_owned(), text.to_owned()));
            Arc::new(Field::new(name, data_type, true).with_metadata(metadata.into()))
        };
        let leaf = named("x", DataType::Int64, "3", r#"["x", "old"]"#);
        let table = named("s", DataType::Struct(vec![leaf].into()), "2", r#"["t"]"#);
        let plain = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
        let held = vec![plain("old", DataType::Int32), plain("y", DataType::Int32)];
        let file: Fields =
            vec![plain("t", DataType::Struct(held.into())), plain("s", DataType::Int32)].into();
        let mapped = with_mapped_ids([(2, &table)].into_iter(), &file);
        let id = |field: &FieldRef| field.metadata().get(FIELD_ID).cloned();
        assert_eq!((id(&mapped[0]), id(&mapped[1])), (Some("2".to_owned()), None));
        let DataType::Struct(inner) = mapped[0].data_type() else { panic!("{mapped:?}") };
        assert_eq!((id(&inner[0]), id(&inner[1])), (Some("3".to_owned()), None));
    }
}
