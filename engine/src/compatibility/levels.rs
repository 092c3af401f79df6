//! Service levels that are looser than before (ODCS 3.2.0, `slaProperties[]`).

use super::{Change, found};
use crate::product::{Contract, Problem, ProblemLevel, Slo};
use crate::promises::seconds_of_unit;

/// Which values promise less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looser {
    Larger,
    Smaller,
    Unknown,
}

/// Compares the service levels of two revisions of one contract. Those that are dates are ends of the life
/// cycle, which are compared as such.
pub(super) fn compare(label: &str, change: Change<'_>, findings: &mut Vec<Problem>) {
    for old in change.old.slos.iter().filter(|slo| !is_date(&slo.property)) {
        let name = match &old.element {
            Some(element) => format!("{} of {element} in {label}", old.property),
            None => format!("{} of {label}", old.property),
        };
        let same = |new: &&Slo| new.property == old.property && new.element == old.element;
        let Some(new) = change.new.slos.iter().find(same) else {
            findings.push(change.breaks(0, format!("{name} is not promised any more")));
            continue;
        };
        if (&old.value, &old.unit) == (&new.value, &new.unit) {
            continue;
        }
        let words = format!("from {} to {}", word(old), word(new));
        match is_looser(old, new) {
            Some(true) => {
                findings.push(change.breaks(new.line, format!("{name} is looser: {words}")));
            }
            Some(false) => {}
            None => {
                let message = format!("{name} changes {words}");
                let hint = "whether that is looser cannot be told; look at it";
                let problem = found(change.product, &change.new.file, new.line, message, hint);
                findings.push(Problem { level: ProblemLevel::Warning, ..problem });
            }
        }
    }
}

/// The line of the service level with this name; 0 without one.
pub(super) fn line_of(contract: &Contract, property: &str) -> u64 {
    let named = |slo: &&Slo| slo.property.eq_ignore_ascii_case(property);
    contract.slos.iter().find(named).map_or(0, |slo| slo.line)
}

fn is_date(property: &str) -> bool {
    let dates = ["generalAvailability", "ga", "endOfSupport", "es", "endOfLife", "el"];
    dates.iter().any(|date| date.eq_ignore_ascii_case(property))
}

fn word(slo: &Slo) -> String {
    match &slo.unit {
        Some(unit) => format!("{} {unit}", slo.value),
        None => slo.value.clone(),
    }
}

/// True if the new level promises less; `None` if nobody can tell.
fn is_looser(old: &Slo, new: &Slo) -> Option<bool> {
    let (before, after) = match old.unit == new.unit {
        true => (number(old)?, number(new)?),
        false => (number(old)? * seconds(old)?, number(new)? * seconds(new)?),
    };
    match direction(&old.property) {
        Looser::Larger => Some(after > before),
        Looser::Smaller => Some(after < before),
        Looser::Unknown => None,
    }
}

fn number(slo: &Slo) -> Option<f64> {
    let text = slo.value.trim();
    let number: f64 = text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok()?;
    number.is_finite().then_some(number)
}

/// The length of a unit of time. `m` is left open: minutes to one reader, months to another.
fn seconds(slo: &Slo) -> Option<f64> {
    seconds_of_unit(slo.unit.as_deref().unwrap_or("d"))
}

fn direction(property: &str) -> Looser {
    match property.to_ascii_lowercase().as_str() {
        "latency" | "ly" | "freshness" | "frequency" | "fy" | "errorrate" | "er"
        | "timetodetect" | "td" | "timetonotify" | "tn" | "timetorepair" | "tr" => Looser::Larger,
        "availability" | "av" | "throughput" | "th" | "retention" | "re" => Looser::Smaller,
        _ => Looser::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slo(property: &str, (value, unit): (&str, &str)) -> Slo {
        Slo {
            property: property.to_owned(),
            value: value.to_owned(),
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            ..Slo::default()
        }
    }

    #[test]
    fn level_is_looser_by_what_it_measures() {
        for (property, old, new, expected) in [
            ("freshness", ("2", "h"), ("3", "h"), Some(true)),
            ("freshness", ("2", "h"), ("90", "min"), Some(false)),
            ("freshness", ("2", "h"), ("1", "d"), Some(true)),
            ("freshness", ("1", ""), ("24", "h"), Some(false)),
            ("latency", ("2", "m"), ("1", "m"), Some(false)),
            ("latency", ("2", "m"), ("1", "h"), None),
            ("latency", ("P1D", ""), ("P2D", ""), None),
            ("retention", ("2", "y"), ("1", "y"), Some(true)),
            ("retention", ("1", "y"), ("400", "d"), Some(false)),
            ("availability", ("99.9", "percent"), ("99.5", "percent"), Some(true)),
            ("availability", ("99.5%", ""), ("99.9 %", ""), Some(false)),
            ("timeOfAvailability", ("9", ""), ("10", ""), None),
            ("errorRate", ("NaN", ""), ("1", ""), None),
        ] {
            let looser = is_looser(&slo(property, old), &slo(property, new));
            assert_eq!(looser, expected, "{property} from {old:?} to {new:?}");
        }
    }
}
