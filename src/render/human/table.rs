//! Tables that fit the terminal: where a row is too long, the widest cells are broken into several lines.

use std::fmt::Write as _;

use anstyle::Style;

use crate::render::columns::{split, width};
use crate::render::style::FAINT;

/// Blanks before each row, and between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 10;

/// A cell: lines, each in a style of its own.
pub(super) type Cell = Vec<(String, Style)>;

/// A table, row by row, with a faint head.
pub(super) fn table<const N: usize>(head: [&str; N], rows: Vec<[Cell; N]>, columns: Option<usize>) -> String {
    let head = head.map(|name| vec![(name.to_owned(), FAINT)]);
    let rows: Vec<[Cell; N]> = std::iter::once(head).chain(rows).collect();
    let widths = widths(&rows, columns);
    let used: Vec<usize> = (0..N).filter(|column| widths[*column] > 0).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<Cell> = (0..N).map(|column| broken(&row[column], widths[column])).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let has_text = |column: &&usize| cells[**column].get(line).is_some_and(|(text, _)| !text.is_empty());
            let last = used.iter().rfind(has_text).copied().unwrap_or(0);
            for &column in used.iter().filter(|column| **column <= last) {
                let _ = write!(out, "{:GAP$}", "");
                let Some((text, style)) = cells[column].get(line) else {
                    let _ = write!(out, "{:1$}", "", widths[column]);
                    continue;
                };
                let _ = write!(out, "{style}{text}{style:#}");
                if column < last {
                    let _ = write!(out, "{:1$}", "", widths[column] - width(text, 0));
                }
            }
            out.push('\n');
        }
    }
    out
}

/// How wide a table is if nothing is broken.
pub(super) fn needed<const N: usize>(head: [&str; N], rows: &[[Cell; N]]) -> usize {
    let head = head.map(|name| vec![(name.to_owned(), FAINT)]);
    let rows: Vec<[Cell; N]> = std::iter::once(head).chain(rows.iter().cloned()).collect();
    total(&widths(&rows, None))
}

/// The width of a table whose columns have these.
fn total(widths: &[usize]) -> usize {
    widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum()
}

/// The width of each column: what it needs, or less if not all fit. A column of empty cells has none.
fn widths<const N: usize>(rows: &[[Cell; N]], columns: Option<usize>) -> [usize; N] {
    let needed = |cell: &Cell| cell.iter().map(|(text, _)| width(text, 0)).max().unwrap_or(0);
    let mut widths = [0; N];
    for (column, widest) in widths.iter_mut().enumerate() {
        // The head alone makes no column.
        let body = rows.iter().skip(1).map(|row| needed(&row[column])).max().unwrap_or(0);
        if body > 0 {
            *widest = body.max(needed(&rows[0][column]));
        }
    }
    let Some(columns) = columns else { return widths };
    while total(&widths) > columns {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else { break };
        *widest -= 1;
    }
    widths
}

/// A cell in lines that are no wider than this; nothing of a column without a width.
fn broken(cell: &Cell, columns: usize) -> Cell {
    let mut lines = Vec::new();
    if columns == 0 {
        return lines;
    }
    for (text, style) in cell {
        let mut rest = text.as_str();
        loop {
            let (line, more) = split(rest, columns);
            lines.push((line.trim_end().to_owned(), *style));
            if more.is_empty() {
                break;
            }
            rest = more;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rows: &[[&str; 3]], columns: Option<usize>) -> String {
        let cell = |text: &&str| text.lines().map(|line| (line.to_owned(), Style::new())).collect::<Cell>();
        let rows = rows.iter().map(|row| row.each_ref().map(cell)).collect();
        anstream::adapter::strip_str(&table(["Id", "Name", "None"], rows, columns)).to_string()
    }

    #[test]
    fn columns_are_as_wide_as_needed_and_empty_ones_left_out() {
        assert_eq!(
            plain(&[["1", "short", ""], ["12345", "of two\nlines", ""]], None),
            "  Id     Name\n  1      short\n  12345  of two\n         lines\n"
        );
    }

    #[test]
    fn the_widest_cells_are_broken_where_a_row_is_too_long() {
        let table = plain(&[["1", "a_name_that_is_far_too_long_for_this", "x"]], Some(30));
        assert_eq!(table, "  Id  Name                None\n  1   a_name_that_is_far  x\n      _too_long_for_this\n");
        assert!(table.lines().all(|line| line.len() <= 30));
    }
}
