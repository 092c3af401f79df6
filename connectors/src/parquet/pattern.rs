//! Globs over the paths of a store: `*` and `?` within a segment, `**` across segments, `[..]` and
//! `{a,b}`.

use regex::Regex;
use samite_engine::{Error, ErrorKind, Result};

/// The letters that make a location a glob.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// A location taken apart: the folder without special letters, and what its files must look like.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The folder to list.
    pub(crate) folder: String,
    expression: Regex,
}

impl Pattern {
    /// The pattern of a location, if it is one.
    ///
    /// # Errors
    ///
    /// When a bracket is not closed.
    pub(crate) fn of(location: &str) -> Result<Option<Self>> {
        let Some(special) = location.find(SPECIAL) else { return Ok(None) };
        let (before, _) = location.split_at(special);
        let Some((folder, _)) = before.rsplit_once('/') else { return Ok(None) };
        let glob = location.strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
        let invalid = || {
            Error::new(
                ErrorKind::ContractViolated,
                format!("pattern \"{glob}\" cannot be understood"),
            )
            .with_hint("close each bracket")
        };
        let text = expression(glob).ok_or_else(invalid)?;
        let expression = Regex::new(&text).map_err(|_| invalid())?;
        Ok(Some(Self { folder: folder.to_owned(), expression }))
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
            let pattern = Pattern::of(location).unwrap().unwrap();
            assert_eq!(pattern.folder, "file:///d", "{location}");
            assert_eq!(pattern.matches(path), expected, "{location} {path}");
        }
        assert!(Pattern::of("s3://b/plain/path.parquet").unwrap().is_none());
        assert!(Pattern::of("s3://b/x/[a").is_err());
    }
}
