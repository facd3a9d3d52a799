//! A map over two keys: a heat map per theory with contours and transition lines, the measured cells in its colours.

use super::super::scene::{BLACK, fewer};
use super::super::{MAX_PANELS, WIDTH, number};
use super::{Maps, Point, Shown};
use crate::error::Result;
use crate::numerics::contour::contour;
use crate::plot::{AxisSpec, Dash, Figure, Legend, Panel, Scale, Series, Style, Tag, WHITE};
use crate::spec::map::MapAxis;
use crate::spec::{ScaleKey, Transition};

impl Maps<'_> {
    /// One panel per theory and chart; `swapped` puts the first key on the vertical axis.
    pub(super) fn fields(
        &self,
        x: &MapAxis,
        y: &MapAxis,
        swapped: bool,
    ) -> Result<(Figure, String)> {
        let f = self.scene.f;
        // A theory without any value is named in the caption.
        let with_values = self.shown.iter().filter(|s| self.has_values(s));
        let all_drawn: Vec<&Shown> = with_values.collect();
        let (drawn, left_out) = all_drawn.split_at(all_drawn.len().min(MAX_PANELS));
        let turned = |values: Vec<f64>| match swapped {
            false => values,
            true => transposed(&values, y.x.len(), x.x.len()),
        };
        let points = drawn.iter().map(|s| self.points(s.chart));
        let points = points.collect::<Result<Vec<_>>>()?;
        let values = drawn.iter().map(|s| turned(self.branch(s.quantity)));
        let values: Vec<Vec<f64>> = values.collect();
        let all = values.iter().flatten().copied();
        let all = all.chain(points.iter().flatten().map(|p| p.value));
        let all: Vec<f64> = all.filter(|v| v.is_finite()).collect();
        let scale = plotted(f.scale);
        let range = ends(&all, scale);
        let o = self.observable;
        let title = AxisSpec::linear(o.label, if o.unit == "tau" { "τ" } else { o.unit }).title();
        let columns = drawn.len().min(3);
        let legend_at = columns.saturating_sub(1);
        let mut panels = Vec::new();
        for (k, (s, values)) in drawn.iter().zip(values).enumerate() {
            let name = self.panel_name(s);
            let field = Series::Field {
                x: x.x.clone(),
                y: y.x.clone(),
                values: values.clone(),
                bar_label: title.clone(),
                scale,
                range,
                marks: f.contours.clone(),
                tag: self.tag(s.chart, &s.mapped.label, "", ""),
            };
            let mut panel = Panel::new(name, self.key_axis(x, false), self.key_axis(y, true))
                .with(field)
                .legend(Legend::None);
            let grid = Grid::of((x, panel.x.scale), (y, panel.y.scale));
            for (level, style) in self.levels() {
                let line = grid.line(&values, level, scale);
                let name = format!("{} = {}", o.label, number(level));
                let tag = self.tag(s.chart, &s.mapped.label, &name, "");
                panel = cased(panel, line, style, tag);
            }
            for (of, style) in self.transitions() {
                let Some(values) = self.crossing(of, s.mapped) else {
                    continue;
                };
                let line = grid.line(&turned(values), of.level, Scale::Linear);
                let source = of.theory.as_ref().unwrap_or(&s.mapped.label);
                let tag = self.tag(s.chart, source, &self.named(of), "");
                panel = cased(panel, line, style, tag);
            }
            let place = |p: &Point, k: usize| p.at[if swapped { 1 - k } else { k }];
            if !points[k].is_empty() {
                panel = panel.with(Series::Beads {
                    label: String::new(),
                    x: points[k].iter().map(|p| place(p, 0)).collect(),
                    y: points[k].iter().map(|p| place(p, 1)).collect(),
                    values: points[k].iter().map(|p| p.value).collect(),
                    tag: self.tag(s.chart, self.scene.source, "", ""),
                });
            }
            if k == legend_at {
                let measured = points.iter().any(|p| !p.is_empty());
                panel = self.with_legend(panel, measured);
            }
            panels.push(panel);
        }
        let rows = panels.len().div_ceil(columns) as f64;
        let has_legend = !(f.contours.is_empty() && f.transitions.is_empty());
        let wide = match (columns, has_legend) {
            (1, false) => WIDTH + 30.0,
            (1, true) => WIDTH + 150.0,
            _ => 300.0 * columns as f64 + 110.0,
        };
        let mut figure = Figure::new(wide, 30.0 + 270.0 * rows).columns(columns);
        figure.panels = panels;
        let mut text = self.caption();
        let n = points.iter().flatten().map(|p| p.n).max();
        if let Some(n) = n {
            text.push_str(&format!(
                " Circles: {}, mean over {n} draws, in the colours of the map.",
                self.scene.source
            ));
        }
        if scale == Scale::Log && all.iter().any(|v| *v <= 0.0) {
            text.push_str(" Values that are not above 0 have no colour on a logarithmic scale.");
        }
        if drawn.iter().any(|s| s.quantity.branches > 1) {
            text.push_str(&format!(
                " Branch {} of those that the theory tells.",
                self.chosen_branch()
            ));
        }
        let names = |panels: &[&Shown]| panels.iter().map(|s| self.panel_name(s)).collect();
        text.push_str(&fewer(names(drawn), names(left_out), "panels"));
        Ok((figure, text))
    }

    /// Levels of the contours, each with its dashes.
    fn levels(&self) -> impl Iterator<Item = (f64, [Style; 2])> {
        let levels = self.scene.f.contours.iter().enumerate();
        levels.map(|(k, level)| {
            let style = |color, width| Style {
                color,
                width,
                ..Style::cycle(k)
            };
            (*level, [style(BLACK, 2.0), style(WHITE, 0.9)])
        })
    }

    /// Transitions, each with its colour on a white casing.
    fn transitions(&self) -> impl Iterator<Item = (&Transition, [Style; 2])> {
        let all = self.scene.f.transitions.iter().enumerate();
        all.map(|(k, transition)| {
            let core = Style {
                width: 1.8,
                ..Style::cycle(k + 1)
            };
            let casing = Style {
                color: WHITE,
                dash: Dash::Solid,
                width: 3.4,
                ..core
            };
            (transition, [casing, core])
        })
    }

    /// Puts samples of everything that any panel draws into the legend of one.
    fn with_legend(&self, mut panel: Panel, measured: bool) -> Panel {
        let sample = |label: String, style: Style| Series::Line {
            label,
            x: vec![],
            y: vec![],
            band: None,
            style,
            tag: Tag::default(),
        };
        for (level, [casing, _]) in self.levels() {
            panel = panel.with(sample(format!("level {}", number(level)), casing));
        }
        for (of, [_, core]) in self.transitions() {
            panel = panel.with(sample(self.named(of), core));
        }
        if measured {
            panel = panel.with(Series::Beads {
                label: self.scene.source.into(),
                x: vec![],
                y: vec![],
                values: vec![],
                tag: Tag::default(),
            });
        }
        panel.legend(Legend::Right)
    }
}

