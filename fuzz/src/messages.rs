//! The names of the messages of Flight SQL, so that an input says in one byte which one it is.

use arrow_flight::sql::Any;
use prost::Message;

/// What begins the name of every message of Flight SQL.
pub const TYPE_PREFIX: &str = "type.googleapis.com/arrow.flight.protocol.sql.";

/// The actions of the server, those that it refuses, and one that nobody knows.
pub const ACTIONS: [&str; 14] = [
    "CreatePreparedStatement",
    "CreatePreparedSubstraitPlan",
    "ClosePreparedStatement",
    "CancelQuery",
    "CancelFlightInfo",
    "RenewFlightEndpoint",
    "SetSessionOptions",
    "GetSessionOptions",
    "CloseSession",
    "BeginTransaction",
    "EndTransaction",
    "BeginSavepoint",
    "EndSavepoint",
    "Unknown\u{7}",
];

/// The messages that are packed into an `Any`.
pub const MESSAGES: [&str; 26] = [
    "CommandStatementQuery",
    "CommandStatementSubstraitPlan",
    "CommandPreparedStatementQuery",
    "CommandStatementUpdate",
    "CommandPreparedStatementUpdate",
    "CommandStatementIngest",
    "CommandGetCatalogs",
    "CommandGetDbSchemas",
    "CommandGetTables",
    "CommandGetTableTypes",
    "CommandGetPrimaryKeys",
    "CommandGetImportedKeys",
    "CommandGetExportedKeys",
    "CommandGetCrossReference",
    "CommandGetSqlInfo",
    "CommandGetXdbcTypeInfo",
    "TicketStatementQuery",
    "ActionCreatePreparedStatementRequest",
    "ActionCreatePreparedSubstraitPlanRequest",
    "ActionClosePreparedStatementRequest",
    "ActionCancelQueryRequest",
    "ActionBeginTransactionRequest",
    "ActionEndTransactionRequest",
    "ActionBeginSavepointRequest",
    "ActionEndSavepointRequest",
    "DoPutUpdateResult",
];

/// A body as it is, or packed into an `Any` as one of [`MESSAGES`].
pub fn wrapped(selector: u8, body: &[u8]) -> Vec<u8> {
    let Some(message) = usize::from(selector).checked_sub(1) else { return body.to_vec() };
    let message = MESSAGES[message % MESSAGES.len()];
    let any = Any { type_url: format!("{TYPE_PREFIX}{message}"), value: body.to_vec().into() };
    any.encode_to_vec()
}
