//! TLS of our own: both protocols in it, certificates that are replaced while the server runs, slow handshakes.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anser_gateway::{
    Gateway, GatewayOptions, Health, ListenerOptions,
    listener::{
        Patience,
        tls::{Tls, TlsFiles},
    },
    options::Intake,
    router, serve,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Either, Empty, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fakes::Fake;

const NAME: &str = "anser.test";
const SOON: Duration = Duration::from_secs(10);

struct Served {
    address: SocketAddr,
    folder: TempDir,
    /// The certificate that the server began with.
    first: CertificateDer<'static>,
    _shutdown: DropGuard,
}

fn new_pair() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed([NAME.to_owned()]).unwrap()
}

fn write(folder: &Path, pair: &CertifiedKey<KeyPair>) {
    fs::write(folder.join("certificate.pem"), pair.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

fn files(folder: &Path) -> TlsFiles {
    let look = Duration::from_millis(20);
    TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem"), look }
}

async fn start(patience: Patience) -> Served {
    start_with(patience, GatewayOptions::default()).await
}

async fn start_with(patience: Patience, options: GatewayOptions) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let pair = new_pair();
    write(folder.path(), &pair);
    let fake = Fake::new();
    let gateway = Gateway::new(fake.services(), options, fake.clock.clone());
    let router = router(gateway, Health::new(), Arc::new(String::new)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let tls = Some(Tls::load(files(folder.path())).unwrap());
    tokio::spawn(serve(listener, router, shutdown.clone(), ListenerOptions { tls, patience, ..Default::default() }));
    Served { address, folder, first: pair.cert.der().clone(), _shutdown: shutdown.drop_guard() }
}

impl Served {
    /// A connection of somebody who trusts this certificate and no other.
    async fn connect(&self, trusted: &CertificateDer<'static>, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await
    }

    async fn until_trusted(&self, pair: &CertifiedKey<KeyPair>) {
        let replaced = async {
            while self.connect(pair.cert.der(), b"http/1.1").await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, replaced).await.expect("the new certificate is used");
    }
}

#[tokio::test]
async fn http_1_and_http_2_are_spoken_and_browsers_told_to_stay() {
    let served = start(Patience::default()).await;
    let stream = served.connect(&served.first, b"http/1.1").await.unwrap();
    let (mut one, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let stream = served.connect(&served.first, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = TokioExecutor::new();
    let (mut two, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);

    let request = || Request::get("https://anser.test/openapi.json").body(Empty::<Bytes>::new()).unwrap();
    let answers = [one.send_request(request()).await.unwrap(), two.send_request(request()).await.unwrap()];
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().contains_key("strict-transport-security"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    }
}

/// A request body that begins and never goes on.
fn dripping() -> impl hyper::body::Body<Data = Bytes, Error = std::io::Error> + Send + Unpin + 'static {
    let first = stream::once(async { Ok(Frame::data(Bytes::from_static(b"{"))) });
    StreamBody::new(Box::pin(first.chain(stream::pending())))
}

#[tokio::test]
async fn a_body_that_drips_ends_its_own_stream_of_http_2_and_no_other() {
    let intake = Intake { whole: Duration::from_millis(200), ..Intake::default() };
    let served = start_with(Patience::default(), GatewayOptions { intake, ..GatewayOptions::default() }).await;
    let stream = TokioIo::new(served.connect(&served.first, b"h2").await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let slow = Request::post("https://anser.test/v1/sessions").header("content-type", "application/json");
    let slow = client.send_request(slow.body(Either::Left(dripping())).unwrap());
    let quick = |client: &mut hyper::client::conn::http2::SendRequest<_>, name: &str, value: String| {
        let request = Request::get("https://anser.test/healthz").header(name, value);
        client.send_request(request.body(Either::Right(Empty::<Bytes>::new().map_err(|never| match never {}))).unwrap())
    };
    let answered = quick(&mut client, "accept", "*/*".into()).await.unwrap();
    assert_eq!(answered.status(), StatusCode::OK);
    let refused = timeout(SOON, slow).await.expect("it is refused in time").unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    let large = quick(&mut client, "x-large", "y".repeat(20 << 10)).await;
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status().as_u16() == 431), "heads have a size");
}

#[tokio::test]
async fn what_is_not_tls_gets_nothing() {
    let served = start(Patience::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _reset = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn handshakes_and_silence_inside_have_their_time() {
    let moment = Duration::from_millis(200);
    let served = start(Patience { first_byte: moment, header: moment, idle: moment, ..Patience::default() }).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut half = TcpStream::connect(served.address).await.unwrap();
    // The beginning of a client's hello.
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    for stream in [&mut silent, &mut half] {
        let mut answer = Vec::new();
        let _reset = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
    }
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let mut shaken = served.connect(&served.first, alpn).await.unwrap();
        let mut answer = Vec::new();
        let _reset = timeout(SOON, shaken.read_to_end(&mut answer)).await.expect("it is closed");
    }
}

#[tokio::test]
async fn a_new_pair_replaces_the_old_one_and_a_bad_one_does_not() {
    let served = start(Patience::default()).await;
    let old = served.connect(&served.first, b"http/1.1").await.unwrap();
    let next = new_pair();
    write(served.folder.path(), &next);
    served.until_trusted(&next).await;
    assert!(served.connect(&served.first, b"http/1.1").await.is_err(), "the old one is no longer shown");

    // Halves that do not belong together, and what is no certificate at all.
    let path = served.folder.path();
    fs::write(path.join("key.pem"), new_pair().signing_key.serialize_pem()).unwrap();
    assert!(Tls::load(files(path)).is_err());
    fs::write(path.join("certificate.pem"), "nonsense").unwrap();
    assert!(Tls::load(files(path)).is_err());
    fs::remove_file(path.join("key.pem")).unwrap();
    // A pair that is good again is found, so the server did look at what was bad before.
    assert!(served.connect(next.cert.der(), b"http/1.1").await.is_ok());
    let last = new_pair();
    write(path, &last);
    served.until_trusted(&last).await;
    drop(old);
}

#[test]
fn a_server_does_not_start_with_a_key_of_another_certificate() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &new_pair());
    fs::write(folder.path().join("key.pem"), new_pair().signing_key.serialize_pem()).unwrap();
    let error = Tls::load(files(folder.path())).unwrap_err().to_string();
    assert_eq!(error, "the key is not the certificate's");
}
