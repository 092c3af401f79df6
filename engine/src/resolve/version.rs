//! Which port a name means: port name, version, life cycle.

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::product::{DataProduct, LifeStage, OutputPort, ProductSelector, VersionSelector};

/// The ports of `product` that `selector` can mean and that hold the table, if the name tells it:
/// the newest version of each port name.
///
/// # Errors
///
/// When there is no such port or version, or it ended.
pub(crate) fn select<'a>(
    product: &'a DataProduct,
    selector: &ProductSelector,
    now: DateTime<Utc>,
) -> Result<Vec<&'a OutputPort>> {
    let is_draft = selector.version == VersionSelector::Draft;
    let of_name: Vec<&OutputPort> = product
        .ports
        .iter()
        .filter(|port| selector.port.as_ref().is_none_or(|name| *name == port.name))
        .collect();
    let is_in_reach = |port: &&OutputPort| (port.stage(now) == LifeStage::Unborn) == is_draft;
    let named: Vec<&OutputPort> = of_name.iter().copied().filter(is_in_reach).collect();
    if named.is_empty() && is_draft {
        return Err(no_draft(product));
    }
    let mut matching: Vec<&OutputPort> =
        named.iter().copied().filter(|port| matches(port, selector.version)).collect();
    // A draft has another name besides: its whole version.
    if matching.is_empty() && matches!(selector.version, VersionSelector::Patch(..)) {
        matching.extend(of_name.iter().copied().filter(|port| matches(port, selector.version)));
    }
    if matching.is_empty() && named.is_empty() {
        return Err(no_port(product, selector, now));
    }
    if matching.is_empty() {
        return Err(no_version(product, selector, &named));
    }
    let mut names: Vec<&str> = matching.iter().map(|port| port.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let newest: Vec<&OutputPort> =
        names.into_iter().filter_map(|name| newest(&matching, name, now)).collect();
    if newest.iter().all(|port| port.stage(now) == LifeStage::Ended)
        && let Some(port) = newest.first()
    {
        return Err(ended(product, port, now));
    }
    Ok(newest.into_iter().filter(|port| port.stage(now) != LifeStage::Ended).collect())
}

fn matches(port: &OutputPort, version: VersionSelector) -> bool {
    let (major, minor, patch) = (port.version.major, port.version.minor, port.version.patch);
    match version {
        VersionSelector::Latest | VersionSelector::Draft => true,
        VersionSelector::Major(wanted) => wanted == major,
        VersionSelector::Minor(a, b) => (a, b) == (major, minor),
        VersionSelector::Patch(a, b, c) => (a, b, c) == (major, minor, patch),
    }
}

/// The port of that name that a reader gets: active before deprecated before ended, then the
/// highest version.
fn newest<'a>(ports: &[&'a OutputPort], name: &str, now: DateTime<Utc>) -> Option<&'a OutputPort> {
    ports.iter().copied().filter(|port| port.name == name).max_by_key(|port| {
        let rank = match port.stage(now) {
            LifeStage::Unborn => 0,
            LifeStage::Ended => 1,
            LifeStage::Unsupported => 2,
            LifeStage::Deprecated => 3,
            LifeStage::Active => 4,
        };
        (rank, port.version)
    })
}

fn no_draft(product: &DataProduct) -> Error {
    let message = format!("product \"{}.{}\" has no draft", product.domain, product.name);
    Error::new(ErrorKind::NotFound, message)
        .with_hint("leave the version out for the newest that is served")
}

fn no_port(product: &DataProduct, selector: &ProductSelector, now: DateTime<Utc>) -> Error {
    let address = format!("{}.{}", product.domain, product.name);
    let Some(wanted) = &selector.port else {
        return Error::new(
            ErrorKind::NotFound,
            format!("product \"{address}\" has no port that is served"),
        )
        .with_hint("see mesh.discovery.ports and mesh.discovery.problems");
    };
    let error = Error::new(
        ErrorKind::NotFound,
        format!("port \"{wanted}\" of product \"{address}\" does not exist"),
    );
    let served = product.ports.iter().filter(|port| port.stage(now) != LifeStage::Unborn);
    let mut names: Vec<&str> = served.map(|port| port.name.as_str()).collect();
    names.dedup();
    match crate::nearest::hint(wanted, "ports", names.into_iter()) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn no_version(product: &DataProduct, selector: &ProductSelector, named: &[&OutputPort]) -> Error {
    let mut versions: Vec<_> = named.iter().map(|port| port.version).collect();
    versions.sort_unstable();
    versions.dedup();
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    Error::new(
        ErrorKind::NotFound,
        format!(
            "version {} of product \"{}.{}\" does not exist",
            selector.version, product.domain, product.name
        ),
    )
    .with_detail(format!("the versions are {}", versions.join(", ")))
    .with_hint(format!(
        "write \"{}@N\" with one of them, or leave the version out for the newest",
        selector.product
    ))
}

fn ended(product: &DataProduct, port: &OutputPort, now: DateTime<Utc>) -> Error {
    let end = match port.contract.end_of_life {
        Some(date) if date <= now => format!("ended on {}", date.format("%Y-%m-%d")),
        _ => "is retired".to_owned(),
    };
    let error = Error::new(
        ErrorKind::ContractViolated,
        format!(
            "version {} of product \"{}.{}\" {end}",
            port.version, product.domain, product.name
        ),
    );
    match successor(product, port, now) {
        Some(next) => error.with_hint(format!(
            "use {}.\"{}@{}\"",
            product.domain, product.name, next.version.major
        )),
        None => error.with_hint("it has no successor: ask its owner"),
    }
}

/// What a reader should know of a port that is served: nothing for an active one.
pub(super) fn warning(
    product: &DataProduct,
    port: &OutputPort,
    now: DateTime<Utc>,
) -> Option<String> {
    let address = format!("{}.{}@{}", product.domain, product.name, port.version);
    let date = |date: Option<DateTime<Utc>>| date.map(|date| date.format("%Y-%m-%d").to_string());
    let mut text = match port.stage(now) {
        LifeStage::Deprecated => format!("{address} is deprecated"),
        LifeStage::Unsupported => format!("{address} is no longer supported"),
        LifeStage::Unborn => {
            return Some(format!("{address} is a draft: it may change at any time"));
        }
        LifeStage::Active | LifeStage::Ended => return None,
    };
    if let Some(end) = date(port.contract.end_of_support) {
        text.push_str(&format!("; support ends on {end}"));
    }
    if let Some(end) = date(port.contract.end_of_life) {
        text.push_str(&format!("; it is refused from {end} on"));
    }
    if let Some(next) = successor(product, port, now) {
        text.push_str(&format!(
            "; use {}.\"{}@{}\"",
            product.domain, product.name, next.version.major
        ));
    }
    Some(text)
}

/// The next higher active version of the same port.
pub(crate) fn successor<'a>(
    product: &'a DataProduct,
    port: &OutputPort,
    now: DateTime<Utc>,
) -> Option<&'a OutputPort> {
    product
        .ports
        .iter()
        .filter(|next| next.name == port.name && next.version.major > port.version.major)
        .filter(|next| next.stage(now) == LifeStage::Active)
        .min_by_key(|next| next.version)
}