/// A line with its casing below it; the casing does not stand in the table.
fn cased(panel: Panel, (x, y): (Vec<f64>, Vec<f64>), styles: [Style; 2], tag: Tag) -> Panel {
    let [casing, core] = styles.map(|style| Series::Line {
        label: String::new(),
        x: x.clone(),
        y: y.clone(),
        band: None,
        style,
        tag: Tag::default(),
    });
    panel.with(casing.untabled()).with(core.tag(tag))
}

fn plotted(scale: ScaleKey) -> Scale {
    match scale {
        ScaleKey::Log => Scale::Log,
        ScaleKey::Linear => Scale::Linear,
    }
}

/// Ends of one range of colours for all panels.
fn ends(values: &[f64], scale: Scale) -> Option<(f64, f64)> {
    let shown = values
        .iter()
        .filter(|v| scale == Scale::Linear || **v > 0.0);
    let (lo, hi) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(*v), b.max(*v))
    });
    (hi - lo > 1e-8 * hi.abs().max(lo.abs())).then_some((lo, hi))
}

/// `values[i * columns + j]` as `[j * rows + i]`.
fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let index = (0..columns).flat_map(|j| (0..rows).map(move |i| i * columns + j));
    index.map(|k| values[k]).collect()
}

/// The grid as its axes are scaled: lines are straight between neighbours there.
struct Grid {
    x: Vec<f64>,
    y: Vec<f64>,
    log: [bool; 2],
}

impl Grid {
    fn of((x, x_scale): (&MapAxis, Scale), (y, y_scale): (&MapAxis, Scale)) -> Grid {
        let log = [x_scale, y_scale].map(|s| s == Scale::Log);
        let on = |axis: &MapAxis, log: bool| match log {
            true => axis.x.iter().map(|v| v.ln()).collect(),
            false => axis.x.clone(),
        };
        Grid {
            x: on(x, log[0]),
            y: on(y, log[1]),
            log,
        }
    }

    /// The contour at a level, in the units of the axes; not-a-number between its pieces.
    fn line(&self, values: &[f64], level: f64, scale: Scale) -> (Vec<f64>, Vec<f64>) {
        let of_values = |v: f64| match scale {
            Scale::Linear => v,
            Scale::Log => v.ln(),
        };
        let values: Vec<f64> = values.iter().map(|v| of_values(*v)).collect();
        let back = |v: f64, log: bool| if log { v.exp() } else { v };
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for piece in contour(&self.x, &self.y, &values, of_values(level)) {
            if !x.is_empty() {
                x.push(f64::NAN);
                y.push(f64::NAN);
            }
            x.extend(piece.iter().map(|p| back(p.0, self.log[0])));
            y.extend(piece.iter().map(|p| back(p.1, self.log[1])));
        }
        (x, y)
    }
}
