//! Named places where a test build ends the process as `kill -9` would.
//!
//! `ANSER_FAILPOINT=before_commit:7` ends it at the seventh passage. Without the feature `failpoints` this is nothing.

/// Passes the place called `name`, or ends the process there.
#[inline]
pub fn failpoint(name: &str) {
    #[cfg(feature = "failpoints")]
    armed::pass(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        ARMED
            .get_or_init(|| {
                let text = std::env::var("ANSER_FAILPOINT").ok()?;
                let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
                Some(Armed { name: name.to_owned(), left: AtomicU64::new(count.parse().unwrap_or(1)) })
            })
            .as_ref()
    }

    pub(super) fn pass(name: &str) {
        if let Some(armed) = armed()
            && armed.name == name
            && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            eprintln!("fail-point {name}: the process ends here");
            let _unreachable = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            std::process::abort();
        }
    }
}
