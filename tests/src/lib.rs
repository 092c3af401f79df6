//! What the tests of Samite as a whole share: what this machine has, and a small mesh to ask.

mod faulty_proxy;
mod file_server;
mod machine;
mod sample_mesh;

pub use faulty_proxy::{Fault, FaultyProxy, Request};
pub use file_server::FileServer;
pub use machine::{emulator, left_out, python, rewrites_expected, shared, takes_long};
pub use sample_mesh::SampleMesh;
