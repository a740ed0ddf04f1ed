//! Passwords: what they may be, and hashing them on a bounded pool.
//!
//! A hash takes tens of milliseconds and 19 MiB. So only as many run at once as there are cores, some wait, and beyond
//! that the answer is `unavailable`, whatever it was that wanted a hash.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anser_types::{Code, Error, Result};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use tokio::{sync::Semaphore, time::Instant};

use crate::AuthOptions;

/// The costliest hash that is taken from elsewhere.
const MOST_MEMORY_KIB: u32 = 1 << 20;

/// Accepts whatever has the right length.
pub(crate) fn check(options: &AuthOptions, password: &str) -> Result<()> {
    let (least, most) = (options.password_bytes.start(), options.password_bytes.end());
    let right = options.password_bytes.contains(&password.len());
    if right { Ok(()) } else { Err(Error::field("password", format!("must be {least} to {most} bytes"))) }
}

/// The same of a password that takes another one's place.
pub(crate) fn check_new(options: &AuthOptions, password: &str) -> Result<()> {
    check(options, password)
        .map_err(|error| Error::field("new_password", error.fields.first().map_or("", |field| &field.detail)))
}

/// Refuses what is too long to be worth a hash.
pub(crate) fn check_length(options: &AuthOptions, password: &str) -> Result<()> {
    let most = options.password_bytes.end();
    if password.len() <= *most {
        Ok(())
    } else {
        Err(Error::field("password", format!("must be at most {most} bytes")))
    }
}

/// Refuses a hash of another installation that is none of ours, or that costs more than anybody would have asked for.
pub(crate) fn check_hash(hash: &str) -> Result<()> {
    let params = PasswordHash::new(hash)
        .ok()
        .filter(|hash| hash.algorithm == Algorithm::Argon2id.ident())
        .and_then(|hash| Params::try_from(&hash).ok())
        .filter(|params| params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= 64 && params.p_cost() <= 64);
    params.map(|_| ()).ok_or_else(|| Error::field("password_hash", "not a hash of argon2id with a usual cost"))
}

/// The hashing pool.
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    decoy: String,
    /// Running and waiting.
    places: Arc<Semaphore>,
    /// Running.
    cores: Arc<Semaphore>,
    /// How many hashes ran: by it the tests see that work does not depend on what exists.
    pub(crate) count: Arc<AtomicU64>,
}

