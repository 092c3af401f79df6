//! What the ledger tells of statements, and to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;

use super::*;
use crate::authorizer::{Comparison, Decision, Mask, Obligations, RowPredicate, Value};
use crate::events::{
    AccessDecision, Asked, EventSink, Outcome, QueryEvent, Recorded, StatementAction, TableAccess,
};
use crate::testing::{FixedPolicies, virtual_contract};

/// Keeps what it is told, and can refuse.
#[derive(Debug, Default)]
struct Told {
    ended: Mutex<Vec<Arc<QueryEvent>>>,
    started: Mutex<Vec<Arc<Asked>>>,
    is_full: Mutex<bool>,
    /// Lets the rows of statements that began leave; at once without it.
    gate: Mutex<Option<tokio::sync::oneshot::Receiver<Result<()>>>>,
}

#[async_trait]
impl EventSink for Told {
    fn check(&self) -> Result<()> {
        match *self.is_full.lock() {
            true => Err(Error::new(ErrorKind::SourceUnavailable, "the ledger is full")),
            false => Ok(()),
        }
    }

    fn query_started(&self, asked: &Arc<Asked>) -> Option<Recorded> {
        self.started.lock().push(Arc::clone(asked));
        let gate = self.gate.lock().take()?;
        Some(Box::pin(async move { gate.await.unwrap() }))
    }

    fn query_ended(&self, event: &Arc<QueryEvent>) {
        self.ended.lock().push(Arc::clone(event));
    }
}

impl Told {
    /// What was told since this was last asked.
    fn take(&self) -> Vec<Arc<QueryEvent>> {
        std::mem::take(&mut *self.ended.lock())
    }

    fn only(&self) -> Arc<QueryEvent> {
        let mut all = self.take();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

fn part() -> Obligations {
    let value = Value::Text("n1".to_owned());
    let comparison = Comparison::Equal;
    Obligations {
        row_filter: Some(RowPredicate::Compare { column: "name".to_owned(), comparison, value }),
        masks: BTreeMap::from([("name".to_owned(), Mask::Alphanum)]),
        absent: BTreeSet::new(),
        policies: BTreeSet::from(["global/a".to_owned(), "media/b".to_owned()]),
        ..Obligations::default()
    }
}

/// `anna` sees a part of `plays` and all of `many.one`; `many.two` is denied to her. `chief` is an administrator.
fn governed() -> (Engine, Arc<Told>, Arc<FixedPolicies>) {
    let mut tables = MemoryConnector::default();
    for name in ["plays", "one", "two"] {
        tables = tables.with_table(name, numbers(100));
    }
    let policies = Arc::new(FixedPolicies::default());
    policies.permit("anna", "media.plays.plays", part());
    policies.permit("anna", "media.many.one", Obligations::default());
    policies.permit("bo", "media.many.one", Obligations::default());
    policies.permit("chief", "media.many.one", Obligations::default());
    let told = Arc::new(Told::default());
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(sample_mesh())))
        .connectors(vec![Arc::new(tables)])
        .authorizer(Arc::clone(&policies) as _)
        .events(Arc::clone(&told) as _)
        .clock(Clock::new(|| Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap()))
        .config(EngineConfig {
            administrators: vec!["chiefs".to_owned()],
            ..EngineConfig::default()
        })
        .build()
        .unwrap();
    (engine, told, policies)
}

fn anna(engine: &Engine) -> Session {
    let mut anna = Principal::user("anna");
    anna.groups.insert("analysts".to_owned());
    anna.attributes.insert("domain".to_owned(), "finance".to_owned());
    engine.session(anna).with_address(Some(IpAddr::from([192, 0, 2, 7])))
}

fn chief(engine: &Engine) -> Session {
    let mut chief = Principal::user("chief");
    chief.groups.insert("chiefs".to_owned());
    engine.session(chief)
}

