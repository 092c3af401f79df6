//! What must be done to a table before somebody sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Mask, PolicyTexts, RowPredicate};

/// What must be done to a table before the principal sees it. Columns go by their names in SQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Obligations {
    /// The rows that may be seen; `None` for all.
    pub row_filter: Option<RowPredicate>,
    /// The masked columns.
    pub masks: BTreeMap<String, Mask>,
    /// The columns that do not exist for this principal.
    pub absent: BTreeSet<String>,
    /// The ids of the policies that led here.
    pub policies: BTreeSet<String>,
    /// The texts of those that were asked; `None` where they are not known.
    pub texts: Option<Arc<PolicyTexts>>,
    /// True if the same policies would decide the same at any other time.
    pub is_lasting: bool,
}

impl Obligations {
    /// True if nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_filter.is_none() && self.masks.is_empty() && self.absent.is_empty()
    }

    /// What two sources demand together: a row that both show, the stronger mask, the columns that neither hides.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.row_filter = match (self.row_filter, other.row_filter) {
            (Some(one), Some(another)) => Some(RowPredicate::And(vec![one, another])),
            (one, another) => one.or(another),
        };
        for (column, mask) in other.masks {
            let known = self.masks.entry(column).or_insert(mask);
            *known = mask.max(*known);
        }
        self.absent.extend(other.absent);
        self.masks.retain(|column, _| !self.absent.contains(column));
        self.policies.extend(other.policies);
        self.texts = self.texts.or(other.texts);
        self.is_lasting &= other.is_lasting;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_sources_the_stricter_counts() {
        let masks = |pairs: &[(&str, Mask)]| {
            pairs.iter().map(|(column, mask)| ((*column).to_owned(), *mask)).collect()
        };
        let mesh = Obligations {
            row_filter: Some(RowPredicate::IsNull("a".to_owned())),
            masks: masks(&[("a", Mask::Alphanum), ("b", Mask::Null), ("c", Mask::Alphanum)]),
            absent: BTreeSet::from(["x".to_owned()]),
            policies: BTreeSet::from(["mesh/one".to_owned()]),
            ..Obligations::default()
        };
        let catalog = Obligations {
            row_filter: Some(RowPredicate::Constant(false)),
            masks: masks(&[("a", Mask::Sha256Global), ("b", Mask::FixedValue), ("x", Mask::Null)]),
            absent: BTreeSet::from(["c".to_owned()]),
            policies: BTreeSet::from(["catalog".to_owned()]),
            ..Obligations::default()
        };
        let both = mesh.and(catalog);
        let filters = vec![RowPredicate::IsNull("a".to_owned()), RowPredicate::Constant(false)];
        assert_eq!(both.row_filter, Some(RowPredicate::And(filters)));
        assert_eq!(both.masks, masks(&[("a", Mask::Sha256Global), ("b", Mask::Null)]));
        assert_eq!(both.absent, BTreeSet::from(["c".to_owned(), "x".to_owned()]));
        assert_eq!(both.policies.len(), 2);
    }
}
