//! How often people may ask: one bucket for each kind of request and each person, or each address where nobody is logged
//! in. HTTP and WebSocket draw from the same buckets.
//!
//! Here does not live: what a service limits by itself because it alone knows what it costs ([`Rate::Own`]).

use std::net::IpAddr;

use anser_types::{
    Error, Result, Timestamp, UserId,
    limiter::{Limiter, Source},
};

/// What kind of request this is. Each row of the route table says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Not limited: costs nothing, and whoever watches the server must always get an answer.
    Free,
    /// Limited by who does it: logins and registrations by auth, sends by messaging, handshakes by the gateway.
    Own,
    /// Open to everybody, such as the documents.
    Public,
    /// Makes or renews a session or a ticket.
    Session,
    /// Reads.
    Read,
    /// Changes something.
    Write,
    /// Looks for people.
    Search,
    /// Puts speech into words: seconds of work, here or at somebody who is paid for it.
    Speech,
}

/// So many a second, and so many at once after a pause. A rate of 0: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// A second, on average.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// What each kind is allowed, for one person or one address.
#[derive(Clone, Copy, Debug)]
pub struct Allowances {
    /// For [`Rate::Public`], and for requests that are refused because nobody knows who asks.
    pub public: Allowance,
    /// For [`Rate::Session`].
    pub session: Allowance,
    /// For [`Rate::Read`].
    pub read: Allowance,
    /// For [`Rate::Write`].
    pub write: Allowance,
    /// For [`Rate::Search`].
    pub search: Allowance,
    /// For [`Rate::Speech`].
    pub speech: Allowance,
}

impl Default for Allowances {
    fn default() -> Self {
        let allowance = |per_second, burst| Allowance { per_second, burst };
        Self {
            public: allowance(50, 500),
            session: allowance(10, 200),
            read: allowance(100, 1_000),
            write: allowance(20, 200),
            search: allowance(5, 50),
            speech: allowance(1, 10),
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Somebody who is logged in.
    User(UserId),
    /// Somebody from there.
    Address(Source),
}

impl Asker {
    /// Somebody at `address`.
    pub fn at(address: IpAddr) -> Self {
        Asker::Address(Source::of(address))
    }
}

/// The buckets of this process.
pub struct Rates {
    public: Limiter<Asker>,
    session: Limiter<Asker>,
    read: Limiter<Asker>,
    write: Limiter<Asker>,
    search: Limiter<Asker>,
    speech: Limiter<Asker>,
}

impl Rates {
    /// Full buckets.
    pub fn new(allowances: &Allowances) -> Self {
        let limiter = |allowance: Allowance| Limiter::a_second(allowance.per_second, allowance.burst);
        Self {
            public: limiter(allowances.public),
            session: limiter(allowances.session),
            read: limiter(allowances.read),
            write: limiter(allowances.write),
            search: limiter(allowances.search),
            speech: limiter(allowances.speech),
        }
    }

    /// Takes one request of this kind from the bucket of `asker`, or says when there will be one.
    pub fn take(&self, rate: Rate, asker: Asker, now: Timestamp) -> Result<()> {
        let (name, limiter) = match rate {
            Rate::Free | Rate::Own => return Ok(()),
            Rate::Public => ("public", &self.public),
            Rate::Session => ("session", &self.session),
            Rate::Read => ("read", &self.read),
            Rate::Write => ("write", &self.write),
            Rate::Search => ("search", &self.search),
            Rate::Speech => ("speech", &self.speech),
        };
        limiter.take(asker, now).map_err(|wait_ms| {
            metrics::counter!("anser_gateway_rate_limited_total", "limit" => name).increment(1);
            Error::rate_limited(wait_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use anser_types::Code;

    use super::*;

    const ALICE: Asker = Asker::User(UserId([1; 16]));
    const BOB: Asker = Asker::User(UserId([2; 16]));

    fn rates() -> Rates {
        let read = Allowance { per_second: 1, burst: 2 };
        Rates::new(&Allowances { read, ..Allowances::default() })
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_again_and_nobody_else_is_concerned() {
        let rates = rates();
        assert!((0..2).all(|_| rates.take(Rate::Read, ALICE, 0).is_ok()));
        let error = rates.take(Rate::Read, ALICE, 0).unwrap_err();
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(1_000)));
        assert!(rates.take(Rate::Read, BOB, 0).is_ok());
        assert!(rates.take(Rate::Write, ALICE, 0).is_ok(), "another kind is another bucket");
        assert!(rates.take(Rate::Read, ALICE, 1_000).is_ok());
    }

    #[test]
    fn what_others_limit_is_not_limited_here() {
        let rates = rates();
        assert!((0..10_000).all(|_| rates.take(Rate::Own, ALICE, 0).is_ok() && rates.take(Rate::Free, BOB, 0).is_ok()));
    }
}
