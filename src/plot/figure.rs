//! A figure as data: panels on a grid, panels stacked on a shared x axis, and their axes.

use super::series::Series;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Linear or logarithmic axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal distances for equal differences.
    #[default]
    Linear,
    /// Equal distances for equal ratios; values <= 0 are skipped.
    Log,
}

/// One axis: what it shows, and from where to where.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AxisSpec {
    /// Name of the quantity, plain text; with the unit it forms [`AxisSpec::title`].
    pub label: String,
    /// Printed in brackets after the label unless empty or `1`.
    pub unit: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// First and last value; by default the data with a small margin.
    pub range: Option<(f64, f64)>,
    /// Values are the numbers of things in no order: a line is drawn as one level at each, and ticks are whole numbers.
    #[serde(default)]
    pub numbered: bool,
    /// Names of the places 0, 1, 2, ... on the axis, which then has these ticks and no others.
    #[serde(default)]
    pub names: Vec<String>,
}

impl AxisSpec {
    /// A linear axis.
    pub fn linear(label: impl Into<String>, unit: impl Into<String>) -> Self {
        AxisSpec {
            label: label.into(),
            unit: unit.into(),
            scale: Scale::Linear,
            range: None,
            numbered: false,
            names: Vec::new(),
        }
    }

    /// An axis of named places 0, 1, 2, ..., each in the middle of its share.
    pub fn named(label: impl Into<String>, names: Vec<String>) -> Self {
        let last = names.len() as f64 - 0.5;
        AxisSpec {
            names,
            ..AxisSpec::linear(label, "").range(-0.5, last.max(0.5))
        }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>, unit: impl Into<String>) -> Self {
        AxisSpec {
            scale: Scale::Log,
            ..AxisSpec::linear(label, unit)
        }
    }

    /// Marks the values as numbers of things in no order.
    pub fn numbered(mut self) -> Self {
        self.numbered = true;
        self
    }

    /// Fixes the ends of the axis.
    pub fn range(mut self, first: f64, last: f64) -> Self {
        self.range = Some((first, last));
        self
    }

    /// The text along the axis.
    ///
    /// ```
    /// use saddlepoint::plot::AxisSpec;
    /// assert_eq!(AxisSpec::linear("time t", "τ").title(), "time t [τ]");
    /// assert_eq!(AxisSpec::linear("overlap", "1").title(), "overlap");
    /// ```
    pub fn title(&self) -> String {
        match self.unit.as_str() {
            "" | "1" => self.label.clone(),
            unit => format!("{} [{unit}]", self.label),
        }
    }
}

/// Where the legend of a panel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Legend {
    /// Inside, where it hides no data; to the right when there is no such place.
    #[default]
    Auto,
    /// Outside, to the right of the axes.
    Right,
    /// No legend.
    None,
}

/// One pair of axes with its series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Empty: none.
    pub title: String,
    /// Horizontal axis; of a heat map the title alone.
    pub x: AxisSpec,
    /// Vertical axis; of a heat map the title alone.
    pub y: AxisSpec,
    /// Layers: bands lie below curves, curves below points, and within each kind in this order.
    pub series: Vec<Series>,
    /// Where the legend stands.
    pub legend: Legend,
    /// Height relative to the panels it is stacked with.
    pub height: f64,
    /// Shift of every row of a heat map against the one above it, in cells, its rows then `sqrt(3)/2` high: one half for the rhombus of a
    /// triangular lattice, 0 for squares.
    #[serde(default)]
    pub slant: f64,
    /// Stands directly below the panel before it and shares that panel's x axis.
    pub stacked: bool,
}

impl Panel {
    /// An empty panel in a cell of its own.
    pub fn new(title: impl Into<String>, x: AxisSpec, y: AxisSpec) -> Self {
        Panel {
            title: title.into(),
            x,
            y,
            series: Vec::new(),
            legend: Legend::Auto,
            height: 1.0,
            slant: 0.0,
            stacked: false,
        }
    }

    /// A panel for `(measurement - prediction) / error`, to stand below another: guides at 0, +-1 and +-2, a third of the
    /// height, no legend. `x` carries the label of the shared axis.
    pub fn residual(x: AxisSpec) -> Self {
        let guides = [(0.0, 0.9), (1.0, 0.6), (-1.0, 0.6), (2.0, 0.6), (-2.0, 0.6)];
        Panel {
            series: guides
                .into_iter()
                .map(|(y, width)| Series::HLine {
                    label: String::new(),
                    y,
                    style: super::Style {
                        width,
                        dash: match y.abs() as usize {
                            0 => super::Dash::Solid,
                            1 => super::Dash::Dashed,
                            _ => super::Dash::Dotted,
                        },
                        ..super::Style::guide()
                    },
                })
                .collect(),
            legend: Legend::None,
            height: 0.36,
            stacked: true,
            ..Panel::new("", x, AxisSpec::linear("residual", "σ"))
        }
    }

