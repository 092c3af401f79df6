//! The Handshake call: credentials in, a token for all that follows out.

use std::time::Duration;

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use futures::StreamExt;
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Response, Status, Streaming};

use super::authenticator::Authenticator;
use super::credentials::Credentials;
use crate::connection::Peer;
use crate::service::Answers;
use crate::status::status;

/// The time that a client has for its first message.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers a handshake. With logins off every credential is as good as none.
pub(crate) async fn answer_handshake(
    authenticator: &Authenticator,
    headers: &MetadataMap,
    extensions: &Extensions,
    mut messages: Streaming<HandshakeRequest>,
) -> Result<Response<Answers<HandshakeResponse>>, Status> {
    // A client may leave its side open until it has the answer: one message is enough.
    let first = tokio::time::timeout(PATIENCE, messages.next()).await;
    let first = first.map_err(|_| status(&too_late()))?.transpose()?;
    let payload = first.map(|message| message.payload).unwrap_or_default();
    let answer = async {
        let credentials = match Credentials::of_headers(headers) {
            // Whoever is not asked for credentials may send what it likes.
            Ok(Credentials::None) if authenticator.is_on() => Credentials::of_payload(&payload)?,
            Err(_) if !authenticator.is_on() => Credentials::None,
            shown => shown?,
        };
        authenticator.log_in(credentials, extensions.get::<Peer>()).await
    };
    let token = answer.await.map_err(|error| status(&error))?.new_token;
    let payload = token.clone().unwrap_or_default().into();
    let answer = HandshakeResponse { protocol_version: 0, payload };
    let stream: Answers<HandshakeResponse> = Box::pin(futures::stream::iter([Ok(answer)]));
    let mut response = Response::new(stream);
    let header = token.and_then(|token| MetadataValue::try_from(format!("Bearer {token}")).ok());
    if let Some(value) = header {
        response.metadata_mut().insert("authorization", value);
    }
    Ok(response)
}

fn too_late() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the handshake did not begin in time")
}