impl Hasher {
    pub(crate) fn new(options: &AuthOptions) -> Result<Self> {
        let cost = options.hash;
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| Error::invalid(format!("the cost of password hashes: {error}")))?;
        let cores = match options.hashes_at_once {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            given => given,
        };
        Ok(Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            decoy: decoy(options),
            places: Arc::new(Semaphore::new(cores + options.hash_queue)),
            cores: Arc::new(Semaphore::new(cores)),
            count: Arc::default(),
        })
    }

    /// The password's hash under a new salt, as a PHC string.
    pub(crate) async fn hash(&self, password: String, deadline: Instant) -> Result<String> {
        self.run(deadline, move |argon| argon.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|_| Error::internal("a password could not be hashed"))
    }

    /// Whether the password is the one behind `hash`. `None`: there is no account, and the same work is done for
    /// nothing.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>, deadline: Instant) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = self
            .run(deadline, move |argon| {
                let hash = PasswordHash::new(&hash).map_err(|_| Error::internal("a stored hash cannot be read"))?;
                Ok::<_, Error>(argon.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await??;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let core = tokio::time::timeout_at(deadline, self.cores.clone().acquire_owned())
            .await
            .map_err(|_| Error::new(Code::DeadlineExceeded, "the request's time ran out"))?
            .map_err(|_| Error::internal("the hashing pool is closed"))?;
        let (argon, count) = (self.argon.clone(), self.count.clone());
        // The permits go with the work: a caller who gives up does not make room before the core is free.
        let hashing = tokio::task::spawn_blocking(move || {
            let _until_done = (place, core);
            count.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("anser_auth_password_hashes_total").increment(1);
            work(&argon)
        });
        hashing.await.map_err(|_| Error::internal("hashing was interrupted"))
    }
}

fn busy() -> Error {
    metrics::counter!("anser_auth_password_hashes_refused_total").increment(1);
    Error::unavailable("too many logins at once").retry_after(1_000)
}

/// A hash that costs what a real one costs and that no password has: its output is random.
fn decoy(options: &AuthOptions) -> String {
    let cost = options.hash;
    let salt = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
    let output = STANDARD_NO_PAD.encode(rand::random::<[u8; 32]>());
    format!("$argon2id$v=19$m={},t={},p={}${salt}${output}", cost.memory_kib, cost.passes, cost.lanes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::HashCost;

    fn hasher(hashes_at_once: usize, hash_queue: usize, memory_kib: u32) -> Arc<Hasher> {
        let hash = HashCost { memory_kib, passes: 1, lanes: 1 };
        Arc::new(Hasher::new(&AuthOptions { hash, hashes_at_once, hash_queue, ..AuthOptions::default() }).unwrap())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_names_the_cost() {
        let hasher = Hasher::new(&AuthOptions::default()).unwrap();
        let hash = hasher.hash("correct horse".into(), soon()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse".into(), Some(hash.clone()), soon()).await.unwrap());
        assert!(!hasher.verify("wrong horse".into(), Some(hash), soon()).await.unwrap());
        assert!(!hasher.verify("correct horse".into(), None, soon()).await.unwrap());
        assert_eq!(hasher.count.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_unavailable() {
        let hasher = hasher(1, 2, 8);
        let core = hasher.cores.clone().acquire_owned().await.unwrap();
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash("password".into(), soon()).await })
            })
            .collect();
        while tries.iter().filter(|attempt| attempt.is_finished()).count() < 5 {
            tokio::task::yield_now().await;
        }
        drop(core);
        let mut refused = 0;
        for attempt in tries {
            if let Err(error) = attempt.await.unwrap() {
                assert_eq!((error.code, error.retry_after_ms), (Code::Unavailable, Some(1_000)));
                refused += 1;
            }
        }
        assert_eq!(refused, 5, "one has the core next, two wait");
        assert!(hasher.hash("password".into(), soon()).await.is_ok(), "places come back");
    }

    #[tokio::test]
    async fn waiting_ends_with_the_deadline() {
        let hasher = hasher(1, 2, 8);
        let _taken = hasher.cores.clone().acquire_owned().await.unwrap();
        let error = hasher.hash("password".into(), Instant::now()).await.unwrap_err();
        assert_eq!(error.code, Code::DeadlineExceeded);
        assert_eq!(hasher.places.available_permits(), 3);
    }

    #[test]
    fn hashes_from_elsewhere_are_of_our_kind_and_of_a_usual_cost() {
        let tail = "$c29tZXNhbHRzb21lc2FsdA$PK61TfnoIGNtDFbSzHGrNXXg8XmdV3YrVnJyzpVSnDA";
        assert_eq!(check_hash(&format!("$argon2id$v=19$m=19456,t=2,p=1{tail}")), Ok(()));
        for bad in ["", "secret", &format!("$argon2i$v=19$m=19456,t=2,p=1{tail}")] {
            assert!(check_hash(bad).is_err(), "{bad}");
        }
        for cost in ["m=2097152,t=2,p=1", "m=19456,t=9999,p=1"] {
            assert!(check_hash(&format!("$argon2id$v=19${cost}{tail}")).is_err(), "{cost}");
        }
    }

    #[test]
    fn length_is_the_only_rule() {
        for good in ["123456", "日本", "      ", &"x".repeat(128)] {
            assert_eq!(check(&AuthOptions::default(), good), Ok(()));
        }
        for bad in ["", "12345", &"x".repeat(129)] {
            assert!(check(&AuthOptions::default(), bad).is_err());
        }
    }
}
