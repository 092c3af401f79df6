//! The tables of `pg_catalog` that are always empty: Samite has none of what they list.
//!
//! They are there because clients join with them; a query of theirs alone has no rows, which
//! `resolve/shims` makes use of.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use crate::error::Result;
use crate::mesh_catalog::builder::oid_field;

/// A table without rows.
#[derive(Debug)]
pub(super) struct EmptyTable {
    pub(super) name: &'static str,
    pub(super) oid: i32,
    pub(super) is_view: bool,
    /// The columns; each is text unless a letter after a colon says otherwise.
    columns: &'static str,
}

const fn table(name: &'static str, oid: i32, columns: &'static str) -> EmptyTable {
    EmptyTable { name, oid, is_view: false, columns }
}

const fn view(name: &'static str, oid: i32, columns: &'static str) -> EmptyTable {
    EmptyTable { name, oid, is_view: true, columns }
}

/// The tables without rows, with their numbers.
pub(super) static TABLES: [EmptyTable; 66] = [
    table(
        "pg_aggregate",
        2600,
        "aggfnoid:o aggkind aggnumdirectargs:s aggtransfn:o aggfinalfn:o aggtranstype:o agginitval",
    ),
    table(
        "pg_amop",
        2602,
        "oid:o amopfamily:o amoplefttype:o amoprighttype:o amopstrategy:s amoppurpose amopopr:o amopmethod:o amopsortfamily:o",
    ),
    table(
        "pg_amproc",
        2603,
        "oid:o amprocfamily:o amproclefttype:o amprocrighttype:o amprocnum:s amproc:o",
    ),
    table("pg_attrdef", 2604, "oid:o adrelid:o adnum:s adbin"),
    table(
        "pg_auth_members",
        1261,
        "oid:o roleid:o member:o grantor:o admin_option:b inherit_option:b set_option:b",
    ),
    table(
        "pg_cast",
        2605,
        "oid:o tableoid:o castsource:o casttarget:o castfunc:o castcontext castmethod",
    ),
    table(
        "pg_collation",
        3456,
        "oid:o collname collnamespace:o collowner:o collprovider collisdeterministic:b collencoding:i collcollate collctype colliculocale collicurules collversion",
    ),
    table(
        "pg_conversion",
        2607,
        "oid:o tableoid:o conname connamespace:o conowner:o conforencoding:i contoencoding:i conproc:o condefault:b",
    ),
    table("pg_db_role_setting", 2964, "setdatabase:o setrole:o setconfig:T"),
    table("pg_default_acl", 826, "oid:o defaclrole:o defaclnamespace:o defaclobjtype defaclacl:T"),
    table(
        "pg_depend",
        2608,
        "classid:o objid:o objsubid:i refclassid:o refobjid:o refobjsubid:i deptype",
    ),
    table("pg_enum", 3501, "oid:o enumtypid:o enumsortorder:f enumlabel"),
    table(
        "pg_event_trigger",
        3466,
        "oid:o evtname evtevent evtowner:o evtfoid:o evtenabled evttags:T",
    ),
    table(
        "pg_extension",
        3079,
        "oid:o extname extowner:o extnamespace:o extrelocatable:b extversion extconfig:O extcondition:T",
    ),
    table(
        "pg_foreign_data_wrapper",
        2328,
        "oid:o tableoid:o fdwname fdwowner:o fdwhandler:o fdwvalidator:o fdwacl:T fdwoptions:T",
    ),
    table(
        "pg_foreign_server",
        1417,
        "oid:o tableoid:o srvname srvowner:o srvfdw:o srvtype srvversion srvacl:T srvoptions:T",
    ),
    table("pg_foreign_table", 3118, "ftrelid:o ftserver:o ftoptions:T"),
    table("pg_inherits", 2611, "inhrelid:o inhparent:o inhseqno:i inhdetachpending:b"),
    table("pg_init_privs", 3394, "objoid:o classoid:o objsubid:i privtype initprivs:T"),
    table("pg_largeobject_metadata", 2995, "oid:o lomowner:o lomacl:T"),
    table(
        "pg_opclass",
        2616,
        "oid:o tableoid:o opcmethod:o opcname opcnamespace:o opcowner:o opcfamily:o opcintype:o opcdefault:b opckeytype:o",
    ),
    table(
        "pg_operator",
        2617,
        "oid:o tableoid:o oprname oprnamespace:o oprowner:o oprkind oprcanmerge:b oprcanhash:b oprleft:o oprright:o oprresult:o oprcom:o oprnegate:o oprcode:o oprrest:o oprjoin:o",
    ),
    table("pg_opfamily", 2753, "oid:o tableoid:o opfmethod:o opfname opfnamespace:o opfowner:o"),
    table("pg_parameter_acl", 6243, "oid:o parname paracl:T"),
    table(
        "pg_partitioned_table",
        3350,
        "partrelid:o partstrat partnatts:s partdefid:o partattrs:S partclass:O partcollation:O partexprs",
    ),
    table(
        "pg_policy",
        3256,
        "oid:o polname polrelid:o polcmd polpermissive:b polroles:O polqual polwithcheck",
    ),
    table(
        "pg_publication",
        6104,
        "oid:o pubname pubowner:o puballtables:b pubinsert:b pubupdate:b pubdelete:b pubtruncate:b pubviaroot:b",
    ),
    table("pg_publication_namespace", 6237, "oid:o pnpubid:o pnnspid:o"),
    table("pg_publication_rel", 6106, "oid:o prpubid:o prrelid:o prqual prattrs:S"),
    table(
        "pg_range",
        3541,
        "rngtypid:o rngsubtype:o rngmultitypid:o rngcollation:o rngsubopc:o rngcanonical:o rngsubdiff:o",
    ),
    table(
        "pg_rewrite",
        2618,
        "oid:o tableoid:o rulename ev_class:o ev_type ev_enabled is_instead:b ev_qual ev_action",
    ),
    table("pg_seclabel", 3596, "objoid:o classoid:o objsubid:i provider label"),
    table(
        "pg_sequence",
        2224,
        "seqrelid:o seqtypid:o seqstart:l seqincrement:l seqmax:l seqmin:l seqcache:l seqcycle:b",
    ),
    table(
        "pg_shdepend",
        1214,
        "dbid:o classid:o objid:o objsubid:i refclassid:o refobjid:o deptype",
    ),
    table("pg_shseclabel", 3592, "objoid:o classoid:o provider label"),
    table(
        "pg_statistic_ext",
        3381,
        "oid:o stxrelid:o stxname stxnamespace:o stxowner:o stxstattarget:i stxkeys:S stxkind:T stxexprs",
    ),
    table(
        "pg_subscription",
        6100,
        "oid:o subdbid:o subskiplsn subname subowner:o subenabled:b subbinary:b substream subtwophasestate subdisableonerr:b subpasswordrequired:b subrunasowner:b subconninfo subslotname subsynccommit subpublications:T suborigin",
    ),
    table("pg_transform", 3576, "oid:o trftype:o trflang:o trffromsql:o trftosql:o"),
    table(
        "pg_trigger",
        2620,
        "oid:o tableoid:o tgrelid:o tgparentid:o tgname tgfoid:o tgtype:s tgenabled tgisinternal:b tgconstrrelid:o tgconstrindid:o tgconstraint:o tgdeferrable:b tginitdeferred:b tgnargs:s tgattr:S tgargs tgqual tgoldtable tgnewtable",
    ),
    table("pg_ts_config", 3602, "oid:o cfgname cfgnamespace:o cfgowner:o cfgparser:o"),
    table("pg_ts_config_map", 3603, "mapcfg:o maptokentype:i mapseqno:i mapdict:o"),
    table(
        "pg_ts_dict",
        3600,
        "oid:o dictname dictnamespace:o dictowner:o dicttemplate:o dictinitoption",
    ),
    table(
        "pg_ts_parser",
        3601,
        "oid:o prsname prsnamespace:o prsstart:o prstoken:o prsend:o prsheadline:o prslextype:o",
    ),
    table("pg_ts_template", 3764, "oid:o tmplname tmplnamespace:o tmplinit:o tmpllexize:o"),
    table("pg_user_mapping", 1418, "oid:o umuser:o umserver:o umoptions:T"),
    view("pg_available_extensions", 12_070, "name default_version installed_version comment"),
    view(
        "pg_cursors",
        12_060,
        "name statement is_holdable:b is_binary:b is_scrollable:b creation_time:t",
    ),
    view("pg_group", 12_009, "groname grosysid:o grolist:O"),
    view(
        "pg_locks",
        12_050,
        "locktype database:o relation:o page:i tuple:s virtualxid transactionid:l classid:o objid:o objsubid:s virtualtransaction pid:i mode granted:b fastpath:b waitstart:t",
    ),
    view(
        "pg_matviews",
        12_026,
        "schemaname matviewname matviewowner tablespace hasindexes:b ispopulated:b definition",
    ),
    view(
        "pg_policies",
        12_030,
        "schemaname tablename policyname permissive roles:T cmd qual with_check",
    ),
    view(
        "pg_prepared_statements",
        12_080,
        "name statement prepare_time:t parameter_types:T from_sql:b",
    ),
    view("pg_prepared_xacts", 12_085, "transaction:l gid prepared:t owner database"),
    view("pg_publication_tables", 12_090, "pubname schemaname tablename attnames:T rowfilter"),
    view(
        "pg_replication_slots",
        12_095,
        "slot_name plugin slot_type datoid:o database temporary:b active:b active_pid:i",
    ),
    view("pg_rules", 12_034, "schemaname tablename rulename definition"),
    view(
        "pg_seclabels",
        12_100,
        "objoid:o classoid:o objsubid:i objtype objnamespace:o objname provider label",
    ),
    view(
        "pg_sequences",
        12_038,
        "schemaname sequencename sequenceowner data_type start_value:l min_value:l max_value:l increment_by:l cycle:b cache_size:l last_value:l",
    ),
    view("pg_stat_database", 12_230, "datid:o datname numbackends:i xact_commit:l xact_rollback:l"),
    view("pg_stat_gssapi", 12_240, "pid:i gss_authenticated:b principal encrypted:b"),
    view("pg_stat_ssl", 12_245, "pid:i ssl:b version cipher bits:i"),
    view(
        "pg_stat_user_indexes",
        12_200,
        "relid:o indexrelid:o schemaname relname indexrelname idx_scan:l",
    ),
    view(
        "pg_statio_user_tables",
        12_205,
        "relid:o schemaname relname heap_blks_read:l heap_blks_hit:l",
    ),
    view(
        "pg_stats",
        12_042,
        "schemaname tablename attname inherited:b null_frac:f avg_width:i n_distinct:f",
    ),
    view("pg_timezone_names", 12_120, "name abbrev utc_offset is_dst:b"),
    view("pg_user_mappings", 12_046, "umid:o srvid:o srvname umuser:o usename umoptions:T"),
];

/// True for the name of a table that never has rows.
pub(super) fn is_empty(name: &str) -> bool {
    TABLES.iter().any(|known| known.name == name)
}

impl EmptyTable {
    /// Its columns.
    pub(super) fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.split_whitespace().map(field).collect();
        Arc::new(Schema::new(fields))
    }

    /// The table.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn make(&self) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(MemTable::try_new(self.schema(), vec![Vec::new()])?))
    }
}

fn field(column: &str) -> Field {
    let (name, letter) = column.split_once(':').unwrap_or((column, ""));
    let list = |item: Field| DataType::List(Arc::new(item));
    let data_type = match letter {
        "o" => return oid_field(name, "oid"),
        "s" => DataType::Int16,
        "i" => DataType::Int32,
        "l" => DataType::Int64,
        "f" => DataType::Float32,
        "b" => DataType::Boolean,
        "t" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "S" => list(Field::new_list_field(DataType::Int16, true)),
        "O" => list(Field::new_list_field(DataType::Int32, true)),
        "T" => list(Field::new_list_field(DataType::Utf8, true)),
        _ => DataType::Utf8,
    };
    Field::new(name, data_type, true)
}
