//! Tables for people: aligned, as wide as the terminal, nothing in them that could write elsewhere on it.

/// Two blanks between columns.
const GAP: usize = 2;
/// A column is not made narrower than this.
const NARROWEST: usize = 8;

/// Rows of text under headings.
#[derive(Clone, Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    headings: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
    whole: bool,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(headings: [&'static str; COLUMNS]) -> Self {
        Self { headings, rows: Vec::new(), whole: false }
    }

    /// The first column is an identifier, which is of no use when it is cut.
    pub(super) fn with_identifiers(self) -> Self {
        Self { whole: true, ..self }
    }

    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| harmless(&cell)));
    }

    /// The table, cut to `width` where there is one: a pipe gets everything.
    pub(super) fn render(&self, width: Option<usize>) -> String {
        let headings = self.headings.map(str::to_uppercase);
        let mut widths = [0; COLUMNS];
        for row in std::iter::once(&headings).chain(&self.rows) {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(cell.chars().count());
            }
        }
        if let Some(width) = width {
            let (first, others) = widths.split_at_mut(usize::from(self.whole));
            let taken = first.iter().map(|first| first.saturating_add(GAP)).sum();
            narrow(others, width.saturating_sub(taken));
        }
        let mut text = String::new();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| fitted(cell, width)).collect();
            text.push_str(cells.join(&" ".repeat(GAP)).trim_end());
            text.push('\n');
        }
        text
    }
}

/// Takes from the widest column until all fit, or none can give any more.
fn narrow(widths: &mut [usize], width: usize) {
    let gaps = GAP.saturating_mul(widths.len().saturating_sub(1));
    while widths.iter().sum::<usize>().saturating_add(gaps) > width {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            Some(_) | None => return,
        }
    }
}

fn fitted(cell: &str, width: usize) -> String {
    if cell.chars().count() > width {
        return cell.chars().take(width.saturating_sub(1)).chain(['…']).collect();
    }
    format!("{cell:width$}")
}

/// Names come from strangers: no control characters, nothing that turns the direction of text.
pub(super) fn harmless(text: &str) -> String {
    let turns = |character: char| matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|character| if character.is_control() || turns(character) { '\u{FFFD}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new(["name", "address", "made"]);
        table.row(["Files".to_owned(), "https://mcp.example.com/mcp".to_owned(), "3 minutes ago".to_owned()]);
        table.row(["A\u{1b}[31m\nB".to_owned(), "https://a.example".to_owned(), "just now".to_owned()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_control_characters_are_gone() {
        assert_eq!(
            table().render(None),
            "NAME      ADDRESS                      MADE\n\
             Files     https://mcp.example.com/mcp  3 minutes ago\n\
             A\u{FFFD}[31m\u{FFFD}B  https://a.example            just now\n"
        );
    }

    #[test]
    fn a_narrow_terminal_takes_from_the_widest_column() {
        let text = table().render(Some(40));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("https://mcp.ex…"), "{text}");
        table().render(Some(0));
    }

    #[test]
    fn an_identifier_is_never_cut() {
        let text = table().with_identifiers().render(Some(30));
        assert!(text.contains("\nFiles     https://…  3 minute…\n"), "{text}");
    }
}
