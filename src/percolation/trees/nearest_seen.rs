//! Chemical distance to the nearest seen vertex of a critical tree: exact laws, with nothing fitted.

use super::{ClusterLaw, ErdosRenyi};
use crate::error::{Error, Result};
use nalgebra::{Complex, ComplexField};
use std::f64::consts::PI;

/// How far the nearest seen vertex is from a vertex that is not seen itself, along the edges of a tree (chemical distance `l`), when
/// every other vertex is seen independently with probability `phi`.
///
/// Generating function: a rooted tree is a root with a set of rooted trees, so that trees of total weight `z^s/s!` without a seen vertex
/// up to depth `l` have `F_l(z) = (1 - phi) z exp(F_(l-1)(z))`, `F_(-1)(z) = T(z) = z e^T` the trees of any kind. Three ensembles follow:
///
/// - [`NearestSeen::critical`]: the component of a random vertex of the Erdos-Renyi graph of mean degree 1, a Galton-Watson tree with Poisson(1)
///   children. `x_l = F_l(1/e)`: `x_(l+1) = (1 - phi) exp(x_l - 1)`, `x_(-1) = 1`; `P(> l) = x_l/(1 - phi)`.
/// - [`NearestSeen::uniform`]: a random vertex of a uniform random labelled tree of `s` vertices, which is a critical cluster of given size:
///   `P(> l) = [z^s] F_l / ((1 - phi) [z^s] T)`.
/// - [`NearestSeen::infinite`]: the limit `s -> inf` of that, an endless spine with a Poisson(1) number of critical trees on each of its vertices:
///   `P(> l) = x_1 x_2 ... x_l`.
///
/// Few seen vertices, `phi -> 0`: `P(> l) = 1 - sqrt(2 phi) tanh(l sqrt(phi/2))` (critical), `P(> l) = sech^2(l sqrt(phi/2))` (infinite). The
/// mean distance in a large cluster is `sqrt(2/phi)`: with `T` of `n` vertices seen, `1.414 (n/T)^(1/2)`.
///
/// Source: derived here; local limit of uniform trees: G. Grimmett, J. Austral. Math. Soc. A 30, 229 (1980).
///
/// ```
/// use saddlepoint::percolation::trees::NearestSeen;
/// let law = NearestSeen::infinite(1e-6)?;
/// assert!((law.mean() * 1e-3 - 1.41305).abs() < 1e-5);
/// // The three vertices of a path: an end has one neighbour, the middle two.
/// let law = NearestSeen::uniform(3, 0.1)?;
/// assert!((law.beyond(1) - (2.0 * 0.9 + 0.9 * 0.9) / 3.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NearestSeen {
    /// `P(> l)`, `l = 0, 1, ...`, until it is all but [`NearestSeen::unseen`].
    beyond: Vec<f64>,
    unseen: f64,
}

/// What a distribution function may lack at its end.
const NEGLIGIBLE: f64 = 1e-11;

impl NearestSeen {
    /// The component of a random vertex of the critical Erdos-Renyi graph, of any size.
    ///
    /// # Errors
    /// Input error for `phi` outside (0, 1).
    pub fn critical(phi: f64) -> Result<Self> {
        let unseen = ErdosRenyi::new(1.0)?.undiscovered(fraction(phi)?)? / (1.0 - phi);
        let beyond = generations(phi).map(|x| x / (1.0 - phi));
        Ok(Self::until_settled(beyond, unseen))
    }

    /// A vertex of an infinite critical cluster.
    ///
    /// # Errors
    /// Input error for `phi` outside (0, 1).
    pub fn infinite(phi: f64) -> Result<Self> {
        let steps = generations(fraction(phi)?).skip(1);
        let mut all = 1.0;
        let beyond = std::iter::once(1.0).chain(steps.map(move |x| {
            all *= x;
            all
        }));
        Ok(Self::until_settled(beyond, 0.0))
    }

