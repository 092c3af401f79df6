//! The PostgreSQL wire protocol of Samite.
