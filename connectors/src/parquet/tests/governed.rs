//! Tables that are seen in part: what is left out below the barrier, and what comes up.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use samite_engine::Engine;
use samite_engine::authorizer::{Comparison, Mask, Obligations, RowPredicate, Value};
use samite_engine::config::EngineConfig;
use samite_engine::product::{Server, Version};
use samite_engine::session::{Principal, Session};
use samite_engine::testing::{FixedCatalog, FixedPolicies, contract, mesh_of, port};

use crate::connectors;
use crate::testing::{Folder, plays};

/// Anna sees the plays from 350 on, without names.
fn engine(folder: &Folder) -> Engine {
    let mut contract = contract("c", Version::parse("1").unwrap(), &["t"]);
    contract.servers = vec![Arc::new(Server {
        name: "files".to_owned(),
        format: Some("parquet".to_owned()),
        location: Some(folder.location()),
        ..Server::default()
    })];
    let policies = FixedPolicies::default();
    policies.permit(
        "anna",
        "d.p.t",
        Obligations {
            row_filter: Some(RowPredicate::Compare {
                column: "id".to_owned(),
                comparison: Comparison::GreaterOrEqual,
                value: Value::Decimal(3_499_999),
            }),
            masks: BTreeMap::from([("name".to_owned(), Mask::Alphanum)]),
            ..Obligations::default()
        },
    );
    policies.let_explain("anna");
    let administrators = vec!["operators".to_owned()];
    Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh_of(vec![("d", "p", vec![port("m", contract)])]))))
        .connectors(connectors(folder.stores.clone()))
        .stores(Arc::new(folder.stores.clone()))
        .authorizer(Arc::new(policies))
        .config(EngineConfig { administrators, target_partitions: 2, ..EngineConfig::default() })
        .build()
        .unwrap()
}

async fn ask(session: &Session, sql: &str) -> String {
    let rows: Vec<RecordBatch> = session.sql(sql).await.unwrap().try_collect().await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

#[tokio::test]
async fn row_filter_and_leakproof_predicates_skip_what_they_can() {
    let folder = Folder::new();
    for part in 0..4 {
        folder.write_parquet(&format!("{part}.parquet"), &plays(part * 100, 100), 20);
    }
    let engine = engine(&folder);
    let anna = engine.session(Principal::user("anna"));
    let mut chief = Principal::user("chief");
    chief.groups.insert("operators".to_owned());
    let chief = engine.session(chief);
    let all = std::fs::read_dir(folder.folder.path()).unwrap();
    let bytes_total: u64 = all.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    for (sql, shown, share) in [
        ("SELECT count(*) c, min(id) a, max(id) z FROM d.p.t", "| 50 | 350 | 399 |", 4),
        ("SELECT name, score FROM d.p.t WHERE id = 360", "| xxxx nnn | 180.0 |", 8),
        ("SELECT count(*) c FROM d.p.t WHERE id < 350", "| 0 |", 8),
        ("SELECT count(*) c FROM d.p.t WHERE name = 'name 360'", "| 0 |", 4),
        ("SELECT id FROM d.p.t WHERE 1 / (id - 7) = 0 ORDER BY id LIMIT 1", "| 350 |", 4),
        ("SELECT id, name FROM d.p.t WHERE id > 380 LIMIT 1 OFFSET 18", "| xxxx nnn |", 4),
    ] {
        let answer = ask(&anna, sql).await;
        assert!(answer.contains(shown), "{sql}:\n{answer}");
        let plan = ask(&anna, &format!("EXPLAIN ANALYZE {sql}")).await;
        assert!(plan.contains("seen in part") && !plan.contains("files"), "{sql}:\n{plan}");
        let read = "SELECT max(bytes_read) b FROM mesh.runtime.queries WHERE sql = ";
        let literal = sql.replace('\'', "''");
        let read = format!("{read}'{literal}'");
        assert!(ask(&anna, &read).await.contains("| 0 |"), "{sql}");
        let answer = ask(&chief, &read).await;
        let bytes: u64 =
            answer.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
        assert!(bytes <= bytes_total / share, "{sql}: {bytes} of {bytes_total}");
    }
}
