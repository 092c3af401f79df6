//! Holds the lists of fuzz targets to the targets that there are. Builds none of them: `fuzz/run` does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn read(file: &str) -> String {
    let file = folder().join(file);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The targets, by their files.
fn targets() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder().join("targets")).expect("fuzz/targets");
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries.filter_map(|entry| stem(entry.expect("a file").path())).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_list_of_fuzz_targets_has_them_all() {
    let targets = targets();
    let manifest = read("Cargo.toml");
    let built = manifest.lines().filter_map(|line| line.strip_prefix("path = \"targets/"));
    let built: BTreeSet<String> =
        built.map(|rest| rest.trim_end_matches(".rs\"").to_owned()).collect();
    assert_eq!(built, targets, "fuzz/Cargo.toml");
    let run = read("run");
    let line = run.lines().find_map(|line| line.split_once("all_targets=\"")).expect("all_targets");
    assert_eq!(words(line.1.trim_end_matches('"')), targets, "fuzz/run");
    let told = read("README.md");
    let told = told.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    assert_eq!(told.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>(), targets, "README");
    let instrumented = read("instrument");
    for target in &targets {
        assert!(instrumented.contains(&format!("1-{target} ")), "fuzz/instrument lacks {target}");
    }
}

#[test]
fn fuzz_targets_are_built_from_the_versions_that_are_shipped() {
    let shipped = std::fs::read_to_string(folder().join("../Cargo.lock")).expect("Cargo.lock");
    let fuzzed = read("Cargo.lock");
    for name in ["arrow-flight", "arrow-ipc", "datafusion", "jsonwebtoken", "prost", "sqlparser"] {
        let versions = |lock: &str| -> BTreeSet<String> {
            let line = format!("name = \"{name}\"");
            let mut lines = lock.lines();
            let mut found = BTreeSet::new();
            while lines.any(|it| it == line) {
                found.extend(lines.next().map(str::to_owned));
            }
            found
        };
        let (fuzzed, shipped) = (versions(&fuzzed), versions(&shipped));
        assert!(!fuzzed.is_empty() && fuzzed.is_subset(&shipped), "{name}: {fuzzed:?} {shipped:?}");
    }
}
