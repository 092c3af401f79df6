//! A mesh in a folder: what is served, what is a problem, and what changes while it runs.

mod odd_folders;
mod virtual_products;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use samite_catalog_bridge::{MeshFolder, MeshFolderOptions};
use samite_engine::authorizer::{AccessRequest, Action, Authorizer as _, Decision};
use samite_engine::catalog::ProductCatalog;
use samite_engine::product::{Mesh, Moment, Status};
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind};
use tempfile::TempDir;

/// A mesh on disk that a test writes as it goes.
struct Files {
    folder: TempDir,
}

const PRODUCT: &str = "\
apiVersion: v1.1.0
kind: DataProduct
id: a-plays
name: plays
version: 1.2.0
status: active
domain: a
outputPorts:
  - name: plays
    version: 1.2.0
    contractId: a.plays.1
";

const CONTRACT: &str = "\
apiVersion: v3.2.0
kind: DataContract
id: a.plays.1
version: 1.2.0
status: active
domain: a
servers:
  - server: dev
    type: local
    path: data/{model}.parquet
    format: parquet
schema:
  - name: plays
    properties:
      - name: play_id
        logicalType: string
        required: true
";

const PRODUCT_FILE: &str = "domains/a/plays/plays.odps.yaml";
const CONTRACT_FILE: &str = "domains/a/plays/plays.v1.odcs.yaml";

impl Files {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// Product `a.plays`, and product `b.other`, which no test breaks.
    fn two_products() -> Self {
        let files = Self::empty();
        files.write(PRODUCT_FILE, PRODUCT);
        files.write(CONTRACT_FILE, CONTRACT);
        let other = |text: &str| {
            text.replace("domain: a", "domain: b")
                .replace("a.plays.1", "b.other.1")
                .replace("a-plays", "b-other")
                .replace("name: plays", "name: other")
        };
        files.write("domains/b/other/other.odps.yaml", &other(PRODUCT));
        files.write("domains/b/other/other.v1.odcs.yaml", &other(CONTRACT));
        files
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("written");
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.folder.path().join(file)).expect("removed");
    }

    async fn try_open(&self, options: MeshFolderOptions) -> Result<Arc<MeshFolder>, Error> {
        open(self.folder.path(), options).await
    }

    /// Opened, and then looked at only when the test says so.
    async fn open(&self) -> Arc<MeshFolder> {
        self.try_open(by_hand()).await.expect("a mesh")
    }

    async fn mesh(&self) -> Arc<Mesh> {
        self.open().await.current()
    }
}

fn by_hand() -> MeshFolderOptions {
    MeshFolderOptions { refresh: Duration::from_secs(3600), ..MeshFolderOptions::default() }
}

async fn open(folder: &Path, options: MeshFolderOptions) -> Result<Arc<MeshFolder>, Error> {
    let store: Arc<dyn ObjectStore> =
        Arc::new(LocalFileSystem::new_with_prefix(folder).expect("a store"));
    let root = format!("file://{}", folder.display());
    MeshFolder::open(store, object_store::path::Path::default(), root, options).await
}

fn products(mesh: &Mesh) -> Vec<String> {
    mesh.products().map(|product| format!("{}.{}", product.domain, product.name)).collect()
}

