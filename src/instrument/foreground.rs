//! Foreground neurons: single neurons sampled in the mean field of a chain's mean output.

use super::angles::CIRCLE;
use super::direction::{direction, parse_direction, points_into};
use super::mean_outputs::powers;
use super::neurons::{centres, check_bins, density};
use super::reading::Read;
use super::subject::{Subject, refused};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::learner::Parameters;
use crate::mean_field::TwoLayer;
use crate::mean_field::foreground::foreground_neurons;
use crate::numerics::random::stream;
use crate::task::Dataset;
use nalgebra::{DMatrix, DVector};
use std::sync::Arc;

/// Density of foreground neurons.
pub static FOREGROUND_NEURONS: Observable = Observable {
    name: "foreground-neurons",
    label: "density of foreground neurons",
    unit: "1",
    convention: "density of the angle psi (of = \"overlap\": of the overlap q = w . u) of single neurons sampled in the field \
                 t = (y - <f>)/tau of the chain's mean output <f>, as neuron-angle and neuron-overlap-density have it of the \
                 network's own neurons",
    ..Observable::PLAIN
};

static ABOUT: About = About {
    kind: "foreground-neurons",
    summary: "density of single neurons sampled in the mean field of a chain: is the network a gas of independent neurons?",
    text: "\
The mean output <f> of a chain at the training inputs is frozen: the background. Independent single neurons, with the
prior of the first layer and the read-out integrated out, then follow Hamiltonian Monte Carlo in its field,
  p(w) ~ exp(-d |w|^2/(2 s_w^2) + (s^2/2) (sum_mu t_mu phi(w.x_mu))^2),  s^2 = s_a^2 N/chi,
  t = (y - <f>)/tau,  tau = N T/chi.
Where every neuron of the network sees the others through their mean alone (N -> inf in mean-field scaling), this is the
density of the network's own neurons, neuron-angle (of = \"angle\", for two inputs: axis angle) or
neuron-overlap-density (of = \"overlap\": axis overlap), and that of the theory mean-field at its saddle point: three
densities that need not agree by construction. Neurons are keyed by the seed and the bits of <f>, which differ between
chains. Declines unless the network has one hidden layer, one output, no biases and a Gaussian prior.

keys: of = \"angle\" (default) or \"overlap\"; neurons (default 2000, of each chain); bins (default 32);
direction and range = [-2, 2] of overlap, as { kind = \"foreground-neurons\", of = \"overlap\", bins = 40 }
source: Ringel et al. 2025, arXiv:2502.18553",
    revision: 1,
};

/// What is told of a neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Of {
    #[default]
    Angle,
    Overlap,
}

/// Keys of `foreground-neurons`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    of: Of,
    #[serde(default = "two_thousand")]
    neurons: usize,
    #[serde(default = "bins")]
    bins: usize,
    direction: Option<Vec<f64>>,
    #[serde(default = "two")]
    range: [f64; 2],
}

const fn two_thousand() -> usize {
    2000
}

const fn bins() -> usize {
    32
}

const fn two() -> [f64; 2] {
    [-2.0, 2.0]
}

/// The instrument.
pub struct Foreground {
    keys: Keys,
}

pub(super) static FOREGROUND: Foreground = Foreground {
    keys: Keys {
        of: Of::Angle,
        neurons: two_thousand(),
        bins: bins(),
        direction: None,
        range: two(),
    },
};

/// The network of the mean field.
fn network(subject: &Subject) -> std::result::Result<TwoLayer, Declined> {
    let view = subject.learner.plain_mlp(subject.shape);
    let prior = view.as_ref().and_then(|v| v.prior.clone());
    let sampling = subject.training.sampling();
    let (Some(view), Some(prior), Some(sampling)) = (view, prior, sampling) else {
        return Err(Declined(
            "needs a perceptron without biases, with a Gaussian prior (learner.prior), and a sampler".into(),
        ));
    };
    if !sampling.has_gaussian_likelihood() {
        return Err(Declined("needs training.loss = \"half-sum\"".into()));
    }
    match (view.widths.as_slice(), subject.shape.outputs) {
        (&[_, width, _], 1) => Ok(TwoLayer {
            phi: view.activation,
            width: width as f64,
            weight_variance: prior.weight_variances[0],
            readout_variance: prior.readout_variance,
            temperature: sampling.temperature,
            chi: prior.chi,
        }),
        _ => Err(Declined("needs one hidden layer and one output".into())),
    }
}

