//! The report as one HTML file that needs nothing else: pictures inline, no script, light and dark, printable.

use super::document::{ReportDocument, Row, Table, TheoryNote};
use crate::plot::escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1d21;--soft:#5c6370;--page:#fff;--box:#f4f5f7;--rule:#d9dce1;--link:#0a5fa8;\
--agree:#0b7a4b;--disagree:#b3410a;--inconclusive:#7a6a00;--declined:#6b7280}\
@media(prefers-color-scheme:dark){:root{--ink:#e4e6ea;--soft:#a0a7b4;--page:#16181c;--box:#22252b;--rule:#3a3f48;--link:#7cb8ee;\
--agree:#4fce97;--disagree:#f39a63;--inconclusive:#e0cb55;--declined:#9aa1ad}}\
*{box-sizing:border-box}\
body{margin:0 auto;max-width:62rem;padding:2rem 1.25rem 4rem;background:var(--page);color:var(--ink);\
font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
h1{font-size:1.7rem;line-height:1.25;margin:0}h2{font-size:1.2rem;margin:2.4rem 0 .8rem;border-bottom:1px solid var(--rule);padding-bottom:.25rem}\
h3{font-size:1rem;margin:0 0 .5rem}h3 small,.subtitle,figcaption{color:var(--soft);font-weight:400}.subtitle{margin:.3rem 0 0}\
a{color:var(--link)}code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:.86em}\
pre{background:var(--box);border:1px solid var(--rule);border-radius:6px;padding:.8rem 1rem;overflow-x:auto;line-height:1.45}\
pre code{font-size:1em}.notice{border-left:4px solid var(--inconclusive);background:var(--box);padding:.6rem 1rem;margin:1.2rem 0}\
figure{margin:1.2rem 0}figure svg{display:block;width:100%;max-width:44rem;height:auto;margin:0 auto;background:#fff;border-radius:6px}\
figcaption{font-size:.9rem;margin:.5rem auto 0;max-width:46rem;text-align:center}\
.wide{overflow-x:auto;margin-inline:calc(50% - min(47vw,48rem))}table{border-collapse:collapse;min-width:62rem;margin:0 auto;font-size:.82rem;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--rule);vertical-align:top}\
th{color:var(--soft);font-weight:600}th.number,td.number{text-align:right;white-space:nowrap}td:first-child,th:first-child{border-left:4px solid transparent;padding-left:.6rem}\
tr.agree td:first-child{border-left-color:var(--agree)}tr.disagree td:first-child{border-left-color:var(--disagree)}\
tr.inconclusive td:first-child{border-left-color:var(--inconclusive)}tr.failed td:first-child{border-left-color:var(--disagree)}tr.declined td:first-child{border-left-color:var(--declined)}\
tr.agree .verdict{color:var(--agree)}tr.disagree .verdict{color:var(--disagree)}tr.inconclusive .verdict{color:var(--inconclusive)}\
tr.declined .verdict{color:var(--declined)}.verdict{font-weight:600}\
.theory{border:1px solid var(--rule);border-radius:6px;padding:.9rem 1.1rem;margin:0 0 1rem}\
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.25rem 1.2rem;margin:0;font-size:.92rem}\
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}dd ul{margin:0;padding-left:1.1rem}.warning{color:var(--disagree)}\
@media print{body{max-width:none;padding:0;font-size:10.5pt}.theory,figure,tr{break-inside:avoid}h2{break-after:avoid}pre{white-space:pre-wrap}}";

