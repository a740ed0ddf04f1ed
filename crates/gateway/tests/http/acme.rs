//! A certificate by ACME: a small authority that looks at every request as RFC 8555 says it must be, asks for the name
//! as RFC 8737 says, and issues only then.

use std::{collections::HashSet, fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anser_gateway::{
    Gateway, GatewayOptions, Health, ListenerOptions,
    listener::{
        acme::Acme,
        tls::{Tls, TlsFiles},
    },
    router, serve,
};
use anser_types::Clock;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    generate_simple_self_signed,
};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::fakes::Fake;

const NAME: &str = "chat.anser.test";
const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
const SOON: Duration = Duration::from_secs(20);

/// The authority, as far as one account and one order go.
struct Authority {
    url: String,
    issuer: Issuer<'static, KeyPair>,
    /// Where the name leads, as far as the authority knows.
    leads_to: Mutex<Option<SocketAddr>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    nonces: HashSet<String>,
    given: u32,
    key: Option<Value>,
    accounts: u32,
    orders: u32,
    asked: bool,
    proved: bool,
    chain: Option<String>,
    complaints: Vec<String>,
}

impl Authority {
    fn nonce(&self) -> String {
        let mut seen = self.seen.lock();
        seen.given += 1;
        let nonce = format!("nonce-{}", seen.given);
        seen.nonces.insert(nonce.clone());
        nonce
    }

    /// Takes a request apart (RFC 8555, section 6.2) and answers its payload, or what is wrong with it.
    fn open(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
        if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/jose+json") {
            return Err("the content type is application/jose+json".into());
        }
        let jws: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let part = |name: &str| jws[name].as_str().ok_or(format!("no {name}"));
        let decode = |text: &str| BASE64.decode(text).map_err(|error| error.to_string());
        let protected: Value =
            serde_json::from_slice(&decode(part("protected")?)?).map_err(|error| error.to_string())?;
        if protected["alg"] != "ES256" || protected["url"] != format!("{}{path}", self.url) {
            return Err(format!("the header {protected} is not for {path}"));
        }
        let nonce = protected["nonce"].as_str().unwrap_or_default();
        if !self.seen.lock().nonces.remove(nonce) {
            return Err(format!("the nonce {nonce} is not good"));
        }
        let key = if path == "/account" {
            protected["jwk"].clone()
        } else if protected["kid"] == format!("{}/account/1", self.url) {
            self.seen.lock().key.clone().ok_or("no such account")?
        } else {
            return Err("the account is not named by kid".into());
        };
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            point.extend(decode(key[coordinate].as_str().ok_or("not a key")?)?);
        }
        let signed = format!("{}.{}", part("protected")?, part("payload")?);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &decode(part("signature")?)?)
            .map_err(|_| "the signature is wrong")?;
        if path == "/account" {
            self.seen.lock().key = Some(key);
        }
        let payload = decode(part("payload")?)?;
        if payload.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&payload).map_err(|error| error.to_string())
    }

    /// What the key authorization of [`TOKEN`] hashes to (section 8.1; RFC 7638 for the thumbprint).
    fn expected(&self) -> Vec<u8> {
        let seen = self.seen.lock();
        let key = seen.key.as_ref().unwrap();
        let jwk = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, key["crv"], key["kty"], key["x"], key["y"]);
        let thumbprint = BASE64.encode(digest(&SHA256, jwk.as_bytes()));
        digest(&SHA256, format!("{TOKEN}.{thumbprint}").as_bytes()).as_ref().to_vec()
    }

    /// Asks where the name leads to (RFC 8737, section 3).
    async fn ask(&self) -> Result<(), String> {
        let address = self.leads_to.lock().ok_or("the name leads nowhere")?;
        let config = trusting(RootCertStore::empty(), b"acme-tls/1");
        let mut config = Arc::unwrap_or_clone(config);
        config.dangerous().set_certificate_verifier(Arc::new(anyone::Anyone));
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let server = ServerName::try_from(NAME).unwrap();
        let shaken = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
        let stream = shaken.map_err(|error| error.to_string())?;
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(b"acme-tls/1") {
            return Err("it does not speak acme-tls/1".into());
        }
        let shown = session.peer_certificates().and_then(|chain| chain.first()).ok_or("it shows no certificate")?;
        let (_, certificate) = X509Certificate::from_der(shown).map_err(|error| error.to_string())?;
        let names = certificate.subject_alternative_name().ok().flatten().ok_or("it names nobody")?;
        if format!("{:?}", names.value.general_names) != format!("[DNSName({NAME:?})]") {
            return Err(format!("it is for {:?}", names.value.general_names));
        }
        let extension = certificate
            .extensions()
            .iter()
            .find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31")
            .ok_or("without an acmeIdentifier")?;
        let expected = [&[4, 32], &self.expected()[..]].concat();
        (extension.critical && extension.value == expected).then_some(()).ok_or("another acmeIdentifier".into())
    }

    fn issue(&self, csr: &[u8]) -> String {
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr)).unwrap();
        let mut params = request.params.clone();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2126, 1, 1);
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
        params.signed_by(&request.public_key, &self.issuer).unwrap().pem()
    }
}

