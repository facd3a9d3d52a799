//! The threshold of any graph by the peak of its susceptibility.

use super::observable::{Axis, Observable};
use super::sweeps::{no_recorder, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::percolation::{Need, Simulated};
use crate::task::Dataset;

/// The `p` at which the susceptibility is largest.
pub(super) struct SusceptibilityPeak;

/// As registered.
pub(super) static PEAK: SusceptibilityPeak = SusceptibilityPeak;

static ABOUT: About = About {
    kind: "susceptibility-peak",
    summary: "the p at which the susceptibility of a lattice or of any graph is largest: an estimate of its threshold",
    text: "\
chi'(p) = (<sum_i s_i^2> - <s_max^2>)/N, the second moment of the cluster sizes without the largest cluster, is averaged
over the sweeps of one draw and over the binomial law of the number of occupied elements; told is the p of its maximum,
to 1e-6. It needs no boundary and no direction, so that it holds for the edges of any graph (lattice = \"edges\"), where
wrapping and spanning have no meaning. On a lattice of size L it approaches p_c as L^(-1/nu), more slowly than
percolation-threshold: extrapolate with a [[reduce]] over task.size. On one finite graph it is the place of the
transition, whose width is that of the peak (measure susceptibility over p to see it).

source: Newman & Ziff 2000, cond-mat/0005264; Stauffer & Aharony 1994",
    revision: 1,
};

static OBSERVABLE: Observable = Observable {
    name: "susceptibility-peak",
    label: "peak of the susceptibility p*",
    unit: "1",
    convention: "occupation probability at which chi' = (<sum s^2> - <s_max^2>)/N, averaged over the sweeps of a draw, is \
                 largest",
    tolerance: 0.005,
    ..Observable::PLAIN
};

/// Points of one look at an interval, and how fine the last look is.
const POINTS: usize = 33;
const FINEST: f64 = 1e-6;

/// The place of the largest value of `f` on `[0, 1]`, by ever finer looks around the best point.
fn peak(f: impl Fn(f64) -> Result<f64>) -> Result<f64> {
    let (mut from, mut to) = (0.0, 1.0);
    loop {
        let step = (to - from) / (POINTS - 1) as f64;
        let mut best = (f64::NEG_INFINITY, from);
        for k in 0..POINTS {
            let p = from + step * k as f64;
            let value = f(p)?;
            if value > best.0 {
                best = (value, p);
            }
        }
        if step < FINEST {
            return Ok(best.1);
        }
        // Two steps on each side: the maximum of a curve lies beside its largest point.
        (from, to) = (
            (best.1 - 2.0 * step).max(0.0),
            (best.1 + 2.0 * step).min(1.0),
        );
    }
}

impl Instrument for SusceptibilityPeak {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &OBSERVABLE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        setting(experiment).map(|_| Vec::new())
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(ABOUT.kind))
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for SusceptibilityPeak {
    fn need(&self) -> Need {
        Need {
            sizes: true,
            ..Need::default()
        }
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let (_, tally) = simulated.sweeps(ABOUT.kind)?;
        Ok(vec![peak(|p| tally.at(&tally.finite, p))?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::{Boundary, Element, Setting, Tally};

    #[test]
    fn a_peak_is_found_where_it_stands() {
        for at in [0.0, 0.137_215, 0.5, 0.999] {
            let found = peak(|p| Ok(-(p - at).abs())).unwrap();
            assert!((found - at).abs() < 2e-6, "{found}");
        }
    }

    /// Bonds of the square lattice are self-dual: the peak of a 64 x 64 torus stands a little below 1/2.
    #[test]
    fn bonds_of_the_square_lattice_peak_near_one_half() {
        let setting = Setting {
            lattice: "hypercubic".into(),
            dimension: 2,
            sides: vec![64; 2],
            element: Element::Bond,
            boundary: Boundary::Torus,
            sweeps: 200,
            graph: None,
        };
        let need = PEAK.need();
        let tally = Tally::of(&setting, &need, &mut stream(1, "peak", &[])).unwrap();
        let found = peak(|p| tally.at(&tally.finite, p)).unwrap();
        assert!((0.45..0.5).contains(&found), "{found}");
    }
}