/// The whole report as HTML. Every text is escaped; the only addresses in it are links to the sources at arXiv.
///
/// ```
/// use saddlepoint::report::{ReportDocument, html};
/// let page = html(&ReportDocument { title: "L < 1".into(), ..ReportDocument::default() });
/// assert!(page.contains("<h1>L &lt; 1</h1>"));
/// ```
pub fn html(report: &ReportDocument) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n",
        title = escape(&report.title),
    );
    if !report.subtitle.is_empty() {
        page += &format!("<p class=\"subtitle\">{}</p>\n", escape(&report.subtitle));
    }
    page += "</header>\n";
    if let Some(notice) = &report.notice {
        page += &format!("<p class=\"notice\">{}</p>\n", escape(notice));
    }
    page += "<main>\n";
    let declined: Vec<(String, String)> = report
        .declined
        .iter()
        .map(|d| (d.label.clone(), escape(&d.reason)))
        .collect();
    let provenance: Vec<(String, String)> = report
        .provenance
        .iter()
        .map(|(name, value)| (name.clone(), escape(value)))
        .collect();
    let theories: String = report.theories.iter().map(theory).collect();
    if !report.summary.is_empty() {
        page += &format!("<p class=\"summary\">{}</p>\n", escape(&report.summary));
    }
    page += &section("League", table(&report.league));
    if let Some(fits) = &report.fits {
        page += &section("Fitted parameters", table(fits));
    }
    if let Some(standings) = &report.standings {
        let items = report.statements.iter();
        let items: String = items.map(|s| format!("<li>{}</li>\n", escape(s))).collect();
        let list = match items.is_empty() {
            true => String::new(),
            false => format!("<ul>\n{items}</ul>\n"),
        };
        page += &section("Which theory is nearest", list + &table(standings));
    }
    if let Some(derived) = &report.derived {
        page += &section("Reduced across cells", table(derived));
    }
    if let Some(relations) = &report.relations {
        page += &section("Relations", table(relations));
    }
    page += &pictures(report);
    if let Some(prose) = &report.prose {
        page += &section("What to see", paragraphs(prose));
    }
    page += &section("Theories", theories);
    page += &section("Declined", definitions(&declined));
    page += &section("Spec", preformatted(&report.spec));
    page += &section(
        "How to reproduce",
        preformatted(&report.reproduce.join("\n")),
    );
    page += &section("Provenance", definitions(&provenance));
    page += "</main>\n</body>\n</html>\n";
    page
}

fn pictures(report: &ReportDocument) -> String {
    let picture = |p: &super::Picture| {
        format!(
            "<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n",
            p.svg,
            escape(&p.caption)
        )
    };
    report.pictures.iter().map(picture).collect()
}

/// Markdown of the plain sort: paragraphs, lists, emphasis and code.
fn paragraphs(text: &str) -> String {
    let mut page = String::new();
    let mut blocks: Vec<(bool, String)> = Vec::new();
    for line in text.lines() {
        let item = line.strip_prefix("- ");
        match (item, line.trim()) {
            (Some(item), _) => blocks.push((true, item.to_string())),
            (None, "") => blocks.push((false, String::new())),
            (None, line) => match blocks.last_mut() {
                Some((_, block)) if !block.is_empty() => block.push_str(&format!(" {line}")),
                _ => blocks.push((false, line.to_string())),
            },
        }
    }
    let mut listed = false;
    for (item, block) in blocks.into_iter().filter(|(_, b)| !b.is_empty()) {
        if item != listed {
            page += if item { "<ul>\n" } else { "</ul>\n" };
            listed = item;
        }
        let inline = marked(
            &marked(&marked(&escape(&block), "**", "strong"), "*", "em"),
            "`",
            "code",
        );
        page += &match item {
            true => format!("<li>{inline}</li>\n"),
            false => format!("<p>{inline}</p>\n"),
        };
    }
    if listed {
        page += "</ul>\n";
    }
    page
}

/// What stands between two marks becomes an element; a single mark stays.
fn marked(text: &str, mark: &str, element: &str) -> String {
    let parts: Vec<&str> = text.split(mark).collect();
    let mut out = String::new();
    for (k, part) in parts.iter().enumerate() {
        out.push_str(&match (k % 2, k + 1 == parts.len()) {
            (0, _) => part.to_string(),
            (_, false) => format!("<{element}>{part}</{element}>"),
            (_, true) => format!("{mark}{part}"),
        });
    }
    out
}

