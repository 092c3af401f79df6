//! Messages cut into frames: as gRPC and protobuf write them, whole frames where there are enough bytes.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use tonic::Status;

use super::Message;

/// The payload of a full HTTP/2 frame, unless a client wants larger ones.
///
/// Source: RFC 9113, section 6.5.2, `SETTINGS_MAX_FRAME_SIZE`.
const FRAME_BYTES: usize = 16 << 10;

/// `data_header` in `FlightData` (`Flight.proto`).
const DATA_HEADER: u32 = 2;

/// `data_body` in `FlightData` (`Flight.proto`).
const DATA_BODY: u32 = 1000;

/// Bytes on their way into frames. What fills a frame is not copied; the rest is gathered.
#[derive(Debug, Default)]
pub(super) struct Frames {
    whole: VecDeque<Bytes>,
    /// The beginning of a frame.
    begun: BytesMut,
}

impl Frames {
    /// Adds a message, as a length-prefixed message that is not compressed ("gRPC over HTTP2").
    ///
    /// # Errors
    ///
    /// When it is longer than gRPC can say.
    pub(super) fn push(&mut self, message: Message) -> Result<(), Status> {
        let body_bytes = message.body_bytes();
        let bytes = field_bytes(DATA_HEADER, message.header.len())
            .saturating_add(field_bytes(DATA_BODY, body_bytes));
        let too_long = |_| Status::internal("a message is longer than gRPC allows");
        let bytes = u32::try_from(bytes).map_err(too_long)?;
        let mut begin = BytesMut::new();
        begin.put_u8(0);
        begin.put_u32(bytes);
        begin_field(DATA_HEADER, message.header.len(), &mut begin);
        begin.put(message.header);
        begin_field(DATA_BODY, body_bytes, &mut begin);
        self.add(begin.freeze());
        message.body.into_iter().for_each(|part| self.add(part));
        Ok(())
    }

    fn add(&mut self, mut bytes: Bytes) {
        if !self.begun.is_empty() {
            let room = FRAME_BYTES - self.begun.len();
            self.begun.put(bytes.split_to(room.min(bytes.len())));
            if self.begun.len() == FRAME_BYTES {
                self.end();
            }
        }
        let whole = bytes.len() / FRAME_BYTES * FRAME_BYTES;
        if whole > 0 {
            self.whole.push_back(bytes.split_to(whole));
        }
        if !bytes.is_empty() {
            self.begun.reserve(FRAME_BYTES);
            self.begun.put(bytes);
        }
    }

    /// The next bytes that fill frames.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.whole.pop_front()
    }

    /// What is there, since nothing comes to fill the frame.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        if !self.begun.is_empty() {
            self.end();
        }
        self.next()
    }

    fn end(&mut self) {
        self.whole.push_back(self.begun.split().freeze());
    }
}

/// The bytes of a field with a value of `length` bytes; an empty value is not written.
fn field_bytes(tag: u32, length: usize) -> usize {
    match length {
        0 => 0,
        _ => key_len(tag) + encoded_len_varint(length as u64) + length,
    }
}

fn begin_field(tag: u32, length: usize, into: &mut BytesMut) {
    if length > 0 {
        encode_key(tag, WireType::LengthDelimited, into);
        encode_varint(length as u64, into);
    }
}

#[cfg(test)]
mod tests {
    use arrow_flight::FlightData;
    use bytes::Buf;
    use prost::Message as _;

    use super::*;

    fn message(header: usize, parts: &[usize]) -> Message {
        let bytes = |length: usize| Bytes::from_iter((0..length).map(|at| (at % 251) as u8));
        Message { header: bytes(header), body: parts.iter().map(|length| bytes(*length)).collect() }
    }

    #[test]
    fn frames_are_what_protobuf_writes() {
        let full = FRAME_BYTES;
        let messages = [
            message(100, &[]),
            message(0, &[]),
            message(300, &[1, 7, 64, full, 63, 3 * full + 5, full - 1, 1]),
            message(full, &[full, full]),
            message(8, &[100 * full + 1]),
        ];
        let (mut frames, mut sent) = (Frames::default(), BytesMut::new());
        for message in &messages {
            frames.push(message.clone()).unwrap();
            while let Some(bytes) = frames.next() {
                assert_eq!(bytes.len() % full, 0);
                sent.put(bytes);
            }
        }
        sent.put(frames.rest().unwrap_or_default());
        assert!(frames.rest().is_none());
        for message in &messages {
            assert_eq!(sent.get_u8(), 0);
            let length = sent.get_u32() as usize;
            let data = FlightData::decode(sent.split_to(length)).unwrap();
            assert_eq!(data, FlightData::from(message));
        }
        assert!(sent.is_empty());
    }

    #[test]
    fn large_part_is_not_copied() {
        let part = Bytes::from(vec![7; 10 * FRAME_BYTES]);
        let mut frames = Frames::default();
        frames.push(Message { header: Bytes::new(), body: vec![part.clone()] }).unwrap();
        let (begin, large) = (frames.next().unwrap(), frames.next().unwrap());
        assert_eq!(begin.len(), FRAME_BYTES);
        assert!(part.as_ptr_range().contains(&large.as_ptr()));
        assert_eq!(large.len(), 9 * FRAME_BYTES);
    }
}
