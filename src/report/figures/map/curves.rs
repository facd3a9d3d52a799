//! A map over one key: a curve per theory, the measured cells as points.

use super::super::scene::{Key, STDERR, band, fewer, is_visible, look, measured};
use super::super::{MAX_PANELS, axis, width};
use super::{Maps, Point, Shown};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::spec::ScaleKey;
use crate::spec::map::MapAxis;

impl Maps<'_> {
    /// One panel per chart with a curve per theory.
    pub(super) fn curves(&self, along: &MapAxis) -> Result<(Figure, String)> {
        let f = self.scene.f;
        let mut charts = self.charts();
        let left_out = charts.split_off(charts.len().min(MAX_PANELS));
        let scale = match f.scale {
            ScaleKey::Log => ScaleKey::Log,
            ScaleKey::Linear => f.y_scale,
        };
        let o = self.observable;
        let (mut panels, mut n) = (Vec::new(), 0);
        let mut drawn: Vec<(usize, String, usize)> = Vec::new();
        for &chart in &charts {
            let mut panel = Panel::new(
                self.chart_name(&self.map.charts[chart]),
                self.key_axis(along, false),
                axis(o.label, o.unit, scale, f.y_range),
            )
            .legend(Legend::None);
            for s in self.shown.iter().filter(|s| s.mapped.chart == chart) {
                panel = self.with_curves(panel, along, s);
                let known = drawn.iter().any(|(place, ..)| *place == s.mapped.place);
                if !known {
                    drawn.push((s.mapped.place, s.mapped.label.clone(), charts.len()));
                }
            }
            for level in &f.contours {
                panel = panel.with(Series::hline(*level));
            }
            let points = self.points(&self.map.charts[chart])?;
            n = points.iter().map(|p| p.n).fold(n, usize::max);
            if !points.is_empty() {
                let column = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).collect::<Vec<_>>();
                let series = Series::points("", column(&|p| p.at[0]), column(&|p| p.value));
                let tag = self.tag(&self.map.charts[chart], self.scene.source, "", STDERR);
                let series = series.error(&column(&|p| p.stderr)).tag(tag);
                panel = panel.with(measured(series, None));
            }
            panels.push(panel);
        }
        drawn.sort_by_key(|(place, ..)| *place);
        let mut key = Key::theories(&drawn, true, false);
        if n > 0 {
            key = key.measured(self.scene.source);
        }
        let columns = panels.len().min(3);
        if let Some(panel) = panels.get_mut(columns - 1) {
            key.into(&mut panel.series);
            panel.legend = Legend::Right;
        }
        let rows = panels.len().div_ceil(columns) as f64;
        let figure = Figure::new(width(columns, 240.0), 40.0 + 260.0 * rows);
        let mut figure = figure.columns(columns);
        figure.panels = panels;
        let mut text = self.caption();
        if n > 0 {
            text.push_str(&format!(
                " Points: mean over {n} draws, error bars one standard error."
            ));
        }
        let names = |charts: &[usize]| {
            charts
                .iter()
                .map(|c| self.chart_name(&self.map.charts[*c]))
                .collect()
        };
        text.push_str(&fewer(names(&charts), names(&left_out), "panels"));
        Ok((figure, text))
    }

    fn with_curves(&self, mut panel: Panel, along: &MapAxis, s: &Shown) -> Panel {
        let style = look(s.mapped.place);
        let dressed = |line: Series| line.color(style.color).dash(style.dash);
        for branch in 0..s.quantity.branches {
            let y = s.quantity.branch(branch);
            let half = |values: &[f64]| {
                let at = values.chunks(s.quantity.branches);
                at.map(|v| v[branch]).collect::<Vec<f64>>()
            };
            let mut halves = half(&s.quantity.bound);
            if let Some(stderr) = &s.quantity.stderr {
                let errors = half(stderr);
                halves.iter_mut().zip(errors).for_each(|(h, e)| *h += e);
            }
            let curve = match s.quantity.branches {
                1 => String::new(),
                _ => format!("branch {}", branch + 1),
            };
            let meaning = band(s.quantity.stderr.is_some());
            let tag = self.tag(s.chart, &s.mapped.label, &curve, meaning);
            let visible = is_visible(&halves, &y);
            let line = Series::line("", along.x.clone(), y);
            let line = if visible { line.error(&halves) } else { line };
            panel = panel.with(dressed(line).tag(tag));
        }
        for of in &self.scene.f.transitions {
            let values = self.crossing(of, s.mapped).unwrap_or_default();
            for (k, x) in crossings(along, &values, of.level).into_iter().enumerate() {
                let line = dressed(Series::vline(x)).labelled(match k {
                    0 => self.named(of),
                    _ => String::new(),
                });
                panel = panel.with(line);
            }
        }
        panel
    }
}

/// Coordinates between which a curve crosses a level.
fn crossings(along: &MapAxis, values: &[f64], level: f64) -> Vec<f64> {
    let log = along.scale == ScaleKey::Log;
    let points: Vec<(f64, f64)> = along
        .x
        .iter()
        .copied()
        .zip(values.iter().copied())
        .collect();
    let crossed = |w: &&[(f64, f64)]| {
        let finite = w.iter().all(|(_, v)| v.is_finite());
        finite && (w[0].1 >= level) != (w[1].1 >= level)
    };
    let at = |w: &[(f64, f64)]| {
        let part = (level - w[0].1) / (w[1].1 - w[0].1);
        match log {
            true => w[0].0 * (w[1].0 / w[0].0).powf(part),
            false => w[0].0 + part * (w[1].0 - w[0].0),
        }
    };
    points.windows(2).filter(crossed).map(at).collect()
}
