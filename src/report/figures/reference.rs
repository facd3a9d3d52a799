//! The panel of differences where a theory stands in for the measurement: the reference minus every other theory.

use super::curves::{called, last_axis, pieces};
use super::scene::{Placed, Scene, Shown, is_visible, looking};
use super::{axis, axis_of};
use crate::error::Result;
use crate::plot::{Legend, Panel, Series};
use crate::run::assess::pair_with_reference;
use crate::spec::ScaleKey;

/// What the panel shows, for the caption.
pub(super) fn below(label: &str) -> String {
    format!(
        " Below: {label} minus every other theory, in the unit of the quantity; bands are the numerical bounds of both \
         plus one standard error."
    )
}

/// The reference minus every other theory that is drawn, in the unit of the observable; `None` where there is none.
pub(super) fn differences(
    scene: &Scene,
    shown: Shown,
    label: &str,
    theories: &[Placed],
    names: &[String],
    single: bool,
) -> Result<Option<Panel>> {
    let observed = shown.observed();
    let (Some(last), f) = (observed.axes.last(), scene.f) else {
        return Ok(None);
    };
    let unit = observed.observable.unit;
    let mut panel = Panel::new(
        "",
        axis_of(last, f.x_scale, f.x_range),
        axis("difference", unit, ScaleKey::Linear, None),
    )
    .legend(Legend::None)
    .stacked(0.36);
    let x = last_axis(shown);
    for placed in theories {
        let pair = pair_with_reference(
            scene.spec,
            scene.outcome,
            shown.cell,
            placed.theory,
            shown.wanted,
        )?;
        let Some(pair) = pair else { continue };
        let difference = pair.reference.values.minus(&pair.theory.values)?;
        let (mean, scatter) = (difference.mean(), difference.stderr());
        let curve = pair.curve();
        let half = |k: usize| {
            let own = curve.stderr.as_ref().map_or(0.0, |s| s[k]);
            curve.bound[k] + own.hypot(scatter.as_ref().map_or(0.0, |s| s[k]))
        };
        let source = format!("{label} minus {}", placed.theory.label);
        for (number, name, points) in pieces(scene, shown, names) {
            let y: Vec<f64> = points.iter().map(|&k| mean[k]).collect();
            let half: Vec<f64> = points.iter().map(|&k| half(k)).collect();
            let tag = scene.tag(
                shown.cell,
                &source,
                called(&name, single),
                super::scene::band(true),
            );
            let line = Series::line("", x.clone(), y.clone());
            let line = match is_visible(&half, &y) {
                true => line.error(&half),
                false => line,
            };
            let color = (!single).then_some(number);
            panel = panel.with(looking(line.tag(tag), placed.place, color));
        }
    }
    let drawn = panel
        .series
        .iter()
        .any(|s| matches!(s, Series::Line { .. }));
    Ok(drawn.then_some(panel))
}
