//! The law of the overlap of a neuron's weights with one direction.

use crate::numerics::quadrature::KRONROD_NODES;
use statrs::function::gamma::gamma_lr;
use std::f64::consts::PI;

/// The law of `q = w.u` of one neuron, as the sum over points of the prior knows it.
#[derive(Debug, Clone)]
pub struct Overlap {
    kind: Kind,
    /// `q` of a coordinate 1.
    scale: f64,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Values of the coordinate and their probabilities.
    Sample(Vec<(f64, f64)>),
    /// Probabilities at the nodes of a uniform grid, from `first` on.
    Grid {
        first: f64,
        spacing: f64,
        masses: Vec<f64>,
    },
    /// Coordinates `u_1` and probabilities of directions whose lengths are `r^2 ~ chi^2_D/(1 - A)`, with `1 - A`.
    Directions {
        points: Vec<[f64; 3]>,
        dimension: usize,
    },
    /// A normal law of this variance.
    Normal(f64),
}

impl Overlap {
    /// Of a sample of coordinates with probabilities.
    pub fn sample(points: Vec<(f64, f64)>, scale: f64) -> Self {
        Overlap {
            kind: Kind::Sample(points),
            scale,
        }
    }

    /// Of a uniform grid of coordinates; `even` where `q` and `-q` are equally likely and only half of the points were summed.
    pub fn grid(points: &[(f64, f64)], spacing: f64, even: bool, scale: f64) -> Self {
        let first = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
        let first = match even {
            true => -points.iter().map(|p| p.0.abs()).fold(0.0, f64::max),
            false => first,
        };
        let place = |v: f64| ((v - first) / spacing).round().max(0.0) as usize;
        let last = points.iter().map(|p| place(p.0.abs().max(p.0))).max();
        let mut masses = vec![0.0; last.unwrap_or(0) + 1];
        for &(v, p) in points {
            match even {
                true => {
                    masses[place(v)] += 0.5 * p;
                    masses[place(-v)] += 0.5 * p;
                }
                false => masses[place(v)] += p,
            }
        }
        Overlap {
            kind: Kind::Grid {
                first,
                spacing,
                masses,
            },
            scale,
        }
    }

    /// Of directions `[u_1, probability, 1 - A]` with their lengths integrated.
    pub fn directions(points: Vec<[f64; 3]>, dimension: usize, scale: f64) -> Self {
        Overlap {
            kind: Kind::Directions { points, dimension },
            scale,
        }
    }

    /// Of a normal law with this variance of the coordinate.
    pub fn normal(variance: f64, scale: f64) -> Self {
        Overlap {
            kind: Kind::Normal(variance),
            scale,
        }
    }

    /// Probability of `from < q < to`; either end may be infinite.
    ///
    /// A grid is interpolated by the function of limited band through its nodes, which is as exact as its sums.
    pub fn share(&self, from: f64, to: f64) -> f64 {
        let (a, b) = (from / self.scale, to / self.scale);
        match &self.kind {
            Kind::Sample(points) => {
                let inside = points.iter().filter(|(v, _)| *v > a && *v <= b);
                inside.map(|(_, p)| p).sum()
            }
            Kind::Normal(variance) => {
                let below = |v: f64| crate::numerics::elementary::normal_cdf(v / variance.sqrt()).0;
                below(b) - below(a)
            }
            Kind::Grid {
                first,
                spacing,
                masses,
            } => {
                let end = first + spacing * (masses.len() - 1) as f64;
                let (a, b) = (a.max(first - spacing), b.min(end + spacing));
                if b <= a {
                    return 0.0;
                }
                let density = |v: f64| -> f64 {
                    let x = (v - first) / spacing;
                    let terms = masses.iter().enumerate();
                    terms.map(|(k, m)| m * sinc(x - k as f64)).sum::<f64>() / spacing
                };
                let pieces = ((b - a) / (4.0 * spacing)).ceil().max(1.0) as usize;
                let half = 0.5 * (b - a) / pieces as f64;
                let piece = |k: usize| {
                    let middle = a + half * (2 * k + 1) as f64;
                    let nodes = KRONROD_NODES.iter();
                    nodes
                        .map(|(node, weight)| half * weight * density(middle + half * node))
                        .sum::<f64>()
                };
                (0..pieces).map(piece).sum()
            }
            Kind::Directions { points, dimension } => {
                let below = |r: f64, left: f64| match r <= 0.0 {
                    true => 0.0,
                    false if r.is_infinite() => 1.0,
                    false => gamma_lr(0.5 * *dimension as f64, 0.5 * r * r * left),
                };
                let of_point = |&[u, p, left]: &[f64; 3]| {
                    let (a, b) = match u {
                        u if u > 0.0 => (a / u, b / u),
                        u if u < 0.0 => (b / u, a / u),
                        _ => return 0.0,
                    };
                    p * (below(b, left) - below(a, left))
                };
                points.iter().map(of_point).sum()
            }
        }
    }

    /// Mean density of `q` in every bin between neighbouring `edges`.
    pub fn density(&self, edges: &[f64]) -> Vec<f64> {
        let bins = edges.windows(2);
        bins.map(|e| self.share(e[0], e[1]) / (e[1] - e[0]))
            .collect()
    }
}

fn sinc(x: f64) -> f64 {
    match x.abs() < 1e-8 {
        true => 1.0,
        false => (PI * x).sin() / (PI * x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A normal law in all four forms.
    #[test]
    fn a_normal_law_has_its_shares_in_every_form() {
        let spacing = 0.25;
        let weight = |v: f64| spacing * (-0.5 * v * v).exp() / (2.0 * PI).sqrt();
        let all: Vec<(f64, f64)> = (-28..=28)
            .map(|k| spacing * k as f64)
            .map(|v| (v, weight(v)))
            .collect();
        let half: Vec<(f64, f64)> = all.iter().filter(|(v, _)| *v <= 0.0).copied().collect();
        let half: Vec<(f64, f64)> = half
            .iter()
            .map(|&(v, p)| (v, if v < 0.0 { 2.0 * p } else { p }))
            .collect();
        let pieces = 4000;
        let circle = (0..pieces).map(|k| 2.0 * PI * (k as f64 + 0.5) / pieces as f64);
        let circle = circle
            .map(|psi| [psi.cos(), 1.0 / pieces as f64, 1.0])
            .collect();
        let normal = Overlap::normal(1.0, 2.0);
        for (from, to) in [
            (-1.0, 0.5),
            (0.0, 1.0),
            (1.5, f64::INFINITY),
            (f64::NEG_INFINITY, f64::INFINITY),
        ] {
            let exact = normal.share(from, to);
            assert!(
                (Overlap::grid(&all, spacing, false, 2.0).share(from, to) - exact).abs() < 1e-7
            );
            assert!(
                (Overlap::grid(&half, spacing, true, 2.0).share(from, to) - exact).abs() < 1e-7
            );
            let circle: &Vec<[f64; 3]> = &circle;
            let found = Overlap::directions(circle.clone(), 2, 2.0).share(from, to);
            assert!((found - exact).abs() < 1e-6, "{found} {exact}");
        }
        let sample = Overlap::sample(vec![(0.5, 0.25), (-0.5, 0.75)], 2.0);
        assert_eq!(sample.share(0.0, 2.0), 0.25);
        let density = normal.density(&[-2.0, 0.0, 2.0]);
        assert!(
            (density[0] - 0.341344746 / 2.0).abs() < 1e-9
                && (density[0] - density[1]).abs() < 1e-15
        );
    }
}
