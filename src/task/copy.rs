//! Copying: a random string, a separator, the string again; the target is the next token.

use super::{Dataset, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "copy",
    summary: "a random string of tokens, a separator, and the string again (next-token prediction)",
    text: "\
A sequence is s_1 ... s_L # s_1 ... s_L: L independent, uniformly random symbols 0 ... V-1, the separator # = V, and the same string
again. Inputs are its first 2 L tokens, as numbers; targets are the tokens that follow each of them, one-hot, position by position
(2 L groups of V + 1): a transformer with vocabulary = V + 1, context = 2 L and predict = \"every\".

Every position carries loss. Who sees positions 1 ... t knows of the target at t: nothing in the first half (entropy ln V for t < L:
the string goes on), everything afterwards (entropy 0 for t >= L: the separator, then the copy). The first symbol is no target.

Keys
  symbols        V >= 1
  length         L >= 1
  samples        training sequences of a data set
  test_samples   test sequences (default 0)

Sequences are drawn independently, anew for every data set; a data set of P samples is the beginning of a larger one. There are no
input-output modes.",
    revision: 1,
};

/// Registry line of `kind = "copy"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: Copying = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: Copying::json_schema,
};

/// Strings to copy.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{Copying, Task};
/// let task = Copying::new(5, 3, 10);
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x.shape(), data.y.shape()), ((6, 10), (36, 10)));
/// // Separator after the string, then the string again.
/// assert_eq!((data.x[(3, 0)], data.x[(4, 0)]), (5.0, data.x[(0, 0)]));
/// // ln 5 nats per symbol, and nothing new in the copy.
/// assert!((task.next_token_entropy().unwrap().iter().sum::<f64>() - 2.0 * 1.6094379).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Copying {
    /// Size `V` of the alphabet, without the separator.
    pub symbols: usize,
    /// Length `L` of the string.
    pub length: usize,
    /// Training sequences.
    pub samples: usize,
    /// Test sequences.
    #[serde(default)]
    pub test_samples: usize,
}

impl Copying {
    /// No test sequences.
    pub fn new(symbols: usize, length: usize, samples: usize) -> Self {
        Copying {
            symbols,
            length,
            samples,
            test_samples: 0,
        }
    }

    fn check(&self, place: &str) -> Result<()> {
        let counts = [
            ("symbols", self.symbols),
            ("length", self.length),
            ("samples", self.samples),
        ];
        match counts.iter().find(|(_, n)| *n == 0) {
            None => Ok(()),
            Some((key, _)) => Err(Error::input(
                format!("{place}.{key}"),
                "is 0",
                "use a positive integer",
            )),
        }
    }

    fn sequences(&self, rng: &mut Stream, count: usize) -> (DMatrix<f64>, DMatrix<f64>) {
        let (length, tokens) = (self.length, self.symbols + 1);
        let mut x = DMatrix::zeros(2 * length, count);
        let mut y = DMatrix::zeros(2 * length * tokens, count);
        let mut sequence = vec![self.symbols; 2 * length + 1];
        for sample in 0..count {
            for position in 0..length {
                let symbol = rng.random_range(0..self.symbols);
                sequence[position] = symbol;
                sequence[length + 1 + position] = symbol;
            }
            for (position, pair) in sequence.windows(2).enumerate() {
                x[(position, sample)] = pair[0] as f64;
                y[(position * tokens + pair[1], sample)] = 1.0;
            }
        }
        (x, y)
    }
}

impl Task for Copying {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: 2 * self.length,
            outputs: 2 * self.length * (self.symbols + 1),
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [mut training, mut held_out] = substreams(rng);
        let (x, y) = self.sequences(&mut training, self.samples);
        let test = self
            .has_test()
            .then(|| self.sequences(&mut held_out, self.test_samples));
        let modes = Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        };
        Ok(Dataset {
            x,
            y,
            test,
            modes,
            groups: None,
            blocks: None,
        })
    }

    fn next_token_entropy(&self) -> Option<Vec<f64>> {
        let free = (self.symbols as f64).ln();
        let entropy = |t| if t < self.length { free } else { 0.0 };
        Some((1..=2 * self.length).map(entropy).collect())
    }

    fn test_samples(&self) -> usize {
        self.test_samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use std::collections::BTreeMap;

    fn draw(task: &Copying) -> Dataset {
        task.draw(&mut stream(1, "dataset", &[0])).unwrap()
    }

    #[test]
    fn inputs_and_targets_are_the_sequence_and_its_shift() {
        let task = Copying {
            test_samples: 20,
            ..Copying::new(3, 4, 50)
        };
        let data = draw(&task);
        let (test_x, test_y) = data.test.clone().unwrap();
        for (x, y) in [(&data.x, &data.y), (&test_x, &test_y)] {
            for (x, y) in x.column_iter().zip(y.column_iter()) {
                assert!((0..4).all(|k| x[k] < 3.0 && x[k].fract() == 0.0));
                assert_eq!(x[4], 3.0);
                assert!((0..3).all(|k| x[5 + k] == x[k]));
                assert_eq!((y.sum(), y.amax()), (8.0, 1.0));
                for t in 0..8 {
                    let next = if t < 7 { x[t + 1] } else { x[3] };
                    assert_eq!(y[t * 4 + next as usize], 1.0);
                }
            }
        }
        assert_ne!(data.x.columns(0, 20), test_x);
    }

    /// Plug-in conditional entropies of many sequences, `H(z_1 ... z_{t+1}) - H(z_1 ... z_t)`.
    #[test]
    fn the_entropies_are_those_of_the_sequences() {
        let task = Copying::new(2, 3, 40_000);
        let data = draw(&task);
        let full = |mu: usize| {
            let mut z: Vec<usize> = data.x.column(mu).iter().map(|&v| v as usize).collect();
            z.push((0..3).position(|k| data.y[(15 + k, mu)] == 1.0).unwrap());
            z
        };
        let entropy = |t: usize| {
            let mut counts = BTreeMap::<Vec<usize>, f64>::new();
            for mu in 0..40_000 {
                *counts.entry(full(mu)[..t].to_vec()).or_default() += 1.0 / 40_000.0;
            }
            counts.values().map(|p| -p * p.ln()).sum::<f64>()
        };
        for (k, exact) in task.next_token_entropy().unwrap().iter().enumerate() {
            // The bias of at most 8 counts is 8 / (2 * 40,000) = 1e-4, the scatter about the uniform law of the same order.
            let gap = entropy(k + 2) - entropy(k + 1) - exact;
            assert!(gap.abs() < 5e-4, "position {}: {gap}", k + 1);
        }
    }

    #[test]
    fn a_small_data_set_is_the_beginning_of_a_larger_one() {
        let [small, large] = [10, 30].map(|samples| {
            draw(&Copying {
                test_samples: 5,
                ..Copying::new(4, 3, samples)
            })
        });
        assert_eq!(small.x, large.x.columns(0, 10));
        assert_eq!(small.y, large.y.columns(0, 10));
        assert_eq!(small.test, large.test);
    }

    #[test]
    fn empty_strings_are_refused_with_the_key() {
        for key in ["symbols", "length", "samples"] {
            let mut table: toml::Table = "symbols = 2\nlength = 3\nsamples = 4".parse().unwrap();
            table.insert(key.into(), 0.into());
            let error = (KIND.parse)("task", table).unwrap_err().to_string();
            assert!(error.contains(&format!("task.{key}")), "{error}");
        }
    }
}
