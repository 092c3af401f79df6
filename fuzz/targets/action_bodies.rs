//! The bodies of all actions, the commands of GetFlightInfo, GetSchema, DoGet and DoPut, session
//! options, plans of Substrait and the batches of parameters, through the service itself.
//!
//! The first byte says which call it is, the second as which message the rest is packed (0: as none).
//! Rows of queries are not fetched: this target is for what is read, not for what is run.

#![no_main]

use arrow_flight::sql::{CommandPreparedStatementQuery, ProstMessageExt};
use arrow_flight::{FlightData, FlightDescriptor};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use samite_flight_server::fuzzing::{Calls, handshake};
use samite_fuzz::{ACTIONS, MESSAGES, calls, prepare, wrapped};

/// What values are bound to.
const PREPARED: &str = "SELECT $1 AS a, id FROM sales.orders.orders WHERE price > $2 AND day = $3";

/// The reader of Substrait takes parts for granted that may be missing; the engine catches that.
const READERS_OF_PLANS: &[&str] = &["datafusion", "datafusion-substrait", "substrait", "arrow"];

/// Arrow's reader takes a buffer for as long as it is said to be; the server catches that.
const READERS_OF_BATCHES: &[&str] = &["arrow-buffer", "arrow-data", "arrow-array", "arrow-ipc"];

/// Messages of one DoPut.
const MESSAGES_MAX: usize = 16;

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let [call, message, body @ ..] = input else { return };
    let caught = if has_plan(*call, *message) {
        READERS_OF_PLANS
    } else if is_put(*call) {
        READERS_OF_BATCHES
    } else {
        &[]
    };
    samite_fuzz::run(caught, || {
        samite_fuzz::wait(answer(usize::from(*call), *message, body))
    });
});

fn is_put(call: u8) -> bool {
    usize::from(call) % (ACTIONS.len() + 4) > ACTIONS.len() + 2
}

fn has_plan(call: u8, message: u8) -> bool {
    let message = usize::from(message).checked_sub(1).map(|at| MESSAGES[at % MESSAGES.len()]);
    let is_raw = message.is_none();
    let names_plan = message.is_some_and(|message| message.contains("Substrait"));
    usize::from(call) % (ACTIONS.len() + 4) <= ACTIONS.len() + 1 && (is_raw || names_plan)
}

async fn answer(call: usize, message: u8, body: &[u8]) -> Result<(), String> {
    let calls = calls()?;
    let call = call % (ACTIONS.len() + 4);
    match call.checked_sub(ACTIONS.len()) {
        None => drop(calls.action(ACTIONS[call], &wrapped(message, body)).await),
        Some(0) => drop(calls.describe(&wrapped(message, body)).await),
        Some(1) => drop(calls.rows(&wrapped(message, body)).await),
        Some(2) => handshake(body),
        Some(_) => put(&calls, message, body).await?,
    }
    Ok(())
}

/// DoPut: the values of a prepared statement, or any other command. The body is a row of messages,
/// each with its length before it.
async fn put(calls: &Calls, message: u8, mut body: &[u8]) -> Result<(), String> {
    let command = match message {
        0 => {
            let prepared_statement_handle = prepare(calls, PREPARED).await?;
            CommandPreparedStatementQuery { prepared_statement_handle }.as_any().encode_to_vec()
        }
        _ => wrapped(message, body),
    };
    let mut messages = Vec::new();
    while let Ok(data) = FlightData::decode_length_delimited(&mut body) {
        messages.push(data);
        if body.is_empty() || messages.len() == MESSAGES_MAX {
            break;
        }
    }
    if let Some(first) = messages.first_mut() {
        first.flight_descriptor = Some(FlightDescriptor::new_cmd(command.clone()));
    }
    drop(calls.put(messages).await);
    drop(calls.describe(&command).await);
    Ok(())
}
