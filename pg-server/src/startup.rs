//! From a socket to a session: encryption, who calls, and what the client wants set.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{GssEncResponse, ReadyForQuery, SslResponse, TransactionStatus};
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey,
};
use samite_engine::mesh_catalog::postgres::SERVER_VERSION;
use samite_engine::session::{Principal, Session};
use samite_engine::{Error, ErrorKind};
use samite_flight_server::{Credentials, certificate_name};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::cancel::Cancellable;
use crate::error::{Coded, Severity, code, message};
use crate::link::{Link, Socket};
use crate::protocol::{First, Frontend, Startup, read_first};
use crate::server::Shared;

/// The name of the protocol in TLS (IANA, ALPN protocol ids).
const PROTOCOL: &[u8] = b"postgresql";

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// Requests for encryption before the client has to begin.
const REQUESTS_MAX: usize = 4;

/// The longest message of somebody who is not known, in bytes.
const UNKNOWN_BYTES_MAX: usize = 10_000;

/// The user whose password is a token that says who it is.
const TOKEN_USER: &str = "token";

/// What became of a socket.
pub(crate) enum Opened {
    /// A session.
    Session(Box<Open>),
    /// The client wanted nothing more, or was refused.
    Done,
}

/// A session with its client.
pub(crate) struct Open {
    pub(crate) link: Link,
    pub(crate) session: Session,
    pub(crate) cancel: Cancellable,
}

/// A socket that is encrypted, if it will be.
struct Secured {
    socket: Box<dyn Socket>,
    address: IpAddr,
    is_encrypted: bool,
    certificate_name: Option<String>,
    startup: Startup,
}

/// Opens a session.
///
/// # Errors
///
/// When the client does not speak the protocol, or is gone.
pub(crate) async fn open(socket: TcpStream, shared: &Arc<Shared>) -> io::Result<Opened> {
    let Some(secured) = secure(socket, shared).await? else { return Ok(Opened::Done) };
    let mut link = Link::new(secured.socket, UNKNOWN_BYTES_MAX);
    let caller = Caller {
        address: secured.address,
        is_encrypted: secured.is_encrypted,
        certificate_name: secured.certificate_name,
        startup: secured.startup,
    };
    let begun = match caller.begin(&mut link, shared).await {
        Ok(begun) => begun,
        Err(Refused::Gone) => return Ok(Opened::Done),
        Err(Refused::Told(refusal)) => {
            let told = link.say(message(&refusal, Severity::Fatal)).await;
            let _ = (told, link.close().await);
            return Ok(Opened::Done);
        }
    };
    let (session, cancel) = begun;
    match link.with_bytes_max(shared.config.message_bytes_max) {
        Ok(link) => Ok(Opened::Session(Box::new(Open { link, session, cancel }))),
        Err(_) => Ok(Opened::Done),
    }
}

/// Tells a client something in answer to its first packet, and leaves it.
///
/// # Errors
///
/// When the client is gone.
pub(crate) async fn refuse(
    socket: TcpStream,
    shared: &Arc<Shared>,
    refusal: PgWireBackendMessage,
) -> io::Result<()> {
    let Some(secured) = secure(socket, shared).await? else { return Ok(()) };
    let mut link = Link::new(secured.socket, UNKNOWN_BYTES_MAX);
    let told = link.say(refusal).await;
    let _ = (told, link.close().await);
    Ok(())
}

