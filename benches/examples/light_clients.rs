//! Many small clients at once: each asks for one row again and again, a new text each time.
//!
//! ```text
//! light_clients URI CLIENTS SECONDS    prints one line: statements, errors, p50 and p99 in ms
//! ```
//!
//! A client in Python takes more of the machine than the server that it measures.

use std::io::Write;
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
    let mut next = || arguments.next().ok_or("usage: light_clients URI CLIENTS SECONDS");
    let (uri, clients, seconds) = (next()?, next()?.parse::<usize>()?, next()?.parse::<u64>()?);
    let uri = uri.replacen("grpc://", "http://", 1);
    let mut running = JoinSet::new();
    for client in 0..clients {
        running.spawn(run(uri.clone(), client, Duration::from_secs(seconds)));
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
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "{{\"statements\": {count}, \"errors\": {errors}, \"p50_ms\": {p50:.3}, \"p99_ms\": {p99:.3}}}"
    )?;
    Ok(())
}

async fn run(
    uri: String,
    number: usize,
    time: Duration,
) -> Result<(Vec<Duration>, usize), Failure> {
    let channel = Endpoint::from_shared(uri)?.tcp_nodelay(true).connect().await?;
    let mut client = FlightSqlServiceClient::new(channel);
    for statement in 0..WARM_UP {
        ask(&mut client, number, statement).await?;
    }
    let (mut times, mut errors) = (Vec::new(), 0);
    let begin = Instant::now();
    for statement in WARM_UP.. {
        if begin.elapsed() >= time {
            break;
        }
        let asked = Instant::now();
        match ask(&mut client, number, statement).await {
            Ok(1) => times.push(asked.elapsed()),
            Ok(_) | Err(_) => errors += 1,
        }
    }
    Ok((times, errors))
}

/// GetFlightInfo and DoGet; gives the number of rows.
async fn ask(
    client: &mut FlightSqlServiceClient<Channel>,
    number: usize,
    statement: usize,
) -> Result<usize, Failure> {
    let info = client.execute(format!("SELECT 1 AS c{number}_{statement}"), None).await?;
    let mut rows = 0;
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.ok_or("an endpoint has no ticket")?;
        let batches: Vec<_> = client.do_get(ticket).await?.try_collect().await?;
        rows += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    Ok(rows)
}
