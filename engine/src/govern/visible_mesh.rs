//! The mesh as one principal sees it: what may not be discovered is not there.
//!
//! ```text
//! Mesh ─discover─▶ named    where names are looked up: whole contracts, so that a port is read as promised
//!                    └─describe─▶ listed    what listings show: columns and comments that may be seen
//! ```
//!
//! Every name and every listing goes through here, so that a wrong name and a hidden one read the same, nothing
//! hidden is suggested, and no listing has to think of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::decide::{Asking, request_of};
use super::lines;
use crate::authorizer::{AccessRequest, Action, Authorizer};
use crate::error::Result;
use crate::product::{
    ColumnReference, Contract, DataProduct, Domain, LifeStage, Measure, Mesh, OutputPort, Problem,
    Relationship, Slo, Table,
};
use crate::session::{OwnedProduct, Principal};

/// Principals whose mesh is kept, and how long: decisions can depend on the time.
const KEPT_MAX: u64 = 256;
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The mesh as one principal sees it.
#[derive(Debug, Clone)]
pub(crate) struct VisibleMesh {
    /// All of it: the queries of virtual products are looked up in it.
    pub(crate) whole: Arc<Mesh>,
    /// What can be named, with whole contracts.
    pub(crate) named: Arc<Mesh>,
    /// What listings show of it.
    pub(crate) listed: Arc<Mesh>,
}

/// The meshes of those who asked lately.
#[derive(Debug)]
pub(crate) struct VisibleMeshes(Cache<Key, (Arc<Mesh>, VisibleMesh)>);

/// What the decisions depend on, but for the mesh and the time.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    principal: Arc<Principal>,
    purpose: Option<String>,
    channel: &'static str,
    sees_all: bool,
    owned: Option<Arc<OwnedProduct>>,
    policies: u64,
}

impl Default for VisibleMeshes {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT_FOR).build())
    }
}

/// The mesh as whoever asks sees it; the mesh itself where there are no policies.
///
/// # Errors
///
/// When there is no mesh.
pub(crate) async fn visible_mesh(asking: Asking<'_>, sees_all: bool) -> Result<VisibleMesh> {
    let mesh = asking.engine.catalog().mesh().await?;
    let authorizer = asking.engine.authorizer();
    if authorizer.is_open() {
        let (whole, named) = (Arc::clone(&mesh), Arc::clone(&mesh));
        return Ok(VisibleMesh { whole, named, listed: mesh });
    }
    let owned = asking.asker.owned.as_deref();
    if let Some(owned) = owned.filter(|owned| !owned.sees_others) {
        let own = Arc::new(only(&mesh, owned));
        return Ok(VisibleMesh { whole: mesh, named: Arc::clone(&own), listed: own });
    }
    let kept = &asking.engine.visible_meshes().0;
    let key = Key {
        principal: Arc::clone(&asking.asker.principal),
        purpose: asking.settings.get("mesh.purpose").map(str::to_owned),
        channel: asking.asker.channel,
        sees_all,
        owned: asking.asker.owned.clone(),
        policies: authorizer.revision(),
    };
    if let Some((_, known)) = kept.get(&key).filter(|(of, _)| Arc::ptr_eq(of, &mesh)) {
        return Ok(known);
    }
    let seen = Seen { asking, authorizer: authorizer.as_ref() };
    let named = seen.mesh(&mesh, sees_all);
    let listed = seen.listed(&named, &mesh);
    let (whole, named, listed) = (Arc::clone(&mesh), Arc::new(named), Arc::new(listed));
    let visible = VisibleMesh { whole, named, listed };
    kept.insert(key, (mesh, visible.clone()));
    Ok(visible)
}

/// What one principal sees.
#[derive(Clone, Copy)]
struct Seen<'a> {
    asking: Asking<'a>,
    authorizer: &'a dyn Authorizer,
}

