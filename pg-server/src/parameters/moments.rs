//! Dates and times without a zone, as clients write them: with one, which PostgreSQL passes over.

use datafusion::arrow::datatypes::DataType;

/// The text of a date, a time or a timestamp, without what its type does not hold. What is none stays
/// as it is, and is refused where it is read.
pub(super) fn local(text: &str, data_type: &DataType) -> String {
    let text = text.trim();
    match data_type {
        DataType::Date32 | DataType::Date64 => match text.split_once([' ', 'T']) {
            Some((date, rest)) if is_time(rest) => date.to_owned(),
            _ => text.to_owned(),
        },
        DataType::Timestamp(..) => match text.split_once([' ', 'T']) {
            Some((date, time)) => format!("{date}T{}", without_zone(time)),
            None => text.to_owned(),
        },
        _ => without_zone(text).to_owned(),
    }
}

/// True for a time of day, a zone, or both.
fn is_time(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z ".contains(&byte))
}

/// A time of day without its zone: `+05:30`, `-05`, `Z`.
fn without_zone(time: &str) -> &str {
    let time = time.trim();
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return time.trim_end();
    }
    match time.rfind(['+', '-']).and_then(|at| time.split_at_checked(at)) {
        Some((time, zone)) if is_offset(zone) => time.trim_end(),
        _ => time,
    }
}

fn is_offset(zone: &str) -> bool {
    let digits = zone.get(1..).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
}
