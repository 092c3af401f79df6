//! Building the stores that lie behind a network.

use std::sync::Arc;

use datafusion::object_store::aws::AmazonS3Builder;
use datafusion::object_store::azure::MicrosoftAzureBuilder;
use datafusion::object_store::gcp::GoogleCloudStorageBuilder;
use datafusion::object_store::http::HttpBuilder;
use datafusion::object_store::{
    BackoffConfig, ClientOptions, HeaderValue, ObjectStore, Result as StoreResult, RetryConfig,
};
use samite_engine::{Error, ErrorKind, Result};

use super::config::{StoreOptions, StoresConfig};
use super::credentials::{Credentials, Secret};
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
    pub(super) fn build(&self, location: &Location) -> Result<Arc<dyn ObjectStore>> {
        let store = match location.scheme {
            Scheme::S3 => self.s3(&location.authority),
            Scheme::Gcs => self.gcs(&location.authority),
            Scheme::Azure => self.azure(&location.authority)?,
            Scheme::Http | Scheme::Https => self.http(location)?,
            Scheme::File => return Err(unusable(location, "files are not behind a network")),
        };
        store.map_err(|error| {
            unusable(location, "the options of its store do not fit together").with_source(error)
        })
    }

    fn s3(&self, bucket: &str) -> Built {
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
            builder =
                apply(builder, &credentials.access_key_id, AmazonS3Builder::with_access_key_id);
            let key = &credentials.secret_access_key;
            builder = apply(builder, key, AmazonS3Builder::with_secret_access_key);
            builder = apply(builder, &credentials.session_token, AmazonS3Builder::with_token);
        }
        builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
    }

    fn gcs(&self, bucket: &str) -> Built {
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
            builder = apply(builder, key, GoogleCloudStorageBuilder::with_service_account_key);
        }
        builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
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
            builder = azure_credentials(builder, credentials);
        }
        Ok(builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>))
    }

    fn http(&self, location: &Location) -> Result<Built> {
        if self.endpoint.is_some() {
            return Err(unusable(location, "a web server has no endpoint besides its location"));
        }
        let mut transport = self.transport.clone();
        if let Some(token) = self.credentials.and_then(|all| all.bearer_token.as_ref()) {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| unusable(location, "its bearer token is not one line of text"))?;
            transport = transport.with_authorization(value);
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

type Built = StoreResult<Arc<dyn ObjectStore>>;

fn azure_credentials(
    mut builder: MicrosoftAzureBuilder,
    credentials: &Credentials,
) -> MicrosoftAzureBuilder {
    builder = apply(builder, &credentials.account_key, MicrosoftAzureBuilder::with_access_key);
    builder = apply(builder, &credentials.client_id, MicrosoftAzureBuilder::with_client_id);
    builder = apply(builder, &credentials.client_secret, MicrosoftAzureBuilder::with_client_secret);
    builder = apply(builder, &credentials.tenant_id, MicrosoftAzureBuilder::with_tenant_id);
    let token = &credentials.bearer_token;
    builder = apply(builder, token, MicrosoftAzureBuilder::with_bearer_token_authorization);
    apply(builder, &credentials.sas_token, |builder, token: &str| {
        let pairs = url::form_urlencoded::parse(token.trim_start_matches('?').as_bytes());
        let pairs: Vec<(String, String)> = pairs.into_owned().collect();
        builder.with_sas_authorization(pairs)
    })
}

fn apply<'a, B>(builder: B, secret: &'a Option<Secret>, set: impl Fn(B, &'a str) -> B) -> B {
    match secret {
        Some(secret) => set(builder, secret.expose()),
        None => builder,
    }
}

fn unusable(location: &Location, why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("store \"{}\" cannot be used", location.root()),
    )
    .with_detail(why)
    .with_hint("look at its entry in [stores] of the configuration")
}
