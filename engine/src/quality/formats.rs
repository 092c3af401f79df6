//! The formats of texts and whole numbers (ODCS 3.2.0, `logicalTypeOptions.format`), as conditions of SQL.
//!
//! | format | what breaks it |
//! | --- | --- |
//! | `email`, `uuid`, `uri`, `hostname`, `ipv4`, `ipv6`, `byte` | text of another form; of addresses, nobody asks whether they exist |
//! | `date`, `time`, `date-time` | text of another form than RFC 3339 has, or of no day |
//! | letters of dates, such as `yyyy-MM-dd` | text of another form |
//! | `i8` to `i128`, `u8` to `u128` | a number that needs more bits, or a sign |

use std::sync::LazyLock;

use super::place::text;
use crate::product::LogicalType;

/// Why a format is not checked; `None` if it is.
pub(super) fn unchecked(format: &str, logical_type: Option<LogicalType>) -> Option<String> {
    match logical_type {
        Some(LogicalType::String) => match format {
            "password" | "binary" => Some(format!("any text is of format \"{format}\"")),
            _ if pattern(format).is_some() => None,
            _ => Some(format!("format \"{format}\" is not known")),
        },
        Some(LogicalType::Integer) => match limits(format) {
            Some(_) => None,
            None => Some(format!("format \"{format}\" is not known")),
        },
        Some(other) => Some(format!("a value of type {} has no format", other.as_str())),
        None => Some("a value of no type has no format".to_owned()),
    }
}

/// True if the text in `sql` is not of the format.
///
/// # Errors
///
/// When nobody knows the format.
pub(super) fn is_broken_text(sql: &str, format: &str) -> Result<String, String> {
    let unknown = || format!("format \"{format}\" is not known");
    let pattern = text(&pattern(format).ok_or_else(unknown)?);
    let broken = format!("NOT regexp_like({sql}, {pattern})");
    Ok(match format {
        "date" | "date-time" => {
            format!("({broken} OR try_cast(substr({sql}, 1, 10) AS DATE) IS NULL)")
        }
        "hostname" => format!("({broken} OR character_length({sql}) > 253)"),
        _ => broken,
    })
}

/// True if the whole number in `sql` does not fit into the format.
///
/// # Errors
///
/// When nobody knows the format.
pub(super) fn is_broken_number(sql: &str, format: &str) -> Result<String, String> {
    let unknown = || format!("format \"{format}\" is not known");
    let (least, greatest) = limits(format).ok_or_else(unknown)?;
    let below = least.map(|least| format!("{sql} < {least}"));
    let above = greatest.map(|greatest| format!("{sql} > {greatest}"));
    let beyond: Vec<String> = below.into_iter().chain(above).collect();
    Ok(match beyond.is_empty() {
        true => "FALSE".to_owned(),
        false => format!("({})", beyond.join(" OR ")),
    })
}

type Limits = (Option<i128>, Option<i128>);

/// The least and the greatest number of a format; without one where no column holds a number beyond it.
fn limits(format: &str) -> Option<Limits> {
    Some(match format {
        "i8" => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        "i16" => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        "i32" => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        "i64" => (Some(i64::MIN.into()), Some(i64::MAX.into())),
        "i128" => (None, None),
        "u8" => (Some(0), Some(u8::MAX.into())),
        "u16" => (Some(0), Some(u16::MAX.into())),
        "u32" => (Some(0), Some(u32::MAX.into())),
        "u64" => (Some(0), Some(u64::MAX.into())),
        "u128" => (Some(0), None),
        _ => return None,
    })
}

