//! Doors to the decoders of what strangers send, for the fuzz targets in `fuzz/` and for nobody else.
//!
//! A [`Verdict`] says which rule does not hold; what a decoder refuses is as good as what it reads.

use bytes::BytesMut;
use futures::FutureExt;
use samite_engine::plan::Parameter;
use tokio_util::codec::Decoder;

use crate::command::Command;
use crate::parameters::Wanted;
use crate::protocol::{Codec, Frontend, read_first};
use crate::values::Format;
use crate::{split, startup};

/// Whether the rules of a decoder hold, and which one does not.
pub type Verdict = Result<(), String>;

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// The first packet of a connection, and the settings that it may ask for.
pub fn first(bytes: &[u8]) {
    let mut packet = bytes;
    // A packet that is cut short is at its end: reading it never waits.
    drop(read_first(&mut packet).now_or_never());
    drop(startup::options(&String::from_utf8_lossy(bytes)));
    startup::is_token(&startup::password(bytes));
}

/// What a client says once it is known, message after message, and the texts in it.
///
/// # Errors
///
/// As [`text`].
pub fn stream(bytes: &[u8]) -> Verdict {
    let (mut codec, mut bytes) = (Codec::new(MESSAGE_BYTES_MAX), BytesMut::from(bytes));
    while let Ok(Some((message, _))) = codec.decode(&mut bytes) {
        match message {
            Frontend::Query(sql) => text(&sql)?,
            Frontend::Parse(parse) => text(&parse.sql)?,
            Frontend::Bind(bind) => {
                for (value, oid) in bind.values.iter().flatten().zip([16, 20, 25, 1082, 1700]) {
                    parameter(oid, value);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A text of statements: cut into them, and each understood as far as the connection does.
///
/// # Errors
///
/// When a statement is no part of the text, or cutting it once more changes it.
pub fn text(sql: &str) -> Verdict {
    let mut rest = sql;
    for statement in split::statements(sql) {
        let Some(at) = rest.find(statement) else {
            return Err(format!("{statement:?} does not follow in {sql:?}"));
        };
        rest = rest.get(at + statement.len()..).unwrap_or_default();
        drop(Command::of(statement));
    }
    Ok(())
}

/// The value of a parameter, as text and in binary form.
pub fn parameter(oid: u32, bytes: &[u8]) {
    let parameter = Parameter { number: 1, data_type: None, likely_type: None };
    let Ok(wanted) = Wanted::new(&parameter, oid, "Europe/Berlin") else { return };
    for format in [Format::Text, Format::Binary] {
        drop(wanted.read(1, Some(bytes), format));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_read_to_its_end() {
        for bytes in [&b""[..], b"\0", b"Q\0\0\0\x08a;\xc3\xa4\0", &[0xff; 64], b"B\0\0\0\x04"] {
            first(bytes);
            assert_eq!(stream(bytes), Ok(()), "{bytes:?}");
            for oid in [0, 16, 1007, 1184, 1231, 1700, 3802, 99_999] {
                parameter(oid, bytes);
            }
        }
        for sql in ["SELECT 1; SELECT 2", "a; a", ";;", "'a; b"] {
            assert_eq!(text(sql), Ok(()), "{sql}");
        }
    }
}
