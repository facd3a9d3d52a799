//! Adaptive mean-field theory of a two-layer Bayesian network on given data.

use super::axis::Overlap;
use super::dual::{Dual, Method, Saddle};
use super::failure::Failure;
use super::linear::Linear;
use super::neurons::{Law, Neuron, Neurons, Radius};
use super::points::{Frame, MOST_DIMENSIONS, Points, has_parity};
use super::two_layer::TwoLayer;
use crate::error::{Error, Result};
use crate::kernel::Activation;
use crate::numerics::random::stream;
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// How the partition function of one neuron is evaluated.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Evaluator {
    /// The first of the others that applies, in their order.
    #[default]
    Auto,
    /// The Gaussian integral of a linear network.
    ClosedForm,
    /// A sum over a grid, or over directions for relu, where the inputs span at most three dimensions.
    Quadrature,
    /// A fixed sample of the prior, the same at every tilt.
    Sample,
}

/// What is solved for.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    /// The network.
    pub network: &'a TwoLayer,
    /// Training inputs, `d x P`.
    pub x: &'a DMatrix<f64>,
    /// Targets, `P`.
    pub y: &'a DVector<f64>,
    /// Further inputs at which the mean output is wanted, `d x P'`; may be empty.
    pub at: &'a DMatrix<f64>,
    /// A direction along which the law of the neurons is wanted.
    pub direction: Option<&'a DVector<f64>>,
    /// How `Z` is evaluated.
    pub evaluator: Evaluator,
    /// How the dual is minimised.
    pub method: Method,
    /// Neurons of one sample.
    pub sample: usize,
    /// Key of the stream of the sample.
    pub seed: u64,
}

/// The solution: everything in the units of the network `f(x) = sum_i a_i phi(w_i.x)`.
#[derive(Debug, Clone)]
pub struct MeanField {
    /// Mean output at the training inputs.
    pub training: DVector<f64>,
    /// Mean output at the further inputs.
    pub outputs: DVector<f64>,
    /// `t = (y - fbar)/tau` with `tau = N T/chi`.
    pub tilt: DVector<f64>,
    /// `E w w^T` over the neurons, `d x d`.
    pub weight_covariance: DMatrix<f64>,
    /// `E a^2` over its value under the prior.
    pub readout_scale: f64,
    /// `F/N`
    pub free_energy: f64,
    /// `ln Z` of the network, see [`Dual::log_evidence`].
    pub log_z: f64,
    /// Numerical errors.
    pub bounds: Bounds,
    /// Largest entry of the gradient of the dual.
    pub residual: f64,
    /// Duality gap over `|G|`.
    pub gap: f64,
    /// Iterations of the minimisation, over all refinements.
    pub iterations: usize,
    /// How `Z` was evaluated.
    pub method: String,
    /// `E q^2` and `E q^4` of the overlap `q = w.u` with the direction, where one was given.
    pub overlap: Option<[f64; 2]>,
    /// The law of that overlap.
    pub overlap_law: Option<Overlap>,
    /// Effective number of points of the sum, `1/sum p^2`; infinite for a closed form.
    pub effective: f64,
}

/// Numerical errors: the change of the last refinement, times 3.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    /// Of mean outputs.
    pub outputs: f64,
    /// Of the weight covariance.
    pub covariance: f64,
    /// Of `F/N`.
    pub free_energy: f64,
    /// Of `ln Z`.
    pub log_z: f64,
}

