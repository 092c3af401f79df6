//! `samite check`: what is wrong in documents and policies, whether each port holds its contract, and what a revision
//! takes away from its consumers.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use futures::StreamExt;
use samite_engine::Result;
use samite_engine::compatibility::breaking_changes;
use samite_engine::product::{
    DataProduct, LifeStage, OnBreach, OutputPort, Problem, ProblemLevel, ProductSelector,
    TableName, VersionSelector,
};
use samite_engine::promises::{PromiseReport, VerdictStatus};
use samite_engine::resolve::check_services;
use samite_engine::session::{Principal, Session};

use super::failure::Failure;
use super::places::MeshPlace;
use super::{check_data, revision, terminal};
use crate::config::Environment;
use crate::mesh::Mesh;
use crate::output::quantity;

/// Ports that are opened at once.
const PORTS_AT_ONCE: usize = 8;

/// Arguments of `samite check`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: MeshPlace,
    /// Refuse what breaks consumers of this earlier revision: a folder or URI, or a commit, tag or branch of
    /// the git repository that the mesh lies in
    #[arg(long, value_name = "REVISION")]
    against: Option<String>,
    /// Read the rows, and hold them against the quality rules of the contracts
    #[arg(long)]
    data: bool,
}

/// What was found so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    errors: u64,
    warnings: u64,
}

impl Count {
    /// Counts one more.
    pub(super) fn add(&mut self, level: ProblemLevel) {
        match level {
            ProblemLevel::Error => self.errors += 1,
            ProblemLevel::Warning => self.warnings += 1,
        }
    }
}

/// One table of one port.
struct Subject {
    name: TableName,
    label: String,
    /// True if nobody is served by it yet.
    is_draft: bool,
}

/// Prints one line for each problem and each table, and fails if anything is an error.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let configuration = arguments.place.configuration(environment)?;
    let mesh = arguments.place.open_for_checks(configuration.clone()).await?;
    let picture = mesh.picture();
    let mut problems = picture.problems.clone();
    problems.extend(check_services(mesh.engine(), mesh.policies().as_ref(), &picture));
    if let Some(against) = &arguments.against {
        let earlier =
            revision::open(arguments.place.location(), against, configuration.clone()).await?;
        problems.extend(lost(&earlier.mesh, &mesh));
    }
    let mut count = Count::default();
    for problem in problems {
        count.add(problem.level);
        terminal::print(&format!("{problem}\n"))?;
    }
    let session = mesh.session(Principal::anonymous());
    let now = mesh.engine().clock().now();
    let subjects: Vec<Subject> =
        picture.products().flat_map(|product| subjects(product, now)).collect();
    let tables = subjects.len() as u64;
    let mut results = futures::stream::iter(subjects)
        .map(|subject| examine(&session, subject))
        .buffered(PORTS_AT_ONCE);
    while let Some(examined) = results.next().await {
        terminal::print(&examined.lines)?;
        count.errors += examined.errors;
        count.warnings += examined.warnings;
    }
    if arguments.data {
        // As the server reads them: its own tables whole, all others as the policies say.
        let governed = arguments.place.open(configuration).await?;
        count = check_data::run(&governed, count).await?;
    }
    let products = picture.products().count() as u64;
    terminal::print(&format!(
        "{} products, {} tables: {} errors, {} warnings\n",
        quantity(products),
        quantity(tables),
        quantity(count.errors),
        quantity(count.warnings)
    ))?;
    if count.errors > 0 { Err(Failure::Reported) } else { Ok(()) }
}

/// What consumers of the earlier revision lose; what was wrong in it cannot be compared, which is told.
fn lost(earlier: &Mesh, mesh: &Mesh) -> Vec<Problem> {
    let (old, now) = (earlier.picture(), mesh.engine().clock().now());
    let unread = old.problems.iter().filter(|problem| problem.level == ProblemLevel::Error);
    let unread = unread.map(|problem| Problem {
        level: ProblemLevel::Warning,
        message: format!(
            "was wrong in the earlier revision, so that it is not compared: {}",
            problem.message
        ),
        hint: None,
        ..problem.clone()
    });
    let window = mesh.configuration().deprecation_window.unwrap_or_default();
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    unread.chain(breaking_changes(&old, &mesh.picture(), (now, window))).collect()
}

/// The tables of all ports that can be asked; what has ended cannot.
fn subjects(product: &Arc<DataProduct>, now: DateTime<Utc>) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for port in product.ports.iter().filter(|port| port.stage(now) != LifeStage::Ended) {
        let is_draft = port.stage(now) == LifeStage::Unborn;
        let tables = port.contract.tables.iter();
        subjects.extend(tables.map(|table| subject(product, port, (&table.name, is_draft))));
    }
    subjects
}

fn subject(product: &DataProduct, port: &OutputPort, (table, is_draft): (&str, bool)) -> Subject {
    let version = port.version;
    let selector = ProductSelector {
        product: product.name.clone(),
        port: Some(port.name.clone()),
        version: VersionSelector::Patch(version.major, version.minor, version.patch),
    };
    let is_default_port = port.name == product.name;
    let port_name = if is_default_port { String::new() } else { format!(":{}", port.name) };
    Subject {
        label: format!("{}.{}{port_name}@{version}.{table}", product.domain, product.name),
        name: TableName {
            domain: product.domain.clone(),
            product: selector,
            table: table.to_owned(),
        },
        is_draft,
    }
}

/// What was found about one table.
struct Examined {
    lines: String,
    errors: u64,
    warnings: u64,
}

/// Opens the table, which holds its files against the contract, and looks at the promises about time.
async fn examine(session: &Session, subject: Subject) -> Examined {
    let (columns, promises) = match look_at(session, &subject.name).await {
        Ok(found) => found,
        // The data of a draft may still be missing.
        Err(error) if subject.is_draft => {
            let lines = format!("{}: warning: {}\n", subject.label, error.to_line());
            return Examined { lines, errors: 0, warnings: 1 };
        }
        Err(error) => {
            let lines = format!("{}: error: {}\n", subject.label, error.to_line());
            return Examined { lines, errors: 1, warnings: 0 };
        }
    };
    let mut examined = Examined {
        lines: format!("{}: ok, {columns} columns\n", subject.label),
        errors: 0,
        warnings: 0,
    };
    for promise in promises {
        let what = match (promise.status, promise.on_breach) {
            (VerdictStatus::Broken, OnBreach::Refuse) => {
                examined.errors += 1;
                "error: promise broken"
            }
            (VerdictStatus::Broken, OnBreach::Warn) => {
                examined.warnings += 1;
                "warning: promise broken"
            }
            (VerdictStatus::Kept, _) => "promise kept",
            (VerdictStatus::NoPromise, _) => "promise ended with its support",
            (VerdictStatus::Approximate | VerdictStatus::Unknown, _) => {
                "promise that metadata cannot tell"
            }
        };
        let reason = promise.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        examined.lines.push_str(&format!("  {what}: {}{reason}\n", promise.promise));
    }
    examined
}

/// The number of columns of a table, and the promises about it. Planning, and nothing more, reads all metadata.
async fn look_at(session: &Session, name: &TableName) -> Result<(usize, Vec<PromiseReport>)> {
    let columns = session.table_schema(name).await?.fields().len();
    let part = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let address = [&name.domain, &name.product.to_string(), &name.table].map(|text| part(text));
    let statement = session.parse(&format!("EXPLAIN SELECT * FROM {}", address.join(".")))?;
    Ok((columns, session.plan(&statement).await?.promises()))
}
