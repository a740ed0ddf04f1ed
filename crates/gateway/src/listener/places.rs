//! Who has a place: how many connections there may be, in all and from one address.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use anser_types::limiter::Source;
use parking_lot::Mutex;

use super::ListenerOptions;
use crate::forwarded::{Network, is_in};

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_per_source: usize,
    /// Many people come through each of these, so only the number in all holds for them.
    proxies: Vec<Network>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: HashMap<Source, usize>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    source: Option<Source>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    Server,
    /// All places that one address may have are taken.
    Source,
}

impl Full {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Full::Server => "full",
            Full::Source => "full_for_address",
        }
    }
}

impl Places {
    pub(super) fn new(options: &ListenerOptions) -> Arc<Self> {
        Arc::new(Self {
            most: options.max_connections,
            most_per_source: options.max_connections_per_source,
            proxies: options.proxies.clone(),
            taken: Mutex::default(),
        })
    }

    /// Takes a place for somebody from `address`.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let counted = self.most_per_source > 0 && !is_in(&self.proxies, address);
        let source = counted.then(|| Source::of(address));
        let mut taken = self.taken.lock();
        if taken.all >= self.most {
            return Err(Full::Server);
        }
        if let Some(source) = source {
            let from_there = taken.by_source.entry(source).or_default();
            if *from_there >= self.most_per_source {
                return Err(Full::Source);
            }
            *from_there += 1;
        }
        taken.all += 1;
        Ok(Place { places: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        let Some(source) = self.source else { return };
        if let Some(from_there) = taken.by_source.get_mut(&source) {
            *from_there -= 1;
            if *from_there == 0 {
                taken.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: usize, most_per_source: usize) -> Arc<Places> {
        Places::new(&ListenerOptions {
            max_connections: most,
            max_connections_per_source: most_per_source,
            proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..ListenerOptions::default()
        })
    }

    fn take(places: &Arc<Places>, address: &str) -> Result<Place, Full> {
        places.take(address.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_everybodys_places() {
        let places = places(10, 2);
        let held = [take(&places, "192.0.2.1").unwrap(), take(&places, "192.0.2.1").unwrap()];
        assert_eq!(take(&places, "192.0.2.1").unwrap_err(), Full::Source);
        let other = take(&places, "192.0.2.2").unwrap();
        drop(held);
        take(&places, "192.0.2.1").unwrap();
        drop(other);
        let taken = places.taken.lock();
        assert!(taken.all == 0 && taken.by_source.is_empty());
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let places = places(10, 1);
        let _held = take(&places, "2001:db8::1").unwrap();
        assert_eq!(take(&places, "2001:db8::2").unwrap_err(), Full::Source);
        take(&places, "2001:db8:0:1::1").unwrap();
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let places = places(3, 1);
        let held: Vec<_> = (0..3).map(|_| take(&places, "10.1.2.3").unwrap()).collect();
        assert_eq!(take(&places, "192.0.2.1").unwrap_err(), Full::Server);
        drop(held);
        take(&places, "192.0.2.1").unwrap();
    }
}
