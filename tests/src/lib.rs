//! What the tests of Samite as a whole share: what this machine has, and a small mesh to ask.

mod machine;
mod sample_mesh;

pub use machine::{left_out, python, shared};
pub use sample_mesh::SampleMesh;
