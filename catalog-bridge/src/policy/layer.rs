//! The policies of one layer, sorted by what they decide on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{PolicySet, PolicySetError};
use chrono::{DateTime, Utc};
use samite_engine::authorizer::Mask;

use super::file::Rule;
use super::source::Source;
use super::vocabulary::Verb;

/// The policies of the mesh, or those of one domain with its agreements.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// The policies about each action, in the order of [`Verb::ALL`].
    sets: Vec<PolicySet>,
    /// The policies about rows.
    pub(super) row_rules: Vec<Arc<Rule>>,
    /// The mask that each policy offers.
    pub(super) masks: BTreeMap<String, Mask>,
    /// The columns that policies name, by id.
    pub(super) columns: BTreeSet<String>,
    /// The types of rows that policies name.
    pub(super) row_types: BTreeSet<String>,
    /// The files that the policies stand in.
    pub(super) sources: Vec<Arc<Source>>,
    /// What stands for the file of each policy, by the policy's id.
    pub(super) versions: Arc<BTreeMap<String, Arc<str>>>,
    times: Times,
}

/// When a decision may become another one.
#[derive(Debug)]
enum Times {
    /// At these instants alone, in ms; never if there are none.
    At(BTreeSet<i64>),
    /// At any time.
    Always,
}

impl Default for Times {
    fn default() -> Self {
        Self::At(BTreeSet::new())
    }
}

impl Layer {
    pub(super) fn new(rules: &[Arc<Rule>]) -> Result<Self, Box<PolicySetError>> {
        let mut layer = Self::default();
        for verb in Verb::ALL {
            let about = rules.iter().filter(|rule| rule.syntax.verbs.contains(&verb));
            let policies = about.map(|rule| rule.policy.clone());
            layer.sets.push(PolicySet::from_policies(policies).map_err(Box::new)?);
        }
        let mut versions = BTreeMap::new();
        for rule in rules {
            layer.times.add(rule);
            if let Some(source) = &rule.source {
                versions.insert(rule.id.clone(), Arc::clone(&source.version));
                if !layer.sources.contains(source) {
                    layer.sources.push(Arc::clone(source));
                }
            }
            if rule.syntax.verbs.contains(&Verb::ReadRow) {
                layer.row_rules.push(Arc::clone(rule));
            }
            if let Some(mask) = rule.mask {
                layer.masks.insert(rule.id.clone(), mask);
            }
            let columns = rule.syntax.things.iter().filter(|(kind, _)| kind == "Column");
            layer.columns.extend(columns.map(|(_, id)| id.clone()));
            let kinds = rule.syntax.kinds.iter().filter(|kind| super::syntax::is_row_type(kind));
            layer.row_types.extend(kinds.cloned());
        }
        layer.versions = Arc::new(versions);
        Ok(layer)
    }

    /// A number that is the same for all instants at which the layer decides alike; `None` if nobody knows which.
    pub(super) fn moment(&self, now: DateTime<Utc>) -> Option<usize> {
        match &self.times {
            Times::At(instants) => Some(instants.range(..=now.timestamp_millis()).count()),
            Times::Always => None,
        }
    }

    /// True if it decides alike at all times.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(&self.times, Times::At(instants) if instants.is_empty())
    }

    /// The policies about an action.
    pub(super) fn about(&self, verb: Verb) -> Option<&PolicySet> {
        self.sets.get(verb.index())
    }
}

impl Times {
    fn add(&mut self, rule: &Rule) {
        match (&mut *self, rule.period) {
            (Self::Always, _) => {}
            (Self::At(instants), Some(period)) => instants.extend(period),
            // The word in a text or in another word is taken for it, too: that costs time, and nothing else.
            (Self::At(_), None) if rule.policy.to_string().contains("now") => *self = Self::Always,
            (Self::At(_), None) => {}
        }
    }
}
