//! The one registry of object stores.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use parking_lot::RwLock;
use samite_engine::connector::OpenRequest;
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};
use url::Url;

use super::config::{StoreOptions, StoresConfig};
use super::footers::StoreFooters;
use super::guarded::GuardedStore;
use super::io_threads::LazyIoThreads;
use super::key::{StoreId, StoreKey};
use super::local::LocalGuard;
use super::location::{Location, Scheme, location_of};
use super::locations::{AllowList, refusal};
use super::reading::Reading;
use super::remote::RemoteStore;
use super::shown::shown;
use super::transport::Transport;

/// One store: a bucket, container or host with one credential, or this machine's files.
#[derive(Debug)]
pub struct StoreHandle {
    /// Its name.
    pub id: StoreId,
    /// The URL by which a plan names it, `samite://<id>`.
    pub url: ObjectStoreUrl,
    /// Reads it; refuses to write.
    pub store: Arc<dyn ObjectStore>,
    /// The footers of its data files.
    pub footers: Arc<FileMetadataCache>,
    /// What it truly is, for instance `s3://bucket`; `file://` for files.
    pub root: String,
    /// What all reads from it share.
    pub(crate) reading: Reading,
}

impl StoreHandle {
    /// The location of a path in this store, as a raw URI.
    #[must_use]
    pub fn location(&self, path: &Path) -> String {
        format!("{}/{path}", self.root)
    }
}

/// A store and a path in it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store.
    pub store: Arc<StoreHandle>,
    /// The path.
    pub path: Path,
}

impl Place {
    /// The place as a raw URI.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location(&self.path)
    }
}

/// The one registry of object stores. Cheap to clone.
#[derive(Clone)]
pub struct Stores(Arc<Inner>);

struct Inner {
    config: StoresConfig,
    options: Vec<(Location, StoreOptions)>,
    allow: Arc<AllowList>,
    footers: Arc<FileMetadataCache>,
    reading: Reading,
    threads: LazyIoThreads,
    open: RwLock<BTreeMap<StoreId, Arc<StoreHandle>>>,
    by_key: RwLock<HashMap<StoreKey, Arc<StoreHandle>>>,
}

impl Stores {
    /// Makes the registry; opens nothing.
    ///
    /// # Errors
    ///
    /// If a location in the configuration cannot be used, or a store names credentials that are not
    /// there.
    pub fn new(config: StoresConfig) -> Result<Self> {
        let allowed = config.mesh_root.iter().chain(&config.allow).map(String::as_str);
        let allow = Arc::new(AllowList::new(allowed)?);
        let mut options = Vec::new();
        for (key, entry) in &config.stores {
            let location = Location::parse(key)?;
            if let Some(name) = &entry.credential
                && !config.credentials.contains_key(name)
            {
                return Err(Error::new(
                    ErrorKind::InvalidConfiguration,
                    format!(
                        "store \"{}\" names credential \"{name}\", which is not configured",
                        shown(key)
                    ),
                )
                .with_hint(format!("add [credentials.{name}] to the configuration")));
            }
            options.push((location, entry.clone()));
        }
        // The longest one that fits is found first.
        options.sort_by_key(|(location, _)| std::cmp::Reverse(location.segments.len()));
        let bytes_max = usize::try_from(config.footers_bytes_max).unwrap_or(usize::MAX);
        let footers = Arc::new(DefaultCache::new(bytes_max).with_name("footers"));
        let reading = Reading::new(config.ahead_bytes_max, config.whole_files_bytes_max);
        Ok(Self(Arc::new(Inner {
            config,
            options,
            allow,
            footers,
            reading,
            threads: LazyIoThreads::default(),
            open: RwLock::default(),
            by_key: RwLock::default(),
        })))
    }

    /// The store and path of a raw URI that a document names; for files, every link is followed.
    ///
    /// # Errors
    ///
    /// If the location is not allowed, its endpoint is not configured for it, or its credential is
    /// unknown or belongs to another location.
    pub fn resolve(&self, location: &str, server: Option<&Server>) -> Result<Place> {
        let location = Location::parse(location)?;
        self.0.allow.check(&location)?;
        self.place(&location, server)
    }

    /// The store and path of the table that a request names.
    ///
    /// # Errors
    ///
    /// If its server has no location, or as [`Stores::resolve`].
    pub fn table_place(&self, request: &OpenRequest) -> Result<Place> {
        let location = location_of(request)?;
        self.resolve(&location, Some(&request.server))
    }

