//! Delta tables of other writers, read as their writers read them; broken ones, refused by name.

use std::path::Path;

use samite_connectors::delta::{DeltaConfig, DeltaConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use crate::formats::{
    answers, assert_same, assert_same_filtered, cases, cells, parquet, query, request, rows,
    scanned, stores, written,
};

fn connector(stores: &Stores) -> DeltaConnector {
    DeltaConnector::new(stores.clone(), DeltaConfig::default())
}

pub(crate) fn location(table: &Path) -> String {
    format!("file://{}", table.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_reads_as_its_writer_reads_it() {
    every_version_reads_as_answered("delta_tables.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_feature_reads_as_the_protocol_says() {
    every_version_reads_as_answered("delta_features.py").await;
}

async fn every_version_reads_as_answered(script: &str) {
    let Some(folder) = written(script, &[]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let mut failures = Vec::new();
    for case in cases(folder.path()) {
        let answers = answers(&case);
        assert!(!answers.is_empty(), "{}", case.display());
        let newest = answers.iter().filter_map(|(name, _)| name[1..].parse::<i64>().ok()).max();
        for (name, answer) in answers {
            let version: i64 = name[1..].parse().expect("a version");
            let mut moments = vec![Moment::Version(version)];
            if newest == Some(version) {
                moments.push(Moment::Latest);
            }
            for moment in moments {
                let what = format!("{} at {moment:?}", case.file_name().unwrap().display());
                let request = request("delta", &location(&case.join("table")), moment);
                match rows(&connector, &stores, request).await {
                    Ok(ours) => assert_same(&ours, &parquet(&answer), &what),
                    Err(error) => failures.push(format!("{what}: {error:?}")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_give_what_they_give_in_memory_and_skip_files() {
    let cases = ["types", "partitions", "commits", "column_mapping", "deletion_vectors"];
    let features = ["type_widening", "partition_values", "deep_mapping"];
    let Some(folder) = written("delta_tables.py", &cases) else { return };
    let Some(more) = written("delta_features.py", &features) else { return };
    let stores = stores(&[folder.path(), more.path()]);
    let connector = connector(&stores);
    let open = |case: &Path| {
        connector.open(request("delta", &location(&case.join("table")), Moment::Latest))
    };
    for case in self::cases(folder.path()).into_iter().chain(self::cases(more.path())) {
        let what = case.file_name().unwrap().display().to_string();
        let pinned = open(&case).await.expect(&what);
        let (_, answer) = answers(&case).into_iter().max_by_key(|(_, path)| path.clone()).unwrap();
        assert_same_filtered(&stores, &pinned, &parquet(&answer), &what).await;
    }

    for (case, filter, rows, files_read_max) in [
        ("commits", "part = 'green' AND id > 90", 29, 1),
        ("partitions", "text = '100%'", 2, 2),
        ("partitions", "text IS NULL AND number = 2", 1, 1),
        ("deletion_vectors", "id BETWEEN 5000 AND 5010", 7, 1),
        ("mapped_by_name", "b > 5", 0, 0),
        ("mapped_by_name", "part = 'other'", 0, 0),
        ("types", "long = 9223372036854775807", 2, 2),
        ("widened", "int_long > 4000000000", 1, 1),
        ("widened", "date_local < '2000-01-01T00:00:00'", 1, 1),
        ("widened_partitions", "n > 7", 1, 1),
        ("widened_partitions", "d < '2024-02-29T00:00:00.000001'", 1, 1),
        ("widened_partitions", "i = -7", 1, 1),
        ("partition_values", "price < 0", 1, 1),
        ("partition_values", "instant < '1970-01-01T00:00:00Z'", 1, 1),
    ] {
        let folder = if folder.path().join(case).exists() { &folder } else { &more };
        let pinned = open(&folder.path().join(case)).await.expect(case);
        let sql = format!("SELECT * FROM t WHERE {filter}");
        let (report, batches) = scanned(&connector, &stores, &pinned, &sql).await;
        let found: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!((report.files_total, found), (pinned.files, rows), "{case}: {filter}");
        assert!(report.files_read <= files_read_max, "{case}: {filter}: {report:?}");
    }
}

// ---- refusals, with logs written by hand

const FIELDS: &str = r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"part\",\"type\":\"integer\",\"nullable\":true,\"metadata\":{}}]}"#;

/// A table by hand: each commit is some lines of JSON.
pub(crate) struct Log(tempfile::TempDir);

impl Log {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("table/_delta_log")).expect("a folder");
        Self(folder)
    }

    pub(crate) fn commit(self, version: u64, lines: &[&str]) -> Self {
        self.file(&format!("{version:020}.json"), lines.join("\n").as_bytes())
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.table().join("_delta_log").join(name), bytes).expect("a file");
        self
    }

    pub(crate) fn table(&self) -> std::path::PathBuf {
        self.0.path().join("table")
    }

    async fn refusal(&self, moment: Moment) -> Error {
        let stores = stores(&[&self.table()]);
        let request = request("delta", &location(&self.table()), moment);
        rows(&connector(&stores), &stores, request).await.expect_err("it is refused")
    }
}

pub(crate) fn protocol(reader: i32, features: &str) -> String {
    let features = match reader {
        3 => format!(r#","readerFeatures":[{features}],"writerFeatures":[{features}]"#),
        _ => String::new(),
    };
    let writer = if reader == 3 { 7 } else { 2 };
    format!(
        r#"{{"protocol":{{"minReaderVersion":{reader},"minWriterVersion":{writer}{features}}}}}"#
    )
}

pub(crate) fn metadata(partitions: &str) -> String {
    format!(
        r#"{{"metaData":{{"id":"00000000-0000-0000-0000-000000000000","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{FIELDS}","partitionColumns":[{partitions}],"configuration":{{}},"createdTime":0}}}}"#
    )
}

pub(crate) fn add(path: &str, more: &str) -> String {
    format!(
        r#"{{"add":{{"path":"{path}","partitionValues":{{}},"size":10,"modificationTime":0,"dataChange":true{more}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_log_is_refused_by_name() {
    let (plain, table) = (protocol(1, ""), metadata(""));
    let first = [plain.as_str(), table.as_str()];
    let one = add("one.parquet", "");
    let vector = r#","stats":"{\"numRecords\":1}","deletionVector":{"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":40,"cardinality":1}"#;
    let with_vector = add("one.parquet", vector);
    let vectors = protocol(3, "\"deletionVectors\"");
    let cases = [
        ("empty folder", Log::new(), ErrorKind::CorruptSource, "no _delta_log"),
        (
            "hole",
            Log::new().commit(0, &first).commit(1, &[&one]).commit(3, &[&one]),
            ErrorKind::CorruptSource,
            "version 2 is missing",
        ),
        (
            "no beginning",
            Log::new().commit(1, &first).commit(2, &[&one]),
            ErrorKind::CorruptSource,
            "version 0 is missing",
        ),
        (
            "part of a checkpoint",
            Log::new()
                .file("00000000000000000004.checkpoint.0000000001.0000000002.parquet", b"PAR1")
                .commit(4, &[&one])
                .commit(5, &[&one]),
            ErrorKind::CorruptSource,
            "version 0 is missing",
        ),
        ("no JSON", Log::new().commit(0, &["{\"protocol\":"]), ErrorKind::CorruptSource, ""),
        ("no protocol", Log::new().commit(0, &[&table]), ErrorKind::CorruptSource, ""),
        (
            "vector that is not there",
            Log::new().commit(0, &[&vectors, &table, &with_vector]),
            ErrorKind::CorruptSource,
            "deletion vector",
        ),
    ];
    for (what, log, kind, text) in cases {
        let error = log.refusal(Moment::Latest).await;
        assert_eq!(error.kind(), kind, "{what}: {error:?}");
        assert!(error.to_line().contains("domain.product.table"), "{what}: {}", error.to_line());
        assert!(error.to_line().contains(text), "{what}: {}", error.to_line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn feature_that_is_not_read_is_refused_by_name() {
    let table = metadata("");
    for feature in [
        "variantType",
        "variantType-preview",
        "variantShredding-preview",
        "fooBar",
        "catalogManaged",
        "geospatial",
    ] {
        let needs = protocol(3, &format!("\"{feature}\""));
        let log = Log::new().commit(0, &[&needs, &table]);
        let error = log.refusal(Moment::Latest).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{feature}: {error:?}");
        assert!(error.message().contains(feature), "{feature}: {}", error.to_line());
        assert!(error.message().contains("domain.product.table"), "{feature}: {}", error.to_line());
    }
    let log = Log::new().commit(0, &[&protocol(4, ""), &table]);
    let error = log.refusal(Moment::Latest).await;
    assert!(
        error.kind() == ErrorKind::Unsupported || error.kind() == ErrorKind::CorruptSource,
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn file_outside_of_the_allowed_locations_is_refused() {
    let (plain, table) = (protocol(1, ""), metadata(""));
    for path in ["file:///etc/passwd", "/etc/passwd", "../outside.parquet", "s3://bucket/x.parquet"]
    {
        let log = Log::new().commit(0, &[&plain, &table, &add(path, "")]);
        let error = log.refusal(Moment::Latest).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}: {error:?}");
        assert!(error.to_line().contains("[locations] allow"), "{path}: {}", error.to_line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_or_partition_value_that_is_not_there_is_refused() {
    let (plain, table, by_part) = (protocol(1, ""), metadata(""), metadata("\"part\""));
    let log = Log::new().commit(0, &[&plain, &table]);
    let error = log.refusal(Moment::Version(7)).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_line().contains("no version 7"), "{}", error.to_line());

    let local = by_part.replace("integer", "timestamp_ntz");
    let needs = protocol(3, "\"typeWidening\",\"timestampNtz\"");
    for (needs, metadata, value) in [(&plain, &by_part, "seven"), (&needs, &local, "2024-02-30")] {
        let wrong = add("one.parquet", "").replace("{}", &format!(r#"{{"part":"{value}"}}"#));
        let log = Log::new().commit(0, &[needs, metadata, &wrong]);
        let error = log.refusal(Moment::Latest).await;
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
        let line = error.to_line();
        assert!(line.contains(&format!("'{value}'")) && line.contains("domain.product"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_vector_of_a_file_that_is_not_read_is_not_fetched() {
    let Some(folder) = written("delta_tables.py", &["deletion_vectors"]) else { return };
    let table = folder.path().join("deletion_vectors/table");
    // The vector of the second file is gone.
    std::fs::remove_dir_all(table.join("ab")).expect("a folder");
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let asked = request("delta", &location(&table), Moment::Latest);
    let pinned = connector.open(asked).await.expect("a table");
    for (sql, expected) in [
        ("SELECT count(*) FROM t", Some("13328")),
        ("SELECT sum(1) FROM t", Some("13328")),
        ("SELECT count(id) FROM t WHERE id < 5000", Some("4996")),
        ("SELECT count(*) FROM t WHERE id BETWEEN 10000 AND 10020", Some("20")),
        ("SELECT count(*) FROM t WHERE id >= 15000", Some("0")),
        ("SELECT count(*) FROM t WHERE id BETWEEN 5000 AND 5010", None),
        ("SELECT sum(id) FROM t", None),
    ] {
        match (query(&stores, &pinned, sql).await, expected) {
            (Ok(rows), Some(expected)) => assert_eq!(cells(&rows), [[expected]], "{sql}"),
            (Err(error), None) => {
                assert_eq!(error.kind(), ErrorKind::CorruptSource, "{sql}: {error:?}");
                let line = error.to_line();
                assert!(
                    line.contains("deletion vector of table \"domain.product.table\""),
                    "{line}"
                );
            }
            (found, _) => panic!("{sql}: {found:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_query_sees_a_new_commit_and_a_table_made_anew() {
    let (plain, table) = (protocol(1, ""), metadata(""));
    let log = Log::new().commit(0, &[&plain, &table, &add("one.parquet", "")]);
    let stores = stores(&[&log.table()]);
    let connector = connector(&stores);
    let open = || connector.open(request("delta", &location(&log.table()), Moment::Latest));
    let first = open().await.expect("a table");
    assert_eq!((first.snapshot.0.as_str(), first.files), ("delta:0", 1));
    let again = open().await.expect("a table");
    assert!(std::sync::Arc::ptr_eq(&first.provider, &again.provider), "nothing was read again");

    let log_folder = log.table().join("_delta_log");
    std::fs::write(log_folder.join(format!("{:020}.json", 1)), add("two.parquet", ""))
        .expect("a commit");
    let next = open().await.expect("a table");
    assert_eq!((next.snapshot.0.as_str(), next.files), ("delta:1", 2));

    std::fs::remove_dir_all(&log_folder).expect("the table goes");
    std::fs::create_dir(&log_folder).expect("the table comes");
    for (version, lines) in
        [(0, vec![plain, table]), (1, vec![add("new.parquet", "")]), (2, vec![])]
    {
        let file = log_folder.join(format!("{version:020}.json"));
        std::fs::write(file, lines.join("\n")).expect("a commit");
    }
    let anew = open().await.expect("a table");
    assert_eq!((anew.snapshot.0.as_str(), anew.files), ("delta:2", 1));
}

// ---- the history of a table

fn at(ms: i64) -> Moment {
    Moment::Timestamp(chrono::DateTime::from_timestamp_millis(ms).expect("an instant"))
}

fn in_commit(ms: i64) -> String {
    format!(r#"{{"commitInfo":{{"inCommitTimestamp":{ms},"operation":"WRITE"}}}}"#)
}

/// Sets when the commit of a version was written.
fn written_at(table: &Path, version: u64, ms: u64) {
    let commit = table.join(format!("_delta_log/{version:020}.json"));
    let file = std::fs::File::options().write(true).open(commit).expect("a commit");
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    file.set_modified(at).expect("a time");
}

async fn snapshot_at(
    connector: &DeltaConnector,
    table: &Path,
    moment: Moment,
) -> Result<String, (ErrorKind, String)> {
    let pinned = connector.open(request("delta", &location(table), moment)).await;
    pinned.map(|pinned| pinned.snapshot.0).map_err(|error| (error.kind(), error.to_line()))
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_means_the_last_commit_whose_file_is_not_younger() {
    let (plain, table) = (protocol(1, ""), metadata(""));
    let log = Log::new()
        .commit(0, &[&plain, &table])
        .commit(1, &[&add("one.parquet", "")])
        .commit(2, &[&add("two.parquet", "")])
        .commit(3, &[&add("three.parquet", "")]);
    // The clock of a writer ran slow: version 2 counts as made one millisecond after version 1.
    for (version, ms) in [(0, 1_000), (1, 2_000), (2, 1_500), (3, 4_000)] {
        written_at(&log.table(), version, ms);
    }
    let stores = stores(&[&log.table()]);
    let connector = connector(&stores);
    for (ms, expected) in [
        (999, None),
        (1_000, Some(0)),
        (1_999, Some(0)),
        (2_000, Some(1)),
        (2_001, Some(2)),
        (3_999, Some(2)),
        (4_000, Some(3)),
        (9_000_000, Some(3)),
    ] {
        let found = snapshot_at(&connector, &log.table(), at(ms)).await;
        match (expected, found) {
            (Some(version), found) => assert_eq!(found, Ok(format!("delta:{version}")), "{ms}"),
            (None, Err((ErrorKind::NotFound, line))) => {
                assert!(line.contains("0, was committed at 1970-01-01T00:00:01.000Z"), "{line}");
            }
            (None, found) => panic!("{ms}: {found:?}"),
        }
    }
    // A commit that comes later is seen by the next question.
    std::fs::write(log.table().join(format!("_delta_log/{:020}.json", 4)), add("four.parquet", ""))
        .expect("a commit");
    written_at(&log.table(), 4, 5_000);
    let found = snapshot_at(&connector, &log.table(), at(9_000_000)).await;
    assert_eq!(found, Ok("delta:4".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_is_that_of_the_commit_where_commits_tell_it() {
    let needs = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}"#;
    let with = |properties: &str| {
        metadata("")
            .replace(r#""configuration":{}"#, &format!(r#""configuration":{{{properties}}}"#))
    };
    let always = with(r#""delta.enableInCommitTimestamps":"true""#);
    let since = with(
        r#""delta.enableInCommitTimestamps":"true","delta.inCommitTimestampEnablementVersion":"2","delta.inCommitTimestampEnablementTimestamp":"5000""#,
    );
    let plain = metadata("");
    // All files are written at one second, whatever the commits say.
    let from_start = Log::new()
        .commit(0, &[&in_commit(1_000), needs, &always])
        .commit(1, &[&in_commit(2_000), &add("one.parquet", "")])
        .commit(2, &[&in_commit(3_000), &add("two.parquet", "")])
        .commit(3, &[&in_commit(4_000), &add("three.parquet", "")]);
    let later = Log::new()
        .commit(0, &[&protocol(1, ""), &plain])
        .commit(1, &[&add("one.parquet", "")])
        .commit(2, &[&in_commit(5_000), needs, &since])
        .commit(3, &[&in_commit(6_000), &add("three.parquet", "")]);
    for version in 0..4 {
        written_at(&from_start.table(), version, 90_000);
    }
    // Before the enablement the files tell, as long as the instant is before it too.
    for (version, ms) in [(0, 1_000), (1, 2_000), (2, 70_000), (3, 70_000)] {
        written_at(&later.table(), version, ms);
    }
    type Instants = &'static [(i64, Option<u64>)];
    let cases: [(&Log, Instants); 2] = [
        (
            &from_start,
            &[
                (999, None),
                (1_000, Some(0)),
                (2_999, Some(1)),
                (3_000, Some(2)),
                (4_000, Some(3)),
                (100_000, Some(3)),
            ],
        ),
        (
            &later,
            &[
                (999, None),
                (1_000, Some(0)),
                (4_999, Some(1)),
                (5_000, Some(2)),
                (5_999, Some(2)),
                (6_000, Some(3)),
            ],
        ),
    ];
    for (log, instants) in cases {
        let stores = stores(&[&log.table()]);
        let connector = connector(&stores);
        for (ms, expected) in instants {
            let found = snapshot_at(&connector, &log.table(), at(*ms)).await;
            match (expected, found) {
                (Some(version), found) => {
                    assert_eq!(found, Ok(format!("delta:{version}")), "{ms}");
                }
                (None, found) => assert_eq!(found.map_err(|e| e.0), Err(ErrorKind::NotFound)),
            }
        }
        let newest = request("delta", &location(&log.table()), Moment::Latest);
        let committed = connector.open(newest).await.expect("a table").committed_at;
        let expected = instants.last().map(|(ms, _)| *ms.min(&6_000)).expect("a case");
        let expected =
            if expected == 6_000 && std::ptr::eq(log, &from_start) { 4_000 } else { expected };
        assert_eq!(committed.map(|at| at.timestamp_millis()), Some(expected));
    }
    // A commit that should tell and does not.
    let silent = Log::new()
        .commit(0, &[&in_commit(1_000), needs, &always])
        .commit(1, &[r#"{"commitInfo":{"operation":"WRITE"}}"#, &add("one.parquet", "")]);
    let error = silent.refusal(at(5_000)).await;
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
    assert!(error.to_line().contains("version 1 has no in-commit timestamp"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_whose_log_is_gone_is_refused_with_the_oldest_that_is_there() {
    let Some(folder) = written("delta_tables.py", &["checkpoints"]) else { return };
    let table = folder.path().join("checkpoints/table");
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let newest =
        connector.open(request("delta", &location(&table), Moment::Latest)).await.expect("a table");
    let newest: i64 = newest.snapshot.0.trim_start_matches("delta:").parse().expect("a version");
    for (version, part) in
        [(0, "still there is "), (newest - 3, "still there is "), (newest + 1, "newest")]
    {
        let found = snapshot_at(&connector, &table, Moment::Version(version)).await;
        let (kind, line) = found.expect_err("it is refused");
        assert_eq!(kind, ErrorKind::NotFound, "{version}: {line}");
        assert!(line.contains(part), "{version}: {line}");
        assert!(line.contains("domain.product.table"), "{version}: {line}");
    }
    let found = snapshot_at(&connector, &table, at(1_000)).await;
    assert_eq!(found.map_err(|refused| refused.0), Err(ErrorKind::NotFound));
}
