//! Tickets: what a client shows to fetch the rows of a query.
//!
//! ```text
//! version (1) | id of the query (16) | end, ms after the start of the process (8) | HMAC-SHA256 (32)
//! ```
//!
//! The principal is part of what is signed, but not of the ticket: a ticket of somebody else reads
//! like one that was never issued. The key is random for each process.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use samite_engine::{Error, ErrorKind, Result};
use sha2::Sha256;
use uuid::Uuid;

const VERSION: u8 = 1;
const SIGNED_BYTES: usize = 1 + 16 + 8;
const TICKET_BYTES: usize = SIGNED_BYTES + 32;

/// Issues and checks tickets.
pub(crate) struct Tickets {
    key: [u8; 32],
    started_at: Instant,
}

impl Tickets {
    pub(crate) fn new() -> Self {
        Self { key: rand::random(), started_at: Instant::now() }
    }

    /// A ticket for `principal` that ends `lifetime` from now.
    pub(crate) fn issue(&self, id: Uuid, principal: &str, lifetime: Duration) -> Result<Bytes> {
        let ends_at = (self.started_at.elapsed() + lifetime).as_millis() as u64;
        let mut ticket = Vec::with_capacity(TICKET_BYTES);
        ticket.push(VERSION);
        ticket.extend_from_slice(id.as_bytes());
        ticket.extend_from_slice(&ends_at.to_be_bytes());
        self.seal(ticket, principal)
    }

    /// A ticket with anything in it.
    pub(crate) fn seal(&self, mut inside: Vec<u8>, principal: &str) -> Result<Bytes> {
        let signature = self.signer(&inside, principal)?.finalize().into_bytes();
        inside.extend_from_slice(&signature);
        Ok(Bytes::from(inside))
    }

    /// The id of the query, if this ticket was issued to `principal` and has not ended.
    pub(crate) fn check(&self, ticket: &[u8], principal: &str) -> Result<Uuid> {
        let (id, ends_at) = self.read(ticket, principal)?;
        if ends_at <= self.started_at.elapsed() { Err(ended()) } else { Ok(id) }
    }

    /// The id of the query, if this ticket was issued to `principal`, be it ended or not.
    pub(crate) fn check_signature(&self, ticket: &[u8], principal: &str) -> Result<Uuid> {
        self.read(ticket, principal).map(|(id, _)| id)
    }

    /// The id of the query and the end of the ticket.
    fn read(&self, ticket: &[u8], principal: &str) -> Result<(Uuid, Duration)> {
        let forged = || {
            Error::new(ErrorKind::InvalidQuery, "the ticket is not one of this server")
                .with_hint("ask for the query again; tickets end when the server stops")
        };
        if ticket.len() != TICKET_BYTES || ticket.first() != Some(&VERSION) {
            return Err(forged());
        }
        let (signed, signature) = ticket.split_at_checked(SIGNED_BYTES).ok_or_else(forged)?;
        self.signer(signed, principal)?.verify_slice(signature).map_err(|_| forged())?;
        let id = signed.get(1..17).and_then(|id| Uuid::from_slice(id).ok()).ok_or_else(forged)?;
        let ends_at = signed.get(17..).and_then(|end| end.try_into().ok()).ok_or_else(forged)?;
        Ok((id, Duration::from_millis(u64::from_be_bytes(ends_at))))
    }

    fn signer(&self, signed: &[u8], principal: &str) -> Result<Hmac<Sha256>> {
        let mut signer = Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| {
            Error::new(ErrorKind::Internal, "tickets cannot be signed").with_source(error)
        })?;
        signer.update(signed);
        signer.update(principal.as_bytes());
        Ok(signer)
    }
}

/// What a ticket gets whose query is no longer there.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::NotFound, "the query of this ticket has ended")
        .with_hint("ask for the query again")
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets").field("key", &"***").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_opens_its_query_for_its_principal_alone() {
        let tickets = Tickets::new();
        let id = Uuid::new_v4();
        let ticket = tickets.issue(id, "ada", Duration::from_secs(60)).unwrap();
        assert_eq!(tickets.check(&ticket, "ada").unwrap(), id);
        assert!(tickets.check(&ticket, "bob").is_err());
        assert!(Tickets::new().check(&ticket, "ada").is_err());
        let late = tickets.issue(id, "ada", Duration::ZERO).unwrap();
        assert_eq!(tickets.check(&late, "ada").map_err(|e| e.kind()), Err(ErrorKind::NotFound));
        assert_eq!(tickets.check_signature(&late, "ada").unwrap(), id);
        assert!(tickets.check_signature(&late, "bob").is_err());
    }

    #[test]
    fn changed_ticket_is_refused() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(Uuid::new_v4(), "ada", Duration::from_secs(60)).unwrap();
        for at in 0..ticket.len() {
            let mut forged = ticket.to_vec();
            forged[at] ^= 1;
            assert!(tickets.check(&forged, "ada").is_err(), "byte {at}");
        }
        for garbage in [&b""[..], b"garbage", &ticket[..20], &[VERSION; 200]] {
            assert!(tickets.check(garbage, "ada").is_err(), "{garbage:?}");
        }
    }
}