fn problems(mesh: &Mesh) -> Vec<String> {
    mesh.problems.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn worked_example_is_read_without_problems() {
    let Some(shared) = samite_tests::shared() else {
        samite_tests::left_out(
            "mesh_folder: worked example",
            "there is no ../shared/examples/daff",
        );
        return;
    };
    let files = Files::empty();
    copy_documents(&shared.join("examples/daff"), files.folder.path());
    let mesh = files.mesh().await;
    assert_eq!(
        products(&mesh),
        [
            "artists.profiles",
            "listeners.sessions",
            "media_player.play_events",
            "payments.royalties"
        ]
    );
    assert_eq!(
        problems(&mesh),
        ["domains/payments/royalties/royalties.v1.odcs.yaml:40: warning: column \"artist_id\" of \
          royalties is bound to \"artist-id\": the classification is internal, that of its definition is \
          public (what is confidential in one product is so in every other)"]
    );
    let listener = mesh.definitions.get("mesh/semantics/daff.osds.yaml#/definitions/listener-id");
    assert_eq!(listener.and_then(|known| known.name.as_deref()), Some("Listener"));

    let plays = mesh.product("media_player", "play_events").expect("play_events");
    assert_eq!(plays.owner.contact.as_deref(), Some("ines@daff.example"));
    assert_eq!(plays.archetype.as_deref(), Some("sourceAligned"));
    let versions: Vec<_> = plays.ports.iter().map(|port| port.version.to_string()).collect();
    assert_eq!(versions, ["1.4.0", "2.1.0"]);
    let old = &plays.ports[0].contract;
    assert_eq!(old.status, Status::Deprecated);
    assert_eq!(old.end_of_life.expect("an end").to_rfc3339(), "2027-03-31T00:00:00+00:00");
    let new = &plays.ports[1].contract;
    let root = format!("file://{}", files.folder.path().display());
    let [prod, dev] = new.servers.as_slice() else { panic!("{:?}", new.servers) };
    assert_eq!(prod.location.as_deref(), Some("s3://daff-media-player/play_events/v2/{model}/"));
    assert_eq!(prod.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(prod.credential_ref.as_deref(), Some("media-player-read"));
    assert!(prod.is_hive_partitioned && prod.unreadable.is_none(), "{prod:?}");
    let location = format!("{root}/domains/media_player/play_events/data/v2/{{model}}/");
    assert_eq!(dev.location, Some(location));
    assert_eq!(dev.environment.as_deref(), Some("dev"));
    assert_eq!(new.tables[0].primary_key(), ["play_id"]);
    assert_eq!(
        new.tables[0].columns[1].semantic_definition.as_deref(),
        Some("mesh/semantics/daff.osds.yaml#/definitions/listener-id")
    );

    let profiles = &mesh.product("artists", "profiles").expect("profiles").ports[0].contract;
    assert_eq!(profiles.servers[1].moment, Moment::Version(412));
    let unreadable = |product: (&str, &str)| {
        let product = mesh.product(product.0, product.1).expect("product");
        product.ports[0].contract.servers[0].unreadable.clone().unwrap_or_default()
    };
    let sessions = &mesh.product("listeners", "sessions").expect("sessions").ports[0].contract;
    let view = sessions.servers[0].view(&sessions.tables[0]).expect("a query");
    assert_eq!(view.file, "domains/listeners/sessions/sessions.v1.sql");
    assert!(view.sql.contains("per_artist"), "{view:?}");
    assert_eq!(
        samite_engine::resolve::view_names(view),
        ["artists.profiles@1.artists", "media_player.play_events@2.plays"]
    );
    assert_eq!(
        unreadable(("payments", "royalties")),
        "an Iceberg REST catalog is not supported yet"
    );
}

/// Copies the documents of a mesh, without its policies.
fn copy_documents(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_documents(&path, &target);
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "sql") {
            std::fs::create_dir_all(to).expect("folders");
            std::fs::copy(&path, target).expect("copied");
        }
    }
}

/// One broken document: what stands in its file, and the one problem that it makes first.
struct Broken {
    rule: &'static str,
    file: &'static str,
    text: String,
    problem: &'static str,
}

fn broken(rule: &'static str, file: &'static str, text: &str, problem: &'static str) -> Broken {
    Broken { rule, file, text: text.to_owned(), problem }
}

/// A change of the good document.
fn changed(
    rule: &'static str,
    file: &'static str,
    (from, to): (&str, &str),
    problem: &'static str,
) -> Broken {
    let good = if file == PRODUCT_FILE { PRODUCT } else { CONTRACT };
    assert!(good.contains(from), "{rule}: {from}");
    Broken { rule, file, text: good.replacen(from, to, 1), problem }
}

