//! The model specs shipped with the program, one per system.

/// A shipped spec: its name and its commented text.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// File name in `models/` without `.toml`.
    pub name: &'static str,
    /// The whole spec file, TOML with its comments.
    pub text: &'static str,
    /// A full run takes less than about ten seconds on two cores: tests run it in full, with its expectations, and others in quick form.
    pub short: bool,
}

impl Model {
    /// The title line of the spec.
    pub fn summary(&self) -> String {
        self.text
            .lines()
            .find_map(|l| l.strip_prefix("title = \""))
            .map(|t| t.trim_end_matches('"').to_string())
            .unwrap_or_default()
    }
}

macro_rules! models {
    ($($name:literal $($short:ident)?),* $(,)?) => {
        &[$(Model {
            name: $name,
            text: include_str!(concat!("../models/", $name, ".toml")),
            short: !stringify!($($short)?).is_empty(),
        }),*]
    };
}

/// All shipped models.
pub const MODELS: &[Model] = models![
    "deep-linear" short,
    "deep-linear-depth" short,
    "correlated-inputs" short,
    "lazy-to-rich",
    "semantic-hierarchy" short,
    "saddle-to-saddle" short,
    "step-size" short,
    "lambda-balanced" short,
    "width" short,
    "edge-of-stability" short,
    "edge-of-chaos" short,
    "infinite-width" short,
    "dmft-linear",
    "dmft-one-hidden-layer",
    "dmft-deep-tanh",
    "lazy-to-rich-dmft",
    "dmft-loss" short,
    "dmft-depth" short,
    "saxe-and-dmft",
    "ridge-flow" short,
    "quartic-flow",
    "flow-diagram" short,
    "weakly-nonlinear",
    "finite-width-vertex",
    "random-features-plane",
    "noise-peak" short,
    "optimisers",
    "langevin-posterior",
    "xor-mean-field",
    "erf-data-level",
    "linear-bayes" short,
    "kernel-scaling-vs-adaptation",
    "nngp-posterior",
    "learning-curve-power-law",
    "learning-curve-modes",
    "fit-ridge" short,
    "fit-temperature",
    "fit-richness" short,
    "theory-ladder",
    "which-theory-wins",
    "mnist-kernel",
    "mnist-modes",
    "transformer-copy",
    "percolation-combined",
    "percolation-features",
    "percolation-learning",
    "percolation-learning-curve",
    "percolation-manifold",
    "percolation-model-size",
    "percolation-probe",
    "percolation-sizes",
    "percolation-square",
    "percolation-threshold",
    "percolation-lattices",
    "percolation-thresholds",
    "percolation-crystals",
    "percolation-cubic",
    "percolation-collapse",
    "percolation-geometry",
    "percolation-paths",
    "percolation-crossing",
    "percolation-hierarchy-sizes",
    "percolation-transition" short,
    "bethe-lattice" short,
];
