//! Semantic hierarchy: items are the leaves of a regular tree, features follow the tree (Saxe, McClelland, Ganguli 2019).

use super::{Dataset, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::linalg::svd;
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Formula, keys and source of the task.
pub const ABOUT: About = About {
    kind: "semantic-hierarchy",
    summary: "items on a tree with features that follow the tree",
    text: "\
The b^D leaves of a tree of branching b and depth D are the items, presented one-hot (X = 1). Train with loss = \"half-sum\", so
that X X^T = 1 and Y X^T = Y.

  variant = \"tree\"       one binary feature per node, root included: 1 for all items below it. Y^T Y counts shared ancestors.
                         s_l^2 = (b^(D-l+1) - 1) / (b - 1), multiplicity 1 for l = 0 and (b-1) b^(l-1) for l >= 1. Not random.
  variant = \"diffusion\"  each feature is +-1 at the root and flips with probability `flip` on every edge; item covariance
                         q_k = (1 - 2 flip)^(2k), k = levels up to the common ancestor; s_l ~ sqrt(features mu_l) for many features.

The item-side modes are the mean over all items (l = 0) and, for l >= 1, the contrasts among the children of each node of level
l - 1 (Haar basis); coarse distinctions have larger singular values and are learned first. Mode strengths are measured in these
modes (tree), or in the singular vectors of the drawn features (diffusion).

Keys
  branching   b >= 2
  depth       D >= 1; at most 4096 items
  variant     \"tree\" (default) or \"diffusion\"
  features    number of features of the diffusion variant (default 1000)
  flip        flip probability per edge of the diffusion variant, 0 <= flip <= 0.5 (default 0.1)

Source: Saxe, McClelland, Ganguli 2019 (PNAS, arXiv:1810.10531).",
    revision: 1,
};

/// Registry line of `kind = "semantic-hierarchy"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse,
    schema: SemanticHierarchy::json_schema,
};

const MAX_ITEMS: usize = 4096;

fn parse(place: &str, table: toml::Table) -> Result<Arc<dyn Task>> {
    let task: SemanticHierarchy = parse_table(place, table)?;
    task.check(place)?;
    Ok(Arc::new(task))
}

/// How features depend on the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// One binary feature per node.
    #[default]
    Tree,
    /// Random features that diffuse down the tree.
    Diffusion,
}

/// Items on a regular tree; the fields are the keys of the spec table.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{SemanticHierarchy, Task};
/// let data = SemanticHierarchy::tree(2, 3).draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!(data.y.shape(), (15, 8));
/// assert_eq!(data.modes.s[0], 15f64.sqrt());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SemanticHierarchy {
    /// Children per node.
    pub branching: usize,
    /// Levels below the root.
    pub depth: usize,
    /// How the features depend on the tree.
    #[serde(default)]
    pub variant: Variant,
    /// Number of features (diffusion only).
    #[serde(default = "default_features")]
    pub features: usize,
    /// Flip probability per edge (diffusion only).
    #[serde(default = "default_flip")]
    pub flip: f64,
}

fn default_features() -> usize {
    1000
}

fn default_flip() -> f64 {
    0.1
}

/// Singular values of the tree features and their multiplicities, level by level from the root.
///
/// `s_l^2 = sum_{j=l}^D b^(D-j)`, multiplicity 1 for `l = 0` and `(b-1) b^(l-1)` for `l >= 1`, for branching `b >= 2`.
/// Source: Saxe, McClelland, Ganguli 2019 (arXiv:1810.10531).
///
/// ```
/// use saddlepoint::task::semantic_hierarchy::tree_singular_values;
/// let squares: Vec<(f64, usize)> = tree_singular_values(2, 3).iter().map(|(s, m)| ((s * s).round(), *m)).collect();
/// assert_eq!(squares, [(15.0, 1), (7.0, 1), (3.0, 2), (1.0, 4)]);
/// ```
pub fn tree_singular_values(branching: usize, depth: usize) -> Vec<(f64, usize)> {
    (0..=depth)
        .map(|level| {
            let square: usize = (level..=depth)
                .map(|j| branching.pow((depth - j) as u32))
                .sum();
            ((square as f64).sqrt(), multiplicity(branching, level))
        })
        .collect()
}

/// Covariance of a diffusing +-1 feature between two items whose common ancestor is `levels_up` levels above them:
/// `q_k = (1 - 2 flip)^(2k)`.
pub fn item_covariance(flip: f64, levels_up: usize) -> f64 {
    (1.0 - 2.0 * flip).powi(2 * levels_up as i32)
}