/// Product `b.other` stays, whatever happens to `a.plays`, and each problem names file, line, path,
/// what was found and what is expected.
#[tokio::test]
async fn one_bad_document_takes_only_its_own_product_out() {
    let mut differences = Vec::new();
    for case in broken_products().into_iter().chain(broken_contracts()) {
        let files = Files::two_products();
        files.write(case.file, &case.text);
        let mesh = files.mesh().await;
        let all = problems(&mesh);
        let found = all.iter().find(|problem| problem.starts_with(case.file)).cloned();
        if products(&mesh) != ["b.other"] || found.as_deref() != Some(case.problem) {
            differences.push(format!("{}\n  {:?}\n  {found:?}\n", case.rule, products(&mesh)));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn broken_products() -> Vec<Broken> {
    vec![
        broken(
            "not YAML",
            PRODUCT_FILE,
            "apiVersion: v1.1.0\nkind: [DataProduct\nid: a\n",
            "domains/a/plays/plays.odps.yaml:3: error: the document is not valid YAML: illegal \
             placement of ':' indicator (expected one YAML 1.2 document)",
        ),
        broken(
            "empty",
            PRODUCT_FILE,
            "",
            "domains/a/plays/plays.odps.yaml:1: error: found nothing instead of a document \
             (expected ODPS with kind: DataProduct and apiVersion one of v0.9.0, v1.0.0, v1.1.0)",
        ),
        broken(
            "the other ODPS",
            PRODUCT_FILE,
            "schema: https://opendataproducts.org/v4.0/schema/odps.yaml\nversion: 4.0\nproduct:\n  en:\n",
            "domains/a/plays/plays.odps.yaml:3: error: product: this is a data product of \
             opendataproducts.org, another standard called ODPS, which is not supported (expected \
             ODPS with kind: DataProduct and apiVersion one of v0.9.0, v1.0.0, v1.1.0)",
        ),
        changed(
            "a key twice",
            PRODUCT_FILE,
            ("status: active", "status: active\nname: plays"),
            "domains/a/plays/plays.odps.yaml:7: error: the document is not valid YAML: key \
             \"name\" is here twice (expected one YAML 1.2 document)",
        ),
        changed(
            "unknown version",
            PRODUCT_FILE,
            ("v1.1.0", "v2.0.0"),
            "domains/a/plays/plays.odps.yaml:1: error: apiVersion: ODPS version \"v2.0.0\" is not \
             supported (expected ODPS with kind: DataProduct and apiVersion one of v0.9.0, v1.0.0, \
             v1.1.0)",
        ),
        changed(
            "a version that YAML reads as a number",
            PRODUCT_FILE,
            ("\nversion: 1.2.0", "\nversion: 1.10"),
            "domains/a/plays/plays.odps.yaml:5: error: version: found the number 1.10 (expected \
             text: put it in quotes, \"1.10\")",
        ),
        changed(
            "unknown key",
            PRODUCT_FILE,
            ("    contractId", "    contractID"),
            "domains/a/plays/plays.odps.yaml:11: error: outputPorts[0].contractID: the output port \
             has no key \"contractID\" (did you mean \"contractId\"?)",
        ),
        changed(
            "no name",
            PRODUCT_FILE,
            ("name: plays\nversion", "version"),
            "domains/a/plays/plays.odps.yaml:1: error: key \"name\" is missing (SQL addresses the \
             product by its name)",
        ),
        changed(
            "a name that no address can hold",
            PRODUCT_FILE,
            ("name: plays", "name: plays@1"),
            "domains/a/plays/plays.odps.yaml:4: error: name: product name \"plays@1\" has a \"@\" \
             in it (expected small letters, digits and single underscores)",
        ),
        changed(
            "wrong domain",
            PRODUCT_FILE,
            ("domain: a", "domain: c"),
            "domains/a/plays/plays.odps.yaml:7: error: domain: domain \"c\" is not that of the \
             folder, \"a\" (write domain: a, or move the file)",
        ),
        changed(
            "a contract that is not there",
            PRODUCT_FILE,
            ("contractId: a.plays.1", "contractId: a.plays.9"),
            "domains/a/plays/plays.odps.yaml:11: error: outputPorts[0].contractId: there is no \
             contract \"a.plays.9\" in the mesh (expected the id of an *.odcs.yaml file)",
        ),
        changed(
            "a port without a contract",
            PRODUCT_FILE,
            ("    contractId: a.plays.1\n", ""),
            "domains/a/plays/plays.odps.yaml:9: error: outputPorts[0]: the port has no contract \
             (add contractId, the id of an ODCS document)",
        ),
        changed(
            "a version that is none",
            PRODUCT_FILE,
            ("    version: 1.2.0", "    version: one"),
            "domains/a/plays/plays.odps.yaml:10: error: outputPorts[0].version: found \"one\" \
             (expected major.minor.patch, for instance 1.0.0)",
        ),
        changed(
            "one version of a port twice",
            PRODUCT_FILE,
            (
                "outputPorts:\n",
                "outputPorts:\n  - {name: plays, version: 1.2.0, contractId: a.plays.1}\n",
            ),
            "domains/a/plays/plays.odps.yaml:10: error: outputPorts[1]: port \"plays\" has version \
             1.2.0 twice (give each version of a port one entry)",
        ),
    ]
}

fn broken_contracts() -> Vec<Broken> {
    vec![
        changed(
            "an unknown word",
            CONTRACT_FILE,
            ("logicalType: string", "logicalType: strin"),
            "domains/a/plays/plays.v1.odcs.yaml:16: error: \
             schema[0].properties[0].logicalType: found \"strin\" (expected one of string, date, \
             timestamp, time, number, integer, object, array, boolean, map, vector: did you mean \
             \"string\"?)",
        ),
        changed(
            "a server that lacks a key of its type",
            CONTRACT_FILE,
            ("    path: data/{model}.parquet\n", ""),
            "domains/a/plays/plays.v1.odcs.yaml:8: error: servers[0]: key \"path\" is missing (the \
             server needs it)",
        ),
        changed(
            "a key of a newer version",
            CONTRACT_FILE,
            ("v3.2.0", "v3.1.0\ncontext: x"),
            "domains/a/plays/plays.v1.odcs.yaml:2: error: context: key \"context\" is not known in \
             this apiVersion (it came with ODCS v3.2.0 and ODPS v1.1.0)",
        ),
        changed(
            "an old version",
            CONTRACT_FILE,
            ("v3.2.0", "v2.2.2"),
            "domains/a/plays/plays.v1.odcs.yaml:1: error: apiVersion: ODCS version \"v2.2.2\" is \
             not supported (expected ODCS with kind: DataContract and apiVersion one of v3.0.0, \
             v3.0.1, v3.0.2, v3.1.0, v3.2.0)",
        ),
        changed(
            "an end of life that is no date",
            CONTRACT_FILE,
            ("schema:", "slaProperties:\n  - {property: endOfLife, value: 2027}\nschema:"),
            "domains/a/plays/plays.v1.odcs.yaml:13: error: slaProperties[0].value: endOfLife is \
             not a date: found the number 2027 (expected a quoted date or instant, for instance \
             \"2027-03-31\" or \"2027-03-31T00:00:00Z\")",
        ),
        changed(
            "one column twice",
            CONTRACT_FILE,
            ("    properties:\n", "    properties:\n      - name: play_id\n"),
            "domains/a/plays/plays.v1.odcs.yaml:16: error: schema[0].properties[1].name: column \
             \"play_id\" is here twice (give each a name of its own)",
        ),
        changed(
            "a word for a broken promise that nobody knows",
            CONTRACT_FILE,
            (
                "domain: a\n",
                "domain: a\ncustomProperties:\n  - {property: onBreach, value: panic, vendor: samite}\n",
            ),
            "domains/a/plays/plays.v1.odcs.yaml:8: error: customProperties[0].value: onBreach: \
             found \"panic\" (expected one of warn, refuse)",
        ),
        changed(
            "a secret in a place of the wrong kind",
            CONTRACT_FILE,
            (
                "type: local\n    path: data/{model}.parquet\n    format: parquet\n",
                "type: sftp\n    location: https://u:secret@h/x?sig=1\n",
            ),
            "domains/a/plays/plays.v1.odcs.yaml:10: error: servers[0].location: found \
             \"https://h/x\" (expected text that begins with sftp://)",
        ),
        changed(
            "an extension that Samite does not have",
            CONTRACT_FILE,
            (
                "    format: parquet\n",
                "    format: parquet\n    customProperties:\n      - {property: partitionning, value: hive, vendor: samite}\n",
            ),
            "domains/a/plays/plays.v1.odcs.yaml:13: error: servers[0].customProperties[0]: Samite \
             has no extension \"partitionning\" (expected one of credentialRef, partitioning, \
             accessDelegation, serverPreference, snapshot, compatibility, onBreach, sqlDialect, \
             dataCategory, dataSubject, allowedPurposes)",
        ),
        changed(
            "wrong domain of the contract",
            CONTRACT_FILE,
            ("domain: a", "domain: c"),
            "domains/a/plays/plays.v1.odcs.yaml:6: error: domain: domain \"c\" is not that of the \
             folder, \"a\" (write domain: a, or move the file)",
        ),
    ]
}

#[tokio::test]
async fn port_of_a_broken_contract_says_where_to_look_and_other_ports_stay() {
    let files = Files::two_products();
    let second = "  - {name: plays, version: 2.0.0, contractId: a.plays.2}\n";
    files.write(PRODUCT_FILE, &format!("{PRODUCT}{second}"));
    let contract = CONTRACT.replace("a.plays.1", "a.plays.2").replace("1.2.0", "2.0.0");
    files.write(
        "domains/a/plays/plays.v2.odcs.yaml",
        &contract.replace("parquet\nschema", "\nschema"),
    );
    let mesh = files.mesh().await;
    assert_eq!(
        problems(&mesh),
        [
            "domains/a/plays/plays.odps.yaml:12: error: outputPorts[1].contractId: contract \
             \"a.plays.2\" is not served: see domains/a/plays/plays.v2.odcs.yaml (mend the contract)",
            "domains/a/plays/plays.v2.odcs.yaml:11: error: servers[0].format: found nothing \
             (expected text)",
        ]
    );
    assert_eq!(mesh.problems[1].product.as_deref(), Some("plays"));
    let ports = &mesh.product("a", "plays").expect("plays").ports;
    assert_eq!(ports.len(), 1);
    assert_eq!(ports[0].version.to_string(), "1.2.0");
}

#[tokio::test]
async fn what_two_documents_claim_nobody_gets() {
    let files = Files::two_products();
    files.write("domains/a/copy/copy.odps.yaml", PRODUCT);
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["b.other"]);
    assert_eq!(
        problems(&mesh),
        [
            "domains/a/copy/copy.odps.yaml:4: error: name: product \"a.plays\" is also in \
             domains/a/plays/plays.odps.yaml (give each product of a domain a name of its own)",
            "domains/a/plays/plays.odps.yaml:4: error: name: product \"a.plays\" is also in \
             domains/a/copy/copy.odps.yaml (give each product of a domain a name of its own)",
        ]
    );

    let files = Files::two_products();
    files.write("domains/a/copy/copy.odcs.yaml", CONTRACT);
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["b.other"]);
    assert_eq!(
        problems(&mesh),
        [
            "domains/a/copy/copy.odcs.yaml:3: error: id: contract id \"a.plays.1\" is also in \
             domains/a/plays/plays.v1.odcs.yaml (give each contract an id of its own)",
            "domains/a/plays/plays.odps.yaml:11: error: outputPorts[0].contractId: contract id \
             \"a.plays.1\" is in domains/a/copy/copy.odcs.yaml and \
             domains/a/plays/plays.v1.odcs.yaml (give each contract an id of its own)",
            "domains/a/plays/plays.v1.odcs.yaml:3: error: id: contract id \"a.plays.1\" is also in \
             domains/a/copy/copy.odcs.yaml (give each contract an id of its own)",
        ]
    );
}

#[tokio::test]
async fn odd_names_and_places_are_warned_about_and_served() {
    let files = Files::empty();
    let inside = |text: &str| text.replace("domain: a", "domain: Old Stock");
    files.write(
        "domains/Old Stock/plays.odps.yaml",
        &inside(PRODUCT).replace("name: plays\nv", "name: Plays\nv"),
    );
    files.write("domains/Old Stock/plays.odcs.yaml", &inside(CONTRACT));
    files.write("domains/Old Stock/.backup/plays.odps.yaml", PRODUCT);
    files.write("domains/Old Stock/plays.odps.yml", PRODUCT);
    files.write("plays.odcs.yaml", CONTRACT);
    files.write("domains/readme.md", "not a document");
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["Old Stock.Plays"]);
    let hint = "(expected small letters, digits and single underscores)";
    assert_eq!(
        problems(&mesh),
        [
            format!("domains/Old Stock: warning: domain name \"Old Stock\" must be quoted in SQL {hint}"),
            format!("domains/Old Stock/plays.odps.yaml:4: warning: name: product name \"Plays\" must be quoted in SQL {hint}"),
            "domains/Old Stock/plays.odps.yml: warning: the document is not read (name it *.odps.yaml or *.odcs.yaml)".to_owned(),
            "plays.odcs.yaml: warning: the document is not read (move it below domains/<domain>/)".to_owned(),
        ]
    );
    let contract = &mesh.product("Old Stock", "Plays").expect("Plays").ports[0].contract;
    let location = contract.servers[0].location.clone().unwrap_or_default();
    let root = format!("file://{}", files.folder.path().display());
    assert_eq!(location, format!("{root}/domains/Old Stock/data/{{model}}.parquet"));
}

