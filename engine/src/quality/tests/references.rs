//! Relationships: whether keys are found where they lead.

use super::*;
use crate::product::{ColumnReference, Relationship};

fn to(table: &str, path: &[&str]) -> ColumnReference {
    let path = path.iter().map(|part| (*part).to_owned()).collect();
    ColumnReference { contract: None, table: table.to_owned(), path, is_by_id: false }
}

fn relationship(from: Vec<ColumnReference>, to: Vec<ColumnReference>) -> Relationship {
    Relationship { name: "foreignKey".to_owned(), from, to, line: 1 }
}

/// The ids and texts 1 "SE", 3 "it's" and NULL.
fn known() -> RecordBatch {
    let ids = Int64Array::from(vec![Some(1), Some(3), None]);
    let texts = StringArray::from(vec![Some("SE"), Some("it's"), None]);
    let city = StringArray::from(vec![Some("x"), None, None]);
    let home = StructArray::from(vec![(
        Arc::new(Field::new("city", city.data_type().clone(), true)),
        Arc::new(city) as ArrayRef,
    )]);
    RecordBatch::try_from_iter([
        ("id", Arc::new(ids) as ArrayRef),
        ("text", Arc::new(texts) as ArrayRef),
        ("home", Arc::new(home) as ArrayRef),
    ])
    .expect("a batch")
}

/// `a.own` with the tables `rows` and `known`, and `b.other` with `known` too.
fn engine_of(table: Table, policies: Option<Arc<dyn Authorizer>>) -> Engine {
    let city = column("city");
    let columns = vec![
        Column { id: Some("c1".to_owned()), ..column("id") },
        column("text"),
        Column { children: vec![city], ..column("home") },
    ];
    let id = Some("t1".to_owned());
    let known_table = Table { id, name: "known".to_owned(), columns, ..Table::default() };
    let known_table = Arc::new(known_table);
    let mut own = contract("own.1", Version { major: 1, minor: 2, patch: 3 }, &[]);
    own.tables = vec![Arc::new(table), Arc::clone(&known_table)];
    let mut other = contract("other.1", Version { major: 1, minor: 0, patch: 0 }, &[]);
    other.tables = vec![known_table];
    let mesh = mesh_of(vec![
        ("a", "own", vec![port("own", own)]),
        ("b", "other", vec![port("other", other)]),
    ]);
    let connector = MemoryConnector::default()
        .with_table("rows", vec![batch()])
        .with_table("known", vec![known()]);
    let mut builder = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(connector)]);
    if let Some(policies) = policies {
        builder = builder.authorizer(policies);
    }
    builder.build().expect("an engine")
}

fn columns() -> Vec<Column> {
    vec![column("id"), column("text"), Column { children: vec![column("city")], ..column("home") }]
}

async fn found(relationships: Vec<Relationship>) -> Vec<(Option<String>, QualityResult)> {
    let table = Table { relationships, ..rows(columns(), Vec::new()) };
    let reports = check_own(&engine_of(table, None)).await;
    reports.into_iter().map(|report| (report.column, report.result)).collect()
}

#[tokio::test]
async fn rows_are_counted_whose_key_leads_nowhere() {
    let id = || vec![to("rows", &["id"])];
    let by_id = ColumnReference { is_by_id: true, ..to("t1", &["c1"]) };
    let other = ColumnReference { contract: Some("other.1.odcs.yaml".to_owned()), ..by_id.clone() };
    let pair = vec![to("rows", &["id"]), to("rows", &["text"])];
    let cases = [
        (relationship(id(), vec![to("known", &["id"])]), Some("id"), 2),
        (relationship(id(), vec![by_id]), Some("id"), 2),
        (relationship(id(), vec![other]), Some("id"), 2),
        (relationship(id(), vec![to("rows", &["id"])]), Some("id"), 0),
        (relationship(pair, vec![to("known", &["id"]), to("known", &["text"])]), None, 3),
        (
            relationship(vec![to("rows", &["home", "city"])], vec![to("known", &["home", "city"])]),
            None,
            2,
        ),
    ];
    let relationships = cases.iter().map(|(relationship, ..)| relationship.clone()).collect();
    for ((column, result), (relationship, expected, lost)) in
        found(relationships).await.into_iter().zip(cases)
    {
        assert_eq!(column.as_deref(), expected, "{relationship:?}");
        assert_eq!(result.measured, Some(Whole(lost)), "{relationship:?} {result:?}");
    }
}

