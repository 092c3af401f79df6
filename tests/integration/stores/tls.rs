//! Stores behind TLS: the authority that signed their certificate must be trusted.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use samite_connectors::connectors;
use samite_connectors::stores::{StoreOptions, Stores, StoresConfig};
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};
use samite_tests::{FileServer, python};
use tempfile::TempDir;

use super::Service;
use crate::formats::{assert_same, request, rows};

/// TLS before a service; ends when it is dropped.
struct Front {
    child: Child,
    folder: TempDir,
    url: String,
}

impl Front {
    fn start(behind: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tls_front.py");
        let mut command = Command::new(python()?);
        command.arg(script).arg(folder.path()).arg(behind);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut url)
            .expect("a line");
        Some(Self { child, folder, url: url.trim().to_owned() })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of the authority that signed its certificate, of another one, and of none.
    fn ca_files(&self) -> [Option<PathBuf>; 3] {
        [Some(self.file("ca.pem")), Some(self.file("other.pem")), None]
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn assert_named(error: &Error, took: Duration) {
    let line = error.to_line();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
    assert!(line.contains("the certificate of the store is not accepted"), "{line}");
    assert!(line.contains("ca_file"), "{line}");
    assert!(took < Duration::from_secs(3), "it was tried again: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_behind_tls_is_read_if_its_authority_is_named() {
    let Some(service) = Service::start() else { return };
    let Some(front) = Front::start(&service.told("endpoint")) else { return };
    for ca_file in front.ca_files() {
        let is_trusted = ca_file == Some(front.file("ca.pem"));
        let mut config = service.config(&front.url);
        let options = config.stores.get_mut("s3://lake").expect("a store");
        options.ca_file = ca_file.map(|path| path.display().to_string());
        let stores = Stores::new(config).expect("stores");
        for (at, format) in ["parquet", "delta", "iceberg"].into_iter().enumerate() {
            let connector = connectors(stores.clone()).swap_remove(at);
            let asked = request(format, &service.told(format), Moment::Latest);
            let began = Instant::now();
            match rows(connector.as_ref(), &stores, asked).await {
                Ok(found) if is_trusted => assert_same(&found, &service.rows(format), format),
                Err(error) if !is_trusted => assert_named(&error, began.elapsed()),
                other => panic!("{format}: {other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_server_behind_tls_is_read_if_its_authority_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "text").expect("a file");
    let server = FileServer::start(folder.path(), None).await.expect("a server");
    let Some(front) = Front::start(&server.url()) else { return };
    for ca_file in front.ca_files() {
        let is_trusted = ca_file == Some(front.file("ca.pem"));
        let ca_file = ca_file.map(|path| path.display().to_string());
        let options = StoreOptions { ca_file, ..StoreOptions::default() };
        let stores = Stores::new(StoresConfig {
            allow: vec![front.url.clone()],
            stores: [(front.url.clone(), options)].into(),
            ..StoresConfig::default()
        })
        .expect("stores");
        let place = stores.resolve(&format!("{}/file", front.url), None).expect("a place");
        let began = Instant::now();
        match place.store.store.get_opts(&place.path, Default::default()).await {
            Ok(found) => assert_eq!((found.meta.size, is_trusted), (4, true)),
            Err(error) => {
                assert!(!is_trusted, "{error:?}");
                let error = samite_connectors::stores::unreadable("file \"file\"", error);
                assert_named(&error, began.elapsed());
            }
        }
    }
}

#[test]
fn file_without_a_certificate_is_a_mistake_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").expect("a file");
    for (file, why) in
        [(empty, "holds no certificate"), (folder.path().join("nowhere.pem"), "cannot be read")]
    {
        let ca_file = Some(file.display().to_string());
        let stores = Stores::new(StoresConfig {
            allow: vec!["s3://lake".to_owned()],
            stores: [("s3://lake".to_owned(), StoreOptions { ca_file, ..Default::default() })]
                .into(),
            ..StoresConfig::default()
        })
        .expect("stores");
        let error = stores.resolve("s3://lake/x", None).expect_err("it cannot be opened");
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{error:?}");
        assert!(error.to_line().contains(why), "{}", error.to_line());
    }
}
