//! Noise in few dimensions: the density of neurons on a grid.

use super::dynamics::{Dynamics, is_odd};
use super::grid::Grid;
use super::observe::Observer;
use super::sampled::push_sum;
use crate::error::Result;
use crate::numerics::interrupt;
use rayon::prelude::*;

/// What a pass over all steps found.
pub(super) struct Pass {
    /// Outputs at the times `0 ..= T`.
    pub(super) outputs: Vec<f64>,
    /// Sums of the observer.
    pub(super) sums: Vec<f64>,
    /// The number farthest from 0 of `mass - 1` at all times.
    pub(super) lost_mass: f64,
    /// Most nodes that carried mass.
    pub(super) nodes: usize,
}

/// Propagates the density of neurons: each node moves by one step of descent, then spreads by the noise of the step.
///
/// ```text
/// p(x, t+1) = sum_nodes spacing^d p(x', t) N(x - m_t(x'); v_n 1),   x = (b, z) in d = r + 1 <= 3 dimensions
/// ```
///
/// The sum over nodes is a trapezoid sum over smooth functions, whose error falls as `exp(-2 pi^2 v_n/spacing^2)`.
/// The mass is not put back to 1; what it loses is reported.
///
/// # Errors
/// `Unconverged` for a divergence, `Resource` for a grid beyond `limit` bytes, `Interrupted`.
pub(super) fn pass<O: Observer>(
    dynamics: &Dynamics,
    spacing: f64,
    times: &[usize],
    observer: Option<&O>,
    limit: u64,
) -> Result<Pass> {
    let samples = dynamics.frame.samples;
    let odd = is_odd(&dynamics.activation);
    let deviation = dynamics.optimiser.noise.sqrt();
    // The start must be resolved as well.
    let narrowest = dynamics
        .deviations
        .iter()
        .copied()
        .fold(deviation, f64::min);
    let spacing = spacing * narrowest;
    let mut grid = Grid::start(dynamics, spacing);
    let mut found = Pass {
        outputs: Vec::new(),
        sums: vec![0.0; observer.map_or(0, O::size)],
        lost_mass: 0.0,
        nodes: 0,
    };
    let mut index = 0;
    for time in 0..=dynamics.steps {
        interrupt::check()?;
        let mut blocks = grid.blocks(dynamics, odd);
        let parts: Vec<Vec<f64>> = blocks
            .par_iter_mut()
            .map(|block| {
                block.read(dynamics);
                block.outputs(dynamics)
            })
            .collect();
        push_sum(dynamics, &parts, &mut found.outputs, time)?;
        let mass: f64 = blocks.iter().map(|b| b.weights.iter().sum::<f64>()).sum();
        if (mass - 1.0).abs() > found.lost_mass.abs() {
            found.lost_mass = mass - 1.0;
        }
        found.nodes = found.nodes.max(blocks.iter().map(|b| b.count).sum());
        if let Some(observer) = observer.filter(|_| times.get(index) == Some(&time)) {
            for block in &blocks {
                observer.at(index, block, odd, &mut O::Keep::default(), &mut found.sums);
            }
            index += 1;
            if index == times.len() {
                break;
            }
        }
        if time < dynamics.steps {
            let drive = dynamics.drive(time, &found.outputs[time * samples..]);
            blocks
                .par_iter_mut()
                .for_each(|block| block.advance(dynamics, &drive, None));
            grid = Grid::spread(dynamics, &blocks, spacing, deviation, odd, limit)?;
        }
    }
    Ok(found)
}
