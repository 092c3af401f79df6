//! Tables that their contracts keep for some purposes.

use super::*;

#[tokio::test]
async fn contract_names_the_purposes_that_it_may_be_read_for() {
    let mut kept = contract("people.1", version("1.0.0"), &["people"]);
    kept.allowed_purposes = vec!["payroll".to_owned(), "audit".to_owned()];
    let policies = FixedPolicies::default();
    policies.permit("anna", PEOPLE, Obligations::default());
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh_of(vec![(
            "staff",
            "people",
            vec![port("main", kept)],
        )]))))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("people", people()))])
        .authorizer(Arc::new(policies))
        .build()
        .unwrap();
    let session = engine.session(Principal::user("anna"));
    let sql = format!("SELECT count(*) FROM {PEOPLE}");
    for (purpose, refused) in [
        (None, Some("table \"staff.people@1.people\" may not be read without a purpose")),
        (Some("sales"), Some("table \"staff.people@1.people\" may not be read for \"sales\"")),
        (Some("audit"), None),
    ] {
        if let Some(purpose) = purpose {
            session.set("mesh.purpose", purpose).await.unwrap();
        }
        let told = session.sql(&sql).await.err().map(|error| error.message().to_owned());
        assert_eq!(told.as_deref(), refused, "{purpose:?}");
    }
}
