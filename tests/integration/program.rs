//! Runs the program `samite` as its users do.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tokio::sync::Mutex;

/// The plays of the demo's mesh in tests.
pub(crate) const PLAYS: u64 = 20_000;

static WRITING: Mutex<()> = Mutex::const_new(());

/// The program, built beside this test.
#[expect(clippy::disallowed_methods, reason = "tests are told by tests/run")]
pub(crate) fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("SAMITE_BIN") {
        return PathBuf::from(program);
    }
    let this = std::env::current_exe().expect("this test has a file");
    let program = this.parent().and_then(Path::parent).expect("target/debug").join("samite");
    assert!(program.is_file(), "{} is missing: cargo build --workspace", program.display());
    program
}

/// Calls the program without anything on standard input.
pub(crate) fn samite(arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null()).output().expect("samite runs")
}

/// What a call printed and how it ended, for messages.
pub(crate) fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The folder of the demo's mesh; written by the first test that needs it.
pub(crate) async fn demo_mesh() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo");
    let _one_at_a_time = WRITING.lock().await;
    samite::commands::demo::write(&folder, PLAYS).await.expect("the demo is written");
    folder.to_str().expect("the path is text").to_owned()
}

/// A running `samite serve`, or another command that stays up.
pub(crate) struct Server {
    child: Child,
    /// What it said when it was ready.
    pub(crate) uri: String,
}

impl Server {
    /// Starts it and waits for the line that says where it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("samite runs");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("its output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let uri = line.trim_end().strip_prefix("samite listening on ").unwrap_or_default();
        assert!(uri.starts_with("grpc://127.0.0.1:"), "{line:?}");
        Self { uri: uri.to_owned(), child }
    }

    /// Sends a signal and says how it ended, and what else it had printed.
    pub(crate) fn stop(mut self, signal: &str) -> (i32, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        let mut rest = String::new();
        let stdout = self.child.stdout.take().expect("its output is piped");
        for line in BufReader::new(stdout).lines() {
            rest.push_str(&line.expect("text"));
        }
        (self.child.wait().expect("it ends").code().unwrap_or(-1), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
