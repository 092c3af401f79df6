//! What a service level promises of one table.

use chrono::TimeDelta;

use super::duration::{self, LetterM};
use crate::product::{Contract, Slo, Table};

/// A promise about time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Promise<'a> {
    /// What may not be older.
    pub(crate) subject: Subject<'a>,
    /// The age that it stays below; `None` if nobody knows how long that is.
    pub(crate) limit: Option<TimeDelta>,
}

/// What may not be older than a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// The last commit (`frequency`).
    Commit,
    /// The newest value of a column (`latency`, `freshness`).
    Newest(&'a str),
    /// The newest row, whose age no column tells.
    Data,
    /// The oldest value of a column (`retention`).
    Oldest(&'a str),
}

/// The kinds of promise, in the words of ODCS 3.2.0 (`slaProperties[].property`, any case).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frequency,
    Freshness,
    Retention,
}

impl<'a> Promise<'a> {
    /// What `slo` promises of `table`; `None` if it is not about time, or about another table.
    pub(crate) fn of(slo: &'a Slo, contract: &Contract, table: &Table) -> Option<Self> {
        let kind = match slo.property.trim().to_ascii_lowercase().as_str() {
            "frequency" | "fy" => Kind::Frequency,
            "latency" | "ly" | "freshness" => Kind::Freshness,
            "retention" | "re" => Kind::Retention,
            _ => return None,
        };
        let column = match slo.element.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            None => None,
            Some(elements) => {
                elements.split(',').find_map(|element| concerns(element.trim(), contract, table))?
            }
        };
        let (subject, letter_m) = match (kind, column) {
            (Kind::Frequency, _) => (Subject::Commit, LetterM::Minutes),
            (Kind::Freshness, Some(column)) => (Subject::Newest(column), LetterM::Minutes),
            (Kind::Freshness, None) => (Subject::Data, LetterM::Minutes),
            (Kind::Retention, Some(column)) => (Subject::Oldest(column), LetterM::Months),
            // How old the oldest row is, no commit tells.
            (Kind::Retention, None) => return None,
        };
        let limit = duration::parse(&slo.value, slo.unit.as_deref(), letter_m);
        Some(Self { subject, limit })
    }
}

/// Whether an element is about `table`, and about which of its columns: `table.column`, `table`, or a column of the
/// only table.
fn concerns<'a>(element: &'a str, contract: &Contract, table: &Table) -> Option<Option<&'a str>> {
    let has = |column: &str| table.columns.iter().any(|known| known.name == column);
    if let Some((name, column)) = element.split_once('.')
        && name == table.name
        && (has(column) || table.columns.is_empty())
    {
        return Some(Some(column));
    }
    if element == table.name {
        return Some(None);
    }
    (contract.tables.len() == 1 && has(element)).then_some(Some(element))
}