impl Seen<'_> {
    fn mesh(&self, mesh: &Mesh, sees_all: bool) -> Mesh {
        let mut seen = Mesh { definitions: mesh.definitions.clone(), ..Mesh::default() };
        for (name, domain) in &mesh.domains {
            let products = domain.products.iter();
            let products =
                products.filter_map(|(name, product)| Some((name.clone(), self.product(product)?)));
            let domain = Domain { name: domain.name.clone(), products: products.collect() };
            if !domain.products.is_empty() {
                seen.domains.insert(name.clone(), domain);
            }
        }
        let problems = mesh.problems.iter();
        seen.problems =
            problems.filter(|problem| sees_all || self.is_told(problem, mesh)).cloned().collect();
        seen
    }

    /// True for a problem of a product that is seen as a whole: its words can name any table or column.
    fn is_told(&self, problem: &Problem, mesh: &Mesh) -> bool {
        let (Some(domain), Some(product)) = (&problem.domain, &problem.product) else {
            return false;
        };
        let Some(product) = mesh.product(domain, product) else { return false };
        let tables = product
            .ports
            .iter()
            .flat_map(|port| port.contract.tables.iter().map(move |table| (port, table)));
        let mut requests = tables.map(|(port, table)| self.request(product, port, table));
        !product.ports.is_empty()
            && requests.all(|request| {
                self.authorizer.allows(Action::Discover, &request)
                    && self.authorizer.allows(Action::Describe, &request)
                    && self.authorizer.absent(&request).is_empty()
            })
    }

    /// The product with the tables that may be discovered; `None` if there are none.
    fn product(&self, product: &Arc<DataProduct>) -> Option<Arc<DataProduct>> {
        let may = |port: &OutputPort, table: &Table| {
            // What is not served yet is there for those alone who may read it.
            let is_draft = port.stage(self.asking.now) == LifeStage::Unborn;
            self.asking.allows(Action::Discover, (product, port, table))
                && (!is_draft || self.asking.allows(Action::SelectDraft, (product, port, table)))
        };
        let is_whole = |port: &OutputPort| {
            let tables = &port.contract.tables;
            !tables.is_empty() && tables.iter().all(|table| may(port, table))
        };
        if !product.ports.is_empty() && product.ports.iter().all(is_whole) {
            return Some(Arc::clone(product));
        }
        let kept = |port: &OutputPort| {
            let tables = port.contract.tables.iter().filter(|table| may(port, table));
            with_tables(port, tables.cloned().collect())
        };
        let ports: Vec<OutputPort> = product.ports.iter().filter_map(kept).collect();
        (!ports.is_empty()).then(|| Arc::new(DataProduct { ports, ..product.as_ref().clone() }))
    }

    /// The same mesh with what may be said of its tables.
    fn listed(&self, named: &Mesh, whole: &Mesh) -> Mesh {
        let mut listed = named.clone();
        let products = listed.domains.values_mut().flat_map(|domain| domain.products.values_mut());
        for product in products {
            let ports = whole.product(&product.domain, &product.name).map(|whole| &whole.ports);
            let seen = |port: &OutputPort| {
                let tables = port.contract.tables.iter();
                let tables = tables.map(|table| self.table(product, port, table));
                let mut seen = with_tables(port, tables.collect())?;
                let is_it = |it: &&OutputPort| it.name == port.name && it.version == port.version;
                let all = ports.and_then(|ports| ports.iter().find(is_it));
                if all.is_none_or(|all| !has_all(&seen.contract, &all.contract)) {
                    lines::hide(Arc::make_mut(&mut seen.contract));
                }
                Some(seen)
            };
            let ports: Vec<OutputPort> = product.ports.iter().filter_map(seen).collect();
            let is_same = |(one, other): (&OutputPort, &OutputPort)| {
                let tables = one.contract.tables.iter().zip(&other.contract.tables);
                tables.clone().all(|(one, other)| Arc::ptr_eq(one, other))
            };
            if !ports.iter().zip(&product.ports).all(is_same) {
                *product = Arc::new(DataProduct { ports, ..product.as_ref().clone() });
            }
        }
        listed
    }

    /// The table without what may not be seen of it.
    fn table(&self, product: &DataProduct, port: &OutputPort, table: &Arc<Table>) -> Arc<Table> {
        if self.asking.asker.owns(product) {
            return Arc::clone(table);
        }
        let request = self.request(product, port, table);
        if !self.authorizer.allows(Action::Describe, &request) {
            let name = table.name.clone();
            return Arc::new(Table {
                name,
                is_deprecated: table.is_deprecated,
                ..Table::default()
            });
        }
        let absent = self.authorizer.absent(&request);
        if absent.is_empty() {
            return Arc::clone(table);
        }
        let mut seen = table.as_ref().clone();
        seen.columns.retain(|column| !absent.contains(&column.name));
        seen.quality.retain(|rule| says_nothing_of(&absent, &rule.measure));
        let is_told = |relationship: &Relationship| {
            let mut ends = relationship.from.iter().chain(&relationship.to);
            ends.all(|end| names_none(end, table, &absent))
        };
        seen.relationships.retain(is_told);
        for column in &mut seen.columns {
            column.quality.retain(|rule| says_nothing_of(&absent, &rule.measure));
            column.relationships.retain(is_told);
        }
        Arc::new(seen)
    }

    fn request<'a>(
        &'a self,
        product: &'a DataProduct,
        port: &'a OutputPort,
        table: &'a Table,
    ) -> AccessRequest<'a> {
        request_of(self.asking, (product, port, table))
    }
}

