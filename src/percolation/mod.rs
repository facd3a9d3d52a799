//! Percolation: lattices and graphs, cluster sweeps, closed forms, hierarchical clusters. Plain functions, usable without any spec.
//!
//! Conventions: `N` sites; `M` elements that get occupied (`M = N` for site percolation, the number of bonds for bond percolation);
//! `n` of them are occupied in the microcanonical ensemble, each with probability `p` in the canonical one. A cluster of site
//! percolation is a set of occupied sites; one of bond percolation is a set of *all* sites joined by occupied bonds (an isolated site is a
//! cluster of size 1). `n_s` is the number of clusters of size `s` per lattice site.

mod canonical;
mod configurations;
mod crystal;
mod element;
mod enumeration;
pub mod estimators;
pub mod exact;
pub mod exponents;
pub mod features;
mod forest;
pub mod geometry;
pub mod graph;
mod gyration;
pub mod hierarchy;
mod hoshen_kopelman;
pub mod hull;
mod leath;
mod model;
mod network;
mod onset;
mod permutation;
mod simulation;
mod size_series;
mod square;
mod sweep;
mod tally;
pub mod thresholds;
pub mod trees;
pub mod winding;

pub use canonical::Binomial;
pub(crate) use configurations::occupation;
pub use configurations::{Configurations, Look, Probe, SizeClass};
pub use crystal::{Bond, Crystal, MAX_DIMENSION, NAMES};
pub use element::Element;
pub use enumeration::{Enumeration, MAX_ENUMERATED, enumerate};
pub use forest::{Forest, Joined};
pub use gyration::radius_of_gyration;
pub use hoshen_kopelman::{Strip, strip};
pub use leath::{Leath, MOST_DOUBLINGS, Survival};
pub use model::{AnySweeper, Model};
pub use network::{Boundary, MAX_ELEMENTS, Network};
pub use onset::{Event, Onset};
pub use permutation::{below, permutation, permutation_of, shuffle};
pub use simulation::{Simulated, Simulation};
pub use size_series::SizeSeries;
pub use square::SquareSweeper;
pub use sweep::{Follow, State, Sweeper, Watch};
pub use tally::{Need, Setting, Tally};
