//! Small text helpers of the command line: byte sizes, aligned tables, output that survives a closed pipe.

use crate::error::{Error, Result};
use std::io::Write;

const MAX_THREADS: usize = 1024;

/// Parses `500M`, `4G`, `4GiB`, `1000000`.
pub fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1.0,
        "K" | "KB" | "KIB" => 1024.0,
        "M" | "MB" | "MIB" => 1024.0 * 1024.0,
        "G" | "GB" | "GIB" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err("use a number with K, M or G".into()),
    };
    match digits.parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok((x * unit) as u64),
        _ => Err("use a positive number with K, M or G, such as 500M".into()),
    }
}

/// Aligns columns with two spaces between them.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (w, cell) in widths.iter_mut().zip(row) {
            *w = (*w).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, w) in cells.zip(&widths) {
            out.push_str(cell);
            out.push_str(&" ".repeat(w - cell.chars().count() + 2));
        }
        out.trim_end().to_string() + "\n"
    };
    let mut out = line(&mut header.iter().copied());
    let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
    out.push_str(&line(&mut rule.iter().map(String::as_str)));
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}

/// How a table is made to fit the terminal, one step after the other: cells are shortened to so many characters, or a column is left out.
const STEPS: [Narrower; 10] = [
    Narrower::Shorten(60),
    Narrower::LeaveOut("seconds"),
    Narrower::LeaveOut("worst point"),
    Narrower::LeaveOut("conditions on"),
    Narrower::Shorten(44),
    Narrower::Shorten(36),
    Narrower::LeaveOut("p"),
    Narrower::LeaveOut("tolerance"),
    Narrower::Shorten(30),
    Narrower::LeaveOut("95 % interval"),
];

enum Narrower {
    Shorten(usize),
    LeaveOut(&'static str),
}

/// A table with all its columns, or so narrow that it fits the terminal.
pub fn fitted(header: &[&str], rows: &[Vec<String>], wide: bool) -> String {
    match wide {
        true => table(header, rows),
        false => narrow(header, rows),
    }
}

/// A table that fits [`COLUMNS`]: cells that are long go on in numbered notes below it, then columns of less weight are left out,
/// which a last line says.
pub fn narrow(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut kept: Vec<usize> = (0..header.len()).collect();
    let mut left_out: Vec<&str> = Vec::new();
    // What says the same of every row, nothing, is no loss.
    let is_empty = |k: usize| {
        rows.iter()
            .all(|r| r.get(k).is_none_or(|c| c == "-" || c.is_empty()))
    };
    let spared = |name: &str| {
        STEPS
            .iter()
            .any(|s| matches!(s, Narrower::LeaveOut(n) if *n == name))
    };
    if rows.len() > 1 {
        kept.retain(|k| !(spared(header[*k]) && is_empty(*k)));
    }
    let width = |kept: &[usize], longest: usize| -> usize {
        let column = |k: &usize| {
            let cells = rows.iter().filter_map(|r| r.get(*k));
            let cells = cells.map(|c| shown_width(c, longest));
            cells.chain([header[*k].chars().count()]).max().unwrap_or(0) + 2
        };
        kept.iter().map(column).sum::<usize>().saturating_sub(2)
    };
    let mut longest = usize::MAX;
    for step in &STEPS {
        if width(&kept, longest) <= COLUMNS {
            break;
        }
        match step {
            Narrower::Shorten(limit) => longest = *limit,
            Narrower::LeaveOut(name) => {
                if let Some(at) = kept.iter().position(|k| header[*k] == *name) {
                    left_out.push(name);
                    kept.remove(at);
                }
            }
        }
    }
    let mut notes: Vec<String> = Vec::new();
    let mut shown = |cell: &String| -> String {
        if cell.chars().count() <= longest {
            return cell.clone();
        }
        let known = notes.iter().position(|n| n == cell);
        let place = known.unwrap_or_else(|| {
            notes.push(cell.clone());
            notes.len() - 1
        });
        let room = longest.saturating_sub(NOTE_MARK);
        let head: String = cell.chars().take(room).collect();
        let head = head
            .rsplit_once(' ')
            .map_or(head.as_str(), |(words, _)| words);
        format!("{head} … [{}]", place + 1)
    };
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            kept.iter()
                .filter_map(|k| r.get(*k))
                .map(&mut shown)
                .collect()
        })
        .collect();
    let header: Vec<&str> = kept.iter().map(|k| header[*k]).collect();
    let mut text = table(&header, &body);
    for (k, note) in notes.iter().enumerate() {
        text.push_str(&format!("[{}] {}", k + 1, wrapped(note, 4).trim_start()));
    }
    if !left_out.is_empty() {
        text.push_str(&format!(
            "left out: {} (--wide shows all columns)\n",
            left_out.join(", ")
        ));
    }
    text
}

