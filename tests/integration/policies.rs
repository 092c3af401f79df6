//! What the policies of the worked example decide, and how `samite policy explain` tells it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use samite_catalog_bridge::{MeshFolder, MeshFolderOptions};
use samite_engine::authorizer::{
    AccessRequest, Action, Authorizer as _, Comparison, Decision, RowPredicate, Value,
};
use samite_engine::session::Principal;

use crate::program::{samite, told};

/// The worked example; none where it is not.
fn daff(test: &str) -> Option<PathBuf> {
    let folder = samite_tests::shared().map(|shared| shared.join("examples/daff"));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        samite_tests::left_out(test, "there is no ../shared/examples/daff");
    }
    folder
}

async fn open(folder: &std::path::Path) -> Arc<MeshFolder> {
    let store: Arc<dyn ObjectStore> =
        Arc::new(LocalFileSystem::new_with_prefix(folder).expect("a store"));
    let root = format!("file://{}", folder.display());
    let refresh = Duration::from_secs(3600);
    let options = MeshFolderOptions { refresh, ..MeshFolderOptions::default() };
    MeshFolder::open(store, object_store::path::Path::default(), root, options)
        .await
        .expect("a mesh")
}

fn person(name: &str) -> Principal {
    let (groups, attributes): (&[&str], &[(&str, &str)]) = match name {
        "ada" => (&["royalty-accountants"], &[("country", "SE"), ("clearance", "3")]),
        "bo" => (&["royalty-accountants"], &[("clearance", "1")]),
        "noor" => (&["payments-owners"], &[("country", "DE"), ("clearance", "3")]),
        "dpo1" => (&["dpo", "payments-owners"], &[("clearance", "3")]),
        "lin" => (&["analysts"], &[("clearance", "1")]),
        _ => (&[], &[]),
    };
    let mut principal = Principal::user(name);
    principal.groups.extend(groups.iter().map(|group| (*group).to_owned()));
    let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    principal.attributes.extend(attributes);
    principal
}

