//! Decides by the policies that are loaded: those of the mesh, and those of the table's own domain.
//!
//! The two layers are asked one after the other and put together as Cedar would: a forbid of either
//! beats every permit. So the policies of the mesh are there once, however many domains there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use cedar_policy::pst::EntityUID;
use cedar_policy::{
    Authorizer as Cedar, Decision as Ruling, Effect, Entities, EntityUid, PartialEntities,
    PartialEntityUid, PartialRequest, Policy, PolicySet, Request, Schema,
};
use chrono::{DateTime, Utc};
use samite_engine::Result;
use samite_engine::authorizer::{
    AccessRequest, Action, Authorizer, Decision, Forbids, Mask, Obligations, PolicyTexts,
    RowPredicate,
};
use samite_engine::product::DataProduct;

use super::agreement::Agreed;
use super::facts::{ColumnFacts, Facts, Undecided};
use super::file::Rule;
use super::kept::{Answer, KeptDecisions, Question};
use super::layer::Layer;
use super::residual::{Condition, Translator, and, not, or};
use super::schema::{RowType, schema};
use super::source::texts;
use super::vocabulary::{Verb, Vocabulary, column_id, entity};

/// The policies of a mesh, at one moment.
#[derive(Debug)]
pub struct Policies(State);

#[derive(Debug)]
enum State {
    /// There are no policies: everything is permitted.
    Open,
    /// What there is cannot be used: nothing is permitted.
    Closed,
    Governed(Governed),
}

#[derive(Debug)]
struct Governed {
    words: Arc<Vocabulary>,
    mesh: Arc<Layer>,
    domains: BTreeMap<String, DomainPolicies>,
    /// What products may read others for, by their agreements.
    agreed: Vec<Agreed>,
    kept: KeptDecisions,
}

/// What decides on the tables of one domain.
#[derive(Debug)]
pub(super) struct DomainPolicies {
    /// `None` if nothing is permitted.
    layer: Option<Arc<Layer>>,
    row_types: BTreeMap<String, Arc<RowType>>,
    /// Made when it is first needed.
    schema: OnceLock<Option<Schema>>,
    /// The same.
    texts: OnceLock<Arc<PolicyTexts>>,
}

impl DomainPolicies {
    pub(super) fn new(
        layer: Option<Arc<Layer>>,
        row_types: BTreeMap<String, Arc<RowType>>,
    ) -> Self {
        Self { layer, row_types, schema: OnceLock::new(), texts: OnceLock::new() }
    }
}

impl Policies {
    /// No policies: everything is permitted to everybody.
    #[must_use]
    pub fn open() -> Self {
        Self(State::Open)
    }

    /// Policies that permit nothing.
    pub(crate) fn closed() -> Self {
        Self(State::Closed)
    }

    /// What the product `consumer` may read tables of `provider` for, by the agreements that hold at `now`.
    pub(crate) fn agreed_purposes(
        &self,
        provider: &DataProduct,
        consumer: &DataProduct,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        let State::Governed(governed) = &self.0 else { return Vec::new() };
        let held = governed.agreed.iter().filter(|one| one.holds(provider, consumer, now));
        held.map(|one| one.purpose.clone()).collect()
    }

    /// `mesh` is `None` if its policies cannot be used.
    pub(super) fn governed(
        words: Arc<Vocabulary>,
        mesh: Option<Arc<Layer>>,
        (domains, agreed): (BTreeMap<String, DomainPolicies>, Vec<Agreed>),
    ) -> Self {
        match mesh {
            Some(mesh) => Self(State::Governed(Governed {
                words,
                mesh,
                domains,
                agreed,
                kept: KeptDecisions::default(),
            })),
            None => Self::closed(),
        }
    }

    /// Everything that is to be asked about one table; `None` if nothing is permitted.
    fn asking<'a>(&'a self, request: &AccessRequest<'a>) -> Option<Asking<'a>> {
        let State::Governed(governed) = &self.0 else { return None };
        let domain = governed.domains.get(&request.product.domain)?;
        let own = domain.layer.as_deref()?;
        let facts =
            Facts::new(&governed.words, request).and_then(|facts| Ok((facts.entities()?, facts)));
        match facts {
            Ok((entities, facts)) => Some(Asking {
                words: &governed.words,
                layers: [&governed.mesh, own],
                domain,
                entities,
                facts,
            }),
            Err(why) => {
                undecided(request, &why);
                None
            }
        }
    }

