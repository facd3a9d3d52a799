//! What is drawn in a panel: lines, points, staircases, heat maps, fields, texts and guides, as plain data.

use super::figure::Scale;
use super::style::{ColorMap, Dash, Marker, Style};
use serde::{Deserialize, Serialize};

/// Lower and upper ends (in units of the y axis) of an error bar or a band, one pair per point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end of each point, a value and not a distance.
    #[serde(with = "gaps")]
    pub lower: Vec<f64>,
    /// Upper end of each point, a value and not a distance.
    #[serde(with = "gaps")]
    pub upper: Vec<f64>,
}

/// Which end of a text stands at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// The text starts at its point.
    #[default]
    Left,
    /// The text is centred on its point.
    Center,
    /// The text ends at its point.
    Right,
}

/// What a series shows, for the table of its figure: a reader of the table needs no picture.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tag {
    /// Label of a theory, or what was measured (`networks`); empty: the label of the series.
    pub source: String,
    /// Which of several curves of the source, such as `mode 1`; empty where there is one.
    pub curve: String,
    /// Keys of a sweep with their values: one value for the whole series, or one per point.
    pub cell: Vec<(String, Vec<String>)>,
    /// What reaches from the lower to the upper end, such as `one standard error`.
    pub band: String,
    /// Leads the eye between points that stand in the table themselves.
    pub guide: bool,
}

