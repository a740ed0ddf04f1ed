//! The limits of this room: the buckets of [`anser_types::limiter`] with a name for the metric and our error.

use std::hash::Hash;

pub(crate) use anser_types::limiter::Source;
use anser_types::{Error, Result, Timestamp, limiter};

pub(crate) struct Limiter<K> {
    name: &'static str,
    buckets: limiter::Limiter<K>,
}

impl<K: Hash + Eq> Limiter<K> {
    /// `count` a minute for each key; 0: no limit. `name` stands in the metric.
    pub(crate) fn new(name: &'static str, count: u32) -> Self {
        Self { name, buckets: limiter::Limiter::a_minute(count) }
    }

    /// Takes one from `key`'s bucket, or says when there will be one.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Result<()> {
        self.buckets.take(key, now).map_err(|wait_ms| {
            metrics::counter!("anser_auth_rate_limited_total", "limit" => self.name).increment(1);
            Error::rate_limited(wait_ms)
        })
    }
}
