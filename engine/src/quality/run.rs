//! Asks what the rules of a table measure, as any other query is asked.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::Schema;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use super::expression::{Counted, counted};
use super::pinned::Pinned;
use super::place::{Place, quoted};
use super::rules::Step;
use super::scans::{Scan, full_name, lost_keys, scans, shared_keys};
use super::{QualityResult, QualitySubject, TableRule, judge};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{
    ColumnReference, Measure, Mesh, QualityRule, QueryPart, RuleValue, Table, TableName,
};
use crate::resolve::{Form, Statement};
use crate::session::Session;

/// How often a run begins: a table without a history can change while its rules are run.
const RUNS_MAX: usize = 2;

/// The dialects that are ours.
const DIALECTS: [&str; 3] = ["datafusion", "samite", "ansi"];

/// Why something was not measured.
#[derive(Debug)]
struct Fault {
    error: Error,
    /// True if rows were being read, so that the error may repeat what is in them.
    is_of_rows: bool,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, is_of_rows: false }
    }
}

impl Fault {
    fn result(&self, now: DateTime<Utc>) -> QualityResult {
        QualityResult {
            tells_of_rows: self.is_of_rows,
            was_put_off: self.error.kind() == ErrorKind::Overloaded,
            ..judge::unmeasured(self.error.to_line(), now)
        }
    }

    /// True if it may be the fault of one rule among several.
    fn is_of_a_rule(&self) -> bool {
        matches!(
            self.error.kind(),
            ErrorKind::InvalidQuery | ErrorKind::Unsupported | ErrorKind::Internal
        )
    }
}

/// The result of each rule of a table, in their order; all of one snapshot of it.
pub(super) async fn results(
    engine: &Engine,
    subject: &QualitySubject,
    rules: &[TableRule<'_>],
) -> Vec<QualityResult> {
    let mut runs = 1;
    loop {
        let asker = Asking {
            alone: Session::of_owner(engine.clone(), &subject.product, false),
            among_others: Session::of_owner(engine.clone(), &subject.product, true),
            pinned: Pinned::new(subject),
            subject,
            table: full_name(&subject.name()),
            limit: engine.config().quality_timeout,
            now: engine.clock().now(),
        };
        let results = run(&asker, rules).await;
        if runs >= RUNS_MAX || !asker.pinned.is_lost() {
            let snapshot = asker.pinned.snapshot();
            let read =
                |result: QualityResult| QualityResult { snapshot: snapshot.clone(), ..result };
            return results.into_iter().map(read).collect();
        }
        runs += 1;
    }
}

async fn run(asker: &Asking<'_>, rules: &[TableRule<'_>]) -> Vec<QualityResult> {
    let needs_schema = |rule: &TableRule<'_>| is_counted(&rule.rule.measure);
    let schema = match rules.iter().any(needs_schema) {
        true => asker.alone.table_schema(&asker.subject.name()).await,
        false => Ok(Arc::new(Schema::empty())),
    };
    let mut results: Vec<Option<QualityResult>> = vec![None; rules.len()];
    let mut wanted = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let result = match &schema {
            Err(error) if needs_schema(rule) => {
                let error = Error::new(error.kind(), error.to_line());
                Some(Fault::from(error).result(asker.now))
            }
            Err(_) => None,
            Ok(schema) => match counted(rule, schema) {
                Ok(Some(counted)) => {
                    wanted.push((index, counted));
                    None
                }
                Ok(None) => None,
                Err(why) => Some(judge::unmeasured(why, asker.now)),
            },
        };
        if let Some(slot) = results.get_mut(index) {
            *slot = result;
        }
    }
    let mut found = asker.count(rules, &wanted).await;
    found.extend(asker.others(rules).await);
    for (index, result) in found {
        if let Some(slot) = results.get_mut(index) {
            slot.get_or_insert(result);
        }
    }
    let lost = || judge::unmeasured("the rule was not measured".to_owned(), asker.now);
    results.into_iter().map(|result| result.unwrap_or_else(lost)).collect()
}

fn is_counted(measure: &Measure) -> bool {
    !matches!(measure, Measure::Query { .. } | Measure::Nothing(_) | Measure::Impossible(_))
}

/// Who asks about which table.
struct Asking<'a> {
    /// Sees nothing but the product.
    alone: Session,
    /// Sees what else the product may see.
    among_others: Session,
    pinned: Pinned,
    subject: &'a QualitySubject,
    table: String,
    limit: Duration,
    now: DateTime<Utc>,
}

type Found = Vec<(usize, QualityResult)>;

