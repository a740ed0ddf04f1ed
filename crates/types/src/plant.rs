//! Faults planted on purpose, so that the torture checker is known to see them. Nothing without the feature
//! `planted-faults`, which no release has; docs/testing.md lists the faults.

/// Whether the fault called `name` is the one that `ANSER_PLANT` asks for.
#[inline]
pub fn planted(name: &str) -> bool {
    #[cfg(feature = "planted-faults")]
    return armed::name() == Some(name);
    #[cfg(not(feature = "planted-faults"))]
    {
        let _ = name;
        false
    }
}

/// Whether this is an `n`-th passage of the planted fault `name`.
#[inline]
pub fn planted_every(name: &str, n: u64) -> bool {
    #[cfg(feature = "planted-faults")]
    return planted(name) && armed::count() % n == 0;
    #[cfg(not(feature = "planted-faults"))]
    {
        let _ = (name, n);
        false
    }
}

#[cfg(feature = "planted-faults")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    pub(super) fn name() -> Option<&'static str> {
        static NAME: OnceLock<Option<String>> = OnceLock::new();
        NAME.get_or_init(|| std::env::var("ANSER_PLANT").ok()).as_deref()
    }

    /// One counter is enough: one fault is planted at a time.
    pub(super) fn count() -> u64 {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        COUNT.fetch_add(1, Ordering::Relaxed) + 1
    }
}
