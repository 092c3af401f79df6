//! The places among the queries that run, and the fair queue in front of them.
//!
//! ```text
//! free place ─▶ the waiting principal that holds the fewest ─▶ its query that waits longest
//! ```
//!
//! Among principals that hold as many they go round. Whoever has no rival may have all places, unless
//! a share is configured. A full queue takes nobody more, but for a principal with a shorter line
//! than another's: then the last one of the longest line goes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Principal;

/// How many places there are, and how long the queue may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueConfig {
    /// Queries that run at once.
    pub(crate) places_max: usize,
    /// Those of one principal among them.
    pub(crate) principal_places_max: usize,
    /// Queries that wait.
    pub(crate) waiting_max: usize,
    /// The longest wait.
    pub(crate) timeout: Duration,
}

/// The places among the queries that run. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    config: QueueConfig,
    state: Arc<Mutex<State>>,
}

/// A place among the queries that run, free again once it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    principal: Arc<str>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: usize,
    next_number: u64,
    /// Those who hold a place or wait for one.
    lines: HashMap<Arc<str>, Line>,
    /// Those who wait; whose turn was longest ago comes first.
    turns: VecDeque<Arc<str>>,
}

/// What one principal holds and waits for.
#[derive(Debug)]
struct Line {
    held: usize,
    held_max: usize,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    answer: oneshot::Sender<Answer>,
}

/// What somebody who waits gets.
#[derive(Debug)]
enum Answer {
    Place(Place),
    /// Somebody with a shorter line needed the room.
    Shed,
}

/// An answer that is sent once the lock is free.
type Sending = (oneshot::Sender<Answer>, Answer);

impl Places {
    pub(crate) fn new(config: QueueConfig) -> Self {
        let state = State {
            free: config.places_max,
            waiting: 0,
            next_number: 0,
            lines: HashMap::new(),
            turns: VecDeque::new(),
        };
        Self { config, state: Arc::new(Mutex::new(state)) }
    }

    /// The places that are taken, and those who wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (self.config.places_max.saturating_sub(state.free), state.waiting)
    }

    /// A place, if there is one at once.
    pub(crate) fn try_take(&self, principal: &Principal) -> Option<Place> {
        let name: Arc<str> = Arc::from(principal.name.as_str());
        let mut state = self.state.lock();
        if state.free == 0 {
            return None;
        }
        let held_max = self.held_max(principal);
        let line = state.lines.entry(Arc::clone(&name)).or_insert_with(|| Line::new(held_max));
        if line.held >= line.held_max {
            return None;
        }
        // Where a place is free, all who wait have their share.
        line.held += 1;
        state.free -= 1;
        drop(state);
        Some(Place { places: self.clone(), principal: name })
    }

    /// A place, as soon as it is this principal's turn.
    ///
    /// # Errors
    ///
    /// When the queue is full, or the turn does not come in time.
    pub(crate) async fn take(&self, principal: &Principal) -> Result<Place> {
        match self.try_take(principal) {
            Some(place) => Ok(place),
            None => self.wait(principal).await,
        }
    }

    async fn wait(&self, principal: &Principal) -> Result<Place> {
        let (waiting, answer) = self.queue_up(principal)?;
        let answer = tokio::time::timeout(self.config.timeout, answer).await;
        drop(waiting);
        match answer {
            Ok(Ok(Answer::Place(place))) => Ok(place),
            Ok(Ok(Answer::Shed) | Err(_)) => Err(self.full()),
            Err(_) => Err(self.too_late(principal)),
        }
    }

    fn queue_up(&self, principal: &Principal) -> Result<(Waiting, oneshot::Receiver<Answer>)> {
        let name: Arc<str> = Arc::from(principal.name.as_str());
        let held_max = self.held_max(principal);
        let (sender, answer) = oneshot::channel();
        let mut state = self.state.lock();
        let mut sending = Vec::new();
        if state.waiting >= self.config.waiting_max {
            sending.push(state.shed_for(&name).ok_or_else(|| self.full())?);
        }
        let number = state.next_number;
        state.next_number += 1;
        state.waiting += 1;
        let line = state.lines.entry(Arc::clone(&name)).or_insert_with(|| Line::new(held_max));
        line.waiters.push_back(Waiter { number, answer: sender });
        if line.waiters.len() == 1 {
            state.turns.push_back(Arc::clone(&name));
        }
        // A place may have become free since it was asked for.
        self.hand_out(&mut state, &mut sending);
        drop(state);
        send(sending);
        Ok((Waiting { places: self.clone(), principal: name, number }, answer))
    }

    /// Gives the free places to those whose turn it is.
    fn hand_out(&self, state: &mut State, sending: &mut Vec<Sending>) {
        while state.free > 0 {
            let Some((principal, waiter)) = state.next() else { return };
            state.free -= 1;
            let place = Place { places: self.clone(), principal };
            sending.push((waiter.answer, Answer::Place(place)));
        }
    }

    fn release(&self, principal: &Arc<str>) {
        let mut state = self.state.lock();
        state.free += 1;
        if let Some(line) = state.lines.get_mut(principal) {
            line.held = line.held.saturating_sub(1);
        }
        let mut sending = Vec::new();
        self.hand_out(&mut state, &mut sending);
        state.forget(principal);
        drop(state);
        send(sending);
    }

    fn give_up(&self, principal: &Arc<str>, number: u64) {
        let mut state = self.state.lock();
        state.leave(principal, number);
        state.forget(principal);
    }

    /// All who are not logged in are one principal, and have no share.
    fn held_max(&self, principal: &Principal) -> usize {
        match principal.is_anonymous() {
            true => self.config.places_max,
            false => self.config.principal_places_max.min(self.config.places_max),
        }
    }

    fn full(&self) -> Error {
        Error::new(ErrorKind::Overloaded, "too many queries are waiting for their turn")
            .with_detail(format!("the queue takes {}", self.config.waiting_max))
            .with_hint("try again soon, or raise [limits] concurrent_queries or queue_length")
    }

    fn too_late(&self, principal: &Principal) -> Error {
        let state = self.state.lock();
        let line = state.lines.get(principal.name.as_str());
        let has_its_share = line.is_some_and(|line| line.held >= line.held_max);
        drop(state);
        let seconds = self.config.timeout.as_secs_f64();
        if has_its_share && self.held_max(principal) < self.config.places_max {
            let most = self.held_max(principal);
            return Error::new(ErrorKind::Overloaded, "too many queries of yours are running")
                .with_detail(format!("one principal may run {most} at once; waited {seconds} s"))
                .with_hint(
                    "let some end first, or raise [limits] concurrent_queries_per_principal",
                );
        }
        Error::new(ErrorKind::Overloaded, "too many queries are running")
            .with_detail(format!("waited {seconds} s"))
            .with_hint("try again soon, or raise [limits] concurrent_queries")
    }
}

