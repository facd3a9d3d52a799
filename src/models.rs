//! The model specs shipped with the program, one per system.

/// A shipped spec: its name and its commented text.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// File name in `models/` without `.toml`.
    pub name: &'static str,
    /// The whole spec file, TOML with its comments.
    pub text: &'static str,
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
    ($($name:literal),* $(,)?) => {
        &[$(Model { name: $name, text: include_str!(concat!("../models/", $name, ".toml")) }),*]
    };
}

/// All shipped models.
pub const MODELS: &[Model] = models![
    "deep-linear",
    "deep-linear-depth",
    "lazy-to-rich",
    "semantic-hierarchy",
    "saddle-to-saddle",
    "step-size",
    "lambda-balanced",
    "width",
    "edge-of-stability",
    "langevin-posterior",
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
    "percolation-transition",
    "bethe-lattice",
];
