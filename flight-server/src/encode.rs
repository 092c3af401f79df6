//! Batches become messages: in wire types, none larger than it may be.

use std::sync::Arc;

use arrow_flight::{FlightData, SchemaAsIpc};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};
use samite_engine::{Error, ErrorKind, Result};

use crate::config::FlightConfig;
use crate::message::Message;
use crate::wire::WireSchema;

/// Rows of a piece at least: the size of nested columns is only guessed, and often too high.
const PIECE_ROWS_MIN: usize = 64;

/// Rows that are to be sent.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) batch: RecordBatch,
    /// What they take on the wire, more or less, and a part of them at most.
    pub(crate) bytes: usize,
}

impl Measured {
    /// Measures once, since looking at the length of each text takes its time.
    pub(crate) fn new(batch: RecordBatch) -> Self {
        let bytes = estimated_bytes(&batch);
        Self { batch, bytes }
    }

    fn slice(&self, start: usize, rows: usize) -> Self {
        Self { batch: self.batch.slice(start, rows), bytes: self.bytes }
    }
}

/// Encodes the batches of one stream.
pub(crate) struct Encoder {
    schema: Arc<WireSchema>,
    message_bytes_max: usize,
    row_bytes_max: usize,
    /// Leaves the data where it is. Its schema is out already, and no dictionary gets past the wire
    /// schema: each batch is one message.
    encoder: StreamEncoder,
}

impl Encoder {
    /// An encoder of batches that fit `schema`.
    ///
    /// # Errors
    ///
    /// When the schema has no form on the wire.
    pub(crate) fn new(schema: Arc<WireSchema>, config: &FlightConfig) -> Result<Self> {
        let mut encoder = StreamEncoder::try_new(schema.schema()).map_err(not_encoded)?;
        encoder
            .encode(&RecordBatch::new_empty(Arc::clone(schema.schema())))
            .map_err(not_encoded)?;
        Ok(Self {
            schema,
            message_bytes_max: config.message_bytes_max,
            row_bytes_max: config.row_bytes_max,
            encoder,
        })
    }

    /// The first message: the schema.
    pub(crate) fn schema_message(&self) -> Message {
        let options = IpcWriteOptions::default();
        let message: FlightData = SchemaAsIpc::new(self.schema.schema(), &options).into();
        Message::of_header(message.data_header)
    }

    /// The pieces of `whole`; they are encoded one by one, so that a huge batch does not stand in
    /// memory twice.
    pub(crate) fn pieces(&self, whole: &Measured) -> Vec<Measured> {
        let rows = whole.batch.num_rows();
        // Some room for padding and validity.
        let piece_bytes = self.message_bytes_max - self.message_bytes_max / 8;
        let count = whole.bytes.div_ceil(piece_bytes.max(1)).max(1);
        let piece_rows = rows.div_ceil(count).max(PIECE_ROWS_MIN);
        let starts = (0..rows).step_by(piece_rows);
        starts.map(|start| whole.slice(start, piece_rows.min(rows - start))).collect()
    }

    /// Encodes one piece, as one message or, if that is too large, as several.
    ///
    /// # Errors
    ///
    /// When a value has no form on the wire, or a row is too large.
    pub(crate) fn encode(&mut self, piece: Measured) -> Result<Vec<Message>> {
        let mut messages = Vec::with_capacity(1);
        let may_be_large = piece.bytes > self.row_bytes_max;
        let mut waiting = vec![piece.batch];
        while let Some(part) = waiting.pop() {
            let rows = part.num_rows();
            // Casting many long texts at once could exceed what one array can hold.
            if rows > 1 && may_be_large && estimated_bytes(&part) > self.row_bytes_max {
                halve(&part, &mut waiting);
                continue;
            }
            let message = self.encode_part(&part)?;
            let bytes = message.bytes();
            match rows {
                2.. if bytes > self.message_bytes_max => halve(&part, &mut waiting),
                1 if bytes > self.row_bytes_max => return Err(self.row_too_large(bytes)),
                _ => messages.push(message),
            }
        }
        Ok(messages)
    }

    fn encode_part(&mut self, part: &RecordBatch) -> Result<Message> {
        let part = self.schema.convert(part)?;
        Message::of_buffers(self.encoder.encode(&part).map_err(not_encoded)?)
    }

    fn row_too_large(&self, bytes: usize) -> Error {
        Error::new(
            ErrorKind::ResourcesExhausted,
            format!("one row of the result has {bytes} bytes"),
        )
        .with_detail(format!("the server sends at most {} in a row", self.row_bytes_max))
        .with_hint("select fewer columns, or parts of the long values")
    }
}

