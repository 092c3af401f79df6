//! Rows as people and programs read them: one file for each format.
//!
//! Every format but the table writes each batch as it comes.

mod arrow;
mod csv;
mod json;
mod layout;
mod parquet;
mod table;
mod target;
mod text;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::{Error, ErrorKind, Result};

pub(crate) use layout::{Cell, Column, Drawing, Side, draw};
pub(crate) use table::{TableOptions, visible};
pub(crate) use target::Target;
pub(crate) use text::{quantity, size};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// Comma-separated values with a header; a NULL is an empty field.
    Csv,
    /// One JSON object a line.
    Json,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file; needs --output.
    Parquet,
}

/// Writes the batches of one answer.
pub(crate) trait Output: Send {
    /// Writes one batch.
    ///
    /// # Errors
    ///
    /// When a value cannot be written in this format, or the target does not take it.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes what comes after the last batch, and makes the target whole.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Begins to write an answer with `schema`.
///
/// # Errors
///
/// When the format cannot hold such columns, or the target does not take the header.
pub(crate) fn begin(
    format: Format,
    schema: SchemaRef,
    target: Target,
    table: TableOptions,
) -> Result<Box<dyn Output>> {
    Ok(match format {
        Format::Table => Box::new(table::TableOutput::new(schema, target, table)),
        Format::Csv => Box::new(csv::CsvOutput::begin(&schema, target)?),
        Format::Json => Box::new(json::JsonOutput::new(target)),
        Format::Arrow => Box::new(arrow::ArrowOutput::begin(&schema, target)?),
        Format::Parquet => Box::new(parquet::ParquetOutput::begin(schema, target)?),
    })
}

/// An error about a value that a format cannot hold, or about the target.
fn not_written(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unsupported, "the answer cannot be written in this format")
        .with_detail(error.to_string())
        .with_source(error)
}