#[tokio::test]
async fn servers_that_cannot_be_read_say_why() {
    for (server, why) in [
        (
            "type: s3, location: \"s3://b/{model}\", format: csv",
            "format \"csv\" is not supported yet: expected one of parquet, delta, iceberg",
        ),
        (
            "type: s3, location: \"s3://b/{model}\"",
            "the server has no format: expected one of parquet, delta, iceberg",
        ),
        (
            "type: s3, location: /tmp/x, format: delta",
            "location \"/tmp/x\" does not begin with one of s3://, s3a://",
        ),
        (
            "type: custom, location: \"ftp://x\", format: delta",
            "location \"ftp://x\" does not begin with one of gs://, https://, http://",
        ),
        (
            "type: s3, location: \"https://key:secret@minio/bucket\", format: delta",
            "location \"https://minio/bucket\" does not begin with one of s3://, s3a://",
        ),
        (
            "type: custom, location: \"sftp://u:secret@h/x?sig=abc\", format: delta",
            "location \"sftp://h/x\" does not begin with one of gs://, https://, http://",
        ),
        (
            "type: local, path: \"https://u:secret@h/x\", format: delta",
            "path \"https://h/x\" of a local server is no path of a file",
        ),
        (
            "type: custom, format: flight-sql",
            "format \"flight-sql\" is not supported yet: expected one of parquet, delta, iceberg, sql-view",
        ),
        ("type: custom, format: delta", "custom server \"dev\" has no location"),
        (
            "type: postgres, host: h, port: 1, database: d, schema: s",
            "server type \"postgres\" is not supported yet",
        ),
        (
            "type: s3, location: \"s3://${BUCKET}/x\", format: delta",
            "variable \"BUCKET\" of location is not set",
        ),
        (
            "type: s3, location: \"s3://${SECRET}/x\", format: delta",
            "variable \"SECRET\" of location is not set",
        ),
        ("type: local, path: \"\", format: delta", "path is empty"),
        (
            "type: local, path: \"s3://b/x\", format: delta",
            "path \"s3://b/x\" of a local server is no path of a file",
        ),
        (
            "type: local, path: x, format: delta, customProperties: [{property: snapshot, vendor: samite, value: {version: 1, ref: main}}]",
            "snapshot is not one of version, snapshotId, ref and timestamp",
        ),
    ] {
        let files = Files::two_products();
        let (before, after) = CONTRACT.split_once("  - server: dev").expect("a server");
        let (_, after) = after.split_once("schema:").expect("a schema");
        files.write(
            CONTRACT_FILE,
            &format!("{before}  - {{server: dev, {server}}}\nschema:{after}"),
        );
        let mesh = files.mesh().await;
        let found = problems(&mesh);
        let Some(product) = mesh.product("a", "plays") else { panic!("{server}: {found:?}") };
        let unreadable = product.ports[0].contract.servers[0].unreadable.as_deref();
        assert_eq!(unreadable, Some(why), "{server}");
    }
}

