//! One causal sweep through time: one repeat of the solver.

use super::block::{BLOCK, Block, Plan};
use super::curvature::{Curved, is_odd};
use super::factor::{Factor, Pivot};
use super::history::LANES;
use super::known::{directions, inputs};
use super::layout::{By, Layout};
use super::noise::{Images, Noise};
use super::record::TwoTime;
use super::repeat::Repeat;
use super::stein::Stein;
use super::sums::Sums;
use super::{Approximation, Readout, Response, Settings};
use crate::dmft::{Memory, Problem};
use crate::error::{Error, Result};
use crate::kernel::Activation;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Pivots of the Gram matrices over times and samples are raised to this part of their mean diagonal entry.
const FLOOR: f64 = 1e-9;

/// What tests may change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    /// Whether the response at equal times is kept.
    pub equal_time: bool,
    /// Whether the paths stand in the order of their numbers.
    pub reversed: bool,
    pub images: Option<Images>,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            equal_time: true,
            reversed: false,
            images: None,
        }
    }
}

/// Mirror images that suit an activation.
pub(super) fn images(activation: &Activation) -> Images {
    Images {
        of_r: true,
        of_u: !is_odd(activation),
    }
}

/// What is solved, and how.
pub(super) struct Task<'a> {
    pub problem: &'a Problem<'a>,
    pub activation: &'a Activation,
    pub settings: &'a Settings,
    /// The richness, which may differ from that of the problem and be 0.
    pub richness: f64,
    pub response: Response,
    pub inner: Inner,
}

/// All that a repeat holds beside its blocks.
pub(super) struct Sweep<'a> {
    pub task: &'a Task<'a>,
    pub plan: Plan,
    pub memory: Memory,
    pub times: usize,
    /// Coordinates of the inputs, and of the weights of the first and the last layer.
    pub inputs: DMatrix<f64>,
    pub first: Vec<Vec<f64>>,
    pub last: Vec<Vec<f64>>,
    /// Grams of `u^{l}` and `r^{l}`, where they are no products of known covariances.
    pub drawn: [Vec<Factor>; 2],
    pub stein: Option<Stein>,
    pub driven: Vec<Vec<f64>>,
    pub found: Repeat,
}

/// Runs one repeat on `blocks`, which are made where there are none; `look` is called with the fraction done before
/// every step.
pub(super) fn sweep(
    task: &Task,
    repeat: usize,
    blocks: &mut Vec<Block>,
    look: &dyn Fn(f64) -> Result<()>,
) -> Result<Repeat> {
    let problem = task.problem;
    let (depth, all, times) = (problem.depth(), problem.samples(), problem.steps + 1);
    let memory = problem.optimiser.memory(problem.steps);
    let first = directions(&memory, problem.weight_variances[0], times);
    let last = directions(&memory, problem.weight_variances[depth], times);
    let responses = task.settings.approximation == Approximation::None;
    let trained = problem.targets.len();
    let paths = responses && task.response == Response::Paths;
    let exact = task.settings.readout == Readout::Exact;
    let over_times = |by| Layout::new(by, trained, all, (1..=times).map(|t| t * trained).collect());
    let by_r = |l: usize| match l + 1 < depth {
        true => paths.then(|| over_times(By::Backward)),
        false => (paths && exact).then(|| {
            let widths = last.iter().map(Vec::len).collect();
            Layout::new(By::Backward, trained, all, widths)
        }),
    };
    let by_u = |l: usize| (paths && l > 0).then(|| over_times(By::Forward));
    let zeros = || TwoTime::new(all, times);
    let mut sweep = Sweep {
        plan: Plan {
            all,
            richness: task.richness,
            curved: Curved::of(task.activation),
            layouts: [
                (0..depth).map(by_r).collect(),
                (0..depth).map(by_u).collect(),
            ],
            stein: responses && task.response == Response::Stein,
            keep: task.settings.keep.clone(),
        },
        memory,
        times,
        inputs: inputs(problem.kernel)?,
        first,
        last,
        drawn: [0, 1].map(|_| vec![Factor::new(Pivot::Raised(FLOOR)); depth]),
        stein: (responses && task.response == Response::Stein)
            .then(|| Stein::new(depth, trained, all)),
        driven: Vec::new(),
        found: Repeat {
            outputs: DMatrix::zeros(all, times),
            features: vec![zeros(); depth],
            gradients: vec![zeros(); depth],
            forward: vec![zeros(); depth - 1],
            backward: vec![zeros(); depth - 1],
            kept: Vec::new(),
            raised: 0,
            matched: true,
        },
        task,
    };
    sweep.start(repeat, blocks)?;
    for t in 0..times {
        look(t as f64 / times as f64)?;
        sweep.step(blocks, t)?;
    }
    Ok(sweep.finish(blocks))
}

