//! Observables: typed keys with unit, axes and convention, and the arrays that carry their values.

use crate::error::{Error, Result};
use crate::training::Loss;

/// Name, unit and convention of an observable. Theory and measurement share the key, so a factor cannot differ silently.
#[derive(Debug, PartialEq)]
pub struct Observable {
    /// Key in specs and tables (`mode-strength`).
    pub name: &'static str,
    /// Axis label for figures (`mode strength u_i`).
    pub label: &'static str,
    /// Unit (`1` when dimensionless).
    pub unit: &'static str,
    /// Definition and convention in words.
    pub convention: &'static str,
    /// Of a quantity that may vanish: the root mean square over points, in its unit, up to which it is as good as zero.
    /// Where a relative tolerance asks for less, this absolute one holds; the convention names the scale it is taken
    /// from.
    pub vanishing: Option<f64>,
    /// Relative tolerance where a spec states none: 0.05, less for thresholds and exponents, of which 5 % is no agreement.
    pub tolerance: f64,
    /// Why a value may be not-a-number; `None`: every value is a finite number, and anything else fails its draw.
    pub undefined: Option<&'static str>,
    /// A property of the data sets alone, in which the learner has no part.
    pub of_data: bool,
    /// Formed on the held-out samples, whose number limits how well it stands for the population.
    pub held_out: bool,
}

impl Observable {
    /// A quantity of which nothing special is stated: not expected to vanish, finite everywhere, not formed on held-out
    /// samples. The other observables are built on it.
    ///
    /// ```
    /// use saddlepoint::instrument::Observable;
    /// static AREA: Observable = Observable { name: "area", label: "area", unit: "1", convention: "", ..Observable::PLAIN };
    /// assert!(AREA.vanishing.is_none() && AREA.undefined.is_none() && !AREA.held_out);
    /// ```
    pub const PLAIN: Observable = Observable {
        name: "",
        label: "",
        unit: "1",
        convention: "",
        vanishing: None,
        tolerance: 0.05,
        undefined: None,
        of_data: false,
        held_out: false,
    };
}

/// What [`Observable::convention`] says of the training's loss, in place of its convention.
pub const OF_LOSS: &str = "{loss}";

impl Observable {
    /// The convention in words, with that of the loss that is minimised; without one, all that it may be.
    ///
    /// ```
    /// use saddlepoint::{instrument::TRAIN_LOSS, training::Loss};
    /// assert_eq!(TRAIN_LOSS.stated(Some(Loss::HalfSum)), "the loss as minimised: L = 1/2 sum_mu |y - f|^2");
    /// assert!(TRAIN_LOSS.stated(None).contains("half-mean"));
    /// ```
    pub fn stated(&self, loss: Option<Loss>) -> String {
        let any = "L = (w/2) sum_mu |y_mu - f(x_mu)|^2, sum over outputs, w = 1/P (half-mean) or 1 (half-sum), or what training.loss names";
        self.convention
            .replace(OF_LOSS, loss.map_or(any, Loss::convention))
    }

    /// Errors: `NotFinite` for the first value that is not a finite number, unless the observable says when a value is
    /// not-a-number ([`Observable::undefined`]); an infinite value is an error even then. `place` names the draw or the
    /// theory.
    ///
    /// ```
    /// use saddlepoint::instrument::{HALF_RISE_TIME, TEST_LOSS};
    /// assert!(TEST_LOSS.check("draw 0", &[0.5, 0.25]).is_ok());
    /// assert!(TEST_LOSS.check("draw 0", &[0.5, f64::NAN]).is_err());
    /// assert!(HALF_RISE_TIME.check("draw 0", &[f64::NAN]).is_ok());
    /// assert!(HALF_RISE_TIME.check("draw 0", &[f64::INFINITY]).is_err());
    /// ```
    pub fn check(&self, place: &str, values: &[f64]) -> Result<()> {
        let wrong = |v: &&f64| v.is_infinite() || (v.is_nan() && self.undefined.is_none());
        let Some(first) = values.iter().find(wrong) else {
            return Ok(());
        };
        let count = values.iter().filter(wrong).count();
        Err(Error::NotFinite {
            place: place.into(),
            cause: format!(
                "{} is {first} at {count} of {} values",
                self.name,
                values.len()
            ),
            remedy: "bring the numbers of the experiment nearer to 1, or use double precision; if they are of order 1, please \
                     report this"
                .into(),
        })
    }
}

/// One axis of an observable, with the values at which it is compared.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Axis {
    /// What varies along it (`time`, `mode`, `sample`).
    pub name: String,
    /// Unit of the values; `"1"` when dimensionless.
    pub unit: String,
    /// Grid, in the order of the stored values.
    pub values: Vec<f64>,
}

impl Axis {
    /// An axis of the given name, unit and grid.
    pub fn new(name: &str, unit: &str, values: Vec<f64>) -> Self {
        Axis {
            name: name.into(),
            unit: unit.into(),
            values,
        }
    }

    /// Its values number things in no order (samples, roots, powers): nothing lies between them.
    pub fn is_list(&self) -> bool {
        matches!(
            self.name.as_str(),
            "sample" | "root" | "power" | "fixed-point"
        )
    }

    /// What figures call it: words and symbols of physics for the axes of instruments, else the name.
    pub fn label(&self) -> &str {
        match self.name.as_str() {
            "time" => "time t = η · step",
            "size" => "cluster size s",
            "cutoff" => "cutoff K",
            "scale" => "RG time s",
            "rank" => "rank k",
            "share" => "share of all points",
            "overlap" => "overlap q = w · u",
            "angle" => "angle ψ of the weight vector",
            "p" => "occupation probability p",
            "scaled-p" => "(p − p_{c}) L^{1/ν}",
            "scaled-p-of-size" => "(p − p_{c}) s^{σ}",
            name => name,
        }
    }
}

/// Names of axes, told apart by numbers where two are the same: `sample`, `sample2`.
///
/// ```
/// use saddlepoint::instrument::observable::{Axis, names};
/// let sample = || Axis::new("sample", "1", vec![1.0, 2.0]);
/// assert_eq!(names(&[sample(), sample()]), ["sample", "sample2"]);
/// ```
pub fn names(axes: &[Axis]) -> Vec<String> {
    let before = |i: usize| axes[..i].iter().filter(|a| a.name == axes[i].name).count();
    (0..axes.len())
        .map(|i| match before(i) {
            0 => axes[i].name.clone(),
            n => format!("{}{}", axes[i].name, n + 1),
        })
        .collect()
}

/// Number of values on a grid of axes (1 for a scalar).
pub fn size(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.values.len()).product()
}

/// An observable and the grid on which a value is wanted; compared values are never interpolated.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The quantity.
    pub observable: &'static Observable,
    /// The last axis runs fastest (row-major).
    pub axes: Vec<Axis>,
}

impl Wanted {
    /// Number of values: the product of the axes' lengths (1 without axes).
    pub fn size(&self) -> usize {
        size(&self.axes)
    }
}
