//! What the fuzz targets share: panics that end a run, an engine over a small mesh, names of messages.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use datafusion::arrow::array::{Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use samite_engine::Engine;
use samite_engine::product::Version;
use samite_engine::testing::{MemoryConnector, contract, engine_with, mesh_of, port};
use tokio::runtime::{Builder, Runtime};

pub use messages::{ACTIONS, MESSAGES, TYPE_PREFIX, wrapped};
pub use prepared::{calls, prepare};

mod messages;
mod prepared;

/// What the panic of this run said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Takes note of panics; libFuzzer's own hook ends the process before the server could catch one.
pub fn note_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut noted) = PANIC.lock() {
            noted.get_or_insert_with(|| panic.to_string());
        }
    }));
}

/// Runs one input. A panic ends the process, one that the server catches included, unless it is one of
/// the crates `caught`, whose panics the server catches on purpose.
pub fn run(caught: &[&str], input: impl FnOnce() -> Result<(), String>) {
    let verdict = catch_unwind(AssertUnwindSafe(input));
    let noted = PANIC.lock().ok().and_then(|mut noted| noted.take());
    let fault = match (verdict, noted) {
        (Ok(Err(rule)), _) => rule,
        (Err(_), noted) => noted.unwrap_or_else(|| "a panic".to_owned()),
        (Ok(Ok(())), Some(noted)) if !is_of(&noted, caught) => noted,
        (Ok(Ok(())), _) => return,
    };
    eprintln!("\nfault: {fault}\n");
    std::process::abort();
}

/// True for a panic in the source of one of these crates, by the name of the folder.
fn is_of(panic: &str, crates: &[&str]) -> bool {
    crates.iter().any(|name| panic.contains(&format!("/{name}-")))
}

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Waits for `work`.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with_borrow_mut(|runtime| {
        let made = || Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.get_or_insert_with(made).block_on(work)
    })
}

/// An engine over one table in memory, `sales.orders.orders`.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let made = || {
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("buyer", DataType::Utf8, true),
            Field::new("price", DataType::Float64, true),
            Field::new("day", DataType::Date32, true),
        ]);
        let rows = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from(vec![1, 2, 3])),
                Arc::new(StringArray::from(vec![Some("ada"), None, Some("bob")])),
                Arc::new(Float64Array::from(vec![Some(1.5), Some(2.0), None])),
                Arc::new(Date32Array::from(vec![Some(1), None, Some(20_000)])),
            ],
        );
        let tables = MemoryConnector::default().with_table("orders", vec![rows.expect("rows")]);
        let version = Version { major: 1, minor: 0, patch: 0 };
        let ports = vec![port("main", contract("orders", version, &["orders"]))];
        engine_with(mesh_of(vec![("sales", "orders", ports)]), tables).expect("an engine")
    };
    ENGINE.get_or_init(made).clone()
}
