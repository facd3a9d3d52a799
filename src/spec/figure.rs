//! `[[figure]]`: what a run draws.

use super::Abscissa;
use super::build::check_text;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[[figure]]`: one picture. Without any, a run draws one figure per observable.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// File name without ending; default: the observable, for `deviation`, `reduction` and `map` followed by the kind, for
    /// `task-modes` and `task-clusters` the kind.
    #[serde(default)]
    pub name: Option<String>,
    /// Title above the panels; default: the spec's title.
    #[serde(default)]
    pub title: Option<String>,
    /// Name of the observable that is drawn, one of `measure.observables`; `map`: one of `map.of`.
    pub observable: String,
    /// What is drawn, and over what; default: `curves`.
    #[serde(default)]
    pub kind: FigureKind,
    /// Swept key: the horizontal axis of `sweep` and `deviation`, and what panels and curves of several cells are
    /// named by. `map`: the key along the horizontal axis; default: the first.
    #[serde(default)]
    pub key: Option<String>,
    /// Abscissa made of the swept key.
    #[serde(default)]
    pub abscissa: Abscissa,
    /// Theory labels to draw; default: all that predict the observable.
    #[serde(default)]
    pub theories: Option<Vec<String>>,
    /// Horizontal axis linear or logarithmic; default: `linear`.
    #[serde(default)]
    pub x_scale: ScaleKey,
    /// Vertical axis linear or logarithmic; default: `linear`.
    #[serde(default)]
    pub y_scale: ScaleKey,
    /// Ends of the horizontal axis; default: the data.
    #[serde(default)]
    pub x_range: Option<[f64; 2]>,
    /// Ends of the vertical axis; default: the data.
    #[serde(default)]
    pub y_range: Option<[f64; 2]>,
    /// Text along the horizontal axis; default: words and symbol of what it shows. `_{...}` lowers and `^{...}` raises what it holds.
    #[serde(default)]
    pub x_label: Option<String>,
    /// Text along the vertical axis.
    #[serde(default)]
    pub y_label: Option<String>,
    /// Width of the whole figure in points (72 to an inch); default: as the panels need.
    #[serde(default)]
    pub width: Option<f64>,
    /// Height of the whole figure in points.
    #[serde(default)]
    pub height: Option<f64>,
    /// Size of the numbers at the ticks in points; all texts, lines and markers grow with it; default: 9.
    #[serde(default)]
    pub font_size: Option<f64>,
    /// Where the legend stands; default: as the kind of figure places it.
    #[serde(default)]
    pub legend: Option<LegendKey>,
    /// Further observables, each in a panel of its own beside the first, drawn in the same way.
    #[serde(default)]
    pub beside: Vec<String>,
    /// Panel below: networks minus a theory (`curves`: in standard errors; `sweep`: in per cent of the theory). `true` takes the theory
    /// that is drawn in most cells, of several the first, and of `curves` in more than two cells none; a label takes that theory;
    /// default: `true`.
    #[serde(default)]
    pub residuals: Residuals,
    /// `curves`, `sweep`: which of the curves to draw, counted from 1; default: all of up to seven, else seven spread from the
    /// first to the last; `sweep` over an observable of time: its last time. `map`: which branch (one). `sweep` counts points of the first cell's grid and draws other cells at the same coordinates.
    /// `task-clusters`: which cells; default: all.
    #[serde(default)]
    pub only: Option<Vec<usize>>,
    /// `curves`: other observables on the same axis, drawn into the same panel. `reduction`: quantities that theories tell as one number
    /// in every cell, over the reduced key.
    #[serde(default)]
    pub also: Vec<String>,
    /// `phase`: the quantity along the horizontal axis; it shares the axes of the observable.
    #[serde(default)]
    pub against: Option<String>,
    /// `phase`: further pairs `[vertical, horizontal]` that are drawn into the same panels.
    #[serde(default)]
    pub with: Vec<[String; 2]>,
    /// `entries`: pairs `[row, column]` of the matrix, counted from 1.
    #[serde(default)]
    pub entries: Vec<[usize; 2]>,
    /// `mds`: numbers of consecutive columns that share a colour, and (second number) a marker.
    #[serde(default)]
    pub groups: Vec<usize>,
    /// `overlay`: time is divided by the abscissa of `key`, and theories are drawn once, from the cell with the largest abscissa.
    #[serde(default)]
    pub rescale: bool,
    /// `map`: colours go by the value or by its logarithm; default: `linear`.
    #[serde(default)]
    pub scale: ScaleKey,
    /// `map` of two keys: values at which a contour line is drawn and marked in the colour bar.
    #[serde(default)]
    pub contours: Vec<f64>,
    /// `map`: lines at which another mapped quantity, or the same one, crosses a level.
    #[serde(default)]
    pub transitions: Vec<Transition>,
}

/// A line of `[[figure]] kind = "map"`: `{ of = "layer-chi", level = 1.0, label = "edge of chaos" }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The quantity that crosses the level, one of `map.of`.
    pub of: String,
    /// The level.
    pub level: f64,
    /// The theory whose line is drawn in all panels; default: each panel has the line of its own theory.
    #[serde(default)]
    pub theory: Option<String>,
    /// Name in the legend; default: the quantity with the level.
    #[serde(default)]
    pub label: Option<String>,
}

