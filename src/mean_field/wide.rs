//! Kernels of an infinitely wide network whose layers have multipliers and variances of their own.
//!
//! A network `h^1 = c_1 W_1 x + d_1 b_1`, `h^{l+1} = c_{l+1} W_{l+1} phi(h^l) + d_{l+1} b_{l+1}`, `f = h^L`, with independent raw
//! weights `N(0, v_l)`, raw biases `N(0, u_l)` and fan-in `n_l`, trained in the raw parameters, has at infinite width
//!
//! ```text
//! K^1     = s_1 x.y/d + b_1            Th^1     = t_1 x.y/d + r_1
//! K^{l+1} = s_{l+1} F(K^l) + b_{l+1}   Th^{l+1} = t_{l+1} F(K^l) + r_{l+1} + s_{l+1} F'(K^l) Th^l
//! s_l = c_l^2 v_l n_l,   b_l = d_l^2 u_l,   t_l = c_l^2 n_l,   r_l = d_l^2 where biases are trained
//! ```
//!
//! `K^l` is the covariance of the pre-activations of layer `l`, `F(K^l)` the kernel of its features, `K^L` the covariance of an
//! output (NNGP) and `Th^L` its tangent kernel. At finite width these are the leading order in `1/n`; in the NTK
//! parametrisation with `v_l = 1`, `t_l = s_l = 1`.
//!
//! Sources: Lee et al. 2018, arXiv:1711.00165; Jacot, Gabriel, Hongler 2018, arXiv:1806.07572; the multipliers are carried
//! through here.

use crate::error::{Error, Result};
use crate::kernel::Activation;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// One layer, by what it does to kernels.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct WideLayer {
    /// `s_l = c_l^2 v_l n_l`
    pub signal: f64,
    /// `b_l = d_l^2 u_l`
    pub bias: f64,
    /// `t_l = c_l^2 n_l`; 0 where the weights are not trained.
    pub tangent: f64,
    /// `r_l = d_l^2`; 0 without trained biases.
    pub bias_tangent: f64,
}

/// A network as a sequence of wide layers, the read-out last.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Wide {
    /// Activation of the hidden layers.
    pub phi: Activation,
    /// The layers, at least one.
    pub layers: Vec<WideLayer>,
}

/// Kernels of one pair of inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// `F(K^l)` of every hidden layer: the mean of `phi(h(x)) phi(h(y))` over its units.
    pub features: Vec<f64>,
    /// `K^L`
    pub nngp: f64,
    /// `Th^L`
    pub ntk: f64,
    /// Bound of the error of all of them.
    pub bound: f64,
}

/// Matrices of the kernels of an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernels {
    /// `K^L`
    pub nngp: DMatrix<f64>,
    /// `Th^L`
    pub ntk: DMatrix<f64>,
    /// Largest bound of the error of an entry.
    pub bound: f64,
}

