//! Tables, columns and keys that consumers lose.

use super::{Change, types};
use crate::product::{Column, LogicalType, Problem};

/// Compares the tables of two revisions of one contract.
pub(super) fn compare(label: &str, change: Change<'_>, findings: &mut Vec<Problem>) {
    for old in &change.old.tables {
        let name = &old.name;
        let Some(new) = change.new.table(name) else {
            findings.push(change.breaks(0, format!("table \"{name}\" of {label} is gone")));
            continue;
        };
        let (place, line) = (format!("{label}.{name}"), new.line);
        let (old_key, new_key) = (old.primary_key(), new.primary_key());
        if !old_key.is_empty() && old_key != new_key {
            let (old, new) = (old_key.join(", "), listed(&new_key));
            let message = format!("the primary key of {place} changes from ({old}) to {new}");
            findings.push(change.breaks(line, message));
        }
        columns(&place, line, (&old.columns, &new.columns), change, findings);
    }
}

fn listed(key: &[&str]) -> String {
    if key.is_empty() { "none".to_owned() } else { format!("({})", key.join(", ")) }
}

/// Compares columns of a table, or fields of an object; `line` is where those that are gone were looked for.
fn columns(
    place: &str,
    line: u64,
    (old, new): (&[Column], &[Column]),
    change: Change<'_>,
    findings: &mut Vec<Problem>,
) {
    // A contract that names no column promises those of the source, whatever they are.
    if new.is_empty() {
        return;
    }
    for old in old {
        match new.iter().find(|column| column.name == old.name) {
            None => {
                let message = format!("column \"{}\" of {place} is gone", old.name);
                findings.push(change.breaks(line, message));
            }
            Some(new) => column(place, (old, new), change, findings),
        }
    }
}

fn column(
    place: &str,
    (old, new): (&Column, &Column),
    change: Change<'_>,
    findings: &mut Vec<Problem>,
) {
    let name = format!("column \"{}\" of {place}", old.name);
    if let Some(what) = types::narrowing(old, new) {
        findings.push(change.breaks(new.line, format!("the type of {name} {what}")));
    }
    if old.is_required && !new.is_required {
        findings.push(change.breaks(new.line, format!("{name} may be NULL now")));
    }
    if old.is_unique && !new.is_unique {
        findings.push(change.breaks(new.line, format!("{name} is not unique any more")));
    }
    if old.logical_type != new.logical_type {
        return;
    }
    match old.logical_type {
        Some(LogicalType::Object) => {
            let inside = format!("{place}.{}", old.name);
            columns(&inside, new.line, (&old.children, &new.children), change, findings);
        }
        // The item of an array, key and value of a map: by place, since some have no name.
        Some(LogicalType::Array | LogicalType::Map) => {
            let inside = format!("{place}.{}", old.name);
            for pair in old.children.iter().zip(&new.children) {
                column(&inside, pair, change, findings);
            }
        }
        _ => {}
    }
}
