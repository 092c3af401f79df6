//! The program `samite`: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use samite::commands::{Arguments, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two providers are linked in, so that rustls cannot choose by itself. Nothing else is
    // installed this early, so that the only failure, a second installation, cannot happen.
    drop(rustls::crypto::ring::default_provider().install_default());
    run(Arguments::parse())
}
