//! Globs over the paths of a store: `*` and `?` within a segment, `**` across segments, `[..]` and
//! `{a,b}`.

use regex::Regex;
use samite_engine::{Error, ErrorKind, Result};

use crate::stores::{Location, shown_name};

/// The letters that make a location a glob.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// A location taken apart: the folder before the first segment with a special letter, and what its
/// files must look like.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The folder to list.
    pub(crate) folder: Location,
    expression: Regex,
}

impl Pattern {
    /// The pattern of a location, if it is one. Letters in its first `given` segments, which no
    /// document wrote, mean themselves.
    ///
    /// # Errors
    ///
    /// When a bracket is not closed.
    pub(crate) fn of(location: &Location, given: usize) -> Result<Option<Self>> {
        let is_special = |segment: &String| segment.contains(SPECIAL);
        let mut written = location.segments.iter().skip(given);
        let Some(plain) = written.position(is_special) else { return Ok(None) };
        let mut folder = location.clone();
        let glob = folder.segments.split_off(given + plain).join("/");
        let invalid = || {
            Error::new(
                ErrorKind::ContractViolated,
                format!("pattern \"{}\" cannot be understood", shown_name(&glob)),
            )
            .with_hint("close each bracket")
        };
        let text = expression(&glob).ok_or_else(invalid)?;
        let expression = Regex::new(&text).map_err(|_| invalid())?;
        Ok(Some(Self { folder, expression }))
    }

    /// True if `path`, relative to the folder, is meant.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.expression.is_match(path)
    }
}

fn expression(glob: &str) -> Option<String> {
    let mut text = "(?s)^".to_owned();
    let mut letters = glob.chars().peekable();
    let mut depth = 0_usize;
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.peek() == Some(&'*') => {
                letters.next();
                // `a/**/b` means `a/b` too.
                if letters.peek() == Some(&'/') {
                    letters.next();
                    text.push_str("(?:.*/)?");
                } else {
                    text.push_str(".*");
                }
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => text.push_str(&class(&mut letters)?),
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push('$');
    (depth == 0).then_some(text)
}

fn class(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = "[".to_owned();
    let mut is_first = true;
    for letter in letters {
        match letter {
            ']' if !is_first => {
                text.push(']');
                return Some(text);
            }
            '!' | '^' if is_first => {
                text.push_str("^/");
                continue;
            }
            '-' => text.push('-'),
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        is_first = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn glob_means_what_shells_mean() {
        let cases = [
            ("file:///d/*.parquet", "a.parquet", true),
            ("file:///d/*.parquet", "x/a.parquet", false),
            ("file:///d/**/*.parquet", "x/y/a.parquet", true),
            ("file:///d/**/*.parquet", "a.parquet", true),
            ("file:///d/year=20??/*", "year=2024/a.parquet", true),
            ("file:///d/year=20??/*", "year=199/a.parquet", false),
            ("file:///d/[a-c].parquet", "b.parquet", true),
            ("file:///d/[!a-c].parquet", "b.parquet", false),
            ("file:///d/{x,y}/a+b.parquet", "y/a+b.parquet", true),
            ("file:///d/{x,y}/a+b.parquet", "y/aab.parquet", false),
        ];
        for (location, path, expected) in cases {
            let pattern = Pattern::of(&place(location), 0).unwrap().unwrap();
            assert_eq!(pattern.folder.to_string(), "file:///d", "{location}");
            assert_eq!(pattern.matches(path), expected, "{location} {path}");
        }
        assert!(Pattern::of(&place("s3://b/plain/path.parquet"), 0).unwrap().is_none());
        assert!(Pattern::of(&place("s3://b/x/[a"), 0).is_err());
    }

    #[test]
    fn letters_of_segments_that_no_document_wrote_mean_themselves() {
        let location = place("file:///srv/[new] {mesh}*/year=2024/*.parquet");
        let pattern = Pattern::of(&location, 2).unwrap().unwrap();
        assert_eq!(pattern.folder.to_string(), "file:///srv/[new] {mesh}*/year=2024");
        assert!(pattern.matches("a.parquet"));
        let plain = place("file:///srv/[new/a.parquet");
        assert!(Pattern::of(&plain, 2).unwrap().is_none());
    }
}
