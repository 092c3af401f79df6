//! Functions whose results can be far larger than their arguments, held to a size.
//!
//! DataFusion allocates what such a function is asked for before any memory pool hears of it, so
//! that one `repeat('a', 2000000000)` could end the process.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::compute::{cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

use crate::error::{Error, ErrorKind};

/// The largest value that one of these functions makes, in bytes.
const VALUE_BYTES_MAX: f64 = 16.0 * 1024.0 * 1024.0;

/// The largest sum of the values of one batch, in bytes.
const BATCH_BYTES_MAX: f64 = 256.0 * 1024.0 * 1024.0;

const SECONDS_A_DAY: f64 = 86_400.0;

/// What decides how large a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The first argument, as often as the second says.
    Times,
    /// As many characters as the second argument says.
    Padding,
    /// As many elements as the second argument says, each as large as the third argument.
    Elements,
    /// The steps from one argument to the next.
    Series,
}

const FUNCTIONS: [(&str, Growth); 7] = [
    ("repeat", Growth::Times),
    ("array_repeat", Growth::Times),
    ("lpad", Growth::Padding),
    ("rpad", Growth::Padding),
    ("array_resize", Growth::Elements),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
];

/// Puts a bound on the functions of `state` that have none.
///
/// # Errors
///
/// When DataFusion does not take a function.
pub(super) fn bound_functions(state: &mut SessionState) -> DataFusionResult<()> {
    for (name, growth) in FUNCTIONS {
        if let Some(inner) = state.scalar_functions().get(name).cloned() {
            let bounded = ScalarUDF::new_from_impl(Bounded { inner, growth });
            state.register_udf(Arc::new(bounded))?;
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> DataFusionResult<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays: Vec<ArrayRef> =
            args.args.iter().map(|arg| arg.to_array(rows)).collect::<DataFusionResult<_>>()?;
        let mut sum = 0.0;
        for bytes in sizes(self.growth, &arrays)?.iter().flatten() {
            sum += bytes;
            if bytes > VALUE_BYTES_MAX || sum > BATCH_BYTES_MAX {
                return Err(too_large(self.name()).into());
            }
        }
        self.inner.invoke_with_args(args)
    }
}

fn too_large(name: &str) -> Error {
    Error::new(ErrorKind::ResourcesExhausted, format!("the result of {name}() is too large"))
        .with_hint("at most 16 MiB for one value and 256 MiB for a batch of rows")
}

/// The bytes that each row's result has, about; null where the result is null or the function
/// itself refuses.
fn sizes(growth: Growth, args: &[ArrayRef]) -> DataFusionResult<Float64Array> {
    let none = |rows| Float64Array::new_null(rows);
    let sizes = match (growth, args) {
        (Growth::Times, [what, times, ..]) => product(&element_bytes(what)?, &numbers(times)?),
        (Growth::Padding, [_, count, ..]) => numbers(count)?,
        (Growth::Elements, [_, count]) => product(&constant(8.0, count.len()), &numbers(count)?),
        (Growth::Elements, [_, count, fill, ..]) => {
            product(&element_bytes(fill)?, &numbers(count)?)
        }
        (Growth::Series, [stop]) => {
            let rows = stop.len();
            steps(&constant(0.0, rows), &moments(stop)?, &constant(1.0, rows))
        }
        (Growth::Series, [start, stop]) => {
            steps(&moments(start)?, &moments(stop)?, &constant(1.0, stop.len()))
        }
        (Growth::Series, [start, stop, step, ..]) => {
            steps(&moments(start)?, &moments(stop)?, &strides(step)?)
        }
        (_, other) => none(other.first().map_or(0, Array::len)),
    };
    Ok(sizes)
}

fn constant(value: f64, rows: usize) -> Float64Array {
    Float64Array::from_value(value, rows)
}

fn product(left: &Float64Array, right: &Float64Array) -> Float64Array {
    let pairs = left.iter().zip(right);
    pairs.map(|(left, right)| Some(left? * right?.max(0.0))).collect()
}

fn steps(start: &Float64Array, stop: &Float64Array, stride: &Float64Array) -> Float64Array {
    let rows = start.iter().zip(stop).zip(stride);
    rows.map(|((start, stop), stride)| {
        let count = ((stop? - start?) / stride?).max(0.0);
        // A stride of nothing is refused by the function itself.
        count.is_finite().then_some(count * 8.0)
    })
    .collect()
}

fn numbers(array: &ArrayRef) -> DataFusionResult<Float64Array> {
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The bytes that one element takes: of a text its own, of anything else the average.
fn element_bytes(array: &ArrayRef) -> DataFusionResult<Float64Array> {
    if let Ok(lengths) = length(array) {
        let lengths = numbers(&lengths)?;
        return Ok(lengths.iter().map(|length| Some(length.unwrap_or(0.0).max(1.0))).collect());
    }
    let rows = array.len();
    let bytes = array.to_data().get_slice_memory_size()?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let average = bytes as f64 / rows.max(1) as f64;
    Ok(constant(average.max(1.0), rows))
}

/// Whole numbers as they are, times in seconds.
fn moments(array: &ArrayRef) -> DataFusionResult<Float64Array> {
    if !array.data_type().is_temporal() {
        return numbers(array);
    }
    let lenient = datafusion::arrow::compute::CastOptions { safe: true, ..Default::default() };
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    let seconds = cast_with_options(array, &seconds, &lenient)?;
    let seconds = cast(&seconds, &DataType::Int64)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = seconds.as_primitive::<Int64Type>().iter().map(|at| at.map(|at| at as f64));
    Ok(seconds.collect())
}

/// Whole numbers as they are, intervals in seconds, months as their shortest.
fn strides(array: &ArrayRef) -> DataFusionResult<Float64Array> {
    if !matches!(array.data_type(), DataType::Interval(_)) {
        return numbers(array);
    }
    let intervals = cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let strides = intervals.iter().map(|interval| {
        let interval = interval?;
        let days = f64::from(interval.months) * 28.0 + f64::from(interval.days);
        Some(days * SECONDS_A_DAY + interval.nanoseconds as f64 / 1e9)
    });
    Ok(strides.collect())
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn run(sql: &str) -> DataFusionResult<usize> {
        let mut state = SessionContext::new().state();
        bound_functions(&mut state)?;
        let rows = SessionContext::new_with_state(state).sql(sql).await?.collect().await?;
        Ok(rows.iter().map(|batch| batch.num_rows()).sum())
    }

    #[tokio::test]
    async fn huge_values_are_refused_before_they_are_made() {
        for sql in [
            "SELECT length(repeat('ab', 9000000))",
            "SELECT repeat(n, 9000000000) FROM (VALUES ('a'), ('b')) t(n)",
            "SELECT lpad('a', 2000000000)",
            "SELECT rpad(n, 2000000000, 'x') FROM (VALUES ('a')) t(n)",
            "SELECT array_repeat('abcd', 9000000000)",
            "SELECT list_repeat(1, 9000000000)",
            "SELECT array_resize([1], 9000000000, 7)",
            "SELECT range(9000000000000)",
            "SELECT generate_series(1, 9000000000000, 2)",
            "SELECT generate_series(DATE '0001-01-01', DATE '9999-12-31', INTERVAL '1 second')",
            "SELECT range(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', INTERVAL '1 millisecond')",
            "SELECT repeat(rpad('a', 1000), 200 + n % 2) FROM range(8000) t(n)",
        ] {
            let refused = Error::from(run(sql).await.expect_err(sql));
            assert_eq!(refused.kind(), ErrorKind::ResourcesExhausted, "{sql}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn ordinary_values_are_made() {
        for sql in [
            "SELECT repeat('ab', 1000), repeat(NULL, 5), repeat('a', -1), lpad('a', 10, 'xy')",
            "SELECT array_repeat('a', 3), array_resize([1], 3, 7), array_resize([1], 3)",
            "SELECT range(5), range(1, 5), range(5, 1, -1), generate_series(1, 5)",
            "SELECT range(DATE '2020-01-01', DATE '2020-03-01', INTERVAL '1 month')",
            "SELECT generate_series(TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-02', INTERVAL '1 hour')",
        ] {
            assert_eq!(run(sql).await.expect(sql), 1, "{sql}");
        }
    }
}
