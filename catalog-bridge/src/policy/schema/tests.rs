//! Which types of rows a mesh has.

use super::*;
use crate::policy::tests::{mesh, port, product, table};

fn column(name: &str, logical: Option<LogicalType>, physical: Option<&str>) -> Column {
    Column {
        name: name.to_owned(),
        logical_type: logical,
        physical_type: physical.map(str::to_owned),
        ..Column::default()
    }
}

#[test]
fn column_has_the_type_that_holds_its_values_or_none() {
    use LogicalType as L;
    for (logical, physical, expected) in [
        (Some(L::String), Some("VARCHAR(3)"), Some(Kind::String)),
        (Some(L::Integer), None, Some(Kind::Long)),
        (Some(L::Boolean), None, Some(Kind::Bool)),
        (Some(L::Date), None, Some(Kind::Datetime)),
        (Some(L::Timestamp), Some("TIMESTAMP"), Some(Kind::Datetime)),
        (Some(L::Number), Some("DECIMAL(18, 2)"), Some(Kind::Decimal)),
        (Some(L::Number), Some("numeric(18)"), Some(Kind::Decimal)),
        (Some(L::Number), Some("decimal(18,5)"), None),
        (Some(L::Number), Some("decimal"), None),
        (Some(L::Number), Some("double"), None),
        (Some(L::Number), None, None),
        (Some(L::Number), Some("bigint"), Some(Kind::Long)),
        (Some(L::Time), None, None),
        (Some(L::Array), None, None),
        (None, Some("text"), Some(Kind::String)),
        (None, Some("decimal(9,4)"), Some(Kind::Decimal)),
        (None, Some("float"), None),
        (None, None, None),
    ] {
        assert_eq!(kind_of(&column("c", logical, physical)), expected, "{logical:?} {physical:?}");
    }
}

#[test]
fn odd_names_of_columns_and_tables_make_a_schema() {
    let odd = ["a b", "quo\"te", "new\nline", "é", "in", "\\", "\u{202e}"];
    let columns = odd.map(|name| column(name, Some(LogicalType::String), None)).to_vec();
    let product = product("a b-c", "p.q", vec![port("x", "1.0.0", vec![table("t", columns)])]);
    let (rows, problems) = RowTypes::new(&mesh(vec![product]));
    assert_eq!(problems, []);
    let types = rows.of_domain("a b-c");
    let (name, row_type) = types.first_key_value().expect("a type");
    assert_eq!(name, "Row__a_x20_b_x2D_c__p_x2E_q__1");
    assert_eq!(row_type.attributes.len(), odd.len());
    schema([row_type.as_ref()], &BTreeSet::new()).expect("a schema");
    schema([], &BTreeSet::from(["Row__gone".to_owned()])).expect("a schema without rows");
}

#[test]
fn minor_versions_share_a_type_and_strangers_have_none() {
    let required =
        |name: &str| Column { is_required: true, ..column(name, Some(LogicalType::String), None) };
    let (old, new) = (vec![required("a")], vec![required("a"), required("b")]);
    let ports =
        vec![port("x", "1.0.0", vec![table("t", old)]), port("x", "1.1.0", vec![table("t", new)])];
    let (rows, problems) = RowTypes::new(&mesh(vec![product("d", "p", ports)]));
    assert_eq!(problems, []);
    let row_type = rows.of_domain("d").remove("Row__d__p__1").expect("a type");
    let required: Vec<_> =
        row_type.attributes.iter().map(|(name, it)| (name.as_str(), it.is_required)).collect();
    assert_eq!(required, [("a", true), ("b", false)]);

    let one = |domain: &str, name: &str, kind: LogicalType| {
        let columns = vec![column("a", Some(kind), None)];
        product(domain, name, vec![port("x", "1.0.0", vec![table("t", columns)])])
    };
    let string = LogicalType::String;
    let two_products =
        vec![one("d__p", "q", string), one("d", "p__q", string), one("d", "r", string)];
    let (rows, problems) = RowTypes::new(&mesh(two_products));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(rows.of_domain("d__p").is_empty());
    assert_eq!(rows.of_domain("d").keys().collect::<Vec<_>>(), ["Row__d__r__1"]);

    let mut torn = one("d", "p", string);
    torn.ports.extend(one("d", "p", LogicalType::Integer).ports);
    torn.ports[1].version.minor = 1;
    let (rows, problems) = RowTypes::new(&mesh(vec![torn]));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].message.contains("has two types"), "{problems:?}");
    assert!(rows.of_domain("d").is_empty());
}
