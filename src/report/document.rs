//! The report of a run as plain data: what was asked, what came out, what each theory assumes and how to repeat it.

use serde::{Deserialize, Serialize};

/// How a row of the league is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Agree,
    Disagree,
    Inconclusive,
    Declined,
    Failed,
}

impl Verdict {
    /// The word for it, as in tables.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::Disagree => "disagree",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Declined => "declined",
            Verdict::Failed => "failed",
        }
    }
}

/// A picture with its caption.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Picture {
    /// SVG document, put into the HTML as it is: only the output of [`crate::plot::render_svg`] belongs here.
    pub svg: String,
    /// Path of the picture relative to the report, for Markdown.
    pub file: String,
    pub caption: String,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Row {
    pub cells: Vec<String>,
    pub verdict: Option<Verdict>,
}

/// The league table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Row>,
}

/// One theory entry: what it assumes, takes to an extreme and conditions on, and how its solver ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TheoryNote {
    pub label: String,
    pub kind: String,
    pub assumptions: Vec<String>,
    /// Authors, year, arXiv id (becomes a link).
    pub source: String,
    pub conditioning: String,
    pub limits: Vec<String>,
    /// Lines of the solver's report.
    pub solver: Vec<String>,
    pub warnings: Vec<String>,
}

/// A theory that did not predict, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Decline {
    pub label: String,
    pub reason: String,
}

/// Everything a report says; [`super::html`] and [`super::markdown`] only set it in type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReportDocument {
    pub title: String,
    pub subtitle: String,
    /// Stands in a box below the title (a quick run, missing cells).
    pub notice: Option<String>,
    pub pictures: Vec<Picture>,
    pub league: Table,
    /// Values reduced across cells (limits, slopes).
    pub derived: Option<Table>,
    pub theories: Vec<TheoryNote>,
    pub declined: Vec<Decline>,
    /// Version, commit, seed, SIMD level, CPU, threads, hash: names and values.
    pub provenance: Vec<(String, String)>,
    /// The spec as the user wrote it.
    pub spec: String,
    /// Commands that repeat the run.
    pub reproduce: Vec<String>,
}
