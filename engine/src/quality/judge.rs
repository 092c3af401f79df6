//! Whether what was measured is what was expected.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{QualityResult, QualityStatus};
use crate::product::{Expectation, QualityRule, RuleValue};

/// The result of a rule that was measured; NULL is never what is expected.
pub(super) fn judged(
    rule: &QualityRule,
    (measured, rows): (Option<RuleValue>, Option<u64>),
    now: DateTime<Utc>,
) -> QualityResult {
    let unit = if rule.is_percent { " %" } else { "" };
    let (status, message) = match (&rule.expectation, &measured) {
        (Some(expectation), Some(value)) => match holds(expectation, value) {
            Some(true) => (QualityStatus::Pass, None),
            Some(false) => {
                let message = format!("measured {value}{unit}, expected {expectation}{unit}");
                (QualityStatus::Fail, Some(message))
            }
            None => {
                let message = format!("{value} cannot be held against {expectation}");
                (QualityStatus::Error, Some(message))
            }
        },
        (Some(expectation), None) => {
            (QualityStatus::Fail, Some(format!("measured NULL, expected {expectation}")))
        }
        (None, _) => (QualityStatus::Error, Some("the rule expects nothing".to_owned())),
    };
    let result = QualityResult { status, measured, rows, ..not_run(String::new(), now) };
    QualityResult { message, ..result }
}

/// The result of a rule that could not be measured.
pub(super) fn unmeasured(message: String, now: DateTime<Utc>) -> QualityResult {
    QualityResult { status: QualityStatus::Error, ..not_run(message, now) }
}

/// The result of a rule that is not for us to measure.
pub(super) fn not_run(message: String, now: DateTime<Utc>) -> QualityResult {
    QualityResult {
        status: QualityStatus::NotRun,
        measured: None,
        rows: None,
        message: Some(message),
        tells_of_rows: false,
        was_put_off: false,
        snapshot: None,
        checked_at: now,
    }
}

/// What a rule counted, in its unit: of no rows, 0 % are anything.
pub(super) fn in_unit(rule: &QualityRule, count: u64, rows: u64) -> RuleValue {
    if !rule.is_percent {
        return RuleValue::Whole(i128::from(count));
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 15 digits")]
    let share = if rows == 0 { 0.0 } else { count as f64 / rows as f64 * 100.0 };
    RuleValue::Float((share * 1e6).round() / 1e6)
}

/// Whether a value is as expected; `None` if the two cannot be compared.
fn holds(expectation: &Expectation, value: &RuleValue) -> Option<bool> {
    let order = |other: &RuleValue| compared(value, other);
    Some(match expectation {
        Expectation::Is(wanted) => order(wanted)?.is_eq(),
        Expectation::IsNot(wanted) => order(wanted)?.is_ne(),
        Expectation::Above(limit) => order(limit)?.is_gt(),
        Expectation::AtLeast(limit) => order(limit)?.is_ge(),
        Expectation::Below(limit) => order(limit)?.is_lt(),
        Expectation::AtMost(limit) => order(limit)?.is_le(),
        Expectation::Between(low, high) => order(low)?.is_ge() && order(high)?.is_le(),
        Expectation::NotBetween(low, high) => order(low)?.is_lt() || order(high)?.is_gt(),
    })
}

/// Numbers by their size, true as 1 and false as 0.
fn compared(left: &RuleValue, right: &RuleValue) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => float(left)?.partial_cmp(&float(right)?),
    }
}

fn whole(value: &RuleValue) -> Option<i128> {
    match value {
        RuleValue::Whole(value) => Some(*value),
        RuleValue::Boolean(value) => Some(i128::from(*value)),
        RuleValue::Float(_) | RuleValue::Text(_) => None,
    }
}

/// The value as a number; `None` for text, which is none although it may look like one.
pub(crate) fn float(value: &RuleValue) -> Option<f64> {
    match value {
        RuleValue::Float(value) => Some(*value),
        RuleValue::Text(_) => None,
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is wanted")]
        other => whole(other).map(|value| value as f64),
    }
}
