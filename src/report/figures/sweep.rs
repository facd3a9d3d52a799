//! An observable over a swept key, and below it how far the networks are from a theory. Other swept keys tell groups of cells apart.

use super::groups::{Group, Point, groups, lacking, others, points, single_values, times};
use super::scene::{
    BLACK, Key, Placed, STDERR, Scene, Shown, band, from, is_visible, locate, looking, measured,
};
use super::{WIDTH, axis};
use crate::compare::Blocks;
use crate::compare::reductions::Of;
use crate::error::Result;
use crate::instrument::Wanted;
use crate::plot::{Dash, Figure, GREY, Legend, Marker, Panel, Series};
use crate::run::assess::{Derived, measured_blocks, short};
use crate::spec::labels::along;
use crate::theory::Number;

/// A difference of so many per cent says that the theory nearly vanishes.
const LARGEST: f64 = 1e4;

/// What is drawn of the observable, and where.
struct Sweep<'a> {
    scene: &'a Scene<'a>,
    w: &'a Wanted,
    key: &'a str,
    /// Keys that change with it alone.
    zipped: Vec<String>,
    groups: Vec<Group<'a>>,
    /// Points of the observable's own grid.
    points: Vec<Point>,
    /// Places, labels and numbers of cells of the theories that are drawn.
    theories: Vec<(usize, String, usize)>,
    /// Straight-line limits along the same abscissa.
    limits: Vec<&'a Derived>,
    /// Exponents along the key: predicted powers are drawn through the last point.
    exponents: Vec<&'a Derived>,
}

/// An observable over a swept key, with the straight-line reductions along it.
pub(super) fn over_sweep(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let Some(key) = &f.key else { return Ok(None) };
    let (groups, zipped) = groups(scene, key);
    let cells: Vec<Shown> = groups.iter().flat_map(|g| &g.cells).copied().collect();
    let Some(w) = cells.first().map(Shown::observed) else {
        return Ok(None);
    };
    let grids: Vec<_> = cells.iter().map(|c| c.observed().axes.as_slice()).collect();
    let points = points(&grids, f);
    let reduced = |number: Number| -> Vec<&Derived> {
        let along = |d: &&Derived| d.reduce.key == *key && d.reduce.abscissa == f.abscissa;
        let derived = scene.assessment.derived.iter().filter(along);
        derived
            .filter(|d| d.observable.name == f.observable && d.reduce.of == Of::Value)
            .filter(|d| d.part.asks == Some(number))
            .collect()
    };
    let sweep = Sweep {
        scene,
        w,
        key,
        zipped,
        theories: scene.drawn(&cells)?,
        groups,
        points,
        limits: reduced(Number::Limit),
        exponents: reduced(Number::Exponent),
    };
    let (panel, n) = sweep.values()?;
    let mut figure = Figure::new(WIDTH, 300.0).with(panel.legend(Legend::Right));
    let mut text = scene.caption(w, n) + &scene.lines_text(&sweep.theories, cells.len());
    text.push_str(&scene.left_out(&cells));
    text.push_str(&single_values(&grids));
    text.push_str(&times(&grids, &sweep.points));
    if let ([point], true) = (sweep.points.as_slice(), w.size() > 1)
        && !point.name.is_empty()
    {
        text.push_str(&format!(" All values are those at {}.", point.name));
    }
    text.push_str(&lacking(&w.axes, &sweep.points, cells.len()));
    if let Some((label, panel, beyond)) = sweep.differences()? {
        figure = figure.with(panel);
        figure.height = 360.0;
        text.push_str(&format!(
            " Below: {} minus {label}, in per cent of the theory, paired draw by draw.",
            scene.source
        ));
        if beyond > 0 {
            text.push_str(&format!(
                " Differences above {LARGEST} % say nothing and are not drawn: {beyond}."
            ));
        }
    }
    if !sweep.limits.is_empty() {
        text.push_str(" Open diamonds: extrapolated limit.");
    }
    let fitted = || sweep.limits.iter().chain(&sweep.exponents);
    if n > 0 && fitted().next().is_some() {
        text.push_str(" Dotted: the line that was fitted to the measurement.");
    }
    let misses = |d: &&Derived| {
        let measured = d.measured.as_ref();
        measured.is_ok_and(|m| (0..m.estimate.len()).any(|k| m.misses(k)))
    };
    if fitted().any(misses) {
        text.push_str(" Not all points lie on it (p < 0.001): its error does not contain that.");
    }
    let mut theories = sweep.exponents.iter().flat_map(|d| &d.theories);
    if n > 0 && theories.any(|t| t.reduced.is_ok() && !sweep.has_values(&t.label)) {
        text.push_str(" Powers with the predicted exponent go through the last point.");
    }
    Ok(Some((figure, text)))
}