    /// The answer to a question about one table: the one that was given before, where it cannot be another by now.
    fn answer(
        &self,
        request: &AccessRequest<'_>,
        question: Question,
        decide: impl FnOnce(&Asking<'_>) -> Result<Answer, Undecided>,
    ) -> Result<Option<Answer>, Undecided> {
        let State::Governed(governed) = &self.0 else { return Ok(None) };
        let decide = || {
            let Some(asking) = self.asking(request) else { return Err(None) };
            decide(&asking).map_err(Some)
        };
        let own = governed.domains.get(&request.product.domain);
        let own = own.and_then(|domain| domain.layer.as_deref());
        let moments =
            governed.mesh.moment(request.now).zip(own.and_then(|it| it.moment(request.now)));
        let answer = match moments {
            None => decide(),
            Some((mesh, own)) => governed.kept.answer(request, (question, [mesh, own]), decide),
        };
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(None) => Ok(None),
            Err(Some(why)) => Err(why),
        }
    }

    fn decided(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Decision {
        let question = Question::Read(columns.iter().map(|column| (*column).to_owned()).collect());
        let answer = self
            .answer(request, question, |asking| Ok(Answer::Read(asking.decide(request, columns)?)));
        match answer {
            Ok(Some(Answer::Read(decision))) => decision,
            Ok(_) => Decision::Deny,
            Err(why) => {
                undecided(request, &why);
                Decision::Deny
            }
        }
    }
}

/// Tells the log why there is no decision, which is a denial.
fn undecided(request: &AccessRequest<'_>, why: &str) {
    let product = request.product;
    tracing::warn!(
        domain = %product.domain,
        product = %product.name,
        table = %request.table.name,
        why,
        "a policy cannot be evaluated; the table is denied"
    );
}

#[async_trait]
impl Authorizer for Policies {
    fn is_open(&self) -> bool {
        matches!(self.0, State::Open)
    }

    fn allows(&self, action: Action, request: &AccessRequest<'_>) -> bool {
        if self.is_open() {
            return true;
        }
        let ask = |asking: &Asking<'_>| {
            Ok(Answer::May(asking.about_table(Verb::from(action))?.is_some()))
        };
        // Asked for every table of a listing, which is kept as a whole: what fails is told when the table is read.
        let answer = match action {
            Action::Discover | Action::Describe | Action::Profile => {
                self.asking(request).map(|asking| ask(&asking)).transpose()
            }
            Action::Select | Action::SelectDraft | Action::Explain | Action::Administer => {
                self.answer(request, Question::May(action), ask)
            }
        };
        matches!(answer, Ok(Some(Answer::May(true))))
    }

    fn absent(&self, request: &AccessRequest<'_>) -> BTreeSet<String> {
        if self.is_open() {
            return BTreeSet::new();
        }
        let columns: Vec<&str> =
            request.table.columns.iter().map(|column| column.name.as_str()).collect();
        let mut obligations = Obligations::default();
        let asked = self
            .asking(request)
            .map(|asking| asking.columns(request, &columns, &mut obligations).is_ok());
        match asked {
            Some(true) => obligations.absent,
            // What cannot be decided is not shown.
            Some(false) | None => columns.into_iter().map(str::to_owned).collect(),
        }
    }

    fn forbids(&self, request: &AccessRequest<'_>) -> Forbids {
        let Some(asking) = self.asking(request) else { return Forbids::default() };
        let policies = asking.forbids(Verb::Select).unwrap_or_default();
        Forbids { policies, texts: Some(asking.texts()) }
    }

    async fn decide(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Result<Decision> {
        if self.is_open() {
            return Ok(Decision::Permit(Obligations::default()));
        }
        Ok(self.decided(request, columns))
    }
}

fn told(error: impl ToString) -> Undecided {
    error.to_string()
}

/// One principal and one table.
struct Asking<'a> {
    words: &'a Vocabulary,
    layers: [&'a Layer; 2],
    domain: &'a DomainPolicies,
    entities: Entities,
    facts: Facts,
}

/// How a column may be seen; the stricter, the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Raw,
    Masked(Mask),
    Absent,
}

