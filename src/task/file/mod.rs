//! A data set from a file (csv, npz, npy or IDX).

mod coding;
mod options;
mod pool;
mod preprocess;
mod test_part;
#[cfg(test)]
mod test_part_tests;
#[cfg(test)]
mod tests;

pub use coding::{Class, Coding, Labels};
pub use options::FileOptions;
pub use preprocess::{Map, Normalize, Preprocess};

use super::{Dataset, HeldOut, Modes, PoolView, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::linalg::svd;
use crate::numerics::random::{Stream, stream};
use crate::numerics::text::shown;
use nalgebra::{DMatrix, DVector};
use pool::{Pool, subset};
use rand::seq::SliceRandom;
use schemars::JsonSchema;
use std::sync::Arc;

/// Summary, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "file",
    summary: "samples from a csv, npz, npy or IDX (MNIST) file",
    text: "\
A csv file has a header line and one sample per row; an npz file has the arrays x (samples x inputs) and y (samples x
outputs); a pair of npy files has one of these arrays each; a pair of IDX files has the inputs (samples x rows x
columns) and the labels. Any of them may be compressed by gzip; one whose content is larger than 1 GiB and than 20
times its compressed form is refused. The file is read when the spec is parsed, so that `check` reports what is wrong
with it; it enters every hash by the BLAKE3 of its content, not by its path. `check` and the report say which columns
were chosen; a column that is named twice, in the header or in the spec, is refused.

A csv file is text in UTF-8 or, with a byte order mark, in UTF-16. The mark, blank lines and lines that begin with #
are left out. Cells stand in quotes where they need them. The separator of the cells is a comma, a semicolon, a
tabulator or blanks (one or several, as numpy.savetxt writes them), and numbers have a decimal point or a decimal comma.
Both are found from the text: the separator is the one that divides the header, or stands in a first line sep=; (as Excel
has it), and the decimal sign is the one that the numbers of the chosen columns have. Where the text
leaves it open (1,234 may be a fraction or one thousand two hundred and thirty-four), an error names the key that
decides it. Where the first line of numbers comes right after a comment with as many names, the comment is the header. A file whose
first line is numbers has no header: its columns are called x1, x2, ... and y, the last one.
`check` and the report say what was found, where it is not commas between cells and points in numbers.

Arrays of npz and npy files hold floating-point numbers of 16, 32 or 64 bits, integers of 8 to 64 bits or truth values
(0 and 1), in either order of bytes and either order of storage (C or Fortran). Images (samples x rows x columns, or
samples x rows x columns x channels) are flattened as those of IDX files are: the last axis runs fastest, and values
are as they are stored (0 to 255 in MNIST). Arrays that count the samples along their last axis need the key
transpose; where the first axes of x and y differ and others agree, the error names it.

Classes may have names: one target column of a csv file in which no cell begins like a number, or an array of texts as
targets. The classes are numbered in alphabetical order (by the code points of their letters), from 0, unless classes
gives another order, and become targets as the labels of IDX files do. `check` and the report say which class has
which code.

Keys
  path           the file; a relative path starts at the current directory, then in the folder that SADDLEPOINT_DATA names
  labels         IDX, npy: the file of the labels or targets
  inputs         csv: the column of this name, or, where there is none, all columns of this name and a number behind it (x1, x2, ...);
                 or a list of names; npz: name of the array (default \"x\")
  targets        the same for the targets (default \"y\")
  test_path      a file of test samples, of the same kind and with the same columns as path, instead of a part of path
  test_labels    IDX, npy: the file of the labels or targets of test_path
  separator      csv: what stands between two cells: \",\", \";\", \"tab\" or \"blank\" (default: found from the text)
  decimal        csv: the decimal sign of the numbers: \".\" or \",\" (default: found from the text)
  transpose      npz, npy: true where the last axis of the arrays counts the samples (inputs x samples); \"inputs\" or
                 \"targets\" where it does so in one of them. An array of one axis stays as it is (default false)
  test_fraction  fraction of the samples held out, below 1 (default 0: none). Without samples it is drawn anew for every data set
  samples        P: every data set is a fresh random subset of P training samples, without replacement, and the beginning of a
                 larger one (default: all samples)
  test_samples   with samples: test samples, drawn anew from the held-out part or from test_path (default: all of it)
  classes        keep the samples with these labels, numbers ([3, 8]) or names ([\"cat\", \"dog\"]), in this order of codes
                 (default: all labels, ascending). Given by name, all cells of the target column are names, also those
                 that are like numbers
  coding         targets from labels: \"one-hot\", \"centered-one-hot\" (minus 1/C), \"sign\" (-1 for the first of two classes, +1
                 for the second), \"value\" (the label; of classes with names the code). Default for IDX and names:
                 \"one-hot\"; else the targets as they are
  center         subtract the mean of every feature (default false)
  normalize      \"none\" (default), \"unit-norm\" (|x|^2 = d for every sample of d inputs), \"unit-variance\" (one factor: all
                 entries together have variance 1), \"per-feature\" (every feature has variance 1; one that does not vary keeps
                 its scale)
  pca            keep the coordinates along the k leading eigenvectors of X X^T / P, the covariance if center = true
  whiten         replace the inputs X by (X X^T / P)^(-1/2) X, so that X X^T / P = 1 (default false; needs linearly independent
                 inputs)

Inputs are centred, normalised, projected and whitened in this order. All statistics come from training samples, and test inputs
go through the same map.

With samples, one part of the file is held out: test_fraction of all samples, or as many as test_samples. It is the same for every seed
and data set, because it depends on the content of the file alone. The statistics are those of all other samples, whatever P is:
these are white exactly, a subset of P of them is not. Without samples, the statistics are those of each data set. With
test_path, they are those of all samples of path. Labels of test samples have the codes of the training file; test samples of
classes that are left out there are left out too.

The held-out samples are one draw from the population, the same for all data sets, so that more data sets do not bring a test
loss nearer to its value on the population. Where a theory predicts the latter, the interval of the comparison holds the sampling
error of the held-out samples, which is estimated from the scatter between (at most 64) blocks of them. A theory that is
evaluated on the held-out samples themselves is compared on them, without this error.

Mode strengths are measured in the singular vectors of Syx = Y X^T / P of the training samples (as many as the rank of Syx over
all of them). They are the modes of the trained map for white inputs; for one-hot items, Syx is 1/P times the map.",
    revision: 2,
};