const NAME: &str = "mean-field";
/// Grids of the quadrature, from the coarsest: nodes per axis.
const GRIDS: [&[usize]; 4] = [
    &[1],
    &[101, 201, 401, 801],
    &[49, 73, 109, 163, 245],
    &[37, 55, 73, 97],
];
/// Pieces of every arc, or of the sphere.
const PIECES: [&[usize]; 4] = [&[1], &[1], &[1, 2, 4, 8, 16], &[2, 3, 5, 8]];
/// Change of the outputs at which refinement ends, relative to the targets.
const ACCURACY: f64 = 1e-9;
/// Numbers that a grid may hold.
const MOST_NUMBERS: usize = 12_000_000;
/// Half-widths of the grid in standard deviations of the prior.
const RANGES: [f64; 5] = [6.5, 8.5, 11.0, 14.0, 18.0];
/// Probability on the edge of a grid that is neglected.
const EDGE: f64 = 1e-9;
/// Effective neurons below which a sample is refused.
const LEAST_EFFECTIVE: f64 = 1000.0;

/// The law over neurons to which the posterior of `problem.network` concentrates as its width grows, see [`Dual`].
///
/// `Z` is a Gaussian integral for linear networks; a sum over directions for relu and over a uniform grid for other activations
/// where the inputs span up to three dimensions and are not too many to be held, refined until the outputs change by less than 1e-9 of
/// the targets; and an
/// average over a fixed sample of the prior otherwise, of which one repeat is solved here.
///
/// # Errors
/// `TiltDiverges` for an activation that grows like `z^2` or faster, and where the data pull harder than the prior confines;
/// `ThinSample` for a sample with fewer than 1,000 effective neurons; `NotConverged`; `Declined` for an evaluator that does not apply;
/// shapes that do not fit.
pub fn solve(problem: &Problem) -> Result<MeanField> {
    problem.network.check()?;
    let (x, y) = (problem.x, problem.y);
    if x.ncols() != y.len()
        || y.is_empty()
        || (problem.at.ncols() > 0 && problem.at.nrows() != x.nrows())
    {
        return Err(Error::input(
            "targets",
            format!("{} targets for {} inputs", y.len(), x.ncols()),
            "give one target per input, and test inputs of the same dimension",
        ));
    }
    let phi = &problem.network.phi;
    if phi.grows_faster_than_linear() {
        return Err(Failure::TiltDiverges { norm: 0.0 }.of(NAME));
    }
    let all = side_by_side(x, problem.at);
    let frame = Frame::of(problem.network, &all, problem.direction);
    let relu = *phi == Activation::Relu;
    let few = frame.dimension() <= MOST_DIMENSIONS;
    match problem.evaluator {
        Evaluator::Auto | Evaluator::ClosedForm if phi.is_linear() => closed_form(problem, &frame),
        Evaluator::ClosedForm => Err(inapplicable(
            "closed-form needs learner.activation = \"linear\"",
        )),
        Evaluator::Sample => sample(problem, &frame),
        Evaluator::Auto | Evaluator::Quadrature => {
            let found = match (few, relu) {
                (false, _) => None,
                (true, true) => directions(problem, &frame)?,
                (true, false) => grid(problem, &frame)?,
            };
            match (found, problem.evaluator) {
                (Some(found), _) => Ok(found),
                (None, Evaluator::Auto) => sample(problem, &frame),
                (None, _) => Err(inapplicable(
                    "quadrature needs inputs that span at most 3 dimensions, and no more samples than two grids can hold",
                )),
            }
        }
    }
}

fn inapplicable(cause: &str) -> Error {
    Error::Declined {
        reason: format!("{cause}; evaluator = \"auto\" chooses another"),
    }
}

