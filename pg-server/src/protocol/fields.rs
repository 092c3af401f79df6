//! Reads the fields of one message, which may be shorter than it claims.

use std::io;

use bytes::{Buf, Bytes};

/// The fields of one message that were not read yet.
#[derive(Debug)]
pub(super) struct Fields(Bytes);

impl Fields {
    /// The fields of a message without its type and length.
    pub(super) fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// True if all were read.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        self.0.try_get_u8().map_err(|_| too_short())
    }

    pub(super) fn number_16(&mut self) -> io::Result<i16> {
        self.0.try_get_i16().map_err(|_| too_short())
    }

    pub(super) fn number_32(&mut self) -> io::Result<i32> {
        self.0.try_get_i32().map_err(|_| too_short())
    }

    /// A count of things that follow, each of at least `size` bytes.
    pub(super) fn count(&mut self, size: usize) -> io::Result<usize> {
        let count = usize::from(self.0.try_get_u16().map_err(|_| too_short())?);
        if count.saturating_mul(size) > self.0.len() { Err(too_short()) } else { Ok(count) }
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> io::Result<Bytes> {
        if length > self.0.len() { Err(too_short()) } else { Ok(self.0.split_to(length)) }
    }

    /// All bytes that are left.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    /// A text that ends with a zero byte.
    pub(super) fn text(&mut self) -> io::Result<String> {
        let length = self.0.iter().position(|byte| *byte == 0).ok_or_else(too_short)?;
        let text = self.0.split_to(length);
        self.0.advance(1);
        String::from_utf8(text.into()).map_err(|_| broken("a text is not UTF-8"))
    }
}

fn too_short() -> io::Error {
    broken("a message is shorter than it says")
}

/// The error for bytes that are no message.
pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
