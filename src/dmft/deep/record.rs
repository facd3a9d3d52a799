//! Matrices over pairs of times and samples.

/// Numbers `(t, mu; s, nu)` for `s <= t`: row `t` after row `t - 1`, within it the samples `mu`, within these the
/// pairs `(s, nu)`.
#[derive(Debug, Clone, Default)]
pub(super) struct TwoTime {
    pub all: usize,
    pub entries: Vec<f64>,
}

impl TwoTime {
    pub fn new(all: usize, times: usize) -> Self {
        TwoTime {
            all,
            entries: Vec::with_capacity(all * all * times * (times + 1) / 2),
        }
    }

    fn start(&self, t: usize) -> usize {
        self.all * self.all * t * (t + 1) / 2
    }

    /// Entries `(t, mu; ., .)` in the order of `(s, nu)`, `s = 0 ..= t`.
    pub fn row(&self, t: usize, mu: usize) -> &[f64] {
        let length = (t + 1) * self.all;
        let start = self.start(t) + mu * length;
        &self.entries[start..start + length]
    }

    /// Entries `(t, mu; s, .)`, `s <= t`.
    pub fn block(&self, t: usize, mu: usize, s: usize) -> &[f64] {
        &self.row(t, mu)[s * self.all..(s + 1) * self.all]
    }

    /// The entry of a matrix that is symmetric under exchange of its two pairs.
    pub fn symmetric(&self, t: usize, mu: usize, s: usize, nu: usize) -> f64 {
        if s <= t {
            self.block(t, mu, s)[nu]
        } else {
            self.block(s, nu, t)[mu]
        }
    }
}

/// A sum of several records with weights.
pub(super) fn combine(parts: &[(&TwoTime, f64)]) -> TwoTime {
    let mut sum = TwoTime {
        all: parts[0].0.all,
        entries: vec![0.0; parts[0].0.entries.len()],
    };
    for (part, weight) in parts {
        for (sum, value) in sum.entries.iter_mut().zip(&part.entries) {
            *sum += weight * value;
        }
    }
    sum
}
