//! What is kept, and for whom.

use samite_engine::session::Principal;
use samite_engine::testing::{MemoryConnector, engine_with, mesh_of};

use super::*;

async fn ask(constants: &Constants, session: &Session, sql: &str) {
    let statement = session.parse(sql).unwrap();
    let plan = session.plan(&statement).await.unwrap();
    let schema = Arc::new(WireSchema::of_result(&plan.schema(), Profile::Arrow).unwrap());
    constants.keep(session, Profile::Arrow, sql, Constant { statement, plan, schema });
}

fn session(principal: &str) -> Session {
    let engine = engine_with(mesh_of(vec![]), MemoryConnector::default()).unwrap();
    engine.session(Principal::user(principal))
}

#[tokio::test]
async fn only_what_never_changes_is_kept() {
    let (constants, session) = (Constants::new(), session("a"));
    for (sql, is_kept) in [
        ("SELECT 1", true),
        ("select 1 -- alive?", true),
        ("SELECT now()", false),
        ("SELECT random()", false),
        ("EXPLAIN SELECT 1", false),
        ("SELECT * FROM mesh.runtime.queries", false),
        ("SELECT count(*) FROM mesh.discovery.products", false),
        ("SHOW timezone", false),
    ] {
        ask(&constants, &session, sql).await;
        let kept = constants.find(&session, Profile::Arrow, sql);
        assert_eq!(kept.is_some(), is_kept, "{sql}");
    }
}

#[tokio::test]
async fn answer_is_for_the_same_text_asked_in_the_same_way() {
    let (constants, first) = (Constants::new(), session("a"));
    ask(&constants, &first, "SELECT 'x' AS c").await;
    let found = |session: &Session, profile, sql| constants.find(session, profile, sql).is_some();
    assert!(found(&first, Profile::Arrow, "SELECT 'x' AS c"));
    assert!(!found(&first, Profile::Arrow, "SELECT 'X' AS c"));
    assert!(!found(&first, Profile::Arrow, "SELECT \"x\" AS c"));
    assert!(!found(&first, Profile::Jdbc, "SELECT 'x' AS c"));
    assert!(!found(&session("b"), Profile::Arrow, "SELECT 'x' AS c"));
    first.set("timezone", "Europe/Berlin").await.unwrap();
    assert!(!found(&first, Profile::Arrow, "SELECT 'x' AS c"));
}
