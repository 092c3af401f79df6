//! Resolving, governing and planning a query of three tables, in a small and in a large mesh.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use samite_engine::Engine;
use samite_engine::product::{Mesh, Version};
use samite_engine::session::{Principal, Session};
use samite_engine::testing::{FixedCatalog, MemoryConnector, contract, mesh_of, port};
use tokio::runtime::Runtime;

const SQL: &str = "SELECT a.id, count(*) FROM media.first.rows a JOIN media.second.rows b USING (id) \
                   JOIN media.third.rows c USING (id) WHERE a.id > 10 GROUP BY a.id";

const NAMED: [&str; 3] = ["first", "second", "third"];

fn mesh(products: usize) -> Mesh {
    let version = Version::parse("1.0.0").expect("a version");
    let others: Vec<(String, String)> = (NAMED.len()..products)
        .map(|number| (format!("domain_{}", number % 100), format!("product_{number}")))
        .collect();
    let named = NAMED.map(|name| ("media", name));
    let all = named.into_iter().chain(others.iter().map(|(domain, name)| (&**domain, &**name)));
    mesh_of(
        all.map(|(domain, name)| {
            let contract = contract(&format!("{domain}.{name}"), version, &["rows"]);
            (domain, name, vec![port("main", contract)])
        })
        .collect(),
    )
}

fn session(products: usize) -> Session {
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
    let ids: Int64Array = (0..100).collect();
    let rows = RecordBatch::try_new(schema, vec![Arc::new(ids)]).expect("rows");
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh(products))))
        .connectors(vec![Arc::new(MemoryConnector::default().with_table("rows", vec![rows]))])
        .build()
        .expect("an engine");
    engine.session(Principal::anonymous())
}

fn planning(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("planning");
    for products in [10, 10_000] {
        let session = runtime.block_on(async { session(products) });
        let id = BenchmarkId::new("three tables, products", products);
        group.bench_function(id, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let statement = session.parse(SQL).expect("a statement");
                black_box(session.plan(&statement).await.expect("a plan"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