/// `residuals` of a figure: whether there is a panel of differences, and from which theory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected true, false or the label of a theory")]
pub enum Residuals {
    /// With or without the panel.
    Shown(bool),
    /// From the theory of this label.
    From(String),
}

impl Default for Residuals {
    fn default() -> Self {
        Residuals::Shown(true)
    }
}

impl Figure {
    /// The file name without ending.
    pub fn file(&self) -> String {
        self.name.clone().unwrap_or_else(|| match self.kind {
            FigureKind::Deviation => format!("{}-deviation", self.observable),
            FigureKind::Map => format!("{}-map", self.observable),
            FigureKind::Reduction => format!("{}-reduction", self.observable),
            FigureKind::TaskModes => "task-modes".into(),
            FigureKind::TaskClusters => "task-clusters".into(),
            _ => self.observable.clone(),
        })
    }

    /// # Errors
    /// `Input` for sizes that no page has, and labels that are no line of text.
    pub(super) fn check(&self, place: &str) -> Result<()> {
        let sizes = [
            ("width", self.width, 50.0, 5000.0),
            ("height", self.height, 50.0, 5000.0),
            ("font_size", self.font_size, 4.0, 60.0),
        ];
        for (key, size, least, most) in sizes {
            if size.is_some_and(|s| !(least..=most).contains(&s)) {
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{} points", size.unwrap_or_default()),
                    format!("give a size between {least} and {most} points"),
                ));
            }
        }
        let zoom = self.font_size.map_or(1.0, |size| size / 9.0);
        for (key, size, least) in [("width", self.width, 200.0), ("height", self.height, 120.0)] {
            if size.is_some_and(|s| s / zoom < least) {
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!(
                        "{} points leave no room for a panel with its labels",
                        size.unwrap_or_default()
                    ),
                    format!(
                        "give at least {:.0} points at this font_size",
                        (least * zoom).ceil()
                    ),
                ));
            }
        }
        let mut seen = vec![&self.observable];
        for name in &self.beside {
            if seen.contains(&name) {
                return Err(Error::input(
                    format!("{place}.beside"),
                    format!("{name} is drawn already"),
                    "name every observable once",
                ));
            }
            seen.push(name);
        }
        let from_one = matches!(self.residuals, Residuals::From(_));
        let kinds: [(&str, bool, &[FigureKind]); 9] = [
            (
                "residuals",
                from_one,
                &[FigureKind::Curves, FigureKind::Sweep],
            ),
            (
                "also",
                !self.also.is_empty(),
                &[FigureKind::Curves, FigureKind::Reduction],
            ),
            ("against", self.against.is_some(), &[FigureKind::Phase]),
            ("with", !self.with.is_empty(), &[FigureKind::Phase]),
            ("entries", !self.entries.is_empty(), &[FigureKind::Entries]),
            ("groups", !self.groups.is_empty(), &[FigureKind::Mds]),
            ("rescale", self.rescale, &[FigureKind::Overlay]),
            ("contours", !self.contours.is_empty(), &[FigureKind::Map]),
            (
                "transitions",
                !self.transitions.is_empty(),
                &[FigureKind::Map],
            ),
        ];
        for (key, stated, has) in kinds {
            if stated && !has.contains(&self.kind) {
                let name = |kind: &FigureKind| {
                    serde_json::json!(kind)
                        .as_str()
                        .unwrap_or_default()
                        .to_string()
                };
                let names: Vec<String> = has.iter().map(name).collect();
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("it has no meaning for kind = \"{}\"", name(&self.kind)),
                    format!("remove it; it belongs to {}", names.join(", ")),
                ));
            }
        }
        for (key, label) in [
            ("x_label", &self.x_label),
            ("y_label", &self.y_label),
            ("title", &self.title),
        ] {
            if let Some(label) = label {
                check_text(&format!("{place}.{key}"), label, 160)?;
                check_scripts(&format!("{place}.{key}"), label)?;
            }
        }
        Ok(())
    }

    /// A figure with every default.
    pub fn new(observable: &str, kind: FigureKind) -> Self {
        Figure {
            name: None,
            title: None,
            observable: observable.into(),
            kind,
            key: None,
            abscissa: Abscissa::Value,
            theories: None,
            x_scale: ScaleKey::Linear,
            y_scale: ScaleKey::Linear,
            x_range: None,
            y_range: None,
            x_label: None,
            y_label: None,
            width: None,
            height: None,
            font_size: None,
            legend: None,
            beside: vec![],
            residuals: Residuals::default(),
            only: None,
            also: vec![],
            against: None,
            with: vec![],
            entries: vec![],
            groups: vec![],
            rescale: false,
            scale: ScaleKey::Linear,
            contours: vec![],
            transitions: vec![],
        }
    }
}

