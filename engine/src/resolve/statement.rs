//! One statement, read and classified.
//!
//! Samite only reads. What is no query and no change of the session is refused here, before a name
//! is looked up.

mod syntax;
mod told;

use std::sync::{Arc, OnceLock};

use datafusion::common::format::ExplainFormat;
use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{self, ObjectName, Query, SetExpr};
use datafusion::sql::sqlparser::parser::Parser;

use self::syntax::syntax_error;
use super::bounds::{self, Budgeted, Depth};
use super::column_names::ColumnNames;
use super::identifiers::Identifiers;
use super::kill;
use super::moment;
use super::polysemes;
use super::shims::{self, settings::Meaning, transactions};
use super::show::{self, Show};
use super::substrait::SubstraitPlan;
use super::unsupported;
use crate::audit::StatementText;
use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sealed::Sealed;

/// Nested expressions that the parser follows; [`bounds`] is the stricter one.
const PARSER_RECURSION_MAX: usize = 400;

/// One statement, read and classified: a query, or a change of the session.
#[derive(Debug, Clone)]
pub struct Statement(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sql: String,
    depth: Depth,
    asks_catalog: bool,
    joins_by_meaning: bool,
    names: ColumnNames,
    identifiers: Identifiers,
    form: Option<Sealed<Form>>,
    /// What is told of it, once it was asked for.
    text: OnceLock<StatementText>,
}

/// What a statement is.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// A query that gives rows.
    Query(Box<Query>),
    /// The same, planned by the client.
    Substrait(SubstraitPlan),
    /// A listing of what there is.
    Show(Show),
    /// The plan of a query, or, with `analyze`, what running it took.
    Explain { analyze: bool, verbose: bool, query: Box<Form> },
    /// Sets an option, or, without a value, gives it its default back.
    Set { name: String, value: Option<String> },
    /// Makes a domain, and with it perhaps a product, the place of shorter names.
    Use { catalog: Option<String>, schema: Option<String> },
    /// Ends the query with this id.
    Kill(String),
    /// What tools send and what changes nothing, such as BEGIN.
    Nothing,
}

impl Statement {
    /// Reads one statement.
    ///
    /// # Errors
    ///
    /// When it is not SQL, too long, too deep, more than one statement, or neither a query nor a
    /// change of the session.
    pub fn parse(sql: &str, config: &EngineConfig) -> Result<Self> {
        Self::read(sql, config, Budgeted::new(sql))
    }

    /// Reads one that Samite wrote itself, whose functions may take conditions on the items of arrays.
    ///
    /// # Errors
    ///
    /// As [`Statement::parse`].
    pub(crate) fn with_lambdas(sql: &str, config: &EngineConfig) -> Result<Self> {
        Self::read(sql, config, Budgeted::new(sql).with_lambdas())
    }

    fn read(sql: &str, config: &EngineConfig, dialect: Budgeted) -> Result<Self> {
        let depth = bounds::check(sql, config)?;
        let (form, (names, identifiers), understood) = depth.on_stack(|| {
            let mut form = classify(parse_with(sql, dialect)?)?;
            let written = match &form {
                Form::Query(query) => (ColumnNames::of(query), Identifiers::of(sql, query)),
                _ => Default::default(),
            };
            let understood = understand(&mut form)?;
            Ok::<_, Error>((form, written, understood))
        })?;
        let depth = depth.deeper(understood.levels);
        let (sql, form) = (sql.to_owned(), Some(Sealed::new(form)));
        let Understood { asks_catalog, joins_by_meaning, .. } = understood;
        Ok(Self(Arc::new(Inner {
            sql,
            depth,
            asks_catalog,
            joins_by_meaning,
            names,
            identifiers,
            form,
            text: OnceLock::new(),
        })))
    }

