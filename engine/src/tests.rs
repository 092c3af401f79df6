//! The engine as a whole, over tables in memory.

mod audit;
mod governed;
mod polysemes;
mod queries;
mod virtual_tables;

use std::sync::Arc;

use chrono::{TimeZone, Utc};
use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

use crate::config::EngineConfig;
use crate::engine::{Clock, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Mesh, Status, Version};
use crate::session::{Principal, Session};
use crate::telemetry::Phase;
use crate::testing::{FixedCatalog, MemoryConnector, contract, mesh_of, port};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn numbers(rows: i64) -> Vec<RecordBatch> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ]));
    let ids: Int64Array = (0..rows).collect();
    let names: StringArray = (0..rows).map(|id| (id % 3 != 0).then(|| format!("n{id}"))).collect();
    vec![RecordBatch::try_new(schema, vec![Arc::new(ids), Arc::new(names)]).unwrap()]
}

/// Version 1 is deprecated and ends, version 2 is active, version 3 is a draft.
fn sample_mesh() -> Mesh {
    let mut first = contract("plays.1", version("1.4.0"), &["plays"]);
    first.status = Status::Deprecated;
    first.end_of_life = Some(Utc.with_ymd_and_hms(2027, 3, 31, 0, 0, 0).unwrap());
    let second = contract("plays.2", version("2.1.0"), &["plays"]);
    let mut third = contract("plays.3", version("3.0.0"), &["plays"]);
    third.status = Status::Draft;
    let plays = vec![port("events", first), port("events", second), port("events", third)];
    let many = port("all", contract("many.1", version("1"), &["one", "two"]));
    let twins = vec![
        port("left", contract("left.1", version("1"), &["same", "only_left"])),
        port("right", contract("right.1", version("1"), &["same"])),
    ];
    let minors = ["2.0.0", "2.1.0"]
        .map(|minor| port("main", contract(&format!("minors.{minor}"), version(minor), &["one"])));
    mesh_of(vec![
        ("media", "minors", minors.to_vec()),
        ("media", "plays", plays),
        ("media", "many", vec![many]),
        ("media", "twins", twins),
    ])
}

fn engine(config: EngineConfig, year: i32) -> Engine {
    let mut tables = MemoryConnector::default();
    for name in ["plays", "one", "two", "same", "only_left"] {
        tables = tables.with_table(name, numbers(100));
    }
    Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(sample_mesh())))
        .connectors(vec![Arc::new(tables)])
        .clock(Clock::new(move || Utc.with_ymd_and_hms(year, 11, 21, 0, 0, 0).unwrap()))
        .config(config)
        .build()
        .unwrap()
}

fn session() -> Session {
    engine(EngineConfig::default(), 2026).session(Principal::anonymous())
}

async fn collect(session: &Session, sql: &str) -> Result<Vec<RecordBatch>> {
    session.sql(sql).await?.try_collect().await
}

async fn text(session: &Session, sql: &str) -> String {
    match collect(session, sql).await {
        Ok(batches) => pretty_format_batches(&batches).unwrap().to_string(),
        Err(error) => format!("{:?}: {}", error.kind(), error.to_line()),
    }
}

async fn count(session: &Session, sql: &str) -> Result<i64> {
    let batches = collect(session, sql).await?;
    let column = batches[0].column(0);
    Ok(column.as_any().downcast_ref::<Int64Array>().unwrap().value(0))
}

