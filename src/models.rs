//! The model specs shipped with the program, one per system.

/// A shipped spec: its name and its commented text.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// File name in `models/` without `.toml`.
    pub name: &'static str,
    /// Its field, one of [`FIELDS`].
    pub field: &'static str,
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

    /// What the gallery says of it: what is to be seen, and what of it is from the literature, derived or measured here.
    pub fn prose(&self) -> Option<String> {
        let command = format!("`saddlepoint run models/{}.toml`", self.name);
        let mut sections = GALLERY.split("\n## ").skip(1);
        let section = sections.find(|s| s.lines().any(|l| l.trim() == command))?;
        let lines = section
            .lines()
            .filter(|l| !l.starts_with("![") && l.trim() != command);
        let mut text = String::new();
        for line in lines {
            if !(line.is_empty() && text.ends_with("\n\n")) {
                text.push_str(&format!("{line}\n"));
            }
        }
        Some(text.trim_end().to_string() + "\n")
    }
}

/// The page of the gallery, a section for each model that has figures there.
const GALLERY: &str = include_str!("../figures/README.md");

/// Fields of the models: a word for `list models FIELD`, and what it is about.
pub const FIELDS: &[(&str, &str)] = &[
    ("linear", "deep linear networks and their modes"),
    ("lazy", "tangent kernels, wide networks and the step size"),
    ("dmft", "dynamical mean-field theory of feature learning"),
    (
        "rg",
        "renormalisation of learning curves and of network fields",
    ),
    (
        "bayes",
        "posteriors, Gaussian processes and mean-field theories",
    ),
    ("curves", "learning curves of kernels and random features"),
    ("fit", "parameters of theories fitted to networks"),
    ("league", "which theory is nearest, and where"),
    ("data", "images and text"),
    (
        "percolation",
        "lattices, trees, clusters, and learning on them",
    ),
];

macro_rules! models {
    ($($field:literal: $($name:literal $($short:ident)?),* ;)*) => {
        &[$($(Model {
            name: $name,
            field: $field,
            text: include_str!(concat!("../models/", $name, ".toml")),
            short: !stringify!($($short)?).is_empty(),
        }),*),*]
    };
}

/// All shipped models, by field.
pub const MODELS: &[Model] = models![
    "linear":
        "deep-linear" short, "deep-linear-depth" short, "semantic-hierarchy" short, "saddle-to-saddle" short,
        "step-size" short, "lambda-balanced" short, "width" short,
        "correlated-inputs" short;
    "lazy": "lazy-to-rich", "edge-of-stability" short, "edge-of-chaos" short, "infinite-width" short;
    "dmft":
        "dmft-linear", "dmft-one-hidden-layer", "dmft-deep-tanh", "lazy-to-rich-dmft", "dmft-loss" short,
        "dmft-depth" short, "saxe-and-dmft", "optimisers";
    "rg":
        "ridge-flow" short, "quartic-flow", "flow-diagram" short, "weakly-nonlinear", "finite-width-vertex";
    "bayes":
        "langevin-posterior", "xor-mean-field", "erf-data-level", "linear-bayes" short,
        "kernel-scaling-vs-adaptation", "nngp-posterior";
    "curves":
        "ridge-learning-curve" short, "learning-curve-power-law", "learning-curve-modes", "random-features-plane", "noise-peak" short;
    "fit": "fit-ridge" short, "fit-temperature", "fit-richness" short;
    "league": "theory-ladder", "which-theory-wins";
    "data": "mnist-kernel", "mnist-modes", "transformer-copy";
    "percolation":
        "percolation-combined", "percolation-features", "percolation-learning", "percolation-learning-curve",
        "percolation-manifold", "percolation-model-size", "percolation-probe", "percolation-sizes",
        "percolation-square", "percolation-wrapping", "percolation-exponents", "percolation-threshold", "percolation-lattices", "percolation-thresholds",
        "percolation-crystals", "percolation-cubic", "percolation-collapse", "percolation-geometry",
        "percolation-paths", "percolation-crossing", "percolation-hierarchy-sizes",
        "percolation-transition" short, "bethe-lattice" short, "giant-component" short, "percolation-exact" short;
];
