//! The configuration: the only reader of files and of the environment.
//!
//! ```text
//! defaults <- samite.toml <- SAMITE_SECTION_KEY
//! ```
//!
//! What an option means is known to the crate that uses it; what it is called is known here.

mod definition;
mod environment;
mod file;
mod options;
mod reference;
mod sections;
mod security;
mod services;
mod stores;
mod units;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use samite_connectors::stores::StoresConfig;
use samite_engine::config::{EngineConfig, Pushdown};
use samite_engine::{Error, ErrorKind, Result};
use samite_flight_server::FlightConfig;

pub use environment::Environment;
pub use reference::reference;
pub use security::Security;

use options::options;
use sections::SECTIONS;
use value::{Value, assign};

use crate::audit::AuditOptions;
use crate::lineage::LineageOptions;
use crate::telemetry::{LogFormat, TelemetryOptions};

/// Everything that can be configured, each with a default that holds.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Address and port of the Flight SQL service.
    pub listen: String,
    /// Address and port for metrics and health; none without it.
    pub metrics_listen: Option<String>,
    /// Address and port for clients that speak the PostgreSQL protocol.
    pub pg_listen: Option<String>,
    /// How the log is written: `text` or `json`.
    pub log_format: String,
    /// What is logged.
    pub log_filter: String,
    /// Where traces go; nowhere without it.
    pub otlp_endpoint: Option<String>,
    /// The authority of an encrypted collector, where it is none that the machine trusts.
    pub otlp_ca_file: Option<PathBuf>,
    /// The name of this server in traces.
    pub service_name: String,
    /// Who may call, and how connections are encrypted.
    pub security: Security,
    /// What may be read outside the mesh, and with which credentials.
    pub stores: StoresConfig,
    /// The shortest time in which a version may end after its end was told; `None` for any.
    pub deprecation_window: Option<Duration>,
    /// How often documents are looked at.
    pub mesh_refresh: Duration,
    /// Time without a look at the documents that went well, after which the server is not ready.
    pub mesh_lost_after: Duration,
    /// Time between two checks of all quality rules; none are checked without it.
    pub quality_every: Option<Duration>,
    /// Which predicates go below the barrier of a table of which something is hidden: `leakproof` or `strict`.
    pub mesh_pushdown: String,
    /// The names of the variables that documents may use.
    pub mesh_variables: Vec<String>,
    /// The options of the engine.
    pub engine: EngineConfig,
    /// The options of the Flight SQL service.
    pub flight: FlightConfig,
    /// How statements are recorded in a file.
    pub audit: AuditOptions,
    /// Where lineage is told.
    pub lineage: LineageOptions,
    /// The variables of the process, of which documents see [`Self::mesh_variables`].
    pub environment: Environment,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:32010".to_owned(),
            metrics_listen: None,
            log_format: "text".to_owned(),
            log_filter: "info".to_owned(),
            otlp_endpoint: None,
            otlp_ca_file: None,
            service_name: "samite".to_owned(),
            pg_listen: None,
            security: Security::default(),
            stores: StoresConfig::default(),
            deprecation_window: None,
            mesh_refresh: Duration::from_secs(10),
            mesh_lost_after: Duration::from_secs(300),
            quality_every: None,
            mesh_pushdown: "leakproof".to_owned(),
            mesh_variables: Vec::new(),
            engine: EngineConfig::default(),
            flight: FlightConfig::default(),
            audit: AuditOptions::default(),
            lineage: LineageOptions::default(),
            environment: Environment::default(),
        }
    }
}