    /// Like [`Stores::resolve`], for the many files that a table's metadata names: files of this
    /// machine are compared as text here, and with their links when they are opened.
    ///
    /// # Errors
    ///
    /// As [`Stores::resolve`].
    pub fn resolve_file(&self, location: &str, server: Option<&Server>) -> Result<Place> {
        let location = Location::parse(location)?;
        if !self.0.allow.names(&location) {
            self.0.allow.check(&location)?;
        }
        self.place(&location, server)
    }

    /// How many segments of a location no document wrote: those of the mesh's root or of the allowed
    /// prefix that it is below. Special letters in them mean themselves.
    pub(crate) fn segments_given(&self, location: &Location) -> usize {
        self.0.allow.segments_of_prefix(location)
    }

    /// The store with this name, if it was opened.
    #[must_use]
    pub fn store(&self, id: &str) -> Option<Arc<StoreHandle>> {
        self.0.open.read().get(&StoreId(id.to_owned())).map(Arc::clone)
    }

    fn place(&self, location: &Location, server: Option<&Server>) -> Result<Place> {
        let path = location.path()?;
        let key = StoreKey::new(location, self.options(location, server)?);
        if let Some(store) = self.0.by_key.read().get(&key) {
            return Ok(Place { store: Arc::clone(store), path });
        }
        let store = self.open(location, &key)?;
        // Two that open it at the same time agree on the first one.
        let mut by_key = self.0.by_key.write();
        let store = Arc::clone(by_key.entry(key).or_insert(store));
        self.0.open.write().insert(store.id.clone(), Arc::clone(&store));
        Ok(Place { store, path })
    }

    /// Decides on endpoint and credential, which belong together: a document chooses among what the
    /// configuration has for this location and never adds to it.
    fn options(&self, location: &Location, server: Option<&Server>) -> Result<StoreOptions> {
        if location.scheme == Scheme::File {
            return Ok(StoreOptions::default());
        }
        let asked = server.and_then(|server| server.endpoint.as_deref());
        let named = server.and_then(|server| server.credential_ref.as_deref());
        let options = self.0.options.iter().find(|(prefix, options)| {
            location.is_below(prefix)
                && asked.is_none_or(|asked| same_endpoint(options.endpoint.as_deref(), asked))
                && named.is_none_or(|named| options.credential.as_deref() == Some(named))
        });
        match options {
            Some((_, options)) => Ok(options.clone()),
            None => self.without_options(location, asked, named),
        }
    }

    fn without_options(
        &self,
        location: &Location,
        asked: Option<&str>,
        named: Option<&str>,
    ) -> Result<StoreOptions> {
        if let Some(name) = named {
            return Err(self.unusable_credential(location, name));
        }
        if let Some(endpoint) = asked {
            // An endpoint that the configuration allows as a location is asked without credentials.
            let is_allowed =
                Location::parse(endpoint).is_ok_and(|endpoint| self.0.allow.names(&endpoint));
            if !is_allowed {
                return Err(refused_endpoint(location, endpoint));
            }
        }
        Ok(StoreOptions { endpoint: asked.map(str::to_owned), ..StoreOptions::default() })
    }

    fn unusable_credential(&self, location: &Location, name: &str) -> Error {
        let root = location.root();
        if !self.0.config.credentials.contains_key(name) {
            return Error::new(
                ErrorKind::InvalidConfiguration,
                format!("credential \"{name}\" is not configured"),
            )
            .with_detail(format!("a document names it for \"{root}\""))
            .with_hint(format!(
                "add [credentials.{name}], and credential = \"{name}\" to [stores.\"{root}\"]"
            ));
        }
        Error::new(
            ErrorKind::PermissionDenied,
            format!("credential \"{name}\" does not belong to \"{root}\" and its endpoint"),
        )
        .with_hint(format!(
            "set credential and endpoint in [stores.\"{root}\"] of the configuration"
        ))
    }

