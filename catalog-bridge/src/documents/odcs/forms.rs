//! Forms of text in a contract: stable ids and references.

use crate::documents::shape::Form;
use crate::documents::version::Edition;

/// An id that references can name.
pub(crate) static ID: Form = Form {
    matches: is_id,
    expected: "text without white space and without any of . # / \\ @ ! % & ^ \
               (before ODCS v3.2.0 letters, digits, _ and - alone)",
};

/// A reference to a column.
pub(crate) static REFERENCE: Form = Form {
    matches: is_reference,
    expected: "text like table.column, or like /schema/<id>/properties/<id> after an optional \
               file.yaml#",
};

/// A place on an SFTP server.
pub(crate) static SFTP: Form = Form {
    matches: |text, _| text.starts_with("sftp://"),
    expected: "text that begins with sftp://",
};

fn is_id(text: &str, edition: Edition) -> bool {
    let fits = |sign: char| match edition {
        Edition::Older => sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-'),
        Edition::Newer => !is_space(sign) && !".#/\\@!%&^".contains(sign),
    };
    !text.is_empty() && text.chars().all(fits)
}

/// White space as ECMA-262 has it, whose patterns the standard uses.
fn is_space(sign: char) -> bool {
    matches!(
        sign,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
                | '\u{feff}'
    )
}

fn is_reference(text: &str, edition: Edition) -> bool {
    is_shorthand(text, edition) || is_full_reference(text, edition)
}

/// `table.column`; since the newer edition with more parts and with hyphens.
fn is_shorthand(text: &str, edition: Edition) -> bool {
    let allows_hyphen = edition == Edition::Newer;
    let parts: Vec<&str> = text.split('.').collect();
    let count_fits = match edition {
        Edition::Older => parts.len() == 2,
        Edition::Newer => parts.len() >= 2,
    };
    count_fits && parts.iter().all(|part| is_word(part, allows_hyphen))
}

/// `[file.yaml#][/]kind/id/kind/id`.
fn is_full_reference(text: &str, edition: Edition) -> bool {
    let inside = match text.split_once('#') {
        Some((file, inside)) if is_file(file, edition) => inside,
        Some(_) => return false,
        None => text,
    };
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    let parts: Vec<&str> = inside.split('/').collect();
    parts.len().is_multiple_of(2)
        && parts.iter().enumerate().all(|(index, part)| match index % 2 {
            0 => is_word(part, false),
            _ => is_id(part, edition),
        })
}

fn is_file(text: &str, edition: Edition) -> bool {
    let text = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or(text);
    let stem = text.strip_suffix(".yaml").or_else(|| match edition {
        Edition::Older => None,
        Edition::Newer => text.strip_suffix(".yml"),
    });
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "._-/".contains(sign);
    stem.is_some_and(|stem| !stem.is_empty() && stem.chars().all(fits))
}

fn is_word(text: &str, allows_hyphen: bool) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|sign| {
            sign.is_ascii_alphanumeric() || sign == '_' || (allows_hyphen && sign == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_of_two_forms() {
        for (text, older, newer) in [
            ("a.b", true, true),
            ("a.b.c", false, true),
            ("a-b.c", false, true),
            ("a", false, false),
            ("1a.b", false, false),
            ("a..b", false, false),
            ("/schema/t/properties/c", true, true),
            ("schema/t", true, true),
            ("schema/t/properties", false, false),
            ("x.yaml#/schema/t", true, true),
            ("x.yml#/schema/t", false, true),
            ("../../a/x.odcs.yaml#schema/t", true, true),
            ("https://a.example/x.yaml#/schema/t", true, true),
            ("https://a.example:80/x.yaml#/schema/t", false, false),
            ("x.json#/schema/t", false, false),
            (".yaml#/schema/t", false, false),
            ("/schema/å", false, true),
            ("/schema/a b", false, false),
            ("/schema/a\n", false, false),
            ("//schema/a", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_reference(text, Edition::Older), older, "older {text}");
            assert_eq!(is_reference(text, Edition::Newer), newer, "newer {text}");
        }
    }
}
