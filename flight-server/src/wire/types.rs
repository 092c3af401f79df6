//! The type that travels for each type of the engine, at every depth.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, TimeUnit,
};

use super::profile::Profile;

/// The type that travels in place of `data_type`.
pub(super) fn wire_type(data_type: &DataType, profile: Profile) -> DataType {
    use DataType as T;
    let inner = |field: &FieldRef| wire_child(field, profile);
    match data_type {
        T::Utf8View | T::LargeUtf8 | T::Union(..) => T::Utf8,
        T::BinaryView | T::LargeBinary => T::Binary,
        T::Float16 => T::Float32,
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) => {
            T::Decimal128(*precision, *scale)
        }
        T::Decimal256(precision, scale) if *precision <= DECIMAL128_MAX_PRECISION => {
            T::Decimal128(*precision, *scale)
        }
        T::Decimal256(..) => T::Utf8,
        T::Date64 => T::Date32,
        T::Time32(_) | T::Time64(_) => T::Time64(TimeUnit::Microsecond),
        T::Timestamp(unit, Some(_)) => T::Timestamp(*unit, Some(Arc::from("UTC"))),
        T::List(child) | T::LargeList(child) | T::ListView(child) | T::LargeListView(child) => {
            T::List(inner(child))
        }
        T::FixedSizeList(child, length) => T::FixedSizeList(inner(child), *length),
        T::Struct(fields) => T::Struct(fields.iter().map(inner).collect()),
        T::Map(entries, sorted) => T::Map(wire_entries(entries, profile), *sorted),
        T::Dictionary(_, value) => wire_type(value, profile),
        T::RunEndEncoded(_, values) => wire_type(values.data_type(), profile),
        other => match profile {
            Profile::Arrow => other.clone(),
            Profile::Jdbc => jdbc_type(other),
            Profile::Odbc => odbc_type(other),
        },
    }
}

fn jdbc_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Duration(_) | DataType::Interval(_) => DataType::Utf8,
        other => other.clone(),
    }
}

fn odbc_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Null => DataType::Utf8,
        other => jdbc_type(other),
    }
}

/// A field inside another. It may be null whatever the plan believes, since the plan errs at times.
fn wire_child(field: &FieldRef, profile: Profile) -> FieldRef {
    let data_type = wire_type(field.data_type(), profile);
    Arc::new(Field::new(field.name(), data_type, true).with_metadata(kept_metadata(field, profile)))
}

/// The entries of a map and their keys are never null.
fn wire_entries(entries: &FieldRef, profile: Profile) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let fields: Fields = fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let field = wire_child(field, profile);
            Arc::new(field.as_ref().clone().with_nullable(index > 0))
        })
        .collect();
    Arc::new(Field::new(entries.name(), DataType::Struct(fields), false))
}

/// Only what says how to read the values travels: names of sources and the like stay here.
pub(super) fn kept_metadata(
    field: &Field,
    profile: Profile,
) -> std::collections::HashMap<String, String> {
    if wire_type(field.data_type(), profile) != *field.data_type() {
        return std::collections::HashMap::new();
    }
    field
        .metadata()
        .iter()
        .filter(|(key, _)| key.starts_with("ARROW:extension:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(child: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", child, true)))
    }

    #[test]
    fn views_and_encodings_travel_as_plain_types_at_every_depth() {
        let dictionary =
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        let large = DataType::LargeList(Arc::new(Field::new("item", dictionary.clone(), false)));
        let nested = DataType::Struct(vec![Field::new("a", large, false)].into());
        let expected = DataType::Struct(vec![Field::new("a", list(DataType::Utf8), true)].into());
        for (from, to) in [
            (dictionary, DataType::Utf8),
            (nested, expected),
            (DataType::BinaryView, DataType::Binary),
            (DataType::Decimal256(38, 2), DataType::Decimal128(38, 2)),
            (DataType::Decimal256(39, 2), DataType::Utf8),
            (DataType::UInt64, DataType::UInt64),
            (
                DataType::Timestamp(TimeUnit::Nanosecond, Some("+01:00".into())),
                DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            ),
        ] {
            assert_eq!(wire_type(&from, Profile::Arrow), to, "{from}");
        }
    }

    #[test]
    fn java_and_odbc_get_signed_numbers() {
        for (from, to) in [
            (DataType::UInt8, DataType::Int16),
            (DataType::UInt64, DataType::Decimal128(20, 0)),
            (list(DataType::UInt32), list(DataType::Int64)),
        ] {
            assert_eq!(wire_type(&from, Profile::Jdbc), to, "{from}");
            assert_eq!(wire_type(&from, Profile::Odbc), to, "{from}");
        }
    }
}
