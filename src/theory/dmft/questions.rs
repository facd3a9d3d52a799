//! What the theory is asked, and which solver can answer it.

use super::gate::Dynamics;
use super::solver::Solver;
use super::{Approximation, Keys};
use crate::instrument::Observable;
use crate::theory::Asked;

pub const OBSERVABLES: &[&str] = &[
    "train-loss",
    "test-loss",
    "outputs",
    "predictor-mean",
    "feature-kernel",
    "gradient-kernel",
    "feature-kernel-change",
    "kernel-target-alignment",
    "ntk",
    "ntk-change",
    "preactivation-density",
];

/// Of these the ones that are made of kernels at equal times or pairs of times.
const OF_KERNELS: &[&str] = &[
    "feature-kernel",
    "gradient-kernel",
    "feature-kernel-change",
    "kernel-target-alignment",
    "ntk",
    "ntk-change",
];

pub static FORWARD_RESPONSE: Observable = Observable {
    name: "forward-response",
    label: "response A of features to backward fields",
    convention: "A^l_ab(t,s) = <d phi(h^l_a(t))/d r^l_b(s)>/gamma_0 on training samples, 0 unless s < t: layer l, samples a and b, times t and s; \
                 of linear networks A^l_a(t,s), whose r^l(s) is one for all samples; layers that feed another hidden layer, of linear networks the \
                 last one too",
    ..Observable::PLAIN
};

pub static BACKWARD_RESPONSE: Observable = Observable {
    name: "backward-response",
    label: "response B of gradients to forward fields",
    convention: "B^l_ab(t,s) = <d g^{l+1}_a(t)/d u^{l+1}_b(s)>/gamma_0 on training samples, 0 for s > t: layer l below the gradient, samples a and \
                 b, times t and s; of linear networks B^l_b(t,s), whose g is one for all samples, 0 at s = t",
    ..Observable::PLAIN
};

/// Whether a question is about test samples.
pub fn on_test(asked: &Asked) -> bool {
    match asked.name() {
        "test-loss" | "predictor-mean" => true,
        "outputs" => asked.keys["on"] == "test",
        _ => false,
    }
}

/// Whether kernels answer it.
pub fn needs_kernels(asked: &Asked) -> bool {
    OF_KERNELS.contains(&asked.name())
}

/// Whether it is about responses.
pub fn is_response(asked: &Asked) -> bool {
    [FORWARD_RESPONSE.name, BACKWARD_RESPONSE.name].contains(&asked.name())
}

/// Whether the solver answers a question, with so many test samples.
pub fn can_answer(
    asked: &Asked,
    (dynamics, keys, solver): (&Dynamics, &Keys, Solver),
    tests: usize,
) -> bool {
    let own = asked.grid.is_none();
    match asked.name() {
        "train-loss" => true,
        "test-loss" => tests > 0,
        "preactivation-density" => !own && !solver.is_expansion(),
        _ if is_response(asked) => why_no_response(asked, dynamics, keys, solver).is_none(),
        name => !own && OBSERVABLES.contains(&name) && (tests > 0 || !on_test(asked)),
    }
}

/// Why a question about responses has no answer, with the key that would make it have one.
pub fn why_no_response(
    asked: &Asked,
    dynamics: &Dynamics,
    keys: &Keys,
    solver: Solver,
) -> Option<&'static str> {
    if !is_response(asked) {
        return None;
    }
    match solver {
        _ if keys.approximation == Approximation::GradientIndependence => Some(
            "approximation = \"gradient-independence\" has no responses (approximation = \"none\")",
        ),
        Solver::Perturbation => Some(
            "approximation = \"perturbation\" has kernels and outputs, and no responses (approximation = \"none\")",
        ),
        Solver::OneHidden | Solver::OneHiddenPerturbation => Some(
            "one nonlinear hidden layer is solved neuron by neuron, without responses (learner.activation = \"linear\", or two hidden layers in \
             learner.widths)",
        ),
        Solver::Linear if dynamics.depth() == 1 && asked.name() == BACKWARD_RESPONSE.name => Some(
            "above one hidden layer there is no hidden layer that responds (two hidden layers in learner.widths)",
        ),
        _ => None,
    }
}