/// Eigenvalues `mu_l` of the item covariance of diffusing features and their multiplicities, level by level from the root.
///
/// `mu_0 = 1 + sum_{k=1}^D (b-1) b^(k-1) q_k`, and for `l >= 1`
/// `mu_l = 1 + sum_{k=1}^{D-l} (b-1) b^(k-1) q_k - b^(D-l) q_{D-l+1}`, with `q_k` of [`item_covariance`].
/// The expected singular values of `N` features are `sqrt(N mu_l)` for `N` much larger than the number of items.
///
/// ```
/// use saddlepoint::task::semantic_hierarchy::diffusion_eigenvalues;
/// let mu = diffusion_eigenvalues(2, 1, 0.25);
/// assert_eq!(mu, [(1.25, 1), (0.75, 1)]);
/// ```
pub fn diffusion_eigenvalues(branching: usize, depth: usize, flip: f64) -> Vec<(f64, usize)> {
    let b = branching as f64;
    let within = |levels: usize| -> f64 {
        (1..=levels)
            .map(|k| (b - 1.0) * b.powi(k as i32 - 1) * item_covariance(flip, k))
            .sum()
    };
    (0..=depth)
        .map(|level| {
            let below = depth - level;
            let across = match level {
                0 => 0.0,
                _ => b.powi(below as i32) * item_covariance(flip, below + 1),
            };
            (1.0 + within(below) - across, multiplicity(branching, level))
        })
        .collect()
}

fn multiplicity(branching: usize, level: usize) -> usize {
    match level {
        0 => 1,
        _ => (branching - 1) * branching.pow(level as u32 - 1),
    }
}

/// Levels from two items (leaf indices) up to their common ancestor; 0 for an item and itself. The tree distance of the items,
/// for multidimensional scaling, is twice this number.
pub fn levels_up(branching: usize, first: usize, second: usize) -> usize {
    let (mut a, mut b, mut levels) = (first, second, 0);
    while a != b {
        (a, b, levels) = (a / branching, b / branching, levels + 1);
    }
    levels
}

/// Orthonormal item-side modes (`items x items`), in level order: the mean over all items, then for every node the
/// contrasts among its children (child `m` against the mean of the children before it).
pub fn haar_contrasts(branching: usize, depth: usize) -> DMatrix<f64> {
    let items = branching.pow(depth as u32);
    let mut contrasts = DMatrix::zeros(items, items);
    contrasts.column_mut(0).fill(1.0 / (items as f64).sqrt());
    let mut column = 1;
    for level in 1..=depth {
        let leaves = branching.pow((depth - level) as u32);
        for parent in 0..branching.pow(level as u32 - 1) {
            for m in 1..branching {
                let scale = 1.0 / ((m * (m + 1) * leaves) as f64).sqrt();
                for child in 0..=m {
                    let value = if child < m {
                        scale
                    } else {
                        -(m as f64) * scale
                    };
                    contrasts
                        .view_mut(((parent * branching + child) * leaves, column), (leaves, 1))
                        .fill(value);
                }
                column += 1;
            }
        }
    }
    contrasts
}

impl SemanticHierarchy {
    /// The deterministic variant: one binary feature per node.
    pub fn tree(branching: usize, depth: usize) -> Self {
        SemanticHierarchy {
            branching,
            depth,
            variant: Variant::Tree,
            features: default_features(),
            flip: default_flip(),
        }
    }

    /// The random variant: `features` features that flip with probability `flip` on every edge.
    pub fn diffusion(branching: usize, depth: usize, features: usize, flip: f64) -> Self {
        SemanticHierarchy {
            variant: Variant::Diffusion,
            features,
            flip,
            ..Self::tree(branching, depth)
        }
    }

