//! `samite user`: who may log in.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use samite_engine::{Error, ErrorKind};
use samite_flight_server::hash_password;

use super::failure::Failure;
use super::places::Setup;
use super::terminal;
use crate::config::Environment;
use crate::users_file::{self, NewUser};

/// Arguments of `samite user`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a user; the password comes from SAMITE_PASSWORD, or is asked for.
    Add(Add),
    /// Remove a user.
    Remove(Remove),
}

/// Where the users are.
#[derive(Debug, Args)]
struct Place {
    /// File of the users; else the one that the configuration names in [auth] users_file
    #[arg(long, value_name = "FILE")]
    users_file: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
}

#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    place: Place,
    /// Name of the user
    name: String,
    /// Group that it is in; may be given more than once
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// What else is known of it, for instance country=SE; may be given more than once
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Take the place of a user with this name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
struct Remove {
    #[command(flatten)]
    place: Place,
    /// Name of the user
    name: String,
}

/// Changes the file of the users. A server that runs sees it within seconds.
pub(crate) fn run(arguments: Arguments, environment: &Environment) -> Result<(), Failure> {
    match arguments.command {
        Command::Add(add) => {
            let path = file(&add.place, environment)?;
            let password = password(environment)?;
            let user = NewUser {
                password_hash: hash_password(&password).map_err(Failure::Usage)?,
                name: add.name,
                groups: add.groups,
                attributes: add.attributes,
            };
            users_file::add(&path, &user, add.replace)?;
            terminal::print(&format!("user \"{}\" may log in\n", user.name))
        }
        Command::Remove(remove) => {
            let path = file(&remove.place, environment)?;
            if users_file::remove(&path, &remove.name)? {
                return terminal::print(&format!("user \"{}\" is removed\n", remove.name));
            }
            let message = format!("user \"{}\" does not exist", remove.name);
            Err(Failure::Failed(Error::new(ErrorKind::NotFound, message)))
        }
    }
}

fn file(place: &Place, environment: &Environment) -> Result<PathBuf, Failure> {
    if let Some(path) = &place.users_file {
        return Ok(path.clone());
    }
    let configuration = place.setup.configuration(environment.clone())?;
    configuration.security.users_file.ok_or_else(|| {
        Failure::Usage(
            Error::new(ErrorKind::InvalidConfiguration, "which file holds the users?")
                .with_hint("give --users-file FILE, or --config with [auth] users_file in it"),
        )
    })
}

/// The password: from the environment, or typed twice.
fn password(environment: &Environment) -> Result<String, Failure> {
    if let Some(password) = environment.get("SAMITE_PASSWORD") {
        return Ok(password.to_owned());
    }
    let first = terminal::ask_secret("password: ")?;
    if first != terminal::ask_secret("again: ")? {
        return Err(Failure::usage_text("the two are not the same"));
    }
    Ok(first)
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}
