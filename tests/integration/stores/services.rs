//! The services that stores speak with: S3, Azure Blob and Google Cloud Storage, each on this machine.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, ObjectStoreExt};
use samite_connectors::connectors;
use samite_connectors::stores::{Credentials, Secret, StoreOptions, Stores, StoresConfig};
use samite_engine::product::Moment;
use samite_engine::{ErrorKind, Result};
use samite_tests::{FaultyProxy, emulator, left_out, python};
use tempfile::TempDir;

use super::Service;
use crate::formats::{answers, assert_same, parquet, request, rows, written};

const FORMATS: [&str; 3] = ["parquet", "delta", "iceberg"];
/// The account and key that every Azurite knows; they are in its documentation.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

type Rows = Vec<datafusion::arrow::array::RecordBatch>;

async fn read(stores: &Stores, format: &str, location: &str) -> Result<Rows> {
    let at = FORMATS.iter().position(|known| *known == format).expect(format);
    let connector = connectors(stores.clone()).swap_remove(at);
    rows(connector.as_ref(), stores, request(format, location, Moment::Latest)).await
}

/// A program that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an emulator, and waits for the line that names its URL after `marker`.
fn start(mut command: Command, marker: &str) -> (Running, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut said = BufReader::new(child.stdout.take().expect("its output"));
    let child = Running(child);
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(said.read_line(&mut line).expect("a line"), 0, "it ended");
        if let Some((_, url)) = line.split_once(marker) {
            let url = url.trim().to_owned();
            // It may go on talking, and must not wait for a reader.
            std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
            return (child, url);
        }
    }
}

