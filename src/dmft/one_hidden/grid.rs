//! A density of neurons on a uniform grid, and its spreading by the noise of a step.

use super::block::Block;
use super::dynamics::Dynamics;
use super::points::BLOCK;
use crate::error::{Error, Result};
use crate::numerics::elementary::exp;
use crate::numerics::simd::vectorised;
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Standard deviations of the start that the grid holds.
const RANGE: f64 = 7.75;
/// What is less than this part of the largest density is left out: nodes, and tails of the law of the noise around
/// them.
const FLOOR: f64 = 1e-13;
/// Square of the standard deviations of the noise at which its law is cut in any case.
const REACH: f64 = 52.0;
/// Parts of the sum over nodes that are formed side by side.
const GROUPS: usize = 4;
/// Most axes.
const AXES: usize = 3;

/// A density on a box of nodes around the origin.
pub(super) struct Grid {
    spacing: f64,
    /// Nodes on each side of the origin, axis by axis.
    halves: [usize; AXES],
    density: Vec<f64>,
}

impl Grid {
    fn length(&self, axis: usize) -> usize {
        2 * self.halves[axis] + 1
    }

    fn coordinate(&self, axis: usize, index: usize) -> f64 {
        (index as f64 - self.halves[axis] as f64) * self.spacing
    }

    /// The independent normal law of the start.
    pub(super) fn start(dynamics: &Dynamics, spacing: f64) -> Grid {
        let axes = dynamics.axes();
        let deviation = |axis: usize| dynamics.deviations[usize::from(axis == dynamics.frame.rank)];
        let mut grid = Grid {
            spacing,
            halves: [0; AXES],
            density: vec![1.0],
        };
        for axis in 0..axes {
            let deviation = deviation(axis);
            grid.halves[axis] = (RANGE * deviation / spacing).ceil() as usize;
            let line: Vec<f64> = (0..grid.length(axis))
                .map(|k| {
                    let x = grid.coordinate(axis, k) / deviation;
                    exp(-0.5 * x * x) / (TAU.sqrt() * deviation)
                })
                .collect();
            grid.density = line
                .iter()
                .flat_map(|p| grid.density.iter().map(move |q| p * q))
                .collect();
        }
        grid
    }

    /// Neurons at the nodes, weighted by density times volume; with `odd`, one half of them for both.
    pub(super) fn blocks(&self, dynamics: &Dynamics, odd: bool) -> Vec<Block> {
        let axes = dynamics.axes();
        let volume = self.spacing.powi(axes as i32);
        let floor = FLOOR * self.density.iter().copied().fold(0.0, f64::max);
        let middle = (self.density.len() - 1) / 2;
        let first = if odd { middle } else { 0 };
        let kept: Vec<usize> = (first..self.density.len())
            .filter(|&flat| self.density[flat] > floor)
            .collect();
        let nodes = kept.par_chunks(BLOCK).map(|nodes| {
            let mut position = vec![0.0; nodes.len() * axes];
            let mut weights = vec![0.0; nodes.len()];
            for (k, &flat) in nodes.iter().enumerate() {
                let mut rest = flat;
                for axis in 0..axes {
                    position[axis * nodes.len() + k] =
                        self.coordinate(axis, rest % self.length(axis));
                    rest /= self.length(axis);
                }
                let images = if odd && flat != middle { 2.0 } else { 1.0 };
                weights[k] = images * volume * self.density[flat];
            }
            Block::at(dynamics, position, weights)
        });
        nodes.collect()
    }

