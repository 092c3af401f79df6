//! Where events go: an address that takes them one by one, a file that they are appended to, or both.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::IntCounterVec;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use samite_connectors::stores::Secret;
use samite_engine::{Error, ErrorKind, Result};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use url::Url;

use super::LineageOptions;

/// How often an event is sent again that was not taken.
const RETRIES: u32 = 2;

/// The time before that.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Where events go.
#[derive(Debug)]
pub(super) struct Target {
    http: Option<Http>,
    file: Option<File>,
    counters: Arc<OnceLock<IntCounterVec>>,
    is_failing: bool,
}

#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    url: Url,
    token: Option<Secret>,
}

impl Target {
    /// Opens what the options name.
    ///
    /// # Errors
    ///
    /// When address or file cannot be used.
    pub(super) fn open(
        options: &LineageOptions,
        (token, counters): (Option<Secret>, Arc<OnceLock<IntCounterVec>>),
    ) -> Result<Self> {
        let http = options.url.as_deref().map(|url| Http::new(url, options.timeout, token));
        let file = options.file.as_ref().map(|path| {
            std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
                let message = format!("file \"{}\" cannot be written", path.display());
                Error::new(ErrorKind::InvalidConfiguration, message)
                    .with_detail(error.to_string())
                    .with_hint("set [openlineage] file to a file that samite may write")
            })
        });
        let file = file.transpose()?.map(File::from_std);
        Ok(Self { http: http.transpose()?, file, counters, is_failing: false })
    }

    /// Tells each event until there are no more.
    pub(super) async fn tell_all(mut self, mut events: mpsc::Receiver<String>) {
        while let Some(event) = events.recv().await {
            let told = self.tell(&event).await;
            if told.is_err()
                && let Some(counters) = self.counters.get()
            {
                counters.with_label_values(&["lost"]).inc();
            }
            match told {
                Ok(()) if std::mem::take(&mut self.is_failing) => {
                    tracing::info!("events of OpenLineage are taken again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(error, "events of OpenLineage are not taken, and are lost");
                    }
                }
            }
        }
        if let Some(file) = &mut self.file {
            // Its failure was told with the last event.
            let _ = file.flush().await;
        }
    }

    async fn tell(&mut self, event: &str) -> Result<(), String> {
        if let Some(file) = &mut self.file {
            append(file, event).await.map_err(|error| error.to_string())?;
        }
        match &self.http {
            Some(http) => http.post(event).await,
            None => Ok(()),
        }
    }
}

async fn append(file: &mut File, event: &str) -> std::io::Result<()> {
    file.write_all(format!("{event}\n").as_bytes()).await?;
    file.flush().await
}

impl Http {
    fn new(url: &str, timeout: Duration, token: Option<Secret>) -> Result<Self> {
        let wrong = |detail: String| {
            let message = "[openlineage] url is no address that events can be sent to";
            Error::new(ErrorKind::InvalidConfiguration, message)
                .with_detail(detail)
                .with_hint("write an address such as http://marquez:5000/api/v1/lineage")
        };
        let url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it begins neither with http:// nor with https://".to_owned()));
        }
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.without_url().to_string()))?;
        Ok(Self { client, url, token })
    }

    async fn post(&self, event: &str) -> Result<(), String> {
        let mut attempt = 0;
        loop {
            match self.post_once(event).await {
                Ok(()) => return Ok(()),
                Err(Refused { is_final: true, why }) => return Err(why),
                Err(Refused { why, .. }) if attempt == RETRIES => return Err(why),
                Err(_) => {}
            }
            attempt += 1;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn post_once(&self, event: &str) -> Result<(), Refused> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(event.to_owned());
        if let Some(token) = &self.token {
            let text = token.bearer().map_err(|error| Refused::last(error.to_line()))?;
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| Refused::last("the token cannot be sent".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let again = |error: reqwest::Error| Refused {
            is_final: false,
            why: error.without_url().to_string(),
        };
        let status = request.send().await.map_err(again)?.status();
        match status.is_success() {
            true => Ok(()),
            false => {
                let is_final = !(status.is_server_error() || status.as_u16() == 429);
                Err(Refused { is_final, why: format!("the answer was {status}") })
            }
        }
    }
}

/// Why an event was not taken.
struct Refused {
    /// True if it is of no use to send it again.
    is_final: bool,
    why: String,
}

impl Refused {
    fn last(why: String) -> Self {
        Self { is_final: true, why }
    }
}
