//! Policies and queries that are made up: a governed answer is that over data without the hidden.

use crate::testing::governed_pairs::{Compared, QUERIES_OF_A_SEED, compare_pairs};

/// Pairs that are compared; so many as SAMITE_TEST_PAIRS says, if it says it.
const PAIRS: usize = 300;

fn pairs() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]
    let told = std::env::var("SAMITE_TEST_PAIRS").ok();
    told.and_then(|told| told.parse().ok()).unwrap_or(PAIRS)
}

#[tokio::test]
async fn governed_answer_is_that_of_data_without_the_hidden() {
    let (mut all, mut differences) = (Compared::default(), Vec::new());
    for seed in 0..pairs().div_ceil(QUERIES_OF_A_SEED) as u64 {
        match compare_pairs(seed).await {
            Ok(compared) => all += compared,
            Err(difference) => differences.push(difference.to_string()),
        }
    }
    let shown: Vec<&str> = differences.iter().take(5).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), shown.join("\n\n"));
    let pairs = all.pairs();
    assert!(all.answered * 3 > pairs && all.failed * 50 > pairs && all.empty > 0, "{all:?}");
    assert!(all.hidden_rows * 5 > all.seen_rows && all.seen_rows > 0, "{all:?}");
}
