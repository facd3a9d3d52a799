//! Kernels of the hidden layers: features and back-propagated gradients, at the ends, over time, and between pairs of times.

use super::super::ntk::first_inputs;
use super::super::subject::{Subject, counting_axis, refused, time_axis};
use super::super::{Axis, Declined, Instrument, Observable, Recorder};
use super::{GRADIENT_KERNEL, KERNEL_SAMPLES, layers, space};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::instrument::features::FEATURE_KERNEL;
use crate::kind::{About, parse_table};
use crate::learner::{Network, Parameters};
use crate::task::Dataset;
use nalgebra::DMatrix;
use std::sync::Arc;

/// Times at which a kernel is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Over {
    /// Before the first step and after the last.
    #[default]
    Ends,
    /// All recorded times, each with itself.
    Time,
    /// All pairs of recorded times.
    Times,
}

#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    over: Over,
}

/// Fields of every hidden layer at some inputs, from the factor on the learning rate and the number of outputs.
type Reader =
    fn(&mut dyn Network<f64>, &Parameters, &DMatrix<f64>, f64, usize) -> Vec<DMatrix<f64>>;

/// Kernels `F^T F` of fields `F`, units times samples, of every hidden layer.
pub struct LayerKernels {
    about: &'static About,
    observable: &'static Observable,
    fields: Reader,
    keys: Keys,
}

pub(in crate::instrument) static FEATURE_KERNELS: LayerKernels = LayerKernels {
    about: &About {
        kind: "feature-kernel",
        summary: "kernels of the hidden layers' features: at the ends, over time, or between pairs of times",
        text: "\
Phi^l(x, x'; t, s) = phi(h^l(x, t)) . phi(h^l(x', s)) / N_l between the first min(P, 16) training inputs. over = \"ends\" (default): t = s on
the axes endpoint (0 = start, 1 = end), layer, sample, sample; over = \"time\": t = s at the recorded times, on the axes time, layer, sample,
sample; over = \"times\": all pairs, on the axes layer, time, second-time, sample, sample (the first sample goes with time). At large width and
Gaussian start Phi^l(0) is the NNGP kernel of depth l.

keys: over = \"ends\" | \"time\" | \"times\", as { kind = \"feature-kernel\", over = \"time\" }
Source: conventions of Bordelon, Pehlevan 2022 (arXiv:2205.09653).",
        revision: 2,
    },
    observable: &FEATURE_KERNEL,
    fields: |network, parameters, x, _, _| {
        let features = network.features(parameters, x).into_iter();
        features
            .map(|z| {
                let units = z.nrows() as f64;
                z / units.sqrt()
            })
            .collect()
    },
    keys: Keys { over: Over::Ends },
};

pub(in crate::instrument) static GRADIENT_KERNELS: LayerKernels = LayerKernels {
    about: &About {
        kind: "gradient-kernel",
        summary: "kernels of the back-propagated gradients: at the ends, over time, or between pairs of times",
        text: "\
G^l(x, x'; t, s) = (k/N_o) sum_i df_i(x, t)/dh^l . df_i(x', s)/dh^l between the first min(P, 16) training inputs, on the axes of feature-kernel;
h^l are the preactivations of hidden layer l, N_o is the number of outputs and k the factor of the parametrisation on the learning rate,
so that the tangent kernel times k is sum_l G^{l+1} Phi^l (ntk and mean-field, no biases; G^{L+1} = 1).

keys: over = \"ends\" (default) | \"time\" | \"times\", as { kind = \"gradient-kernel\", over = \"time\" }
Source: conventions of Bordelon, Pehlevan 2022 (arXiv:2205.09653).",
        revision: 2,
    },
    observable: &GRADIENT_KERNEL,
    fields: |network, parameters, x, rate_scale, outputs| {
        let factor = (rate_scale / outputs as f64).sqrt();
        let mut stacked: Vec<DMatrix<f64>> = Vec::new();
        for output in 0..outputs {
            let layers = network.sensitivities(parameters, x, output).into_iter();
            let layers: Vec<DMatrix<f64>> = layers.map(|g| g * factor).collect();
            match stacked.is_empty() {
                true => stacked = layers,
                false => stacked = stacked.into_iter().zip(layers).map(below).collect(),
            }
        }
        stacked
    },
    keys: Keys { over: Over::Ends },
};

