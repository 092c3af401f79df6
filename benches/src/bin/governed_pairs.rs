//! Compares governed answers with those over data without the hidden, for as many pairs of a policy and
//! a query as are asked for.
//!
//! ```text
//! governed_pairs PAIRS [SEED]
//! ```
//!
//! Prints how many were compared and what they came to. Prints the first difference of each seed that has
//! one, and ends with 1 then; the same seed makes the same pairs again. Takes all processors.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use samite_engine::testing::governed_pairs::{Compared, QUERIES_OF_A_SEED, compare_pairs};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Seeds between two lines that say how far it is.
const SEEDS_OF_A_LINE: u64 = 500;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let pairs: usize = arguments.next().ok_or("usage: governed_pairs PAIRS [SEED]")?.parse()?;
    let first: u64 = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let began = Instant::now();
    let end = first + pairs.div_ceil(QUERIES_OF_A_SEED) as u64;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running = JoinSet::new();
    let (mut next, mut ended, mut differ, mut all) = (first, 0_u64, 0_u64, Compared::default());
    let mut stdout = std::io::stdout().lock();
    loop {
        while next < end && running.len() < at_once {
            running.spawn(compare_pairs(next));
            next += 1;
        }
        let Some(compared) = running.join_next().await else { break };
        match compared? {
            Ok(compared) => all += compared,
            Err(difference) => {
                differ += 1;
                writeln!(stdout, "{difference}\n")?;
            }
        }
        ended += 1;
        if ended.is_multiple_of(SEEDS_OF_A_LINE) {
            let seconds = began.elapsed().as_secs();
            writeln!(
                stdout,
                "{} pairs in {seconds} s, {differ} seeds with a difference",
                all.pairs()
            )?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    writeln!(
        stdout,
        "{} pairs of seeds {first}..{end} in {seconds:.0} s, {differ} seeds with a difference: {} gave rows, {} none, {} failed, \
         {} failed in one plan, {} refused; {} rows hidden, {} seen",
        all.pairs(),
        all.answered,
        all.empty,
        all.failed,
        all.failed_once,
        all.closed,
        all.hidden_rows,
        all.seen_rows
    )?;
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
