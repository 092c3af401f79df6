//! Functions about names: who somebody is, what is visible, how a name is quoted.

use super::super::database::ROLE_OID;
use super::super::names::quoted;
use super::value::{Answer, Gives, Takes, Value};
use super::{Call, Database, Definition};
use crate::error::{Error, ErrorKind, Result};

pub(super) static FUNCTIONS: [Definition; 18] = [
    writes("pg_get_userbyid", &[Takes::Number], role_name),
    sees("pg_table_is_visible", is_visible),
    sees("pg_type_is_visible", always),
    sees("pg_function_is_visible", always),
    sees("pg_operator_is_visible", always),
    sees("pg_opclass_is_visible", always),
    sees("pg_opfamily_is_visible", always),
    sees("pg_collation_is_visible", always),
    sees("pg_conversion_is_visible", always),
    sees("pg_statistics_obj_is_visible", always),
    sees("pg_ts_config_is_visible", always),
    sees("pg_ts_dict_is_visible", always),
    sees("pg_ts_parser_is_visible", always),
    sees("pg_ts_template_is_visible", always),
    writes("quote_ident", &[Takes::Text], |_, values| {
        Ok(values.first().and_then(|value| value.text()).map(|name| quoted(&name)).into())
    }),
    writes("quote_literal", &[Takes::Text], |_, values| {
        Ok(values.first().and_then(|value| value.text()).map(|text| literal(&text)).into())
    }),
    writes("format", &[Takes::Text; 10], formatted),
    writes("quote_nullable", &[Takes::Text], |_, values| {
        let text = values.first().and_then(|value| value.text());
        Ok(Answer::Text(text.map_or_else(|| "NULL".to_owned(), |text| literal(&text))))
    }),
];

const fn sees(name: &'static str, call: Call) -> Definition {
    Definition { name, least: 1, takes: &[Takes::Number], gives: Gives::Flag, call }
}

const fn writes(name: &'static str, takes: &'static [Takes], call: Call) -> Definition {
    Definition { name, least: 1, takes, gives: Gives::Text, call }
}

fn is_visible(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Some(oid) = values.first().and_then(|value| value.oid()) else { return Ok(Answer::Null) };
    let of_index = || database.key_of_index(oid).and_then(|key| database.table_of(key));
    let relation = database.relation(oid).or_else(of_index);
    Ok(relation.map_or(Answer::Null, |relation| Answer::Flag(database.is_visible(relation))))
}

/// What is not a relation is in `pg_catalog`.
fn always(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    match values.first() {
        None | Some(Value::Null) => Ok(Answer::Null),
        Some(_) => Ok(Answer::Flag(true)),
    }
}

fn role_name(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    Ok(match values.first().and_then(|value| value.oid()) {
        None => Answer::Null,
        Some(ROLE_OID) => Answer::Text(database.principal.clone()),
        Some(oid) => Answer::Text(format!("unknown (OID={oid})")),
    })
}

/// A text with the other arguments in the places of `%s`, `%I` (a name) and `%L` (a literal).
fn formatted(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Some(pattern) = values.first().and_then(|value| value.text()) else {
        return Ok(Answer::Null);
    };
    let mut written = String::new();
    let mut letters = pattern.chars();
    let mut next = 1;
    while let Some(letter) = letters.next() {
        if letter != '%' {
            written.push(letter);
            continue;
        }
        let mut place = next;
        let mut kind = letters.next();
        let mut digits = String::new();
        while let Some(digit) = kind.filter(char::is_ascii_digit) {
            digits.push(digit);
            kind = letters.next();
        }
        if kind == Some('$') {
            place = digits.parse().unwrap_or(usize::MAX);
            kind = letters.next();
        } else if !digits.is_empty() {
            return Err(no_format("a width"));
        }
        if kind == Some('%') {
            written.push('%');
            continue;
        }
        let value = values.get(place).ok_or_else(|| no_format("more places than arguments"))?;
        next = place + 1;
        match (kind, value.text()) {
            (Some('s'), text) => written.push_str(&text.unwrap_or_default()),
            (Some('I'), Some(name)) => written.push_str(&quoted(&name)),
            (Some('I'), None) => return Err(no_format("NULL as a name")),
            (Some('L'), text) => {
                written.push_str(&text.map_or_else(|| "NULL".to_owned(), |text| literal(&text)));
            }
            _ => return Err(no_format("a place of another kind than %s, %I and %L")),
        }
    }
    Ok(Answer::Text(written))
}

fn no_format(what: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("format cannot write {what}"))
}

fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match doubled.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}
