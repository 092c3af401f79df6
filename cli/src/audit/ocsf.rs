//! A record in the form of OCSF 1.8.0: class *Datastore Activity* for a table of a statement, *Application Lifecycle*
//! for the start and the stop of the process.
//!
//! What OCSF has no place for is under `unmapped`, the last member, which [`seal`](super::chain::seal) ends.

use chrono::{DateTime, Utc};
use samite_engine::events::{
    AccessDecision, Outcome, PortAddress, QueryEvent, StatementAction, TableAccess, to_domain,
};
use serde::Serialize;
use serde_json::{Value, json};

const VERSION: &str = "1.8.0";

/// The place of a record among those of its statement, and in its chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbering {
    pub(super) index: usize,
    pub(super) sequence: u64,
}

/// What happened to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Start,
    Stop,
}

/// The members in this order: the last one last.
#[derive(Serialize)]
struct Record {
    #[serde(flatten)]
    mapped: Value,
    unmapped: Value,
}

/// The record of a table of a statement; of the statement itself if it names none.
pub(super) fn record(event: &QueryEvent, numbering: Numbering) -> String {
    let table = event.asked.tables.get(numbering.index);
    text(&Record { mapped: mapped(event, table, numbering), unmapped: unmapped(event, table) })
}

/// The record of a start or a stop of the process.
pub(super) fn life(life: Life, now: DateTime<Utc>, (sequence, torn_bytes): (u64, u64)) -> String {
    let (activity, name) = match life {
        Life::Start => (3, "Start"),
        Life::Stop => (4, "Stop"),
    };
    let product = product();
    let mapped = json!({
        "category_uid": 6, "class_uid": 6002, "activity_id": activity, "activity_name": name,
        "type_uid": 600_200 + activity, "severity_id": 1, "status_id": 1,
        "time": now.timestamp_millis(),
        "metadata": {"version": VERSION, "product": product, "sequence": sequence},
        "app": product,
    });
    text(&Record {
        mapped,
        unmapped: json!({"processId": std::process::id(), "tornBytes": torn_bytes}),
    })
}

fn text(record: &Record) -> String {
    // Values of ours have texts for names, and so can be written.
    serde_json::to_string(record).unwrap_or_default()
}

fn product() -> Value {
    json!({"name": "samite", "vendor_name": "samite", "version": env!("CARGO_PKG_VERSION")})
}

fn mapped(event: &QueryEvent, table: Option<&TableAccess>, numbering: Numbering) -> Value {
    let asked = &event.asked;
    let (activity, name) = activity(asked.action);
    let (status, code) = status(event.outcome);
    let mut record = json!({
        "category_uid": 6, "class_uid": 6005, "activity_id": activity, "activity_name": name,
        "type_uid": 600_500 + activity, "severity_id": severity(event, table),
        "status_id": status, "status_code": code,
        "time": event.ended_at.timestamp_millis(), "start_time": asked.started_at.timestamp_millis(),
        "duration": u64::try_from(event.elapsed.as_millis()).unwrap_or(u64::MAX),
        "metadata": {
            "version": VERSION, "profiles": ["security_control"], "product": product(),
            "uid": format!("{}/{}", asked.query_id, numbering.index), "sequence": numbering.sequence,
        },
        "actor": actor(event),
        "src_endpoint": match asked.address {
            Some(address) => json!({"ip": address.to_string()}),
            None => json!({"name": asked.channel}),
        },
        "query_info": {
            "uid": asked.query_id, "query_string": &*asked.statement, "bytes": event.bytes,
        },
    });
    add(
        &mut record,
        match table {
            Some(table) => about_table(table),
            None => json!({
                "type_id": 1,
                "database": {"name": "samite", "type_id": 99, "type": "Data mesh"},
                "action_id": 1, "disposition_id": 1,
            }),
        },
    );
    record
}

fn add(record: &mut Value, more: Value) {
    if let (Some(record), Value::Object(more)) = (record.as_object_mut(), more) {
        record.extend(more);
    }
}