impl Configuration {
    /// Reads the file, if one is named, and then the environment.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds what Samite does not know, or a variable of the
    /// environment does.
    pub fn load(file: Option<&Path>, environment: Environment) -> Result<Self> {
        let mut configuration = Self::default();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    format!("configuration file \"{}\" cannot be read", path.display()),
                )
                .with_detail(error.to_string())
                .with_source(error)
            })?;
            configuration.security.folder =
                path.parent().unwrap_or_else(|| Path::new("")).to_owned();
            let source = file::Source { path, text: &text, environment: &environment };
            file::read(&source, &mut configuration)?;
        }
        configuration.read_environment(&environment)?;
        configuration.environment = environment;
        let engine = &mut configuration.engine;
        engine.query_memory_bytes_max = engine.query_memory_bytes_max.min(engine.memory_bytes_max);
        configuration.check()?;
        configuration.engine.pushdown = configuration.pushdown()?;
        Ok(configuration)
    }

    /// The variables that documents may use, with their values; absent ones are left out.
    #[must_use]
    pub fn document_variables(&self) -> BTreeMap<String, String> {
        self.mesh_variables
            .iter()
            .filter_map(|name| Some((name.clone(), self.environment.get(name)?.to_owned())))
            .collect()
    }

    fn read_environment(&mut self, environment: &Environment) -> Result<()> {
        for option in options() {
            let variable = option.variable();
            let Some(text) = environment.get(&variable) else { continue };
            assign(self, option, Value::Text(text.to_owned()), Path::new("")).map_err(
                |expected| {
                    Error::new(
                        ErrorKind::InvalidConfiguration,
                        format!("variable {variable} cannot have this value"),
                    )
                    .with_hint(format!("it takes {expected}"))
                },
            )?;
        }
        match environment.names().find(|name| is_misspelt(name)) {
            Some(name) => Err(Error::new(
                ErrorKind::InvalidConfiguration,
                format!("variable {name} names no option"),
            )
            .with_hint("docs/configuration.md lists the variable of each option")),
            None => Ok(()),
        }
    }

    /// What is logged and traced, and how; `SAMITE_LOG` and the variables of OpenTelemetry count where
    /// the configuration says nothing.
    ///
    /// # Errors
    ///
    /// When the format of the log is none.
    pub fn telemetry(&self) -> Result<TelemetryOptions> {
        let format = LogFormat::parse(&self.log_format).ok_or_else(|| {
            let message = format!("the log cannot be written as \"{}\"", self.log_format);
            Error::new(ErrorKind::InvalidConfiguration, message)
                .with_hint("set [log] format to \"text\" or \"json\"")
        })?;
        let variable = |name: &str| self.environment.get(name).map(str::to_owned);
        let is_named = self.service_name != Self::default().service_name;
        let named = variable("OTEL_SERVICE_NAME").filter(|_| !is_named);
        Ok(TelemetryOptions {
            format,
            filter: variable("SAMITE_LOG").unwrap_or_else(|| self.log_filter.clone()),
            otlp_endpoint: self
                .otlp_endpoint
                .clone()
                .or_else(|| variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
                .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT")),
            otlp_ca_file: self.otlp_ca_file.clone(),
            service_name: named.unwrap_or_else(|| self.service_name.clone()),
        })
    }

    fn pushdown(&self) -> Result<Pushdown> {
        match self.mesh_pushdown.as_str() {
            "leakproof" => Ok(Pushdown::Leakproof),
            "strict" => Ok(Pushdown::Strict),
            other => Err(Error::new(
                ErrorKind::InvalidConfiguration,
                format!("[mesh] pushdown cannot be \"{other}\""),
            )
            .with_hint("set it to \"leakproof\" or \"strict\"")),
        }
    }

    fn check(&self) -> Result<()> {
        self.telemetry()?;
        self.security.check()?;
        self.audit.check()?;
        stores::check(self)
    }
}

