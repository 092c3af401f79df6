//! Revisions of a small mesh.

use std::sync::Arc;

use super::*;
use crate::product::{Column, LogicalType, Slo, Status, Table};
use crate::testing::{contract, mesh_of, port};

fn instant(day: &str) -> DateTime<Utc> {
    format!("{day}T00:00:00Z").parse().unwrap()
}

fn column(name: &str) -> Column {
    let logical_type = Some(LogicalType::Integer);
    Column { name: name.to_owned(), logical_type, line: 7, ..Column::default() }
}

fn orders() -> Contract {
    let key = Column { is_required: true, primary_key_position: Some(1), ..column("id") };
    let columns = vec![key, column("amount")];
    let table = Table { name: "orders".to_owned(), columns, line: 5, ..Table::default() };
    let freshness = Slo {
        property: "freshness".to_owned(),
        value: "2".to_owned(),
        unit: Some("h".to_owned()),
        line: 9,
        ..Slo::default()
    };
    Contract {
        tables: vec![Arc::new(table)],
        slos: vec![freshness],
        ..contract("shop.orders", Version::parse("1.2.0").unwrap(), &[])
    }
}

fn with_columns(columns: Vec<Column>) -> Contract {
    let mut contract = orders();
    let table = Table { columns, ..Table::clone(contract.tables.first().unwrap()) };
    contract.tables = vec![Arc::new(table)];
    contract
}

fn mesh(contracts: Vec<Contract>) -> Mesh {
    let ports = contracts.into_iter().map(|contract| port("orders", contract)).collect();
    mesh_of(vec![("shop", "orders", ports)])
}

fn told(old: &Mesh, new: &Mesh) -> Vec<String> {
    let problems = breaking_changes(old, new, (instant("2026-11-22"), TimeDelta::days(60)));
    problems
        .iter()
        .map(|problem| {
            format!("{}:{}: {}", problem.file, problem.line.unwrap_or(0), problem.message)
        })
        .collect()
}

#[test]
fn what_consumers_rely_on_may_not_change_in_a_major_version() {
    let id = Column { is_required: true, primary_key_position: Some(1), ..column("id") };
    let amount = || column("amount");
    let text = Column { logical_type: Some(LogicalType::String), ..amount() };
    let contract_file = "shop.orders.odcs.yaml";
    for (case, new, expected) in [
        ("the same", orders(), None),
        ("another column", with_columns(vec![id.clone(), amount(), column("note")]), None),
        (
            "a column less",
            with_columns(vec![id.clone()]),
            Some("5: column \"amount\" of shop.orders@1.orders is gone"),
        ),
        (
            "another type",
            with_columns(vec![id.clone(), text]),
            Some(
                "7: the type of column \"amount\" of shop.orders@1.orders changes from integer to string",
            ),
        ),
        (
            "NULL in what was required",
            with_columns(vec![Column { is_required: false, ..id.clone() }, amount()]),
            Some("7: column \"id\" of shop.orders@1.orders may be NULL now"),
        ),
        (
            "another key",
            with_columns(vec![Column { primary_key_position: None, ..id }, amount()]),
            Some("5: the primary key of shop.orders@1.orders changes from (id) to none"),
        ),
        (
            "no tables",
            Contract { tables: vec![], ..orders() },
            Some("0: table \"orders\" of shop.orders@1 is gone"),
        ),
        (
            "a level less",
            Contract { slos: vec![], ..orders() },
            Some("0: freshness of shop.orders@1 is not promised any more"),
        ),
        (
            "a looser level",
            Contract {
                slos: vec![Slo { value: "3".to_owned(), ..orders().slos.remove(0) }],
                ..orders()
            },
            Some("9: freshness of shop.orders@1 is looser: from 2 h to 3 h"),
        ),
        (
            "an older version",
            Contract { version: Version::parse("1.1.9").unwrap(), ..orders() },
            Some("0: shop.orders@1 goes back from version 1.2.0 to 1.1.9"),
        ),
        (
            "retired too early",
            Contract { status: Status::Retired, ..orders() },
            Some(
                "0: shop.orders@1 is no longer served: its status is retired, and its contract names no end of life",
            ),
        ),
    ] {
        let expected: Vec<String> =
            expected.iter().map(|message| format!("{contract_file}:{message}")).collect();
        assert_eq!(told(&mesh(vec![orders()]), &mesh(vec![new])), expected, "{case}");
    }
}

#[test]
fn major_version_stays_until_its_end_of_life() {
    let next = || Contract { version: Version::parse("2.0.0").unwrap(), ..orders() };
    let ends = |day: &str| Contract { end_of_life: Some(instant(day)), ..orders() };
    let product = "domains/shop/orders/orders.odps.yaml:0: shop.orders@1 is gone";
    for (old, new, expected) in [
        (orders(), vec![orders(), next()], None),
        (
            orders(),
            vec![next()],
            Some(format!("{product}, and its contract names no end of life")),
        ),
        (
            ends("2027-01-01"),
            vec![next()],
            Some(format!("{product} before its end of life, 2027-01-01")),
        ),
        (ends("2026-11-22"), vec![next()], None),
        (ends("2027-01-01"), vec![ends("2027-02-01")], None),
        (orders(), vec![ends("2027-02-01")], None),
        (
            ends("2027-02-01"),
            vec![ends("2027-01-01")],
            Some("shop.orders.odcs.yaml:0: endOfLife of shop.orders@1 moves from 2027-02-01 to 2027-01-01".to_owned()),
        ),
        // What nobody could use yet may change.
        (Contract { status: Status::Draft, ..orders() }, vec![], None),
    ] {
        let expected: Vec<String> = expected.into_iter().collect();
        assert_eq!(told(&mesh(vec![old]), &mesh(new)), expected);
    }
}

#[test]
fn product_that_is_gone_takes_its_ports_along() {
    let expected =
        "shop.orders.odcs.yaml:0: shop.orders@1 is gone, and its contract names no end of life";
    assert_eq!(told(&mesh(vec![orders()]), &Mesh::default()), [expected]);
    assert!(told(&Mesh::default(), &mesh(vec![orders()])).is_empty());
}

#[test]
fn end_is_told_long_enough_before() {
    let told_of =
        "shop.orders.odcs.yaml:0: endOfLife of shop.orders@1 is in 30 days, the mesh asks for 60";
    for (end, expected) in [("2026-12-22", vec![told_of]), ("2027-02-20", vec![])] {
        let new = Contract { end_of_life: Some(instant(end)), ..orders() };
        assert_eq!(told(&mesh(vec![orders()]), &mesh(vec![new])), expected, "{end}");
    }
}
