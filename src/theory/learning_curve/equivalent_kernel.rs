//! The equivalent kernel: regression with so many samples that their sum is an integral.
#![doc = include_str!("equivalent_kernel.md")]

use super::adapter::{Average, Curve, OBSERVABLES, Options};
use super::{Errors, Mode};
use crate::error::Result;
use crate::kind::{About, Kind};
use crate::rg::{Level, Spectrum, equivalent_kernel};
use crate::theory::{Info, Theory, parse_keys};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "equivalent-kernel",
    summary: "kernel ridge regression with sums over samples as integrals: each eigenfunction by itself, no generalisation gap",
    text: include_str!("equivalent_kernel.md"),
    revision: 1,
};

pub(super) static EQUIVALENT: Info = Info {
    source: "Silverman 1984, Ann. Stat. 12, 898; Sollich, Williams 2005, NIPS 17",
    observables: OBSERVABLES,
    assumptions: &[
        "kernel ridge regression",
        "sums over the samples are integrals over the population (many samples, high temperature)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &EQUIVALENT)?;
        let average = Average::Density;
        Ok(Arc::new(Curve { options, average }))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

/// Errors and modes on a population of `M` samples with kernel eigenvalues `k_i = M lam_i` and `target[i] = |Y v_i|^2`.
///
/// ```text
/// s = T M/P,   L_i = k_i/(k_i + s),   E = (1/M) sum_i target_i (1 - L_i)^2
/// ```
///
/// Training and test error are the same number.
///
/// # Errors
/// Numbers that are negative or not finite; no ridge.
pub fn equivalent_modes(
    eigenvalues: &[f64],
    target: &[f64],
    samples: usize,
    ridge: f64,
) -> Result<(Errors, Vec<Mode>)> {
    let m = eigenvalues.len() as f64;
    let level = |(k, t): (&f64, &f64)| Level::single(k / m, t / m);
    let levels: Vec<Level> = eigenvalues.iter().zip(target).map(level).collect();
    let curve = equivalent_kernel(&Spectrum::new(&levels)?, samples as f64, ridge)?;
    let mode = |level: &Level| Mode {
        learned: curve.learnability(level.eigenvalue),
        error: curve.level_error(level),
    };
    let errors = Errors {
        unseen: curve.generalization_error,
        training: curve.training_error,
        ridge: ridge * m / samples as f64,
        iterations: 0,
    };
    Ok((errors, levels.iter().map(mode).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::finite_population;
    use super::*;

    /// At fixed `T/P` the averages over finite samples are those over the density up to a term of order 1/P.
    #[test]
    fn is_the_limit_of_many_samples_at_high_temperature() {
        let m = 64_000;
        let k: Vec<f64> = (0..m).map(|i| 640.0 / (1.0 + i as f64).powf(1.3)).collect();
        let gaps = |samples: usize| {
            let ridge = 2e-3 * samples as f64;
            let finite = finite_population(&k, &k, samples, ridge).unwrap();
            let (dense, _) = equivalent_modes(&k, &k, samples, ridge).unwrap();
            [
                finite.unseen / dense.unseen - 1.0,
                finite.training / dense.training - 1.0,
            ]
        };
        let (few, many) = (gaps(400), gaps(1600));
        assert!(few[0] > 0.01 && few[1] < -0.01, "{few:?}");
        for (few, many) in few.iter().zip(many) {
            assert!((few / many - 4.0).abs() < 0.8, "{few} {many}");
        }
    }
}
