//! Virtual tables: what they mean, what they refuse, and what they hide.

use std::collections::BTreeMap;

use super::*;
use crate::authorizer::{Comparison, Mask, Obligations, RowPredicate, Value};
use crate::config::ServiceConfig;
use crate::product::{Column, Contract, LogicalType, Table};
use crate::testing::{FixedPolicies, virtual_contract};

/// In rows that the views leave out; no statement of a test names it.
const CANARY: &str = "canary";

const PEOPLE: &str = "SELECT id, name, country FROM staff.people.people WHERE country = 'SE'";

fn people() -> Vec<RecordBatch> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("country", DataType::Utf8, true),
    ]));
    let names = vec!["n1", CANARY, "n3", CANARY];
    let countries = vec![Some("SE"), Some("NO"), Some("SE"), None];
    let columns: Vec<datafusion::arrow::array::ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
        Arc::new(StringArray::from(names)),
        Arc::new(StringArray::from(countries)),
    ];
    vec![RecordBatch::try_new(schema, columns).unwrap()]
}

/// The views of a test: domain, product, name of the table, query.
type Views<'a> = &'a [(&'a str, &'a str, &'a str, &'a str)];

fn mesh_with(views: Views<'_>) -> Mesh {
    let people = port("main", contract("people.1", version("1.0.0"), &["people"]));
    let mut products = vec![("staff", "people", vec![people])];
    for (domain, product, table, sql) in views {
        let id = format!("{domain}.{product}");
        let contract = virtual_contract(&id, version("1.0.0"), &[(table, sql)]);
        products.push((domain, product, vec![port("main", contract)]));
    }
    mesh_of(products)
}

fn engine_of(mesh: Mesh) -> Engine {
    let tables = MemoryConnector::default().with_table("people", people());
    crate::testing::engine_with(mesh, tables).unwrap()
}

fn open(views: Views<'_>) -> Session {
    engine_of(mesh_with(views)).session(Principal::anonymous())
}

#[tokio::test]
async fn query_is_read_as_a_table() {
    let session = open(&[
        ("sales", "swedes", "swedes", PEOPLE),
        (
            "sales",
            "pairs",
            "pairs",
            "SELECT a.id, b.name FROM sales.swedes.swedes a JOIN sales.swedes.swedes b ON a.id <= b.id",
        ),
        (
            "sales",
            "twice",
            "twice",
            "SELECT id FROM sales.pairs.pairs UNION ALL SELECT id FROM staff.people.people;",
        ),
    ]);
    for (sql, value) in [
        ("SELECT count(*) FROM sales.swedes.swedes", 2),
        ("SELECT count(*) FROM sales.swedes", 2),
        ("SELECT count(*) FROM sales.\"swedes@1\".swedes WHERE name = 'n3'", 1),
        ("SELECT count(*) FROM sales.pairs.pairs", 3),
        ("SELECT count(*) FROM sales.twice.twice", 7),
        ("SELECT count(*) FROM sales.twice.twice t JOIN staff.people.people p USING (id)", 7),
        ("WITH s AS (SELECT * FROM sales.swedes.swedes) SELECT sum(id) FROM s", 4),
        (
            "SELECT max(id) FROM sales.swedes.swedes WHERE id IN (SELECT id FROM sales.pairs.pairs)",
            3,
        ),
    ] {
        assert_eq!(count(&session, sql).await.map_err(|error| error.to_line()), Ok(value), "{sql}");
    }
    let described = text(&session, "DESCRIBE sales.swedes.swedes").await;
    assert!(described.contains("| country "), "{described}");
}

/// In an open mesh it is part of the plan, with the scans that it is made from.
#[tokio::test]
async fn open_view_is_planned_with_its_caller() {
    let session = open(&[("sales", "swedes", "swedes", PEOPLE)]);
    let plan = text(&session, "EXPLAIN SELECT name FROM sales.swedes WHERE id = 3").await;
    assert!(plan.contains("staff.people.people") && plan.contains("id = Int64(3)"), "{plan}");
    assert!(plan.contains("sales.swedes@1.swedes: version 1.0.0, snapshot virtual:"), "{plan}");
    assert!(plan.contains("staff.people@1.people: version 1.0.0, snapshot memory:1"), "{plan}");
    assert!(!plan.contains("Governed"), "{plan}");
    let analysis = text(&session, "EXPLAIN ANALYZE SELECT name FROM sales.swedes").await;
    assert!(analysis.contains("snapshot virtual:"), "{analysis}");
}

