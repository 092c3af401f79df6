//! A Parquet file.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use samite_engine::Result;

use super::{Output, Target, not_written};

pub(super) struct ParquetOutput {
    writer: ArrowWriter<Target>,
}

impl ParquetOutput {
    pub(super) fn begin(schema: SchemaRef, target: Target) -> Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(target, schema, Some(properties)).map_err(not_written)?;
        Ok(Self { writer })
    }
}

impl Output for ParquetOutput {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(not_written)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        // Writes the footer, and then hands the target out.
        self.writer.into_inner().map_err(not_written)?.finish()
    }
}