/// Raised and lowered text is not nested, and its braces are closed.
fn check_scripts(place: &str, label: &str) -> Result<()> {
    for start in ["^{", "_{"] {
        for after in label.split(start).skip(1) {
            let inner = after.split_once('}').map(|(inner, _)| inner);
            if inner.is_none_or(|inner| inner.is_empty() || inner.contains('{')) {
                return Err(Error::input(
                    place,
                    format!("what {start} begins is empty, nested or not closed"),
                    "write x^{2} or x_{max}, one level deep",
                ));
            }
        }
    }
    Ok(())
}

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FigureKind {
    /// Curves over the observable's own last axis, one panel per cell.
    #[default]
    Curves,
    /// The observable over a swept key.
    Sweep,
    /// Deviation of every theory from the networks over a swept key.
    Deviation,
    /// What a `[[reduce]]` of the observable gives, over the axis of its result: windows of a local exponent, modes, times. `also` puts
    /// quantities beside it that theories tell as one number in every cell.
    Reduction,
    /// A matrix in one range of colours: of a series four times, of endpoints or layers all (of layers over time the last time),
    /// measured above and theories below. Of several cells the last matrix of each.
    Heatmap,
    /// Curves of all cells in one panel, one colour per cell.
    Overlay,
    /// Phase portrait: two quantities of a theory against each other along the axis that both share, one panel per cell.
    Phase,
    /// Chosen entries of a matrix over time, one panel per cell.
    Entries,
    /// Multidimensional scaling of the columns of a matrix over time, all times embedded together.
    Mds,
    /// The task itself: its input-output modes `U diag(s) V^T` as heat maps (first data set).
    TaskModes,
    /// The task itself: clusters of one configuration of a two-dimensional lattice at its threshold, coloured by their sizes, in
    /// every cell of the sweep or in those that `only` names. With a learner the first data set: clusters of a plane lattice by context,
    /// component and surface, or the largest hierarchical cluster by its latents.
    TaskClusters,
    /// A quantity of `[map]`: over two keys a heat map per theory with contours and transition lines, over one key a
    /// curve per theory. Measured cells of the sweep that lie on it are circles in the colour of their value.
    Map,
}

/// Where a legend stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LegendKey {
    /// Inside, where it hides no data, else to the right.
    Auto,
    /// To the right of the panels.
    Right,
    /// None.
    None,
}

/// How values are spaced along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScaleKey {
    /// Equal distances for equal differences.
    #[default]
    Linear,
    /// Equal distances for equal ratios; values <= 0 are left out.
    Log,
}
