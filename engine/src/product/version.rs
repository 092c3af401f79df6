//! The version of a port or a contract.

use std::fmt;

/// `major.minor.patch`; what a document leaves out is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Changes when consumers must change.
    pub major: u64,
    /// Changes when something is added.
    pub minor: u64,
    /// Changes when something is mended.
    pub patch: u64,
}

impl Version {
    /// Reads `2`, `2.1`, `2.1.0` or the same after a `v`; `None` for anything else.
    ///
    /// A suffix after `-` or `+` (semantic versioning 2.0.0, sections 9 and 10) is not part of the order and is ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split(['-', '+']).next()?;
        let mut parts = [0; 3];
        for (count, part) in text.split('.').enumerate() {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *parts.get_mut(count)? = part.parse().ok()?;
        }
        let [major, minor, patch] = parts;
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_up_to_three_numbers() {
        for (text, version) in [
            ("2", Some("2.0.0")),
            ("v2.1", Some("2.1.0")),
            ("2.1.7-rc.1", Some("2.1.7")),
            ("1.2.3.4", None),
            ("two", None),
            ("", None),
            ("1.", None),
            ("99999999999999999999", None),
        ] {
            let read = Version::parse(text).map(|version| version.to_string());
            assert_eq!(read.as_deref(), version, "{text}");
        }
    }
}
