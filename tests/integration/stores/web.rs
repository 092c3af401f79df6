//! Web servers: single files and Iceberg tables; what needs a listing is refused by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use object_store::ObjectStoreExt;
use samite_connectors::connectors;
use samite_connectors::stores::{Credentials, Secret, StoreOptions, Stores, StoresConfig};
use samite_engine::product::Moment;
use samite_engine::{ErrorKind, Result};
use samite_tests::{FileServer, left_out, python};
use tempfile::TempDir;

use crate::formats::{assert_same, parquet, request, rows};

const FORMATS: [&str; 3] = ["parquet", "delta", "iceberg"];

/// A web server with what `tests/web_tables.py` writes.
struct Web {
    folder: TempDir,
    server: FileServer,
    /// The metadata file of the table without a hint.
    metadata: String,
}

impl Web {
    async fn start(token: Option<&str>) -> Option<Self> {
        let Some(python) = python() else {
            left_out("web_tables.py", "no Python with tests/requirements.txt");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let server = FileServer::start(folder.path(), token).await.expect("a server");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web_tables.py");
        let mut command = Command::new(python);
        let output = command.arg(script).arg(folder.path()).arg(server.url()).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let metadata = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Some(Self { folder, server, metadata })
    }

    fn location(&self, name: &str) -> String {
        format!("{}/{name}", self.server.url())
    }

    fn rows(&self) -> Vec<RecordBatch> {
        parquet(&self.folder.path().join("single.parquet"))
    }

    async fn read(&self, format: &str, location: &str) -> Result<Vec<RecordBatch>> {
        read(&self.server, None, format, location).await
    }
}

async fn read(
    server: &FileServer,
    token: Option<&str>,
    format: &str,
    location: &str,
) -> Result<Vec<RecordBatch>> {
    let credentials =
        Credentials { bearer_token: token.map(Secret::new), ..Credentials::default() };
    let options = StoreOptions { credential: Some("web".to_owned()), ..StoreOptions::default() };
    let stores = Stores::new(StoresConfig {
        allow: vec![server.url()],
        stores: token.map(|_| (server.url(), options)).into_iter().collect(),
        credentials: BTreeMap::from([("web".to_owned(), credentials)]),
        retries_max: 0,
        ..StoresConfig::default()
    })?;
    let at = FORMATS.iter().position(|known| *known == format).expect(format);
    let connector = connectors(stores.clone()).swap_remove(at);
    rows(connector.as_ref(), &stores, request(format, location, Moment::Latest)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn single_files_and_iceberg_tables_of_a_web_server_are_read() {
    let Some(web) = Web::start(None).await else { return };
    let odd = web.folder.path().join("a b%25+ü.parquet");
    std::fs::copy(web.folder.path().join("single.parquet"), odd).expect("a copy");
    for (format, location) in [
        ("parquet", web.location("single.parquet")),
        ("parquet", web.location("a b%25+ü.parquet")),
        ("iceberg", web.location("iceberg")),
        ("iceberg", web.metadata.clone()),
    ] {
        let found = web.read(format, &location).await;
        let found = found.unwrap_or_else(|error| panic!("{location}: {error:?}"));
        assert_same(&found, &web.rows(), &location);
    }
}

#[test]
fn busy_threads_keep_no_answer_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "text").expect("a file");
    let outside = tokio::runtime::Runtime::new().expect("a runtime");
    let server = outside.block_on(FileServer::start(folder.path(), None)).expect("a server");
    let patience = Duration::from_millis(300);
    let stores = Stores::new(StoresConfig {
        allow: vec![server.url()],
        retries_max: 0,
        stall_timeout: patience,
        connect_timeout: patience,
        request_timeout: patience,
        ..StoresConfig::default()
    })
    .expect("stores");
    let place = stores.resolve(&format!("{}/file", server.url()), None).expect("a place");
    let busy = async {
        let until = Instant::now() + 4 * patience;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    };
    let inside = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let read = async { tokio::join!(place.store.store.get(&place.path), busy).0 };
    let answer = inside.expect("a runtime").block_on(read);
    assert_eq!(answer.expect("it came in time").meta.size, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_listing_of_a_web_server_is_refused_by_name() {
    let Some(web) = Web::start(None).await else { return };
    for (format, name) in [
        ("parquet", "iceberg/data"),
        ("parquet", "*.parquet"),
        ("parquet", "no such file.parquet"),
        ("delta", "iceberg"),
        ("iceberg", "nameless"),
    ] {
        let error = web.read(format, &web.location(name)).await.expect_err(name);
        let line = error.to_line();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{format} {name}: {error:?}");
        assert!(line.contains("a web server cannot be listed"), "{format} {name}: {line}");
        assert!(line.contains("name a single Parquet file"), "{format} {name}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_a_web_server_is_the_configured_one_alone() {
    let Some(web) = Web::start(Some("hunter2")).await else { return };
    let location = web.location("single.parquet");
    let found = read(&web.server, Some("hunter2"), "parquet", &location).await;
    assert_same(&found.expect("rows"), &web.rows(), "with the token");
    for token in [None, Some("hunter3")] {
        let error = read(&web.server, token, "parquet", &location).await.expect_err("401");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
        assert!(error.to_line().contains("credentials"), "{}", error.to_line());
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_hands_out_whole_files_only_is_refused_by_name() {
    let Some(web) = Web::start(None).await else { return };
    let server = FileServer::start_without_ranges(web.folder.path()).await.expect("a server");
    let location = format!("{}/single.parquet", server.url());
    let error = read(&server, None, "parquet", &location).await.expect_err("no ranges");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_line().contains("parts of a file"), "{}", error.to_line());
}