#[tokio::test]
async fn session_does_not_change_what_a_query_means() {
    let views: Views<'_> = &[
        (
            "sales",
            "days",
            "days",
            "SELECT CAST(TIMESTAMP '2026-01-01 23:30:00Z' AS TIMESTAMPTZ) AS moment, to_char(arrow_cast('2026-01-01T23:30:00Z', 'Timestamp(Second, Some(\"UTC\"))'), '%H') AS hour FROM staff.people.people LIMIT 1",
        ),
        ("sales", "who", "who", "SELECT current_user AS who FROM staff.people.people LIMIT 1"),
    ];
    let session = open(views);
    let sql = "SELECT hour FROM sales.days";
    let before = text(&session, sql).await;
    session.set("timezone", "+09:00").await.unwrap();
    session.set("catalog", "staff").await.unwrap();
    assert_eq!(text(&session, sql).await, before);
    assert!(before.contains("23"), "{before}");
    let who = text(&session, "SELECT who FROM sales.who.who").await;
    assert!(who.contains("sales.who"), "{who}");
}

#[tokio::test]
async fn query_that_cannot_be_one_is_refused_by_name() {
    for (sql, cause) in [
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SET catalog = 'staff'", "does not hold a query"),
        ("EXPLAIN SELECT 1", "does not hold a query"),
        ("SHOW TABLES", "is not whole"),
        ("DROP TABLE x", "read-only"),
        ("SELECT * FROM people", "name \"people\" is not whole"),
        ("SELECT * FROM staff.people", "is not whole"),
        ("SELECT * FROM mesh.discovery.products", "is no table of a product"),
        ("SELECT * FROM staff.information_schema.tables", "is no table of a product"),
        ("SELECT * FROM staff.people.people WHERE id = $1", "has a parameter"),
        ("SELECT * FROM staff.people.nobody", "\"staff.people.nobody\" does not exist"),
        ("SELECT * FROM gone.people.people", "domain \"gone\" does not exist"),
        ("SELECT * FROM staff.\"people@2\".people", "people"),
        ("SELECT nothing FROM staff.people.people", "nothing"),
        ("SELECT id, id + 1 AS id2, name AS id2 FROM staff.people.people", "id2"),
        ("SELECT id FROM sales.view.view", "sales.view@1.view -> sales.view@1.view"),
    ] {
        let session = open(&[("sales", "view", "view", sql)]);
        let error = refusal(&session, "SELECT * FROM sales.view.view").await;
        let line = error.to_line();
        assert_eq!(error.kind(), ErrorKind::ContractViolated, "{sql}: {line}");
        assert!(
            line.contains("virtual table \"sales.view@1.view\" cannot be read"),
            "{sql}: {line}"
        );
        assert!(line.contains("view.sql") && line.contains(cause), "{sql}: {line}");
    }
}

#[tokio::test]
async fn views_over_each_other_are_refused_with_their_names() {
    let session = open(&[
        ("a", "x", "t", "SELECT * FROM b.y.t"),
        ("b", "y", "t", "SELECT * FROM c.z.t"),
        ("c", "z", "t", "SELECT * FROM b.y.t"),
        ("c", "good", "t", PEOPLE),
    ]);
    let line = refusal(&session, "SELECT * FROM a.x.t").await.to_line();
    assert!(line.contains("b.y@1.t -> c.z@1.t -> b.y@1.t"), "{line}");
    assert_eq!(count(&session, "SELECT count(*) FROM c.good.t").await.unwrap(), 2);
}

#[tokio::test]
async fn views_do_not_multiply_without_end() {
    let names: Vec<(String, String)> = (1..14)
        .map(|level| {
            let below = format!("v.p{}.t", level - 1);
            let from = if level == 1 { "staff.people.people".to_owned() } else { below };
            (format!("p{level}"), format!("SELECT a.id FROM {from} a, {from} b, {from} c"))
        })
        .collect();
    let views: Vec<(&str, &str, &str, &str)> =
        names.iter().map(|(name, sql)| ("v", name.as_str(), "t", sql.as_str())).collect();
    let line = refusal(&open(&views), "SELECT count(*) FROM v.p13.t").await.to_line();
    assert!(line.contains("too large"), "{line}");
}

