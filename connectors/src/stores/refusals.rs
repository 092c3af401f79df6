//! Answers of a store that mean no, whatever is tried again.

use bytes::Bytes;
use datafusion::object_store::client::{HttpError, HttpErrorKind, HttpResponse};
use futures::TryStreamExt;
use samite_engine::{Error, ErrorKind};

use super::answer::refused;

/// What the services write into the text of an error whose cause is the age of the credentials.
const EXPIRED: [&str; 7] = [
    "ExpiredToken",
    "RequestExpired",
    "TokenRefreshRequired",
    "ExpiredAuthenticationToken",
    "Signature not valid in the specified time frame",
    "Signed expiry time",
    "token expired",
];

/// The answer, unless it is a refusal that needs a name of its own.
///
/// # Errors
///
/// When the answer leads elsewhere, or says that the credentials have expired.
pub(super) async fn refusal(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let status = answer.status();
    if status.is_redirection() && status.as_u16() != 304 {
        return Err(refused(leads_elsewhere()));
    }
    if !matches!(status.as_u16(), 400 | 401 | 403) {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let pieces: Vec<Bytes> = body.bytes_stream().try_collect().await?;
    let text = pieces.concat();
    if is_expired(&String::from_utf8_lossy(&text)) {
        return Err(refused(expired()));
    }
    Ok(HttpResponse::from_parts(parts, text.into()))
}

fn is_expired(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    EXPIRED.iter().any(|known| text.contains(&known.to_ascii_lowercase()))
}

/// Credentials were good once.
pub(super) fn expired() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the credentials of the store have expired")
        .with_hint("renew its [credentials] in the configuration")
}

/// True if a connection failed since the other side's certificate was not accepted. What failed lies
/// below errors that show nothing but their text.
pub(super) fn is_untrusted(error: &HttpError) -> bool {
    error.kind() == HttpErrorKind::Connect && format!("{error:?}").contains("InvalidCertificate(")
}

/// The certificate of the store is of nobody that is trusted, or not for its name, or too old.
pub(super) fn untrusted() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the certificate of the store is not accepted")
        .with_detail("it is signed by nobody that is trusted, for another name, or out of date")
        .with_hint("name the file of its authority as ca_file in [stores] of the configuration")
}

fn leads_elsewhere() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the store says that it lies elsewhere")
        .with_detail(
            "redirects are not followed, since they may lead to a place that is not allowed",
        )
        .with_hint("check region and endpoint of the store in [stores], or name the other location")
}

/// The answer to a request for a part of a file was the whole file.
pub(super) fn no_ranges() -> Error {
    Error::new(ErrorKind::Unsupported, "the server does not hand out parts of a file")
        .with_detail("it answers a request with a range with the whole file")
        .with_hint("use a server that supports HTTP range requests")
}

/// A listing was asked of a web server.
pub(super) fn no_listing() -> Error {
    Error::new(ErrorKind::Unsupported, "a web server cannot be listed").with_hint(
        "name a single Parquet file, or an Iceberg table with a metadata/version-hint.text or by \
         its metadata file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_credentials_are_told_from_wrong_ones() {
        for (text, expected) in [
            ("<Error><Code>ExpiredToken</Code></Error>", true),
            ("<AuthenticationErrorDetail>Signature not valid in the specified time frame", true),
            ("{\"error\": \"Token expired or revoked\"}", true),
            ("<Error><Code>SignatureDoesNotMatch</Code></Error>", false),
            ("<Error><Code>AccessDenied</Code></Error>", false),
            ("", false),
        ] {
            assert_eq!(is_expired(text), expected, "{text}");
        }
    }
}