    /// The same statement with another tree, some levels deeper than its own.
    pub(super) fn with_form(&self, form: Form, levels: usize) -> Self {
        let Inner { sql, depth, asks_catalog, names, identifiers, .. } = self.0.as_ref();
        Self(Arc::new(Inner {
            sql: sql.clone(),
            depth: depth.deeper(levels),
            asks_catalog: *asks_catalog,
            joins_by_meaning: false,
            names: names.clone(),
            identifiers: identifiers.clone(),
            form: Some(Sealed::new(form)),
            text: OnceLock::new(),
        }))
    }

    /// True for what sets something in the session, so that it must be kept for what follows.
    #[must_use]
    pub fn changes_session(&self) -> bool {
        matches!(self.0.form.as_deref(), Some(Form::Set { .. } | Form::Use { .. } | Form::Nothing))
    }

    /// Reads a plan of Substrait, which gives rows as a query does; `EXPLAIN` and the log call it
    /// `SUBSTRAIT PLAN`.
    ///
    /// # Errors
    ///
    /// When it is none, or too long.
    pub fn of_substrait(plan: &[u8], config: &EngineConfig) -> Result<Self> {
        if plan.len() > config.sql_bytes_max {
            return Err(Error::new(ErrorKind::InvalidQuery, "the Substrait plan is too long")
                .with_detail(format!(
                    "it has {} bytes, {} are allowed",
                    plan.len(),
                    config.sql_bytes_max
                )));
        }
        let sql = Self::name_of_substrait(plan);
        let form = Form::Substrait(SubstraitPlan::decode(plan)?);
        let (depth, form) = (Depth::DEEP, Some(Sealed::new(form)));
        let (names, identifiers) = Default::default();
        Ok(Self(Arc::new(Inner {
            sql,
            depth,
            asks_catalog: false,
            joins_by_meaning: false,
            names,
            identifiers,
            form,
            text: OnceLock::new(),
        })))
    }

    /// What stands in place of the text of a plan of Substrait.
    pub(crate) fn name_of_substrait(plan: &[u8]) -> String {
        format!("SUBSTRAIT PLAN ({} bytes)", plan.len())
    }

    /// The text as it came.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.0.sql
    }

    /// What a client of PostgreSQL calls its columns.
    #[must_use]
    pub fn column_names(&self) -> &ColumnNames {
        &self.0.names
    }

    /// True for a parameter that is written as a list of object identifiers of PostgreSQL, false for one
    /// that is written as one of them; `None` for any other.
    #[must_use]
    pub fn is_list_of_oids(&self, parameter: usize) -> Option<bool> {
        self.0.identifiers.is_list(parameter)
    }

    /// True for what gives rows (SELECT, EXPLAIN, SHOW, DESCRIBE); false for what changes the session or
    /// ends a query.
    #[must_use]
    pub fn is_query(&self) -> bool {
        matches!(
            self.0.form.as_deref(),
            Some(Form::Query(_) | Form::Substrait(_) | Form::Show(_) | Form::Explain { .. })
        )
    }

    pub(crate) fn form(&self) -> Result<&Form> {
        let gone = || Error::new(ErrorKind::Internal, "the statement was already dropped");
        self.0.form.as_deref().ok_or_else(gone)
    }

    /// True if it asks functions what there is in the mesh.
    pub(crate) fn asks_catalog(&self) -> bool {
        self.0.asks_catalog
    }

    /// True if it joins tables on what their columns mean.
    pub(super) fn joins_by_meaning(&self) -> bool {
        self.0.joins_by_meaning
    }

    pub(crate) fn depth(&self) -> Depth {
        self.0.depth
    }
}

/// A deep tree is dropped recursively too.
impl Drop for Inner {
    fn drop(&mut self) {
        let form = self.form.take();
        self.depth.on_stack(|| drop(form));
    }
}

/// What reading a statement found out.
#[derive(Debug, Clone, Copy, Default)]
struct Understood {
    /// How many levels deeper it is than its operators say.
    levels: usize,
    asks_catalog: bool,
    joins_by_meaning: bool,
}

