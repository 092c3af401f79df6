//! How much went from which domain to which, by day.
//!
//! ```text
//! payments.royalties ──for royalty-accounting──▶ finance   2026-11-21: 12 statements, 1204 rows, 88012 bytes
//! ```
//!
//! The number of lines has a bound. Where it is reached, those of the oldest day go; if there is only one day,
//! purposes, which anybody can make up, are counted together.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use parking_lot::Mutex;

use super::TableAccess;
use crate::events::QueryEvent;
use crate::session::Principal;

/// What stands for a purpose that nobody named, and a domain that nobody is in.
const UNSPECIFIED: &str = "unspecified";

/// What stands for all that have no line of their own.
pub(crate) const OTHERS: &str = "(others)";

/// The longest purpose that is told apart, in characters.
const PURPOSE_CHARS_MAX: usize = 200;

/// From where to where, for what, on which day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovementKey {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// The domain that owns the product.
    pub from_domain: String,
    /// The product.
    pub from_product: String,
    /// The domain of whoever asked: their attribute `domain`; `unspecified` without one.
    pub to_domain: String,
    /// What kind of principal asked: `user`, `service` or `anonymous`.
    pub principal_kind: String,
    /// What for; `unspecified` if nobody said.
    pub purpose: String,
}

impl MovementKey {
    /// From a domain's product to a domain, for a kind of principal; a purpose that is long is cut.
    #[must_use]
    pub fn new(
        day: NaiveDate,
        (from_domain, from_product): (String, String),
        (to_domain, principal_kind): (String, String),
        purpose: Option<&str>,
    ) -> Self {
        let purpose = purpose.unwrap_or(UNSPECIFIED).chars().take(PURPOSE_CHARS_MAX).collect();
        Self { day, from_domain, from_product, to_domain, principal_kind, purpose }
    }
}

/// What went there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MovedData {
    /// The statements that read something of the product.
    pub statements: u64,
    /// The rows that were read and let through.
    pub rows: u64,
    /// The bytes that were read.
    pub bytes: u64,
}

impl MovedData {
    fn add(&mut self, other: Self) {
        self.statements = self.statements.saturating_add(other.statements);
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// How much went from which domain to which.
#[derive(Debug)]
pub(crate) struct Movement {
    lines_max: usize,
    lines: Mutex<BTreeMap<MovementKey, MovedData>>,
}

impl Movement {
    /// Keeps about this many lines.
    pub(crate) fn new(lines_max: usize) -> Self {
        Self { lines_max: lines_max.max(1), lines: Mutex::default() }
    }

    /// Counts what a statement read.
    pub(crate) fn count(&self, event: &QueryEvent) {
        for (key, moved) in moved(event) {
            self.add(key, moved);
        }
    }

    /// Counts what went on one way.
    pub(crate) fn add(&self, key: MovementKey, moved: MovedData) {
        let mut lines = self.lines.lock();
        if let Some(line) = lines.get_mut(&key) {
            line.add(moved);
            return;
        }
        let key = match lines.len() >= self.lines_max && !forget_oldest_day(&mut lines, key.day) {
            true => MovementKey { purpose: OTHERS.to_owned(), ..key },
            false => key,
        };
        lines.entry(key).or_default().add(moved);
    }

    /// All lines, by day.
    pub(crate) fn all(&self) -> Vec<(MovementKey, MovedData)> {
        self.lines.lock().iter().map(|(key, moved)| (key.clone(), *moved)).collect()
    }
}

/// Makes room, if there is a day before `day`.
fn forget_oldest_day(lines: &mut BTreeMap<MovementKey, MovedData>, day: NaiveDate) -> bool {
    let Some(oldest) = lines.first_key_value().map(|(key, _)| key.day) else { return false };
    if oldest >= day {
        return false;
    }
    lines.retain(|key, _| key.day > oldest);
    true
}

/// What a statement read, by product; what it read of one product counts as one statement.
fn moved(event: &QueryEvent) -> BTreeMap<MovementKey, MovedData> {
    let asked = &event.asked;
    let day = event.ended_at.date_naive();
    let mut all: BTreeMap<MovementKey, MovedData> = BTreeMap::new();
    for table in asked.tables.iter().filter(|table| has_moved(table)) {
        let Some(port) = &table.port else { continue };
        let reader = table.reader.as_deref().unwrap_or(&asked.principal);
        let from = (port.domain.clone(), port.product.clone());
        let to = (to_domain(reader).to_owned(), reader.kind.clone());
        let key = MovementKey::new(day, from, to, asked.purpose.as_deref());
        let line = all.entry(key).or_default();
        let (rows, bytes) = (table.reads.rows_passed, table.reads.bytes);
        line.add(MovedData { statements: 0, rows, bytes });
        line.statements = 1;
    }
    all
}

fn has_moved(table: &TableAccess) -> bool {
    table.decision.is_allowed() && (table.reads.bytes > 0 || table.reads.rows > 0)
}

/// The domain that a principal reads for: its attribute `domain`; `unspecified` without one.
#[must_use]
pub fn to_domain(principal: &Principal) -> &str {
    principal.attributes.get("domain").map_or(UNSPECIFIED, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(day: u32, product: &str, purpose: &str) -> MovementKey {
        MovementKey {
            day: NaiveDate::from_ymd_opt(2026, 11, day).unwrap(),
            from_domain: "payments".to_owned(),
            from_product: product.to_owned(),
            to_domain: "finance".to_owned(),
            principal_kind: "user".to_owned(),
            purpose: purpose.to_owned(),
        }
    }

    fn shown(movement: &Movement) -> Vec<(String, u64)> {
        let all = movement.all();
        all.into_iter()
            .map(|(key, moved)| {
                (
                    format!("{} {} {}", key.day.format("%d"), key.from_product, key.purpose),
                    moved.rows,
                )
            })
            .collect()
    }

    #[test]
    fn lines_have_a_bound_and_what_has_no_line_of_its_own_is_counted_with_others() {
        let movement = Movement::new(3);
        let one = MovedData { statements: 1, rows: 1, bytes: 10 };
        for key in [key(1, "a", "x"), key(1, "a", "x"), key(1, "b", "x"), key(2, "a", "x")] {
            movement.add(key, one);
        }
        let lines = |lines: &[(&str, u64)]| -> Vec<(String, u64)> {
            lines.iter().map(|(line, rows)| ((*line).to_owned(), *rows)).collect()
        };
        assert_eq!(shown(&movement), lines(&[("01 a x", 2), ("01 b x", 1), ("02 a x", 1)]));
        movement.add(key(2, "b", "x"), one);
        assert_eq!(shown(&movement), lines(&[("02 a x", 1), ("02 b x", 1)]));
        for purpose in ["1", "2", "3", "4"] {
            movement.add(key(2, "b", purpose), one);
        }
        let others = lines(&[("02 a x", 1), ("02 b (others)", 3), ("02 b 1", 1), ("02 b x", 1)]);
        assert_eq!(shown(&movement), others);
    }
}
