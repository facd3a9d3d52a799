//! Kernels of the hidden layers: features, gradients, their alignment with targets and with one another, dimension.

mod kernels;

pub(super) use kernels::{FEATURE_KERNELS, GRADIENT_KERNELS};

use super::ntk::first_inputs;
use super::reading::{Read, Reading, When};
use super::subject::{Subject, counting_axis};
use super::{Axis, Declined, Observable};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use nalgebra::DMatrix;

/// Kernel of the features of every hidden layer, before and after training.
pub static FEATURE_KERNEL: Observable = Observable {
    name: "feature-kernel",
    label: "feature kernel",
    unit: "1",
    convention: "Phi^l(x, x') = phi(h^l(x)) . phi(h^l(x')) / N_l, first min(P, 16) training inputs; endpoint 0 = start, 1 = end; \
                 over = \"times\": the first at the first, the second at the second time",
    ..Observable::PLAIN
};

/// Kernel of the back-propagated gradients at every hidden layer, before and after training.
pub static GRADIENT_KERNEL: Observable = Observable {
    name: "gradient-kernel",
    label: "gradient kernel",
    unit: "1",
    convention: "G^l(x, x') = (s/N_o) sum_i df_i(x)/dh^l . df_i(x')/dh^l with h^l the preactivations and s the parametrisation's factor on the \
                 learning rate (gamma_0^2 N in mean-field, else 1), first min(P, 16) training inputs; endpoint 0 = start, 1 = end",
    ..Observable::PLAIN
};

/// Rotation of the feature kernel of every layer since the start, in `[0, 1]`.
pub static FEATURE_KERNEL_CHANGE: Observable = Observable {
    name: "feature-kernel-change",
    label: "change of the feature kernel",
    unit: "1",
    convention: "1 - <Phi_0, Phi_t> / (|Phi_0| |Phi_t|), Frobenius, not centred, first min(P, 64) training inputs; as good as 0 below 0.01, of at \
                 most 1",
    vanishing: Some(0.01),
    undefined: Some("features that are all zero have no direction"),
    ..Observable::PLAIN
};

/// Centred alignment of every layer's feature kernel with the targets, in `[0, 1]`.
pub static KERNEL_TARGET_ALIGNMENT: Observable = Observable {
    name: "kernel-target-alignment",
    label: "kernel-target alignment",
    unit: "1",
    convention: "<H Phi H, H Y^T Y H> / (|H Phi H| |H Y^T Y H|), Frobenius, H = 1 - 11^T/P centres, first min(P, 64) training inputs",
    undefined: Some("features or targets that do not vary have no direction"),
    ..Observable::PLAIN
};

/// Centred kernel alignment between the layers of the trained network, in `[0, 1]`.
pub static CKA: Observable = Observable {
    name: "cka",
    label: "centred kernel alignment of layers",
    unit: "1",
    convention: "<H Phi^l H, H Phi^m H> / (|H Phi^l H| |H Phi^m H|), linear kernel, first min(P, 64) training inputs, after the last step",
    undefined: Some("features that do not vary have no direction"),
    ..Observable::PLAIN
};

/// Effective dimension of every layer's features.
pub static PARTICIPATION_RATIO: Observable = Observable {
    name: "participation-ratio",
    label: "participation ratio of features",
    unit: "1",
    convention: "(sum_i l_i)^2 / sum_i l_i^2 with the eigenvalues l_i of the features' covariance over the first min(P, 64) training inputs, \
                 mean subtracted, divided by P; between 1 and min(N_l, P - 1)",
    undefined: Some("features that do not vary have no directions to count"),
    ..Observable::PLAIN
};

/// Correlation between the features of two inputs, layer by layer, after the last step.
pub static FEATURE_CORRELATION: Observable = Observable {
    name: "feature-correlation",
    label: "correlation of features",
    unit: "1",
    convention: "Phi^l(x, y)/sqrt(Phi^l(x, x) Phi^l(y, y)) of every hidden layer, x and y the first two training inputs, after the last \
                 step; as good as 0 below 0.01, of at most 1",
    vanishing: Some(0.01),
    undefined: Some("features that are all zero have no direction"),
    ..Observable::PLAIN
};

