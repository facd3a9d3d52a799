//! The theory entry `saxe`: options, and whether it applies.

use super::{idealised, matched};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Experiment};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::learner::StartView;
use crate::theory::gate::LinearNetwork;
use crate::theory::{Asked, Info, Plan, Theory, parse_keys};
use std::sync::Arc;

/// How the dynamics are solved.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The closed form where it applies (two layers, a lambda-balanced start, white inputs), else integration.
    #[default]
    Auto,
    /// The closed form; it declines inputs that are not white, and an unbalanced start is an error.
    ClosedForm,
    /// Numerical integration of the weights' flow, for any inputs.
    Ode,
}

/// Common starting strength of idealised modes for independent Gaussian weights of standard deviation `scale`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// `u0 = scale^L`, the product of typical layer weights: the textbook's choice. Layers of different deviations start with
    /// their own, and follow the unbalanced modes.
    #[default]
    LayerProduct,
    /// Two layers of width N: `u0 = N scale^2 / 2`, of different deviations `N (scale_1^2 + scale_2^2)/4`. With `a = W1 v`, `b = W2^T u` in the hidden space, `u = (|a+b|^2 - |a-b|^2)/4`;
    /// only `a + b` grows (as e^{st}), so the mode leaves the saddle as if it had started at `E |a+b|^2 / 4` (derived here).
    MeanOverlap,
}

/// Keys of a `[[theory]]` table with `kind = "saxe"`.
#[derive(
    Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Closed form or integration.
    pub method: Method,
    /// `initial`, matched: the actual initial weights and data set of every replica. `none`, idealised: decoupled modes
    /// from a common start `u0`.
    pub condition: Conditioning,
    /// Starting mode strength, for `condition = "none"` alone; by default the typical product of the initial weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u0: Option<f64>,
    /// Rule for the common start of idealised modes where `u0` is not given.
    pub start: Start,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            method: Method::Auto,
            condition: Conditioning::Initial,
            u0: None,
            start: Start::LayerProduct,
        }
    }
}

static ABOUT: About = About {
    kind: "saxe",
    summary: "exact gradient flow of deep linear networks (matched to the start, or idealised modes)",
    text: include_str!("saxe.md"),
    revision: 4,
};

static INFO: Info = Info {
    source: "Saxe, McClelland, Ganguli 2014, arXiv:1312.6120; Domine et al. 2024, arXiv:2409.14623",
    observables: &[
        "train-loss",
        "test-loss",
        "mode-strength",
        "singular-alignment",
        "half-rise-time",
        "conserved-drift",
        "ntk-change",
        "input-output-map",
        "predictor-mean",
    ],
    assumptions: &[
        "linear activation",
        "full-batch gradient flow (learning rate -> 0)",
    ],
    conditions: &[Conditioning::Initial, Conditioning::None],
    ..Info::of(&ABOUT)
};

/// The theory with its options.
#[derive(Debug)]
pub struct Saxe {
    options: Options,
}

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &INFO)?;
        Ok(Arc::new(Saxe::new(place, options)?))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

impl Saxe {
    /// # Errors
    /// `Input` for `u0 <= 0`, or options that contradict each other.
    pub fn new(place: &str, options: Options) -> Result<Self> {
        let key = |name: &str| format!("{place}.{name}");
        if let Some(u0) = options.u0 {
            if options.condition == Conditioning::Initial {
                return Err(Error::input(
                    key("u0"),
                    "u0 has no meaning for an entry matched to the actual start",
                    "set condition = \"none\", or remove u0",
                ));
            }
            if !(u0 > 0.0 && u0.is_finite()) {
                return Err(Error::input(
                    key("u0"),
                    format!("u0 = {u0}"),
                    "use a positive number",
                ));
            }
        }
        if options.condition == Conditioning::None && options.method != Method::Auto {
            return Err(Error::input(
                key("method"),
                "the idealised modes have one method each",
                "remove method, or set condition = \"initial\"",
            ));
        }
        Ok(Saxe { options })
    }
}

impl Theory for Saxe {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::to_value(self.options).unwrap_or_default()
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let network = LinearNetwork::of(experiment)?;
        let Options {
            method, u0, start, ..
        } = self.options;
        if self.options.condition == Conditioning::None {
            return idealised::plan(network, experiment, u0, start, asked);
        }
        if method == Method::ClosedForm {
            closed_form_applies(&network)?;
        }
        matched::plan(network, experiment, method, asked)
    }
}

fn closed_form_applies(network: &LinearNetwork) -> std::result::Result<(), Declined> {
    if network.layers() != 2 {
        return Err(Declined(format!(
            "the closed form needs two weight layers, the network has {} (method = \"ode\" has no such limit)",
            network.layers()
        )));
    }
    if matches!(
        network.view.start,
        StartView::Gaussian { .. } | StartView::Given
    ) {
        return Err(Declined(
            "the closed form needs a lambda-balanced start; independent Gaussian weights are not (method = \"auto\" or \"ode\")"
                .into(),
        ));
    }
    Ok(())
}
