//! What a principal who sees a table in part can learn of the rest: nothing.
//!
//! Each statement is asked by a restricted principal of a table with a canary in its hidden rows and
//! masked values, and every byte of its answer is searched.

mod differential;
mod listings;
mod pairs;
mod purposes;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_substrait::logical_plan::producer::to_substrait_plan;

use super::*;
use crate::authorizer::{Comparison, Decision, Mask, Obligations, RowPredicate, Value};
use crate::connector::{Connector, OpenRequest, PinnedTable, ScanReport};
use crate::product::Server;
use crate::testing::FixedPolicies;

/// In hidden rows and under masks; no statement of a test names it.
const CANARY: &str = "canary";

/// The pay of hidden rows; digits that occur nowhere else.
const CANARY_PAY: i64 = 716_253_944;

/// The hidden row that predicates fail on.
const HIDDEN_ID: i64 = 2;

const PEOPLE: &str = "staff.people.people";

fn people() -> Vec<RecordBatch> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("country", DataType::Utf8, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("pay", DataType::Int64, false),
        Field::new("note", DataType::Utf8, true),
    ]));
    let batch = |ids: [i64; 4], countries: [Option<&str>; 4]| {
        let pay = countries.map(|c| if c == Some("SE") { 1000 } else { CANARY_PAY });
        RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(Int64Array::from(ids.to_vec())),
                Arc::new(StringArray::from(countries.to_vec())),
                Arc::new(StringArray::from(ids.map(|id| format!("{CANARY} {id}")).to_vec())),
                Arc::new(Int64Array::from(pay.to_vec())),
                Arc::new(StringArray::from(vec![CANARY; 4])),
            ],
        )
        .unwrap()
    };
    vec![
        batch([1, HIDDEN_ID, 3, 4], [Some("SE"), Some("NO"), Some("SE"), None]),
        batch([5, 6, 7, 8], [Some("NO"), Some("NO"), Some("SE"), Some("FI")]),
    ]
}

/// Rows of Sweden, without notes; names are covered, and pay is zero.
fn part() -> Obligations {
    Obligations {
        row_filter: Some(RowPredicate::Compare {
            column: "country".to_owned(),
            comparison: Comparison::Equal,
            value: Value::Text("SE".to_owned()),
        }),
        masks: BTreeMap::from([
            ("name".to_owned(), Mask::Alphanum),
            ("pay".to_owned(), Mask::FixedValue),
        ]),
        absent: BTreeSet::from(["note".to_owned()]),
        policies: BTreeSet::from(["mesh/sweden".to_owned()]),
        ..Obligations::default()
    }
}

/// Tables in memory that say what was read of them.
#[derive(Debug)]
struct Reporting(MemoryConnector);

#[async_trait::async_trait]
impl Connector for Reporting {
    fn kind(&self) -> &str {
        self.0.kind()
    }

    fn reads(&self, server: &Server) -> bool {
        self.0.reads(server)
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        self.0.open(request).await
    }

    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport> {
        node.downcast_ref::<DataSourceExec>()?;
        let (table, bytes_read) = (format!("{CANARY} table"), 424_242);
        Some(ScanReport { table, bytes_read, ..ScanReport::default() })
    }
}

/// `anna` sees a part of the table, `eva` the same and how it is read, `owner` all.
fn governed() -> (Engine, Arc<FixedPolicies>) {
    let ports = ["1.0.0", "2.0.0"]
        .map(|number| {
            let id = format!("people.{number}");
            port("main", contract(&id, version(number), &["people"]))
        })
        .to_vec();
    let mesh = mesh_of(vec![("staff", "people", ports)]);
    let policies = Arc::new(FixedPolicies::default());
    for (principal, obligations) in
        [("anna", part()), ("eva", part()), ("owner", Obligations::default())]
    {
        policies.permit(principal, PEOPLE, obligations);
    }
    policies.let_explain("eva");
    let tables = MemoryConnector::default().with_table("people", people());
    let config = EngineConfig {
        administrators: vec!["operators".to_owned()],
        target_partitions: 2,
        ..EngineConfig::default()
    };
    let authorizer: Arc<FixedPolicies> = Arc::clone(&policies);
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(Reporting(tables))])
        .authorizer(authorizer)
        .clock(Clock::new(|| Utc.with_ymd_and_hms(2026, 11, 21, 0, 0, 0).unwrap()))
        .config(config)
        .build()
        .unwrap();
    (engine, policies)
}

