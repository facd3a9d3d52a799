//! The staircase of the fully connected two-layer linear network.

/// Modes switched on one after another, from weights of scale `al -> 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Staircase {
    s: Vec<f64>,
    times: Vec<f64>,
}

impl Staircase {
    /// Singular values `s` of the input-output correlation (any order), scale `0 < al < 1` of the initial weight entries, and the
    /// step `eta` for descent instead of flow. Mode `k` rises at
    ///
    /// ```text
    /// t_k = ln(1/al) / s_k,        with finite steps  s_k -> ln(1 + eta s_k)/eta,
    /// ```
    ///
    /// in order of decreasing `s_k`, leading order in `1/ln(1/al)`: corrections to `t_k` are `O(1)` (they depend on the start, not
    /// on `al`). Only the `rank` (hidden width) strongest modes rise; others never do (infinite time).
    ///
    /// ```
    /// use saddlepoint::theory::saddle_to_saddle::connected::Staircase;
    /// let stairs = Staircase::new(&[3.0, 2.0, 1.0], 1e-2, None, 3);
    /// assert!((stairs.times()[0] - 1.5350567).abs() < 1e-7);
    /// assert_eq!(stairs.plateau_losses(), [7.0, 2.5, 0.5, 0.0]);
    /// ```
    pub fn new(s: &[f64], al: f64, eta: Option<f64>, rank: usize) -> Self {
        let stretch = (1.0 / al).ln();
        let mut times: Vec<f64> = s
            .iter()
            .map(|&s| match eta {
                Some(eta) if eta > 0.0 => stretch * eta / (eta * s).ln_1p(),
                _ => stretch / s,
            })
            .collect();
        let mut order: Vec<usize> = (0..s.len()).collect();
        order.sort_by(|&i, &j| s[j].total_cmp(&s[i]));
        for &late in order.iter().skip(rank) {
            times[late] = f64::INFINITY;
        }
        Staircase {
            s: s.to_vec(),
            times,
        }
    }

    /// Jump time of every mode, in the order of `s`.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Mode strengths at time `t`: `s_k` after the jump, 0 before.
    pub fn strengths(&self, t: f64) -> Vec<f64> {
        let on = |(&s, &jump): (&f64, &f64)| if t >= jump { s } else { 0.0 };
        self.s.iter().zip(&self.times).map(on).collect()
    }

    /// Loss `1/2 sum s_k^2` over the modes not yet learned.
    pub fn loss(&self, t: f64) -> f64 {
        let missing = self.strengths(t);
        let gap = |(s, u): (&f64, f64)| 0.5 * (s - u).powi(2);
        self.s.iter().zip(missing).map(gap).sum()
    }

    /// Loss on every plateau, from the start to the end.
    pub fn plateau_losses(&self) -> Vec<f64> {
        let mut jumps: Vec<f64> = self
            .times
            .iter()
            .copied()
            .filter(|t| t.is_finite())
            .collect();
        jumps.sort_by(f64::total_cmp);
        let mut losses = vec![self.loss(f64::NEG_INFINITY)];
        losses.extend(jumps.iter().map(|&t| self.loss(t)));
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};
    use nalgebra::{DMatrix, DVector};

    /// Half-rise times of the modes of a width-20 network trained by gradient descent on `S = diag(3, 2, 1)`.
    fn measured(al: f64, eta: f64, seed: u64) -> [f64; 3] {
        let mut rng = stream(seed, "test", &[]);
        let target = DMatrix::from_diagonal(&DVector::from_row_slice(&[3.0, 2.0, 1.0]));
        let mut w1 = al * normal_matrix(&mut rng, 20, 3);
        let mut w2 = al * normal_matrix(&mut rng, 3, 20);
        let mut times = [f64::NAN; 3];
        let mut before = [0.0; 3];
        for step in 0..2000 {
            let f = &w2 * &w1;
            for k in 0..3 {
                let half = 0.5 * target[(k, k)];
                let now = f[(k, k)];
                if times[k].is_nan() && now >= half {
                    times[k] = eta * (step as f64 - 1.0 + (half - before[k]) / (now - before[k]));
                }
                before[k] = now;
            }
            let error = &target - f;
            let step1 = eta * w2.tr_mul(&error);
            w2 += eta * &error * w1.transpose();
            w1 += step1;
        }
        times
    }

    #[test]
    fn trained_networks_have_the_slopes_of_the_corrected_jump_times() {
        let eta = 0.01;
        let scales = [1e-2, 1e-3, 1e-4];
        let slope = |y: [f64; 3]| {
            let x = scales.map(|al: f64| (1.0 / al).ln());
            let (mx, my) = (x.iter().sum::<f64>() / 3.0, y.iter().sum::<f64>() / 3.0);
            let xy: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
            xy / x.iter().map(|x| (x - mx).powi(2)).sum::<f64>()
        };
        let runs = scales.map(|al| [0, 1, 2, 3, 4].map(|seed| measured(al, eta, seed)));
        for k in 0..3 {
            let mean = runs
                .each_ref()
                .map(|seeds| seeds.iter().map(|t| t[k]).sum::<f64>() / 5.0);
            let corrected =
                scales.map(|al| Staircase::new(&[3.0, 2.0, 1.0], al, Some(eta), 20).times()[k]);
            let bare = scales.map(|al| Staircase::new(&[3.0, 2.0, 1.0], al, None, 20).times()[k]);
            let ratio = slope(mean) / slope(corrected);
            assert!((ratio - 1.0).abs() < 0.01, "mode {k}: {ratio}");
            // The correction itself is resolved: without it the slope is off by eta s / 2.
            let excess = slope(mean) / slope(bare) - 1.0;
            let expected = 0.5 * eta * [3.0, 2.0, 1.0][k];
            assert!(
                (excess - expected).abs() < 0.35 * expected,
                "{excess} {expected}"
            );
        }
    }

    #[test]
    fn a_bottleneck_learns_the_strongest_modes_only() {
        let stairs = Staircase::new(&[1.0, 3.0, 2.0], 1e-3, None, 2);
        assert_eq!(stairs.times()[0], f64::INFINITY);
        assert!(stairs.times()[1] < stairs.times()[2]);
        assert_eq!(stairs.strengths(1e9), [0.0, 3.0, 2.0]);
        assert_eq!(stairs.plateau_losses(), [7.0, 2.5, 0.5]);
    }
}
