//! How large the result of a function will be, from its arguments.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::compute::{cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::{BATCH_BYTES_MAX, VALUE_BYTES_MAX, bytes};
use crate::error::{Error, ErrorKind};

/// Pairs of bytes that one comparison of two texts looks at.
const VALUE_PAIRS_MAX: f64 = 1e8;

/// The same for all comparisons of a batch, which nothing can stop.
const BATCH_PAIRS_MAX: f64 = 5e9;

const SECONDS_A_DAY: f64 = 86_400.0;

/// The longest text that a number becomes, in bytes.
const NUMBER_BYTES: f64 = 24.0;

/// The longest text that a letter of a format becomes, in bytes: `%+` is a whole timestamp.
const FORMAT_BYTES: f64 = 20.0;

/// The groups of a pattern that can hold the same text: the parser of patterns nests no deeper.
const GROUPS_MAX: f64 = 250.0;

/// What decides how large a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// The first argument, as often as the second says.
    Times,
    /// As many characters as the second argument says.
    Padding,
    /// As many elements as the second argument says, each as large as the third argument.
    Elements,
    /// The steps from one argument to the next.
    Series,
    /// All arguments together.
    Sum,
    /// All arguments together, with the first one between them.
    Joined,
    /// The first argument, with the third for each second that it holds.
    Replacement,
    /// The first argument, with the third for each match, which may repeat the match.
    Pattern,
    /// The first argument, for each group of the second.
    Groups,
    /// A text for each letter of the second argument.
    Format,
    /// The elements of the first argument as text, with the second argument between them.
    ElementsJoined,
    /// The first argument, with the third for each element.
    EachElement,
    /// Not a size but time: the lengths of both arguments multiplied.
    Product,
}

