//! Our reading of ODPS and ODCS against the official JSON Schemas.
//!
//! Both must give one verdict on the official documents, on our own, and on random changes of them.

pub(crate) mod judge;
pub(crate) mod mutation;

use std::path::{Path, PathBuf};

use judge::{Judge, read_json, site_packages};
use mutation::Mutator;
use samite_catalog_bridge::documents::{Kind, check};
use samite_tests::{left_out, shared};
use serde_json::Value;

/// How many changed documents a run looks at.
const CHANGED: usize = 4_000;
const CHANGED_LONG: usize = 400_000;

fn suite() -> Option<PathBuf> {
    shared().map(|shared| shared.join("odcs-suite")).filter(|suite| suite.is_dir())
}

fn own_documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("documents")
}

/// Every document below a folder, by its path.
pub(crate) fn documents_below(folder: &Path) -> Vec<(PathBuf, Kind)> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(documents_below(&path));
        } else if name.ends_with(".odps.yaml") {
            found.push((path, Kind::Product));
        } else if name.ends_with(".odcs.yaml") {
            found.push((path, Kind::Contract));
        }
    }
    found
}

/// A document in the data model of JSON, as YAML 1.2 has it.
pub(crate) fn as_json(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).expect("YAML")
}

fn our_verdict(kind: Kind, text: &str) -> bool {
    check(kind, text.as_bytes()).is_empty()
}

/// Panics where the two verdicts differ.
pub(crate) fn compare(judge: &Judge, kind: Kind, document: &Value, what: &str) -> bool {
    let text = document.to_string();
    let ours = check(kind, text.as_bytes());
    let theirs = judge.accepts(kind, document);
    assert_eq!(
        ours.is_empty(),
        theirs,
        "{what}: the standard {} it for {:?}\nours: {:?}\n{text}",
        if theirs { "accepts" } else { "refuses" },
        judge.reasons(kind, document),
        ours.iter()
            .map(|finding| format!("{}: {}", finding.path, finding.message))
            .collect::<Vec<_>>(),
    );
    theirs
}

/// Our documents, those of the worked example, and the official ones.
pub(crate) fn seeds() -> Vec<(Kind, Value)> {
    let mut folders = vec![own_documents()];
    if let Some(shared) = shared() {
        folders.push(shared.join("examples/daff"));
        folders.push(shared.join("odcs-suite"));
    }
    folders
        .iter()
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| documents_below(folder))
        .map(|(file, kind)| (kind, as_json(&std::fs::read_to_string(file).expect("text"))))
        .collect()
}

#[test]
fn own_documents_show_every_part_and_are_accepted() {
    let judge = Judge::of_packages(&site_packages());
    for (file, kind) in documents_below(&own_documents()) {
        let text = std::fs::read_to_string(&file).expect("text");
        let findings = check(kind, text.as_bytes());
        assert!(findings.is_empty(), "{}: {findings:?}", file.display());
        let reasons = judge.reasons(kind, &as_json(&text));
        assert!(reasons.is_empty(), "{}: {reasons:?}", file.display());
    }
}

#[test]
fn official_documents_get_the_expected_verdicts() {
    let Some(suite) = suite() else {
        return left_out("documents: official documents", "there is no ../shared/odcs-suite");
    };
    let expected = std::fs::read_to_string(suite.join("expected.tsv")).expect("verdicts");
    let mut count = 0;
    for line in expected.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, _, version, older, newer] = columns.as_slice() else { panic!("{line}") };
        let text = std::fs::read_to_string(suite.join(file)).expect("text");
        let kind = if file.ends_with(".odps.yaml") { Kind::Product } else { Kind::Contract };
        let column = if ["v3.2.0", "v1.1.0"].contains(version) { newer } else { older };
        assert_eq!(our_verdict(kind, &text), *column == "valid", "{file}");
        count += 1;
    }
    assert!(count >= 58, "{count} verdicts");
}

