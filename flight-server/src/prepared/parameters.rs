//! Parameters: from the batches that a client binds to the values that a plan takes.
//!
//! Bound by position; names are ignored.

use std::panic::AssertUnwindSafe;

use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, UnionArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::scalar::ScalarValue;
use futures::{FutureExt, Stream, TryStreamExt};
use samite_engine::plan::Parameter;
use samite_engine::{Error, ErrorKind, Result};
use tonic::Status;

use super::budget::{Budget, Part};
use super::sizes::value_bytes;
use crate::config::FlightConfig;
use crate::wire::Profile;

/// Rows of parameters; a statement runs once for each.
#[derive(Debug)]
pub(crate) struct ParameterRows {
    columns: usize,
    rows: Vec<Vec<ScalarValue>>,
    share: Part,
}

/// The values of each run of a statement.
#[derive(Debug)]
pub(crate) struct Values {
    /// For each run, the values in the order of the plan's parameters.
    pub(crate) rows: Vec<Vec<ScalarValue>>,
    /// What they take of what all may take.
    pub(crate) share: Part,
}

/// What a client may send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    rows_max: usize,
    bytes_max: usize,
    columns_max: usize,
}

impl Bounds {
    /// The bounds of a statement with so many parameters; `None` if their number is not known.
    pub(crate) fn new(config: &FlightConfig, parameters: Option<usize>) -> Self {
        Self {
            rows_max: config.parameter_rows_max,
            bytes_max: config.parameter_bytes_max,
            columns_max: parameters.unwrap_or(usize::MAX),
        }
    }

    fn check_columns(&self, columns: usize) -> Result<()> {
        if columns > self.columns_max {
            return Err(wrong_number(self.columns_max, columns));
        }
        Ok(())
    }

    fn too_large(&self) -> Error {
        let message =
            format!("the parameters of a statement take at most {} bytes", self.bytes_max);
        Error::new(ErrorKind::ResourcesExhausted, message)
            .with_hint("bind fewer rows at once, or raise [server] parameter_size")
    }
}

impl ParameterRows {
    /// Reads what a client sends. A stream without a schema has no parameters.
    ///
    /// # Errors
    ///
    /// When it is not Arrow data, or more than the bounds and the budget allow.
    pub(crate) async fn read(
        messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
        bounds: Bounds,
        budget: Budget,
    ) -> Result<Self> {
        let mut bytes = 0;
        let messages = messages
            .map_err(FlightError::from)
            .and_then(move |message| {
                bytes += message.data_header.len() + message.data_body.len();
                let fits = bytes <= bounds.bytes_max;
                let refusal = || FlightError::ExternalError(Box::new(bounds.too_large()));
                futures::future::ready(if fits { Ok(message) } else { Err(refusal()) })
            })
            .try_filter(|message| futures::future::ready(!message.data_header.is_empty()));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let mut read = Self { columns: 0, rows: Vec::new(), share: budget.take(0)? };
        // Arrow's reader panics where a buffer is said to be longer than what is there.
        while let Some(batch) = AssertUnwindSafe(batches.try_next())
            .catch_unwind()
            .await
            .map_err(|_| misshapen())?
            .map_err(unreadable)?
        {
            read.append(&batch, bounds)?;
        }
        if let Some(schema) = batches.schema() {
            read.columns = schema.fields().len();
        }
        bounds.check_columns(read.columns)?;
        Ok(read)
    }

    fn append(&mut self, batch: &RecordBatch, bounds: Bounds) -> Result<()> {
        bounds.check_columns(batch.num_columns())?;
        if self.rows.len() + batch.num_rows() > bounds.rows_max {
            let message =
                format!("a statement takes at most {} rows of parameters", bounds.rows_max);
            return Err(Error::new(ErrorKind::ResourcesExhausted, message));
        }
        self.count(batch, bounds)?;
        let columns: Vec<ArrayRef> =
            batch.columns().iter().map(decoded).collect::<Result<_, _>>().map_err(no_value)?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| value(column, row));
            self.rows.push(values.collect::<Result<_>>()?);
        }
        Ok(())
    }

    /// Counts the values of a batch before any of them is made.
    fn count(&mut self, batch: &RecordBatch, bounds: Bounds) -> Result<()> {
        for column in batch.columns() {
            let bytes = value_bytes(column).map_err(no_value)?;
            if bytes > bounds.bytes_max.saturating_sub(self.share.bytes()) {
                return Err(bounds.too_large());
            }
            self.share.grow(bytes)?;
        }
        Ok(())
    }

    /// True if the client sent no columns at all.
    pub(crate) fn has_no_columns(&self) -> bool {
        self.columns == 0
    }

    /// For each row, the values of `parameters` in their order.
    ///
    /// # Errors
    ///
    /// When there are more or fewer values than parameters, or one does not fit.
    pub(crate) fn values(&self, parameters: &[Parameter]) -> Result<Values> {
        let expected = parameter_count(parameters);
        if self.columns != expected {
            return Err(wrong_number(expected, self.columns));
        }
        let share = self.share.again()?;
        let mut fitted: Vec<Vec<ScalarValue>> =
            self.rows.iter().map(|_| Vec::with_capacity(parameters.len())).collect();
        for parameter in parameters {
            for (row, value) in fitted.iter_mut().zip(self.column(parameter)?) {
                row.push(value);
            }
        }
        Ok(Values { rows: fitted, share })
    }

    /// The values of one parameter: all in the inferred type, or, where one does not stay the same in
    /// it, all as they came. The schema of the result may depend on it, and is one for all rows.
    fn column(&self, parameter: &Parameter) -> Result<Vec<ScalarValue>> {
        let at = parameter.number.wrapping_sub(1);
        let values = || self.rows.iter().filter_map(|row| row.get(at).cloned());
        let fitted: Vec<ScalarValue> =
            values().map(|value| parameter.fit(value)).collect::<Result<_>>()?;
        let inferred = parameter.data_type.as_ref();
        let is_uniform = fitted.iter().all(|value| Some(&value.data_type()) == inferred);
        Ok(if is_uniform { fitted } else { values().collect() })
    }
}

