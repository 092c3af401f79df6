//! Units of time, by all the names that they have.

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    /// A year.
    Year,
    /// Three months.
    Quarter,
    /// A month.
    Month,
    /// Seven days.
    Week,
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
    /// A second.
    Second,
    /// A thousandth of a second.
    Millisecond,
    /// A millionth of a second.
    Microsecond,
    /// A billionth of a second.
    Nanosecond,
}

impl Unit {
    /// The name that our functions know.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Millisecond => "millisecond",
            Self::Microsecond => "microsecond",
            Self::Nanosecond => "nanosecond",
        }
    }

    /// The unit of a name in lower case: SQL Server's, ODBC's and MySQL's.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("sql_tsi_").unwrap_or(name);
        Some(match name {
            "year" | "years" | "yyyy" | "yy" => Self::Year,
            "quarter" | "quarters" | "qq" | "q" => Self::Quarter,
            "month" | "months" | "mm" | "m" => Self::Month,
            "week" | "weeks" | "wk" | "ww" => Self::Week,
            "day" | "days" | "dd" | "d" => Self::Day,
            // To count or to add them is to count or to add days.
            "dayofyear" | "dy" | "y" | "weekday" | "dw" | "w" => Self::Day,
            "hour" | "hours" | "hh" => Self::Hour,
            "minute" | "minutes" | "mi" | "n" => Self::Minute,
            "second" | "seconds" | "ss" | "s" => Self::Second,
            "millisecond" | "milliseconds" | "ms" => Self::Millisecond,
            "microsecond" | "microseconds" | "mcs" => Self::Microsecond,
            "nanosecond" | "nanoseconds" | "ns" | "frac_second" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// How long it is, if it is always as long.
    pub(super) fn nanoseconds(self) -> Option<i64> {
        match self {
            Self::Year | Self::Quarter | Self::Month | Self::Week | Self::Day => None,
            Self::Hour => Some(3_600_000_000_000),
            Self::Minute => Some(60_000_000_000),
            Self::Second => Some(1_000_000_000),
            Self::Millisecond => Some(1_000_000),
            Self::Microsecond => Some(1_000),
            Self::Nanosecond => Some(1),
        }
    }
}
