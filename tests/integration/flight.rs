//! The Flight SQL server in this process, over tables in memory: limits, ends and stops that no client outside can set.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::common::runtime::SpawnedTask;
use futures::{StreamExt, TryStreamExt};
use samite_engine::product::Version;
use samite_engine::testing::{MemoryConnector, contract, engine_with, mesh_of, port};
use samite_flight_server::{FlightConfig, FlightServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const ROWS: i64 = 50_000;
/// Rows for far longer than any test reads.
const FOREVER: &str = "SELECT a.text FROM lab.data.numbers a, lab.data.numbers b";

type Client = FlightSqlServiceClient<Channel>;

struct Running {
    address: String,
    stop: CancellationToken,
    serving: SpawnedTask<samite_engine::Result<()>>,
}

impl Running {
    async fn start(config: FlightConfig) -> Self {
        let numbers = Int64Array::from_iter_values(0..ROWS);
        let texts = StringArray::from_iter_values((0..ROWS).map(|n| format!("{n:0100}")));
        let batch = RecordBatch::try_from_iter([
            ("n", Arc::new(numbers) as ArrayRef),
            ("text", Arc::new(texts) as ArrayRef),
        ]);
        let tables = MemoryConnector::default().with_table("numbers", vec![batch.unwrap()]);
        let version = Version { major: 1, minor: 0, patch: 0 };
        let contract = contract("numbers", version, &["numbers"]);
        let mesh = mesh_of(vec![("lab", "data", vec![port("main", contract)])]);
        let engine = engine_with(mesh, tables).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = FlightServer::new(engine, config);
        let serving = SpawnedTask::spawn(server.serve(listener, stop.clone().cancelled_owned()));
        Self { address, stop, serving }
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> Client {
        FlightSqlServiceClient::new(self.channel().await)
    }
}

async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.expect("it takes too long")
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn rows(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(sql.to_owned(), None).await.map_err(|error| error.to_string())?;
    let stream = client.do_get(ticket(&info)).await.map_err(|error| error.to_string())?;
    stream.try_collect().await.map_err(|error| error.to_string())
}

/// The status that a fetch ends with.
async fn end_of(running: &Running, request: tonic::Request<Ticket>) -> Status {
    let channel = running.channel().await;
    let mut client = arrow_flight::flight_service_client::FlightServiceClient::new(channel);
    let mut messages = match client.do_get(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return status,
    };
    loop {
        match messages.next().await {
            Some(Ok(_)) => {}
            Some(Err(status)) => return status,
            None => return Status::ok("all rows were there"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_statement_runs_for_each_row_of_parameters() {
    let running = Running::start(FlightConfig::default()).await;
    let mut client = running.client().await;
    let sql = "SELECT n, $2 AS word FROM lab.data.numbers WHERE n = $1";
    let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 2);
    let parameters = RecordBatch::try_from_iter([
        ("b", Arc::new(Int64Array::from(vec![7, -1, 9])) as ArrayRef),
        ("a", Arc::new(StringArray::from(vec!["x", "y", "z"])) as ArrayRef),
    ]);
    prepared.set_parameters(parameters.unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    let found: Vec<RecordBatch> =
        client.do_get(ticket(&info)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(found[0].schema().as_ref(), &info.try_decode_schema().unwrap());
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticket_ends_with_its_lifetime() {
    let config = FlightConfig { query_lifetime: Duration::ZERO, ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let status = end_of(&running, tonic::Request::new(ticket(&info))).await;
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_are_bounded() {
    let config = FlightConfig { statements_max: 2, queries_max: 2, ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    for _ in 0..2 {
        client.prepare("SELECT 1".to_owned(), None).await.unwrap();
        client.execute("SELECT 1".to_owned(), None).await.unwrap();
    }
    let refusal = client.prepare("SELECT 1".to_owned(), None).await.err().unwrap().to_string();
    assert!(refusal.contains("too many prepared statements"), "{refusal}");
    let refusal = client.execute("SELECT 1".to_owned(), None).await.err().unwrap().to_string();
    assert!(refusal.contains("too many queries"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetched_queries_make_room() {
    let running = Running::start(FlightConfig { queries_max: 2, ..FlightConfig::default() }).await;
    let mut client = running.client().await;
    for _ in 0..10 {
        rows(&mut client, "SELECT 1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded_and_their_places_free_again() {
    let config = FlightConfig { connections_max: 1, ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    rows(&mut client, "SELECT 1").await.unwrap();
    let mut refused = FlightSqlServiceClient::new(
        Endpoint::from_shared(running.address.clone()).unwrap().connect_lazy(),
    );
    assert!(rows(&mut refused, "SELECT 1").await.is_err());
    drop((client, refused));
    let next = async {
        loop {
            if rows(&mut running.client().await, "SELECT 1").await.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(20, next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_waits_for_running_queries_but_not_forever() {
    let config =
        FlightConfig { drain_timeout: Duration::from_millis(300), ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    let info = client.execute(FOREVER.to_owned(), None).await.unwrap();
    let stop = running.stop.clone();
    let fetching = end_of(&running, tonic::Request::new(ticket(&info)));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    };
    let (status, ()) = within(20, futures::future::join(fetching, stopping)).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    within(20, running.serving.join()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_says_that_it_is_healthy() {
    let running = Running::start(FlightConfig::default()).await;
    let mut client = tonic_health::pb::health_client::HealthClient::new(running.channel().await);
    for service in ["", "arrow.flight.protocol.FlightService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(
            answer.status(),
            tonic_health::pb::health_check_response::ServingStatus::Serving
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_too_large_end_the_call_alone() {
    let running = Running::start(FlightConfig::default()).await;
    let mut client = running.client().await;
    client.set_header("x-padding", "x".repeat(30 << 10));
    rows(&mut client, "SELECT 1").await.unwrap();
    let mut large = running.client().await;
    large.set_header("x-padding", "x".repeat(200 << 10));
    assert!(rows(&mut large, "SELECT 1").await.is_err());
    rows(&mut client, "SELECT 1").await.unwrap();
}