/// Reads the first packets; `None` if the client only cancels something.
async fn secure(mut socket: TcpStream, shared: &Arc<Shared>) -> io::Result<Option<Secured>> {
    let address = socket.peer_addr()?.ip().to_canonical();
    if is_handshake(&socket).await? {
        return encrypt(socket, (address, true), shared).await;
    }
    for _ in 0..REQUESTS_MAX {
        match read_first(&mut socket).await? {
            First::Tls if shared.tls.is_some() => {
                say(&mut socket, &PgWireBackendMessage::SslResponse(SslResponse::Accept)).await?;
                return encrypt(socket, (address, false), shared).await;
            }
            First::Tls => {
                say(&mut socket, &PgWireBackendMessage::SslResponse(SslResponse::Refuse)).await?;
            }
            First::Gss => {
                let refusal = PgWireBackendMessage::GssEncResponse(GssEncResponse::Refuse);
                say(&mut socket, &refusal).await?;
            }
            First::Cancel { process, key } => {
                shared.cancels.cancel(process, &key);
                return Ok(None);
            }
            First::Startup(startup) => {
                return Ok(Some(Secured {
                    socket: Box::new(socket),
                    address,
                    is_encrypted: false,
                    certificate_name: None,
                    startup,
                }));
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the client asks for encryption for ever"))
}

async fn is_handshake(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(socket.peek(&mut first).await? == 1 && first == [HANDSHAKE])
}

async fn say(socket: &mut TcpStream, message: &PgWireBackendMessage) -> io::Result<()> {
    let mut bytes = bytes::BytesMut::new();
    message.encode(&mut bytes).map_err(io::Error::other)?;
    socket.write_all(&bytes).await
}

/// Does the TLS handshake. What the client sent before it is over is never read as part of what
/// follows.
async fn encrypt(
    socket: TcpStream,
    (address, is_direct): (IpAddr, bool),
    shared: &Arc<Shared>,
) -> io::Result<Option<Secured>> {
    let Some(tls) = &shared.tls else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "TLS is not set up"));
    };
    let mut socket = tls.acceptor(PROTOCOL).accept(socket).await?;
    // Whoever did not ask for TLS first says in the handshake that it speaks PostgreSQL.
    if is_direct && socket.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the client speaks another protocol",
        ));
    }
    let certificate_name = certificate_name(&socket);
    match read_first(&mut socket).await? {
        First::Startup(startup) => Ok(Some(Secured {
            socket: Box::new(socket),
            address,
            is_encrypted: true,
            certificate_name,
            startup,
        })),
        First::Cancel { process, key } => {
            shared.cancels.cancel(process, &key);
            // Clients take the end of TLS for an error where nobody says that it is meant.
            socket.shutdown().await?;
            Ok(None)
        }
        First::Tls | First::Gss => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the connection is encrypted already"))
        }
    }
}

/// Why no session began.
enum Refused {
    /// For a reason that the client is told.
    Told(Coded),
    /// The client left.
    Gone,
}

impl From<Coded> for Refused {
    fn from(coded: Coded) -> Self {
        Self::Told(coded)
    }
}

impl From<crate::link::Gone> for Refused {
    fn from(_: crate::link::Gone) -> Self {
        Self::Gone
    }
}

struct Caller {
    address: IpAddr,
    is_encrypted: bool,
    certificate_name: Option<String>,
    startup: Startup,
}

impl Caller {
    async fn begin(
        &self,
        link: &mut Link,
        shared: &Arc<Shared>,
    ) -> Result<(Session, Cancellable), Refused> {
        self.negotiate(link).await?;
        if shared.tls.is_some() && !self.is_encrypted {
            return Err(Coded::new(
                code::INVALID_AUTHORIZATION,
                ErrorKind::Unauthenticated,
                "only encrypted connections are taken",
            )
            .with_hint("connect with sslmode=require")
            .into());
        }
        let principal = self.principal(link, shared).await?;
        let session = shared.engine.session(principal).with_channel("postgresql");
        let mut session = session.with_address(Some(self.address));
        if let Some(program) = self.parameter("application_name") {
            session = session.with_program(program);
        }
        self.set_up(&session).await?;
        let cancel = shared.cancels.register(self.startup.version.1 >= 2);
        link.say(PgWireBackendMessage::Authentication(Authentication::Ok)).await?;
        for (name, value) in self.facts(&session) {
            let status = ParameterStatus::new(name.to_owned(), value.replace('\0', ""));
            link.say(PgWireBackendMessage::ParameterStatus(status)).await?;
        }
        let key = match <[u8; 4]>::try_from(&cancel.key[..]) {
            Ok(short) => SecretKey::I32(i32::from_be_bytes(short)),
            Err(_) => SecretKey::Bytes(cancel.key.clone()),
        };
        let key = BackendKeyData::new(cancel.process, key);
        link.say(PgWireBackendMessage::BackendKeyData(key)).await?;
        let ready = ReadyForQuery::new(TransactionStatus::Idle);
        link.say(PgWireBackendMessage::ReadyForQuery(ready)).await?;
        link.flush().await?;
        Ok((session, cancel))
    }