/// Checks a request, answers it by `answer`, and notes what was wrong.
async fn handle(State(authority): State<Arc<Authority>>, uri: http::Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    let answered = match authority.open(path, &headers, &body) {
        Ok(payload) => answer(&authority, path, payload).await,
        Err(wrong) => Err(wrong),
    };
    let nonce = authority.nonce();
    match answered {
        Ok((status, location, body)) => {
            let location = format!("{}{location}", authority.url);
            (status, [("replay-nonce", nonce), ("location", location)], body).into_response()
        }
        Err(wrong) => {
            let problem = json!({ "type": "urn:ietf:params:acme:error:malformed", "detail": wrong }).to_string();
            authority.seen.lock().complaints.push(wrong);
            (StatusCode::BAD_REQUEST, [("replay-nonce", nonce)], problem).into_response()
        }
    }
}

type Answer = Result<(StatusCode, &'static str, String), String>;

async fn answer(authority: &Arc<Authority>, path: &str, payload: Value) -> Answer {
    let url = &authority.url;
    let identifiers = json!([{ "type": "dns", "value": NAME }]);
    let order = |seen: &Seen| {
        let status = match (&seen.chain, seen.proved) {
            (Some(_), _) => "valid",
            (None, true) => "ready",
            (None, false) => "pending",
        };
        let (authz, finalize) = (format!("{url}/authorization"), format!("{url}/finalize"));
        json!({ "status": status, "identifiers": identifiers, "authorizations": [authz], "finalize": finalize,
                "certificate": format!("{url}/certificate") })
    };
    let challenge = |seen: &Seen| {
        let status = if seen.proved {
            "valid"
        } else if seen.asked {
            "processing"
        } else {
            "pending"
        };
        json!({ "type": "tls-alpn-01", "url": format!("{url}/challenge"), "token": TOKEN, "status": status })
    };
    match path {
        "/account" => {
            if payload["termsOfServiceAgreed"] != true || payload["contact"] != json!(["mailto:operator@anser.test"]) {
                return Err(format!("an account of {payload}"));
            }
            authority.seen.lock().accounts += 1;
            Ok((StatusCode::CREATED, "/account/1", json!({ "status": "valid" }).to_string()))
        }
        "/order" if payload["identifiers"] == identifiers => {
            let mut seen = authority.seen.lock();
            (seen.asked, seen.proved, seen.chain) = (false, false, None);
            seen.orders += 1;
            Ok((StatusCode::CREATED, "/order/1", order(&seen).to_string()))
        }
        "/order/1" => Ok((StatusCode::OK, "/order/1", order(&authority.seen.lock()).to_string())),
        "/authorization" => {
            let seen = authority.seen.lock();
            let status = if seen.proved { "valid" } else { "pending" };
            let body = json!({ "status": status, "identifier": identifiers[0], "challenges": [challenge(&seen)] });
            Ok((StatusCode::OK, path_of(path), body.to_string()))
        }
        "/challenge" if payload == json!({}) => {
            authority.seen.lock().asked = true;
            let asking = authority.clone();
            tokio::spawn(async move {
                let asked = asking.ask().await;
                let mut seen = asking.seen.lock();
                match asked {
                    Ok(()) => seen.proved = true,
                    Err(wrong) => seen.complaints.push(wrong),
                }
            });
            Ok((StatusCode::OK, path_of(path), challenge(&authority.seen.lock()).to_string()))
        }
        "/finalize" if authority.seen.lock().proved => {
            let csr = BASE64.decode(payload["csr"].as_str().ok_or("no csr")?).map_err(|error| error.to_string())?;
            let chain = authority.issue(&csr);
            let mut seen = authority.seen.lock();
            seen.chain = Some(chain);
            Ok((StatusCode::OK, "/order/1", order(&seen).to_string()))
        }
        "/certificate" => Ok((StatusCode::OK, path_of(path), authority.seen.lock().chain.clone().ok_or("none yet")?)),
        _ => Err(format!("{path} with {payload}")),
    }
}

fn path_of(path: &str) -> &'static str {
    if path == "/certificate" { "/certificate" } else { "/authorization" }
}

