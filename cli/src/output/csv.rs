//! Comma-separated values (RFC 4180, but with `\n`): a NULL is an empty field, an empty text is `""`.

use std::io::Write;

use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::Result;

use super::text::formatter;
use super::{Output, Target, not_written};

pub(super) struct CsvOutput {
    target: Target,
}

impl CsvOutput {
    pub(super) fn begin(schema: &Schema, mut target: Target) -> Result<Self> {
        let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        writeln!(target, "{}", names.join(",")).map_err(not_written)?;
        Ok(Self { target })
    }
}

impl Output for CsvOutput {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(formatter).collect::<Result<Vec<_>>>()?;
        let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
        let mut line = String::new();
        for row in 0..batch.num_rows() {
            line.clear();
            for (place, (values, nulls)) in columns.iter().zip(&nulls).enumerate() {
                if place > 0 {
                    line.push(',');
                }
                if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                    let text = values.value(row).try_to_string().map_err(not_written)?;
                    line.push_str(&quoted(&text));
                }
            }
            line.push('\n');
            self.target.write_all(line.as_bytes()).map_err(not_written)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.target.finish()
    }
}

fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && !text.contains([',', '"', '\n', '\r'])
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn null_is_empty_and_empty_text_is_quoted() {
        let text = StringArray::from(vec![Some("a,b"), Some(""), None, Some("say \"hi\"\n")]);
        let number = Int64Array::from(vec![Some(1), None, Some(3), Some(4)]);
        let batch = RecordBatch::try_from_iter([
            ("text", Arc::new(text) as _),
            ("a number", Arc::new(number) as _),
        ])
        .unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut output =
            Box::new(CsvOutput::begin(&batch.schema(), Target::memory(&bytes)).unwrap());
        output.write(&batch).unwrap();
        output.finish().unwrap();
        assert_eq!(
            String::from_utf8(bytes.lock().clone()).unwrap(),
            "text,a number\n\"a,b\",1\n\"\",\n,3\n\"say \"\"hi\"\"\n\",4\n"
        );
    }
}
