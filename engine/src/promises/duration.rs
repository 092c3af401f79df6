//! How long something may take, as contracts write it.

use chrono::TimeDelta;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const MONTH: f64 = 30.0 * DAY;
const YEAR: f64 = 365.0 * DAY;

/// What `m` means: the most used reader of contracts takes it for minutes in one promise, and for months in
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterM {
    Minutes,
    Months,
}

/// The length of a unit of time in seconds; a month has 30 days, a year 365. `m` is left open.
pub(crate) fn seconds_of_unit(unit: &str) -> Option<f64> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1.0,
        "min" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7.0 * DAY,
        "mo" | "month" | "months" => MONTH,
        "y" | "yr" | "year" | "years" => YEAR,
        _ => return None,
    })
}

/// The length of a value with a unit, days without one, or of a duration of ISO 8601 (`P1DT12H`), which has its
/// units in itself. `None` for what is neither, or not above zero.
pub(super) fn parse(value: &str, unit: Option<&str>, letter_m: LetterM) -> Option<TimeDelta> {
    let value = value.trim();
    let seconds = match value.parse::<f64>() {
        Ok(number) => {
            let unit = unit.unwrap_or("d").trim();
            let seconds = match (unit, letter_m) {
                ("m" | "M", LetterM::Minutes) => MINUTE,
                ("m" | "M", LetterM::Months) => MONTH,
                _ => seconds_of_unit(unit)?,
            };
            number * seconds
        }
        Err(_) => iso_seconds(value)?,
    };
    let is_sensible = seconds.is_finite() && seconds > 0.0 && seconds < 1_000.0 * YEAR;
    #[expect(clippy::cast_possible_truncation, reason = "far below what a whole number holds")]
    is_sensible.then(|| TimeDelta::milliseconds((seconds * 1_000.0).round() as i64))
}

fn iso_seconds(text: &str) -> Option<f64> {
    if !text.starts_with(['P', 'p']) {
        return None;
    }
    let span: jiff::Span = text.parse().ok()?;
    let days = f64::from(span.get_days()) + 7.0 * f64::from(span.get_weeks());
    let months =
        f64::from(span.get_months()) + 12.0 * f64::from(span.get_years()) * YEAR / (12.0 * MONTH);
    #[expect(clippy::cast_precision_loss, reason = "a longer time is no sensible promise")]
    let clock = {
        let minutes = span.get_minutes() as f64 + 60.0 * f64::from(span.get_hours());
        span.get_seconds() as f64 + minutes * MINUTE
    };
    Some(months * MONTH + days * DAY + clock)
}

/// A length for people, in its two largest units: `5 h 12 min`.
pub(super) fn words(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    if seconds < 0 {
        return format!("-{}", words(-length));
    }
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let first = units.iter().position(|(_, size)| seconds >= *size).unwrap_or(units.len() - 1);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units.iter().skip(first).take(2) {
        if rest / size > 0 || parts.is_empty() {
            parts.push(format!("{} {name}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_read_with_its_unit() {
        for (value, unit, seconds) in [
            ("2", Some("h"), Some(7_200)),
            ("90", Some("min"), Some(5_400)),
            ("0.5", Some("Hours"), Some(1_800)),
            ("1", None, Some(86_400)),
            ("3", Some("m"), Some(180)),
            ("2", Some("mo"), Some(5_184_000)),
            ("1", Some("y"), Some(31_536_000)),
            ("P1DT12H", None, Some(129_600)),
            ("PT30M", Some("d"), Some(1_800)),
            ("P1Y", None, Some(31_536_000)),
            ("P2W", None, Some(1_209_600)),
            ("1", Some("fortnight"), None),
            ("soon", Some("h"), None),
            ("-1", Some("h"), None),
            ("NaN", Some("h"), None),
            ("1e300", Some("y"), None),
            ("PT", None, None),
        ] {
            let length = parse(value, unit, LetterM::Minutes).map(|length| length.num_seconds());
            assert_eq!(length, seconds, "{value} {unit:?}");
        }
        assert_eq!(parse("1", Some("m"), LetterM::Months), Some(TimeDelta::days(30)));
    }

    #[test]
    fn length_is_told_in_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (18_720, "5 h 12 min"),
            (3_600, "1 h"),
            (90_061, "1 d 1 h"),
            (86_459, "1 d"),
            (-60, "-1 min"),
        ] {
            assert_eq!(words(TimeDelta::seconds(seconds)), text);
        }
    }
}