pub(super) const FUNCTIONS: [(&str, Growth); 22] = [
    ("repeat", Growth::Times),
    ("array_repeat", Growth::Times),
    ("lpad", Growth::Padding),
    ("rpad", Growth::Padding),
    ("array_resize", Growth::Elements),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
    ("concat", Growth::Sum),
    ("make_array", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_append", Growth::Sum),
    ("array_prepend", Growth::Sum),
    ("array_replace", Growth::Sum),
    ("concat_ws", Growth::Joined),
    ("replace", Growth::Replacement),
    ("regexp_replace", Growth::Pattern),
    ("regexp_match", Growth::Groups),
    ("to_char", Growth::Format),
    ("array_to_string", Growth::ElementsJoined),
    ("array_replace_n", Growth::EachElement),
    ("array_replace_all", Growth::EachElement),
    ("levenshtein", Growth::Product),
];

impl Growth {
    /// What one value may be, and what those of a batch may be together.
    pub(super) fn limits(self) -> (f64, f64) {
        match self {
            Self::Product => (VALUE_PAIRS_MAX, BATCH_PAIRS_MAX),
            _ => (VALUE_BYTES_MAX, BATCH_BYTES_MAX),
        }
    }

    /// True if the estimate is the worst case, far above what comes out of most texts.
    pub(super) fn is_known_only_afterwards(self) -> bool {
        matches!(
            self,
            Self::Replacement
                | Self::Pattern
                | Self::Groups
                | Self::Format
                | Self::ElementsJoined
                | Self::EachElement
        )
    }
}

/// What each row's result will be, about; null where the result is null or the function itself
/// refuses.
///
/// # Errors
///
/// When the arguments can have no result, or one is too large by itself.
pub(super) fn estimates(
    growth: Growth,
    name: &str,
    args: &ScalarFunctionArgs,
) -> Result<Float64Array> {
    let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if is_constant { 1 } else { args.number_rows };
    let columns = args
        .args
        .iter()
        .map(|arg| {
            let is_constant = matches!(arg, ColumnarValue::Scalar(_));
            let array = arg.to_array(if is_constant { 1 } else { rows })?;
            Ok(Column { array, is_constant, rows })
        })
        .collect::<Result<Vec<_>>>()?;
    refuse_large_constants(name, &columns)?;
    if let (Growth::Series, [_, _, step, ..]) = (growth, columns.as_slice()) {
        refuse_ways_back(name, &step.array)?;
    }
    sizes(growth, &columns, rows)
}

/// An argument: one value if it is constant, else one for each row.
struct Column {
    array: ArrayRef,
    is_constant: bool,
    rows: usize,
}

impl Column {
    fn spread(&self, values: Float64Array) -> Float64Array {
        if !self.is_constant || self.rows == 1 {
            return values;
        }
        let value = values.iter().next().flatten();
        std::iter::repeat_n(value, self.rows).collect()
    }

    fn bytes(&self) -> Result<Float64Array> {
        Ok(self.spread(bytes::of(&self.array)?))
    }

    fn numbers(&self) -> Result<Float64Array> {
        Ok(self.spread(numbers(&self.array)?))
    }

    fn moments(&self) -> Result<Float64Array> {
        Ok(self.spread(moments(&self.array)?))
    }

    fn strides(&self) -> Result<Float64Array> {
        Ok(self.spread(strides(&self.array)?))
    }

    /// The elements of each list, and of those in it.
    fn elements(&self) -> Result<Float64Array> {
        match length(&self.array) {
            Ok(lengths) => Ok(self.spread(numbers(&lengths)?)),
            Err(_) => Ok(constant(0.0, self.rows)),
        }
    }

    /// The groups of each pattern, at most.
    fn groups(&self) -> Result<Float64Array> {
        let texts = cast(&self.array, &DataType::LargeUtf8)?;
        let texts = texts.as_string::<i64>().iter();
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let count = |text: &str| text.matches('(').count() as f64;
        Ok(self.spread(texts.map(|text| text.map(|text| count(text).min(GROUPS_MAX))).collect()))
    }
}

/// A constant is written out for each row.
fn refuse_large_constants(name: &str, columns: &[Column]) -> Result<()> {
    for column in columns.iter().filter(|column| column.is_constant) {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        if bytes::sum(&column.array)? * column.rows as f64 > BATCH_BYTES_MAX {
            let message = format!("a constant in {name}() is too large for that many rows");
            return Err(Error::new(ErrorKind::ResourcesExhausted, message)
                .with_hint("at most 256 MiB once it is repeated for each row of a batch")
                .into());
        }
    }
    Ok(())
}

/// A step that goes forward and back at once, such as a month less 28 days, may stand still.
fn refuse_ways_back(name: &str, step: &ArrayRef) -> Result<()> {
    if !matches!(step.data_type(), DataType::Interval(_)) {
        return Ok(());
    }
    let steps = cast(step, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let turns = steps.as_primitive::<IntervalMonthDayNanoType>().iter().flatten().any(|step| {
        let signs = [i64::from(step.months), i64::from(step.days), step.nanoseconds];
        signs.iter().any(|part| *part > 0) && signs.iter().any(|part| *part < 0)
    });
    if !turns {
        return Ok(());
    }
    let message = format!("the step of {name}() goes forward and back at once");
    Err(Error::new(ErrorKind::InvalidQuery, message)
        .with_hint("give its months, days and seconds one sign")
        .into())
}

fn sizes(growth: Growth, args: &[Column], rows: usize) -> Result<Float64Array> {
    let sizes = match (growth, args) {
        (Growth::Times, [what, times, ..]) => {
            product(&at_least_one(&what.bytes()?), &times.numbers()?)
        }
        (Growth::Padding, [_, count, ..]) => count.numbers()?,
        (Growth::Elements, [_, count]) => product(&constant(8.0, rows), &count.numbers()?),
        (Growth::Elements, [_, count, fill, ..]) => {
            product(&at_least_one(&fill.bytes()?), &count.numbers()?)
        }
        (Growth::Series, [stop]) => {
            steps(&constant(0.0, rows), &stop.moments()?, &constant(1.0, rows))
        }
        (Growth::Series, [start, stop]) => {
            steps(&start.moments()?, &stop.moments()?, &constant(1.0, rows))
        }
        (Growth::Series, [start, stop, step, ..]) => {
            steps(&start.moments()?, &stop.moments()?, &step.strides()?)
        }
        (Growth::Sum, args) => sum(args, rows)?,
        (Growth::Joined, [between, others @ ..]) => {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let count = constant(others.len() as f64, rows);
            plus(&sum(others, rows)?, &product(&between.bytes()?, &count))
        }
        (Growth::Product, [left, right]) => product(&left.bytes()?, &right.bytes()?),
        (growth, args) => worst_cases(growth, args, rows)?,
    };
    Ok(sizes)
}

/// The growths whose estimate is the worst case.
fn worst_cases(growth: Growth, args: &[Column], rows: usize) -> Result<Float64Array> {
    let worst = match (growth, args) {
        (Growth::Replacement, [text, from, to]) => {
            let matches = quotient(&text.bytes()?, &at_least_one(&from.bytes()?));
            plus(&text.bytes()?, &product(&matches, &to.bytes()?))
        }
        (Growth::Pattern, [text, _, to, flags @ ..]) => {
            let repeated = product(&text.bytes()?, &to.bytes()?);
            let once = plus(&text.bytes()?, &repeated);
            // Without flags, only the first match is replaced, but it may be the whole text.
            if flags.is_empty() { plus(&once, &to.bytes()?) } else { plus(&once, &repeated) }
        }
        (Growth::Groups, [text, pattern, ..]) => {
            product(&text.bytes()?, &plus(&pattern.groups()?, &constant(1.0, rows)))
        }
        (Growth::Format, [_, format, ..]) => {
            product(&format.bytes()?, &constant(FORMAT_BYTES, rows))
        }
        (Growth::ElementsJoined, [list, between, others @ ..]) => {
            let mut each = plus(&between.bytes()?, &constant(NUMBER_BYTES, rows));
            if let [for_null] = others {
                each = plus(&each, &for_null.bytes()?);
            }
            // Lists in the list have elements too, at least a byte each.
            let elements = larger(&list.elements()?, &bytes_of_nested(list)?);
            plus(&list.bytes()?, &product(&elements, &each))
        }
        (Growth::EachElement, [list, _, to, ..]) => {
            plus(&list.bytes()?, &product(&list.elements()?, &to.bytes()?))
        }
        _ => Float64Array::new_null(rows),
    };
    Ok(worst)
}

/// The bytes of a list of lists, as a bound of how many elements are in it; else nothing.
fn bytes_of_nested(list: &Column) -> Result<Float64Array> {
    let is_nested = match list.array.data_type() {
        DataType::List(field) | DataType::LargeList(field) => field.data_type().is_nested(),
        _ => false,
    };
    if is_nested { list.bytes() } else { Ok(constant(0.0, list.rows)) }
}

fn constant(value: f64, rows: usize) -> Float64Array {
    Float64Array::from_value(value, rows)
}

fn combined(
    left: &Float64Array,
    right: &Float64Array,
    combine: impl Fn(f64, f64) -> f64,
) -> Float64Array {
    left.iter().zip(right).map(|(left, right)| Some(combine(left?, right?))).collect()
}

fn product(left: &Float64Array, right: &Float64Array) -> Float64Array {
    combined(left, right, |left, right| left * right.max(0.0))
}

fn quotient(left: &Float64Array, right: &Float64Array) -> Float64Array {
    combined(left, right, |left, right| left / right)
}

fn larger(left: &Float64Array, right: &Float64Array) -> Float64Array {
    combined(left, right, f64::max)
}

fn plus(left: &Float64Array, right: &Float64Array) -> Float64Array {
    combined(left, right, |left, right| left + right)
}

fn at_least_one(values: &Float64Array) -> Float64Array {
    values.iter().map(|value| Some(value.unwrap_or(0.0).max(1.0))).collect()
}

/// All arguments together; those that are null add nothing.
fn sum(args: &[Column], rows: usize) -> Result<Float64Array> {
    let mut sums = vec![0.0; rows];
    for arg in args {
        for (sum, bytes) in sums.iter_mut().zip(&arg.bytes()?) {
            *sum += bytes.unwrap_or(0.0);
        }
    }
    Ok(Float64Array::from(sums))
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

fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// Whole numbers as they are, times in seconds.
fn moments(array: &ArrayRef) -> Result<Float64Array> {
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
fn strides(array: &ArrayRef) -> Result<Float64Array> {
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
