//! Policies over meshes made by hand.

mod decisions;
mod files;
mod kept;
mod random;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use samite_engine::authorizer::{AccessRequest, Decision};
use samite_engine::product::{
    Column, Contract, DataProduct, Domain, LogicalType, Mesh, OnBreach, OutputPort, Owner, Problem,
    Status, Table, Version,
};
use samite_engine::session::Principal;

use super::evaluate::Policies;
use super::load::{PolicyFile, PolicyLoader};

pub(super) fn column(name: &str, logical: LogicalType, classification: Option<&str>) -> Column {
    Column {
        name: name.to_owned(),
        logical_type: Some(logical),
        classification: classification.map(str::to_owned),
        ..Column::default()
    }
}

pub(super) fn table(name: &str, columns: Vec<Column>) -> Table {
    Table { name: name.to_owned(), columns, line: 3, ..Table::default() }
}

pub(super) fn port(name: &str, version: &str, tables: Vec<Table>) -> OutputPort {
    let version = Version::parse(version).expect("a version");
    OutputPort {
        name: name.to_owned(),
        version,
        description: None,
        is_deprecated: false,
        kind: None,
        input_contracts: Vec::new(),
        contract: Arc::new(Contract {
            id: name.to_owned(),
            name: None,
            version,
            status: Status::Active,
            description: None,
            file: format!("{name}.odcs.yaml"),
            servers: Vec::new(),
            tables: tables.into_iter().map(Arc::new).collect(),
            slos: Vec::new(),
            allowed_purposes: Vec::new(),
            on_breach: OnBreach::default(),
            general_availability: None,
            end_of_support: None,
            end_of_life: None,
        }),
    }
}

pub(super) fn product(domain: &str, name: &str, ports: Vec<OutputPort>) -> DataProduct {
    DataProduct {
        domain: domain.to_owned(),
        name: name.to_owned(),
        id: format!("{domain}-{name}"),
        version: None,
        status: Status::Active,
        archetype: None,
        description: None,
        owner: Owner::default(),
        tags: Vec::new(),
        file: format!("{name}.odps.yaml"),
        input_contracts: Vec::new(),
        ports,
    }
}

pub(super) fn mesh(products: Vec<DataProduct>) -> Mesh {
    let mut mesh = Mesh::default();
    for product in products {
        let name = product.domain.clone();
        let domain = mesh
            .domains
            .entry(name.clone())
            .or_insert_with(|| Domain { name, products: BTreeMap::new() });
        domain.products.insert(product.name.clone(), Arc::new(product));
    }
    mesh
}

/// Domains `a` and `b`, each with one table of four columns.
fn two_domains() -> Mesh {
    let columns = || {
        vec![
            Column { is_required: true, ..column("country", LogicalType::String, Some("public")) },
            column("city", LogicalType::String, Some("internal")),
            column("amount", LogicalType::Integer, Some("confidential")),
            column("secret", LogicalType::String, Some("restricted")),
        ]
    };
    let one =
        |domain: &str| product(domain, "p", vec![port("x", "1.0.0", vec![table("t", columns())])]);
    mesh(vec![one("a"), one("b")])
}

fn files(files: &[(&str, &str)]) -> Vec<PolicyFile> {
    files
        .iter()
        .map(|(file, text)| PolicyFile {
            file: (*file).to_owned(),
            bytes: Some(text.as_bytes().to_vec().into()),
        })
        .collect()
}

fn load(mesh: &Mesh, policies: &[(&str, &str)]) -> (Policies, Vec<Problem>) {
    PolicyLoader::default().load_here(mesh, &files(policies))
}

fn principal(name: &str, groups: &[&str], attributes: &[(&str, &str)]) -> Principal {
    let mut who = Principal::user(name);
    who.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let own = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    who.attributes.extend(own);
    who
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// One question about the first table of a product.
fn with_request<T>(
    mesh: &Mesh,
    product: (&str, &str),
    who: (&Principal, Option<&str>),
    ask: impl FnOnce(&AccessRequest<'_>, &[&str]) -> T,
) -> T {
    let product = mesh.product(product.0, product.1).expect("a product");
    let table = &product.ports[0].contract.tables[0];
    let request = AccessRequest {
        principal: who.0,
        purpose: who.1,
        now: now(),
        channel: "embedded",
        product,
        port: &product.ports[0],
        table,
    };
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    ask(&request, &columns)
}

fn decide(
    policies: &Policies,
    mesh: &Mesh,
    product: (&str, &str),
    who: (&Principal, Option<&str>),
) -> Decision {
    with_request(mesh, product, who, |request, columns| {
        use samite_engine::authorizer::Authorizer as _;
        futures::executor::block_on(policies.decide(request, columns)).expect("a decision")
    })
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}
