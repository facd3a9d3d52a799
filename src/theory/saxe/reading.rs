//! What the matched solution shows of one data set at one time.

use super::inputs::Inputs;
use super::path::{Closed, product};
use crate::error::Result;
use crate::task::{Dataset, Moments};
use crate::theory::gate::{self, LinearNetwork};
use crate::theory::missing;
use crate::theory::readout::{LinearKernel, entries, loss, mode_strengths, singular_alignment};
use crate::theory::sheet::Sheet;
use crate::training::Loss;
use nalgebra::{DMatrix, DVector};
use std::sync::Arc;

/// Largest number of training inputs on which the tangent kernel is compared.
const KERNEL_INPUTS: usize = 32;

/// One data set as the solution sees it.
pub(super) struct Data<'a> {
    pub dataset: &'a Dataset,
    pub moments: Moments,
    /// Principal directions of inputs that are not white.
    pub inputs: Option<Arc<Inputs>>,
    /// `max |w X X^T - 1|` of white inputs, which are taken as exactly white; 0 for others.
    pub whitening: f64,
    /// Size of the map, to which rounding is relative.
    pub size: f64,
}

impl<'a> Data<'a> {
    pub fn new(dataset: &'a Dataset, loss: Loss) -> Result<Self> {
        let w = loss.weight(dataset.samples());
        let moments = dataset.moments(w);
        let whitening = moments.whitening_error();
        let size = moments.yx.norm().max(1.0);
        if whitening < gate::WHITENED {
            return Ok(Data {
                dataset,
                moments,
                inputs: None,
                whitening,
                size,
            });
        }
        let inputs = Inputs::new(&dataset.x, &dataset.y, w)?;
        Ok(Data {
            dataset,
            moments,
            inputs: Some(Arc::new(inputs)),
            whitening: 0.0,
            size,
        })
    }

    /// Largest eigenvalue of `w X X^T`.
    pub fn largest(&self) -> f64 {
        self.inputs.as_ref().map_or(1.0, |inputs| inputs.largest())
    }

    /// The training loss of the map `f`; `floor` is that of the best map of white inputs.
    fn loss(&self, f: &DMatrix<f64>, floor: f64) -> f64 {
        match &self.inputs {
            Some(inputs) => inputs.loss(f),
            None => floor + 0.5 * (&self.moments.yx - f).norm_squared(),
        }
    }
}

/// Observables that are analytic in time and few numbers each.
const SMOOTH: [&str; 5] = [
    "train-loss",
    "test-loss",
    "mode-strength",
    "ntk-change",
    "conserved-drift",
];

pub(super) fn is_smooth(name: &str) -> bool {
    SMOOTH.contains(&name)
}

/// What is read off the weights at one time.
pub(super) struct Reader<'a> {
    network: &'a LinearNetwork,
    data: &'a Data<'a>,
    /// Loss of the best map of white inputs.
    floor: f64,
    probe: DMatrix<f64>,
    kernel0: Option<LinearKernel>,
    /// Smooth observables that were asked for.
    pub smooth: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn new(
        network: &'a LinearNetwork,
        data: &'a Data<'a>,
        initial: &[DMatrix<f64>],
        sheet: &Sheet,
    ) -> Self {
        let dataset = data.dataset;
        let samples = dataset.samples();
        let probe = dataset
            .x
            .columns(0, samples.min(KERNEL_INPUTS))
            .into_owned();
        let smooth = SMOOTH.into_iter().filter(|name| sheet.asks_for(name));
        Reader {
            network,
            data,
            floor: match &data.inputs {
                Some(_) => 0.0,
                None => {
                    let w = network.loss.weight(samples);
                    loss(&data.moments.yx, (&dataset.x, &dataset.y), w)
                }
            },
            kernel0: sheet
                .asks_for("ntk-change")
                .then(|| LinearKernel::new(initial, &probe)),
            probe,
            smooth: smooth.collect(),
        }
    }

    /// Numbers in a smooth observable at one time.
    pub fn size(&self, name: &str) -> usize {
        match name {
            "mode-strength" => self.data.dataset.modes.s.len(),
            _ => 1,
        }
    }

    /// An observable of weights with the end-to-end map `f`.
    pub fn block(
        &self,
        name: &str,
        weights: &[DMatrix<f64>],
        f: &DMatrix<f64>,
    ) -> Result<Vec<f64>> {
        let modes = &self.data.dataset.modes;
        Ok(match name {
            "train-loss" => vec![self.data.loss(f, self.floor)],
            "test-loss" => {
                let Some((x, y)) = &self.data.dataset.test else {
                    return Err(missing("the test set"));
                };
                vec![loss(f, (x, y), self.network.loss.weight(x.ncols()))]
            }
            "mode-strength" => mode_strengths(f, modes),
            "singular-alignment" => singular_alignment(f, modes)?,
            "input-output-map" => entries(f),
            "ntk-change" => match &self.kernel0 {
                Some(kernel0) => vec![kernel0.change(&LinearKernel::new(weights, &self.probe))],
                None => Vec::new(),
            },
            _ => vec![0.0],
        })
    }

    /// True when a smooth observable asked for is more than strengths and training loss.
    pub fn needs_weights(&self) -> bool {
        let names = ["test-loss", "ntk-change"];
        self.smooth.iter().any(|name| names.contains(name))
    }

    /// All smooth observables of the closed form at ascending times, one after the other; weights are formed only
    /// where one needs them.
    pub fn smooth(&self, path: &mut Closed, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        if !self.needs_weights() {
            let values = path.strengths_and_losses(times)?.into_iter();
            let list = |value| self.list(value, &[], &DMatrix::zeros(0, 0));
            return values.map(list).collect();
        }
        path.dense.visit(times, |now| {
            let (w1, w2) = now.weights();
            let weights = [w1, w2];
            let f = product(&weights);
            self.list(now.strengths_and_loss(), &weights, &f)
        })
    }

    fn list(
        &self,
        (strengths, distance): (DVector<f64>, f64),
        weights: &[DMatrix<f64>],
        f: &DMatrix<f64>,
    ) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        for name in &self.smooth {
            match *name {
                "train-loss" => values.push(self.floor + distance),
                "mode-strength" => values.extend_from_slice(strengths.as_slice()),
                "conserved-drift" => values.push(0.0),
                name => values.extend(self.block(name, weights, f)?),
            }
        }
        Ok(values)
    }

    /// The part of [`Reader::smooth`] that is one observable; nothing for others.
    pub fn part(&self, name: &str, values: &[f64]) -> Vec<f64> {
        let mut start = 0;
        for known in &self.smooth {
            let end = start + self.size(known);
            if *known == name {
                return values[start..end].to_vec();
            }
            start = end;
        }
        Vec::new()
    }
}
