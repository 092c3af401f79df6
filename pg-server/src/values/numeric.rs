//! NUMERIC in binary: digits of base 10 000 (PostgreSQL, `numeric_send`).

use bytes::{Buf, BufMut, BytesMut};
use samite_engine::{Error, ErrorKind, Result};

use super::no_place;

/// Decimal digits in one of base 10 000.
const GROUP: usize = 4;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// The largest weight and scale that are read: far more than a decimal of Arrow has.
const SIZE_MAX: i16 = 100;

/// Writes a decimal, such as `-12.50`, in binary.
///
/// # Errors
///
/// When it is no decimal.
pub(super) fn put_binary(decimal: &str, out: &mut BytesMut) -> Result<()> {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, decimal),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let before = whole.len().div_ceil(GROUP);
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat(before * GROUP - whole.len()),
        "0".repeat(fraction.len().div_ceil(GROUP) * GROUP - fraction.len()),
    );
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|group| std::str::from_utf8(group).map_err(no_place)?.parse().map_err(no_place))
        .collect::<Result<_>>()?;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let used = groups.len() - groups.iter().rev().take_while(|group| **group == 0).count();
    let groups = groups.get(leading..used).unwrap_or_default();
    let short = |number: usize| i16::try_from(number).map_err(no_place);
    out.put_i16(short(groups.len())?);
    out.put_i16(if groups.is_empty() { 0 } else { short(before)? - short(leading)? - 1 });
    out.put_u16(if groups.is_empty() { POSITIVE } else { sign });
    out.put_i16(short(fraction.len())?);
    groups.iter().for_each(|group| out.put_u16(*group));
    Ok(())
}

/// The decimal of a parameter in binary, as text.
///
/// # Errors
///
/// When it is none, NaN or infinite, or far too long.
pub(crate) fn numeric_of_binary(mut bytes: &[u8]) -> Result<String> {
    let head = (bytes.try_get_u16(), bytes.try_get_i16(), bytes.try_get_u16(), bytes.try_get_i16());
    let (Ok(count), Ok(weight), Ok(sign), Ok(scale)) = head else { return Err(unreadable()) };
    let is_known = matches!(sign, POSITIVE | NEGATIVE);
    let is_small = (-SIZE_MAX..SIZE_MAX).contains(&weight) && (0..SIZE_MAX).contains(&scale);
    if !is_known || !is_small || bytes.len() != usize::from(count) * 2 {
        return Err(unreadable());
    }
    let groups: Vec<u16> = bytes.chunks(2).map(|mut group| group.get_u16()).collect();
    if groups.iter().any(|group| *group > 9999) {
        return Err(unreadable());
    }
    let group = |place: i16| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or_default()
    };
    let whole: String =
        (0..=weight.max(0)).rev().map(|place| format!("{:04}", group(place))).collect();
    let places = scale.unsigned_abs().div_ceil(4).cast_signed();
    let mut fraction: String = (1..=places).map(|place| format!("{:04}", group(-place))).collect();
    fraction.truncate(usize::from(scale.unsigned_abs()));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if sign == NEGATIVE { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// Digits of a decimal in all, and those after the point; `None` if it is written otherwise.
pub(crate) fn numeric_of_text(text: &str) -> Option<(usize, usize)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number =
        is_plain(whole) && is_plain(fraction) && !(whole.is_empty() && fraction.is_empty());
    is_number.then(|| (whole.trim_start_matches('0').len() + fraction.len(), fraction.len()))
}

fn unreadable() -> Error {
    Error::new(ErrorKind::InvalidQuery, "a parameter is not a NUMERIC that can be read")
        .with_hint("bind a finite number of at most 76 digits")
}
