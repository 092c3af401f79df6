//! What the policies of two layers decide together.

use std::time::{Duration, Instant};

use samite_engine::authorizer::{
    Action, Authorizer as _, Comparison, Mask, Obligations, RowPredicate, Value,
};

use super::*;

const GLOBAL: &str = r#"
@id("global/select") permit (principal, action == Mesh::Action::"discover", resource);
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { resource.classification == "public" || principal.clearance >= 3 };
@id("global/weak") @mask("show-last-4")
permit (principal, action == Mesh::Action::"readMasked", resource)
when { ["internal", "confidential"].contains(resource.classification) };
@id("global/strong") @mask("sha-256-global")
permit (principal, action == Mesh::Action::"readMasked", resource)
when { resource.classification == "confidential" };
@id("global/city") forbid (principal, action, resource == Mesh::Column::"a.p@1.t.city");
@id("global/swiss") forbid (principal, action == Mesh::Action::"readRow", resource)
when { resource has country && resource.country == "CH" };
"#;

const OWN: &str = r#"
@id("a/select") permit (principal in Mesh::Group::"readers",
  action in [Mesh::Action::"select", Mesh::Action::"profile"], resource in Mesh::Domain::"a");
@id("a/night") forbid (principal, action == Mesh::Action::"select", resource in Mesh::Domain::"a")
when { context.purpose == "night" };
@id("a/rows") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__a__p__1)
when { resource has amount && resource.amount > 10 && principal.clearance < 2 };
"#;

fn loaded(mesh: &Mesh) -> Policies {
    let all = [("mesh/policies/g.cedar", GLOBAL), ("domains/a/policies/a.cedar", OWN)];
    let (policies, problems) = load(mesh, &all);
    assert_eq!(problems, []);
    policies
}

fn permitted(decision: Decision) -> Obligations {
    match decision {
        Decision::Permit(obligations) => obligations,
        Decision::Deny => panic!("denied"),
    }
}

#[test]
fn two_layers_decide_together() {
    let mesh = two_domains();
    let policies = loaded(&mesh);
    let reader = principal("lin", &["readers"], &[]);
    let obligations = permitted(decide(&policies, &mesh, ("a", "p"), (&reader, None)));
    assert_eq!(obligations.masks, BTreeMap::from([("amount".to_owned(), Mask::Sha256Global)]));
    assert_eq!(obligations.absent, names(&["city", "secret"]));
    let compare = |column: &str, comparison, value| RowPredicate::Compare {
        column: column.to_owned(),
        comparison,
        value,
    };
    let not = |inner| RowPredicate::Not(Box::new(inner));
    let is_there = |column: &str| not(RowPredicate::IsNull(column.to_owned()));
    let not_swiss = compare("country", Comparison::NotEqual, Value::Text("CH".to_owned()));
    let large = compare("amount", Comparison::Greater, Value::Integer(10));
    let not_large = not(RowPredicate::And(vec![is_there("amount"), large]));
    let filter = RowPredicate::And(vec![not_large, not_swiss, is_there("country")]);
    assert_eq!(obligations.row_filter, Some(filter));
    let expected = [
        "a/rows",
        "a/select",
        "global/raw",
        "global/rows",
        "global/strong",
        "global/swiss",
        "global/weak",
    ];
    assert_eq!(obligations.policies, names(&expected));

    let chief = principal("dpo", &["readers"], &[("clearance", "3")]);
    let obligations = permitted(decide(&policies, &mesh, ("a", "p"), (&chief, None)));
    assert_eq!(obligations.absent, names(&["city"]), "a column of its own name is decided alone");
    assert!(obligations.masks.is_empty());

    for (product, who, purpose) in [
        (("a", "p"), &reader, Some("night")),
        (("b", "p"), &reader, None),
        (("a", "p"), &principal("x", &[], &[]), None),
    ] {
        assert_eq!(
            decide(&policies, &mesh, product, (who, purpose)),
            Decision::Deny,
            "{product:?}"
        );
    }
}

