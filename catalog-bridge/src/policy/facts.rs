//! What policies may ask for: who asks, and what the table and its columns are, as entities.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::pst::SmolStr;
use cedar_policy::{
    Context, Entities, Entity, EntityUid, PartialEntity, RestrictedExpression, Schema,
};
use samite_engine::authorizer::AccessRequest;
use samite_engine::product::{Column, Status};

use super::agreement::cedar_time;
use super::vocabulary::{Vocabulary, domain_id, entity, product_id, table_id};

/// What stands for a word that nobody said.
const UNSPECIFIED: &str = "unspecified";

/// What no contract classifies.
const UNCLASSIFIED: &str = "unclassified";

/// Why something cannot be decided; for the log, and never for the principal.
pub(super) type Undecided = String;

/// One thing, with what is known of it.
#[derive(Debug, Clone)]
struct Thing {
    uid: EntityUid,
    attributes: Vec<(&'static str, RestrictedExpression)>,
    /// All that it lies in.
    ancestors: Vec<EntityUid>,
}

/// What is known before one looks at rows and columns.
#[derive(Debug)]
pub(super) struct Facts {
    things: Vec<Thing>,
    pub(super) principal: EntityUid,
    pub(super) table: EntityUid,
    /// The id of the table.
    pub(super) table_id: String,
    /// The domain and the product of the table.
    above: [EntityUid; 2],
    /// What rows and columns lie in: type and id.
    places: [(&'static str, String); 3],
    pub(super) context: Context,
}

/// What policies may know of a column. Columns that are alike here are decided alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ColumnFacts {
    classification: String,
    is_critical: bool,
    semantic: Option<String>,
}

impl ColumnFacts {
    /// Those of a column that no contract names.
    pub(super) fn unknown() -> Self {
        Self { classification: UNCLASSIFIED.to_owned(), is_critical: false, semantic: None }
    }

