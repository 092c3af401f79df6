//! A decision that is kept is that of its own question.

use samite_engine::authorizer::{Action, Authorizer as _};

use super::*;

const POLICIES: &str = r#"
@id("global/select") permit (principal, action == Mesh::Action::"select", resource) unless { context.purpose == "night" };
@id("global/rows") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { resource.classification == "public" || principal.clearance >= 3 };
"#;

fn absent(
    policies: &Policies,
    mesh: &Mesh,
    who: (&Principal, Option<&str>),
) -> Option<BTreeSet<String>> {
    match decide(policies, mesh, ("a", "p"), who) {
        Decision::Permit(obligations) => Some(obligations.absent),
        Decision::Deny => None,
    }
}

#[test]
fn each_question_has_its_own_answer_however_often_it_is_asked() {
    let mesh = two_domains();
    let (policies, problems) = load(&mesh, &[("mesh/policies/g.cedar", POLICIES)]);
    assert_eq!(problems, []);
    // The same table of another revision of its contract.
    let mut open = two_domains();
    for product in open.domains.values_mut().flat_map(|domain| domain.products.values_mut()) {
        let columns = ["country", "city", "amount", "secret"]
            .map(|name| column(name, LogicalType::String, Some("public")));
        let table = table("t", columns.to_vec());
        *product =
            Arc::new(super::product(&product.domain, "p", vec![port("x", "1.0.0", vec![table])]));
    }
    let (low, high) = (principal("lin", &[], &[]), principal("lin", &[], &[("clearance", "3")]));
    let some = Some(names(&["amount", "city", "secret"]));
    for _ in 0..3 {
        assert_eq!(absent(&policies, &mesh, (&low, None)), some);
        assert_eq!(absent(&policies, &mesh, (&high, None)), Some(names(&[])));
        assert_eq!(absent(&policies, &mesh, (&low, Some("night"))), None);
        assert_eq!(absent(&policies, &open, (&low, None)), Some(names(&[])));
        let may = |action| {
            let who = (&low, None);
            with_request(&mesh, ("b", "p"), who, |request, _| policies.allows(action, request))
        };
        assert_eq!([may(Action::Select), may(Action::Explain)], [true, false]);
    }
}

#[test]
fn what_depends_on_the_time_is_decided_each_time() {
    let mesh = two_domains();
    let until = r#"@id("global/select") permit (principal, action == Mesh::Action::"select", resource)
        when { context.now < datetime("2026-11-21T12:00:01Z") };"#;
    let (policies, problems) = load(&mesh, &[("mesh/policies/g.cedar", until)]);
    assert_eq!(problems, []);
    let who = principal("lin", &[], &[]);
    for (seconds, expected) in [(0, true), (2, false), (0, true), (1, false)] {
        let told = with_request(&mesh, ("a", "p"), (&who, None), |request, _| {
            let now = request.now + chrono::TimeDelta::seconds(seconds);
            policies.allows(Action::Select, &AccessRequest { now, ..*request })
        });
        assert_eq!(told, expected, "{seconds}");
    }
}