impl Problem<'_> {
    /// `s_a^2 N/chi`, the variance of the read-out weight of `f = (1/N) sum a phi`.
    fn readout_variance(&self) -> f64 {
        self.network.readout_variance * self.network.width / self.network.chi
    }

    /// `tau = N T/chi`
    fn tau(&self) -> f64 {
        self.network.temperature * self.network.width / self.network.chi
    }

    /// Features of a point: one per input.
    fn features(&self) -> usize {
        self.x.ncols() + self.at.ncols()
    }

    fn dual<'a>(&'a self, neuron: &'a dyn Neuron) -> Dual<'a> {
        Dual {
            neuron,
            targets: self.y,
            tau: self.tau(),
        }
    }

    fn saddle(&self, neuron: &dyn Neuron, start: Option<&MeanField>) -> Result<Saddle> {
        match start {
            Some(start) => self
                .dual(neuron)
                .solve_from(self.method, start.tilt.clone()),
            None => self.dual(neuron).solve(self.method),
        }
    }

    fn collect(
        &self,
        frame: &Frame,
        neuron: &dyn Neuron,
        saddle: Saddle,
        law: Moments,
    ) -> Result<MeanField> {
        let log_z = self
            .dual(neuron)
            .log_evidence(&saddle, self.network.width)?;
        Ok(MeanField {
            training: saddle.mean,
            outputs: law.outputs,
            weight_covariance: frame.covariance(&law.second),
            readout_scale: law.readout / self.readout_variance(),
            free_energy: saddle.free_energy,
            log_z,
            bounds: Bounds::default(),
            residual: saddle.residual,
            gap: saddle.gap / saddle.free_energy.abs().max(f64::MIN_POSITIVE),
            iterations: saddle.iterations,
            method: neuron.method(),
            overlap: law.overlap,
            overlap_law: law.overlap_law,
            effective: law.effective,
            tilt: saddle.tilt,
        })
    }

    /// Solves on these points.
    fn on(
        &self,
        frame: &Frame,
        points: &Points,
        start: Option<&MeanField>,
    ) -> Result<(MeanField, f64)> {
        let (c, at) = (frame.coordinates(self.x), frame.coordinates(self.at));
        let phi = &self.network.phi;
        let neurons = points.neurons(phi, &c, self.readout_variance());
        let saddle = self.saddle(&neurons, start)?;
        let law = neurons.law(&saddle.tilt);
        let law = law.ok_or_else(|| {
            Failure::TiltDiverges {
                norm: saddle.tilt.norm(),
            }
            .of(NAME)
        })?;
        let moments = Moments {
            outputs: law.predict(&points.features(phi, &at)),
            second: law.weight_moments(),
            readout: law.readout_moment(),
            overlap: self
                .direction
                .map(|_| in_weights(law.axis_moments(), frame)),
            overlap_law: self
                .direction
                .map(|_| overlap_of(&self.network.phi, points, &law, frame.scale)),
            effective: law.effective(),
        };
        let edge = edge(&neurons, &law);
        Ok((self.collect(frame, &neurons, saddle, moments)?, edge))
    }
}

/// Averages over the tilted law.
struct Moments {
    outputs: DVector<f64>,
    second: DMatrix<f64>,
    readout: f64,
    overlap: Option<[f64; 2]>,
    overlap_law: Option<Overlap>,
    effective: f64,
}

/// Second and fourth moment of a coordinate of the frame in units of the weights.
fn in_weights([second, fourth]: [f64; 2], frame: &Frame) -> [f64; 2] {
    [second * frame.scale.powi(2), fourth * frame.scale.powi(4)]
}

/// The law of the first coordinate in units of the weights.
fn overlap_of(phi: &Activation, points: &Points, law: &Law, scale: f64) -> Overlap {
    let axis = law.axis();
    match (points.radius, points.spacing) {
        (Radius::Integrated(dimension), _) => {
            let left = axis.iter().zip(law.left());
            let points = left.map(|(&(u, p), left)| [u, p, left]).collect();
            Overlap::directions(points, dimension, scale)
        }
        (Radius::Sampled, Some(spacing)) => Overlap::grid(&axis, spacing, has_parity(phi), scale),
        (Radius::Sampled, None) => Overlap::sample(axis, scale),
    }
}