/// A Delta table of another writer, as a folder, with its rows.
fn table() -> Option<(TempDir, Rows)> {
    let folder = written("delta_tables.py", &["added_columns"])?;
    let (_, answer) = answers(&folder.path().join("added_columns")).pop().expect("an answer");
    let theirs = parquet(&answer);
    Some((folder, theirs))
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_is_asked_by_path_with_the_session_token_or_without_a_signature() {
    let Some(service) = Service::start() else { return };
    let proxy = FaultyProxy::start(&service.told("endpoint")).await.expect("a proxy");
    let open = "s3://lake/data/open".to_owned();
    for (token, tables) in [
        (Some("session-of-hunter2"), FORMATS.map(|it| (it, service.told(it))).to_vec()),
        (None, vec![("parquet", open)]),
    ] {
        let mut config = service.config(&proxy.url());
        match token {
            Some(token) => {
                let credentials = config.credentials.get_mut("lake-reader").expect("credentials");
                credentials.session_token = Some(Secret::new(token));
            }
            None => {
                let options = config.stores.get_mut("s3://lake").expect("a store");
                options.credential = None;
            }
        }
        let stores = Stores::new(config).expect("stores");
        for (format, location) in tables {
            let found = read(&stores, format, &location).await.expect(format);
            assert_same(&found, &service.rows(format), format);
        }
        let log = proxy.take_log();
        assert!(log.iter().all(|it| it.path.starts_with("/lake")), "{log:?}");
        let sent: Vec<_> = log.iter().map(|it| it.header("x-amz-security-token")).collect();
        assert!(sent.iter().all(|sent| sent.as_deref() == token), "{sent:?}");
        let signed = log.iter().filter(|it| it.header("authorization").is_some()).count();
        assert_eq!(signed, if token.is_some() { log.len() } else { 0 });
        if token.is_none() {
            let read = read(&stores, "parquet", &service.told("parquet")).await;
            let error = read.expect_err("it is not for everybody");
            assert!(error.to_line().contains("[stores]"), "{}", error.to_line());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_is_read_with_the_key_of_the_account_or_a_shared_access_signature() {
    let (Some(azurite), Some(python)) = (emulator("node_modules/.bin/azurite-blob"), python())
    else {
        return left_out("Azure Blob", "no azurite (npm) in the folder of emulators, or no Python");
    };
    let Some((folder, theirs)) = table() else { return };
    let mut command = Command::new(azurite);
    command.args(["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]);
    command.arg("--disableTelemetry").current_dir(folder.path());
    let (_azurite, url) = start(command, "successfully listens on ");
    let endpoint = format!("{url}/{ACCOUNT}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("azure_container.py");
    let made = Command::new(python).arg(script).args([&endpoint, ACCOUNT, KEY, "lake"]).output();
    let made = made.expect("it starts");
    assert!(made.status.success(), "{made:?}");
    let signatures = String::from_utf8(made.stdout).expect("text");
    let (valid, expired) = signatures.trim_end().split_once('\n').expect("two signatures");
    let store = MicrosoftAzureBuilder::new()
        .with_account(ACCOUNT)
        .with_access_key(KEY)
        .with_container_name("lake")
        .with_endpoint(endpoint.clone())
        .with_allow_http(true)
        .build()
        .expect("a store");
    upload(&store, &folder.path().join("added_columns/table"), "data/table 100%").await;

    let with = |credentials: Option<Credentials>| {
        let options = StoreOptions {
            endpoint: Some(endpoint.clone()),
            credential: credentials.as_ref().map(|_| "azure".to_owned()),
            ..StoreOptions::default()
        };
        let place = format!("abfss://lake@{ACCOUNT}");
        Stores::new(StoresConfig {
            allow: vec![place.clone()],
            stores: BTreeMap::from([(place, options)]),
            credentials: credentials.map(|it| ("azure".to_owned(), it)).into_iter().collect(),
            retries_max: 1,
            retry_timeout: Duration::from_secs(5),
            ..StoresConfig::default()
        })
        .expect("stores")
    };
    let key = |key: &str| {
        Some(Credentials { account_key: Some(Secret::new(key)), ..Credentials::default() })
    };
    let signature = |text: &str| {
        Some(Credentials { sas_token: Some(Secret::new(text)), ..Credentials::default() })
    };
    for location in [
        format!("abfss://lake@{ACCOUNT}.dfs.core.windows.net/data/table 100%"),
        format!("wasbs://lake@{ACCOUNT}/data/table 100%/"),
    ] {
        for credentials in [key(KEY), signature(valid)] {
            let found = read(&with(credentials), "delta", &location).await.expect("rows");
            assert_same(&found, &theirs, &location);
        }
    }
    let wrong = KEY.replace("Eby8", "Eby9");
    let forged = valid.replace("sp=rl", "sp=rwl");
    let location = format!("abfss://lake@{ACCOUNT}/data/table 100%");
    let secrets = [&wrong, sig_of(expired), sig_of(&forged)];
    for credentials in [key(&wrong), signature(expired), signature(&forged), None] {
        let error = read(&with(credentials), "delta", &location).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
        let text = format!("{error:?}");
        assert!(secrets.iter().all(|secret| !text.contains(*secret)), "{text}");
    }
}

/// The part of a shared access signature that must stay secret.
fn sig_of(signature: &str) -> &str {
    signature.split_once("sig=").expect("a signature").1
}

async fn upload(store: &dyn ObjectStore, folder: &Path, prefix: &str) {
    let mut found = Vec::new();
    files(folder, &mut found);
    for file in found {
        let below = file.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
        let path = object_store::path::Path::parse(format!("{prefix}/{below}")).expect("a path");
        let bytes = std::fs::read(&file).expect("a file");
        store.put(&path, bytes.into()).await.expect("it is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn google_cloud_storage_is_read() {
    let Some(emulator) = emulator("bin/fake-gcs-server") else {
        return left_out("Google Cloud Storage", "no fake-gcs-server in the folder of emulators");
    };
    let Some((folder, theirs)) = table() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let bucket = data.path().join("lake/data");
    std::fs::create_dir_all(&bucket).expect("folders");
    std::fs::rename(folder.path().join("added_columns/table"), bucket.join("table"))
        .expect("moved");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(emulator);
    command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
    command.args(["-backend", "memory", "-public-host", &format!("127.0.0.1:{port}")]);
    command.arg("-data").arg(data.path()).stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let _emulator = Running(child);
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let options = StoreOptions { endpoint: Some(url), ..StoreOptions::default() };
    let stores = Stores::new(StoresConfig {
        allow: vec!["gs://lake".to_owned()],
        stores: BTreeMap::from([("gs://lake".to_owned(), options)]),
        retries_max: 1,
        ..StoresConfig::default()
    })
    .expect("stores");
    let found = read(&stores, "delta", "gs://lake/data/table").await.expect("rows");
    assert_same(&found, &theirs, "gs");
    let error = read(&stores, "delta", "gs://lake/data/nothing").await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
}
