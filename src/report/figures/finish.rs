//! What holds for figures of every kind: labels and sizes that the spec states, and what an axis cannot show is said.

use crate::plot::{
    AxisSpec, Entry, Figure, Legend, Panel, Scale, Series, legend_entries, legend_size,
};
use crate::spec::{Figure as FigureSpec, FigureKind, LegendKey};

/// Size of the numbers at the ticks where none is stated, in points.
const TICKS: f64 = 9.0;

/// Labels of the spec; the vertical one is that of the first observable.
pub(super) fn label(f: &FigureSpec, figure: &mut Figure, is_first: bool) {
    for panel in &mut figure.panels {
        if let Some(label) = &f.x_label {
            relabel(&mut panel.x, label);
        }
        if let (Some(label), false, true) = (&f.y_label, panel.stacked, is_first) {
            relabel(&mut panel.y, label);
        }
    }
}

/// Width that figures have for the legend at their right, and the most that a legend makes them wider by.
const USUAL_LEGEND: f64 = 120.0;
const LEGEND: f64 = 260.0;
/// Height above and below a legend.
const HEAD: f64 = 45.0;
/// A panel with its labels and legend is not narrower, in points before any zoom.
const NARROWEST: f64 = 230.0;

/// Legend and size of the spec; panels that a narrow page cannot hold side by side stand below one another.
pub(super) fn dress(f: &FigureSpec, figure: &mut Figure) {
    for panel in &mut figure.panels {
        match f.legend {
            Some(LegendKey::None) => panel.legend = Legend::None,
            Some(LegendKey::Auto) if panel.legend == Legend::Right => panel.legend = Legend::Auto,
            Some(LegendKey::Right) if panel.legend == Legend::Auto => panel.legend = Legend::Right,
            _ => {}
        }
    }
    figure.zoom = f.font_size.map_or(1.0, |size| size / TICKS);
    let stated = |size: Option<f64>, usual: f64| size.map_or(usual, |size| size / figure.zoom);
    let heads = figure.panels.iter().filter(|p| !p.stacked).count().max(1);
    let rows = |columns: usize| heads.div_ceil(columns) as f64;
    let width = stated(f.width, figure.width);
    let row = figure.height / rows(figure.columns);
    let columns = match f.width {
        Some(_) => ((width / NARROWEST) as usize).clamp(1, figure.columns),
        None => figure.columns,
    };
    let height = stated(f.height, row * rows(columns));
    (figure.width, figure.height, figure.columns) = (width, height, columns);
    let right = figure.panels.iter().filter(|p| p.legend == Legend::Right);
    let legends: Vec<(f64, f64)> = right.map(|p| legend_size(&legend_entries(p))).collect();
    if f.width.is_none() {
        let wide = legends.iter().map(|l| l.0.min(LEGEND));
        figure.width += (wide.sum::<f64>() - USUAL_LEGEND).max(0.0);
    }
    if f.height.is_none() && rows(columns) == 1.0 {
        let high = legends.iter().map(|l| l.1 + HEAD).fold(0.0, f64::max);
        figure.height = figure.height.max(high.min(3.0 * figure.height));
    }
}

fn relabel(axis: &mut AxisSpec, label: &str) {
    axis.label = label.into();
    axis.unit.clear();
}

