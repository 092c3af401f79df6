//! The commands of the program, one file or folder each.
//!
//! What the program prints on standard output is for whoever asked; everything else (logs,
//! warnings, errors, progress) goes to standard error.

pub mod demo;

mod audit;
mod check;
mod check_data;
mod describe;
mod failure;
mod places;
mod policy;
mod products;
mod revision;
mod serve;
mod sql;
mod terminal;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Environment, reference};
use failure::Failure;

/// A federated SQL query engine over a data mesh.
#[derive(Debug, Parser)]
#[command(name = "samite", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a mesh of four domains, ask it one question over Flight SQL, show what was read.
    Demo(demo::Arguments),
    /// Serve a mesh over Arrow Flight SQL.
    Serve(serve::Arguments),
    /// Ask a mesh, or a server; without SQL on a terminal: interactively.
    Sql(sql::Arguments),
    /// Check the documents of a mesh, and each port against its contract.
    Check(check::Arguments),
    /// List the data products of a mesh.
    Products(products::Arguments),
    /// Describe one data product.
    Describe(describe::Arguments),
    /// Say what the policies of a mesh decide.
    Policy(policy::Arguments),
    /// Check the chain of the audit files.
    Audit(audit::Arguments),
    /// Say who may log in.
    User(user::Arguments),
    /// Print docs/configuration.md.
    #[command(hide = true)]
    ConfigReference,
}

/// Runs a command. The exit code is 0 if all is well, 1 if the query or the check failed, 2 if the
/// program was used wrongly.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let environment = Environment::read();
    let outcome = logged(&arguments.command, &environment).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::from_io)?;
        let outcome = runtime.block_on(dispatch(arguments.command, environment));
        // What still runs belongs to nobody any more: an interrupted read, a look at the mesh.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn dispatch(command: Command, environment: Environment) -> Result<(), Failure> {
    match command {
        Command::Demo(arguments) => Box::pin(demo::run(arguments, environment)).await,
        Command::Serve(arguments) => Box::pin(serve::run(arguments, environment)).await,
        Command::Sql(arguments) => Box::pin(sql::run(arguments, environment)).await,
        Command::Check(arguments) => Box::pin(check::run(arguments, environment)).await,
        Command::Products(arguments) => Box::pin(products::run(arguments, environment)).await,
        Command::Describe(arguments) => Box::pin(describe::run(arguments, environment)).await,
        Command::Policy(arguments) => Box::pin(policy::run(arguments, environment)).await,
        Command::Audit(arguments) => audit::run(&arguments),
        Command::User(arguments) => user::run(arguments, &environment),
        Command::ConfigReference => terminal::print(&reference()),
    }
}

/// Sends logs to standard error: only what is odd. A server tells what it does as its configuration
/// says, once that is read.
fn logged(command: &Command, environment: &Environment) -> Result<(), Failure> {
    if matches!(command, Command::Serve(_)) {
        return Ok(());
    }
    let filter: Targets = environment
        .get("SAMITE_LOG")
        .unwrap_or("warn")
        .parse()
        .map_err(|error| Failure::usage_text(format!("SAMITE_LOG cannot be used: {error}")))?;
    // A program that embeds this one may log in its own way already; then that stays.
    let _ = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(filter)
        .try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_fit_together() {
        Arguments::command().debug_assert();
    }
}