fn as_user(name: &str) -> Session {
    governed().0.session(Principal::user(name))
}

fn check_no_canary(sql: &str, answer: &str) {
    // The values that a query brings along are a source, too.
    let source = if sql.contains("VALUES") { CANARY } else { "DataSource" };
    for canary in [CANARY, &CANARY_PAY.to_string(), "424242", source, "note"] {
        assert!(!answer.contains(canary), "{sql} told of {canary}:\n{answer}");
    }
}

/// Queries that read the table in every way that SQL has.
const QUERIES: [&str; 52] = [
    "SELECT * FROM staff.people.people",
    "SELECT * FROM staff.people",
    "SELECT * FROM staff.\"people@1\".people",
    "SELECT * FROM staff.\"people@2.0\".people",
    "SELECT * FROM staff.people.people VERSION AS OF 1",
    "SELECT p.* FROM staff.people.people AS p",
    "SELECT name, pay FROM staff.people.people ORDER BY name DESC, pay",
    "SELECT name, count(*) FROM staff.people.people GROUP BY name ORDER BY 2 DESC",
    "SELECT DISTINCT name, pay FROM staff.people.people",
    "SELECT DISTINCT ON (name) name, pay FROM staff.people.people ORDER BY name, pay DESC",
    "SELECT a.name, b.name FROM staff.people.people a JOIN staff.people.people b ON a.name = b.name",
    "SELECT a.pay FROM staff.people.people a JOIN staff.people.people b USING (pay)",
    "SELECT a.id, b.name FROM staff.people.people a LEFT JOIN staff.people.people b ON a.id = b.id + 1",
    "SELECT a.id, b.name FROM staff.people.people a FULL JOIN staff.people.people b ON a.id < b.id",
    "SELECT count(*), min(name), max(name), min(pay), max(pay), sum(pay) FROM staff.people.people",
    "SELECT approx_distinct(name), approx_median(pay), approx_percentile_cont(0.9) WITHIN GROUP (ORDER BY pay) FROM staff.people.people",
    "SELECT string_agg(name, ','), array_agg(pay), first_value(name ORDER BY id DESC) FROM staff.people.people",
    "SELECT count(*) FILTER (WHERE pay > 0) FROM staff.people.people",
    "SELECT max(id), min(id), count(id), count(DISTINCT country) FROM staff.people.people",
    "SELECT name, rank() OVER (ORDER BY pay), lag(name) OVER (ORDER BY id) FROM staff.people.people",
    "WITH p AS (SELECT * FROM staff.people.people) SELECT p.name, q.pay FROM p JOIN p AS q USING (id)",
    "WITH RECURSIVE r AS (SELECT id, name FROM staff.people.people WHERE id = 1 UNION ALL SELECT p.id, p.name FROM staff.people.people p JOIN r ON p.id = r.id + 1) SELECT * FROM r",
    "SELECT (SELECT max(name) FROM staff.people.people), (SELECT max(pay) FROM staff.people.people)",
    "SELECT id FROM staff.people.people p WHERE EXISTS (SELECT 1 FROM staff.people.people q WHERE q.pay > p.pay)",
    "SELECT id, (SELECT max(q.name) FROM staff.people.people q WHERE q.id = p.id) FROM staff.people.people p",
    "SELECT id FROM staff.people.people WHERE id IN (SELECT id FROM staff.people.people WHERE pay > 0)",
    "SELECT id FROM staff.people.people WHERE id NOT IN (SELECT pay FROM staff.people.people)",
    "SELECT p.id, l.name FROM staff.people.people p, LATERAL (SELECT name FROM staff.people.people q WHERE q.id = p.id) l",
    "SELECT name FROM staff.people.people UNION SELECT country FROM staff.people.people",
    "SELECT name FROM staff.people.people UNION ALL SELECT name FROM staff.\"people@1\".people",
    "SELECT name FROM staff.people.people EXCEPT SELECT country FROM staff.people.people",
    "SELECT name FROM staff.people.people INTERSECT SELECT name FROM staff.people.people",
    "SELECT country, name, sum(pay) FROM staff.people.people GROUP BY GROUPING SETS ((country), (name), ())",
    "SELECT country, count(*) FROM staff.people.people GROUP BY ROLLUP (country)",
    "SELECT * FROM staff.people.people WHERE country IS NULL",
    "SELECT * FROM staff.people.people WHERE country <> 'SE' OR country IS NULL",
    "SELECT * FROM staff.people.people WHERE country LIKE 'N%'",
    "SELECT * FROM staff.people.people WHERE id BETWEEN 1 AND 8 AND country NOT IN ('SE')",
    "SELECT * FROM staff.people.people ORDER BY pay DESC LIMIT 3",
    "SELECT * FROM staff.people.people ORDER BY id LIMIT 3 OFFSET 1",
    "SELECT * FROM staff.people.people LIMIT 100",
    "SELECT * FROM staff.people.people WHERE pay > 0 OR id > 0 LIMIT 8",
    "SELECT a.id FROM (SELECT id FROM staff.people.people WHERE id = 2) a JOIN staff.people.people b ON a.id = b.id",
    "SELECT b.* FROM (VALUES (2), (4), (8)) a(id) JOIN staff.people.people b ON a.id = b.id",
    "SELECT b.* FROM (VALUES (1), (2)) a(id) JOIN staff.people.people b ON a.id = b.id ORDER BY b.pay DESC LIMIT 1",
    "SELECT b.* FROM (VALUES (1), (2)) a(id) RIGHT JOIN staff.people.people b ON a.id = b.id",
    "SELECT note FROM staff.people.people",
    "SELECT id, name FROM staff.people.people GROUP BY id",
    "SELECT CAST(name AS INT) FROM staff.people.people",
    "SELECT array_agg(name)[pay + 1] FROM staff.people.people GROUP BY pay",
    "SELECT arrow_typeof(name), length(name), upper(name), md5(name) FROM staff.people.people",
    "DESCRIBE staff.people.people",
];