#[test]
fn action_is_allowed_where_one_layer_permits_and_none_forbids() {
    let mesh = two_domains();
    let policies = loaded(&mesh);
    let reader = principal("lin", &["readers"], &[]);
    for (domain, action, expected) in [
        ("a", Action::Discover, true),
        ("b", Action::Discover, true),
        ("a", Action::Select, true),
        ("a", Action::Profile, true),
        ("a", Action::Explain, false),
        ("b", Action::Select, false),
    ] {
        let allowed = with_request(&mesh, (domain, "p"), (&reader, None), |request, _| {
            policies.allows(action, request)
        });
        assert_eq!(allowed, expected, "{action:?} in {domain}");
    }
}

#[test]
fn mesh_without_policies_is_open_and_says_so() {
    let mesh = two_domains();
    let agreement = ("mesh/agreements/one.oaas.yaml", "");
    let (policies, problems) = load(&mesh, &[agreement]);
    assert!(policies.is_open() && problems.is_empty());
    let who = principal("x", &[], &[]);
    let decision = decide(&policies, &mesh, ("a", "p"), (&who, None));
    assert_eq!(decision, Decision::Permit(Obligations::default()));
    let (policies, _) = load(&mesh, &[("mesh/policies/empty.cedar", "// nothing\n")]);
    assert!(!policies.is_open());
    assert_eq!(decide(&policies, &mesh, ("a", "p"), (&who, None)), Decision::Deny);
}

#[test]
fn policy_that_fails_denies() {
    let mesh = two_domains();
    let open =
        "@id(\"global/open\") @mask(\"replace-with-null\") permit (principal, action, resource);\n";
    let far = principal("far", &[], &[("clearance", "9223372036854775807")]);
    let near = principal("near", &[], &[]);
    for (action, is_denied) in
        [("select", true), ("readRow", true), ("readRaw", true), ("explain", false)]
    {
        let text = format!(
            "{open}@id(\"global/fails\") forbid (principal, action == Mesh::Action::\"{action}\", \
             resource) when {{ principal.clearance + 1 < 0 }};"
        );
        let (policies, problems) = load(&mesh, &[("mesh/policies/g.cedar", &text)]);
        assert_eq!(problems, [], "{action}");
        let decision = decide(&policies, &mesh, ("a", "p"), (&far, None));
        assert_eq!(decision == Decision::Deny, is_denied, "{action}");
        let decision = decide(&policies, &mesh, ("a", "p"), (&near, None));
        assert_eq!(permitted(decision).row_filter, None, "{action}");
    }
    // Somebody of whom nothing is known.
    let text = format!(
        "{open}@id(\"global/fails\") forbid (principal, action == Mesh::Action::\"readRow\", resource) \
         when {{ Mesh::User::\"boss\".clearance > 2 }};"
    );
    let (policies, problems) = load(&mesh, &[("mesh/policies/g.cedar", &text)]);
    assert_eq!(problems, []);
    assert_eq!(decide(&policies, &mesh, ("a", "p"), (&near, None)), Decision::Deny);
}

#[test]
fn columns_inside_a_column_and_unknown_ones_count() {
    let mut outer = column("person", LogicalType::Object, Some("public"));
    outer.children = vec![column("iban", LogicalType::String, Some("restricted"))];
    let plain = column("plain", LogicalType::String, Some("public"));
    let columns = vec![outer, plain];
    let mesh = mesh(vec![product("a", "p", vec![port("x", "1.0.0", vec![table("t", columns)])])]);
    let policies = loaded(&mesh_with_rows(&mesh));
    let reader = principal("lin", &["readers"], &[]);
    let decision = with_request(&mesh, ("a", "p"), (&reader, None), |request, _| {
        futures::executor::block_on(policies.decide(request, &["person", "plain", "more"]))
    });
    let absent = permitted(decision.expect("a decision")).absent;
    assert_eq!(absent, names(&["person", "more"]));
}

/// The policies of these tests name columns that this mesh has not.
fn mesh_with_rows(mesh: &Mesh) -> Mesh {
    let mut wide = two_domains();
    let product = wide.domains["a"].products["p"].ports[0].contract.tables[0].columns.clone();
    let narrow = mesh.domains["a"].products["p"].ports[0].contract.tables[0].columns.clone();
    let columns = product.into_iter().map(|it| Column { is_required: false, ..it }).chain(narrow);
    let port = port("x", "1.0.0", vec![table("t", columns.collect())]);
    wide.domains
        .get_mut("a")
        .expect("a")
        .products
        .insert("p".to_owned(), Arc::new(super::product("a", "p", vec![port])));
    wide
}