/// The pattern that all of a text fits.
fn pattern(format: &str) -> Option<String> {
    let of_day = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
    let of_time = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?\
                   (?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    let pattern = match format {
        "email" => {
            let word = "[A-Za-z0-9!#$%'*+/=?^_`{|}~&-]+";
            format!("{word}(?:\\.{word})*@(?:{label}\\.)*{label}")
        }
        "uuid" => "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}".to_owned(),
        "uri" => {
            let sign = "[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}";
            format!("[A-Za-z][A-Za-z0-9+.-]*:(?:{sign})*")
        }
        "hostname" => format!("(?:{label}\\.)*{label}"),
        "ipv4" => IPV4.clone(),
        "ipv6" => IPV6.clone(),
        "byte" => {
            let four = "[A-Za-z0-9+/]{4}";
            format!("(?:{four})*(?:[A-Za-z0-9+/]{{2}}==|[A-Za-z0-9+/]{{3}}=)?")
        }
        "date" => of_day.to_owned(),
        "time" => of_time.to_owned(),
        "date-time" => format!("{of_day}[Tt ]{of_time}"),
        letters => of_letters(letters)?,
    };
    Some(format!("\\A(?:{pattern})\\z"))
}

static IPV4: LazyLock<String> = LazyLock::new(|| {
    let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    format!("{byte}(?:\\.{byte}){{3}}")
});

/// Eight groups, of which one run may be left out; the last two may be written as an address of version 4.
static IPV6: LazyLock<String> = LazyLock::new(|| {
    let group = "[0-9A-Fa-f]{1,4}";
    let last = format!("(?:{group}:{group}|{})", *IPV4);
    let mut forms = vec![format!("(?:{group}:){{6}}{last}")];
    for left_out in 0..=5 {
        let (before, after) = (left_out, 5 - left_out);
        let before = match before {
            0 => String::new(),
            most => format!("(?:(?:{group}:){{0,{}}}{group})?", most - 1),
        };
        forms.push(format!("{before}::(?:{group}:){{{after}}}{last}"));
    }
    forms.push(format!("(?:(?:{group}:){{0,5}}{group})?::{group}"));
    forms.push(format!("(?:(?:{group}:){{0,6}}{group})?::"));
    forms.join("|")
});

/// The pattern of a format in the letters of Java's `DateTimeFormatter`; `None` if it is none, or has letters that
/// depend on a language.
fn of_letters(format: &str) -> Option<String> {
    let signs: Vec<char> = format.chars().collect();
    let mut pattern = String::new();
    let (mut at, mut has_letters) = (0, false);
    while let Some(sign) = signs.get(at) {
        if *sign == '\'' {
            let quoted: String = signs.iter().skip(at + 1).take_while(|it| **it != '\'').collect();
            let length = quoted.chars().count();
            signs.get(at + 1 + length)?;
            // Two quotes inside of quoted text are one, which nobody writes.
            if !quoted.is_empty() && signs.get(at + 2 + length) == Some(&'\'') {
                return None;
            }
            pattern.push_str(&regex::escape(if quoted.is_empty() { "'" } else { &quoted }));
            at += length + 2;
        } else if sign.is_ascii_alphabetic() {
            let run = signs.iter().skip(at).take_while(|it| *it == sign).count();
            pattern.push_str(&of_run(*sign, run)?);
            at += run;
            has_letters = true;
        } else if matches!(sign, '[' | ']' | '{' | '}' | '#') {
            return None;
        } else {
            pattern.push_str(&regex::escape(&sign.to_string()));
            at += 1;
        }
    }
    has_letters.then_some(pattern)
}

/// The pattern of one letter, written so many times.
fn of_run(letter: char, run: usize) -> Option<String> {
    let pattern = match (letter, run) {
        ('y' | 'u', 4) => "[0-9]{4}",
        ('y' | 'u', 2) => "[0-9]{2}",
        ('M' | 'L', 2) => "(?:0[1-9]|1[0-2])",
        ('M' | 'L', 1) => "(?:[1-9]|1[0-2])",
        ('d', 2) => "(?:0[1-9]|[12][0-9]|3[01])",
        ('d', 1) => "(?:[1-9]|[12][0-9]|3[01])",
        ('H', 2) => "(?:[01][0-9]|2[0-3])",
        ('H', 1) => "(?:1?[0-9]|2[0-3])",
        ('h', 2) => "(?:0[1-9]|1[0-2])",
        ('h', 1) => "(?:[1-9]|1[0-2])",
        ('m' | 's', 2) => "[0-5][0-9]",
        ('m' | 's', 1) => "[1-5]?[0-9]",
        ('S', 1..=9) => return Some(format!("[0-9]{{{run}}}")),
        ('a', 1) => "(?:AM|PM)",
        ('X', 1) => "(?:Z|[+-][0-9]{2}(?:[0-9]{2})?)",
        ('X', 2) => "(?:Z|[+-][0-9]{4})",
        ('X', 3) => "(?:Z|[+-][0-9]{2}:[0-9]{2})",
        ('x', 1) => "[+-][0-9]{2}(?:[0-9]{2})?",
        ('x', 2) | ('Z', 1..=3) => "[+-][0-9]{4}",
        ('x', 3) => "[+-][0-9]{2}:[0-9]{2}",
        _ => return None,
    };
    Some(pattern.to_owned())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn format_tells_what_is_of_it() {
        for (format, good, bad) in [
            (
                "email",
                vec!["a@b.example", "a.b+c@x-y.example", "o'x@localhost"],
                vec!["a", "a@", "@b.c", "a b@c.d", "a..b@c.d", "a@-b.c", "x a@b.c", "a@b.c\n"],
            ),
            (
                "uuid",
                vec![
                    "123e4567-e89b-12d3-a456-426614174000",
                    "ABCDEFAB-0000-0000-0000-000000000000",
                ],
                vec![
                    "123e4567e89b12d3a456426614174000",
                    "",
                    "123e4567-e89b-12d3-a456-42661417400g",
                ],
            ),
            (
                "uri",
                vec!["https://example.org/a?b=c#d", "urn:isbn:1", "mailto:a@b.c", "x:%20"],
                vec!["example.org", "http://a b", "1x:y", "x:%2", "http://exämple.org"],
            ),
            ("hostname", vec!["a", "a-b.example", "1.2"], vec!["", "a_b", "-a", "a.", "a..b"]),
            ("ipv4", vec!["0.0.0.0", "255.249.199.10"], vec!["256.0.0.1", "1.2.3", "01.2.3.4"]),
            (
                "ipv6",
                vec![
                    "::",
                    "::1",
                    "1::",
                    "2001:db8::8:800:200c:417a",
                    "1:2:3:4:5:6:7:8",
                    "::ffff:1.2.3.4",
                    "1:2:3:4:5:6:1.2.3.4",
                    "1:2:3:4:5:6:7::",
                    "::2:3:4:5:6:7:8",
                ],
                vec!["", ":", "1:2:3", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "1.2.3.4", "g::"],
            ),
            ("byte", vec!["", "YQ==", "YWI=", "YWJj"], vec!["YQ", "Y=Q=", "YQ==YQ==", "a b="]),
            ("date", vec!["2026-11-22"], vec!["2026-13-01", "2026-1-1", "22.11.2026"]),
            ("time", vec!["23:59:60Z", "00:00:00.5+01:00"], vec!["24:00:00Z", "12:00:00", "12:00"]),
            (
                "date-time",
                vec!["2026-11-22T01:02:03Z", "2026-11-22 01:02:03.004-05:00"],
                vec!["2026-11-22", "2026-11-22T01:02:03"],
            ),
            ("yyyy-MM-dd", vec!["2026-11-22"], vec!["26-11-22", "2026-11-32", "2026-11-22 "]),
            ("d.M.yyyy 'um' HH:mm", vec!["1.2.2026 um 03:04"], vec!["1.2.2026 03:04"]),
            ("yyyyMMddHHmmssSSSX", vec!["20261122010203004Z"], vec!["20261122010203Z"]),
            ("h ''a", vec!["1 'AM"], vec!["13 'AM", "1 AM"]),
        ] {
            assert_eq!(unchecked(format, Some(LogicalType::String)), None, "{format}");
            let pattern = Regex::new(&pattern(format).expect(format)).expect(format);
            for text in good {
                assert!(pattern.is_match(text), "{text} is of format {format}");
            }
            for text in bad {
                assert!(!pattern.is_match(text), "{text} is not of format {format}");
            }
        }
    }

    #[test]
    fn format_that_is_not_checked_says_why() {
        use LogicalType::{Date, Integer, Number, String};
        for (format, kind, why) in [
            ("password", String, "any text"),
            ("iban", String, "not known"),
            ("EEE", String, "not known"),
            ("yyyy-'MM", String, "not known"),
            ("h 'o''clock'", String, "not known"),
            ("--", String, "not known"),
            ("i7", Integer, "not known"),
            ("f64", Number, "type number has no format"),
            ("yyyy-MM-dd", Date, "type date has no format"),
        ] {
            let reason = unchecked(format, Some(kind)).expect(format);
            assert!(reason.contains(why), "{format}: {reason}");
        }
        assert_eq!(unchecked("u64", Some(Integer)), None);
        assert_eq!(is_broken_number("x", "i8").as_deref(), Ok("(x < -128 OR x > 127)"));
        assert_eq!(is_broken_number("x", "u128").as_deref(), Ok("(x < 0)"));
        assert_eq!(is_broken_number("x", "i128").as_deref(), Ok("FALSE"));
    }
}