fn actor(event: &QueryEvent) -> Value {
    let principal = &event.asked.principal;
    let groups: Vec<Value> = principal.groups.iter().map(|name| json!({"name": name})).collect();
    let type_id = match principal.kind.as_str() {
        "user" => 1,
        "anonymous" => 0,
        _ => 99,
    };
    let mut actor = json!({
        "user": {
            "uid": principal.name, "name": principal.name, "type": principal.kind, "type_id": type_id,
            "groups": groups,
        },
    });
    if let Some(program) = &event.asked.program {
        add(&mut actor, json!({"app_name": &**program}));
    }
    actor
}

fn about_table(table: &TableAccess) -> Value {
    let (action, disposition) = match table.decision {
        AccessDecision::Allowed => (1, 1),
        AccessDecision::Modified => (4, 1),
        AccessDecision::Denied | AccessDecision::Hidden => (2, 26),
        AccessDecision::Unknown => (2, 2),
    };
    let word = match table.decision {
        AccessDecision::Allowed | AccessDecision::Modified => "Allow",
        AccessDecision::Denied | AccessDecision::Hidden | AccessDecision::Unknown => "Deny",
    };
    let policy = |id: &String| json!({"decision": word, "policy": {"uid": id, "is_applied": true}});
    let authorizations: Vec<Value> = table.policies.iter().map(policy).collect();
    let mut about = json!({
        "type_id": 3, "table": {"name": table.table, "uid": uid(table)},
        "action_id": action, "disposition_id": disposition,
    });
    if !authorizations.is_empty() {
        add(&mut about, json!({"authorizations": authorizations}));
    }
    about
}

fn uid(table: &TableAccess) -> String {
    match &table.port {
        Some(PortAddress { domain, product, port, version, table }) => {
            format!("{domain}.{product}:{port}@{version}#{table}")
        }
        None => table.table.clone(),
    }
}

fn unmapped(event: &QueryEvent, table: Option<&TableAccess>) -> Value {
    let asked = &event.asked;
    let mut unmapped = json!({
        "action": asked.action.as_str(), "channel": asked.channel, "purpose": asked.purpose,
        "principalDomain": to_domain(&asked.principal), "outcome": event.outcome.as_str(),
        "rowsReturned": event.rows,
    });
    let Some(table) = table else { return unmapped };
    let reader = table.reader.as_deref();
    let consumer = reader.unwrap_or(&asked.principal);
    add(
        &mut unmapped,
        json!({
            "decision": table.decision.as_str(),
            "reader": reader.map(|reader| &reader.name),
            "consumerDomain": to_domain(consumer), "consumerKind": consumer.kind,
            "snapshot": table.snapshot.as_ref().map(|snapshot| &snapshot.0),
            "rowFiltered": table.is_row_filtered, "masked": table.masked, "absent": table.absent,
            "restrictionFingerprint": table.fingerprint,
            "rowsRead": table.reads.rows, "rowsPassed": table.reads.rows_passed,
            "bytesRead": table.reads.bytes, "filesRead": table.reads.files,
        }),
    );
    if let Some(port) = &table.port {
        add(
            &mut unmapped,
            json!({
                "domain": port.domain, "product": port.product, "port": port.port,
                "contractVersion": port.version,
            }),
        );
    }
    unmapped
}

fn activity(action: StatementAction) -> (i32, &'static str) {
    match action {
        StatementAction::Select => (4, "Query"),
        StatementAction::List => (8, "List"),
        StatementAction::Explain => (99, "Explain"),
        StatementAction::Set => (99, "Set"),
        StatementAction::Kill => (99, "Kill"),
        StatementAction::Unread => (99, "Unread"),
    }
}

fn status(outcome: Outcome) -> (i32, &'static str) {
    match outcome {
        Outcome::Finished => (1, "finished"),
        Outcome::Failed(kind) => (2, kind.as_str()),
        Outcome::Cancelled => (99, "cancelled"),
    }
}

/// Informational if all went well, low if it failed, medium if something was refused.
fn severity(event: &QueryEvent, table: Option<&TableAccess>) -> i32 {
    match (table.map(|table| table.decision), event.outcome) {
        (Some(AccessDecision::Denied | AccessDecision::Hidden), _) => 3,
        (_, Outcome::Finished) => 1,
        (_, Outcome::Failed(_) | Outcome::Cancelled) => 2,
    }
}
