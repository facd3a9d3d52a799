//! A data set from a file (csv or npz).

use super::loader::{Columns, Samples, load};
use super::{Dataset, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::linalg::svd;
use crate::numerics::random::{Stream, stream};
use nalgebra::{DMatrix, DVector};
use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

pub const ABOUT: About = About {
    kind: "file",
    summary: "samples from a csv or npz file",
    text: "\
A csv file has a header line and one sample per row; an npz file has the arrays x (samples x inputs) and y (samples x outputs).
The file is read when the spec is parsed, so that `check` reports what is wrong with it; it enters every hash by the BLAKE3 of
its content, not by its path.

Keys
  path           the file; a relative path starts at the current directory
  inputs         csv: prefix of the input columns, or a list of names; npz: name of the array (default \"x\")
  targets        the same for the targets (default \"y\")
  test_fraction  fraction of the samples held out, drawn anew for every data set (default 0: none), below 1
  whiten         replace the training inputs X by (X X^T / P)^(-1/2) X, so that X X^T / P = 1; test inputs go through the same
                 map (default false; needs linearly independent inputs)

Mode strengths are measured in the singular vectors of Syx = Y X^T / P of the training samples (as many as the rank of Syx over
the whole file). They are the modes of the trained map for white inputs; for one-hot items, Syx is 1/P times the map.",
    revision: 1,
};

pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse,
    schema: FileOptions::json_schema,
};

fn parse(place: &str, table: toml::Table) -> Result<Arc<dyn Task>> {
    let options = parse_table(place, table)?;
    Ok(Arc::new(File::open(place, options)?))
}

/// Keys of the spec table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// The csv or npz file.
    pub path: PathBuf,
    #[serde(default = "default_inputs")]
    pub inputs: Columns,
    #[serde(default = "default_targets")]
    pub targets: Columns,
    /// Fraction of the samples that is held out.
    #[serde(default)]
    pub test_fraction: f64,
    /// Whiten the training inputs exactly.
    #[serde(default)]
    pub whiten: bool,
}

fn default_inputs() -> Columns {
    Columns::Prefix("x".into())
}

fn default_targets() -> Columns {
    Columns::Prefix("y".into())
}

impl FileOptions {
    /// Columns (or arrays) `x...` and `y...` of the file, no test set, inputs as they are.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileOptions {
            path: path.into(),
            inputs: default_inputs(),
            targets: default_targets(),
            test_fraction: 0.0,
            whiten: false,
        }
    }
}

/// Samples read from a file.
#[derive(Debug, Clone)]
pub struct File {
    options: FileOptions,
    samples: Samples,
    rank: usize,
}

/// Relative size below which a singular value counts as zero.
const RANK_TOLERANCE: f64 = 1e-10;

impl File {
    /// Reads the file; `place` is the path of the table in the spec.
    ///
    /// Errors: everything [`load`] reports, `test_fraction` outside `[0, 1)` or leaving no sample on one side, inputs that
    /// cannot be whitened.
    pub fn open(place: &str, options: FileOptions) -> Result<Self> {
        let samples =
            load(&options.path, &options.inputs, &options.targets).map_err(|e| match e {
                Error::Input {
                    place: at,
                    cause,
                    remedy,
                } => Error::input(format!("{place}.path"), format!("{at}: {cause}"), remedy),
                other => other,
            })?;
        let mut task = File {
            options,
            samples,
            rank: 0,
        };
        let total = task.samples.x.ncols();
        let fraction = task.options.test_fraction;
        if !(0.0..1.0).contains(&fraction) {
            return Err(Error::input(
                format!("{place}.test_fraction"),
                format!("{fraction} is outside [0, 1)"),
                "use 0 <= test_fraction < 1",
            ));
        }
        let held_out = task.held_out();
        if fraction > 0.0 && (held_out == 0 || held_out == total) {
            return Err(Error::input(
                format!("{place}.test_fraction"),
                format!("{fraction} of {total} samples leaves one side empty"),
                "choose a fraction that leaves samples on both sides",
            ));
        }
        let Samples { x, y, .. } = &task.samples;
        let modes = if task.options.whiten {
            let place = format!("{place}.whiten");
            whiten(&x.columns(0, total - held_out).into_owned(), &place)?;
            modes(&whiten(x, &place)?.0, y)?
        } else {
            modes(x, y)?
        };
        let floor = RANK_TOLERANCE * modes.s.max();
        task.rank = modes.s.iter().filter(|s| **s > floor).count();
        Ok(task)
    }

