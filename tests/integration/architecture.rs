//! Holds the code to the shape of DESIGN 3 and the limits of STYLE 4: arrows, files, seams, versions.
//!
//! Reads manifests and sources as text; runs none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("samite-engine", &[]),
    ("samite-connectors", &["samite-engine"]),
    ("samite-catalog-bridge", &["samite-engine"]),
    ("samite-flight-server", &["samite-engine"]),
    ("samite-pg-server", &["samite-engine", "samite-flight-server"]),
    (
        "samite",
        &[
            "samite-engine",
            "samite-connectors",
            "samite-catalog-bridge",
            "samite-flight-server",
            "samite-pg-server",
        ],
    ),
    (
        "samite-tests",
        &[
            "samite",
            "samite-engine",
            "samite-connectors",
            "samite-catalog-bridge",
            "samite-flight-server",
        ],
    ),
    (
        "samite-benches",
        &[
            "samite",
            "samite-engine",
            "samite-connectors",
            "samite-catalog-bridge",
            "samite-flight-server",
        ],
    ),
];

/// Which of our crates alone know a thing, beside the tests and benches: the library that stands for it, and who may name it.
const KNOWN_ONLY_TO: &[(&str, &[&str])] = &[
    // YAML.
    ("serde-saphyr", &["samite-catalog-bridge"]),
    // The policy language.
    ("cedar-policy", &["samite-catalog-bridge"]),
    // Table formats; `samite` writes the demo's tables with them.
    ("deltalake-core", &["samite-connectors", "samite"]),
    ("iceberg", &["samite-connectors", "samite"]),
    // Flight SQL and gRPC; `samite` is also a client (`samite sql --connect`).
    ("arrow-flight", &["samite-flight-server", "samite"]),
    ("tonic", &["samite-flight-server", "samite"]),
    // The PostgreSQL protocol.
    ("pgwire", &["samite-pg-server"]),
    // The command line and configuration files.
    ("clap", &["samite"]),
    ("toml", &["samite"]),
];

const PRODUCTION_LINES_MAX: usize = 500;
const SEAM_METHODS_MAX: usize = 6;
const SEAMS: &[&str] = &["ProductCatalog", "Authorizer", "Connector", "EventSink"];

#[test]
fn crates_name_only_the_crates_that_the_design_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    for package in packages() {
        let name = package.name.as_str();
        let allowed =
            allowed.get(name).unwrap_or_else(|| panic!("{name} is not in the table of arrows"));
        for (dependency, _) in
            package.dependencies.iter().filter(|(name, _)| name.starts_with("samite"))
        {
            let itself = dependency == name;
            assert!(itself || allowed.contains(dependency.as_str()), "{name} names {dependency}");
        }
    }
}

#[test]
fn only_the_crate_that_knows_a_thing_names_its_library() {
    for package in packages() {
        if matches!(package.name.as_str(), "samite-tests" | "samite-benches") {
            continue;
        }
        for (dependency, kind) in &package.dependencies {
            let Some((_, owners)) = KNOWN_ONLY_TO.iter().find(|(library, _)| library == dependency)
            else {
                continue;
            };
            let for_tests = kind == "dev";
            assert!(
                for_tests || owners.contains(&package.name.as_str()),
                "{} names {dependency}, which only {owners:?} may know",
                package.name
            );
        }
    }
}

#[test]
fn product_model_knows_neither_datafusion_nor_serde() {
    for file in sources(&root().join("engine/src/product")) {
        for (number, line) in code_lines(&file) {
            for word in ["datafusion", "serde", "object_store", "tokio"] {
                assert!(!line.contains(word), "{}:{number} knows {word}", shown(&file));
            }
        }
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    for file in all_sources() {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        let says = first.strip_prefix("//!").is_some_and(|header| header.trim().len() > 3);
        assert!(says, "{} does not begin with a //! header", shown(&file));
        assert!(!first.contains("Placeholder"), "{} is a placeholder", shown(&file));
    }
}

#[test]
fn no_file_has_more_production_lines_than_the_limit() {
    for file in production_sources() {
        let lines = production(&read(&file)).lines().count();
        assert!(lines <= PRODUCTION_LINES_MAX, "{} has {lines} production lines", shown(&file));
    }
}

#[test]
fn production_code_holds_no_unfinished_marks() {
    for file in production_sources() {
        let text = read(&file);
        for (number, line) in production(&text).lines().enumerate() {
            for mark in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "not built"] {
                assert!(!line.contains(mark), "{}:{} says {mark}", shown(&file), number + 1);
            }
        }
    }
}

#[test]
fn no_test_is_ignored() {
    let mark = concat!("#[", "ignore");
    for file in all_sources() {
        let ignored = read(&file).lines().any(|line| line.trim_start().starts_with(mark));
        assert!(!ignored, "{} ignores a test", shown(&file));
    }
}

