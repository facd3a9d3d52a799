//! A block of sample paths: its fields at all times, and the steps that extend them.

use super::curvature::Curved;
use super::history::{Drive, History, LANES, Turn};
use super::layout::Layout;
use super::sums::{Sums, add_fields, bundle, drawn, over_lanes, products};

/// Paths of a block at most.
pub(super) const BLOCK: usize = 64;

/// What all blocks of a repeat share.
#[derive(Debug)]
pub(super) struct Plan {
    pub all: usize,
    pub richness: f64,
    pub curved: Curved,
    /// Layouts of the derivatives by `r` and by `u` of a layer, where they are needed.
    pub layouts: [Vec<Option<Layout>>; 2],
    /// Whether responses come from Stein's form.
    pub stein: bool,
    /// Times at which `h` and `z` are kept.
    pub keep: Vec<usize>,
}

/// The rates `C` or `D` of one layer and time.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// For every sample those of all `(s, nu)`: `s < t` for `C`, `s <= t` for `D`.
    pub full: Vec<f64>,
    /// For every sample those of `(s, a)`, `s < t`, `a` trained.
    pub trained: Vec<f32>,
    /// `D_{mu mu}(t,t)`, and 0 for `C`.
    pub equal_time: Vec<f64>,
    /// What `dr(t)` is in each derivative by `r`.
    pub unit: Vec<f32>,
}

/// One layer of a block; fields at a time stand sample by sample, and within a sample path by path.
#[derive(Debug)]
struct Layer {
    /// White coordinates of `u` and `r`.
    white: [Vec<f64>; 2],
    /// `phi(h)` and `g` at all times so far.
    feature: Vec<f64>,
    gradient: Vec<f64>,
    /// `r` and `u` at all times so far, for Stein's form alone.
    drawn: [Vec<f64>; 2],
    present: Vec<f64>,
    slope: Vec<f64>,
    curvature: Vec<f64>,
    /// Eight paths each, by `r` and by `u`.
    histories: [Vec<History>; 2],
}

/// A block of paths.
#[derive(Debug)]
pub(super) struct Block {
    pub paths: usize,
    layers: Vec<Layer>,
    /// `h` and `z` at the kept times: for each time the layers, for each `h` then `z`.
    pub kept: Vec<Vec<[Vec<f64>; 2]>>,
}

impl Block {
    /// A block without white noise: see [`Block::start`].
    pub fn new(plan: &Plan, paths: usize) -> Self {
        let depth = plan.layouts[0].len();
        let layers = (0..depth).map(|l| Layer {
            white: [Vec::new(), Vec::new()],
            feature: Vec::new(),
            gradient: Vec::new(),
            drawn: [Vec::new(), Vec::new()],
            present: Vec::new(),
            slope: Vec::new(),
            curvature: Vec::new(),
            histories: [0, 1].map(|by| match &plan.layouts[by][l] {
                Some(layout) => (0..paths / LANES).map(|_| History::new(layout)).collect(),
                None => Vec::new(),
            }),
        });
        Block {
            paths,
            layers: layers.collect(),
            kept: Vec::new(),
        }
    }

    /// Begins a repeat with new coordinates of `u` and `r` for every layer, path by path within a coordinate.
    /// Histories stay where they are: each of their rows is written before it is read.
    pub fn start(&mut self, white: Vec<[Vec<f64>; 2]>) {
        self.kept.clear();
        for (layer, white) in self.layers.iter_mut().zip(white) {
            layer.white = white;
            layer.feature.clear();
            layer.gradient.clear();
            layer.drawn.iter_mut().for_each(Vec::clear);
        }
    }

