//! An Arrow IPC stream.

use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::Result;

use super::{Output, Target, not_written};

pub(super) struct ArrowOutput {
    writer: StreamWriter<Target>,
}

impl ArrowOutput {
    pub(super) fn begin(schema: &Schema, target: Target) -> Result<Self> {
        Ok(Self { writer: StreamWriter::try_new(target, schema).map_err(not_written)? })
    }
}

impl Output for ArrowOutput {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(not_written)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        // Ends the stream, and then hands the target out.
        self.writer.into_inner().map_err(not_written)?.finish()
    }
}
