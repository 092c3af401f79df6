//! Says on the terminal that something goes on, if it takes long.

use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::quantity;

/// The time after which silence would be worrying.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(120);

/// A line on standard error with time and rows, while a query runs.
pub(crate) struct Progress {
    is_shown: bool,
    bar: Option<ProgressBar>,
    begin: tokio::time::Instant,
    rows: u64,
}

impl Progress {
    /// Begins; shows nothing at all unless `is_shown`.
    pub(crate) fn start(is_shown: bool) -> Self {
        Self { is_shown, bar: None, begin: tokio::time::Instant::now(), rows: 0 }
    }

    /// Waits for `future`, and shows the line once that takes long.
    pub(crate) async fn until<T>(&mut self, future: impl Future<Output = T>) -> T {
        if !self.is_shown || self.bar.is_some() {
            return future.await;
        }
        tokio::pin!(future);
        match tokio::time::timeout_at(self.begin + PATIENCE, &mut future).await {
            Ok(value) => value,
            Err(_) => {
                self.show();
                future.await
            }
        }
    }

    /// Counts rows that came.
    pub(crate) fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} rows", quantity(self.rows)));
        }
    }

    /// The rows that came.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self) {
        let bar = ProgressBar::new_spinner().with_elapsed(self.begin.elapsed());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(format!("{} rows", quantity(self.rows)));
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