/// Brings a query into words that are planned.
fn understand(form: &mut Form) -> Result<Understood> {
    match form {
        Form::Query(query) => {
            let rewritten = shims::rewrite(query)?;
            unsupported::check(query)?;
            // What is rewritten becomes up to three levels deeper.
            let levels = bounds::levels(query)?.saturating_add(rewritten.parts.saturating_mul(3));
            let joins_by_meaning = polysemes::is_in(query);
            Ok(Understood { levels, asks_catalog: rewritten.asks_catalog, joins_by_meaning })
        }
        Form::Explain { query, .. } => understand(query),
        Form::Substrait(_)
        | Form::Show(_)
        | Form::Set { .. }
        | Form::Use { .. }
        | Form::Kill(_)
        | Form::Nothing => Ok(Understood::default()),
    }
}

/// Reads one statement, as it is written.
///
/// # Errors
///
/// When it is none, or more than one.
pub(crate) fn parse_one(sql: &str) -> Result<Parsed> {
    parse_with(sql, Budgeted::new(sql))
}

fn parse_with(sql: &str, mut dialect: Budgeted) -> Result<Parsed> {
    let timed = moment::tokens(sql, &dialect);
    let is_timed = timed.is_some();
    if is_timed {
        dialect = dialect.with_table_versions();
    }
    let tokens = shims::tokens::tokens(sql, &dialect, timed);
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(PARSER_RECURSION_MAX)
        .build()?;
    if let Some(tokens) = tokens {
        parser.parser = Parser::new(&dialect)
            .with_tokens_with_locations(tokens)
            .with_recursion_limit(PARSER_RECURSION_MAX);
    }
    let statements = parser.parse_statements();
    dialect.check()?;
    let mut statements = statements.map_err(|error| {
        let error = syntax_error(error);
        match is_timed {
            true => error.with_hint(moment::FORMS),
            false if shims::tokens::quotes_with_brackets(sql, &dialect) => {
                error.with_hint("brackets are arrays: write names in double quotes")
            }
            false => error,
        }
    })?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(Error::new(ErrorKind::InvalidQuery, "the statement is empty")
            .with_hint("write a query, for instance SELECT * FROM mesh.discovery.products")),
        (Some(_), more) => Err(Error::new(
            ErrorKind::InvalidQuery,
            format!("there are {} statements in one text", more + 1),
        )
        .with_hint("send one statement at a time")),
    }
}

fn classify(statement: Parsed) -> Result<Form> {
    match statement {
        Parsed::Statement(statement) => classify_standard(*statement),
        Parsed::Explain(ExplainStatement { options, statement }) => {
            if let Some(format) = &options.format
                && !matches!(format, ExplainFormat::Indent)
            {
                return Err(unsupported::refusal(&format!("EXPLAIN FORMAT {format}")));
            }
            explain(options.analyze, options.verbose, classify(*statement)?)
        }
        Parsed::Reset(datafusion::sql::parser::ResetStatement::Variable(name)) => {
            Ok(reset_form(dotted(&name)))
        }
        Parsed::CreateExternalTable(_) => Err(read_only("CREATE EXTERNAL TABLE")),
        Parsed::CopyTo(_) => Err(read_only("COPY")),
    }
}

fn classify_standard(statement: ast::Statement) -> Result<Form> {
    match statement {
        ast::Statement::Query(query) => {
            check_reads(&query.body)?;
            Ok(Form::Query(query))
        }
        ast::Statement::Explain { analyze, verbose, statement, format, .. } => {
            if format.is_some() {
                return Err(unsupported::refusal("EXPLAIN FORMAT"));
            }
            explain(analyze, verbose, classify_standard(*statement)?)
        }
        ast::Statement::Set(set) => classify_set(set),
        ast::Statement::Reset(ast::ResetStatement { reset }) => Ok(match reset {
            ast::Reset::ConfigurationParameter(name) => reset_form(dotted(&name)),
            ast::Reset::ALL => reset_form("all".to_owned()),
        }),
        ast::Statement::Use(target) => classify_use(target),
        ast::Statement::Call(call) => kill::classify(&call).map(Form::Kill),
        ast::Statement::Discard { object_type: ast::DiscardObject::ALL } => {
            Ok(reset_form("all".to_owned()))
        }
        other if transactions::is_boundary(&other)? => Ok(Form::Nothing),
        other if transactions::gives_back_nothing(&other) => Ok(Form::Nothing),
        other => match show::classify(&other)? {
            Some(Show::Listing(sql)) => classify(parse_one(&sql)?),
            Some(show) => Ok(Form::Show(show)),
            None => Err(read_only(&first_words(&other.to_string()))),
        },
    }
}