#[tokio::test]
async fn listed_variables_are_expanded() {
    let files = Files::two_products();
    files.write(CONTRACT_FILE, &CONTRACT.replace("data/", "${DATA}/${STAGE:-test}/"));
    let variables = [("DATA".to_owned(), "/srv/data".to_owned())].into();
    let options = MeshFolderOptions { variables, ..by_hand() };
    let mesh = files.try_open(options).await.expect("a mesh").current();
    let contract = &mesh.product("a", "plays").expect("plays").ports[0].contract;
    let location = contract.servers[0].location.as_deref();
    assert_eq!(location, Some("file:///srv/data/test/{model}.parquet"));
}

#[tokio::test]
async fn contract_without_status_has_that_of_the_product() {
    let files = Files::two_products();
    files.write(CONTRACT_FILE, &CONTRACT.replace("status: active\n", ""));
    files.write(PRODUCT_FILE, &PRODUCT.replace("status: active", "status: deprecated"));
    let mesh = files.mesh().await;
    assert_eq!(problems(&mesh), Vec::<String>::new());
    let port = &mesh.product("a", "plays").expect("plays").ports[0];
    assert_eq!(port.contract.status, Status::Deprecated);

    files.write(PRODUCT_FILE, &PRODUCT.replace("status: active\n", ""));
    let mesh = files.mesh().await;
    assert_eq!(
        problems(&mesh),
        [
            "domains/a/plays/plays.odps.yaml:10: warning: outputPorts[0].contractId: neither contract \
          \"a.plays.1\" nor the product has a status (it counts as active; write status: active)"
        ]
    );
    let port = &mesh.product("a", "plays").expect("plays").ports[0];
    assert_eq!(port.contract.status, Status::Active);
}

