//! What is there at once: a small result is one piece with its schema and its end.
//!
//! It goes out with the answer's headers, without a task and a channel of its own.

use std::time::Duration;

use samite_engine::Result;

use super::rows::Rows;
use crate::encode::Encoder;
use crate::message::Message;
use crate::query::Query;

/// The time that a small result has to be the whole answer.
const HEAD_WAIT: Duration = Duration::from_millis(10);

/// Rows up to which the answer waits for more, in bytes.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// The first messages of a query.
#[derive(Debug)]
pub(super) struct Head {
    /// The schema, and the rows that were there.
    pub(super) messages: Vec<Message>,
    /// True if nothing comes after them.
    pub(super) is_all: bool,
}

/// Reads what is there at once. Rows that come later, or are many, stay in `rows`.
///
/// # Errors
///
/// As the query's.
pub(super) async fn read_head(
    query: &Query,
    rows: &mut Rows,
    encoder: &mut Encoder,
) -> Result<Head> {
    let mut messages = vec![encoder.schema_message()];
    // Many runs are joined while they are waited for, which must not be given up halfway.
    if query.work.is_repeated() {
        return Ok(Head { messages, is_all: false });
    }
    let reading = read_rows(rows, encoder, &mut messages);
    let is_all = match tokio::time::timeout(HEAD_WAIT, reading).await {
        Ok(result) => result?,
        Err(_) => false,
    };
    Ok(Head { messages, is_all })
}

/// True if these were all rows. Nothing is lost if it is given up while it waits.
async fn read_rows(
    rows: &mut Rows,
    encoder: &mut Encoder,
    messages: &mut Vec<Message>,
) -> Result<bool> {
    let mut room = HEAD_BYTES_MAX;
    loop {
        let Some(joined) = rows.next_joined().await? else { return Ok(true) };
        if joined.bytes > room {
            rows.put_back(joined);
            return Ok(false);
        }
        room -= joined.bytes;
        for piece in encoder.pieces(&joined) {
            messages.extend(encoder.encode(piece)?);
        }
    }
}
