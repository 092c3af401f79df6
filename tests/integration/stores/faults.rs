//! Stores that go wrong: a right answer, or an error with a name, in time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use samite_connectors::connectors;
use samite_connectors::stores::{Stores, StoresConfig};
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};
use samite_tests::{Fault, FaultyProxy, Request};

use super::Service;
use crate::formats::{assert_same, request, rows};

const FORMATS: [&str; 3] = ["parquet", "delta", "iceberg"];
const EXPIRED: &str = "<Error><Code>ExpiredToken</Code><Message>hunter2</Message></Error>";
const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>hunter2</Message></Error>";

/// An S3 service behind a proxy that goes wrong.
struct Faulty {
    service: Service,
    proxy: FaultyProxy,
}

impl Faulty {
    async fn start() -> Option<Self> {
        let service = Service::start()?;
        let proxy = FaultyProxy::start(&service.told("endpoint")).await.expect("a proxy");
        Some(Self { service, proxy })
    }

    fn config(&self, retries_max: usize) -> StoresConfig {
        StoresConfig {
            stall_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(500),
            request_timeout: Duration::from_secs(3),
            retries_max,
            retry_timeout: Duration::from_secs(10),
            ..self.service.config(&self.proxy.url())
        }
    }

    /// Reads a table through stores that know nothing yet.
    async fn read(&self, format: &str, config: StoresConfig) -> Result<Vec<RecordBatch>, Error> {
        let stores = Stores::new(config).expect("stores");
        let connector = connector(&stores, format);
        let asked = request(format, &self.service.told(format), Moment::Latest);
        rows(connector.as_ref(), &stores, asked).await
    }

    fn assert_right(&self, format: &str, found: &[RecordBatch], what: &str) {
        assert_same(found, &self.service.rows(format), &format!("{format}, {what}"));
    }

    /// Reads what cannot be read, and gives what is said about it.
    async fn refusal(&self, format: &str, fault: Fault) -> String {
        let began = Instant::now();
        let read = self.read(format, self.config(1)).await;
        let error = read.expect_err("it cannot be right");
        let line = error.to_line();
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{format}, {fault:?}: {line}");
        assert!(!line.contains("hunter2") && !line.contains("127.0.0.1"), "{line}");
        assert!(began.elapsed() < Duration::from_secs(8), "{format}, {fault:?}");
        line
    }
}

fn connector(stores: &Stores, format: &str) -> Arc<dyn Connector> {
    let at = FORMATS.iter().position(|known| *known == format).expect(format);
    connectors(stores.clone()).swap_remove(at)
}

/// What is waited for is tried with one format, the rest with all.
fn formats(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::Hang | Fault::Drip => &["parquet"],
        Fault::Status(429, _) => &["iceberg"],
        Fault::Status(503, _) => &["delta"],
        _ => &FORMATS,
    }
}

