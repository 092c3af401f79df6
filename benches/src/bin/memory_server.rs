//! A table in memory behind Samite's Flight SQL: what the way to the client costs without reading files.
//!
//! ```text
//! memory_server FOLDER    reads the Parquet files of the folder, then serves them as memory.tables.rows
//! ```
//!
//! Says where it listens, as `samite serve` does, and ends when its standard input does.

use std::io::Write;
use std::sync::Arc;

use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use samite_engine::Engine;
use samite_engine::product::Version;
use samite_engine::testing::{FixedCatalog, MemoryConnector, contract, mesh_of, port};
use samite_flight_server::{FlightConfig, FlightServer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("usage: memory_server FOLDER")?;
    let mut config = SessionConfig::new();
    // Plain strings, as a program that holds a table in memory has them.
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let context = SessionContext::new_with_config(config);
    let rows = context.read_parquet(folder, ParquetReadOptions::default()).await?.collect().await?;
    let version = Version::parse("1.0.0").ok_or("no version")?;
    let contract = contract("memory.tables", version, &["rows"]);
    let mesh = mesh_of(vec![("memory", "tables", vec![port("main", contract)])]);
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("rows", rows))])
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "samite listening on grpc://{}", listener.local_addr()?)?;
    stdout.flush()?;
    let server = FlightServer::new(engine, FlightConfig::default());
    Box::pin(server.serve(listener, end_of_input())).await?;
    Ok(())
}

async fn end_of_input() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
