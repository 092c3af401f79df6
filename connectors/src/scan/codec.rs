//! Ships a scan to another process and back, with all that decides which rows it gives.
//!
//! ```text
//! DataSourceExec(LakeSource) ◀──▶ plain Parquet scan + WireScan { tags, deleted rows, identities, .. }
//! ```
//!
//! DataFusion's own encoding would lose deleted rows and field identities without a word. What is
//! shipped names a store and never a credential; whoever reads it opens the store from its own
//! registry, and only places that this registry allows.

use std::fmt;
use std::sync::Arc;

use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_datasource::PartitionedFile;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use prost::Message;
use samite_engine::{Error, ErrorKind};

use super::columns::ColumnsInFiles;
use super::data_file::name_of;
use super::file_rows::FileRows;
use super::reader::LakeReaders;
use super::report::lake_scan;
use super::source::LakeSource;
use super::wire::{WireFile, WireRows, WireScan, broken};
use crate::stores::{StoreHandle, Stores};

/// Ships lakehouse scans; everything else is left to other codecs.
#[derive(Clone)]
pub struct LakeCodec {
    stores: Stores,
}

impl LakeCodec {
    /// A codec whose decoded scans read through `stores`.
    #[must_use]
    pub fn new(stores: Stores) -> Self {
        Self { stores }
    }

    /// The store of a scan, if every file of it may be read here.
    fn store(&self, wire: &WireScan, files: &[PartitionedFile]) -> Result<Arc<StoreHandle>> {
        let mut found = self.stores.store(&wire.store);
        for file in files {
            let location = format!("{}/{}", wire.root, file.object_meta.location);
            let place = self.stores.resolve_file(&location, None)?;
            if found.is_none() && place.store.id.as_str() == wire.store {
                found = Some(place.store);
            }
        }
        let store = found.filter(|store| store.root == wire.root);
        store.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidConfiguration,
                "a scan reads a store that is not known here",
            )
            .with_detail(format!("the store is \"{}\"", wire.root))
            .with_hint("give all nodes one configuration of [stores] and [locations]")
            .into()
        })
    }
}

impl fmt::Debug for LakeCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LakeCodec")
    }
}

impl PhysicalExtensionCodec for LakeCodec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        // Codecs are tried in turn on one buffer: nothing is written before all is well.
        let Some((config, source)) = lake_scan(node.as_ref()) else {
            return Err(DataFusionError::NotImplemented(format!("shipping {}", node.name())));
        };
        let plain = FileScanConfigBuilder::from(config.clone())
            .with_source(Arc::clone(source.parquet()))
            .build();
        let plain: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(plain);
        let store = self.stores.store(host(config)).ok_or_else(|| broken("the store is gone"))?;
        let wire = WireScan {
            plan: Some(converter.execution_plan_to_proto(&plain, self)?),
            store: store.id.to_string(),
            root: store.root.clone(),
            files: files(config).map(wire_file).collect::<Result<_>>()?,
            limit: config.limit.map(|limit| limit as u64),
            preserve_order: config.preserve_order,
            ..WireScan::default()
        };
        buffer.extend(wire.with_scanned(source.scanned())?.encode_to_vec());
        Ok(())
    }

    fn try_decode(
        &self,
        bytes: &[u8],
        _: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wire = WireScan::decode(bytes).map_err(|error| broken(&error.to_string()))?;
        let scanned = Arc::new(wire.scanned()?);
        let node = wire.plan.as_ref().ok_or_else(|| broken("the plan is missing"))?;
        // The store must be open before DataFusion asks for it by its name.
        self.open_named(&wire, node)?;
        let context = PhysicalPlanDecodeContext::new(context, self);
        let plan = converter.proto_to_execution_plan(node, &context)?;
        let config = plan
            .downcast_ref::<DataSourceExec>()
            .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
            .ok_or_else(|| broken("it is no scan"))?;
        let parquet = config
            .file_source()
            .downcast_ref::<ParquetSource>()
            .ok_or_else(|| broken("it is no Parquet scan"))?;
        let groups = with_side_data(config, &wire)?;
        let all: Vec<PartitionedFile> = files(config).cloned().collect();
        let store = self.store(&wire, &all)?;
        if host(config) != store.id.as_str() {
            return Err(broken("the store has two names").into());
        }
        let parquet =
            parquet.clone().with_parquet_file_reader_factory(Arc::new(LakeReaders::new(store)));
        let adapter = Arc::new(ColumnsInFiles(Arc::clone(&scanned.columns)));
        let limit = wire
            .limit
            .map(usize::try_from)
            .transpose()
            .map_err(|_| broken("the limit is too large"))?;
        let config = FileScanConfigBuilder::from(config.clone())
            .with_source(Arc::new(LakeSource::new(Arc::new(parquet), scanned)))
            .with_file_groups(groups)
            .with_expr_adapter(Some(adapter))
            .with_limit(limit)
            .with_preserve_order(wire.preserve_order)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl LakeCodec {
    fn open_named(
        &self,
        wire: &WireScan,
        node: &datafusion_proto::protobuf::PhysicalPlanNode,
    ) -> Result<()> {
        use datafusion_proto::protobuf::physical_plan_node::PhysicalPlanType;
        if self.stores.store(&wire.store).is_some() {
            return Ok(());
        }
        let Some(PhysicalPlanType::ParquetScan(scan)) = &node.physical_plan_type else {
            return Err(broken("it is no Parquet scan").into());
        };
        let first = scan.base_conf.iter().flat_map(|base| &base.file_groups);
        if let Some(file) = first.flat_map(|group| &group.files).next() {
            self.stores.resolve_file(&format!("{}/{}", wire.root, file.path), None)?;
        }
        Ok(())
    }
}

/// The name of the store that a scan reads.
fn host(config: &FileScanConfig) -> &str {
    let url: &url::Url = config.object_store_url.as_ref();
    url.host_str().unwrap_or_default()
}

fn files(config: &FileScanConfig) -> impl Iterator<Item = &PartitionedFile> {
    config.file_groups.iter().flat_map(|group| group.files())
}

fn wire_file(file: &PartitionedFile) -> Result<WireFile> {
    Ok(WireFile {
        e_tag: file.object_meta.e_tag.clone(),
        rows: file.extension::<FileRows>().map(WireRows::new).transpose()?,
    })
}

fn with_side_data(config: &FileScanConfig, wire: &WireScan) -> Result<Vec<FileGroup>> {
    if files(config).count() != wire.files.len() {
        return Err(broken("files are missing").into());
    }
    let mut sides = wire.files.iter();
    let mut groups = Vec::new();
    for group in &config.file_groups {
        let mut files = Vec::new();
        for (file, side) in group.files().iter().zip(sides.by_ref()) {
            let mut file = file.clone();
            file.object_meta.e_tag.clone_from(&side.e_tag);
            if let Some(rows) = &side.rows {
                let name = name_of(&file.object_meta.location);
                file = rows.rows()?.attach(file, &name)?;
            }
            files.push(file);
        }
        groups.push(FileGroup::new(files));
    }
    Ok(groups)
}
