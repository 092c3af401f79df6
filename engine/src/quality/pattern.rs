//! Patterns of contracts (ECMA-262) as patterns of the engine, which are almost the same.
//!
//! | ECMA-262 | the engine |
//! | --- | --- |
//! | `\d`, `\w`, `\b` mean ASCII | they mean all of Unicode, so they are spelled out |
//! | `[` in a class is a sign | it opens another class, so it is escaped; so are `&&`, `--` and `~~` |
//! | look-around, references back | do not exist: the rule cannot be run |

use regex::Regex;

/// The pattern as the engine writes it.
///
/// # Errors
///
/// When the engine cannot search for it.
pub(super) fn translated(pattern: &str) -> Result<String, String> {
    let mut written = String::with_capacity(pattern.len() + 8);
    let mut signs = pattern.chars().peekable();
    let mut is_in_class = false;
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => {
                let escaped = signs.next();
                match escaped.and_then(|escaped| spelled_out(escaped, is_in_class)) {
                    Some(text) => written.push_str(text),
                    None => written.extend(['\\'].into_iter().chain(escaped)),
                }
            }
            '[' if is_in_class => written.push_str("\\["),
            '&' | '~' if is_in_class => written.extend(['\\', sign]),
            '-' if is_in_class && signs.peek() == Some(&'-') => {
                // The first of two is a sign where the class begins, and else makes a range up to the second.
                if written.ends_with(['[', '^']) {
                    written.push_str("\\-");
                } else {
                    signs.next();
                    written.push_str("-\\-");
                }
            }
            '[' => {
                is_in_class = true;
                written.push('[');
                written.extend(signs.next_if_eq(&'^'));
                // An empty class holds nothing, or everything, there; here a bracket would be in it.
                if signs.peek() == Some(&']') {
                    return Err(format!("pattern \"{pattern}\" has an empty class"));
                }
            }
            ']' => {
                is_in_class = false;
                written.push(']');
            }
            sign => written.push(sign),
        }
    }
    match Regex::new(&written) {
        Ok(_) => Ok(written),
        Err(_) if has_more(pattern) => {
            Err(format!("pattern \"{pattern}\" looks around or back, which is not searched for"))
        }
        Err(_) => Err(format!("pattern \"{pattern}\" cannot be searched for")),
    }
}

/// A class of ASCII; `None` for any other sign.
fn spelled_out(escaped: char, is_in_class: bool) -> Option<&'static str> {
    Some(match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'b' if is_in_class => "\\x08",
        'b' => "(?-u:\\b)",
        'B' if !is_in_class => "(?-u:\\B)",
        _ => return None,
    })
}

/// True for what only engines that go back can search for.
fn has_more(pattern: &str) -> bool {
    let is_reference = |(at, _): (usize, &str)| {
        pattern
            .get(at + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| ('1'..='9').contains(&c)))
    };
    ["(?=", "(?!", "(?<=", "(?<!", "\\k<"].iter().any(|mark| pattern.contains(mark))
        || pattern.match_indices('\\').any(is_reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_what_their_standard_says() {
        for (pattern, found, not_found) in [
            (r"^\d{2}$", "42", "٤٢"),
            (r"^\w+$", "a_1", "ä"),
            (r"^[\d.]+$", "1.2", "1,2"),
            (r"^[^\d]+$", "ab", "a1"),
            (r"^[[a]+$", "[a", "b"),
            (r"^[a&&b]$", "&", "c"),
            (r"^[+--]$", ",", "a"),
            (r"^[--a]$", "A", "b"),
            (r"\bcat\b", "a cat", "concat"),
            (r"^a\/b$", "a/b", "a-b"),
            (r"b", "abc", "ac"),
            (r"^\u0041$", "A", "B"),
            (r"^(?<year>[0-9]{4})$", "2026", "26"),
        ] {
            let pattern = Regex::new(&translated(pattern).expect(pattern)).expect(pattern);
            assert!(pattern.is_match(found), "{pattern} finds {found}");
            assert!(!pattern.is_match(not_found), "{pattern} does not find {not_found}");
        }
    }

    #[test]
    fn what_cannot_be_searched_for_is_named() {
        for (pattern, why) in [
            ("^(?=a)", "looks around"),
            ("(?<!a)b", "looks around"),
            (r"(a)\1", "looks around or back"),
            ("(", "cannot be searched"),
            ("[]", "empty class"),
            ("[^]", "empty class"),
        ] {
            let reason = translated(pattern).expect_err(pattern);
            assert!(reason.contains(why), "{pattern}: {reason}");
        }
    }
}