    fn open(&self, location: &Location, key: &StoreKey) -> Result<Arc<StoreHandle>> {
        let (id, options) = (key.id(), &key.options);
        let reading = self.0.reading.of_another_store();
        let store = match key.scheme {
            Scheme::File => GuardedStore::local(
                Arc::new(LocalFileSystem::new()),
                LocalGuard::new(Arc::clone(&self.0.allow)),
            ),
            _ => {
                let config = &self.0.config;
                let name = options.credential.as_ref();
                let credentials = name.and_then(|name| config.credentials.get(name));
                let endpoint = options.endpoint.as_deref();
                let transport = Transport::new(self.0.threads.get()?, config, &reading.speed);
                let mut remote = RemoteStore { config, options, credentials, endpoint, transport };
                let store = remote.build(location)?;
                match key.scheme {
                    Scheme::Http | Scheme::Https => GuardedStore::web(store),
                    _ => GuardedStore::remote(store),
                }
            }
        };
        let url = ObjectStoreUrl::parse(format!("samite://{id}")).map_err(|error| {
            Error::new(ErrorKind::Internal, "a store has no name").with_source(error)
        })?;
        let footers = StoreFooters::new(Arc::clone(&self.0.footers), id.as_str());
        Ok(Arc::new(StoreHandle {
            id,
            url,
            store: Arc::new(store),
            footers: Arc::new(footers),
            root: location.root(),
            reading,
        }))
    }
}

/// Documents and configuration may end a URL with a slash or not.
fn same_endpoint(configured: Option<&str>, asked: &str) -> bool {
    configured.is_some_and(|configured| {
        configured.trim_end_matches('/').eq_ignore_ascii_case(asked.trim_end_matches('/'))
    })
}

fn refused_endpoint(location: &Location, endpoint: &str) -> Error {
    let root = location.root();
    Error::new(
        ErrorKind::PermissionDenied,
        format!("endpoint \"{}\" is not configured for \"{root}\"", shown(endpoint)),
    )
    .with_hint(format!("set endpoint in [stores.\"{root}\"] of the configuration"))
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").field("allow", &self.0.allow).finish_non_exhaustive()
    }
}

