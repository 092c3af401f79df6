//! Rules over tables in memory, and who may know what they found.

mod inside;
mod pinned;
mod references;

use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;

use super::*;
use crate::authorizer::{
    AccessRequest, Action, Authorizer, Comparison, Decision, Obligations, RowPredicate, Value,
};
use crate::config::EngineConfig;
use crate::error::Result;
use crate::product::{
    Column, Expectation, LogicalType, Measure, Mesh, QueryPart, RuleKind, ValueLimit, Version,
};
use crate::session::Principal;
use crate::testing::{FixedCatalog, FixedPolicies, MemoryConnector, contract, mesh_of, port};
use RuleValue::{Boolean, Float, Text, Whole};

/// A name that ends every quotation.
const HOSTILE: &str = "a\"b'c; --";

fn rule(key: &str, measure: Measure, expectation: Expectation) -> QualityRule {
    QualityRule {
        key: key.to_owned(),
        name: key.to_owned(),
        description: None,
        kind: RuleKind::Library,
        dimension: None,
        severity: None,
        measure,
        expectation: Some(expectation),
        is_percent: false,
        schedule: None,
        line: 1,
    }
}

fn query(sql: &str, expectation: Expectation) -> QualityRule {
    let parts = vec![QueryPart::Text(sql.to_owned())];
    let measure = Measure::Query { parts, dialect: None };
    QualityRule { kind: RuleKind::Sql, ..rule(sql, measure, expectation) }
}

fn none() -> Expectation {
    Expectation::Is(Whole(0))
}

fn column(name: &str) -> Column {
    Column { name: name.to_owned(), ..Column::default() }
}

/// Six rows: ids 1 2 2 3 NULL NULL, texts, amounts, instants, lists, objects and a hostile name.
fn batch() -> RecordBatch {
    let ids = Int64Array::from(vec![Some(1), Some(2), Some(2), Some(3), None, None]);
    let texts = ["SE", "se", "N/A", "", "it's", "٤٢"];
    let amounts = [0.5, 1.0, 1.25, -3.0, f64::NAN, 10.0];
    let hours = [1, 2, 3, 4, 5, 6].map(|hour| hour * 3_600_000_000);
    let lists = [vec![1, 2], vec![1, 1], vec![], vec![1, 2, 3], vec![7], vec![8]];
    let lists = lists.map(|items| Some(items.into_iter().map(Some).collect::<Vec<_>>()));
    let inner = StringArray::from(vec![Some("x"), None, None, Some("y"), None, Some("z")]);
    let object = StructArray::new(
        vec![Field::new("city", inner.data_type().clone(), true)].into(),
        vec![Arc::new(inner) as ArrayRef],
        Some(vec![true, true, false, true, true, true].into()),
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(ids)),
        ("text", Arc::new(StringArray::from_iter_values(texts))),
        ("amount", Arc::new(Float64Array::from_iter_values(amounts))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(hours))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ("home", Arc::new(object)),
        (HOSTILE, Arc::new(Int64Array::from_iter_values([1, 2, 3, 4, 5, 5]))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
}

fn mesh(table: Table) -> Mesh {
    let mut own = contract("own.1", Version { major: 1, minor: 2, patch: 3 }, &[]);
    own.tables = vec![Arc::new(table)];
    let other = contract("other.1", Version { major: 1, minor: 0, patch: 0 }, &["rows"]);
    mesh_of(vec![("a", "own", vec![port("own", own)]), ("b", "other", vec![port("other", other)])])
}

fn rows(columns: Vec<Column>, quality: Vec<QualityRule>) -> Table {
    Table { name: "rows".to_owned(), columns, quality, ..Table::default() }
}

fn engine(table: Table, policies: Option<Arc<dyn Authorizer>>, limit: Duration) -> Engine {
    let config = EngineConfig { quality_timeout: limit, ..EngineConfig::default() };
    let mut builder = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh(table))))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("rows", vec![batch()]))])
        .config(config);
    if let Some(policies) = policies {
        builder = builder.authorizer(policies);
    }
    builder.build().expect("an engine")
}

async fn check_own(engine: &Engine) -> Vec<RuleReport> {
    let mesh = engine.catalog().mesh().await.expect("a mesh");
    let product = mesh.product("a", "own").expect("a product");
    let subject = QualitySubject::of_product(product).remove(0);
    check(engine, &subject).await
}

async fn check_table(table: Table) -> Vec<RuleReport> {
    check_own(&engine(table, None, Duration::from_secs(60))).await
}

