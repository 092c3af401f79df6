//! Which state of a table is read: the one after its name, else the session's, else the newest.
//!
//! ```text
//! t VERSION AS OF 3, t TIMESTAMP AS OF '...'  ─┐
//! SET mesh.snapshots, SET mesh.as_of          ─┼─▶ Wanted ─pin─▶ Moment, for a connector
//! nothing                                     ─┘
//! ```

mod clause;
mod instant;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::timezone::Tz;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{Expr, TableVersion, Value};

use crate::connector::SnapshotId;
use crate::error::{Error, ErrorKind, Result};
use crate::product::Moment;
use crate::session::Settings;
use crate::snapshot_token::SnapshotToken;

pub(super) use clause::{FORMS, REFERENCE_MARK, tokens};

/// The state of a table that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    /// The newest, or the one that the contract names.
    Newest,
    /// The one after the table's name.
    At(Moment),
    /// The one that was current at the session's instant.
    AsOf(DateTime<Utc>),
    /// Exactly this one, as in an earlier query.
    Exactly(SnapshotId),
}

/// Says for each table of one statement which state of it is asked for.
#[derive(Debug)]
pub(super) struct Moments<'a> {
    state: &'a SessionState,
    now: DateTime<Utc>,
    zone: Tz,
    utc: Tz,
    as_of: Option<DateTime<Utc>>,
    snapshots: Option<SnapshotToken>,
}

impl<'a> Moments<'a> {
    /// Reads what the session says; `state` evaluates instants that are not literals.
    ///
    /// # Errors
    ///
    /// When the session names an instant that is still to come.
    pub(super) fn new(
        settings: &Settings,
        state: &'a SessionState,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let (as_of, snapshots) = (settings.as_of()?, settings.snapshots()?);
        if let Some(instant) = as_of {
            instant::check_past(instant, now)?;
        }
        let (zone, utc) = (settings.zone()?, Settings::default().zone()?);
        Ok(Self { state, now, zone, utc, as_of, snapshots })
    }

    /// The state of a table that is asked for; `address` is its full one.
    ///
    /// # Errors
    ///
    /// When the clause has no meaning, or the session's snapshots leave the table out.
    pub(super) fn wanted(&self, address: &str, clause: Option<&TableVersion>) -> Result<Wanted> {
        if let Some(token) = &self.snapshots {
            let name = name_in_token(address, clause);
            return match (token.get(&name), clause) {
                (Some(snapshot), _) => Ok(Wanted::Exactly(snapshot)),
                (None, Some(clause)) => self.at(clause, self.zone),
                (None, None) => Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("mesh.snapshots says nothing of table \"{address}\""),
                )
                .with_hint("RESET mesh.snapshots, or set the token of a query that names it")),
            };
        }
        match (clause, self.as_of) {
            (Some(clause), _) => self.at(clause, self.zone),
            (None, Some(instant)) => Ok(Wanted::AsOf(instant)),
            (None, None) => Ok(Wanted::Newest),
        }
    }

    /// The state of a table that is read through a virtual one: the session's snapshots count where they
    /// name it, and nothing else that the session says.
    ///
    /// # Errors
    ///
    /// When the clause has no meaning.
    pub(super) fn wanted_inside(
        &self,
        address: &str,
        clause: Option<&TableVersion>,
    ) -> Result<Wanted> {
        let known = self.snapshots.as_ref();
        match (known.and_then(|token| token.get(&name_in_token(address, clause))), clause) {
            (Some(snapshot), _) => Ok(Wanted::Exactly(snapshot)),
            (None, Some(clause)) => self.at(clause, self.utc),
            (None, None) => Ok(Wanted::Newest),
        }
    }

    /// The time at which the statement is resolved.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn at(&self, clause: &TableVersion, zone: Tz) -> Result<Wanted> {
        let moment = match clause {
            TableVersion::VersionAsOf(version) => version_of(version)?,
            TableVersion::TimestampAsOf(expr) | TableVersion::ForSystemTimeAsOf(expr) => {
                let instant = instant::of(expr, self.state, (zone, self.now))?;
                instant::check_past(instant, self.now)?;
                Moment::Timestamp(instant)
            }
            TableVersion::Function(_) | TableVersion::Changes { .. } => {
                return Err(super::unsupported::refusal("AT, BEFORE and CHANGES after a table")
                    .with_hint(FORMS));
            }
        };
        Ok(Wanted::At(moment))
    }
}

