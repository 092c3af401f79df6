//! Tickets, as they come and behind a seal that is right; tokens of snapshots.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samite_engine::SnapshotToken;

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    samite_fuzz::run(&[], || {
        samite_flight_server::fuzzing::ticket(input)?;
        let Ok(text) = std::str::from_utf8(input) else { return Ok(()) };
        let Ok(token) = text.parse::<SnapshotToken>() else { return Ok(()) };
        match token.to_string().parse::<SnapshotToken>() {
            Ok(again) if again == token => Ok(()),
            again => Err(format!("{token:?} is read again as {again:?}")),
        }
    });
});