    fn held_out(&self) -> usize {
        (self.options.test_fraction * self.samples.x.ncols() as f64).round() as usize
    }
}

/// Singular value decomposition of `Y X^T / P`.
fn modes(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<Modes> {
    let (u, s, v) = svd(&(y * x.transpose() / x.ncols() as f64))?;
    Ok(Modes { u, s, v })
}

/// White inputs `sqrt(P) U W^T` from `X = U diag(sigma) W^T`, and the map `U diag(sqrt(P) / sigma) U^T` that makes them.
fn whiten(x: &DMatrix<f64>, place: &str) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let dependent = |cause: String| {
        Error::input(
            place,
            cause,
            "remove dependent input columns, add samples, or use whiten = false",
        )
    };
    let (inputs, samples) = x.shape();
    if samples < inputs {
        return Err(dependent(format!(
            "{samples} training samples cannot be white in {inputs} input dimensions"
        )));
    }
    let (u, sigma, w) = svd(x)?;
    let (largest, smallest) = (sigma[0], sigma[inputs - 1]);
    if smallest <= RANK_TOLERANCE * largest {
        return Err(dependent(format!(
            "the inputs are linearly dependent (singular values from {largest:.1e} to {smallest:.1e})"
        )));
    }
    let root = (samples as f64).sqrt();
    let map = &u * DMatrix::from_diagonal(&sigma.map(|s| root / s)) * u.transpose();
    Ok((&u * w.transpose() * root, map))
}

impl Task for File {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The content of the file stands for its path.
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({
            "content": self.samples.content,
            "inputs": self.options.inputs,
            "targets": self.options.targets,
            "test_fraction": self.options.test_fraction,
            "whiten": self.options.whiten,
        })
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.samples.x.nrows(),
            outputs: self.samples.y.nrows(),
            samples: self.samples.x.ncols() - self.held_out(),
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let Samples { x, y, .. } = &self.samples;
        let (mut x, y, mut test) = if self.has_test() {
            let [mut split] = substreams(rng);
            let mut order: Vec<usize> = (0..x.ncols()).collect();
            order.shuffle(&mut split);
            let (held, kept) = order.split_at(self.held_out());
            (
                x.select_columns(kept),
                y.select_columns(kept),
                Some((x.select_columns(held), y.select_columns(held))),
            )
        } else {
            (x.clone(), y.clone(), None)
        };
        if self.options.whiten {
            let (white, map) = whiten(&x, "task.whiten")?;
            x = white;
            if let Some((x, _)) = &mut test {
                *x = &map * &*x;
            }
        }
        let all = modes(&x, &y)?;
        let modes = Modes {
            u: all.u.columns(0, self.rank).into_owned(),
            s: DVector::from(all.s.rows(0, self.rank)),
            v: all.v.columns(0, self.rank).into_owned(),
        };
        Ok(Dataset { x, y, test, modes })
    }

    /// The modes of the file itself, when its training inputs are white and nothing is drawn.
    fn modes(&self) -> Option<Modes> {
        if self.is_random() {
            return None;
        }
        let data = self.draw(&mut stream(0, "file", &[])).ok()?;
        let error = data.moments(1.0 / data.samples() as f64).whitening_error();
        (error < 1e-9).then_some(data.modes)
    }

    fn mode_count(&self) -> usize {
        self.rank
    }

    fn test_samples(&self) -> usize {
        self.held_out()
    }

    fn is_random(&self) -> bool {
        self.has_test()
    }
}

#[cfg(test)]
mod tests {
    use super::super::loader::tests::{npz, write};
    use super::*;
    use crate::numerics::random::normal_matrix;
    use tempfile::TempDir;

    /// A file of 40 samples with 3 correlated inputs and 2 targets.
    fn example(folder: &TempDir) -> (PathBuf, DMatrix<f64>, DMatrix<f64>) {
        let mut rng = stream(5, "file", &[]);
        let mix = DMatrix::from_row_slice(3, 3, &[1.0, 0.9, 0.0, 0.0, 0.3, 0.0, 2.0, 0.0, 1.0]);
        let x = mix * normal_matrix(&mut rng, 3, 40);
        let y = normal_matrix(&mut rng, 2, 40);
        let bytes = npz(&[("x", &[40, 3], x.as_slice()), ("y", &[40, 2], y.as_slice())]);
        (write(folder, "data.npz", &bytes), x, y)
    }