/// A filter in few words.
fn rows(filter: Option<&RowPredicate>) -> String {
    match filter {
        None => "all".to_owned(),
        Some(RowPredicate::Constant(false)) => "none".to_owned(),
        Some(RowPredicate::And(items)) => {
            items.iter().map(|item| rows(Some(item))).collect::<Vec<_>>().join(" and ")
        }
        Some(RowPredicate::Compare { column, comparison, value: Value::Text(text) }) => {
            match comparison {
                Comparison::Equal => format!("{column} = {text}"),
                Comparison::NotEqual => format!("{column} <> {text}"),
                other => format!("{column} {other:?} {text}"),
            }
        }
        Some(RowPredicate::Not(inner)) => format!("not {}", rows(Some(inner))),
        Some(RowPredicate::IsNull(column)) => format!("{column} is null"),
        Some(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn worked_example_is_decided_as_it_says() {
    let Some(folder) = daff("policies: worked example") else { return };
    let folder = open(&folder).await;
    let mesh = folder.current();
    let of_policies: Vec<_> =
        mesh.problems.iter().filter(|problem| !problem.file.ends_with(".odcs.yaml")).collect();
    assert!(of_policies.is_empty(), "{of_policies:?}");
    let not_swiss = "country <> CH and not country is null";
    let swedish = "country <> CH and country = SE and not country is null";
    for (who, purpose, product, major, expected) in [
        ("ada", "royalty-accounting", "payments.royalties", 1, format!("rows {swedish}")),
        ("ada", "marketing", "payments.royalties", 1, "deny".to_owned()),
        (
            "ada",
            "marketing",
            "artists.profiles",
            1,
            format!(
                "born_on mask-alphanum, legal_name mask-alphanum, iban absent, rows {not_swiss}"
            ),
        ),
        (
            "bo",
            "royalty-accounting",
            "payments.royalties",
            1,
            "due absent, paid absent, rows none".to_owned(),
        ),
        ("noor", "audit", "payments.royalties", 1, format!("rows {not_swiss}")),
        (
            "noor",
            "marketing",
            "payments.royalties",
            1,
            format!("due absent, paid absent, rows {not_swiss}"),
        ),
        ("dpo1", "audit", "payments.royalties", 1, "rows all".to_owned()),
        (
            "lin",
            "product-analytics",
            "media_player.play_events",
            2,
            format!("listener_id sha-256-query-local, device_ip absent, rows {not_swiss}"),
        ),
        (
            "lin",
            "product-analytics",
            "media_player.play_events",
            1,
            "account_no mask-alphanum, rows all".to_owned(),
        ),
        (
            "lin",
            "product-analytics",
            "listeners.sessions",
            1,
            "listener_id sha-256-query-local, rows all".to_owned(),
        ),
        ("lin", "audit", "payments.royalties", 1, "deny".to_owned()),
    ] {
        let (domain, name) = product.split_once('.').expect("a domain");
        let product = mesh.product(domain, name).expect("a product");
        let port = product.ports.iter().find(|port| port.version.major == major).expect("a port");
        let principal = person(who);
        let request = AccessRequest {
            principal: &principal,
            purpose: Some(purpose),
            now: "2026-11-21T00:00:00Z".parse().expect("a time"),
            channel: "flight-sql",
            product,
            port,
            table: &port.contract.tables[0],
        };
        let columns: Vec<&str> =
            request.table.columns.iter().map(|column| column.name.as_str()).collect();
        let decision = folder.decide(&request, &columns).await.expect("a decision");
        assert_eq!(decision != Decision::Deny, folder.allows(Action::Select, &request), "{who}");
        let found = match &decision {
            Decision::Deny => "deny".to_owned(),
            Decision::Permit(obligations) => {
                let masks: BTreeMap<_, _> = obligations.masks.iter().collect();
                let masks = masks.iter().map(|(column, mask)| format!("{column} {mask}"));
                let absent = obligations.absent.iter().map(|column| format!("{column} absent"));
                let rows = format!("rows {}", rows(obligations.row_filter.as_ref()));
                masks.chain(absent).chain([rows]).collect::<Vec<_>>().join(", ")
            }
        };
        assert_eq!(found, expected, "{who} for {purpose} on {domain}.{name}@{major}");
    }
}

#[tokio::test]
async fn explain_tells_rows_columns_and_policies() {
    let Some(folder) = daff("policies: explain") else { return };
    let mesh = folder.to_str().expect("text");
    let explain = |who: &str, more: &[&str]| {
        let mut arguments = vec!["policy", "explain", "--mesh", mesh, "--as", who];
        arguments.extend(more);
        told(&samite(&arguments))
    };
    let ada = "ada,group=royalty-accountants,country=SE,clearance=3";
    let (status, stdout, stderr) =
        explain(ada, &["--purpose", "royalty-accounting", "payments.royalties"]);
    assert_eq!(status, 0, "{stderr}");
    for part in [
        "payments.royalties@1.2.0.royalties\n",
        "  asked by     ada for royalty-accounting\n",
        "  decision     permitted\n",
        "  rows         country <> 'CH' AND country = 'SE' AND country IS NOT NULL\n",
        "  policies     global/raw-by-clearance, global/rows-open, global/swiss-rows, \
         payments/accountants, payments/own-country\n",
    ] {
        assert!(stdout.contains(part), "{part} is not in {stdout}");
    }
    let lin = "lin,group=analysts,clearance=1";
    let more = ["--purpose", "product-analytics", "media_player.play_events@2"];
    let (status, stdout, stderr) = explain(lin, &more);
    assert_eq!(status, 0, "{stderr}");
    for (column, seen) in [
        ("play_id", "raw"),
        ("listener_id", "masked: sha-256-query-local"),
        ("device_ip", "absent"),
    ] {
        let is_told = stdout.lines().any(|line| line.contains(column) && line.contains(seen));
        assert!(is_told, "{column} {seen} is not in {stdout}");
    }
    let (status, stdout, _) = explain(lin, &["payments.royalties"]);
    assert_eq!(status, 0);
    assert!(stdout.contains("  decision     denied\n"), "{stdout}");
    let (status, _, stderr) = explain("ada,country", &["payments.royalties"]);
    assert_eq!(status, 2, "{stderr}");
}
