//! The types of PostgreSQL: numbers, names and lengths as every client knows them.
//!
//! Holds the types that can be sent, those that `pg_catalog` itself is made of, and the few more that
//! clients look for by name. Numbers are those of `pg_type.dat` of PostgreSQL 16.

use super::type_numbers::{BPCHAR, NUMERIC, OID, VARCHAR};

/// One type that is no array; its array is made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BuiltinType {
    pub(super) oid: i32,
    pub(super) name: &'static str,
    /// The name in SQL, where it differs.
    pub(super) sql: Option<&'static str>,
    /// Bytes of a value; -1 if they vary, -2 for text up to a NUL.
    pub(super) length: i16,
    pub(super) category: &'static str,
    /// The array of it; 0 if there is none.
    pub(super) array: i32,
}

/// A type as a client asks for it: a builtin type, or the array of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundType {
    Scalar(&'static BuiltinType),
    Array(&'static BuiltinType),
}

/// What the length of a text or the digits of a number are increased by in a modifier.
pub(super) const MODIFIER_OFFSET: i32 = 4;

const fn plain(
    (oid, array): (i32, i32),
    name: &'static str,
    length: i16,
    category: &'static str,
) -> BuiltinType {
    BuiltinType { oid, name, sql: None, length, category, array }
}

const fn called(known: BuiltinType, sql: &'static str) -> BuiltinType {
    BuiltinType { sql: Some(sql), ..known }
}

/// Every type, by number.
pub(super) static TYPES: [BuiltinType; 57] = [
    called(plain((16, 1000), "bool", 1, "B"), "boolean"),
    plain((17, 1001), "bytea", -1, "U"),
    called(plain((18, 1002), "char", 1, "Z"), "\"char\""),
    plain((19, 1003), "name", 64, "S"),
    called(plain((20, 1016), "int8", 8, "N"), "bigint"),
    called(plain((21, 1005), "int2", 2, "N"), "smallint"),
    plain((22, 1006), "int2vector", -1, "A"),
    called(plain((23, 1007), "int4", 4, "N"), "integer"),
    plain((24, 1008), "regproc", 4, "N"),
    plain((25, 1009), "text", -1, "S"),
    plain((26, 1028), "oid", 4, "N"),
    plain((27, 1010), "tid", 6, "U"),
    plain((28, 1011), "xid", 4, "U"),
    plain((29, 1012), "cid", 4, "U"),
    plain((30, 1013), "oidvector", -1, "A"),
    plain((114, 199), "json", -1, "U"),
    plain((142, 143), "xml", -1, "U"),
    plain((194, 0), "pg_node_tree", -1, "Z"),
    plain((600, 1017), "point", 16, "G"),
    plain((650, 651), "cidr", -1, "I"),
    called(plain((700, 1021), "float4", 4, "N"), "real"),
    called(plain((701, 1022), "float8", 8, "N"), "double precision"),
    plain((705, 0), "unknown", -2, "X"),
    plain((790, 791), "money", 8, "N"),
    plain((829, 1040), "macaddr", 6, "U"),
    plain((869, 1041), "inet", -1, "I"),
    plain((1033, 1034), "aclitem", 16, "U"),
    called(plain((1042, 1014), "bpchar", -1, "S"), "character"),
    called(plain((1043, 1015), "varchar", -1, "S"), "character varying"),
    plain((1082, 1182), "date", 4, "D"),
    called(plain((1083, 1183), "time", 8, "D"), "time without time zone"),
    called(plain((1114, 1115), "timestamp", 8, "D"), "timestamp without time zone"),
    called(plain((1184, 1185), "timestamptz", 8, "D"), "timestamp with time zone"),
    plain((1186, 1187), "interval", 16, "T"),
    called(plain((1266, 1270), "timetz", 12, "D"), "time with time zone"),
    plain((1560, 1561), "bit", -1, "V"),
    called(plain((1562, 1563), "varbit", -1, "V"), "bit varying"),
    plain((1700, 1231), "numeric", -1, "N"),
    plain((2202, 2207), "regprocedure", 4, "N"),
    plain((2203, 2208), "regoper", 4, "N"),
    plain((2204, 2209), "regoperator", 4, "N"),
    plain((2205, 2210), "regclass", 4, "N"),
    plain((2206, 2211), "regtype", 4, "N"),
    plain((2249, 2287), "record", -1, "P"),
    plain((2275, 1263), "cstring", -2, "P"),
    plain((2276, 0), "any", 4, "P"),
    plain((2277, 0), "anyarray", -1, "P"),
    plain((2278, 0), "void", 4, "P"),
    plain((2279, 0), "trigger", 4, "P"),
    plain((2281, 0), "internal", 8, "P"),
    plain((2283, 0), "anyelement", 4, "P"),
    plain((2950, 2951), "uuid", 16, "U"),
    plain((3614, 3643), "tsvector", -1, "U"),
    plain((3802, 3807), "jsonb", -1, "U"),
    plain((4089, 4090), "regnamespace", 4, "N"),
    plain((4096, 4097), "regrole", 4, "N"),
    plain((5069, 271), "xid8", 8, "U"),
];

impl BuiltinType {
    /// `p` for a type that no column has, `b` for one that columns have.
    pub(super) fn kind(&self) -> &'static str {
        if matches!(self.category, "P" | "X") { "p" } else { "b" }
    }

    /// The type of the items: the vectors of the catalog are arrays of a fixed kind.
    pub(super) fn element(&self) -> i32 {
        match self.name {
            "int2vector" => 21,
            "oidvector" => OID,
            _ => 0,
        }
    }

    /// True for the type of its category that others become.
    pub(super) fn is_preferred(&self) -> bool {
        matches!(
            self.name,
            "bool" | "text" | "oid" | "float8" | "timestamptz" | "interval" | "inet" | "varbit"
        )
    }

    /// The functions that read and write its values, without their last word.
    pub(super) fn function_stem(&self) -> String {
        let has_mark = matches!(
            self.name,
            "date"
                | "time"
                | "timetz"
                | "timestamp"
                | "timestamptz"
                | "interval"
                | "numeric"
                | "json"
                | "jsonb"
                | "uuid"
                | "xml"
                | "bit"
                | "varbit"
                | "cstring"
                | "inet"
                | "cidr"
                | "macaddr"
                | "record"
                | "point"
                | "void"
        );
        if has_mark { format!("{}_", self.name) } else { self.name.to_owned() }
    }
}