#[tokio::test]
async fn what_is_no_mesh_is_refused_with_what_is_expected() {
    let files = Files::empty();
    let root = format!("file://{}", files.folder.path().display());
    let hint = "(hint: expected MESH/domains/<domain>/<product>/<product>.odps.yaml)";
    let error = files.try_open(by_hand()).await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    assert_eq!(error.to_line(), format!("there is no mesh at \"{root}\" {hint}"));

    files.write("products/plays.odps.yaml", PRODUCT);
    let error = files.try_open(by_hand()).await.expect_err("no domains");
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    assert_eq!(error.to_line(), format!("the mesh at \"{root}\" has no folder \"domains\" {hint}"));
}

#[tokio::test]
async fn definitions_are_read_again_when_they_change() {
    const FILE: &str = "mesh/semantics/music.osds.yaml";
    let definitions = |kind: &str| {
        format!(
            "apiVersion: v1.0.0\nkind: SemanticDefinition\nid: x\ndefinitions:\n  \
             - {{id: play-id, logicalType: {kind}}}\n"
        )
    };
    let files = Files::two_products();
    let bound = "        authoritativeDefinitions:\n          - {type: semanticDefinition, \
                 url: ../../../mesh/semantics/music.osds.yaml#/definitions/play-id}\n";
    files.write(CONTRACT_FILE, &format!("{CONTRACT}{bound}"));
    let folder = files.open().await;
    let told = |folder: &MeshFolder| problems(&folder.current()).join("; ");
    assert!(told(&folder).contains("there is no definition"), "{}", told(&folder));
    files.write(FILE, &definitions("string"));
    assert!(folder.refresh().await.expect("a look"));
    assert_eq!(told(&folder), "");
    files.write(FILE, &definitions("integer"));
    assert!(folder.refresh().await.expect("a look"));
    assert!(told(&folder).contains("the type is string, that of its definition is integer"));
    files.write(FILE, "kind: nothing\n");
    assert!(folder.refresh().await.expect("a look"));
    assert!(told(&folder).contains("music.osds.yaml:1: error: apiVersion"), "{}", told(&folder));
    files.remove(FILE);
    assert!(folder.refresh().await.expect("a look"));
    assert!(!told(&folder).contains("music.osds.yaml:1"), "{}", told(&folder));
}