#[tokio::test]
async fn time_is_that_of_the_inputs() {
    let session = open(&[("sales", "swedes", "swedes", PEOPLE)]);
    for sql in [
        "SELECT * FROM sales.swedes.swedes VERSION AS OF 1",
        "SELECT * FROM sales.swedes.swedes TIMESTAMP AS OF '2026-01-01'",
    ] {
        let error = refusal(&session, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
        assert!(error.to_line().contains("sales.swedes@1.swedes"), "{sql}: {error:?}");
    }
    let plan = session.plan(&session.parse("SELECT * FROM sales.swedes").unwrap()).await.unwrap();
    let names: Vec<String> = plan.snapshots().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sales.swedes@1.swedes", "staff.people@1.people"]);
    let token = plan.snapshot_token().to_string();
    session.set("mesh.snapshots", &token).await.unwrap();
    assert_eq!(count(&session, "SELECT count(*) FROM sales.swedes").await.unwrap(), 2);
    let other = token.replace("virtual:", "virtual:0");
    session.set("mesh.snapshots", &other).await.unwrap();
    let error = refusal(&session, "SELECT * FROM sales.swedes").await;
    assert!(error.message().contains("is gone"), "{error:?}");
    session.reset("mesh.snapshots").unwrap();
    session.set("mesh.as_of", "2026-01-01").await.unwrap();
    assert_eq!(
        refusal(&session, "SELECT * FROM sales.swedes").await.kind(),
        ErrorKind::Unsupported
    );
}

/// A port that is named directly and through views is opened once.
#[tokio::test]
async fn port_is_pinned_once_in_a_statement() {
    let session = open(&[("sales", "swedes", "swedes", PEOPLE)]);
    let sql = "SELECT * FROM sales.swedes s JOIN staff.\"people:main@1\".people p USING (id) JOIN staff.people.people q USING (id)";
    assert!(collect(&session, sql).await.is_ok());
    let plan = session.plan(&session.parse(sql).unwrap()).await.unwrap();
    let snapshots: std::collections::BTreeSet<String> =
        plan.snapshots().into_iter().map(|(_, snapshot)| snapshot.0).collect();
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
}

fn promising(columns: &[(&str, Option<&str>, LogicalType)], sql: &str) -> Session {
    let column = |(name, physical, logical): &(&str, Option<&str>, LogicalType)| Column {
        name: (*name).to_owned(),
        physical_name: physical.map(str::to_owned),
        logical_type: Some(*logical),
        ..Column::default()
    };
    let columns = columns.iter().map(column).collect();
    let table = Table { name: "view".to_owned(), columns, ..Table::default() };
    let made = virtual_contract("view.1", version("1.0.0"), &[("view", sql)]);
    let view = port("main", Contract { tables: vec![Arc::new(table)], ..made });
    let people = port("main", contract("people.1", version("1.0.0"), &["people"]));
    let products = vec![("staff", "people", vec![people]), ("sales", "view", vec![view])];
    engine_of(mesh_of(products)).session(Principal::anonymous())
}

#[tokio::test]
async fn contract_gives_order_and_names_and_hides_the_rest() {
    use LogicalType::{Integer, Number, String};
    let columns = [("label", Some("name"), String), ("id", None, Integer)];
    let session = promising(&columns, "SELECT id, name, country FROM staff.people.people");
    let answer = text(&session, "SELECT * FROM sales.view ORDER BY id LIMIT 1").await;
    assert!(answer.contains("| label | id |") && !answer.contains("country"), "{answer}");
    for (columns, cause) in [
        ([("id", None, String)], "column \"id\" of table \"sales.view@1.view\""),
        ([("more", None, Number)], "lacks column \"more\""),
        ([("x", Some("name"), Integer)], "promised is integer, the query gives Utf8"),
    ] {
        let session = promising(&columns, "SELECT id, name FROM staff.people.people");
        let error = refusal(&session, "SELECT * FROM sales.view").await;
        assert_eq!(error.kind(), ErrorKind::ContractViolated, "{error:?}");
        assert!(error.to_line().contains(cause), "{cause}: {error:?}");
    }
}

/// `anna` may read the view alone, `eva` also how, `owner` everything; the service may read people.
fn governed(sql: &str) -> (Engine, Arc<FixedPolicies>) {
    let policies = Arc::new(FixedPolicies::default());
    let views = [
        ("sales", "view", "view", sql),
        ("sales", "over", "over", "SELECT * FROM sales.view.view"),
    ];
    for (principal, table) in [
        ("anna", "sales.view.view"),
        ("eva", "sales.view.view"),
        ("owner", "sales.view.view"),
        ("owner", "staff.people.people"),
        ("sales.view", "staff.people.people"),
        ("sales.over", "sales.view.view"),
        ("anna", "sales.over.over"),
    ] {
        policies.permit(principal, table, Obligations::default());
    }
    policies.let_explain("eva");
    let authorizer: Arc<FixedPolicies> = Arc::clone(&policies);
    let services = BTreeMap::from([("sales.view".to_owned(), ServiceConfig::default())]);
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh_with(&views))))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("people", people()))])
        .authorizer(authorizer)
        .config(EngineConfig { services, ..EngineConfig::default() })
        .build()
        .unwrap();
    (engine, policies)
}

