//! Asks a mesh from a Rust program: no server, no SQL client, Arrow batches.
//!
//! ```text
//! samite demo --dir mesh-demo
//! cargo run --example embed -- mesh-demo
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use samite::{Collect, Mesh, Principal};

const LOUDEST: &str = "
    SELECT   a.stage_name, count(*) AS plays
    FROM     media_player.play_events.plays p
    JOIN     artists.profiles.artists a USING (artist_id)
    WHERE    p.country = 'SE' AND p.played_at >= '2026-09-01T00:00:00Z'
    GROUP BY a.stage_name
    ORDER BY plays DESC, a.stage_name
    LIMIT    5";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "mesh-demo".to_owned());

    // A mesh keeps looking at its documents; clones of it are cheap and share everything.
    let mesh = Mesh::open(folder).await?;
    for product in mesh.picture().products() {
        println!("{}.{}: {}", product.domain, product.name, product.status);
    }

    // The program vouches for the principal.
    let session = mesh.session(Principal::user("ada"));

    // A small answer, all at once.
    let batches = session.sql(LOUDEST).await?.collect().await?;
    println!("{}", pretty_format_batches(&batches)?);

    // A large answer, batch by batch: nothing is held that is not needed.
    let mut stream = session.sql("SELECT ms_played FROM media_player.play_events.plays").await?;
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await? {
        rows += batch.num_rows();
    }
    println!("{rows} plays");
    for report in stream.reports() {
        println!(
            "{}: {} of {} files, {} of {} bytes",
            report.table,
            report.files_read,
            report.files_total,
            report.bytes_read,
            report.bytes_total
        );
    }

    // An error has a kind to react to, and says what to do.
    match session.sql("SELECT * FROM artists.profile.artists").await {
        Ok(_) => println!("that should not be there"),
        Err(error) => println!("{:?}: {}", error.kind(), error.to_line()),
    }
    Ok(())
}
