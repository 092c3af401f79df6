//! Tables that are made up, behind policies, and the same tables as the policies leave them.
//!
//! ```text
//! World ─┬─▶ a session that sees the tables under their obligations
//!        └─▶ a session that sees what was filtered and masked by hand, of an open mesh
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::Result as DataFusionResult;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::ExecutionPlan;

use super::by_hand;
use super::cells::{Cell, any_cell, any_type, array, family, texts};
use super::dice::Dice;
use super::policy::{any_obligations, fits};
use super::source::{Habit, HabitualTable};
use crate::authorizer::{Mask, Obligations};
use crate::config::EngineConfig;
use crate::connector::{Connector, NoFacts, OpenRequest, PinnedTable, ScanReport, SnapshotId};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Column, Mesh, Server, Table, Version};
use crate::session::{Principal, Session};
use crate::testing::{FixedCatalog, FixedPolicies, contract, mesh_of, port};

const TABLES: [&str; 3] = ["t0", "t1", "t2"];

const PRINCIPAL: &str = "anna";

/// Tables and the policies over them.
#[derive(Debug)]
pub(super) struct World {
    pub(super) tables: Vec<MadeTable>,
    /// Texts that its values are made of.
    pub(super) texts: Vec<String>,
    partitions: usize,
    batch_rows: usize,
}

/// A table as it is, and as it is seen.
#[derive(Debug)]
pub(super) struct MadeTable {
    pub(super) name: &'static str,
    pub(super) obligations: Obligations,
    /// What is seen of it; the rest exists for nobody but the source.
    pub(super) columns: Vec<SeenColumn>,
    /// Names that the principal must not find.
    pub(super) absent: Vec<String>,
    /// True if the obligations can be kept; otherwise it may not be read.
    pub(super) is_open: bool,
    promised: BTreeSet<String>,
    habit: Habit,
    source: Rows,
    seen: Rows,
}

/// A column that is seen.
#[derive(Debug)]
pub(super) struct SeenColumn {
    pub(super) name: String,
    pub(super) data_type: DataType,
    /// True if its values are another ones in each query: only that they are equal can be asked.
    pub(super) is_salted: bool,
}

impl SeenColumn {
    pub(super) fn is_dictionary(&self) -> bool {
        matches!(self.data_type, DataType::Dictionary(..))
    }
}

/// Columns and their values, in batches.
#[derive(Debug)]
struct Rows {
    fields: Vec<Field>,
    rows: Vec<Vec<Cell>>,
    batch_rows: usize,
}

impl World {
    /// The world of this seed.
    pub(super) fn new(dice: &mut Dice) -> Self {
        let texts = texts(dice);
        let count = 1 + dice.roll(TABLES.len());
        let tables = TABLES.iter().take(count);
        let tables = tables.map(|name| MadeTable::new(dice, name, &texts)).collect();
        Self {
            tables,
            texts,
            partitions: 1 + dice.roll(3),
            batch_rows: dice.one(&[4, 16, 8192]).copied().unwrap_or(16),
        }
    }

    /// A session that sees the tables under their obligations.
    ///
    /// # Errors
    ///
    /// When the engine cannot be put together.
    pub(super) fn governed(&self) -> Result<Session> {
        let policies = FixedPolicies::default();
        policies.let_explain(PRINCIPAL);
        for table in &self.tables {
            let name = format!("d.p.{}", table.name);
            policies.permit(PRINCIPAL, &name, table.obligations.clone());
        }
        let tables = self.tables.iter().map(|table| {
            let provider: Arc<dyn TableProvider> = match table.obligations.is_empty() {
                true => Arc::new(table.source.provider()?),
                false => Arc::new(HabitualTable::new(table.rows()?, table.habit)),
            };
            Ok((table.name.to_owned(), provider))
        });
        let tables: DataFusionResult<_> = tables.collect();
        self.session(tables?, Some(policies))
    }

