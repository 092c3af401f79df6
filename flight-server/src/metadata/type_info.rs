//! The types of SQL that the server knows (`GetXdbcTypeInfo`), named as in the column metadata.

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use samite_engine::Result;

use super::unbuildable;

/// Longest text and binary value that a client should expect, in characters or bytes.
const LENGTH_MAX: i32 = i32::MAX;

/// The types of SQL that the server knows.
///
/// # Errors
///
/// When they cannot be put into their form.
pub(super) fn type_info() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, digits) in [
        ("TINYINT", XdbcDataType::XdbcTinyint, 3),
        ("SMALLINT", XdbcDataType::XdbcSmallint, 5),
        ("INTEGER", XdbcDataType::XdbcInteger, 10),
        ("BIGINT", XdbcDataType::XdbcBigint, 19),
    ] {
        types.append(XdbcTypeInfo { minimum_scale: Some(0), ..number(name, data_type, digits) });
    }
    for (name, data_type, digits) in [
        ("REAL", XdbcDataType::XdbcReal, 7),
        ("FLOAT", XdbcDataType::XdbcFloat, 15),
        ("DOUBLE", XdbcDataType::XdbcDouble, 15),
    ] {
        types.append(number(name, data_type, digits));
    }
    types.append(XdbcTypeInfo {
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        fixed_prec_scale: true,
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        ..number("DECIMAL", XdbcDataType::XdbcDecimal, 38)
    });
    types.append(XdbcTypeInfo {
        case_sensitive: true,
        ..quoted("VARCHAR", XdbcDataType::XdbcVarchar, LENGTH_MAX, "'")
    });
    types.append(XdbcTypeInfo {
        literal_prefix: Some("X'".to_owned()),
        ..quoted("VARBINARY", XdbcDataType::XdbcVarbinary, LENGTH_MAX, "'")
    });
    types.append(plain("BOOLEAN", XdbcDataType::XdbcBit, 1));
    // The code of a date is that of a year.
    types.append(time("DATE", XdbcDataType::XdbcDate, 10, XdbcDatetimeSubcode::XdbcSubcodeYear));
    types.append(time("TIME", XdbcDataType::XdbcTime, 15, XdbcDatetimeSubcode::XdbcSubcodeTime));
    types.append(time(
        "TIMESTAMP",
        XdbcDataType::XdbcTimestamp,
        29,
        XdbcDatetimeSubcode::XdbcSubcodeTimestamp,
    ));
    types.build().map_err(unbuildable)
}

fn plain(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        auto_increment: Some(false),
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

fn number(name: &str, data_type: XdbcDataType, digits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(10),
        ..plain(name, data_type, digits)
    }
}

fn quoted(name: &str, data_type: XdbcDataType, size: i32, quote: &str) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(quote.to_owned()),
        literal_suffix: Some(quote.to_owned()),
        ..plain(name, data_type, size)
    }
}

fn time(
    name: &str,
    data_type: XdbcDataType,
    size: i32,
    subcode: XdbcDatetimeSubcode,
) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(format!("{name} '")),
        literal_suffix: Some("'".to_owned()),
        sql_data_type: XdbcDataType::XdbcDatetime,
        datetime_subcode: Some(subcode),
        ..plain(name, data_type, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_filtered_by_number() {
        let types = type_info().unwrap();
        assert_eq!(types.schema().fields().len(), 19);
        assert!(types.record_batch(None).unwrap().num_rows() > 10);
        let varchar = XdbcDataType::XdbcVarchar as i32;
        assert_eq!(types.record_batch(varchar).unwrap().num_rows(), 1);
    }
}