/// Registry line of `kind = "file"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse,
    schema: FileOptions::json_schema,
};

fn parse(place: &str, table: toml::Table) -> Result<Arc<dyn Task>> {
    let options = parse_table(place, table)?;
    Ok(Arc::new(File::open(place, options)?))
}

/// Samples read from a file.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{File, Task, file::FileOptions};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.csv");
/// std::fs::write(&path, "x1,x2,y\n1,0,3\n0,1,4\n1,1,7\n")?;
/// let options = FileOptions { samples: Some(2), center: true, ..FileOptions::new(path) };
/// let task = File::open("task", options)?;
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x.shape(), data.y.shape()), ((2, 2), (1, 2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct File {
    options: FileOptions,
    pool: Arc<Pool>,
}

impl File {
    /// Reads the file; `place` is the path of the table in the spec.
    ///
    /// Errors: everything that [`super::loader::Source`], [`Labels`] and [`Preprocess`] report, `test_fraction` outside `[0, 1)`
    /// or leaving no sample on one side, more samples than there are.
    pub fn open(place: &str, options: FileOptions) -> Result<Self> {
        options.check(place)?;
        let pool = Pool::open(place, &options)?;
        let wrong = |key: &str, cause: String, remedy: String| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let (kept, held) = (pool.training(), pool.held);
        if let Some(samples) = options.samples.filter(|n| *n > kept) {
            let cause = format!("{samples} of {kept} training samples ({held} are held out)");
            return wrong("samples", cause, format!("use samples <= {kept}"));
        }
        if let Some(samples) = options.test_samples.filter(|n| *n > held) {
            let cause = format!("{samples} of {held} held-out samples");
            let remedy = format!("use test_samples <= {held}, or a larger test_fraction");
            return wrong("test_samples", cause, remedy);
        }
        Ok(File { options, pool })
    }

    /// The classes behind the targets, in the order of their codes, where the targets are made from labels.
    pub fn classes(&self) -> Option<&[i64]> {
        self.pool
            .labels
            .as_ref()
            .map(|(labels, _)| labels.classes())
    }

    /// The names of the classes, in the order of their codes, where the file has names.
    pub fn class_names(&self) -> Option<Vec<&str>> {
        self.pool.labels.as_ref()?.0.names()
    }

    /// Inputs, targets and test set of one draw.
    fn parts(&self, rng: &mut Stream) -> Result<(DMatrix<f64>, DMatrix<f64>, Option<TestSet>)> {
        let Pool { x, y, held, .. } = &*self.pool;
        let select = |columns: &[usize]| (x.select_columns(columns), y.select_columns(columns));
        let kept = self.pool.training();
        if let Some(samples) = self.options.samples {
            let [mut split, mut held_out] = substreams(rng);
            let (x, y) = select(&subset(&mut split, 0..kept, samples));
            let test = self.has_test().then(|| {
                let chosen = subset(&mut held_out, kept..kept + held, self.test_samples());
                (select(&chosen), self.blocks(&chosen, kept))
            });
            return Ok((x, y, test));
        }
        if self.options.test_path.is_some() {
            let (training, test): (Vec<usize>, Vec<usize>) =
                ((0..kept).collect(), (kept..kept + held).collect());
            let (x, y) = select(&training);
            return Ok((x, y, Some((select(&test), self.blocks(&test, kept)))));
        }
        if !self.has_test() {
            let (x, _) = self.options.preprocess().fit("task", x.clone())?;
            return Ok((x, y.clone(), None));
        }
        let [mut split] = substreams(rng);
        let mut order: Vec<usize> = (0..x.ncols()).collect();
        order.shuffle(&mut split);
        let (held, kept) = order.split_at(*held);
        let (x, y) = select(kept);
        let (test, test_y) = select(held);
        let (x, map) = self.options.preprocess().fit("task", x)?;
        let test = (map.apply("task", test)?, test_y);
        Ok((x, y, Some((test, self.blocks(held, 0)))))
    }

    /// Blocks of these columns of the pool, whose held-out ones begin at `first`.
    fn blocks(&self, columns: &[usize], first: usize) -> Vec<u32> {
        let blocks = HeldOut::of(self.pool.order.len()).blocks as u32;
        let order = &self.pool.order;
        columns.iter().map(|c| order[c - first] % blocks).collect()
    }
}

/// Inputs and targets.
type Part = (DMatrix<f64>, DMatrix<f64>);

/// A test set and the blocks of its samples.
type TestSet = (Part, Vec<u32>);

/// Singular value decomposition of `Y X^T / P`.
fn modes(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<Modes> {
    let (u, s, v) = svd(&(y * x.transpose() / x.ncols() as f64))?;
    Ok(Modes { u, s, v })
}

/// Names, of which a long list shows both ends.
fn listed(names: &[String]) -> String {
    const ENDS: usize = 8;
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    match names.len() > 2 * ENDS {
        false => names.join(", "),
        true => format!(
            "{}, ..., {} ({} of them)",
            names[..ENDS].join(", "),
            names[names.len() - ENDS..].join(", "),
            names.len()
        ),
    }
}

impl Task for File {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The content of the file stands for its path.
    fn resolved(&self) -> serde_json::Value {
        self.options.resolved(&self.pool)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.pool.inputs,
            outputs: self.pool.y.nrows(),
            samples: self.options.samples.unwrap_or(self.pool.training()),
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let (x, y, test) = self.parts(rng)?;
        let (test, blocks) = test.unzip();
        let all = modes(&x, &y)?;
        let rank = self.pool.rank;
        let modes = Modes {
            u: all.u.columns(0, rank).into_owned(),
            s: DVector::from(all.s.rows(0, rank)),
            v: all.v.columns(0, rank).into_owned(),
        };
        Ok(Dataset {
            x,
            y,
            test,
            modes,
            groups: None,
            blocks,
        })
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

    fn whitening(&self) -> Option<&'static str> {
        Some("task.whiten = true")
    }

    fn mode_count(&self) -> usize {
        self.pool.rank
    }

    fn population_size(&self) -> Option<usize> {
        self.options.samples?;
        Some(self.pool.training())
    }

    fn population(&self, most: usize) -> Option<(DMatrix<f64>, DMatrix<f64>)> {
        let count = self.population_size()?.min(most);
        let first = |m: &DMatrix<f64>| m.columns(0, count).into_owned();
        Some((first(&self.pool.x), first(&self.pool.y)))
    }

    fn pool(&self) -> Option<PoolView> {
        Some(PoolView {
            identity: Arc::as_ptr(&self.pool) as usize,
            bytes: 8 * (self.pool.x.len() + self.pool.y.len()) as u64,
        })
    }

    fn sources(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Some([inputs, targets]) = &self.pool.columns {
            found.push(("input columns", listed(inputs)));
            found.push(("target columns", listed(targets)));
        }
        for (what, form) in [
            ("form of the csv file", self.pool.form),
            ("form of the test file", self.pool.test_form),
        ] {
            if let Some(form) = form.filter(|form| !form.is_plain()) {
                found.push((what, form.to_string()));
            }
        }
        if let Some(names) = self.class_names() {
            let coded = names.iter().enumerate();
            let coded: Vec<String> = coded.map(|(k, name)| format!("{k} = {name}")).collect();
            found.push(("codes of classes", listed(&coded)));
        }
        found
    }

    fn test_samples(&self) -> usize {
        self.options.test_samples.unwrap_or(self.pool.held)
    }

    fn held_out(&self) -> Option<HeldOut> {
        self.has_test().then(|| HeldOut::of(self.pool.order.len()))
    }

    fn is_random(&self) -> bool {
        self.options.samples.is_some() || (self.has_test() && self.options.test_path.is_none())
    }
}
