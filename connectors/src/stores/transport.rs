//! Carries the requests of one store over the network.
//!
//! ```text
//! object_store: sign, send again ──▶ Transport: turn ─▶ send ─▶ whole answer in time ─▶ refusals
//!   on the caller's threads            on the threads for remote stores
//! ```
//!
//! One call is one attempt: it ends by its time limit, and either has the whole answer or failed.
//! Redirects are not followed: they would lead to places that nobody allowed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};
use datafusion::object_store::{
    ClientConfigKey, ClientOptions, Error as StoreError, HeaderValue, Result as StoreResult,
};
use reqwest::{Certificate, ClientBuilder};
use samite_engine::{Error, ErrorKind, Result};
use tokio::task::JoinSet;

use super::answer::{Failed, head, refused, whole};
use super::config::StoresConfig;
use super::credentials::Secret;
use super::io_threads::IoThreads;
use super::pace::Pace;
use super::refusals::{is_untrusted, refusal, untrusted};
use super::speed::Speed;

/// Makes the clients of one store.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    threads: Arc<IoThreads>,
    pace: Arc<Pace>,
    speed: Arc<Speed>,
    limits: Limits,
    bearer: Option<Secret>,
    authorities: Vec<Certificate>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    request_timeout: Duration,
    stall_timeout: Duration,
    connect_timeout: Duration,
}

impl Transport {
    /// The transport of one store, which notes how fast that is.
    pub(super) fn new(threads: Arc<IoThreads>, config: &StoresConfig, speed: &Arc<Speed>) -> Self {
        let limits = Limits {
            request_timeout: config.request_timeout,
            stall_timeout: config.stall_timeout,
            connect_timeout: config.connect_timeout,
        };
        let pace = Arc::new(Pace::new(config.store_requests_max));
        Self {
            threads,
            pace,
            speed: Arc::clone(speed),
            limits,
            bearer: None,
            authorities: Vec::new(),
        }
    }

    /// Trusts these authorities besides those of the machine.
    pub(super) fn trust(&mut self, authorities: Vec<Certificate>) {
        self.authorities = authorities;
    }

    /// Sends this token with each request; it is for stores that sign nothing.
    #[must_use]
    pub(super) fn with_bearer(mut self, token: Secret) -> Self {
        self.bearer = Some(token);
        self
    }

    /// The header that the token makes now.
    ///
    /// # Errors
    ///
    /// When the token cannot be read, or is not one line of text.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>> {
        let Some(token) = &self.bearer else { return Ok(None) };
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", token.expose()?)).map_err(|_| {
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    "the bearer token of the store is not one line of text",
                )
            })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> StoreResult<HttpClient> {
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp);
        let trusting = |builder: ClientBuilder, authority: &Certificate| {
            builder.add_root_certificate(authority.clone())
        };
        let client = self
            .authorities
            .iter()
            .fold(reqwest::Client::builder(), trusting)
            .user_agent(concat!("samite/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.limits.connect_timeout)
            .https_only(allows_http.as_deref() != Some("true"))
            // An unpacked answer would not have the length that its head announces.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_only()
            .build()
            .map_err(|error| StoreError::Generic {
                store: "http",
                source: Box::new(error.without_url()),
            })?;
        Ok(HttpClient::new(Carrier { transport: self.clone(), client }))
    }
}

/// One client of a store.
#[derive(Debug, Clone)]
struct Carrier {
    transport: Transport,
    client: reqwest::Client,
}

#[async_trait]
impl HttpService for Carrier {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Dropping the set ends the attempt: nobody waits for it any more.
        let mut attempt = JoinSet::new();
        let handle = self.transport.threads.handle().ok_or(Failed::Stopped)?;
        attempt.spawn_on(self.clone().attempt(request), handle);
        match attempt.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(Failed::Stopped.into()),
        }
    }
}

impl Carrier {
    async fn attempt(self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limits = self.transport.limits;
        if let Some(value) = self.transport.authorization().map_err(refused)? {
            request.headers_mut().insert("authorization", value);
        }
        let _turn = self.transport.pace.turn().await.ok_or(Failed::Stopped)?;
        tokio::time::timeout(limits.request_timeout, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(Failed::Late.into()))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limits = self.transport.limits;
        let is_head = request.method().as_str() == "HEAD";
        let has_range = request.headers().contains_key("range");
        // Connecting has a time limit of its own.
        let patience = limits.stall_timeout.saturating_add(limits.connect_timeout);
        let sent = Instant::now();
        let answer = head(self.client.call(request), patience).await.map_err(named)?;
        let begun = Instant::now();
        let status = answer.status().as_u16();
        if status == 429 || status == 503 {
            self.transport.pace.slow_down(retry_after(&answer));
        }
        if has_range && status == 200 && !is_head {
            return Err(refused(super::refusals::no_ranges()));
        }
        let bytes = match is_head {
            true => 0,
            false => length_of(&answer),
        };
        let answer = match is_head {
            true => answer,
            false => whole(answer, limits.stall_timeout).await?,
        };
        self.transport.speed.note(begun - sent, bytes, begun.elapsed());
        refusal(answer).await
    }
}

/// The error of a connection that no other attempt changes gets a name of its own.
fn named(error: HttpError) -> HttpError {
    if is_untrusted(&error) { refused(untrusted()) } else { error }
}

/// The length that the head of an answer announces.
fn length_of(answer: &HttpResponse) -> u64 {
    let length = answer.headers().get("content-length").and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// For how long the store wants to be left alone, where it says so in seconds.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
