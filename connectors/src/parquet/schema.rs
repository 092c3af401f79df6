//! The schema of a folder of Parquet files: the union of their footers, by name.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema,
};
use datafusion::datasource::physical_plan::parquet::Int96Coercer;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::file::metadata::ParquetMetaData;
use samite_engine::{Error, ErrorKind, Result};

/// The schema that `footer` gives a reader of file `name`.
///
/// # Errors
///
/// When the schema cannot be read, or two columns have one name.
pub(crate) fn file_schema(name: &str, footer: &ParquetMetaData) -> Result<Schema> {
    let file = footer.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).map_err(
        |error| {
            Error::new(
                ErrorKind::CorruptSource,
                format!("the schema of data file \"{name}\" cannot be read"),
            )
            .with_detail(error.to_string())
            .with_source(error)
        },
    )?;
    let unit = datafusion::arrow::datatypes::TimeUnit::Microsecond;
    let schema = Int96Coercer::new(file.schema_descr(), &schema, &unit)
        .with_timezone(Some("UTC".into()))
        .coerce()
        .unwrap_or(schema);
    let mut names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    }) {
        return Err(Error::new(
            ErrorKind::CorruptSource,
            format!("data file \"{name}\" has two columns \"{twice}\""),
        ));
    }
    Ok(schema)
}

/// A column of the union, with the file that it was first seen in.
#[derive(Debug, Clone)]
struct Seen {
    field: Field,
    file: String,
    files: usize,
}

/// Collects the columns of many files.
#[derive(Debug, Default)]
pub(crate) struct Union {
    seen: Vec<Seen>,
    files: usize,
}

impl Union {
    /// Adds the columns of file `name` that are `wanted`.
    ///
    /// # Errors
    ///
    /// When a column has a type here that cannot be widened to its type elsewhere, or the reverse.
    pub(crate) fn add(
        &mut self,
        name: &str,
        schema: &Schema,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        self.files += 1;
        for field in schema.fields().iter().filter(|field| wanted(field.name())) {
            let field = Field::new(field.name(), exposed(field.data_type()), field.is_nullable());
            let Some(seen) = self.seen.iter_mut().find(|seen| seen.field.name() == field.name())
            else {
                self.seen.push(Seen { field, file: name.to_owned(), files: 1 });
                continue;
            };
            let Some(common) = widened(seen.field.data_type(), field.data_type()) else {
                return Err(Error::new(
                    ErrorKind::CorruptSource,
                    format!("column \"{}\" has another type in data file \"{name}\"", field.name()),
                )
                .with_detail(format!(
                    "it is {} there, and {} in \"{}\"",
                    field.data_type(),
                    seen.field.data_type(),
                    seen.file
                ))
                .with_hint("ask the owner of the product to write all files with one type"));
            };
            let is_nullable = seen.field.is_nullable() || field.is_nullable();
            seen.field = Field::new(field.name(), common, is_nullable);
            seen.files += 1;
        }
        Ok(())
    }

    /// The columns, in the order in which they were seen; what some file lacks may be NULL.
    pub(crate) fn fields(&self) -> Vec<FieldRef> {
        let field = |seen: &Seen| {
            let is_nullable = seen.field.is_nullable() || seen.files < self.files;
            Arc::new(seen.field.clone().with_nullable(is_nullable))
        };
        self.seen.iter().map(field).collect()
    }

    /// The file that a column was first seen in.
    pub(crate) fn file_of(&self, column: &str) -> Option<&str> {
        let seen = self.seen.iter().find(|seen| seen.field.name() == column)?;
        Some(&seen.file)
    }
}

/// The type that a column of type `held` is shown as: text and bytes as views, no dictionaries.
fn exposed(held: &DataType) -> DataType {
    match held {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => exposed(values),
        other => other.clone(),
    }
}

