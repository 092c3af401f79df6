//! Rules of one run read one snapshot, however fast the table goes on.

use std::sync::atomic::{AtomicI64, Ordering};

use datafusion::physical_plan::ExecutionPlan;

use super::*;
use crate::connector::{Connector, OpenRequest, PinnedTable, ScanReport, SnapshotId};
use crate::error::{Error, ErrorKind};
use crate::product::{Moment, Server};

/// A table that has one row more each time that its newest state is opened, up to a limit.
#[derive(Debug)]
struct Growing {
    opened: AtomicI64,
    limit: i64,
    has_history: bool,
}

#[async_trait]
impl Connector for Growing {
    fn kind(&self) -> &str {
        "memory"
    }

    fn reads(&self, _server: &Server) -> bool {
        true
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        let rows = match request.moment {
            Moment::Latest => (self.opened.fetch_add(1, Ordering::SeqCst) + 1).min(self.limit),
            Moment::Version(rows) if self.has_history => rows,
            _ => return Err(Error::new(ErrorKind::Unsupported, "there is no history")),
        };
        let ids = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("id", ids)]).expect("a batch");
        let memory = MemoryConnector::default().with_table("rows", vec![batch]);
        let kind = if self.has_history { "delta" } else { "files" };
        let snapshot = SnapshotId(format!("{kind}:{rows}"));
        let request = OpenRequest { moment: Moment::Latest, ..request };
        Ok(PinnedTable { snapshot, ..memory.open(request).await? })
    }

    fn report(&self, _node: &dyn ExecutionPlan) -> Option<ScanReport> {
        None
    }
}

async fn run(limit: i64, has_history: bool) -> Vec<QualityResult> {
    let id = Column { is_unique: true, ..column("id") };
    let counted = rule("rows", Measure::RowCount, Expectation::Above(Whole(0)));
    let asked = |sql: &str| query(sql, Expectation::Above(Whole(0)));
    let quality = vec![
        counted,
        asked("SELECT count(*) FROM rows"),
        asked("SELECT count(*) FROM a.own.rows"),
        asked("SELECT max(a.id) + 1 FROM rows a JOIN a.own.rows b ON a.id = b.id"),
    ];
    let connector = Growing { opened: AtomicI64::new(0), limit, has_history };
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh(rows(vec![id], quality)))))
        .connectors(vec![Arc::new(connector)])
        .build()
        .expect("an engine");
    let reports = check_own(&engine).await;
    let listed = listed(&engine, "reader", "SELECT snapshot FROM mesh.discovery.quality").await;
    let snapshot = reports[0].result.snapshot.clone().expect("a snapshot");
    assert!(listed.contains(&snapshot), "{snapshot} {listed}");
    reports.into_iter().map(|report| report.result).collect()
}

#[tokio::test]
async fn all_rules_of_a_run_read_one_snapshot() {
    let results = run(i64::MAX, true).await;
    let snapshot = results[0].snapshot.clone().expect("a snapshot");
    let rows: i128 = snapshot.trim_start_matches("delta:").parse().expect("a number");
    let counted = [0, 1, 2, 3].map(|at| results[at].measured.clone());
    assert_eq!(counted, [0; 4].map(|_| Some(Whole(rows))), "{results:?}");
    assert!(results.iter().all(|result| result.status == QualityStatus::Pass), "{results:?}");
    assert!(results.iter().all(|result| result.snapshot == Some(snapshot.clone())), "{results:?}");
}

#[tokio::test]
async fn run_begins_anew_if_a_table_without_history_changes() {
    let settled = run(4, false).await;
    assert!(settled.iter().all(|result| result.status == QualityStatus::Pass), "{settled:?}");
    assert_eq!(settled[1].measured, Some(Whole(4)));
    let restless = run(i64::MAX, false).await;
    assert_eq!(restless[0].status, QualityStatus::Pass);
    assert_eq!(restless[1].status, QualityStatus::Error);
    let message = restless[1].message.as_deref().unwrap_or_default();
    assert!(message.contains("is gone"), "{message}");
}