/// One layer of a panel.
///
/// Not-a-number breaks a line and skips a point, as do values <= 0 on a logarithmic axis. Series of equal label share one
/// line of the legend (a theory line and its measured points); an empty label keeps a series out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Series {
    /// Straight pieces between the points, with an optional band around them.
    Line {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Abscissas, in units of the x axis.
        #[serde(with = "gaps")]
        x: Vec<f64>,
        /// Ordinates in units of the y axis, as many as `x`.
        #[serde(with = "gaps")]
        y: Vec<f64>,
        /// Ends of the band, as many as `x`; `None`: none is drawn.
        band: Option<Interval>,
        /// Colour, dash and width; the band has the same colour.
        style: Style,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// Markers with optional error bars.
    Points {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Abscissas, in units of the x axis.
        #[serde(with = "gaps")]
        x: Vec<f64>,
        /// Ordinates in units of the y axis, as many as `x`.
        #[serde(with = "gaps")]
        y: Vec<f64>,
        /// Ends of the error bars, as many as `x`; `None`: none are drawn.
        error: Option<Interval>,
        /// Solid markers, or outlines on white.
        filled: bool,
        /// Colour and marker.
        style: Style,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// Staircase: `y[i]` holds from `x[i]` to `x[i + 1]`.
    Steps {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Left end of each step, in units of the x axis.
        #[serde(with = "gaps")]
        x: Vec<f64>,
        /// Heights in units of the y axis, as many as `x`.
        #[serde(with = "gaps")]
        y: Vec<f64>,
        /// Colour, dash and width.
        style: Style,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// A matrix in colours, first row at the top; it fills its panel and brings its own axes.
    HeatMap {
        /// Row-major.
        #[serde(with = "gaps")]
        values: Vec<f64>,
        /// Numbers per row; `values` holds whole rows.
        columns: usize,
        /// Empty: rows are numbered from 0.
        row_labels: Vec<String>,
        /// Empty: columns are numbered from 0.
        column_labels: Vec<String>,
        /// Name and unit of the values, along the colour bar; empty: none.
        bar_label: String,
        /// Colours from the smallest to the largest value.
        map: ColorMap,
        /// Values at the two ends of the colour bar; by default the extremes, symmetric about 0 for a diverging map.
        range: Option<(f64, f64)>,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// Values on the points of a grid in colours, on the panel's own axes: each fills the cell around its point.
    Field {
        /// Abscissas of the grid, increasing.
        x: Vec<f64>,
        /// Ordinates of the grid, increasing.
        y: Vec<f64>,
        /// `values[i * y.len() + j]` at `(x[i], y[j])`; not-a-number leaves its cell white.
        #[serde(with = "gaps")]
        values: Vec<f64>,
        /// Name and unit of the values, along the colour bar.
        bar_label: String,
        /// Colours go by the value or by its logarithm; values <= 0 have no colour then.
        scale: Scale,
        /// Values at the two ends of the colour bar; by default the extremes.
        range: Option<(f64, f64)>,
        /// Values that are marked in the colour bar.
        marks: Vec<f64>,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// Ringed points in the colours of the panel's field.
    Beads {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Abscissas, in units of the x axis.
        x: Vec<f64>,
        /// Ordinates, in units of the y axis.
        y: Vec<f64>,
        /// The values behind the colours, as many as `x`.
        #[serde(with = "gaps")]
        values: Vec<f64>,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// A rectangle in a pale colour, under everything else.
    Tile {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Left and right border, in units of the x axis.
        x: [f64; 2],
        /// Lower and upper border, in units of the y axis.
        y: [f64; 2],
        /// The point that it stands for.
        at: [f64; 2],
        /// How much of its colour shows, in `(0, 1]`.
        opacity: f64,
        /// Its colour.
        style: Style,
        /// What it shows, for the table of the figure.
        #[serde(default)]
        tag: Tag,
    },
    /// A text at a point of the panel (base line at `y`).
    Text {
        /// Plain text.
        text: String,
        /// Horizontal place, in units of the x axis.
        x: f64,
        /// Vertical place, in units of the y axis.
        y: f64,
        /// Which end of the text stands at `x`.
        align: Align,
        /// Colour of the letters.
        style: Style,
    },
    /// A horizontal line across the panel.
    HLine {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Where it crosses the y axis, in its units.
        y: f64,
        /// Colour, dash and width.
        style: Style,
    },
    /// A vertical line across the panel.
    VLine {
        /// Name in the legend; empty keeps it out.
        label: String,
        /// Where it crosses the x axis, in its units.
        x: f64,
        /// Colour, dash and width.
        style: Style,
    },
}

impl Series {
    /// A line in the first style.
    pub fn line(label: impl Into<String>, x: impl Into<Vec<f64>>, y: impl Into<Vec<f64>>) -> Self {
        Series::Line {
            label: label.into(),
            x: x.into(),
            y: y.into(),
            band: None,
            style: Style::default(),
            tag: Tag::default(),
        }
    }

    /// Filled markers in the first style.
    pub fn points(
        label: impl Into<String>,
        x: impl Into<Vec<f64>>,
        y: impl Into<Vec<f64>>,
    ) -> Self {
        Series::Points {
            label: label.into(),
            x: x.into(),
            y: y.into(),
            error: None,
            filled: true,
            style: Style::default(),
            tag: Tag::default(),
        }
    }

    /// A staircase in the first style.
    pub fn steps(label: impl Into<String>, x: impl Into<Vec<f64>>, y: impl Into<Vec<f64>>) -> Self {
        Series::Steps {
            label: label.into(),
            x: x.into(),
            y: y.into(),
            style: Style::default(),
            tag: Tag::default(),
        }
    }

    /// A matrix given row by row, `columns` numbers each; diverging colours.
    pub fn heat_map(values: impl Into<Vec<f64>>, columns: usize) -> Self {
        Series::HeatMap {
            values: values.into(),
            columns,
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            bar_label: String::new(),
            map: ColorMap::Diverging,
            range: None,
            tag: Tag::default(),
        }
    }

    /// A rectangle between two borders on each axis, which stands for the point `at`.
    pub fn tile(
        label: impl Into<String>,
        x: [f64; 2],
        y: [f64; 2],
        at: [f64; 2],
        opacity: f64,
    ) -> Self {
        Series::Tile {
            label: label.into(),
            x,
            y,
            at,
            opacity,
            style: Style::default(),
            tag: Tag::default(),
        }
    }

    /// A black text that starts at `(x, y)`.
    pub fn text(text: impl Into<String>, x: f64, y: f64) -> Self {
        Series::Text {
            text: text.into(),
            x,
            y,
            align: Align::Left,
            style: Style::cycle(6),
        }
    }

    /// A grey horizontal guide without an entry in the legend.
    pub fn hline(y: f64) -> Self {
        Series::HLine {
            label: String::new(),
            y,
            style: Style::guide(),
        }
    }

    /// A grey vertical guide without an entry in the legend.
    pub fn vline(x: f64) -> Self {
        Series::VLine {
            label: String::new(),
            x,
            style: Style::guide(),
        }
    }

    /// Gives a line a band, or points their error bars, from `lower` to `upper` (values, not distances).
    pub fn band(mut self, lower: impl Into<Vec<f64>>, upper: impl Into<Vec<f64>>) -> Self {
        if let Series::Line { band, .. } | Series::Points { error: band, .. } = &mut self {
            *band = Some(Interval {
                lower: lower.into(),
                upper: upper.into(),
            });
        }
        self
    }

    /// Gives a line a band, or points their error bars, of `y - stderr` to `y + stderr`.
    pub fn error(self, stderr: &[f64]) -> Self {
        let (Series::Line { y, .. } | Series::Points { y, .. }) = &self else {
            return self;
        };
        let lower: Vec<f64> = y.iter().zip(stderr).map(|(y, e)| y - e).collect();
        let upper: Vec<f64> = y.iter().zip(stderr).map(|(y, e)| y + e).collect();
        self.band(lower, upper)
    }

    /// Sets colour, dash and marker to those of [`Style::cycle`]; guides keep their width.
    pub fn style(mut self, index: usize) -> Self {
        if let Some(style) = self.style_mut() {
            *style = Style {
                width: style.width,
                ..Style::cycle(index)
            };
        }
        self
    }

    /// Sets the colour alone, an index into [`super::PALETTE`].
    pub fn color(mut self, index: usize) -> Self {
        if let Some(style) = self.style_mut() {
            style.color = index;
        }
        self
    }

    /// Sets the width of a line alone, in points.
    pub fn width(mut self, width: f64) -> Self {
        if let Some(style) = self.style_mut() {
            style.width = width;
        }
        self
    }

    /// Sets the dash pattern alone.
    pub fn dash(mut self, dash: Dash) -> Self {
        if let Some(style) = self.style_mut() {
            style.dash = dash;
        }
        self
    }

    /// A head in the middle of the line shows its direction.
    pub fn arrow(mut self) -> Self {
        if let Some(style) = self.style_mut() {
            style.arrow = true;
        }
        self
    }

    /// Sets the marker alone.
    pub fn marker(mut self, marker: Marker) -> Self {
        if let Some(style) = self.style_mut() {
            style.marker = marker;
        }
        self
    }

    /// Says what a line, points, a staircase or a matrix show; guides and texts have no tag.
    pub fn tag(mut self, shown: Tag) -> Self {
        if let Series::Line { tag, .. }
        | Series::Points { tag, .. }
        | Series::Steps { tag, .. }
        | Series::HeatMap { tag, .. }
        | Series::Field { tag, .. }
        | Series::Tile { tag, .. }
        | Series::Beads { tag, .. } = &mut self
        {
            *tag = shown;
        }
        self
    }

    /// A line that leads the eye between points: it does not stand in the table of the figure.
    pub fn untabled(self) -> Self {
        self.tag(Tag {
            guide: true,
            ..Tag::default()
        })
    }

    /// Markers are drawn as outlines.
    pub fn open(mut self) -> Self {
        if let Series::Points { filled, .. } = &mut self {
            *filled = false;
        }
        self
    }

    /// Names a guide in the legend.
    pub fn labelled(mut self, text: impl Into<String>) -> Self {
        if let Series::HLine { label, .. } | Series::VLine { label, .. } = &mut self {
            *label = text.into();
        }
        self
    }

    /// Which end of a text stands at its point.
    pub fn align(mut self, end: Align) -> Self {
        if let Series::Text { align, .. } = &mut self {
            *align = end;
        }
        self
    }

    /// Names the rows and columns of a heat map and its colour bar.
    pub fn names(
        mut self,
        rows: impl Into<Vec<String>>,
        columns: impl Into<Vec<String>>,
        bar: impl Into<String>,
    ) -> Self {
        if let Series::HeatMap {
            row_labels,
            column_labels,
            bar_label,
            ..
        } = &mut self
        {
            *row_labels = rows.into();
            *column_labels = columns.into();
            *bar_label = bar.into();
        }
        self
    }

    /// Sets the colour map of a heat map and the values at its ends (`None`: from the matrix).
    pub fn colors(mut self, colors: ColorMap, ends: Option<(f64, f64)>) -> Self {
        if let Series::HeatMap { map, range, .. } = &mut self {
            *map = colors;
            *range = ends;
        }
        self
    }

    fn style_mut(&mut self) -> Option<&mut Style> {
        match self {
            Series::Line { style, .. }
            | Series::Points { style, .. }
            | Series::Steps { style, .. }
            | Series::Tile { style, .. }
            | Series::Text { style, .. }
            | Series::HLine { style, .. }
            | Series::VLine { style, .. } => Some(style),
            Series::HeatMap { .. } | Series::Field { .. } | Series::Beads { .. } => None,
        }
    }
}

/// JSON has no not-a-number: it is written as null and read back from it.
mod gaps {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|v| v.is_finite().then_some(*v)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}
