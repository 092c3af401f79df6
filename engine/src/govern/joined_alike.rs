//! Columns that a statement joins by what they mean must still mean the same once they are masked.

use datafusion::common::TableReference;

use super::GovernedPort;
use crate::authorizer::Mask;
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{JoinedColumn, reference};

/// Checks each pair: both columns are seen as they are, or under one mask that keeps values apart.
///
/// # Errors
///
/// When values of one column can never, or only by chance, be found in the other.
pub(super) fn check(
    pairs: &[(JoinedColumn, JoinedColumn)],
    tables: &[(&TableReference, &GovernedPort)],
) -> Result<()> {
    for (one, other) in pairs {
        let masks = (mask(one, tables)?, mask(other, tables)?);
        if !matches!(
            masks,
            (None, None)
                | (Some(Mask::Sha256Global), Some(Mask::Sha256Global))
                | (Some(Mask::Sha256QueryLocal), Some(Mask::Sha256QueryLocal))
        ) {
            let said = |column: &JoinedColumn, mask: Option<Mask>| {
                let name = format!("{}.{}", column.table.join("."), column.column);
                match mask {
                    None => format!("{name} is seen as it is"),
                    Some(mask) => format!("{name} is masked ({})", mask.as_str()),
                }
            };
            let detail = format!("{}, {}", said(one, masks.0), said(other, masks.1));
            let message = "the columns of POLYSEME cannot be joined as you may see them";
            return Err(Error::new(ErrorKind::PermissionDenied, message)
                .with_detail(detail)
                .with_hint("a masked identifier joins where both are masked by sha-256"));
        }
    }
    Ok(())
}

/// The columns of one table that are among the pairs.
///
/// # Errors
///
/// None but for a name that was not looked up.
pub(super) fn columns(
    pairs: &[(JoinedColumn, JoinedColumn)],
    table: &TableReference,
) -> Result<Vec<String>> {
    let mut columns = Vec::new();
    for column in pairs.iter().flat_map(|(one, other)| [one, other]) {
        if reference(&column.table)? == *table {
            columns.push(column.column.clone());
        }
    }
    Ok(columns)
}

fn mask(
    column: &JoinedColumn,
    tables: &[(&TableReference, &GovernedPort)],
) -> Result<Option<Mask>> {
    let wanted: TableReference = reference(&column.table)?;
    let table = tables.iter().find(|(reference, _)| **reference == wanted);
    Ok(table.and_then(|(_, port)| port.mask(&column.column)))
}
