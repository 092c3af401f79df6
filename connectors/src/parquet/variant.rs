//! Columns of type VARIANT, which are refused by name.
//!
//! A variant is a group of two or three binary columns, and says what it is by an annotation alone;
//! read without it, its rows would be what no one wrote.

use datafusion::parquet::basic::LogicalType;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::schema::types::Type;
use samite_engine::product::TableName;
use samite_engine::{Error, ErrorKind, Result};

/// Refuses file `name` of `table` if a column that is `wanted` is a variant, or holds one.
///
/// # Errors
///
/// `Unsupported`, with the path of the variant in the file's schema.
pub(super) fn check_no_variant(
    table: &TableName,
    name: &str,
    footer: &ParquetMetaData,
    wanted: impl Fn(&str) -> bool,
) -> Result<()> {
    let columns = footer.file_metadata().schema_descr().root_schema().get_fields();
    let mut wanted = columns.iter().filter(|column| wanted(column.name()));
    let Some(path) = wanted.find_map(|column| variant_in(column)) else { return Ok(()) };
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("column \"{path}\" of table \"{table}\" has type variant, which is not read"),
    )
    .with_detail(format!("data file \"{name}\" has it"))
    .with_hint(
        "leave the column out of the contract, or ask the owner of the product to write it as text",
    ))
}

/// The path of the first variant that a column is or holds, from the outside in.
fn variant_in(column: &Type) -> Option<String> {
    if matches!(column.get_basic_info().logical_type_ref(), Some(LogicalType::Variant(_))) {
        return Some(column.name().to_owned());
    }
    let Type::GroupType { fields, .. } = column else { return None };
    let below = fields.iter().find_map(|field| variant_in(field))?;
    Some(format!("{}.{below}", column.name()))
}