#[tokio::test]
async fn relationship_that_leads_nowhere_is_an_error() {
    let id = || vec![to("rows", &["id"])];
    let gone = ColumnReference { contract: Some("gone.odcs.yaml".to_owned()), ..to("t", &["c"]) };
    let cases = [
        (
            relationship(vec![to("rows", &["gone"])], vec![to("known", &["id"])]),
            "begins at no column",
        ),
        (
            relationship(vec![to("known", &["id"])], vec![to("rows", &["id"])]),
            "begins at no column",
        ),
        (relationship(id(), vec![to("known", &["gone"])]), "leads to no columns"),
        (relationship(id(), vec![to("gone", &["id"])]), "leads to no columns"),
        (relationship(id(), vec![gone]), "leads to no columns"),
        (relationship(id(), Vec::new()), "different numbers of columns"),
        (relationship(id(), vec![to("known", &["text"])]), "Cannot cast"),
    ];
    let relationships = cases.iter().map(|(relationship, _)| relationship.clone()).collect();
    for ((_, result), (relationship, why)) in found(relationships).await.into_iter().zip(cases) {
        assert_eq!(result.status, QualityStatus::Error, "{relationship:?}");
        let message = result.message.unwrap_or_default();
        assert!(message.contains(why), "{relationship:?}: {message}");
    }
}

#[tokio::test]
async fn relationship_of_a_column_begins_there_but_for_items_of_arrays() {
    let led = |name: &str, path: &[&str]| Column {
        relationships: vec![relationship(Vec::new(), vec![to("known", path)])],
        ..column(name)
    };
    let home = Column { children: vec![led("city", &["home", "city"])], ..column("home") };
    let list = Column {
        logical_type: Some(LogicalType::Array),
        children: vec![led("", &["id"])],
        ..column("list")
    };
    let table = rows(vec![led("id", &["id"]), home, list], Vec::new());
    let reports = check_own(&engine_of(table, None)).await;
    let told: Vec<_> = reports
        .iter()
        .map(|it| (it.column.clone().unwrap_or_default(), it.result.measured.clone()))
        .collect();
    let told: Vec<_> = told.iter().map(|(column, measured)| (column.as_str(), measured)).collect();
    assert_eq!(told, [("id", &Some(Whole(2))), ("home.city", &Some(Whole(2))), ("list[]", &None)]);
    assert_eq!(reports[2].result.status, QualityStatus::NotRun);
}

#[tokio::test]
async fn tables_of_others_are_looked_into_as_policies_say_for_the_product() {
    let other =
        ColumnReference { contract: Some("other.1.odcs.yaml".to_owned()), ..to("known", &["id"]) };
    let relationships = vec![relationship(vec![to("rows", &["id"])], vec![other])];
    let policies = Arc::new(FixedPolicies::default());
    let table = || Table { relationships: relationships.clone(), ..rows(columns(), Vec::new()) };
    let engine = engine_of(table(), Some(Arc::clone(&policies) as _));
    let hidden = check_own(&engine).await.remove(0).result;
    let message = hidden.message.unwrap_or_default();
    assert!(message.contains("leads to no columns") && !message.contains("other"), "{message}");
    let few = RowPredicate::Compare {
        column: "id".to_owned(),
        comparison: Comparison::Less,
        value: Value::Integer(3),
    };
    let seen = Obligations { row_filter: Some(few), ..Obligations::default() };
    let policies = Arc::new(FixedPolicies::default());
    policies.permit("a.own", "b.other.known", seen);
    let found = check_own(&engine_of(table(), Some(policies as _))).await.remove(0).result;
    assert_eq!(found.measured, Some(Whole(3)), "{found:?}");
}
