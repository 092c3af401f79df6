//! What two statements cost to plan, to refuse or to run, in two meshes: the same one behind policies and
//! without, or a name that is hidden and one that means nothing.
//!
//! ```text
//! statement_times plan|run TURNS MESH SQL MESH SQL
//! ```
//!
//! Both are asked in turns, in this process, by whoever is not logged in; `{}` in the SQL is the number of the
//! turn, so that no text is asked twice. What counts is the processor's time of the whole process, not that of
//! the clock, and the median of the differences of two neighbours, not the difference of two medians: what else
//! the machine does strikes both. Prints a line for each figure: medians in milliseconds, the 95 % interval of
//! the median difference, and what each statement came to.

use std::io::Write;
use std::time::Duration;

use cpu_time::ProcessTime;
use futures::TryStreamExt;
use samite::Mesh;
use samite_engine::session::{Principal, Session};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Turns before the first that counts, at most: footers and decisions are kept by then.
const TURNS_TO_WARM_UP: usize = 60;

const USAGE: &str = "usage: statement_times plan|run TURNS MESH SQL MESH SQL";

/// A statement in its mesh.
struct Side {
    session: Session,
    sql: String,
    /// What the last one came to.
    said: String,
    samples: Vec<Duration>,
}

impl Side {
    async fn open(mesh: &str, sql: String) -> Result<(Mesh, Self), Failure> {
        let mesh = Mesh::open(mesh).await?;
        let session = mesh.session(Principal::anonymous());
        Ok((mesh, Self { session, sql, said: String::new(), samples: Vec::new() }))
    }

    async fn ask(&mut self, turn: usize, runs: bool) {
        let sql = self.sql.replace("{}", &format!("{turn:06}"));
        let begin = ProcessTime::now();
        let asked = asked(&self.session, &sql, runs).await;
        self.samples.push(begin.elapsed());
        self.said = match asked {
            Ok(Some(rows)) => format!("{rows} rows"),
            Ok(None) => "planned".to_owned(),
            Err(error) => error.to_line(),
        };
    }
}

/// How many rows a query gives, if it runs.
async fn asked(session: &Session, sql: &str, runs: bool) -> samite::Result<Option<usize>> {
    let plan = session.plan(&session.parse(sql)?).await?;
    if !runs {
        return Ok(None);
    }
    let mut rows = plan.execute().await?;
    let mut count = 0;
    while let Some(batch) = rows.try_next().await? {
        count += batch.num_rows();
    }
    Ok(Some(count))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or(USAGE);
    let runs = match next()?.as_str() {
        "plan" => false,
        "run" => true,
        _ => return Err(USAGE.into()),
    };
    let turns: usize = next()?.parse()?;
    let warm_up = TURNS_TO_WARM_UP.min(turns);
    let (_one_mesh, mut one) = Side::open(&next()?, next()?).await?;
    let (_other_mesh, mut other) = Side::open(&next()?, next()?).await?;
    for turn in 0..warm_up + turns {
        if turn == warm_up {
            one.samples.clear();
            other.samples.clear();
        }
        // Who comes second finds the caches of the processor as the first left them.
        if turn % 2 == 0 {
            one.ask(turn, runs).await;
            other.ask(turn, runs).await;
        } else {
            other.ask(turn, runs).await;
            one.ask(turn, runs).await;
        }
    }
    let milliseconds = |samples: &[Duration]| -> Vec<f64> {
        samples.iter().map(|sample| sample.as_secs_f64() * 1000.0).collect()
    };
    let (first, second) = (milliseconds(&one.samples), milliseconds(&other.samples));
    let more = first.iter().zip(&second).map(|(one, other)| one - other).collect();
    let [least, more, most] = median(more);
    let mut stdout = std::io::stdout().lock();
    for (name, value) in [
        ("one_ms", median(first)[1]),
        ("other_ms", median(second)[1]),
        ("more_ms", more),
        ("least_ms", least),
        ("most_ms", most),
    ] {
        writeln!(stdout, "{name} {value:.4}")?;
    }
    writeln!(stdout, "one_said {}\nother_said {}", one.said, other.said)?;
    Ok(())
}

/// The median between the ends of its 95 % interval.
fn median(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let at = |place: f64| {
        let place = place.clamp(0.0, (count - 1.0).max(0.0)) as usize;
        values.get(place).copied().unwrap_or(f64::NAN)
    };
    let half = 0.98 * count.sqrt();
    [at(count / 2.0 - half), at(count / 2.0), at(count / 2.0 + half)]
}
