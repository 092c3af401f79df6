//! Sizes and durations as people write them: `4GiB`, `5m`.

use std::time::Duration;

/// The units of a size, largest first, each with its bytes.
const SIZES: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// What a size looks like, for messages.
pub(crate) const SIZE_EXPECTED: &str = "a size such as \"512MiB\" or \"4GiB\"";

/// What a duration looks like, for messages.
pub(crate) const DURATION_EXPECTED: &str = "a duration such as \"500ms\", \"30s\" or \"5m\"";

/// Reads a size in bytes; a number without a unit is bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at_checked(digits.unwrap_or(text.len()))?;
    let unit = unit.trim();
    let factor = match unit {
        "" | "B" => 1,
        unit => SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    match number.split_once('.') {
        None => number.parse::<u64>().ok()?.checked_mul(factor),
        Some((whole, part)) => {
            let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
            let bytes = part.parse::<u64>().ok()?.checked_mul(factor)? / scale;
            whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(bytes)
        }
    }
}

/// Prints a size in the largest unit that leaves no rest.
pub(crate) fn print_size(bytes: u64) -> String {
    SIZES
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .map_or_else(|| format!("{bytes}B"), |(name, factor)| format!("{}{name}", bytes / factor))
}

/// Reads a duration: a number with a unit, or several.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Prints a duration so that [`parse_duration`] reads it.
pub(crate) fn print_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_a_number_with_a_unit() {
        for (text, bytes) in [
            ("4GiB", Some(4 << 30)),
            ("512 MiB", Some(512 << 20)),
            ("1.5kib", Some(1536)),
            ("10GB", Some(10_000_000_000)),
            ("4096", Some(4096)),
            ("7B", Some(7)),
            ("GiB", None),
            ("4G", None),
            ("-1GiB", None),
            ("1.GiB", None),
            ("99999999999TiB", None),
            ("", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn printed_size_reads_back() {
        for bytes in [0, 1, 1536, 1 << 20, 3 << 30, 10_000_000_000] {
            assert_eq!(parse_size(&print_size(bytes)), Some(bytes), "{}", print_size(bytes));
        }
    }

    #[test]
    fn duration_needs_a_unit() {
        for (text, seconds) in [("5m", Some(300)), ("1h 30m", Some(5400)), ("5", None), ("", None)]
        {
            assert_eq!(parse_duration(text).map(|time| time.as_secs()), seconds, "{text}");
        }
    }
}