#[tokio::test]
async fn view_is_read_by_who_may_not_read_its_inputs() {
    let (engine, _) = governed(PEOPLE);
    for user in ["anna", "eva", "owner"] {
        let session = engine.session(Principal::user(user));
        let rows = count(&session, "SELECT count(*) FROM sales.view.view").await;
        assert_eq!(rows.map_err(|error| error.to_line()), Ok(2), "{user}");
    }
    let anna = engine.session(Principal::user("anna"));
    assert_eq!(count(&anna, "SELECT count(*) FROM sales.over").await.unwrap(), 2);
    let inner = refusal(&anna, "SELECT * FROM staff.people.people").await;
    assert_eq!(inner.kind(), ErrorKind::NotFound, "{inner:?}");
    let owner = engine.session(Principal::user("owner"));
    let plan = text(&owner, "EXPLAIN SELECT * FROM sales.view").await;
    assert!(plan.contains("staff.people") && !plan.contains("Governed"), "{plan}");
}

/// Whatever is asked of the view, nothing tells of the rows that it leaves out, or of what it is made from.
#[tokio::test]
async fn nothing_tells_of_what_a_view_leaves_out() {
    let sql = "SELECT id, name, country, 10 / (id - 2) AS risky, CAST(substr(name, 2) AS INT) AS part \
               FROM staff.people.people WHERE country = 'SE'";
    let (engine, _) = governed(sql);
    let questions = [
        "SELECT * FROM sales.view",
        "SELECT * FROM sales.over",
        "SELECT * FROM sales.view WHERE 100 / (id - 2) <> 0",
        "SELECT * FROM sales.over WHERE 100 / (id - 2) <> 0",
        "SELECT * FROM sales.view WHERE CAST(name AS INT) = 1",
        "SELECT * FROM sales.view WHERE risky > 5",
        "SELECT * FROM sales.view WHERE part = 3 AND id = 3",
        "SELECT * FROM sales.view WHERE id = 2 OR name LIKE 'c%'",
        "SELECT count(*), min(name), max(name) FROM sales.view",
        "SELECT * FROM sales.view ORDER BY name LIMIT 1",
        "SELECT a.* FROM sales.view a JOIN sales.view b ON a.id = b.id + 1",
        "SELECT v.* FROM (VALUES (2), (4)) q(id) JOIN sales.view v USING (id)",
        "SELECT * FROM sales.view VERSION AS OF 1",
        "SELECT * FROM sales.view.nothing",
        "DESCRIBE sales.view.view",
    ];
    for user in ["anna", "eva"] {
        let session = engine.session(Principal::user(user));
        for question in questions {
            for explain in ["", "EXPLAIN ", "EXPLAIN VERBOSE ", "EXPLAIN ANALYZE "] {
                let sql = format!("{explain}{question}");
                let answer = text(&session, &sql).await;
                // The values that a question brings along are a source, too.
                let source = if sql.contains("VALUES") { CANARY } else { "DataSource" };
                for told in [CANARY, "people", "staff", source] {
                    assert!(!answer.contains(told), "{user}: {sql} told of {told}:\n{answer}");
                }
            }
        }
        let fails =
            text(&session, "SELECT count(*) FROM sales.view WHERE 100 / (id - 2) <> 0").await;
        assert!(fails.contains("| 2 "), "{fails}");
        let risky = text(&session, "SELECT count(*) FROM sales.view WHERE risky > 5").await;
        assert!(risky.contains("| 1 "), "{risky}");
        let log = text(&session, "SELECT snapshots FROM mesh.runtime.queries").await;
        assert!(!log.contains("people"), "{log}");
    }
}