/// A client's side of TLS.
fn trusting(roots: RootCertStore, alpn: &[u8]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

/// The authority believes no certificate, it looks at what is in it.
mod anyone {
    use rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::ring::default_provider,
        pki_types::{CertificateDer, ServerName, UnixTime},
    };

    #[derive(Debug)]
    pub struct Anyone;

    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

struct World {
    authority: Arc<Authority>,
    root: CertificateDer<'static>,
    folder: TempDir,
    shutdown: CancellationToken,
}

impl World {
    /// An authority that serves on a port of its own.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("authority.pem"), own.cert.pem()).unwrap();
        fs::write(file("authority.key"), own.signing_key.serialize_pem()).unwrap();

        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = Arc::new(Authority {
            url: format!("https://localhost:{}", listener.local_addr().unwrap().port()),
            issuer: Issuer::new(params, key),
            leads_to: Mutex::default(),
            seen: Mutex::default(),
        });
        let directory = |State(authority): State<Arc<Authority>>| async move {
            let at = |path| format!("{}{path}", authority.url);
            axum::Json(json!({ "newNonce": at("/nonce"), "newAccount": at("/account"), "newOrder": at("/order"),
                               "revokeCert": at("/revoke"), "keyChange": at("/change") }))
        };
        let nonce = |State(authority): State<Arc<Authority>>| async move { [("replay-nonce", authority.nonce())] };
        let routes = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", get(nonce))
            .fallback_service(post(handle).with_state(authority.clone()))
            .with_state(authority.clone());
        let look = Duration::from_secs(3_600);
        let files = TlsFiles { certificate: file("authority.pem"), key: file("authority.key"), look };
        let (shutdown, tls) = (CancellationToken::new(), Some(Tls::load(files).unwrap()));
        tokio::spawn(serve(listener, routes, shutdown.clone(), ListenerOptions { tls, ..Default::default() }));
        Self { authority, root, folder, shutdown }
    }

    fn gateways_folder(&self) -> PathBuf {
        self.folder.path().join("acme")
    }

    /// A gateway that wants a certificate for [`NAME`].
    async fn start(&self, shutdown: &CancellationToken) -> SocketAddr {
        let fake = Fake::new();
        let gateway = Gateway::new(fake.services(), GatewayOptions::default(), fake.clock.clone());
        let router = router(gateway, Health::new(), Arc::new(String::new)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acme = Acme {
            domains: vec![NAME.to_owned()],
            directory: format!("{}/directory", self.authority.url),
            contact: Some("operator@anser.test".to_owned()),
            roots: Some(self.folder.path().join("authority.pem")),
            folder: self.gateways_folder(),
        };
        *self.authority.leads_to.lock() = Some(address);
        let tls = Some(Tls::issued(acme, Duration::from_millis(20), Clock::system()).unwrap());
        tokio::spawn(serve(listener, router, shutdown.clone(), ListenerOptions { tls, ..Default::default() }));
        address
    }

    /// Whether somebody who trusts the authority trusts the server there.
    async fn is_trusted(&self, address: SocketAddr) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = TlsConnector::from(trusting(roots, b"http/1.1"));
        connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.is_ok()
    }

    async fn until_trusted(&self, address: SocketAddr) {
        let trusted = async {
            while !self.is_trusted(address).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = timeout(SOON, trusted).await;
        assert!(in_time.is_ok(), "no certificate was issued: {:?}", self.authority.seen.lock().complaints);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[tokio::test]
async fn a_certificate_is_issued_and_still_there_after_a_restart() {
    let world = World::new().await;
    let first = CancellationToken::new();
    let address = world.start(&first).await;
    world.until_trusted(address).await;
    assert_eq!(world.authority.seen.lock().complaints, Vec::<String>::new());

    first.cancel();
    let second = CancellationToken::new();
    let address = world.start(&second).await;
    assert!(world.is_trusted(address).await, "before anybody was asked");
    {
        let seen = world.authority.seen.lock();
        assert_eq!((seen.accounts, seen.orders), (1, 1));
    }
    second.cancel();

    use std::os::unix::fs::PermissionsExt as _;
    let mode = |name: &str| {
        let path = world.gateways_folder().join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("pair.pem"), mode("account.json"), mode("")), (0o600, 0o600, 0o700));
}

#[tokio::test]
async fn nobody_else_learns_anything_by_asking_as_the_authority_does() {
    let world = World::new().await;
    let shutdown = CancellationToken::new();
    let address = world.start(&shutdown).await;
    world.until_trusted(address).await;
    // The order is done: what was prepared for it is shown no more.
    let asked = timeout(SOON, async {
        loop {
            match world.authority.ask().await {
                Err(refused) => break refused,
                Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    assert!(asked.await.is_ok());
    shutdown.cancel();
}
