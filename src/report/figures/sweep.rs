//! An observable over a swept key, and below it how far the networks are from the first theory. Other swept keys tell groups of cells apart.

use super::{DASHES, WIDTH, axis, caption, drawn_theories, picked};
use crate::compare::Blocks;
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::{Assessment, Derived, measured_blocks, short, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::sweep::{Settings, coordinate, named, partners};
use crate::spec::{Figure as FigureSpec, ReduceKind};

/// Cells that differ in the abscissa alone, in its order.
struct Group<'a> {
    label: String,
    x: Vec<f64>,
    cells: Vec<&'a CellOutcome>,
}

/// What is drawn of the observable, and where.
struct Sweep<'a> {
    f: &'a FigureSpec,
    wanted: usize,
    key: &'a str,
    /// Keys that change with it alone.
    zipped: Vec<String>,
    groups: Vec<Group<'a>>,
    /// Points of the observable's own grid: index and name.
    picked: Vec<(usize, String)>,
    theories: Vec<String>,
    /// Straight-line limits along the same abscissa.
    limits: Vec<&'a Derived>,
    /// Exponents along the key: predicted powers are drawn through the last point.
    exponents: Vec<&'a Derived>,
}

/// An observable over a swept key, with the straight-line reductions along it.
pub(super) fn over_sweep(
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let Some(key) = &f.key else { return Ok(None) };
    let mut order: Vec<(f64, &CellOutcome)> = outcome
        .cells
        .iter()
        .filter(|c| c.failure.is_none())
        .filter_map(|c| coordinate(&c.set, key, f.abscissa).map(|x| (x, c)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, first)) = order.first() else {
        return Ok(None);
    };
    let w = &first.wanted[wanted];
    let mut names = picked(&w.axes, f);
    if let [(_, name)] = names.as_mut_slice() {
        *name = "networks".into();
    }
    let mut groups: Vec<Group> = Vec::new();
    let zipped = partners(outcome.cells.iter().map(|c| &c.set), key);
    for &(x, cell) in &order {
        let label = others(&cell.set, key, &zipped);
        let known = groups.iter().position(|g| g.label == label);
        let index = known.unwrap_or_else(|| {
            groups.push(Group {
                label,
                x: vec![],
                cells: vec![],
            });
            groups.len() - 1
        });
        groups[index].x.push(x);
        groups[index].cells.push(cell);
    }
    let reduced = |kind: ReduceKind| -> Vec<&Derived> {
        let along = |d: &&Derived| d.reduce.key == *key && d.reduce.abscissa == f.abscissa;
        let derived = assessment.derived.iter().filter(along);
        derived
            .filter(|d| d.observable.name == f.observable && d.reduce.kind == kind)
            .collect()
    };
    let sweep = Sweep {
        f,
        wanted,
        key,
        zipped,
        picked: names,
        theories: drawn_theories(outcome.cells.iter(), f, wanted),
        groups,
        limits: reduced(ReduceKind::Extrapolate),
        exponents: reduced(ReduceKind::Exponent),
    };
    let (panel, n) = sweep.values(first)?;
    let mut figure = Figure::new(WIDTH, 300.0).with(panel.legend(Legend::Right));
    let mut text = caption(w, &sweep.theories, n);
    if f.residuals
        && let Some(panel) = sweep.differences()?
    {
        figure = figure.with(panel);
        figure.height = 360.0;
        text.push_str(&format!(
            " Below: networks minus {}, in per cent of the theory, paired draw by draw.",
            sweep.theories[0]
        ));
    }
    if !sweep.limits.is_empty() {
        text.push_str(" Open points: extrapolated limit.");
    }
    if sweep.exponents.iter().any(|d| !d.theories.is_empty()) {
        text.push_str(" Lines: powers with the predicted exponent, through the last point.");
    }
    Ok(Some((figure, text)))
}

/// What tells cells of one abscissa apart: the other swept keys, a whole table by its kind; where a learner is named, its training is not.
fn others(set: &Settings, key: &str, zipped: &[String]) -> String {
    let whole_learner = set.iter().any(|(k, v)| k == "learner" && v.is_table());
    let telling = set
        .iter()
        .filter(|(k, _)| k != key && !zipped.contains(k))
        .filter(|(k, _)| !(whole_learner && k == "training"));
    let text = |(key, value): &(String, toml::Value)| match value.is_table() {
        true => named(value),
        false => format!("{} = {value}", key.rsplit('.').next().unwrap_or(key)),
    };
    telling.map(text).collect::<Vec<_>>().join(", ")
}