#[tokio::test]
async fn no_answer_tells_of_what_is_hidden() {
    let (engine, _) = governed();
    for user in ["anna", "eva"] {
        let session = engine.session(Principal::user(user));
        for query in QUERIES {
            // An absent column that the query names is named in its error.
            let answer = text(&session, query).await.replace("column \"note\"", "");
            check_no_canary(query, &answer);
            let explains = ["EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN ANALYZE"];
            for explain in explains.iter().filter(|_| query.starts_with(['S', 'W'])) {
                let sql = format!("{explain} {query}");
                let answer = text(&session, &sql).await.replace("column \"note\"", "");
                check_no_canary(&sql, &answer);
            }
        }
    }
}

/// The statements could tell, were it not for the policy.
#[tokio::test]
async fn owner_is_told_by_the_same_statements() {
    let owner = as_user("owner");
    for query in &QUERIES[..12] {
        let answer = text(&owner, query).await;
        assert!(answer.contains(CANARY) || answer.contains("716253944"), "{query}:\n{answer}");
    }
    let plan = text(&owner, &format!("EXPLAIN {}", QUERIES[0])).await;
    assert!(plan.contains("DataSource") && plan.contains("files 1"), "{plan}");
}

#[tokio::test]
async fn part_is_what_the_policy_says() {
    let anna = as_user("anna");
    for (sql, rows) in [
        ("SELECT count(*) FROM staff.people.people", 3),
        ("SELECT sum(id) FROM staff.people.people", 11),
        ("SELECT count(*) FROM staff.people.people WHERE id = 2", 0),
        ("SELECT count(*) FROM staff.people.people WHERE country IS NULL", 0),
        ("SELECT count(*) FROM staff.people.people WHERE name = 'xxxxxx n'", 3),
        ("SELECT count(*) FROM staff.people.people WHERE name LIKE 'xxxxxx n%'", 3),
        ("SELECT count(*) FROM staff.people.people WHERE pay = 0", 3),
        ("SELECT count(DISTINCT name) FROM staff.people.people", 1),
        ("SELECT count(*) FROM staff.people.people a JOIN staff.people.people b USING (name)", 9),
        ("SELECT max(pay) FROM staff.people.people", 0),
        ("SELECT count(*) FROM staff.people.people VERSION AS OF 1", 3),
        ("SELECT count(*) FROM staff.\"people@1\".people", 3),
        ("SELECT max(n) FROM (SELECT count(*) OVER () AS n FROM staff.people.people)", 3),
    ] {
        assert_eq!(count(&anna, sql).await.map_err(|error| error.to_line()), Ok(rows), "{sql}");
    }
    let columns = text(&anna, "DESCRIBE staff.people.people").await;
    assert!(columns.contains("| pay ") && !columns.contains("note"), "{columns}");
    let error = refusal(&anna, "SELECT note FROM staff.people.people").await;
    let unknown = refusal(&anna, "SELECT nota FROM staff.people.people").await;
    assert_eq!(error.to_line().replace("note", "nota"), unknown.to_line());
}