/// The mesh with one product.
fn only(mesh: &Mesh, owned: &OwnedProduct) -> Mesh {
    let mut own = Mesh::default();
    if let Some(product) = mesh.product(&owned.domain, &owned.product) {
        let products = [(owned.product.clone(), Arc::clone(product))].into_iter().collect();
        let domain = Domain { name: owned.domain.clone(), products };
        own.domains.insert(owned.domain.clone(), domain);
    }
    own
}

/// True for a rule that names none of these columns. What a query or prose names, nobody knows.
fn says_nothing_of(absent: &BTreeSet<String>, measure: &Measure) -> bool {
    match measure {
        Measure::Query { .. } | Measure::Nothing(_) | Measure::Impossible(_) => false,
        Measure::DuplicateValues(columns) => columns.iter().all(|column| !absent.contains(column)),
        _ => true,
    }
}

/// True for a reference to another table, or to a column of this one that is not absent.
fn names_none(reference: &ColumnReference, table: &Table, absent: &BTreeSet<String>) -> bool {
    if reference.contract.is_some() || !reference.names(table) {
        return true;
    }
    let path = reference.columns(table);
    path.is_some_and(|path| path.first().is_some_and(|column| !absent.contains(column)))
}

/// The port with these tables only; `None` if there are none.
fn with_tables(port: &OutputPort, tables: Vec<Arc<Table>>) -> Option<OutputPort> {
    if tables.is_empty() {
        return None;
    }
    let mut contract = Contract { tables, ..port.contract.as_ref().clone() };
    let all = &port.contract.tables;
    contract.slos.retain(|slo| !names_another(slo, all, &contract.tables));
    Some(OutputPort { contract: Arc::new(contract), ..port.clone() })
}

/// True if all tables of a contract are seen, as they are.
fn has_all(seen: &Contract, whole: &Contract) -> bool {
    let mut pairs = seen.tables.iter().zip(&whole.tables);
    seen.tables.len() == whole.tables.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
}

/// True for a promise that names a table of the contract, or a column of one, that is not seen.
fn names_another(slo: &Slo, all: &[Arc<Table>], seen: &[Arc<Table>]) -> bool {
    let Some(elements) = &slo.element else { return false };
    let is_hidden = |element: &str| {
        let (name, column) = match element.split_once('.') {
            Some((name, column)) => (name.trim(), Some(column.trim())),
            None => (element, None),
        };
        match (all.iter().find(|table| table.name == name), all) {
            (Some(table), _) => !is_seen(table, column, seen),
            (None, [only]) => !is_seen(only, Some(element), seen),
            // A column without its table means none of several; its name may be that of a hidden one.
            (None, several) => several.iter().any(|table| {
                let has = table.columns.iter().any(|column| column.name == element);
                has && !is_seen(table, Some(element), seen)
            }),
        }
    };
    elements.split(',').map(str::trim).any(is_hidden)
}

/// True if the table is among those seen, and either as it is or with this column.
fn is_seen(table: &Arc<Table>, column: Option<&str>, seen: &[Arc<Table>]) -> bool {
    let Some(shown) = seen.iter().find(|known| known.name == table.name) else { return false };
    // A path goes on inside of a column.
    let has = |path: &str| {
        let inside = |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let mut names = shown.columns.iter().map(|column| column.name.as_str());
        names.any(|name| name == path || inside(name))
    };
    Arc::ptr_eq(shown, table) || column.is_none_or(has)
}
