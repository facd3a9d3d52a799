//! What a solve needs, before it begins.

use super::sweep::{images, rounded};
use super::{Approximation, Readout, Response, Settings};
use crate::dmft::Problem;
use crate::error::{Error, Result};
use crate::kernel::Activation;

/// Sizes that memory and time depend on.
#[derive(Clone, Copy)]
struct Size {
    depth: f64,
    trained: f64,
    all: f64,
    steps: f64,
    /// Coordinates of the read-out: 1 where its random part is a multiple of its start, else one for every time.
    last: f64,
}

impl Size {
    fn of(problem: &Problem) -> Size {
        let times = problem.steps as f64 + 1.0;
        Size {
            depth: problem.depth() as f64,
            trained: problem.targets.len() as f64,
            all: problem.samples() as f64,
            steps: problem.steps as f64,
            last: if problem.optimiser.noise > 0.0 {
                times
            } else {
                1.0
            },
        }
    }

    /// Derivatives that one path keeps by paths over times, by the read-out, and rows under construction.
    fn derivatives(self, settings: &Settings) -> f64 {
        if settings.approximation != Approximation::None {
            return 0.0;
        }
        let rows = self.trained * self.steps;
        let over_times = rows * rows + self.all * self.trained * (self.steps + 1.0);
        // All of it by `u` has its diagonal, and `dg` by `r` as well.
        let diagonal = 1.5 * self.trained * rows;
        let readout = (rows + self.all) * self.last;
        let readout = if settings.readout == Readout::Exact {
            readout
        } else {
            0.0
        };
        2.0 * (self.depth - 1.0) * (over_times + diagonal) + 2.0 * readout
    }

    fn bytes(self, settings: &Settings, response: Response) -> f64 {
        let (samples, times) = (rounded(settings.samples) as f64, self.steps + 1.0);
        let fields = self.all * times;
        let kept = 2.0 * self.depth * self.all * settings.keep.len() as f64;
        let drawn = if response == Response::Stein {
            2.0 * (self.depth - 1.0) * fields
        } else {
            0.0
        };
        let mut path = 8.0 * (2.0 * self.depth * fields + drawn + kept);
        // White noise of the paths and of those before mirroring, and its covariance.
        let white = 2.0 * (self.depth - 1.0) * fields + self.all + self.last;
        path += 8.0 * 2.0 * white;
        if response == Response::Paths {
            path += 4.0 * self.derivatives(settings);
        }
        let kernels =
            4.0 * self.depth * fields * (fields + self.all) / 2.0 * settings.repeats as f64;
        let factors = 2.0 * (self.depth - 1.0) * fields * fields / 2.0;
        samples * path
            + 8.0 * samples * kept * settings.repeats as f64
            + 8.0 * (kernels + factors + 2.0 * white * white)
    }
}

/// Bytes that [`super::solve`] and its answer hold, for a way to find responses.
pub fn bytes(problem: &Problem, settings: &Settings, response: Response) -> u64 {
    Size::of(problem).bytes(settings, response) as u64
}

/// Floating-point operations of [`super::solve`], a product and a sum counted as two.
pub fn flops(problem: &Problem, settings: &Settings, response: Response) -> f64 {
    let size = Size::of(problem);
    let (samples, pairs) = (
        rounded(settings.samples) as f64,
        size.all * (size.steps + 1.0),
    );
    // Fields by rates and by white noise, kernels and correlations.
    let mut path = 2.0 * size.depth * pairs * pairs * 3.0;
    let factors = 2.0 * (size.depth - 1.0) * pairs.powi(3) / 3.0;
    if response == Response::Paths {
        path += 2.0 * size.all * size.steps / 3.0 * size.derivatives(settings);
    }
    settings.repeats as f64 * (samples * path + 2.0 * factors)
}

/// Floating-point operations of training one network of width S on the problem, for comparison: `O(S^2 P T)`.
///
/// Forward, backward and update of the `L - 1` inner matrices, the inputs and the read-out, for each sample and step.
/// Monte Carlo theory with S paths has the error of such a network. It costs less only for few samples and steps;
/// what it has beyond that are no initial outputs, responses, and laws of paths.
pub fn network_flops(problem: &Problem, settings: &Settings) -> f64 {
    let size = Size::of(problem);
    let width = rounded(settings.samples) as f64;
    let weights = width * (width * (size.depth - 1.0) + size.all + 1.0);
    6.0 * weights * size.trained * size.steps
}

/// The way to find responses, and why.
///
/// # Errors
/// `Resource` where no way fits into the memory.
pub(super) fn choose(
    problem: &Problem,
    activation: &Activation,
    settings: &Settings,
) -> Result<(Response, String)> {
    let limit = settings.max_memory;
    let fits = |response| bytes(problem, settings, response) <= limit;
    let (response, reason) = match settings.response {
        Some(response) => (response, "asked for".to_string()),
        None if *activation == Activation::Relu => (
            Response::Stein,
            "relu has no second derivative along a path".to_string(),
        ),
        None if fits(Response::Paths) => (Response::Paths, "fits into the memory".to_string()),
        None => {
            let needed = bytes(problem, settings, Response::Paths);
            let reason =
                format!("derivatives of all paths would need {needed} bytes, the limit is {limit}");
            (Response::Stein, reason)
        }
    };
    if fits(response) {
        return Ok((response, reason));
    }
    Err(Error::Resource {
        what: "the mean-field dynamics of a deep network".into(),
        needed: bytes(problem, settings, response),
        limit,
        remedy: remedy(Size::of(problem), settings, response),
    })
}

fn remedy(size: Size, settings: &Settings, response: Response) -> String {
    let largest = |grown: &dyn Fn(f64) -> Size| {
        let fits = |n: f64| grown(n).bytes(settings, response) <= settings.max_memory as f64;
        let (mut low, mut high) = (0.0, 1.0);
        while fits(high) {
            (low, high) = (high, 2.0 * high);
        }
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0f64).floor();
            if fits(middle) {
                low = middle
            } else {
                high = middle
            }
        }
        low
    };
    let last = |steps: f64| if size.last > 1.0 { steps + 1.0 } else { 1.0 };
    let steps = largest(&|steps| Size {
        steps,
        last: last(steps),
        ..size
    });
    let tested = size.all - size.trained;
    let samples = largest(&|trained| Size {
        trained,
        all: trained + tested,
        ..size
    });
    let other = match response {
        Response::Paths => ", take Stein's form for the responses",
        Response::Stein => "",
    };
    format!(
        "with {} paths {} training samples allow up to {steps} steps, and {} steps up to {samples} training \
         samples; take fewer paths{other}, \
         or raise the limit on memory",
        rounded(settings.samples),
        size.trained,
        size.steps
    )
}

/// What a user should know of the settings before trusting the answer.
pub(super) fn warnings(
    problem: &Problem,
    activation: &Activation,
    settings: &Settings,
) -> Vec<String> {
    let pairs = problem.samples() * (problem.steps + 1);
    let independent = rounded(settings.samples) / images(activation).count();
    let mut warnings = Vec::new();
    if problem.depth() > 1 && independent <= pairs {
        warnings.push(format!(
            "{independent} independent paths span no more than {independent} of the {pairs} directions of samples \
             and times: kernels are singular and biased; take more paths"
        ));
    }
    warnings
}