/// Opens ranges that hold no value, and tells what logarithmic axes leave out; the text is added to the caption.
pub(super) fn honest(f: &FigureSpec, figure: &mut Figure) -> String {
    let (mut empty, mut left_out, mut nothing) = (0, 0, 0);
    for panel in &mut figure.panels {
        let (x, y) = values(panel);
        for (axis, values) in [(&mut panel.x, &x), (&mut panel.y, &y)] {
            let Some((first, last)) = axis.range.filter(|_| axis.names.is_empty()) else {
                continue;
            };
            let mut finite = values.iter().filter(|v| v.is_finite()).peekable();
            if finite.peek().is_some() && finite.all(|v| !(first..=last).contains(v)) {
                axis.range = None;
                empty += 1;
            }
        }
        let below = |axis: &AxisSpec, values: &[f64]| match axis.scale {
            Scale::Linear => 0,
            Scale::Log => values.iter().filter(|v| **v <= 0.0).count(),
        };
        left_out += below(&panel.x, &x) + below(&panel.y, &y);
        let drawable =
            |axis: &AxisSpec, v: f64| v.is_finite() && (axis.scale == Scale::Linear || v > 0.0);
        let lacks = !y.is_empty() && !y.iter().any(|v| drawable(&panel.y, *v));
        if lacks {
            nothing += 1;
            let mut places = x.iter().copied().filter(|v| drawable(&panel.x, *v));
            let (text, at) = match panel.y.scale {
                Scale::Log => ("no value above 0", 10f64.sqrt()),
                Scale::Linear => ("no finite value", 0.5),
            };
            if let Some(place) = places.next() {
                panel.series.push(Series::text(text, place, at));
            }
        }
    }
    let stated = [(f.x_range, 0), (f.y_range, 1)];
    let beyond = |panel: &Panel| -> usize {
        let (x, y) = values(panel);
        let at = |axis: usize, k: usize| if axis == 0 { x[k] } else { y[k] };
        let is_out = |k: &usize| {
            stated.iter().any(|(range, axis)| {
                range.is_some_and(|[a, b]| at(*axis, *k) < a.min(b) || at(*axis, *k) > a.max(b))
            })
        };
        (0..x.len().min(y.len())).filter(is_out).count()
    };
    let cut: usize = match empty {
        0 => figure
            .panels
            .iter()
            .filter(|p| !p.stacked)
            .map(beyond)
            .sum(),
        _ => 0,
    };
    let mut text = bands(figure);
    let count = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    };
    if empty > 0 {
        text.push_str(" The stated range of an axis holds no value: the axis shows all.");
    }
    if cut > 0 {
        text.push_str(&format!(
            " {} outside the stated ranges.",
            count(cut, "value lies", "values lie")
        ));
    }
    // A figure of deviations marks its zeros.
    if left_out > 0 && f.kind != FigureKind::Deviation {
        text.push_str(&format!(
            " {} on the logarithmic axis.",
            count(
                left_out,
                "value of 0 or below is not",
                "values of 0 or below are not"
            )
        ));
    }
    if nothing > 0 {
        text.push_str(&format!(
            " {} to be drawn.",
            count(nothing, "panel has no value", "panels have no value")
        ));
    }
    text
}

/// ` Bands: numerical bound.`, in the words of the tables.
fn bands(figure: &Figure) -> String {
    let series = figure.panels.iter().flat_map(|p| &p.series);
    let mut meanings: Vec<&str> = series
        .filter_map(|s| match s {
            Series::Line {
                band: Some(_), tag, ..
            } => Some(tag.band.as_str()),
            _ => None,
        })
        .filter(|meaning| !meaning.is_empty())
        .collect();
    meanings.sort_unstable();
    meanings.dedup();
    match meanings.is_empty() {
        true => String::new(),
        false => format!(" Bands: {}.", meanings.join("; ")),
    }
}

/// Coordinates of everything that stands for a number: neither guides nor texts.
fn values(panel: &Panel) -> (Vec<f64>, Vec<f64>) {
    let (mut all_x, mut all_y) = (Vec::new(), Vec::new());
    for series in &panel.series {
        if let Series::Line { x, y, .. }
        | Series::Points { x, y, .. }
        | Series::Steps { x, y, .. } = series
        {
            all_x.extend(x);
            all_y.extend(y);
        }
    }
    (all_x, all_y)
}

/// The figure with the panels of another one below or beside its own; of equal legends the last one stands.
pub(super) fn join(mut figure: Figure, other: Figure, names: [&str; 2]) -> Figure {
    let heads = |f: &Figure| f.panels.iter().filter(|p| !p.stacked).count().max(1);
    let (mine, theirs) = (heads(&figure), heads(&other));
    let rows = |panels: usize, columns: usize| panels.div_ceil(columns.max(1)) as f64;
    let row = figure.height / rows(mine, figure.columns);
    let column = figure.width / figure.columns as f64;
    for (panel, name) in figure.panels.iter_mut().map(|p| (p, names[0])) {
        title(panel, name);
    }
    // A legend that says the same as the next one is left out.
    let next = legends(&other.panels).next();
    let mut panels = figure.panels.iter_mut().rev();
    let last = panels.find(|p| p.legend != Legend::None);
    if let Some(panel) = last
        && next.is_some_and(|next| next == legend_entries(panel))
    {
        panel.legend = Legend::None;
    }
    let mut panels = other.panels;
    for panel in &mut panels {
        title(panel, names[1]);
    }
    figure.panels.extend(panels);
    if theirs == 1 {
        figure.columns = (mine + theirs).min(3);
        figure.width = column.min(330.0) * figure.columns as f64;
    }
    figure.height = row * rows(mine + theirs, figure.columns);
    figure
}

