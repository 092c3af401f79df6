//! When a rule is due, by the five fields of cron, in UTC.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

/// The longest time that is looked through for a minute at which a rule was due.
const MINUTES_MAX: i64 = 2 * 24 * 60;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When a rule is due: minutes, hours, days, months and days of the week, each as a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// True if a day that fits the month or the week is enough: both are written.
    either_day: bool,
}

impl Schedule {
    /// Reads `minute hour day month weekday`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. `None` for
    /// anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = match text.as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            text => text,
        };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let weekdays = bits(weekday, (0, 7), &WEEKDAYS)?;
        Some(Self {
            minutes: bits(minute, (0, 59), &[])?,
            hours: bits(hour, (0, 23), &[])?,
            days: bits(day, (1, 31), &[])?,
            months: bits(month, (1, 12), &MONTHS)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | (weekdays >> 7)) & 0x7f,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }

    /// True if a minute after `after`, and not after `until`, is one of its own.
    pub(super) fn is_due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
        let (first, last) = (minute(after) + 1, minute(until));
        let first = first.max(last.saturating_sub(MINUTES_MAX));
        (first..=last).any(|minute| {
            DateTime::UNIX_EPOCH
                .checked_add_signed(TimeDelta::minutes(minute))
                .is_some_and(|at| self.holds(at))
        })
    }

    fn holds(&self, at: DateTime<Utc>) -> bool {
        let has = |bits: u64, place: u32| bits >> place & 1 == 1;
        let (day, weekday) =
            (has(self.days, at.day()), has(self.weekdays, at.weekday().num_days_from_sunday()));
        let is_day = if self.either_day { day || weekday } else { day && weekday };
        is_day
            && has(self.months, at.month())
            && has(self.hours, at.hour())
            && has(self.minutes, at.minute())
    }
}

/// The bits of a field: numbers, names, ranges and steps, separated by commas.
fn bits(field: &str, (low, high): (u32, u32), names: &[&str]) -> Option<u64> {
    let number = |text: &str| {
        let named = names.iter().position(|name| *name == text);
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + low);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        named.or_else(|| is_number.then(|| text.parse().ok())?)
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            // A start with a step goes on to the end.
            None => (number(range)?, if step.is_some() { high } else { number(range)? }),
        };
        if from < low || to > high || from > to {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        bits |= (from..=to).step_by(step).fold(0, |bits, place| bits | 1 << place);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn rule_is_due_in_its_own_minutes() {
        // 2026-11-22 is a Sunday.
        for (schedule, time, expected) in [
            ("* * * * *", "2026-11-22T03:04:00Z", true),
            ("0 20 * * *", "2026-11-22T20:00:00Z", true),
            ("0 20 * * *", "2026-11-22T20:01:00Z", false),
            ("*/15 * * * *", "2026-11-22T20:45:00Z", true),
            ("*/15 * * * *", "2026-11-22T20:46:00Z", false),
            ("5/20 * * * *", "2026-11-22T20:45:00Z", true),
            ("0 8-18/5 * * mon-fri", "2026-11-23T13:00:00Z", true),
            ("0 8-18/5 * * mon-fri", "2026-11-22T13:00:00Z", false),
            ("0 0 * * 7", "2026-11-22T00:00:00Z", true),
            ("0 0 * * 0", "2026-11-22T00:00:00Z", true),
            ("0 0 1,22 nov *", "2026-11-22T00:00:00Z", true),
            ("0 0 1 * sun", "2026-11-22T00:00:00Z", true),
            ("0 0 1 * mon", "2026-11-22T00:00:00Z", false),
            ("@daily", "2026-11-22T00:00:00Z", true),
            ("@Hourly", "2026-11-22T07:00:00Z", true),
        ] {
            let known = Schedule::parse(schedule).expect(schedule);
            let until = at(time);
            let due = known.is_due(until - TimeDelta::minutes(1), until);
            assert_eq!(due, expected, "{schedule} at {time}");
        }
        let daily = Schedule::parse("0 20 * * *").expect("a schedule");
        assert!(daily.is_due(at("2026-11-22T19:59:59Z"), at("2026-11-22T20:00:30Z")));
        assert!(!daily.is_due(at("2026-11-22T20:00:30Z"), at("2026-11-22T20:00:59Z")));
        assert!(!daily.is_due(at("2026-11-22T21:00:00Z"), at("2026-11-22T20:00:00Z")));
        assert!(daily.is_due(at("2020-01-01T00:00:00Z"), at("2026-11-22T20:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_never_due() {
        for text in [
            "",
            "0 20 * *",
            "60 * * * *",
            "* * 0 * *",
            "a * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "+1 * * * *",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
