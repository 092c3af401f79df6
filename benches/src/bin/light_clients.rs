//! Many small clients at once: each asks for one row again and again.
//!
//! ```text
//! light_clients URI CLIENTS SECONDS SQL [IDLE]
//! ```
//!
//! `{}` in SQL becomes another number each time. IDLE more connections ask once before the others begin, and stay until all
//! have ended. Prints one line: statements that count, all statements, errors, p50 and p99 in ms.
//!
//! A client in Python takes more of the machine than the server that it measures.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Statements of each client that do not count.
const WARM_UP: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: light_clients URI CLIENTS SECONDS SQL [IDLE]");
    let (uri, clients, seconds) = (next()?, next()?.parse::<usize>()?, next()?.parse::<u64>()?);
    let sql: Arc<str> = next()?.into();
    let idle = next().ok().map_or(Ok(0), |count| count.parse::<usize>())?;
    let uri = uri.replacen("grpc://", "http://", 1);
    let mut resting = Vec::with_capacity(idle);
    for _ in 0..idle {
        let mut client = connect(uri.clone()).await?;
        ask(&mut client, numbered(&sql)).await?;
        resting.push(client);
    }
    let mut running = JoinSet::new();
    for _ in 0..clients {
        running.spawn(run(uri.clone(), Arc::clone(&sql), Duration::from_secs(seconds)));
    }
    let (mut times, mut errors) = (Vec::new(), 0);
    while let Some(ended) = running.join_next().await {
        let (own, failed) = ended??;
        times.extend(own);
        errors += failed;
    }
    times.sort_unstable();
    let quantile = |share: usize| {
        let at = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let (count, p50, p99) = (times.len(), quantile(50), quantile(99));
    let all = count + errors + clients * WARM_UP;
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "{{\"statements\": {count}, \"all\": {all}, \"errors\": {errors}, \"p50_ms\": {p50:.3}, \"p99_ms\": {p99:.3}}}"
    )?;
    Ok(())
}

/// The statement with a number that no other has.
fn numbered(sql: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    sql.replace("{}", &NEXT.fetch_add(1, Ordering::Relaxed).to_string())
}

async fn connect(uri: String) -> Result<FlightSqlServiceClient<Channel>, Failure> {
    let channel = Endpoint::from_shared(uri)?.tcp_nodelay(true).connect().await?;
    Ok(FlightSqlServiceClient::new(channel))
}

async fn run(
    uri: String,
    sql: Arc<str>,
    time: Duration,
) -> Result<(Vec<Duration>, usize), Failure> {
    let mut client = connect(uri).await?;
    for _ in 0..WARM_UP {
        ask(&mut client, numbered(&sql)).await?;
    }
    let (mut times, mut errors) = (Vec::new(), 0);
    let begin = Instant::now();
    while begin.elapsed() < time {
        let asked = Instant::now();
        match ask(&mut client, numbered(&sql)).await {
            Ok(rows) if rows > 0 => times.push(asked.elapsed()),
            Ok(_) | Err(_) => errors += 1,
        }
    }
    Ok((times, errors))
}

/// GetFlightInfo and DoGet; gives the number of rows.
async fn ask(client: &mut FlightSqlServiceClient<Channel>, text: String) -> Result<usize, Failure> {
    let info = client.execute(text, None).await?;
    let mut rows = 0;
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.ok_or("an endpoint has no ticket")?;
        let batches: Vec<_> = client.do_get(ticket).await?.try_collect().await?;
        rows += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    Ok(rows)
}