    /// A session of an open mesh with what is seen of the tables.
    ///
    /// # Errors
    ///
    /// When the engine cannot be put together.
    pub(super) fn by_hand(&self) -> Result<Session> {
        let tables = self.tables.iter().map(|table| {
            let provider: Arc<dyn TableProvider> = Arc::new(table.seen.provider()?);
            Ok((table.name.to_owned(), provider))
        });
        let tables: DataFusionResult<_> = tables.collect();
        self.session(tables?, None)
    }

    /// Sessions of an open mesh, each with another row of what is seen of one table, and no other table.
    pub(super) fn each_row(&self, place: usize) -> impl Iterator<Item = Result<Session>> {
        let tables = self.tables.get(place).into_iter();
        let rows = tables.flat_map(|table| table.seen.rows.iter().map(move |row| (table, row)));
        rows.map(|(table, row)| {
            let (fields, rows) = (table.seen.fields.clone(), vec![row.clone()]);
            let provider: Arc<dyn TableProvider> =
                Arc::new(Rows { fields, rows, batch_rows: 1 }.provider()?);
            self.session(BTreeMap::from([(table.name.to_owned(), provider)]), None)
        })
    }

    fn session(
        &self,
        tables: BTreeMap<String, Arc<dyn TableProvider>>,
        policies: Option<FixedPolicies>,
    ) -> Result<Session> {
        let config = EngineConfig {
            target_partitions: self.partitions,
            batch_rows: self.batch_rows,
            ..EngineConfig::default()
        };
        let mut builder = Engine::builder()
            .catalog(Arc::new(FixedCatalog::new(self.mesh()?)))
            .connectors(vec![Arc::new(Tables(tables))])
            .config(config);
        if let Some(policies) = policies {
            builder = builder.authorizer(Arc::new(policies));
        }
        Ok(builder.build()?.session(Principal::user(PRINCIPAL)))
    }

    fn mesh(&self) -> Result<Mesh> {
        let version = Version::parse("1.0.0").ok_or_else(|| wrong("there is no version"))?;
        let mut promise = contract("t.1", version, &[]);
        promise.tables = self.tables.iter().map(|table| Arc::new(table.promise())).collect();
        Ok(mesh_of(vec![("d", "p", vec![port("main", promise)])]))
    }
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::Internal, what)
}

impl MadeTable {
    fn new(dice: &mut Dice, name: &'static str, texts: &[String]) -> Self {
        let mut fields = vec![Field::new("id", DataType::Int64, false)];
        for place in 0..2 + dice.roll(6) {
            let may_be_null = !dice.once_in(4);
            fields.push(Field::new(format!("c{place}"), any_type(dice), may_be_null));
        }
        // What a contract promises to hold no NULL holds none, whatever the source says of it.
        let mut promised = fields.clone();
        promised.retain(|_| dice.once_in(5));
        let promised: BTreeSet<String> =
            promised.iter().map(|field| field.name().clone()).collect();
        let may_be_null = |field: &Field| field.is_nullable() && !promised.contains(field.name());
        let count = if dice.once_in(10) { dice.roll(2) } else { dice.roll(60) };
        let mut id = 0;
        let mut row = |_| {
            id += dice.between(1, 3);
            let cell = |field: &Field| match field.name().as_str() {
                "id" => Cell::Whole(i128::from(id)),
                _ if may_be_null(field) && dice.once_in(5) => Cell::Null,
                _ => any_cell(dice, field.data_type(), texts),
            };
            fields.iter().map(cell).collect()
        };
        let rows: Vec<Vec<Cell>> = (0..count).map(&mut row).collect();
        let obligations = any_obligations(dice, &fields, texts);
        let (shown, seen_rows) = by_hand::seen((&fields, &rows), &obligations, &promised);
        let is_salted = |field: &Field| {
            let mask = obligations.masks.get(field.name());
            mask == Some(&Mask::Sha256QueryLocal) && is_digested(field.data_type())
        };
        let column = |field: &Field| SeenColumn {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            is_salted: is_salted(field),
        };
        Self {
            name,
            columns: shown.iter().map(column).collect(),
            absent: obligations.absent.iter().cloned().collect(),
            is_open: fits(&obligations, &fields),
            promised,
            habit: Habit::any(dice),
            seen: Rows { fields: shown, rows: seen_rows, batch_rows: 7 + dice.roll(20) },
            source: Rows { fields, rows, batch_rows: 3 + dice.roll(20) },
            obligations,
        }
    }

