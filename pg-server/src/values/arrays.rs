//! Arrays of one dimension (PostgreSQL, `array_out` and `array_send`).

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::Array;
use samite_engine::Result;

use super::{Values, no_place, too_long};

/// Writes an array as text, such as `{1,NULL,"a b"}`.
pub(super) fn text(items: &Values, out: &mut BytesMut) -> Result<()> {
    out.put_u8(b'{');
    let mut item = BytesMut::new();
    for row in 0..items.array.len() {
        if row > 0 {
            out.put_u8(b',');
        }
        if items.is_null(row) {
            out.put_slice(b"NULL");
            continue;
        }
        item.clear();
        items.write_text(row, &mut item)?;
        put_item(&item, out);
    }
    out.put_u8(b'}');
    Ok(())
}

/// Writes a vector of the catalog as text, such as `1 2`.
pub(super) fn vector(items: &Values, out: &mut BytesMut) -> Result<()> {
    for row in 0..items.array.len() {
        if row > 0 {
            out.put_u8(b' ');
        }
        items.write_text(row, out)?;
    }
    Ok(())
}

/// Writes an item, in quotes where it would be read as something else.
fn put_item(item: &[u8], out: &mut BytesMut) {
    let is_special = |byte: &u8| {
        matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\')
            || byte.is_ascii_whitespace()
            || *byte == 0x0b
    };
    if !item.is_empty() && !item.eq_ignore_ascii_case(b"null") && !item.iter().any(is_special) {
        out.put_slice(item);
        return;
    }
    out.put_u8(b'"');
    for byte in item {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// Writes an array in binary: dimensions, whether NULL occurs, the type of its items, the number of
/// the first one, and all of them.
pub(super) fn binary(items: &Values, (oid, first): (u32, i32), out: &mut BytesMut) -> Result<()> {
    let length = items.array.len();
    out.put_i32(i32::from(length > 0));
    let has_nulls = items.nulls.as_ref().is_some_and(|nulls| nulls.null_count() > 0);
    out.put_i32(i32::from(has_nulls));
    out.put_u32(oid);
    if length > 0 {
        out.put_i32(i32::try_from(length).map_err(|_| too_long())?);
        out.put_i32(first);
    }
    (0..length).try_for_each(|row| items.write(row, out))
}

/// The items of an array that is written as text; `None` for NULL.
///
/// # Errors
///
/// When it is not an array of one dimension.
pub(crate) fn items_of_text(text: &str) -> Result<Vec<Option<String>>> {
    let wrong = || no_place(std::io::Error::other("not an array of one dimension"));
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or_else(wrong)?.chars().peekable();
    let mut items = Vec::new();
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    if rest.peek().is_none() {
        return Ok(items);
    }
    loop {
        let (mut item, mut is_quoted) = (String::new(), false);
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'"').is_some() {
            is_quoted = true;
            loop {
                match rest.next().ok_or_else(wrong)? {
                    '"' => break,
                    '\\' => item.push(rest.next().ok_or_else(wrong)?),
                    other => item.push(other),
                }
            }
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
        } else {
            while let Some(next) = rest.next_if(|c| *c != ',') {
                match next {
                    '{' | '}' | '"' => return Err(wrong()),
                    '\\' => item.push(rest.next().ok_or_else(wrong)?),
                    other => item.push(other),
                }
            }
            item.truncate(item.trim_end().len());
            if item.is_empty() {
                return Err(wrong());
            }
        }
        let is_null = !is_quoted && item.eq_ignore_ascii_case("null");
        items.push((!is_null).then_some(item));
        match rest.next() {
            None => return Ok(items),
            Some(',') => {}
            Some(_) => return Err(wrong()),
        }
    }
}
