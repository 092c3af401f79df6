//! Queries as run events of OpenLineage, core 2-0-2.
//!
//! A table is an input, named by its port and not by its files; a query has no outputs. What may not be read, or is
//! not there, is in no event: whoever follows lineage need not know of it.

use chrono::{DateTime, SecondsFormat, Utc};
use samite_engine::events::{Asked, Outcome, QueryEvent, TableAccess, to_domain};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Who makes the events.
const PRODUCER: &str = concat!("urn:samite:", env!("CARGO_PKG_VERSION"));

/// The form of an event.
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What comes before the form of a facet.
const FACETS: &str = "https://openlineage.io/spec/facets/";

/// The form of the facet of our own.
const ACCESS_SCHEMA: &str = "urn:samite:facet:mesh_access:1-0-0";

/// Bytes of the digest that names a job.
const JOB_BYTES: usize = 6;

/// Makes events.
#[derive(Debug)]
pub(super) struct Events {
    namespace: String,
}

impl Events {
    /// Events about tables below `namespace`.
    pub(super) fn new(namespace: String) -> Self {
        Self { namespace }
    }

    /// That a query begins; `None` if it reads no product.
    pub(super) fn start(&self, asked: &Asked) -> Option<String> {
        self.event(asked, ("START", asked.started_at), None)
    }

    /// How a query ended; `None` if it reads no product.
    pub(super) fn end(&self, event: &QueryEvent) -> Option<String> {
        let kind = match event.outcome {
            Outcome::Finished => "COMPLETE",
            Outcome::Failed(_) => "FAIL",
            Outcome::Cancelled => "ABORT",
        };
        self.event(&event.asked, (kind, event.ended_at), Some(event))
    }

    fn event(
        &self,
        asked: &Asked,
        (kind, time): (&str, DateTime<Utc>),
        ended: Option<&QueryEvent>,
    ) -> Option<String> {
        let tables = || {
            let readable = asked.tables.iter().filter(|table| table.decision.is_allowed());
            readable.filter(|table| table.port.is_some())
        };
        tables().next()?;
        let inputs: Vec<Value> = tables().map(|table| self.input(table, ended.is_some())).collect();
        let event = json!({
            "eventType": kind,
            "eventTime": time.to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": {"runId": hyphenated(&asked.query_id), "facets": run_facets(asked, tables(), ended)},
            "job": job(asked),
            "inputs": inputs,
            "outputs": [],
        });
        Some(event.to_string())
    }

    fn input(&self, table: &TableAccess, has_ended: bool) -> Value {
        let mut facets = Map::new();
        if let Some(snapshot) = &table.snapshot {
            let version = json!({"datasetVersion": snapshot.0});
            put(&mut facets, "version", "1-0-1/DatasetVersionDatasetFacet.json", version);
        }
        if let Some((place, name)) = table.place.as_deref().and_then(|place| place.rsplit_once('/'))
        {
            let link = json!({"namespace": place, "name": name, "type": "LOCATION"});
            let links = json!({"identifiers": [link]});
            put(&mut facets, "symlinks", "1-0-1/SymlinksDatasetFacet.json", links);
        }
        if let Some(columns) = &table.columns {
            let field = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| json!({"name": field.name(), "type": field.data_type().to_string()});
            let fields: Vec<Value> = columns.fields().iter().map(field).collect();
            put(&mut facets, "schema", "1-1-1/SchemaDatasetFacet.json", json!({"fields": fields}));
        }
        let mut input = json!({"namespace": self.namespace, "name": table.table, "facets": facets});
        if has_ended && let Some(input) = input.as_object_mut() {
            let reads = table.reads;
            let mut facets = Map::new();
            // What a row filter leaves out is nobody's business.
            let statistics = match table.is_row_filtered {
                true => json!({"rowCount": reads.rows_passed}),
                false => json!({
                    "rowCount": reads.rows_passed, "size": reads.bytes, "fileCount": reads.files,
                }),
            };
            let schema = "1-0-0/InputStatisticsInputDatasetFacet.json";
            put(&mut facets, "inputStatistics", schema, statistics);
            input.insert("inputFacets".to_owned(), Value::Object(facets));
        }
        input
    }
}

fn run_facets<'a>(
    asked: &Asked,
    tables: impl Iterator<Item = &'a TableAccess>,
    ended: Option<&QueryEvent>,
) -> Map<String, Value> {
    let mut facets = Map::new();
    let engine = json!({"version": env!("CARGO_PKG_VERSION"), "name": "samite"});
    put(&mut facets, "processing_engine", "1-1-1/ProcessingEngineRunFacet.json", engine);
    let tables: Vec<Value> = tables
        .map(|table| {
            json!({
                "name": table.table, "restrictionFingerprint": table.fingerprint,
                "rowFiltered": table.is_row_filtered, "masked": table.masked,
                "policies": table.policies,
            })
        })
        .collect();
    let access = json!({
        "_producer": PRODUCER, "_schemaURL": ACCESS_SCHEMA,
        "purpose": asked.purpose, "principal": asked.principal.name,
        "principalDomain": to_domain(&asked.principal), "tables": tables,
    });
    facets.insert("mesh_access".to_owned(), access);
    if let Some(Outcome::Failed(kind)) = ended.map(|event| event.outcome) {
        // The text of an error can name values.
        let error = json!({"message": kind.as_str(), "programmingLanguage": "SQL"});
        put(&mut facets, "errorMessage", "1-0-1/ErrorMessageRunFacet.json", error);
    }
    facets
}

fn job(asked: &Asked) -> Value {
    let digest = Sha256::digest(asked.statement.as_bytes());
    let name: String = digest.iter().take(JOB_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let mut facets = Map::new();
    let kind = json!({"processingType": "BATCH", "integration": "SAMITE", "jobType": "QUERY"});
    put(&mut facets, "jobType", "2-0-3/JobTypeJobFacet.json", kind);
    let sql = json!({"query": &*asked.statement});
    put(&mut facets, "sql", "1-1-0/SQLJobFacet.json", sql);
    json!({
        "namespace": to_domain(&asked.principal), "name": format!("adhoc.{name}"), "facets": facets,
    })
}

/// Puts a facet of the standard among others.
fn put(facets: &mut Map<String, Value>, name: &str, schema: &str, mut facet: Value) {
    if let Some(facet) = facet.as_object_mut() {
        facet.insert("_producer".to_owned(), PRODUCER.into());
        facet.insert("_schemaURL".to_owned(), format!("{FACETS}{schema}").into());
    }
    facets.insert(name.to_owned(), facet);
}

/// The id of a query as a UUID is written.
fn hyphenated(id: &str) -> String {
    uuid::Uuid::try_parse(id).map_or_else(|_| id.to_owned(), |id| id.hyphenated().to_string())
}
