//! Parametrisations: where the powers of the width stand, in the forward pass and in the learning rate.

/// Scaling of a multilayer perceptron with widths `[inputs, hidden..., outputs]`,
/// `f(x) = c_L W_L phi(c_{L-1} W_{L-1} ... phi(c_1 W_1 x))`, trained by
/// `W <- W - learning_rate * rate_scale * dL/dW` on the raw weights `W`.
///
/// With `n_l` the fan-in of layer `l` (so `n_1` = inputs) and `g` = `learner.richness`:
///
/// | name | `c_l`, `l < L` | `c_L` | `rate_scale` | usual raw entries |
/// |---|---|---|---|---|
/// | `standard` | 1 | 1 | 1 | `N(0, 1/n_l)`, or small |
/// | `ntk` | `1/sqrt(n_l)` | `1/sqrt(n_L)` | 1 | `N(0, 1)` |
/// | `mean-field` | `1/sqrt(n_l)` | `1/(g n_L)` | `g^2 n_L` | `N(0, 1)` |
///
/// Mean-field (muP) is the NTK form divided by `g sqrt(n_L)`, with the step multiplied by the square of that: the tangent
/// kernel in function space is of order one, outputs start at order `1/(g sqrt(n_L))`, and features move by order `g`.
/// `g -> 0` is lazy. Sources: Jacot, Gabriel, Hongler (2018), arXiv:1806.07572; Bordelon, Pehlevan (2022),
/// arXiv:2205.09653 (there `gamma_0 = g`).
///
/// ```
/// use saddlepoint::learner::Parametrization;
/// let c = Parametrization::MeanField.multipliers(&[4, 100, 1], 0.5);
/// assert_eq!(c, vec![0.5, 0.02]);
/// assert_eq!(Parametrization::MeanField.rate_scale(&[4, 100, 1], 0.5), 25.0);
/// ```
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
pub enum Parametrization {
    /// No factors of the width: `f = W_L phi(... W_1 x)`.
    #[default]
    Standard,
    /// `1/sqrt(fan-in)` in every layer; lazy as the width grows.
    Ntk,
    /// muP: read-out with `1/(g n_L)`, learning rate times `g^2 n_L`; features move at any width.
    MeanField,
}

impl Parametrization {
    /// Every parametrisation.
    pub const ALL: [Parametrization; 3] = [
        Parametrization::Standard,
        Parametrization::Ntk,
        Parametrization::MeanField,
    ];

    /// Forward multipliers `c_1, ..., c_L`; `widths` is `[inputs, hidden..., outputs]`.
    pub fn multipliers(self, widths: &[usize], richness: f64) -> Vec<f64> {
        let fan_in = &widths[..widths.len() - 1];
        let mut c: Vec<f64> = fan_in
            .iter()
            .map(|&n| match self {
                Parametrization::Standard => 1.0,
                Parametrization::Ntk | Parametrization::MeanField => 1.0 / (n as f64).sqrt(),
            })
            .collect();
        if let (Parametrization::MeanField, Some(last), Some(&n)) =
            (self, c.last_mut(), fan_in.last())
        {
            *last = 1.0 / (richness * n as f64);
        }
        c
    }

    /// Factor between `training.learning_rate` and the step on the raw weights.
    pub fn rate_scale(self, widths: &[usize], richness: f64) -> f64 {
        match self {
            Parametrization::Standard | Parametrization::Ntk => 1.0,
            Parametrization::MeanField => richness * richness * widths[widths.len() - 2] as f64,
        }
    }
}
