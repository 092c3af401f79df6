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
            line: 7,
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
    // A line tells how much stands above.
    let lines = "SELECT count(line) FROM mesh.discovery.slo";
    assert_eq!(count(&anna, lines).await.ok(), Some(0));
    assert_eq!(count(&owner, lines).await.ok(), Some(6));
}

#[tokio::test]
async fn no_listing_names_a_hidden_table() {
    let column = |name: &str| Column { name: name.to_owned(), ..Column::default() };
    let table = |name: &str, columns| {
        Arc::new(Table { name: name.to_owned(), columns, ..Table::default() })
    };
    let mut promise = contract("people.1", version("1"), &[]);
    promise.tables = vec![
        table("people", vec![column("id")]),
        table(CANARY, vec![column("id"), column(&format!("{CANARY}_code"))]),
    ];
    let code = format!("{CANARY}_code");
    let hidden = [CANARY.to_owned(), format!("{CANARY}.id"), format!("people.id, {CANARY}"), code];
    let elements = ["people.id".to_owned(), "people".to_owned()].into_iter().chain(hidden);
    let slo = |element| Slo {
        property: "freshness".to_owned(),
        value: "1".to_owned(),
        element: Some(element),
        line: 7,
        ..Slo::default()
    };
    promise.slos = elements.map(slo).collect();
    let policies = FixedPolicies::default();
    policies.permit("anna", PEOPLE, Obligations::default());
    policies.permit("owner", PEOPLE, Obligations::default());
    policies.permit(
        "owner",
        &PEOPLE.replace(".people.people", &format!(".people.{CANARY}")),
        Obligations::default(),
    );
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh_of(vec![(
            "staff",
            "people",
            vec![port("main", promise)],
        )]))))
        .connectors(vec![Arc::new(MemoryConnector::default())])
        .authorizer(Arc::new(policies))
        .build()
        .unwrap();
    for (name, levels, lines) in [("anna", 2, 0), ("owner", 6, 6)] {
        let session = engine.session(Principal::user(name));
        let sql = "SELECT * FROM mesh.discovery.slo";
        assert_eq!(text(&session, sql).await.contains(CANARY), name == "owner", "{name}");
        let sql = "SELECT count(DISTINCT coalesce(element, '')) FROM mesh.discovery.slo";
        assert_eq!(count(&session, sql).await.ok(), Some(levels), "{name}");
        let sql = "SELECT count(DISTINCT coalesce(element, '')) FILTER (WHERE line = 7) FROM mesh.discovery.slo";
        assert_eq!(count(&session, sql).await.ok(), Some(lines), "{name}");
    }
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
