//! A point in time, so many units later.
//!
//! Months, quarters and years keep the day, or take the last one of the month where there is no such
//! day. Days and all that is longer keep the time of day in the zone of the argument.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::{cast, kernels::numeric};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, TimeUnit,
};
use datafusion::common::{Result as DataFusionResult, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::instants::{instant_type, unit_of};
use super::{Unit, as_constant_as};

/// `name(unit, count, instant)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Shift {
    name: &'static str,
    /// True if a date stays a date.
    keeps_dates: bool,
    signature: Signature,
}

impl Shift {
    pub(super) fn new(name: &'static str, keeps_dates: bool) -> Self {
        Self { name, keeps_dates, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn out_of_range(&self) -> datafusion::error::DataFusionError {
        exec_datafusion_err!("the result of {} is out of range", self.name)
    }

    /// The spans of time that are added.
    fn spans(&self, unit: Unit, counts: &ArrayRef) -> DataFusionResult<IntervalMonthDayNanoArray> {
        let span = |count: i64| match unit {
            Unit::Year => months(count, 12),
            Unit::Quarter => months(count, 3),
            Unit::Month => months(count, 1),
            Unit::Week => days(count, 7),
            Unit::Day => days(count, 1),
            Unit::Hour
            | Unit::Minute
            | Unit::Second
            | Unit::Millisecond
            | Unit::Microsecond
            | Unit::Nanosecond => {
                let nanos = count.checked_mul(unit.nanoseconds()?)?;
                Some(IntervalMonthDayNano::new(0, 0, nanos))
            }
        };
        let mut spans = Vec::with_capacity(counts.len());
        for count in counts.as_primitive::<Int64Type>() {
            spans.push(match count {
                Some(count) => Some(span(count).ok_or_else(|| self.out_of_range())?),
                None => None,
            });
        }
        Ok(IntervalMonthDayNanoArray::from(spans))
    }
}

fn months(count: i64, each: i64) -> Option<IntervalMonthDayNano> {
    let months = i32::try_from(count.checked_mul(each)?).ok()?;
    Some(IntervalMonthDayNano::new(months, 0, 0))
}

fn days(count: i64, each: i64) -> Option<IntervalMonthDayNano> {
    let days = i32::try_from(count.checked_mul(each)?).ok()?;
    Some(IntervalMonthDayNano::new(0, days, 0))
}

impl ScalarUDFImpl for Shift {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        let [_, count, instant] = given else {
            return plan_err!("{} takes a unit, a number and a date or timestamp", self.name);
        };
        if !(count.is_numeric() || count.is_null()) {
            return plan_err!("{} takes a number of units, not {count}", self.name);
        }
        let instant = match instant_type(self.name, instant)? {
            DataType::Date32 if !self.keeps_dates => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            other => other,
        };
        Ok(vec![DataType::Utf8, DataType::Int64, instant])
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        match given {
            [_, _, instant] => Ok(instant.clone()),
            _ => plan_err!("{} takes a unit, a number and a date or timestamp", self.name),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let given: Vec<DataType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let given = self.return_type(&given)?;
        let unit = unit_of(self.name, args.scalar_arguments.first().copied().flatten())?;
        if given == DataType::Date32 && unit.nanoseconds().is_some() {
            return plan_err!(
                "{} cannot add {}s to a date: cast it to TIMESTAMP",
                self.name,
                unit.name()
            );
        }
        Ok(Arc::new(Field::new(self.name, given, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let [ColumnarValue::Scalar(unit), shifted @ ..] = args.args.as_slice() else {
            return plan_err!("the unit of {} is a constant", self.name);
        };
        let unit = unit_of(self.name, Some(unit))?;
        let arrays = ColumnarValue::values_to_arrays(shifted)?;
        let [counts, instants] = arrays.as_slice() else {
            return plan_err!("{} takes a unit, a number and a date or timestamp", self.name);
        };
        let spans = self.spans(unit, counts)?;
        let is_date = instants.data_type() == &DataType::Date32;
        let instants = match is_date {
            true => cast(instants, &DataType::Timestamp(TimeUnit::Second, None))?,
            false => Arc::clone(instants),
        };
        let later = numeric::add(&instants, &spans).map_err(|_| self.out_of_range())?;
        let later = match is_date {
            true => cast(&later, &DataType::Date32)?,
            false => later,
        };
        as_constant_as(shifted, later)
    }
}
