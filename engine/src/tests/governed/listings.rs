//! What listings and settings give to somebody from whom a column is hidden.

use super::*;
use crate::product::{Column, Problem, ProblemLevel, Slo, Table};

/// A table whose column `canary` is absent for anna, and promises and a problem that name it.
fn listed() -> Engine {
    let column = |name: &str| Column { name: name.to_owned(), ..Column::default() };
    let mut promise = contract("people.1", version("1"), &[]);
    promise.tables = vec![Arc::new(Table {
        name: "people".to_owned(),
        columns: vec![column("id"), column(CANARY)],
        ..Table::default()
    })];
    promise.slos = ["people.id", "people", "people.canary", "canary", "id, people.canary.a", "id"]
        .map(|element| Slo {
            property: "freshness".to_owned(),
            value: "1".to_owned(),
            unit: Some("h".to_owned()),
            element: Some(element.to_owned()),
            ..Slo::default()
        })
        .to_vec();
    let mut mesh = mesh_of(vec![("staff", "people", vec![port("main", promise)])]);
    mesh.problems.push(Problem {
        level: ProblemLevel::Warning,
        domain: Some("staff".to_owned()),
        product: Some("people".to_owned()),
        file: "people.odcs.yaml".to_owned(),
        line: None,
        path: None,
        message: format!("column {CANARY} is strange"),
        hint: None,
    });
    let policies = FixedPolicies::default();
    let absent = BTreeSet::from([CANARY.to_owned()]);
    policies.permit("anna", PEOPLE, Obligations { absent, ..Obligations::default() });
    policies.permit("owner", PEOPLE, Obligations::default());
    Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(MemoryConnector::default())])
        .authorizer(Arc::new(policies))
        .build()
        .unwrap()
}

#[tokio::test]
async fn no_listing_names_an_absent_column() {
    let engine = listed();
    let (anna, owner) =
        (engine.session(Principal::user("anna")), engine.session(Principal::user("owner")));
    for listing in [
        "mesh.discovery.slo",
        "mesh.discovery.problems",
        "mesh.discovery.columns",
        "information_schema.columns",
        "staff.pg_catalog.pg_attribute",
    ] {
        let sql = format!("SELECT * FROM {listing}");
        let (hidden, shown) = (text(&anna, &sql).await, text(&owner, &sql).await);
        assert!(!hidden.contains(CANARY), "{listing}:\n{hidden}");
        assert!(shown.contains(CANARY), "{listing}:\n{shown}");
    }
    let elements = "SELECT count(*) FROM mesh.discovery.slo";
    assert_eq!(count(&anna, elements).await.ok(), Some(3));
    assert_eq!(count(&owner, elements).await.ok(), Some(6));
}

#[tokio::test]
async fn settings_of_the_planner_are_out_of_reach() {
    let eva = as_user("eva");
    for setting in [
        "datafusion.explain.show_statistics",
        "datafusion.explain.show_sizes",
        "datafusion.explain.logical_plan_only",
        "datafusion.execution.collect_statistics",
        "datafusion.optimizer.max_passes",
    ] {
        let answer = text(&eva, &format!("SET {setting} = true")).await;
        assert!(answer.starts_with("InvalidQuery"), "{setting}: {answer}");
    }
}