impl Sweep<'_> {
    /// Draws the white noise of a repeat and gives it to the blocks.
    fn start(&mut self, repeat: usize, blocks: &mut Vec<Block>) -> Result<()> {
        let (depth, settings) = (self.plan.layouts[0].len(), self.task.settings);
        let images = self
            .task
            .inner
            .images
            .unwrap_or(images(self.task.activation));
        let total = rounded(settings.samples);
        let base = total / images.count();
        let pairs = self.times * self.plan.all;
        let most = |c: &[Vec<f64>]| c.last().map_or(0, Vec::len);
        let mut of_u = vec![pairs; depth];
        let mut of_r = of_u.clone();
        of_u[0] = most(&self.first) * self.inputs.ncols();
        of_r[depth - 1] = most(&self.last);
        let noise = Noise::draw(settings.seed, repeat, [&of_u, &of_r], base, images)?;
        self.found.matched = noise.matched == [true; 2];
        let plan = &self.plan;
        if blocks.is_empty() {
            let starts: Vec<usize> = (0..total).step_by(BLOCK).collect();
            let paths = |start: usize| BLOCK.min(total - start);
            let new = starts
                .into_par_iter()
                .map(|start| Block::new(plan, paths(start)));
            *blocks = new.collect();
        }
        let reversed = self.task.inner.reversed;
        blocks
            .par_iter_mut()
            .enumerate()
            .for_each(|(number, block)| {
                let start = number * BLOCK;
                let white = |l: usize| {
                    [0, 1].map(|kind| {
                        let coordinates = &noise.paths[kind][l];
                        let mut white = Vec::with_capacity(coordinates.nrows() * block.paths);
                        for row in coordinates.row_iter() {
                            for place in start..start + block.paths {
                                let path = if reversed { total - 1 - place } else { place };
                                let sign = images.signs(path % images.count())[kind];
                                white.push(sign * row[path / images.count()]);
                            }
                        }
                        white
                    })
                };
                let white = (0..depth).map(white).collect();
                block.start(white);
            });
        Ok(())
    }

    fn step(&mut self, blocks: &mut [Block], t: usize) -> Result<()> {
        let depth = self.plan.layouts[0].len();
        let mut readout = Vec::new();
        for l in 0..depth {
            let rows = self.rows_of_u(l, t);
            let rates = self.forward_rates(l, t);
            let plan = &self.plan;
            let sums = total(blocks, |block| block.forward(plan, l, t, &rows, &rates));
            finite(&sums, t)?;
            self.found.features[l]
                .entries
                .extend_from_slice(&sums.kernel);
            if l + 1 < depth {
                let response = self.forward_response(l, t, &sums.response);
                self.found.forward[l].entries.extend(response);
            } else {
                readout = sums.response;
            }
        }
        self.read(t, &readout)?;
        for l in (0..depth).rev() {
            let rows = self.rows_of_r(l, t);
            let rates = self.backward_rates(l, t);
            let plan = &self.plan;
            let sums = total(blocks, |block| block.backward(plan, l, t, &rows, &rates));
            finite(&sums, t)?;
            self.found.gradients[l]
                .entries
                .extend_from_slice(&sums.kernel);
            if l > 0 {
                let response = self.backward_response(l, t, &sums, &rates);
                self.found.backward[l - 1].entries.extend(response);
            }
        }
        self.step_by_tangent_kernel(t);
        Ok(())
    }

    fn finish(mut self, blocks: &[Block]) -> Repeat {
        self.found.raised = self.drawn.iter().flatten().map(|factor| factor.small).sum();
        let all = self.plan.all;
        let paths: usize = blocks.iter().map(|block| block.paths).sum();
        let count = self.plan.keep.iter().filter(|&&t| t < self.times).count();
        for time in 0..count {
            let layer = |l: usize| {
                [0, 1].map(|which| {
                    let mut field = Vec::with_capacity(all * paths);
                    for mu in 0..all {
                        for block in blocks {
                            let part = &block.kept[time][l][which];
                            field.extend_from_slice(&part[mu * block.paths..][..block.paths]);
                        }
                    }
                    field
                })
            };
            self.found
                .kept
                .push((0..self.plan.layouts[0].len()).map(layer).collect());
        }
        self.found
    }
}

/// Paths of a repeat: a multiple of the lanes.
pub(super) fn rounded(samples: usize) -> usize {
    samples.max(1).next_multiple_of(LANES)
}

/// Means over all paths; the parts of the blocks are added in their order.
fn total(blocks: &mut [Block], step: impl Fn(&mut Block) -> Sums + Sync + Send) -> Sums {
    let paths: usize = blocks.iter().map(|block| block.paths).sum();
    let parts: Vec<Sums> = blocks.par_iter_mut().map(step).collect();
    let mut sums = Sums::default();
    for part in &parts {
        sums.add(part);
    }
    sums.scale(1.0 / paths as f64);
    sums
}

fn finite(sums: &Sums, t: usize) -> Result<()> {
    if sums.kernel.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::unconverged(
        "dmft",
        format!("a kernel left the finite numbers after {t} steps"),
        "lower the learning rate or the richness",
    ))
}
