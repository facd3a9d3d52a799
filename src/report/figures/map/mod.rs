//! A quantity of `[map]`: over two keys a heat map per theory with contours, transition lines and measured points;
//! over one key a curve per theory.

mod curves;
mod fields;

use super::scene::Scene;
use super::{axis, capitalised, number};
use crate::error::Result;
use crate::instrument::Observable;
use crate::plot::{AxisSpec, Figure, Tag};
use crate::run::assess::measured_blocks;
use crate::run::mapping::{Mapped, Quantity};
use crate::spec::labels::{of_key, plain_text, symbol};
use crate::spec::map::{Chart, Map, MapAxis, at_end};
use crate::spec::sweep::named;
use crate::spec::{ScaleKey, Transition};

/// A measured cell of the sweep on a chart.
struct Point {
    /// Its place along the keys, in the order of the map.
    at: Vec<f64>,
    value: f64,
    stderr: f64,
    n: usize,
}

/// A theory on a chart that the figure shows.
struct Shown<'a> {
    mapped: &'a Mapped,
    quantity: &'a Quantity,
    chart: &'a Chart,
}

struct Maps<'a> {
    scene: &'a Scene<'a>,
    map: &'a Map,
    observable: &'static Observable,
    shown: Vec<Shown<'a>>,
}

/// The figure of a mapped quantity; none where it has no value (the report says why).
pub(super) fn maps(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let Some(map) = &scene.spec.map else {
        return Ok(None);
    };
    let f = scene.f;
    let chosen = |m: &&Mapped| f.theories.as_ref().is_none_or(|l| l.contains(&m.label));
    let shown: Vec<Shown> = scene
        .outcome
        .maps
        .iter()
        .filter(chosen)
        .filter_map(|mapped| {
            let of = |q: &&Quantity| q.observable.name == f.observable;
            Some(Shown {
                mapped,
                quantity: mapped.quantities.iter().find(of)?,
                chart: &map.charts[mapped.chart],
            })
        })
        .collect();
    let Some(first) = shown.first() else {
        return Ok(None);
    };
    let maps = Maps {
        scene,
        map,
        observable: first.quantity.observable,
        shown,
    };
    if !maps.shown.iter().any(|s| maps.has_values(s)) {
        return Ok(None);
    }
    let drawn = match map.axes.as_slice() {
        [along] => maps.curves(along)?,
        [first, second] if f.key.as_ref().is_none_or(|key| *key == first.key) => {
            maps.fields(first, second, false)?
        }
        [first, second] => maps.fields(second, first, true)?,
        _ => return Ok(None),
    };
    Ok(Some(drawn))
}