/// A titled part; nothing when it has no content.
fn section(title: &str, content: String) -> String {
    if content.is_empty() {
        return content;
    }
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

fn preformatted(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    format!("<pre><code>{}</code></pre>\n", escape(text.trim_end()))
}

/// Names (plain text) with their descriptions (HTML).
fn definitions(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let line =
        |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{value}</dd>\n", escape(name));
    format!(
        "<dl>\n{}</dl>\n",
        pairs.iter().map(line).collect::<String>()
    )
}

fn table(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let numeric: Vec<bool> = (0..table.header.len())
        .map(|column| is_numeric(table, column))
        .collect();
    let side = |column: usize| match numeric.get(column) {
        Some(true) => " class=\"number\"",
        _ => "",
    };
    let head = table.header.iter().enumerate();
    let head: String = head
        .map(|(i, name)| format!("<th{}>{}</th>", side(i), escape(name)))
        .collect();
    let row = |row: &Row| {
        let cell = |(i, text): (usize, &String)| {
            let class = match row.verdict {
                Some(verdict) if is_verdict(text, verdict) => " class=\"verdict\"",
                _ => side(i),
            };
            format!("<td{class}>{}</td>", escape(text))
        };
        let class = row
            .verdict
            .map_or(String::new(), |v| format!(" class=\"{}\"", v.name()));
        let cells: String = row.cells.iter().enumerate().map(cell).collect();
        format!("<tr{class}>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

/// `agree`, or `declined: ` with the reason.
fn is_verdict(text: &str, verdict: super::Verdict) -> bool {
    let word = text.trim().split([' ', ':']).next().unwrap_or_default();
    word.eq_ignore_ascii_case(verdict.name())
}

/// Do all filled cells of the column start as numbers do?
fn is_numeric(table: &Table, column: usize) -> bool {
    let cells = table.rows.iter().filter_map(|r| r.cells.get(column));
    let mut filled = cells
        .map(|c| c.trim())
        .filter(|c| !matches!(*c, "" | "-" | "–" | "—"))
        .peekable();
    filled.peek().is_some()
        && filled.all(|c| {
            let digits =
                c.trim_start_matches(['+', '-', '−', '[', '(', '<', '>', '≤', '≥', ' ', '.']);
            digits.starts_with(|d: char| d.is_ascii_digit())
        })
}

fn list(items: &[String]) -> String {
    match items {
        [one] => escape(one),
        many => {
            let line = |item: &String| format!("<li>{}</li>", escape(item));
            format!("<ul>{}</ul>", many.iter().map(line).collect::<String>())
        }
    }
}

fn theory(theory: &TheoryNote) -> String {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_string(), value));
    if !theory.assumptions.is_empty() {
        fact("assumes", list(&theory.assumptions));
    }
    if !theory.limits.is_empty() {
        fact("limits", list(&theory.limits));
    }
    if !theory.conditioning.is_empty() {
        fact("conditions on", escape(&theory.conditioning));
    }
    if !theory.source.is_empty() {
        fact("source", with_links(&theory.source));
    }
    if !theory.solver.is_empty() {
        fact("solver", list(&theory.solver));
    }
    for warning in &theory.warnings {
        fact(
            "warning",
            format!("<span class=\"warning\">{}</span>", escape(warning)),
        );
    }
    format!(
        "<div class=\"theory\">\n<h3>{} <small>{}</small></h3>\n{}</div>\n",
        escape(&theory.label),
        escape(&theory.kind),
        definitions(&facts)
    )
}

/// Escaped text in which `arXiv:1312.6120` is a link.
fn with_links(text: &str) -> String {
    const KEY: &str = "arXiv:";
    let mut linked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(KEY) {
        let (before, from) = rest.split_at(start);
        let after = &from[KEY.len()..];
        let id = |c: char| c.is_ascii_alphanumeric() || ['.', '-', '/'].contains(&c);
        let end = after.find(|c| !id(c)).unwrap_or(after.len());
        let id = after[..end].trim_end_matches(['.', '-', '/']);
        linked += &escape(before);
        linked += &match id {
            "" => KEY.to_string(),
            id => format!("<a href=\"https://arxiv.org/abs/{id}\">{KEY}{id}</a>"),
        };
        rest = &after[id.len()..];
    }
    linked + &escape(rest)
}