const KERNEL_SAMPLES: usize = 16;
const SAMPLES: usize = 64;

pub(super) static CORRELATION: Reading = Reading {
    about: &About {
        kind: "feature-correlation",
        summary: "correlation between the features of two inputs, layer by layer",
        text: "\
c^l = Phi^l(x, y)/sqrt(Phi^l(x, x) Phi^l(y, y)) with Phi^l(x, y) = phi(h^l(x)) . phi(h^l(y))/N_l, on the axis layer, of the first two
training inputs of each data set and after the last step (at the start with training.kind = \"none\"). Of a wide network with
Gaussian weights it follows the recursion of signal-propagation.
Source: Poole et al. 2016 (arXiv:1606.05340).",
        revision: 1,
    },
    observable: &FEATURE_CORRELATION,
    when: When::End,
    axes: |subject, e| match subject.shape.samples {
        0 | 1 => Err(Declined("needs two training inputs".into())),
        _ => layers(subject, e),
    },
    reader: |subject, dataset| {
        kernels(subject, first_inputs(dataset, 2), |kernels| {
            let of = |k: &DMatrix<f64>| k[(0, 1)] / (k[(0, 0)] * k[(1, 1)]).sqrt();
            kernels.iter().map(of).collect()
        })
    },
    space: |subject| space(subject, 2),
    ensemble: None,
};

pub(super) static FEATURE_CHANGE: Reading = Reading {
    about: &About {
        kind: "feature-kernel-change",
        summary: "distance of every layer's feature kernel from its start",
        text: "\
1 - <Phi^l_0, Phi^l_t>_F / (|Phi^l_0|_F |Phi^l_t|_F) on the axes layer, time, for the first min(P, 64) training inputs. 0: the features did not
move (lazy); see ntk-change for the tangent kernel.",
        revision: 1,
    },
    observable: &FEATURE_KERNEL_CHANGE,
    when: When::Recorded,
    axes: |subject, e| {
        subject.needs_start()?;
        layers(subject, e)
    },
    reader: |subject, dataset| {
        let mut start: Option<Vec<DMatrix<f64>>> = None;
        kernels(subject, first_inputs(dataset, SAMPLES), move |kernels| {
            let now: Vec<DMatrix<f64>> = kernels.iter().map(unit).collect();
            let start = start.get_or_insert_with(|| now.clone());
            // 1 - <a, b> = |a - b|^2 / 2 for unit vectors, without cancellation.
            let pairs = now.iter().zip(start.iter());
            pairs.map(|(a, b)| (a - b).norm_squared() / 2.0).collect()
        })
    },
    space: |subject| space(subject, SAMPLES),
    ensemble: None,
};

pub(super) static TARGET_ALIGNMENT: Reading = Reading {
    about: &About {
        kind: "kernel-target-alignment",
        summary: "centred alignment of every layer's feature kernel with the targets",
        text: "\
<H Phi^l H, H Y^T Y H>_F / (|H Phi^l H|_F |H Y^T Y H|_F) on the axes layer, time, for the first min(P, 64) training inputs, H = 1 - 11^T/P.
Not-a-number where features or targets are the same for all inputs.
Sources: Cristianini et al. 2001; centred: Cortes, Mohri, Rostamizadeh 2012.",
        revision: 1,
    },
    observable: &KERNEL_TARGET_ALIGNMENT,
    when: When::Recorded,
    axes: layers,
    reader: |subject, dataset| {
        let x = first_inputs(dataset, SAMPLES);
        let y = dataset.y.columns(0, x.ncols());
        let target = unit(&centred(&(y.transpose() * y)));
        kernels(subject, x, move |kernels| {
            let aligned = kernels.iter().map(|k| unit(&centred(k)).dot(&target));
            aligned.collect()
        })
    },
    space: |subject| space(subject, SAMPLES),
    ensemble: None,
};

pub(super) static SIMILARITY: Reading = Reading {
    about: &About {
        kind: "cka",
        summary: "centred kernel alignment between the layers of the trained network",
        text: "\
<H Phi^l H, H Phi^m H>_F / (|H Phi^l H|_F |H Phi^m H|_F) on the axes layer, layer, for the first min(P, 64) training inputs after the last
step. 1: the same geometry up to rotation and scale. The estimate on few samples is biased upwards where N_l is not small against P.
Source: Kornblith et al. 2019 (arXiv:1905.00414), linear kernel.",
        revision: 1,
    },
    observable: &CKA,
    when: When::End,
    axes: |subject, e| {
        let layer = layers(subject, e)?;
        Ok([layer.clone(), layer].concat())
    },
    reader: |subject, dataset| {
        kernels(subject, first_inputs(dataset, SAMPLES), |kernels| {
            let units: Vec<DMatrix<f64>> = kernels.iter().map(|k| unit(&centred(k))).collect();
            let rows = units.iter().flat_map(|a| units.iter().map(move |b| a.dot(b)));
            rows.collect()
        })
    },
    space: |subject| space(subject, SAMPLES),
    ensemble: None,
};

pub(super) static PARTICIPATION: Reading = Reading {
    about: &About {
        kind: "participation-ratio",
        summary: "effective dimension of every layer's features",
        text: "\
(tr C)^2 / tr C^2 on the axes layer, time, C the covariance of the features phi(h^l) over the first min(P, 64) training inputs (mean
subtracted). From the kernel: tr C ~ tr H Phi H, tr C^2 ~ |H Phi H|_F^2. Between 1 and min(N_l, P - 1).",
        revision: 1,
    },
    observable: &PARTICIPATION_RATIO,
    when: When::Recorded,
    axes: layers,
    reader: |subject, dataset| {
        kernels(subject, first_inputs(dataset, SAMPLES), |kernels| {
            let centred = kernels.iter().map(centred);
            centred.map(|k| k.trace().powi(2) / k.norm_squared()).collect()
        })
    },
    space: |subject| space(subject, SAMPLES),
    ensemble: None,
};

