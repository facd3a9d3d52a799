//! The first correction to the lazy limit of any network, in the square of the richness, by differences.

use super::record::combine;
use super::repeat::Repeat;
use super::solution::Solution;
use super::sweep::Inner;
use super::{Approximation, Response, Settings, solve_with};
use crate::dmft::Problem;
use crate::error::{Error, Result};
use crate::kernel::Activation;

/// Richness of the differences.
const STEP: f64 = 0.02;

/// Outputs and kernels up to the order `gamma_0^2`.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The lazy limit: what stands at `gamma_0 = 0`.
    pub start: Solution,
    /// Coefficients of `gamma_0^2` of the outputs and of all kernels and responses; its tangent kernel has no meaning.
    pub correction: Solution,
    /// The start and `gamma_0^2` times the correction, at the richness of the problem.
    pub value: Solution,
}

/// Expands the theory around the lazy limit, as a named approximation.
///
/// ```text
/// K = K(0) + gamma_0^2 K_2,    K_2 = [4 (K(g/2) - K(0))/(g/2)^2 - (K(g) - K(0))/g^2]/3,    g = 0.02
/// ```
///
/// The solver runs at `g`, `g/2` and 0 with the same white noise. Every path has a mirror image with `-r`, which
/// makes all averages exactly even in the richness: no odd term is there whose noise the division would enlarge. The
/// remainder of `K_2` is `O(g^4)`; single precision of the responses leaves an error of about `1e-3`. Valid for
/// gradient descent without momentum, decay and noise.
///
/// Cost: three solves.
///
/// # Errors
/// As [`super::solve`]; `Input` for other optimisers, for an approximation, and for Stein's form.
pub fn expand(
    problem: &Problem,
    activation: &Activation,
    settings: &Settings,
    look: &dyn Fn(f64) -> Result<()>,
) -> Result<Expansion> {
    let refused = |place: &str, cause: &str, remedy: &str| Err(Error::input(place, cause, remedy));
    if !problem.optimiser.is_plain() {
        return refused(
            "optimiser",
            "the perturbation in the richness is for plain gradient descent",
            "set momentum, decay and noise to 0",
        );
    }
    if settings.approximation != Approximation::None {
        return refused(
            "approximation",
            "the perturbation is one itself",
            "choose one of the two",
        );
    }
    if settings.response == Some(Response::Stein) || *activation == Activation::Relu {
        return refused(
            "response",
            "Stein's form divides by the richness, and its noise leaves no difference between small ones",
            "take derivatives along paths with a smooth activation",
        );
    }
    let settings = Settings {
        response: Some(Response::Paths),
        ..settings.clone()
    };
    let run = |which: usize, richness: f64| {
        let look = |part: f64| look((which as f64 + part) / 3.0);
        solve_with(
            problem,
            activation,
            &settings,
            richness,
            Inner::default(),
            &look,
        )
    };
    let (start, half, full) = (run(0, 0.0)?, run(1, STEP / 2.0)?, run(2, STEP)?);
    // K_2 = (16 K(g/2) - K(g) - 15 K(0)) / (3 g^2)
    let unit = 1.0 / (3.0 * STEP * STEP);
    let weighted = |weights: [f64; 3]| {
        let mut solution = start.clone();
        for (i, repeat) in solution.repeats.iter_mut().enumerate() {
            let parts = [&start.repeats[i], &half.repeats[i], &full.repeats[i]];
            *repeat = combined(parts, weights);
        }
        solution.keep.clear();
        solution
    };
    let second = [-15.0 * unit, 16.0 * unit, -unit];
    let squared = problem.richness * problem.richness;
    let value = [
        1.0 + squared * second[0],
        squared * second[1],
        squared * second[2],
    ];
    Ok(Expansion {
        correction: weighted(second),
        value: weighted(value),
        start,
    })
}

fn combined(parts: [&Repeat; 3], weights: [f64; 3]) -> Repeat {
    let records = |of: &dyn Fn(&Repeat) -> &Vec<super::record::TwoTime>| {
        let layers = 0..of(parts[0]).len();
        layers
            .map(|l| combine(&[0, 1, 2].map(|i| (&of(parts[i])[l], weights[i]))))
            .collect()
    };
    let outputs = [0, 1, 2].map(|i| &parts[i].outputs * weights[i]);
    Repeat {
        outputs: outputs
            .iter()
            .fold(&outputs[0] * 0.0, |sum, part| sum + part),
        features: records(&|repeat| &repeat.features),
        gradients: records(&|repeat| &repeat.gradients),
        forward: records(&|repeat| &repeat.forward),
        backward: records(&|repeat| &repeat.backward),
        kept: Vec::new(),
        raised: parts.iter().map(|repeat| repeat.raised).sum(),
        matched: parts.iter().all(|repeat| repeat.matched),
    }
}
