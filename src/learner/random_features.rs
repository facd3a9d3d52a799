//! Random features with a ridge-regression read-out.

use super::readout::{Features, Readout, Single};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Activation, Learner, Network, Parameters, Precision, Solution, Solver};
use crate::numerics::linalg::{outer_gram, solve_spd, svd};
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::{Dataset, Shape};
use nalgebra::DMatrix;
use std::sync::Arc;

const ABOUT: About = About {
    kind: "random-features",
    summary: "fixed random hidden layer with a ridge-regression read-out",
    text: "\
f(x) = (1/sqrt N) sum_i a_i phi(h_i), h = W x/sqrt(n_0) + b with fixed W_ij ~ N(0, weight), b_i ~ N(0, bias), N = features.
The read-out minimises sum_mu |y_mu - f(x_mu)|^2 + ridge |a|^2: kernel ridge regression with the kernel (1/N) sum_i phi(h_i) phi(h_i'),
which tends to the kernel of the infinite network as 1/sqrt(N). Solved by training.kind = \"closed-form\"; gradient rules train the
read-out alone.

keys
  features    N
  activation  as in the mlp (default relu)
  weight      s_w^2 > 0 (default 1)
  bias        s_b^2 >= 0 (default 0)
  ridge       >= 0 (default 0: the interpolator of smallest norm; a warning says where the features are of lower rank)

source: Rahimi, Recht 2007, NIPS 20",
    revision: 2,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(RandomFeatures::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<RandomFeatures>(),
};

/// Relative size below which a singular value of the features counts as zero when `ridge = 0`.
const RANK_TOLERANCE: f64 = 1e-12;

/// Random features; the formula stands in `saddlepoint explain random-features`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomFeatures {
    /// Number of features `N`.
    pub features: usize,
    /// Nonlinearity of the features.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// `s_w^2`
    #[serde(default = "one")]
    pub weight: f64,
    /// `s_b^2`
    #[serde(default)]
    pub bias: f64,
    /// Penalty on the squared norm of the read-out.
    #[serde(default)]
    pub ridge: f64,
}

fn relu() -> Activation {
    Activation::Relu
}

fn one() -> f64 {
    1.0
}

impl RandomFeatures {
    /// Parses the learner's table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let r: RandomFeatures = parse_table(place, table)?;
        r.activation.check(&format!("{place}.activation"))?;
        for (key, value, least) in [
            ("features", r.features as f64, 1.0),
            ("weight", r.weight, f64::MIN_POSITIVE),
            ("bias", r.bias, 0.0),
            ("ridge", r.ridge, 0.0),
        ] {
            if !(value.is_finite() && value >= least) {
                let bound = if least == 0.0 { ">= 0" } else { "> 0" };
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{value} is not a finite number {bound}"),
                    format!("give a number {bound}"),
                ));
            }
        }
        Ok(r)
    }
}

/// `phi(W x/sqrt(n_0) + b)/sqrt(N)`; the held block is `[W, b]`.
struct Hidden(Activation);

impl Features for Hidden {
    fn features(&self, held: &DMatrix<f64>, x: &DMatrix<f64>) -> DMatrix<f64> {
        let inputs = x.nrows();
        let scale = 1.0 / (inputs as f64).sqrt();
        let mut h = held.columns(0, inputs) * x * scale;
        for mut column in h.column_iter_mut() {
            column += held.column(inputs);
        }
        let mut slopes = vec![0.0; h.len()];
        self.0.apply(h.as_mut_slice(), &mut slopes);
        h / (held.nrows() as f64).sqrt()
    }
}

impl Learner for RandomFeatures {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        value
    }

    fn precision(&self) -> Precision {
        Precision::F64
    }

    /// `[W, b]` and the read-out.
    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        vec![
            (self.features, shape.inputs + 1),
            (shape.outputs, self.features),
        ]
    }

    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let inputs = dataset.x.nrows();
        let mut held = normal_matrix(rng, self.features, inputs + 1);
        held.columns_mut(0, inputs).scale_mut(self.weight.sqrt());
        held.column_mut(inputs).scale_mut(self.bias.sqrt());
        Ok(Parameters {
            blocks: vec![held, DMatrix::zeros(dataset.y.nrows(), self.features)],
        })
    }

    fn network(&self, _shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(Readout(Hidden(self.activation.clone())))
    }

    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        Box::new(Single(self.network(shape)))
    }

    fn check(&self, _shape: Shape) -> Result<()> {
        Ok(())
    }

    /// Features and their slopes.
    fn forward_space(&self, shape: Shape, columns: usize) -> usize {
        columns * (2 * self.features + shape.outputs)
    }

    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }

    fn is_affine(&self, _shape: Shape) -> bool {
        self.activation.is_linear()
    }

    fn solver(&self) -> Option<&dyn Solver> {
        Some(self)
    }
}

impl Solver for RandomFeatures {
    /// Features with their slopes first, then with their Gram matrix and its factor, or with their singular value decomposition (three pairs of
    /// singular vectors and four squares of the smaller side).
    fn work_space(&self, shape: Shape) -> usize {
        let (n, p) = (self.features, shape.samples);
        let least = n.min(p);
        let solution = match self.ridge {
            0.0 => n * p + 3 * (n + p) * least + 4 * least * least,
            _ if n <= p => n * p + 2 * n * n,
            _ => 2 * n * p + 2 * p * p,
        };
        let kept = n * (shape.inputs + 1 + shape.outputs);
        solution.max(2 * n * p).max(n * p + kept)
    }

