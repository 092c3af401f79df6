//! Agreements between two domains (OAAS, a draft of Bitol): what was approved becomes a permit.
//!
//! ```text
//! consumer.teamId, provider.dataProductId, description.purpose, startTimestamp, endTimestamp
//!     ──▶ permit (principal in Group, action == select, resource in Product) when { .. }
//! ```

use cedar_policy::{Policy, PolicyId};
use chrono::{DateTime, SecondsFormat, Utc};
use samite_engine::product::{DataProduct, Mesh};

use super::file::Rule;
use super::syntax;
use super::vocabulary::product_id;
use crate::documents::{Node, Value, yaml};
use crate::problems::Finding;
use crate::translate::instant;

/// What an agreement permits.
#[derive(Debug)]
pub(super) struct Agreement {
    /// The domain of the product.
    pub(super) domain: String,
    pub(super) rule: Rule,
    /// What it is for, if its consumer is a product.
    pub(super) agreed: Option<Agreed>,
}

/// What one product may read another for, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Domain and name of the provider.
    pub(super) provider: (String, String),
    /// The id of the consumer.
    pub(super) consumer: String,
    pub(super) purpose: String,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Agreed {
    /// True if it is between these products and holds at `now`.
    pub(super) fn holds(
        &self,
        provider: &DataProduct,
        consumer: &DataProduct,
        now: DateTime<Utc>,
    ) -> bool {
        (self.provider.0 == provider.domain && self.provider.1 == provider.name)
            && self.consumer == consumer.id
            && self.start <= now
            && now < self.end
    }
}

/// Reads an agreement; none if it is wrong, or permits nothing.
pub(super) fn read(bytes: &[u8], mesh: &Mesh) -> (Option<Agreement>, Vec<Finding>) {
    let root = match yaml::parse(bytes) {
        Ok(root) => root,
        Err(error) => {
            let finding = Finding::error(1, "", error.message).with_hint(error.hint);
            return (None, vec![Finding { line: error.line, ..finding }]);
        }
    };
    let mut reader = Reader { root: &root, findings: Vec::new() };
    let agreement = reader.agreement(mesh);
    let is_good = !reader.findings.iter().any(Finding::is_error);
    (agreement.filter(|_| is_good), reader.findings)
}

struct Reader<'a> {
    root: &'a Node,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn agreement(&mut self, mesh: &Mesh) -> Option<Agreement> {
        self.is("kind", "AccessAgreement");
        let id = self.text("id");
        let status = self.text("status");
        let start = self.instant("startTimestamp");
        let end = self.instant("endTimestamp");
        let purpose = self.text("description.purpose");
        let group = self.text("consumer.teamId");
        let product = self.text("provider.dataProductId");
        if status != Some("approved") {
            // What is not approved is no mistake.
            return None;
        }
        let (id, start, end) = (id?, start?, end?);
        let (purpose, group, wanted) = (purpose?, group?, product?);
        let Some(product) = mesh.products().find(|product| product.id == wanted) else {
            let message = format!("there is no product with the id \"{wanted}\"");
            self.error("provider.dataProductId", message, "the agreement permits nothing");
            return None;
        };
        let consumer = self.node("consumer.dataProductId").and_then(Node::text);
        let agreed = consumer.map(|consumer| Agreed {
            provider: (product.domain.clone(), product.name.clone()),
            consumer: consumer.to_owned(),
            purpose: purpose.to_owned(),
            start,
            end,
        });
        let thing = product_id(&product.domain, &product.name);
        let id = format!("agreement/{id}");
        let text = format!(
            "permit (principal in Mesh::Group::{group:?}, action == Mesh::Action::\"select\", \
             resource in Mesh::Product::{thing:?}) when {{ context.purpose == {purpose:?} && \
             context.now >= datetime(\"{}\") && context.now < datetime(\"{}\") }};",
            cedar_time(start),
            cedar_time(end),
        );
        let policy = Policy::parse(Some(PolicyId::new(&id)), text);
        let policy = policy.map_err(|error| error.to_string());
        let made = policy.and_then(|policy| {
            let tree = policy.to_pst().map_err(|error| error.to_string())?;
            let syntax = syntax::read(tree.body())?;
            let period = Some([start.timestamp_millis(), end.timestamp_millis()]);
            Ok(Rule { id, policy, syntax, mask: None, source: None, period })
        });
        match made {
            Ok(rule) => Some(Agreement { domain: product.domain.clone(), rule, agreed }),
            Err(why) => {
                let message = format!("the agreement cannot become a policy: {why}");
                self.error("id", message, "check its id, purpose and team");
                None
            }
        }
    }

    fn is(&mut self, path: &str, expected: &str) {
        if let Some(found) = self.text(path).filter(|found| *found != expected) {
            let message = format!("it is {found:?}");
            self.error(path, message, format!("expected {expected}"));
        }
    }

    fn node(&self, path: &str) -> Option<&'a Node> {
        path.split('.').try_fold(self.root, |node, key| node.get(key))
    }

    fn text(&mut self, path: &str) -> Option<&'a str> {
        let text = self.node(path).and_then(Node::text).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            let found = self.node(path).filter(|node| !matches!(node.value, Value::Null));
            let message = match found {
                Some(node) => format!("it is no text: found {}", node.describe()),
                None => "it is missing".to_owned(),
            };
            self.error(path, message, "the agreement permits nothing without it");
        }
        text
    }

    fn instant(&mut self, path: &str) -> Option<DateTime<Utc>> {
        let text = self.text(path)?;
        let instant = instant(text);
        if instant.is_none() {
            let hint = "expected a quoted instant, for instance \"2027-03-31T00:00:00Z\"";
            self.error(path, format!("\"{text}\" is no date"), hint);
        }
        instant
    }

    fn error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let line = self.node(path).map_or(1, |node| node.line);
        self.findings.push(Finding::error(line, path, message).with_hint(hint));
    }
}

/// An instant as Cedar reads it.
pub(super) fn cedar_time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
