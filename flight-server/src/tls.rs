//! TLS: certificates from files, read again when they change, and clients' certificates.
//!
//! A new file that cannot be used changes nothing: the certificate that was used last stays, and the
//! log says so.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use samite_engine::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// HTTP/2, which gRPC speaks.
const HTTP2: &[u8] = b"h2";

/// Where certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those between it and a root, as PEM.
    pub certificate: PathBuf,
    /// The server's private key, as PEM.
    pub key: PathBuf,
    /// The authorities that clients' certificates must come from, as PEM; without it clients need none.
    pub client_authorities: Option<PathBuf>,
}

/// What encrypts connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// What the files held.
    contents: Contents,
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or they do not fit together.
    pub fn open(files: TlsFiles) -> Result<Self> {
        let contents = Contents::read(&files)?;
        let config = config(&files, &contents)?;
        let current = RwLock::new(Current { config, contents });
        Ok(Self(Arc::new(Inner { files, current })))
    }

    /// Reads the files again whenever they change, for as long as it is polled.
    pub(crate) async fn keep_current(&self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let this = self.clone();
            // A disk that hangs must not take the network's threads with it.
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            match looked {
                Ok(Ok(true)) => tracing::info!("the certificate was changed"),
                Ok(Err(error)) => {
                    let detail = error.detail().unwrap_or_default();
                    tracing::warn!(%error, detail, "the new certificate cannot be used; the old one stays");
                }
                Ok(Ok(false)) | Err(_) => {}
            }
        }
    }

    /// Reads the files again. True if they changed.
    fn look(&self) -> Result<bool> {
        let contents = Contents::read(&self.0.files)?;
        if self.0.current.read().contents == contents {
            return Ok(false);
        }
        let config = config(&self.0.files, &contents)?;
        *self.0.current.write() = Current { config, contents };
        Ok(true)
    }

    /// What does the handshakes of connections that speak `protocol` (RFC 7301), with the certificate
    /// of now. A [`FlightServer`](crate::FlightServer) with the same keeps that one current.
    #[must_use]
    pub fn acceptor(&self, protocol: &[u8]) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0.current.read().config);
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Does a handshake; gives the common name of the client's certificate too.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<String>)> {
        let config = Arc::clone(&self.0.current.read().config);
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let name = certificate_name(&stream);
        Ok((stream, name))
    }
}

/// The common name of the certificate that a client showed.
#[must_use]
pub fn certificate_name(stream: &TlsStream<TcpStream>) -> Option<String> {
    stream.get_ref().1.peer_certificates()?.first().and_then(common_name)
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| unusable(path, &error.to_string()));
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_authorities: files.client_authorities.as_deref().map(read).transpose()?,
        })
    }
}

fn config(files: &TlsFiles, contents: &Contents) -> Result<Arc<ServerConfig>> {
    let chain = certificates(&files.certificate, &contents.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&contents.key)
        .map_err(|_| unusable(&files.key, "it holds no private key as PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, &error.to_string()))?;
    let builder = match (&files.client_authorities, &contents.client_authorities) {
        (Some(path), Some(pem)) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, pem)? {
                roots.add(certificate).map_err(|error| unusable(path, &error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.build().map_err(|error| unusable(path, &error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&files.certificate, &error.to_string()))?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| unusable(path, "it is not PEM"))?;
    if all.is_empty() { Err(unusable(path, "it holds no certificate as PEM")) } else { Ok(all) }
}

/// The common name of the subject of a certificate.
fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

fn unusable(path: &Path, detail: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("\"{}\" cannot be used for TLS", path.display()),
    )
    .with_detail(detail)
    .with_hint("give PEM files that belong together: the certificate with its chain, and its key")
}
