//! The statements whose records wait for being written, and the word on whether one more may come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parking_lot::{Condvar, Mutex};
use samite_engine::events::{Asked, QueryEvent};
use samite_engine::{Error, ErrorKind, Result};
use tokio::sync::{Notify, oneshot};

use super::OnFailure;

/// The longest wait of a statement for room in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is recorded of a statement.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// It begins to run, at this time.
    Begun(Arc<Asked>, DateTime<Utc>),
    /// It has ended.
    Ended(Arc<QueryEvent>),
}

impl Entry {
    /// Who asked what.
    pub(super) fn asked(&self) -> &Asked {
        match self {
            Self::Begun(asked, _) => asked,
            Self::Ended(event) => &event.asked,
        }
    }
}

/// What waits for being written, and who waits for that.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: Entry,
    waiter: Option<oneshot::Sender<Result<()>>>,
}

impl Waiting {
    /// Tells whoever waits that the record is written, or that nobody waits for it any longer.
    pub(super) fn tell(&mut self, is_written: bool) {
        if let Some(waiter) = self.waiter.take() {
            // A statement that was cancelled does not wait.
            let _ = waiter.send(if is_written { Ok(()) } else { Err(unrecorded()) });
        }
    }
}

/// The statements whose records wait for being written.
///
/// A statement that runs will have a record, so that what ends is always taken; what begins waits while the queue is
/// full. So there are at most as many more as run at once.
#[derive(Debug)]
pub(super) struct Queue {
    waiting_max: usize,
    on_failure: OnFailure,
    state: Mutex<State>,
    /// Something came, or no more will.
    came: Condvar,
    /// There is room again, or the file can be written again.
    room: Notify,
    /// The writer has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    is_failing: bool,
    is_closed: bool,
    has_ended: bool,
}

impl Queue {
    pub(super) fn new(waiting_max: usize, on_failure: OnFailure) -> Self {
        Self {
            waiting_max: waiting_max.max(1),
            on_failure,
            state: Mutex::default(),
            came: Condvar::new(),
            room: Notify::new(),
            ended: Condvar::new(),
        }
    }

    /// Says whether one more statement can be recorded.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or too many wait.
    pub(super) fn check(&self) -> Result<()> {
        match self.has_room()? {
            true => Ok(()),
            false => Err(full()),
        }
    }

    /// The same, after a wait for room.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub(super) async fn admit(&self) -> Result<()> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Who asks to be woken first misses no room.
            let room = self.room.notified();
            if self.has_room()? {
                return Ok(());
            }
            tokio::time::timeout_at(until, room).await.map_err(|_| full())?;
        }
    }

    fn has_room(&self) -> Result<bool> {
        let state = self.state.lock();
        if state.is_failing && self.on_failure == OnFailure::Refuse {
            return Err(unrecorded());
        }
        Ok(state.waiting.len() < self.waiting_max)
    }

    /// Takes a statement that ended. False if nobody writes any more.
    pub(super) fn push(&self, event: &Arc<QueryEvent>) -> bool {
        let mut state = self.state.lock();
        if state.has_ended {
            return false;
        }
        state.waiting.push_back(Waiting { entry: Entry::Ended(Arc::clone(event)), waiter: None });
        self.came.notify_one();
        true
    }

    /// Takes a statement that begins to run. What it gives tells when that is written; nothing, if nobody writes any
    /// more and statements may run without a record.
    ///
    /// # Errors
    ///
    /// When it may not run, as it cannot be recorded.
    pub(super) fn begin(&self, begun: Entry) -> Result<Option<oneshot::Receiver<Result<()>>>> {
        let mut state = self.state.lock();
        if (state.is_failing || state.has_ended) && self.on_failure == OnFailure::Refuse {
            return Err(unrecorded());
        }
        if state.has_ended {
            return Ok(None);
        }
        let (waiter, written) = oneshot::channel();
        state.waiting.push_back(Waiting { entry: begun, waiter: Some(waiter) });
        self.came.notify_one();
        Ok(Some(written))
    }

    /// Up to `count` records for the writer, after a wait of up to `patience`; `None` once there will be no more.
    pub(super) fn take(&self, count: usize, patience: Duration) -> Option<Vec<Waiting>> {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && !state.is_closed {
            let _ = self.came.wait_for(&mut state, patience);
        }
        if state.waiting.is_empty() && state.is_closed {
            return None;
        }
        let count = count.min(state.waiting.len());
        let taken = state.waiting.drain(..count).collect();
        let has_room = state.waiting.len() < self.waiting_max;
        drop(state);
        if has_room {
            self.room.notify_waiters();
        }
        Some(taken)
    }

    /// Says whether the file can be written. True if that is news.
    pub(super) fn set_failing(&self, is_failing: bool) -> bool {
        let mut state = self.state.lock();
        let is_news = state.is_failing != is_failing;
        state.is_failing = is_failing;
        if is_failing && self.on_failure == OnFailure::Refuse {
            state.waiting.iter_mut().for_each(|waiting| waiting.tell(false));
        }
        drop(state);
        self.room.notify_waiters();
        is_news
    }

    /// Waits until it is worth trying again. False once there is nobody to wait for.
    pub(super) fn pause(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        let until = Instant::now() + patience;
        while !state.is_closed && !self.came.wait_until(&mut state, until).timed_out() {}
        !state.is_closed
    }

    /// Says that no more statements come.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.came.notify_all();
    }

    /// Says that the writer has ended.
    pub(super) fn end(&self) {
        self.state.lock().has_ended = true;
        self.ended.notify_all();
    }

    /// Waits for the end of the writer. False if it does not come in time.
    pub(super) fn wait_for_end(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.state.lock();
        while !state.has_ended {
            if self.ended.wait_until(&mut state, until).timed_out() {
                return state.has_ended;
            }
        }
        true
    }
}

/// What a statement gets that cannot be recorded.
pub(super) fn unrecorded() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "statements are refused while they cannot be recorded")
        .with_hint("tell the operator of this server: the audit file cannot be written")
}

fn full() -> Error {
    Error::new(ErrorKind::Overloaded, "too many statements wait for being recorded")
        .with_hint("try again soon")
}