/// The result of a rule of a column.
async fn measured(name: &str, measure: Measure, is_percent: bool) -> QualityResult {
    let rule = QualityRule { is_percent, ..rule("r", measure, none()) };
    let column = Column { quality: vec![rule], ..column(name) };
    let mut reports = check_table(rows(vec![column], Vec::new())).await;
    assert_eq!(reports.len(), 1);
    reports.remove(0).result
}

fn texts(values: &[&str]) -> Vec<RuleValue> {
    values.iter().map(|value| Text((*value).to_owned())).collect()
}

#[tokio::test]
async fn each_metric_counts_what_it_says() {
    use Measure::{DuplicateValues, InvalidValues, MissingValues, NullValues};
    let valid = |values: &[&str]| InvalidValues { valid: Some(texts(values)), pattern: None };
    let matching = |pattern: &str| Measure::Beyond(ValueLimit::Matches(pattern.to_owned()));
    let beyond = Measure::Beyond;
    for (name, measure, expected) in [
        ("id", NullValues, 2),
        ("text", NullValues, 0),
        ("text", MissingValues(texts(&["", "N/A"])), 2),
        ("id", MissingValues(vec![Whole(2), Text("none".to_owned())]), 4),
        ("id", MissingValues(Vec::new()), 2),
        ("text", valid(&["SE", "it's"]), 4),
        ("text", valid(&[]), 6),
        ("id", valid(&["1", "x"]), 3),
        ("id", DuplicateValues(Vec::new()), 1),
        (HOSTILE, DuplicateValues(Vec::new()), 1),
        (HOSTILE, beyond(ValueLimit::AtMost(Whole(4))), 2),
        ("text", matching("^[A-Z]{2}$"), 5),
        ("text", matching(r"\d"), 6),
        ("text", matching("e"), 5),
        ("id", matching("^[12]$"), 1),
        ("amount", beyond(ValueLimit::AtLeast(Float(0.5))), 1),
        ("amount", beyond(ValueLimit::Above(Float(0.5))), 2),
        ("amount", beyond(ValueLimit::AtMost(Whole(1))), 3),
        ("amount", beyond(ValueLimit::Below(Whole(1))), 4),
        ("id", beyond(ValueLimit::MultipleOf(Whole(2))), 2),
        ("text", beyond(ValueLimit::LengthAtLeast(2)), 1),
        ("text", beyond(ValueLimit::LengthAtMost(2)), 2),
        ("at", beyond(ValueLimit::AtLeast(Text("1970-01-01T03:00:00".to_owned()))), 2),
        ("list", beyond(ValueLimit::ItemsAtLeast(2)), 3),
        ("list", beyond(ValueLimit::ItemsAtMost(2)), 1),
        ("list", beyond(ValueLimit::ItemsUnique), 1),
    ] {
        let result = measured(name, measure.clone(), false).await;
        assert_eq!(result.measured, Some(Whole(expected)), "{name} {measure:?} {result:?}");
        let wanted = if expected == 0 { QualityStatus::Pass } else { QualityStatus::Fail };
        assert_eq!(result.status, wanted, "{name} {measure:?}");
    }
    let share = measured("id", NullValues, true).await;
    assert_eq!(share.measured, Some(Float(33.333_333)));
    assert_eq!(share.message.as_deref(), Some("measured 33.333333 %, expected = 0 %"));
}

