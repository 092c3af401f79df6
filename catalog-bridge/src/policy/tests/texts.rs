//! Which text decided, until when, and what a mask shows of short values.

use chrono::TimeDelta;
use samite_engine::authorizer::{Authorizer as _, Obligations, PolicyTexts};
use samite_engine::product::ValueLimit;
use sha2::{Digest, Sha256};

use super::*;

const GLOBAL: &str = "@id(\"global/select\") permit (principal, action, resource) when { context.purpose != \"night\" };";
const MASK: &str = "@id(\"global/mask\") @mask(\"replace-with-null\") permit (principal, action == Mesh::Action::\"readMasked\", resource);\n";
const OWN: &str = "@id(\"a/night\") forbid (principal, action == Mesh::Action::\"select\", resource in Mesh::Domain::\"a\")\n\
                   when { context.purpose == \"dusk\" };";
const AGREEMENT: &str = "kind: AccessAgreement\nid: one\nstatus: approved\n\
                         startTimestamp: \"2026-11-21T12:00:01Z\"\nendTimestamp: \"2026-11-21T12:00:02Z\"\n\
                         description: {purpose: audit}\nprovider: {dataProductId: a-p}\nconsumer: {teamId: listeners}\n";

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn obligations(policies: &Policies, mesh: &Mesh, purpose: Option<&str>) -> Option<Obligations> {
    let who = principal("lin", &["listeners"], &[]);
    match decide(policies, mesh, ("a", "p"), (&who, purpose)) {
        Decision::Permit(obligations) => Some(obligations),
        Decision::Deny => None,
    }
}

fn open_global() -> String {
    GLOBAL.replace("action, resource", "action in [Mesh::Action::\"select\", Mesh::Action::\"readRow\", Mesh::Action::\"readRaw\"], resource")
}

#[test]
fn decision_says_which_text_of_which_files_decided() {
    let mesh = two_domains();
    let global = open_global();
    let files = |global: &str, own: &str, other: &str| {
        let other = format!(
            "@id(\"b/x\") forbid (principal, action, resource in Mesh::Domain::\"b\") when {{ context.purpose == \"{other}\" }};"
        );
        let all = [
            ("mesh/policies/b.cedar", MASK),
            ("mesh/policies/a.cedar", global),
            ("domains/a/policies/own.cedar", own),
            ("domains/b/policies/own.cedar", other.as_str()),
        ];
        let (policies, problems) = load(&mesh, &all);
        assert_eq!(problems, []);
        policies
    };
    let policies = files(&global, OWN, "x");
    let found = obligations(&policies, &mesh, None).unwrap();
    let texts: &PolicyTexts = found.texts.as_deref().unwrap();
    let version = |text: &str| format!("sha256:{}", sha256(text));
    assert_eq!(texts.version("global/select"), Some(version(&global).as_str()));
    assert_eq!(texts.version("a/night"), Some(version(OWN).as_str()));
    assert_eq!(texts.version("b/x"), None, "it has no say in this domain");
    // As sha256sum prints them.
    let lines = format!(
        "{}  domains/a/policies/own.cedar\n{}  mesh/policies/a.cedar\n{}  mesh/policies/b.cedar\n",
        sha256(OWN),
        sha256(&global),
        sha256(MASK)
    );
    assert_eq!(texts.fingerprint(), version(&lines));

    let fingerprint = |policies: &Policies| {
        let found = obligations(policies, &mesh, None).unwrap();
        found.texts.unwrap().fingerprint().to_owned()
    };
    assert_eq!(fingerprint(&files(&global, OWN, "y")), fingerprint(&policies), "another domain's");
    let commented = format!("// as before\n{OWN}");
    assert_ne!(fingerprint(&files(&global, &commented, "x")), fingerprint(&policies));

    let who = principal("lin", &[], &[]);
    let forbids = with_request(&mesh, ("a", "p"), (&who, Some("dusk")), |request, _| {
        assert!(!policies.allows(samite_engine::authorizer::Action::Select, request));
        policies.forbids(request)
    });
    assert_eq!(forbids.policies, names(&["a/night"]));
    assert_eq!(forbids.texts.unwrap().fingerprint(), fingerprint(&policies));
}

#[test]
fn broken_file_leaves_the_version_that_still_decides() {
    let mesh = two_domains();
    let global = open_global();
    let mut loader = PolicyLoader::default();
    let mut version = |global: &str| {
        let (policies, _) = loader.load_here(&mesh, &files(&[("mesh/policies/a.cedar", global)]));
        let found = obligations(&policies, &mesh, None).unwrap();
        found.texts.unwrap().version("global/select").unwrap().to_owned()
    };
    let good = version(&global);
    assert_eq!(version("permit ("), good);
    assert_ne!(version(&format!("{global} ")), good);
}