    /// `h(t)` of a layer, from the rows that make `u(t)` of white noise; sums of `Phi` and of the response by `r`.
    pub fn forward(
        &mut self,
        plan: &Plan,
        l: usize,
        t: usize,
        rows: &[f64],
        rates: &Rates,
    ) -> Sums {
        let (paths, all) = (self.paths, plan.all);
        let layer = &mut self.layers[l];
        layer.present = drawn(&layer.white[0], paths, rows, all);
        if plan.stein && l > 0 {
            layer.drawn[1].extend_from_slice(&layer.present);
        }
        add_fields(
            plan.richness,
            &layer.gradient,
            paths,
            &rates.full,
            all,
            &mut layer.present,
        );
        let zeros = vec![0.0; paths * all];
        let mut feature = zeros.clone();
        (layer.slope, layer.curvature) = (zeros.clone(), zeros);
        let present = &layer.present;
        plan.curved.apply(
            present,
            &mut feature,
            &mut layer.slope,
            &mut layer.curvature,
        );
        layer.feature.extend_from_slice(&feature);
        if plan.keep.contains(&t) {
            if l == 0 {
                self.kept.push(Vec::new());
            }
            if let Some(kept) = self.kept.last_mut() {
                kept.push([layer.present.clone(), Vec::new()]);
            }
        }
        let mut sums = Sums {
            kernel: products(&layer.feature, &feature, paths),
            ..Sums::default()
        };
        if let Some(layout) = &plan.layouts[0][l] {
            let width = layout.forward_width(t);
            let mut found = vec![0.0; all * width * LANES];
            for (b, history) in layer.histories[0].iter_mut().enumerate() {
                let slope = bundle(&layer.slope, b, paths);
                let drive = Drive {
                    rates: &rates.trained,
                    richness: plan.richness as f32,
                    slope: &slope,
                };
                history.forward(layout, t, &drive, &mut found);
            }
            sums.response = over_lanes(&found);
        } else if plan.stein {
            let last = l + 1 == plan.layouts[0].len();
            let by = if last {
                &layer.white[1]
            } else {
                &layer.drawn[0]
            };
            sums.response = products(by, &feature, paths);
        }
        if let Some(layout) = &plan.layouts[1][l] {
            for (b, history) in layer.histories[1].iter_mut().enumerate() {
                let slope = bundle(&layer.slope, b, paths);
                let drive = Drive {
                    rates: &rates.trained,
                    richness: plan.richness as f32,
                    slope: &slope,
                };
                history.forward(layout, t, &drive, &mut []);
            }
        }
        sums
    }

    /// `z(t)` and `g(t)` of a layer, from the rows that make `r(t)` of white noise; sums of `G` and of the response
    /// by `u`.
    pub fn backward(
        &mut self,
        plan: &Plan,
        l: usize,
        t: usize,
        rows: &[f64],
        rates: &Rates,
    ) -> Sums {
        let (paths, all) = (self.paths, plan.all);
        let layer = &mut self.layers[l];
        let mut pulled = drawn(&layer.white[1], paths, rows, all);
        if plan.stein && l + 1 < plan.layouts[0].len() {
            layer.drawn[0].extend_from_slice(&pulled);
        }
        add_fields(
            plan.richness,
            &layer.feature,
            paths,
            &rates.full,
            all,
            &mut pulled,
        );
        let product =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let gradient = product(&layer.slope, &pulled);
        let bend = product(&layer.curvature, &pulled);
        layer.gradient.extend_from_slice(&gradient);
        if let Some(kept) = self.kept.last_mut().filter(|_| plan.keep.contains(&t)) {
            kept[l][1] = pulled;
        }
        let mut sums = Sums {
            kernel: products(&layer.gradient, &gradient, paths),
            ..Sums::default()
        };
        if plan.stein && l > 0 {
            sums.response = products(&layer.drawn[1], &gradient, paths);
        }
        let mut scratch = Vec::new();
        let equal_time: Vec<f32> = rates.equal_time.iter().map(|&d| d as f32).collect();
        for by in [0, 1] {
            let Some(layout) = &plan.layouts[by][l] else {
                continue;
            };
            let past = t.checked_sub(1).map_or(0, |before| layout.widths[before]);
            let mut found = vec![0.0; if by == 1 { all * past * LANES } else { 0 }];
            for (b, history) in layer.histories[by].iter_mut().enumerate() {
                let (slope, bend) = (bundle(&layer.slope, b, paths), bundle(&bend, b, paths));
                let drive = Drive {
                    rates: &rates.trained,
                    richness: plan.richness as f32,
                    slope: &slope,
                };
                let turn = Turn {
                    equal_time: &equal_time,
                    bend: &bend,
                    unit: &rates.unit,
                };
                history.backward(layout, t, (&drive, &turn), &mut found, &mut scratch);
            }
            if by == 1 {
                sums.response = over_lanes(&found);
                let sum = |values: &[f64]| -> f64 { values.iter().sum() };
                sums.equal_time = bend.chunks_exact(paths).map(sum).collect();
                let squares = product(&layer.slope, &layer.slope);
                sums.equal_time.extend(squares.chunks_exact(paths).map(sum));
            }
        }
        sums
    }
}
