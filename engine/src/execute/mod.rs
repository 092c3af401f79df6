//! Stage 4: a plan becomes a stream of batches.
//!
//! ```text
//! Job ─▶ Run (on the query threads) ─Message─▶ QueryStream (wherever it is read)
//! ```

mod limits;
mod memory;
mod processor;
mod queue;
mod run;
mod stores;
mod stream;

pub use limits::Limits;
pub(crate) use run::{Job, answer, start};
pub use stream::QueryStream;
