//! Checks the quality rules of the mesh while a server runs, one table at a time: all of them again and again, and
//! the tables of those that have a schedule of their own when it says so.
//!
//! Each check is a query like any other, which waits for its turn and has the limits of all. One that was put off
//! because there is too much to do leaves the last result as it is.

use std::time::Duration;

use samite_engine::quality::{QualityStatus, QualitySubject, check};
use tokio::time::Instant;

use crate::mesh::Mesh;

/// The time between two looks at what is due: schedules have minutes.
const LOOK: Duration = Duration::from_secs(20);

/// Checks rules for as long as it is polled; never ends.
pub(super) async fn keep_checking(mesh: &Mesh) {
    let Some(every) = mesh.configuration().quality_every else {
        return std::future::pending().await;
    };
    let clock = mesh.engine().clock();
    let mut looked_at = clock.now();
    let mut all_checked: Option<Instant> = None;
    loop {
        let now = clock.now();
        let is_all = all_checked.is_none_or(|at| at.elapsed() >= every);
        check_if(mesh, |subject| is_all || subject.is_due(looked_at, now)).await;
        looked_at = now;
        if is_all {
            all_checked = Some(Instant::now());
        }
        tokio::time::sleep(every.min(LOOK)).await;
    }
}

async fn check_if(mesh: &Mesh, is_wanted: impl Fn(&QualitySubject) -> bool) {
    let (mut checked, mut fail, mut error) = (0, 0, 0);
    let picture = mesh.picture();
    for subject in picture.products().flat_map(QualitySubject::of_product) {
        if !is_wanted(&subject) || !subject.has_rules() {
            continue;
        }
        for report in check(mesh.engine(), &subject).await {
            match report.result.status {
                QualityStatus::Pass => checked += 1,
                QualityStatus::Fail => fail += 1,
                QualityStatus::Error => error += 1,
                QualityStatus::NotRun => {}
            }
        }
    }
    checked += fail + error;
    if checked > 0 {
        tracing::info!(checked, fail, error, "quality rules checked");
    }
}