impl State {
    /// Whose turn it is: of those who wait and have less than their share, who holds the fewest
    /// places; of several who was served longest ago.
    fn next(&mut self) -> Option<(Arc<str>, Waiter)> {
        let held = |name: &Arc<str>| {
            self.lines.get(name).filter(|line| line.held < line.held_max).map(|line| line.held)
        };
        let waiting = self.turns.iter().enumerate();
        let (_, at) = waiting.filter_map(|(at, name)| Some((held(name)?, at))).min()?;
        let name = self.turns.remove(at)?;
        let line = self.lines.get_mut(&name)?;
        let waiter = line.waiters.pop_front()?;
        line.held += 1;
        self.waiting -= 1;
        if !line.waiters.is_empty() {
            self.turns.push_back(Arc::clone(&name));
        }
        Some((name, waiter))
    }

    /// Makes room for somebody whose line is shorter than another's.
    fn shed_for(&mut self, name: &Arc<str>) -> Option<Sending> {
        let own = self.lines.get(name).map_or(0, |line| line.waiters.len());
        let (longest, line) = self.lines.iter_mut().max_by_key(|(_, line)| line.waiters.len())?;
        if line.waiters.len() <= own + 1 {
            return None;
        }
        let longest = Arc::clone(longest);
        let waiter = line.waiters.pop_back()?;
        self.waiting -= 1;
        if line.waiters.is_empty() {
            self.turns.retain(|name| *name != longest);
        }
        Some((waiter.answer, Answer::Shed))
    }

    /// Takes somebody out who does not wait any more.
    fn leave(&mut self, principal: &Arc<str>, number: u64) {
        let Some(line) = self.lines.get_mut(principal) else { return };
        let before = line.waiters.len();
        line.waiters.retain(|waiter| waiter.number != number);
        self.waiting -= before - line.waiters.len();
        if line.waiters.is_empty() {
            self.turns.retain(|name| name != principal);
        }
    }

    /// Forgets a principal that holds nothing and waits for nothing.
    fn forget(&mut self, principal: &Arc<str>) {
        if self.lines.get(principal).is_some_and(|line| line.held == 0 && line.waiters.is_empty()) {
            self.lines.remove(principal);
        }
    }
}

impl Line {
    fn new(held_max: usize) -> Self {
        Self { held: 0, held_max, waiters: VecDeque::new() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.release(&self.principal);
    }
}

/// Somebody who waits, until it is dropped.
#[derive(Debug)]
struct Waiting {
    places: Places,
    principal: Arc<str>,
    number: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.places.give_up(&self.principal, self.number);
    }
}

/// A place that nobody takes any more is free again, and so must not be dropped under the lock.
fn send(answers: Vec<Sending>) {
    for (waiter, answer) in answers {
        drop(waiter.send(answer));
    }
}

#[cfg(test)]
mod tests;
