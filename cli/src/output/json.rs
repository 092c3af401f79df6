//! JSON, one object a line; a NULL is `null`.

use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::{LineDelimited, Writer};
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::Result;

use super::{Output, Target, not_written};

pub(super) struct JsonOutput {
    writer: Writer<Target, LineDelimited>,
}

impl JsonOutput {
    pub(super) fn new(target: Target) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(target) }
    }
}

impl Output for JsonOutput {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(not_written)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(not_written)?;
        self.writer.into_inner().finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn row_is_an_object_and_keeps_its_nulls() {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(Int64Array::from(vec![Some(1), None])) as _),
            ("b", Arc::new(StringArray::from(vec![Some("\"x\""), None])) as _),
        ])
        .unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut output = Box::new(JsonOutput::new(Target::memory(&bytes)));
        output.write(&batch).unwrap();
        output.finish().unwrap();
        assert_eq!(
            String::from_utf8(bytes.lock().clone()).unwrap(),
            "{\"a\":1,\"b\":\"\\\"x\\\"\"}\n{\"a\":null,\"b\":null}\n"
        );
    }
}
