//! Pairs of a policy and a query, made up: the governed answer against that of the same query over
//! data from which the hidden was taken by hand.
//!
//! ```text
//! seed ─▶ World ─┬─ tables behind obligations ─┐
//!                └─ filtered, masked by hand ──┴─ each query ─▶ the same rows, the same errors
//! ```
//!
//! The same seed makes the same pairs. What is made by hand knows neither the masks nor the filters of
//! the engine.
//!
//! Whether an error of the statement's own is come to can be up to the plan: a limit ends early, one part of
//! an `AND` spares the other. Then it must be the error, word by word, of a row that is seen and alone, so that
//! an error about a hidden row, or one that names a hidden value, is a difference.

mod by_hand;
mod cells;
mod compare;
mod dice;
mod policy;
mod queries;
mod source;
mod world;
mod writer;

use std::fmt;
use std::ops::AddAssign;

use dice::Dice;
use queries::any_question;
use world::World;

/// Queries over the tables of one seed.
pub const QUERIES_OF_A_SEED: usize = 20;

/// What the pairs came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Queries that gave rows, the same on both sides.
    pub answered: usize,
    /// Queries that gave none on both sides.
    pub empty: usize,
    /// Queries that failed on both sides.
    pub failed: usize,
    /// Queries that failed on one side, with the words that a row which is seen fails with, and did not come
    /// to such a row on the other.
    pub failed_once: usize,
    /// Queries of a table whose policy cannot be kept, all of them refused.
    pub closed: usize,
    /// Rows that were hidden by a policy, and rows that were seen.
    pub hidden_rows: usize,
    /// Rows that policies let through.
    pub seen_rows: usize,
}

impl Compared {
    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.answered + self.empty + self.failed + self.failed_once + self.closed
    }
}

impl AddAssign for Compared {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.empty += other.empty;
        self.failed += other.failed;
        self.failed_once += other.failed_once;
        self.closed += other.closed;
        self.hidden_rows += other.hidden_rows;
        self.seen_rows += other.seen_rows;
    }
}

/// A pair whose two answers differ.
#[derive(Debug)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Difference {}

/// Compares all pairs of one seed.
///
/// # Errors
///
/// The first pair whose answers differ: the query, what the policies say, and both answers.
pub async fn compare_pairs(seed: u64) -> Result<Compared, Difference> {
    let mut dice = Dice::new(seed);
    let world = World::new(&mut dice);
    let told = |what: String| Difference(format!("seed {seed}: {what}"));
    let governed = world.governed().map_err(|error| told(error.to_line()))?;
    let by_hand = world.by_hand().map_err(|error| told(error.to_line()))?;
    let mut compared = Compared::default();
    for table in &world.tables {
        let (hidden, seen) = table.counts();
        compared.hidden_rows += hidden;
        compared.seen_rows += seen;
    }
    for _ in 0..QUERIES_OF_A_SEED {
        let question = any_question(&mut dice, &world);
        let sessions = (&governed, &by_hand);
        if let Err(difference) = compare::one(&world, sessions, &question, &mut compared).await {
            let policies = world.tables.iter();
            let policies = policies.map(|table| format!("{}: {:?}", table.name, table.obligations));
            let parts = [
                question.sql.clone(),
                difference,
                policies.collect::<Vec<_>>().join("\n"),
                compare::plan(&governed, &question.sql).await,
                compare::plan(&by_hand, &question.sql).await,
            ];
            return Err(told(parts.join("\n")));
        }
    }
    Ok(compared)
}
