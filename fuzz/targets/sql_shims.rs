//! Statements: the bounds, the tokens, the parser and all that rewrites what tools send.
//!
//! A query that was rewritten is SQL: the parser reads the text of it as the same query. Texts that the
//! parser itself does not read as it prints them are let pass.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samite_engine::fuzzing::{rewritten, written};

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let Ok(sql) = std::str::from_utf8(input) else { return };
    samite_fuzz::run(&[], || {
        samite_flight_server::fuzzing::placeholders(sql)?;
        samite_pg_server::fuzzing::text(sql)?;
        let Ok(Some(query)) = rewritten(sql) else { return Ok(()) };
        match written(&query) {
            Some(again) if bare(&again) != bare(&query) => {
                Err(format!("{sql:?} is {query:?}, and that is {again:?}"))
            }
            _ => Ok(()),
        }
    });
});

/// Without quotes, capitals and spaces: a column that is called `top` gets quotes whenever it is read, the
/// parser has functions that it writes in capitals, and one called `SELECT` is a subquery in parentheses.
fn bare(sql: &str) -> String {
    let letters = sql.chars().filter(|letter| *letter != '"' && !letter.is_whitespace());
    letters.collect::<String>().to_ascii_lowercase()
}