    /// Agrees on the version of the protocol: 3.0 or 3.2.
    async fn negotiate(&self, link: &mut Link) -> Result<(), Refused> {
        let (major, minor) = self.startup.version;
        if major != 3 {
            return Err(Coded::new(
                code::UNSUPPORTED,
                ErrorKind::Unsupported,
                format!("version {major}.{minor} of the protocol is not supported"),
            )
            .with_hint("connect with version 3.0 or 3.2")
            .into());
        }
        let options: Vec<String> = self
            .startup
            .parameters
            .keys()
            .filter(|name| name.starts_with("_pq_."))
            .cloned()
            .collect();
        if matches!(minor, 0 | 2) && options.is_empty() {
            return Ok(());
        }
        let newest = if minor >= 2 { 2 } else { 0 };
        let answer = NegotiateProtocolVersion::new(3 << 16 | newest, options);
        link.say(PgWireBackendMessage::NegotiateProtocolVersion(answer)).await?;
        Ok(())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.startup.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Finds out who calls: by its certificate, else by its password.
    async fn principal(
        &self,
        link: &mut Link,
        shared: &Arc<Shared>,
    ) -> Result<Arc<Principal>, Refused> {
        let Some(user) = self.parameter("user") else {
            return Err(Coded::new(
                code::INVALID_AUTHORIZATION,
                ErrorKind::Unauthenticated,
                "the connection names no user",
            )
            .into());
        };
        let authenticator = &shared.authenticator;
        let certificate = self.certificate_name.as_deref();
        let identify =
            |credentials| authenticator.principal(credentials, self.address, certificate);
        if !authenticator.is_on() {
            return identify(Credentials::None).await.map_err(|error| Coded::from(error).into());
        }
        if certificate == Some(user)
            && let Ok(principal) = identify(Credentials::None).await
        {
            return Ok(principal);
        }
        link.say(PgWireBackendMessage::Authentication(Authentication::CleartextPassword)).await?;
        link.flush().await?;
        let password = match link.next().await {
            Some(Ok(Frontend::Password(bytes))) => password(&bytes),
            _ => return Err(Refused::Gone),
        };
        let credentials = match is_token(&password) {
            true => Credentials::Bearer(password),
            false => Credentials::Basic { name: user.to_owned(), password },
        };
        let is_bearer = matches!(credentials, Credentials::Bearer(_));
        let principal = identify(credentials).await.map_err(Coded::from)?;
        if is_bearer && user != TOKEN_USER && user != principal.name {
            let error = Error::new(ErrorKind::Unauthenticated, "the token is somebody else's")
                .with_hint("connect as the user of the token, or as \"token\"");
            return Err(Coded::from(error).into());
        }
        Ok(principal)
    }

    /// Sets what the client wants set.
    async fn set_up(&self, session: &Session) -> Result<(), Coded> {
        for (name, value) in &self.startup.parameters {
            match name.as_str() {
                "user" | "database" | "application_name" => {}
                "client_encoding" => check_encoding(value)?,
                "replication" if matches!(value.as_str(), "" | "0" | "off" | "false" | "no") => {}
                "replication" => {
                    let message = "replication is not supported: Samite only reads";
                    return Err(Coded::new(code::UNSUPPORTED, ErrorKind::Unsupported, message));
                }
                "options" => {
                    for (name, value) in options(value) {
                        crate::conversation::set(session, &name, &value).await?;
                    }
                }
                protocol if protocol.starts_with("_pq_.") => {}
                setting => crate::conversation::set(session, setting, value).await?,
            }
        }
        let Some(database) = self.parameter("database") else { return Ok(()) };
        let is_default = matches!(database, "mesh" | "samite" | "postgres")
            || self.parameter("user") == Some(database);
        match session.set("catalog", database).await {
            Err(error) if error.kind() == ErrorKind::NotFound && is_default => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Coded {
                code: code::INVALID_CATALOG,
                error: error
                    .with_hint("connect to a domain of the mesh, or to \"mesh\" for all of them"),
            }),
            result => result.map_err(Coded::from),
        }
    }

