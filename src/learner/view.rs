//! Views: what theories and instruments may ask of a learner, as plain numbers.

use super::{Activation, Parametrization, Readout};

/// View: a multilayer perceptron `f(x) = c_L W_L phi(c_{L-1} W_{L-1} ... phi(c_1 W_1 x + d_1 b_1) ...) + d_L b_L`,
/// trained by `W <- W - rate_scale * learning_rate * grad`.
///
/// Networks with biases and with any read-out have this view; [`MlpView::is_plain`] tells those of which the formula
/// without biases and with a trained `W_L` holds, and [`crate::learner::Learner::plain_mlp`] gives the view of those
/// alone.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpView {
    /// `[inputs, hidden..., outputs]`
    pub widths: Vec<usize>,
    /// `phi` of the hidden layers.
    pub activation: Activation,
    /// True when the map is linear (affine with biases): `phi(z) = z`, or no hidden layer.
    pub linear: bool,
    /// Where the powers of the width stand; `multipliers` and `rate_scale` follow from it.
    pub parametrization: Parametrization,
    /// `gamma_0` of the mean-field parametrisation; `None` in the others, which have none.
    pub richness: Option<f64>,
    /// Forward multipliers `c_1, ..., c_L` (1 in the standard parametrisation), with the deviations of a prior where
    /// the parametrisation puts them there.
    pub multipliers: Vec<f64>,
    /// The biases; `None` where there are none.
    pub biases: Option<BiasView>,
    /// Whether `W_L` is trained.
    pub readout: Readout,
    /// The Gaussian prior, where one is stated.
    pub prior: Option<MlpPriorView>,
    /// Factor on the learning rate (`gamma_0^2 N` in the mean-field parametrisation, else 1).
    pub rate_scale: f64,
    /// The initial law, as far as a theory that does not see the actual start may use it.
    pub start: StartView,
    /// Standard deviation of the raw entries of every trained weight matrix at the start, from the first to the last;
    /// `None` where they are not independent normal numbers.
    pub deviations: Option<Vec<f64>>,
}

/// View: trainable biases, layer by layer; the effective bias is `d_l b_l`.
#[derive(Debug, Clone, PartialEq)]
pub struct BiasView {
    /// Forward multipliers `d_1, ..., d_L`.
    pub multipliers: Vec<f64>,
    /// Standard deviation of the raw entries of `b_1, ..., b_L` at the start (0 where they start at 0); `None` where
    /// the start is given.
    pub deviations: Option<Vec<f64>>,
}

/// View: Gaussian prior of a multilayer perceptron in effective weights, `c_l W_l ~ N(0, weight_variances[l]/n_{l-1})`
/// in the hidden layers, `d_l b_l ~ N(0, bias_variance)`, `c_L W_L ~ N(0, readout_variance/(chi n_{L-1}))`.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpPriorView {
    /// `s_w^2` of every hidden layer.
    pub weight_variances: Vec<f64>,
    /// `s_b^2`
    pub bias_variance: f64,
    /// `s_a^2`, before the division by `chi`.
    pub readout_variance: f64,
    /// Mean-field scaling: read-out variance and temperature are divided by it.
    pub chi: f64,
}

impl MlpView {
    /// A plain network in the standard parametrisation with raw weights `N(0, scale^2)` in every layer.
    pub fn standard(widths: Vec<usize>, activation: Activation, scale: f64) -> Self {
        let layers = widths.len() - 1;
        MlpView {
            linear: activation.is_linear() || layers == 1,
            widths,
            activation,
            parametrization: Parametrization::Standard,
            richness: None,
            multipliers: vec![1.0; layers],
            biases: None,
            readout: Readout::Trained,
            prior: None,
            rate_scale: 1.0,
            start: StartView::Gaussian { scale },
            deviations: Some(vec![scale; layers]),
        }
    }

    /// Without biases and with a trained read-out: `f = c_L W_L phi(... c_1 W_1 x)` in all its parameters.
    pub fn is_plain(&self) -> bool {
        self.biases.is_none() && self.readout == Readout::Trained
    }

    /// The deviation that the raw weights of all layers share at the start; `None` where layers differ or have no such
    /// law.
    pub fn shared_deviation(&self) -> Option<f64> {
        let deviations = self.deviations.as_ref()?;
        let first = *deviations.first()?;
        deviations.iter().all(|&d| d == first).then_some(first)
    }
}

/// View: the initial law of an MLP's raw weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StartView {
    /// Independent entries `N(0, scale^2)`. Where the layers have different deviations (see [`MlpView::deviations`]),
    /// `scale` is their geometric mean, which keeps the scale of the product of all layers: a theory that uses it takes
    /// them to be equal.
    Gaussian {
        /// Standard deviation of every raw weight.
        scale: f64,
    },
    /// Every layer has singular values `scale`, in random bases: `W_{l+1}^T W_{l+1} = W_l W_l^T`.
    Balanced {
        /// Singular value of every layer.
        scale: f64,
    },
    /// Two layers, product singular values `scale`, `W_2^T W_2 - W_1 W_1^T = lambda 1`, random bases.
    LambdaBalanced {
        /// Singular values of the product `W_2 W_1`.
        scale: f64,
        /// Imbalance `W_2^T W_2 - W_1 W_1^T` in units of the identity.
        lambda: f64,
    },
    /// Weights from elsewhere: there is no law.
    Given,
    /// Singular bases of the teacher: `W_1 = R diag(first) V^T`, ..., `W_L = U diag(last) R^T`, `first` in between.
    Aligned {
        /// Singular value of every layer but the last.
        first: f64,
        /// Singular value of the last layer.
        last: f64,
    },
}

/// View: the mean of the targets of the nearest training samples in Euclidean distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearestView {
    /// Number of neighbours.
    pub neighbours: usize,
}

/// View: `f(x) = (1/sqrt N) sum_i a_i phi(W x/sqrt(n_0) + b)` with fixed random `W`, `b` and `a` that minimises
/// `sum_mu |y_mu - f(x_mu)|^2 + ridge |a|^2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeaturesView {
    /// `N`
    pub features: usize,
    /// Whether `phi(z) = z`.
    pub linear: bool,
    /// Variance of the entries of `W`.
    pub weight: f64,
    /// Variance of the entries of `b`.
    pub bias: f64,
    /// Penalty on `|a|^2`.
    pub ridge: f64,
}