#[tokio::test]
async fn service_that_is_denied_is_told_of_the_view_alone() {
    let (engine, policies) = governed(PEOPLE);
    policies.decide("sales.view", "staff.people.people", crate::authorizer::Decision::Deny);
    for (user, view) in [("anna", "sales.view"), ("owner", "sales.view"), ("anna", "sales.over")] {
        let session = engine.session(Principal::user(user));
        let error = refusal(&session, &format!("SELECT * FROM {view}")).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        let line = error.to_line();
        assert!(line.contains(&format!("virtual table \"{view}@1.")), "{line}");
        assert!(!line.contains("people") && !line.contains("staff"), "{line}");
    }
}

fn rows_of(id: i64) -> Obligations {
    let (column, comparison, value) = ("id".to_owned(), Comparison::Equal, Value::Integer(id));
    let row_filter = Some(RowPredicate::Compare { column, comparison, value });
    Obligations { row_filter, ..Obligations::default() }
}

/// What the service may not see is not in the view, and the caller's own decision comes on top.
#[tokio::test]
async fn decisions_on_inputs_and_on_the_view_both_count() {
    let (engine, policies) = governed(PEOPLE);
    policies.permit("sales.view", "staff.people.people", rows_of(3));
    let anna = engine.session(Principal::user("anna"));
    assert_eq!(count(&anna, "SELECT max(id) FROM sales.view WHERE id < 9").await.unwrap(), 3);
    assert_eq!(count(&anna, "SELECT count(*) FROM sales.view").await.unwrap(), 1);
    let mut masked = rows_of(1);
    masked.masks.insert("name".to_owned(), Mask::Alphanum);
    masked.absent.insert("country".to_owned());
    policies.permit("sales.view", "staff.people.people", Obligations::default());
    for user in ["anna", "owner"] {
        policies.permit(user, "sales.view.view", masked.clone());
        let session = engine.session(Principal::user(user));
        let answer = text(&session, "SELECT * FROM sales.view").await;
        assert!(answer.contains("| 1  | xn "), "{user}: {answer}");
        assert!(!answer.contains("country") && !answer.contains("SE"), "{user}: {answer}");
    }
}

/// A plan that is kept is decided again, and so is what its views read.
#[tokio::test]
async fn kept_plan_follows_the_decisions_of_now() {
    let (engine, policies) = governed(PEOPLE);
    for user in ["anna", "owner"] {
        let session = engine.session(Principal::user(user));
        let statement = session.parse("SELECT count(*) FROM sales.view").unwrap();
        let kept = session.describe(&statement).await.unwrap();
        assert!(kept.execute().await.is_ok(), "{user}");
        policies.permit("sales.view", "staff.people.people", rows_of(3));
        let now: Result<Vec<RecordBatch>> = match kept.execute().await {
            Ok(rows) => rows.try_collect().await,
            Err(error) => Err(error),
        };
        match (user, now) {
            ("anna", Ok(batches)) => {
                let shown = pretty_format_batches(&batches).unwrap().to_string();
                assert!(shown.contains("| 1 "), "{shown}");
            }
            // The query had become part of the plan.
            ("owner", Err(error)) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
            (user, other) => panic!("{user}: {other:?}"),
        }
        policies.decide("sales.view", "staff.people.people", crate::authorizer::Decision::Deny);
        let denied = kept.execute().await.err().map(|error| error.kind());
        assert_eq!(denied, Some(ErrorKind::PermissionDenied), "{user}");
        policies.permit("sales.view", "staff.people.people", Obligations::default());
    }
}
