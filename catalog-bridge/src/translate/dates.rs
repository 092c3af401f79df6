//! The life cycle of a contract: instants among its service levels.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use crate::documents::Node;
use crate::problems::Finding;

/// The three instants of a contract's life.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LifeCycle {
    pub(crate) general_availability: Option<DateTime<Utc>>,
    pub(crate) end_of_support: Option<DateTime<Utc>>,
    pub(crate) end_of_life: Option<DateTime<Utc>>,
}

/// Reads the instants of `slaProperties`; one that cannot be read is an error, because a contract
/// must not be served past an end that nobody understood.
pub(crate) fn life_cycle(root: &Node, findings: &mut Vec<Finding>) -> LifeCycle {
    let mut life = LifeCycle::default();
    for (index, item) in root.items_of("slaProperties").iter().enumerate() {
        let Some(property) = item.text_of("property") else { continue };
        let slot = match property.to_ascii_lowercase().as_str() {
            "generalavailability" | "ga" => &mut life.general_availability,
            "endofsupport" | "es" => &mut life.end_of_support,
            "endoflife" | "el" => &mut life.end_of_life,
            _ => continue,
        };
        let path = format!("slaProperties[{index}].value");
        let Some(value) = item.get("value") else { continue };
        let Some(instant) = value.text().and_then(instant) else {
            let message = format!("{property} is not a date: found {}", value.describe());
            findings.push(Finding::error(value.line, path, message).with_hint(
                "expected a quoted date or instant, for instance \"2027-03-31\" or \
                 \"2027-03-31T00:00:00Z\"",
            ));
            continue;
        };
        if slot.is_some_and(|known| known != instant) {
            let message = format!("{property} is promised twice, at different times");
            findings.push(Finding::error(value.line, path, message).with_hint("keep one of them"));
        }
        *slot = Some(instant);
    }
    life
}

/// An RFC 3339 instant, a local date and time, or a date; without a zone, in UTC.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return Some(local.and_utc());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_dates_are_read_in_utc() {
        for (text, expected) in [
            ("2027-03-31T00:00:00Z", Some("2027-03-31T00:00:00+00:00")),
            ("2027-03-31T00:00:00+02:00", Some("2027-03-30T22:00:00+00:00")),
            ("2027-03-31", Some("2027-03-31T00:00:00+00:00")),
            ("2027-03-31 10:30:00", Some("2027-03-31T10:30:00+00:00")),
            ("2027-02-30", None),
            ("31.03.2027", None),
            ("soon", None),
            ("", None),
        ] {
            let read = instant(text).map(|instant| instant.to_rfc3339());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
