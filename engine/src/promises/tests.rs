//! Verdicts by facts that are given, and what is told of them.

use chrono::TimeDelta;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::datasource::MemTable;
use datafusion::scalar::ScalarValue;

use super::*;
use crate::connector::{ColumnRange, Extreme, SnapshotId, ValueRange};
use crate::product::Column;
use crate::testing;

#[derive(Debug)]
struct Fixed(ColumnRange);

impl TableFacts for Fixed {
    fn range(&self, column: &str) -> ColumnRange {
        if column == "at" { self.0.clone() } else { ColumnRange::Unknown }
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// An instant so many minutes before now.
fn before(minutes: i64) -> Option<ScalarValue> {
    let micros = (now() - TimeDelta::minutes(minutes)).timestamp_micros();
    Some(ScalarValue::TimestampMicrosecond(Some(micros), None))
}

fn newest(at_least: Option<ScalarValue>, at_most: Option<ScalarValue>) -> ColumnRange {
    let (least, greatest) = (Extreme::default(), Extreme { at_least, at_most });
    ColumnRange::Values(Box::new(ValueRange { least, greatest }))
}

fn slo(property: &str, value: &str, unit: Option<&str>, element: Option<&str>) -> Slo {
    Slo {
        property: property.to_owned(),
        value: value.to_owned(),
        unit: unit.map(str::to_owned),
        element: element.map(str::to_owned),
        ..Slo::default()
    }
}

fn table(slo: Slo, range: ColumnRange, committed: Option<i64>) -> Option<PromisedTable> {
    let mut contract = testing::contract("c", crate::product::Version::parse("2.1.0")?, &[]);
    let columns = vec![Column { name: "at".to_owned(), ..Column::default() }];
    let plays = Arc::new(Table { name: "plays".to_owned(), columns, ..Table::default() });
    contract.tables = vec![Arc::clone(&plays)];
    contract.slos = vec![slo];
    let empty = Arc::new(Schema::empty());
    let batches = vec![vec![RecordBatch::new_empty(Arc::clone(&empty))]];
    let pinned = PinnedTable {
        snapshot: SnapshotId("memory:1".to_owned()),
        committed_at: committed.map(|minutes| now() - TimeDelta::minutes(minutes)),
        rows: None,
        files: 1,
        bytes: 1,
        provider: Arc::new(MemTable::try_new(empty, batches).expect("a table")),
        facts: Arc::new(Fixed(range)),
    };
    let contract = Arc::new(contract);
    PromisedTable::new("a.plays@2.1.0".to_owned(), LifeStage::Active, (&contract, &plays), &pinned)
}

fn verdict(slo: Slo, range: ColumnRange, committed: Option<i64>) -> Option<VerdictStatus> {
    let judged = table(slo, range, committed)?.judge(now());
    assert_eq!(judged.len(), 1);
    judged.first().map(|judged| judged.verdict.status)
}

#[test]
fn freshness_is_claimed_only_where_no_row_says_otherwise() {
    use VerdictStatus::{Approximate, Broken, Kept, Unknown};
    for (name, range, expected) in [
        ("exact and young", newest(before(60), before(60)), Kept),
        ("exact and old", newest(before(180), before(180)), Broken),
        ("exactly the limit", newest(before(120), before(120)), Broken),
        ("in the future", newest(before(-5), before(-5)), Kept),
        ("deleted rows, young", newest(None, before(60)), Approximate),
        ("deleted rows, old", newest(None, before(180)), Broken),
        ("a file without statistics, young", newest(before(60), None), Kept),
        ("a file without statistics, old", newest(before(180), None), Approximate),
        ("rounded around the limit", newest(before(180), before(60)), Approximate),
        ("nothing", newest(None, None), Unknown),
        ("unread", ColumnRange::Unknown, Unknown),
        ("no value", ColumnRange::Empty, Broken),
        ("text", newest(Some("2026".into()), Some("2026".into())), Unknown),
    ] {
        let promised = slo("freshness", "2", Some("h"), Some("plays.at"));
        assert_eq!(verdict(promised, range, None), Some(expected), "{name}");
    }
}

#[test]
fn each_promise_is_about_its_own_subject() {
    use VerdictStatus::{Approximate, Broken, Kept, Unknown};
    let young = || newest(before(60), before(60));
    for (property, value, unit, element, committed, expected) in [
        ("frequency", "1", Some("h"), None, Some(30), Some(Kept)),
        ("fy", "1", Some("h"), Some("plays"), Some(90), Some(Broken)),
        ("frequency", "1", Some("h"), None, None, Some(Unknown)),
        ("Latency", "90", Some("min"), Some("at"), None, Some(Kept)),
        ("ly", "30", Some("m"), Some("plays.at"), None, Some(Broken)),
        ("freshness", "2", Some("h"), Some("plays"), Some(30), Some(Approximate)),
        ("freshness", "2", Some("h"), None, Some(150), Some(Broken)),
        ("freshness", "2", Some("moons"), Some("plays.at"), None, Some(Unknown)),
        ("freshness", "2", Some("h"), Some("visits.at"), None, None),
        ("freshness", "2", Some("h"), Some("visits.at, plays.at"), None, Some(Kept)),
        ("freshness", "2", Some("h"), Some("plays.nothing"), None, None),
        ("availability", "99.9", Some("%"), None, None, None),
    ] {
        let found = verdict(slo(property, value, unit, element), young(), committed);
        assert_eq!(found, expected, "{property} {value} {unit:?} {element:?}");
    }
    let least = Extreme { at_least: before(60 * 24 * 40), at_most: before(60 * 24 * 40) };
    let greatest = Extreme::default();
    let kept = ColumnRange::Values(Box::new(ValueRange { least, greatest }));
    for (value, unit, expected) in [("2", "m", Kept), ("1", "mo", Broken), ("41", "d", Kept)] {
        let promised = slo("retention", value, Some(unit), Some("plays.at"));
        assert_eq!(verdict(promised, kept.clone(), None), Some(expected), "{value} {unit}");
    }
}

#[test]
fn breach_is_a_warning_or_an_error_with_the_age() {
    let promised = slo("freshness", "2", Some("h"), Some("plays.at"));
    let breach = |slo: Slo, range: ColumnRange| {
        let table = table(slo, range, None).expect("a promise");
        let judged = table.judge(now());
        table.breach(judged.first()?)
    };
    let old = || newest(before(312), before(312));
    let warned = breach(promised.clone(), old());
    let text = "promise broken: freshness 2 h of plays.at in a.plays@2.1.0: the newest row is 5 h 12 min old";
    assert_eq!(warned.and_then(Result::ok).as_deref(), Some(text));
    let strict = Slo { on_breach: OnBreach::Refuse, ..promised.clone() };
    let refused = breach(strict.clone(), old()).and_then(Result::err).expect("an error");
    assert_eq!(refused.kind(), ErrorKind::ContractViolated);
    assert!(refused.to_line().contains("5 h 12 min old"), "{}", refused.to_line());
    assert!(breach(strict.clone(), newest(None, before(60))).is_none());
    let empty = breach(promised.clone(), ColumnRange::Empty).and_then(Result::ok);
    assert!(empty.expect("a warning").ends_with("there is no value in the column"));
    let rounded = breach(promised, newest(None, before(312))).and_then(Result::ok);
    assert!(rounded.expect("a warning").ends_with("the newest row is at least 5 h 12 min old"));
}
