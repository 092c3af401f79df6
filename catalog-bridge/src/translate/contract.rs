//! An ODCS document as a contract.

use std::sync::Arc;

use samite_engine::product::{Contract, OnBreach, Slo, Status, Version};

use super::extensions::{self, Part};
use super::{Surroundings, dates, servers, tables};
use crate::documents::{Document, Edition, Node};
use crate::problems::Finding;

/// A contract before a product claims it.
#[derive(Debug, Clone)]
pub(crate) struct ContractDraft {
    pub(crate) contract: Arc<Contract>,
    /// False if the status is that of the product which claims it.
    pub(crate) has_status: bool,
    /// The line of the id.
    pub(crate) id_line: u64,
}

/// Translates a contract; without one if there is an error among the findings.
pub(crate) fn contract(
    document: &Document,
    surroundings: Surroundings<'_>,
) -> (Option<ContractDraft>, Vec<Finding>) {
    let root = &document.root;
    let edition = document.edition;
    let mut findings = extensions::audit(root, "", Part::Contract, edition);
    let slos = root.items_of("slaProperties");
    for (index, slo) in slos.iter().enumerate() {
        let path = format!("slaProperties[{index}]");
        findings.extend(extensions::audit(slo, &path, Part::ServiceLevel, edition));
    }
    let version = version(root, &mut findings);
    same_domain(root, surroundings.domain, &mut findings);
    let life = dates::life_cycle(root, &mut findings);
    let mut servers = Vec::new();
    for (index, node) in root.items_of("servers").iter().enumerate() {
        let path = format!("servers[{index}]");
        let server = servers::server(node, &path, surroundings, edition, &mut findings);
        servers.push(Arc::new(server));
    }
    let tables = tables::tables(root, surroundings, edition, &mut findings);
    let status = root.text_of("status");
    let contract = Contract {
        id: root.text_of("id").unwrap_or_default().to_owned(),
        name: root.text_of("name").map(str::to_owned),
        version,
        status: status.map_or(Status::Active, Status::parse),
        description: description(root),
        file: surroundings.file.to_owned(),
        servers,
        tables: tables.into_iter().map(Arc::new).collect(),
        allowed_purposes: purposes(root, edition, &mut findings),
        slos: slos.iter().map(|node| slo(node, root, edition)).collect(),
        on_breach: on_breach(extensions::value(root, "onBreach", edition)),
        general_availability: life.general_availability,
        end_of_support: life.end_of_support,
        end_of_life: life.end_of_life,
    };
    let is_served = !findings.iter().any(Finding::is_error);
    let draft = ContractDraft {
        contract: Arc::new(contract),
        has_status: status.is_some(),
        id_line: root.get("id").map_or(root.line, |id| id.line),
    };
    (is_served.then_some(draft), findings)
}

/// The purpose, else the usage, else the limitations.
pub(crate) fn description(root: &Node) -> Option<String> {
    let description = root.get("description")?;
    ["purpose", "usage", "limitations"]
        .iter()
        .find_map(|key| description.text_of(key))
        .map(str::to_owned)
}

/// A document that names another domain than its folder's is not served.
pub(crate) fn same_domain(root: &Node, domain: &str, findings: &mut Vec<Finding>) {
    let Some(node) = root.get("domain") else { return };
    let Some(written) = node.text().filter(|written| *written != domain) else { return };
    findings.push(
        Finding::error(
            node.line,
            "domain",
            format!("domain \"{written}\" is not that of the folder, \"{domain}\""),
        )
        .with_hint(format!("write domain: {domain}, or move the file")),
    );
}

/// The version of the document; a problem and 0 if it is none.
fn version(root: &Node, findings: &mut Vec<Finding>) -> Version {
    let parsed = root.text_of("version").and_then(Version::parse);
    if let (None, Some(node)) = (parsed, root.get("version")) {
        let message = format!("found {}", node.describe());
        findings.push(
            Finding::error(node.line, "version", message)
                .with_hint("expected major.minor.patch, for instance 1.0.0"),
        );
    }
    parsed.unwrap_or(Version { major: 0, minor: 0, patch: 0 })
}

/// The purposes that the contract may be read for. A list that cannot be read is an error: it is there to keep others out.
fn purposes(root: &Node, edition: Edition, findings: &mut Vec<Finding>) -> Vec<String> {
    let Some(value) = extensions::value(root, "allowedPurposes", edition) else {
        return Vec::new();
    };
    let purposes: Option<Vec<String>> =
        value.items().iter().map(|item| item.text().map(str::to_owned)).collect();
    match purposes {
        Some(purposes) if !purposes.is_empty() => purposes,
        _ => {
            let message = format!("allowedPurposes: found {}", value.describe());
            let hint = "expected a list of purposes, for instance [product-analytics]";
            findings.push(Finding::error(value.line, "customProperties", message).with_hint(hint));
            Vec::new()
        }
    }
}

/// A service level; what it does not say of a breach, the contract says for all.
fn slo(node: &Node, root: &Node, edition: Edition) -> Slo {
    let text = |key: &str| node.text_of(key).map(str::to_owned);
    let word = extensions::value(node, "onBreach", edition)
        .or_else(|| extensions::value(root, "onBreach", edition));
    Slo {
        property: text("property").unwrap_or_default(),
        value: node.get("value").and_then(Node::scalar_text).unwrap_or_default(),
        unit: text("unit"),
        element: text("element"),
        description: text("description"),
        on_breach: on_breach(word),
        line: node.line,
    }
}

fn on_breach(word: Option<&Node>) -> OnBreach {
    match word.and_then(Node::text) {
        Some("refuse") => OnBreach::Refuse,
        _ => OnBreach::Warn,
    }
}
