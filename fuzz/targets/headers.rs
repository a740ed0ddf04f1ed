//! Who a request comes from, and from which page: nobody speaks for an address or an origin that is not theirs.
#![no_main]

use std::net::IpAddr;

use anser_gateway::{
    forwarded::{Network, client, is_in},
    http::cors::allows,
};
use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    peer: IpAddr,
    lines: Vec<&'a [u8]>,
    network: &'a str,
    origin: &'a [u8],
    allowed: Vec<&'a str>,
}

/// Every address that the header names, in any of its forms.
fn named(lines: &[&[u8]]) -> Vec<IpAddr> {
    let text = lines.iter().filter_map(|line| std::str::from_utf8(line).ok());
    let parts = text.flat_map(|line| line.split(',')).map(str::trim);
    let addresses = parts.filter_map(|part| {
        let bare = part.trim_start_matches('[').trim_end_matches(']');
        let socket = || part.parse().ok().map(|socket: std::net::SocketAddr| socket.ip());
        bare.parse().ok().or_else(socket)
    });
    addresses.map(|address: IpAddr| address.to_canonical()).collect()
}

fuzz_target!(|input: Input<'_>| {
    let mut proxies: Vec<Network> = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().expect("a network")).into();
    if let Ok(network) = input.network.parse::<Network>() {
        proxies.push(network);
    }
    let mut headers = HeaderMap::new();
    for line in &input.lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static("x-forwarded-for"), value);
        }
    }
    let peer = input.peer.to_canonical();
    let found = client(input.peer, &headers, &proxies);
    if is_in(&proxies, peer) {
        assert!(found == peer || named(&input.lines).contains(&found), "an address that nobody named");
    } else {
        assert_eq!(found, peer, "strangers are not believed");
    }
    assert_eq!(client(input.peer, &headers, &[]), peer, "without proxies nobody is believed");

    if let Ok(origin) = HeaderValue::from_bytes(input.origin) {
        let allowed: Vec<String> = input.allowed.iter().map(|&text| text.to_owned()).collect();
        let text = origin.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        let same = |allowed: &&str| **allowed == *"*" || allowed.trim_end_matches('/').to_ascii_lowercase() == text;
        assert_eq!(allows(&allowed, &origin), origin.to_str().is_ok() && input.allowed.iter().any(same));
    }
});
