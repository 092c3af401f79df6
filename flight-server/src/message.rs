//! Messages of rows: what `FlightData` says, with the data still in the arrays' own buffers.
//!
//! ```text
//! arrays ──▶ Message (header, parts of the body) ──▶ Frames (gRPC, protobuf) ──▶ Body ──▶ HTTP/2
//!            no copy                                 copies what fills no frame
//! ```
//!
//! The usual way copies each array into a message, and each message into a buffer of tonic's: for
//! large results much of the server's work.

mod body;
mod frames;

use bytes::Bytes;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::ipc::root_as_message;
use samite_engine::{Error, ErrorKind, Result};

pub(crate) use body::{Messages, NoMessages, Uncopied, hand_over};

/// What an encapsulated IPC message begins with: `0xFFFFFFFF`, and the length of the metadata.
///
/// Source: Arrow Columnar Format, "Encapsulated message format".
const PREFIX_BYTES: usize = 8;

/// One message of a result.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The metadata of the IPC message: `data_header` of `FlightData`.
    header: Bytes,
    /// The parts of the data, one after the other: `data_body`.
    body: Vec<Bytes>,
}

impl Message {
    /// A message without data.
    pub(crate) fn of_header(header: Bytes) -> Self {
        Self { header, body: Vec::new() }
    }

    /// The one encapsulated IPC message that arrow-ipc gives in `buffers`: prefix, metadata, data.
    ///
    /// # Errors
    ///
    /// When that is not what they are.
    pub(crate) fn of_buffers(buffers: Vec<Buffer>) -> Result<Self> {
        let mut parts = buffers.into_iter().filter(|buffer| !buffer.is_empty());
        let prefix = parts.next().and_then(|prefix| prefix.as_slice().try_into().ok());
        let [_, _, _, _, length @ ..]: [u8; PREFIX_BYTES] = prefix.ok_or_else(unexpected)?;
        let length = u32::from_le_bytes(length) as usize;
        let mut header = Vec::with_capacity(length);
        while header.len() < length {
            header.extend_from_slice(&parts.next().ok_or_else(unexpected)?);
        }
        if header.len() != length {
            return Err(unexpected());
        }
        let body: Vec<Bytes> = parts.map(|part| Bytes::from_owner(Part(part))).collect();
        let message = Self { header: header.into(), body };
        match root_as_message(&message.header) {
            Ok(metadata) if usize::try_from(metadata.bodyLength()) == Ok(message.body_bytes()) => {
                Ok(message)
            }
            _ => Err(unexpected()),
        }
    }

    /// Its size, without what frames it.
    pub(crate) fn bytes(&self) -> usize {
        self.header.len() + self.body_bytes()
    }

    fn body_bytes(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }
}

/// A buffer as an owner of bytes.
struct Part(Buffer);

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "the result cannot be encoded")
        .with_detail("arrow-ipc gave no message of the form that it should have")
}

#[cfg(test)]
impl From<&Message> for arrow_flight::FlightData {
    fn from(message: &Message) -> Self {
        Self {
            data_header: message.header.clone(),
            data_body: message.body.concat().into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_are_no_message_are_refused() {
        let prefix = |length: u32| [[0xff; 4], length.to_le_bytes()].concat();
        let cases = [
            vec![],
            vec![vec![0xff; 4]],
            vec![prefix(16)],
            vec![prefix(16), vec![0; 8]],
            vec![prefix(8), vec![0; 16]],
            vec![prefix(8), vec![0; 8], vec![1; 64]],
        ];
        for case in cases {
            let buffers = case.iter().map(Buffer::from_slice_ref).collect();
            let kind = Message::of_buffers(buffers).map_err(|error| error.kind()).err();
            assert_eq!(kind, Some(ErrorKind::Internal), "{case:?}");
        }
    }
}