#[test]
fn agreement_holds_from_its_first_to_its_last_moment_and_decisions_are_kept_between() {
    let mesh = two_domains();
    let rest = "@id(\"global/raw\") permit (principal, action in [Mesh::Action::\"readRaw\", Mesh::Action::\"readRow\"], resource);";
    let (policies, problems) = load(
        &mesh,
        &[("mesh/policies/a.cedar", rest), ("mesh/agreements/one.oaas.yaml", AGREEMENT)],
    );
    assert_eq!(problems, []);
    let who = principal("li", &["listeners"], &[]);
    let within =
        [(0, false), (999, false), (1000, true), (1999, true), (2000, false), (9000, false)];
    for (millis, expected) in within.into_iter().chain(within.into_iter().rev()) {
        let told = with_request(&mesh, ("a", "p"), (&who, Some("audit")), |request, _| {
            let now = request.now + TimeDelta::milliseconds(millis);
            policies.allows(
                samite_engine::authorizer::Action::Select,
                &AccessRequest { now, ..*request },
            )
        });
        assert_eq!(told, expected, "{millis}");
    }
}

#[test]
fn decision_lasts_where_no_policy_speaks_of_the_time() {
    let mesh = two_domains();
    let global = open_global();
    let timed =
        global.replace("context.purpose != \"night\"", "context.now > datetime(\"2020-01-01\")");
    for (global, agreement, expected) in
        [(&global, None, true), (&timed, None, false), (&global, Some(AGREEMENT), false)]
    {
        let mut all = vec![("mesh/policies/a.cedar", global.as_str())];
        all.extend(agreement.map(|text| ("mesh/agreements/one.oaas.yaml", text)));
        let (policies, problems) = load(&mesh, &all);
        assert_eq!(problems, []);
        assert_eq!(obligations(&policies, &mesh, None).unwrap().is_lasting, expected, "{all:?}");
    }
}

#[test]
fn mask_that_shows_four_characters_is_warned_of_where_values_are_short() {
    let of_length = |name: &str, classification: &str, length: Option<u64>| Column {
        limits: length.map(ValueLimit::LengthAtMost).into_iter().collect(),
        ..column(name, LogicalType::String, Some(classification))
    };
    let columns = vec![
        of_length("id", "internal", Some(2)),
        of_length("code", "confidential", Some(8)),
        of_length("pin", "confidential", Some(4)),
        of_length("name", "confidential", Some(9)),
        of_length("note", "restricted", None),
    ];
    let mesh = mesh(vec![product("a", "p", vec![port("x", "1.0.0", vec![table("t", columns)])])]);
    let policy = |mask: &str, condition: &str| {
        format!(
            "@id(\"global/mask\") @mask(\"{mask}\") permit (principal, action == Mesh::Action::\"readMasked\", resource) when {{ {condition} }};"
        )
    };
    let confidential = "resource.classification == \"confidential\"";
    let for_some = "principal in Mesh::Group::\"g\" && principal.clearance > 2 && resource.classification == \"confidential\"";
    for (mask, condition, told) in [
        (
            "show-last-4",
            confidential,
            "shows values of column \"pin\" of a.p@1.t whole: they have at most 4",
        ),
        (
            "show-first-4",
            for_some,
            "shows values of column \"pin\" of a.p@1.t whole: they have at most 4",
        ),
        (
            "show-first-4",
            "resource == Mesh::Column::\"a.p@1.t.code\"",
            "column \"code\" of a.p@1.t half or more",
        ),
        ("show-first-4", "resource.classification == \"restricted\"", ""),
        ("mask-alphanum", confidential, ""),
        ("show-first-4", "resource == Mesh::Column::\"a.p@1.t.name\"", ""),
    ] {
        let text = policy(mask, condition);
        let (_, problems) = load(&mesh, &[("mesh/policies/g.cedar", text.as_str())]);
        match told {
            "" => assert_eq!(problems, [], "{text}"),
            told => {
                assert_eq!(problems.len(), 1, "{text} {problems:?}");
                assert!(problems[0].message.contains(told), "{problems:?}");
                assert_eq!(problems[0].file, "mesh/policies/g.cedar");
                assert_eq!(problems[0].level, samite_engine::product::ProblemLevel::Warning);
            }
        }
    }
}
