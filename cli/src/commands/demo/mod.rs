//! `samite demo`: a mesh of four domains, one question across three of them, and what it cost.
//!
//! ```text
//! mesh (documents, data) ──▶ Flight SQL on loopback ──▶ question ──▶ answer, report
//! ```
//!
//! Daff Inc. does not exist. The code that makes its data lives here and not in a connector, which
//! only reads.

mod artists;
mod company;
mod mesh;
mod plays;
mod random;
mod report;
mod royalties;

use std::path::{Path, PathBuf};
use std::time::Instant;

use datafusion::common::runtime::SpawnedTask;
use samite_engine::{Error, ErrorKind, Result};
use samite_flight_server::FlightServer;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::serve::{StopSignals, listen};
use super::sql::{Printer, Remote};
use super::terminal;
use crate::config::{Configuration, Environment};
use crate::mesh::Mesh;
use crate::output::{Format, Target, quantity};

pub use mesh::{DemoMesh, PLAYS, write};

const QUESTION: &str = "Which Norwegian artists were played most in Sweden in September 2026, and what were they paid?";

const SQL: &str = include_str!("question.sql");

/// Arguments of `samite demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder that the mesh is written to, or was written to before
    #[arg(long, value_name = "DIR", default_value = "mesh-demo")]
    dir: PathBuf,
    /// Stay up and serve the mesh until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Address to listen on [default: a free port of 127.0.0.1; with --serve 127.0.0.1:32010]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Write about so many plays
    #[arg(long, value_name = "NUMBER", default_value_t = PLAYS, hide = true)]
    plays: u64,
}

/// Writes, serves, asks, reports; and stays up if that was asked for.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let table = terminal::table_options(&environment);
    let configuration = Configuration::load(None, environment).map_err(Failure::Usage)?;
    let mut stop = StopSignals::catch()?;
    let address = arguments.listen.unwrap_or_else(|| match arguments.serve {
        true => configuration.listen.clone(),
        false => "127.0.0.1:0".to_owned(),
    });
    let listener = listen(&address, false).await?;
    let address = listener.local_addr().map_err(Failure::from_io)?;

    terminal::print(INTRODUCTION)?;
    let demo = tokio::select! {
        demo = write(&arguments.dir, arguments.plays) => demo?,
        () = stop.wait() => return Ok(()),
    };
    terminal::print(&written(&demo, arguments.plays))?;
    let mesh =
        Mesh::builder(demo.folder.display().to_string()).config(configuration).build().await?;
    let server = FlightServer::new(mesh.engine().clone(), mesh.configuration().flight.clone());
    let (stop_server, stopped) = oneshot::channel::<()>();
    let serving = SpawnedTask::spawn(server.serve(listener, async {
        // A sender that is gone means stop, too.
        let _ = stopped.await;
    }));
    let uri = format!("grpc://{address}");
    terminal::print(&format!("Samite serves it over Arrow Flight SQL at {uri}\n\n"))?;
    let asked = ask(&uri, &mesh, Printer { format: Format::Table, table });
    tokio::select! {
        asked = asked => asked?,
        () = stop.wait() => return Ok(()),
    }
    terminal::print(&next_steps(&arguments.dir, arguments.serve.then_some(uri.as_str())))?;
    if arguments.serve {
        stop.wait().await;
    }
    drop(stop_server);
    serving.join().await.map_err(|error| {
        Error::new(ErrorKind::Internal, "the server ended early").with_source(error)
    })??;
    Ok(())
}

async fn ask(uri: &str, mesh: &Mesh, printer: Printer) -> Result<(), Failure> {
    terminal::print(&format!("{QUESTION}\n\n"))?;
    for line in SQL.lines() {
        terminal::print(&format!("    {line}\n"))?;
    }
    terminal::print("\n")?;
    let mut client = Remote::connect(uri, None).await?;
    let begin = Instant::now();
    let answer = client.ask(SQL).await?;
    printer.print(answer, Target::stdout()).await?;
    let seconds = begin.elapsed().as_secs_f64();
    terminal::print(&format!(
        "\nThat took {seconds:.2} s. What each port had to read for it, as EXPLAIN ANALYZE says:\n\n"
    ))?;
    let analysis = client.ask(&format!("EXPLAIN ANALYZE {SQL}")).await?.collect().await?;
    let ports = report::ports(&analysis)?;
    terminal::print(&report::draw(&ports, &mesh.picture(), printer.table.drawing))
}

const INTRODUCTION: &str = "\
Daff Inc. is a music company that does not exist. Three of its domains own a data product each:

  media_player.play_events   Parquet   every play, in a folder for each country
  artists.profiles           Delta     the artists, partitioned by country, in several commits
  payments.royalties         Iceberg   what each artist is owed and paid, in several snapshots

";

fn written(demo: &DemoMesh, plays: u64) -> String {
    let folder = demo.folder.display();
    match demo.written_in {
        Some(time) => format!(
            "Their mesh is written to {folder}: {} plays in {:.1} s.\n",
            quantity(plays),
            time.as_secs_f64()
        ),
        None => format!("Their mesh is in {folder} already.\n"),
    }
}

/// Commands that can be pasted, since they name the program as it was called.
fn next_steps(folder: &Path, uri: Option<&str>) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "samite".to_owned());
    let folder = folder.display();
    let mut text = format!(
        "\nWhat next:\n\n  \
         ask it yourself           {program} sql --mesh {folder}\n  \
         what there is             {program} products --mesh {folder}\n  \
         one product               {program} describe --mesh {folder} media_player.play_events\n  \
         the ports' promises       {program} check --mesh {folder}\n"
    );
    match uri {
        None => text.push_str(&format!(
            "  for Python and BI tools   {program} demo --dir {folder} --serve\n"
        )),
        Some(uri) => text.push_str(&format!(
            "  over the network          {program} sql --connect {uri}\n\n\
             From Python (pip install adbc-driver-flightsql pyarrow pandas):\n\n  \
             import adbc_driver_flightsql.dbapi as flight_sql\n  \
             with flight_sql.connect(\"{uri}\", autocommit=True) as mesh, mesh.cursor() as cursor:\n      \
             cursor.execute(\"SELECT country, count(*) AS plays FROM media_player.play_events.plays GROUP BY country\")\n      \
             print(cursor.fetch_arrow_table().to_pandas())\n\n\
             Samite stays up. Ctrl-C ends it.\n"
        )),
    }
    text
}

/// An error about a file or folder of the demo.
fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let error = error.into();
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("the demo cannot be written to \"{}\"", path.display()),
    )
    .with_detail(error.to_string())
    .with_source(error)
}

/// What a thread of its own has found.
fn joined<T>(result: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    result.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "writing the demo ended early").with_source(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn mesh_is_written_once_and_spares_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), 2_000).await.unwrap();
        assert!(first.written_in.is_some());
        assert!(write(folder.path(), 2_000).await.unwrap().written_in.is_none());
        assert!(write(folder.path(), 3_000).await.unwrap().written_in.is_some());

        let foreign = tempfile::tempdir().unwrap();
        std::fs::write(foreign.path().join("thesis.txt"), "years of work").unwrap();
        let error = write(foreign.path(), 2_000).await.err().unwrap();
        assert!(error.message().contains("is not empty"), "{error:?}");
        assert_eq!(std::fs::read_dir(foreign.path()).unwrap().count(), 1);
    }
}
