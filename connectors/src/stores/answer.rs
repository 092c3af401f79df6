//! The answer to one request, taken in whole or not at all.
//!
//! An answer that ends early, brings more than was asked for, or comes too slowly is a failed
//! attempt: the request is sent again, and nothing above sees half an answer.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use datafusion::object_store::client::{HttpError, HttpErrorKind, HttpResponse, HttpResponseBody};
use futures::StreamExt;
use futures::stream::BoxStream;
use samite_engine::{Error, ErrorKind};
use tokio::time::{Instant, timeout_at};

/// What has to come within the time for progress; less is no progress.
const PROGRESS_BYTES_MIN: usize = 4 * 1024;

/// The most bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// The most bytes of an answer that does not say how long it is, such as a listing.
const UNSAID_BYTES_MAX: u64 = 16 << 20;

/// The most bytes that are read of the text of an error.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// Too little came for too long.
    Stalled,
    /// The answer was not there in time.
    Late,
    /// The answer ended before it was complete.
    Short,
    /// Nobody carries requests any more.
    Stopped,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "the store brings nothing any more",
            Self::Late => "the store did not answer in time",
            Self::Short => "the answer of the store ended early",
            Self::Stopped => "the threads for remote stores have ended",
        })
    }
}

impl std::error::Error for Failed {}

impl From<Failed> for HttpError {
    fn from(failed: Failed) -> Self {
        let kind = match failed {
            Failed::Stalled | Failed::Late => HttpErrorKind::Timeout,
            Failed::Short | Failed::Stopped => HttpErrorKind::Interrupted,
        };
        Self::new(kind, failed)
    }
}

/// A refusal that no other attempt changes.
pub(super) fn refused(error: Error) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

/// The head of an answer, if it comes within `patience`.
///
/// # Errors
///
/// Those of the request, and when nothing comes.
pub(super) async fn head(
    answer: impl Future<Output = Result<HttpResponse, HttpError>>,
    patience: Duration,
) -> Result<HttpResponse, HttpError> {
    tokio::time::timeout(patience, answer).await.map_err(|_| Failed::Stalled)?
}

/// The whole body of an answer to a request that was no HEAD.
///
/// # Errors
///
/// When the body breaks off, is longer than announced or than is taken in, or comes too slowly.
pub(super) async fn whole(
    response: HttpResponse,
    patience: Duration,
) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let mut collector = Collector { pieces: Vec::new(), length: 0, patience };
    let mut stream = body.bytes_stream();
    if !parts.status.is_success() {
        collector.collect(&mut stream, ERROR_BYTES_MAX as u64).await?;
        return Ok(HttpResponse::from_parts(parts, collector.into_body()));
    }
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let announced = match header("content-range").and_then(length_of_range) {
        Some(length) => Some(length),
        None => header("content-length").and_then(|length| length.parse().ok()),
    };
    if announced.is_some_and(|length| length > ANSWER_BYTES_MAX) {
        return Err(refused(too_large(ANSWER_BYTES_MAX)));
    }
    let bytes_max = announced.unwrap_or(UNSAID_BYTES_MAX);
    let is_complete = collector.collect(&mut stream, bytes_max).await?;
    match announced {
        None if !is_complete => Err(refused(too_large(bytes_max))),
        Some(length) if collector.length < length => Err(Failed::Short.into()),
        Some(_) if !is_complete => Err(refused(not_what_was_asked())),
        _ => Ok(HttpResponse::from_parts(parts, collector.into_body())),
    }
}

/// Takes in a body piece by piece.
struct Collector {
    pieces: Vec<Bytes>,
    length: u64,
    patience: Duration,
}

impl Collector {
    /// True if the body has no more than `bytes_max` bytes; what comes after them is not taken in.
    async fn collect(
        &mut self,
        stream: &mut BoxStream<'static, Result<Bytes, HttpError>>,
        bytes_max: u64,
    ) -> Result<bool, HttpError> {
        let mut deadline = Instant::now() + self.patience;
        let mut progress = 0;
        loop {
            match timeout_at(deadline, stream.next()).await {
                Ok(None) => return Ok(true),
                Ok(Some(piece)) => {
                    let piece = piece?;
                    progress += piece.len();
                    if self.length.saturating_add(piece.len() as u64) > bytes_max {
                        return Ok(false);
                    }
                    self.length += piece.len() as u64;
                    self.pieces.push(piece);
                }
                Err(_) if progress >= PROGRESS_BYTES_MIN => {
                    deadline = Instant::now() + self.patience;
                    progress = 0;
                }
                Err(_) => return Err(Failed::Stalled.into()),
            }
        }
    }

    /// What was taken in, copied only if it came in several pieces.
    fn into_body(self) -> HttpResponseBody {
        if let [only] = self.pieces.as_slice() {
            return only.clone().into();
        }
        let mut joined = BytesMut::with_capacity(self.pieces.iter().map(Bytes::len).sum());
        for piece in &self.pieces {
            joined.extend_from_slice(piece);
        }
        joined.freeze().into()
    }
}

/// The length of `bytes 0-9/100`.
fn length_of_range(range: &str) -> Option<u64> {
    let (range, _) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
}

fn too_large(bytes_max: u64) -> Error {
    Error::new(ErrorKind::ResourcesExhausted, "an answer of the store is too large")
        .with_detail(format!("at most {bytes_max} bytes are taken in"))
}

fn not_what_was_asked() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the store answers with more than was asked for")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_says_its_length() {
        for (text, length) in [
            ("bytes 0-9/100", Some(10)),
            ("bytes 7-7/*", Some(1)),
            ("bytes 9-0/100", None),
            ("bytes */100", None),
            ("bytes 0-18446744073709551615/100", None),
            ("items 0-9/100", None),
        ] {
            assert_eq!(length_of_range(text), length, "{text}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (failed, kind) in [
            (Failed::Stalled, HttpErrorKind::Timeout),
            (Failed::Late, HttpErrorKind::Timeout),
            (Failed::Short, HttpErrorKind::Interrupted),
            (Failed::Stopped, HttpErrorKind::Interrupted),
        ] {
            assert_eq!(HttpError::from(failed).kind(), kind);
        }
        assert_eq!(refused(not_what_was_asked()).kind(), HttpErrorKind::Unknown);
    }
}
