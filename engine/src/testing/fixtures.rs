//! Small meshes.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Result;
use crate::product::{
    Contract, DataProduct, Domain, Mesh, OnBreach, OutputPort, Owner, Server, Status, Table,
    Version, View,
};

use super::{FixedCatalog, MemoryConnector};

/// A contract with tables that [`MemoryConnector`] serves.
#[must_use]
pub fn contract(id: &str, version: Version, tables: &[&str]) -> Contract {
    Contract {
        id: id.to_owned(),
        name: None,
        version,
        status: Status::Active,
        description: None,
        file: format!("{id}.odcs.yaml"),
        servers: vec![Arc::new(Server {
            name: "memory".to_owned(),
            kind: "custom".to_owned(),
            format: Some("memory".to_owned()),
            ..Server::default()
        })],
        tables: tables
            .iter()
            .map(|name| Arc::new(Table { name: (*name).to_owned(), ..Table::default() }))
            .collect(),
        slos: Vec::new(),
        allowed_purposes: Vec::new(),
        on_breach: OnBreach::Warn,
        general_availability: None,
        end_of_support: None,
        end_of_life: None,
    }
}

/// The same contract, but that its tables are made by these queries, in their order.
#[must_use]
pub fn virtual_contract(id: &str, version: Version, tables: &[(&str, &str)]) -> Contract {
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    let view = |(name, sql): &(&str, &str)| {
        let view = View { file: format!("{name}.sql"), sql: (*sql).to_owned() };
        ((*name).to_owned(), Arc::new(view))
    };
    Contract {
        servers: vec![Arc::new(Server {
            name: "view".to_owned(),
            kind: "custom".to_owned(),
            format: Some("sql-view".to_owned()),
            sql_file: Some("{model}.sql".to_owned()),
            views: tables.iter().map(view).collect(),
            ..Server::default()
        })],
        ..contract(id, version, &names)
    }
}

/// An active port with that contract, and its version.
#[must_use]
pub fn port(name: &str, contract: Contract) -> OutputPort {
    OutputPort {
        name: name.to_owned(),
        version: contract.version,
        description: None,
        is_deprecated: false,
        kind: None,
        input_contracts: Vec::new(),
        contract: Arc::new(contract),
    }
}

/// A mesh of products: domain, name and ports of each.
#[must_use]
pub fn mesh_of(products: Vec<(&str, &str, Vec<OutputPort>)>) -> Mesh {
    let mut mesh = Mesh::default();
    for (domain, name, ports) in products {
        let product = DataProduct {
            domain: domain.to_owned(),
            name: name.to_owned(),
            id: format!("{domain}.{name}"),
            version: None,
            status: Status::Active,
            archetype: None,
            description: None,
            owner: Owner::default(),
            tags: Vec::new(),
            file: format!("domains/{domain}/{name}/{name}.odps.yaml"),
            input_contracts: Vec::new(),
            ports,
        };
        let entry = mesh
            .domains
            .entry(domain.to_owned())
            .or_insert_with(|| Domain { name: domain.to_owned(), ..Domain::default() });
        entry.products.insert(name.to_owned(), Arc::new(product));
    }
    mesh
}

/// An engine over a mesh and tables in memory.
///
/// # Errors
///
/// When the engine cannot be put together.
pub fn engine_with(mesh: Mesh, tables: MemoryConnector) -> Result<Engine> {
    Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(tables)])
        .build()
}
