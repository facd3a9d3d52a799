//! Reports: one document as data, set as self-contained HTML and as Markdown.

pub mod compose;
mod document;
pub mod figures;
pub mod fits;
pub mod folder;
mod html;
pub mod league;
mod markdown;
mod script;
pub mod standing;
mod summary;

pub use document::{Decline, Picture, ReportDocument, Row, Table, TheoryNote, Verdict};
pub use html::html;
pub use markdown::markdown;

#[cfg(test)]
mod tests;
