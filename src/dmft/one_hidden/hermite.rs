//! Gauss-Hermite quadrature: averages over one standard normal number.

use crate::error::Result;
use crate::numerics::linalg::eigh;
use nalgebra::DMatrix;

/// Most nodes on an axis.
pub(super) const MOST_NODES: usize = 200;

/// Nodes (ascending) and weights of the rule with `count` nodes for the standard normal law.
///
/// ```text
/// E g(x) = sum_i w_i g(x_i),   exact for polynomials up to degree 2 count - 1,   w_i = 1 / sum_{k < count} he_k(x_i)^2
/// ```
///
/// The nodes are the zeros of the Hermite polynomial `He_n`, eigenvalues of the matrix of its recursion (G. H. Golub
/// and J. H. Welsch 1969), polished by Newton's method; `he_k = He_k/sqrt(k!)`. Nodes and weights are symmetric to
/// the last bit.
///
/// # Errors
/// The eigenvalues were not found.
pub(super) fn gauss_hermite(count: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let recursion = DMatrix::from_fn(count, count, |i, j| match i.abs_diff(j) {
        1 => (i.max(j) as f64).sqrt(),
        _ => 0.0,
    });
    let (rough, _) = eigh(&recursion)?;
    let mut nodes: Vec<f64> = rough.iter().map(|&x| polished(x, count)).collect();
    for i in 0..count.div_ceil(2) {
        let size = 0.5 * (nodes[count - 1 - i] - nodes[i]);
        (nodes[i], nodes[count - 1 - i]) = (-size, size);
    }
    let mut weights: Vec<f64> = nodes.iter().map(|&x| 1.0 / series(x, count).2).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    Ok((nodes, weights))
}

/// `he_n(x)`, `he_{n-1}(x)` and `sum_{k < n} he_k(x)^2`.
fn series(x: f64, count: usize) -> (f64, f64, f64) {
    let (mut before, mut now, mut squares) = (0.0, 1.0, 0.0);
    for k in 0..count {
        squares += now * now;
        let next = (x * now - (k as f64).sqrt() * before) / ((k + 1) as f64).sqrt();
        (before, now) = (now, next);
    }
    (now, before, squares)
}

/// Two steps of Newton's method, `he_n' = sqrt(n) he_{n-1}`.
fn polished(mut x: f64, count: usize) -> f64 {
    for _ in 0..2 {
        let (value, before, _) = series(x, count);
        x -= value / ((count as f64).sqrt() * before);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_normal_law_are_exact() {
        for count in [1, 2, 3, 20, 64, MOST_NODES] {
            let (nodes, weights) = gauss_hermite(count).unwrap();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            let mut exact = 1.0;
            for power in (0..2 * count as i32).step_by(2).take(12) {
                let moment = |p: i32| {
                    nodes
                        .iter()
                        .zip(&weights)
                        .map(|(x, w)| w * x.powi(p))
                        .sum::<f64>()
                };
                assert!(
                    (moment(power) / exact - 1.0).abs() < 2e-12,
                    "{count} {power}"
                );
                assert!(moment(power + 1).abs() < 1e-12 * exact);
                exact *= f64::from(power + 1);
            }
        }
        // Degree 2n is the first that is not exact: with two nodes E x^4 is 1 in place of 3.
        let (nodes, weights) = gauss_hermite(2).unwrap();
        assert!((nodes[1] - 1.0).abs() < 1e-15 && (weights[1] - 0.5).abs() < 1e-15);
    }
}
