//! Puts a run's results together as a report document.

use super::figures::Drawn;
use super::league::league;
use super::summary;
use super::{Decline, Picture, ReportDocument, TheoryNote};
use crate::error::Result;
use crate::models::MODELS;
use crate::plot::render_svg;
use crate::run::assess::Assessment;
use crate::run::mapping::{Mapped, Quantity};
use crate::run::outcome::{Outcome, Status, TheoryOutcome};
use crate::spec::{Source, Spec};

/// The report of a run; `provenance` is the manifest as names and values, `reproduce` the commands.
pub fn document(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    figures: &[Drawn],
    mut provenance: Vec<(String, String)>,
    reproduce: Vec<String>,
) -> Result<ReportDocument> {
    provenance.extend(spec.sources());
    let pictures = figures
        .iter()
        .map(|d| {
            Ok(Picture {
                svg: render_svg(&d.figure)?,
                file: format!("figures/{}.svg", d.name),
                caption: d.caption.clone(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let failed: Vec<String> = outcome
        .cells
        .iter()
        .filter_map(|c| c.failure.as_ref().map(|e| e.to_string()))
        .collect();
    let mut notices = Vec::new();
    if spec.quick {
        notices.push(
            "Quick run: fewer draws, steps or sizes than the spec asks for; no expectations."
                .to_string(),
        );
    }
    notices.extend(failed);
    notices.extend(outcome.warnings.iter().cloned());
    let mut declined = Vec::new();
    let mut theories: Vec<TheoryNote> = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for theory in &cell.theories {
            let place = match outcome.cells.len() {
                1 => theory.label.clone(),
                _ => format!("{} (cell {index})", theory.label),
            };
            match &theory.status {
                Status::Declined(reason) => declined.push(Decline {
                    label: place,
                    reason: reason.clone(),
                }),
                Status::Failed(error) => declined.push(Decline {
                    label: place,
                    reason: format!("failed: {error}"),
                }),
                Status::Mapped => {}
                Status::Predicted => match theories.iter_mut().find(|n| n.label == theory.label) {
                    Some(known) => join(known, note(theory, index)),
                    None => theories.push(note(theory, index)),
                },
            }
        }
    }
    for m in &outcome.maps {
        let points = m.quantities.first().map_or(0, Quantity::points);
        for q in &m.quantities {
            if let Some(reason) = q.gaps.text(q.points()) {
                declined.push(Decline {
                    label: format!("{}: map of {}", m.label, q.observable.name),
                    reason,
                });
            }
        }
        if m.is_solved() {
            let new = mapped_note(spec, m, points);
            match theories.iter_mut().find(|n| n.label == m.label) {
                Some(known) => join(known, new),
                None => theories.push(new),
            }
        }
    }
    let mut document = ReportDocument {
        title: spec.title.clone(),
        subtitle: format!("{} [{}]", spec.name, &spec.hash[..8]),
        notice: (!notices.is_empty()).then(|| notices.join("\n")),
        summary: summary::sentence(spec, assessment),
        prose: prose(spec),
        pictures,
        league: league(outcome, assessment),
        derived: None,
        fits: None,
        standings: None,
        statements: Vec::new(),
        relations: None,
        theories,
        declined,
        provenance,
        spec: spec.document.text.clone(),
        reproduce,
    };
    if !outcome.fits.is_empty() {
        document.fits = Some(super::fits::table(outcome));
    }
    if !assessment.leagues.is_empty() {
        document.standings = Some(super::standing::table(assessment));
        document.statements = super::standing::all_statements(assessment);
    }
    if !assessment.derived.is_empty() {
        document.derived = Some(super::league::derived(assessment));
    }
    if !assessment.relations.is_empty() {
        document.relations = Some(super::league::relations(outcome, assessment));
    }
    Ok(document)
}

/// What the gallery says of a model that was run as it is.
fn prose(spec: &Spec) -> Option<String> {
    let varied = spec
        .document
        .overrides
        .iter()
        .any(|o| matches!(o.source, Source::Set(_)));
    let model = MODELS
        .iter()
        .find(|m| m.text == spec.document.text && !varied)?;
    let prose = model.prose()?;
    // Its title is that of the report.
    Some(
        prose
            .split_once('\n')
            .map_or("", |(_, text)| text)
            .trim()
            .to_string(),
    )
}

/// What an entry assumes, takes to an extreme and warns of may differ from cell to cell: everything is said, once.
fn join(known: &mut TheoryNote, new: TheoryNote) {
    let lists = [
        (&mut known.assumptions, new.assumptions),
        (&mut known.limits, new.limits),
        (&mut known.solver, new.solver),
        (&mut known.warnings, new.warnings),
    ];
    for (all, new) in lists {
        for line in new {
            if !all.contains(&line) {
                all.push(line);
            }
        }
    }
    if !known
        .conditioning
        .split(", ")
        .any(|c| c == new.conditioning)
    {
        known.conditioning = format!("{}, {}", known.conditioning, new.conditioning);
    }
}

fn mapped_note(spec: &Spec, m: &Mapped, points: usize) -> TheoryNote {
    let entries = spec.cells.iter().flat_map(|c| &c.theories);
    let info = entries
        .filter(|t| t.label == m.label)
        .map(|t| t.theory.info())
        .next();
    let always = info.map_or(&[][..], |i| i.assumptions);
    let always = always.iter().map(|a| a.to_string());
    let n = &m.notes;
    let solver = format!(
        "map: {}: {} solves, at most {} iterations, residual at most {:.1e}",
        n.methods.join(", "),
        n.solves,
        n.iterations,
        n.residual
    );
    TheoryNote {
        label: m.label.clone(),
        kind: m.kind.into(),
        assumptions: always.chain(n.assumptions.iter().cloned()).collect(),
        source: info.map_or(String::new(), |i| i.source.into()),
        conditioning: n.conditioning.join(", "),
        limits: n.limits.clone(),
        solver: vec![solver],
        warnings: n.warning_texts(points),
    }
}

fn note(theory: &TheoryOutcome, cell: usize) -> TheoryNote {
    let promise = theory.promise.as_ref();
    TheoryNote {
        label: theory.label.clone(),
        kind: theory.kind.into(),
        assumptions: theory.assumptions(),
        source: theory.info.source.into(),
        conditioning: promise.map_or("-".into(), |p| p.conditioning.name().to_string()),
        limits: promise.map(|p| p.limit_texts()).unwrap_or_default(),
        solver: solver_lines(theory, cell),
        warnings: theory
            .predictions
            .iter()
            .flat_map(|(_, p)| p.warnings.iter().cloned())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect(),
    }
}

/// One line per method used: how many solves, most iterations, largest residual.
fn solver_lines(theory: &TheoryOutcome, cell: usize) -> Vec<String> {
    let mut methods: Vec<(String, usize, usize, f64)> = Vec::new();
    for (_, p) in &theory.predictions {
        let s = &p.solver;
        match methods.iter_mut().find(|m| m.0 == s.method) {
            Some(m) => {
                m.1 += 1;
                m.2 = m.2.max(s.iterations);
                m.3 = m.3.max(s.residual);
            }
            None => methods.push((s.method.clone(), 1, s.iterations, s.residual)),
        }
    }
    methods
        .into_iter()
        .map(|(method, n, iterations, residual)| {
            format!("cell {cell}: {method}: {n} solves, at most {iterations} iterations, residual at most {residual:.1e}")
        })
        .collect()
}
