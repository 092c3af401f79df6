//! `samite sql`: asks a mesh in this process, or a server.
//!
//! ```text
//! SQL argument, -f FILE, standard input ──▶ statements ──▶ Connection ──▶ Answer ──▶ output
//! terminal ──▶ repl ──────────────────────────┘
//! ```

mod answer;
mod completion;
mod connection;
mod progress;
mod remote;
mod repl;
mod statements;

use std::io::Read;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind};

use super::failure::Failure;
use super::places::Setup;
use super::terminal;
use crate::config::Environment;
use crate::mesh::Mesh;
use crate::output::{Format, Target};

pub(crate) use answer::Printer;
pub(crate) use connection::Connection;
pub(crate) use remote::Remote;

/// Arguments of `samite sql`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("place").required(true).args(["mesh", "connect"])))]
pub(crate) struct Arguments {
    /// Folder or URI of the mesh, for instance ./mesh or s3://bucket/mesh
    #[arg(long, value_name = "LOCATION")]
    mesh: Option<String>,
    #[command(flatten)]
    setup: Setup,
    /// Ask as this user
    #[arg(long = "as", value_name = "USER", conflicts_with = "connect")]
    principal: Option<String>,
    /// Ask the server at this URI, for instance grpc://127.0.0.1:32010
    #[arg(long, value_name = "URI", conflicts_with_all = ["config", "environment"])]
    connect: Option<String>,
    /// Log in to the server as this user; the password comes from SAMITE_PASSWORD, or is asked for
    #[arg(long, value_name = "USER", requires = "connect")]
    user: Option<String>,
    /// Authorities, as PEM, that may sign the server's certificate, besides those of the system
    #[arg(long, value_name = "FILE", requires = "connect")]
    tls_ca: Option<PathBuf>,
    /// Send this token to the server
    #[arg(long, value_name = "TOKEN", requires = "connect", conflicts_with = "user")]
    token: Option<String>,
    /// What the data is used for
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
    /// How rows are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write rows to this file, which appears when it is whole
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Read SQL from this file
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "sql")]
    file: Option<PathBuf>,
    /// One or more statements, separated by semicolons
    #[arg(value_name = "SQL")]
    sql: Option<String>,
}

/// Runs the statements, or a dialogue.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    if arguments.format == Format::Parquet && arguments.output.is_none() {
        return Err(Failure::Usage(
            Error::new(ErrorKind::InvalidConfiguration, "format parquet needs --output FILE")
                .with_hint("for a pipe use --format arrow"),
        ));
    }
    let is_dialogue =
        arguments.sql.is_none() && arguments.file.is_none() && terminal::is_input_terminal();
    let text = if is_dialogue { None } else { Some(read_sql(&arguments)?) };
    let table = terminal::table_options(&environment);
    let history = environment.get("HOME").map(|home| PathBuf::from(home).join(".samite_history"));
    let printer = Printer { format: arguments.format, table };
    let mut connection = Box::pin(connect(&arguments, environment)).await?;
    let mesh = connection.mesh().cloned();
    let outcome = match text {
        Some(text) => batch(&mut connection, &text, printer, arguments.output.as_deref()).await,
        None => Box::pin(repl::run(connection, printer, history)).await,
    };
    if let Some(mesh) = mesh {
        mesh.end().await;
    }
    outcome
}

fn read_sql(arguments: &Arguments) -> Result<String, Failure> {
    if let Some(sql) = &arguments.sql {
        return Ok(sql.clone());
    }
    if let Some(file) = &arguments.file {
        return std::fs::read_to_string(file).map_err(|error| {
            Failure::Usage(
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    format!("file \"{}\" cannot be read", file.display()),
                )
                .with_detail(error.to_string())
                .with_source(error),
            )
        });
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(Failure::from_io)?;
    Ok(text)
}

async fn connect(arguments: &Arguments, environment: Environment) -> Result<Connection, Failure> {
    if let Some(uri) = &arguments.connect {
        let mut remote = Remote::connect(uri, arguments.tls_ca.as_deref()).await.map_err(
            |failure| match failure {
                error if error.kind() == ErrorKind::InvalidConfiguration => Failure::Usage(error),
                error => Failure::Failed(error),
            },
        )?;
        if let Some(user) = &arguments.user {
            let password = match environment.get("SAMITE_PASSWORD") {
                Some(password) => password.to_owned(),
                None => terminal::ask_secret("password: ")?,
            };
            remote.log_in(user, &password).await?;
        }
        if let Some(token) = &arguments.token {
            remote.set_token(token);
        }
        if let Some(purpose) = &arguments.purpose {
            remote.set_purpose(purpose);
        }
        return Ok(Connection::Remote(Box::new(remote)));
    }
    let configuration = arguments.setup.configuration(environment)?;
    let location = arguments.mesh.clone().unwrap_or_default();
    let mesh = Mesh::builder(location).config(configuration).build().await?;
    let principal = arguments.principal.as_ref().map_or_else(Principal::anonymous, Principal::user);
    let session = mesh.session(principal);
    if let Some(purpose) = &arguments.purpose {
        session.set("mesh.purpose", purpose).await?;
    }
    Ok(Connection::Local { mesh, session })
}

/// Runs all statements in one session and stops at the first that fails.
async fn batch(
    connection: &mut Connection,
    text: &str,
    printer: Printer,
    output: Option<&std::path::Path>,
) -> Result<(), Failure> {
    let statements = statements::split(text);
    if statements.is_empty() {
        return Err(Failure::usage_text("there is no SQL to run"));
    }
    let mut is_written = false;
    for statement in statements {
        let answer = connection.ask(&statement).await?;
        answer.print_warnings();
        if !answer.has_rows() {
            answer.drain().await?;
            continue;
        }
        let target = match output {
            Some(_) if is_written => {
                return Err(Failure::usage_text("--output takes the rows of one query only"));
            }
            Some(path) => Target::file(path).map_err(Failure::Usage)?,
            None => Target::stdout(),
        };
        is_written = true;
        printer.print(answer, target).await?;
    }
    Ok(())
}
