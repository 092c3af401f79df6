//! How old something is, as far as metadata knows.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::scalar::ScalarValue;

use super::VerdictStatus;
use crate::connector::{ColumnRange, Extreme, ValueRange};

/// How old something is, as far as metadata knows: a rounded bound, a deleted row or a file without
/// statistics leaves one side open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Age {
    /// It is not younger.
    pub(crate) at_least: Option<TimeDelta>,
    /// It is not older.
    pub(crate) at_most: Option<TimeDelta>,
    /// True if there is nothing that could have an age.
    pub(crate) is_of_nothing: bool,
}

impl Age {
    /// The age of the last commit.
    pub(crate) fn of_commit(committed_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let age = committed_at.map(|at| now - at);
        Self { at_least: age, at_most: age, is_of_nothing: false }
    }

    /// The age of the newest value of a column.
    pub(crate) fn of_newest(range: &ColumnRange, now: DateTime<Utc>) -> Self {
        Self::of(range, now, |range| &range.greatest)
    }

    /// The age of the oldest value of a column.
    pub(crate) fn of_oldest(range: &ColumnRange, now: DateTime<Utc>) -> Self {
        Self::of(range, now, |range| &range.least)
    }

    fn of(range: &ColumnRange, now: DateTime<Utc>, side: fn(&ValueRange) -> &Extreme) -> Self {
        match range {
            ColumnRange::Unknown => Self::default(),
            ColumnRange::Empty => Self { is_of_nothing: true, ..Self::default() },
            ColumnRange::Values(range) => {
                let extreme = side(range);
                let age = |value: &Option<ScalarValue>| Some(now - instant(value.as_ref()?)?);
                // The later, the younger.
                Self {
                    at_least: age(&extreme.at_most),
                    at_most: age(&extreme.at_least),
                    is_of_nothing: false,
                }
            }
        }
    }

    /// Whether it is less than `limit`.
    pub(crate) fn against(&self, limit: TimeDelta) -> VerdictStatus {
        match (self.at_least, self.at_most) {
            _ if self.is_of_nothing => VerdictStatus::Broken,
            (_, Some(most)) if most < limit => VerdictStatus::Kept,
            (Some(least), _) if least >= limit => VerdictStatus::Broken,
            (None, None) => VerdictStatus::Unknown,
            _ => VerdictStatus::Approximate,
        }
    }
}

/// A value as an instant, one without zone in UTC; `None` for what is none.
fn instant(value: &ScalarValue) -> Option<DateTime<Utc>> {
    match value {
        ScalarValue::Date32(Some(days)) => {
            let day = NaiveDate::from_epoch_days(*days)?;
            Some(day.and_time(chrono::NaiveTime::MIN).and_utc())
        }
        ScalarValue::Date64(Some(value)) | ScalarValue::TimestampMillisecond(Some(value), _) => {
            DateTime::from_timestamp_millis(*value)
        }
        ScalarValue::TimestampSecond(Some(value), _) => DateTime::from_timestamp(*value, 0),
        ScalarValue::TimestampMicrosecond(Some(value), _) => {
            DateTime::from_timestamp_micros(*value)
        }
        ScalarValue::TimestampNanosecond(Some(value), _) => {
            Some(DateTime::from_timestamp_nanos(*value))
        }
        _ => None,
    }
}
