//! What stands for obligations: the same for the same ones, in each process and each version of Samite.
//!
//! The SHA-256 of a text of length-prefixed parts, so that no two obligations have the same text. The policies that
//! led to them are no part of it: what is seen depends on the obligations alone.

use sha2::{Digest, Sha256};

use super::{Comparison, Obligations, RowPredicate, Value};

/// What the text begins with; another way of writing it begins otherwise.
const FORM: &str = "samite-obligations-1";

impl Obligations {
    /// What stands for the row filter, the masks and the absent columns: the same for the same ones.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut text = Text(Sha256::new());
        text.part(FORM);
        match &self.row_filter {
            Some(filter) => text.predicate(filter),
            None => text.part("all rows"),
        }
        text.count(self.masks.len());
        for (column, mask) in &self.masks {
            text.part(column);
            text.part(mask.as_str());
        }
        text.count(self.absent.len());
        for column in &self.absent {
            text.part(column);
        }
        text.0.finalize().into()
    }
}

struct Text(Sha256);

impl Text {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    fn part(&mut self, part: &str) {
        self.count(part.len());
        self.0.update(part.as_bytes());
    }

    fn predicate(&mut self, predicate: &RowPredicate) {
        match predicate {
            RowPredicate::Constant(truth) => self.part(if *truth { "true" } else { "false" }),
            RowPredicate::Compare { column, comparison, value } => {
                self.part("compare");
                self.part(column);
                self.part(sign(*comparison));
                self.value(value);
            }
            RowPredicate::In { column, values } => {
                self.part("in");
                self.part(column);
                self.count(values.len());
                values.iter().for_each(|value| self.value(value));
            }
            RowPredicate::IsNull(column) => {
                self.part("is null");
                self.part(column);
            }
            RowPredicate::And(all) => self.list("and", all),
            RowPredicate::Or(all) => self.list("or", all),
            RowPredicate::Not(inner) => {
                self.part("not");
                self.predicate(inner);
            }
        }
    }

    fn list(&mut self, word: &str, all: &[RowPredicate]) {
        self.part(word);
        self.count(all.len());
        all.iter().for_each(|predicate| self.predicate(predicate));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(truth) => self.pair("bool", &truth.to_string()),
            Value::Integer(number) => self.pair("integer", &number.to_string()),
            Value::Decimal(number) => self.pair("decimal", &number.to_string()),
            Value::Text(text) => self.pair("text", text),
            Value::Instant(instant) => {
                let nanos = instant.timestamp_subsec_nanos();
                self.pair("instant", &format!("{}.{nanos}", instant.timestamp()));
            }
        }
    }

    fn pair(&mut self, kind: &str, value: &str) {
        self.part(kind);
        self.part(value);
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::Mask;
    use super::*;

    fn filtered(row_filter: RowPredicate) -> Obligations {
        Obligations { row_filter: Some(row_filter), ..Obligations::default() }
    }

    fn compare(column: &str, value: Value) -> RowPredicate {
        RowPredicate::Compare { column: column.to_owned(), comparison: Comparison::Equal, value }
    }

    #[test]
    fn obligations_that_differ_have_other_fingerprints_and_policies_do_not_count() {
        let text = |text: &str| Value::Text(text.to_owned());
        let is_null = |column: &str| RowPredicate::IsNull(column.to_owned());
        let masked = |column: &str, mask| Obligations {
            masks: BTreeMap::from([(column.to_owned(), mask)]),
            ..Obligations::default()
        };
        let absent = |columns: &[&str]| Obligations {
            absent: columns.iter().map(|column| (*column).to_owned()).collect(),
            ..Obligations::default()
        };
        let all = [
            Obligations::default(),
            filtered(RowPredicate::Constant(true)),
            filtered(RowPredicate::Constant(false)),
            filtered(compare("a", text("1"))),
            filtered(compare("a", Value::Integer(1))),
            filtered(compare("a", Value::Decimal(1))),
            filtered(compare("a1", text(""))),
            filtered(is_null("a")),
            filtered(RowPredicate::Not(Box::new(is_null("a")))),
            filtered(RowPredicate::And(vec![is_null("a"), is_null("b")])),
            filtered(RowPredicate::Or(vec![is_null("a"), is_null("b")])),
            filtered(RowPredicate::And(vec![RowPredicate::And(vec![is_null("a")]), is_null("b")])),
            filtered(RowPredicate::In {
                column: "a".to_owned(),
                values: vec![text("b"), text("c")],
            }),
            filtered(RowPredicate::In { column: "a".to_owned(), values: vec![text("bc")] }),
            masked("a", Mask::Null),
            masked("a", Mask::Alphanum),
            masked("b", Mask::Null),
            absent(&["a"]),
            absent(&["a", "b"]),
            absent(&["ab"]),
        ];
        let fingerprints: BTreeSet<[u8; 32]> = all.iter().map(Obligations::fingerprint).collect();
        assert_eq!(fingerprints.len(), all.len());
        let policies = BTreeSet::from(["global/x".to_owned()]);
        let same = Obligations { policies, ..absent(&["a"]) };
        assert_eq!(same.fingerprint(), absent(&["a"]).fingerprint());
    }

    #[test]
    fn fingerprint_stays_as_it_is() {
        let obligations = Obligations {
            masks: BTreeMap::from([("name".to_owned(), Mask::Alphanum)]),
            absent: BTreeSet::from(["note".to_owned()]),
            ..filtered(compare("country", Value::Text("SE".to_owned())))
        };
        let digits = obligations.fingerprint().map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(digits, "cef979b75ae8cb8f88178e595a20beb24819cfd853a01551146a10028f9268a8");
    }
}