/// The values that a statement with these parameters takes.
pub(crate) fn parameter_count(parameters: &[Parameter]) -> usize {
    parameters.iter().map(|parameter| parameter.number).max().unwrap_or(0)
}

/// The schema of the parameters, in the order of their numbers, each of which may be null.
pub(crate) fn parameter_schema(parameters: &[Parameter], profile: Profile) -> Schema {
    let field = |number: usize| {
        let known = parameters.iter().find(|parameter| parameter.number == number);
        let data_type = known.and_then(|parameter| parameter.data_type.clone());
        let data_type = data_type.unwrap_or_else(|| match profile {
            // What a client reads as: any type.
            Profile::Arrow => DataType::Null,
            Profile::Jdbc | Profile::Odbc => {
                let likely = known.and_then(|parameter| parameter.likely_type.clone());
                likely.unwrap_or(DataType::Utf8)
            }
        });
        Field::new(format!("${number}"), data_type, true)
    };
    Schema::new((1..=parameter_count(parameters)).map(field).collect::<Vec<_>>())
}

/// A column without the encodings that a value does not have.
fn decoded(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, value) => cast(column, value),
        DataType::RunEndEncoded(_, values) => cast(column, values.data_type()),
        _ => Ok(ArrayRef::clone(column)),
    }
}

fn value(column: &ArrayRef, row: usize) -> Result<ScalarValue> {
    if let Some(union) = column.as_any().downcast_ref::<UnionArray>() {
        return value(&union.value(row), 0);
    }
    Ok(ScalarValue::try_from_array(column, row)?)
}

fn count(parameters: usize) -> String {
    match parameters {
        0 => "no parameters".to_owned(),
        1 => "1 parameter".to_owned(),
        more => format!("{more} parameters"),
    }
}

fn wrong_number(expected: usize, found: usize) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("the statement has {}", count(expected)))
        .with_detail(format!("{} bound", count(found)))
}

fn no_value(error: ArrowError) -> Error {
    Error::new(ErrorKind::InvalidQuery, "a parameter cannot be read").with_source(error)
}

fn unreadable(error: FlightError) -> Error {
    let error = match error {
        FlightError::ExternalError(inner) => match inner.downcast::<Error>() {
            Ok(ours) => return *ours,
            Err(inner) => FlightError::ExternalError(inner),
        },
        other => other,
    };
    misshapen().with_source(error)
}