    /// Ranges of all keys; `place` is the path of the table.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        if self.branching < 2 {
            return wrong(
                "branching",
                format!("{} children per node make no tree", self.branching),
                "use branching >= 2",
            );
        }
        if self.depth == 0 {
            return wrong("depth", "is 0".into(), "use depth >= 1");
        }
        let items = u32::try_from(self.depth)
            .ok()
            .and_then(|depth| self.branching.checked_pow(depth));
        if items.is_none_or(|n| n > MAX_ITEMS) {
            return wrong(
                "depth",
                format!(
                    "branching^depth = {}^{} is more than {MAX_ITEMS} items",
                    self.branching, self.depth
                ),
                "lower depth or branching",
            );
        }
        if self.features == 0 {
            return wrong("features", "is 0".into(), "use a positive integer");
        }
        if !(0.0..=0.5).contains(&self.flip) {
            return wrong(
                "flip",
                format!("{} is outside [0, 0.5]", self.flip),
                "use 0 <= flip <= 0.5",
            );
        }
        Ok(())
    }

    /// Number of leaves.
    pub fn items(&self) -> usize {
        self.branching.pow(self.depth as u32)
    }

    fn nodes(&self) -> usize {
        (0..=self.depth).map(|l| self.branching.pow(l as u32)).sum()
    }

    fn tree_features(&self) -> DMatrix<f64> {
        let mut y = DMatrix::zeros(self.nodes(), self.items());
        let mut node = 0;
        for level in 0..=self.depth {
            let leaves = self.branching.pow((self.depth - level) as u32);
            for j in 0..self.branching.pow(level as u32) {
                y.view_mut((node, j * leaves), (1, leaves)).fill(1.0);
                node += 1;
            }
        }
        y
    }

    fn tree_modes(&self) -> Modes {
        let v = haar_contrasts(self.branching, self.depth);
        let levels = tree_singular_values(self.branching, self.depth);
        let s = DVector::from_iterator(
            self.items(),
            levels.iter().flat_map(|&(s, m)| std::iter::repeat_n(s, m)),
        );
        let mut u = self.tree_features() * &v;
        for (mut column, s) in u.column_iter_mut().zip(s.iter()) {
            column /= *s;
        }
        Modes { u, s, v }
    }

    fn diffuse(&self, rng: &mut Stream) -> DMatrix<f64> {
        let mut y = DMatrix::zeros(self.features, self.items());
        for mut feature in y.row_iter_mut() {
            let mut values = vec![if rng.random_bool(0.5) { 1.0 } else { -1.0 }];
            for _ in 0..self.depth {
                let mut children = Vec::with_capacity(values.len() * self.branching);
                for &value in &values {
                    for _ in 0..self.branching {
                        let flips = rng.random::<f64>() < self.flip;
                        children.push(if flips { -value } else { value });
                    }
                }
                values = children;
            }
            for (item, value) in values.iter().enumerate() {
                feature[item] = *value;
            }
        }
        y
    }
}

