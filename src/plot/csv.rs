//! The numbers of a figure as a tidy table.

use super::figure::{Figure, Panel};
use super::series::{Interval, Series};

/// One row per drawn number: `panel,series,kind,x,y,lower,upper`, floats in the shortest form that reads back to the same bits.
///
/// A panel goes by its title, else by its y axis, made unique by a number. A heat map gives one row per cell: `series` is the
/// name of its row, `x` that of its column and `y` the value. Not-a-number is an empty field.
///
/// ```
/// use saddlepoint::plot::*;
/// let panel = Panel::new("a", AxisSpec::linear("t", "1"), AxisSpec::linear("u", "1"))
///     .with(Series::points("net", [0.1], [0.2]).error(&[0.05]));
/// let csv = figure_csv(&Figure::new(300.0, 200.0).with(panel));
/// assert_eq!(csv.lines().nth(1), Some("a,net,points,0.1,0.2,0.15000000000000002,0.25"));
/// ```
pub fn figure_csv(figure: &Figure) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut rows = vec![["panel", "series", "kind", "x", "y", "lower", "upper"].map(String::from)];
    for (panel, name) in figure.panels.iter().zip(names(&figure.panels)) {
        for series in &panel.series {
            rows.extend(
                lines(series)
                    .into_iter()
                    .map(|[s, k, x, y, l, u]| [name.clone(), s, k, x, y, l, u]),
            );
        }
    }
    for row in &rows {
        // Writing rows of one length to memory cannot fail.
        let _ = table.write_record(row);
    }
    let bytes = table.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
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

fn lines(series: &Series) -> Vec<[String; 6]> {
    let curve = |label: &str, kind: &str, x: &[f64], y: &[f64], ends: &Option<Interval>| {
        let row = |i: usize| {
            let side = |list: &[f64]| list.get(i).map_or(String::new(), |v| number(*v));
            let (lower, upper) = match ends {
                Some(ends) => (side(&ends.lower), side(&ends.upper)),
                None => Default::default(),
            };
            [
                label.to_string(),
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
