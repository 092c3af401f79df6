//! The PostgreSQL protocol: first packets, messages, texts of several statements, values.
//!
//! The first byte says which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samite_pg_server::fuzzing::{first, parameter, stream, text};

/// The types that values have, and one that there is not.
const TYPES: [u32; 24] = [
    0, 16, 17, 20, 21, 23, 25, 26, 114, 700, 701, 1082, 1083, 1114, 1184, 1186, 1700, 2950, 3802,
    1007, 1009, 1182, 1231, 99_999,
];

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    samite_fuzz::run(&[], || {
        match kind % 4 {
            0 => first(input),
            1 => return stream(input),
            2 => return text(&String::from_utf8_lossy(input)),
            _ => {
                let Some((oid, value)) = input.split_first() else { return Ok(()) };
                parameter(TYPES[usize::from(*oid) % TYPES.len()], value);
            }
        }
        Ok(())
    });
});
