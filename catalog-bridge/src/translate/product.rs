//! An ODPS document as a product whose contracts are still to be found.

use samite_engine::product::{Owner, Status, Version};

use super::Surroundings;
use super::contract::{description, same_domain};
use super::names::{Name, name_of};
use crate::documents::{Document, Node};
use crate::problems::Finding;

/// A product before its contracts are found.
#[derive(Debug, Clone)]
pub(crate) struct ProductDraft {
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) version: Option<String>,
    /// Without one, it is served like an active one.
    pub(crate) status: Option<Status>,
    pub(crate) archetype: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) owner: Owner,
    pub(crate) tags: Vec<String>,
    /// The ids of the contracts that it reads.
    pub(crate) input_contracts: Vec<String>,
    pub(crate) ports: Vec<PortDraft>,
    /// True if a port was left out.
    pub(crate) has_broken_port: bool,
    /// The line of the name.
    pub(crate) line: u64,
}

/// A port before its contract is found.
#[derive(Debug, Clone)]
pub(crate) struct PortDraft {
    pub(crate) name: String,
    /// Without one, that of the contract.
    pub(crate) version: Option<Version>,
    pub(crate) description: Option<String>,
    pub(crate) is_deprecated: bool,
    pub(crate) kind: Option<String>,
    /// The ids of the contracts that it is made from.
    pub(crate) input_contracts: Vec<String>,
    pub(crate) contract_id: String,
    /// The place of the port in the document.
    pub(crate) path: String,
    pub(crate) line: u64,
    /// The line of the contract's id.
    pub(crate) contract_line: u64,
}

/// Translates a product; without one if the product as a whole cannot be served. A port that
/// cannot be served is left out with an error of its own.
pub(crate) fn product(
    document: &Document,
    surroundings: Surroundings<'_>,
) -> (Option<ProductDraft>, Vec<Finding>) {
    let root = &document.root;
    let mut findings = Vec::new();
    let name = product_name(root, &mut findings);
    same_domain(root, surroundings.domain, &mut findings);
    let is_served = !findings.iter().any(Finding::is_error);
    let mut ports = Vec::new();
    for (index, node) in root.items_of("outputPorts").iter().enumerate() {
        match port(node, format!("outputPorts[{index}]"), &mut findings) {
            Ok(port) => ports.push(port),
            Err(finding) => findings.push(finding),
        }
    }
    let draft = ProductDraft {
        domain: surroundings.domain.to_owned(),
        name: name.map(|node| node.text().unwrap_or_default().to_owned()).unwrap_or_default(),
        id: root.text_of("id").unwrap_or_default().to_owned(),
        version: root.text_of("version").map(str::to_owned),
        status: root.text_of("status").map(Status::parse),
        archetype: archetype(root),
        description: description(root),
        owner: owner(root),
        tags: root.items_of("tags").iter().filter_map(Node::text).map(str::to_owned).collect(),
        input_contracts: ids(root, "inputPorts", "contractId"),
        has_broken_port: ports.len() < root.items_of("outputPorts").len(),
        ports,
        line: name.map_or(root.line, |node| node.line),
    };
    (is_served.then_some(draft), findings)
}

fn product_name<'a>(root: &'a Node, findings: &mut Vec<Finding>) -> Option<&'a Node> {
    let Some(node) = root.get("name") else {
        findings.push(
            Finding::error(root.line, "", "key \"name\" is missing")
                .with_hint("SQL addresses the product by its name"),
        );
        return None;
    };
    judge(node, "product", "name", findings);
    Some(node)
}

/// Says what is odd about a name; false if it cannot be used.
fn judge(node: &Node, what: &str, path: &str, findings: &mut Vec<Finding>) -> bool {
    let hint = "expected small letters, digits and single underscores";
    match name_of(what, node.text().unwrap_or_default()) {
        Name::Plain => true,
        Name::Quoted(message) => {
            findings.push(Finding::warning(node.line, path, message).with_hint(hint));
            true
        }
        Name::Refused(message) => {
            findings.push(Finding::error(node.line, path, message).with_hint(hint));
            false
        }
    }
}

fn port(node: &Node, path: String, findings: &mut Vec<Finding>) -> Result<PortDraft, Finding> {
    let text = |key: &str| node.text_of(key).map(str::to_owned);
    let mut odd = Vec::new();
    if let Some(name) = node.get("name") {
        let is_usable = judge(name, "port", &format!("{path}.name"), &mut odd);
        if let (false, Some(finding)) = (is_usable, odd.pop()) {
            return Err(finding);
        }
    }
    findings.extend(odd);
    let version = match node.get("version") {
        None => None,
        Some(written) => Some(written.text().and_then(Version::parse).ok_or_else(|| {
            Finding::error(
                written.line,
                format!("{path}.version"),
                format!("found {}", written.describe()),
            )
            .with_hint("expected major.minor.patch, for instance 1.0.0")
        })?),
    };
    let Some(contract) = node.get("contractId") else {
        return Err(Finding::error(node.line, path, "the port has no contract")
            .with_hint("add contractId, the id of an ODCS document"));
    };
    Ok(PortDraft {
        name: text("name").unwrap_or_default(),
        version,
        description: text("description"),
        is_deprecated: node.is_true("deprecated"),
        kind: text("type"),
        input_contracts: ids(node, "inputContracts", "id"),
        contract_id: contract.text().unwrap_or_default().to_owned(),
        path,
        line: node.line,
        contract_line: contract.line,
    })
}

/// The ids that the items of a list have.
fn ids(node: &Node, list: &str, key: &str) -> Vec<String> {
    node.items_of(list).iter().filter_map(|item| item.text_of(key)).map(str::to_owned).collect()
}

/// `type`, which older versions of the standard have as a custom property.
fn archetype(root: &Node) -> Option<String> {
    let custom = || {
        root.items_of("customProperties")
            .iter()
            .find(|property| property.text_of("property") == Some("dataProductType"))?
            .text_of("value")
    };
    root.text_of("type").or_else(custom).map(str::to_owned)
}

fn owner(root: &Node) -> Owner {
    let Some(team) = root.get("team") else { return Owner::default() };
    let contact = team
        .items_of("members")
        .iter()
        .find(|member| {
            member.text_of("role").is_some_and(|role| role.to_ascii_lowercase().contains("owner"))
        })
        .and_then(|member| member.text_of("username"));
    Owner { team: team.text_of("name").map(str::to_owned), contact: contact.map(str::to_owned) }
}