    /// Those of a column, and those of all that is inside it and has its own.
    pub(super) fn of(column: &Column) -> Vec<Self> {
        let classification = column.classification.as_deref().unwrap_or(UNCLASSIFIED).to_owned();
        let mut all = vec![Self {
            classification,
            is_critical: column.is_critical,
            semantic: column.semantic_definition.clone(),
        }];
        let mut open: Vec<&Column> = column.children.iter().collect();
        while let Some(child) = open.pop() {
            open.extend(&child.children);
            let has_own = child.classification.is_some()
                || child.is_critical
                || child.semantic_definition.is_some();
            if has_own {
                let inherited = column.classification.as_deref().unwrap_or(UNCLASSIFIED);
                all.push(Self {
                    classification: child.classification.as_deref().unwrap_or(inherited).to_owned(),
                    is_critical: child.is_critical,
                    semantic: child.semantic_definition.clone(),
                });
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

impl Facts {
    pub(super) fn new(words: &Vocabulary, request: &AccessRequest<'_>) -> Result<Self, Undecided> {
        let (who, product, port) = (request.principal, request.product, request.port);
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let clearance = who.attributes.get("clearance").and_then(|text| text.parse().ok());
        let mut attributes = vec![
            ("kind", text(&who.kind)),
            ("clearance", RestrictedExpression::new_long(clearance.unwrap_or(0))),
        ];
        for name in ["domain", "country"] {
            attributes.extend(who.attributes.get(name).map(|value| (name, text(value))));
        }
        let groups: Vec<EntityUid> =
            who.groups.iter().map(|group| entity(&words.group, group)).collect();
        let principal = entity(&words.user, &who.name);
        let id = table_id(product, port, request.table);
        let table = entity(&words.table, &id);
        let in_domain = entity(&words.domain, &domain_id(&product.domain));
        let in_product = entity(&words.product, &product_id(&product.domain, &product.name));
        let status = match &port.contract.status {
            Status::Active if port.is_deprecated => Status::Deprecated,
            status => status.clone(),
        };
        let archetype = product.archetype.as_deref().unwrap_or(UNSPECIFIED);
        let mut things = vec![
            Thing { uid: principal.clone(), attributes, ancestors: groups.clone() },
            Thing { uid: in_domain.clone(), attributes: Vec::new(), ancestors: Vec::new() },
            Thing {
                uid: in_product.clone(),
                attributes: vec![
                    ("archetype", text(archetype)),
                    ("status", text(&product.status.to_string())),
                ],
                ancestors: vec![in_domain.clone()],
            },
            Thing {
                uid: table.clone(),
                attributes: vec![("status", text(&status.to_string()))],
                ancestors: vec![in_domain.clone(), in_product.clone()],
            },
        ];
        let group = |uid| Thing { uid, attributes: Vec::new(), ancestors: Vec::new() };
        things.extend(groups.into_iter().map(group));
        let context = Context::from_pairs([
            ("purpose".to_owned(), text(request.purpose.unwrap_or(UNSPECIFIED))),
            ("now".to_owned(), RestrictedExpression::new_datetime(cedar_time(request.now))),
            ("channel".to_owned(), text(request.channel)),
        ]);
        let context = context.map_err(|error| error.to_string())?;
        let places = [
            ("Domain", domain_id(&product.domain)),
            ("Product", product_id(&product.domain, &product.name)),
            ("Table", id.clone()),
        ];
        let above = [in_domain, in_product];
        Ok(Self { things, principal, table, table_id: id, above, places, context })
    }

    /// True if the rows of the table lie in this.
    pub(super) fn lies_in(&self, kind: &str, id: &str) -> bool {
        self.places.iter().any(|(known, place)| *known == kind && place == id)
    }

    /// What a column and a row lie in.
    fn ancestors_inside(&self) -> Vec<EntityUid> {
        let [domain, product] = self.above.clone();
        vec![domain, product, self.table.clone()]
    }

    /// The entities for a decision on the table.
    pub(super) fn entities(&self) -> Result<Entities, Undecided> {
        let made: Result<Vec<Entity>, Undecided> = self.things.iter().map(Thing::entity).collect();
        Entities::from_entities(made?, None).map_err(|error| error.to_string())
    }

    /// The entities for a decision on a column.
    pub(super) fn entities_with(
        &self,
        column: &EntityUid,
        facts: &ColumnFacts,
    ) -> Result<Entities, Undecided> {
        let column = self.column(column, facts);
        let things = self.things.iter().chain([&column]);
        let made: Result<Vec<Entity>, Undecided> = things.map(Thing::entity).collect();
        Entities::from_entities(made?, None).map_err(|error| error.to_string())
    }

    fn column(&self, column: &EntityUid, facts: &ColumnFacts) -> Thing {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let mut attributes = vec![
            ("classification", text(&facts.classification)),
            ("critical", RestrictedExpression::new_bool(facts.is_critical)),
        ];
        attributes.extend(facts.semantic.as_deref().map(|url| ("semantic", text(url))));
        Thing { uid: column.clone(), attributes, ancestors: self.ancestors_inside() }
    }

    /// What is known for a question about a column of which nobody is known who asks it.
    pub(super) fn partial_entities_with(
        &self,
        column: &EntityUid,
        facts: &ColumnFacts,
        schema: &Schema,
    ) -> Result<Vec<PartialEntity>, Undecided> {
        let column = self.column(column, facts);
        self.things.iter().chain([&column]).map(|thing| thing.partial(schema)).collect()
    }

    /// The entities for a decision on rows, of which nothing is known but where they lie.
    pub(super) fn partial_entities(
        &self,
        row: &EntityUid,
        schema: &Schema,
    ) -> Result<Vec<PartialEntity>, Undecided> {
        let known = self.things.iter().map(|thing| thing.partial(schema));
        let mut made = known.collect::<Result<Vec<_>, _>>()?;
        let ancestors: HashSet<EntityUid> = self.ancestors_inside().into_iter().collect();
        let row = PartialEntity::new(row.clone(), None, Some(ancestors), None, schema);
        made.push(row.map_err(|error| error.to_string())?);
        Ok(made)
    }
}

impl Thing {
    fn entity(&self) -> Result<Entity, Undecided> {
        let attributes: HashMap<String, RestrictedExpression> = self
            .attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let ancestors = self.ancestors.iter().cloned().collect();
        Entity::new(self.uid.clone(), attributes, ancestors).map_err(|error| error.to_string())
    }

    fn partial(&self, schema: &Schema) -> Result<PartialEntity, Undecided> {
        let attributes: BTreeMap<SmolStr, RestrictedExpression> =
            self.attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let ancestors = self.ancestors.iter().cloned().collect();
        PartialEntity::new(self.uid.clone(), Some(attributes), Some(ancestors), None, schema)
            .map_err(|error| error.to_string())
    }
}