fn shown(tables: &[TableAccess]) -> Vec<(&str, AccessDecision)> {
    tables.iter().map(|table| (table.table.as_str(), table.decision)).collect()
}

#[tokio::test]
async fn statement_is_told_with_who_asked_what_was_decided_and_for_what() {
    let (engine, told, _) = governed();
    let session = anna(&engine);
    session.set("mesh.purpose", "billing").await.unwrap();
    collect(&session, "SELECT id FROM media.plays.plays p WHERE name <> 'hush' LIMIT 7")
        .await
        .unwrap();
    let event = told.only();
    let asked = &event.asked;
    assert_eq!(&*asked.statement, "SELECT id FROM media.plays.plays p WHERE name <> ? LIMIT ?");
    assert_eq!(
        (asked.principal.name.as_str(), asked.purpose.as_deref()),
        ("anna", Some("billing"))
    );
    assert_eq!((asked.channel, asked.action), ("embedded", StatementAction::Select));
    assert_eq!(asked.address, Some(IpAddr::from([192, 0, 2, 7])));
    assert_eq!((event.outcome, event.rows, event.sql.as_ref()), (Outcome::Finished, 1, None));
    let [table] = asked.tables.as_slice() else { panic!("{asked:?}") };
    assert_eq!(table.decision, AccessDecision::Modified);
    assert_eq!(table.policies, ["global/a", "media/b"]);
    assert_eq!((table.is_row_filtered, table.masked.as_slice()), (true, &["name".to_owned()][..]));
    assert_eq!(table.snapshot.as_ref().map(|id| id.0.as_str()), Some("memory:1"));
    assert_eq!(table.fingerprint.as_ref().map(String::len), Some(64));
    let port = table.port.as_ref().unwrap();
    assert_eq!(
        (port.domain.as_str(), port.product.as_str(), port.version.as_str()),
        ("media", "plays", "2.1.0")
    );
    assert_eq!(told.started.lock().len(), 1, "it was told when it began, too");
}

#[tokio::test]
async fn refused_and_failed_statements_are_told_and_what_is_hidden_is_told_from_what_is_not_there()
{
    use AccessDecision::{Allowed, Denied, Hidden, Unknown};
    let (engine, told, policies) = governed();
    let session = anna(&engine);
    policies.decide("anna", "media.many.two", Decision::Deny);
    for (sql, tables, error) in [
        ("SELECT * FROM media.many.two", vec![("media.many@1.two", Hidden)], ErrorKind::NotFound),
        ("SELECT * FROM media.many.none", vec![("media.many.none", Unknown)], ErrorKind::NotFound),
        (
            "SELECT * FROM media.many.one, nowhere.at.all",
            vec![("media.many@1.one", Allowed), ("nowhere.at.all", Unknown)],
            ErrorKind::NotFound,
        ),
        (
            "SELECT nothing FROM media.many.one",
            vec![("media.many@1.one", Allowed)],
            ErrorKind::InvalidQuery,
        ),
        ("SELECT 'secret", vec![], ErrorKind::InvalidQuery),
        ("DROP TABLE t", vec![], ErrorKind::Unsupported),
    ] {
        assert_eq!(refusal(&session, sql).await.kind(), error, "{sql}");
        let event = told.only();
        assert_eq!(shown(&event.asked.tables), tables, "{sql}");
        assert_eq!(event.outcome, Outcome::Failed(error), "{sql}");
        assert!(!event.asked.statement.contains("secret"), "{sql}");
    }
    policies.let_select(false);
    assert_eq!(
        refusal(&session, "SELECT * FROM media.many.one").await.kind(),
        ErrorKind::PermissionDenied
    );
    assert_eq!(shown(&told.only().asked.tables), [("media.many@1.one", Denied)]);
}