#[test]
fn official_documents_get_the_verdict_of_the_schema_under_every_version() {
    let Some(suite) = suite() else {
        return left_out("documents: official schemas", "there is no ../shared/odcs-suite");
    };
    let judges = [Judge::of_suite(&suite), Judge::of_packages(&site_packages())];
    for (file, kind) in documents_below(&suite) {
        let mut document = as_json(&std::fs::read_to_string(&file).expect("text"));
        let versions: &[&str] = match kind {
            Kind::Product => &["v0.9.0", "v1.0.0", "v1.1.0", "v2.0.0"],
            Kind::Contract => {
                &["v2.2.2", "v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0", "v4.0.0"]
            }
        };
        for version in versions {
            document["apiVersion"] = Value::from(*version);
            for judge in &judges {
                compare(judge, kind, &document, &format!("{} as {version}", file.display()));
            }
        }
    }
}

#[test]
fn randomly_changed_documents_get_the_verdict_of_the_schema() {
    let site = site_packages();
    let judge = Judge::of_packages(&site);
    let schemas: Vec<Value> = ["datacontract/schemas/odcs-3.2.0", "dataproduct/schemas/odps-1.1.0"]
        .iter()
        .map(|schema| read_json(&site.join(format!("{schema}.schema.json"))))
        .collect();
    let seeds = seeds();
    let count = if samite_tests::takes_long() { CHANGED_LONG } else { CHANGED };
    let accepted: usize = std::thread::scope(|scope| {
        let run = |seed: u64| {
            let (judge, seeds, schemas) = (&judge, &seeds, &schemas);
            scope.spawn(move || {
                let mut mutator = Mutator::new(seed, seeds, schemas);
                (0..count / 2)
                    .filter(|turn| {
                        let (kind, document) = mutator.next();
                        compare(judge, kind, &document, &format!("seed {seed}, turn {turn}"))
                    })
                    .count()
            })
        };
        let runs = [run(1), run(2)];
        runs.into_iter().map(|run| run.join().expect("no difference")).sum()
    });
    // Changes that always break, or never, would compare nothing.
    assert!(accepted > count / 20 && accepted < count * 9 / 10, "{accepted} of {count} accepted");
}

/// The third package ships another text of ODCS v3.2.0. It differs in what ids may hold, in blobs,
/// and in two conditions that lack `required`, so that it refuses every column without a type.
#[test]
fn texts_of_odcs_3_2_0_differ_only_where_we_know() {
    let site = site_packages();
    let ours = read_json(&site.join("datacontract/schemas/odcs-3.2.0.schema.json"));
    let mut other = read_json(&site.join("open_data_contract_standard/schema.json"));
    for place in [
        "/$defs/StableId/pattern",
        "/$defs/FullyQualifiedReference/pattern",
        "/$defs/SchemaObject/properties/logicalType/enum",
    ] {
        let known = ours.pointer(place).expect(place).clone();
        let differs = other.pointer_mut(place).expect(place);
        assert_ne!(*differs, known, "{place}");
        *differs = known;
    }
    let conditions = "/$defs/SchemaBaseProperty/allOf";
    let known = ours.pointer(conditions).and_then(Value::as_array).expect(conditions).clone();
    let differ = other.pointer_mut(conditions).and_then(Value::as_array_mut).expect(conditions);
    assert_eq!(known.len(), differ.len());
    for logical_type in ["map", "vector"] {
        let of_type = |condition: &&mut Value| {
            condition.pointer("/if/properties/logicalType/const") == Some(&logical_type.into())
        };
        let condition = differ.iter_mut().find(of_type).expect(logical_type);
        condition["if"]["required"] = serde_json::json!(["logicalType"]);
        if logical_type == "vector" {
            condition["then"]["required"] = serde_json::json!(["logicalTypeOptions"]);
        }
    }
    assert_eq!(without_words(ours), without_words(other));
}

/// A schema without what is only for people.
fn without_words(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(without_words).collect(),
        Value::Object(map) => {
            let is_property_list = map.values().all(Value::is_object);
            let words =
                ["title", "description", "examples", "default", "deprecated", "$comment", "format"];
            map.into_iter()
                .filter(|(key, _)| is_property_list || !words.contains(&key.as_str()))
                .map(|(key, value)| (key, without_words(value)))
                .collect()
        }
        scalar => scalar,
    }
}
