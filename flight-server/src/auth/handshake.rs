//! The Handshake call: whoever asks gets a token that tells its session apart.

use std::time::Duration;

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use futures::StreamExt;
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status, Streaming};
use uuid::Uuid;

use super::bearer;
use crate::service::Answers;
use crate::status::status;

/// The time that a client has for its first message.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers a handshake. With logins off every credential is as good as none.
pub(crate) async fn answer_handshake(
    headers: MetadataMap,
    mut messages: Streaming<HandshakeRequest>,
) -> Result<Response<Answers<HandshakeResponse>>, Status> {
    // A client may leave its side open until it has the answer: one message is enough.
    let first = tokio::time::timeout(PATIENCE, messages.next()).await;
    if let Some(message) = first.map_err(|_| status(&too_late()))? {
        message?;
    }
    let shown = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = match shown.and_then(bearer) {
        Some(token) => token.to_owned(),
        None => format!("samite-{}", Uuid::new_v4().simple()),
    };
    let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
    let stream: Answers<HandshakeResponse> = Box::pin(futures::stream::iter([Ok(answer)]));
    let mut response = Response::new(stream);
    if let Ok(value) = MetadataValue::try_from(format!("Bearer {token}")) {
        response.metadata_mut().insert("authorization", value);
    }
    Ok(response)
}

fn too_late() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the handshake did not begin in time")
}
