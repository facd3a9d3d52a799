//! Response functions between pairs of times, as answers on axes of the theory's own.

use super::solved::{Rows, Solved};
use super::solver::Solver;
use crate::instrument::Axis;

/// Steps of a response where the experiment records one step alone: so many intervals from the start to the end.
const INTERVALS: usize = 10;

/// The steps between which responses are told: the recorded ones, or equal intervals where there is one record.
pub fn steps(record: &[usize], last: usize) -> Vec<usize> {
    if record.len() > 1 {
        return record.to_vec();
    }
    let mut steps: Vec<usize> = (0..=INTERVALS).map(|k| k * last / INTERVALS).collect();
    steps.dedup();
    steps
}

/// Bytes of the answer to one question: of every repeat of sample paths, and of an algebraic solution.
pub fn bytes(solver: Solver, depth: usize, n: usize, steps: usize, repeats: usize) -> f64 {
    let (pairs, rows) = match solver {
        Solver::Deep(_) | Solver::DeepPerturbation => (n * n, repeats + 2),
        _ => (n, 2),
    };
    8.0 * (depth * pairs * steps * steps * rows) as f64
}

fn counted(name: &str, n: usize) -> Axis {
    Axis::new(name, "1", (1..=n).map(|k| k as f64).collect())
}

/// `A` (forward) or `B` of the first `n` samples: layer, sample (responding, then pushed; of linear networks one of the
/// two), time, earlier time. `None` where the solver has none.
pub fn told(
    solved: &Solved,
    forward: bool,
    n: usize,
    steps: &[usize],
    time: &dyn Fn(usize) -> f64,
) -> Option<(Vec<Axis>, Rows)> {
    let times = Axis::new("time", "tau", steps.iter().map(|&t| time(t)).collect());
    let axes = |layers: usize, samples: usize| {
        let samples = std::iter::repeat_n(counted("sample", n), samples);
        let mut axes = vec![counted("layer", layers)];
        axes.extend(samples);
        axes.extend([times.clone(), times.clone()]);
        axes
    };
    let pairs = steps.len() * steps.len();
    match solved {
        Solved::Linear(found) => {
            let layers = match forward {
                true => found.depth(),
                false => found.depth() - 1,
            };
            let mut row = vec![0.0; layers * n * pairs];
            let place = |l: usize, a: usize, t: usize, s: usize| {
                ((l * n + a) * steps.len() + t) * steps.len() + s
            };
            for (i, &t) in steps.iter().enumerate() {
                let late = match forward {
                    true => found.forward_responses(t),
                    false => Vec::new(),
                };
                for (j, &s) in steps[..=i].iter().enumerate() {
                    for l in 0..layers {
                        let below = (!forward).then(|| found.backward_response(l + 1, t, s));
                        for a in 0..n {
                            row[place(l, a, i, j)] = match &below {
                                Some(response) => response[a],
                                None => late[l][(a, s)],
                            };
                        }
                    }
                }
            }
            Some((axes(layers, 1), Rows::exact(row)))
        }
        Solved::Deep(found) => {
            let layers = found.depth() - 1;
            let repeats = found.repeats();
            let mut rows = vec![vec![0.0; layers * n * n * pairs]; repeats];
            for l in 0..layers {
                for (i, &t) in steps.iter().enumerate() {
                    for (j, &s) in steps[..=i].iter().enumerate() {
                        let response = match forward {
                            true => found.forward_response(l + 1, t, s),
                            false => found.backward_response(l + 1, t, s),
                        };
                        for (row, response) in rows.iter_mut().zip(&response.repeats) {
                            for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
                                let place = ((l * n + a) * n + b) * pairs + i * steps.len() + j;
                                row[place] = response[(a, b)];
                            }
                        }
                    }
                }
            }
            Some((axes(layers, 2), Rows::repeated(rows)))
        }
        _ => None,
    }
}
