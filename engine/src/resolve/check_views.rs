//! What is wrong with the virtual products of a mesh, as far as its documents and queries tell.
//!
//! Opens nothing and decides nothing. What a query cannot be is found when it is read as well; here its
//! owner learns of it before anybody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::lookup::{Lookup, PortTable};
use super::names::Named;
use super::statement::Statement;
use super::views::{input_of, names_in, query_of};
use crate::authorizer::Authorizer;
use crate::config::EngineConfig;
use crate::engine::Engine;
use crate::govern::Service;
use crate::product::{
    DataProduct, Domain, Mesh, OutputPort, Problem, ProblemLevel, Server, Table, View,
};
use crate::session::Settings;

/// A table of a port at a version: domain, product, port, version, table.
type Key = (String, String, String, String, String);

/// A virtual table and what it names.
struct Node {
    product: Arc<DataProduct>,
    file: String,
    inputs: Vec<Key>,
}

/// Adds what is wrong with the queries of virtual products to the problems of a mesh, and takes those out
/// that read each other in a circle.
pub fn check_views(mesh: &mut Mesh, now: DateTime<Utc>) {
    let mut problems = Vec::new();
    let mut nodes: BTreeMap<Key, Node> = BTreeMap::new();
    for product in mesh.products() {
        for (port, server) in virtual_ports(product) {
            for table in &port.contract.tables {
                let Some(view) = server.view(table) else { continue };
                let inputs = inputs(mesh, view, now).unwrap_or_else(|problem| {
                    problems.push(Problem { domain: Some(product.domain.clone()), ..*problem });
                    Vec::new()
                });
                let inputs = inputs.iter().map(|(_, table)| key(table)).collect();
                let (product, file) = (Arc::clone(product), view.file.clone());
                nodes.insert(key_of(&product, port, table), Node { product, file, inputs });
            }
        }
    }
    let circles = circles(&nodes);
    for circle in &circles {
        let names: Vec<String> = circle.iter().chain(circle.first()).map(shown).collect();
        for node in circle.iter().filter_map(|key| nodes.get(key)) {
            // Without the product: the names of the others are not for everybody who knows it.
            problems.push(Problem {
                domain: Some(node.product.domain.clone()),
                hint: Some("take one of them out of the query of another".to_owned()),
                ..problem(
                    &node.file,
                    format!("virtual tables read each other in a circle: {}", names.join(" -> ")),
                )
            });
            let products = mesh.domains.get_mut(&node.product.domain);
            products.and_then(|domain: &mut Domain| domain.products.remove(&node.product.name));
        }
    }
    problems.dedup();
    mesh.problems.extend(problems);
    mesh.problems.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
}

fn virtual_ports(product: &DataProduct) -> impl Iterator<Item = (&OutputPort, &Arc<Server>)> {
    let is_virtual = |server: &&Arc<Server>| server.is_virtual() && server.unreadable.is_none();
    let ports = product.ports.iter();
    ports.flat_map(move |port| {
        port.contract.servers.iter().filter(is_virtual).map(move |one| (port, one))
    })
}

/// What the services of virtual products may not read of what they are made from, as `authorizer` says.
#[must_use]
pub fn check_services(engine: &Engine, authorizer: &dyn Authorizer, mesh: &Mesh) -> Vec<Problem> {
    let now = engine.clock().now();
    let mut problems = Vec::new();
    for product in mesh.products() {
        let service = Service::of(engine, product);
        for (port, server) in virtual_ports(product) {
            for view in port.contract.tables.iter().filter_map(|table| server.view(table)) {
                // What it cannot mean is told elsewhere.
                for (named, table) in inputs(mesh, view, now).unwrap_or_default() {
                    if let Some(message) = service.denied(engine, authorizer, (&table, now)) {
                        problems.push(Problem {
                            domain: Some(product.domain.clone()),
                            product: Some(product.name.clone()),
                            line: line_of(&view.sql, &named),
                            hint: Some("it needs a policy, or an agreement that holds".to_owned()),
                            ..problem(&view.file, message)
                        });
                    }
                }
            }
        }
    }
    problems.dedup();
    problems
}

/// The names of tables in the query of a virtual one, as it writes them; none if it is no query.
#[must_use]
pub fn view_names(view: &View) -> Vec<String> {
    let statement = Statement::parse(&view.sql, &EngineConfig::default());
    let named = statement.and_then(|statement| names_in(&statement));
    named.unwrap_or_default().into_iter().map(|named| named.parts.join(".")).collect()
}

/// The tables of products that a query names.
fn inputs(
    mesh: &Mesh,
    view: &View,
    now: DateTime<Utc>,
) -> Result<Vec<(Named, Box<PortTable>)>, Box<Problem>> {
    let told = |error: crate::Error, line: Option<u64>| {
        Box::new(Problem {
            line,
            hint: error.hint().map(str::to_owned),
            ..problem(&view.file, with_detail(&error))
        })
    };
    let settings = Settings::default();
    let lookup = Lookup::new(mesh, &settings, now);
    let query = query_of(view, &EngineConfig::default(), &lookup).map_err(|error| {
        let line = line_of_error(error.message());
        told(error, line)
    })?;
    let mut tables = Vec::new();
    for named in query.named {
        let table =
            input_of(&lookup, &named).map_err(|error| told(error, line_of(&view.sql, &named)))?;
        tables.push((named, table));
    }
    Ok(tables)
}

