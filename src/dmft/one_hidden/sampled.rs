//! Solving with points: a first pass finds the outputs, a second one what else is asked.

use super::block::Block;
use super::dynamics::Dynamics;
use super::observe::Observer;
use super::points::Source;
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::linalg::eigh;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Groups of blocks whose sums are formed one after the other in a second pass.
const GROUPS: usize = 32;
/// Residuals beyond this size are a divergence.
const DIVERGED: f64 = 1e6;

/// The outputs `f_mu(t)` of all samples at the times `0 ..= T`, one time after the other.
///
/// All blocks stand at the same time, since the residuals of a step are averages over all of them.
///
/// # Errors
/// `Unconverged` for a divergence, `Interrupted`.
pub(super) fn outputs(dynamics: &Dynamics, source: &Source) -> Result<Vec<f64>> {
    let mut blocks: Vec<Block> = (0..source.blocks())
        .into_par_iter()
        .map(|k| Block::start(dynamics, source, k))
        .collect();
    let samples = dynamics.frame.samples;
    let mut outputs: Vec<f64> = Vec::with_capacity((dynamics.steps + 1) * samples);
    for time in 0..=dynamics.steps {
        interrupt::check()?;
        let drive = match time {
            0 => Vec::new(),
            _ => dynamics.drive(time - 1, &outputs[(time - 1) * samples..]),
        };
        let parts: Vec<Vec<f64>> = blocks
            .par_iter_mut()
            .enumerate()
            .map(|(k, block)| {
                if time > 0 {
                    let noise = noise(dynamics, source, k, time - 1);
                    block.advance(dynamics, &drive, noise.as_deref());
                }
                block.read(dynamics);
                block.outputs(dynamics)
            })
            .collect();
        push_sum(dynamics, &parts, &mut outputs, time)?;
    }
    Ok(outputs)
}

fn noise(dynamics: &Dynamics, source: &Source, block: usize, step: usize) -> Option<Vec<f64>> {
    (dynamics.optimiser.noise > 0.0).then(|| source.noise(block, step))
}

/// Appends the outputs of a time, summed in the order of the blocks.
pub(super) fn push_sum(
    dynamics: &Dynamics,
    parts: &[Vec<f64>],
    outputs: &mut Vec<f64>,
    time: usize,
) -> Result<()> {
    let mut now = vec![0.0; dynamics.frame.samples];
    for part in parts {
        now.iter_mut()
            .zip(part)
            .for_each(|(sum, part)| *sum += part);
    }
    let bounded = |(f, y): (&f64, &f64)| (y - f).abs() <= DIVERGED;
    if !now.iter().zip(&dynamics.targets).all(bounded) || !now.iter().all(|f| f.is_finite()) {
        return Err(diverged(dynamics, time));
    }
    outputs.extend(now);
    Ok(())
}

/// The error of residuals that grow without bound.
pub(super) fn diverged(dynamics: &Dynamics, time: usize) -> Error {
    let remedy = match largest_rate(dynamics) {
        Some(limit) => format!(
            "choose a learning rate below 2 P/lambda_max of the tangent kernel at the start: \
             a rate per sample below {limit:.4e}, not {:.4e}",
            dynamics.rate
        ),
        None => "choose a lower learning rate".into(),
    };
    let cause = format!(
        "residuals left the range up to {DIVERGED:e} at step {time} of {}",
        dynamics.steps
    );
    Error::unconverged("dmft", cause, remedy)
}

/// `2 (1 + m)/lambda_max(K_0)` of the training samples, where the tangent kernel `K_0` at the start is known.
fn largest_rate(dynamics: &Dynamics) -> Option<f64> {
    let (trained, samples) = (dynamics.frame.trained, dynamics.frame.samples);
    let [inner, outer] = dynamics.deviations.map(|d| d * d);
    let entry = |i: usize, j: usize| dynamics.kernel[i * samples + j];
    let mut tangent = DMatrix::zeros(trained, trained);
    for i in 0..trained {
        for j in 0..trained {
            let [a, b, c] = [entry(i, i), entry(j, j), entry(i, j)].map(|k| inner * k);
            let dual = dynamics.activation.dual(a, b, c).ok()?;
            tangent[(i, j)] = dual.value + outer * dual.slope * entry(i, j);
        }
    }
    let (values, _) = eigh(&tangent).ok()?;
    let largest = values[values.len() - 1];
    (largest > 0.0).then(|| 2.0 * (1.0 + dynamics.optimiser.momentum) / largest)
}

/// Follows every block through the known residuals and observes it at the chosen `times` (ascending).
///
/// Neurons do not depend on one another once the residuals are known: a block is followed to the end before the next
/// one begins, and nothing of size neurons x times is stored.
pub(super) fn replay<O: Observer>(
    dynamics: &Dynamics,
    source: &Source,
    outputs: &[f64],
    times: &[usize],
    observer: &O,
) -> Result<Vec<f64>> {
    let samples = dynamics.frame.samples;
    let last = times.last().copied().unwrap_or(0);
    let drives: Vec<Vec<f64>> = (0..last)
        .map(|step| dynamics.drive(step, &outputs[step * samples..]))
        .collect();
    let groups = source.blocks().min(GROUPS);
    let parts: Vec<Result<Vec<f64>>> = (0..groups)
        .into_par_iter()
        .map(|group| {
            let mut sums = vec![0.0; observer.size()];
            for k in group * source.blocks() / groups..(group + 1) * source.blocks() / groups {
                interrupt::check()?;
                let mut block = Block::start(dynamics, source, k);
                let mut keep = O::Keep::default();
                let mut index = 0;
                block.read(dynamics);
                for time in 0..=last {
                    if times[index] == time {
                        observer.at(index, &block, source.folded, &mut keep, &mut sums);
                        index += 1;
                    }
                    if let Some(drive) = drives.get(time).filter(|_| time < last) {
                        let noise = noise(dynamics, source, k, time);
                        block.advance(dynamics, drive, noise.as_deref());
                        block.read(dynamics);
                    }
                }
                observer.after(keep, &mut sums);
            }
            Ok(sums)
        })
        .collect();
    let mut sums = vec![0.0; observer.size()];
    for part in parts {
        sums.iter_mut()
            .zip(part?)
            .for_each(|(sum, part)| *sum += part);
    }
    Ok(sums)
}

/// The rule's source of points for repeat or rule number `run`.
pub(super) fn source(
    dynamics: &Dynamics,
    rule: &super::Rule,
    seed: u64,
    run: usize,
) -> Result<Option<Source>> {
    use super::Rule;
    let rank = dynamics.frame.rank;
    let odd = super::dynamics::is_odd(&dynamics.activation);
    let noisy = if dynamics.optimiser.noise > 0.0 {
        dynamics.steps
    } else {
        0
    };
    Ok(match *rule {
        Rule::GaussHermite { nodes, fewer } => Some(Source::tensor(
            rank,
            if run == 0 { nodes } else { fewer },
            odd,
        )?),
        Rule::Sobol { points, .. } => Some(Source::sequence(rank, points, noisy, seed, run)),
        Rule::MonteCarlo { points, .. } => Some(Source::random(rank, points, odd, seed, run)),
        Rule::Covariance | Rule::Density { .. } => None,
    })
}
