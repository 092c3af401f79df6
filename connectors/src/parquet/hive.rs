//! Folders named `column=value`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::scalar::ScalarValue;
use samite_engine::product::{Column, Table};
use samite_engine::{Error, ErrorKind, Result};

use crate::percent::decoded;
use samite_engine::type_class::TypeClass;

/// The folder name of NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that folder names give, in the order of the folders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HiveColumns(pub(crate) Vec<(String, DataType)>);

impl HiveColumns {
    /// The columns of the folders above `path`, typed by the contract, else text.
    ///
    /// # Errors
    ///
    /// When a folder is not named `column=value`.
    pub(crate) fn of(path: &str, table: &Table) -> Result<Self> {
        let mut columns: Vec<(String, DataType)> = Vec::new();
        for (name, _) in folders(path)? {
            if columns.iter().any(|(known, _)| *known == name) {
                return Err(misplaced(path, &format!("column \"{name}\" is there twice")));
            }
            let promised = table.columns.iter().find(|column| column.source_name() == name);
            columns.push((name, promised.map_or(DataType::Utf8View, promised_type)));
        }
        Ok(Self(columns))
    }

    /// The values that the folders above `path` give.
    ///
    /// # Errors
    ///
    /// When the folders are others than those of the table's other files, or a value is not of the
    /// promised type.
    pub(crate) fn values(&self, path: &str) -> Result<Vec<ScalarValue>> {
        let found = folders(path)?;
        let is_same = found.len() == self.0.len()
            && found.iter().zip(&self.0).all(|((name, _), (known, _))| name == known);
        if !is_same {
            let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            return Err(misplaced(
                path,
                &format!("the folders of other files give {}", names.join(", ")),
            ));
        }
        found
            .into_iter()
            .zip(&self.0)
            .map(|((name, value), (_, data_type))| typed(path, &name, value.as_deref(), data_type))
            .collect()
    }
}

fn misplaced(path: &str, detail: &str) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("data file \"{path}\" does not lie in folders named column=value like the others"),
    )
    .with_detail(detail)
    .with_hint("ask the owner of the product to move it, or to take partitioning: hive out of the contract")
}

/// The names and values of the folders above a file; no value means NULL.
fn folders(path: &str) -> Result<Vec<(String, Option<String>)>> {
    let Some((folders, _)) = path.rsplit_once('/') else { return Ok(Vec::new()) };
    folders
        .split('/')
        .map(|folder| {
            let (name, value) = folder
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| misplaced(path, &format!("there is a folder \"{folder}\"")))?;
            let decode = |text| {
                decoded(text).ok_or_else(|| {
                    misplaced(path, &format!("folder \"{folder}\" is not encoded as UTF-8"))
                })
            };
            let value = if value == NULL { None } else { Some(decode(value)?) };
            Ok((decode(name)?, value))
        })
        .collect()
}

fn promised_type(column: &Column) -> DataType {
    let physical = column.physical_type.as_deref();
    let class = physical
        .and_then(TypeClass::of_physical)
        .or_else(|| column.logical_type.map(TypeClass::of_logical));
    match class {
        Some(TypeClass::Integer) => match physical.map(str::to_ascii_lowercase).as_deref() {
            Some("int" | "integer" | "int32" | "int4") => DataType::Int32,
            _ => DataType::Int64,
        },
        Some(TypeClass::Number) => physical.and_then(decimal).unwrap_or(DataType::Float64),
        Some(TypeClass::Boolean) => DataType::Boolean,
        Some(TypeClass::Date) => DataType::Date32,
        Some(TypeClass::Timestamp) => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => DataType::Utf8View,
    }
}

fn decimal(physical: &str) -> Option<DataType> {
    let (name, rest) = physical.split_once('(')?;
    if !matches!(
        name.trim().to_ascii_lowercase().as_str(),
        "decimal" | "numeric" | "number" | "dec"
    ) {
        return None;
    }
    let (precision, scale) = match rest.trim().strip_suffix(')')?.split_once(',') {
        Some((precision, scale)) => (precision.trim().parse().ok()?, scale.trim().parse().ok()?),
        None => (rest.trim().strip_suffix(')')?.trim().parse().ok()?, 0),
    };
    (1..=38).contains(&precision).then_some(DataType::Decimal128(precision, scale))
}

fn typed(path: &str, name: &str, value: Option<&str>, data_type: &DataType) -> Result<ScalarValue> {
    let Some(value) = value else {
        return ScalarValue::try_new_null(data_type).map_err(Error::from);
    };
    if *data_type == DataType::Utf8View {
        return Ok(ScalarValue::Utf8View(Some(value.to_owned())));
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(&text, data_type, &options);
    cast.map_err(datafusion::error::DataFusionError::from)
        .and_then(|array| ScalarValue::try_from_array(&array, 0))
        .map_err(|error| {
            Error::new(
                ErrorKind::ContractViolated,
                format!("a folder of data file \"{path}\" is no value of column \"{name}\""),
            )
            .with_detail(format!("\"{value}\" is no {data_type}"))
            .with_source(error)
        })
}

#[cfg(test)]
mod tests {
    use samite_engine::product::LogicalType;

    use super::*;

    fn table() -> Table {
        let column = |name: &str, logical_type, physical: Option<&str>| Column {
            name: name.to_owned(),
            logical_type: Some(logical_type),
            physical_type: physical.map(str::to_owned),
            ..Column::default()
        };
        Table {
            columns: vec![
                column("year", LogicalType::Integer, None),
                column("day", LogicalType::Date, None),
                column("price", LogicalType::Number, Some("decimal(10, 2)")),
            ],
            ..Table::default()
        }
    }

    #[test]
    fn folders_give_typed_values_decoded_once() {
        let cases = [
            ("year=2024/a.parquet", vec![ScalarValue::Int64(Some(2024))]),
            ("day=2024-02-29/a.parquet", vec![ScalarValue::Date32(Some(19_782))]),
            ("price=1.5/a.parquet", vec![ScalarValue::Decimal128(Some(150), 10, 2)]),
            ("country=S%2FE%2525/a", vec![ScalarValue::Utf8View(Some("S/E%25".to_owned()))]),
            ("country=100%/a", vec![ScalarValue::Utf8View(Some("100%".to_owned()))]),
            ("year=__HIVE_DEFAULT_PARTITION__/a", vec![ScalarValue::Int64(None)]),
            ("country=/a", vec![ScalarValue::Utf8View(Some(String::new()))]),
            ("a.parquet", vec![]),
        ];
        for (path, expected) in cases {
            let columns = HiveColumns::of(path, &table()).unwrap();
            assert_eq!(columns.values(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn file_whose_folders_do_not_fit_is_an_error_that_names_it() {
        let columns = HiveColumns::of("year=2024/month=1/a.parquet", &table()).unwrap();
        for path in [
            "b.parquet",
            "year=2024/b.parquet",
            "month=1/year=2024/b.parquet",
            "year=2024/month=1/x/b.parquet",
            "year=next/month=1/b.parquet",
            "year=2024/month=%ff/b.parquet",
        ] {
            let error = columns.values(path).unwrap_err();
            assert!(error.message().contains("b.parquet"), "{path}: {error:?}");
        }
    }
}