    /// A random vertex of a uniform random labelled tree of `size` vertices. Coefficients of the generating function by Cauchy's formula in
    /// the variable `T`, `z = T exp(-T)`, in which `F_l` is entire: the trapezoidal rule on a circle through its saddle; errors below
    /// 1e-11. Cost: about 50 exponentials per unit of `l`.
    ///
    /// # Errors
    /// Input error for `phi` outside (0, 1), or `size` 0.
    pub fn uniform(size: u32, phi: f64) -> Result<Self> {
        let phi = fraction(phi)?;
        if size == 0 {
            return Err(Error::input(
                "size",
                "a tree has vertices",
                "use a positive integer",
            ));
        }
        let unseen = (1.0 - phi).powf(size as f64 - 1.0);
        let mut contour = Contour::new(size, phi);
        let beyond = (0..size).map(|_| contour.next());
        Ok(Self::until_settled(beyond, unseen))
    }

    fn until_settled(beyond: impl Iterator<Item = f64>, unseen: f64) -> Self {
        let open = |p: &f64| *p - unseen > NEGLIGIBLE;
        NearestSeen {
            beyond: beyond.take_while(open).collect(),
            unseen,
        }
    }

    /// `P(> l)`: probability that no vertex within the distance `l` is seen.
    pub fn beyond(&self, l: usize) -> f64 {
        self.beyond.get(l).copied().unwrap_or(self.unseen)
    }

    /// Probability that no vertex of the tree is seen.
    pub fn unseen(&self) -> f64 {
        self.unseen
    }

    /// Mean distance, given that a vertex of the tree is seen: `sum_(l >= 0) (P(> l) - P(> inf))/(1 - P(> inf))`; 0 for a tree of one vertex.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.beyond.iter().rev().map(|p| p - self.unseen).sum();
        if sum > 0.0 {
            sum / (1.0 - self.unseen)
        } else {
            0.0
        }
    }
}

fn fraction(phi: f64) -> Result<f64> {
    if phi > 0.0 && phi < 1.0 {
        return Ok(phi);
    }
    Err(Error::input(
        "phi",
        format!("{phi} is not a fraction of vertices, some seen and some not"),
        "give a number between 0 and 1",
    ))
}

/// `x_0, x_1, ...` of the critical tree.
fn generations(phi: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(1.0 - phi), move |x| {
        Some((1.0 - phi) * (x - 1.0).exp())
    })
}

/// `1 - F_l` at the nodes of a circle around 0 in the plane of `T`, upper half.
struct Contour {
    /// `1 - F`, `log((1 - phi) e z)` and the weight of a node.
    nodes: Vec<[Complex<f64>; 3]>,
}

impl Contour {
    /// `[z^s] F = (1/2 pi) int F (1 - T) e^(sT) T^(-s) d(angle)`, divided by `1 - phi` and the same of `T`. A constant in `F` has no coefficient: `F - 1` is
    /// integrated, which is small where the weight is large.
    fn new(size: u32, phi: f64) -> Self {
        let s = f64::from(size);
        let gap = 1.0 / (1.0 + s.sqrt());
        let half = (16.0 * s.sqrt()) as usize + 32;
        let nodes = (0..half).map(|k| {
            let angle = PI * (k as f64 + 0.5) / half as f64;
            let lift = 2.0 * (1.0 - gap) * (0.5 * angle).sin().powi(2);
            // 1 - T and T - 1 - log T, without cancellation near the saddle.
            let below = Complex::new(gap + lift, -(1.0 - gap) * angle.sin());
            let saddle = Complex::new(
                -gap - (-gap).ln_1p() - lift,
                angle.sin() - angle - gap * angle.sin(),
            );
            [below, (-phi).ln_1p() - saddle, below * (s * saddle).exp()]
        });
        let mut nodes: Vec<[Complex<f64>; 3]> = nodes.collect();
        let largest = nodes.iter().map(|n| n[2].modulus()).fold(0.0, f64::max);
        nodes.retain(|n| n[2].modulus() > 1e-18 * largest);
        let trees: f64 = nodes.iter().map(|n| -(n[0] * n[2]).re).sum();
        for node in &mut nodes {
            node[2] /= (1.0 - phi) * trees;
        }
        Contour { nodes }
    }

    /// `P(> l)` for the next `l`.
    fn next(&mut self) -> f64 {
        let mut sum = 0.0;
        for [below, rate, weight] in &mut self.nodes {
            *below = 1.0 - (*rate - *below).exp();
            sum -= (*below * *weight).re;
        }
        sum
    }
}

#[cfg(test)]
#[path = "nearest_seen_tests.rs"]
mod tests;
