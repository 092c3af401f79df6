//! A server, over Arrow Flight SQL.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use futures::{Stream, StreamExt, TryStreamExt};
use percent_encoding::percent_decode_str;
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use super::answer::Answer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest message that is taken from a server.
const MESSAGE_BYTES_MAX: usize = 512 << 20;

/// The header of a warning.
const WARNING: &str = "x-mesh-warning";

/// A connection to a server.
pub(crate) struct Remote {
    client: FlightSqlServiceClient<Channel>,
    uri: String,
}

impl Remote {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When `uri` is not one, the file of authorities cannot be read, or nobody answers there.
    pub(crate) async fn connect(uri: &str, authorities: Option<&Path>) -> Result<Self> {
        let channel = endpoint(uri, authorities)?.connect().await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Error::new(ErrorKind::SourceUnavailable, format!("server \"{uri}\" does not answer"))
                .with_detail(cause.unwrap_or_else(|| error.to_string()))
                .with_hint("is samite serve running there?")
                .with_source(error)
        })?;
        let client = arrow_flight::flight_service_client::FlightServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client: FlightSqlServiceClient::new_from_inner(client), uri: uri.to_owned() })
    }

    /// Where the server is.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// When the server does not know the user.
    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Result<()> {
        self.client.handshake(user, password).await.map_err(broken)?;
        Ok(())
    }

    /// Sends `token` with every call.
    pub(crate) fn set_token(&mut self, token: &str) {
        self.client.set_token(token.to_owned());
    }

    /// Says what the data is used for.
    pub(crate) fn set_purpose(&mut self, purpose: &str) {
        self.client.set_header("x-mesh-purpose", purpose);
    }

    /// Sends one statement.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Answer> {
        let info = self.client.execute(sql.to_owned(), None).await.map_err(broken)?;
        let schema = info.clone().try_decode_schema().map_err(refused)?;
        let mut tickets = tickets(info)?.into_iter();
        let Some(first) = tickets.next() else {
            let none = futures::stream::empty();
            return Ok(Answer::new(Arc::new(schema), none, Vec::new()));
        };
        let first = self.client.do_get(first).await.map_err(broken)?;
        let warnings = warnings(first.headers());
        let first = first.map_err(broken);
        let batches = first.chain(rows(self.client.clone(), tickets.collect()));
        Ok(Answer::new(Arc::new(schema), batches, warnings))
    }
}

fn tickets(info: FlightInfo) -> Result<Vec<Ticket>> {
    let tickets = info.endpoint.into_iter().map(|endpoint| endpoint.ticket);
    tickets.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(ErrorKind::Internal, "the server sent an endpoint without a ticket")
    })
}

/// What the server says beside the rows.
fn warnings(headers: &MetadataMap) -> Vec<String> {
    let texts = headers.get_all(WARNING).iter().filter_map(|value| value.to_str().ok());
    texts.map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned()).collect()
}

/// The rows behind all tickets, one after the other.
fn rows(
    client: FlightSqlServiceClient<Channel>,
    tickets: Vec<Ticket>,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    futures::stream::iter(tickets)
        .then(move |ticket| {
            let mut client = client.clone();
            async move { client.do_get(ticket).await.map_err(broken) }
        })
        .map_ok(|batches| batches.map_err(broken))
        .try_flatten()
}

fn endpoint(uri: &str, authorities: Option<&Path>) -> Result<Endpoint> {
    let wrong = |detail: String| {
        Error::new(ErrorKind::InvalidConfiguration, format!("\"{uri}\" is no server to connect to"))
            .with_detail(detail)
            .with_hint("write a URI such as grpc://127.0.0.1:32010")
    };
    let (scheme, address) = match uri.split_once("://") {
        Some(("grpc" | "grpc+tcp" | "http", address)) => ("http", address),
        Some(("grpc+tls" | "https", address)) => ("https", address),
        Some((scheme, _)) => return Err(wrong(format!("scheme \"{scheme}\" is not grpc"))),
        None => return Err(wrong("it has no scheme".to_owned())),
    };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
        .map_err(|error| wrong(error.to_string()))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true);
    if scheme == "http" {
        return Ok(endpoint);
    }
    let mut tls = ClientTlsConfig::new().with_native_roots();
    if let Some(path) = authorities {
        let pem = std::fs::read(path)
            .map_err(|error| wrong(format!("\"{}\" cannot be read: {error}", path.display())))?;
        tls = tls.ca_certificate(Certificate::from_pem(pem));
    }
    endpoint.tls_config(tls).map_err(|error| wrong(error.to_string()))
}

fn refused(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<FlightError>() {
            Ok(error) => broken(*error),
            Err(inner) => match inner.downcast::<Status>() {
                Ok(status) => from_status(&status),
                Err(other) => Error::new(ErrorKind::Internal, other.to_string()),
            },
        },
        other => Error::new(ErrorKind::Internal, other.to_string()),
    }
}

fn broken(error: FlightError) -> Error {
    match error {
        FlightError::Tonic(status) => from_status(&status),
        FlightError::Arrow(error) => refused(error),
        other => Error::new(ErrorKind::Internal, "the server's answer cannot be read")
            .with_detail(other.to_string())
            .with_source(other),
    }
}

/// A status carries message, detail and hint in one line; the hint is taken apart again.
fn from_status(status: &Status) -> Error {
    let (message, hint) = match status.message().rsplit_once(" (hint: ") {
        Some((message, hint)) => (message, hint.strip_suffix(')')),
        None => (status.message(), None),
    };
    let error = Error::new(kind(status.code()), message.to_owned());
    match hint {
        Some(hint) => error.with_hint(hint.to_owned()),
        None => error,
    }
}

fn kind(code: Code) -> ErrorKind {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::AlreadyExists => ErrorKind::InvalidQuery,
        Code::NotFound => ErrorKind::NotFound,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::FailedPrecondition => ErrorKind::ContractViolated,
        Code::DataLoss => ErrorKind::CorruptSource,
        Code::Unavailable => ErrorKind::SourceUnavailable,
        Code::ResourceExhausted => ErrorKind::ResourcesExhausted,
        Code::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        Code::Cancelled | Code::Aborted => ErrorKind::Cancelled,
        Code::Ok | Code::Unknown | Code::Internal => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_comes_back_out_of_a_status() {
        let error = from_status(&Status::not_found("table \"a\" does not exist (hint: write b)"));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.message(), "table \"a\" does not exist");
        assert_eq!(error.hint(), Some("write b"));
    }

    #[test]
    fn only_a_grpc_uri_is_connected_to() {
        for (uri, is_good) in [
            ("grpc://127.0.0.1:32010", true),
            ("grpc+tcp://localhost:1", true),
            ("grpc+tls://localhost:1", true),
            ("127.0.0.1:32010", false),
            ("ftp://x", false),
            ("grpc://", false),
        ] {
            assert_eq!(endpoint(uri, None).is_ok(), is_good, "{uri}");
        }
    }
}