#[test]
fn table_of_many_masked_columns_is_decided_fast() {
    let columns = (0..200)
        .map(|number| column(&format!("c{number}"), LogicalType::String, Some("confidential")))
        .chain([
            column("country", LogicalType::String, None),
            column("amount", LogicalType::Integer, None),
        ])
        .collect();
    let mesh = mesh(vec![product("a", "p", vec![port("x", "1.0.0", vec![table("t", columns)])])]);
    let policies = loaded(&mesh);
    let reader = principal("lin", &["readers"], &[]);
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        let obligations = permitted(decide(&policies, &mesh, ("a", "p"), (&reader, None)));
        fastest = fastest.min(start.elapsed());
        assert_eq!(obligations.masks.len(), 200);
    }
    // Without optimisation, and on a machine that does other things.
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[test]
fn many_policies_of_many_domains_are_loaded_and_do_not_count_for_a_table() {
    let columns = || {
        let number = |number| column(&format!("c{number}"), LogicalType::String, None);
        let country = column("country", LogicalType::String, None);
        (0..12).map(number).chain([country]).collect::<Vec<_>>()
    };
    let mut products = Vec::new();
    let mut policies = vec![("mesh/policies/g.cedar".to_owned(), GLOBAL.to_owned())];
    for domain in (0..40).map(|number| format!("d{number}")) {
        for name in (0..20).map(|number| format!("p{number}")) {
            let ports = vec![port("x", "1.0.0", vec![table("t", columns())])];
            products.push(product(&domain, &name, ports));
        }
        let rules = (0..10).map(|number| {
            format!(
                "@id(\"{domain}/{number}\") permit (principal in Mesh::Group::\"g{number}\", action == \
                 Mesh::Action::\"select\", resource in Mesh::Product::\"{domain}.p{number}\");\n\
                 @id(\"{domain}/r{number}\") forbid (principal, action == Mesh::Action::\"readRow\", \
                 resource in Mesh::Product::\"{domain}.p{number}\") when {{ resource has country && \
                 resource.country == \"SE\" }};\n"
            )
        });
        policies.push((format!("domains/{domain}/policies/p.cedar"), rules.collect()));
    }
    let mesh = mesh(products);
    let policies: Vec<_> =
        policies.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let start = Instant::now();
    let (policies, problems) = load(&mesh, &policies);
    let took = start.elapsed();
    assert!(problems.is_empty(), "{problems:?}");
    // Without optimisation, and on a machine that does other things.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let who = principal("x", &["g7"], &[("clearance", "3")]);
    let obligations = permitted(decide(&policies, &mesh, ("d39", "p7"), (&who, None)));
    let ids = ["d39/7", "d39/r7", "global/raw", "global/rows", "global/swiss"];
    assert_eq!(obligations.policies, names(&ids));
    assert_eq!(decide(&policies, &mesh, ("d39", "p8"), (&who, None)), Decision::Deny);
}

#[test]
fn table_whose_neighbours_are_hidden_keeps_its_rules() {
    let of = |tables: &[&str]| {
        let columns = || vec![column("amount", LogicalType::Integer, Some("public"))];
        let tables = tables.iter().map(|name| table(name, columns())).collect();
        mesh(vec![product("a", "p", vec![port("x", "1.0.0", tables)])])
    };
    let own = r#"
@id("a/select") permit (principal, action == Mesh::Action::"select", resource in Mesh::Domain::"a");
@id("a/rows") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__a__p__1__t)
when { resource has amount && resource.amount > 10 };
"#;
    let whole = of(&["t", "u"]);
    let all = [("mesh/policies/g.cedar", GLOBAL), ("domains/a/policies/a.cedar", own)];
    let (policies, _) = load(&whole, &all);
    let reader = principal("lin", &[], &[]);
    let told = |mesh: &Mesh| permitted(decide(&policies, mesh, ("a", "p"), (&reader, None)));
    assert_eq!(told(&of(&["t"])), told(&whole));
    assert!(told(&of(&["t"])).row_filter.is_some());
}