impl Task for SemanticHierarchy {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.items(),
            outputs: match self.variant {
                Variant::Tree => self.nodes(),
                Variant::Diffusion => self.features,
            },
            samples: self.items(),
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let (y, modes) = match self.variant {
            Variant::Tree => (self.tree_features(), self.tree_modes()),
            Variant::Diffusion => {
                let [mut features] = substreams(rng);
                let y = self.diffuse(&mut features);
                let (u, s, v) = svd(&y)?;
                (y, Modes { u, s, v })
            }
        };
        Ok(Dataset {
            x: DMatrix::identity(self.items(), self.items()),
            y,
            test: None,
            modes,
            groups: None,
            blocks: None,
        })
    }

    fn modes(&self) -> Option<Modes> {
        (self.variant == Variant::Tree).then(|| self.tree_modes())
    }

    fn mode_count(&self) -> usize {
        match self.variant {
            Variant::Tree => self.items(),
            Variant::Diffusion => self.items().min(self.features),
        }
    }

    fn is_random(&self) -> bool {
        self.variant == Variant::Diffusion
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::linalg::eigh;
    use crate::numerics::random::stream;

    fn draw(task: &SemanticHierarchy) -> Dataset {
        task.draw(&mut stream(3, "dataset", &[0])).unwrap()
    }

    fn expand(levels: &[(f64, usize)]) -> Vec<f64> {
        let mut all: Vec<f64> = levels
            .iter()
            .flat_map(|&(s, m)| std::iter::repeat_n(s, m))
            .collect();
        all.sort_by(|a, b| b.total_cmp(a));
        all
    }

    #[test]
    fn the_gram_matrix_counts_shared_ancestors() {
        for (b, depth) in [(2, 3), (3, 2), (4, 1)] {
            let y = draw(&SemanticHierarchy::tree(b, depth)).y;
            let gram = y.transpose() * &y;
            for i in 0..gram.nrows() {
                for j in 0..gram.ncols() {
                    let shared = depth + 1 - levels_up(b, i, j);
                    assert_eq!(gram[(i, j)], shared as f64);
                }
            }
        }
    }

    #[test]
    fn modes_decompose_the_tree_features() {
        for (b, depth) in [(2, 3), (3, 2), (4, 1), (5, 2)] {
            let data = draw(&SemanticHierarchy::tree(b, depth));
            let Modes { u, s, v } = &data.modes;
            let one = DMatrix::identity(s.len(), s.len());
            assert!((v.transpose() * v - &one).amax() < 1e-13);
            assert!((u.transpose() * u - &one).amax() < 1e-13);
            assert!((u * DMatrix::from_diagonal(s) * v.transpose() - &data.y).amax() < 1e-13);
            assert!(s.as_slice().windows(2).all(|w| w[0] >= w[1]));
        }
    }

    #[test]
    fn singular_values_do_not_depend_on_the_order_of_items() {
        let data = draw(&SemanticHierarchy::tree(3, 2));
        let mut shuffled = data.y.clone();
        for (i, j) in [(0, 5), (2, 8), (1, 3), (5, 7)] {
            shuffled.swap_columns(i, j);
        }
        let (_, s, _) = svd(&shuffled).unwrap();
        assert!((s - data.modes.s).amax() < 1e-13);
    }

    #[test]
    fn diffusion_eigenvalues_are_those_of_the_item_covariance() {
        for (b, depth, flip) in [(2, 3, 0.1), (3, 2, 0.25), (2, 4, 0.02), (3, 3, 0.5)] {
            let items = usize::pow(b, depth as u32);
            let covariance = DMatrix::from_fn(items, items, |i, j| {
                item_covariance(flip, levels_up(b, i, j))
            });
            let (values, _) = eigh(&covariance).unwrap();
            let expected = expand(&diffusion_eigenvalues(b, depth, flip));
            for (found, wanted) in values.iter().rev().zip(&expected) {
                assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
            }
            let haar = haar_contrasts(b, depth);
            let rotated = haar.transpose() * covariance * &haar;
            let diagonal = DMatrix::from_diagonal(&rotated.diagonal());
            assert!((rotated - diagonal).amax() < 1e-12);
        }
    }

    #[test]
    fn drawn_features_have_the_item_covariance() {
        let task = SemanticHierarchy::diffusion(3, 2, 20_000, 0.15);
        let y = draw(&task).y;
        for (first, second) in [(0, 1), (0, 3), (4, 8), (6, 7), (2, 2)] {
            let q = item_covariance(0.15, levels_up(3, first, second));
            let mean = y.column(first).dot(&y.column(second)) / 20_000.0;
            let error = ((1.0 - q * q) / 20_000.0).sqrt();
            assert!(
                (mean - q).abs() <= 4.0 * error,
                "{first} {second}: {mean} {q}"
            );
        }
        for column in y.column_iter() {
            let z = column.sum() / 20_000f64.sqrt();
            assert!(z.abs() < 4.0, "z = {z}");
        }
    }

    #[test]
    fn fewer_features_are_a_prefix_and_modes_are_the_svd() {
        let large = draw(&SemanticHierarchy::diffusion(2, 3, 50, 0.2));
        let small = draw(&SemanticHierarchy::diffusion(2, 3, 6, 0.2));
        assert_eq!(small.y, large.y.rows(0, 6));
        assert_eq!(small.modes.s.len(), 6);
        let Modes { u, s, v } = &large.modes;
        assert!((u * DMatrix::from_diagonal(s) * v.transpose() - &large.y).amax() < 1e-12);
    }

    #[test]
    fn views_match_the_draw() {
        for task in [
            SemanticHierarchy::tree(2, 3),
            SemanticHierarchy::diffusion(2, 3, 5, 0.2),
            SemanticHierarchy::diffusion(2, 2, 30, 0.2),
        ] {
            let (data, shape) = (draw(&task), task.shape());
            assert_eq!(data.y.shape(), (shape.outputs, shape.samples));
            assert_eq!(data.x.shape(), (shape.inputs, shape.samples));
            assert_eq!(data.modes.s.len(), task.mode_count());
        }
    }

    #[test]
    fn wrong_keys_name_their_place() {
        for (text, place) in [
            ("branching = 1\ndepth = 2", "task.branching"),
            ("branching = 2\ndepth = 0", "task.depth"),
            ("branching = 2\ndepth = 64", "task.depth"),
            ("branching = 2\ndepth = 2\nflip = 0.6", "task.flip"),
            ("branching = 2\ndepth = 2\nfeatures = 0", "task.features"),
            (
                "branching = 2\ndepth = 2\nvariant = \"tre\"",
                "task.variant",
            ),
        ] {
            let message = parse("task", text.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.starts_with(&format!("{place}: ")), "{message}");
        }
    }
}
