//! The settings that every query is planned and run with.
//!
//! DataFusion's defaults, but for what is listed here: some of its defaults give wrong results, some
//! serve a single user's shell better than a server.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::config::{ConfigOptions, SpillCompression};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::ScalarUDF;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::SessionConfig;

use super::bounded::bound_functions;
use super::exact_numbers::ExactNumbers;
use super::filter_pushdown;
use crate::config::EngineConfig;
use crate::error::Result;
use crate::mesh_catalog::postgres::{Expanded, only_value};
use crate::resolve::functions;
use crate::session::Settings;

/// Bytes below which one side of a join is held whole by every partition: one plain dynamic filter
/// is worth more than the parallel build.
const SMALL_JOIN_SIDE_BYTES: usize = 16 << 20;

/// Rows below which the same holds.
const SMALL_JOIN_SIDE_ROWS: usize = 1_000_000;

/// Tables of one query that are planned at the same time: each may wait for metadata of its own.
const PLANNING_AT_ONCE: usize = 32;

/// The longest that a query takes: what the session says, and not more than the server does.
pub(super) fn timeout(config: &EngineConfig, settings: &Settings) -> Duration {
    match settings.get("statement_timeout").and_then(|text| text.parse().ok()) {
        None | Some(0) => config.query_timeout,
        Some(seconds) => config.query_timeout.min(Duration::from_secs(seconds)),
    }
}

/// The state that the state of each query is made from.
///
/// # Errors
///
/// When DataFusion does not take a function of ours.
pub(crate) fn base_state(config: &EngineConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    let mut session = SessionConfig::new()
        .with_target_partitions(partitions(config))
        .with_batch_size(config.batch_rows)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    adjust(session.options_mut());
    // Before the rule that makes the two sides of a comparison one type.
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(ExactNumbers)];
    rules.extend(Analyzer::new().rules);
    let mut state = SessionStateBuilder::new()
        .with_config(session)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_analyzer_rules(rules)
        .with_physical_optimizer_rules(filter_pushdown::rules())
        .build();
    functions::register(&mut state)?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Expanded::default())))?;
    state.register_udaf(Arc::new(only_value()))?;
    bound_functions(&mut state)?;
    Ok(state)
}

fn partitions(config: &EngineConfig) -> usize {
    match config.target_partitions {
        0 => available_parallelism().map_or(1, std::num::NonZero::get),
        partitions => partitions,
    }
}

fn adjust(options: &mut ConfigOptions) {
    let execution = &mut options.execution;
    execution.time_zone = Some("UTC".to_owned());
    execution.spill_compression = SpillCompression::Lz4Frame;
    execution.use_row_number_estimates_to_optimize_partitioning = true;
    execution.planning_concurrency = PLANNING_AT_ONCE;
    // Joins push lists of up to 150 values; lists above this limit are ignored for pruning.
    execution.parquet.max_in_list_size = 256;
    // Each scan chooses for itself.
    execution.parquet.pushdown_filters = false;
    execution.parquet.reorder_filters = false;
    let optimizer = &mut options.optimizer;
    optimizer.hash_join_single_partition_threshold = SMALL_JOIN_SIDE_BYTES;
    optimizer.hash_join_single_partition_threshold_rows = SMALL_JOIN_SIDE_ROWS;
    optimizer.enable_join_dynamic_filter_pushdown = true;
    optimizer.enable_topk_dynamic_filter_pushdown = true;
    // This one prunes rows that count (apache/datafusion#25147), so that it is set last: setting
    // another dynamic filter option by name can turn it on again.
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
}

/// The state for the plans of queries that read nothing. They need no rule but the one that makes some
/// functions what they are, such as `now()`: rules take longer than all the rest of such a query.
#[must_use]
pub(crate) fn constant_state(base: &SessionState) -> SessionState {
    let mut state = SessionStateBuilder::new_from_existing(base.clone())
        .with_optimizer_rules(vec![Arc::new(SimplifyExpressions::new())])
        .with_physical_optimizer_rules(Vec::new())
        .build();
    // The builder copies the options.
    *state.config_mut() = base.config().clone();
    state
}

/// The state of one query: what the session has set, and its own time of execution.
#[must_use]
pub(crate) fn query_state(
    base: &SessionState,
    settings: &Settings,
    now: DateTime<Utc>,
) -> SessionState {
    let mut state = base.clone();
    if let Some(zone) = settings.get("timezone") {
        state.config_mut().options_mut().execution.time_zone = Some(zone.to_owned());
    }
    state.mark_start_execution();
    state.execution_props_mut().query_execution_start_time = Some(now);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_defaults_are_off() {
        let state =
            base_state(&EngineConfig::default(), Arc::default()).expect("the state is made");
        let options = state.config_options();
        assert!(!options.optimizer.enable_aggregate_dynamic_filter_pushdown);
        assert!(options.optimizer.enable_join_dynamic_filter_pushdown);
        assert_eq!(options.optimizer.preserve_file_partitions, 0);
        assert_eq!(options.execution.hash_join_buffering_capacity, 0);
    }

    /// What tells `physical::plan` that it needs no copy.
    #[test]
    fn options_are_shared_until_a_session_sets_its_own() {
        let base = base_state(&EngineConfig::default(), Arc::default()).expect("the state is made");
        let constant = constant_state(&base);
        let is_shared = |settings: &Settings| {
            let state = query_state(&base, settings, Utc::now());
            Arc::ptr_eq(state.config().options(), constant.config().options())
        };
        let mut settings = Settings::default();
        assert!(is_shared(&settings));
        settings.set("timezone", "Europe/Berlin").expect("it is a time zone");
        assert!(!is_shared(&settings));
    }
}