fn explain(analyze: bool, verbose: bool, inner: Form) -> Result<Form> {
    match inner {
        Form::Query(_) => Ok(Form::Explain { analyze, verbose, query: Box::new(inner) }),
        Form::Substrait(_)
        | Form::Show(_)
        | Form::Explain { .. }
        | Form::Set { .. }
        | Form::Use { .. }
        | Form::Kill(_)
        | Form::Nothing => Err(Error::new(ErrorKind::Unsupported, "EXPLAIN explains queries only")
            .with_hint("write EXPLAIN SELECT ...")),
    }
}

/// Refuses the statements that hide in a query: `WITH x AS (INSERT ...)`.
fn check_reads(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::Insert(_) => Err(read_only("INSERT")),
        SetExpr::Update(_) => Err(read_only("UPDATE")),
        SetExpr::Delete(_) => Err(read_only("DELETE")),
        SetExpr::Merge(_) => Err(read_only("MERGE")),
        SetExpr::Select(_)
        | SetExpr::Query(_)
        | SetExpr::SetOperation { .. }
        | SetExpr::Values(_)
        | SetExpr::Table(_) => Ok(()),
    }
}

fn classify_set(set: ast::Set) -> Result<Form> {
    match set {
        ast::Set::SingleAssignment { variable, values, .. } => {
            let name = dotted(&variable);
            if let Some(meaning) = shims::settings::meaning(&name, &values)? {
                return Ok(form_of(meaning));
            }
            match values.as_slice() {
                [value] => Ok(Form::Set { name, value: setting_value(value) }),
                _ => Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("setting \"{name}\" takes one value"),
                )),
            }
        }
        ast::Set::SetTimeZone { value, .. } => {
            Ok(Form::Set { name: "timezone".to_owned(), value: setting_value(&value) })
        }
        other => match shims::settings::meaning_of_form(&other)? {
            Some(meaning) => Ok(form_of(meaning)),
            None => Err(unsupported::refusal(&first_words(&other.to_string()))
                .with_hint("write SET name = 'value'; SHOW ALL lists the settings")),
        },
    }
}

fn reset_form(name: String) -> Form {
    match shims::settings::meaning_of_reset(&name) {
        Some(meaning) => form_of(meaning),
        None => Form::Set { name, value: None },
    }
}

fn form_of(meaning: Meaning) -> Form {
    match meaning {
        Meaning::Nothing => Form::Nothing,
        Meaning::Is { name, value } => Form::Set { name: name.to_owned(), value },
    }
}

/// The value as text; `None` for `DEFAULT`.
fn setting_value(value: &ast::Expr) -> Option<String> {
    let text = match value {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => {
                return Some(text.clone());
            }
            other => other.to_string(),
        },
        ast::Expr::Identifier(name) => {
            return match &name.value {
                word if name.quote_style.is_none() && word.eq_ignore_ascii_case("default") => None,
                word => Some(word.clone()),
            };
        }
        other => other.to_string(),
    };
    Some(text)
}

