//! TLS of our own: the certificate and its key, which may be replaced while the server runs, and the handshake.
//!
//! The files are looked at now and then. A new pair takes the place of the old one as a whole, for new connections; a
//! pair that is no good changes nothing. Where an authority is to issue the pair, [`super::acme`] keeps the files.

use std::{collections::HashMap, fmt, fs, io, path::PathBuf, sync::Arc, time::Duration};

use anser_types::Clock;
use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::{net::TcpStream, time::sleep};
use tokio_rustls::{Accept, TlsAcceptor};

use super::acme::{self, Acme};

/// HTTP/2, as TLS names it.
pub(super) const H2: &[u8] = b"h2";

/// Where the certificate is, and how often to look whether it is another one.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, in PEM, the server's own first.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// The pause between two looks.
    pub look: Duration,
}

/// What TLS connections are made with.
pub struct Tls {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
    /// Who issues the pair, where that is our affair.
    acme: Option<(Acme, Clock)>,
}

/// The pair in use, and the bytes of the files that were looked at last.
struct Current {
    key: RwLock<Arc<CertifiedKey>>,
    seen: RwLock<Pair>,
    /// What the authority is answered when it asks for a name.
    answers: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads the pair. Fails where it is no good: a server that starts must be able to speak.
    pub fn load(files: TlsFiles) -> io::Result<Arc<Self>> {
        Self::make(files, None)
    }

    /// The same for a pair that an authority issues. `look`: the pause between two looks at it.
    pub fn issued(acme: Acme, look: Duration, clock: Clock) -> io::Result<Arc<Self>> {
        Self::make(acme.files(look)?, Some((acme, clock)))
    }

    fn make(files: TlsFiles, acme: Option<(Acme, Clock)>) -> io::Result<Arc<Self>> {
        let provider = Arc::new(ring::default_provider());
        let pair = Pair::read(&files)?;
        let key = RwLock::new(Arc::new(pair.certified(&provider)?));
        let current = Arc::new(Current { key, seen: RwLock::new(pair), answers: RwLock::default() });
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        if acme.is_some() {
            config.alpn_protocols.push(acme::QUESTION.to_vec());
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Arc::new(Self { files, provider, current, acceptor, acme }))
    }

    pub(super) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.acceptor.accept(stream)
    }

    /// Keeps the pair good and in use, for ever.
    pub(super) async fn watch(self: Arc<Self>) {
        match self.acme.clone() {
            Some((acme, clock)) => tokio::join!(acme.keep(self.clone(), clock), self.look_for_ever()).1,
            None => self.look_for_ever().await,
        }
    }

    /// The authority will ask for `name`, and is to be shown this.
    pub(super) fn expect_question(
        &self,
        name: String,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> io::Result<()> {
        let key = self.provider.key_provider.load_private_key(key).map_err(io::Error::other)?;
        // Not compared with each other: rustls would refuse a certificate with the critical extension that it is all about.
        self.current.answers.write().insert(name, Arc::new(CertifiedKey::new(chain, key)));
        Ok(())
    }

    /// The authority has asked.
    pub(super) fn forget_questions(&self) {
        self.current.answers.write().clear();
    }

    async fn look_for_ever(self: Arc<Self>) {
        loop {
            sleep(self.files.look).await;
            let tls = self.clone();
            // A look that panicked was no look.
            let _looked = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }

    /// Takes a new pair into use, if there is one and it is good.
    pub(super) fn look(&self) {
        let replaced = match Pair::read(&self.files) {
            Ok(pair) if pair == *self.current.seen.read() => return,
            // Looked at once, good or not: a bad pair is told once and not with each look.
            Ok(pair) => {
                *self.current.seen.write() = pair.clone();
                pair.certified(&self.provider)
            }
            Err(error) => Err(error),
        };
        match replaced {
            Ok(key) => {
                *self.current.key.write() = Arc::new(key);
                metrics::counter!("anser_tls_reloads_total", "outcome" => "replaced").increment(1);
                tracing::info!("the certificate was replaced");
            }
            Err(error) => {
                metrics::counter!("anser_tls_reloads_total", "outcome" => "refused").increment(1);
                tracing::error!(%error, "the new certificate is no good; the old one stays in use");
            }
        }
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> io::Result<Self> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        };
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    /// The pair as TLS wants it. Fails where the two do not belong together.
    fn certified(&self, provider: &CryptoProvider) -> io::Result<CertifiedKey> {
        // What the parser says of a key might quote it.
        let wrong = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("the certificate is not PEM"))?;
        if chain.is_empty() {
            return Err(wrong("there is no certificate in its file"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| wrong("the key is not a private key in PEM"))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|_| wrong("the key is not the certificate's"))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Whoever asks for this protocol asks for no other.
        if hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == acme::QUESTION)) {
            return self.answers.read().get(hello.server_name()?).cloned();
        }
        Some(self.key.read().clone())
    }
}
