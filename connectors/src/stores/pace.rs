//! How fast one store is asked: so many requests at once, and none while it wants to be left alone.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The pause after "too many requests" from a store that names none.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest pause that a store can ask for.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How fast one store is asked.
#[derive(Debug)]
pub(super) struct Pace {
    permits: Arc<Semaphore>,
    resumes_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// A pace with at most this many requests at once.
    pub(super) fn new(requests_max: usize) -> Self {
        let permits = requests_max.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), resumes_at: Mutex::default() }
    }

    /// Waits for this request's turn, which lasts until the permit is dropped; none when the store
    /// was closed.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        loop {
            let resumes_at = *self.resumes_at.lock();
            match resumes_at {
                Some(at) if at > Instant::now() => tokio::time::sleep_until(at).await,
                _ => return Some(permit),
            }
        }
    }

    /// Notes that the store wants fewer requests, and for how long if it said so.
    pub(super) fn slow_down(&self, asked: Option<Duration>) {
        let resumes_at = Instant::now() + asked.unwrap_or(PAUSE).min(PAUSE_MAX);
        let mut current = self.resumes_at.lock();
        *current = Some(current.map_or(resumes_at, |current| current.max(resumes_at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_at_once_are_bounded() {
        let pace = Pace::new(2);
        let one = pace.turn().await.unwrap();
        let _two = pace.turn().await.unwrap();
        let third = || tokio::time::timeout(Duration::from_millis(20), pace.turn());
        assert!(third().await.is_err());
        drop(one);
        assert!(third().await.is_ok());
    }

    #[tokio::test]
    async fn store_is_left_alone_for_as_long_as_it_asks_but_not_for_ever() {
        let pace = Pace::new(2);
        for (asked, at_least, at_most) in [
            (Some(Duration::from_millis(30)), 25, 240),
            (None, 245, 4_000),
            (Some(Duration::from_secs(3_600)), 4_900, 5_100),
        ] {
            *pace.resumes_at.lock() = None;
            let began = Instant::now();
            pace.slow_down(asked);
            let resumes_at = pace.resumes_at.lock().unwrap();
            let wait = resumes_at - began;
            assert!(wait >= Duration::from_millis(at_least), "{asked:?} {wait:?}");
            assert!(wait <= Duration::from_millis(at_most), "{asked:?} {wait:?}");
        }
        *pace.resumes_at.lock() = None;
        let began = Instant::now();
        pace.slow_down(Some(Duration::from_millis(50)));
        let _turn = pace.turn().await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(45));
    }
}
