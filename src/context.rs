//! What the solves and measurements of one run share: intermediate results, random streams, progress and interruption.

use crate::error::Result;
use crate::experiment::{DrawIndex, Experiment, component_json};
use crate::kernel::{Kernel, MAX_MEMORY, gram, with_key};
use crate::numerics::linalg::eigh;
use crate::numerics::memo::{Kept, Memo};
use crate::numerics::random::{Stream, stream};
use crate::numerics::{content, interrupt};
use crate::task::{Dataset, Task};
use nalgebra::DMatrix;
use serde_json::json;
use std::any::Any;
use std::sync::Arc;

/// Hears of the finished fraction of a solve.
type Report = Arc<dyn Fn(f64) + Send + Sync>;

/// Handed to every solve and to every recorder. Clones share one memo.
///
/// ```
/// use saddlepoint::context::Context;
/// let cx = Context::new(7, 1 << 20);
/// let length = cx.kept("text", "of three letters", |_| 8, || Ok("abc".len()))?;
/// assert_eq!(*length, 3);
/// cx.look(0.5)?;
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Clone)]
pub struct Context {
    memo: Arc<Memo>,
    seed: u64,
    draw: Option<DrawIndex>,
    report: Option<Report>,
    max_memory: u64,
}

/// Eigenvectors and eigenvalues of a kernel matrix, smallest eigenvalue first.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigensystem {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, `samples x samples`, in the columns.
    pub vectors: DMatrix<f64>,
    /// Largest error of an entry of the kernel matrix.
    pub bound: f64,
}

impl Default for Context {
    /// Seed 0, a memo of 1 GiB, no progress; one matrix may take [`MAX_MEMORY`].
    fn default() -> Self {
        Context::new(0, 1 << 30)
    }
}

impl Context {
    /// A context of a run with this root seed, whose memo keeps at most `budget` bytes. One matrix may take [`MAX_MEMORY`].
    pub fn new(seed: u64, budget: u64) -> Self {
        Context {
            memo: Arc::new(Memo::new(budget)),
            seed,
            draw: None,
            report: None,
            max_memory: MAX_MEMORY,
        }
    }

    /// The same context, in which one matrix takes at most this many bytes: what the run may take in all.
    pub fn within(self, max_memory: u64) -> Self {
        Context { max_memory, ..self }
    }

    /// Bytes that one matrix may take.
    pub fn max_memory(&self) -> u64 {
        self.max_memory
    }

    /// The context of one solve: its streams are those of the draw, and `report` hears of its progress.
    pub fn solving(
        &self,
        seed: u64,
        draw: Option<DrawIndex>,
        report: impl Fn(f64) + Send + Sync + 'static,
    ) -> Self {
        Context {
            memo: self.memo.clone(),
            seed,
            draw,
            report: Some(Arc::new(report)),
            max_memory: self.max_memory,
        }
    }

    /// A value by its content: the one that is kept under `what` and `content`, or what `make` makes. `content` tells
    /// everything that the value depends on, `bytes` what it occupies; see [`Memo`].
    ///
    /// Errors: those of `make`.
    pub fn kept<T: Any + Send + Sync>(
        &self,
        what: &str,
        content: &str,
        bytes: impl FnOnce(&T) -> u64,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        self.memo.get(&format!("{what} {content}"), bytes, make)
    }

    /// Data set number `index` of an experiment; cells and theories with the same task share it.
    pub fn dataset(&self, experiment: &Experiment, index: usize) -> Result<Arc<Dataset>> {
        let content = content::of(&json!([experiment.task_json(), index]));
        let make = || experiment.dataset(index);
        self.kept("data set", &content, Dataset::bytes, make)
    }

    /// Eigensystem of the kernel matrix of samples (columns of `x`); `key` says what sets their number, for the refusal of
    /// more than fit into the memory.
    ///
    /// Errors: those of the kernel, an eigendecomposition that does not converge.
    pub fn eigensystem(
        &self,
        kernel: &Kernel,
        x: &DMatrix<f64>,
        key: &str,
    ) -> Result<Arc<Eigensystem>> {
        let content = content::of(&json!([kernel, content::of_matrices(&[x])]));
        let n = x.ncols() as u64;
        self.kept(
            "eigensystem",
            &content,
            |_| eigensystem_bytes(n),
            || {
                let gram = gram(kernel, x, self.max_memory).map_err(|e| with_key(e, key))?;
                let (values, vectors) = eigh(&gram.kernel)?;
                Ok(Eigensystem {
                    values: values.as_slice().to_vec(),
                    vectors,
                    bound: gram.bound,
                })
            },
        )
    }