impl Sweep<'_> {
    /// Label and number of the style of curve `k` in a group.
    fn named(&self, group: usize, k: usize) -> (String, usize) {
        let (label, name) = (&self.groups[group].label, &self.picked[k].1);
        let text = match (self.groups.len(), self.picked.len()) {
            (1, _) => name.clone(),
            (_, 1) => label.clone(),
            _ => format!("{label}, {name}"),
        };
        (text, group * self.picked.len() + k)
    }

    /// The extrapolated limit of a group.
    fn limit(&self, group: &Group) -> Option<&Derived> {
        let of = |d: &&&Derived| others(&d.set, self.key, &self.zipped) == group.label;
        self.limits.iter().find(of).copied()
    }

    fn theory(&self, cell: &CellOutcome, label: &str) -> Result<Option<Blocks>> {
        match cell.theories.iter().find(|t| t.label == label) {
            Some(theory) => Ok(theory_curve(cell, theory, self.wanted)?.map(|c| c.values)),
            None => Ok(None),
        }
    }

    fn values(&self, first: &CellOutcome) -> Result<(Panel, usize)> {
        let (f, w) = (self.f, &first.wanted[self.wanted]);
        let mut panel = Panel::new(
            "",
            axis(&f.abscissa.text(self.key), "", f.x_scale, f.x_range),
            axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
        );
        for (t, label) in self.theories.iter().enumerate() {
            let dash = DASHES[t % DASHES.len()];
            panel = panel.with(
                Series::line(label.clone(), Vec::new(), Vec::new())
                    .color(crate::plot::GREY)
                    .dash(dash),
            );
            for (g, group) in self.groups.iter().enumerate() {
                let means = group
                    .cells
                    .iter()
                    .map(|c| Ok(self.theory(c, label)?.map(|b| b.mean())))
                    .collect::<Result<Vec<_>>>()?;
                for (k, (index, _)) in self.picked.iter().enumerate() {
                    let y: Vec<f64> = means
                        .iter()
                        .map(|m| m.as_ref().map_or(f64::NAN, |m| m[*index]))
                        .collect();
                    let line = Series::line("", group.x.clone(), y);
                    panel = panel.with(line.style(self.named(g, k).1).dash(dash));
                }
            }
        }
        let mut n = 0;
        for (g, group) in self.groups.iter().enumerate() {
            let limit = self.limit(group).and_then(|d| d.measured.as_ref().ok());
            let limit = limit.map(|m| Estimate {
                mean: m.estimate.clone(),
                stderr: m.stderr.clone(),
            });
            let measured = group
                .cells
                .iter()
                .map(|c| measured_blocks(c, self.wanted))
                .collect::<Result<Vec<_>>>()?;
            n = measured
                .iter()
                .flatten()
                .map(Blocks::n)
                .max()
                .unwrap_or(0)
                .max(n);
            let points: Vec<Option<Estimate>> = measured
                .iter()
                .map(|b| b.as_ref().map(Estimate::of))
                .collect();
            panel = self.with_powers(panel, g, &points);
            panel = self.with_points(panel, g, &points, limit.as_ref(), true);
        }
        Ok((panel, n))
    }

    /// `y = y_last (x/x_last)^e` for every theory that predicts the exponent `e`.
    fn with_powers(&self, mut panel: Panel, group: usize, points: &[Option<Estimate>]) -> Panel {
        let Group { label, x, .. } = &self.groups[group];
        let Some((last, Some(estimate))) = x.iter().zip(points).rfind(|(_, p)| p.is_some()) else {
            return panel;
        };
        let of = |d: &&&Derived| others(&d.set, self.key, &self.zipped) == *label;
        let predicted = self.exponents.iter().filter(of).flat_map(|d| &d.theories);
        for theory in predicted.filter(|t| !self.theories.contains(&t.label)) {
            for (k, (index, _)) in self.picked.iter().enumerate() {
                let Some(exponent) = theory.reduced.estimate.get(*index) else {
                    continue;
                };
                let anchor = estimate.mean[*index];
                let y: Vec<f64> = x
                    .iter()
                    .map(|x| anchor * (x / last).powf(*exponent))
                    .collect();
                let name = format!("{}: slope {}", theory.label, short(*exponent));
                let line = Series::line(name, x.clone(), y);
                panel = panel.with(line.style(self.named(group, k).1).dash(DASHES[1]));
            }
        }
        panel
    }

    /// Networks minus the first theory, relative to it; `None` without a theory or without networks.
    fn differences(&self) -> Result<Option<Panel>> {
        let Some(label) = self.theories.first() else {
            return Ok(None);
        };
        let relative = |cell: &CellOutcome| {
            let pair = (
                measured_blocks(cell, self.wanted)?,
                self.theory(cell, label)?,
            );
            match pair {
                (Some(m), Some(t)) => Estimate::relative(&m, &t).map(Some),
                _ => Ok(None),
            }
        };
        let mut all = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let points = group.cells.iter().map(|c| relative(c));
            all.push(points.collect::<Result<Vec<_>>>()?);
        }
        if all.iter().flatten().all(Option::is_none) {
            return Ok(None);
        }
        let f = self.f;
        let mut panel = Panel::new(
            "",
            axis(&f.abscissa.text(self.key), "", f.x_scale, f.x_range),
            axis("difference", "%", Default::default(), None),
        )
        .stacked(0.5)
        .legend(Legend::None)
        .with(Series::hline(0.0));
        for (g, (group, points)) in self.groups.iter().zip(&all).enumerate() {
            let mut limit = None;
            if let Some(d) = self.limit(group)
                && let Some(t) = d.theories.iter().find(|t| t.label == *label)
                && let Ok(m) = &d.measured
            {
                limit = Some(Estimate::relative(&m.blocks, &t.reduced.blocks)?);
            }
            for (k, (index, _)) in self.picked.iter().enumerate() {
                let ends = limit.iter().map(|l| (0.0, l.mean[*index]));
                let cells = group.x.iter().zip(points);
                let cells = cells.filter_map(|(x, p)| p.as_ref().map(|p| (*x, p.mean[*index])));
                let (x, y): (Vec<f64>, Vec<f64>) = ends.chain(cells).unzip();
                let line = Series::line("", x, y);
                panel = panel.with(line.color(self.named(g, k).1).width(0.7));
            }
            panel = self.with_points(panel, g, points, limit.as_ref(), false);
        }
        Ok(Some(panel))
    }

    fn with_points(
        &self,
        mut panel: Panel,
        group: usize,
        points: &[Option<Estimate>],
        limit: Option<&Estimate>,
        named: bool,
    ) -> Panel {
        for (k, (index, _)) in self.picked.iter().enumerate() {
            let (name, style) = self.named(group, k);
            let (y, e): (Vec<f64>, Vec<f64>) = points
                .iter()
                .map(|p| p.as_ref().map_or((f64::NAN, f64::NAN), |p| p.at(*index)))
                .unzip();
            let label = if named { name.as_str() } else { "" };
            let series = Series::points(label, self.groups[group].x.clone(), y);
            panel = panel.with(series.error(&e).style(style));
            if let Some((y, e)) = limit.map(|l| l.at(*index)) {
                let series = Series::points("", vec![0.0], vec![y]);
                panel = panel.with(series.error(&[e]).style(style).open());
            }
        }
        panel
    }
}

/// Means and standard errors of one cell.
struct Estimate {
    mean: Vec<f64>,
    stderr: Option<Vec<f64>>,
}

impl Estimate {
    fn of(blocks: &Blocks) -> Self {
        Estimate {
            mean: blocks.mean(),
            stderr: blocks.stderr(),
        }
    }

    /// Per cent of `theory`.
    fn relative(measured: &Blocks, theory: &Blocks) -> Result<Self> {
        let scale = theory.mean();
        let per_cent = |values: Vec<f64>, sign: bool| -> Vec<f64> {
            let parts = values.iter().zip(&scale);
            parts
                .map(|(v, s)| 100.0 * v / if sign { *s } else { s.abs() })
                .collect()
        };
        let difference = measured.minus(theory)?;
        Ok(Estimate {
            mean: per_cent(difference.mean(), true),
            stderr: difference.stderr().map(|e| per_cent(e, false)),
        })
    }

    fn at(&self, index: usize) -> (f64, f64) {
        let stderr = self.stderr.as_ref().map_or(f64::NAN, |s| s[index]);
        (self.mean[index], stderr)
    }
}