    /// Adds a series.
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Places the legend.
    pub fn legend(mut self, legend: Legend) -> Self {
        self.legend = legend;
        self
    }

    /// Puts the panel below the one before it, `height` times as high, sharing its x axis.
    pub fn stacked(mut self, height: f64) -> Self {
        self.stacked = true;
        self.height = height;
        self
    }
}

/// A figure: everything [`super::render_svg`], [`super::render_png`] and [`super::figure_csv`] need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Plain text above all panels; `None`: no room is left for it.
    pub title: Option<String>,
    /// Small print in the upper right corner (a quick run is marked here).
    pub note: Option<String>,
    /// Width in points (one point is one CSS pixel of the SVG).
    pub width: f64,
    /// Height in points.
    pub height: f64,
    /// Everything is drawn this many times larger than its sizes in points say, the width and the height of the page included.
    pub zoom: f64,
    /// Panels that are not stacked fill a grid with this many columns, row by row.
    pub columns: usize,
    /// Panels in reading order.
    pub panels: Vec<Panel>,
}

impl Figure {
    /// An empty figure without title and with one column.
    pub fn new(width: f64, height: f64) -> Self {
        Figure {
            title: None,
            note: None,
            width,
            height,
            zoom: 1.0,
            columns: 1,
            panels: Vec::new(),
        }
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the small print.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Sets the number of columns of the grid.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Adds a panel.
    pub fn with(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Input error that names the first thing which cannot be drawn.
    pub(super) fn check(&self) -> Result<()> {
        let size = |v: f64| v.is_finite() && (50.0..=10_000.0).contains(&v);
        if !size(self.width) || !size(self.height) {
            return Err(Error::input(
                "figure",
                format!("a size of {} x {} points", self.width, self.height),
                "give a width and a height between 50 and 10000",
            ));
        }
        if !(0.2..=10.0).contains(&self.zoom) {
            return Err(Error::input(
                "figure.zoom",
                format!("a zoom of {}", self.zoom),
                "give a number between 0.2 and 10",
            ));
        }
        if self.columns == 0 {
            return Err(Error::input(
                "figure.columns",
                "0 columns",
                "give 1 or more",
            ));
        }
        self.panels
            .iter()
            .enumerate()
            .try_for_each(|(i, panel)| panel.check(&format!("figure.panels[{i}]")))
    }
}

impl Panel {
    fn check(&self, place: &str) -> Result<()> {
        if !(self.height.is_finite() && self.height > 0.0) {
            return Err(Error::input(
                format!("{place}.height"),
                format!("a relative height of {}", self.height),
                "give a positive number",
            ));
        }
        for (name, axis) in [("x", &self.x), ("y", &self.y)] {
            let Some((first, last)) = axis.range else {
                continue;
            };
            let valid = first < last && (last - first).is_finite();
            if !valid || (axis.scale == Scale::Log && first <= 0.0) {
                return Err(Error::input(
                    format!("{place}.{name}.range"),
                    format!("a range from {first} to {last}"),
                    "give finite ends in increasing order, above 0 on a logarithmic axis",
                ));
            }
        }
        self.series
            .iter()
            .enumerate()
            .try_for_each(|(i, series)| series.check(&format!("{place}.series[{i}]")))
    }
}

impl Series {
    fn check(&self, place: &str) -> Result<()> {
        let uneven = |what: &str, found: usize, expected: usize| {
            if found == expected {
                return Ok(());
            }
            Err(Error::input(
                place,
                format!("{found} {what} where {expected} are needed"),
                "give lists of equal length",
            ))
        };
        match self {
            Series::Line { x, y, band, .. }
            | Series::Points {
                x, y, error: band, ..
            } => {
                uneven("y values", y.len(), x.len())?;
                if let Some(band) = band {
                    uneven("lower ends", band.lower.len(), x.len())?;
                    uneven("upper ends", band.upper.len(), x.len())?;
                }
                Ok(())
            }
            Series::Steps { x, y, .. } => uneven("y values", y.len(), x.len()),
            Series::HeatMap {
                values,
                columns,
                row_labels,
                column_labels,
                ..
            } => {
                let rows = values.len() / (*columns).max(1);
                uneven("values", values.len(), rows * columns)?;
                if !row_labels.is_empty() {
                    uneven("row labels", row_labels.len(), rows)?;
                }
                if !column_labels.is_empty() {
                    uneven("column labels", column_labels.len(), *columns)?;
                }
                Ok(())
            }
            Series::Field { x, y, values, .. } => uneven("values", values.len(), x.len() * y.len()),
            Series::Beads { x, y, values, .. } => {
                uneven("y values", y.len(), x.len())?;
                uneven("values", values.len(), x.len())
            }
            Series::Tile { .. }
            | Series::Text { .. }
            | Series::HLine { .. }
            | Series::VLine { .. } => Ok(()),
        }
    }
}