impl Instrument for Foreground {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &FOREGROUND_NEURONS
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: Keys = parse_table(place, keys)?;
        check_bins(place, keys.bins)?;
        super::neurons::check_range(place, keys.range)?;
        parse_direction(place, &keys.direction)?;
        if keys.neurons == 0 {
            return Err(crate::Error::input(
                format!("{place}.neurons"),
                "0 neurons have no density",
                "give a number such as 2000",
            ));
        }
        Ok(Arc::new(Foreground { keys }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        network(&subject)?;
        let Keys { bins, range, .. } = self.keys;
        match (self.keys.of, subject.shape.inputs) {
            (Of::Angle, 2) => Ok(vec![Axis::new("angle", "rad", centres(bins, CIRCLE))]),
            (Of::Angle, n) => Err(Declined(format!(
                "angles need 2 inputs, there are {n} (of = \"overlap\")"
            ))),
            (Of::Overlap, _) => {
                points_into(&self.keys.direction, experiment)?;
                Ok(vec![Axis::new("overlap", "1", centres(bins, range))])
            }
        }
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let refuse = |declined| refused(ABOUT.kind, declined);
        let subject = Subject::of(experiment).map_err(refuse)?;
        let along = match self.keys.of {
            Of::Angle => None,
            Of::Overlap => Some(direction(&self.keys.direction, dataset, ABOUT.kind)?),
        };
        Ok(Box::new(Background {
            seed: experiment.seed,
            network: network(&subject).map_err(refuse)?,
            from: subject.training.measured_from(),
            read: powers(&subject, &dataset.x, 1)?,
            x: dataset.x.clone(),
            y: dataset.y.iter().copied().collect(),
            along,
            keys: self.keys.clone(),
            sums: Vec::new(),
        }))
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        let neurons = self.keys.neurons;
        Subject::bytes(experiment, |subject| {
            subject.forward(subject.shape.samples) + neurons * (subject.shape.inputs + 1)
        })
    }
}

struct Background {
    seed: u64,
    network: TwoLayer,
    from: usize,
    read: Read,
    x: DMatrix<f64>,
    y: Vec<f64>,
    along: Option<DVector<f64>>,
    keys: Keys,
    /// Number of looks, then the sums of the outputs.
    sums: Vec<f64>,
}

impl Recorder for Background {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        if step >= self.from {
            let outputs = (self.read)(parameters)?;
            self.sums.resize(1 + outputs.len(), 0.0);
            let seen = [1.0].into_iter().chain(outputs);
            self.sums
                .iter_mut()
                .zip(seen)
                .for_each(|(sum, v)| *sum += v);
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.sums
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        let Some((count, sums)) = self.sums.split_first() else {
            return vec![f64::NAN; self.keys.bins];
        };
        let background: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let bits: Vec<u64> = background.iter().map(|f| f.to_bits()).collect();
        let mut rng = stream(self.seed, "foreground neurons", &bits);
        let neurons = self.keys.neurons;
        let w = foreground_neurons(
            &self.network,
            &self.x,
            &self.y,
            &background,
            neurons,
            &mut rng,
        );
        // Not-a-number fails the draw with its name.
        let Some(w) = w else {
            return vec![f64::NAN; self.keys.bins];
        };
        match &self.along {
            None => {
                let angles: Vec<f64> = w.column_iter().map(|w| w[1].atan2(w[0])).collect();
                density(&angles, self.keys.bins, CIRCLE)
            }
            Some(u) => density(w.tr_mul(u).as_slice(), self.keys.bins, self.keys.range),
        }
    }
}