    fn draw(task: &File) -> Dataset {
        task.draw(&mut stream(1, "dataset", &[0])).unwrap()
    }

    #[test]
    fn without_options_the_file_is_the_data_set() {
        let folder = TempDir::new().unwrap();
        let (path, x, y) = example(&folder);
        let task = File::open("task", FileOptions::new(path)).unwrap();
        let data = draw(&task);
        assert_eq!((&data.x, &data.y), (&x, &y));
        assert!(!task.is_random() && !task.has_test() && task.modes().is_none());
        let Modes { u, s, v } = &data.modes;
        let syx = y * x.transpose() / 40.0;
        assert!((u * DMatrix::from_diagonal(s) * v.transpose() - syx).amax() < 1e-13);
        assert_eq!(task.mode_count(), 2);
    }

    #[test]
    fn whitening_is_exact_and_commutes_with_the_split() {
        let folder = TempDir::new().unwrap();
        let (path, x, _) = example(&folder);
        for test_fraction in [0.0, 0.25] {
            let options = FileOptions {
                whiten: true,
                test_fraction,
                ..FileOptions::new(&path)
            };
            let task = File::open("task", options).unwrap();
            let data = draw(&task);
            let samples = task.shape().samples;
            assert_eq!(data.samples(), samples);
            assert!(data.moments(1.0 / samples as f64).whitening_error() < 1e-12);
            if let Some((test, _)) = &data.test {
                assert_eq!(test.ncols(), 10);
                let raw = draw(
                    &File::open(
                        "task",
                        FileOptions {
                            test_fraction,
                            ..FileOptions::new(&path)
                        },
                    )
                    .unwrap(),
                );
                let map = &data.x
                    * raw.x.transpose()
                    * (&raw.x * raw.x.transpose()).try_inverse().unwrap();
                assert!((test - map * raw.test.unwrap().0).amax() < 1e-10);
            } else {
                assert_eq!(task.modes(), Some(data.modes));
                assert_eq!(data.x.ncols(), x.ncols());
            }
        }
    }

    #[test]
    fn a_split_keeps_every_sample_once() {
        let folder = TempDir::new().unwrap();
        let (path, x, _) = example(&folder);
        let options = FileOptions {
            test_fraction: 0.3,
            ..FileOptions::new(path)
        };
        let task = File::open("task", options).unwrap();
        let data = draw(&task);
        assert_eq!(data, draw(&task));
        assert_ne!(
            data.x,
            task.draw(&mut stream(1, "dataset", &[1])).unwrap().x
        );
        let test = data.test.unwrap().0;
        let sorted = |values: Vec<f64>| {
            let mut values = values;
            values.sort_by(f64::total_cmp);
            values
        };
        let found = data.x.iter().chain(test.iter()).copied().collect();
        assert_eq!(sorted(found), sorted(x.iter().copied().collect()));
    }

    #[test]
    fn the_hash_follows_the_content_and_not_the_path() {
        let folder = TempDir::new().unwrap();
        let open = |name: &str, text: &str| {
            let path = write(&folder, name, text.as_bytes());
            File::open("task", FileOptions::new(path))
                .unwrap()
                .resolved()
        };
        let first = open("a.csv", "x,y\n1,2\n3,4\n");
        assert_eq!(first, open("b.csv", "x,y\n1,2\n3,4\n"));
        assert_ne!(first, open("a.csv", "x,y\n1,2\n3,5\n"));
        assert_eq!(first["content"].as_str().map(str::len), Some(64));
    }

    #[test]
    fn dependent_inputs_are_not_whitened() {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.csv", b"x1,x2,y\n1,2,0\n2,4,1\n3,6,0\n");
        let error = |table: &str| {
            let text = format!("path = {path:?}\n{table}");
            parse("task", text.parse().unwrap())
                .unwrap_err()
                .to_string()
        };
        assert!(error("whiten = true").starts_with("task.whiten: the inputs are linearly"));
        assert!(error("test_fraction = 1.0").starts_with("task.test_fraction: 1 is outside"));
        assert!(error("test_fraction = 0.1").contains("leaves one side empty"));
        assert!(error("inputs = 3").contains("list of column names"));
        assert!(error("whitened = true").contains("did you mean \"whiten\"?"));
    }
}
