//! A small web server: the files of a folder, whole or in parts, and no listing.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A web server on this machine; ends when it is dropped.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    token: Option<String>,
    hands_out_parts: bool,
}

impl FileServer {
    /// Serves the files below `folder`, to those who know `token` if there is one.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(folder: &Path, token: Option<&str>) -> io::Result<Self> {
        Self::serve(folder, token, true).await
    }

    /// Serves the files below `folder`, each only as a whole.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start_without_ranges(folder: &Path) -> io::Result<Self> {
        Self::serve(folder, None, false).await
    }

    async fn serve(folder: &Path, token: Option<&str>, hands_out_parts: bool) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (folder, token) = (folder.to_owned(), token.map(str::to_owned));
        let shared = Arc::new(Shared { folder, token, hands_out_parts });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    // A client that went away is no failure of the server.
                    let _ = connection(client, &shared).await;
                });
            }
        });
        Ok(Self { address, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Answers the requests of one connection.
async fn connection(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if client.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let (head, body) = answer(&lines, shared);
        client.write_all(head.as_bytes()).await?;
        client.write_all(&body).await?;
        client.flush().await?;
        if lines.iter().any(|line| line.eq_ignore_ascii_case("connection: close")) {
            return Ok(());
        }
    }
}

fn answer(lines: &[String], shared: &Shared) -> (String, Vec<u8>) {
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |name: &str| {
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if let Some(token) = &shared.token
        && header("authorization") != Some(&format!("Bearer {token}"))
    {
        return empty(401);
    }
    if !matches!(method, "GET" | "HEAD") {
        return empty(405);
    }
    let file = shared.folder.join(decoded(path).trim_start_matches('/'));
    let Ok(meta) = std::fs::metadata(&file) else { return empty(404) };
    let (true, Ok(content)) = (meta.is_file(), std::fs::read(&file)) else { return empty(404) };
    let changed = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let tag = format!("\"{:x}-{:x}\"", changed.unwrap_or_default().as_nanos(), content.len());
    if header("if-match").is_some_and(|wanted| wanted != tag) {
        return empty(412);
    }
    let asked = header("range").filter(|_| shared.hands_out_parts);
    let asked = asked.map(|range| bounds(range, content.len()));
    let (status, range, part) = match asked {
        None => (200, String::new(), content),
        Some(None) => return empty(416),
        Some(Some((first, last))) => {
            let range = format!("content-range: bytes {first}-{last}/{}\r\n", content.len());
            (206, range, content.get(first..=last).unwrap_or_default().to_vec())
        }
    };
    let head = format!(
        "HTTP/1.1 {status} yes\r\netag: {tag}\r\ncontent-length: {}\r\n{range}\
         last-modified: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n",
        part.len()
    );
    (head, if method == "HEAD" { Vec::new() } else { part })
}

fn empty(status: u16) -> (String, Vec<u8>) {
    (format!("HTTP/1.1 {status} no\r\ncontent-length: 0\r\n\r\n"), Vec::new())
}

/// The first and last byte of `bytes=0-9`, `bytes=5-` or `bytes=-7`.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    let bounds = match (first, last) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(end)),
    };
    (bounds.0 <= bounds.1).then_some(bounds)
}

/// A path without its percent signs.
fn decoded(path: &str) -> String {
    let mut bytes = path.split('?').next().unwrap_or_default().bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digits = match byte {
            b'%' => [bytes.next(), bytes.next()],
            other => {
                decoded.push(other);
                continue;
            }
        };
        let text: String = digits.into_iter().flatten().map(char::from).collect();
        decoded.extend(u8::from_str_radix(&text, 16).ok());
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