/// A fault that strikes once for each path.
fn once(fault: Fault) -> impl FnMut(&Request) -> Fault + Send + 'static {
    let mut seen = HashSet::new();
    move |request| {
        let is_first = seen.insert(request.path.clone());
        if is_first { fault } else { Fault::None }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_that_passes_changes_no_answer() {
    let Some(faulty) = Faulty::start().await else { return };
    for fault in [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Status(429, "TooManyRequests"),
        Fault::Reset,
        Fault::Cut,
        Fault::Hang,
        Fault::Drip,
    ] {
        for format in formats(fault) {
            faulty.proxy.fail(once(fault));
            let found = faulty.read(format, faulty.config(4)).await;
            let found = found.unwrap_or_else(|error| panic!("{format}, {fault:?}: {error:?}"));
            faulty.assert_right(format, &found, &format!("{fault:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_file_that_stays_unreadable_is_named_with_the_reason_in_time() {
    let Some(faulty) = Faulty::start().await else { return };
    for (fault, text) in [
        (Fault::Status(500, "hunter2"), "cannot be read now"),
        (Fault::Status(503, "SlowDown"), "asks for fewer requests"),
        (Fault::Status(429, "SlowDown"), "asks for fewer requests"),
        (Fault::Status(403, DENIED), "[stores]"),
        (Fault::Status(401, DENIED), "[stores]"),
        (Fault::Status(400, EXPIRED), "have expired"),
        (Fault::Status(403, EXPIRED), "have expired"),
        (Fault::Reset, "cannot be read now"),
        (Fault::Hang, "brings nothing any more"),
        (Fault::Drip, "brings nothing any more"),
        (Fault::Redirect, "lies elsewhere"),
    ] {
        for format in formats(fault) {
            faulty.proxy.fail(move |request| match request.reads(".parquet") {
                true => fault,
                false => Fault::None,
            });
            let line = faulty.refusal(format, fault).await;
            assert!(line.contains(text), "{format}, {fault:?}: {line}");
            assert!(line.contains("data file"), "{format}, {fault:?}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_that_stays_unreadable_is_an_error_in_time() {
    let Some(faulty) = Faulty::start().await else { return };
    for fault in [
        Fault::Status(503, "SlowDown"),
        Fault::Status(403, DENIED),
        Fault::Status(400, EXPIRED),
        Fault::Reset,
        Fault::Hang,
        Fault::Redirect,
    ] {
        for format in formats(fault) {
            faulty.proxy.fail(move |_| fault);
            faulty.refusal(format, fault).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_of_another_object_is_never_taken_for_the_file() {
    let Some(faulty) = Faulty::start().await else { return };
    for format in FORMATS {
        // The tail of a file is as it was, and what follows is of another one.
        let mut seen = HashSet::new();
        faulty.proxy.fail(move |request| {
            let is_first = seen.insert(request.path.clone());
            match request.reads(".parquet") && !is_first {
                true => Fault::OtherTag,
                false => Fault::None,
            }
        });
        // A small file that is read whole has no second request.
        let config = StoresConfig { whole_files_bytes_max: 0, ..faulty.config(4) };
        let error = faulty.read(format, config).await.expect_err("another object");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{format}: {error:?}");
        assert!(error.to_line().contains("was overwritten"), "{format}: {}", error.to_line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_is_not_the_one_whose_footer_is_kept_is_an_error_until_it_is_forgotten() {
    let Some(faulty) = Faulty::start().await else { return };
    for format in ["delta", "iceberg"] {
        let stores = Stores::new(faulty.config(4)).expect("stores");
        let connector = connector(&stores, format);
        let read = async || {
            let asked = request(format, &faulty.service.told(format), Moment::Latest);
            rows(connector.as_ref(), &stores, asked).await
        };
        faulty.proxy.fail(|_| Fault::None);
        faulty.assert_right(format, &read().await.expect("rows"), "at first");
        let _ = faulty.proxy.take_log();
        faulty.assert_right(format, &read().await.expect("rows"), "again");
        let log = faulty.proxy.take_log();
        // Nothing but the data is asked for: the tag comes with it.
        assert!(
            log.iter().all(|it| !it.path.contains(".parquet") || it.method == "GET"),
            "{log:?}"
        );
        faulty.proxy.fail(|request| match request.reads(".parquet") {
            true => Fault::OtherTag,
            false => Fault::None,
        });
        let error = read().await.expect_err("another content");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{format}: {error:?}");
        assert!(error.to_line().contains("was overwritten"), "{format}: {}", error.to_line());
        // Each file is forgotten once.
        faulty.proxy.fail(|_| Fault::None);
        let mut again = read().await;
        for _ in 0..100 {
            again = if again.is_err() { read().await } else { again };
        }
        faulty.assert_right(format, &again.expect("rows"), "at last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_in_ten_fails_and_every_query_ends_right_or_with_a_name() {
    let Some(faulty) = Faulty::start().await else { return };
    let faults = [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Reset,
        Fault::Cut,
        Fault::Hang,
        Fault::Delay(Duration::from_millis(50)),
    ];
    let mut random = StdRng::seed_from_u64(7);
    faulty.proxy.fail(move |_| match random.random_bool(0.1) {
        true => faults[random.random_range(0..faults.len())],
        false => Fault::None,
    });
    let mut right = 0;
    for round in 0..6 {
        for format in FORMATS {
            // Without retries there are errors to look at, too.
            let retries_max = [0, 2, 4][round % 3];
            let began = Instant::now();
            match faulty.read(format, faulty.config(retries_max)).await {
                Ok(found) => {
                    faulty.assert_right(format, &found, "one in ten");
                    right += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
                    assert!(error.to_line().contains("cannot be read"), "{}", error.to_line());
                }
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{format}");
        }
    }
    assert!(right >= 6, "{right} of 18 were right");
    faulty.proxy.fail(|_| Fault::None);
    for format in FORMATS {
        let found = faulty.read(format, faulty.config(0)).await.expect("the faults have passed");
        faulty.assert_right(format, &found, "after the faults");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_keep_to_their_bound() {
    let Some(faulty) = Faulty::start().await else { return };
    faulty.proxy.fail(|_| Fault::Delay(Duration::from_millis(30)));
    let config = StoresConfig { store_requests_max: 2, ..faulty.config(0) };
    let found = faulty.read("parquet", config).await.expect("rows");
    faulty.assert_right("parquet", &found, "two at once");
    assert_eq!(faulty.proxy.at_once_max(), 2);
}