fn with_detail(error: &crate::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => error.message().to_owned(),
    }
}

fn problem(file: &str, message: String) -> Problem {
    Problem {
        level: ProblemLevel::Error,
        domain: None,
        product: None,
        file: file.to_owned(),
        line: None,
        path: None,
        message,
        hint: None,
    }
}

/// The line that an error of the parser names: `... at Line: 3, Column: 5`.
fn line_of_error(message: &str) -> Option<u64> {
    let (_, rest) = message.rsplit_once("Line: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The first line of a query with product and table of a name.
fn line_of(sql: &str, named: &Named) -> Option<u64> {
    let parts: Vec<String> =
        named.parts.iter().rev().take(2).map(|part| part.to_lowercase()).collect();
    let names = |line: &str| parts.iter().all(|part| line.to_lowercase().contains(part));
    let place = sql.lines().position(names)?;
    u64::try_from(place + 1).ok()
}

fn key(table: &PortTable) -> Key {
    key_of(&table.product, &table.port, &table.table)
}

fn key_of(product: &DataProduct, port: &OutputPort, table: &Table) -> Key {
    let version = port.version.to_string();
    let (domain, name) = (product.domain.clone(), product.name.clone());
    (domain, name, port.name.clone(), version, table.name.clone())
}

fn shown((domain, product, _, version, table): &Key) -> String {
    format!("{domain}.{product}@{version}.{table}")
}

/// The circles, each once: what can reach itself, together with what it reaches and is reached by.
fn circles(nodes: &BTreeMap<Key, Node>) -> Vec<Vec<Key>> {
    let mut found: Vec<Vec<Key>> = Vec::new();
    for start in nodes.keys() {
        if found.iter().any(|circle| circle.contains(start)) {
            continue;
        }
        if let Some(circle) = way_back(nodes, start) {
            found.push(circle);
        }
    }
    found
}

/// The shortest way from a table to itself.
fn way_back(nodes: &BTreeMap<Key, Node>, start: &Key) -> Option<Vec<Key>> {
    let mut from: BTreeMap<&Key, &Key> = BTreeMap::new();
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(current) = open.pop_front() {
        for next in nodes.get(current).into_iter().flat_map(|node| &node.inputs) {
            if next == start {
                let mut way = vec![current.clone()];
                let mut at = current;
                while let Some(before) = from.get(at).filter(|_| at != start) {
                    way.push((*before).clone());
                    at = before;
                }
                way.reverse();
                return Some(way);
            }
            if nodes.contains_key(next) && seen.insert(next) {
                from.insert(next, current);
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Version;
    use crate::testing::{contract, mesh_of, port, virtual_contract};

    fn checked(views: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let version = Version::parse("1.0.0").unwrap();
        let base = port("main", contract("base", version, &["t"]));
        let mut products = vec![("d", "base", vec![base])];
        for (name, sql) in views {
            let made = virtual_contract(name, version, &[("t", sql)]);
            products.push(("d", name, vec![port("main", made)]));
        }
        let mut mesh = mesh_of(products);
        check_views(&mut mesh, Utc::now());
        let names = mesh.products().map(|product| product.name.clone()).collect();
        (names, mesh.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn circles_are_taken_out_and_others_stay() {
        let (names, problems) = checked(&[
            ("a", "SELECT * FROM d.b.t"),
            ("b", "SELECT * FROM d.c.t"),
            ("c", "SELECT * FROM d.b.t JOIN d.base.t USING (id)"),
            ("self", "SELECT * FROM d.self.t"),
            ("good", "SELECT * FROM d.base.t"),
        ]);
        assert_eq!(names, ["a", "base", "good"]);
        // Those of one circle say the same of one file.
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("d.b@1.0.0.t -> d.c@1.0.0.t -> d.b@1.0.0.t"), "{problems:?}");
        assert!(problems[1].contains("d.self@1.0.0.t -> d.self@1.0.0.t"), "{problems:?}");
    }

    #[test]
    fn query_that_names_nothing_is_a_problem_with_its_line() {
        let (names, problems) = checked(&[
            ("a", "SELECT *\nFROM d.gone.t"),
            ("b", "SELECT *\nFORM d.base.t"),
            ("c", "SELECT 1; SELECT 2"),
        ]);
        assert_eq!(names.len(), 4);
        for told in ["t.sql:2: error: syntax error", "t.sql:2: error: product \"d.gone\""] {
            assert!(problems.iter().any(|problem| problem.starts_with(told)), "{problems:?}");
        }
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