/// Without a barrier each of these fails on the hidden row.
#[tokio::test]
async fn predicate_that_fails_on_a_hidden_row_does_not_fail() {
    let (anna, owner) = (as_user("anna"), as_user("owner"));
    for predicate in [
        "100 / (id - 2) <> 0",
        "100 % (id - 2) >= 0",
        "CASE WHEN id > 0 THEN 100 / (id - 2) END <> 0",
        "coalesce(100 / (id - 2), 1) <> 0",
        "nullif(100 / (id - 2), 1) <> 0",
        "CAST(CASE id WHEN 2 THEN 'x' ELSE '1' END AS INT) = 1",
        "CAST(CASE id WHEN 2 THEN '2020-99-99' ELSE '2020-01-01' END AS DATE) > DATE '2000-01-01'",
        "id - 2 <> 0 AND 10 / (id - 2) < 100 OR 1 / (2 - id) < 100",
        "100 / (SELECT max(id) - 2 FROM (VALUES (3)) v(id)) > 0 AND 1 / (id - 2) < 9",
        "to_timestamp(CASE id WHEN 2 THEN 'x' ELSE '2020-01-01' END) > DATE '2000-01-01'",
        "regexp_like('a', CASE id WHEN 2 THEN '(' ELSE 'a' END)",
        "power(10, CASE id WHEN 2 THEN 400 ELSE 1 END)::BIGINT > 0",
        "random() < 2 AND 1 / (id - 2) < 9",
    ] {
        // Of each column alone, of none, and beside what may go below.
        for tail in ["", " AND id < 4", " AND country = 'SE'"] {
            let sql = format!("SELECT count(*) FROM staff.people.people WHERE ({predicate}){tail}");
            let answer = text(&anna, &sql).await;
            assert!(answer.contains("count(*)"), "{sql}:\n{answer}");
        }
        let sql = format!("SELECT count(*) FROM staff.people.people WHERE {predicate}");
        let answer = text(&owner, &sql).await;
        assert!(!answer.contains("count(*)"), "the owner's did not fail: {sql}:\n{answer}");
    }
}

#[tokio::test]
async fn plan_is_a_leaf_for_who_may_see_it_and_nothing_for_others() {
    let (anna, eva) = (as_user("anna"), as_user("eva"));
    for sql in [
        "EXPLAIN SELECT id FROM staff.people.people WHERE id > 1 AND 1 / id > 0",
        "EXPLAIN VERBOSE SELECT id FROM staff.people.people",
        "EXPLAIN ANALYZE SELECT id FROM staff.people.people",
    ] {
        let withheld = text(&anna, sql).await;
        assert!(withheld.contains("seen in part; its plan is not shown"), "{withheld}");
        assert!(!withheld.contains("Governed") && !withheld.contains("id > 1"), "{withheld}");
        let shown = text(&eva, sql).await;
        let leaf = "Governed: table=staff.people@2.people, columns=[id]";
        assert!(shown.contains(leaf), "{shown}");
        assert!(!shown.contains("files"), "{shown}");
    }
    let analysis = text(&eva, "EXPLAIN ANALYZE SELECT id FROM staff.people.people").await;
    assert!(analysis.contains("columns=[id], metrics=[output_rows=3]"), "{analysis}");
}

