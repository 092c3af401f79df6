//! A prepared statement: parsed once, planned for its schemas, run with the parameters bound last.

mod budget;
mod parameters;
mod sizes;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::session::Settings;

pub(crate) use budget::{Budget, Part};
pub(crate) use parameters::{Bounds, ParameterRows, Values, parameter_count, parameter_schema};

/// The age up to which a plan without tables serves an execution: it holds the time of its making.
const PLAN_AGE_MAX: Duration = Duration::from_secs(1);

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct PreparedStatement {
    /// The name of the principal that prepared it, and alone may use it.
    pub(crate) principal: String,
    /// The statement, with numbered parameters.
    pub(crate) statement: Statement,
    /// The parameters bound last.
    bound: Mutex<Option<Arc<ParameterRows>>>,
    first_plan: Mutex<Option<FirstPlan>>,
    /// How many values it takes, once that is known.
    parameters: OnceLock<usize>,
}

#[derive(Debug)]
struct FirstPlan {
    plan: QueryPlan,
    settings: Settings,
    made_at: Instant,
}

impl PreparedStatement {
    pub(crate) fn new(principal: &str, statement: Statement) -> Self {
        let principal = principal.to_owned();
        Self {
            principal,
            statement,
            bound: Mutex::default(),
            first_plan: Mutex::default(),
            parameters: OnceLock::new(),
        }
    }

    /// Says how many values it takes.
    pub(crate) fn set_parameters(&self, count: usize) {
        // It is said once, when the statement is prepared.
        let _ = self.parameters.set(count);
    }

    /// How many values it takes; `None` if that is not known.
    pub(crate) fn parameters(&self) -> Option<usize> {
        self.parameters.get().copied()
    }

    /// Binds parameters in place of those bound before.
    pub(crate) fn bind(&self, rows: ParameterRows) {
        *self.bound.lock() = Some(Arc::new(rows));
    }

    /// The parameters bound last.
    pub(crate) fn bound(&self) -> Option<Arc<ParameterRows>> {
        self.bound.lock().clone()
    }

    /// Keeps the plan that Prepare made, if the first execution may use it. One with tables may not:
    /// each execution reads the snapshots of its own moment.
    pub(crate) fn keep_plan(&self, plan: &QueryPlan, settings: Settings) {
        if plan.snapshots().is_empty() {
            let made_at = Instant::now();
            *self.first_plan.lock() = Some(FirstPlan { plan: plan.clone(), settings, made_at });
        }
    }

    /// The plan that was kept, for the first execution with the same settings soon after; one of
    /// constants for every execution.
    pub(crate) fn take_plan(&self, settings: &Settings) -> Option<QueryPlan> {
        let mut kept = self.first_plan.lock();
        let of_constants = kept.as_ref().filter(|kept| kept.plan.is_constant());
        if let Some(kept) = of_constants.filter(|kept| kept.settings == *settings) {
            return Some(kept.plan.clone());
        }
        let first = kept.take()?;
        (first.settings == *settings && first.made_at.elapsed() < PLAN_AGE_MAX)
            .then_some(first.plan)
    }
}
