//! A table in memory behind Samite's Flight SQL: what the way to the client costs without reading files.
//!
//! ```text
//! memory_server FOLDER    reads the Parquet files of the folder, then serves them as memory.tables.rows
//! ```
//!
//! Says where it listens, as `samite serve` does, and ends when its standard input does.

use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
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
    let context = SessionContext::new();
    let rows = context.read_parquet(folder, ParquetReadOptions::default()).await?.collect().await?;
    let rows = rows.iter().map(plain).collect::<Result<_, _>>()?;
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

/// The rows with plain strings, as a program that holds a table in memory has them, and as they are sent.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8View => field.as_ref().clone().with_data_type(DataType::Utf8),
        _ => field.as_ref().clone(),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
}

async fn end_of_input() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
