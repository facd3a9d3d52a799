//! The report of a run as plain data: what was asked, what came out, what each theory assumes and how to repeat it.

use serde::{Deserialize, Serialize};

/// How a row of the league is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Compared, and the theory holds within the tolerance.
    Agree,
    /// Compared, and the theory is off by more than the tolerance.
    Disagree,
    /// Compared, but the draws do not decide.
    Inconclusive,
    /// The theory does not apply.
    Declined,
    /// The solver did not reach an answer.
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
    /// Plain text below the picture.
    pub caption: String,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Row {
    /// Plain text, one per column of the header.
    pub cells: Vec<String>,
    /// Colour of the row; `None` leaves it plain.
    pub verdict: Option<Verdict>,
}

/// The league table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// Column names, plain text.
    pub header: Vec<String>,
    /// Rows with as many cells as the header.
    pub rows: Vec<Row>,
}

/// One theory entry: what it assumes, takes to an extreme and conditions on, and how its solver ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TheoryNote {
    /// Label of the theory entry.
    pub label: String,
    /// Kind of the theory, as in `saddlepoint list`.
    pub kind: String,
    /// What it takes for granted, one clause each.
    pub assumptions: Vec<String>,
    /// Authors, year, arXiv id (becomes a link).
    pub source: String,
    /// `none`, `data`, `initial` or `trained`: what it is given of each draw.
    pub conditioning: String,
    /// Extremes it takes, as `key -> value` (`learner.widths -> inf`).
    pub limits: Vec<String>,
    /// Lines of the solver's report.
    pub solver: Vec<String>,
    /// Warnings of its predictions, each once.
    pub warnings: Vec<String>,
}

/// A theory that did not predict, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Decline {
    /// Label of the theory entry, with its cell when there are several.
    pub label: String,
    /// Why there is no number, in words.
    pub reason: String,
}

/// Everything a report says; [`super::html`] and [`super::markdown`] only set it in type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReportDocument {
    /// Heading of the report: the title of the spec.
    pub title: String,
    /// Line below the title: name of the spec and the start of its hash.
    pub subtitle: String,
    /// Stands in a box below the title (a quick run, missing cells).
    pub notice: Option<String>,
    /// What the comparisons and expectations say, in a sentence or two.
    #[serde(default)]
    pub summary: String,
    /// What is to be seen in the run of a model, and what of it is from the literature, derived or measured; Markdown.
    #[serde(default)]
    pub prose: Option<String>,
    /// Figures, in the order of the spec.
    pub pictures: Vec<Picture>,
    /// One row per theory entry, observable and cell.
    pub league: Table,
    /// Values reduced across cells (limits, slopes).
    pub derived: Option<Table>,
    /// Estimates of parameters; `None` without fits.
    #[serde(default)]
    pub fits: Option<Table>,
    /// Which theory is nearest in every cell; `None` without leagues.
    #[serde(default)]
    pub standings: Option<Table>,
    /// What the leagues say, in whole sentences.
    #[serde(default)]
    pub statements: Vec<String>,
    /// Relations between two quantities, each with what chance gives.
    #[serde(default)]
    pub relations: Option<Table>,
    /// Theories that predicted, each once.
    pub theories: Vec<TheoryNote>,
    /// Theories without a prediction, each with its reason.
    pub declined: Vec<Decline>,
    /// Version, commit, seed, SIMD level, CPU, threads, hash: names and values.
    pub provenance: Vec<(String, String)>,
    /// The spec as the user wrote it.
    pub spec: String,
    /// Commands that repeat the run.
    pub reproduce: Vec<String>,
}
