//! When a rule is due, by the five fields of cron, in UTC.

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The longest time that is looked through for a minute at which a rule was due.
const MINUTES_MAX: i64 = 2 * 24 * 60;

/// When a rule is due.
#[derive(Debug, Clone)]
pub(super) struct Schedule(Cron);

impl Schedule {
    /// Reads `minute hour day month weekday`, or a word for one such as `@daily`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            // `5/20`, from minute 5 on.
            .sloppy_ranges(true)
            .build();
        let is_midnight = text.trim().eq_ignore_ascii_case("@midnight");
        let text = if is_midnight { "@daily" } else { text };
        let cron = parser.parse(text).map_err(|error| error.to_string())?;
        Ok(Self(cron))
    }

    /// True if a minute after `after`, and not after `until`, is one of its own.
    pub(super) fn is_due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
        let (first, last) = (minute(after) + 1, minute(until));
        // To look for the next time of its own would take long where there is none, such as on February 30th.
        let first = first.max(last.saturating_sub(MINUTES_MAX));
        (first..=last).any(|minute| {
            DateTime::UNIX_EPOCH
                .checked_add_signed(TimeDelta::minutes(minute))
                .is_some_and(|at| self.0.is_time_matching(&at).unwrap_or_default())
        })
    }
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
            ("0 0 L * *", "2026-11-30T00:00:00Z", true),
            ("@daily", "2026-11-22T00:00:00Z", true),
            ("@midnight", "2026-11-22T00:00:00Z", true),
            ("@Hourly", "2026-11-22T07:00:00Z", true),
            ("0 0 30 2 *", "2026-03-02T00:00:00Z", false),
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

    /// Contracts are written by anybody: whatever is read, nothing ends and nothing goes on for long.
    #[test]
    fn any_text_is_a_schedule_or_none() {
        let signs = [
            "0", "5", "31", "59", "7", "*", "/", "-", ",", "#", "L", "W", "?", "+", "@", " ",
            "mon", "feb", "ß",
        ];
        let (mut seed, mut read) = (1_u64, 0);
        for _ in 0..20_000 {
            let mut text = String::new();
            for field in 0..5 {
                if field > 0 {
                    text.push(' ');
                }
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if (seed >> 50) % 3 > 0 {
                    text.push('*');
                    continue;
                }
                for _ in 0..=(seed >> 40) % 3 {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let index = usize::try_from(seed >> 33).expect("31 bits") % signs.len();
                    text.push_str(signs[index]);
                }
            }
            if let Ok(schedule) = Schedule::parse(&text) {
                read += 1;
                schedule.is_due(at("2026-02-28T23:59:59Z"), at("2026-03-01T00:00:00Z"));
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for text in [
            "",
            "0 20 * *",
            "60 * * * *",
            "* * 0 * *",
            "a * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "0 0 20 * * *",
            "@sometimes",
        ] {
            let why = Schedule::parse(text).expect_err(text);
            assert!(!why.is_empty(), "{text}");
        }
    }
}
