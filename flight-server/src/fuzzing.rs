//! Doors to the decoders of what strangers send, for the fuzz targets in `fuzz/` and for nobody else.
//!
//! A decoder that stands behind a seal is opened behind it: a fuzzer never guesses a signature. A
//! [`Verdict`] says which rule does not hold; what a decoder refuses is as good as what it reads.

use std::sync::Arc;

use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use bytes::Bytes;
use futures::StreamExt;
use samite_engine::session::Principal;
use samite_engine::{Engine, Error, Result};
use tokio_util::sync::CancellationToken;

pub use crate::auth::fuzzing::{handshake, headers, keys, login};
use crate::auth::{Authenticator, Caller};
use crate::config::FlightConfig;
use crate::metadata::Pattern;
use crate::metrics::ServerMetrics;
use crate::protocol::number_placeholders;
use crate::service::State;
use crate::sessions::SessionKey;
use crate::ticket::Tickets;
use crate::wire::Profile;

/// Whether the rules of a decoder hold, and which one does not.
pub type Verdict = std::result::Result<(), String>;

/// Messages of one answer that are taken.
const MESSAGES_MAX: usize = 64;

/// A ticket: as it comes, and behind a seal that is right.
///
/// # Errors
///
/// When one opens a query that it was not issued for.
pub fn ticket(inside: &[u8]) -> Verdict {
    let tickets = Tickets::new();
    if tickets.check_signature(inside, "ada").is_ok() {
        return Err("a ticket that was not issued is one".to_owned());
    }
    let sealed = tickets.seal(inside.to_vec(), "ada").map_err(said)?;
    let opened = tickets.check_signature(&sealed, "ada");
    if opened.is_ok_and(|id| Some(&id.as_bytes()[..]) != inside.get(1..17)) {
        return Err("a ticket opens the query of another".to_owned());
    }
    if tickets.check(&sealed, "bob").is_ok() {
        return Err("a ticket serves somebody else".to_owned());
    }
    drop(tickets.check(&sealed, "ada"));
    Ok(())
}

/// The parameters of a statement, numbered.
///
/// # Errors
///
/// When numbering them once more changes the statement.
pub fn placeholders(sql: &str) -> Verdict {
    let Ok(numbered) = number_placeholders(sql) else { return Ok(()) };
    match number_placeholders(&numbered) {
        Ok(again) if again == numbered => Ok(()),
        again => Err(format!("{numbered:?} is numbered again: {again:?}")),
    }
}

/// True if `name` matches a pattern of GetTables and the like.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    Pattern::new(pattern).matches(name)
}

/// The calls of the service, without gRPC and the network.
#[derive(Debug)]
pub struct Calls {
    state: State,
    caller: Caller,
}

impl Calls {
    /// Calls to a server of its own, by `anonymous`.
    ///
    /// # Errors
    ///
    /// When there can be no such server.
    pub fn new(engine: Engine) -> Result<Self> {
        let metrics = ServerMetrics::new(engine.metrics())?;
        let authenticator = Arc::new(Authenticator::open());
        let (config, shutdown) = (FlightConfig::default(), CancellationToken::new());
        let state = State::new(engine, authenticator, metrics, config, shutdown)?;
        let caller = Caller {
            principal: Arc::new(Principal::anonymous()),
            address: None,
            session: SessionKey::Token("fuzz".to_owned()),
            asked_profile: None,
            program_profile: Profile::default(),
            program: None,
            purpose: None,
            deadline: None,
            new_token: None,
            has_credentials: false,
        };
        Ok(Self { state, caller })
    }

    /// DoAction; the bodies of the answer.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn action(&self, name: &str, body: &[u8]) -> Result<Vec<Bytes>> {
        let action = Action { r#type: name.to_owned(), body: Bytes::copy_from_slice(body) };
        let reply = self.state.action(&self.caller, &action).await?;
        let answers = reply.into_value().take(MESSAGES_MAX).collect::<Vec<_>>().await;
        Ok(answers.into_iter().flatten().map(|result| result.body).collect())
    }

    /// GetFlightInfo, PollFlightInfo and GetSchema of one command; the first ticket of the first.
    ///
    /// # Errors
    ///
    /// When the first is refused.
    pub async fn describe(&self, command: &[u8]) -> Result<Bytes> {
        let descriptor = FlightDescriptor::new_cmd(Bytes::copy_from_slice(command));
        drop(self.state.schema(&self.caller, &descriptor).await);
        drop(self.state.poll_info(&self.caller, descriptor.clone()).await);
        let info = self.state.flight_info(&self.caller, descriptor).await?.into_value();
        let ticket = info.endpoint.into_iter().next().and_then(|endpoint| endpoint.ticket);
        Ok(ticket.map(|ticket| ticket.ticket).unwrap_or_default())
    }

    /// DoGet; how many messages there are, of the first few.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn rows(&self, ticket: &[u8]) -> Result<usize> {
        let ticket = Ticket { ticket: Bytes::copy_from_slice(ticket) };
        let messages = self.state.rows(&self.caller, &ticket).await?.into_value();
        Ok(messages.take(MESSAGES_MAX).count().await)
    }

    /// DoPut; the answer.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn put(&self, messages: Vec<FlightData>) -> Result<Bytes> {
        let messages = futures::stream::iter(messages.into_iter().map(Ok)).boxed();
        Ok(self.state.put(&self.caller, messages).await?.into_value().app_metadata)
    }
}

fn said(error: Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GARBAGE: [&[u8]; 6] = [b"", b"\0", b"garbage", &[1; 25], &[0xff; 64], "ä".as_bytes()];

    #[test]
    fn garbage_is_no_ticket_and_no_login_behind_a_right_seal_either() {
        for inside in GARBAGE {
            assert_eq!(ticket(inside), Ok(()), "{inside:?}");
            assert_eq!(login(inside), Ok(()), "{inside:?}");
            assert_eq!(keys(inside, Some("k")), 0, "{inside:?}");
        }
        // The longest times that a number holds.
        let times = [[0x80, 0, 0, 0, 0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]];
        let inside = [&[1; 17][..], &times.concat()].concat();
        assert_eq!(login(&inside), Ok(()));
    }

    #[test]
    fn numbering_the_parameters_again_changes_nothing() {
        for sql in ["SELECT ?", "SELECT '?', $1", "SELECT ?, '", ""] {
            assert_eq!(placeholders(sql), Ok(()), "{sql}");
        }
        assert!(matches("pl%", "plays") && !matches("pl_", "plays"));
    }
}
