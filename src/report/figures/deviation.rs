//! How far every theory is off, over a swept key.

use super::{WIDTH, axis, drawn_theories};
use crate::error::Result;
use crate::plot::{Figure, Panel, Series};
use crate::run::assess::{Assessment, RowResult};
use crate::run::outcome::Outcome;
use crate::spec::sweep::coordinate;
use crate::spec::{Figure as FigureSpec, Spec};

/// Deviation of every theory from the networks over a swept key: which theory wins where.
pub(super) fn deviations(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let Some(key) = &f.key else {
        return Ok(None);
    };
    let mut panel = Panel::new(
        "",
        axis(&f.abscissa.text(key), "", f.x_scale, f.x_range),
        axis(
            &format!("deviation of {}", f.observable),
            "",
            f.y_scale,
            f.y_range,
        ),
    );
    let tolerance = spec.compare.of(&f.observable);
    panel = panel.with(Series::hline(tolerance.value()).labelled("tolerance"));
    let labels = drawn_theories(outcome.cells.iter(), f, wanted);
    for (t, label) in labels.iter().enumerate() {
        let mut points: Vec<(f64, f64, [f64; 2])> = assessment
            .rows
            .iter()
            .filter(|r| r.label == *label && r.observable.is_some_and(|o| o.name == f.observable))
            .filter_map(|r| {
                let x = coordinate(&outcome.cells[r.cell].set, key, f.abscissa)?;
                match &r.result {
                    RowResult::Compared { comparison, .. } => {
                        let v = comparison.deviation;
                        Some((x, v, comparison.interval.unwrap_or([v, v])))
                    }
                    _ => None,
                }
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let x: Vec<f64> = points.iter().map(|p| p.0).collect();
        let y: Vec<f64> = points.iter().map(|p| p.1).collect();
        panel = panel
            .with(Series::line(label.clone(), x.clone(), y.clone()).style(t))
            .with(
                Series::points(label.clone(), x, y)
                    .band(
                        points.iter().map(|p| p.2[0]).collect::<Vec<_>>(),
                        points.iter().map(|p| p.2[1]).collect::<Vec<_>>(),
                    )
                    .style(t),
            );
    }
    let text = format!(
        "Distance of every theory from the networks ({}, {}), error bars are 95 % intervals; the horizontal line is the tolerance.",
        f.observable,
        tolerance.metric()
    );
    Ok(Some((Figure::new(WIDTH, 300.0).with(panel), text)))
}
