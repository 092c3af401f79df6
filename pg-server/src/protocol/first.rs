//! The first packets of a connection: they have no type, and come before anybody is known.

use std::collections::BTreeMap;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::fields::{Fields, broken};

/// The longest first packet, in bytes; as in PostgreSQL.
const PACKET_BYTES_MAX: usize = 10_000;

const CANCEL: i32 = 80_877_102;
const TLS: i32 = 80_877_103;
const GSS: i32 = 80_877_104;

/// A first packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Asks for TLS.
    Tls,
    /// Asks for encryption by GSSAPI.
    Gss,
    /// Cancels what another connection runs.
    Cancel {
        /// The number of that connection.
        process: i32,
        /// What proves that the caller may.
        key: Bytes,
    },
    /// Begins a session.
    Startup(Startup),
}

/// What a client says as it begins a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Startup {
    /// The version of the protocol: major and minor number.
    pub(crate) version: (u16, u16),
    /// User, database, and settings.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Reads one first packet, and not a byte more.
///
/// # Errors
///
/// When the connection ends, or the packet is none.
pub(crate) async fn read_first(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<First> {
    let length = usize::try_from(socket.read_i32().await?).unwrap_or_default();
    let Some(body_length) =
        length.checked_sub(4).filter(|_| (8..=PACKET_BYTES_MAX).contains(&length))
    else {
        return Err(broken("the first packet has no such length"));
    };
    let mut body = BytesMut::zeroed(body_length);
    socket.read_exact(&mut body).await?;
    parse(body.freeze())
}

fn parse(body: Bytes) -> io::Result<First> {
    let mut fields = Fields::new(body);
    match fields.number_32()? {
        TLS => Ok(First::Tls),
        GSS => Ok(First::Gss),
        CANCEL => Ok(First::Cancel { process: fields.number_32()?, key: fields.rest() }),
        version => {
            let [a, b, c, d] = version.to_be_bytes();
            let version = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let mut parameters = BTreeMap::new();
            loop {
                let name = fields.text()?;
                if name.is_empty() {
                    break;
                }
                parameters.insert(name, fields.text()?);
            }
            Ok(First::Startup(Startup { version, parameters }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(packet: &[u8]) -> Option<First> {
        read_first(&mut &*packet).await.ok()
    }

    fn packet(body: &[u8]) -> Vec<u8> {
        let length = i32::try_from(body.len() + 4).unwrap_or_default();
        [&length.to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn first_packet_is_one_of_four() {
        assert_eq!(read(&packet(&TLS.to_be_bytes())).await, Some(First::Tls));
        assert_eq!(read(&packet(&GSS.to_be_bytes())).await, Some(First::Gss));
        let cancel = [&CANCEL.to_be_bytes()[..], &7i32.to_be_bytes(), b"key!"].concat();
        let key = Bytes::from_static(b"key!");
        assert_eq!(read(&packet(&cancel)).await, Some(First::Cancel { process: 7, key }));
        let startup = [&[0, 3, 0, 2][..], b"user\0anna\0\0"].concat();
        let parameters = BTreeMap::from([("user".to_owned(), "anna".to_owned())]);
        let expected = First::Startup(Startup { version: (3, 2), parameters });
        assert_eq!(read(&packet(&startup)).await, Some(expected));
    }

    #[tokio::test]
    async fn what_is_no_packet_is_refused() {
        for bytes in [
            b"".to_vec(),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            (-1i32).to_be_bytes().to_vec(),
            7i32.to_be_bytes().to_vec(),
            [&10_001i32.to_be_bytes()[..], &[0; 9_997]].concat(),
            packet(&[0, 3, 0, 0]),
            packet(&[&[0, 3, 0, 0][..], b"user\0anna"].concat()),
            packet(&[&[0, 3, 0, 0][..], b"user\0\xff\0\0"].concat()),
            packet(&CANCEL.to_be_bytes()),
        ] {
            assert_eq!(read(&bytes).await, None, "{bytes:?}");
        }
    }
}
