//! The chain: each line holds the hash of the line before it, and its own.
//!
//! ```text
//! {...,"unmapped":{...,"prevHash":"sha256:<64 digits>"   ,"hash":"sha256:<64 digits>"}}
//! └──────────────── what is hashed ─────────────────┘     └── the SHA-256 of that ──┘
//! ```
//!
//! What is hashed are the bytes of the line as they stand, so that whoever verifies needs no canonical form of JSON.

use std::fmt;

use sha2::{Digest, Sha256};

const PREVIOUS_BEFORE: &[u8] = b",\"prevHash\":\"sha256:";
const PREVIOUS_AFTER: &[u8] = b"\"";
const OWN_BEFORE: &[u8] = b",\"hash\":\"sha256:";
const OWN_AFTER: &[u8] = b"\"}}";

/// What a record ends with before it is sealed.
const OPEN_END: &str = "}}";

/// Digits of a hash.
const DIGITS: usize = 64;

/// The hash of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// What the very first record has before it.
    pub(crate) const BEGINNING: Self = Self([0; 32]);

    /// The hash that is written so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        Self::from_digits(digits)
    }

    fn from_digits(digits: &[u8]) -> Option<Self> {
        if digits.len() != DIGITS {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().try_fold(0, |byte, digit| Some(byte << 4 | value(*digit)?))?;
        }
        Some(Self(hash))
    }

    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// The value of a digit as this program writes it.
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The line of a record, without its end, and its hash. `record` is a JSON object whose last member is an object
/// that has members.
pub(crate) fn seal(record: &str, previous: Hash) -> (String, Hash) {
    let mut line = record.strip_suffix(OPEN_END).unwrap_or(record).to_owned();
    line.push_str(",\"prevHash\":\"");
    line.push_str(&previous.to_string());
    line.push('"');
    let hash = Hash::of(line.as_bytes());
    line.push_str(",\"hash\":\"");
    line.push_str(&hash.to_string());
    line.push_str("\"}}");
    (line, hash)
}

/// What a line says of its place in the chain, once it is known that it is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// The hash of the line before.
    pub(crate) previous: Hash,
    /// Its own.
    pub(crate) own: Hash,
}

/// Reads the place of a line (without its end) in the chain.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn link(line: &[u8]) -> Result<Link, &'static str> {
    let no_record = "it is no record of this chain";
    let (hashed, own) = take_hash(line, OWN_BEFORE, OWN_AFTER).ok_or(no_record)?;
    let (_, previous) = take_hash(hashed, PREVIOUS_BEFORE, PREVIOUS_AFTER).ok_or(no_record)?;
    if Hash::of(hashed) != own {
        return Err("it is not as it was written");
    }
    Ok(Link { previous, own })
}

fn take_hash<'a>(line: &'a [u8], before: &[u8], after: &[u8]) -> Option<(&'a [u8], Hash)> {
    let rest = line.strip_suffix(after)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((rest.strip_suffix(before)?, Hash::from_digits(digits)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_says_its_hash_and_that_of_the_line_before() {
        let (first, hash) = seal(r#"{"a":1,"unmapped":{"b":"ö"}}"#, Hash::BEGINNING);
        assert!(
            first.starts_with(r#"{"a":1,"unmapped":{"b":"ö","prevHash":"sha256:0000"#),
            "{first}"
        );
        assert_eq!(link(first.as_bytes()), Ok(Link { previous: Hash::BEGINNING, own: hash }));
        let (second, own) = seal(r#"{"a":2,"unmapped":{"b":""}}"#, hash);
        assert_eq!(link(second.as_bytes()), Ok(Link { previous: hash, own }));
        assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
    }

    #[test]
    fn any_change_of_any_byte_is_found() {
        let (line, _) = seal(r#"{"a":1,"unmapped":{"b":"x"}}"#, Hash::BEGINNING);
        let bytes = line.as_bytes();
        for place in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[place] ^= flip;
                assert!(link(&changed).is_err(), "byte {place} by {flip:02x}");
            }
            let mut shorter = bytes.to_vec();
            shorter.remove(place);
            assert!(link(&shorter).is_err(), "without byte {place}");
        }
    }
}
