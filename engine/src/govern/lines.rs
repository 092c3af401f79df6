//! The lines of a document: they tell how much stands above, so that who sees a part of it sees none of them.

use std::sync::Arc;

use crate::product::{Column, Contract, QualityRule, Relationship};

/// Takes the lines out of a contract.
pub(super) fn hide(contract: &mut Contract) {
    for slo in &mut contract.slos {
        slo.line = 0;
    }
    for table in &mut contract.tables {
        let table = Arc::make_mut(table);
        table.line = 0;
        of_rules(&mut table.quality, &mut table.relationships);
        table.columns.iter_mut().for_each(of_column);
    }
}

fn of_column(column: &mut Column) {
    column.line = 0;
    of_rules(&mut column.quality, &mut column.relationships);
    column.children.iter_mut().for_each(of_column);
}

fn of_rules(rules: &mut [QualityRule], relationships: &mut [Relationship]) {
    rules.iter_mut().for_each(|rule| rule.line = 0);
    relationships.iter_mut().for_each(|relationship| relationship.line = 0);
}
