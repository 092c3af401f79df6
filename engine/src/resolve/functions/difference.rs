//! How far two points in time lie apart.
//!
//! ```text
//! datediff('day', 23:59, 00:01 of the next day)      = 1   boundaries between the two
//! timestampdiff('day', 23:59, 00:01 of the next day) = 0   whole units
//! ```
//!
//! Days and all that is longer are those of the calendar in the zone of the arguments; hours and all
//! that is shorter are those of UTC. A week begins on Sunday.

use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::Int64Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result as DataFusionResult, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::instants::{Instant, instant_type, instants, unit_of, zone_of};
use super::{Unit, as_constant_as};

const SECOND_NANOS: i128 = 1_000_000_000;
const DAY_NANOS: i128 = 86_400 * SECOND_NANOS;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counts {
    /// The boundaries of units between the two, as SQL Server does.
    Boundaries,
    /// The units that fit between the two, as ODBC and MySQL do.
    WholeUnits,
}

/// `name(unit, start, end)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Difference {
    name: &'static str,
    counts: Counts,
    signature: Signature,
}

impl Difference {
    pub(super) fn new(name: &'static str, counts: Counts) -> Self {
        Self { name, counts, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        let [_, start, end] = given else {
            return plan_err!("{} takes a unit, a start and an end", self.name);
        };
        let [start, end] = [instant_type(self.name, start)?, instant_type(self.name, end)?];
        Ok(vec![DataType::Utf8, start, end])
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let [ColumnarValue::Scalar(unit), between @ ..] = args.args.as_slice() else {
            return plan_err!("the unit of {} is a constant", self.name);
        };
        let unit = unit_of(self.name, Some(unit))?;
        let arrays = ColumnarValue::values_to_arrays(between)?;
        let [start, end] = arrays.as_slice() else {
            return plan_err!("{} takes a unit, a start and an end", self.name);
        };
        let zones = [zone_of(start.data_type())?, zone_of(end.data_type())?];
        let [starts, ends] = [instants(start, zones[1])?, instants(end, zones[0])?];
        let count = match self.counts {
            Counts::Boundaries => boundaries,
            Counts::WholeUnits => whole_units,
        };
        let mut counted = Vec::with_capacity(starts.len());
        for (start, end) in starts.into_iter().zip(ends) {
            let Some((start, end)) = start.zip(end) else {
                counted.push(None);
                continue;
            };
            match i64::try_from(count(unit, start, end)) {
                Ok(count) => counted.push(Some(count)),
                Err(_) => return exec_err!("{} counts too many {}s", self.name, unit.name()),
            }
        }
        as_constant_as(between, Arc::new(Int64Array::from(counted)))
    }
}

fn boundaries(unit: Unit, start: Instant, end: Instant) -> i128 {
    period(unit, end) - period(unit, start)
}

/// The number of the unit in which an instant lies.
fn period(unit: Unit, at: Instant) -> i128 {
    let days = i128::from(at.local.num_days_from_ce());
    match unit {
        Unit::Year => i128::from(at.local.year()),
        Unit::Quarter => months(at.local).div_euclid(3),
        Unit::Month => months(at.local),
        // Day 7 of the calendar was a Sunday.
        Unit::Week => days.div_euclid(7),
        Unit::Day => days,
        Unit::Hour | Unit::Minute | Unit::Second => nanos(at.utc).div_euclid(length(unit)),
        Unit::Millisecond | Unit::Microsecond | Unit::Nanosecond => {
            nanos(at.utc).div_euclid(length(unit))
        }
    }
}

fn whole_units(unit: Unit, start: Instant, end: Instant) -> i128 {
    let elapsed = nanos(end.utc) - nanos(start.utc);
    match unit {
        Unit::Year => whole_months(start.local, end.local) / 12,
        Unit::Quarter => whole_months(start.local, end.local) / 3,
        Unit::Month => whole_months(start.local, end.local),
        Unit::Week => (nanos(end.local) - nanos(start.local)) / (7 * DAY_NANOS),
        Unit::Day => (nanos(end.local) - nanos(start.local)) / DAY_NANOS,
        Unit::Hour | Unit::Minute | Unit::Second => elapsed / length(unit),
        Unit::Millisecond | Unit::Microsecond | Unit::Nanosecond => elapsed / length(unit),
    }
}

/// A month is whole when its day and time have come again.
fn whole_months(start: NaiveDateTime, end: NaiveDateTime) -> i128 {
    let months = months(end) - months(start);
    let [start_rest, end_rest] = [start, end].map(|at| (at.day(), at.time()));
    match months {
        1.. if end_rest < start_rest => months - 1,
        ..=-1 if end_rest > start_rest => months + 1,
        _ => months,
    }
}

fn months(at: NaiveDateTime) -> i128 {
    i128::from(at.year()) * 12 + i128::from(at.month0())
}

fn nanos(at: NaiveDateTime) -> i128 {
    let at_utc = at.and_utc();
    i128::from(at_utc.timestamp()) * SECOND_NANOS + i128::from(at.nanosecond())
}

fn length(unit: Unit) -> i128 {
    unit.nanoseconds().map_or(DAY_NANOS, i128::from)
}
