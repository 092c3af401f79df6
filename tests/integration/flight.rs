//! The Flight SQL server in this process, over tables in memory: limits, ends and stops that no client outside can set.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{CancelFlightInfoRequest, FlightClient, FlightInfo, Ticket};
use datafusion::arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringViewBuilder,
};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::runtime::SpawnedTask;
use futures::{StreamExt, TryStreamExt};
use samite_engine::Engine;
use samite_engine::config::EngineConfig;
use samite_engine::product::Version;
use samite_engine::testing::{FixedCatalog, MemoryConnector, contract, mesh_of, port};
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
        Self::start_with(config, EngineConfig::default()).await
    }

    async fn start_with(config: FlightConfig, options: EngineConfig) -> Self {
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
        let engine = Engine::builder().catalog(Arc::new(FixedCatalog::new(mesh)));
        let engine = engine.connectors(vec![Arc::new(tables)]).config(options).build().unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_query_can_be_cancelled_after_its_ticket_has_ended() {
    let lifetime = Duration::from_secs(1);
    let config = FlightConfig { query_lifetime: lifetime, ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    let info = client.execute(FOREVER.to_owned(), None).await.unwrap();
    let fetching = end_of(&running, tonic::Request::new(ticket(&info)));
    let cancelling = async {
        tokio::time::sleep(2 * lifetime).await;
        let late = end_of(&running, tonic::Request::new(ticket(&info))).await;
        assert_eq!(late.code(), Code::NotFound, "{late}");
        let mut client = FlightClient::new(running.channel().await);
        client.cancel_flight_info(CancelFlightInfoRequest::new(info.clone())).await
    };
    let (status, cancelled) = within(20, futures::future::join(fetching, cancelling)).await;
    cancelled.unwrap();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_that_nobody_can_find_makes_room() {
    let running = Running::start(FlightConfig { sessions_max: 1, ..FlightConfig::default() }).await;
    let set = "SET timezone = 'UTC'".to_owned();
    for _ in 0..2 {
        let next = async {
            while running.client().await.execute_update(set.clone(), None).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        within(20, next).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_rows_of_parameters_have_one_timeout() {
    let second = EngineConfig { query_timeout: Duration::from_secs(1), ..EngineConfig::default() };
    let running = Running::start_with(FlightConfig::default(), second).await;
    let mut client = running.client().await;
    // Each run alone is quick, and all are far from it.
    let sql = "SELECT sum(length(text)) FROM lab.data.numbers WHERE n > $1";
    let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    prepared.set_parameters(RecordBatch::try_from_iter([("n", values)]).unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    let status = within(20, end_of(&running, tonic::Request::new(ticket(&info)))).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(status.message().contains("all rows of parameters"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_bounded_as_the_values_that_they_stand_for() {
    let config = FlightConfig { all_parameter_bytes_max: 40 << 20, ..FlightConfig::default() };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    let mut refusal = async |columns: usize, value: ArrayRef| {
        let mut prepared = client.prepare("SELECT $1".to_owned(), None).await.unwrap();
        let columns = (0..columns).map(|at| (format!("c{at}"), Arc::clone(&value)));
        prepared.set_parameters(RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        // The statement stays open.
        prepared.execute().await.map(drop).map_err(|error| error.to_string()).err()
    };
    let large: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1 << 20)]));
    let mut views = StringViewBuilder::new();
    let block = views.append_block("x".repeat(1 << 20).into_bytes().into());
    (0..100).for_each(|_| views.try_append_view(block, 0, 1 << 20).unwrap());
    let text = refusal(1, Arc::new(views.finish())).await.unwrap();
    assert!(text.contains("at most 67108864 bytes"), "{text}");
    let text = refusal(2, Arc::clone(&large)).await.unwrap();
    assert!(text.contains("1 parameter") && text.contains("2 parameters bound"), "{text}");
    let mut refused = None;
    for _ in 0..40 {
        refused = refused.or(refusal(1, Arc::clone(&large)).await);
    }
    let text = refused.unwrap();
    assert!(text.contains("too many parameters"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_sent_once_however_many_there_are() {
    let running = Running::start(FlightConfig::default()).await;
    let mut client = running.client().await;
    for count in [0, 1, 100, 3000, 8192, ROWS] {
        let sql = format!("SELECT n, text FROM lab.data.numbers WHERE n < {count}");
        let found = rows(&mut client, &sql).await.unwrap();
        let numbers = found
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().iter().copied());
        let mut numbers: Vec<i64> = numbers.collect();
        numbers.sort_unstable();
        assert!(numbers == (0..count).collect::<Vec<_>>(), "{} of {count}", numbers.len());
    }
}
