//! Delta tables of other writers, read as their writers read them; broken ones, refused by name.

use std::path::Path;

use samite_connectors::delta::{DeltaConfig, DeltaConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use crate::formats::{
    answers, assert_same, assert_same_filtered, cases, parquet, request, rows, scanned, stores,
    written,
};

fn connector(stores: &Stores) -> DeltaConnector {
    DeltaConnector::new(stores.clone(), DeltaConfig::default())
}

fn location(table: &Path) -> String {
    format!("file://{}", table.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_reads_as_its_writer_reads_it() {
    let Some(folder) = written("delta_tables.py", &[]) else { return };
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
    let Some(folder) = written("delta_tables.py", &cases) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let open = |case: &Path| {
        connector.open(request("delta", &location(&case.join("table")), Moment::Latest))
    };
    for case in self::cases(folder.path()) {
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
    ] {
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
struct Log(tempfile::TempDir);

impl Log {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("table/_delta_log")).expect("a folder");
        Self(folder)
    }

    fn commit(self, version: u64, lines: &[&str]) -> Self {
        self.file(&format!("{version:020}.json"), lines.join("\n").as_bytes())
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.table().join("_delta_log").join(name), bytes).expect("a file");
        self
    }

    fn table(&self) -> std::path::PathBuf {
        self.0.path().join("table")
    }

    async fn refusal(&self, moment: Moment) -> Error {
        let stores = stores(&[&self.table()]);
        let request = request("delta", &location(&self.table()), moment);
        connector(&stores).open(request).await.expect_err("it is refused")
    }
}

fn protocol(reader: i32, features: &str) -> String {
    let features = match reader {
        3 => format!(r#","readerFeatures":[{features}],"writerFeatures":[{features}]"#),
        _ => String::new(),
    };
    let writer = if reader == 3 { 7 } else { 2 };
    format!(
        r#"{{"protocol":{{"minReaderVersion":{reader},"minWriterVersion":{writer}{features}}}}}"#
    )
}

fn metadata(partitions: &str) -> String {
    format!(
        r#"{{"metaData":{{"id":"00000000-0000-0000-0000-000000000000","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{FIELDS}","partitionColumns":[{partitions}],"configuration":{{}},"createdTime":0}}}}"#
    )
}

fn add(path: &str, more: &str) -> String {
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
    for feature in ["typeWidening", "variantType", "fooBar", "catalogManaged", "geospatial"] {
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

    let wrong = add("one.parquet", "").replace("{}", r#"{"part":"seven"}"#);
    let log = Log::new().commit(0, &[&plain, &by_part, &wrong]);
    let error = log.refusal(Moment::Latest).await;
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
    assert!(error.to_line().contains("'seven'"), "{}", error.to_line());
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