/// True for a variable that begins like an option of a section and is none.
fn is_misspelt(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| {
        name.strip_prefix("SAMITE_")
            .and_then(|rest| rest.strip_prefix(&*section.to_ascii_uppercase()))
            .is_some_and(|rest| rest.starts_with('_'))
    }) && !options().any(|option| option.variable() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Configuration> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samite.toml");
        std::fs::write(&path, text).unwrap();
        let environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Configuration::load(Some(&path), environment.collect())
    }

    #[test]
    fn option_comes_from_default_then_file_then_environment() {
        let file = "[limits]\nmemory = \"8GiB\"\nquery_timeout = \"90s\"\n";
        let read = load(file, &[("SAMITE_LIMITS_QUERY_TIMEOUT", "2m")]).unwrap();
        assert_eq!(read.engine.memory_bytes_max, 8 << 30);
        assert_eq!(read.engine.query_timeout, Duration::from_secs(120));
        assert_eq!(read.engine.concurrent_queries_max, 16);
    }

    #[test]
    fn mistake_is_named_with_line_and_expectation() {
        for (text, message, hint) in [
            ("\n[limits\n", "2: not TOML", ""),
            ("[limit]\n", "1: section [limit] does not exist", "limits"),
            ("[limits]\nmemroy = 1\n", "2: [limits] has no option \"memroy\"", "memory"),
            ("[limits]\nmemory = \"lots\"\n", "2: [limits] memory cannot have this value", "4GiB"),
            ("[limits]\nmemory = 0\n", "2: [limits] memory cannot have this value", "4GiB"),
            ("[limits]\nquery_timeout = 5\n", "query_timeout cannot", "5m"),
            ("[limits]\nconcurrent_queries = 0\n", "concurrent_queries cannot", "at least 1"),
            ("[locations]\nallow = [1]\n", "allow cannot have this value", "list of texts"),
            ("memory = 1\n", "1: \"memory\" belongs into a section", "[limits]"),
            ("[log]\nformat = \"xml\"\n", "cannot be written as \"xml\"", "json"),
            ("[auth]\ncertificates = true\n", "needs certificates of clients", "tls_client_ca"),
            ("[auth]\ncertificates = \"yes\"\n", "certificates cannot", "true or false"),
            ("[server]\ntls_key = \"k.pem\"\n", "a key without its certificate", "tls_certificate"),
            ("[server]\ntls_certificate = \"c\"\n", "a certificate without its key", "tls_key"),
            ("[server]\ntls_client_ca = \"c\"\n", "certificates need TLS", "tls_certificate"),
            ("[stores.x]\ncredential = \"y\"\n", "names credential \"y\"", "[credentials.y]"),
            ("[stores.x]\nfoo = \"y\"\n", "1: [stores.\"x\"] cannot be used", ""),
            ("[stores]\nfoo = \"y\"\n", "2: [stores] has no option \"foo\"", "[stores."),
            ("[credentials.a]\nbearer_token = 4711\n", "2: [credentials] bearer_token", "quotes"),
            ("[credentials.a]\nbearer_token = \"${NONE}\"\n", "bearer_token", "variable"),
            ("[credentials.a]\nbearer_token = \"${file:none}\"\n", "bearer_token", "mount"),
            ("[stores.x]\nregion = \"${file:none}\"\n", "[stores] region", "variable"),
        ] {
            let error = load(text, &[]).err().unwrap();
            assert!(error.message().contains(message), "{text}: {error:?}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{text}: {error:?}");
        }
    }

    #[test]
    fn traces_go_where_the_file_says_else_where_the_environment_says() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
            ("OTEL_SERVICE_NAME", "mesh-1"),
            ("SAMITE_LOG", "debug"),
        ];
        let file = "[telemetry]\notlp_endpoint = \"http://other:4317\"\nservice_name = \"mine\"\n";
        for (text, variables, endpoint, name, filter) in [
            ("", &variables[..0], None, "samite", "info"),
            ("", &variables[..], Some("http://collector:4317"), "mesh-1", "debug"),
            (file, &variables[..], Some("http://other:4317"), "mine", "debug"),
        ] {
            let options = load(text, variables).unwrap().telemetry().unwrap();
            assert_eq!(options.otlp_endpoint.as_deref(), endpoint, "{text}");
            assert_eq!((options.service_name.as_str(), options.filter.as_str()), (name, filter));
        }
    }

    #[test]
    fn one_query_uses_at_most_what_all_may_use() {
        let read = load("[limits]\nmemory = \"1GiB\"\n", &[]).unwrap();
        assert_eq!(read.engine.query_memory_bytes_max, 1 << 30);
    }

    #[test]
    fn secret_comes_from_the_environment_and_is_not_printed() {
        let file = "[stores.\"s3://b\"]\ncredential = \"a\"\n\
                    [credentials.a]\nsecret_access_key = \"${KEY}\"\naccess_key_id = \"hunter3\"\n";
        let read = load(file, &[("KEY", "hunter2")]).unwrap();
        assert!(read.stores.credentials["a"].secret_access_key.is_some());
        let text = format!("{read:?}");
        assert!(!text.contains("hunter"), "{text}");
    }

    #[test]
    fn misspelt_variable_is_refused_and_a_foreign_one_is_not() {
        for (variable, is_refused) in [
            ("SAMITE_LIMITS_MEMROY", true),
            ("SAMITE_SERVER_PORT", true),
            ("SAMITE_PASSWORD", false),
            ("SAMITE_SHARED", false),
            ("HOME", false),
        ] {
            assert_eq!(load("", &[(variable, "1")]).is_err(), is_refused, "{variable}");
        }
    }

    #[test]
    fn document_sees_listed_variables_only() {
        let file = "[mesh]\nvariables = [\"S3_ENDPOINT\", \"ABSENT\"]\n";
        let read = load(file, &[("S3_ENDPOINT", "http://x"), ("SECRET", "y")]).unwrap();
        let expected = BTreeMap::from([("S3_ENDPOINT".to_owned(), "http://x".to_owned())]);
        assert_eq!(read.document_variables(), expected);
    }

    #[test]
    fn relative_path_is_below_the_folder_of_the_file() {
        let read = load("[limits]\nspill_folder = \"spill\"\n", &[]).unwrap();
        let folder = read.engine.spill_folder.unwrap();
        assert!(folder.is_absolute() && folder.ends_with("spill"), "{}", folder.display());
    }
}