impl Sweep<'_> {
    /// Name of curve `k` in a group, by what it is told from the others.
    fn name(&self, group: usize, k: usize) -> String {
        let (label, name) = (&self.groups[group].label, &self.points[k].name);
        match (self.groups.len(), self.points.len()) {
            (1, 1) if self.w.size() == 1 => String::new(),
            (1, 1) => name.clone(),
            (1, _) => name.clone(),
            (_, 1) => label.clone(),
            _ => format!("{label}, {name}"),
        }
    }

    /// Whether a theory predicts values, and not their exponent alone.
    fn has_values(&self, label: &str) -> bool {
        self.theories.iter().any(|(_, l, _)| l == label)
    }

    /// Number of the curve, which is its colour; `None` where there is only one.
    fn number(&self, group: usize, k: usize) -> Option<usize> {
        let single = self.groups.len() * self.points.len() == 1;
        (!single).then_some(group * self.points.len() + k)
    }

    /// The extrapolated limit of a group, and the point's place in its grid.
    fn limit(&self, group: &Group, k: usize) -> Option<(&Derived, usize)> {
        let of = |d: &&&Derived| others(&d.set, self.key, &self.zipped) == group.label;
        let limit = self.limits.iter().find(of).copied()?;
        Some((limit, locate(&limit.axes, &self.points[k].at)?))
    }

    fn placed<'a>(&'a self, shown: Shown<'a>, place: usize) -> Result<Option<Placed<'a>>> {
        let theories = self.scene.theories(shown)?;
        Ok(theories.into_iter().find(|p| p.place == place))
    }

    fn values(&self) -> Result<(Panel, usize)> {
        let (f, w) = (self.scene.f, self.w);
        let mut panel = Panel::new(
            "",
            axis(&along(f.abscissa, self.key), "", f.x_scale, f.x_range),
            axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
        );
        for (place, label, _) in &self.theories {
            for (g, group) in self.groups.iter().enumerate() {
                let placed = group.cells.iter().map(|c| self.placed(*c, *place));
                let placed = placed.collect::<Result<Vec<_>>>()?;
                let is_sampled = |p: &Placed| p.curve.stderr.is_some();
                let statistical = placed.iter().flatten().any(is_sampled);
                for k in 0..self.points.len() {
                    let at = |p: &Placed| {
                        let index = locate(&p.shown.observed().axes, &self.points[k].at)?;
                        Some((p.curve.values.mean()[index], p.curve.half_width(index)))
                    };
                    let values = placed.iter().map(|p| p.as_ref().and_then(at));
                    let values = values.map(|v| v.unwrap_or((f64::NAN, f64::NAN)));
                    let (y, half): (Vec<f64>, Vec<f64>) = values.unzip();
                    let tag = group.tag(label, &self.name(g, k), band(statistical));
                    let line = Series::line("", group.x.clone(), y.clone());
                    let line = match is_visible(&half, &y) {
                        true => line.error(&half).tag(tag),
                        false => line.tag(tag),
                    };
                    panel = panel.with(looking(line, *place, self.number(g, k)));
                }
            }
        }
        let (mut n, mut names) = (0, vec![]);
        for (g, group) in self.groups.iter().enumerate() {
            let blocks = group
                .cells
                .iter()
                .map(|c| measured_blocks(c.cell, c.wanted));
            let blocks = blocks.collect::<Result<Vec<_>>>()?;
            n = blocks
                .iter()
                .flatten()
                .map(Blocks::n)
                .max()
                .unwrap_or(0)
                .max(n);
            for k in 0..self.points.len() {
                let estimates: Vec<Option<Estimate>> =
                    self.estimates(group, k, &blocks, Estimate::of).collect();
                names.push(self.name(g, k));
                panel = self.with_powers(panel, g, k, &estimates);
                panel = self.with_fit(panel, g, k, &estimates);
                let limit = self.limit(group, k);
                let limit = limit.and_then(|(d, index)| {
                    let measured = d.measured.as_ref().ok()?;
                    let stderr = measured.stderr.as_ref().map_or(f64::NAN, |s| s[index]);
                    Some(Estimate {
                        mean: measured.estimate[index],
                        stderr,
                    })
                });
                panel = self.with_points(panel, (g, k), self.scene.source, &estimates, limit);
            }
        }
        let single = self.number(0, 0).is_none();
        let mut key = Key::theories(&self.theories, single, false);
        key = match single {
            true if n > 0 => key.measured(self.scene.source),
            true => key,
            false => key.curves(&names, n > 0),
        };
        key.into(&mut panel.series);
        Ok((panel, n))
    }

    /// What `of` makes of the values of every cell of a group at one point; `None` where the cell lacks values or the point.
    fn estimates(
        &self,
        group: &Group,
        k: usize,
        blocks: &[Option<Blocks>],
        of: impl Fn(&Blocks, usize) -> Estimate,
    ) -> impl Iterator<Item = Option<Estimate>> {
        let cells = group.cells.iter().zip(blocks);
        cells.map(move |(shown, blocks)| {
            let index = locate(&shown.observed().axes, &self.points[k].at)?;
            Some(of(blocks.as_ref()?, index))
        })
    }

    /// `y = y_last (x/x_last)^e` for every theory that predicts the exponent `e` but no values.
    fn with_powers(
        &self,
        mut panel: Panel,
        g: usize,
        k: usize,
        estimates: &[Option<Estimate>],
    ) -> Panel {
        let group = &self.groups[g];
        let Some((last, Some(anchor))) = group.x.iter().zip(estimates).rfind(|(_, p)| p.is_some())
        else {
            return panel;
        };
        let of = |d: &&&Derived| others(&d.set, self.key, &self.zipped) == group.label;
        for derived in self.exponents.iter().filter(of) {
            let Some(index) = locate(&derived.axes, &self.points[k].at) else {
                continue;
            };
            for theory in derived
                .theories
                .iter()
                .filter(|t| !self.has_values(&t.label))
            {
                let Ok(reduced) = &theory.reduced else {
                    continue;
                };
                let exponent = reduced.estimate[index];
                let y: Vec<f64> = group
                    .x
                    .iter()
                    .map(|x| anchor.mean * (x / last).powf(exponent))
                    .collect();
                let source = format!("{}: slope {}", theory.label, short(exponent));
                let tag = group.tag(&source, &self.name(g, k), "");
                let line = Series::line(source, group.x.clone(), y).tag(tag);
                let entries = self.scene.outcome.cells.first().map(|c| &c.theories);
                let place = entries.and_then(|t| t.iter().position(|t| t.label == theory.label));
                let line = looking(line, place.unwrap_or(0), self.number(g, k));
                panel = panel.with(line.dash(Dash::Dashed));
            }
        }
        panel
    }

    /// The line that a reduction of the measurement fitted: straight lines and powers by least squares go through the mean of their
    /// points, with the slope or the intercept that was found.
    fn with_fit(&self, panel: Panel, g: usize, k: usize, estimates: &[Option<Estimate>]) -> Panel {
        let group = &self.groups[g];
        let of = |d: &&&Derived| others(&d.set, self.key, &self.zipped) == group.label;
        let found = |all: &[&Derived]| -> Option<f64> {
            let derived = all.iter().find(of)?;
            // A correction or a curvature makes it another curve.
            let keys = derived.reduce.reduction.resolved();
            let plain = ["correction", "curvature"]
                .iter()
                .all(|key| keys[key].is_null() || keys[key] == false);
            let index = locate(&derived.axes, &self.points[k].at)?;
            derived
                .measured
                .as_ref()
                .ok()
                .filter(|_| plain)
                .map(|m| m.estimate[index])
        };
        let points = group
            .x
            .iter()
            .zip(estimates)
            .filter_map(|(x, e)| Some((*x, e.as_ref()?.mean)));
        let points: Vec<(f64, f64)> = points
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        let n = points.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let mut curves: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        if let (Some(intercept), true) = (found(&self.limits), points.len() > 1) {
            let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
            let most = points.iter().map(|p| p.0).fold(0.0, f64::max);
            let ends = vec![0.0, most];
            let line = ends
                .iter()
                .map(|at| intercept + (y - intercept) / x * at)
                .collect();
            curves.push((ends, line));
        }
        if let (Some(exponent), true) = (
            found(&self.exponents),
            points.len() > 1 && points.iter().all(|p| p.1 > 0.0),
        ) {
            let (x, y) = (mean(&|p| p.0.ln()), mean(&|p| p.1.ln()));
            let at: Vec<f64> = points.iter().map(|p| p.0).collect();
            let line = at
                .iter()
                .map(|at| (y + exponent * (at.ln() - x)).exp())
                .collect();
            curves.push((at, line));
        }
        let color = self.number(g, k).unwrap_or(BLACK);
        let draw = |panel: Panel, (x, y): (Vec<f64>, Vec<f64>)| {
            let line = Series::line("", x, y)
                .color(color % GREY)
                .dash(Dash::Dotted)
                .width(0.9);
            panel.with(line.untabled())
        };
        curves.into_iter().fold(panel, draw)
    }

    /// Networks minus a theory, relative to it, with the theory's label; `None` without a theory or without networks.
    fn differences(&self) -> Result<Option<(String, Panel, usize)>> {
        let Some((place, label)) = self.scene.reference(&self.theories) else {
            return Ok(None);
        };
        let f = self.scene.f;
        let mut panel = Panel::new(
            "",
            axis(&along(f.abscissa, self.key), "", f.x_scale, f.x_range),
            axis(&from(&label), "%", Default::default(), None),
        )
        .stacked(0.5)
        .legend(Legend::None)
        .with(Series::hline(0.0));
        let source = format!("{} minus {label}", self.scene.source);
        let (mut any, mut beyond) = (false, 0);
        for (g, group) in self.groups.iter().enumerate() {
            for k in 0..self.points.len() {
                let relative = |shown: &Shown| -> Result<Option<Estimate>> {
                    let index = locate(&shown.observed().axes, &self.points[k].at);
                    let measured = measured_blocks(shown.cell, shown.wanted)?;
                    match (
                        index,
                        measured,
                        self.placed(*shown, place)?.map(|p| p.curve.values),
                    ) {
                        (Some(i), Some(m), Some(t)) => Estimate::relative(&m, &t, i).map(Some),
                        _ => Ok(None),
                    }
                };
                let estimates = group.cells.iter().map(relative);
                let mut estimates = estimates.collect::<Result<Vec<_>>>()?;
                for estimate in &mut estimates {
                    if estimate.as_ref().is_some_and(|e| e.mean.abs() > LARGEST) {
                        (*estimate, beyond) = (None, beyond + 1);
                    }
                }
                any |= estimates.iter().any(Option::is_some);
                let mut limit = None;
                if let Some((d, index)) = self.limit(group, k)
                    && let Some(t) = d.theories.iter().find(|t| t.label == label)
                    && let (Ok(m), Ok(t)) = (&d.measured, &t.reduced)
                {
                    let (m, t) = (&m.blocks, &t.blocks);
                    limit = Some(Estimate::relative(m, t, index)?);
                }
                let ends = limit.iter().map(|l| (0.0, l.mean));
                let cells = group.x.iter().zip(&estimates);
                let cells = cells.filter_map(|(x, p)| p.as_ref().map(|p| (*x, p.mean)));
                let (x, y): (Vec<f64>, Vec<f64>) = ends.chain(cells).unzip();
                let color = self.number(g, k).unwrap_or(BLACK);
                let guide = Series::line("", x, y).color(color % GREY).width(0.7);
                panel = panel.with(guide.untabled());
                panel = self.with_points(panel, (g, k), &source, &estimates, limit);
            }
        }
        Ok(any.then_some((label, panel, beyond)))
    }

    /// Points of one curve, and its limit as an open diamond at 0.
    fn with_points(
        &self,
        panel: Panel,
        (g, k): (usize, usize),
        source: &str,
        estimates: &[Option<Estimate>],
        limit: Option<Estimate>,
    ) -> Panel {
        let (group, number) = (&self.groups[g], self.number(g, k));
        let value = |p: &Option<Estimate>| p.as_ref().map_or(f64::NAN, |p| p.mean);
        let stderr = |p: &Option<Estimate>| p.as_ref().map_or(f64::NAN, |p| p.stderr);
        let y: Vec<f64> = estimates.iter().map(value).collect();
        let e: Vec<f64> = estimates.iter().map(stderr).collect();
        let points = Series::points("", group.x.clone(), y).error(&e);
        let tag = group.tag(source, &self.name(g, k), STDERR);
        let panel = panel.with(measured(points.tag(tag), number));
        let Some(limit) = limit else { return panel };
        let mut tag = group.tag(source, &self.name(g, k), STDERR);
        tag.cell
            .retain(|(key, _)| key != self.key && !self.zipped.contains(key));
        tag.source = format!("{source}, limit");
        let open = Series::points("", vec![0.0], vec![limit.mean]).error(&[limit.stderr]);
        panel.with(
            measured(open.tag(tag), number)
                .marker(Marker::Diamond)
                .open(),
        )
    }
}

/// Mean and standard error at one point of one cell.
struct Estimate {
    mean: f64,
    stderr: f64,
}

impl Estimate {
    fn of(blocks: &Blocks, index: usize) -> Self {
        Estimate {
            mean: blocks.mean()[index],
            stderr: blocks.stderr().map_or(f64::NAN, |s| s[index]),
        }
    }

    /// Measured minus theory in per cent of the theory.
    fn relative(measured: &Blocks, theory: &Blocks, index: usize) -> Result<Self> {
        let scale = theory.mean()[index] / 100.0;
        let difference = Estimate::of(&measured.minus(theory)?, index);
        Ok(Estimate {
            mean: difference.mean / scale,
            stderr: difference.stderr / scale.abs(),
        })
    }
}