impl Maps<'_> {
    /// Horizontal or vertical axis of a key.
    fn key_axis(&self, along: &MapAxis, vertical: bool) -> AxisSpec {
        let f = self.scene.f;
        let (scale, range) = match vertical {
            false => (f.x_scale, f.x_range),
            true => (f.y_scale, f.y_range),
        };
        axis(&of_key(&along.key), "", logarithmic(along, scale), range)
    }

    fn branch(&self, quantity: &Quantity) -> Vec<f64> {
        quantity.branch(self.chosen_branch() - 1)
    }

    /// Whether the chosen branch has a value somewhere.
    fn has_values(&self, s: &Shown) -> bool {
        self.branch(s.quantity).iter().any(|v| v.is_finite())
    }

    fn chosen_branch(&self) -> usize {
        let only = self.scene.f.only.as_ref();
        only.and_then(|o| o.first()).copied().unwrap_or(1)
    }

    fn tag(&self, chart: &Chart, source: &str, curve: &str, band: &str) -> Tag {
        let key = |(k, v): &(String, toml::Value)| (k.clone(), vec![named(v)]);
        Tag {
            source: source.into(),
            curve: curve.into(),
            cell: chart.set.iter().map(key).collect(),
            band: band.into(),
            guide: false,
        }
    }

    /// Measured cells that lie on a chart, at the last recorded time.
    fn points(&self, chart: &Chart) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for cell in &self.scene.outcome.cells {
            let place = self.map.place(chart, &cell.set);
            let wanted = cell.wanted(self.observable.name);
            let (Some(at), Some(wanted), None) = (place, wanted, &cell.failure) else {
                continue;
            };
            let Some(blocks) = measured_blocks(cell, wanted)? else {
                continue;
            };
            let axes = &cell.wanted[wanted].axes;
            let end = |values: Option<Vec<f64>>| values.map(|v| at_end(axes, &v));
            if let Some([value]) = end(Some(blocks.mean())).as_deref() {
                let stderr = end(blocks.stderr());
                points.push(Point {
                    at,
                    value: *value,
                    stderr: stderr.map_or(f64::NAN, |s| s[0]),
                    n: blocks.n(),
                });
            }
        }
        Ok(points)
    }

    /// Charts that are shown, each once.
    fn charts(&self) -> Vec<usize> {
        let mut charts: Vec<usize> = self.shown.iter().map(|s| s.mapped.chart).collect();
        charts.dedup();
        charts
    }

    /// `N = 50`, of the other swept keys; empty where there are none.
    fn chart_name(&self, chart: &Chart) -> String {
        let name = |(k, v): &(String, toml::Value)| format!("{} = {}", symbol(k), named(v));
        let names: Vec<String> = chart.set.iter().map(name).collect();
        names.join(", ")
    }

    /// The theory of a panel, with its chart where there are several.
    fn panel_name(&self, s: &Shown) -> String {
        match self.chart_name(s.chart).as_str() {
            "" => s.mapped.label.clone(),
            chart => format!("{}, {chart}", s.mapped.label),
        }
    }

    /// The values of the quantity that a transition looks at, of the theory it names or of a panel's own.
    fn crossing(&self, of: &Transition, panel: &Mapped) -> Option<Vec<f64>> {
        let label = of.theory.as_ref().unwrap_or(&panel.label);
        let mut maps = self.scene.outcome.maps.iter();
        let found = maps.find(|m| m.chart == panel.chart && m.label == *label)?;
        let quantities = &found.quantities;
        let quantity = quantities.iter().find(|q| q.observable.name == of.of)?;
        Some(self.branch(quantity))
    }

    /// Name of a transition in the legend.
    fn named(&self, of: &Transition) -> String {
        let quantities = self.scene.outcome.maps.iter().flat_map(|m| &m.quantities);
        let mut observables = quantities.map(|q| q.observable);
        let observable = observables.find(|o| o.name == of.of);
        let label = observable.map_or(of.of.as_str(), |o| o.label);
        let stated = of.label.clone();
        stated.unwrap_or_else(|| format!("{label} = {}", number(of.level)))
    }

    /// What the quantity is, and where it has no value.
    fn caption(&self) -> String {
        let o = self.observable;
        let convention = o.stated(self.scene.spec.loss());
        let convention = convention.trim_end_matches('.');
        let mut text = format!("{}: {convention}.", capitalised(&plain_text(o.label)));
        let wanted = self.scene.outcome.cells.iter().flat_map(|c| &c.wanted);
        let mut axes = wanted
            .filter(|w| w.observable.name == o.name)
            .flat_map(|w| &w.axes);
        if axes.any(|a| a.name == "time" && a.values.len() > 1) {
            text.push_str(" At the last recorded time.");
        }
        for s in &self.shown {
            if let Some(gaps) = s.quantity.gaps.text(s.quantity.points()) {
                let chart = self.chart_name(s.chart);
                let at = if chart.is_empty() { "" } else { ", " };
                text.push_str(&format!(" {}{at}{chart}: {gaps}.", s.mapped.label));
            }
        }
        let given = self.shown.iter().flat_map(|s| &s.mapped.notes.conditioning);
        if given.into_iter().any(|c| c != "none") {
            text.push_str(" Theories that are given a data set have the first one.");
        }
        text
    }
}

/// A range that is spaced by ratios has a logarithmic axis.
fn logarithmic(along: &MapAxis, stated: ScaleKey) -> ScaleKey {
    match along.scale {
        ScaleKey::Log => ScaleKey::Log,
        ScaleKey::Linear => stated,
    }
}
