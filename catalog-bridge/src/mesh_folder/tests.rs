//! A mesh whose store refuses some folders and never answers for others.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result as StoreResult,
};
use parking_lot::Mutex;
use samite_engine::ErrorKind;
use samite_engine::authorizer::Authorizer as _;
use samite_engine::product::Mesh;

use super::{MeshFolder, MeshFolderOptions};

/// Objects in memory, of which some cannot be had.
#[derive(Debug, Default)]
struct Lame {
    inner: InMemory,
    /// A folder that may not be listed.
    refused: Mutex<Option<&'static str>>,
    /// A folder whose listing never ends.
    silent: Mutex<Option<&'static str>>,
    /// A folder whose objects never come.
    stuck: Mutex<Option<&'static str>>,
}

impl fmt::Display for Lame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lame store")
    }
}

fn is_below(path: &Path, folder: Option<&str>) -> bool {
    folder.is_some_and(|folder| path.prefix_matches(&Path::from(folder)))
}

fn refusal(path: &Path) -> StoreError {
    StoreError::PermissionDenied { path: path.to_string(), source: "no".into() }
}

#[async_trait]
impl ObjectStore for Lame {
    async fn put_opts(
        &self,
        at: &Path,
        what: PutPayload,
        how: PutOptions,
    ) -> StoreResult<PutResult> {
        self.inner.put_opts(at, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> StoreResult<GetResult> {
        if is_below(at, *self.stuck.lock()) {
            std::future::pending::<()>().await;
        }
        self.inner.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let prefix = prefix.cloned().unwrap_or_default();
        let refused = *self.refused.lock();
        if refused.is_some_and(|refused| Path::from(refused).prefix_matches(&prefix)) {
            return stream::iter([Err(refusal(&prefix))]).boxed();
        }
        let listed = self.inner.list(Some(&prefix));
        if is_below(&prefix, *self.silent.lock()) {
            return listed.chain(stream::pending()).boxed();
        }
        listed
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        if is_below(&prefix, *self.refused.lock()) {
            return Err(refusal(&prefix));
        }
        self.inner.list_with_delimiter(Some(&prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

impl Lame {
    async fn write(&self, file: &str, text: &str) {
        self.inner.put(&Path::from(file), text.to_owned().into()).await.expect("written");
    }

    async fn write_product(&self, domain: &str, name: &str) {
        let text = format!(
            "apiVersion: v1.1.0\nkind: DataProduct\nid: {domain}-{name}\nname: {name}\n\
             version: 1.0.0\nstatus: active\ndomain: {domain}\n"
        );
        self.write(&format!("m/domains/{domain}/x/{name}.odps.yaml"), &text).await;
    }

    /// Products `a.one`, `a.two` and `b.one`, and a folder that is no domain.
    async fn two_domains() -> Arc<Self> {
        let store = Arc::new(Self::default());
        for (domain, name) in [("a", "one"), ("a", "two"), ("b", "one")] {
            store.write_product(domain, name).await;
        }
        store.write("m/notes/read.me", "").await;
        store
    }

    async fn open(self: &Arc<Self>) -> samite_engine::Result<Arc<MeshFolder>> {
        let store = Arc::clone(self) as Arc<dyn ObjectStore>;
        let refresh = Duration::from_secs(1_000_000);
        let answer_timeout = Duration::from_millis(300);
        let options = MeshFolderOptions { refresh, answer_timeout, ..MeshFolderOptions::default() };
        MeshFolder::open(store, Path::from("m"), "s3://bucket/m".to_owned(), options).await
    }
}

fn products(mesh: &Mesh) -> Vec<String> {
    mesh.products().map(|product| format!("{}.{}", product.domain, product.name)).collect()
}

fn problems(mesh: &Mesh) -> Vec<String> {
    mesh.problems.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn folder_that_may_hide_policies_stops_the_look() {
    for (refused, is_fatal) in [
        ("notes", true),
        ("policies", true),
        ("domains/a/policies", true),
        ("domains/a/x/policies", true),
        ("domains/a/x", false),
        ("domains/a", false),
    ] {
        let store = Lame::two_domains().await;
        store.write("m/domains/a/policies/read.me", "").await;
        store.write("m/domains/a/x/policies/read.me", "").await;
        store.write("m/policies/read.me", "").await;
        let folder = store.open().await.expect("a mesh");
        let place: &'static str = format!("m/{refused}").leak();
        *store.refused.lock() = Some(place);
        if is_fatal {
            let error = folder.refresh().await.expect_err(refused);
            assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{refused}");
            let told = format!("folder \"{refused}\" of the mesh at \"s3://bucket/m\"");
            assert!(error.to_line().starts_with(&told), "{}", error.to_line());
        } else {
            assert!(folder.refresh().await.expect("a look"), "{refused}");
            let told = problems(&folder.current());
            assert!(matches!(told.as_slice(), [one] if one.starts_with(refused)), "{told:?}");
        }
        assert_eq!(products(&folder.current()), ["a.one", "a.two", "b.one"], "{refused}");
    }
}

/// A policy that permits everything.
const ALL: &str =
    "@id(\"global/all\") @mask(\"replace-with-null\") permit (principal, action, resource);";

#[tokio::test]
async fn policy_of_a_hidden_folder_is_not_forgotten() {
    let store = Lame::two_domains().await;
    store.write("m/mesh/policies/all.cedar", ALL).await;
    let folder = store.open().await.expect("a mesh");
    assert_eq!(problems(&folder.current()), Vec::<String>::new());
    store.write("m/domains/a/x/new.cedar", "").await;
    assert!(folder.refresh().await.expect("a look"));
    let misplaced = |mesh: &Mesh| {
        problems(mesh).iter().any(|line| line.starts_with("domains/a/x/new.cedar: error: policies"))
    };
    assert!(misplaced(&folder.current()));
    *store.refused.lock() = Some("m/domains/a/x");
    assert!(folder.refresh().await.expect("a look"));
    assert!(misplaced(&folder.current()), "{:?}", problems(&folder.current()));
    assert!(!folder.is_open());

    *store.refused.lock() = None;
    store.inner.delete(&Path::from("m/domains/a/x/new.cedar")).await.expect("deleted");
    assert!(folder.refresh().await.expect("a look"));
    assert_eq!(problems(&folder.current()), Vec::<String>::new());
    store.inner.delete(&Path::from("m/mesh/policies/all.cedar")).await.expect("deleted");
    assert!(folder.refresh().await.expect("open again"));
    assert!(folder.is_open());
}

#[tokio::test]
async fn policy_that_is_seen_closes_the_mesh_whatever_else_is_hidden() {
    let store = Lame::two_domains().await;
    let folder = store.open().await.expect("a mesh");
    assert!(folder.is_open());
    *store.refused.lock() = Some("m/notes");
    store.write("m/mesh/policies/all.cedar", ALL).await;
    let error = folder.refresh().await.expect_err("hidden");
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(!folder.is_open());
}

#[tokio::test]
async fn policies_that_cannot_be_read_leave_the_last_good_ones() {
    let store = Lame::two_domains().await;
    store.write("m/mesh/policies/all.cedar", ALL).await;
    let folder = store.open().await.expect("a mesh");
    *store.stuck.lock() = Some("m/mesh/policies");
    store
        .write("m/mesh/policies/all.cedar", "permit (principal, action, resource); // longer")
        .await;
    assert!(folder.refresh().await.expect("a look"));
    assert_eq!(
        problems(&folder.current()),
        [
            "mesh/policies/all.cedar: error: the policies cannot be read (check that they may be read)",
            "mesh/policies/all.cedar: error: the policies of the mesh stay as they last were without \
             mistake (mend the file)"
        ]
    );
    assert!(!folder.refresh().await.expect("nothing new"));
    *store.stuck.lock() = None;
    store.write("m/mesh/policies/all.cedar", ALL).await;
    assert!(folder.refresh().await.expect("it answers again"));
    assert_eq!(problems(&folder.current()), Vec::<String>::new());
}

#[tokio::test]
async fn domain_that_is_listed_too_slowly_does_not_hold_up_the_others() {
    let store = Lame::two_domains().await;
    let folder = store.open().await.expect("a mesh");
    *store.silent.lock() = Some("m/domains/a");
    store.write_product("a", "three").await;
    store.write_product("b", "two").await;
    assert!(folder.refresh().await.expect("a look"));
    assert_eq!(products(&folder.current()), ["a.one", "a.two", "b.one", "b.two"]);
    assert_eq!(
        problems(&folder.current()),
        ["domains/a: error: the folder was not listed in time (what was known of it is \
          served; check its store, and move data files out of it)"]
    );

    let folder = store.open().await.expect("a start");
    assert_eq!(products(&folder.current()), ["b.one", "b.two"]);

    store.write("m/domains/a/x.cedar", "").await;
    assert!(folder.refresh().await.expect("a look"));
    assert!(!folder.is_open(), "what is seen of a slow domain counts");
}

#[tokio::test]
async fn documents_that_do_not_come_do_not_hold_up_the_others() {
    let store = Lame::two_domains().await;
    for number in 0..300 {
        store.write_product("a", &format!("p{number}")).await;
    }
    *store.stuck.lock() = Some("m/domains/a");
    let start = tokio::time::Instant::now();
    let folder = store.open().await.expect("a start");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!(products(&folder.current()), ["b.one"]);
    assert_eq!(problems(&folder.current()).len(), 302);

    *store.stuck.lock() = None;
    assert!(folder.refresh().await.expect("it answers again"));
    assert_eq!(folder.current().products().count(), 303);
    assert_eq!(folder.current().problems, []);
}
