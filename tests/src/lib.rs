//! What the tests of Samite as a whole share: what this machine has, and a small mesh to ask.

mod machine;
mod sample_mesh;

pub use machine::{left_out, python, rewrites_expected, shared, takes_long};
pub use sample_mesh::SampleMesh;
