//! The schema of a folder of Parquet files: the union of their footers, by name.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
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
    let schema = Int96Coercer::new(file.schema_descr(), &schema, &unit).coerce().unwrap_or(schema);
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
        (T::List(one), T::List(other)) => widened_field(one, other).map(T::List),
        (T::LargeList(one), T::LargeList(other)) => widened_field(one, other).map(T::LargeList),
        (one, other) => {
            let rank = |data_type: &DataType| match data_type {
                T::Int8 => Some((0, 0)),
                T::Int16 => Some((0, 1)),
                T::Int32 => Some((0, 2)),
                T::Int64 => Some((0, 3)),
                T::Float32 => Some((1, 0)),
                T::Float64 => Some((1, 1)),
                _ => None,
            };
            let ((one_kind, one_rank), (other_kind, other_rank)) = (rank(one)?, rank(other)?);
            let wider = if one_rank >= other_rank { one } else { other };
            (one_kind == other_kind).then(|| wider.clone())
        }
    }
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
        let cases = [
            (T::Int32, T::Int64, Some(T::Int64)),
            (T::Int64, T::Int32, Some(T::Int64)),
            (T::Float32, T::Float64, Some(T::Float64)),
            (T::Int32, T::Float64, None),
            (T::Utf8, T::LargeUtf8, Some(T::Utf8View)),
            (T::Utf8, T::Int64, None),
            (T::Null, T::Utf8, Some(T::Utf8View)),
            (T::Decimal128(10, 2), T::Decimal128(12, 2), None),
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