fn classify_use(target: ast::Use) -> Result<Form> {
    let place = |name: ObjectName| -> Result<Form> {
        let mut parts = super::names::parts(&name)?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (catalog, schema, None) => Ok(Form::Use { catalog, schema }),
            _ => Err(Error::new(
                ErrorKind::InvalidQuery,
                "USE takes a domain, or a domain and a product",
            )
            .with_hint("write USE domain, or USE domain.product")),
        }
    };
    match target {
        ast::Use::Catalog(name) | ast::Use::Database(name) | ast::Use::Object(name) => place(name),
        ast::Use::Schema(name) => match place(name)? {
            Form::Use { catalog: schema, schema: None } => Ok(Form::Use { catalog: None, schema }),
            other => Ok(other),
        },
        other => Err(unsupported::refusal(&other.to_string())),
    }
}

fn dotted(name: &ObjectName) -> String {
    let words: Vec<String> =
        name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.clone())).collect();
    words.join(".")
}

fn first_words(text: &str) -> String {
    let words: Vec<&str> = text
        .split_whitespace()
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))
        .take(3)
        .collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ") }
}

fn read_only(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is refused: Samite is read-only"))
        .with_hint("queries, EXPLAIN, SHOW, DESCRIBE and SET are allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(sql: &str) -> Result<Statement> {
        Statement::parse(sql, &EngineConfig::default())
    }

    #[test]
    fn query_gives_rows_and_setting_does_not() {
        for (sql, is_query) in [
            ("SELECT 1", true),
            ("VALUES (1), (2)", true),
            ("WITH a AS (SELECT 1) SELECT * FROM a;", true),
            ("EXPLAIN SELECT 1", true),
            ("EXPLAIN ANALYZE VERBOSE SELECT 1", true),
            ("SHOW TABLES", true),
            ("SHOW ALL", true),
            ("SHOW timezone", true),
            ("DESCRIBE a.b.c", true),
            ("SHOW COLUMNS FROM a.b.c", true),
            ("SET catalog = 'artists'", false),
            ("SET TIME ZONE 'UTC'", false),
            ("SET mesh.purpose TO 'x'", false),
            ("RESET catalog", false),
            ("USE artists", false),
            ("BEGIN", false),
            ("KILL QUERY 'a'", false),
            ("CALL mesh.runtime.kill_query(query_id => 'a')", false),
            ("DISCARD ALL", false),
            ("RESET ALL", false),
            ("RESET application_name", false),
            ("DEALLOCATE ALL", false),
        ] {
            let statement = parse(sql).map(|statement| statement.is_query());
            assert_eq!(statement.ok(), Some(is_query), "{sql}");
        }
    }

    #[test]
    fn whatever_else_is_refused() {
        for sql in [
            "INSERT INTO a.b.c VALUES (1)",
            "UPDATE a.b.c SET x = 1",
            "DELETE FROM a.b.c",
            "CREATE TABLE t (a int)",
            "CREATE VIEW v AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'",
            "DROP TABLE t",
            "COPY (SELECT 1) TO '/tmp/x.csv'",
            "TRUNCATE TABLE t",
            "SAVEPOINT a",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "EXPLAIN INSERT INTO t VALUES (1)",
            "SELECT 1 INTO t",
            "GRANT SELECT ON t TO u",
            "CALL p()",
            "ANALYZE TABLE t",
            "KILL CONNECTION 1",
            "EXPLAIN KILL 'a'",
        ] {
            let kind = parse(sql).err().map(|error| error.kind());
            assert!(
                matches!(kind, Some(ErrorKind::Unsupported | ErrorKind::InvalidQuery)),
                "{sql}: {kind:?}"
            );
        }
    }

    #[test]
    fn one_statement_at_a_time() {
        for sql in ["", "  ;", "-- nothing", "SELECT 1; SELECT 2"] {
            assert_eq!(
                parse(sql).err().map(|error| error.kind()),
                Some(ErrorKind::InvalidQuery),
                "{sql}"
            );
        }
    }

    #[test]
    fn deep_statement_is_read_and_dropped() {
        let sql = format!("SELECT {}1", "1+".repeat(1000));
        assert!(parse(&sql).is_ok());
    }
}