#[tokio::test]
async fn each_run_of_a_plan_is_told_with_what_is_decided_then() {
    let (engine, told, policies) = governed();
    let session = anna(&engine);
    let statement = session.parse("SELECT count(*) FROM media.many.one WHERE id < $1").unwrap();
    let plan = session.describe(&statement).await.unwrap();
    assert!(told.take().is_empty(), "nothing ran");
    let run = |limit: i64| plan.bind(vec![ScalarValue::from(limit)]).unwrap();
    for limit in [1, 2] {
        run(limit).execute().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(
            shown(&told.only().asked.tables),
            [("media.many@1.one", AccessDecision::Allowed)]
        );
    }
    policies.permit("anna", "media.many.one", part());
    run(3).execute().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    let event = told.only();
    assert_eq!(shown(&event.asked.tables), [("media.many@1.one", AccessDecision::Modified)]);
    assert_eq!(event.asked.tables[0].policies, ["global/a", "media/b"]);
    policies.decide("anna", "media.many.one", Decision::Deny);
    run(4).execute().await.unwrap_err();
    assert_eq!(shown(&told.only().asked.tables), [("media.many@1.one", AccessDecision::Denied)]);
}

#[tokio::test]
async fn run_is_decided_again_however_soon_after_planning_it_comes() {
    let (engine, told, policies) = governed();
    let session = anna(&engine);
    let statement = session.parse("SELECT count(name) AS n FROM media.many.one").unwrap();
    let one = session.plan(&statement).await.unwrap();
    let other = session.plan(&statement).await.unwrap();
    policies.permit("anna", "media.many.one", part());
    let rows = one.execute().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert!(pretty_format_batches(&rows).unwrap().to_string().contains("| 1 "), "{rows:?}");
    assert_eq!(shown(&told.only().asked.tables), [("media.many@1.one", AccessDecision::Modified)]);
    policies.decide("anna", "media.many.one", Decision::Deny);
    assert_eq!(other.execute().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(shown(&told.only().asked.tables), [("media.many@1.one", AccessDecision::Denied)]);
}

#[tokio::test]
async fn run_is_that_of_its_principal_as_known_then_and_of_nobody_else() {
    let (engine, told, _) = governed();
    let session = anna(&engine);
    let statement = session.parse("SELECT count(*) FROM media.many.one").unwrap();
    let plan = session.plan(&statement).await.unwrap();
    let mut now = session.principal().clone();
    now.groups.insert("leavers".to_owned());
    let now = Arc::new(now);
    plan.execute_as(&now).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(told.only().asked.principal, now);
    let other = Arc::new(Principal::user("bo"));
    assert_eq!(plan.execute_as(&other).await.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn other_statements_are_told_by_what_they_do() {
    use StatementAction::{Explain, Kill, List, Select, Set, Transaction};
    let (engine, told, _) = governed();
    let session = anna(&engine);
    for (sql, action, text) in [
        ("SELECT 1", Select, "SELECT ?"),
        ("EXPLAIN SELECT * FROM media.many.one", Explain, "EXPLAIN SELECT * FROM media.many.one"),
        ("SELECT * FROM mesh.discovery.products", List, "SELECT * FROM mesh.discovery.products"),
        ("SHOW ALL", List, "SHOW ALL"),
        ("SET mesh.purpose = 'hush'", Set, "SET mesh.purpose = ?"),
        ("RESET mesh.purpose", Set, "RESET mesh.purpose"),
        ("KILL QUERY 'x'", Kill, "KILL QUERY ?"),
        ("BEGIN", Transaction, "BEGIN"),
        ("/* hush */ start transaction", Transaction, "START TRANSACTION"),
        ("COMMIT", Transaction, "COMMIT"),
        ("ROLLBACK", Transaction, "ROLLBACK"),
        ("DEALLOCATE ALL", Set, "DEALLOCATE ALL"),
    ] {
        let _ = collect(&session, sql).await;
        let event = told.only();
        let told = event.asked.statement.to_uppercase();
        assert_eq!((event.asked.action, told), (action, text.to_uppercase()), "{sql}");
        assert!(!event.asked.statement.contains("hush"), "{sql}");
    }
}

#[tokio::test]
async fn command_of_a_protocol_is_told_as_it_ended_and_as_cancelled_where_it_did_not() {
    let (engine, told, _) = governed();
    let session = anna(&engine);
    let begin = || session.command(StatementAction::Metadata, "GetTables");
    begin().await.unwrap().finished(3);
    begin().await.unwrap().failed(ErrorKind::InvalidQuery);
    drop(begin().await.unwrap());
    let ended: Vec<_> = told.take().iter().map(|event| (event.outcome, event.rows)).collect();
    let failed = Outcome::Failed(ErrorKind::InvalidQuery);
    assert_eq!(ended, [(Outcome::Finished, 3), (failed, 0), (Outcome::Cancelled, 0)]);
    *told.is_full.lock() = true;
    assert_eq!(begin().await.unwrap_err().message(), "the ledger is full");
}

#[tokio::test]
async fn no_row_leaves_before_it_is_recorded_that_the_run_began() {
    let (engine, told, _) = governed();
    let session = anna(&engine);
    let running = "SELECT count(*) FROM mesh.runtime.audit WHERE outcome = 'running' \
                   AND principal = 'anna' AND ended_at IS NULL AND rows IS NULL";
    for is_recorded in [true, false] {
        let (open, gate) = tokio::sync::oneshot::channel();
        *told.gate.lock() = Some(gate);
        let mut rows = session.sql("SELECT * FROM media.many.one").await.unwrap();
        assert_eq!(count(&chief(&engine), running).await.unwrap(), 1);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(50), rows.next()).await;
        assert!(waits.is_err(), "a row left");
        assert_eq!(told.started.lock().first().unwrap().tables.len(), 1);
        let refusal = Error::new(ErrorKind::SourceUnavailable, "the ledger is full");
        open.send(if is_recorded { Ok(()) } else { Err(refusal) }).unwrap();
        let first = rows.next().await.unwrap();
        assert_eq!(
            first.map_err(|error| error.message().to_owned()).map(|_| ()),
            match is_recorded {
                true => Ok(()),
                false => Err("the ledger is full".to_owned()),
            }
        );
        drop(rows);
        engine.settle(std::time::Duration::from_secs(10)).await;
        assert_eq!(count(&chief(&engine), running).await.unwrap(), 0);
        told.started.lock().clear();
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused() {
    let (engine, told, _) = governed();
    let session = anna(&engine);
    let statement = session.parse("SELECT * FROM media.many.one").unwrap();
    let plan = session.plan(&statement).await.unwrap();
    *told.is_full.lock() = true;
    for sql in [
        "SELECT 1",
        "SELECT * FROM media.many.one",
        "SET timezone = 'UTC'",
        "SELECT 'x",
        "SHOW ALL",
    ] {
        assert_eq!(refusal(&session, sql).await.message(), "the ledger is full", "{sql}");
    }
    assert_eq!(plan.execute().await.unwrap_err().message(), "the ledger is full");
    assert!(told.take().is_empty());
    *told.is_full.lock() = false;
    plan.execute().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(told.take().len(), 1);
}

#[tokio::test]
async fn audit_is_shown_to_administrators_and_to_whom_the_policies_let_administer_a_table() {
    let (engine, _, policies) = governed();
    let session = anna(&engine);
    for sql in [
        "SELECT count(*) FROM media.plays.plays",
        "SELECT count(*) FROM media.many.one a JOIN media.plays.plays b USING (id)",
        "SELECT count(*) FROM media.many.one",
        "SELECT count(*) FROM media.many.two",
        "SELECT 1",
    ] {
        let _ = collect(&session, sql).await;
    }
    let count = "SELECT count(*) FROM mesh.runtime.audit WHERE principal = 'anna'";
    assert_eq!(super::count(&chief(&engine), count).await.unwrap(), 6);
    assert_eq!(super::count(&session, count).await.unwrap(), 0, "not what they asked themselves");
    let bo = engine.session(Principal::user("bo"));
    assert_eq!(super::count(&bo, count).await.unwrap(), 0);
    policies.let_administer("bo");
    let listing = "SELECT \"table\", statement, decision FROM mesh.runtime.audit \
                   WHERE principal = 'anna' ORDER BY ended_at, statement";
    let shown = text(&bo, listing).await;
    assert!(!shown.contains("plays") && !shown.contains("two"), "{shown}");
    assert_eq!(super::count(&bo, count).await.unwrap(), 2, "{shown}");
    assert!(shown.contains("SELECT count(*) FROM media.many.one |"), "{shown}");
    let movement = "SELECT count(*) FROM mesh.runtime.data_movement";
    assert_eq!(super::count(&bo, movement).await.unwrap(), 0);
}

/// What a virtual product reads is in the record of who asked it, under its own name; its owner sees the statement,
/// and the owner of what it reads does not.
#[tokio::test]
async fn what_a_virtual_product_reads_is_told_in_its_name() {
    let made =
        virtual_contract("over", version("1.0.0"), &[("over", "SELECT id FROM media.many.one")]);
    let made = mesh_of(vec![("shop", "over", vec![port("over", made)])]);
    let mut mesh = sample_mesh();
    mesh.domains.extend(made.domains);
    let policies = Arc::new(FixedPolicies::default());
    policies.permit("anna", "shop.over.over", Obligations::default());
    policies.permit("shop.over", "media.many.one", Obligations::default());
    for (owner, table) in [("shopkeeper", "shop.over.over"), ("editor", "media.many.one")] {
        policies.permit(owner, table, Obligations::default());
        policies.let_administer(owner);
    }
    let told = Arc::new(Told::default());
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("one", numbers(100)))])
        .authorizer(Arc::clone(&policies) as _)
        .events(Arc::clone(&told) as _)
        .build()
        .unwrap();
    collect(&anna(&engine), "SELECT count(*) FROM shop.over.over").await.unwrap();
    let event = told.only();
    let readers = event.asked.tables.iter();
    let readers: BTreeSet<_> = readers
        .map(|it| {
            (it.table.as_str(), it.reader.as_ref().map(|reader| reader.name.as_str()), it.decision)
        })
        .collect();
    let expected = [
        ("media.many@1.one", Some("shop.over"), AccessDecision::Allowed),
        ("shop.over@1.over", None, AccessDecision::Allowed),
    ];
    assert_eq!(readers, BTreeSet::from(expected));
    let sql = "SELECT \"table\", reader, statement IS NULL AS hidden FROM mesh.runtime.audit \
               WHERE principal = 'anna' ORDER BY 1";
    for (owner, seen) in [
        ("shopkeeper", "| shop.over@1.over |        | false  |"),
        ("editor", "| media.many@1.one | shop.over | true   |"),
    ] {
        let text = text(&engine.session(Principal::user(owner)), sql).await;
        assert!(text.contains(seen) && text.matches("@1").count() == 1, "{owner}: {text}");
    }
    assert!(!text(&anna(&engine), sql).await.contains("@1"));
    // A refusal of what it reads is told in its name, too, and the caller learns of the product alone.
    policies.decide("shop.over", "media.many.one", Decision::Deny);
    let error = refusal(&anna(&engine), "SELECT count(*) FROM shop.over.over").await;
    assert!(!error.to_line().contains("many"), "{}", error.to_line());
    let tables = told.take().pop().unwrap().asked.tables.clone();
    let denied: Vec<_> = tables.iter().filter(|it| !it.decision.is_allowed()).collect();
    assert!(
        matches!(denied.as_slice(), [it] if it.table == "media.many@1.one" && it.reader.is_some()),
        "{tables:?}"
    );
}
