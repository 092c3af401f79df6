//! The policies of one layer, sorted by what they decide on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{PolicySet, PolicySetError};
use samite_engine::authorizer::Mask;

use super::file::Rule;
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
    /// True if a decision may be another one at another time.
    pub(super) depends_on_time: bool,
}

impl Layer {
    pub(super) fn new(rules: &[Arc<Rule>]) -> Result<Self, Box<PolicySetError>> {
        let mut layer = Self::default();
        for verb in Verb::ALL {
            let about = rules.iter().filter(|rule| rule.syntax.verbs.contains(&verb));
            let policies = about.map(|rule| rule.policy.clone());
            layer.sets.push(PolicySet::from_policies(policies).map_err(Box::new)?);
        }
        // The word in a text or in another word is taken for it, too: that costs time, and nothing else.
        layer.depends_on_time = rules.iter().any(|rule| rule.policy.to_string().contains("now"));
        for rule in rules {
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
        Ok(layer)
    }

    /// The policies about an action.
    pub(super) fn about(&self, verb: Verb) -> Option<&PolicySet> {
        self.sets.get(verb.index())
    }
}
