//! What names something that the server keeps: prepared statements, transactions, sessions, logins.
//!
//! The first byte says which: a prepared statement's own handle with some bits turned, a transaction,
//! a login behind a seal that is right, or the ticket of a query that is to be cancelled or renewed.

#![no_main]

use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, CommandPreparedStatementQuery, CommandStatementQuery,
    ProstMessageExt,
};
use arrow_flight::{
    CancelFlightInfoRequest, FlightEndpoint, FlightInfo, RenewFlightEndpointRequest, Ticket,
};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use samite_flight_server::fuzzing::login;
use samite_fuzz::{calls, prepare};

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    samite_fuzz::run(&[], || match kind % 4 {
        0 => samite_fuzz::wait(prepared(input)),
        1 => samite_fuzz::wait(transaction(input)),
        2 => login(input),
        _ => samite_fuzz::wait(query(input)),
    });
});

async fn prepared(turned: &[u8]) -> Result<(), String> {
    let calls = calls()?;
    let mut handle = prepare(&calls, "SELECT 1 AS a").await?.to_vec();
    for (at, bits) in turned.iter().enumerate() {
        match handle.get_mut(at) {
            Some(byte) => *byte ^= bits,
            None => handle.push(*bits),
        }
    }
    let is_own = turned.len() <= 16 && turned.iter().all(|bits| *bits == 0);
    let command =
        CommandPreparedStatementQuery { prepared_statement_handle: handle.clone().into() };
    let found = calls.describe(&command.as_any().encode_to_vec()).await.is_ok();
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle.into() };
    drop(calls.action("ClosePreparedStatement", &close.as_any().encode_to_vec()).await);
    match found == is_own {
        true => Ok(()),
        false => Err("a handle is found by another, or not by its own name".to_owned()),
    }
}

async fn transaction(id: &[u8]) -> Result<(), String> {
    let query = CommandStatementQuery {
        query: "SELECT 1 AS a".to_owned(),
        transaction_id: Some(id.to_vec().into()),
    };
    let runs = calls()?.describe(&query.as_any().encode_to_vec()).await.is_ok();
    match runs == id.is_empty() {
        true => Ok(()),
        false => Err("a statement runs in a transaction that cannot be".to_owned()),
    }
}

async fn query(ticket: &[u8]) -> Result<(), String> {
    let calls = calls()?;
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket: ticket.to_vec().into() });
    let info = FlightInfo { endpoint: vec![endpoint.clone()], ..FlightInfo::default() };
    let renew = RenewFlightEndpointRequest::new(endpoint);
    let cancel = CancelFlightInfoRequest::new(info);
    let cancelled = calls.action("CancelFlightInfo", &cancel.encode_to_vec()).await.is_ok();
    let renewed = calls.action("RenewFlightEndpoint", &renew.encode_to_vec()).await.is_ok();
    match cancelled || renewed {
        true => Err("a ticket that was not issued is one".to_owned()),
        false => Ok(()),
    }
}
