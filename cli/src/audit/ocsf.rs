//! A record in the form of OCSF 1.8.0: class *Datastore Activity* for a table of a statement, *Application Lifecycle*
//! for the start and the stop of the process.
//!
//! What OCSF has no place for is under `unmapped`, the last member, which [`seal`](super::chain::seal) ends.

use chrono::{DateTime, Utc};
use samite_engine::events::{
    AccessDecision, Asked, Outcome, PortAddress, StatementAction, TableAccess, to_domain,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::queue::Entry;

const VERSION: &str = "1.8.0";

/// What stands in place of an outcome in the record of a statement that begins to run.
pub(super) const RUNNING: &str = "running";

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
pub(super) fn record(entry: &Entry, numbering: Numbering) -> String {
    let table = entry.asked().tables.get(numbering.index);
    text(&Record { mapped: mapped(entry, table, numbering), unmapped: unmapped(entry, table) })
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

fn mapped(entry: &Entry, table: Option<&TableAccess>, numbering: Numbering) -> Value {
    let asked = entry.asked();
    let (activity, name) = activity(asked.action);
    let (status, code) = status(entry);
    let uid = format!("{}/{}", asked.query_id, numbering.index);
    let uid = match entry {
        Entry::Begun(..) => format!("{uid}/begun"),
        Entry::Ended(_) => uid,
    };
    let mut record = json!({
        "category_uid": 6, "class_uid": 6005, "activity_id": activity, "activity_name": name,
        "type_uid": 600_500 + activity, "severity_id": severity(entry, table),
        "status_id": status, "status_code": code, "start_time": asked.started_at.timestamp_millis(),
        "metadata": {
            "version": VERSION, "profiles": ["security_control"], "product": product(),
            "uid": uid, "sequence": numbering.sequence,
        },
        "actor": actor(asked),
        "src_endpoint": match asked.address {
            Some(address) => json!({"ip": address.to_string()}),
            None => json!({"name": asked.channel}),
        },
        "query_info": {"uid": asked.query_id, "query_string": &*asked.statement},
    });
    match entry {
        Entry::Begun(_, at) => add(&mut record, json!({"time": at.timestamp_millis()})),
        Entry::Ended(event) => {
            let duration = u64::try_from(event.elapsed.as_millis()).unwrap_or(u64::MAX);
            let time = event.ended_at.timestamp_millis();
            add(&mut record, json!({"time": time, "duration": duration}));
            if let Some(query) = record.get_mut("query_info") {
                add(query, json!({"bytes": event.bytes}));
            }
        }
    }
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

fn actor(asked: &Asked) -> Value {
    let principal = &asked.principal;
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
    if let Some(program) = &asked.program {
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
    let texts = table.policy_texts.as_ref();
    let policy = |id: &String| {
        let mut policy = json!({"uid": id, "is_applied": true});
        if let Some(version) = texts.and_then(|texts| texts.version(id)) {
            add(&mut policy, json!({"version": version}));
        }
        json!({"decision": word, "policy": policy})
    };
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

fn unmapped(entry: &Entry, table: Option<&TableAccess>) -> Value {
    let asked = entry.asked();
    let outcome = match entry {
        Entry::Begun(..) => RUNNING,
        Entry::Ended(event) => event.outcome.as_str(),
    };
    let mut unmapped = json!({
        "action": asked.action.as_str(), "channel": asked.channel, "purpose": asked.purpose,
        "principalDomain": to_domain(&asked.principal), "outcome": outcome,
    });
    if let Entry::Ended(event) = entry {
        add(&mut unmapped, json!({"rowsReturned": event.rows}));
    }
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
            "policyTexts": table.policy_texts.as_ref().map(|texts| texts.fingerprint()),
        }),
    );
    if let Entry::Ended(_) = entry {
        let reads = table.reads;
        add(
            &mut unmapped,
            json!({
                "rowsRead": reads.rows, "rowsPassed": reads.rows_passed,
                "bytesRead": reads.bytes, "filesRead": reads.files,
            }),
        );
    }
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
        StatementAction::Transaction => (99, "Transaction"),
        StatementAction::Metadata => (8, "List"),
        StatementAction::Unread => (99, "Unread"),
    }
}

fn status(entry: &Entry) -> (i32, &'static str) {
    match entry {
        Entry::Begun(..) => (0, RUNNING),
        Entry::Ended(event) => match event.outcome {
            Outcome::Finished => (1, "finished"),
            Outcome::Failed(kind) => (2, kind.as_str()),
            Outcome::Cancelled => (99, "cancelled"),
        },
    }
}

/// Informational if all goes well, low if it failed, medium if something was refused.
fn severity(entry: &Entry, table: Option<&TableAccess>) -> i32 {
    let is_bad = match entry {
        Entry::Begun(..) => false,
        Entry::Ended(event) => event.outcome != Outcome::Finished,
    };
    match (table.map(|table| table.decision), is_bad) {
        (Some(AccessDecision::Denied | AccessDecision::Hidden), _) => 3,
        (_, false) => 1,
        (_, true) => 2,
    }
}