/// `b` below `a`.
fn below((a, b): (DMatrix<f64>, DMatrix<f64>)) -> DMatrix<f64> {
    let rows = a.nrows();
    DMatrix::from_fn(rows + b.nrows(), a.ncols(), |i, j| match i < rows {
        true => a[(i, j)],
        false => b[(i - rows, j)],
    })
}

impl Instrument for LayerKernels {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        Ok(Arc::new(LayerKernels {
            keys: parse_table(place, keys)?,
            ..*self
        }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        let mut axes = layers(&subject, experiment)?;
        let sample = counting_axis("sample", subject.shape.samples.min(KERNEL_SAMPLES));
        match self.keys.over {
            Over::Ends => {
                subject.needs_start()?;
                axes.insert(0, Axis::new("endpoint", "1", vec![0.0, 1.0]));
            }
            Over::Time => axes.insert(0, time_axis(experiment)),
            Over::Times => {
                let time = time_axis(experiment);
                let second = Axis::new("second-time", &time.unit, time.values.clone());
                axes.extend([time, second]);
            }
        }
        axes.extend([sample.clone(), sample]);
        Ok(axes)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused(self.about.kind, d))?;
        Ok(Box::new(Fields {
            network: subject.learner.network(subject.shape),
            fields: self.fields,
            x: first_inputs(dataset, KERNEL_SAMPLES),
            rate_scale: subject.learner.rate_scale(subject.shape),
            outputs: subject.shape.outputs,
            over: self.keys.over,
            last: subject.training.steps(),
            units: Vec::new(),
            values: Vec::new(),
        }))
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        let times = experiment.record_times().len();
        Subject::bytes(experiment, |subject| {
            let units: usize = subject.learner.hidden(subject.shape).iter().sum();
            let samples = subject.shape.samples.min(KERNEL_SAMPLES);
            let kept = match self.keys.over {
                Over::Times => times * units * samples * subject.shape.outputs,
                _ => 0,
            };
            space(subject, KERNEL_SAMPLES) + kept
        })
    }
}

struct Fields {
    network: Box<dyn Network<f64>>,
    fields: Reader,
    x: DMatrix<f64>,
    rate_scale: f64,
    outputs: usize,
    over: Over,
    last: usize,
    /// Rows of the fields, layer by layer.
    units: Vec<usize>,
    /// Kernels; of pairs of times the fields themselves, time by time.
    values: Vec<f64>,
}

impl Recorder for Fields {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let looks = match self.over {
            Over::Ends => usize::from(step == 0) + usize::from(step == self.last),
            Over::Time | Over::Times => 1,
        };
        if looks == 0 {
            return Ok(());
        }
        let network = self.network.as_mut();
        let found = (self.fields)(network, parameters, &self.x, self.rate_scale, self.outputs);
        self.units = found.iter().map(|f| f.nrows()).collect();
        match self.over {
            Over::Times => {
                let numbers = found.iter().flat_map(|f| f.iter().copied());
                self.values.extend(numbers);
            }
            Over::Ends | Over::Time => {
                for _ in 0..looks {
                    let kernels = found.iter().map(|f| f.tr_mul(f));
                    self.values
                        .extend(kernels.flat_map(|k| k.iter().copied().collect::<Vec<_>>()));
                }
            }
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        if self.over != Over::Times {
            return self.values;
        }
        let samples = self.x.ncols();
        let all: usize = self.units.iter().sum::<usize>() * samples;
        let times = self.values.len() / all.max(1);
        let (mut from, mut found) = (0, Vec::new());
        for &units in &self.units {
            let size = units * samples;
            // Columns: samples of the first time, then of the second, ...
            let at = |k: usize| &self.values[k * all + from..k * all + from + size];
            let fields: Vec<f64> = (0..times).flat_map(|k| at(k).iter().copied()).collect();
            let fields = DMatrix::from_vec(units, times * samples, fields);
            let kernel = fields.tr_mul(&fields);
            for t in 0..times {
                for s in 0..times {
                    let corner = (t * samples, s * samples);
                    let block = kernel.view(corner, (samples, samples)).transpose();
                    found.extend(block.iter());
                }
            }
            from += size;
        }
        found
    }
}