impl Wide {
    /// Kernels of a pair with the inner products `[x.x, y.y, x.y]/d`.
    ///
    /// # Errors
    /// Products that belong to no two vectors; variances that overflow.
    ///
    /// ```
    /// use saddlepoint::kernel::Activation;
    /// use saddlepoint::mean_field::wide::{Wide, WideLayer};
    /// let layer = WideLayer { signal: 2.0, bias: 0.0, tangent: 1.0, bias_tangent: 0.0 };
    /// let relu = Wide { phi: Activation::Relu, layers: vec![layer; 2] };
    /// let same = relu.pair([1.0, 1.0, 1.0])?;
    /// assert_eq!((same.features[0], same.nngp, same.ntk), (1.0, 2.0, 2.0)); // F = q/2, F' = 1/2: Th = F + 2 F' Th^1
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn pair(&self, [xx, yy, xy]: [f64; 3]) -> Result<Pair> {
        let Some((first, rest)) = self.layers.split_first() else {
            return Err(Error::bug("wide network", "no layers"));
        };
        let into = |g: f64| first.signal * g + first.bias;
        let (mut a, mut b, mut c) = (into(xx), into(yy), into(xy));
        let mut ntk = first.tangent * xy + first.bias_tangent;
        // The tangent kernel on the diagonal bounds its errors.
        let mut size = first.tangent * xx.max(yy) + first.bias_tangent;
        let mut bound = f64::EPSILON * size.max(a).max(b);
        let mut features = Vec::with_capacity(rest.len());
        for layer in rest {
            let dual = self.phi.dual(a, b, c)?;
            let of = |q: f64| self.phi.second_moments(q);
            let (at_a, at_b) = (of(a)?, of(b)?);
            let slope = at_a.slope.max(at_b.slope);
            bound = bound * layer.signal * slope
                + dual.bound * (layer.tangent + layer.signal * (1.0 + size));
            size = layer.tangent * at_a.value.max(at_b.value)
                + layer.bias_tangent
                + layer.signal * slope * size;
            ntk = layer.tangent * dual.value + layer.bias_tangent + layer.signal * dual.slope * ntk;
            features.push(dual.value);
            let into = |f: f64| layer.signal * f + layer.bias;
            (a, b, c) = (into(at_a.value), into(at_b.value), into(dual.value));
        }
        match [c, ntk, bound].iter().all(|v| v.is_finite()) {
            true => Ok(Pair {
                features,
                nngp: c,
                ntk,
                bound,
            }),
            false => Err(Error::input(
                "learner",
                "the kernels of the wide network overflow",
                "lower the weight variance or the number of layers",
            )),
        }
    }