/// A filter of a join, or of a sort with a limit, does not go below.
#[tokio::test]
async fn dynamic_filter_stops_at_the_barrier() {
    let (eva, owner) = (as_user("eva"), as_user("owner"));
    let sql = "EXPLAIN SELECT b.id FROM (VALUES (1), (2)) a(id) JOIN staff.people.people b \
               ON a.id = b.id ORDER BY b.id LIMIT 1";
    let plan = text(&eva, sql).await;
    let leaf = plan.lines().find(|line| line.contains("Governed")).expect("there is a leaf");
    assert!(!leaf.contains("DynamicFilter"), "{plan}");
    // That of the values alone.
    assert_eq!(plan.matches("DataSource").count(), 1, "{plan}");
    assert_eq!(text(&owner, sql).await.matches("DataSource").count(), 2);
}

#[tokio::test]
async fn table_without_obligations_has_no_barrier() {
    let owner = as_user("owner");
    let counted = text(&owner, "EXPLAIN SELECT count(*) FROM staff.people.people").await;
    assert!(counted.contains("PlaceholderRowExec"), "statistics do not answer:\n{counted}");
    let read = text(&owner, "EXPLAIN SELECT id FROM staff.people.people").await;
    assert!(read.contains("DataSourceExec") && !read.contains("Governed"), "{read}");
    let eva = as_user("eva");
    let counted = text(&eva, "EXPLAIN SELECT count(*) FROM staff.people.people").await;
    assert!(!counted.contains("PlaceholderRowExec"), "{counted}");
}

/// The operator counts what was read; who asked does not.
#[tokio::test]
async fn bytes_read_below_are_for_the_operator() {
    let (engine, _) = governed();
    let anna = engine.session(Principal::user("anna"));
    let rows = collect(&anna, "SELECT id FROM staff.people.people WHERE id > 2").await.unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let mut chief = Principal::user("chief");
    chief.groups.insert("operators".to_owned());
    let read = "SELECT max(bytes_read) FROM mesh.runtime.queries WHERE sql LIKE 'SELECT id%'";
    assert_eq!(count(&anna, read).await.ok(), Some(0));
    assert_eq!(count(&engine.session(chief), read).await.ok(), Some(424_242));
    let statement = anna.parse("SELECT id FROM staff.people.people").unwrap();
    let mut stream = anna.plan(&statement).await.unwrap().execute().await.unwrap();
    while let Some(batch) = futures::StreamExt::next(&mut stream).await {
        batch.unwrap();
    }
    assert!(stream.reports().is_empty(), "{:?}", stream.reports());
}

#[tokio::test]
async fn digests_of_one_query_match_and_of_two_do_not() {
    let (engine, policies) = governed();
    let masks = BTreeMap::from([("name".to_owned(), Mask::Sha256QueryLocal)]);
    policies.permit("anna", PEOPLE, Obligations { masks, ..Obligations::default() });
    let anna = engine.session(Principal::user("anna"));
    let sql =
        "SELECT count(*) FROM staff.people.people a JOIN staff.\"people@1\".people b USING (name)";
    assert_eq!(count(&anna, sql).await.ok(), Some(8));
    let digest = "SELECT name FROM staff.people.people WHERE id = 1";
    let (one, another) = (text(&anna, digest).await, text(&anna, digest).await);
    assert_eq!(one.len(), another.len());
    assert_ne!(one, another);
    let plan = anna.plan(&anna.parse(digest).unwrap()).await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..2 {
        let rows: Vec<RecordBatch> = plan.execute().await.unwrap().try_collect().await.unwrap();
        runs.push(pretty_format_batches(&rows).unwrap().to_string());
    }
    assert_ne!(runs[0], runs[1], "each execution is a query of its own");
}

