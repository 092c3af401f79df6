//! Delta logs written by hand that must not be believed.

use chrono::DateTime;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use super::{DeltaConfig, DeltaConnector};
use crate::testing::{Folder, ask_pinned, request};

const PROTOCOL: &str = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
const METADATA: &str = r#"{"metaData":{"id":"00000000-0000-0000-0000-000000000000","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":0}}"#;

/// A file with a deletion vector of 40 bytes, which is not there.
fn add(path: &str, storage_type: &str) -> String {
    format!(
        r#"{{"add":{{"path":"{path}","partitionValues":{{}},"size":10,"modificationTime":0,"dataChange":true,"stats":"{{\"numRecords\":1}}","deletionVector":{{"storageType":"{storage_type}","pathOrInlineDv":"ab^-aqEH.-t@S}}K{{vb[*k^","offset":1,"sizeInBytes":40,"cardinality":1}}}}}}"#
    )
}

/// The same metadata with a column of days that was widened to one of local times.
fn widened() -> (String, String) {
    let features = r#"["deletionVectors","typeWidening","timestampNtz"]"#;
    let protocol = PROTOCOL.replace(r#"["deletionVectors"]"#, features);
    let day =
        r#"},{\"name\":\"day\",\"type\":\"timestamp_ntz\",\"nullable\":true,\"metadata\":{}}]"#;
    let metadata = METADATA.replacen("}]", day, 1);
    (protocol, metadata.replace(r#""partitionColumns":[]"#, r#""partitionColumns":["day"]"#))
}

struct Table {
    folder: Folder,
    connector: DeltaConnector,
}

impl Table {
    fn new(config: DeltaConfig, lines: &[String]) -> Self {
        let folder = Folder::new();
        folder.write("_delta_log/00000000000000000000.json", lines.join("\n").as_bytes());
        let connector = DeltaConnector::new(folder.stores.clone(), config);
        Self { folder, connector }
    }

    async fn ask(&self, sql: &str) -> Result<Vec<String>, Error> {
        let asked = request(&self.folder.location(), Vec::new());
        let pinned = self.connector.open(asked).await?;
        ask_pinned(&self.folder.stores, &pinned, sql).await.map(|(rows, _)| rows)
    }
}

#[tokio::test]
async fn deletion_vector_of_no_known_kind_is_refused() {
    let plain = (PROTOCOL.to_owned(), METADATA.to_owned());
    for ((protocol, metadata), values) in [(plain, "{}"), (widened(), r#"{"day":"2024-02-29"}"#)] {
        let file = add("a.parquet", "x").replace("{}", values);
        let table = Table::new(DeltaConfig::default(), &[protocol, metadata, file]);
        let error = table.ask("select count(*) from t").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
        assert!(error.to_line().contains("\"d.p.t\""), "{error:?}");
        assert!(error.to_line().contains("a.parquet"), "{error:?}");
    }
}

#[tokio::test]
async fn deletion_vectors_of_one_scan_are_bounded_together() {
    let plain = (PROTOCOL.to_owned(), METADATA.to_owned());
    for ((protocol, metadata), values) in [(plain, "{}"), (widened(), r#"{"day":"2024-02-29"}"#)] {
        let file = |path| add(path, "u").replace("{}", values);
        let lines = [protocol, metadata, file("a.parquet"), file("b.parquet")];
        // Within the bound they are fetched, and not found.
        for (bytes_max, kind) in
            [(79, ErrorKind::ResourcesExhausted), (80, ErrorKind::CorruptSource)]
        {
            let config =
                DeltaConfig { deletion_vectors_bytes_max: bytes_max, ..DeltaConfig::default() };
            let table = Table::new(config, &lines);
            let error = table.ask("select id from t").await.unwrap_err();
            assert_eq!(error.kind(), kind, "{bytes_max}: {error:?}");
            assert!(error.to_line().contains("\"d.p.t\""), "{error:?}");
            assert_eq!(table.ask("select count(*) from t").await.unwrap(), ["0"]);
        }
    }
}

#[tokio::test]
async fn moments_that_no_delta_table_has_are_refused() {
    let folder = Folder::new();
    let lines = [PROTOCOL, METADATA].join("\n");
    folder.write("_delta_log/00000000000000000000.json", lines.as_bytes());
    let connector = DeltaConnector::new(folder.stores.clone(), DeltaConfig::default());
    for (moment, kind) in [
        (Moment::Version(-1), ErrorKind::NotFound),
        (Moment::Version(1), ErrorKind::NotFound),
        (Moment::Reference("main".to_owned()), ErrorKind::Unsupported),
        (Moment::Timestamp(DateTime::UNIX_EPOCH), ErrorKind::NotFound),
    ] {
        let mut request = request(&folder.location(), Vec::new());
        request.moment = moment.clone();
        let error = connector.open(request).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{moment:?}: {error:?}");
        assert!(error.message().contains("d.p.t"), "{moment:?}: {error:?}");
    }
}
