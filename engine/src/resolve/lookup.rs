//! From the parts of a name to the table that it means, in one picture of the mesh.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::version;
use crate::error::{Error, ErrorKind, Result};
use crate::mesh_catalog::postgres::{self, PG_CATALOG};
use crate::nearest;
use crate::product::{
    DataProduct, Mesh, OutputPort, ProductSelector, Table, TableName, Version, VersionSelector,
};
use crate::session::Settings;

/// The catalog that belongs to Samite itself.
pub(crate) const MESH_CATALOG: &str = "mesh";

/// The schema that lists tables and columns, in each domain and over all.
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";

/// What a name means.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A table of a product.
    Port(Box<PortTable>),
    /// A table of the reserved catalog `mesh`.
    Mesh { schema: String, table: String },
    /// A table of `information_schema`, of one domain or of all.
    Information { domain: Option<String>, table: String },
    /// A table of `pg_catalog`, of one domain or of that of the session.
    Postgres { domain: Option<String>, table: String },
}

/// A table of a product, with everything the mesh says of it.
#[derive(Debug, Clone)]
pub(crate) struct PortTable {
    /// The full address, with the major version that was found.
    pub(crate) name: TableName,
    pub(crate) product: Arc<DataProduct>,
    pub(crate) port: OutputPort,
    pub(crate) table: Arc<Table>,
    /// What the asker should know.
    pub(crate) warning: Option<String>,
}

impl PortTable {
    /// True for the same table of the same port at the same version, however it is named.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let key = |one: &Self| {
            let (product, port) = (&one.product, &one.port);
            (product.domain.clone(), product.name.clone(), port.name.clone(), port.version)
        };
        self.table.name == other.table.name && key(self) == key(other)
    }
}

/// Finds what a name means.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) settings: &'a Settings,
    pub(crate) now: DateTime<Utc>,
    /// True if a name that means nothing is held against those that do: that takes as long as there are
    /// names.
    pub(crate) suggests: bool,
}

impl<'a> Lookup<'a> {
    /// Finds names in a mesh for whoever asks.
    pub(crate) fn new(mesh: &'a Mesh, settings: &'a Settings, now: DateTime<Utc>) -> Self {
        Self { mesh, settings, now, suggests: true }
    }