/// Characters of ` … [12]`.
const NOTE_MARK: usize = 7;

fn shown_width(cell: &str, longest: usize) -> usize {
    cell.chars().count().min(longest)
}

/// Columns of a terminal that text is broken for.
pub const COLUMNS: usize = 118;

/// A text in lines of at most [`COLUMNS`] characters, each indented.
pub fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out.push_str(&format!("{:indent$}{line}\n", ""));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("{:indent$}{line}\n", ""));
    out
}

/// `  name   text`, with names in a column of `width` characters; a long text goes on below itself.
pub fn definition(indent: usize, width: usize, name: &str, text: &str) -> String {
    let text = wrapped(text, indent + width + 2);
    format!("{:indent$}{name:width$}  {}", "", text.trim_start())
}

/// Prints to stdout; a reader that closed the pipe (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Error::storage(std::path::Path::new("stdout"), &e)),
    }
}

/// A line on stderr; when stderr is closed, nobody is left to be told.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Parses a number of threads.
pub fn threads(text: &str) -> std::result::Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n) if n <= MAX_THREADS => Ok(n),
        _ => Err(format!(
            "use a whole number up to {MAX_THREADS}, 0 for all cores"
        )),
    }
}

/// A word for a shell: quoted unless it is plain.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_string(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Prints a JSON document.
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(super::bytes("500M").unwrap(), 500 << 20);
        assert_eq!(super::bytes("4GiB").unwrap(), 4 << 30);
        assert!(super::bytes("-4G").is_err());
        assert!(super::bytes("4X").is_err());
        assert_eq!(crate::error::human_bytes(1536), "1.5 KiB");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(super::shell_word("a.b=1"), "a.b=1");
        assert_eq!(super::shell_word("w=[6, 7]"), "'w=[6, 7]'");
        assert_eq!(super::shell_word("it's"), r"'it'\''s'");
    }

    #[test]
    fn wide_tables_are_narrowed_and_say_so() {
        let long = "a verdict with a reason that is far too long for one line of any terminal whatever its size";
        let row = |n: usize| {
            vec![
                format!("entry {n}"),
                "x".repeat(60),
                long.to_string(),
                "0.01".into(),
            ]
        };
        let rows = [row(1), row(2)];
        let text = super::narrow(&["entry", "worst point", "verdict", "seconds"], &rows);
        assert!(
            text.lines().all(|l| l.chars().count() <= super::COLUMNS),
            "{text}"
        );
        assert_eq!(text.matches("[1]").count(), 3, "{text}");
        assert!(text.contains("size\n"), "{text}");
        let short = super::narrow(&["entry", "p"], &[vec!["a".into(), "0.5".into()]]);
        assert_eq!(
            short,
            super::table(&["entry", "p"], &[vec!["a".into(), "0.5".into()]])
        );
        let wide: Vec<Vec<String>> = vec![vec!["y".repeat(50); 4]; 2];
        let text = super::narrow(&["entry", "p", "seconds", "verdict"], &wide);
        assert!(text.contains("left out: seconds"), "{text}");
    }

    #[test]
    fn tables_are_aligned() {
        let t = super::table(&["a", "bb"], &[vec!["xyz".into(), "1".into()]]);
        assert_eq!(t, "a    bb\n---  --\nxyz  1\n");
    }
}
