//! A mesh whose documents lie in a bucket: served, refreshed, and asked without needless requests.

use std::path::Path;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3Builder;
use samite::config::Configuration;
use samite::{Collect, Mesh};
use samite_engine::session::{Principal, Session};
use samite_engine::{ErrorKind, Result};
use samite_tests::{Fault, FaultyProxy, FileServer, Request};
use tempfile::TempDir;

use super::Service;
use crate::formats::{assert_same, cells};

const FORMATS: [&str; 3] = ["parquet", "delta", "iceberg"];
/// Longer than a test takes: it looks at the mesh itself.
const NEVER: Duration = Duration::from_secs(3600);

fn product(name: &str) -> String {
    format!(
        "apiVersion: v1.1.0\nkind: DataProduct\nid: lake-{name}\nname: {name}\nversion: 1.0.0\n\
         status: active\ndomain: lake\noutputPorts:\n  - name: {name}\n    version: 1.0.0\n    \
         contractId: lake.{name}.1\n"
    )
}

fn contract(name: &str) -> String {
    format!(
        "apiVersion: v3.2.0\nkind: DataContract\nid: lake.{name}.1\nversion: 1.0.0\n\
         status: active\ndomain: lake\nservers:\n  - server: prod\n    type: s3\n    \
         location: s3://lake/data/{name}\n    format: {name}\nschema:\n  - name: rows\n"
    )
}

/// A product of each format, and one whose document is broken.
fn documents() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in FORMATS {
        write(folder.path(), &format!("domains/lake/{name}/{name}.odps.yaml"), &product(name));
        write(folder.path(), &format!("domains/lake/{name}/{name}.v1.odcs.yaml"), &contract(name));
    }
    write(folder.path(), "domains/lake/broken/broken.odps.yaml", "name: [");
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(path, text).expect("a file");
}

/// A mesh in a bucket, behind a proxy that counts.
struct Lake {
    service: Service,
    proxy: FaultyProxy,
    mesh: Mesh,
}

impl Lake {
    async fn open(refresh: Duration) -> Option<Self> {
        let documents = documents();
        let service = Service::start_with(Some(documents.path()))?;
        let proxy = FaultyProxy::start(&service.told("endpoint")).await.expect("a proxy");
        let mut configuration = Configuration { mesh_refresh: refresh, ..Configuration::default() };
        configuration.stores = service.config(&proxy.url());
        let mesh = Mesh::builder("s3://lake/mesh").config(configuration).build();
        let mesh = mesh.await.expect("a mesh in a bucket");
        Some(Self { service, proxy, mesh })
    }

    fn session(&self) -> Session {
        self.mesh.session(Principal::user("ada"))
    }

    async fn ask(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.session().sql(sql).await?.collect().await
    }

    /// Asks twice, and gives what was requested each time.
    async fn ask_twice(&self, sql: &str) -> [Vec<Request>; 2] {
        drop(self.proxy.take_log());
        let first = self.ask(sql).await.expect(sql);
        let log = self.proxy.take_log();
        let second = self.ask(sql).await.expect(sql);
        assert_eq!(cells(&first), cells(&second), "{sql}");
        [log, self.proxy.take_log()]
    }

    /// Writes an object past the proxy.
    async fn put(&self, key: &str, text: &str) {
        let store = AmazonS3Builder::new()
            .with_bucket_name("lake")
            .with_region("eu-north-1")
            .with_endpoint(self.service.told("endpoint"))
            .with_access_key_id(self.service.told("access_key_id"))
            .with_secret_access_key(self.service.told("secret_access_key"))
            .with_allow_http(true)
            .build()
            .expect("a store");
        let path = object_store::path::Path::from(key);
        store.put(&path, text.to_owned().into()).await.expect("it is written");
    }

    /// Waits until a look at the mesh made `is_there` true.
    async fn until(&self, is_there: impl Fn(&Mesh) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !is_there(&self.mesh) {
            assert!(tokio::time::Instant::now() < deadline, "the mesh was not refreshed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// True if it reads the last 64 KiB of a file, which is all of these small ones; data begins after
/// the four letters that every file begins with.
fn reads_footer(request: &Request) -> bool {
    let range = request.range.as_deref().unwrap_or("bytes=0-");
    request.reads(".parquet") && range.starts_with("bytes=0-")
}

fn has(mesh: &Mesh, product: &str) -> bool {
    mesh.picture().products().any(|found| found.name == product)
}

#[tokio::test(flavor = "multi_thread")]
async fn mesh_in_a_bucket_is_served_and_a_broken_product_takes_only_itself_out() {
    let Some(lake) = Lake::open(NEVER).await else { return };
    for name in FORMATS {
        let found = lake.ask(&format!("SELECT * FROM lake.{name}.rows")).await.expect(name);
        assert_same(&found, &lake.service.rows(name), name);
    }
    let picture = lake.mesh.picture();
    assert!(picture.problems.iter().any(|it| it.file.contains("broken.odps.yaml")));
    assert_eq!(picture.products().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_a_bucket_is_seen_and_reads_the_changed_document_alone() {
    let Some(lake) = Lake::open(Duration::from_millis(200)).await else { return };
    drop(lake.proxy.take_log());
    lake.put("mesh/domains/lake/broken/broken.odps.yaml", &product("broken")).await;
    lake.put("mesh/domains/lake/broken/broken.v1.odcs.yaml", &contract("broken")).await;
    lake.until(|mesh| has(mesh, "broken")).await;
    let log = lake.proxy.take_log();
    let read: Vec<&Request> = log.iter().filter(|request| request.reads(".yaml")).collect();
    assert!(!read.is_empty() && read.iter().all(|it| it.path.contains("/broken/")), "{read:?}");
    // A bucket that does not answer takes nothing away.
    lake.proxy.fail(|_| Fault::Status(403, "no"));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(has(&lake.mesh, "parquet"));
    lake.proxy.fail(|_| Fault::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn mesh_on_a_web_server_is_refused_by_name() {
    let documents = documents();
    let server = FileServer::start(documents.path(), None).await.expect("a server");
    let error = Mesh::open(server.url()).await.expect_err("it cannot be listed");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_line().contains("a web server cannot be listed"), "{}", error.to_line());
}

#[tokio::test(flavor = "multi_thread")]
async fn second_query_asks_only_whether_the_table_changed() {
    let Some(lake) = Lake::open(NEVER).await else { return };
    for (name, requests_max) in [("parquet", 2), ("delta", 2), ("iceberg", 2)] {
        let sql = format!("SELECT count(*) FROM lake.{name}.rows");
        let [first, count] = lake.ask_twice(&sql).await;
        assert!(!count.iter().any(|it| it.reads(".parquet")), "{name} reads data: {count:#?}");
        assert!(count.len() <= requests_max, "{name}: {count:#?}");
        let sql = format!("SELECT sum(id), max(part) FROM lake.{name}.rows");
        let [second, sum] = lake.ask_twice(&sql).await;
        assert!(first.iter().chain(&second).any(reads_footer), "{name}: {second:#?}");
        assert!(!sum.iter().any(reads_footer), "{name}: {sum:#?}");
        // The files of a small table whose listing tells their tags are still here.
        let reads_data = sum.iter().any(|it| it.reads(".parquet"));
        assert_eq!(reads_data, name != "parquet", "{name}: {sum:#?}");
    }
}
