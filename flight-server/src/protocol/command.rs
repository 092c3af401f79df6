//! Commands and actions, as bytes and as values.

use arrow_flight::sql::{Any, Command, ProstMessageExt};
use bytes::Bytes;
use prost::Message;
use samite_engine::{Error, ErrorKind, Result};

/// The answer to CreatePreparedStatement; arrow-flight's own lacks `is_update`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Prepared {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) prepared_statement_handle: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) dataset_schema: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) parameter_schema: Bytes,
    #[prost(bool, optional, tag = "4")]
    pub(crate) is_update: Option<bool>,
}

impl ProstMessageExt for Prepared {
    fn type_url() -> &'static str {
        "type.googleapis.com/arrow.flight.protocol.sql.ActionCreatePreparedStatementResult"
    }

    fn as_any(&self) -> Any {
        Any { type_url: Self::type_url().to_owned(), value: self.encode_to_vec().into() }
    }
}

/// Reads the command of a descriptor or ticket.
///
/// # Errors
///
/// When it is not a command of Flight SQL.
pub(crate) fn read_command(bytes: &[u8]) -> Result<Command> {
    let any = Any::decode(bytes).map_err(|error| not_flight_sql().with_source(error))?;
    match Command::try_from(any) {
        Ok(Command::Unknown(any)) => Err(not_flight_sql().with_detail(short(&any.type_url))),
        Ok(command) => Ok(command),
        Err(error) => Err(not_flight_sql().with_detail("it is cut short").with_source(error)),
    }
}

/// The body of an action that is packed into an `Any`.
///
/// # Errors
///
/// When it is another message.
pub(crate) fn any_action<M: ProstMessageExt>(body: &[u8]) -> Result<M> {
    let any = Any::decode(body).map_err(|error| bad_body::<M>().with_source(error))?;
    match any.unpack() {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(bad_body::<M>().with_detail(short(&any.type_url))),
        Err(error) => Err(bad_body::<M>().with_source(error)),
    }
}

/// The body of an action that is a bare message.
///
/// # Errors
///
/// When it is another message.
pub(crate) fn raw_action<M: Message + Default>(action: &str, body: &[u8]) -> Result<M> {
    M::decode(body).map_err(|error| {
        let message = format!("the body of action \"{}\" cannot be read", short(action));
        Error::new(ErrorKind::InvalidQuery, message).with_source(error)
    })
}

/// A message packed into an `Any`, as bytes.
pub(crate) fn any_bytes<M: ProstMessageExt>(message: &M) -> Bytes {
    message.as_any().encode_to_vec().into()
}

fn bad_body<M: ProstMessageExt>() -> Error {
    let name = M::type_url().rsplit('.').next().unwrap_or_default();
    Error::new(ErrorKind::InvalidQuery, format!("the body of the action is not a {name}"))
}

fn not_flight_sql() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the request is not a command of Flight SQL")
        .with_hint("use a Flight SQL client, for instance adbc_driver_flightsql")
}

/// What a client sent, short enough for a message.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use arrow_flight::sql::{ActionClosePreparedStatementRequest, CommandStatementQuery};

    use super::*;

    #[test]
    fn garbage_is_no_command() {
        let unknown = Any { type_url: "x".to_owned(), value: Bytes::new() }.encode_to_vec();
        let mut cut = CommandStatementQuery::default().as_any();
        cut.value = Bytes::from_static(&[0x0a, 0xff]);
        for garbage in [&b"garbage"[..], &[0xff; 64], &unknown, &cut.encode_to_vec()] {
            let error = read_command(garbage).map_err(|error| error.kind());
            assert_eq!(error.err(), Some(ErrorKind::InvalidQuery), "{garbage:?}");
        }
    }

    #[test]
    fn action_is_unpacked_as_what_it_is() {
        let close = ActionClosePreparedStatementRequest { prepared_statement_handle: "h".into() };
        let body = any_bytes(&close);
        assert_eq!(any_action::<ActionClosePreparedStatementRequest>(&body).unwrap(), close);
        assert!(any_action::<CommandStatementQuery>(&body).is_err());
    }
}
