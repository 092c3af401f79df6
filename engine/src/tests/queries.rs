//! What is told of queries, and how they are ended.

use datafusion::common::runtime::SpawnedTask;
use tokio::task::yield_now;

use super::*;

const LONG: &str = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, \
                    generate_series(1, 1000000) b";

fn busy_engine(concurrent_queries_max: usize) -> Engine {
    let administrators = vec!["operators".to_owned()];
    engine(EngineConfig { concurrent_queries_max, administrators, ..EngineConfig::default() }, 2026)
}

fn user(engine: &Engine, name: &str) -> Session {
    engine.session(Principal::user(name)).with_program("test/1")
}

fn administrator(engine: &Engine) -> Session {
    let mut chief = Principal::user("chief");
    chief.groups.insert("operators".to_owned());
    engine.session(chief)
}

fn begin(session: &Session, sql: &str) -> SpawnedTask<Result<Vec<RecordBatch>>> {
    let (session, sql) = (session.clone(), sql.to_owned());
    SpawnedTask::spawn(async move { collect(&session, &sql).await })
}

/// The id of the query that is in this state, as soon as one is.
async fn id_in_state(engine: &Engine, state: Phase, principal: &str) -> String {
    loop {
        let queries = engine.query_log().queries(Some(principal));
        let found = queries.iter().find(|query| query.ended().is_none() && query.phase() == state);
        if let Some(query) = found {
            return query.query_id.clone();
        }
        yield_now().await;
    }
}

async fn listed(session: &Session, condition: &str) -> String {
    let sql = format!(
        "SELECT principal, program, sql, state, rows, error, message \
         FROM mesh.runtime.queries WHERE {condition} ORDER BY started_at, query_id"
    );
    text(session, &sql).await
}

#[tokio::test]
async fn killed_query_says_by_whom_and_holds_nothing_any_more() {
    let engine = busy_engine(2);
    let owner = user(&engine, "anna");
    for (killer, who) in [(&owner, "its owner"), (&administrator(&engine), "an administrator")] {
        let running = begin(&owner, LONG);
        let id = id_in_state(&engine, Phase::Running, "anna").await;
        killer.apply(&killer.parse(&format!("KILL QUERY '{id}'")).unwrap()).await.unwrap();
        let error = running.join().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(error.message(), format!("the query was cancelled by {who}"));
        assert_eq!(error.query_id(), Some(id.as_str()));
        assert_eq!(engine.limits().load().running, 0);
        while engine.limits().load().memory_bytes > 0 {
            yield_now().await;
        }
        let shown = listed(killer, &format!("query_id = '{id}'")).await;
        assert!(shown.contains("| cancelled |") && shown.contains(error.message()), "{shown}");
        assert_eq!(killer.kill(&id).unwrap_err().kind(), ErrorKind::NotFound, "it has ended");
    }
}

#[tokio::test]
async fn query_of_another_is_neither_shown_nor_killed() {
    let engine = busy_engine(2);
    let running = begin(&user(&engine, "anna"), LONG);
    let id = id_in_state(&engine, Phase::Running, "anna").await;
    let other = user(&engine, "bo");
    assert_eq!(
        other.kill(&id).unwrap_err().to_line().replace(&id, "ID"),
        other.kill("0").unwrap_err().to_line().replace("\"0\"", "\"ID\"")
    );
    assert!(!listed(&other, "true").await.contains("anna"));
    let shown = listed(&administrator(&engine), "principal = 'anna'").await;
    assert!(shown.contains("test/1") && shown.contains("| running |"), "{shown}");
    drop(running);
}

#[tokio::test]
async fn queued_query_is_shown_and_leaves_the_queue_when_it_is_killed() {
    let engine = busy_engine(1);
    let first = begin(&user(&engine, "anna"), LONG);
    id_in_state(&engine, Phase::Running, "anna").await;
    let second = begin(&user(&engine, "bo"), LONG);
    let id = id_in_state(&engine, Phase::Queued, "bo").await;
    assert_eq!(engine.limits().load().waiting, 1);
    user(&engine, "bo").kill(&id).unwrap();
    assert_eq!(second.join().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let load = engine.limits().load();
    assert_eq!((load.running, load.waiting), (1, 0));
    drop(first);
}

#[tokio::test]
async fn query_that_cannot_be_planned_is_told_of() {
    let engine = busy_engine(1);
    let session = user(&engine, "anna");
    for sql in ["SELECT", "SELECT * FROM media.nothing", "SELECT x", "DROP TABLE t", "SELECT '"] {
        let error = refusal(&session, sql).await;
        let id = error.query_id().unwrap().to_owned();
        let kind = format!("{:?}", error.kind());
        let shown = listed(&session, &format!("query_id = '{id}' AND error = '{kind}'")).await;
        assert!(shown.contains("| failed |") && shown.contains(error.message()), "{sql}\n{shown}");
    }
    let metrics = engine.metrics_text().unwrap();
    assert!(metrics.contains("samite_queries_total{state=\"failed\"} 5"), "{metrics}");
}

#[tokio::test]
async fn plan_that_is_not_executed_leaves_nothing_and_one_that_is_keeps_its_id() {
    let engine = busy_engine(1);
    let session = user(&engine, "anna");
    let statement = session.parse("SELECT count(*) FROM media.plays.plays").unwrap();
    let described = session.describe(&statement).await.unwrap();
    assert_eq!(described.query_id(), None);
    drop((described, session.plan(&statement).await.unwrap()));
    assert!(engine.query_log().queries(None).is_empty());
    let plan = session.plan(&statement).await.unwrap();
    let id = plan.query_id().unwrap();
    assert_eq!(engine.query_log().queries(None)[0].phase(), Phase::Planned);
    assert_eq!(plan.execute().await.unwrap().query_id(), id);
    let again = plan.execute().await.unwrap();
    assert_ne!(again.query_id(), id);
}

#[tokio::test]
async fn plan_that_is_killed_cannot_be_executed() {
    let engine = busy_engine(1);
    let session = user(&engine, "anna");
    let statement = session.parse("SELECT count(*) FROM media.plays.plays").unwrap();
    let plan = session.plan(&statement).await.unwrap();
    session.kill(&plan.query_id().unwrap()).unwrap();
    assert_eq!(plan.execute().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn error_of_a_run_shows_its_values_to_the_owner_alone() {
    let engine = busy_engine(1);
    let owner = user(&engine, "anna");
    let error = refusal(&owner, "SELECT CAST(name AS INT) FROM media.plays.plays").await;
    assert!(error.to_line().contains("n1"), "{error:?}");
    let condition = "sql LIKE 'SELECT CAST%'";
    assert!(listed(&owner, condition).await.contains("n1"));
    let shown = listed(&administrator(&engine), condition).await;
    assert!(shown.contains("InvalidQuery") && !shown.contains("n1"), "{shown}");
}
