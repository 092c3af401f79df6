//! Cuts the stream of a client into messages, and writes those of the server.

use std::io;

use bytes::{Buf, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio_util::codec::{Decoder, Encoder};

use super::fields::broken;
use super::frontend::Frontend;

/// Bytes of a message before its body: its type and its length.
const HEAD_BYTES: usize = 5;

/// What is sent to a client.
#[derive(Debug)]
pub(crate) enum Backend {
    /// One message.
    Message(PgWireBackendMessage),
    /// Messages that are written already: rows.
    Written(BytesMut),
}

/// Cuts the stream of a client into messages of a bounded length.
#[derive(Debug)]
pub(crate) struct Codec {
    /// The longest message, in bytes.
    bytes_max: usize,
}

impl Codec {
    /// Takes messages of up to so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max }
    }
}

impl Decoder for Codec {
    /// A message, and the bytes that it had.
    type Item = (Frontend, usize);
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<(Frontend, usize)>> {
        let Some((head, _)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let [kind, length @ ..] = *head;
        // The length counts itself.
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or_default();
        let body = length.checked_sub(4).ok_or_else(|| broken("a message has no such length"))?;
        if body > self.bytes_max {
            return Err(broken("a message is too long"));
        }
        if bytes.len() < HEAD_BYTES + body {
            return Ok(None);
        }
        bytes.advance(HEAD_BYTES);
        let message = Frontend::parse(kind, bytes.split_to(body).freeze())?;
        Ok(Some((message, HEAD_BYTES + body)))
    }
}

impl Encoder<Backend> for Codec {
    type Error = io::Error;

    fn encode(&mut self, message: Backend, bytes: &mut BytesMut) -> io::Result<()> {
        match message {
            Backend::Message(message) => message.encode(bytes).map_err(io::Error::other),
            Backend::Written(rows) => {
                bytes.extend_from_slice(&rows);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(stream: &[u8]) -> io::Result<Option<(Frontend, usize)>> {
        Codec::new(100).decode(&mut BytesMut::from(stream))
    }

    #[test]
    fn message_waits_for_its_last_byte() {
        let stream = b"Q\0\0\0\x06a\0rest";
        for end in 0..7 {
            let part = stream.get(..end).unwrap_or_default();
            assert!(matches!(decode(part), Ok(None)), "{part:?}");
        }
        assert_eq!(decode(stream).ok().flatten(), Some((Frontend::Query("a".to_owned()), 7)));
    }

    #[test]
    fn length_is_bounded_before_anything_is_kept() {
        for length in [-1i32, 0, 3, 105, i32::MAX] {
            let stream = [&b"Q"[..], &length.to_be_bytes()].concat();
            assert!(decode(&stream).is_err(), "{length}");
        }
        assert!(matches!(decode(&[&b"Q"[..], &104i32.to_be_bytes()].concat()), Ok(None)));
    }
}
