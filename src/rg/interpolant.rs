//! A function of `X >= 0` on a grid of octaves, with its first two derivatives.

/// `U`, `U'`, `U''` at points `X_i` with `X_i + scale` evenly spaced within every octave, `2^bits` intervals in each:
/// even below the scale, relative above it.
///
/// Inside an interval `U'` is the cubic through the values and slopes at its ends, `U''` its derivative, and `U` its
/// integral from the lower end. Beyond the last point `U` is linear. The leading bits of the number `X + scale` are
/// the index of its interval: no search, and no logarithm.
#[derive(Debug, Clone)]
pub(super) struct Interpolant {
    scale: f64,
    top: f64,
    shift: u32,
    first: u64,
    points: Vec<f64>,
    jets: Vec<[f64; 3]>,
    /// Per interval: start, inverse length, `U`, the coefficients of `U'` in the fraction of the interval, and its
    /// length.
    pieces: Vec<[f64; 8]>,
}

impl Interpolant {
    /// A grid up to `reach` at least; the scale is rounded down to a power of 2.
    pub(super) fn grid(bits: u32, scale: f64, reach: f64) -> Self {
        let scale = scale.log2().floor().exp2();
        let octaves = (reach / scale + 1.0).log2().ceil().max(1.0);
        let shift = 52 - bits;
        let first = scale.to_bits() >> shift;
        let count = (octaves as u64) << bits;
        let point = |i: u64| f64::from_bits((first + i) << shift) - scale;
        Interpolant {
            scale,
            top: point(count),
            shift,
            first,
            points: (0..=count).map(point).collect(),
            jets: vec![[0.0; 3]; count as usize + 1],
            pieces: Vec::new(),
        }
    }

    pub(super) fn points(&self) -> &[f64] {
        &self.points
    }

    pub(super) fn jets(&self) -> &[[f64; 3]] {
        &self.jets
    }

    pub(super) fn at_zero(&self) -> [f64; 3] {
        self.jets[0]
    }

    pub(super) fn fill(&mut self, f: impl Fn(f64) -> [f64; 3]) {
        let jets: Vec<_> = self.points.iter().map(|&x| f(x)).collect();
        self.set(&jets);
    }

    pub(super) fn set(&mut self, jets: &[[f64; 3]]) {
        self.jets.copy_from_slice(jets);
        let ends = self.points.windows(2).zip(jets.windows(2));
        self.pieces = ends
            .map(|(x, jet)| {
                let h = x[1] - x[0];
                let (start, end) = (jet[0][1], jet[1][1]);
                let (left, right) = (h * jet[0][2], h * jet[1][2]);
                let rise = end - start;
                [
                    x[0],
                    1.0 / h,
                    jet[0][0],
                    start,
                    left,
                    3.0 * rise - 2.0 * left - right,
                    left + right - 2.0 * rise,
                    h,
                ]
            })
            .collect();
    }

    /// `U`, `U'`, `U''` at `x >= 0`.
    #[inline(always)]
    pub(super) fn jet(&self, x: f64) -> [f64; 3] {
        self.jet_at(self.place(x), x)
    }

    /// Index of the interval of `x`, beyond the last one for `x` beyond the grid; free of branches.
    #[inline(always)]
    pub(super) fn place(&self, x: f64) -> u64 {
        ((x + self.scale).to_bits() >> self.shift) - self.first
    }

    /// `U`, `U'`, `U''` at `x`, whose place is known.
    #[inline(always)]
    pub(super) fn jet_at(&self, place: u64, x: f64) -> [f64; 3] {
        let Some(&[start, inverse, value, a, b, c, d, h]) = self.pieces.get(place as usize) else {
            let last = self.jets[self.jets.len() - 1];
            return [last[0] + last[1] * (x - self.top), last[1], 0.0];
        };
        let t = (x - start) * inverse;
        [
            value + h * t * (a + t * (b * 0.5 + t * (c * (1.0 / 3.0) + t * (d * 0.25)))),
            a + t * (b + t * (c + t * d)),
            inverse * (b + t * (2.0 * c + t * 3.0 * d)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quartics are reproduced; other functions converge with the fourth power of the spacing.
    #[test]
    fn interpolation_has_its_order() {
        let jet = |x: f64| [x.powi(4), 4.0 * x.powi(3), 12.0 * x * x];
        let mut grid = Interpolant::grid(3, 0.07, 5.0);
        assert_eq!(grid.points()[0], 0.0);
        assert!(grid.top >= 5.0 && grid.top < 10.1);
        grid.fill(jet);
        for i in 0..1000 {
            let x = 0.00499 * i as f64;
            for (a, b) in grid.jet(x).iter().zip(jet(x)) {
                assert!((a - b).abs() < 1e-10, "{x}");
            }
        }
        let top = grid.top;
        let [value, slope, _] = jet(top);
        let end = grid.jet(top + 1.0);
        assert!((end[0] / (value + slope) - 1.0).abs() < 1e-12 && end[2] == 0.0);
        let jet = |x: f64| [(-x).exp(), -(-x).exp(), (-x).exp()];
        let error = |bits| {
            let mut grid = Interpolant::grid(bits, 0.07, 5.0);
            grid.fill(jet);
            let at = |i: usize| 0.00499 * i as f64;
            let worst = |k: usize| {
                let errors = (0..1000).map(|i| (grid.jet(at(i))[k] - jet(at(i))[k]).abs());
                errors.fold(0.0, f64::max)
            };
            [worst(0), worst(1)]
        };
        let (coarse, fine) = (error(2), error(3));
        assert!(
            coarse[1] / fine[1] > 12.0 && coarse[0] / fine[0] > 12.0,
            "{coarse:?} {fine:?}"
        );
    }
}
