//! What metadata holds that is not read: found in files that the library gives up on.

use samite_engine::{Error, ErrorKind};
use serde_json::Value;

/// The newest version of the format that is read.
const FORMAT_VERSION_MAX: u64 = 3;

/// The types that are read, as metadata writes them; those with parameters up to them.
const TYPES: [&str; 16] = [
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "decimal",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timestamp_ns",
    "timestamptz_ns",
    "string",
    "uuid",
    "fixed",
    "binary",
];

/// The refusal of metadata that holds something by name that is not read, if it does.
pub(super) fn refusal(table: &str, text: &[u8]) -> Option<Error> {
    let metadata: Value = serde_json::from_slice(text).ok()?;
    let version = metadata.get("format-version").and_then(Value::as_u64)?;
    if version > FORMAT_VERSION_MAX {
        let message = format!("table \"{table}\" has format version {version}, which is not read");
        return Some(Error::new(ErrorKind::Unsupported, message));
    }
    let schemas = metadata.get("schemas").and_then(Value::as_array).into_iter().flatten();
    let (column, name) = schemas.chain(metadata.get("schema")).find_map(unread_column)?;
    let message =
        format!("column \"{column}\" of table \"{table}\" has type {name}, which is not read");
    Some(Error::new(ErrorKind::Unsupported, message))
}

/// The first column of a struct with a type that is not read, at any depth, and that type.
fn unread_column(parent: &Value) -> Option<(String, String)> {
    let fields = parent.get("fields").and_then(Value::as_array)?;
    fields.iter().find_map(|field| {
        let name = field.get("name").and_then(Value::as_str)?;
        let unread = unread_type(field.get("type")?)?;
        Some((name.to_owned(), unread))
    })
}

fn unread_type(found: &Value) -> Option<String> {
    if let Some(name) = found.as_str() {
        let plain = name.split(['(', '[']).next().unwrap_or(name);
        return (!TYPES.contains(&plain)).then(|| name.to_owned());
    }
    if found.get("fields").is_some() {
        return unread_column(found).map(|(_, name)| name);
    }
    ["element", "key", "value"].iter().find_map(|part| unread_type(found.get(*part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_named() {
        let schema = |fields: &str| {
            format!(
                r#"{{"format-version": 3, "schemas": [{{"type": "struct", "fields": [{fields}]}}]}}"#
            )
        };
        let list = r#"{"type": "list", "element": {"type": "struct", "fields": [
            {"name": "x", "type": "geography(srid:4326, vincenty)"}]}}"#;
        for (text, named) in [
            (
                schema(r#"{"name": "a", "type": "long"}, {"name": "v", "type": "variant"}"#),
                "variant",
            ),
            (schema(&format!(r#"{{"name": "v", "type": {list}}}"#)), "geography(srid:4326"),
            (r#"{"format-version": 4}"#.to_owned(), "format version 4"),
        ] {
            let error = refusal("t", text.as_bytes()).expect(named);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
            assert!(error.message().contains(named), "{}", error.message());
        }
        for text in [
            schema(r#"{"name": "a", "type": "decimal(9, 2)"}, {"name": "b", "type": "fixed[3]"}"#),
            "{}".to_owned(),
            "no JSON".to_owned(),
        ] {
            assert!(refusal("t", text.as_bytes()).is_none(), "{text}");
        }
    }
}