/// What the legends of the panels name.
fn legends(panels: &[Panel]) -> impl Iterator<Item = Vec<Entry>> {
    let with = panels.iter().filter(|p| p.legend != Legend::None);
    with.map(legend_entries)
}

/// A panel that has no title gets one.
fn title(panel: &mut Panel, name: &str) {
    if panel.title.is_empty() && !panel.stacked {
        panel.title = name.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(scale: Scale, y: &[f64]) -> Panel {
        let axis = AxisSpec {
            scale,
            ..AxisSpec::linear("y", "1")
        };
        let x: Vec<f64> = (1..=y.len()).map(|k| k as f64).collect();
        Panel::new("", AxisSpec::linear("x", "1"), axis).with(Series::points("", x, y.to_vec()))
    }

    #[test]
    fn what_an_axis_cannot_show_is_said() {
        let f = FigureSpec::new("a", FigureKind::Curves);
        let of = |panel: Panel| honest(&f, &mut Figure::new(300.0, 200.0).with(panel));
        assert_eq!(of(panel(Scale::Linear, &[0.0, -1.0])), "");
        assert_eq!(of(panel(Scale::Log, &[1.0, 2.0])), "");
        let some = of(panel(Scale::Log, &[1.0, 0.0, -2.0]));
        assert_eq!(
            some,
            " 2 values of 0 or below are not on the logarithmic axis."
        );
        let none = of(panel(Scale::Log, &[0.0]));
        assert!(none.contains("1 panel has no value to be drawn."), "{none}");
        let mut ranged = panel(Scale::Linear, &[5.0, 6.0]);
        ranged.y.range = Some((0.0, 1.0));
        let mut figure = Figure::new(300.0, 200.0).with(ranged);
        assert!(honest(&f, &mut figure).contains("holds no value"));
        assert_eq!(figure.panels[0].y.range, None);
        // Points that a stated range cuts off, and what bands mean.
        let mut f = f;
        f.y_range = Some([0.0, 5.5]);
        let band = Series::line("", [1.0, 2.0], [1.0, 2.0]).error(&[0.1, 0.1]);
        let tag = crate::plot::Tag {
            band: "numerical bound".into(),
            ..Default::default()
        };
        let panel = panel(Scale::Linear, &[5.0, 6.0, 7.0]).with(band.tag(tag));
        let text = honest(&f, &mut Figure::new(300.0, 200.0).with(panel));
        assert_eq!(
            text,
            " Bands: numerical bound. 2 values lie outside the stated ranges."
        );
    }

    #[test]
    fn a_legend_that_the_next_one_repeats_is_left_out() {
        let named = |label: &str| {
            let panel = panel(Scale::Linear, &[1.0]);
            let panel = panel
                .with(Series::points(label, [], []))
                .legend(Legend::Right);
            Figure::new(300.0, 200.0).with(panel)
        };
        let shown = |f: &Figure| -> Vec<bool> {
            let panels = f.panels.iter();
            panels.map(|p| p.legend != Legend::None).collect()
        };
        let two = |a, b| join(named(a), named(b), ["a", "b"]);
        assert_eq!(shown(&two("networks", "networks")), [false, true]);
        assert_eq!(shown(&two("networks", "mode 1")), [true, true]);
        // Of three the first is repeated, but not by the next one.
        let three = join(two("networks", "mode 1"), named("networks"), ["", "c"]);
        assert_eq!(shown(&three), [true, true, true]);
    }

    #[test]
    fn sizes_and_labels_are_those_of_the_spec() {
        let mut f = FigureSpec::new("a", FigureKind::Curves);
        (f.width, f.font_size) = (Some(600.0), Some(18.0));
        f.x_label = Some("P".into());
        let mut figure = Figure::new(700.0, 200.0).columns(2);
        for _ in 0..2 {
            figure = figure.with(panel(Scale::Linear, &[1.0]));
        }
        label(&f, &mut figure, true);
        dress(&f, &mut figure);
        // 300 points hold one panel: two rows.
        assert_eq!((figure.columns, figure.height), (1, 400.0));
        assert_eq!((figure.width, figure.zoom), (300.0, 2.0));
        assert_eq!(figure.panels[0].x.title(), "P");
    }
}