/// The type that holds the values of both, where a reader gets there without loss.
fn widened(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType as T;
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (T::Null, wide) | (wide, T::Null) => Some(wide.clone()),
        (T::Struct(one), T::Struct(other)) => widened_struct(one, other).map(T::Struct),
        (T::LargeList(one), T::LargeList(other)) => widened_field(one, other).map(T::LargeList),
        (T::List(one) | T::LargeList(one), T::List(other) | T::LargeList(other)) => {
            widened_field(one, other).map(T::List)
        }
        (T::FixedSizeList(one, size), T::FixedSizeList(other, other_size))
            if size == other_size =>
        {
            Some(T::FixedSizeList(widened_field(one, other)?, *size))
        }
        (T::Map(one, is_sorted), T::Map(other, other_is_sorted)) => {
            Some(T::Map(widened_entries(one, other)?, *is_sorted && *other_is_sorted))
        }
        (T::Utf8 | T::LargeUtf8, T::Utf8 | T::LargeUtf8) => Some(T::LargeUtf8),
        (T::Binary | T::LargeBinary, T::Binary | T::LargeBinary) => Some(T::LargeBinary),
        (T::Timestamp(one, zone), T::Timestamp(other, other_zone)) if zone == other_zone => {
            Some(T::Timestamp((*one).max(*other), zone.clone()))
        }
        (T::Decimal128(..), T::Decimal128(..)) => widened_decimal(one, other),
        (one, other) => {
            let ((one_kind, one_rank), (other_kind, other_rank)) = (rank(one)?, rank(other)?);
            let wider = if one_rank >= other_rank { one } else { other };
            (one_kind == other_kind).then(|| wider.clone())
        }
    }
}

/// The family of a type of numbers, and its place among those that hold less and more.
fn rank(data_type: &DataType) -> Option<(u8, u8)> {
    use DataType as T;
    Some(match data_type {
        T::Int8 => (0, 0),
        T::Int16 => (0, 1),
        T::Int32 => (0, 2),
        T::Int64 => (0, 3),
        T::Float16 => (1, 0),
        T::Float32 => (1, 1),
        T::Float64 => (1, 2),
        T::UInt8 => (2, 0),
        T::UInt16 => (2, 1),
        T::UInt32 => (2, 2),
        T::UInt64 => (2, 3),
        _ => return None,
    })
}

/// The decimal that has the digits of both, before and after the point.
fn widened_decimal(one: &DataType, other: &DataType) -> Option<DataType> {
    let digits = |data_type: &DataType| match data_type {
        DataType::Decimal128(precision, scale) => {
            Some((i32::from(*precision) - i32::from(*scale), *scale))
        }
        _ => None,
    };
    let ((one, one_scale), (other, other_scale)) = (digits(one)?, digits(other)?);
    let scale = one_scale.max(other_scale);
    let precision = u8::try_from(one.max(other) + i32::from(scale)).ok()?;
    (precision <= DECIMAL128_MAX_PRECISION).then_some(DataType::Decimal128(precision, scale))
}

/// The entries of a map: key and value are found by their place.
fn widened_entries(one: &FieldRef, other: &FieldRef) -> Option<FieldRef> {
    let (DataType::Struct(fields), DataType::Struct(others)) = (one.data_type(), other.data_type())
    else {
        return None;
    };
    let fields: Option<Fields> = match fields.len() == others.len() {
        true => fields.iter().zip(others).map(|(one, other)| widened_field(one, other)).collect(),
        false => None,
    };
    Some(Arc::new(Field::new(one.name(), DataType::Struct(fields?), false)))
}

fn widened_field(one: &FieldRef, other: &FieldRef) -> Option<FieldRef> {
    let data_type = widened(one.data_type(), other.data_type())?;
    let is_nullable = one.is_nullable() || other.is_nullable();
    Some(Arc::new(Field::new(one.name(), data_type, is_nullable)))
}

