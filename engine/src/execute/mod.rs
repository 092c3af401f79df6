//! Stage 4: a plan becomes a stream of batches.

mod limits;
mod stream;

pub use limits::Limits;
pub use stream::QueryStream;
