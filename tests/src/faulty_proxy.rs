//! A proxy in front of a store that goes wrong as a test asks, and writes down every request.
//!
//! ```text
//! Samite ──▶ FaultyProxy ──▶ the store
//!               │ Fault for each Request; log of all of them
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The longest head of a request or an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, ...
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The range that was asked for.
    pub range: Option<String>,
    /// The lines of the head.
    head: String,
}

impl Request {
    /// A header of the request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    /// True if it asks for the bytes of a file whose name ends in `ending`.
    #[must_use]
    pub fn reads(&self, ending: &str) -> bool {
        self.method == "GET" && self.path.split('?').next().is_some_and(|it| it.ends_with(ending))
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The answer waits for so long.
    Delay(Duration),
    /// The answer is this status and this text.
    Status(u16, &'static str),
    /// The connection ends without an answer.
    Reset,
    /// The connection ends in the middle of the answer.
    Cut,
    /// The answer comes at one byte a second.
    Drip,
    /// The answer never comes.
    Hang,
    /// The answer is that of another object: it bears another tag.
    OtherTag,
    /// The answer leads elsewhere.
    Redirect,
}

type Choose = Box<dyn FnMut(&Request) -> Fault + Send>;

struct Shared {
    upstream: String,
    choose: Mutex<Choose>,
    log: Mutex<Vec<Request>>,
    at_once: AtomicUsize,
    at_once_max: AtomicUsize,
}

/// A proxy in front of a store; ends when it is dropped.
#[derive(Debug)]
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl FaultyProxy {
    /// Starts a proxy in front of `upstream`, a URL such as `http://127.0.0.1:9000`.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(upstream: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            choose: Mutex::new(Box::new(|_| Fault::None)),
            log: Mutex::default(),
            at_once: AtomicUsize::new(0),
            at_once_max: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What goes wrong from now on.
    pub fn fail(&self, choose: impl FnMut(&Request) -> Fault + Send + 'static) {
        *self.shared.choose.lock() = Box::new(choose);
    }

    /// The requests since the last call.
    #[must_use]
    pub fn take_log(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.log.lock())
    }

    /// The most requests that were under way at once.
    #[must_use]
    pub fn at_once_max(&self) -> usize {
        self.shared.at_once_max.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    // A client that went away is no failure of the proxy.
                    let _ = serve(client, &shared).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers one request; the connection ends with it.
async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let (head, rest) = read_head(&mut client).await?;
    let request = parse(&head);
    shared.log.lock().push(request.clone());
    let now = shared.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    shared.at_once_max.fetch_max(now, Ordering::SeqCst);
    let fault = (shared.choose.lock())(&request);
    if let Fault::Delay(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    // From here on the client may have its answer, and send the next request.
    shared.at_once.fetch_sub(1, Ordering::SeqCst);
    answer(&mut client, shared, fault, (&head, &rest)).await
}

async fn answer(
    client: &mut TcpStream,
    shared: &Shared,
    fault: Fault,
    (asked, rest): (&str, &[u8]),
) -> io::Result<()> {
    match fault {
        Fault::Reset => return Ok(()),
        Fault::Hang => std::future::pending::<()>().await,
        Fault::Status(status, text) => {
            let head = format!(
                "HTTP/1.1 {status} no\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                text.len()
            );
            client.write_all(head.as_bytes()).await?;
            if !asked.starts_with("HEAD ") {
                client.write_all(text.as_bytes()).await?;
            }
            return client.shutdown().await;
        }
        Fault::Redirect => {
            let head = "HTTP/1.1 301 no\r\nlocation: http://127.0.0.1:9/elsewhere\r\n\
                        content-length: 0\r\nconnection: close\r\n\r\n";
            return client.write_all(head.as_bytes()).await;
        }
        Fault::None | Fault::Delay(_) | Fault::Cut | Fault::Drip | Fault::OtherTag => {}
    }
    let mut store = TcpStream::connect(&shared.upstream).await?;
    store.write_all(closing(asked).as_bytes()).await?;
    store.write_all(rest).await?;
    match fault {
        Fault::Cut | Fault::Drip | Fault::OtherTag => spoilt(client, &mut store, fault).await,
        _ => relay(client, &mut store).await,
    }
}

/// Hands through what both sides say until the store has said everything.
async fn relay(client: &mut TcpStream, store: &mut TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_store, mut to_store) = store.split();
    tokio::select! {
        sent = tokio::io::copy(&mut from_store, &mut to_client) => sent.map(drop)?,
        // What a client sends after the head is the body of an upload.
        failed = async {
            let sent = tokio::io::copy(&mut from_client, &mut to_store).await;
            match sent {
                Ok(_) => std::future::pending().await,
                Err(error) => error,
            }
        } => return Err(failed),
    }
    to_client.shutdown().await
}

async fn spoilt(client: &mut TcpStream, store: &mut TcpStream, fault: Fault) -> io::Result<()> {
    let (head, mut body) = read_head(store).await?;
    store.read_to_end(&mut body).await?;
    let head = match fault {
        Fault::OtherTag => with_other_tag(&head),
        _ => head,
    };
    client.write_all(head.as_bytes()).await?;
    match fault {
        Fault::Cut => {
            let half = body.get(..body.len() / 2).unwrap_or_default();
            client.write_all(half).await?;
        }
        Fault::Drip => {
            for byte in body {
                client.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        _ => client.write_all(&body).await?,
    }
    client.shutdown().await
}

async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await?;
        if count == 0 || read.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(more.get(..count).unwrap_or_default());
    };
    let rest = read.split_off(end);
    Ok((String::from_utf8_lossy(&read).into_owned(), rest))
}

fn parse(head: &str) -> Request {
    let mut words = head.split(' ');
    Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        range: header(head, "range"),
        head: head.to_owned(),
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// The head with the wish that the connection ends with the answer.
fn closing(head: &str) -> String {
    let kept = head
        .trim_end()
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: Vec<&str> = kept.chain(["connection: close"]).collect();
    format!("{}\r\n\r\n", lines.join("\r\n"))
}

fn with_other_tag(head: &str) -> String {
    let lines: Vec<String> = head
        .trim_end()
        .lines()
        .map(|line| match line.to_ascii_lowercase().starts_with("etag:") {
            true => "etag: \"of-another-object\"".to_owned(),
            false => line.to_owned(),
        })
        .collect();
    format!("{}\r\n\r\n", lines.join("\r\n"))
}