fn layers(subject: &Subject, _: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
    match subject.learner.hidden(subject.shape).len() {
        0 => Err(Declined("the learner shows no hidden layers".into())),
        n => Ok(vec![counting_axis("layer", n)]),
    }
}

/// Scalars of the features of every layer with their pass, and of two sets of kernels, on at most `limit` inputs.
fn space(subject: &Subject, limit: usize) -> usize {
    let n = subject.shape.samples.min(limit);
    let hidden = subject.learner.hidden(subject.shape);
    let units: usize = hidden.iter().sum();
    subject.forward(n) + n * units + 2 * n * n * hidden.len()
}

/// Reads a function of the feature kernels `Phi^l` on the inputs `x`.
fn kernels(
    subject: &Subject,
    x: DMatrix<f64>,
    mut f: impl FnMut(&[DMatrix<f64>]) -> Vec<f64> + Send + 'static,
) -> Result<Read> {
    let mut network = subject.learner.network(subject.shape);
    Ok(Box::new(move |parameters| {
        let features = network.features(parameters, &x);
        let grams = features
            .iter()
            .map(|z| z.transpose() * z / z.nrows() as f64);
        Ok(f(&grams.collect::<Vec<_>>()))
    }))
}

/// `K / |K|_F`
pub fn unit(k: &DMatrix<f64>) -> DMatrix<f64> {
    k / k.norm()
}

/// `H K H` with `H = 1 - 11^T/P`.
pub fn centred(k: &DMatrix<f64>) -> DMatrix<f64> {
    let (rows, mean) = (k.row_mean(), k.mean());
    DMatrix::from_fn(k.nrows(), k.ncols(), |i, j| {
        k[(i, j)] - rows[i] - rows[j] + mean
    })
}

#[cfg(test)]
mod tests;