    /// Finds what a name of one to three parts means.
    ///
    /// # Errors
    ///
    /// When it means nothing, or more than one thing.
    pub(crate) fn find(&self, parts: &[String]) -> Result<Target> {
        match parts {
            [catalog, schema, table] => self.full(catalog, schema, table),
            [first, second] => self.partial(first, second),
            // As in PostgreSQL, where `pg_catalog` is looked through first.
            [table] if postgres::is_known(table) => {
                Ok(Target::Postgres { domain: None, table: table.to_owned() })
            }
            [table] => match (self.settings.catalog(), self.settings.schema()) {
                (Some(catalog), Some(schema)) => self.full(catalog, schema, table),
                _ => Err(not_found(table)
                    .with_hint("write domain.product.table, or set catalog and schema")),
            },
            _ => Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("table name \"{}\" has {} parts", parts.join("."), parts.len()),
            )
            .with_hint("write domain.product.table")),
        }
    }

    /// Checks that a catalog exists.
    pub(crate) fn check_catalog(&self, catalog: &str) -> Result<()> {
        if catalog == MESH_CATALOG { Ok(()) } else { self.domain(catalog) }
    }

    /// Checks that a schema of a catalog exists.
    pub(crate) fn check_schema(&self, catalog: &str, schema: &str) -> Result<()> {
        if catalog == MESH_CATALOG || schema == INFORMATION_SCHEMA || schema == PG_CATALOG {
            return self.check_catalog(catalog);
        }
        let (product, selector) = self.product(catalog, schema)?;
        version::select(product, &selector, self.now).map(|_| ())
    }

    fn full(&self, catalog: &str, schema: &str, table: &str) -> Result<Target> {
        if schema == PG_CATALOG {
            self.check_catalog(catalog)?;
            let (domain, table) = (Some(catalog.to_owned()), table.to_owned());
            return Ok(Target::Postgres { domain, table });
        }
        if catalog == MESH_CATALOG {
            if schema == INFORMATION_SCHEMA {
                return Ok(Target::Information {
                    domain: Some(catalog.to_owned()),
                    table: table.to_owned(),
                });
            }
            return Ok(Target::Mesh { schema: schema.to_owned(), table: table.to_owned() });
        }
        if schema == INFORMATION_SCHEMA {
            self.domain(catalog)?;
            return Ok(Target::Information {
                domain: Some(catalog.to_owned()),
                table: table.to_owned(),
            });
        }
        let (product, selector) = self.product(catalog, schema)?;
        let ports = version::select(product, &selector, self.now)?;
        self.table(product, &selector, &ports, table)
    }

    fn partial(&self, first: &str, second: &str) -> Result<Target> {
        let whole = format!("{first}.{second}");
        if let Some(catalog) = self.settings.catalog() {
            match self.full(catalog, first, second) {
                Err(error)
                    if error.kind() == ErrorKind::NotFound && self.names_product(first, second) => {
                }
                found => return found,
            }
        } else if first == INFORMATION_SCHEMA {
            return Ok(Target::Information { domain: None, table: second.to_owned() });
        } else if first == PG_CATALOG {
            return Ok(Target::Postgres { domain: None, table: second.to_owned() });
        }
        if first == MESH_CATALOG {
            return Err(not_found(&whole).with_hint("write mesh.discovery.products, for instance"));
        }
        let (product, selector) = self.product(first, second)?;
        let ports = version::select(product, &selector, self.now)?;
        let tables: Vec<&Arc<Table>> =
            ports.iter().flat_map(|port| &port.contract.tables).collect();
        match tables.as_slice() {
            [table] => self.table(product, &selector, &ports, &table.name),
            _ => {
                let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
                Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("\"{whole}\" names a product, not a table"),
                )
                .with_detail(format!("it serves {} tables: {}", names.len(), names.join(", ")))
                .with_hint(format!("write {whole}.{}", names.first().copied().unwrap_or("table"))))
            }
        }
    }

    /// A table where that of a wrong name would be: of the same domain, or of any if there is none.
    pub(crate) fn stand_in(&self, parts: &[String]) -> Option<PortTable> {
        let domain = match parts {
            [_] => self.settings.catalog(),
            [first, ..] => Some(first.as_str()),
            [] => None,
        };
        let named = domain.and_then(|domain| self.mesh.domains.get(domain));
        let mut domains = named.into_iter().chain(self.mesh.domains.values());
        domains.find_map(|domain| {
            let product = domain.products.values().next()?;
            let port = product.ports.first()?;
            let table = port.contract.tables.first()?;
            Some(self.port_table(product, port, table, false))
        })
    }

    fn names_product(&self, domain: &str, product: &str) -> bool {
        let selector = ProductSelector::parse(product);
        selector.is_ok_and(|selector| self.mesh.product(domain, &selector.product).is_some())
    }

    fn domain(&self, name: &str) -> Result<()> {
        if self.mesh.domains.contains_key(name) {
            return Ok(());
        }
        let error = Error::new(ErrorKind::NotFound, format!("domain \"{name}\" does not exist"));
        if !self.suggests {
            return Err(error);
        }
        let names = self.mesh.domains.keys().map(String::as_str);
        Err(match nearest::hint(name, "domains", names) {
            Some(hint) => error.with_hint(hint),
            None => error.with_hint("the mesh has no domains yet"),
        })
    }

    fn product(&self, domain: &str, schema: &str) -> Result<(&Arc<DataProduct>, ProductSelector)> {
        self.domain(domain)?;
        let selector = ProductSelector::parse(schema).map_err(|reason| {
            Error::new(
                ErrorKind::InvalidQuery,
                format!("\"{schema}\" is not the name of a product: {reason}"),
            )
            .with_hint("write product, \"product@2\" or \"product:port@2\"")
        })?;
        if let Some(product) = self.mesh.product(domain, &selector.product) {
            return Ok((product, selector));
        }
        let error = Error::new(
            ErrorKind::NotFound,
            format!("product \"{domain}.{}\" does not exist", selector.product),
        );
        if !self.suggests {
            return Err(error);
        }
        let products = self.mesh.domains.get(domain).map(|domain| &domain.products);
        let names = products.into_iter().flat_map(|products| products.keys().map(String::as_str));
        Err(match nearest::hint(&selector.product, "products", names) {
            Some(hint) => error.with_hint(hint),
            None => error
                .with_hint("see mesh.discovery.problems: a broken document takes its product out"),
        })
    }

    fn table(
        &self,
        product: &Arc<DataProduct>,
        selector: &ProductSelector,
        ports: &[&OutputPort],
        wanted: &str,
    ) -> Result<Target> {
        let found: Vec<(&&OutputPort, &Arc<Table>)> =
            ports.iter().filter_map(|port| Some((port, port.contract.table(wanted)?))).collect();
        match found.as_slice() {
            [(port, table)] => Ok(Target::Port(Box::new(self.port_table(
                product,
                port,
                table,
                selector.port.is_some(),
            )))),
            [] if self.suggests => Err(no_table(product, selector, ports, wanted)),
            [] => Err(not_found(wanted)),
            _ => {
                let names: Vec<&str> = found.iter().map(|(port, _)| port.name.as_str()).collect();
                let first = names.first().copied().unwrap_or_default();
                Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("table \"{}.{selector}.{wanted}\" is ambiguous", product.domain),
                )
                .with_detail(format!("the ports {} have a table of that name", names.join(" and ")))
                .with_hint(format!(
                    "write {}.\"{}:{first}\".{wanted}",
                    product.domain, product.name
                )))
            }
        }
    }

    fn port_table(
        &self,
        product: &Arc<DataProduct>,
        port: &OutputPort,
        table: &Arc<Table>,
        names_port: bool,
    ) -> PortTable {
        let several_ports = product.ports.iter().any(|other| other.name != port.name);
        let is_alone = product.ports.iter().all(|other| {
            other.name != port.name
                || other.version == port.version
                || other.version.major != port.version.major
        });
        let version = match port.version {
            Version { major, .. } if is_alone => VersionSelector::Major(major),
            Version { major, minor, patch } => VersionSelector::Patch(major, minor, patch),
        };
        PortTable {
            name: TableName {
                domain: product.domain.clone(),
                product: ProductSelector {
                    product: product.name.clone(),
                    port: (names_port || several_ports).then(|| port.name.clone()),
                    version,
                },
                table: table.name.clone(),
            },
            product: Arc::clone(product),
            port: port.clone(),
            table: Arc::clone(table),
            warning: version::warning(product, port, self.now),
        }
    }
}

fn no_table(
    product: &DataProduct,
    selector: &ProductSelector,
    ports: &[&OutputPort],
    wanted: &str,
) -> Error {
    let error = not_found(&format!("{}.{selector}.{wanted}", product.domain));
    let mut names: Vec<&str> = ports
        .iter()
        .flat_map(|port| port.contract.tables.iter().map(|table| table.name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    let address = format!("{}.{}", product.domain, product.name);
    match (names.as_slice(), nearest::nearest(wanted, names.iter().copied()).first()) {
        ([], _) => error.with_detail(format!("product \"{address}\" serves no table")),
        ([only], _) => error
            .with_detail(format!("product \"{address}\" has one table, {only}"))
            .with_hint(format!("write {address}.{only}")),
        (_, Some(near)) => error.with_hint(format!("did you mean {address}.{near}?")),
        (names, None) => error.with_hint(format!("the tables are {}", names.join(", "))),
    }
}

pub(crate) fn not_found(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("table \"{name}\" does not exist"))
}
