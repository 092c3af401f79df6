//! What the server is and can, by the codes of Flight SQL (`SqlInfo`).
//!
//! Left out: 6 and 7, the versions of Substrait: a plan of any is read, and what is not understood is refused. A code of 10,000 or more would break
//! the JDBC driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, MapArray, RecordBatch, StructArray, UnionArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, UnionFields};
use datafusion::arrow::error::ArrowError;
use samite_engine::Result;

use super::unbuildable;
use crate::config::FlightConfig;

/// The version of Arrow that the server speaks.
const ARROW_VERSION: &str = "59.3.2";

const TRUE: &[u32] = &[3, 4, 5, 9, 515, 516, 518, 520, 521, 523, 524, 532, 539];
const FALSE: &[u32] =
    &[10, 11, 500, 501, 502, 506, 519, 527, 536, 537, 556, 563, 565, 566, 572, 573, 574, 575, 576];

const TEXTS: &[(u32, &str)] = &[
    (0, "Samite"),
    (1, env!("CARGO_PKG_VERSION")),
    (2, ARROW_VERSION),
    (504, "\""),
    (513, "\\"),
    (514, ""),
    (529, "schema"),
    (530, "procedure"),
    (531, "catalog"),
];

/// Numbers, bit masks and ordinals alike.
const NUMBERS: &[(u32, i32)] = &[
    // No transactions; no time limit of one.
    (8, 0),
    (101, 0),
    // Unquoted names fold to lower case, quoted ones are exact.
    (503, 3),
    (505, 0),
    // NULLs are sorted as if they were the highest values.
    (507, 0),
    (522, 2),
    (525, 0b010),
    (526, 0b010),
    (528, 6),
    (533, 0),
    (534, 0),
    (535, 0),
    (538, 7),
    (540, 3),
    (564, 1),
    (567, 2),
    (568, 0),
    (569, 2),
    (570, 0),
    (571, 0),
];

/// Names for functions that the drivers' escape `{fn ..}` may use.
const LISTS: &[(u32, &[&str])] = &[
    (508, &["ANTI", "DESCRIBE", "EXPLAIN", "ILIKE", "QUALIFY", "SEMI", "SHOW"]),
    (
        509,
        &[
            "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEIL", "COS", "COT", "DEGREES", "EXP",
            "FLOOR", "LOG", "LOG10", "PI", "POWER", "RADIANS", "RANDOM", "ROUND", "SIGNUM", "SIN",
            "SQRT", "TAN",
        ],
    ),
    (
        510,
        &[
            "ASCII",
            "BTRIM",
            "CHR",
            "CONCAT",
            "INITCAP",
            "LEFT",
            "LENGTH",
            "LOWER",
            "LPAD",
            "LTRIM",
            "REPEAT",
            "REPLACE",
            "REVERSE",
            "RIGHT",
            "RPAD",
            "RTRIM",
            "SUBSTR",
            "SUBSTRING",
            "UPPER",
        ],
    ),
    (511, &["COALESCE", "NULLIF", "VERSION"]),
    (
        512,
        &[
            "CURRENT_DATE",
            "CURRENT_TIME",
            "DATE_BIN",
            "DATE_PART",
            "DATE_TRUNC",
            "NOW",
            "TO_CHAR",
            "TO_TIMESTAMP",
        ],
    ),
];

/// The types that CAST converts between, as `SqlSupportsConvert` numbers them.
mod convert {
    pub(super) const BIGINT: i32 = 0;
    pub(super) const BIT: i32 = 2;
    pub(super) const CHAR: i32 = 3;
    pub(super) const DATE: i32 = 4;
    pub(super) const DECIMAL: i32 = 5;
    pub(super) const FLOAT: i32 = 6;
    pub(super) const INTEGER: i32 = 7;
    pub(super) const NUMERIC: i32 = 12;
    pub(super) const REAL: i32 = 13;
    pub(super) const SMALLINT: i32 = 14;
    pub(super) const TIMESTAMP: i32 = 16;
    pub(super) const TINYINT: i32 = 17;
    pub(super) const VARCHAR: i32 = 19;
}

/// What the server is and can.
pub(super) struct ServerInfo {
    info: SqlInfoData,
    schema: SchemaRef,
}

impl ServerInfo {
    /// The schema of every answer.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What is known by these codes; by all if there are none.
    ///
    /// # Errors
    ///
    /// When it cannot be put into its form.
    pub(super) fn record_batch(&self, codes: impl Iterator<Item = u32>) -> Result<RecordBatch> {
        renamed(&self.info.record_batch(codes).map_err(unbuildable)?)
    }
}

impl std::fmt::Debug for ServerInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerInfo").finish_non_exhaustive()
    }
}

