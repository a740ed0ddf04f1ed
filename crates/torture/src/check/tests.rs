//! The checker's own tests.