/// What a snapshot token calls a table: its address, with the clause if there is one.
pub(crate) fn name_in_token(address: &str, clause: Option<&TableVersion>) -> String {
    match clause {
        None => address.to_owned(),
        Some(TableVersion::VersionAsOf(version)) => match version_of(version) {
            Ok(Moment::Reference(name)) => format!("{address} VERSION AS OF '{name}'"),
            _ => format!("{address} VERSION AS OF {version}"),
        },
        Some(other) => format!("{address} {other}"),
    }
}

fn version_of(version: &Expr) -> Result<Moment> {
    let Expr::Value(value) = version else { return Err(no_version(&version.to_string())) };
    match &value.value {
        Value::Number(text, _) => match text.parse() {
            Ok(version) => Ok(Moment::Version(version)),
            Err(_) => Err(no_version(text)),
        },
        Value::Placeholder(text) => match text.strip_prefix(REFERENCE_MARK) {
            Some(name) => Ok(Moment::Reference(name.to_owned())),
            None => Err(no_version(text)),
        },
        other => Err(no_version(&other.to_string())),
    }
}

fn no_version(text: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("\"{text}\" is no version of a table"))
        .with_hint("write VERSION AS OF with a whole number, or with the name of a branch or tag")
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::config::EngineConfig;
    use crate::resolve::statement::{Form, Statement};

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 4, 12, 0, 0).unwrap()
    }

    fn wanted_with(settings: &Settings, sql: &str) -> Result<Vec<Wanted>> {
        let statement = Statement::parse(sql, &EngineConfig::default())?;
        let Form::Query(query) = statement.form()? else { panic!("{sql}") };
        let state = SessionContext::new().state();
        let moments = Moments::new(settings, &state, now())?;
        let named = super::super::names::tables(query)?;
        named
            .iter()
            .map(|table| moments.wanted(&table.parts.join("."), table.version.as_ref()))
            .collect()
    }

    fn wanted(sql: &str) -> Result<Vec<Wanted>> {
        wanted_with(&Settings::default(), sql)
    }

    fn at(text: &str) -> Wanted {
        Wanted::At(Moment::Timestamp(text.parse().unwrap()))
    }

    #[test]
    fn clause_says_which_state_is_read() {
        let version = |version| Wanted::At(Moment::Version(version));
        let reference = |name: &str| Wanted::At(Moment::Reference(name.to_owned()));
        for (clause, expected) in [
            ("VERSION AS OF 3", version(3)),
            ("FOR VERSION AS OF 3", version(3)),
            ("for version as of 7051729674881 AS x", version(7_051_729_674_881)),
            ("FOR SYSTEM_VERSION AS OF 3 x WHERE x.a = 1", version(3)),
            ("VERSION AS OF 'audited'", reference("audited")),
            ("FOR VERSION AS OF 'it''s' x", reference("it's")),
            ("TIMESTAMP AS OF '2026-01-02'", at("2026-01-02T00:00:00Z")),
            ("FOR TIMESTAMP AS OF '2026-01-02 03:04:05.678' x", at("2026-01-02T03:04:05.678Z")),
            ("FOR SYSTEM_TIME AS OF '2026-01-02T03:04:05+02:00'", at("2026-01-02T01:04:05Z")),
            ("TIMESTAMP AS OF TIMESTAMP '2026-01-02 03:04:05'", at("2026-01-02T03:04:05Z")),
            ("TIMESTAMP AS OF DATE '2026-01-02'", at("2026-01-02T00:00:00Z")),
            ("TIMESTAMP AS OF now() - INTERVAL '1 day' x", at("2026-05-03T12:00:00Z")),
            ("TIMESTAMP AS OF CAST('2026-01-02' AS DATE)", at("2026-01-02T00:00:00Z")),
        ] {
            let sql = format!("SELECT * FROM a.b.c {clause}");
            assert_eq!(wanted(&sql).unwrap(), [expected], "{sql}");
        }
    }

    #[test]
    fn one_table_at_two_times_is_two_tables() {
        let sql = "SELECT * FROM a.b.c VERSION AS OF 1 x JOIN a.b.c y ON x.i = y.i JOIN a.b.c VERSION AS OF 2 z USING (i)";
        let expected =
            [Wanted::Newest, Wanted::At(Moment::Version(1)), Wanted::At(Moment::Version(2))];
        assert_eq!(wanted(sql).unwrap(), expected);
    }

    #[test]
    fn words_of_the_clause_are_names_elsewhere() {
        for sql in [
            "SELECT version AS of FROM a.b.c",
            "SELECT timestamp AS of, version, x.timestamp FROM a.b.c x",
            "SELECT 'version as of 3' FROM a.b.c version",
            "SELECT /* VERSION AS OF 3 */ 1 FROM a.b.c at",
        ] {
            assert_eq!(wanted(sql).unwrap(), [Wanted::Newest], "{sql}");
        }
    }

    #[test]
    fn clause_without_meaning_is_refused() {
        for (clause, kind) in [
            ("VERSION AS OF", ErrorKind::InvalidQuery),
            ("VERSION AS OF 1.5", ErrorKind::InvalidQuery),
            ("VERSION AS OF 99999999999999999999", ErrorKind::InvalidQuery),
            ("VERSION AS OF $1", ErrorKind::InvalidQuery),
            ("VERSION AS OF -1", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF 'yesterday'", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF NULL", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF 5", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF $1", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF x", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF (SELECT max(t) FROM d.e.f)", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF '2027-01-01'", ErrorKind::InvalidQuery),
            ("TIMESTAMP AS OF now() + INTERVAL '1 second'", ErrorKind::InvalidQuery),
            ("VERSION AS OF 1 VERSION AS OF 2", ErrorKind::InvalidQuery),
            ("x VERSION AS OF 1", ErrorKind::InvalidQuery),
            ("AT (TIMESTAMP => '2026-01-01') JOIN d.e.f VERSION AS OF 1", ErrorKind::Unsupported),
        ] {
            let sql = format!("SELECT * FROM a.b.c {clause}");
            let kind_found = wanted(&sql).map_err(|error| error.kind());
            assert_eq!(kind_found.err(), Some(kind), "{sql}");
        }
        let of_expression = wanted("WITH t AS (SELECT 1) SELECT * FROM t VERSION AS OF 1");
        assert_eq!(
            of_expression.map_err(|error| error.kind()).err(),
            Some(ErrorKind::InvalidQuery)
        );
    }

    #[test]
    fn session_says_it_for_all_tables_without_a_clause() {
        let mut settings = Settings::default();
        settings.set("timezone", "+02:00").unwrap();
        settings.set("mesh.as_of", "2026-01-02 03:00:00").unwrap();
        let as_of = Wanted::AsOf("2026-01-02T01:00:00Z".parse().unwrap());
        let sql = "SELECT * FROM a.b.c, d.e.f VERSION AS OF 1";
        let expected = [as_of, Wanted::At(Moment::Version(1))];
        assert_eq!(wanted_with(&settings, sql).unwrap(), expected);
        settings.set("mesh.as_of", "2026-05-04 14:00:01").unwrap();
        assert!(wanted_with(&settings, sql).is_err());
    }

    #[test]
    fn token_says_it_for_every_table() {
        let mut settings = Settings::default();
        let token = r#"{"a.b.c": "delta:3", "a.b.c VERSION AS OF 1": "delta:1"}"#;
        settings.set("mesh.snapshots", token).unwrap();
        let exactly = |id: &str| Wanted::Exactly(SnapshotId(id.to_owned()));
        let sql = "SELECT * FROM a.b.c, a.b.c VERSION AS OF 1 x, a.b.c VERSION AS OF 2 y";
        let expected = [exactly("delta:3"), exactly("delta:1"), Wanted::At(Moment::Version(2))];
        assert_eq!(wanted_with(&settings, sql).unwrap(), expected);
        assert!(wanted_with(&settings, "SELECT * FROM d.e.f").is_err());
    }
}