    /// Kernels between the columns of `x` (`d x P`) and those of `y`; parallel over columns of `y`, the same bits for every
    /// number of threads.
    ///
    /// # Errors
    /// Those of [`Wide::pair`].
    pub fn kernels(&self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<Kernels> {
        let d = x.nrows().max(1) as f64;
        let norms = |m: &DMatrix<f64>| -> Vec<f64> {
            m.column_iter().map(|v| v.norm_squared() / d).collect()
        };
        let (of_x, of_y) = (norms(x), norms(y));
        let column = |j: usize| -> Result<Vec<Pair>> {
            let v = y.column(j);
            let pair = |i: usize| self.pair([of_x[i], of_y[j], x.column(i).dot(&v) / d]);
            (0..x.ncols()).map(pair).collect()
        };
        let columns: Vec<Result<Vec<Pair>>> = (0..y.ncols()).into_par_iter().map(column).collect();
        let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
        let entry = |of: fn(&Pair) -> f64| {
            DMatrix::from_fn(x.ncols(), y.ncols(), |i, j| of(&columns[j][i]))
        };
        let bounds = columns.iter().flatten().map(|p| p.bound);
        Ok(Kernels {
            nngp: entry(|p| p.nngp),
            ntk: entry(|p| p.ntk),
            bound: bounds.fold(0.0, f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DVector;

    /// `t = s`, `r = b`: the recursion of the theory file, and its table (erf(z), relu, linear, quadratic).
    fn paper(phi: Activation, s_w2: f64, s_b2: f64, hidden: usize) -> Wide {
        let layer = WideLayer {
            signal: s_w2,
            bias: s_b2,
            tangent: s_w2,
            bias_tangent: s_b2,
        };
        Wide {
            phi,
            layers: vec![layer; hidden + 1],
        }
    }

    #[test]
    fn the_table_of_the_kernels_is_met() {
        let column = |v: [f64; 3]| DMatrix::from_column_slice(3, 1, &v);
        let (x, y) = (column([1.0, 2.0, -1.0]), column([0.5, -1.0, 2.0]));
        let erf = Activation::UnscaledErf;
        for (phi, s_w2, s_b2, hidden, k, ntk, diagonal) in [
            (
                erf.clone(),
                1.5,
                0.1,
                1,
                -0.38272025,
                -0.91124523,
                1.09069280,
            ),
            (erf, 1.5, 0.1, 3, 0.00252168, -0.51001859, 0.74059339),
            (Activation::Relu, 2.0, 0.1, 1, 0.41938386, -0.25628662, 4.2),
            (Activation::Relu, 2.0, 0.1, 3, 2.27103045, 3.17078168, 4.4),
            (
                Activation::Linear,
                1.2,
                0.05,
                3,
                -2.15080000,
                -8.94520000,
                4.41560,
            ),
            (
                Activation::Quadratic,
                0.5,
                0.1,
                2,
                2.31774351,
                4.64389710,
                5.60083750,
            ),
        ] {
            let wide = paper(phi.clone(), s_w2, s_b2, hidden);
            let cross = wide.kernels(&x, &y).unwrap();
            let own = wide.kernels(&x, &x).unwrap();
            for (found, exact) in [
                (cross.nngp[0], k),
                (cross.ntk[0], ntk),
                (own.nngp[0], diagonal),
            ] {
                assert!(
                    (found - exact).abs() < 6e-9,
                    "{phi:?} {hidden}: {found} {exact}"
                );
            }
            assert!(cross.bound < 1e-10 && own.bound < 1e-10, "{phi:?}");
        }
    }

    /// The tangent kernel is the derivative of the covariance by the scales of the layers: with `K^L` as a function of all
    /// `s_l`, raw weights of variance 1 give `Th = sum_l s_l dK^L/ds_l`, taken along the off-diagonal alone (the variances
    /// held fixed, `F' = dF/dc`). No formula of the recursion for `Th` enters.
    #[test]
    fn the_tangent_kernel_is_the_response_of_the_covariance() {
        for phi in [Activation::Tanh, Activation::Gelu, Activation::Erf] {
            let layers: Vec<WideLayer> = [(1.3, 0.2), (0.8, 0.1), (1.7, 0.0)]
                .map(|(signal, bias)| WideLayer {
                    signal,
                    bias,
                    tangent: signal,
                    bias_tangent: bias,
                })
                .to_vec();
            let wide = Wide {
                phi: phi.clone(),
                layers: layers.clone(),
            };
            let at = [1.2, 0.7, 0.3];
            // c^{l+1} by hand, with the off-diagonal of one layer scaled by 1 + e and the variances as they are.
            let through = |scaled: usize, e: f64| {
                let [mut a, mut b, mut c] = at;
                for (l, layer) in layers.iter().enumerate() {
                    if l > 0 {
                        let dual = |a: f64, b: f64, c: f64| phi.dual(a, b, c).unwrap().value;
                        (a, b, c) = (dual(a, a, a), dual(b, b, b), dual(a, b, c));
                    }
                    let scale = if l == scaled { 1.0 + e } else { 1.0 };
                    let into = |v: f64| layer.signal * v + layer.bias;
                    (a, b, c) = (into(a), into(b), scale * into(c));
                }
                c
            };
            let e = 1e-5;
            let response = |l: usize| (through(l, e) - through(l, -e)) / (2.0 * e);
            let ntk = wide.pair(at).unwrap().ntk;
            let sum: f64 = (0..3).map(response).sum();
            assert!((ntk - sum).abs() < 1e-8, "{phi:?}: {ntk} {sum}");
        }
    }

    #[test]
    fn kernels_are_symmetric_and_positive() {
        let x = DMatrix::from_fn(4, 7, |i, j| (1.0 + i as f64 + 2.3 * j as f64).sin());
        let wide = paper(Activation::Erf, 1.4, 0.1, 3);
        let Kernels { nngp, ntk, .. } = wide.kernels(&x, &x).unwrap();
        for k in [nngp, ntk] {
            assert!((&k - k.transpose()).amax() < 1e-14);
            let eigenvalues: DVector<f64> = k.symmetric_eigenvalues();
            assert!(eigenvalues.min() > -1e-12);
        }
    }
}