    /// What [`Context::eigensystem`] keeps for the first `points` samples of a task's population.
    pub fn kept_eigensystem(task: &dyn Task, kernel: &Kernel, points: usize) -> Kept {
        let task = component_json(task.about(), task.resolved());
        Kept {
            content: format!(
                "eigensystem {}",
                content::of(&json!([task, kernel, points]))
            ),
            bytes: eigensystem_bytes(points as u64),
        }
    }

    /// Tells which fraction of a solve is done, and stops it where the user asked to stop. A solve of more than a second
    /// calls it between its steps; it starts anew after an interruption.
    ///
    /// Errors: `Interrupted`.
    pub fn look(&self, fraction: f64) -> Result<()> {
        if let Some(report) = &self.report {
            report(fraction.clamp(0.0, 1.0));
        }
        interrupt::check()
    }

    /// The random stream of a purpose, keyed by the root seed and the draw that the solve conditions on: cells share it, as
    /// they share their draws. Two purposes in one theory have two names.
    pub fn stream(&self, purpose: &str) -> Stream {
        let draw = self.draw.map(|d| [d.dataset as u64, d.replica as u64]);
        let indices: &[u64] = draw.as_ref().map_or(&[], |d| d);
        stream(self.seed, &format!("theory: {purpose}"), indices)
    }
}

fn eigensystem_bytes(n: u64) -> u64 {
    n.saturating_mul(8).saturating_mul(n.saturating_add(1))
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("seed", &self.seed)
            .field("draw", &self.draw)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::kernel::Kernel;
    use crate::numerics::random::normal_matrix;
    use rand::Rng;

    #[test]
    fn streams_are_told_apart_by_seed_draw_and_purpose() {
        let first = |cx: &Context, purpose: &str| cx.stream(purpose).next_u64();
        let root = Context::new(3, 0);
        let of = |seed, dataset, replica| {
            let draw = DrawIndex { dataset, replica };
            root.solving(seed, Some(draw), |_| {})
        };
        let all = [
            first(&root, "a"),
            first(&root, "b"),
            first(&of(3, 0, 0), "a"),
            first(&of(3, 1, 0), "a"),
            first(&of(3, 0, 1), "a"),
            first(&of(4, 0, 0), "a"),
        ];
        for (k, a) in all.iter().enumerate() {
            assert!(!all[..k].contains(a), "stream {k} repeats");
        }
        assert_eq!(first(&of(3, 0, 1), "a"), all[4]);
    }

    #[test]
    fn an_eigensystem_is_made_once_for_a_kernel_and_its_points() {
        let cx = Context::new(1, 1 << 20);
        let x = normal_matrix(&mut cx.stream("points"), 3, 5);
        let kernel = |length: f64| {
            let table = format!("kind = 'gaussian'\nlength = {length}");
            toml::from_str::<Kernel>(&table).unwrap()
        };
        let first = cx.eigensystem(&kernel(1.0), &x, "points").unwrap();
        let again = cx
            .clone()
            .eigensystem(&kernel(1.0), &x.clone(), "points")
            .unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = cx.eigensystem(&kernel(2.0), &x, "points").unwrap();
        assert!(first.values != other.values);
        let matrix = gram(&kernel(1.0), &x, 1 << 20).unwrap().kernel;
        let values = nalgebra::DVector::from_vec(first.values.clone());
        let rebuilt = &first.vectors * DMatrix::from_diagonal(&values) * first.vectors.transpose();
        assert!((rebuilt - matrix).norm() < 1e-12);
    }

    #[test]
    fn a_kernel_matrix_above_the_limit_is_refused_by_its_key() {
        let cx = Context::new(1, 0).within(64 << 20);
        let x = |n| normal_matrix(&mut cx.stream("points"), 3, n);
        let kernel = Kernel::Linear {};
        let of = |n| {
            let cx = cx.solving(1, None, |_| {});
            cx.eigensystem(&kernel, &x(n), "theory.population")
        };
        assert!(of(40).is_ok());
        let Err(Error::Resource { limit, remedy, .. }) = of(4000) else {
            panic!("not refused");
        };
        assert_eq!(limit, 64 << 20);
        assert!(remedy.contains("theory.population") && remedy.contains("--max-memory"));
    }
}