fn misshapen() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the parameters cannot be read as Arrow data")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_flight::encode::FlightDataEncoderBuilder;
    use datafusion::arrow::array::*;
    use datafusion::arrow::datatypes::{Int32Type, UnionFields};

    use super::*;
    use crate::share::Share;

    fn rows_of(columns: usize, rows: Vec<Vec<ScalarValue>>) -> ParameterRows {
        let share = Budget::new(1 << 30, Share::percent(100)).take(0).unwrap();
        ParameterRows { columns, rows, share }
    }

    fn bounds(bytes_max: usize) -> Bounds {
        Bounds { rows_max: 10_000, bytes_max, columns_max: 3 }
    }

    fn parameter(number: usize, data_type: Option<DataType>) -> Parameter {
        Parameter { number, data_type, likely_type: None }
    }

    #[test]
    fn encodings_and_unions_are_unwrapped() {
        let dictionary: DictionaryArray<Int32Type> = vec!["x"].into_iter().collect();
        let fields = UnionFields::from_fields(vec![
            Field::new("s", DataType::Utf8, true),
            Field::new("i", DataType::Int64, true),
        ]);
        let members: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(vec!["a"])), Arc::new(Int64Array::from(vec![7]))];
        let union = UnionArray::try_new(fields, vec![1i8].into(), Some(vec![0].into()), members);
        let batch = RecordBatch::try_from_iter([
            ("d", Arc::new(dictionary) as ArrayRef),
            ("u", Arc::new(union.unwrap()) as ArrayRef),
            ("n", Arc::new(NullArray::new(1)) as ArrayRef),
        ]);
        let mut rows = rows_of(3, Vec::new());
        rows.append(&batch.unwrap(), bounds(1 << 20)).unwrap();
        let parameters = [1, 2, 3].map(|number| parameter(number, None));
        let expected = vec![ScalarValue::from("x"), ScalarValue::from(7i64), ScalarValue::Null];
        assert_eq!(rows.values(&parameters).unwrap().rows, vec![expected]);
    }

    #[test]
    fn value_that_does_not_fit_keeps_the_type_of_all() {
        let row = |value: f64| vec![ScalarValue::from(value)];
        let rows = rows_of(1, vec![row(2.0), row(1.5)]);
        let values = rows.values(&[parameter(1, Some(DataType::Int64))]).unwrap();
        assert_eq!(values.rows, vec![row(2.0), row(1.5)]);
    }

    #[test]
    fn number_of_values_must_be_that_of_the_parameters() {
        let rows = rows_of(1, vec![vec![ScalarValue::Null]]);
        assert!(rows.values(&[parameter(1, None)]).is_ok());
        assert!(rows.values(&[parameter(2, None)]).is_err());
        assert!(rows.values(&[]).is_err());
    }

    #[test]
    fn parameters_stand_in_the_order_of_their_numbers() {
        let likely_type = Some(DataType::Float64);
        let parameters = [
            parameter(2, Some(DataType::Int64)),
            Parameter { likely_type, ..parameter(3, None) },
            parameter(10, None),
        ];
        let schema = parameter_schema(&parameters, Profile::Jdbc);
        assert_eq!(schema.fields().len(), 10);
        assert_eq!(schema.field(1).data_type(), &DataType::Int64);
        assert_eq!(schema.field(2).data_type(), &DataType::Float64);
        assert_eq!(schema.field(9).name(), "$10");
        assert_eq!(schema.field(9).data_type(), &DataType::Utf8);
        let any = parameter_schema(&parameters, Profile::Arrow);
        assert_eq!(any.field(2).data_type(), &DataType::Null);
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
    }

    #[test]
    fn values_are_counted_before_they_are_made() {
        let mut views = StringViewBuilder::new();
        let block = views.append_block("x".repeat(1 << 20).into_bytes().into());
        (0..10_000).for_each(|_| views.try_append_view(block, 0, 1 << 20).unwrap());
        let nulls: ArrayRef = Arc::new(NullArray::new(10_000));
        let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        for (columns, bytes_max, refusal) in [
            (vec![Arc::new(views.finish()) as ArrayRef], 64 << 20, ErrorKind::ResourcesExhausted),
            (vec![nulls], 600_000, ErrorKind::ResourcesExhausted),
            (vec![one; 4], 1 << 20, ErrorKind::InvalidQuery),
        ] {
            let columns = columns.into_iter().map(|column| ("c", column));
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let mut rows = rows_of(1, Vec::new());
            let result = rows.append(&batch, bounds(bytes_max));
            assert_eq!(result.map_err(|error| error.kind()), Err(refusal), "{bytes_max}");
            assert!(rows.rows.is_empty());
        }
    }

    #[tokio::test]
    async fn buffers_that_end_too_early_are_an_error_and_no_panic() {
        let texts = StringArray::from(vec!["x".repeat(100)]);
        let batch = RecordBatch::try_from_iter([("c", Arc::new(texts) as ArrayRef)]).unwrap();
        let whole: Vec<FlightData> = FlightDataEncoderBuilder::new()
            .build(futures::stream::iter([Ok(batch)]))
            .try_collect()
            .await
            .unwrap();
        let length = whole.last().unwrap().data_body.len();
        for kept in [0, 8, length / 2] {
            let mut messages = whole.clone();
            let last = messages.last_mut().unwrap();
            last.data_body = last.data_body.slice(..kept);
            let messages = futures::stream::iter(messages.into_iter().map(Ok));
            let budget = Budget::new(1 << 30, Share::percent(100));
            let read = ParameterRows::read(messages, bounds(1 << 20), budget).await;
            let kind = read.map(|_| ()).map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::InvalidQuery), "{kept} of {length}");
        }
    }

    #[test]
    fn all_rows_together_take_one_budget() {
        let batch = RecordBatch::try_from_iter([(
            "c",
            Arc::new(StringArray::from(vec!["x".repeat(1000)])) as ArrayRef,
        )])
        .unwrap();
        let budget = Budget::new(3000, Share::percent(100));
        let read = || {
            let mut rows = ParameterRows { columns: 1, rows: Vec::new(), share: budget.take(0)? };
            rows.append(&batch, bounds(1 << 20)).map(|()| rows)
        };
        let first = read().unwrap();
        let values = first.values(&[parameter(1, None)]).unwrap();
        let refusal = read().map_err(|error| error.kind()).err();
        assert_eq!(refusal, Some(ErrorKind::Overloaded));
        drop(values);
        assert!(read().is_ok());
    }
}
