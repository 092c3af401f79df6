//! The options of the object stores.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::credentials::Credentials;

/// The options of all object stores, each with a default that holds.
#[derive(Debug, Clone)]
pub struct StoresConfig {
    /// Where the mesh lies, as a raw URI; what is below it may always be read.
    pub mesh_root: Option<String>,
    /// Raw URIs; what is below one of them may be read (`[locations] allow`).
    pub allow: Vec<String>,
    /// The stores that need more than their location, by a raw URI such as `s3://bucket`; the
    /// longest one that a location is below counts.
    pub stores: BTreeMap<String, StoreOptions>,
    /// The credentials, by the name that `credential` and a contract's `credentialRef` use.
    pub credentials: BTreeMap<String, Credentials>,
    /// Memory for the footers of data files, in bytes; the ones not used for longest go first.
    pub footers_bytes_max: u64,
    /// Memory for what is read of remote data files before it is asked for, in bytes; nothing is read
    /// ahead while it is used up.
    pub ahead_bytes_max: u64,
    /// Memory for the whole files of small tables in remote stores, in bytes; the ones that were read
    /// longest ago go first.
    pub whole_files_bytes_max: u64,
    /// Requests to one remote store at once; one more waits for its turn.
    pub store_requests_max: usize,
    /// Time for one attempt of a request to a remote store, its answer included.
    pub request_timeout: Duration,
    /// Time in which an answer must begin, and then bring at least 4 KiB or its end; an attempt that
    /// is slower has failed.
    pub stall_timeout: Duration,
    /// Time for connecting to a remote store.
    pub connect_timeout: Duration,
    /// How often a request that failed for a passing reason is sent again.
    pub retries_max: usize,
    /// Time from the first attempt after which no other one is made.
    pub retry_timeout: Duration,
}

impl Default for StoresConfig {
    fn default() -> Self {
        Self {
            mesh_root: None,
            allow: Vec::new(),
            stores: BTreeMap::new(),
            credentials: BTreeMap::new(),
            footers_bytes_max: 256 << 20,
            ahead_bytes_max: 256 << 20,
            whole_files_bytes_max: 64 << 20,
            store_requests_max: 64,
            request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            retries_max: 4,
            retry_timeout: Duration::from_secs(60),
        }
    }
}

/// What one store needs besides its location (`[stores."s3://bucket"]`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreOptions {
    /// The URL of the service; that of the provider if none is given.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The storage account of an Azure container, where the location does not hold it.
    pub account: Option<String>,
    /// Unencrypted connections; allowed by default exactly if `endpoint` begins with `http://`.
    pub allow_http: Option<bool>,
    /// True if the bucket is part of the host name and not of the path.
    pub virtual_hosted: bool,
    /// The path of a file with certificates in PEM: of authorities that are trusted besides those of
    /// the machine.
    pub ca_file: Option<String>,
    /// The name of the credentials; requests are not signed without it.
    pub credential: Option<String>,
    /// Credentials of the machine itself (instance role, managed identity) sign the requests.
    pub use_machine_identity: bool,
}
