//! The report as Markdown (GitHub flavour): pictures by file name, the same sections as the HTML.

use super::document::{ReportDocument, Table, TheoryNote};

/// The whole report as Markdown. Texts are escaped so that they read as written, spec and commands stand in fences.
///
/// ```
/// use saddlepoint::report::{ReportDocument, markdown};
/// let page = markdown(&ReportDocument { title: "a*b".into(), ..ReportDocument::default() });
/// assert_eq!(page, "# a\\*b\n");
/// ```
pub fn markdown(report: &ReportDocument) -> String {
    let mut parts = vec![format!("# {}", plain(&report.title))];
    if !report.subtitle.is_empty() {
        parts.push(plain(&report.subtitle));
    }
    if let Some(notice) = &report.notice {
        parts.push(format!("> {}", plain(notice)));
    }
    if !report.summary.is_empty() {
        parts.push(plain(&report.summary));
    }
    if !report.league.rows.is_empty() {
        parts.push("## League".into());
        parts.push(table(&report.league));
    }
    if let Some(fits) = &report.fits {
        parts.push("## Fitted parameters".into());
        parts.push(table(fits));
    }
    if let Some(standings) = &report.standings {
        parts.push("## Which theory is nearest".into());
        if !report.statements.is_empty() {
            let line = |s: &String| format!("- {}", plain(s));
            parts.push(lines(report.statements.iter().map(line)));
        }
        parts.push(table(standings));
    }
    if let Some(derived) = &report.derived {
        parts.push("## Reduced across cells".into());
        parts.push(table(derived));
    }
    if let Some(relations) = &report.relations {
        parts.push("## Relations".into());
        parts.push(table(relations));
    }
    for picture in &report.pictures {
        let file = picture.file.replace('\\', "/");
        parts.push(format!("![{}](<{file}>)", plain(&picture.caption)));
    }
    if let Some(prose) = &report.prose {
        parts.push(format!("## What to see\n\n{}", prose.trim_end()));
    }
    if !report.theories.is_empty() {
        parts.push("## Theories".into());
        parts.extend(report.theories.iter().map(theory));
    }
    if !report.declined.is_empty() {
        parts.push("## Declined".into());
        let line = |d: &super::Decline| format!("- **{}**: {}", plain(&d.label), plain(&d.reason));
        parts.push(lines(report.declined.iter().map(line)));
    }
    if !report.spec.trim().is_empty() {
        parts.push("## Spec".into());
        parts.push(fenced("toml", &report.spec));
    }
    if !report.reproduce.is_empty() {
        parts.push("## How to reproduce".into());
        parts.push(fenced("sh", &report.reproduce.join("\n")));
    }
    if !report.provenance.is_empty() {
        parts.push("## Provenance".into());
        let line =
            |(name, value): &(String, String)| format!("- {}: {}", plain(name), plain(value));
        parts.push(lines(report.provenance.iter().map(line)));
    }
    parts.join("\n\n") + "\n"
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join("\n")
}

/// One line of text without any Markdown meaning.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        if "\\`*_[]<>|#&~$".contains(c) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// A fence longer than any run of backticks inside.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

fn table(table: &Table) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<String> = (0..table.header.len())
            .map(|i| cells.get(i).map_or(String::new(), |c| plain(c)))
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = format!("|{}", " --- |".repeat(table.header.len()));
    let rows = table.rows.iter().map(|r| row(&r.cells));
    lines([row(&table.header), rule].into_iter().chain(rows))
}

fn theory(theory: &TheoryNote) -> String {
    let mut facts = vec![format!(
        "### {} ({})\n",
        plain(&theory.label),
        plain(&theory.kind)
    )];
    let mut list = |name: &str, items: &[String]| {
        facts.extend(
            items
                .iter()
                .filter(|i| !i.is_empty())
                .map(|i| format!("- {name}: {}", plain(i))),
        );
    };
    list("assumes", &theory.assumptions);
    list("limit", &theory.limits);
    list("conditions on", std::slice::from_ref(&theory.conditioning));
    list("source", std::slice::from_ref(&theory.source));
    list("solver", &theory.solver);
    list("warning", &theory.warnings);
    facts.join("\n")
}