    /// What a client is told of the server.
    fn facts(&self, session: &Session) -> Vec<(&'static str, String)> {
        let version = format!("{SERVER_VERSION} (Samite {})", env!("CARGO_PKG_VERSION"));
        let settings = session.settings();
        let zone = settings.get("timezone").unwrap_or("UTC").to_owned();
        let application = self.parameter("application_name").unwrap_or_default();
        let user = session.principal().name.clone();
        vec![
            ("server_version", version),
            ("server_encoding", "UTF8".to_owned()),
            ("client_encoding", "UTF8".to_owned()),
            ("application_name", application.to_owned()),
            ("is_superuser", "off".to_owned()),
            ("session_authorization", user),
            ("DateStyle", "ISO, YMD".to_owned()),
            ("IntervalStyle", "postgres".to_owned()),
            ("TimeZone", zone),
            ("integer_datetimes", "on".to_owned()),
            ("standard_conforming_strings", "on".to_owned()),
            ("in_hot_standby", "off".to_owned()),
            ("default_transaction_read_only", "on".to_owned()),
        ]
    }
}

fn check_encoding(value: &str) -> Result<(), Coded> {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" | "auto" | "sqlascii" => Ok(()),
        _ => Err(Coded::new(
            code::INVALID_PARAMETER,
            ErrorKind::Unsupported,
            format!("client_encoding \"{value}\" is not supported"),
        )
        .with_hint("connect with client_encoding=UTF8")),
    }
}

/// The password without the zero that ends it.
pub(crate) fn password(bytes: &[u8]) -> String {
    let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    String::from_utf8_lossy(text).into_owned()
}

/// True for a token of a login, or a JWT: three parts of base64, of which the first is a JSON object.
pub(crate) fn is_token(password: &str) -> bool {
    password.starts_with("samite-login-")
        || (password.starts_with("eyJ")
            && password.bytes().filter(|byte| *byte == b'.').count() == 2)
}

/// The settings of `-c name=value --name=value`, in which a backslash takes a blank in.
pub(crate) fn options(text: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match (next, words.last_mut()) {
            ('\\', Some(word)) => word.extend(rest.next()),
            (blank, _) if blank.is_whitespace() => words.push(String::new()),
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    words
        .iter()
        .filter_map(|word| {
            let word = word.strip_prefix("-c").or_else(|| word.strip_prefix("--")).unwrap_or(word);
            let (name, value) = word.split_once('=')?;
            Some((name.replace('-', "_"), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings() {
        for (text, expected) in [
            ("", vec![]),
            ("-c search_path=a", vec![("search_path", "a")]),
            ("-csearch_path=a  -c timezone=UTC", vec![("search_path", "a"), ("timezone", "UTC")]),
            ("--statement-timeout=5s", vec![("statement_timeout", "5s")]),
            (r"-c search_path=a,\ b", vec![("search_path", "a, b")]),
            ("-c", vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(options(text), expected, "{text}");
        }
    }

    #[test]
    fn token_is_told_from_a_password() {
        for (password, is) in [
            ("eyJhbGciOiJub25lIn0.e30.", true),
            ("samite-login-x", true),
            ("samite-x", false),
            ("secret", false),
            ("eyJ.x", false),
            ("", false),
        ] {
            assert_eq!(is_token(password), is, "{password}");
        }
    }

    #[test]
    fn encoding_is_utf8() {
        for (name, is_allowed) in [("UTF8", true), ("'utf-8'", true), ("LATIN1", false)] {
            assert_eq!(check_encoding(name).is_ok(), is_allowed, "{name}");
        }
    }
}