/// Probability of the points on the faces of a grid.
fn edge(neurons: &Neurons, law: &Law) -> f64 {
    if neurons.radius != Radius::Sampled {
        return 0.0;
    }
    let range = neurons.points.amax();
    let on_face = |v: nalgebra::DVectorView<f64>| v.amax() >= range * (1.0 - 1e-12);
    let points = neurons.points.column_iter().zip(&law.probabilities);
    points
        .filter(|(v, _)| on_face(v.as_view()))
        .map(|(_, p)| p)
        .sum()
}

fn closed_form(problem: &Problem, frame: &Frame) -> Result<MeanField> {
    let neuron = Linear {
        inputs: frame.coordinates(problem.x),
        readout_variance: problem.readout_variance(),
    };
    let saddle = problem.saddle(&neuron, None)?;
    let second = neuron.weight_moments(&saddle.tilt);
    let axis = problem.direction.map(|_| second[(0, 0)]);
    let moments = Moments {
        outputs: neuron.predict(&saddle.tilt, &frame.coordinates(problem.at)),
        readout: neuron.readout_moment(&saddle.tilt),
        overlap: axis.map(|v| in_weights([v, 3.0 * v * v], frame)),
        overlap_law: axis.map(|v| Overlap::normal(v, frame.scale)),
        effective: f64::INFINITY,
        second,
    };
    problem.collect(frame, &neuron, saddle, moments)
}