    /// The density after the noise: every neuron spreads as a normal law of this deviation on every axis.
    pub(super) fn spread(
        dynamics: &Dynamics,
        blocks: &[Block],
        spacing: f64,
        deviation: f64,
        odd: bool,
        limit: u64,
    ) -> Result<Grid> {
        let axes = dynamics.axes();
        let mut halves = [0; AXES];
        for (axis, half) in halves.iter_mut().enumerate().take(axes) {
            let farthest = blocks
                .iter()
                .flat_map(|b| &b.position[axis * b.count..(axis + 1) * b.count])
                .fold(0.0f64, |m, x| m.max(x.abs()));
            *half = ((farthest + REACH.sqrt() * deviation) / spacing).ceil() as usize;
        }
        let nodes: f64 = halves.iter().map(|&h| 2.0 * h as f64 + 1.0).product();
        let needed = 8.0 * (GROUPS + 1) as f64 * nodes;
        if needed > limit as f64 {
            return Err(Error::Resource {
                what: "the density of neurons on a grid".into(),
                needed: needed as u64,
                limit,
                remedy: "take a Sobol rule, or raise the limit on memory".into(),
            });
        }
        let mut grid = Grid {
            spacing,
            halves,
            density: vec![0.0; nodes as usize],
        };
        let largest = blocks
            .iter()
            .flat_map(|b| &b.weights)
            .copied()
            .fold(0.0, f64::max);
        let groups = GROUPS.min(blocks.len());
        let parts: Vec<Vec<f64>> = (0..groups)
            .into_par_iter()
            .map(|group| {
                let mut out = vec![0.0; grid.density.len()];
                for block in
                    &blocks[group * blocks.len() / groups..(group + 1) * blocks.len() / groups]
                {
                    grid.scatter(block, axes, deviation, largest, &mut out);
                }
                out
            })
            .collect();
        for part in parts {
            grid.density
                .iter_mut()
                .zip(part)
                .for_each(|(sum, part)| *sum += part);
        }
        if odd {
            // A neuron stands for its mirror image with half of its weight.
            let length = grid.density.len();
            for k in 0..length.div_ceil(2) {
                let both = 0.5 * (grid.density[k] + grid.density[length - 1 - k]);
                (grid.density[k], grid.density[length - 1 - k]) = (both, both);
            }
        }
        Ok(grid)
    }

    /// Adds the normal laws around the neurons of a block, each as far as it is above the floor given by the largest
    /// weight.
    fn scatter(&self, block: &Block, axes: usize, deviation: f64, largest: f64, out: &mut [f64]) {
        let scale = 1.0 / (TAU.sqrt() * deviation);
        // Along each axis: the law, and the squares of distances.
        let mut lines: [Vec<f64>; AXES] = std::array::from_fn(|_| vec![1.0]);
        let mut squares: [Vec<f64>; AXES] = std::array::from_fn(|_| vec![0.0]);
        let mut first = [0; AXES];
        vectorised(
            #[inline(always)]
            || {
                for neuron in 0..block.count {
                    let weight = block.weights[neuron];
                    let room = (2.0 * (weight / (FLOOR * largest)).ln()).min(REACH);
                    if room.is_nan() || room <= 0.0 {
                        continue;
                    }
                    let nodes = |axis: usize, reach: f64| {
                        let centre = block.position[axis * block.count + neuron] / self.spacing;
                        let (middle, reach) = (
                            centre + self.halves[axis] as f64,
                            reach * deviation / self.spacing,
                        );
                        (
                            (middle - reach).ceil().max(0.0) as usize,
                            (middle + reach).floor() as usize,
                        )
                    };
                    for axis in 0..axes {
                        let centre = block.position[axis * block.count + neuron];
                        let (from, to) = nodes(axis, room.sqrt());
                        first[axis] = from;
                        squares[axis].clear();
                        squares[axis].extend((from..=to).map(|k| {
                            let x = (self.coordinate(axis, k) - centre) / deviation;
                            x * x
                        }));
                        lines[axis].clear();
                        lines[axis].extend(
                            squares[axis]
                                .iter()
                                .map(|square| scale * exp(-0.5 * square)),
                        );
                    }
                    for (k, outer) in lines[2].iter().enumerate() {
                        for (j, middle) in lines[1].iter().enumerate() {
                            let left = room - squares[2][k] - squares[1][j];
                            if left <= 0.0 {
                                continue;
                            }
                            let (from, to) = nodes(0, left.sqrt());
                            if to < from {
                                continue;
                            }
                            let row =
                                ((first[2] + k) * self.length(1) + first[1] + j) * self.length(0);
                            let factor = weight * outer * middle;
                            let line = &lines[0][from - first[0]..=to - first[0]];
                            let row = &mut out[row + from..=row + to];
                            row.iter_mut()
                                .zip(line)
                                .for_each(|(out, p)| *out += factor * p);
                        }
                    }
                }
            },
        );
    }
}
