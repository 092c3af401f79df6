//! Iceberg tables of other writers, read as their writers read them; broken ones, refused by name.

use std::path::Path;

use samite_connectors::iceberg::{IcebergConfig, IcebergConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use crate::formats::{
    answers, assert_same, assert_same_filtered, cases, parquet, query, request, rows, scanned,
    stores, written,
};

fn connector(stores: &Stores) -> IcebergConnector {
    IcebergConnector::new(stores.clone(), IcebergConfig::default())
}

fn location(case: &Path) -> String {
    std::fs::read_to_string(case.join("location")).expect("a location")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_reads_as_its_writer_reads_it() {
    let Some(folder) = written("iceberg_tables.py", &[]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let mut failures = Vec::new();
    for case in cases(folder.path()) {
        for (name, answer) in answers(&case) {
            let moment = match name.split_at(1) {
                ("s", id) => Moment::Version(id.parse().expect("a snapshot id")),
                ("r", reference) => Moment::Reference(reference.to_owned()),
                _ => Moment::Latest,
            };
            let what = format!("{} at {moment:?}", case.file_name().unwrap().display());
            let request = request("iceberg", &location(&case), moment);
            match rows(&connector, &stores, request).await {
                Ok(ours) => assert_same(&ours, &parquet(&answer), &what),
                Err(error) => failures.push(format!("{what}: {error:?}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_keys_and_vectors_take_their_rows_and_no_others() {
    let Some(folder) = written("iceberg_deletes.py", &[]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let open = |case: &Path| connector.open(request("iceberg", &location(case), Moment::Latest));
    let mut read = 0;
    for case in cases(folder.path()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if ["refused_", "vector_", "lie_"].iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let answer = parquet(&case.join("latest.parquet"));
        let asked = request("iceberg", &location(&case), Moment::Latest);
        let ours = rows(&connector, &stores, asked).await.expect(&name);
        assert_same(&ours, &answer, &name);
        let pinned = open(&case).await.expect(&name);
        assert_same_filtered(&stores, &pinned, &answer, &name).await;
        // A limit that is above the joins, and one that no deleted row may use up.
        let left: usize = answer.iter().map(|batch| batch.num_rows()).sum();
        for limit in [1, left, left + 1] {
            let sql = format!("SELECT * FROM t LIMIT {limit}");
            let found = query(&stores, &pinned, &sql).await.expect(&sql);
            let found: usize = found.iter().map(|batch| batch.num_rows()).sum();
            assert_eq!(found, limit.min(left), "{name}: {limit}");
        }
        read += 1;
    }
    assert!(read >= 8, "{read}");
    for (case, kind, text) in [
        ("refused_nested", ErrorKind::Unsupported, "equality deletes by a nested column"),
        ("refused_float", ErrorKind::Unsupported, "equality deletes by column \"d\""),
        ("refused_variant", ErrorKind::Unsupported, "has type variant"),
        ("refused_geometry", ErrorKind::Unsupported, "has type geometry(srid:4326)"),
        ("refused_unknown", ErrorKind::CorruptSource, "by a column that never was"),
        ("vector_checksum", ErrorKind::CorruptSource, "its checksum is wrong"),
        ("vector_cardinality", ErrorKind::CorruptSource, "another number of rows"),
        ("vector_outside", ErrorKind::CorruptSource, "outside of its file"),
        ("vector_negative", ErrorKind::CorruptSource, "outside of its file"),
        ("vector_no_offset", ErrorKind::CorruptSource, "outside of its file"),
        ("vector_no_file", ErrorKind::CorruptSource, "does not name a data file"),
        ("vector_twice", ErrorKind::CorruptSource, "a data file has two"),
    ] {
        let asked = request("iceberg", &location(&folder.path().join(case)), Moment::Latest);
        let error = rows(&connector, &stores, asked).await.expect_err(case);
        assert_eq!(error.kind(), kind, "{case}: {error:?}");
        let line = error.to_line();
        assert!(line.contains(text) && line.contains("domain.product.table"), "{case}: {line}");
    }
    let pinned = open(&folder.path().join("vector_beyond")).await.expect("it opens");
    let error = query(&stores, &pinned, "SELECT * FROM t").await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
    assert!(error.to_line().contains("beyond the end of file"), "{}", error.to_line());
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_give_what_they_give_in_memory_and_skip_files() {
    let cases = ["types", "partitions", "pruning", "commits", "evolution", "position_deletes"];
    let Some(folder) = written("iceberg_tables.py", &cases) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let open = |case: &Path| connector.open(request("iceberg", &location(case), Moment::Latest));
    for case in self::cases(folder.path()) {
        let what = case.file_name().unwrap().display().to_string();
        let answer = case.join("latest.parquet");
        if answer.exists() {
            let pinned = open(&case).await.expect(&what);
            assert_same_filtered(&stores, &pinned, &parquet(&answer), &what).await;
        }
    }

    for (case, filter, rows, files_read_max) in [
        ("partitions", "text = '100%'", 2, 2),
        ("partitions", "text IS NULL AND number = 2", 1, 1),
        ("transforms", "day = DATE '1969-12-30' AND \"row\" = 0", 1, 1),
        ("evolution", "a >= 500", 5, 1),
        ("evolution", "a < 0", 0, 0),
        ("evolution", "e = 't301'", 1, 4),
        ("pruning_bucket_number", "number = 2", 1, 1),
        ("pruning_bucket_number", "number IN (0, 2)", 2, 2),
        ("pruning_bucket_text", "text = 'btext1'", 1, 1),
        ("pruning_bucket_price", "price = -2.00", 1, 1),
        ("pruning_bucket_instant", "instant = TIMESTAMP '1970-03-28T02:00:00Z'", 1, 1),
        ("pruning_truncate_number", "number = 2", 1, 2),
        ("pruning_truncate_text", "text LIKE 'dte%'", 1, 2),
        ("pruning_truncate_price", "price > 1.5", 1, 2),
        ("pruning_year", "day >= DATE '1973-01-01'", 1, 2),
        ("pruning_month", "instant < TIMESTAMP '1969-01-01T00:00:00Z'", 1, 2),
        ("pruning_day", "instant = TIMESTAMP '1972-05-28T04:00:00Z'", 1, 2),
        ("pruning_hour", "instant = TIMESTAMP '1972-05-28T04:00:00Z'", 1, 2),
        ("types_v2", "long = 9223372036854775807", 2, 2),
        ("position_deletes", "part = 'blue'", 0, 0),
        ("commits", "id > 9000", 1, 1),
    ] {
        let pinned = open(&folder.path().join(case)).await.expect(case);
        let sql = format!("SELECT * FROM t WHERE {filter}");
        let (report, batches) = scanned(&connector, &stores, &pinned, &sql).await;
        let found: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!((report.files_total, found), (pinned.files, rows), "{case}: {filter}");
        assert!(report.files_read <= files_read_max, "{case}: {filter}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_table_is_refused_by_name() {
    let Some(folder) = written("iceberg_tables.py", &["hints", "position_deletes"]) else { return };
    let stores = stores(&[folder.path()]);
    let open = async |case: &str| {
        let request = request("iceberg", &location(&folder.path().join(case)), Moment::Latest);
        rows(&connector(&stores), &stores, request).await.expect_err("it is refused")
    };
    let metadata = |case: &str| {
        let case = location(&folder.path().join(case));
        Path::new(case.strip_prefix("file://").expect("a file")).join("metadata")
    };
    let each = |case: &str, ending: &str, change: &dyn Fn(&Path)| {
        let entries = std::fs::read_dir(metadata(case)).expect("a folder");
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.to_string_lossy().ends_with(ending) {
                change(&path);
            }
        }
    };
    let refused = |error: Error, kind: ErrorKind, text: &str| {
        assert_eq!(error.kind(), kind, "{text}: {error:?}");
        assert!(error.to_line().contains(text), "{text}: {}", error.to_line());
        assert!(error.to_line().contains("domain.product.table"), "{text}: {}", error.to_line());
    };

    let config = IcebergConfig { delete_rows_max: 2, ..IcebergConfig::default() };
    let few = IcebergConnector::new(stores.clone(), config);
    let location_of = location(&folder.path().join("position_deletes"));
    let asked = request("iceberg", &location_of, Moment::Latest);
    let error = rows(&few, &stores, asked).await.expect_err("it is refused");
    refused(error, ErrorKind::ResourcesExhausted, "too many position deletes");

    for hint in ["7", "00009-nothing", "", "../x", "v1.metadata.json/../x"] {
        std::fs::write(metadata("hint_stem").join("version-hint.text"), hint).expect("a hint");
        refused(open("hint_stem").await, ErrorKind::CorruptSource, "version-hint.text says");
    }
    std::fs::remove_file(metadata("hint_stem").join("version-hint.text")).expect("no hint");
    each("hint_stem", ".metadata.json", &|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(rest) = name.strip_prefix("00002-") {
            std::fs::copy(path, path.with_file_name(format!("00002-0{rest}"))).expect("a copy");
        }
    });
    refused(open("hint_stem").await, ErrorKind::CorruptSource, "two metadata files");
    each("hint_stem", ".metadata.json", &|path| std::fs::write(path, "{}").expect("a file"));
    each("hint_stem", ".metadata.json", &|path| {
        if path.to_string_lossy().contains("/00002-0") {
            std::fs::remove_file(path).expect("one less");
        }
    });
    refused(open("hint_stem").await, ErrorKind::CorruptSource, "the metadata of table");
    each("hint_stem", ".metadata.json", &|path| std::fs::remove_file(path).expect("none"));
    refused(open("hint_stem").await, ErrorKind::CorruptSource, "no metadata/*.metadata.json");

    let manifest = |path: &Path| !path.file_name().unwrap().to_string_lossy().starts_with("snap-");
    each("position_deletes", ".avro", &|path| {
        if manifest(path) {
            std::fs::remove_file(path).expect("one less");
        }
    });
    refused(open("position_deletes").await, ErrorKind::CorruptSource, "manifest \"");
    each("position_deletes", ".avro", &|path| std::fs::write(path, "no Avro").expect("a file"));
    refused(open("position_deletes").await, ErrorKind::CorruptSource, "manifest list");
    each("position_deletes", ".avro", &|path| std::fs::remove_file(path).expect("none"));
    refused(open("position_deletes").await, ErrorKind::CorruptSource, "manifest list");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_leads_outside_is_refused() {
    let Some(folder) = written("iceberg_tables.py", &["hints"]) else { return };
    // Only the metadata of the table may be read, and it names files in other folders.
    let root = location(&folder.path().join("hint_number"));
    let root = Path::new(root.strip_prefix("file://").expect("a file")).to_owned();
    let moved = folder.path().join("moved");
    std::fs::rename(root.join("metadata"), &moved).expect("moved");
    let table = tempfile::tempdir().expect("a folder");
    std::fs::rename(&moved, table.path().join("metadata")).expect("moved");
    let stores = stores(&[table.path()]);
    let request = request("iceberg", &format!("file://{}", table.path().display()), Moment::Latest);
    let error = connector(&stores).open(request).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.to_line().contains("[locations] allow"), "{}", error.to_line());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_does_not_fit_its_files_is_refused() {
    let Some(folder) = written("iceberg_deletes.py", &["lies", "encrypted"]) else { return };
    let stores = stores(&[folder.path()]);
    let refusal = async |case: &str| {
        let location = location(&folder.path().join(case));
        let opened = connector(&stores).open(request("iceberg", &location, Moment::Latest)).await;
        let rows = async |pinned| query(&stores, &pinned, "SELECT * FROM t").await;
        match opened {
            Ok(pinned) => rows(pinned).await.expect_err(case),
            Err(error) => error,
        }
    };
    for (case, kind, text) in [
        ("rows", ErrorKind::CorruptSource, "it has 10 rows, and its table says 11"),
        ("encrypted", ErrorKind::Unsupported, "encrypted files"),
        ("orc", ErrorKind::Unsupported, "files of format orc"),
        ("avro", ErrorKind::Unsupported, "files of format avro"),
        ("outside", ErrorKind::PermissionDenied, "[locations] allow"),
        ("bounds", ErrorKind::CorruptSource, "a manifest of table \"domain.product.table\""),
        ("cut_text", ErrorKind::CorruptSource, "a manifest of table \"domain.product.table\""),
        ("content", ErrorKind::CorruptSource, "has data files, or deletes"),
        ("keys", ErrorKind::Unsupported, "encryption keys"),
        ("key_of_list", ErrorKind::Unsupported, "an encrypted manifest list"),
    ] {
        let error = refusal(&format!("lie_{case}")).await;
        assert_eq!(error.kind(), kind, "{case}: {error:?}");
        assert!(error.to_line().contains(text), "{case}: {}", error.to_line());
    }

    let metadata = location(&folder.path().join("lie_rows"));
    let metadata = Path::new(metadata.strip_prefix("file://").expect("a file")).join("metadata");
    for entry in std::fs::read_dir(metadata).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name == "deletes-0.avro") {
            let bytes = std::fs::read(&path).expect("a manifest");
            // Whole blocks may be gone: without them, the rest is a manifest with fewer entries.
            for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
                std::fs::write(&path, &bytes[..length]).expect("a shorter one");
                let error = refusal("lie_rows").await;
                assert_eq!(error.kind(), ErrorKind::CorruptSource, "{length}: {error:?}");
                assert!(error.to_line().contains("the manifest list says"), "{}", error.to_line());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_whose_manifest_list_is_gone_is_refused() {
    let Some(folder) = written("iceberg_tables.py", &["commits"]) else { return };
    let stores = stores(&[folder.path()]);
    let case = location(&folder.path().join("commits"));
    let ask = async |moment: &Moment| {
        rows(&connector(&stores), &stores, request("iceberg", &case, moment.clone())).await
    };
    let tag = Moment::Reference("year end".to_owned());
    assert!(!ask(&tag).await.expect("rows").is_empty());
    let opened = connector(&stores).open(request("iceberg", &case, tag.clone())).await;
    let id = opened.expect("a snapshot").snapshot.0;
    let id: i64 = id.strip_prefix("iceberg:").expect("an id").parse().expect("a number");
    let root = Path::new(case.strip_prefix("file://").expect("a file"));
    for entry in std::fs::read_dir(root.join("metadata")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains(&format!("snap-{id}-")) {
            std::fs::remove_file(path).expect("one less");
        }
    }
    for moment in [tag, Moment::Version(id)] {
        let error = ask(&moment).await.expect_err("it is gone");
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
        assert!(error.to_line().contains("manifest list \"snap-"), "{}", error.to_line());
    }
    assert!(ask(&Moment::Latest).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamp_means_what_was_current_then() {
    let Some(folder) = written("iceberg_tables.py", &["time_travel"]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let case = folder.path().join("time_travel");
    let times = std::fs::read_to_string(case.join("times.json")).expect("times");
    let times: Vec<(i64, String)> = serde_json::from_str(&times).expect("times");
    let ask = async |at_ms: i64| {
        let at = chrono::DateTime::from_timestamp_millis(at_ms).expect("a time");
        let asked = request("iceberg", &location(&case), Moment::Timestamp(at));
        rows(&connector, &stores, asked).await
    };
    for (at, (time, answer)) in times.iter().enumerate() {
        let answer = parquet(&case.join(format!("{answer}.parquet")));
        assert_same(&ask(*time).await.expect("rows"), &answer, &format!("at {at}"));
        let next = times.get(at + 1).map_or(i64::MAX / 2_000, |(next, _)| next - 5);
        assert_same(&ask(next).await.expect("rows"), &answer, &format!("after {at}"));
    }
    let error = ask(times[0].0 - 1).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_line().contains("the first is of"), "{}", error.to_line());
    for (name, hint) in [("befor", "did you mean before?"), ("mian", "did you mean main?")] {
        let moment = Moment::Reference(name.to_owned());
        let asked = request("iceberg", &location(&case), moment);
        let error = connector.open(asked).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.to_line().contains(hint), "{}", error.to_line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_snapshot_branch_and_moment_are_not_found() {
    let Some(folder) = written("iceberg_tables.py", &["hints"]) else { return };
    let stores = stores(&[folder.path()]);
    let case = location(&folder.path().join("metadata_file"));
    for (moment, text) in [
        (Moment::Version(7), "no snapshot 7"),
        (Moment::Reference("nothing".to_owned()), "no branch or tag \"nothing\""),
        (Moment::Timestamp(chrono::DateTime::UNIX_EPOCH), "no snapshot as old as"),
    ] {
        let request = request("iceberg", &case, moment);
        let error = connector(&stores).open(request).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.to_line().contains(text), "{}", error.to_line());
    }
}