/// Refines until the outputs no longer change; the bounds are three times the last change. A single level is exact.
fn refined(
    problem: &Problem,
    levels: impl Iterator<Item = Points>,
    frame: &Frame,
) -> Result<(MeanField, f64)> {
    let mut last: Option<(MeanField, f64)> = None;
    for points in levels {
        let start = last.as_ref().map(|(last, _)| last);
        let (mut now, edge) = problem.on(frame, &points, start)?;
        if let Some((last, _)) = last {
            let change = |a: &[f64], b: &[f64]| {
                let pairs = a.iter().zip(b);
                3.0 * pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            let of = |part: fn(&MeanField) -> &[f64]| change(part(&now), part(&last));
            now.bounds = Bounds {
                outputs: of(|m| m.training.as_slice()).max(of(|m| m.outputs.as_slice())),
                covariance: of(|m| m.weight_covariance.as_slice()),
                free_energy: change(&[now.free_energy], &[last.free_energy]),
                log_z: change(&[now.log_z], &[last.log_z]),
            };
            now.iterations += last.iterations;
            if now.bounds.outputs <= ACCURACY * problem.y.amax() {
                return Ok((now, edge));
            }
        }
        last = Some((now, edge));
    }
    last.ok_or_else(|| Error::bug(NAME, "no level to solve on"))
}

/// `None` where fewer than two levels can be held, of which one would not know its error.
fn directions(problem: &Problem, frame: &Frame) -> Result<Option<MeanField>> {
    let c = frame.coordinates(problem.x);
    let fits = |points: &Points| points.log_weights.len() * problem.features() <= MOST_NUMBERS;
    let levels = PIECES[frame.dimension()].iter();
    let levels = levels.map(|&pieces| Points::directions(&c, pieces));
    let levels: Vec<Points> = levels.take_while(fits).collect();
    match levels.len() < 2 && frame.dimension() > 1 {
        true => Ok(None),
        false => Ok(Some(refined(problem, levels.into_iter(), frame)?.0)),
    }
}

/// As [`directions`].
fn grid(problem: &Problem, frame: &Frame) -> Result<Option<MeanField>> {
    let (phi, dimension) = (&problem.network.phi, frame.dimension());
    let mut norm = 0.0;
    for range in RANGES {
        // An odd number of nodes, at the spacing of the first range.
        let stretched = |&nodes: &usize| 2 * ((nodes as f64 * range / RANGES[0]) as usize / 2) + 1;
        let fits =
            |&nodes: &usize| nodes.pow(dimension as u32) * problem.features() <= MOST_NUMBERS;
        let levels = GRIDS[dimension].iter().map(stretched);
        let levels: Vec<usize> = levels.take_while(fits).collect();
        if levels.len() < 2 && dimension > 0 {
            return Ok(None);
        }
        let grids = levels.into_iter();
        let grids = grids.map(|nodes| Points::grid(phi, dimension, nodes, range));
        let (found, edge) = refined(problem, grids, frame)?;
        if edge <= EDGE || dimension == 0 {
            return Ok(Some(found));
        }
        norm = found.tilt.norm();
    }
    Err(Failure::TiltDiverges { norm }.of(NAME))
}

/// Slope in `1/N` of the mean predictor at `chi = 1`, at the training inputs `x` and then at the inputs `at`, with the change of the
/// last refinement of the quadrature: see [`super::gaussian_process::slope`].
///
/// # Errors
/// Inputs that span more than three dimensions; those of the slope.
pub fn first_correction(
    network: &TwoLayer,
    x: &DMatrix<f64>,
    at: &DMatrix<f64>,
    y: &[f64],
) -> Result<(Vec<f64>, f64)> {
    network.check()?;
    let all = side_by_side(x, at);
    let frame = Frame::of(network, &all, None);
    let c = frame.coordinates(&all);
    let dimension = frame.dimension();
    if dimension > MOST_DIMENSIONS {
        return Err(Error::Declined {
            reason: "the slope in 1/N needs inputs that span at most 3 dimensions".into(),
        });
    }
    let on = |points: Points| {
        let features = points.features(&network.phi, &c).transpose();
        let law = |see: &mut dyn FnMut(f64, &[f64])| {
            for (column, log) in features.column_iter().zip(&points.log_weights) {
                see(log.exp(), column.as_slice());
            }
        };
        let (s, t) = (network.readout_variance, network.temperature);
        super::gaussian_process::slope(law, y, s, t, network.chi).map(|found| found.slope)
    };
    let relu = network.phi == Activation::Relu;
    let sizes = if relu {
        PIECES[dimension]
    } else {
        GRIDS[dimension]
    };
    let points = |&size: &usize| match relu {
        true => Points::directions(&c, size).with_lengths(dimension),
        false => Points::grid(&network.phi, dimension, size, SLOPE_RANGE),
    };
    let fits = |points: &Points| points.log_weights.len() * all.ncols() <= MOST_NUMBERS;
    // The third level and the one before it, or what can be held.
    let levels: Vec<Points> = sizes.iter().take(3).map(points).take_while(fits).collect();
    let exact = sizes.len() == 1;
    if levels.len() < if exact { 1 } else { 2 } {
        return Err(Error::Declined {
            reason: "the slope in 1/N needs fewer samples: two grids must hold their features"
                .into(),
        });
    }
    let last_two = levels.into_iter().rev().take(2).map(on);
    let found: Vec<Vec<f64>> = last_two.collect::<Result<_>>()?;
    let changes = found[0].iter().zip(&found[found.len() - 1]);
    let bound = 3.0 * changes.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    Ok((found.into_iter().next().unwrap_or_default(), bound))
}

/// Half-width of the grid under the prior alone, where four features are multiplied.
const SLOPE_RANGE: f64 = 7.5;

fn side_by_side(x: &DMatrix<f64>, at: &DMatrix<f64>) -> DMatrix<f64> {
    let p = x.ncols();
    DMatrix::from_fn(x.nrows(), p + at.ncols(), |i, j| match j < p {
        true => x[(i, j)],
        false => at[(i, j - p)],
    })
}

fn sample(problem: &Problem, frame: &Frame) -> Result<MeanField> {
    let mut rng = stream(problem.seed, "neurons", &[]);
    let points = Points::sample(frame.dimension(), problem.sample, &mut rng);
    let (found, _) = problem.on(frame, &points, None)?;
    match found.effective >= LEAST_EFFECTIVE {
        true => Ok(found),
        false => Err(Failure::ThinSample {
            effective: found.effective,
        }
        .of(NAME)),
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