impl Asking<'_> {
    /// What counts rows or keys.
    async fn count(&self, rules: &[TableRule<'_>], wanted: &[(usize, Counted)]) -> Found {
        let mut found = Vec::new();
        for scan in scans(&self.table, wanted) {
            match self.scan(rules, &scan).await {
                Ok(results) => found.extend(results),
                Err(fault) if scan.rules.len() > 1 && fault.is_of_a_rule() => {
                    found.extend(self.one_by_one(rules, wanted, &scan).await);
                }
                Err(fault) => {
                    found.extend(scan.rules.iter().map(|index| (*index, fault.result(self.now))));
                }
            }
        }
        for (index, counted) in wanted {
            let Some(rule) = rules.get(*index) else { continue };
            let row = match counted {
                Counted::SharedKeys(keys) => {
                    self.row(&self.alone, Sql::Ours(&shared_keys(&self.table, keys))).await
                }
                Counted::LostKeys(keys, to) => self.lost(keys, to).await,
                Counted::Rows | Counted::RowsWhere(_) => continue,
            };
            let result = match row {
                Ok(row) => self.judged(&rule.rule, row.first().and_then(value), None),
                Err(fault) => fault.result(self.now),
            };
            found.push((*index, result));
        }
        found
    }

    /// Counts the rows whose key is not found where it leads.
    async fn lost(
        &self,
        keys: &[String],
        to: &[ColumnReference],
    ) -> Result<Vec<ScalarValue>, Fault> {
        let nowhere = || {
            let message = "it leads to no columns of one table that is served here";
            Fault::from(Error::new(ErrorKind::InvalidQuery, message))
        };
        // What a table of others is called, its readers need not know.
        let of_other = |error: Error| Fault { error, is_of_rows: true };
        let session = &self.among_others;
        let mesh = session.visible_mesh(&session.settings()).await?.named;
        let (name, columns) = self.target(&mesh, to).ok_or_else(nowhere)?;
        let schema = session.table_schema(&name).await.map_err(of_other)?;
        let known = columns.iter().map(|names| Ok(Place::of_names(names, &schema)?.sql));
        let known: Vec<String> = known.collect::<Result<_, String>>().map_err(|_| nowhere())?;
        let sql = lost_keys((&self.table, keys), (&full_name(&name), &known));
        let row = self.row(session, Sql::Ours(&sql)).await;
        row.map_err(|fault| Fault { is_of_rows: true, ..fault })
    }

    /// The one table that references lead to, and the columns of it.
    fn target(&self, mesh: &Mesh, to: &[ColumnReference]) -> Option<(TableName, Vec<Vec<String>>)> {
        let first = to.first()?;
        let place = match &first.contract {
            None => self.subject.clone(),
            Some(file) => {
                let mut places = mesh.products().flat_map(QualitySubject::of_product);
                places.find(|place| place.port.contract.file == *file)?
            }
        };
        let table: &Arc<Table> = first.table(&place.port.contract)?;
        let is_same = |reference: &ColumnReference| {
            reference.contract == first.contract && reference.names(table)
        };
        let columns = to.iter().map(|it| it.columns(table).filter(|_| is_same(it)));
        let columns = columns.collect::<Option<Vec<_>>>()?;
        let place = QualitySubject { table: Arc::clone(table), ..place };
        Some((place.name(), columns))
    }

    /// The rules of a scan that one of them has spoilt.
    async fn one_by_one(
        &self,
        rules: &[TableRule<'_>],
        wanted: &[(usize, Counted)],
        spoilt: &Scan,
    ) -> Found {
        let mut found = Vec::new();
        for (index, counted) in wanted.iter().filter(|(index, _)| spoilt.rules.contains(index)) {
            for scan in scans(&self.table, &[(*index, counted.clone())]) {
                match self.scan(rules, &scan).await {
                    Ok(results) => found.extend(results),
                    Err(fault) => found.push((*index, fault.result(self.now))),
                }
            }
        }
        found
    }

    async fn scan(&self, rules: &[TableRule<'_>], scan: &Scan) -> Result<Found, Fault> {
        let row = self.row(&self.alone, Sql::Ours(&scan.sql)).await?;
        let counts: Vec<u64> = row.iter().filter_map(count).collect();
        let Some((rows, counts)) = counts.split_first() else {
            return Err(Error::new(ErrorKind::Internal, "the scan counted nothing").into());
        };
        let found = scan.rules.iter().zip(counts).filter_map(|(index, count)| {
            let rule = &rules.get(*index)?.rule;
            let measured = Some(judge::in_unit(rule, *count, *rows));
            Some((*index, self.judged(rule, measured, Some(*rows))))
        });
        Ok(found.collect())
    }

    /// What is no count: queries of the owner, and what is not run.
    async fn others(&self, rules: &[TableRule<'_>]) -> Found {
        let mut found = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let result = match &rule.rule.measure {
                Measure::Nothing(why) => judge::not_run(why.clone(), self.now),
                Measure::Impossible(why) => judge::unmeasured(why.clone(), self.now),
                Measure::Query { parts, dialect } => {
                    match self.query(rule, (parts, dialect.as_deref())).await {
                        Ok(measured) => self.judged(&rule.rule, measured, None),
                        Err(fault) => fault.result(self.now),
                    }
                }
                _ => continue,
            };
            found.push((index, result));
        }
        found
    }

    async fn query(
        &self,
        rule: &TableRule<'_>,
        (parts, dialect): (&[QueryPart], Option<&str>),
    ) -> Result<Option<RuleValue>, Fault> {
        let refused = |message: String| Fault::from(Error::new(ErrorKind::InvalidQuery, message));
        if let Some(dialect) = dialect
            && !DIALECTS.contains(&dialect.trim().to_ascii_lowercase().as_str())
        {
            return Err(refused(format!("its SQL is of dialect \"{dialect}\", which is not read")));
        }
        let column = match rule.path.as_slice() {
            [Step::Name(column)] => Some(quoted(column)),
            _ => None,
        };
        let mut sql = String::new();
        for part in parts {
            match (part, &column) {
                (QueryPart::Text(text), _) => sql.push_str(text),
                (QueryPart::Table, _) => sql.push_str(&self.table),
                (QueryPart::Column, Some(column)) => sql.push_str(column),
                (QueryPart::Column, None) => {
                    return Err(refused(
                        "what is inside of a column has no name in SQL".to_owned(),
                    ));
                }
            }
        }
        let session = &self.among_others;
        let name = self.subject.name();
        // So that a plain name means a table of the product.
        session.set("catalog", &name.domain).await?;
        session.set("schema", &name.product.to_string()).await?;
        let row = self.row(session, Sql::Theirs(&sql)).await?;
        match row.as_slice() {
            [value] if value.is_null() => Ok(None),
            [measured] => match value(measured) {
                Some(value) => Ok(Some(value)),
                None => Err(refused(format!(
                    "its query gives {}, and no number or truth value",
                    measured.data_type()
                ))),
            },
            more => Err(refused(format!("its query gives {} columns, and not one", more.len()))),
        }
    }

    fn judged(
        &self,
        rule: &QualityRule,
        measured: Option<RuleValue>,
        rows: Option<u64>,
    ) -> QualityResult {
        judge::judged(rule, (measured, rows), self.now)
    }

    /// The one row of a query, within the time of a rule.
    async fn row(&self, session: &Session, sql: Sql<'_>) -> Result<Vec<ScalarValue>, Fault> {
        let row = Box::pin(one_row(session, sql, &self.pinned));
        tokio::time::timeout(self.limit, row).await.unwrap_or_else(|_| {
            let message = format!("the rule took longer than {} s", self.limit.as_secs_f64());
            Err(Error::new(ErrorKind::DeadlineExceeded, message)
                .with_hint("write a smaller rule, or raise [quality] rule_timeout")
                .into())
        })
    }
}

/// A query of a rule.
#[derive(Debug, Clone, Copy)]
enum Sql<'a> {
    /// Written here.
    Ours(&'a str),
    /// Written by the owner of the table.
    Theirs(&'a str),
}

async fn one_row(
    session: &Session,
    sql: Sql<'_>,
    pinned: &Pinned,
) -> Result<Vec<ScalarValue>, Fault> {
    let of_rows = |error: Error| Fault { error, is_of_rows: true };
    let statement = match sql {
        Sql::Ours(sql) => Statement::with_lambdas(sql, session.engine().config())?,
        Sql::Theirs(sql) => session.parse(sql)?,
    };
    if !matches!(statement.form()?, Form::Query(_)) {
        return Err(Error::new(ErrorKind::InvalidQuery, "a rule is one SELECT").into());
    }
    let plan = pinned.plan(session, &statement).await?;
    let mut stream = plan.execute().await.map_err(of_rows)?;
    let mut row = None;
    let many = || Fault::from(Error::new(ErrorKind::InvalidQuery, "its query gives several rows"));
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(of_rows)?;
        if batch.num_rows() > 1 || (batch.num_rows() == 1 && row.is_some()) {
            return Err(many());
        }
        if batch.num_rows() == 1 {
            let values = batch.columns().iter();
            let values = values.map(|column| ScalarValue::try_from_array(column, 0));
            row = Some(values.collect::<datafusion::error::Result<Vec<_>>>().map_err(Error::from)?);
        }
    }
    row.ok_or_else(|| Error::new(ErrorKind::InvalidQuery, "its query gives no row").into())
}

fn count(value: &ScalarValue) -> Option<u64> {
    match value {
        ScalarValue::Int64(Some(count)) => u64::try_from(*count).ok(),
        ScalarValue::UInt64(Some(count)) => Some(*count),
        _ => None,
    }
}

/// A number or a truth value; `None` for anything else.
fn value(value: &ScalarValue) -> Option<RuleValue> {
    match value {
        ScalarValue::Boolean(Some(value)) => Some(RuleValue::Boolean(*value)),
        ScalarValue::Float64(Some(value)) => Some(RuleValue::Float(*value)),
        ScalarValue::Float32(Some(value)) => Some(RuleValue::Float(f64::from(*value))),
        other if other.data_type().is_numeric() && !other.is_null() => {
            let text = other.to_string();
            match text.parse() {
                Ok(whole) => Some(RuleValue::Whole(whole)),
                Err(_) => text.parse().ok().map(RuleValue::Float),
            }
        }
        _ => None,
    }
}