impl Asking<'_> {
    fn decide(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Result<Decision, Undecided> {
        let Some(policies) = self.about_table(Verb::Select)? else { return Ok(Decision::Deny) };
        let is_lasting = self.layers.iter().all(|layer| layer.is_lasting());
        let texts = Some(self.texts());
        let mut obligations = Obligations { policies, texts, is_lasting, ..Obligations::default() };
        self.columns(request, columns, &mut obligations)?;
        obligations.row_filter = self.rows(request, columns, &mut obligations.policies)?;
        Ok(Decision::Permit(obligations))
    }

    /// The texts of the policies that decide on the table.
    fn texts(&self) -> Arc<PolicyTexts> {
        Arc::clone(self.domain.texts.get_or_init(|| Arc::new(texts(self.layers))))
    }

    /// The policies that permit something with the table; `None` if it is denied.
    fn about_table(&self, verb: Verb) -> Result<Option<BTreeSet<String>>, Undecided> {
        self.ask(verb, &self.facts.table, &self.entities)
    }

    /// The policies that permit it; `None` if it is denied. A policy that cannot be evaluated would
    /// be skipped by Cedar, which opens what a forbid should close.
    fn ask(
        &self,
        verb: Verb,
        resource: &EntityUid,
        entities: &Entities,
    ) -> Result<Option<BTreeSet<String>>, Undecided> {
        let request = self.request(verb, resource)?;
        let mut permits = BTreeSet::new();
        let mut is_forbidden = false;
        for policies in self.layers.iter().filter_map(|layer| layer.about(verb)) {
            if policies.is_empty() {
                continue;
            }
            let response = Cedar::new().is_authorized(&request, policies, entities);
            if let Some(error) = response.diagnostics().errors().next() {
                return Err(error.to_string());
            }
            let mut reasons = response.diagnostics().reason().map(ToString::to_string).peekable();
            match response.decision() {
                Ruling::Allow => permits.extend(reasons),
                Ruling::Deny => is_forbidden |= reasons.peek().is_some(),
            }
        }
        Ok((!is_forbidden && !permits.is_empty()).then_some(permits))
    }

    /// The policies that forbid it.
    fn forbids(&self, verb: Verb) -> Result<BTreeSet<String>, Undecided> {
        let mut forbids = BTreeSet::new();
        for policies in self.layers.iter().filter_map(|layer| layer.about(verb)) {
            let request = self.request(verb, &self.facts.table)?;
            let response = Cedar::new().is_authorized(&request, policies, &self.entities);
            if response.decision() == Ruling::Deny {
                forbids.extend(response.diagnostics().reason().map(ToString::to_string));
            }
        }
        Ok(forbids)
    }

    fn request(&self, verb: Verb, resource: &EntityUid) -> Result<Request, Undecided> {
        let (who, context) = (self.facts.principal.clone(), self.facts.context.clone());
        let action = self.words.action(verb);
        Request::new(who, action, resource.clone(), context, None).map_err(told)
    }

    fn columns(
        &self,
        request: &AccessRequest<'_>,
        columns: &[&str],
        obligations: &mut Obligations,
    ) -> Result<(), Undecided> {
        let promised: BTreeMap<&str, Vec<ColumnFacts>> = request
            .table
            .columns
            .iter()
            .map(|column| (column.name.as_str(), ColumnFacts::of(column)))
            .collect();
        let mut seen: BTreeMap<ColumnFacts, Sight> = BTreeMap::new();
        for column in columns {
            let id = column_id(&self.facts.table_id, column);
            let is_named = self.layers.iter().any(|layer| layer.columns.contains(&id));
            let unknown = [ColumnFacts::unknown()];
            let all = promised.get(column).map_or(unknown.as_slice(), Vec::as_slice);
            let mut sight = Sight::Raw;
            for facts in all {
                let known = seen.get(facts).copied().filter(|_| !is_named);
                let own = match known {
                    Some(known) => known,
                    None => self.column(&id, facts, &mut obligations.policies)?,
                };
                if !is_named {
                    seen.insert(facts.clone(), own);
                }
                sight = sight.max(own);
            }
            match sight {
                Sight::Raw => {}
                Sight::Masked(mask) => {
                    obligations.masks.insert((*column).to_owned(), mask);
                }
                Sight::Absent => {
                    obligations.absent.insert((*column).to_owned());
                }
            }
        }
        Ok(())
    }

    fn column(
        &self,
        id: &str,
        facts: &ColumnFacts,
        policies: &mut BTreeSet<String>,
    ) -> Result<Sight, Undecided> {
        let column = entity(&self.words.column, id);
        let entities = self.facts.entities_with(&column, facts)?;
        if let Some(permits) = self.ask(Verb::ReadRaw, &column, &entities)? {
            policies.extend(permits);
            return Ok(Sight::Raw);
        }
        let Some(permits) = self.ask(Verb::ReadMasked, &column, &entities)? else {
            return Ok(Sight::Absent);
        };
        let mask_of = |id: &String| self.layers.iter().find_map(|layer| layer.masks.get(id));
        let strongest = permits.iter().filter_map(mask_of).max().copied();
        policies.extend(permits);
        Ok(strongest.map_or(Sight::Absent, Sight::Masked))
    }

    /// The rows that may be seen; `None` for all.
    fn rows(
        &self,
        request: &AccessRequest<'_>,
        columns: &[&str],
        policies: &mut BTreeSet<String>,
    ) -> Result<Option<RowPredicate>, Undecided> {
        let table = (request.product, request.port, request.table);
        let row_type =
            RowType::of(&self.domain.row_types, table).ok_or("the table has no type of rows")?;
        let name = &row_type.name;
        let all = self.layers.iter().flat_map(|layer| &layer.row_rules);
        let rules: Vec<&Rule> =
            all.map(AsRef::as_ref).filter(|rule| self.is_about(rule, name)).collect();
        let opens = |rule: &&&Rule| {
            let syntax = &rule.syntax;
            syntax.is_permit && syntax.is_unconditional && !syntax.scope.is_exact
        };
        if let Some(open) = rules.iter().find(opens)
            && rules.iter().all(|rule| rule.syntax.is_permit)
        {
            policies.insert(open.id.clone());
            return Ok(None);
        }
        let row = entity(&row_type.kind, "row");
        let promised = request.table.columns.iter().map(|column| column.name.as_str());
        let shown = EntityUID::from(row.clone()).to_string();
        let translator = Translator::new(row_type, promised, columns, shown);
        self.rows_left(&rules, row, translator, policies)
    }

    /// Evaluates the rules as far as is possible without the row, and makes a filter of the rest.
    fn rows_left(
        &self,
        rules: &[&Rule],
        row: EntityUid,
        mut translator: Translator<'_>,
        policies: &mut BTreeSet<String>,
    ) -> Result<Option<RowPredicate>, Undecided> {
        let schema = self.schema().ok_or("the schema of the domain cannot be made")?;
        let known = self.facts.partial_entities(&row, schema)?;
        let known = PartialEntities::from_partial_entities(known, schema).map_err(told)?;
        let set = PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone()));
        let set = set.map_err(told)?;
        let asked = PartialRequest::new(
            PartialEntityUid::from_concrete(self.facts.principal.clone()),
            self.words.action(Verb::ReadRow),
            PartialEntityUid::from_concrete(row),
            Some(self.facts.context.clone()),
            schema,
        );
        let asked = asked.map_err(told)?;
        let response = set.tpe(&asked, &known, schema).map_err(told)?;
        if let Some(id) = response.error_forbids().chain(response.error_permits()).next() {
            return Err(format!("policy \"{id}\" fails"));
        }
        let permits: Vec<String> = response.true_permits().map(ToString::to_string).collect();
        let forbids: Vec<String> = response.true_forbids().map(ToString::to_string).collect();
        let mut open = Condition::Known(!permits.is_empty());
        let mut unforbidden = Condition::Known(forbids.is_empty());
        policies.extend(permits.into_iter().chain(forbids));
        let mut residuals: Vec<Policy> = response.residual_policies().collect();
        // They come in no order, and one decision reads like the next.
        residuals.sort_by_cached_key(|residual| residual.id().to_string());
        for residual in residuals {
            let tree = residual.to_pst().map_err(told)?;
            let about = |why| format!("policy \"{}\" {why}", residual.id());
            let condition = translator.policy(tree.body()).map_err(about)?;
            policies.insert(residual.id().to_string());
            match residual.effect() {
                Effect::Permit => open = or(open, condition)?,
                Effect::Forbid => unforbidden = and(unforbidden, not(condition))?,
            }
        }
        Ok(translator.filter(and(open, unforbidden)?))
    }

    /// True if the scope of a rule may fit the rows of the table.
    fn is_about(&self, rule: &Rule, row_type: &str) -> bool {
        let scope = &rule.syntax.scope;
        let fits_kind = scope.kind.as_ref().is_none_or(|kind| kind == row_type);
        fits_kind && scope.within.as_ref().is_none_or(|(kind, id)| self.facts.lies_in(kind, id))
    }

    fn schema(&self) -> Option<&Schema> {
        let made = self.domain.schema.get_or_init(|| {
            let types = self.domain.row_types.values().map(AsRef::as_ref);
            let bare: BTreeSet<String> =
                self.layers.iter().flat_map(|layer| layer.row_types.iter().cloned()).collect();
            schema(types, &bare)
                .inspect_err(|error| tracing::error!(%error, "the schema cannot be made"))
                .ok()
        });
        made.as_ref()
    }
}
