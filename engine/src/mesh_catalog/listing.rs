//! Every table with the names that SQL knows it by.
//!
//! A product appears once without version, which means its newest, and once for each major version
//! that is served: `play_events`, `play_events@1`, `play_events@2`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use super::{MESH_TABLES, MakeTable, Picture, information_schema};
use crate::error::Result;
use crate::product::{
    DataProduct, LifeStage, Mesh, OutputPort, ProductSelector, Table, VersionSelector,
};
use crate::resolve::{self, INFORMATION_SCHEMA, MESH_CATALOG, select_ports};

/// What a listed table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableKind {
    /// A table of a product.
    Table,
    /// A virtual product.
    View,
    /// A table of Samite's own: `mesh` or `information_schema`.
    SystemTable,
}

impl TableKind {
    /// The word that catalogs use for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::SystemTable => "SYSTEM TABLE",
        }
    }
}

/// One table of a listing.
#[derive(Debug, Clone)]
pub struct ListedTable {
    /// The catalog: the domain.
    pub catalog: String,
    /// The schema: the product, with port and version where the name needs them.
    pub schema: String,
    /// The table.
    pub table: String,
    /// What it is.
    pub kind: TableKind,
    /// What the contract promises; `None` for a system table.
    pub promise: Option<Arc<Table>>,
    /// The schema, where it is known without opening a port: that of a system table.
    pub known_schema: Option<SchemaRef>,
}

/// The tables of one catalog, ordered by schema and table, without those of `pg_catalog`.
pub(super) fn list_catalog(picture: Picture<'_>, catalog: &str) -> Result<Vec<ListedTable>> {
    let mut listed = Vec::new();
    if catalog == MESH_CATALOG {
        listed = mesh_tables(picture)?;
    } else if let Some(domain) = picture.mesh.domains.get(catalog) {
        listed = domain.products.values().flat_map(|one| tables_of(picture, one)).collect();
    }
    for (name, schema) in information_schema::schemas()? {
        listed.push(system_table(catalog, INFORMATION_SCHEMA, name, schema));
    }
    listed.sort_by(|left, right| (&left.schema, &left.table).cmp(&(&right.schema, &right.table)));
    Ok(listed)
}

fn mesh_tables(picture: Picture<'_>) -> Result<Vec<ListedTable>> {
    // Only the schemas are wanted: nobody's queries are few, and an empty mesh is soon told of.
    let empty = Mesh::default();
    let nobody = Picture { principal: "", mesh: &empty, whole: &empty, ..picture };
    let table = |(schema, name, make): &(&str, &str, MakeTable)| {
        Ok(system_table(MESH_CATALOG, schema, name, make(nobody)?.schema()))
    };
    MESH_TABLES.iter().map(table).collect()
}

/// Every table, ordered by catalog, schema and table.
pub(super) fn list(picture: Picture<'_>) -> Result<Vec<ListedTable>> {
    let mut listed = product_tables(picture);
    listed.extend(mesh_tables(picture)?);
    let catalogs: Vec<&str> = picture.mesh.domains.keys().map(String::as_str).collect();
    for (name, schema) in information_schema::schemas()? {
        for catalog in catalogs.iter().copied().chain([MESH_CATALOG]) {
            listed.push(system_table(catalog, INFORMATION_SCHEMA, name, Arc::clone(&schema)));
        }
    }
    listed.sort_by(|left, right| {
        (&left.catalog, &left.schema, &left.table).cmp(&(
            &right.catalog,
            &right.schema,
            &right.table,
        ))
    });
    Ok(listed)
}

fn system_table(catalog: &str, schema: &str, table: &str, columns: SchemaRef) -> ListedTable {
    ListedTable {
        catalog: catalog.to_owned(),
        schema: schema.to_owned(),
        table: table.to_owned(),
        kind: TableKind::SystemTable,
        promise: None,
        known_schema: Some(columns),
    }
}

/// The tables of the products alone.
pub(super) fn product_tables(picture: Picture<'_>) -> Vec<ListedTable> {
    picture.mesh.products().flat_map(|product| tables_of(picture, product)).collect()
}

fn tables_of(picture: Picture<'_>, product: &DataProduct) -> Vec<ListedTable> {
    let mut listed = Vec::new();
    let newest = ProductSelector {
        product: product.name.clone(),
        port: None,
        version: VersionSelector::Latest,
    };
    list_ports(picture, product, &newest, &mut listed);
    let has_several_ports = product
        .ports
        .iter()
        .any(|port| product.ports.first().is_some_and(|first| first.name != port.name));
    let mut seen: Vec<ProductSelector> = Vec::new();
    for port in product.ports.iter().filter(|port| is_served(picture, port)) {
        let selector = ProductSelector {
            port: has_several_ports.then(|| port.name.clone()),
            version: VersionSelector::Major(port.version.major),
            ..newest.clone()
        };
        if !seen.contains(&selector) {
            list_ports(picture, product, &selector, &mut listed);
            seen.push(selector);
        }
    }
    listed
}

fn kind_of(picture: Picture<'_>, port: &OutputPort) -> TableKind {
    match resolve::server(picture.engine, &port.contract) {
        Some(server) if server.is_virtual() => TableKind::View,
        Some(_) | None => TableKind::Table,
    }
}

fn is_served(picture: Picture<'_>, port: &OutputPort) -> bool {
    !matches!(port.stage(picture.now), LifeStage::Unborn | LifeStage::Ended)
}

/// Lists the tables that a selector reaches; one that several ports have cannot be named so.
fn list_ports(
    picture: Picture<'_>,
    product: &DataProduct,
    selector: &ProductSelector,
    listed: &mut Vec<ListedTable>,
) {
    let ports = select_ports(product, selector, picture.now).unwrap_or_default();
    let mut found: BTreeMap<&str, Vec<(&OutputPort, &Arc<Table>)>> = BTreeMap::new();
    for port in ports {
        for table in &port.contract.tables {
            found.entry(table.name.as_str()).or_default().push((port, table));
        }
    }
    for (name, tables) in found {
        if let [(port, table)] = tables.as_slice() {
            listed.push(ListedTable {
                catalog: product.domain.clone(),
                schema: selector.to_string(),
                table: name.to_owned(),
                kind: kind_of(picture, port),
                promise: Some(Arc::clone(table)),
                known_schema: None,
            });
        }
    }
}