/// The same with the names that Arrow's specification gives to the fields of a map: the JDBC driver
/// looks for them by name.
fn renamed(batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let (Some(union), [code, value]) = (batch.column(1).as_union_opt(), schema.fields().as_ref())
    else {
        return Ok(batch.clone());
    };
    let (fields, type_ids, offsets, mut children) = union.clone().into_parts();
    for child in &mut children {
        if let Some(map) = child.as_map_opt() {
            *child = Arc::new(with_usual_names(map).map_err(unbuildable)?);
        }
    }
    let fields = fields.iter().zip(&children).map(|((id, field), child)| {
        (id, Arc::new(field.as_ref().clone().with_data_type(child.data_type().clone())))
    });
    let fields: UnionFields = fields.collect();
    let union = UnionArray::try_new(fields, type_ids, offsets, children).map_err(unbuildable)?;
    let value = value.as_ref().clone().with_data_type(union.data_type().clone());
    let schema = Arc::new(Schema::new(vec![Arc::clone(code), Arc::new(value)]));
    let columns: Vec<ArrayRef> = vec![Arc::clone(batch.column(0)), Arc::new(union)];
    RecordBatch::try_new(schema, columns).map_err(unbuildable)
}

fn with_usual_names(map: &MapArray) -> Result<MapArray, ArrowError> {
    let (_, columns, nulls) = map.entries().clone().into_parts();
    let named = |name: &str, field: &Field| Arc::new(field.clone().with_name(name));
    let fields: Fields = match map.entries().fields().as_ref() {
        [key, value] => vec![named("key", key), named("value", value)].into(),
        _ => return Ok(map.clone()),
    };
    let entries = StructArray::try_new(fields.clone(), columns, nulls)?;
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    MapArray::try_new(field, map.offsets().clone(), entries, map.nulls().cloned(), false)
}

/// What the server is and can.
///
/// # Errors
///
/// When it cannot be put into its form.
pub(super) fn sql_info(config: &FlightConfig) -> Result<ServerInfo> {
    let mut info = SqlInfoDataBuilder::new();
    for code in TRUE {
        info.append(*code, true);
    }
    for code in FALSE {
        info.append(*code, false);
    }
    for (code, text) in TEXTS {
        info.append(*code, *text);
    }
    for (code, number) in NUMBERS {
        info.append(*code, *number);
    }
    let lifetime_ms = config.statement_idle.as_millis().try_into().unwrap_or(i32::MAX);
    info.append(100, lifetime_ms);
    // An ordinal in the specification, but the JDBC driver casts it to a long and ODBC drivers read one.
    info.append(562, 0i64);
    // No limit on the length of names, statements and the like.
    for code in (541..=555).chain(557..=561) {
        info.append(code, 0i64);
    }
    for (code, names) in LISTS {
        info.append(*code, *names);
    }
    info.append(517, conversions());
    let info = info.build().map_err(unbuildable)?;
    let schema = renamed(&info.record_batch([]).map_err(unbuildable)?)?.schema();
    Ok(ServerInfo { info, schema })
}

fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use convert::*;
    let numbers = [BIGINT, DECIMAL, FLOAT, INTEGER, NUMERIC, REAL, SMALLINT, TINYINT];
    let texts = [CHAR, VARCHAR];
    let mut map = BTreeMap::new();
    for number in numbers {
        map.insert(number, [&numbers[..], &texts].concat());
    }
    for text in texts {
        map.insert(text, [&numbers[..], &texts, &[BIT, DATE, TIMESTAMP]].concat());
    }
    map.insert(BIT, [&[BIT, INTEGER, BIGINT][..], &texts].concat());
    map.insert(DATE, [&[DATE, TIMESTAMP][..], &texts].concat());
    map.insert(TIMESTAMP, [&[DATE, TIMESTAMP][..], &texts].concat());
    map
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::UInt32Type;

    use super::*;

    #[test]
    fn asked_codes_are_answered_and_all_if_none_is_asked() {
        let info = sql_info(&FlightConfig::default()).unwrap();
        let codes = |asked: &[u32]| -> Vec<u32> {
            let batch = info.record_batch(asked.iter().copied()).unwrap();
            batch.column(0).as_primitive::<UInt32Type>().values().to_vec()
        };
        assert_eq!(codes(&[0, 2, 3, 504]), [0, 2, 3, 504]);
        assert!(codes(&[9999]).is_empty());
        let all = codes(&[]);
        assert!(all.iter().all(|code| *code < 10_000) && all.contains(&517), "{all:?}");
        assert!([6, 7].iter().all(|code| !all.contains(code)), "{all:?}");
    }

    #[test]
    fn name_is_required_and_value_is_a_dense_union() {
        let schema = sql_info(&FlightConfig::default()).unwrap().schema();
        assert_eq!(schema.field(0).name(), "info_name");
        assert!(!schema.field(0).is_nullable() && !schema.field(1).is_nullable());
        let text = format!("{schema:?}");
        assert!(text.contains("\"key\"") && !text.contains("\"keys\""), "{text}");
    }
}