impl FoundType {
    /// The type with this number.
    pub(super) fn by_oid(oid: i32) -> Option<Self> {
        let scalar = TYPES.binary_search_by_key(&oid, |known| known.oid).ok();
        if let Some(known) = scalar.and_then(|at| TYPES.get(at)) {
            return Some(Self::Scalar(known));
        }
        TYPES.iter().find(|known| known.array == oid && oid != 0).map(Self::Array)
    }

    /// The type with this name, as SQL or the catalog calls it: `int4`, `integer`, `varchar(20)`,
    /// `text[]`, `_text`, `pg_catalog.int4`.
    pub(super) fn by_name(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("pg_catalog.").unwrap_or(text);
        if let Some(element) = text.strip_suffix("[]") {
            return match Self::by_name(element)? {
                Self::Scalar(known) if known.array != 0 => Some(Self::Array(known)),
                found => Some(found),
            };
        }
        let lower = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(quoted) => return Self::by_catalog_name(quoted),
            None => text.to_ascii_lowercase(),
        };
        let bare = without_modifier(&lower);
        let bare = match bare.as_str() {
            "int" => "integer",
            "decimal" | "dec" => "numeric",
            "float" => "double precision",
            "char" => "character",
            "string" => "text",
            other => other,
        };
        let by_sql = TYPES.iter().find(|known| known.sql == Some(bare)).map(Self::Scalar);
        by_sql.or_else(|| Self::by_catalog_name(bare))
    }

    fn by_catalog_name(name: &str) -> Option<Self> {
        let scalar = TYPES.iter().find(|known| known.name == name).map(Self::Scalar);
        scalar.or_else(|| {
            let element = name.strip_prefix('_')?;
            TYPES.iter().find(|known| known.name == element && known.array != 0).map(Self::Array)
        })
    }

    /// The number.
    pub(super) fn oid(self) -> i32 {
        match self {
            Self::Scalar(known) => known.oid,
            Self::Array(known) => known.array,
        }
    }

    /// The name in the catalog.
    pub(super) fn name(self) -> String {
        match self {
            Self::Scalar(known) => known.name.to_owned(),
            Self::Array(known) => format!("_{}", known.name),
        }
    }

    /// The bytes of a value.
    pub(super) fn length(self) -> i16 {
        match self {
            Self::Scalar(known) => known.length,
            Self::Array(_) => -1,
        }
    }
}

