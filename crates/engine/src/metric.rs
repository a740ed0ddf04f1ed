//! The store's metrics, in one place: their names, units and meaning.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Tells the recorder what the numbers mean.
pub(crate) fn describe() {
    describe_counter!("anser_store_commits_total", "Rounds of the writer, each one COMMIT");
    describe_counter!("anser_store_rows_total", "Rows changed");
    describe_counter!("anser_store_lost_total", "Rounds whose transaction was lost");
    describe_counter!("anser_store_panics_total", "Closures, questions and callbacks that panicked");
    describe_counter!("anser_store_full_total", "Times that the disk said it was full");
    describe_counter!("anser_store_failures_total", "I/O errors that end the process");
    describe_histogram!("anser_store_commit_seconds", Unit::Seconds, "Time of the COMMIT, fsync included");
    describe_histogram!("anser_store_round_seconds", Unit::Seconds, "Time of a round: closures, COMMIT, answers");
    describe_histogram!("anser_store_checkpoint_seconds", Unit::Seconds, "Time of a checkpoint, by kind");
    describe_histogram!(
        "anser_store_checkpoint_stall_seconds",
        Unit::Seconds,
        "Time that commits waited for a checkpoint to be finished"
    );
    describe_gauge!("anser_store_queue_depth", "Closures that wait for the writer");
    describe_gauge!("anser_store_wal_bytes", Unit::Bytes, "Bytes in use in the write-ahead log");
    describe_gauge!("anser_store_free_bytes", Unit::Bytes, "Free space under the store");
}
