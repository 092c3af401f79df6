//! What a new revision of a mesh takes away from those who use the old one.
//!
//! ```text
//! Mesh (old), Mesh (new) ──ports of one name and major version──▶ tables, types, levels ──▶ Problem
//! ```
//!
//! A major version is a promise until its end of life: what changes what consumers rely on belongs into the next one, which
//! is served beside it. New products, ports, tables and columns break nothing.

mod levels;
mod tables;
mod types;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::product::{
    Contract, DataProduct, LifeStage, Mesh, OutputPort, Problem, ProblemLevel, Version,
};

/// What consumers of `old` lose with `new`, ordered by file and line; empty if nothing breaks.
///
/// Compares the ports that are served at `now`. An end of life that is new must leave consumers at least `window`. The lines are those of the new documents, or, for what is
/// gone with its document, those of the old ones.
#[must_use]
pub fn breaking_changes(
    old: &Mesh,
    new: &Mesh,
    (now, window): (DateTime<Utc>, TimeDelta),
) -> Vec<Problem> {
    let mut findings = Vec::new();
    for product in old.products() {
        let successor = new.product(&product.domain, &product.name);
        for port in product.ports.iter().filter(|port| is_served(port, now)) {
            let label = format!("{}.{}", product.domain, address(product, port));
            let successor = successor.map(AsRef::as_ref);
            compare_port(&label, (product, port), successor, (now, window), &mut findings);
        }
    }
    findings.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
    findings
}

/// What the consumers of one contract see, before and after.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    product: &'a DataProduct,
    old: &'a Contract,
    new: &'a Contract,
}

impl Change<'_> {
    /// A break in the new contract; line 0 stands for the whole document.
    fn breaks(&self, line: u64, message: String) -> Problem {
        let major = self.old.version.major.saturating_add(1);
        let hint =
            format!("keep it until the end of life, and serve the change as version {major}");
        found(self.product, &self.new.file, line, message, hint)
    }
}

fn found(
    product: &DataProduct,
    file: &str,
    line: u64,
    message: String,
    hint: impl Into<String>,
) -> Problem {
    Problem {
        level: ProblemLevel::Error,
        domain: Some(product.domain.clone()),
        product: Some(product.name.clone()),
        file: file.to_owned(),
        line: (line > 0).then_some(line),
        path: None,
        message,
        hint: Some(hint.into()),
    }
}

fn is_served(port: &OutputPort, now: DateTime<Utc>) -> bool {
    !matches!(port.stage(now), LifeStage::Unborn | LifeStage::Ended)
}

/// The product with the port and the major version, as SQL names them.
fn address(product: &DataProduct, port: &OutputPort) -> String {
    let is_default = port.name == product.name;
    let name = if is_default { String::new() } else { format!(":{}", port.name) };
    format!("{}{name}@{}", product.name, port.version.major)
}

fn compare_port(
    label: &str,
    (product, port): (&DataProduct, &OutputPort),
    successor: Option<&DataProduct>,
    (now, window): (DateTime<Utc>, TimeDelta),
    findings: &mut Vec<Problem>,
) {
    let is_same =
        |other: &&OutputPort| other.name == port.name && other.version.major == port.version.major;
    let kept = successor.into_iter().flat_map(|product| &product.ports).filter(is_same);
    let Some(kept) = kept.max_by_key(|other| other.version) else {
        let file = successor.map_or(&port.contract.file, |product| &product.file);
        let message = format!("{label} is gone{}", until(&port.contract));
        let hint = "set endOfLife in its contract, and keep it until then";
        findings.push(found(product, file, 0, message, hint));
        return;
    };
    let change = Change { product, old: &port.contract, new: &kept.contract };
    if !is_served(kept, now) {
        let why = format!("its status is {}", kept.contract.status);
        let message = format!("{label} is no longer served: {why}{}", until(&port.contract));
        findings.push(change.breaks(0, message));
        return;
    }
    if let Some(message) = earlier_version(label, port.version, kept.version) {
        let hint = "give each revision a higher version";
        findings.push(found(product, &kept.contract.file, 0, message, hint));
    }
    earlier_ends(label, change, findings);
    short_notice(label, change, (now, window), findings);
    levels::compare(label, change, findings);
    tables::compare(label, change, findings);
}

fn until(contract: &Contract) -> String {
    match contract.end_of_life {
        Some(end) => format!(" before its end of life, {}", day(end)),
        None => ", and its contract names no end of life".to_owned(),
    }
}

fn day(instant: DateTime<Utc>) -> String {
    match instant.to_rfc3339_opts(SecondsFormat::Secs, true).split_once("T00:00:00Z") {
        Some((day, _)) => day.to_owned(),
        None => instant.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

fn earlier_version(label: &str, old: Version, new: Version) -> Option<String> {
    (new < old).then(|| format!("{label} goes back from version {old} to {new}"))
}

/// A promised end may only move away.
fn earlier_ends(label: &str, change: Change<'_>, findings: &mut Vec<Problem>) {
    let ends = [
        ("endOfSupport", change.old.end_of_support, change.new.end_of_support),
        ("endOfLife", change.old.end_of_life, change.new.end_of_life),
    ];
    for (name, old, new) in ends {
        if let (Some(old), Some(new)) = (old, new)
            && new < old
        {
            let (old, new) = (day(old), day(new));
            let message = format!("{name} of {label} moves from {old} to {new}");
            let line = levels::line_of(change.new, name);
            let hint = "an end that is promised may only be put off";
            findings.push(found(change.product, &change.new.file, line, message, hint));
        }
    }
}

/// Who uses a version has a while to leave it, from the day on which its end is told.
fn short_notice(
    label: &str,
    change: Change<'_>,
    (now, window): (DateTime<Utc>, TimeDelta),
    findings: &mut Vec<Problem>,
) {
    let Some(end) = change.new.end_of_life else { return };
    if change.old.end_of_life.is_some() || end - now >= window {
        return;
    }
    let (left, asked) = ((end - now).num_days().max(0), window.num_days());
    let message = format!("endOfLife of {label} is in {left} days, the mesh asks for {asked}");
    let line = levels::line_of(change.new, "endOfLife");
    let hint = format!("set it to {} or later", day_of(now + window));
    findings.push(found(change.product, &change.new.file, line, message, hint));
}

/// The first day that is wholly after an instant.
fn day_of(instant: DateTime<Utc>) -> String {
    let day = instant.date_naive();
    day.succ_opt().unwrap_or(day).to_string()
}

#[cfg(test)]
mod tests;