/// A policy that permits everything.
const ALL: &str =
    "@id(\"global/all\") @mask(\"replace-with-null\") permit (principal, action, resource);";

#[tokio::test]
async fn policy_in_a_wrong_place_is_a_problem_and_closes_what_it_may_be_about() {
    for (policy, closed) in [
        ("x.cedar", "the mesh"),
        ("policies/x.cedar", "the mesh"),
        ("mesh/policies/deeper/x.cedar", "the mesh"),
        ("domains/x.cedar", "the mesh"),
        ("domains/a/.b/x.CEDAR", "domain \"a\""),
        ("domains/a/plays/policies/x.cedar", "domain \"a\""),
    ] {
        let files = Files::two_products();
        files.write("mesh/policies/all.cedar", ALL);
        files.write(policy, ALL);
        let folder = files.open().await;
        assert!(!folder.is_open(), "{policy}");
        assert_eq!(
            problems(&folder.current()),
            [format!(
                "{policy}: error: policies in this place are not read; nobody may read {closed} (move \
                 the file to mesh/policies/ or domains/<domain>/policies/)"
            )]
        );
        assert_eq!(may_read(&folder, "b").await, closed != "the mesh", "{policy}");
        assert!(!may_read(&folder, "a").await, "{policy}");
    }
}

/// True if somebody may read the product of a domain.
async fn may_read(folder: &MeshFolder, domain: &str) -> bool {
    let mesh = folder.current();
    let product = mesh.domains[domain].products.values().next().expect("a product");
    let port = &product.ports[0];
    let request = AccessRequest {
        principal: &Principal::user("ada"),
        purpose: None,
        now: "2026-11-21T00:00:00Z".parse().expect("a time"),
        channel: "embedded",
        product,
        port,
        table: &port.contract.tables[0],
    };
    assert_eq!(
        folder.allows(Action::Select, &request),
        folder.decide(&request, &[]).await.expect("a decision") != Decision::Deny
    );
    folder.allows(Action::Select, &request)
}