async fn refusal(session: &Session, sql: &str) -> Error {
    match collect(session, sql).await {
        Ok(batches) => panic!("{sql} gave {batches:?}"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn name_means_the_newest_active_version() {
    let session = session();
    for (sql, rows) in [
        ("SELECT count(*) FROM media.plays.plays", 100),
        ("SELECT count(*) FROM media.plays", 100),
        ("SELECT count(*) FROM media.\"plays@1\".plays", 100),
        ("SELECT count(*) FROM media.\"plays@2.1\"", 100),
        ("SELECT count(*) FROM media.\"plays:events@2\".plays", 100),
        ("SELECT count(*) FROM media.\"plays@draft\".plays", 100),
        ("SELECT count(*) FROM media.\"plays:events@draft\"", 100),
        ("SELECT count(*) FROM media.\"plays@3.0.0\"", 100),
        ("SELECT count(*) FROM media.twins.only_left", 100),
        ("SELECT count(*) FROM media.\"twins:left\".same", 100),
        ("SELECT count(*) FROM media.many.one a JOIN media.many.two b USING (id)", 100),
        (
            "SELECT count(*) FROM media.plays.plays a, media.\"plays@1\".plays b WHERE a.id = b.id",
            100,
        ),
    ] {
        assert_eq!(count(&session, sql).await.map_err(|error| error.to_line()), Ok(rows), "{sql}");
    }
}

#[tokio::test]
async fn minor_versions_of_one_port_are_two_tables() {
    let session = session();
    let sql = "SELECT * FROM media.\"minors@2.0\".one a JOIN media.\"minors@2.1\".one b USING (id)";
    let plan = session.plan(&session.parse(sql).unwrap()).await.unwrap();
    let names: Vec<String> = plan.snapshots().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["media.minors@2.0.0.one", "media.minors@2.1.0.one"]);
}

/// DataFusion drops a projection that looks like the one below it.
#[tokio::test]
async fn projection_over_one_that_looks_alike_still_counts() {
    let session = session();
    for (sql, value) in [
        ("SELECT x FROM (SELECT x + 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT 1 AS x)))", 3),
        ("SELECT x FROM (SELECT x + 2 - 1 AS x FROM (SELECT x + 1 AS x FROM (SELECT 1 AS x)))", 3),
        (
            "SELECT x FROM (SELECT x * 2 AS x FROM (SELECT x * 2 AS x FROM (SELECT x * 2 AS x \
             FROM (SELECT id AS x FROM media.plays.plays WHERE id = 5))))",
            40,
        ),
        (
            "SELECT (SELECT x + x AS x FROM (SELECT x + x AS x FROM (SELECT x + x AS x FROM \
             (SELECT 1 AS x))))",
            8,
        ),
    ] {
        assert_eq!(count(&session, sql).await.map_err(|error| error.to_line()), Ok(value), "{sql}");
    }
}

/// DataFusion would apply the filter to the other table's column of that name.
#[tokio::test]
async fn filter_above_an_outer_join_is_about_its_own_side() {
    let session = session();
    let (few, all) = ("(VALUES (1), (200), (300)) b(id)", "media.plays.plays a");
    for (sql, rows) in [
        (format!("{all} RIGHT JOIN {few} ON a.id = b.id WHERE a.id IS NULL"), 2),
        (format!("{all} RIGHT JOIN {few} ON a.id = b.id WHERE a.id IS NOT DISTINCT FROM 1"), 1),
        (format!("{all} FULL JOIN {few} ON a.id = b.id WHERE a.id IS NULL"), 2),
        (format!("{all} FULL JOIN {few} ON a.id = b.id WHERE b.id IS NULL"), 99),
        (format!("{few} LEFT JOIN {all} ON a.id = b.id WHERE a.id IS NULL"), 2),
        (format!("{few} RIGHT JOIN {all} ON a.id = b.id WHERE b.id IS NULL"), 99),
        (format!("{all} LEFT JOIN {few} ON a.id = b.id WHERE b.id IS NULL"), 99),
        (format!("{all} RIGHT JOIN {few} ON a.id = b.id AND b.id > 1 WHERE a.id IS NULL"), 3),
    ] {
        let sql = format!("SELECT count(*) FROM {sql}");
        assert_eq!(count(&session, &sql).await.map_err(|error| error.to_line()), Ok(rows), "{sql}");
        let sql = sql.replace("count(*)", "*");
        let found = collect(&session, &sql).await.unwrap();
        let found: usize = found.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(found, usize::try_from(rows).unwrap(), "{sql}");
    }
}

#[tokio::test]
async fn value_of_an_untyped_parameter_keeps_its_type() {
    let session = session();
    for sql in [
        "SELECT coalesce($1, 10)",
        "SELECT CASE WHEN true THEN $1 ELSE 0 END",
        "SELECT max(z) FROM (SELECT $1 AS z UNION ALL SELECT 1)",
    ] {
        let plan = session.plan(&session.parse(sql).unwrap()).await.unwrap();
        let bound = plan.bind(vec![ScalarValue::Float64(Some(2.5))]).unwrap();
        let rows: Vec<RecordBatch> = bound.execute().await.unwrap().try_collect().await.unwrap();
        let value = ScalarValue::try_from_array(rows[0].column(0), 0).unwrap();
        assert_eq!(value, ScalarValue::Float64(Some(2.5)), "{sql}");
        assert_eq!(rows[0].schema(), bound.schema(), "{sql}");
    }
}

#[tokio::test]
async fn schema_is_that_of_the_rows() {
    let session = session();
    for sql in [
        "SELECT CAST(NULL AS INT) AS z UNION ALL SELECT 3",
        "SELECT 1 AS z UNION ALL SELECT 2.5",
        "SELECT NULL AS z UNION ALL SELECT 'a'",
        "SELECT * FROM (VALUES (1), (2.5)) t(z)",
    ] {
        let rows = collect(&session, sql).await.map_err(|error| error.to_line());
        let count = rows.map(|batches| batches.iter().map(RecordBatch::num_rows).sum::<usize>());
        assert_eq!(count, Ok(2), "{sql}");
    }
}

#[tokio::test]
async fn wrong_name_is_refused_with_the_nearest() {
    let session = session();
    let mut answers = String::new();
    for sql in [
        "SELECT * FROM medai.plays.plays",
        "SELECT * FROM media.palys.plays",
        "SELECT * FROM media.plays.play",
        "SELECT * FROM media.\"plays@9\".plays",
        "SELECT * FROM media.\"plays@3\".plays",
        "SELECT * FROM media.\"plays@x\".plays",
        "SELECT * FROM media.\"plays:raw\".plays",
        "SELECT * FROM media.many",
        "SELECT * FROM media.twins.same",
        "SELECT * FROM plays",
        "SELECT * FROM a.b.c.d",
        "SELECT * FROM mesh.discovery.nothing",
        "SELECT * FROM information_schema.nothing",
        "SELECT nme FROM media.plays.plays",
        "SELECT p.nme, p.id FROM media.plays.plays p",
        "SELECT frobnicate(1)",
        "SELECT sum('a')",
        "SELECT sum(DATE '2020-01-01')",
        "SELECT upper(1, 2, 3)",
        "SELECT 'a' + INTERVAL '1 day'",
        "SELECT repeat('a', 2000000000)",
        "SELECT id, repeat('a', 1000000) FROM media.plays.plays",
        "SELECT id FROM media.many.one, media.many.two",
        "SELECT 1/0",
        "SELECT * FROM (",
    ] {
        let error = refusal(&session, sql).await;
        answers.push_str(&format!("{sql}\n  {:?}: {}\n", error.kind(), error.to_line()));
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn ended_version_names_its_successor() {
    let session = engine(EngineConfig::default(), 2028).session(Principal::anonymous());
    let error = refusal(&session, "SELECT * FROM media.\"plays@1\".plays").await;
    assert_eq!(error.kind(), ErrorKind::ContractViolated);
    assert_eq!(
        error.to_line(),
        "version 1.4.0 of product \"media.plays\" ended on 2027-03-31 (hint: use media.\"plays@2\")"
    );
    assert_eq!(count(&session, "SELECT count(*) FROM media.plays").await.ok(), Some(100));
}

#[tokio::test]
async fn deprecated_version_and_draft_warn() {
    let draft = session().parse("SELECT 1 FROM media.\"plays@draft\".plays").unwrap();
    let warnings = session().plan(&draft).await.unwrap().warnings();
    assert_eq!(warnings, ["media.plays@3.0.0 is a draft: it may change at any time"]);
    let session = session();
    let statement = session.parse("SELECT * FROM media.\"plays@1\".plays").unwrap();
    let plan = session.plan(&statement).await.unwrap();
    assert_eq!(
        plan.warnings(),
        [
            "media.plays@1.4.0 is deprecated; it is refused from 2027-03-31 on; use media.\"plays@2\""
        ]
    );
}

#[tokio::test]
async fn session_shortens_names() {
    let session = session();
    assert!(session.sql("SET catalog = 'media'").await.is_ok());
    assert_eq!(count(&session, "SELECT count(*) FROM plays.plays").await.ok(), Some(100));
    assert_eq!(count(&session, "SELECT count(*) FROM media.plays").await.ok(), Some(100));
    assert!(session.sql("USE media.many").await.is_ok());
    assert_eq!(count(&session, "SELECT count(*) FROM one").await.ok(), Some(100));
    assert!(session.sql("RESET schema").await.is_ok());
    assert_eq!(refusal(&session, "SELECT * FROM one").await.kind(), ErrorKind::NotFound);
    assert_eq!(refusal(&session, "SET catalog = 'nowhere'").await.kind(), ErrorKind::NotFound);
    assert_eq!(refusal(&session, "SET datafusion.x = 1").await.kind(), ErrorKind::InvalidQuery);
}

#[tokio::test]
async fn parameters_are_typed_and_bound() {
    let session = session();
    let sql = "SELECT id FROM media.plays.plays WHERE id > $2 AND name = $1 LIMIT $3";
    let plan = session.plan(&session.parse(sql).unwrap()).await.unwrap();
    let types: Vec<_> = plan.parameters().iter().map(|p| (p.number, p.data_type.clone())).collect();
    assert_eq!(
        types,
        [(1, Some(DataType::Utf8)), (2, Some(DataType::Int64)), (3, Some(DataType::Int64))]
    );
    assert_eq!(plan.execute().await.unwrap_err().kind(), ErrorKind::InvalidQuery);
    let values = vec![
        ScalarValue::Utf8View(Some("n4".to_owned())),
        ScalarValue::Int8(Some(1)),
        ScalarValue::Int32(Some(10)),
    ];
    let bound = plan.bind(values).unwrap();
    for _ in 0..2 {
        let batches: Vec<_> = bound.execute().await.unwrap().try_collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
    assert_eq!(plan.bind(vec![]).unwrap_err().kind(), ErrorKind::InvalidQuery);
    let text = ScalarValue::Utf8(Some("x".to_owned()));
    let error = plan.bind(vec![text.clone(), text.clone(), text]).unwrap_err();
    assert_eq!(error.message(), "parameter $2 cannot be read as Int64");
}

#[tokio::test]
async fn parameter_of_several_types_has_a_likely_one() {
    let session = session();
    for (expression, types) in [
        ("$1", vec![None]),
        ("abs($1)", vec![Some(DataType::Float64)]),
        ("coalesce($1, 1)", vec![Some(DataType::Int64)]),
        ("$1 + $2", vec![Some(DataType::Float64); 2]),
        ("$1 + 1", vec![Some(DataType::Int64)]),
    ] {
        let statement = session.parse(&format!("SELECT {expression}")).unwrap();
        let plan = session.plan(&statement).await.unwrap();
        let parameters = plan.parameters().iter();
        let found: Vec<_> =
            parameters.map(|p| p.data_type.clone().or_else(|| p.likely_type.clone())).collect();
        assert_eq!(found, types, "{expression} {:?}", plan.parameters());
    }
}

#[tokio::test]
async fn mesh_describes_itself() {
    let session = session();
    let mut answers = String::new();
    for sql in [
        "SELECT * FROM mesh.discovery.domains",
        "SELECT domain, product, status, ports FROM mesh.discovery.products",
        "SELECT product, port, version, stage, successor, format FROM mesh.discovery.ports",
        "SELECT * FROM mesh.discovery.tables WHERE product = 'many'",
        "SELECT * FROM mesh.discovery.problems",
        "SHOW TABLES FROM media.many",
        "SHOW SCHEMAS FROM media",
        "SELECT table_schema, table_name FROM media.information_schema.tables WHERE table_type = 'BASE TABLE'",
        "DESCRIBE media.plays.plays",
        "SHOW timezone",
        "SHOW ALL",
        "EXPLAIN SELECT count(*) FROM media.plays.plays WHERE id > 3",
    ] {
        answers.push_str(&format!("{sql}\n{}\n", text(&session, sql).await));
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn query_ends_by_its_deadline() {
    let config = EngineConfig {
        query_timeout: std::time::Duration::from_millis(200),
        ..EngineConfig::default()
    };
    let session = engine(config, 2026).session(Principal::anonymous());
    for sql in [
        "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        // Not one row leaves this join.
        "SELECT count(*) FROM generate_series(1, 100000) a JOIN generate_series(1, 1000000) b ON a.value > b.value + 200000",
    ] {
        assert_eq!(refusal(&session, sql).await.kind(), ErrorKind::DeadlineExceeded, "{sql}");
    }
}

#[tokio::test]
async fn now_is_the_time_of_the_engine() {
    for sql in [
        "SELECT 1 WHERE now() = TIMESTAMP '2026-11-21T00:00:00Z'",
        "SELECT 1 WHERE current_date() = DATE '2026-11-21'",
    ] {
        let rows = collect(&session(), sql).await.map_err(|error| error.to_line());
        let rows = rows.map(|batches| batches.iter().map(RecordBatch::num_rows).sum::<usize>());
        assert_eq!(rows, Ok(1), "{sql}");
    }
}

#[tokio::test]
async fn query_stays_within_its_memory() {
    let config = EngineConfig { query_memory_bytes_max: 1 << 20, ..EngineConfig::default() };
    let session = engine(config, 2026).session(Principal::anonymous());
    let sql = "SELECT array_agg(value) FROM generate_series(1, 3000000)";
    let error = refusal(&session, sql).await;
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted, "{error:?}");
}

#[tokio::test]
async fn dropped_stream_frees_its_place() {
    let config = EngineConfig { concurrent_queries_max: 1, ..EngineConfig::default() };
    let session = engine(config, 2026).session(Principal::anonymous());
    let sql = "SELECT a.value FROM generate_series(1, 100000) a, generate_series(1, 100000) b";
    for _ in 0..3 {
        let mut rows = session.sql(sql).await.unwrap();
        assert!(rows.try_next().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn panic_becomes_an_error() {
    let session = session();
    let work = async { panic!("a bug") };
    let result: Result<()> = session.engine().limits().processor().run(work).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn deep_statement_does_not_end_the_process() {
    let session = session();
    for sql in [
        format!("SELECT {}1", "1+".repeat(1000)),
        format!("SELECT {}1", "1+".repeat(100_000)),
        format!("EXPLAIN SELECT {}1", "1+".repeat(1000)),
        format!("SELECT count(*) FROM media.plays.plays WHERE {}id = 0", "id = 1 OR ".repeat(490)),
        format!("SELECT {}1{}", "(".repeat(95), ")".repeat(95)),
        format!("SELECT {}1", "- ".repeat(390)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(100)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(90), " END".repeat(90)),
    ] {
        if let Err(error) = collect(&session, &sql).await {
            assert_ne!(error.kind(), ErrorKind::Internal, "{sql:.60}: {error:?}");
        }
    }
}
