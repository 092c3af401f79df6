//! Names of domains, products and ports: which ones SQL can address.

use crate::documents::shortened;

/// What a name is worth in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// Works without quotes.
    Plain,
    /// Works in quotes only; the text says why.
    Quoted(String),
    /// Cannot be addressed; the text says why.
    Refused(String),
}

/// Catalogs and schemas that SQL has a use for itself.
const RESERVED: [&str; 2] = ["mesh", "information_schema"];

/// Judges a name; `what` is its kind, for the message.
pub(crate) fn name_of(what: &str, name: &str) -> Name {
    let shown = shortened(name);
    if name.trim().is_empty() {
        return Name::Refused(format!("the {what} name is empty"));
    }
    if let Some(sign) = name.chars().find(|sign| matches!(sign, '@' | ':' | '+')) {
        return Name::Refused(format!("{what} name \"{shown}\" has a \"{sign}\" in it"));
    }
    if name.chars().any(char::is_control) {
        return Name::Refused(format!("{what} name \"{shown}\" has a control character in it"));
    }
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Name::Refused(format!("{what} name \"{shown}\" is reserved"));
    }
    if is_plain(name) {
        Name::Plain
    } else {
        Name::Quoted(format!("{what} name \"{shown}\" must be quoted in SQL"))
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.contains("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_signs_of_the_address_are_refused_and_odd_ones_need_quotes() {
        for (name, expected) in [
            ("play_events", "plain"),
            ("p2", "plain"),
            ("Play", "product name \"Play\" must be quoted in SQL"),
            ("a__b", "product name \"a__b\" must be quoted in SQL"),
            ("2p", "product name \"2p\" must be quoted in SQL"),
            ("a b", "product name \"a b\" must be quoted in SQL"),
            ("a@1", "refused: product name \"a@1\" has a \"@\" in it"),
            ("a:b", "refused: product name \"a:b\" has a \":\" in it"),
            ("a+b", "refused: product name \"a+b\" has a \"+\" in it"),
            ("", "refused: the product name is empty"),
            ("mesh", "refused: product name \"mesh\" is reserved"),
            ("information_schema", "refused: product name \"information_schema\" is reserved"),
        ] {
            let judged = match name_of("product", name) {
                Name::Plain => "plain".to_owned(),
                Name::Quoted(text) => text,
                Name::Refused(text) => format!("refused: {text}"),
            };
            assert_eq!(judged, expected, "{name}");
        }
    }
}