#[test]
fn seams_stay_small() {
    let mut found = BTreeSet::new();
    for file in sources(&root().join("engine/src")) {
        for (name, methods) in traits(&read(&file)) {
            assert!(
                methods <= SEAM_METHODS_MAX,
                "{name} in {} has {methods} methods",
                shown(&file)
            );
            found.insert(name);
        }
    }
    for seam in SEAMS {
        assert!(found.contains(*seam), "the seam {seam} is not found: {found:?}");
    }
}

#[test]
fn lock_file_holds_one_version_of_what_must_be_one() {
    let lock = read(&root().join("Cargo.lock"));
    for name in
        ["datafusion", "datafusion-common", "object_store", "arrow-flight", "deltalake-core"]
    {
        let line = format!("name = \"{name}\"");
        let versions = lock.lines().filter(|it| *it == line).count();
        assert_eq!(versions, 1, "versions of {name} in Cargo.lock");
    }
}

#[test]
fn build_needs_no_library_that_the_issue_forbids() {
    let lock = read(&root().join("Cargo.lock"));
    for name in ["openssl-sys", "native-tls", "aws-sdk-s3", "aws-config"] {
        let line = format!("name = \"{name}\"");
        assert!(!lock.lines().any(|it| it == line), "Cargo.lock holds {name}");
    }
}

/// `dfa-build` of regex-automata compiles a full automaton for each batch of a LIKE, whoever turns it
/// on; tracing-subscriber's `env-filter` does, by way of matchers.
#[test]
fn no_dependency_makes_every_regular_expression_dear() {
    let lock = read(&root().join("Cargo.lock"));
    assert!(!lock.lines().any(|it| it == "name = \"matchers\""), "Cargo.lock holds matchers");
}

#[test]
fn only_govern_makes_a_governed_query() {
    let folder = root().join("engine/src/govern");
    for file in production_sources() {
        if file.starts_with(&folder) {
            continue;
        }
        for (number, line) in code_lines(&file) {
            let makes = line.contains("GovernedQuery {") && !line.contains("impl");
            assert!(!makes, "{}:{number} makes a GovernedQuery", shown(&file));
        }
    }
    let proved = sources(&folder)
        .iter()
        .map(|file| read(file))
        .any(|text| text.contains("compile_fail") && text.contains("pub struct GovernedQuery"));
    assert!(proved, "GovernedQuery has no compile_fail example");
}

#[test]
fn every_queue_has_a_bound() {
    for file in production_sources() {
        for (number, line) in code_lines(&file) {
            for word in ["unbounded_channel", "mpsc::unbounded", "UnboundedReceiver"] {
                assert!(
                    !line.contains(word),
                    "{}:{number} has a queue without a bound",
                    shown(&file)
                );
            }
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = read(&package.manifest);
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

#[test]
fn the_test_program_and_the_benches_stay_out_of_the_product() {
    for package in packages() {
        if matches!(package.name.as_str(), "samite-tests" | "samite-benches") {
            continue;
        }
        for (dependency, kind) in &package.dependencies {
            let test_only =
                ["insta", "sqllogictest", "criterion", "jsonschema"].contains(&dependency.as_str());
            assert!(!test_only || kind == "dev", "{} ships {dependency}", package.name);
        }
    }
}

// ---- what the rules look at

struct Package {
    name: String,
    manifest: PathBuf,
    /// Name, and `dev`, `build` or `normal`.
    dependencies: Vec<(String, String)>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() >= ARROWS.len(), "{} packages", packages.len());
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dependencies = value["dependencies"].as_array().expect("dependencies");
    Package {
        name: text(&value["name"]),
        manifest: PathBuf::from(text(&value["manifest_path"])),
        dependencies: dependencies
            .iter()
            .map(|it| (text(&it["name"]), it["kind"].as_str().unwrap_or("normal").to_owned()))
            .collect(),
    }
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace").to_owned()
}

/// Every Rust file of the workspace.
fn all_sources() -> Vec<PathBuf> {
    let folders = [
        "engine",
        "connectors",
        "catalog-bridge",
        "flight-server",
        "cli",
        "tests",
        "benches",
        "examples",
    ];
    folders.iter().flat_map(|folder| sources(&root().join(folder))).collect()
}

/// Every Rust file that is part of the product.
fn production_sources() -> Vec<PathBuf> {
    let folders = ["engine", "connectors", "catalog-bridge", "flight-server", "cli"];
    folders.iter().flat_map(|folder| sources(&root().join(folder).join("src"))).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", shown(file)))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// The part before the tests of the file.
fn production(text: &str) -> &str {
    text.split("\n#[cfg(test)]\n").next().unwrap_or(text)
}

/// The lines of a file's production part that are code, each with its number.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = read(file);
    let lines = production(&text).lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line.to_owned()))
        .collect()
}

/// The public traits of a file, each with the number of its methods.
fn traits(text: &str) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub trait ") {
            let name = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            found.push((name.to_owned(), 0));
            open = !line.ends_with("{}");
        } else if line == "}" {
            open = false;
        } else if open && (line.starts_with("    fn ") || line.starts_with("    async fn ")) {
            found.last_mut().expect("a trait is open").1 += 1;
        }
    }
    found
}
