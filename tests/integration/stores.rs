//! Stores: an S3 service on this machine, and links that lead out of the allowed folders.

mod faults;
mod mesh;
mod services;
mod tls;
mod web;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use samite_connectors::delta::{DeltaConfig, DeltaConnector};
use samite_connectors::iceberg::{IcebergConfig, IcebergConnector};
use samite_connectors::stores::{Credentials, Secret, StoreOptions, Stores, StoresConfig};
use samite_engine::ErrorKind;
use samite_engine::connector::{Connector, OpenRequest};
use samite_engine::product::{Moment, Server};
use samite_tests::{left_out, python};
use tempfile::TempDir;

use crate::formats::{assert_same, parquet, request, rows, stores, written};

/// An S3 service with two tables; ends when it is dropped.
pub(crate) struct Service {
    child: Child,
    folder: TempDir,
    told: serde_json::Value,
}

impl Service {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The service, with the files of `mesh` at `s3://lake/mesh`.
    pub(crate) fn start_with(mesh: Option<&Path>) -> Option<Self> {
        let Some(python) = python() else {
            left_out("s3_tables.py", "no Python with tests/requirements.txt");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("s3_tables.py");
        let mut command = Command::new(python);
        command
            .arg(script)
            .arg(folder.path())
            .args(mesh)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        let told = serde_json::from_str(&line).expect("what it serves");
        Some(Self { child, folder, told })
    }

    pub(crate) fn told(&self, key: &str) -> String {
        self.told[key].as_str().expect(key).to_owned()
    }

    /// The rows of a table, as its writer reads them.
    pub(crate) fn rows(&self, format: &str) -> Vec<RecordBatch> {
        parquet(&self.folder.path().join(format!("{format}.parquet")))
    }

    /// The stores of a configuration that knows the service.
    fn stores(&self, endpoint: &str) -> Stores {
        Stores::new(self.config(endpoint)).expect("stores")
    }

    /// A configuration that knows the service.
    pub(crate) fn config(&self, endpoint: &str) -> StoresConfig {
        let secret = |key| Some(Secret::new(self.told(key)));
        let credentials = Credentials {
            access_key_id: secret("access_key_id"),
            secret_access_key: secret("secret_access_key"),
            ..Credentials::default()
        };
        let options = StoreOptions {
            endpoint: Some(endpoint.to_owned()),
            region: Some("eu-north-1".to_owned()),
            credential: Some("lake-reader".to_owned()),
            ..StoreOptions::default()
        };
        StoresConfig {
            allow: vec!["s3://lake/data/".to_owned()],
            stores: BTreeMap::from([("s3://lake".to_owned(), options)]),
            credentials: BTreeMap::from([("lake-reader".to_owned(), credentials)]),
            retries_max: 1,
            retry_timeout: Duration::from_secs(5),
            ..StoresConfig::default()
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn with_server(request: OpenRequest, change: impl FnOnce(&mut Server)) -> OpenRequest {
    let mut server = request.server.as_ref().clone();
    change(&mut server);
    OpenRequest { server: Arc::new(server), ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_an_s3_service_read_with_the_configured_credentials_alone() {
    let Some(service) = Service::start() else { return };
    let endpoint = service.told("endpoint");
    let stores = service.stores(&endpoint);
    let delta = DeltaConnector::new(stores.clone(), DeltaConfig::default());
    let iceberg = IcebergConnector::new(stores.clone(), IcebergConfig::default());
    let connectors: [(&str, &dyn Connector); 2] = [("delta", &delta), ("iceberg", &iceberg)];
    for (format, connector) in connectors {
        let asked = || request(format, &service.told(format), Moment::Latest);
        let documents = [
            asked(),
            with_server(asked(), |server| server.endpoint = Some(endpoint.clone())),
            with_server(asked(), |server| server.credential_ref = Some("lake-reader".to_owned())),
        ];
        for document in documents {
            let ours = rows(connector, &stores, document).await.expect("rows");
            assert_same(&ours, &service.rows(format), format);
        }
        let evil =
            with_server(asked(), |server| server.endpoint = Some("http://127.0.0.1:9".into()));
        let unknown = with_server(asked(), |server| server.credential_ref = Some("nobody".into()));
        for (document, kind) in
            [(evil, ErrorKind::PermissionDenied), (unknown, ErrorKind::InvalidConfiguration)]
        {
            let error = connector.open(document).await.expect_err("it is refused");
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
    let outside = request("delta", "s3://lake/other/table", Moment::Latest);
    let error = delta.open(outside).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_does_not_answer_is_unavailable() {
    let Some(service) = Service::start() else { return };
    // Nothing listens on the discard port of this machine.
    let stores = service.stores("http://127.0.0.1:9");
    let delta = DeltaConnector::new(stores.clone(), DeltaConfig::default());
    let iceberg = IcebergConnector::new(stores, IcebergConfig::default());
    let connectors: [(&str, &dyn Connector); 2] = [("delta", &delta), ("iceberg", &iceberg)];
    for (format, connector) in connectors {
        let asked = request(format, &service.told(format), Moment::Latest);
        let error = connector.open(asked).await.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
        assert!(error.to_line().contains("domain.product.table"), "{}", error.to_line());
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_that_leads_out_is_refused() {
    let Some(folder) = written("delta_tables.py", &["added_columns"]) else { return };
    let table = folder.path().join("added_columns/table");
    let mesh = tempfile::tempdir().expect("a folder");
    let stores = stores(&[mesh.path()]);
    let delta = DeltaConnector::new(stores.clone(), DeltaConfig::default());
    let asked = |name: &str| {
        let location = format!("file://{}", mesh.path().join(name).display());
        request("delta", &location, Moment::Latest)
    };

    // The whole table is a link.
    symlink(&table, mesh.path().join("linked")).expect("a link");
    let error = delta.open(asked("linked")).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");

    // The log is in the mesh, and one data file is a link.
    let copied = mesh.path().join("copied");
    std::fs::create_dir_all(copied.join("_delta_log")).expect("a folder");
    for folder in ["", "_delta_log"] {
        for entry in std::fs::read_dir(table.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = copied.join(folder).join(path.file_name().expect("a name"));
            match path.extension().is_some_and(|extension| extension == "parquet") {
                true => symlink(&path, target).expect("a link"),
                false if path.is_file() => drop(std::fs::copy(&path, target).expect("a copy")),
                false => {}
            }
        }
    }
    let error = rows(&delta, &stores, asked("copied")).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.to_line().contains("[locations] allow"), "{}", error.to_line());
}
