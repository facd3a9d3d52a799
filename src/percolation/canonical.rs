//! From numbers of occupied elements to occupation probabilities: binomial averages and their derivatives.

use crate::error::{Error, Result};

/// Binomial weights `B(M, n, p) = C(M, n) p^n (1-p)^(M-n)` where they are not negligible.
#[derive(Debug, Clone, PartialEq)]
pub struct Binomial {
    elements: usize,
    p: f64,
    first: usize,
    weights: Vec<f64>,
}

/// Weights below this fraction of the largest are left out.
const NEGLIGIBLE: f64 = 1e-18;

impl Binomial {
    /// Weights around the mode by the two-sided recursion `B(n+1)/B(n) = (M-n)/(n+1) p/(1-p)`, normalised by their sum; about
    /// `18 sqrt(M p (1-p))` of them.
    ///
    /// # Errors
    /// `Input` for `p` outside `[0, 1]`.
    ///
    /// ```
    /// use saddlepoint::percolation::Binomial;
    /// let b = Binomial::new(10, 0.3)?;
    /// assert!((b.mean(|n| n as f64) - 3.0).abs() < 1e-14);
    /// // d/dp <n> = M
    /// assert!((b.slope(|n| n as f64).unwrap() - 10.0).abs() < 1e-12);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(elements: usize, p: f64) -> Result<Binomial> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::input(
                "p",
                format!("the occupation probability {p} is not between 0 and 1"),
                "use a probability",
            ));
        }
        let mode = (((elements + 1) as f64 * p) as usize).min(elements);
        let odds = p / (1.0 - p);
        let mut below = Vec::new();
        let mut weight = 1.0;
        for n in (0..mode).rev() {
            weight *= (n + 1) as f64 / ((elements - n) as f64 * odds);
            if weight < NEGLIGIBLE {
                break;
            }
            below.push(weight);
        }
        let first = mode - below.len();
        let mut weights: Vec<f64> = below.into_iter().rev().collect();
        weights.push(1.0);
        weight = 1.0;
        for n in mode..elements {
            weight *= (elements - n) as f64 / (n + 1) as f64 * odds;
            if weight < NEGLIGIBLE {
                break;
            }
            weights.push(weight);
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        Ok(Binomial {
            elements,
            p,
            first,
            weights,
        })
    }

    /// `O(p) = sum_n B(M, n, p) O_n`.
    pub fn mean(&self, microcanonical: impl Fn(usize) -> f64) -> f64 {
        let terms = (self.first..).zip(&self.weights);
        terms.map(|(n, w)| w * microcanonical(n)).sum()
    }

    /// `dO/dp = sum_n B(M, n, p) O_n (n - M p) / (p (1-p))`; `None` at `p = 0` and `1`, where the weights are concentrated.
    pub fn slope(&self, microcanonical: impl Fn(usize) -> f64) -> Option<f64> {
        if self.p == 0.0 || self.p == 1.0 {
            return None;
        }
        let centre = self.elements as f64 * self.p;
        let terms = (self.first..).zip(&self.weights);
        // The weights times n - M p add up to 0: a constant taken off loses nothing and saves digits.
        let middle = microcanonical(centre as usize);
        let sum: f64 = terms
            .map(|(n, w)| w * (microcanonical(n) - middle) * (n as f64 - centre))
            .sum();
        Some(sum / (self.p * (1.0 - self.p)))
    }

    /// `d/dp P(at least n occupied) = n B(M, n, p) / p`; 0 for `n = 0` and for `n > M`.
    ///
    /// ```
    /// use saddlepoint::percolation::Binomial;
    /// // P(at least 2 of 2) = p^2
    /// assert!((Binomial::new(2, 0.3)?.rise(2) - 0.6).abs() < 1e-15);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn rise(&self, n: usize) -> f64 {
        let weight = |n: usize| {
            let slot = n.checked_sub(self.first);
            slot.and_then(|k| self.weights.get(k))
                .copied()
                .unwrap_or(0.0)
        };
        // Two forms of one number, each finite where it is used.
        match n {
            0 => 0.0,
            _ if n > self.elements => 0.0,
            _ if self.p > 0.5 => n as f64 * weight(n) / self.p,
            _ => (self.elements - n + 1) as f64 * weight(n - 1) / (1.0 - self.p),
        }
    }

    /// Probabilities that at least `n` elements are occupied, for the `n` of [`Binomial::support`] and one more (0).
    pub fn tails(&self) -> Vec<f64> {
        let mut tails = vec![0.0; self.weights.len() + 1];
        for k in (0..self.weights.len()).rev() {
            tails[k] = tails[k + 1] + self.weights[k];
        }
        tails
    }

    /// The number of occupied elements whose distribution function reaches `uniform`, for a uniform number in `[0, 1)`.
    pub fn draw(&self, uniform: f64) -> usize {
        let mut sum = 0.0;
        for (n, w) in (self.first..).zip(&self.weights) {
            sum += w;
            if sum > uniform {
                return n;
            }
        }
        self.support()[1]
    }

    /// First and last number of occupied elements whose weight is kept.
    pub fn support(&self) -> [usize; 2] {
        [self.first, self.first + self.weights.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_formula() {
        for (m, p) in [
            (1usize, 0.5),
            (9, 0.59274605),
            (18, 0.5),
            (40, 0.01),
            (40, 1.0),
            (40, 0.0),
        ] {
            let b = Binomial::new(m, p).unwrap();
            let mut choose = 1.0;
            for n in 0..=m {
                let exact = choose * f64::powi(p, n as i32) * f64::powi(1.0 - p, (m - n) as i32);
                let found = b.mean(|k| f64::from(u8::from(k == n)));
                assert!(
                    (found - exact).abs() < 1e-14,
                    "{m} {p} {n}: {found} {exact}"
                );
                choose *= (m - n) as f64 / (n + 1) as f64;
            }
        }
    }

    /// Moments of the binomial law at a size where factorials would overflow.
    #[test]
    fn moments_of_a_million_elements() {
        let (m, p) = (1_000_000, 0.592746);
        let b = Binomial::new(m, p).unwrap();
        let mean = m as f64 * p;
        assert!((b.mean(|n| n as f64) / mean - 1.0).abs() < 1e-13);
        let variance = b.mean(|n| (n as f64 - mean).powi(2));
        assert!((variance / (mean * (1.0 - p)) - 1.0).abs() < 1e-11);
        assert!((b.slope(|n| n as f64).unwrap() / m as f64 - 1.0).abs() < 1e-11);
    }

    #[test]
    fn draws_invert_the_distribution_function() {
        let b = Binomial::new(2, 0.5).unwrap();
        assert_eq!(
            [0.0, 0.24, 0.26, 0.74, 0.76, 0.999].map(|u| b.draw(u)),
            [0, 0, 1, 1, 2, 2]
        );
    }

    #[test]
    fn slopes_are_derivatives() {
        let curve = |n: usize| (n as f64 / 30.0).powi(3);
        let at = |p: f64| Binomial::new(30, p).unwrap();
        let h = 1e-5;
        let difference = (at(0.4 + h).mean(curve) - at(0.4 - h).mean(curve)) / (2.0 * h);
        assert!((at(0.4).slope(curve).unwrap() - difference).abs() < 1e-8);
        assert!(at(1.0).slope(curve).is_none());
        assert!(Binomial::new(3, 1.5).is_err() && Binomial::new(3, f64::NAN).is_err());
    }
}
