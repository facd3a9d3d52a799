//! One hidden layer with any activation: the dynamics of single neurons, solved by quadrature.
//!
//! The network is `h = W^0 x / sqrt(D)`, `f = w . phi(h) / (gamma_0 N)`, trained by gradient descent. At infinite
//! width its neurons are independent, and one neuron is the vector `h` of its pre-activations at all samples with its
//! read-out weight `z`. At the start `h ~ N(0, s2_0 K^x)` and `z ~ N(0, s2_1)`; one step is
//!
//! ```text
//! h_mu <- h_mu + c sum_a K^x_{mu a} Delta_a phi'(h_a) z,    z <- z + c sum_a Delta_a phi(h_a)     (both at once)
//! f_mu = <z phi(h_mu)>/gamma_0,    Delta = y - f,    c = gamma_0 q,    q = eta/P (mean loss) or eta (sum)
//! Phi_{mu nu}(t,s) = <phi(h_mu(t)) phi(h_nu(s))>,    G_{mu nu}(t,s) = <g_mu(t) g_nu(s)>,    g = phi'(h) z
//! K^NTK_{mu nu}(t) = Phi_{mu nu}(t,t) + G_{mu nu}(t,t) K^x_{mu nu}
//! ```
//!
//! Test samples are rows of `h` that have no part in the sums over `a`. There is neither a Gaussian path nor a
//! response function. A sample of S neurons would be a network of width S, with its `1/sqrt(S)` error; hence averages
//! are quadratures over the initial law where they can be. All coordinates are whitened: `h = F b` with `K^x = F
//! F^T`, so that a neuron is a point in `r + 1` dimensions, `r` the rank of `K^x`, whatever the number of samples.
//!
//! Source: Bordelon and Pehlevan 2022, arXiv:2205.09653.

mod answers;
mod block;
mod covariance;
mod density;
mod dynamics;
mod estimate;
mod expansion;
mod frame;
mod grid;
mod hermite;
mod observe;
mod points;
mod rule;
mod sampled;
mod sobol;
mod solution;
#[cfg(test)]
mod tests;

pub use answers::{EqualTime, Marginals, TwoTime};
pub use estimate::{Estimate, Uncertainty};
pub use expansion::{Expansion, expand};
pub use rule::Rule;
pub use solution::{Cost, Setting, Solution, cost, cost_at_rank, expansion_cost, solve};