impl ObjectStoreRegistry for Stores {
    /// Nothing is registered from outside: a store that was not resolved cannot be named.
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> datafusion::error::Result<Arc<dyn ObjectStore>> {
        let found = match (url.scheme(), url.host_str()) {
            ("samite", Some(id)) => self.store(id),
            _ => None,
        };
        found
            .map(|handle| Arc::clone(&handle.store))
            .ok_or_else(|| DataFusionError::from(refusal(&format!("{}://", url.scheme()))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::credentials::{Credentials, Secret};
    use super::*;

    fn stores() -> Stores {
        let credentials = Credentials {
            access_key_id: Some(Secret::new("id")),
            secret_access_key: Some(Secret::new("hunter2")),
            ..Credentials::default()
        };
        let entry = |endpoint: &str, credential: &str| StoreOptions {
            endpoint: Some(endpoint.to_owned()),
            credential: Some(credential.to_owned()),
            ..StoreOptions::default()
        };
        Stores::new(StoresConfig {
            mesh_root: Some("s3://mesh/root".to_owned()),
            allow: ["s3://one", "s3://two/data", "https://web.example/x", "http://127.0.0.1:9/"]
                .map(str::to_owned)
                .to_vec(),
            stores: BTreeMap::from([
                ("s3://one".to_owned(), entry("http://127.0.0.1:9000", "reader")),
                ("s3://one/secret".to_owned(), entry("http://127.0.0.1:9000", "other")),
            ]),
            credentials: BTreeMap::from([
                ("reader".to_owned(), credentials.clone()),
                ("other".to_owned(), credentials),
            ]),
            ..StoresConfig::default()
        })
        .expect("stores")
    }

    fn server(endpoint: Option<&str>, credential: Option<&str>) -> Server {
        Server {
            endpoint: endpoint.map(str::to_owned),
            credential_ref: credential.map(str::to_owned),
            ..Server::default()
        }
    }

    #[test]
    fn only_what_is_allowed_resolves() {
        let stores = stores();
        for (location, is_allowed) in [
            ("s3://mesh/root/a b%20+", true),
            ("s3a://one/x", true),
            ("s3://two/data/x", true),
            ("https://web.example/x/y", true),
            ("s3://two/database", false),
            ("s3://two/data/../x", false),
            ("s3://mesh/other", false),
            ("http://web.example/x/y", false),
            ("file:///etc/passwd", false),
        ] {
            let resolved = stores.resolve(location, None);
            assert_eq!(resolved.is_ok(), is_allowed, "{location}");
            if let Err(error) = resolved {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{location}");
            }
        }
        let place = stores.resolve("s3://mesh/root/a b%20+", None).expect("place");
        assert_eq!(place.location(), "s3://mesh/root/a b%20+");
    }

    #[test]
    fn endpoint_of_a_document_never_gets_credentials_of_another() {
        let stores = stores();
        let at = |location, endpoint, credential| {
            stores.resolve(location, Some(&server(endpoint, credential)))
        };
        let plain = at("s3://one/x", None, None).expect("plain");
        for (endpoint, credential) in [
            (Some("http://127.0.0.1:9000/"), None),
            (None, Some("reader")),
            (Some("http://127.0.0.1:9000"), Some("reader")),
        ] {
            let place = at("s3://one/x", endpoint, credential).expect("place");
            assert_eq!(place.store.id, plain.store.id, "{endpoint:?} {credential:?}");
        }
        let other = at("s3://one/secret/x", None, None).expect("other");
        assert_ne!(other.store.id, plain.store.id);
        for (location, endpoint, credential, kind) in [
            ("s3://one/x", Some("http://evil.example"), None, ErrorKind::PermissionDenied),
            (
                "s3://one/x",
                Some("http://evil.example"),
                Some("reader"),
                ErrorKind::PermissionDenied,
            ),
            (
                "s3://one/x",
                Some("http://127.0.0.1:9/"),
                Some("reader"),
                ErrorKind::PermissionDenied,
            ),
            ("s3://two/data", None, Some("reader"), ErrorKind::PermissionDenied),
            ("s3://one/x", None, Some("other"), ErrorKind::PermissionDenied),
            ("s3://two/data", None, Some("nobody"), ErrorKind::InvalidConfiguration),
        ] {
            let error = at(location, endpoint, credential).expect_err(location);
            assert_eq!(error.kind(), kind, "{location} {endpoint:?} {credential:?}");
        }
        let anonymous = at("s3://one/x", Some("http://127.0.0.1:9/"), None).expect("anonymous");
        assert_ne!(anonymous.store.id, plain.store.id);
    }

    #[test]
    fn registry_knows_only_what_was_resolved() {
        let stores = stores();
        let place = stores.resolve("s3://one/x", None).expect("place");
        let store_url: &Url = place.store.url.as_ref();
        assert!(stores.get_store(store_url).is_ok());
        for url in ["file:///", "s3://one", "samite://nothing", "http://127.0.0.1:9000"] {
            assert!(stores.get_store(&Url::parse(url).expect(url)).is_err(), "{url}");
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let stores = stores();
        let place = stores.resolve("s3://one/x", None).expect("place");
        let text = format!("{stores:?} {place:?} {} {}", place.store.store, place.location());
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn containers_of_two_accounts_are_two_stores() {
        let entry = |account: &str| StoreOptions {
            account: Some(account.to_owned()),
            ..StoreOptions::default()
        };
        let stores = Stores::new(StoresConfig {
            allow: vec!["az://data".to_owned()],
            stores: BTreeMap::from([
                ("az://data/one".to_owned(), entry("one")),
                ("az://data/two".to_owned(), entry("two")),
            ]),
            ..StoresConfig::default()
        })
        .expect("stores");
        let at = |location| stores.resolve(location, None).expect(location).store;
        let (one, two) = (at("az://data/one/x"), at("az://data/two/x"));
        assert_ne!(one.id, two.id);
        assert!(one.store.to_string().contains("one"), "{}", one.store);
        assert!(two.store.to_string().contains("two"), "{}", two.store);
        assert_eq!(at("abfss://data/one/y").id, one.id);
    }

    #[test]
    fn refusal_shows_no_password_and_no_signature() {
        let stores = stores();
        let signed = "https://acc.blob.core.windows.net/c/x?sv=1&sig=hunter2";
        for location in [signed, "ftp://u:hunter2@h/x", "https://web.example/y?sig=hunter2"] {
            let error = stores.resolve(location, None).expect_err(location);
            let text = format!("{} {error:?}", error.to_line());
            assert!(!text.contains("hunter2"), "{text}");
        }
        for endpoint in ["https://u:hunter2@h", "https://h/?sig=hunter2"] {
            let asked = server(Some(endpoint), None);
            let error = stores.resolve("s3://two/data", Some(&asked)).expect_err(endpoint);
            let text = format!("{} {error:?}", error.to_line());
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
