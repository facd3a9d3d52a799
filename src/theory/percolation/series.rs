//! Thresholds of hypercubic lattices from their series about infinite dimension.

use super::limit::one_number;
use super::{leath, promise, setting};
use crate::error::Error;
use crate::experiment::Experiment;
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::exact::{SERIES_TERMS, threshold_series};
use crate::theory::{Asked, Info, Plan, Theory, answered_of, parse_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "threshold-series",
    summary: "thresholds of hypercubic lattices as a series in 1/(2d - 1)",
    text: "\
With t = 1/(2d - 1):
  bonds   p_c = t + (5/2) t^3 + (15/2) t^4 + 57 t^5 + (4855/12) t^6
  sites   p_c = t + (3/2) t^2 + (15/4) t^3 + (83/4) t^4 + (6577/48) t^5 + (119077/96) t^6
The first term is the Bethe lattice of 2d neighbours: no loops. The series is asymptotic; the last term kept is the scale of what is
left out. It predicts percolation-threshold and growth-threshold, and declines where the terms kept sum to more than 1 (all six in
two dimensions).

Keys
  terms   powers of t that are kept, 1 to 6 (default 6)
limits: task.dimension -> inf",
    revision: 1,
};

static INFO: Info = Info {
    source: "Gaunt, Sykes & Ruskin, J. Phys. A 9, 1899 (1976); Gaunt & Ruskin, J. Phys. A 11, 1369 (1978); Mertens & Moore, arXiv:1805.02701",
    observables: OBSERVABLES,
    assumptions: &["the dimension is large"],
    ..Info::of(&ABOUT)
};

const OBSERVABLES: &[&str] = &["percolation-threshold", "growth-threshold"];

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let series: Series = parse_keys(place, table, &INFO)?;
        match (1..=SERIES_TERMS).contains(&series.terms) {
            true => Ok(Arc::new(series)),
            false => Err(Error::input(
                format!("{place}.terms"),
                format!("{} terms", series.terms),
                format!("use 1 to {SERIES_TERMS}"),
            )),
        }
    },
    schema: Series::json_schema,
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Series {
    /// Powers of t that are kept.
    terms: usize,
}

impl Default for Series {
    fn default() -> Self {
        Series {
            terms: SERIES_TERMS,
        }
    }
}

impl Theory for Series {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let (lattice, dimension, element) = match leath(experiment) {
            Some((lattice, growth)) => (lattice, growth.dimension(), growth.element()),
            None => {
                let setting = setting(experiment)?;
                (setting.lattice.as_str(), setting.dimension, setting.element)
            }
        };
        if lattice != "hypercubic" {
            return Err(Declined("a series of hypercubic lattices".into()));
        }
        answered_of(asked, OBSERVABLES)?;
        let (sum, _) = threshold_series(element, dimension, self.terms);
        if sum >= 1.0 {
            return Err(Declined(format!(
                "{} terms sum to {sum:.2} in {dimension} dimensions, which is no probability",
                self.terms
            )));
        }
        one_number(asked, OBSERVABLES, (sum, 0.0), promise(&["task.dimension"]))
    }
}

#[cfg(test)]
mod tests {
    use crate::percolation::Element;
    use crate::percolation::exact::threshold_series;

    #[test]
    fn one_term_is_the_bethe_lattice_and_more_terms_come_nearer() {
        assert_eq!(threshold_series(Element::Site, 4, 1).0, 1.0 / 7.0);
        let distance = |terms| (threshold_series(Element::Bond, 7, terms).0 - 0.078675230).abs();
        let distances: Vec<f64> = [1, 3, 4, 5, 6].into_iter().map(distance).collect();
        assert!(distances.windows(2).all(|w| w[1] < w[0]), "{distances:?}");
    }
}