#[tokio::test]
async fn what_other_words_imply_is_checked() {
    let id = Column { is_required: true, primary_key_position: Some(1), ..column("id") };
    let text = Column { is_unique: true, ..column("text") };
    let city = Column { is_required: true, ..column("city") };
    let home =
        Column { logical_type: Some(LogicalType::Object), children: vec![city], ..column("home") };
    let item = Column { is_required: true, ..column("") };
    let list =
        Column { logical_type: Some(LogicalType::Array), children: vec![item], ..column("list") };
    let reports = check_table(rows(vec![id, text, home, list], Vec::new())).await;
    let found: Vec<String> = reports
        .iter()
        .map(|report| {
            let QualityResult { status, measured, .. } = &report.result;
            let measured = measured.as_ref().map(ToString::to_string).unwrap_or_default();
            let column = report.column.as_deref().unwrap_or("-");
            format!("{column} {} {} {measured}", report.rule.key, status.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            "id required fail 2",
            "id primaryKey.unique fail 1",
            "text unique pass 0",
            "home.city required fail 2",
            "list[] required pass 0",
        ]
    );
    let keys = ["id", "text"].map(|name| Column { primary_key_position: Some(1), ..column(name) });
    let reports = check_table(rows(keys.to_vec(), Vec::new())).await;
    let of_table = reports.iter().find(|report| report.column.is_none()).expect("a rule");
    assert_eq!(of_table.result.measured, Some(Whole(0)));
}

#[tokio::test]
async fn rule_that_cannot_run_is_an_error_and_spoils_no_other() {
    let limit = |limit| Measure::Beyond(limit);
    let at = |text: &str| limit(ValueLimit::AtLeast(Text(text.to_owned())));
    let around = limit(ValueLimit::Matches("^(?=a)".to_owned()));
    let columns = vec![
        Column { quality: vec![rule("good", Measure::NullValues, none())], ..column("id") },
        Column { quality: vec![rule("pattern", around, none())], ..column("text") },
        Column { quality: vec![rule("moment", at("not a moment"), none())], ..column("at") },
        Column { quality: vec![rule("number", at("many"), none())], ..column("amount") },
        Column {
            quality: vec![rule("items", limit(ValueLimit::ItemsAtMost(1)), none())],
            ..column("home")
        },
    ];
    let reports = check_table(rows(columns, Vec::new())).await;
    let found: Vec<_> =
        reports.iter().map(|report| (report.rule.key.as_str(), report.result.status)).collect();
    use QualityStatus::{Error, Fail};
    assert_eq!(
        found,
        [
            ("good", Fail),
            ("pattern", Error),
            ("moment", Error),
            ("number", Error),
            ("items", Error)
        ]
    );
    let why = |index: usize| reports[index].result.message.clone().unwrap_or_default();
    assert!(why(1).contains("looks around"), "{}", why(1));
    assert!(why(2).contains("not a moment"), "{}", why(2));
    assert!(why(3).contains("many is no value of type Float64"), "{}", why(3));
    assert!(why(4).contains("no array"), "{}", why(4));
}

#[tokio::test]
async fn query_of_the_owner_is_one_select_of_one_value() {
    use QualityStatus::{Error, Fail, Pass};
    let is = |value: RuleValue| Expectation::Is(value);
    let between = Expectation::Between(Float(0.0), Float(1.8));
    let cases = [
        ("SELECT count(*) FROM rows", is(Whole(6)), Pass, ""),
        ("SELECT count(*) FROM a.own.rows WHERE id IS NULL", is(Whole(2)), Pass, ""),
        (
            "SELECT max(id) FROM rows",
            Expectation::Below(Whole(3)),
            Fail,
            "measured 3, expected < 3",
        ),
        ("SELECT bool_and(id > 0) FROM rows", is(Boolean(true)), Pass, ""),
        ("SELECT avg(id) FROM rows", between, Fail, "measured 2"),
        ("SELECT CAST(1.5 AS DECIMAL(5,2))", is(Float(1.5)), Pass, ""),
        ("SELECT max(id) FROM rows WHERE id > 9", is(Whole(0)), Fail, "measured NULL"),
        ("SELECT text FROM rows LIMIT 1", is(Whole(0)), Error, "no number or truth value"),
        ("SELECT id FROM rows", is(Whole(0)), Error, "several rows"),
        ("SELECT id FROM rows LIMIT 0", is(Whole(0)), Error, "no row"),
        ("SELECT 1, 2", is(Whole(1)), Error, "2 columns"),
        ("INSERT INTO rows VALUES (1)", is(Whole(1)), Error, "INSERT"),
        ("DROP TABLE rows", is(Whole(1)), Error, "DROP"),
        ("SELECT 1; DROP TABLE rows", is(Whole(1)), Error, "2 statements"),
        ("COPY rows TO '/tmp/x.csv'", is(Whole(1)), Error, "COPY"),
        ("SET mesh.purpose = 'x'", is(Whole(1)), Error, "one SELECT"),
        ("EXPLAIN SELECT 1", is(Whole(1)), Error, "one SELECT"),
        ("SELEKT 1", is(Whole(1)), Error, "syntax error"),
        ("SELECT count(*) FROM nothing", is(Whole(1)), Error, "does not exist"),
        ("SELECT 1 / (id - id) FROM rows WHERE id = 1", is(Whole(1)), Error, "division by zero"),
    ];
    let rules = cases.iter().map(|(sql, expectation, ..)| query(sql, expectation.clone()));
    let mut rules: Vec<QualityRule> = rules.collect();
    let foreign = Measure::Query { parts: Vec::new(), dialect: Some("snowflake".to_owned()) };
    rules.push(rule("foreign", foreign, none()));
    let reports = check_table(rows(Vec::new(), rules)).await;
    for (report, (sql, _, status, message)) in reports.iter().zip(&cases) {
        let result = &report.result;
        assert_eq!(result.status, *status, "{sql}: {result:?}");
        let told = result.message.as_deref().unwrap_or_default();
        assert!(told.contains(message), "{sql}: {told}");
    }
    let foreign = reports.last().expect("a report");
    assert!(foreign.result.message.as_deref().unwrap_or_default().contains("snowflake"));
}

#[tokio::test]
async fn slow_rule_ends_with_its_time() {
    let sql = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let table = rows(vec![Column { is_required: true, ..column("id") }], vec![query(sql, none())]);
    let engine = engine(table, None, Duration::from_millis(400));
    let reports = check_own(&engine).await;
    let slow = &reports[0].result;
    assert_eq!(slow.status, QualityStatus::Error);
    assert!(slow.message.as_deref().unwrap_or_default().contains("longer than 0.4 s"), "{slow:?}");
    assert_eq!(reports[1].result.status, QualityStatus::Fail);
}

/// Decides as it is written, and lets only one principal see numbers about tables.
#[derive(Debug, Default)]
struct OneProfiler(FixedPolicies);

#[async_trait]
impl Authorizer for OneProfiler {
    fn allows(&self, action: Action, request: &AccessRequest<'_>) -> bool {
        let may_profile = request.principal.name == "profiler";
        self.0.allows(action, request) && (action != Action::Profile || may_profile)
    }

    async fn decide(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Result<Decision> {
        Authorizer::decide(&self.0, request, columns).await
    }
}

async fn listed(engine: &Engine, name: &str, sql: &str) -> String {
    let session = engine.session(Principal::user(name));
    let rows = session.sql(sql).await.expect(sql).try_collect::<Vec<_>>().await.expect(sql);
    pretty_format_batches(&rows).expect("text").to_string()
}

#[tokio::test]
async fn only_who_may_profile_a_table_learns_what_was_found() {
    let failing = "SELECT CAST(text AS BIGINT) FROM rows WHERE text = 'N/A'";
    let of_other = "SELECT count(*) FROM b.other.rows";
    let id = Column { is_required: true, ..column("id") };
    let table = rows(vec![id], vec![query(failing, none()), query(of_other, none())]);
    let policies = Arc::new(OneProfiler::default());
    for name in ["profiler", "reader"] {
        policies.0.permit(name, "a.own.rows", Obligations::default());
    }
    let engine = engine(table, Some(Arc::clone(&policies) as _), Duration::from_secs(60));
    let reports = check_own(&engine).await;
    // Its own rows are read although no policy says so; those of others are not.
    assert_eq!(reports[2].result.measured, Some(Whole(2)));
    assert!(reports[0].result.message.as_deref().unwrap_or_default().contains("N/A"));
    let refused = &reports[1].result;
    assert_eq!((refused.status, refused.measured.clone()), (QualityStatus::Error, None));
    let sql = "SELECT rule, status, measured, message, checked_at IS NULL AS unknown \
               FROM mesh.discovery.quality";
    let profiler = listed(&engine, "profiler", sql).await;
    assert!(profiler.contains("| fail") && profiler.contains("2.0"), "{profiler}");
    assert!(profiler.contains("samite check --data says why"), "{profiler}");
    let mine = listed(&engine, "profiler", "SELECT * FROM mesh.runtime.queries").await;
    let reader = listed(&engine, "reader", sql).await;
    assert_eq!(reader.matches("hidden").count(), 3, "{reader}");
    assert!(!reader.contains("fail") && !reader.contains("2.0"), "{reader}");
    let stranger = listed(&engine, "stranger", sql).await;
    assert!(!stranger.contains("required"), "{stranger}");
    // Neither does somebody who has the name of the product.
    let named = listed(&engine, "a.own", "SELECT message FROM mesh.runtime.queries").await;
    for text in [&profiler, &reader, &stranger, &mine, &named] {
        let values = text.replace(failing, "");
        assert!(!values.contains("N/A") && !values.contains("'N/A"), "{text}");
    }
}

#[tokio::test]
async fn other_tables_are_read_as_policies_say_for_the_product() {
    let table = || rows(Vec::new(), vec![query("SELECT count(*) FROM b.other.rows", none())]);
    let few = RowPredicate::Compare {
        column: "id".to_owned(),
        comparison: Comparison::Less,
        value: Value::Integer(3),
    };
    for (row_filter, expected) in [(None, 6), (Some(few), 3)] {
        let policies = Arc::new(FixedPolicies::default());
        let obligations = Obligations { row_filter, ..Obligations::default() };
        policies.permit("a.own", "b.other.rows", obligations);
        let engine = engine(table(), Some(policies as _), Duration::from_secs(60));
        let reports = check_own(&engine).await;
        assert_eq!(reports[0].result.measured, Some(Whole(expected)), "{reports:?}");
    }
}

#[tokio::test]
async fn rules_that_may_name_an_absent_column_are_not_listed() {
    let columns = vec![
        Column { is_required: true, ..column("id") },
        Column { is_required: true, ..column("text") },
    ];
    let quality = vec![
        query("SELECT count(text) FROM rows", none()),
        rule("pairs", Measure::DuplicateValues(vec!["id".to_owned(), "text".to_owned()]), none()),
        rule("rows", Measure::RowCount, none()),
    ];
    #[derive(Debug)]
    struct WithoutText;
    #[async_trait]
    impl Authorizer for WithoutText {
        fn allows(&self, _action: Action, _request: &AccessRequest<'_>) -> bool {
            true
        }
        fn absent(&self, _request: &AccessRequest<'_>) -> std::collections::BTreeSet<String> {
            ["text".to_owned()].into()
        }
        async fn decide(&self, _request: &AccessRequest<'_>, _: &[&str]) -> Result<Decision> {
            Ok(Decision::Deny)
        }
    }
    let engine =
        engine(rows(columns, quality), Some(Arc::new(WithoutText)), Duration::from_secs(60));
    let reports = check_own(&engine).await;
    assert!(reports.iter().all(|report| report.result.status != QualityStatus::Error));
    let sql = "SELECT \"column\", rule FROM mesh.discovery.quality WHERE domain = 'a'";
    let seen = listed(&engine, "reader", sql).await;
    assert!(seen.contains("id ") && seen.contains("rows"), "{seen}");
    assert!(!seen.contains("text") && !seen.contains("pairs"), "{seen}");
    // A line tells how much stands above, hidden or not.
    let lines = listed(&engine, "reader", "SELECT count(line) FROM mesh.discovery.quality").await;
    assert!(lines.contains("| 0 "), "{lines}");
}

#[tokio::test]
async fn result_is_forgotten_when_its_rule_changes_and_nothing_is_promised_after_its_end() {
    let table = |limit: i128| {
        rows(Vec::new(), vec![rule("r", Measure::RowCount, Expectation::Above(Whole(limit)))])
    };
    let catalog = Arc::new(FixedCatalog::new(mesh(table(5))));
    let engine = Engine::builder()
        .catalog(Arc::clone(&catalog) as _)
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("rows", vec![batch()]))])
        .build()
        .expect("an engine");
    let sql = "SELECT status FROM mesh.discovery.quality";
    assert!(listed(&engine, "reader", sql).await.contains("not checked"));
    assert_eq!(check_own(&engine).await[0].result.status, QualityStatus::Pass);
    assert!(listed(&engine, "reader", sql).await.contains("pass"));
    catalog.replace(mesh(table(6)));
    assert!(listed(&engine, "reader", sql).await.contains("not checked"));
    assert_eq!(check_own(&engine).await[0].result.status, QualityStatus::Fail);
    let mut ended = contract("own.1", Version { major: 1, minor: 2, patch: 3 }, &[]);
    ended.tables = vec![Arc::new(table(6))];
    ended.end_of_support = Some(DateTime::UNIX_EPOCH);
    catalog.replace(mesh_of(vec![("a", "own", vec![port("own", ended)])]));
    assert_eq!(check_own(&engine).await[0].result.status, QualityStatus::NotRun);
}

#[tokio::test]
async fn table_that_cannot_be_opened_is_an_error_of_each_rule() {
    let table = Table {
        name: "gone".to_owned(),
        columns: vec![Column { is_required: true, ..column("id") }],
        ..Table::default()
    };
    let reports = check_table(table).await;
    assert_eq!(reports[0].result.status, QualityStatus::Error);
    assert!(reports[0].result.message.as_deref().unwrap_or_default().contains("not in memory"));
}
