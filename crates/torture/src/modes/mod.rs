//! The kinds of runs.

pub mod faults;
