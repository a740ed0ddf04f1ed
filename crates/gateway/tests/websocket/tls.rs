//! A WebSocket inside TLS of our own: another kind of stream, which holds back what is not flushed.

use std::{sync::Arc, time::Duration};

use anser_gateway::{
    ListenerOptions,
    listener::tls::{Tls, TlsFiles},
    ws,
};
use axum::{Router, routing::get};
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::town::{ALICE, Town};

const NAME: &str = "anser.test";

/// A client of the town's gateway through a listener with TLS.
async fn connect(town: &Town) -> (WebSocketStream<TlsStream<TcpStream>>, DropGuard) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let tls = Tls::load(TlsFiles { certificate, key, look: Duration::from_secs(3_600) }).unwrap();
    let router = Router::new().route("/v1/ws", get(ws::upgrade)).with_state(town.gateway.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let options = ListenerOptions { tls: Some(tls), ..ListenerOptions::default() };
    tokio::spawn(anser_gateway::serve(listener, router, shutdown.clone(), options));

    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
    let mut request = format!("wss://{NAME}/v1/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "anser.v1.json".parse().unwrap());
    (client_async(request, stream).await.unwrap().0, shutdown.drop_guard())
}

async fn next(socket: &mut WebSocketStream<TlsStream<TcpStream>>) -> Message {
    let next = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    next.expect("something comes in time").expect("the stream goes on").unwrap()
}

#[tokio::test]
async fn a_socket_inside_tls_is_welcomed_answered_and_closed() {
    let town = Town::start().await;
    let (mut socket, _server) = connect(&town).await;
    let hello = format!(r#"{{"hello":{{"access_token":"{}"}}}}"#, town.token(ALICE, 1));
    socket.send(Message::text(hello)).await.unwrap();
    assert!(next(&mut socket).await.into_text().unwrap().starts_with(r#"{"welcome""#));
    for _ in 0..20 {
        socket.send(Message::text(r#"{"ping":{}}"#)).await.unwrap();
        assert!(next(&mut socket).await.into_text().unwrap().starts_with(r#"{"pong""#));
    }
    socket.send(Message::text("{nonsense")).await.unwrap();
    let Message::Close(Some(close)) = next(&mut socket).await else { panic!("not closed") };
    assert_eq!(u16::from(close.code), 4400);
}