#[tokio::test]
async fn policies_that_change_while_the_mesh_is_served_decide_from_then_on() {
    let files = Files::two_products();
    let folder = files.open().await;
    assert!(folder.is_open() && may_read(&folder, "a").await);
    let shut = "@id(\"global/shut\") forbid (principal, action, resource in Mesh::Domain::\"a\");";
    for (text, may_a, may_b, count) in [
        (ALL.to_owned(), true, true, 0),
        (format!("{ALL}\n{shut}"), false, true, 0),
        ("permit".to_owned(), false, true, 2),
        (ALL.to_owned(), true, true, 0),
    ] {
        files.write("mesh/policies/global.cedar", &text);
        assert!(folder.refresh().await.expect("a change"), "{text}");
        assert_eq!((may_read(&folder, "a").await, may_read(&folder, "b").await), (may_a, may_b));
        assert_eq!(folder.current().problems.len(), count, "{text}");
        assert!(!folder.refresh().await.expect("nothing new"), "{text}");
    }
    files.remove("mesh/policies/global.cedar");
    assert!(folder.refresh().await.expect("open again"));
    assert!(folder.is_open());
}

#[tokio::test]
async fn folder_that_cannot_be_listed_hides_only_itself() {
    let files = Files::two_products();
    let domain = files.folder.path().join("domains/a");
    std::os::unix::fs::symlink(&domain, domain.join("plays/circle")).expect("linked");
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["a.plays", "b.other"]);
    assert_eq!(
        problems(&mesh),
        ["domains/a/plays/circle: error: the folder cannot be listed (check that it may be read \
             and that it is no link out of the mesh or in a circle)"]
    );
}

#[tokio::test]
async fn changes_are_swapped_in_and_a_running_query_keeps_its_picture() {
    let files = Files::two_products();
    let folder = files.open().await;
    let before = folder.mesh().await.expect("a mesh");
    assert!(!folder.refresh().await.expect("nothing new"));

    files.write(CONTRACT_FILE, "kind: [");
    assert!(folder.refresh().await.expect("a change"));
    let broken = folder.mesh().await.expect("a mesh");
    assert_eq!(products(&broken), ["b.other"]);
    assert_eq!(broken.problems.len(), 2, "{:?}", problems(&broken));
    assert_eq!(products(&before), ["a.plays", "b.other"]);

    files.write(CONTRACT_FILE, CONTRACT);
    assert!(folder.refresh().await.expect("mended"));
    assert_eq!(*folder.current(), *before);

    files.remove(PRODUCT_FILE);
    assert!(folder.refresh().await.expect("gone"));
    assert_eq!(products(&folder.current()), ["b.other"]);
    assert_eq!(folder.current().problems, []);

    let third =
        PRODUCT.replace("domain: a", "domain: c").replace("    contractId: a.plays.1\n", "");
    files.write("domains/c/c.odps.yaml", &third.replace("outputPorts", "inputPorts"));
    assert!(folder.refresh().await.expect("new"));
    assert_eq!(products(&folder.current()), ["b.other", "c.plays"]);
}

#[tokio::test]
async fn mesh_that_goes_away_leaves_the_last_picture() {
    let files = Files::two_products();
    let folder = files.open().await;
    let before = folder.current();
    std::fs::rename(files.folder.path().join("domains"), files.folder.path().join("away"))
        .expect("renamed");
    assert!(folder.refresh().await.is_err());
    assert_eq!(*folder.mesh().await.expect("the last picture"), *before);
    std::fs::rename(files.folder.path().join("away"), files.folder.path().join("domains"))
        .expect("renamed back");
    folder.refresh().await.expect("back");
    assert_eq!(*folder.current(), *before);
}

#[tokio::test]
async fn mesh_is_looked_at_without_being_asked() {
    let files = Files::two_products();
    let options = MeshFolderOptions { refresh: Duration::from_millis(20), ..by_hand() };
    let folder = files.try_open(options).await.expect("a mesh");
    files.remove(PRODUCT_FILE);
    let looks = async {
        while folder.current().product("a", "plays").is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looks).await.expect("the mesh was looked at");
}