fn widened_struct(one: &Fields, other: &Fields) -> Option<Fields> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in one {
        fields.push(match other.iter().find(|found| found.name() == field.name()) {
            Some(found) => widened_field(field, found)?,
            None => Arc::new(field.as_ref().clone().with_nullable(true)),
        });
    }
    for field in other {
        if !one.iter().any(|found| found.name() == field.name()) {
            fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
        }
    }
    Some(fields.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, DataType, bool)]) -> Schema {
        let field = |(name, data_type, nullable): &(&str, DataType, bool)| {
            Field::new(*name, data_type.clone(), *nullable)
        };
        Schema::new(fields.iter().map(field).collect::<Vec<_>>())
    }

    #[test]
    fn union_widens_only_where_nothing_is_lost() {
        use DataType as T;
        use datafusion::arrow::datatypes::TimeUnit::{self, Microsecond, Millisecond};
        let timestamp =
            |unit: TimeUnit, zone: Option<&str>| T::Timestamp(unit, zone.map(Into::into));
        let item = |data_type: T| Arc::new(Field::new("element", data_type, true));
        let list = |data_type: T| T::List(item(data_type));
        let map = |value: T| {
            let entries = vec![Field::new("key", T::Utf8, false), Field::new("value", value, true)];
            T::Map(Arc::new(Field::new("key_value", T::Struct(entries.into()), false)), false)
        };
        let cases = [
            (T::Int32, T::Int64, Some(T::Int64)),
            (T::Int64, T::Int32, Some(T::Int64)),
            (T::Float32, T::Float64, Some(T::Float64)),
            (T::Int32, T::Float64, None),
            (T::Utf8, T::LargeUtf8, Some(T::Utf8View)),
            (T::Utf8, T::Int64, None),
            (T::Null, T::Utf8, Some(T::Utf8View)),
            (T::Decimal128(10, 2), T::Decimal128(12, 2), Some(T::Decimal128(12, 2))),
            (T::Decimal128(10, 2), T::Decimal128(9, 4), Some(T::Decimal128(12, 4))),
            (T::Decimal128(38, 0), T::Decimal128(10, 2), None),
            (T::UInt8, T::UInt32, Some(T::UInt32)),
            (T::UInt32, T::Int32, None),
            (
                timestamp(Millisecond, None),
                timestamp(Microsecond, None),
                Some(timestamp(Microsecond, None)),
            ),
            (timestamp(Microsecond, Some("UTC")), timestamp(Microsecond, None), None),
            (list(T::Int32), T::LargeList(item(T::Int64)), Some(list(T::Int64))),
            (map(T::Int32), map(T::Int64), Some(map(T::Int64))),
            (list(T::Utf8), list(T::Int64), None),
            (list(T::Utf8), list(T::LargeUtf8), Some(list(T::LargeUtf8))),
        ];
        for (one, other, expected) in cases {
            let mut union = Union::default();
            union.add("a.parquet", &schema(&[("x", one.clone(), true)]), |_| true).unwrap();
            let added = union.add("b.parquet", &schema(&[("x", other.clone(), true)]), |_| true);
            match expected {
                Some(expected) => {
                    added.unwrap();
                    assert_eq!(union.fields()[0].data_type(), &expected, "{one} {other}");
                }
                None => {
                    let line = added.unwrap_err().to_line();
                    assert!(line.contains("a.parquet") && line.contains("b.parquet"), "{line}");
                }
            }
        }
    }

    #[test]
    fn column_that_a_file_lacks_may_be_null() {
        let mut union = Union::default();
        let both = schema(&[("x", DataType::Int64, false), ("y", DataType::Int64, false)]);
        union.add("a", &both, |_| true).unwrap();
        union.add("b", &schema(&[("x", DataType::Int64, false)]), |_| true).unwrap();
        let nullable: Vec<bool> = union.fields().iter().map(|field| field.is_nullable()).collect();
        assert_eq!(nullable, [false, true]);
    }
}
