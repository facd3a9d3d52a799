//! The exponent of an observable within a window that slides along a swept key.

use super::line::Line;
use super::{Abscissa, Approach, Asked, Curves, Form, Part, Reduction, Refusal, positive_key};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "local-exponent",
    summary: "the exponent in a sliding window: the slope of ln value in ln x over `window` = 10, a decade of x",
    text: "\
A window starts at every value of the key and ends at the first one that is at least `window` times as large; windows
that the sweep does not fill are left out. In each window

  ln value = ln C + k ln x          reported: k, at the geometric centre of the window

by ordinary least squares, on an axis named after the swept key. Neighbouring windows share cells, so that their
errors are correlated. A crossover between two power laws, and the range over which one holds, are read off it. Theory
and measurement go through the same windows. Over less than a decade a slope in double logarithms is no exponent: a
shorter window or sweep is refused.

Of the deviation from a theory (of = \"deviation\") every window is compared with the rate at which the theory's limit
is approached.

keys: window",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<LocalExponent>(place, table)?)),
    schema: <LocalExponent as JsonSchema>::json_schema,
};

/// A ratio as large as stated, but for rounding of the swept values.
const ROUNDING: f64 = 1.0 - 1e-9;

/// `k` of `value = C x^k` in windows of x.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{LocalExponent, Reduction, reduce}};
/// let law = |x: f64| x.powi(2) / (1.0 + x); // exponent 2 at small x, 1 at large x
/// let cells = [1e-5, 1e-4, 1e-3, 1e3, 1e4, 1e5].map(|x| Cell::new(x, Blocks::fixed(&[law(x)])));
/// let local = LocalExponent::default();
/// let found = reduce(&local, &cells, &[])?;
/// assert!((found[0].estimate[0] - 2.0).abs() < 1e-4 && (found[0].estimate[4] - 1.0).abs() < 1e-3);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalExponent {
    /// Ratio of the largest to the smallest x in a window, 10 or more; default: 10.
    #[serde(default = "decade")]
    pub window: f64,
}

fn decade() -> f64 {
    10.0
}

impl Default for LocalExponent {
    fn default() -> Self {
        LocalExponent { window: decade() }
    }
}

impl LocalExponent {
    /// First and last cell of every window over ascending `x`.
    fn windows(&self, x: &[f64]) -> Vec<(usize, usize)> {
        let wide = |i: usize| {
            let enough = |k: &usize| x[*k] >= self.window * x[i] * ROUNDING;
            (i..x.len()).find(enough).map(|last| (i, last))
        };
        (0..x.len()).filter_map(wide).collect()
    }
}

const PARTS: &[Part] = &[Part::only(None, Approach::Rate)];

impl Reduction for LocalExponent {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    // The exponent of a window depends on where it lies: a theory is asked for its values there.
    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        let windows = self.windows(curves.x);
        if windows.is_empty() || self.window < decade() {
            return Err(Error::input(
                "reduce",
                format!("no window of a factor {} in x", self.window),
                "sweep over at least a decade",
            ));
        }
        let line = |&(first, last): &(usize, usize)| {
            Ok((first, Line::power(&curves.x[first..=last], None)?))
        };
        Ok(Box::new(Windows {
            cells: curves.x.len(),
            lengths: windows.iter().map(|(a, b)| b - a + 1).collect(),
            lines: windows.iter().map(line).collect::<Result<_>>()?,
        }))
    }

    fn check(&self, asked: &Asked) -> std::result::Result<(), Refusal> {
        if !(self.window >= decade() && self.window.is_finite()) {
            return Refusal::of(
                "window",
                format!("{} is less than a decade", self.window),
                "use window = 10 or more; kind = \"exponent\" fits all cells together",
            );
        }
        if asked.abscissa != Abscissa::Value {
            return Refusal::of(
                "abscissa",
                "a local exponent is one in the key itself",
                "leave the abscissa out",
            );
        }
        positive_key(asked)?;
        let least = asked.x.iter().fold(f64::INFINITY, |m, x| m.min(*x));
        let most = asked.x.iter().fold(0.0f64, |m, x| m.max(*x));
        if most < self.window * least * ROUNDING {
            return Refusal::of(
                "key",
                format!(
                    "{} spans a factor {:.3}, less than the window of {}",
                    asked.key,
                    most / least,
                    self.window
                ),
                "sweep over more than a decade; kind = \"exponent\" fits all cells together",
            );
        }
        Ok(())
    }

    fn words(&self, _: usize) -> (&'static str, &'static str) {
        ("local exponent of", "")
    }

    /// The windows outermost, then the axes of the observable.
    fn axes(&self, key: &str, x: &[f64], grid: &[Axis]) -> Vec<Axis> {
        let windows = self.windows(x).into_iter();
        let centres = windows.map(|(first, last)| (x[first] * x[last]).sqrt());
        let mut axes = vec![Axis::new(key, "1", centres.collect())];
        axes.extend(grid.iter().cloned());
        axes
    }

    fn is_logarithmic(&self) -> bool {
        true
    }
}

struct Windows {
    cells: usize,
    lengths: Vec<usize>,
    /// First cell of each window, and the line through its cells.
    lines: Vec<(usize, Line)>,
}

impl Windows {
    fn each(&self, means: &[f64], of: impl Fn(&Line, &[f64]) -> f64) -> Vec<f64> {
        let mut out = Vec::new();
        for ((first, line), length) in self.lines.iter().zip(&self.lengths) {
            let curves = means.chunks(self.cells);
            out.extend(curves.map(|v| of(line, &v[*first..first + length])));
        }
        out
    }
}

impl Form for Windows {
    fn value(&self, means: &[f64]) -> Vec<f64> {
        self.each(means, |line, v| line.coefficient(v))
    }

    fn missing(&self) -> &'static str {
        "an exponent needs positive values in every leave-one-out mean"
    }

    fn residual(&self, means: &[f64]) -> Option<Vec<f64>> {
        Some(self.each(means, |line, v| line.distance(v)))
    }
}
