//! A prepared statement, so that an input can name one by a handle that is right.

use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use prost::Message;
use prost::bytes::Bytes;
use samite_flight_server::fuzzing::Calls;

/// Calls to a server of its own.
///
/// # Errors
///
/// When there is no such server.
pub fn calls() -> Result<Calls, String> {
    Calls::new(crate::engine()).map_err(|error| error.to_string())
}

/// The handle of a statement.
///
/// # Errors
///
/// When it cannot be prepared.
pub async fn prepare(calls: &Calls, sql: &str) -> Result<Bytes, String> {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let answer = calls.action("CreatePreparedStatement", &request.as_any().encode_to_vec()).await;
    let body = answer.map_err(|error| error.to_string())?.pop().unwrap_or_default();
    let any = Any::decode(body).map_err(|error| error.to_string())?;
    let prepared = any.unpack::<ActionCreatePreparedStatementResult>();
    let prepared = prepared.map_err(|error| error.to_string())?.ok_or("another message")?;
    Ok(prepared.prepared_statement_handle)
}
