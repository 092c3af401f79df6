//! Delta tables that lie, break off, or change under a query: the right rows for the snapshot, or an error that says so.

use std::path::{Path, PathBuf};

use samite_connectors::delta::{DeltaConfig, DeltaConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use crate::delta::{Log, add, location, metadata, protocol};
use crate::formats::{assert_same, parquet, query, request, rows, stores, written};

fn connector(stores: &Stores) -> DeltaConnector {
    DeltaConnector::new(stores.clone(), DeltaConfig::default())
}

/// The files of a folder whose names hold `part`.
fn files(folder: &Path, part: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().contains(part))
        .collect();
    found.sort();
    found
}

fn cut(file: &Path) {
    let bytes = std::fs::read(file).expect("a file");
    std::fs::write(file, &bytes[..bytes.len() / 2]).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoint_that_lies_changes_no_row() {
    type Damage = fn(&Path);
    // What is done to the log, and what the error says; no error where the truth is still there.
    let cases: [(&str, &str, Damage, Option<&str>); 9] = [
        (
            "hint at a checkpoint that is not there",
            "checkpoint_whole",
            |log| {
                std::fs::write(log.join("_last_checkpoint"), r#"{"version":1,"size":1}"#).unwrap()
            },
            None,
        ),
        (
            "hint at a checkpoint that is too young",
            "checkpoint_whole",
            |log| {
                std::fs::write(log.join("_last_checkpoint"), r#"{"version":3,"size":1}"#).unwrap()
            },
            None,
        ),
        (
            "hint at a checkpoint that is too young, and the beginning of the log is gone",
            "checkpoint_whole",
            |log| {
                std::fs::write(log.join("_last_checkpoint"), r#"{"version":3,"size":1}"#).unwrap();
                std::fs::remove_file(&files(log, "checkpoint.p")[0]).unwrap();
            },
            Some("version 0 is missing"),
        ),
        (
            "hint that is no JSON",
            "checkpoint_whole",
            |log| std::fs::write(log.join("_last_checkpoint"), "{\"version\":").unwrap(),
            None,
        ),
        ("cut checkpoint", "checkpoint_whole", |log| cut(&files(log, "checkpoint.p")[0]), Some("")),
        (
            "missing part",
            "checkpoint_parts",
            |log| std::fs::remove_file(&files(log, "0002.0000000003.parquet")[0]).unwrap(),
            Some("version 0 is missing"),
        ),
        (
            "missing sidecar",
            "checkpoint_v2_json",
            |log| std::fs::remove_file(&files(&log.join("_sidecars"), "parquet")[0]).unwrap(),
            Some(""),
        ),
        (
            "cut sidecar",
            "checkpoint_v2_parquet",
            |log| cut(&files(&log.join("_sidecars"), "parquet")[0]),
            Some(""),
        ),
        (
            "checkpoint without protocol and schema",
            "checkpoint_v2_without_sidecars",
            |log| {
                let file = &files(log, "checkpoint")[0];
                let text = std::fs::read_to_string(file).unwrap();
                let kept: Vec<&str> = text
                    .lines()
                    .filter(|line| !line.contains("protocol") && !line.contains("metaData"))
                    .collect();
                std::fs::write(file, kept.join("\n")).unwrap();
            },
            Some(""),
        ),
    ];
    for (what, case, damage, refused) in cases {
        let Some(folder) = written("delta_features.py", &["checkpoint_forms"]) else { return };
        let case = folder.path().join(case);
        damage(&case.join("table/_delta_log"));
        let stores = stores(&[folder.path()]);
        let request = request("delta", &location(&case.join("table")), Moment::Latest);
        match (rows(&connector(&stores), &stores, request).await, refused) {
            (Ok(ours), None) => assert_same(&ours, &parquet(&case.join("v3.parquet")), what),
            (Err(error), Some(text)) => {
                assert_eq!(error.kind(), ErrorKind::CorruptSource, "{what}: {error:?}");
                assert!(error.to_line().contains(text), "{what}: {error:?}");
                assert!(error.to_line().contains("domain.product.table"), "{what}: {error:?}");
            }
            (Ok(ours), Some(_)) => panic!("{what}: {ours:?}"),
            (Err(error), None) => panic!("{what}: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hint_that_lies_changes_no_moment() {
    let Some(folder) = written("delta_tables.py", &["commits"]) else { return };
    let case = folder.path().join("commits");
    let hint = case.join("table/_delta_log/_last_checkpoint");
    let long_after = Moment::Timestamp(chrono::DateTime::from_timestamp(7_258_118_400, 0).unwrap());
    for text in [
        r#"{"version":2,"size":1}"#,
        r#"{"version":1000,"size":1,"parts":3}"#,
        r#"{"version":-1,"size":"x"}"#,
        "",
        "\u{0}\u{ff}",
    ] {
        std::fs::write(&hint, text).expect("a hint");
        let stores = stores(&[folder.path()]);
        // The table has versions 0 to 7, none of them in a checkpoint.
        for (moment, version) in [
            (Moment::Version(1), "v1"),
            (Moment::Version(2), "v2"),
            (Moment::Latest, "v7"),
            (long_after.clone(), "v7"),
        ] {
            let what = format!("{text} {moment:?}");
            let request = request("delta", &location(&case.join("table")), moment);
            let ours = rows(&connector(&stores), &stores, request).await.expect(&what);
            assert_same(&ours, &parquet(&case.join(format!("{version}.parquet"))), &what);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entry_of_a_file_that_cannot_be_one_is_refused() {
    let (plain, table) = (protocol(1, ""), metadata(""));
    let one = add("one.parquet", "");
    for (what, entry) in [
        ("no path", one.replace(r#""path":"one.parquet","#, "")),
        ("path that is no text", one.replace(r#""one.parquet""#, "7")),
        ("no size", one.replace(r#""size":10,"#, "")),
        ("size below 0", one.replace(r#""size":10"#, r#""size":-1"#)),
        ("size that is no number", one.replace(r#""size":10"#, r#""size":"x""#)),
        ("no partition values", one.replace(r#""partitionValues":{},"#, "")),
        ("empty path", one.replace("one.parquet", "")),
    ] {
        let log = Log::new().commit(0, &[&plain, &table]).commit(1, &[&entry]);
        let stores = stores(&[&log.table()]);
        let request = request("delta", &location(&log.table()), Moment::Latest);
        let opened = rows(&connector(&stores), &stores, request).await;
        let error: Error = opened.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{what}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_table_keeps_its_rows_or_says_what_is_gone() {
    let Some(folder) = written("delta_tables.py", &["commits"]) else { return };
    let case = folder.path().join("commits");
    let table = case.join("table");
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let open = |moment| connector.open(request("delta", &location(&table), moment));
    let first = open(Moment::Version(2)).await.expect("a table");
    // What was committed since is not seen.
    let ours = query(&stores, &first, "SELECT * FROM t").await.expect("rows");
    assert_same(&ours, &parquet(&case.join("v2.parquet")), "version 2");

    // A file of the snapshot is cut, replaced and taken away under the table that was opened.
    let added = table.join(format!("_delta_log/{:020}.json", 0));
    let added = std::fs::read_to_string(added).expect("a commit");
    let is_added = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.ends_with(".parquet") && added.contains(&*name)
    };
    let file = walk(&table).into_iter().find(is_added).expect("a file of the first version");
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let whole = std::fs::read(&file).expect("a file");
    let newest = open(Moment::Version(2)).await.expect("a table");
    for (what, bytes, kinds) in [
        (
            "cut",
            Some(whole[..whole.len() / 2].to_vec()),
            [ErrorKind::CorruptSource, ErrorKind::SourceUnavailable],
        ),
        (
            "longer",
            Some([&whole[..], b"PAR1"].concat()),
            [ErrorKind::CorruptSource, ErrorKind::SourceUnavailable],
        ),
        ("gone", None, [ErrorKind::CorruptSource, ErrorKind::CorruptSource]),
    ] {
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes).expect("a file"),
            None => std::fs::remove_file(&file).expect("a file"),
        }
        let error = query(&stores, &newest, "SELECT sum(id), max(name) FROM t").await;
        let error = error.expect_err(what);
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
        assert!(error.to_line().contains(&name), "{what}: {error:?}");
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files(folder, "") {
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_vector_that_does_not_fit_its_file_is_an_error() {
    let Some(folder) = written("delta_tables.py", &["deletion_vectors"]) else { return };
    let table = folder.path().join("deletion_vectors/table");
    let commit = table.join("_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(&commit).expect("a commit");
    for (what, changed) in [
        // The log says that the file has fewer rows than the vector takes away.
        ("beyond the rows", text.replace(r#"\"numRecords\": 5000"#, r#"\"numRecords\": 100"#)),
        (
            "more rows than the file has",
            text.replace(r#"\"numRecords\": 5000"#, r#"\"numRecords\": 9000"#),
        ),
        ("another cardinality", text.replace(r#""cardinality": 4,"#, r#""cardinality": 5,"#)),
        ("another offset", text.replace(r#""offset": 2"#, r#""offset": 3"#)),
        ("another size", text.replace(r#""offset": 1"#, r#""sizeInBytes": 1, "offset": 1"#)),
    ] {
        assert_ne!(changed, text, "{what}");
        std::fs::write(&commit, changed).expect("a commit");
        let stores = stores(&[folder.path()]);
        let request = request("delta", &location(&table), Moment::Latest);
        let connector = connector(&stores);
        let read = async {
            let pinned = connector.open(request).await?;
            query(&stores, &pinned, "SELECT sum(id) FROM t").await
        };
        let error = read.await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{what}: {error:?}");
        let line = error.to_line();
        assert!(line.contains("domain.product.table") || line.contains("part-"), "{what}: {line}");
    }
}