/// A plan of Substrait over a table with these columns, with a filter in its very scan.
async fn substrait(columns: &[&str], filter: Expr) -> Vec<u8> {
    let fields = columns.iter().map(|name| match *name {
        "id" | "pay" => Field::new(*name, DataType::Int64, true),
        name => Field::new(name, DataType::Utf8, true),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let table = provider_as_source(Arc::new(EmptyTable::new(schema)));
    let name = TableReference::full("staff", "people", "people");
    let scan = LogicalPlanBuilder::scan_with_filters(name, table, None, vec![filter]).unwrap();
    let state = datafusion::prelude::SessionContext::new().state();
    let plan = to_substrait_plan(&scan.build().unwrap(), &state).unwrap();
    prost::Message::encode_to_vec(plan.as_ref())
}

#[tokio::test]
async fn plan_of_substrait_meets_the_same_barrier() {
    let anna = as_user("anna");
    let seen = ["id", "country", "name", "pay"];
    let failing = (lit(100_i64) / (col("id") - lit(2_i64))).not_eq(lit(0_i64));
    let all = ["id", "country", "name", "pay", "note"];
    for (columns, filter, rows) in [
        (&seen[..], col("id").gt(lit(0_i64)), Some(3)),
        (&seen[..], failing, Some(3)),
        (&seen[..], col("pay").gt(lit(0_i64)), Some(0)),
        (&seen[..], col("country").not_eq(lit("SE")), Some(0)),
        (&all[..], col("id").gt(lit(0_i64)), None),
        (&all[..], col("note").is_not_null(), None),
    ] {
        let statement = anna.parse_substrait(&substrait(columns, filter.clone()).await).unwrap();
        let answer = async {
            let rows = anna.plan(&statement).await?.execute().await?;
            rows.try_collect::<Vec<RecordBatch>>().await
        };
        let (shown, count) = match answer.await {
            Ok(batches) => {
                let count = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
                (pretty_format_batches(&batches).unwrap().to_string(), Some(count))
            }
            Err(error) => (error.to_line().replace("note", ""), None),
        };
        check_no_canary(&filter.to_string(), &shown);
        assert_eq!(count, rows, "{filter}: {shown}");
    }
}

async fn ids(plan: &crate::plan::QueryPlan) -> Result<Vec<i64>> {
    let rows: Vec<RecordBatch> = plan.execute().await?.try_collect().await?;
    let columns = rows
        .iter()
        .map(|batch| datafusion::arrow::array::AsArray::as_primitive::<Int64Type>(batch.column(0)));
    let mut ids: Vec<i64> = columns.flat_map(|column| column.values().to_vec()).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// A plan that is kept is decided again when it runs.
#[tokio::test]
async fn decision_is_that_of_the_run() {
    let (engine, policies) = governed();
    let owner = engine.session(Principal::user("owner"));
    let statement = owner
        .parse("SELECT id FROM staff.people.people WHERE id <> $1 AND id IN (SELECT id FROM staff.people)")
        .unwrap();
    let prepared = owner.describe(&statement).await.unwrap();
    let bound = prepared.bind(vec![ScalarValue::Int64(Some(1))]).unwrap();
    assert_eq!(ids(&bound).await.unwrap(), [2, 3, 4, 5, 6, 7, 8]);
    let rows = Obligations { row_filter: part().row_filter, ..Obligations::default() };
    policies.permit("owner", PEOPLE, rows);
    assert_eq!(ids(&bound).await.unwrap(), [3, 7]);
    policies.permit("owner", PEOPLE, Obligations::default());
    assert_eq!(ids(&bound).await.unwrap(), [2, 3, 4, 5, 6, 7, 8]);
    policies.permit("owner", PEOPLE, part());
    let changed = ids(&bound).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::PermissionDenied);
    assert!(changed.message().contains("has changed"), "{changed}");
    policies.decide("owner", PEOPLE, Decision::Deny);
    let denied = ids(&bound).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    assert!(denied.message().contains("may not be read"), "{denied}");
    assert!(owner.plan(&statement).await.is_err());
}

#[tokio::test]
async fn query_of_a_restricted_table_can_be_killed() {
    let (engine, _) = governed();
    let anna = engine.session(Principal::user("anna"));
    let tables: Vec<String> = (0..20).map(|n| format!("staff.people.people t{n}")).collect();
    let sql = format!("SELECT sum(t0.id * t1.id) FROM {}", tables.join(", "));
    let statement = anna.parse(&sql).unwrap();
    let mut stream = anna.plan(&statement).await.unwrap().execute().await.unwrap();
    anna.kill(stream.query_id()).unwrap();
    let ended = futures::StreamExt::next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Cancelled);
    drop(stream);
    while engine.limits().load().memory_bytes > 0 || engine.limits().load().running > 0 {
        tokio::task::yield_now().await;
    }
}