    fn solve(&self, start: &Parameters, dataset: &Dataset, _: u64) -> Result<Solution> {
        let features = Hidden(self.activation.clone()).features(&start.blocks[0], &dataset.x);
        if let Some(bad) = features.iter().position(|v| !v.is_finite()) {
            let (feature, sample) = (bad % features.nrows(), bad / features.nrows());
            return Err(Error::input(
                "task",
                format!(
                    "feature {feature} of training sample {sample} is {}",
                    features[bad]
                ),
                "scale the inputs (task.normalize), or lower learner.weight",
            ));
        }
        let (readout, warning) = ridge(&features, &dataset.y, self.ridge)?;
        Ok(Solution {
            parameters: Parameters {
                blocks: vec![start.blocks[0].clone(), readout],
            },
            warning,
        })
    }
}

/// `A` that minimises `|y - A B|^2 + ridge |A|^2`, the smallest one where several do, and what its reader must know.
/// The smaller side is factorised; for `ridge = 0`, or one below the rounding of `B B^T`, by singular values.
fn ridge(b: &DMatrix<f64>, y: &DMatrix<f64>, ridge: f64) -> Result<(DMatrix<f64>, Option<String>)> {
    let regular = |mut gram: DMatrix<f64>| {
        for i in 0..gram.nrows() {
            gram[(i, i)] += ridge;
        }
        gram
    };
    let solved = match (ridge > 0.0, b.nrows() <= b.ncols()) {
        (false, _) => None,
        (true, true) => {
            let right = b * y.transpose();
            let primal = solve_spd(&regular(outer_gram(b)), &right);
            primal.ok().map(|a| a.transpose())
        }
        (true, false) => {
            let dual = solve_spd(&regular(outer_gram(&b.transpose())), &y.transpose());
            dual.ok().map(|dual| (b * dual).transpose())
        }
    };
    if let Some(readout) = solved {
        return Ok((readout, None));
    }
    let (u, s, v) = svd(b)?;
    let cutoff = RANK_TOLERANCE * s.iter().fold(0.0, |m: f64, &s| m.max(s));
    let rank = s.iter().filter(|&&s| s > cutoff).count();
    let inverse = s.map(|s| if s > cutoff { s / (s * s + ridge) } else { 0.0 });
    let readout = y * v * DMatrix::from_diagonal(&inverse) * u.transpose();
    let warning = (rank < s.len()).then(|| {
        format!(
            "the {} features of {} training samples have rank {rank} to rounding with ridge = {ridge:?}: the \
             read-out of smallest norm with the least squared error is taken; raise ridge, or remove repeated samples",
            b.nrows(),
            b.ncols()
        )
    });
    Ok((readout, warning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    #[test]
    fn both_sides_and_the_vanishing_ridge_agree() {
        let mut rng = stream(1, "ridge", &[]);
        for (n, p) in [(5, 9), (9, 5)] {
            let (b, y) = (normal_matrix(&mut rng, n, p), normal_matrix(&mut rng, 2, p));
            let a = ridge(&b, &y, 0.3).unwrap().0;
            // Stationary: (A B - y) B^T + ridge A = 0.
            assert!(((&a * &b - &y) * b.transpose() + &a * 0.3).amax() < 1e-12);
            let (limit, warning) = ridge(&b, &y, 0.0).unwrap();
            assert_eq!(warning, None);
            let small = ridge(&b, &y, 1e-9).unwrap().0;
            assert!((&limit - small).amax() < 1e-6 * limit.amax());
        }
    }

    /// A sample twice, with opposite targets: the mean is learned, on either side, at no ridge and at one that rounding
    /// swallows.
    #[test]
    fn repeated_samples_are_fitted_by_their_mean() {
        let mut rng = stream(3, "ridge", &[]);
        for n in [3, 9] {
            let mut b = normal_matrix(&mut rng, n, 4);
            let first = b.column(0).into_owned();
            b.set_column(1, &first);
            let y = DMatrix::from_row_slice(1, 4, &[3.0, -3.0, 1.0, -1.0]);
            for size in [0.0, 1e-25] {
                let (a, warning) = ridge(&b, &y, size).unwrap();
                let f = a * &b;
                assert!((f[0] - f[1]).abs() < 1e-13);
                if n > 4 {
                    assert!(warning.unwrap().contains("rank 3"));
                    assert!(
                        (f - DMatrix::from_row_slice(1, 4, &[0.0, 0.0, 1.0, -1.0])).amax() < 1e-12
                    );
                }
            }
        }
    }

    #[test]
    fn the_kernel_of_many_features_is_the_arcsine_kernel() {
        // phi(h) = erf(h/sqrt 2), unit variances: (2/pi) asin(c/2) off the diagonal, with scatter Var[phi phi']/N.
        let learner = RandomFeatures {
            features: 40_000,
            activation: Activation::Erf,
            weight: 1.0,
            bias: 0.0,
            ridge: 0.0,
        };
        let x = DMatrix::from_column_slice(
            2,
            2,
            &[2f64.sqrt(), 0.0, 0.6 * 2f64.sqrt(), 0.8 * 2f64.sqrt()],
        );
        let mut rng = stream(2, "features", &[]);
        let held = normal_matrix(&mut rng, 40_000, 3);
        let mut held = held;
        held.column_mut(2).fill(0.0);
        let features = Hidden(learner.activation).features(&held, &x);
        let kernel = features.column(0).dot(&features.column(1));
        let exact = 2.0 / std::f64::consts::PI * (0.6f64 / 2.0).asin();
        let products = features.column(0).component_mul(&features.column(1)) * 40_000.0;
        let variance = products.iter().map(|p| (p - kernel).powi(2)).sum::<f64>() / 40_000.0;
        let z = (kernel - exact) / (variance / 40_000.0).sqrt();
        assert!(z.abs() < 3.5, "{kernel} {exact}");
    }
}
