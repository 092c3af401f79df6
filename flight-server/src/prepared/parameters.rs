//! Parameters: from the batches that a client binds to the values that a plan takes.
//!
//! Bound by position; names are ignored.

use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, UnionArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::scalar::ScalarValue;
use futures::{Stream, TryStreamExt};
use samite_engine::plan::Parameter;
use samite_engine::{Error, ErrorKind, Result};
use tonic::Status;

use crate::config::FlightConfig;
use crate::wire::Profile;

/// Rows of parameters; a statement runs once for each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParameterRows {
    columns: usize,
    rows: Vec<Vec<ScalarValue>>,
}

impl ParameterRows {
    /// Reads what a client sends. A stream without a schema has no parameters.
    ///
    /// # Errors
    ///
    /// When it is not Arrow data, or more than `config` allows.
    pub(crate) async fn read(
        messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
        config: &FlightConfig,
    ) -> Result<Self> {
        let bytes_max = config.parameter_bytes_max;
        let mut bytes = 0;
        let messages = messages
            .map_err(FlightError::from)
            .and_then(move |message| {
                bytes += message.data_header.len() + message.data_body.len();
                let fits = bytes <= bytes_max;
                let result = if fits { Ok(message) } else { Err(too_large(bytes_max)) };
                futures::future::ready(result)
            })
            .try_filter(|message| futures::future::ready(!message.data_header.is_empty()));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let mut read = Self { columns: 0, rows: Vec::new() };
        while let Some(batch) = batches.try_next().await.map_err(unreadable)? {
            read.append(&batch, config.parameter_rows_max)?;
        }
        if let Some(schema) = batches.schema() {
            read.columns = schema.fields().len();
        }
        Ok(read)
    }

    fn append(&mut self, batch: &RecordBatch, rows_max: usize) -> Result<()> {
        if self.rows.len() + batch.num_rows() > rows_max {
            let message = format!("a statement takes at most {rows_max} rows of parameters");
            return Err(Error::new(ErrorKind::ResourcesExhausted, message));
        }
        let columns: Vec<ArrayRef> =
            batch.columns().iter().map(decoded).collect::<Result<_, _>>().map_err(|error| {
                Error::new(ErrorKind::InvalidQuery, "a parameter cannot be read").with_source(error)
            })?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| value(column, row));
            self.rows.push(values.collect::<Result<_>>()?);
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
    pub(crate) fn values(&self, parameters: &[Parameter]) -> Result<Vec<Vec<ScalarValue>>> {
        let expected = parameters.iter().map(|parameter| parameter.number).max().unwrap_or(0);
        if self.columns != expected {
            let message = format!("the statement has {}", count(expected));
            return Err(Error::new(ErrorKind::InvalidQuery, message)
                .with_detail(format!("{} bound", count(self.columns))));
        }
        let mut fitted: Vec<Vec<ScalarValue>> =
            self.rows.iter().map(|_| Vec::with_capacity(parameters.len())).collect();
        for parameter in parameters {
            for (row, value) in fitted.iter_mut().zip(self.column(parameter)?) {
                row.push(value);
            }
        }
        Ok(fitted)
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

/// The schema of the parameters, in the order of their numbers, each of which may be null.
pub(crate) fn parameter_schema(parameters: &[Parameter], profile: Profile) -> Schema {
    let unknown = match profile {
        Profile::Arrow => DataType::Null,
        Profile::Jdbc | Profile::Odbc => DataType::Utf8,
    };
    let count = parameters.iter().map(|parameter| parameter.number).max().unwrap_or(0);
    let field = |number: usize| {
        let known = parameters.iter().find(|parameter| parameter.number == number);
        let data_type = known.and_then(|parameter| parameter.data_type.clone());
        Field::new(format!("${number}"), data_type.unwrap_or_else(|| unknown.clone()), true)
    };
    Schema::new((1..=count).map(field).collect::<Vec<_>>())
}

/// A column without the encodings that a value does not have.
fn decoded(column: &ArrayRef) -> Result<ArrayRef, datafusion::arrow::error::ArrowError> {
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

fn too_large(bytes_max: usize) -> FlightError {
    FlightError::ExternalError(Box::new(Error::new(
        ErrorKind::ResourcesExhausted,
        format!("the parameters of a statement take at most {bytes_max} bytes"),
    )))
}

fn unreadable(error: FlightError) -> Error {
    let error = match error {
        FlightError::ExternalError(inner) => match inner.downcast::<Error>() {
            Ok(ours) => return *ours,
            Err(inner) => FlightError::ExternalError(inner),
        },
        other => other,
    };
    Error::new(ErrorKind::InvalidQuery, "the parameters cannot be read as Arrow data")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::*;
    use datafusion::arrow::datatypes::{Int32Type, UnionFields};

    use super::*;

    fn parameter(number: usize, data_type: Option<DataType>) -> Parameter {
        Parameter { number, data_type }
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
        let mut rows = ParameterRows { columns: 3, rows: Vec::new() };
        rows.append(&batch.unwrap(), 10).unwrap();
        let parameters = [1, 2, 3].map(|number| parameter(number, None));
        let expected = vec![ScalarValue::from("x"), ScalarValue::from(7i64), ScalarValue::Null];
        assert_eq!(rows.values(&parameters).unwrap(), vec![expected]);
    }

    #[test]
    fn value_that_does_not_fit_keeps_the_type_of_all() {
        let row = |value: f64| vec![ScalarValue::from(value)];
        let rows = ParameterRows { columns: 1, rows: vec![row(2.0), row(1.5)] };
        let values = rows.values(&[parameter(1, Some(DataType::Int64))]).unwrap();
        assert_eq!(values, vec![row(2.0), row(1.5)]);
    }

    #[test]
    fn number_of_values_must_be_that_of_the_parameters() {
        let rows = ParameterRows { columns: 1, rows: vec![vec![ScalarValue::Null]] };
        assert!(rows.values(&[parameter(1, None)]).is_ok());
        assert!(rows.values(&[parameter(2, None)]).is_err());
        assert!(rows.values(&[]).is_err());
    }

    #[test]
    fn parameters_stand_in_the_order_of_their_numbers() {
        let parameters = [parameter(2, Some(DataType::Int64)), parameter(10, None)];
        let schema = parameter_schema(&parameters, Profile::Jdbc);
        assert_eq!(schema.fields().len(), 10);
        assert_eq!(schema.field(1).data_type(), &DataType::Int64);
        assert_eq!(schema.field(9).name(), "$10");
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
    }
}
