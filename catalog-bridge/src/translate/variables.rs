//! `${VAR}` and `${VAR:-default}` in the servers and the queries of a contract.
//!
//! A domain writes contracts, so only the variables that the configuration lists resolve. One that
//! is not listed and one that is not set read the same.

use std::collections::BTreeMap;

/// A variable without a value and without a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unset(pub(crate) String);

/// Replaces each variable of `text`; what is not of the form of a variable stays as it is.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> Result<String, Unset> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            expanded.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let value = variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
        match value.or(default) {
            Some(value) => expanded.push_str(value),
            None => return Err(Unset(name.to_owned())),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_variables_expand_and_others_take_their_default_or_fail() {
        let variables = [("A", "1"), ("EMPTY", "")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("x/${A}/y", Ok("x/1/y")),
            ("${A}${A:-2}", Ok("11")),
            ("${B:-http://127.0.0.1:9000}", Ok("http://127.0.0.1:9000")),
            ("${B:-}", Ok("")),
            ("${EMPTY:-2}", Ok("2")),
            ("${B:-a}b}", Ok("ab}")),
            ("${B:-${A}}", Ok("${A}")),
            ("{model}/$A", Ok("{model}/$A")),
            ("${1A}", Ok("${1A}")),
            ("${", Ok("${")),
            ("${A", Ok("${A")),
            ("${}", Ok("${}")),
            ("x/${AWS_SECRET_ACCESS_KEY}", Err("AWS_SECRET_ACCESS_KEY")),
            ("${EMPTY}", Err("EMPTY")),
        ] {
            let expanded = expand(text, &variables);
            let expected = expected.map(str::to_owned).map_err(|name| Unset(name.to_owned()));
            assert_eq!(expanded, expected, "{text}");
        }
    }
}
