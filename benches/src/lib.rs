//! Benches of Samite.