fn not_encoded(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "the result cannot be encoded").with_source(error)
}

fn halve(part: &RecordBatch, waiting: &mut Vec<RecordBatch>) {
    let rows = part.num_rows();
    let half = rows / 2;
    waiting.push(part.slice(half, rows - half));
    waiting.push(part.slice(0, half));
}

/// The bytes that the rows take on the wire, more or less.
fn estimated_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(estimated_column_bytes).fold(0, usize::saturating_add)
}

fn estimated_column_bytes(column: &ArrayRef) -> usize {
    let lengths: usize = match column.data_type() {
        // A slice of views holds on to all the data of the whole.
        DataType::Utf8View => column.as_string_view().lengths().map(|length| length as usize).sum(),
        DataType::BinaryView => {
            column.as_binary_view().lengths().map(|length| length as usize).sum()
        }
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => 0,
        data_type if data_type.is_primitive() => {
            data_type.primitive_width().unwrap_or(0).saturating_mul(column.len())
        }
        _ => column.to_data().get_slice_memory_size().unwrap_or(0),
    };
    lengths.saturating_add(4 * column.len())
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use arrow_flight::utils::flight_data_to_batches;
    use datafusion::arrow::array::{Int64Array, StringArray, StringViewArray};
    use datafusion::arrow::compute::concat_batches;

    use super::*;
    use crate::wire::Profile;

    fn encode_all(batch: &RecordBatch, config: &FlightConfig) -> Result<Vec<FlightData>> {
        let schema = WireSchema::of_result(&batch.schema(), Profile::Arrow).unwrap();
        let mut encoder = Encoder::new(Arc::new(schema), config).unwrap();
        let mut messages = vec![encoder.schema_message()];
        for piece in encoder.pieces(&Measured::new(batch.clone())) {
            messages.extend(encoder.encode(piece)?);
        }
        Ok(messages.iter().map(FlightData::from).collect())
    }

    fn skewed(rows: usize, long: usize) -> RecordBatch {
        let texts = (0..rows).map(|row| "x".repeat(if row % 100 == 7 { long } else { 1 }));
        let ids = Int64Array::from_iter_values(0..rows as i64);
        RecordBatch::try_from_iter([
            ("id", Arc::new(ids) as ArrayRef),
            ("text", Arc::new(StringViewArray::from_iter_values(texts)) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn no_message_is_larger_than_it_may_be_unless_it_is_one_row() {
        let config = FlightConfig { message_bytes_max: 64 << 10, ..FlightConfig::default() };
        for long in [10, 1000, 30_000, 100_000] {
            let batch = skewed(1000, long);
            let messages = encode_all(&batch, &config).unwrap();
            let decoded = flight_data_to_batches(&messages).unwrap();
            for (message, batch) in messages.iter().skip(1).zip(&decoded) {
                let bytes = message.data_header.len() + message.data_body.len();
                assert!(bytes <= 64 << 10 || batch.num_rows() == 1, "{long}: {bytes}");
            }
            let all = concat_batches(&decoded[0].schema(), &decoded).unwrap();
            assert_eq!(all.column(0), batch.column(0), "{long}");
            let texts: Vec<_> = all.column(1).as_string::<i32>().iter().collect();
            let expected: Vec<_> = batch.column(1).as_string_view().iter().collect();
            assert_eq!(texts, expected, "{long}");
        }
    }

    #[test]
    fn slice_of_views_carries_its_own_text_only() {
        let config = FlightConfig::default();
        let batch = skewed(1000, 50_000).slice(10, 20);
        let bytes: usize =
            encode_all(&batch, &config).unwrap().iter().map(|m| m.data_body.len()).sum();
        assert!(bytes < 4096, "{bytes}");
    }

    #[test]
    fn row_that_is_too_large_is_refused() {
        let config = FlightConfig { row_bytes_max: 1000, ..FlightConfig::default() };
        let texts = StringArray::from(vec!["short".to_owned(), "x".repeat(2000)]);
        let batch = RecordBatch::try_from_iter([("t", Arc::new(texts) as ArrayRef)]).unwrap();
        let refusal = encode_all(&batch, &config).map_err(|error| error.kind()).err();
        assert_eq!(refusal, Some(ErrorKind::ResourcesExhausted));
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(5));
        let schema = Arc::new(datafusion::arrow::datatypes::Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
        let messages = encode_all(&batch, &FlightConfig::default()).unwrap();
        let decoded = flight_data_to_batches(&messages).unwrap();
        assert_eq!(decoded.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
    }
}