/// `numeric(12,2)` and `timestamp(3) with time zone` without what stands in parentheses.
fn without_modifier(text: &str) -> String {
    match (text.split_once('('), text.rsplit_once(')')) {
        (Some((before, _)), Some((_, after))) => format!("{}{after}", before.trim_end()),
        _ => text.to_owned(),
    }
}

/// The name in SQL of a type with a modifier; `???` for one that is not there.
pub(super) fn format_type(oid: i32, modifier: Option<i32>) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    match FoundType::by_oid(oid) {
        Some(FoundType::Scalar(known)) => formatted(known, modifier),
        Some(FoundType::Array(known)) => format!("{}[]", formatted(known, modifier)),
        None => "???".to_owned(),
    }
}

fn formatted(known: &BuiltinType, modifier: Option<i32>) -> String {
    let sql = known.sql.unwrap_or(known.name);
    let Some(modifier) = modifier.filter(|modifier| *modifier >= 0) else {
        // Without a modifier, "character" would mean one of length 1.
        return if known.oid == BPCHAR && modifier.is_some() {
            known.name.to_owned()
        } else {
            sql.to_owned()
        };
    };
    let length = modifier - MODIFIER_OFFSET;
    match known.oid {
        VARCHAR | BPCHAR if length >= 0 => format!("{sql}({length})"),
        NUMERIC if length >= 0 => format!("{sql}({},{})", length >> 16, length & 0x7ff),
        1083 | 1114 | 1184 | 1266 => match sql.split_once(' ') {
            Some((first, rest)) => format!("{first}({modifier}) {rest}"),
            None => sql.to_owned(),
        },
        1560 | 1562 => format!("{sql}({modifier})"),
        _ => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_in_the_order_of_their_numbers() {
        assert!(TYPES.is_sorted_by_key(|known| known.oid));
        for known in &TYPES {
            assert_eq!(FoundType::by_oid(known.oid), Some(FoundType::Scalar(known)), "{known:?}");
            assert_eq!(
                TYPES.iter().filter(|other| other.oid == known.array).count(),
                0,
                "{known:?}"
            );
        }
    }

    #[test]
    fn type_is_found_by_each_of_its_names() {
        for (name, oid) in [
            ("int4", Some(23)),
            ("INTEGER", Some(23)),
            ("pg_catalog.int4", Some(23)),
            ("\"char\"", Some(18)),
            ("char", Some(1042)),
            ("varchar(20)", Some(1043)),
            ("numeric(12,2)", Some(1700)),
            ("timestamp(3) with time zone", Some(1184)),
            ("text[]", Some(1009)),
            ("_text", Some(1009)),
            ("double precision", Some(701)),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(FoundType::by_name(name).map(FoundType::oid), oid, "{name}");
        }
    }

    #[test]
    fn type_is_written_as_sql_writes_it() {
        for (oid, modifier, text) in [
            (23, Some(-1), "integer"),
            (1043, Some(24), "character varying(20)"),
            (1043, None, "character varying"),
            (1042, Some(5), "character(1)"),
            (1042, Some(-1), "bpchar"),
            (1700, Some(((12 << 16) | 2) + 4), "numeric(12,2)"),
            (1114, Some(3), "timestamp(3) without time zone"),
            (1007, None, "integer[]"),
            (18, None, "\"char\""),
            (0, None, "-"),
            (99, None, "???"),
        ] {
            assert_eq!(format_type(oid, modifier), text, "{oid} {modifier:?}");
        }
    }
}
