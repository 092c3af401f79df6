//! Building the stores that lie behind a network.

use std::sync::Arc;

use datafusion::object_store::aws::AmazonS3Builder;
use datafusion::object_store::azure::MicrosoftAzureBuilder;
use datafusion::object_store::gcp::GoogleCloudStorageBuilder;
use datafusion::object_store::http::HttpBuilder;
use datafusion::object_store::{
    BackoffConfig, ClientOptions, ObjectStore, Result as StoreResult, RetryConfig,
};
use reqwest::Certificate;
use samite_engine::{Error, ErrorKind, Result};

use super::config::{StoreOptions, StoresConfig};
use super::credentials::{Credentials, Secret};
use super::fresh::{fresh_aws, fresh_azure};
use super::location::{Location, Scheme};
use super::transport::Transport;

/// What a remote store is built from.
pub(super) struct RemoteStore<'a> {
    pub(super) config: &'a StoresConfig,
    pub(super) options: &'a StoreOptions,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) endpoint: Option<&'a str>,
    pub(super) transport: Transport,
}

impl RemoteStore<'_> {
    /// Builds the store of a location's bucket, container or host; sends nothing.
    ///
    /// # Errors
    ///
    /// If the options do not fit the kind of store.
    pub(super) fn build(&mut self, location: &Location) -> Result<Arc<dyn ObjectStore>> {
        if let Some(path) = &self.options.ca_file {
            self.transport.trust(authorities(location, path)?);
        }
        let store = match location.scheme {
            Scheme::S3 => self.s3(&location.authority)?,
            Scheme::Gcs => self.gcs(&location.authority)?,
            Scheme::Azure => self.azure(&location.authority)?,
            Scheme::Http | Scheme::Https => self.http(location)?,
            Scheme::File => return Err(unusable(location, "files are not behind a network")),
        };
        store.map_err(|error| {
            unusable(location, "the options of its store do not fit together").with_source(error)
        })
    }

    fn s3(&self, bucket: &str) -> Result<Built> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(self.options.region.as_deref().unwrap_or("us-east-1"))
            .with_virtual_hosted_style_request(self.options.virtual_hosted)
            .with_skip_signature(self.is_unsigned())
            .with_retry(self.retry())
            .with_http_connector(self.transport.clone())
            .with_client_options(self.client());
        if let Some(endpoint) = self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = self.credentials {
            builder = builder.with_credentials(fresh_aws(credentials)?);
        }
        Ok(builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>))
    }

    fn gcs(&self, bucket: &str) -> Result<Built> {
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_skip_signature(self.is_unsigned())
            .with_retry(self.retry())
            .with_http_connector(self.transport.clone())
            .with_client_options(self.client());
        if let Some(endpoint) = self.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        if let Some(credentials) = self.credentials {
            let key = &credentials.service_account_key;
            let set = GoogleCloudStorageBuilder::with_service_account_key;
            builder = apply(builder, key, set)?;
        }
        Ok(builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>))
    }

    fn azure(&self, authority: &str) -> Result<Built> {
        let (container, account) = match (authority.split_once('@'), &self.options.account) {
            (Some((container, account)), _) => (container, account),
            (None, Some(account)) => (authority, account.as_str()),
            (None, None) => {
                return Err(Error::new(
                    ErrorKind::InvalidConfiguration,
                    format!("container \"{authority}\" has no storage account"),
                )
                .with_hint(format!("set account in [stores.\"az://{authority}\"]")));
            }
        };
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(account)
            .with_container_name(container)
            .with_skip_signature(self.is_unsigned())
            .with_retry(self.retry())
            .with_http_connector(self.transport.clone())
            .with_client_options(self.client());
        if let Some(endpoint) = self.endpoint {
            builder = builder.with_endpoint(endpoint.to_owned());
        }
        if let Some(credentials) = self.credentials {
            builder = azure_credentials(builder, credentials)?;
        }
        Ok(builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>))
    }

    fn http(&self, location: &Location) -> Result<Built> {
        if self.endpoint.is_some() {
            return Err(unusable(location, "a web server has no endpoint besides its location"));
        }
        let mut transport = self.transport.clone();
        if let Some(token) = self.credentials.and_then(|all| all.bearer_token.as_ref()) {
            transport = transport.with_bearer(token.clone());
            transport.authorization().map_err(|_| {
                unusable(location, "its bearer token cannot be read, or is not one line of text")
            })?;
        }
        let builder = HttpBuilder::new()
            .with_url(format!("{}/", location.root()))
            .with_retry(self.retry())
            .with_http_connector(transport)
            .with_client_options(self.client().with_allow_http(location.scheme == Scheme::Http));
        Ok(builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>))
    }

    fn is_unsigned(&self) -> bool {
        self.credentials.is_none() && !self.options.use_machine_identity
    }

    fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: self.config.retries_max,
            retry_timeout: self.config.retry_timeout,
        }
    }

    fn client(&self) -> ClientOptions {
        let is_plain = self.endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        ClientOptions::new().with_allow_http(self.options.allow_http.unwrap_or(is_plain))
    }
}

/// The certificates of a file.
fn authorities(location: &Location, path: &str) -> Result<Vec<Certificate>> {
    let unusable = |why: &str| unusable(location, why);
    let text = std::fs::read(path)
        .map_err(|error| unusable("its ca_file cannot be read").with_source(error))?;
    match Certificate::from_pem_bundle(&text) {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(unusable("its ca_file holds no certificate in PEM")),
    }
}

type Built = StoreResult<Arc<dyn ObjectStore>>;

/// What a store signs with: a key, a signature or a token may be renewed in its file; the secret of
/// an application is read once.
fn azure_credentials(
    mut builder: MicrosoftAzureBuilder,
    credentials: &Credentials,
) -> Result<MicrosoftAzureBuilder> {
    if let Some(fresh) = fresh_azure(credentials)? {
        return Ok(builder.with_credentials(fresh));
    }
    let set = MicrosoftAzureBuilder::with_client_id;
    builder = apply(builder, &credentials.client_id, set)?;
    let set = MicrosoftAzureBuilder::with_client_secret;
    builder = apply(builder, &credentials.client_secret, set)?;
    apply(builder, &credentials.tenant_id, MicrosoftAzureBuilder::with_tenant_id)
}

fn apply<B>(builder: B, secret: &Option<Secret>, set: impl Fn(B, String) -> B) -> Result<B> {
    Ok(match secret {
        Some(secret) => set(builder, secret.expose()?.into_owned()),
        None => builder,
    })
}

fn unusable(location: &Location, why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("store \"{}\" cannot be used", location.root()),
    )
    .with_detail(why)
    .with_hint("look at its entry in [stores] of the configuration")
}
