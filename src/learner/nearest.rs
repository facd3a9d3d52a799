//! k nearest neighbours.

use super::readout::{Features, Readout, Single};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, NearestView, Network, Parameters, Precision, Solution, Solver};
use crate::numerics::random::Stream;
use crate::numerics::simd;
use crate::task::{Dataset, Shape};
use nalgebra::DMatrix;
use std::sync::Arc;

const ABOUT: About = About {
    kind: "nearest",
    summary: "mean of the k nearest training samples",
    text: "\
f(x) = (1/k) sum of y_mu over the k training inputs nearest to x in Euclidean distance; of equal distances the earlier sample counts.
Solved by training.kind = \"closed-form\"; nothing is drawn.

keys
  neighbours  k >= 1 (default 1)

source: Cover, Hart 1967, IEEE Trans. Inf. Theory 13, 21",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Nearest::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<Nearest>(),
};

/// Mean of the targets of the `k` nearest training inputs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Nearest {
    /// Number of neighbours.
    #[serde(default = "one")]
    pub neighbours: usize,
}

fn one() -> usize {
    1
}

impl Nearest {
    /// Parses the learner's table (without `kind`).
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let nearest: Nearest = parse_table(place, table)?;
        match nearest.neighbours {
            0 => Err(Error::input(
                format!("{place}.neighbours"),
                "no neighbour at all",
                "use 1 or more",
            )),
            _ => Ok(nearest),
        }
    }
}

/// Weight `1/k` on each of the `k` nearest columns.
struct Weights {
    neighbours: usize,
}

impl Features for Weights {
    fn features(&self, held: &DMatrix<f64>, x: &DMatrix<f64>) -> DMatrix<f64> {
        let mut weights = DMatrix::zeros(held.ncols(), x.ncols());
        let mut order: Vec<(f64, usize)> = Vec::with_capacity(held.ncols());
        let queries = x.as_slice().chunks_exact(x.nrows().max(1));
        for (query, mut column) in queries.zip(weights.column_iter_mut()) {
            order.clear();
            let held = held.as_slice().chunks_exact(query.len());
            simd::vectorised(
                #[inline(always)]
                || {
                    let distance = |x| simd::total(x, query, |a, b| (a - b) * (a - b));
                    order.extend(held.enumerate().map(|(mu, x)| (distance(x), mu)));
                },
            );
            let nearer =
                |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            let (near, last, _) = order.select_nth_unstable_by(self.neighbours - 1, nearer);
            for (_, mu) in near.iter().chain([&*last]) {
                column[*mu] = 1.0 / self.neighbours as f64;
            }
        }
        weights
    }
}

impl Learner for Nearest {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({"kind": ABOUT.kind, "neighbours": self.neighbours})
    }

    fn nearest(&self) -> Option<NearestView> {
        Some(NearestView {
            neighbours: self.neighbours,
        })
    }

    fn plural(&self) -> &'static str {
        "nearest neighbours"
    }
    fn precision(&self) -> Precision {
        Precision::F64
    }

    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        vec![
            (shape.inputs, shape.samples),
            (shape.outputs, shape.samples),
        ]
    }

    /// The training inputs with vanishing targets.
    fn initialize(&self, dataset: &Dataset, _rng: &mut Stream) -> Result<Parameters> {
        Ok(Parameters {
            blocks: vec![dataset.x.clone(), &dataset.y * 0.0],
        })
    }

    fn network(&self, _shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(Readout(Weights {
            neighbours: self.neighbours,
        }))
    }

    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        Box::new(Single(self.network(shape)))
    }

    fn check(&self, shape: Shape) -> Result<()> {
        match self.neighbours <= shape.samples {
            true => Ok(()),
            false => Err(Error::input(
                "learner.neighbours",
                format!(
                    "{} neighbours among {} samples",
                    self.neighbours, shape.samples
                ),
                "use fewer neighbours or more samples",
            )),
        }
    }

    /// A weight per training sample.
    fn forward_space(&self, shape: Shape, columns: usize) -> usize {
        columns * (shape.samples + shape.outputs)
    }

    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }

    fn solver(&self) -> Option<&dyn Solver> {
        Some(self)
    }
}

impl Solver for Nearest {
    /// A copy of the training samples.
    fn work_space(&self, shape: Shape) -> usize {
        shape.samples * (shape.inputs + shape.outputs)
    }

    fn solve(&self, start: &Parameters, dataset: &Dataset, _: u64) -> Result<Solution> {
        Ok(Solution {
            parameters: Parameters {
                blocks: vec![start.blocks[0].clone(), dataset.y.clone()],
            },
            warning: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_counts_the_neighbours() {
        let parse = |text: &str| Nearest::parse("learner", text.parse().unwrap()).unwrap();
        assert_eq!(parse("").nearest().map(|view| view.neighbours), Some(1));
        assert_eq!(
            parse("neighbours = 3")
                .nearest()
                .map(|view| view.neighbours),
            Some(3)
        );
        let other = crate::learner::Mlp::default();
        assert_eq!(other.nearest(), None);
    }

    #[test]
    fn votes_are_those_of_an_exhaustive_search() {
        let held = DMatrix::from_row_slice(1, 5, &[0.0, 1.0, 2.0, 3.0, 10.0]);
        let y = DMatrix::from_row_slice(1, 5, &[5.0, 7.0, 1.0, 2.0, 100.0]);
        let x = DMatrix::from_row_slice(1, 3, &[0.5, 2.9, -50.0]);
        let p = Parameters {
            blocks: vec![held, y],
        };
        for (k, expected) in [
            (1, [5.0, 2.0, 5.0]),
            (2, [6.0, 1.5, 6.0]),
            (5, [23.0, 23.0, 23.0]),
        ] {
            let shape = Shape {
                inputs: 1,
                outputs: 1,
                samples: 5,
            };
            let f = Nearest { neighbours: k }.network(shape).forward(&p, &x);
            for (f, e) in f.iter().zip(expected) {
                assert!((f - e).abs() < 1e-13, "{k}: {f} {e}");
            }
        }
    }
}
