//! Draws a table of texts with lines around it, no wider than it may be.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest that a column is made so that the table fits.
const WIDTH_MIN: usize = 6;

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column: its header lines and on which side its values stand.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// The name, and maybe the type.
    pub(crate) header: Vec<String>,
    /// The side of the values.
    pub(crate) side: Side,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A value.
    Text(String),
    /// No value.
    Null,
    /// Stands for rows or columns that are left out.
    Omitted,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Drawing {
    /// The room there is; unlimited if none is given.
    pub(crate) width: Option<usize>,
    /// True if a terminal understands colours.
    pub(crate) is_coloured: bool,
}

/// Draws the table, line by line.
pub(crate) fn draw(columns: &[Column], rows: &[Vec<Cell>], drawing: Drawing) -> Vec<String> {
    let natural: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let header = column.header.iter().map(|line| line.width()).max().unwrap_or(0);
            let values = rows.iter().filter_map(|row| row.get(place)).map(cell_width).max();
            header.max(values.unwrap_or(0)).max(1)
        })
        .collect();
    let widths = fit(natural, drawing.width);
    let header_height = columns.iter().map(|column| column.header.len()).max().unwrap_or(0);
    let mut lines = vec![rule(&widths, ['┌', '┬', '┐'])];
    for height in 0..header_height {
        let cells = columns.iter().map(|column| {
            let text = column.header.get(height).cloned().unwrap_or_default();
            (Cell::Text(text), Side::Left)
        });
        lines.push(row_line(cells, &widths, drawing));
    }
    lines.push(rule(&widths, ['├', '┼', '┤']));
    for row in rows {
        let cells = row.iter().cloned().zip(columns.iter().map(|column| column.side));
        lines.push(row_line(cells, &widths, drawing));
    }
    lines.push(rule(&widths, ['└', '┴', '┘']));
    lines
}

fn cell_width(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.width(),
        Cell::Null => 4,
        Cell::Omitted => 1,
    }
}

/// The width of each column that is drawn; `None` for those that are left out in the middle.
fn fit(natural: Vec<usize>, room: Option<usize>) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = natural.into_iter().map(Some).collect();
    let Some(room) = room else { return widths };
    while total(&widths) > room {
        let widest = widths.iter_mut().flatten().max_by_key(|width| **width);
        match widest {
            Some(width) if *width > WIDTH_MIN => *width -= 1,
            _ => break,
        }
    }
    // Columns are left out from the middle, so that the first and the last ones stay.
    while total(&widths) > room && widths.iter().flatten().count() > 2 {
        let drawn: Vec<usize> = widths
            .iter()
            .enumerate()
            .filter(|(_, width)| width.is_some())
            .map(|(at, _)| at)
            .collect();
        let Some(width) = drawn.get(drawn.len() / 2).and_then(|at| widths.get_mut(*at)) else {
            break;
        };
        *width = None;
    }
    widths
}

fn total(widths: &[Option<usize>]) -> usize {
    let drawn: usize = widths.iter().flatten().map(|width| width + 3).sum();
    let omitted = if widths.contains(&None) { 4 } else { 0 };
    drawn + omitted + 1
}

/// Calls `part` for each column that is drawn, and once for each run of those that are left out.
fn parts(widths: &[Option<usize>], mut part: impl FnMut(usize, Option<usize>)) {
    let mut is_omitting = false;
    for (place, width) in widths.iter().enumerate() {
        if width.is_some() || !is_omitting {
            part(place, *width);
        }
        is_omitting = width.is_none();
    }
}

fn rule(widths: &[Option<usize>], [left, middle, right]: [char; 3]) -> String {
    let mut line = String::new();
    parts(widths, |place, width| {
        line.push(if place == 0 { left } else { middle });
        line.extend(std::iter::repeat_n('─', width.unwrap_or(1) + 2));
    });
    line.push(right);
    line
}

fn row_line(
    cells: impl Iterator<Item = (Cell, Side)>,
    widths: &[Option<usize>],
    drawing: Drawing,
) -> String {
    let cells: Vec<(Cell, Side)> = cells.collect();
    let mut line = String::new();
    parts(widths, |place, width| {
        let (cell, side) = match (cells.get(place), width) {
            (Some((cell, side)), Some(_)) => (cell.clone(), *side),
            _ => (Cell::Text("…".to_owned()), Side::Left),
        };
        line.push_str("│ ");
        push_cell(&mut line, &cell, (width.unwrap_or(1), side), drawing);
        line.push(' ');
    });
    line.push('│');
    line
}

fn push_cell(line: &mut String, cell: &Cell, (width, side): (usize, Side), drawing: Drawing) {
    let text = match cell {
        Cell::Text(text) => cut(text, width),
        Cell::Null => cut("NULL", width),
        Cell::Omitted => "·".to_owned(),
    };
    let padding = " ".repeat(width.saturating_sub(text.width()));
    if side == Side::Right {
        line.push_str(&padding);
    }
    if drawing.is_coloured && *cell == Cell::Null {
        line.push_str("\u{1b}[2m");
        line.push_str(&text);
        line.push_str("\u{1b}[0m");
    } else {
        line.push_str(&text);
    }
    if side == Side::Left {
        line.push_str(&padding);
    }
}

/// The text, or as much of its begin as fits before an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, side: Side) -> Column {
        Column { header: vec![name.to_owned()], side }
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let columns = [column("name", Side::Left), column("n", Side::Right)];
        let rows = [vec![text("a"), text("10")], vec![Cell::Null, text("7")]];
        assert_eq!(
            draw(&columns, &rows, Drawing::default()),
            [
                "┌──────┬────┐",
                "│ name │ n  │",
                "├──────┼────┤",
                "│ a    │ 10 │",
                "│ NULL │  7 │",
                "└──────┴────┘",
            ]
        );
    }

    #[test]
    fn table_is_no_wider_than_its_room() {
        let columns: Vec<Column> =
            (0..9).map(|place| column(&format!("column {place}"), Side::Left)).collect();
        let rows = [(0..9).map(|_| text("日本語のとても長いテキスト")).collect::<Vec<_>>()];
        for room in [30, 40, 60, 80, 100, 400] {
            let lines = draw(&columns, &rows, Drawing { width: Some(room), is_coloured: false });
            let widths: Vec<usize> = lines.iter().map(|line| line.width()).collect();
            assert!(widths.iter().all(|width| *width == widths[0] && *width <= room), "{lines:#?}");
            assert!(lines[1].contains("colum"), "{lines:#?}");
        }
    }
}