    fn promise(&self) -> Table {
        let column = |field: &Field| Column {
            name: field.name().clone(),
            is_required: self.promised.contains(field.name()),
            ..Column::default()
        };
        let columns = if self.promised.is_empty() { &[][..] } else { &self.source.fields };
        Table {
            name: self.name.to_owned(),
            columns: columns.iter().map(column).collect(),
            ..Table::default()
        }
    }

    /// What its source has, deleted rows too.
    fn rows(&self) -> DataFusionResult<Arc<MemTable>> {
        let mut rows = self.source.rows.clone();
        if self.habit == Habit::Deleting {
            let mut deleted = rows.clone();
            for (id, row) in (1..).zip(&mut deleted) {
                if let Some(cell) = row.first_mut() {
                    *cell = Cell::Whole(-id);
                }
            }
            rows.extend(deleted);
        }
        let (fields, batch_rows) = (self.source.fields.clone(), self.source.batch_rows);
        Ok(Arc::new(Rows { fields, rows, batch_rows }.provider()?))
    }

    /// How many of its rows are hidden, and how many are seen.
    pub(super) fn counts(&self) -> (usize, usize) {
        let seen = self.seen.rows.len();
        (self.source.rows.len() - seen, seen)
    }
}

/// True for what a digest can be of; anything else becomes the fixed value.
fn is_digested(data_type: &DataType) -> bool {
    use super::cells::Family;
    let is_binary =
        matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    is_binary || matches!(family(data_type), Family::Text | Family::Whole)
}

impl Rows {
    fn provider(&self) -> DataFusionResult<MemTable> {
        let schema = Arc::new(Schema::new(self.fields.clone()));
        let batch = |rows: &[Vec<Cell>]| {
            let columns: DataFusionResult<Vec<ArrayRef>> = self
                .fields
                .iter()
                .enumerate()
                .map(|(place, field)| {
                    let cells = rows.iter().map(|row| row.get(place).unwrap_or(&Cell::Null));
                    array(field.data_type(), cells)
                })
                .collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns?, &options)?)
        };
        let batches: DataFusionResult<Vec<RecordBatch>> = match self.rows.is_empty() {
            true => Ok(vec![batch(&[])?]),
            false => self.rows.chunks(self.batch_rows).map(batch).collect(),
        };
        MemTable::try_new(Arc::clone(&schema), vec![batches?])
    }
}

/// Tables by their name in the source.
#[derive(Debug)]
struct Tables(BTreeMap<String, Arc<dyn TableProvider>>);

#[async_trait]
impl Connector for Tables {
    fn kind(&self) -> &str {
        "memory"
    }

    fn reads(&self, server: &Server) -> bool {
        server.format.as_deref() == Some("memory")
    }

    async fn open(&self, request: OpenRequest) -> Result<PinnedTable> {
        let table = self.0.get(request.table.source_name());
        Ok(PinnedTable {
            snapshot: SnapshotId("memory:1".to_owned()),
            committed_at: None,
            rows: None,
            files: 1,
            bytes: 1,
            provider: Arc::clone(table.ok_or_else(|| wrong("there is no such table"))?),
            facts: Arc::new(NoFacts),
        })
    }

    fn report(&self, _node: &dyn ExecutionPlan) -> Option<ScanReport> {
        None
    }
}
