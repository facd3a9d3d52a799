//! A learner that starts from weights in a file.

use super::weights;
use crate::error::Result;
use crate::kind::{About, component, parse_table};
use crate::learner::{
    BiasView, KernelView, LEARNERS, Learner, MlpView, Network, Parameters, Precision, PriorView,
    Solver, StartView,
};
use crate::numerics::random::Stream;
use crate::task::loader::Contents;
use crate::task::{Dataset, Shape};
use std::path::PathBuf;
use std::sync::Arc;

/// Any learner, with the raw parameters of a safetensors file in place of its initial law. In a spec: `learner.weights = "net.safetensors"`, or
/// `learner.weights = { path = "net.safetensors", names = ["0.weight", "2.weight"] }`. All replicas start from the same weights; the file enters
/// every hash by the BLAKE3 of its content.
#[derive(Debug)]
pub struct Loaded {
    inner: Arc<dyn Learner>,
    contents: Contents,
    hash: String,
    names: Option<Vec<String>>,
}

/// The key `weights` of a learner's table.
#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "expected the path of a safetensors file, or a table { path, names }"
)]
enum Key {
    Path(PathBuf),
    Table(Named),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    path: PathBuf,
    names: Option<Vec<String>>,
}

#[derive(serde::Deserialize)]
struct Weights {
    weights: Key,
}

/// The learner of a spec's table, with or without the key `weights`.
pub fn parse(place: &str, mut table: toml::Table) -> Result<Arc<dyn Learner>> {
    let Some(weights) = table.remove("weights") else {
        return component(place, LEARNERS, table);
    };
    let inner = component(place, LEARNERS, table)?;
    let only = toml::Table::from_iter([("weights".to_string(), weights)]);
    let (path, names) = match parse_table::<Weights>(place, only)?.weights {
        Key::Path(path) => (path, None),
        Key::Table(Named { path, names }) => (path, names),
    };
    Ok(Arc::new(Loaded::new(inner, &path, names)?))
}

impl Loaded {
    /// `inner` with the weights of a file; `names` as in [`weights::load`].
    ///
    /// # Errors
    /// `Input` for an unreadable file; a file that does not fit is found by [`Learner::check`], when the data shape is known.
    pub fn new(
        inner: Arc<dyn Learner>,
        path: &std::path::Path,
        names: Option<Vec<String>>,
    ) -> Result<Self> {
        let contents = Contents::read(path)?;
        Ok(Loaded {
            inner,
            hash: contents.hash(),
            contents,
            names,
        })
    }

    fn parameters(&self, shape: Shape) -> Result<Parameters> {
        weights::parse(
            &self.contents,
            self.inner.as_ref(),
            shape,
            self.names.as_deref(),
        )
    }
}

impl Learner for Loaded {
    fn about(&self) -> &'static About {
        self.inner.about()
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = self.inner.resolved();
        value["weights"] = serde_json::json!({ "content": self.hash, "names": self.names });
        value
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.inner.check(shape)?;
        self.parameters(shape).map(drop)
    }

    fn initialize(&self, dataset: &Dataset, _rng: &mut Stream) -> Result<Parameters> {
        self.parameters(dataset.shape())
    }

    /// As far as theories see it, the start is given, without a law.
    fn mlp(&self, shape: Shape) -> Option<MlpView> {
        let view = self.inner.mlp(shape)?;
        let biases = view.biases.map(|biases| BiasView {
            deviations: None,
            ..biases
        });
        Some(MlpView {
            start: StartView::Given,
            deviations: None,
            biases,
            ..view
        })
    }

    fn solver(&self) -> Option<&dyn Solver> {
        None
    }

    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        self.inner.shapes(shape)
    }

    fn names(&self, shape: Shape) -> Vec<String> {
        self.inner.names(shape)
    }

    fn network(&self, shape: Shape) -> Box<dyn Network<f64>> {
        self.inner.network(shape)
    }

    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        self.inner.network_f32(shape)
    }

    fn rate_scale(&self, shape: Shape) -> f64 {
        self.inner.rate_scale(shape)
    }

    fn hidden(&self, shape: Shape) -> Vec<usize> {
        self.inner.hidden(shape)
    }

    fn classes(&self, shape: Shape) -> usize {
        self.inner.classes(shape)
    }

    fn is_causal(&self) -> bool {
        self.inner.is_causal()
    }

    fn work_space(&self, shape: Shape, columns: usize) -> usize {
        self.inner.work_space(shape, columns)
    }

    fn forward_space(&self, shape: Shape, columns: usize) -> usize {
        self.inner.forward_space(shape, columns)
    }

    fn tangent_space(&self, shape: Shape, samples: usize) -> usize {
        self.inner.tangent_space(shape, samples)
    }

    fn operations(&self, shape: Shape) -> f64 {
        self.inner.operations(shape)
    }

    fn is_affine(&self, shape: Shape) -> bool {
        self.inner.is_affine(shape)
    }

    fn kernel(&self) -> Option<KernelView> {
        self.inner.kernel()
    }

    fn prior(&self, shape: Shape) -> Option<PriorView> {
        self.inner.prior(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Mlp, weights};
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::{LinearTeacher, Task};

    const TABLE: &str = "kind = \"mlp\"\nwidths = [4]\n";

    #[test]
    fn every_start_is_the_file_and_its_content_is_the_identity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        let (task, mlp) = (
            LinearTeacher::new(vec![1.0], 3, 2),
            Mlp {
                widths: vec![4],
                ..Mlp::default()
            },
        );
        let mut rng = stream(1, "weights", &[]);
        let shapes = mlp.shapes(task.shape()).into_iter();
        let mut stored = Parameters {
            blocks: shapes.map(|(r, c)| normal_matrix(&mut rng, r, c)).collect(),
        };
        let table = || -> toml::Table {
            let key = format!("weights = {{ path = {:?} }}", path.display().to_string());
            format!("{TABLE}{key}").parse().unwrap()
        };
        let mut identities = Vec::new();
        for _ in 0..2 {
            weights::save(&path, &mlp, task.shape(), &stored).unwrap();
            let learner = parse("learner", table()).unwrap();
            learner.check(task.shape()).unwrap();
            let data = task.draw(&mut rng).unwrap();
            assert_eq!(learner.initialize(&data, &mut rng).unwrap(), stored);
            assert_eq!(learner.mlp(task.shape()).unwrap().start, StartView::Given);
            assert_eq!(learner.about().kind, "mlp");
            identities.push(learner.resolved());
            stored.blocks[0][0] += 1.0;
        }
        assert_ne!(identities[0], identities[1]);
        let plain = parse("learner", TABLE.parse().unwrap()).unwrap();
        assert_ne!(plain.resolved(), identities[0]);
    }

    #[test]
    fn wrong_tables_and_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        std::fs::write(&path, b"no tensors").unwrap();
        let path = format!("{:?}", path.display().to_string());
        for (weights, part) in [
            ("3", "learner.weights"),
            ("{ file = 'x' }", "learner.weights"),
            ("'nowhere.safetensors'", "cannot be read"),
            (path.as_str(), "not a complete safetensors file"),
        ] {
            let table = format!("{TABLE}weights = {weights}").parse().unwrap();
            let shape = LinearTeacher::new(vec![1.0], 3, 2).shape();
            let error = parse("learner", table)
                .and_then(|l| l.check(shape))
                .unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
