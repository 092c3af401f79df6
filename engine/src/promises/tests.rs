//! Verdicts by facts that are given, and what is told of them.

use chrono::TimeDelta;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::scalar::ScalarValue;

use super::*;
use crate::connector::{ColumnRange, Extreme, NullCount, SnapshotId, ValueRange};
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

/// Two rows lack a value in `at`, and perhaps more of others.
#[derive(Debug)]
struct Nulls(NullCount);

impl TableFacts for Nulls {
    fn range(&self, _column: &str) -> ColumnRange {
        ColumnRange::Unknown
    }

    fn nulls(&self, column: &str) -> NullCount {
        if column == "at" { self.0 } else { NullCount::default() }
    }
}

fn shaped(nulls: NullCount, on_breach: OnBreach, stage: LifeStage) -> PromisedTable {
    let mut contract =
        testing::contract("c", crate::product::Version::parse("2.1.0").unwrap(), &[]);
    let required =
        |name: &str| Column { name: name.to_owned(), is_required: true, ..Column::default() };
    let columns = vec![required("at"), required("other"), required("hidden")];
    let plays = Arc::new(Table { name: "plays".to_owned(), columns, ..Table::default() });
    contract.on_breach = on_breach;
    let fields = ["at", "other", "hidden"].map(|name| Field::new(name, DataType::Int64, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let batches = vec![vec![RecordBatch::new_empty(Arc::clone(&schema))]];
    let pinned = PinnedTable {
        snapshot: SnapshotId("memory:1".to_owned()),
        committed_at: None,
        rows: None,
        files: 1,
        bytes: 1,
        provider: Arc::new(MemTable::try_new(schema, batches).expect("a table")),
        facts: Arc::new(Nulls(nulls)),
    };
    let contract = Arc::new(contract);
    PromisedTable::new("a.plays@2.1.0".to_owned(), stage, (&contract, &plays), &pinned)
        .expect("a promise")
}

#[test]
fn required_column_without_values_is_a_broken_promise() {
    use LifeStage::{Active, Unsupported};
    let count = |at_least, at_most| NullCount { at_least, at_most };
    let words = "promise broken: required plays.at in a.plays@2.1.0: ";
    for (nulls, stage, expected) in [
        (count(2, Some(2)), Active, Some("2 rows have no value")),
        (count(2, None), Active, Some("at least 2 rows have no value")),
        (count(2, Some(3)), Active, Some("at least 2 rows have no value")),
        (count(0, Some(3)), Active, None),
        (count(0, None), Active, None),
        (count(2, Some(2)), Unsupported, None),
    ] {
        let table = shaped(nulls, OnBreach::Warn, stage);
        let told = table.missing_values().first().map(|it| table.breach_of_shape(it));
        let told = told.map(|breach| breach.expect("a warning"));
        assert_eq!(told, expected.map(|text| format!("{words}{text}")), "{nulls:?} {stage:?}");
    }
    let table = shaped(count(2, Some(2)), OnBreach::Refuse, Active);
    let missing = table.missing_values();
    assert_eq!(missing.iter().map(|it| it.column.as_str()).collect::<Vec<_>>(), ["at"]);
    let refused = table.breach_of_shape(missing.first().expect("one")).expect_err("an error");
    assert_eq!(refused.kind(), ErrorKind::ContractViolated);
    assert!(refused.to_line().contains("2 rows have no value"), "{}", refused.to_line());
}

#[test]
fn who_sees_a_part_learns_no_number_and_nothing_of_absent_columns() {
    let both = NullCount { at_least: 2, at_most: Some(2) };
    let seen = |names: &[&str]| {
        let fields = names.iter().map(|name| Field::new(*name, DataType::Int64, true));
        let columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let table = shaped(both, OnBreach::Warn, LifeStage::Active).in_part(columns);
        let told = table.missing_values();
        told.iter().map(|it| table.breach_of_shape(it).expect("a warning")).collect::<Vec<_>>()
    };
    let told = ["promise broken: required plays.at in a.plays@2.1.0: rows have no value"];
    assert_eq!(seen(&["at", "other"]), told);
    assert!(seen(&["other"]).is_empty());
}

#[test]
fn problem_of_shape_is_kept_until_it_is_gone() {
    let log = ShapeLog::default();
    let table = shaped(NullCount { at_least: 2, at_most: None }, OnBreach::Warn, LifeStage::Active);
    let of = (table.contract.as_ref(), "plays");
    assert!(log.of(of).is_none());
    log.judged(&table, table.missing_values(), now());
    log.failed(of, &Error::new(ErrorKind::ContractViolated, "no column"), now());
    let met = log.of(of).expect("problems");
    assert_eq!((met.missing.len(), met.unopened.as_deref()), (1, Some("no column")));
    log.opened(of, now());
    assert!(log.of(of).expect("problems").unopened.is_none());
    log.judged(&table, Vec::new(), now());
    assert!(log.of(of).is_none());
}

/// Who sees a table in part is told of a promise, but of no column that is hidden.
#[test]
fn promise_about_a_hidden_column_does_not_name_it() {
    let old = || newest(before(312), before(312));
    let promised = |element| slo("freshness", "2", Some("h"), Some(element));
    for (element, column, expected) in [
        ("plays.at", "at", "freshness 2 h of plays.at in a.plays@2.1.0: its rows are too old"),
        ("plays.at", "id", "freshness 2 h in a.plays@2.1.0: its rows are too old"),
        ("visits.at, at", "id", "freshness 2 h in a.plays@2.1.0: its rows are too old"),
        ("visits.at, at", "at", "freshness 2 h of plays.at in a.plays@2.1.0: its rows are too old"),
    ] {
        let seen = Arc::new(Schema::new(vec![Field::new(column, DataType::Utf8, true)]));
        let table = table(promised(element), old(), None).expect("a promise").in_part(seen);
        let judged = table.judge(now());
        let warned = judged.first().and_then(|judged| table.breach(judged)).and_then(Result::ok);
        let expected = format!("promise broken: {expected}");
        assert_eq!(warned, Some(expected), "{element} for who sees {column}");
    }
}
