//! What the loader refuses, and what then stands.

use super::*;

const GLOBAL: &str = "mesh/policies/global.cedar";
const OWN: &str = "domains/a/policies/own.cedar";

/// A rule of the mesh.
fn global(rule: &str) -> String {
    format!("// A comment first.\n@id(\"global/x\")\n{rule}")
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Each file is refused with a problem that says this.
fn refused(cases: &[(&str, String, &str)]) {
    for (file, text, told) in cases {
        let (_, problems) = load(&two_domains(), &[(file, text)]);
        let problems = lines(&problems);
        let is_told = problems
            .iter()
            .any(|line| line.starts_with(file) && line.contains(told) && line.contains("error"));
        assert!(is_told, "{text}\nexpected {told}\nfound {problems:#?}");
    }
}

#[test]
fn wrong_policy_is_refused_with_its_line_and_what_to_do() {
    let in_a = "resource in Mesh::Domain::\"a\"";
    refused(&[
        (
            GLOBAL,
            global("permit (principal, action, resource"),
            ":3: error: the policy is no Cedar",
        ),
        (
            GLOBAL,
            "\n\npermit (principal, action, resource);".to_owned(),
            ":3: error: the policy has no id",
        ),
        (
            GLOBAL,
            "@id(\"a/x\") permit (principal, action == Mesh::Action::\"select\", resource);"
                .to_owned(),
            ":1: error: policy id \"a/x\" does not begin with global/",
        ),
        (
            OWN,
            format!(
                "@id(\"global/x\") permit (principal, action == Mesh::Action::\"select\", {in_a});"
            ),
            ":1: error: policy id \"global/x\" does not begin with a/ (write @id(\"a/<name>\")",
        ),
        (
            GLOBAL,
            format!(
                "{0}\n{0}",
                "@id(\"global/x\") permit (principal, action == Mesh::Action::\"select\", resource);"
            ),
            ":2: error: policy \"global/x\" is here twice",
        ),
        (
            GLOBAL,
            global(
                "permit (principal == ?principal, action == Mesh::Action::\"select\", resource);",
            ),
            "error: a policy is a template",
        ),
        (
            GLOBAL,
            global("permit (principal, action == Mesh::Action::\"readMasked\", resource);"),
            ":2: error: policy \"global/x\" permits readMasked and names no mask",
        ),
        (
            GLOBAL,
            global(
                "@mask(\"blur\") permit (principal, action == Mesh::Action::\"readMasked\", resource);",
            ),
            ":2: error: policy \"global/x\": there is no mask \"blur\"",
        ),
        (
            GLOBAL,
            global("permit (principal, action == Mesh::Action::\"eat\", resource);"),
            ":3: error: the policy is wrong",
        ),
        (
            GLOBAL,
            global(
                "permit (principal, action == Mesh::Action::\"select\", resource)\nwhen { resource.owner == \"x\" };",
            ),
            ":4: error: the policy is wrong",
        ),
    ]);
}

#[test]
fn rule_that_is_no_row_filter_is_refused() {
    let row = |condition: &str| {
        global(&format!(
            "forbid (principal, action == Mesh::Action::\"readRow\", resource) when {{ {condition} }};"
        ))
    };
    refused(&[
        (GLOBAL, row("resource.nothing == 1"), "nothing"),
        (GLOBAL, row("resource.city == \"x\""), "city"),
        (GLOBAL, row("resource has amount && resource.amount + 1 > 3"), "calculates with a column"),
        (GLOBAL, row("resource.country like \"C*\""), "like"),
        (
            GLOBAL,
            row("resource has city && resource.city == resource.country"),
            "a column with a column",
        ),
        (GLOBAL, row("if resource.country == \"CH\" then true else false"), "if then else"),
        (GLOBAL, row("resource == Mesh::Row__a__p__1::\"7\""), "is no row filter"),
        (
            GLOBAL,
            global(
                "forbid (principal, action == Mesh::Action::\"readRow\", resource == Mesh::Row__a__p__1::\"7\");",
            ),
            "is no row filter: a row has no id",
        ),
        (
            GLOBAL,
            global(
                "forbid (principal, action == Mesh::Action::\"readRow\", resource is Mesh::Row__a__gone__1);",
            ),
            ":3: error: the policy is wrong",
        ),
    ]);
}

#[test]
fn domain_that_reaches_too_far_and_file_in_a_wrong_place_are_refused() {
    let in_a = "resource in Mesh::Domain::\"a\"";
    refused(&[
        (
            OWN,
            format!("@id(\"a/x\") permit (principal, action == Mesh::Action::\"readRow\", {in_a});"),
            "error: policy \"a/x\" permits more than a domain may",
        ),
        (
            OWN,
            format!("@id(\"a/x\") permit (principal, action, {in_a});"),
            "error: policy \"a/x\" permits more than a domain may",
        ),
        (
            OWN,
            "@id(\"a/x\") permit (principal, action == Mesh::Action::\"select\", resource);".to_owned(),
            "error: policy \"a/x\" reaches beyond domain \"a\"",
        ),
        (
            OWN,
            "@id(\"a/x\") forbid (principal, action, resource in Mesh::Product::\"b.p\");".to_owned(),
            "error: policy \"a/x\" reaches beyond domain \"a\"",
        ),
        (
            OWN,
            "@id(\"a/x\") forbid (principal, action == Mesh::Action::\"readRow\", resource is Mesh::Row__b__p__1);"
                .to_owned(),
            "error: policy \"a/x\" reaches beyond domain \"a\"",
        ),
        (
            OWN,
            "@id(\"a/x\") forbid (principal, action == Mesh::Action::\"readRow\", resource is \
             Mesh::Row__a__p__1 in Mesh::Domain::\"b\");"
                .to_owned(),
            "error: policy \"a/x\" reaches beyond domain \"a\"",
        ),
        (
            "mesh/policies/deeper/x.cedar",
            String::new(),
            "error: policies in this place are not read; nobody may read the mesh (move the file to \
             mesh/policies/ or domains/<domain>/policies/)",
        ),
        (
            "domains/a/p/x.cedar",
            String::new(),
            "error: policies in this place are not read; nobody may read domain \"a\"",
        ),
    ]);
}

#[test]
fn every_part_of_a_domain_may_be_the_scope_of_its_own_policies() {
    for scope in [
        "resource in Mesh::Domain::\"a\"",
        "resource in Mesh::Product::\"a.p\"",
        "resource in Mesh::Table::\"a.p@1.t\"",
        "resource == Mesh::Table::\"a.p@1.t\"",
        "resource == Mesh::Column::\"a.p@1.t.city\"",
        "resource is Mesh::Column in Mesh::Domain::\"a\"",
        "resource is Mesh::Row__a__p__1",
        "resource is Mesh::Row__a__p__1 in Mesh::Product::\"a.p\"",
    ] {
        let text = format!("@id(\"a/x\") forbid (principal, action, {scope});");
        let (_, problems) = load(&two_domains(), &[(OWN, &text)]);
        let problems = lines(&problems);
        assert!(problems.iter().all(|line| line.contains(": warning: ")), "{scope}: {problems:#?}");
    }
}

#[test]
fn name_that_is_not_there_is_a_warning() {
    let text = "@id(\"a/x\") forbid (principal, action, resource in Mesh::Product::\"a.typo\");";
    let (_, problems) = load(&two_domains(), &[(OWN, text)]);
    assert_eq!(
        lines(&problems),
        [
            "domains/a/policies/own.cedar:1: warning: policy \"a/x\": there is no product \"a.typo\" \
          (the policy applies to nothing of that name)"
        ]
    );
}

const OPEN: &str = "@id(\"global/all\") permit (principal, action, resource)\n\
                    unless { principal in Mesh::Group::\"out\" };";

fn open() -> String {
    OPEN.replace("@id", "@mask(\"replace-with-null\") @id")
}

fn may(policies: &Policies, mesh: &Mesh, domain: &str) -> bool {
    let who = principal("ada", &[], &[]);
    decide(policies, mesh, (domain, "p"), (&who, None)) != Decision::Deny
}

#[test]
fn broken_file_leaves_the_last_good_ones_or_else_denies_its_layer() {
    let mesh = two_domains();
    let open = open();
    let broken = "permit";
    let shut = "@id(\"a/shut\") forbid (principal, action, resource in Mesh::Domain::\"a\");";
    let mut loader = PolicyLoader::default();
    let mut look = |policies: &[(&str, &str)]| {
        let (policies, problems) = loader.load_here(&mesh, &files(policies));
        let told = lines(&problems).into_iter().filter(|line| line.contains("mend the file"));
        (
            may(&policies, &mesh, "a"),
            may(&policies, &mesh, "b"),
            told.collect::<Vec<_>>().join("\n"),
        )
    };
    let nobody = |what: &str, file: &str| {
        format!(
            "{file}: error: nobody may read {what}: its policies cannot be used (mend the file)"
        )
    };
    let stays = |what: &str, file: &str| {
        format!(
            "{file}: error: the policies of {what} stay as they last were without mistake (mend the file)"
        )
    };
    let quiet = String::new();
    assert_eq!(look(&[(GLOBAL, broken)]), (false, false, nobody("the mesh", GLOBAL)));
    assert_eq!(look(&[(GLOBAL, &open)]), (true, true, quiet.clone()));
    assert_eq!(look(&[(GLOBAL, broken)]), (true, true, stays("the mesh", GLOBAL)));
    // One broken file keeps its whole layer as it was.
    let more = "@id(\"global/shut\") forbid (principal, action, resource);";
    assert_eq!(
        look(&[(GLOBAL, broken), ("mesh/policies/more.cedar", more)]),
        (true, true, stays("the mesh", GLOBAL))
    );
    // A broken domain is denied, and the others do not notice.
    assert_eq!(
        look(&[(GLOBAL, &open), (OWN, broken)]),
        (true, true, stays("domain \"a\"", OWN)),
        "the last good policies of a domain may be none"
    );
    assert_eq!(look(&[(GLOBAL, &open), (OWN, shut)]), (false, true, quiet.clone()));
    assert_eq!(look(&[(GLOBAL, &open), (OWN, broken)]), (false, true, stays("domain \"a\"", OWN)));
    assert_eq!(look(&[(GLOBAL, &open)]), (true, true, quiet));

    let (policies, problems) = load(&mesh, &[(GLOBAL, &open), (OWN, broken)]);
    assert_eq!((may(&policies, &mesh, "a"), may(&policies, &mesh, "b")), (false, true));
    assert!(lines(&problems).contains(&nobody("domain \"a\"", OWN)), "{problems:?}");
    let misplaced = [(GLOBAL, open.as_str()), ("domains/a/p/x.cedar", "")];
    let (policies, _) = load(&mesh, &misplaced);
    assert_eq!((may(&policies, &mesh, "a"), may(&policies, &mesh, "b")), (false, true));
    let (policies, _) = load(&mesh, &[(GLOBAL, &open), ("x.cedar", "")]);
    assert_eq!((may(&policies, &mesh, "a"), may(&policies, &mesh, "b")), (false, false));
}

#[test]
fn policy_that_names_rows_that_are_gone_keeps_others_readable() {
    let mut mesh = two_domains();
    let rule = "@id(\"global/rows\") forbid (principal, action == Mesh::Action::\"readRow\", \
                resource is Mesh::Row__a__p__1);";
    let text = format!("{}\n{rule}", open());
    let mut loader = PolicyLoader::default();
    let (policies, problems) = loader.load_here(&mesh, &files(&[(GLOBAL, &text)]));
    assert_eq!(lines(&problems), Vec::<String>::new());
    assert!(may(&policies, &mesh, "a") && may(&policies, &mesh, "b"));
    let gone = mesh.domains.get_mut("a").and_then(|domain| domain.products.remove("p"));
    assert!(gone.is_some());
    let (policies, problems) = loader.load_here(&mesh, &files(&[(GLOBAL, &text)]));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(may(&policies, &mesh, "b"));
}

#[test]
fn agreement_permits_what_was_approved_for_its_time_and_purpose() {
    let agreement = "kind: AccessAgreement\nid: one\nstatus: approved\n\
                     startTimestamp: \"2026-06-01T00:00:00Z\"\nendTimestamp: \"2027-01-01T00:00:00Z\"\n\
                     description: {purpose: audit}\nprovider: {dataProductId: a-p}\n\
                     consumer: {teamId: listeners}\n";
    let rest = "@id(\"global/rest\") @mask(\"replace-with-null\") permit (principal, action, resource)\n\
                when { context.purpose == \"nothing\" };\n\
                @id(\"global/raw\") permit (principal, action in [Mesh::Action::\"readRaw\", \
                Mesh::Action::\"readRow\"], resource);";
    let mesh = two_domains();
    let listener = principal("li", &["listeners"], &[]);
    let stranger = principal("ada", &[], &[]);
    for (change, who, purpose, expected) in [
        (("", ""), &listener, "audit", true),
        (("", ""), &listener, "other", false),
        (("", ""), &stranger, "audit", false),
        (("approved", "draft"), &listener, "audit", false),
        (("2027-01-01", "2026-11-01"), &listener, "audit", false),
        (("2026-06-01", "2026-12-01"), &listener, "audit", false),
        (("a-p", "b-p"), &listener, "audit", false),
    ] {
        let text = agreement.replace(change.0, change.1);
        let text = if change.0.is_empty() { agreement.to_owned() } else { text };
        let all = [(GLOBAL, rest), ("mesh/agreements/one.oaas.yaml", text.as_str())];
        let (policies, problems) = load(&mesh, &all);
        assert_eq!(lines(&problems), Vec::<String>::new(), "{change:?}");
        let decision = decide(&policies, &mesh, ("a", "p"), (who, Some(purpose)));
        assert_eq!(decision != Decision::Deny, expected, "{change:?} {purpose}");
    }
    for (change, told) in [
        (("a-p", "c-p"), "one.oaas.yaml:7: error: provider.dataProductId: there is no product"),
        (("audit", "[]"), "one.oaas.yaml:6: error: description.purpose: it is no text"),
        (("endTimestamp", "until"), "error: endTimestamp: it is missing"),
        (("2027-01-01T00:00:00Z", "soon"), "error: endTimestamp: \"soon\" is no date"),
        (("kind: ", "kind: {"), "the document is not valid YAML"),
    ] {
        let text = agreement.replace(change.0, change.1);
        let all = [(GLOBAL, rest), ("mesh/agreements/one.oaas.yaml", text.as_str())];
        let (policies, problems) = load(&mesh, &all);
        let problems = lines(&problems);
        assert!(problems.iter().any(|line| line.contains(told)), "{told}: {problems:?}");
        let decision = decide(&policies, &mesh, ("a", "p"), (&listener, Some("audit")));
        assert_eq!(decision, Decision::Deny, "{change:?}");
    }
}

/// What a virtual product reads for is what its agreements say, as long as they hold.
#[test]
fn agreement_tells_what_a_product_reads_for() {
    let agreement = "kind: AccessAgreement\nid: one\nstatus: approved\n\
                     startTimestamp: \"2026-06-01T00:00:00Z\"\nendTimestamp: \"2027-01-01T00:00:00Z\"\n\
                     description: {purpose: audit}\nprovider: {dataProductId: a-p}\n\
                     consumer: {teamId: b, dataProductId: b-p}\n";
    let mesh = two_domains();
    let product = |domain: &str| mesh.product(domain, "p").expect("a product");
    for (change, at, expected) in [
        (("", ""), "2026-11-21T12:00:00Z", vec!["audit"]),
        (("", ""), "2027-01-01T00:00:00Z", vec![]),
        (("", ""), "2026-05-31T23:59:59Z", vec![]),
        (("approved", "draft"), "2026-11-21T12:00:00Z", vec![]),
        (("dataProductId: b-p", "dataProductId: other"), "2026-11-21T12:00:00Z", vec![]),
        ((", dataProductId: b-p", ""), "2026-11-21T12:00:00Z", vec![]),
    ] {
        let text = match change {
            ("", _) => agreement.to_owned(),
            (from, to) => agreement.replace(from, to),
        };
        let rule =
            "@id(\"global/x\") permit (principal, action == Mesh::Action::\"readRow\", resource);";
        let all = [(GLOBAL, rule), ("mesh/agreements/one.oaas.yaml", text.as_str())];
        let (policies, problems) = load(&mesh, &all);
        assert_eq!(lines(&problems), Vec::<String>::new(), "{change:?}");
        let at = at.parse().expect("a time");
        assert_eq!(
            policies.agreed_purposes(product("a"), product("b"), at),
            expected,
            "{change:?}"
        );
        assert!(policies.agreed_purposes(product("b"), product("a"), at).is_empty());
    }
}

#[test]
fn huge_and_deep_policies_are_refused_and_nothing_breaks() {
    let deep = |count: usize| {
        let all = vec!["principal.clearance == 1"; count].join(" || ");
        global(&format!("forbid (principal, action, resource) when {{ {all} }};"))
    };
    let nested = |open: &str, count: usize, close: &str| {
        let (open, close) = (open.repeat(count), close.repeat(count));
        global(&format!("forbid (principal, action, resource) when {{ {open}true{close} }};"))
    };
    for (text, is_good) in [
        (deep(100), true),
        (deep(1_000), false),
        (deep(30_000), false),
        (nested("(", 20_000, ")"), false),
        (nested("", 20_000, "||1"), false),
        (nested("!(", 15_000, ")"), false),
        (nested("[", 20_000, "]"), false),
        (nested("", 30_000, ".a"), false),
        (nested("", 3_900, ".a"), false),
        (nested("", 1_900, "||1"), false),
        (
            nested(
                &format!("[{}\"x\"].contains(context.purpose) || ", "\"v\",".repeat(10_000)),
                1,
                "",
            ),
            true,
        ),
        (nested("if 1 then 1 else ", 3_500, ""), false),
        (nested("(", 90, ")"), true),
        (nested("\";\\\";//\" == ", 20_000, ""), false),
        (format!("{}{}", nested("", 1, ""), "// a comment\n".repeat(6_000)), false),
    ] {
        let mesh = two_domains();
        let loader = PolicyLoader::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let given = files(&[(GLOBAL, &text)]);
        let loaded = runtime.block_on(loader.load(Arc::new(mesh), given)).expect("loaded");
        let problems = lines(&loaded.2);
        assert_eq!(problems.is_empty(), is_good, "{} bytes: {problems:?}", text.len());
    }
}
