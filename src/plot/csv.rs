//! The numbers of a figure as a tidy table.

use super::figure::{Figure, Panel};
use super::series::{Interval, Series, Tag};

/// One row per drawn number: `panel`, the keys of the sweep, then `source,curve,kind,x,y,lower,upper,band`; floats in the shortest form
/// that reads back to the same bits.
///
/// A panel goes by its title, else by its y axis, made unique by a number. `source` is the label of a theory or what was measured,
/// `curve` which of several curves of it, `band` the meaning of `lower` and `upper` (see [`Tag`]). A heat map gives one row per cell:
/// `curve` is the name of its row, `x` that of its column and `y` the value. A field and beads have their values in a
/// column `value` of their own, which stands at the end where there are any. Not-a-number is an empty field.
///
/// ```
/// use saddlepoint::plot::*;
/// let shown = Tag { source: "net".into(), band: "one standard error".into(), ..Tag::default() };
/// let panel = Panel::new("a", AxisSpec::linear("t", "1"), AxisSpec::linear("u", "1"))
///     .with(Series::points("net", [0.1], [0.2]).error(&[0.05]).tag(shown));
/// let csv = figure_csv(&Figure::new(300.0, 200.0).with(panel));
/// assert_eq!(csv.lines().nth(1), Some("a,net,,points,0.1,0.2,0.15000000000000002,0.25,one standard error"));
/// ```
pub fn figure_csv(figure: &Figure) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut keys: Vec<&str> = Vec::new();
    for tag in figure.panels.iter().flat_map(|p| &p.series).filter_map(tag) {
        for (key, _) in &tag.cell {
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
    }
    let mut header = vec!["panel"];
    header.extend(&keys);
    header.extend([
        "source", "curve", "kind", "x", "y", "lower", "upper", "band",
    ]);
    let mut series = figure.panels.iter().flat_map(|p| &p.series);
    let valued = series.any(|s| matches!(s, Series::Field { .. } | Series::Beads { .. }));
    if valued {
        header.push("value");
    }
    // Writing rows of one length to memory cannot fail.
    let _ = table.write_record(header);
    let nothing = Tag::default();
    for (panel, name) in figure.panels.iter().zip(names(&figure.panels)) {
        for series in &panel.series {
            let tag = tag(series).unwrap_or(&nothing);
            if tag.guide {
                continue;
            }
            for (index, line) in lines(series).into_iter().enumerate() {
                let at_point = value_of(series, index);
                // Cells without a number are left out.
                if at_point.is_empty() && matches!(series, Series::Field { .. }) {
                    continue;
                }
                let value = |key: &&str| {
                    let values = tag.cell.iter().find(|(k, _)| k == key).map(|(_, v)| v);
                    let one =
                        |v: &Vec<String>| v.get(if v.len() == 1 { 0 } else { index }).cloned();
                    values.and_then(one).unwrap_or_default()
                };
                let [label, curve, kind, x, y, lower, upper] = line;
                let source = if tag.source.is_empty() {
                    label
                } else {
                    tag.source.clone()
                };
                let curve = if curve.is_empty() {
                    tag.curve.clone()
                } else {
                    curve
                };
                let band = match lower.is_empty() && upper.is_empty() {
                    true => String::new(),
                    false => tag.band.clone(),
                };
                let mut row = vec![name.clone()];
                row.extend(keys.iter().map(value));
                row.extend([source, curve, kind, x, y, lower, upper, band]);
                if valued {
                    row.push(at_point);
                }
                let _ = table.write_record(&row);
            }
        }
    }
    let bytes = table.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value at a point of a field, or of a bead.
fn value_of(series: &Series, index: usize) -> String {
    match series {
        Series::Field { values, .. } | Series::Beads { values, .. } => {
            values.get(index).map_or(String::new(), |v| number(*v))
        }
        _ => String::new(),
    }
}

fn tag(series: &Series) -> Option<&Tag> {
    match series {
        Series::Line { tag, .. }
        | Series::Points { tag, .. }
        | Series::Steps { tag, .. }
        | Series::HeatMap { tag, .. }
        | Series::Field { tag, .. }
        | Series::Tile { tag, .. }
        | Series::Beads { tag, .. } => Some(tag),
        _ => None,
    }
}

/// The names of a figure's panels in its table, each once.
pub fn panel_names(figure: &Figure) -> Vec<String> {
    names(&figure.panels)
}

fn names(panels: &[Panel]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for panel in panels {
        let name = match panel.title.as_str() {
            "" => &panel.y.label,
            title => title,
        };
        let unique = (2..)
            .map(|n| format!("{name} ({n})"))
            .find(|n| !names.contains(n));
        names.push(match names.contains(&name.to_string()) {
            true => unique.unwrap_or_default(),
            false => name.to_string(),
        });
    }
    names
}

fn number(value: f64) -> String {
    if !value.is_finite() {
        return match value {
            f64::INFINITY => "inf".into(),
            f64::NEG_INFINITY => "-inf".into(),
            _ => String::new(),
        };
    }
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), String::from)
}

/// Label, curve, kind, x, y, lower and upper end of every drawn number.
fn lines(series: &Series) -> Vec<[String; 7]> {
    let curve = |label: &str, kind: &str, x: &[f64], y: &[f64], ends: &Option<Interval>| {
        let row = |i: usize| {
            let side = |list: &[f64]| list.get(i).map_or(String::new(), |v| number(*v));
            let (lower, upper) = match ends {
                Some(ends) => (side(&ends.lower), side(&ends.upper)),
                None => Default::default(),
            };
            [
                label.to_string(),
                String::new(),
                kind.to_string(),
                side(x),
                side(y),
                lower,
                upper,
            ]
        };
        (0..x.len()).map(row).collect()
    };
    let single = |label: &str, kind: &str, x: String, y: String| {
        vec![[
            label.into(),
            String::new(),
            kind.into(),
            x,
            y,
            String::new(),
            String::new(),
        ]]
    };
    match series {
        Series::Line {
            label, x, y, band, ..
        } => curve(label, "line", x, y, band),
        Series::Points {
            label, x, y, error, ..
        } => curve(label, "points", x, y, error),
        Series::Steps { label, x, y, .. } => curve(label, "steps", x, y, &None),
        Series::Beads { label, x, y, .. } => curve(label, "beads", x, y, &None),
        Series::Field { x, y, .. } => {
            let points = x.iter().flat_map(|x| y.iter().map(move |y| (*x, *y)));
            let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
            curve("", "field", &x, &y, &None)
        }
        Series::Tile { label, at, .. } => single(label, "tile", number(at[0]), number(at[1])),
        Series::Text { text, x, y, .. } => single(text, "text", number(*x), number(*y)),
        Series::HLine { label, y, .. } => single(label, "hline", String::new(), number(*y)),
        Series::VLine { label, x, .. } => single(label, "vline", number(*x), String::new()),
        Series::HeatMap {
            values,
            columns,
            row_labels,
            column_labels,
            ..
        } => {
            let name = |labels: &[String], i: usize| {
                labels.get(i).cloned().unwrap_or_else(|| i.to_string())
            };
            let cell = |(i, value): (usize, &f64)| {
                let (row, column) = (i / columns, i % columns);
                [
                    String::new(),
                    name(row_labels, row),
                    "heat-map".into(),
                    name(column_labels, column),
                    number(*value),
                    String::new(),
                    String::new(),
                ]
            };
            // Cells without a number are left out.
            let numbers = values.iter().enumerate().filter(|(_, v)| !v.is_nan());
            numbers.map(cell).collect()
        }
    }
}
