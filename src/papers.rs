//! Papers behind theories and models: what to type for each, and which of its figures a model corresponds to.

/// A paper that a theory or a model names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// arXiv identifier, without the version.
    pub id: &'static str,
    /// Authors and year.
    pub authors: &'static str,
    /// Theories that name it as their source, by their kinds.
    pub theories: &'static [&'static str],
    /// Model specs of its system, by their names in `models/`; the first is the one to begin with.
    pub models: &'static [&'static str],
    /// The figure that the first model corresponds to; `-` where none is known.
    pub figure: &'static str,
    /// Conventions in a few words.
    pub conventions: &'static str,
}

impl Paper {
    /// The commands that run its models.
    pub fn commands(&self) -> impl Iterator<Item = String> {
        let models = self.models.iter();
        models.map(|name| format!("saddlepoint run models/{name}.toml"))
    }
}

const NONE: Paper = Paper {
    id: "",
    authors: "",
    theories: &[],
    models: &[],
    figure: "-",
    conventions: "",
};

/// All papers, by their identifiers.
///
/// ```
/// use saddlepoint::papers::PAPERS;
/// let saxe = PAPERS.iter().find(|p| p.id == "1312.6120").unwrap();
/// assert_eq!(saxe.commands().next().unwrap(), "saddlepoint run models/deep-linear.toml");
/// ```
pub const PAPERS: &[Paper] = &[
    Paper {
        id: "1312.6120",
        authors: "Saxe, McClelland, Ganguli 2014",
        theories: &["saxe"],
        models: &[
            "deep-linear",
            "deep-linear-depth",
            "correlated-inputs",
            "saxe-and-dmft",
            "step-size",
        ],
        conventions: "time t = learning rate times step; modes of Y X^T/P",
        ..NONE
    },
    Paper {
        id: "1606.05340",
        authors: "Poole et al. 2016",
        theories: &["signal-propagation"],
        models: &["edge-of-chaos"],
        conventions: "sigma_w^2 is learner.prior.weight, sigma_b^2 learner.prior.bias",
        ..NONE
    },
    Paper {
        id: "1611.01232",
        authors: "Schoenholz, Gilmer, Ganguli, Sohl-Dickstein 2017",
        theories: &["signal-propagation"],
        models: &["edge-of-chaos"],
        conventions: "sigma_w^2 is learner.prior.weight, sigma_b^2 learner.prior.bias",
        ..NONE
    },
    Paper {
        id: "1711.00165",
        authors: "Lee et al. 2018",
        theories: &["nngp", "linear-posterior"],
        models: &["nngp-posterior", "mnist-kernel", "mnist-modes"],
        conventions: "sigma_eps^2 is T; see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "1804.11271",
        authors: "Matthews, Hron, Rowland, Turner, Ghahramani 2018",
        theories: &["nngp"],
        models: &["nngp-posterior"],
        conventions: "variances per input, as in `explain conventions`",
        ..NONE
    },
    Paper {
        id: "1805.02701",
        authors: "Mertens, Moore 2018",
        theories: &["threshold-series"],
        models: &["percolation-thresholds"],
        conventions: "sites of hypercubic lattices in high dimension",
        ..NONE
    },
    Paper {
        id: "1806.07572",
        authors: "Jacot, Gabriel, Hongler 2018",
        theories: &["ntk"],
        models: &["infinite-width", "lazy-to-rich"],
        conventions: "parametrization = \"ntk\" is theirs; time t = learning rate times step",
        ..NONE
    },
    Paper {
        id: "1810.10531",
        authors: "Saxe, McClelland, Ganguli 2019",
        models: &["semantic-hierarchy"],
        conventions: "items are one-hot; the map has P times the singular values of Y X^T/P",
        ..NONE
    },
    Paper {
        id: "1902.06720",
        authors: "Lee et al. 2019",
        theories: &["ntk"],
        models: &["infinite-width", "width"],
        conventions: "time t = learning rate times step",
        ..NONE
    },
    Paper {
        id: "2002.02561",
        authors: "Bordelon, Canatar, Pehlevan 2020",
        theories: &["learning-curve"],
        models: &[
            "learning-curve-modes",
            "learning-curve-power-law",
            "fit-ridge",
        ],
        conventions: "ridge in K + ridge 1, not divided by P",
        ..NONE
    },
    Paper {
        id: "2004.10802",
        authors: "Sharma, Kaplan 2020",
        theories: &["manifold"],
        models: &["percolation-manifold"],
        conventions: "exponent of the error in task.samples",
        ..NONE
    },
    Paper {
        id: "2006.13198",
        authors: "Canatar, Bordelon, Pehlevan 2021",
        theories: &["learning-curve", "rg-flow"],
        models: &["noise-peak", "learning-curve-power-law"],
        conventions: "ridge in K + ridge 1, not divided by P",
        ..NONE
    },
    Paper {
        id: "2103.00065",
        authors: "Cohen, Kaur, Li, Kolter, Talwalkar 2021",
        theories: &["edge-of-stability"],
        models: &["edge-of-stability"],
        conventions: "sharpness of the loss that is trained; edge at 2/learning rate",
        ..NONE
    },
    Paper {
        id: "2106.15933",
        authors: "Jacot et al. 2021",
        theories: &["saddle-to-saddle"],
        models: &["saddle-to-saddle"],
        conventions: "small start of scale alpha; time t = learning rate times step",
        ..NONE
    },
    Paper {
        id: "2112.15383",
        authors: "Seroussi, Naveh, Ringel 2023",
        theories: &["kernel-adaptation"],
        models: &["erf-data-level", "linear-bayes"],
        conventions: "sigma^2 is T/chi, erf is \"unscaled-erf\"; see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "2205.09653",
        authors: "Bordelon, Pehlevan 2022",
        theories: &["dmft"],
        models: &[
            "dmft-one-hidden-layer",
            "dmft-loss",
            "dmft-depth",
            "dmft-linear",
            "dmft-deep-tanh",
            "lazy-to-rich-dmft",
            "fit-richness",
            "optimisers",
            "saxe-and-dmft",
        ],
        conventions: "mean-field scaling with richness gamma_0; the loss is halved",
        ..NONE
    },
    Paper {
        id: "2209.04882",
        authors: "Pacelli et al. 2023",
        theories: &["kernel-scaling"],
        models: &["erf-data-level", "kernel-scaling-vs-adaptation"],
        conventions: "1/beta is T, precisions are 1/variances; see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "2210.16859",
        authors: "Maloney, Roberts, Sully 2022",
        theories: &["random-feature-curve"],
        models: &["random-features-plane"],
        conventions: "spectrum k^-(1+alpha); samples P, features N",
        ..NONE
    },
    Paper {
        id: "2212.14457",
        authors: "Hanin, Zlokapa 2023",
        theories: &["linear-posterior"],
        models: &[
            "finite-width-vertex",
            "fit-temperature",
            "weakly-nonlinear",
            "langevin-posterior",
        ],
        conventions: "halved sum in exp(-chi Lo/T); see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "2303.13506",
        authors: "Michaud, Liu, Girit, Tegmark 2023",
        theories: &["cluster-discovery"],
        models: &["percolation-learning"],
        conventions: "a quantum is a cluster",
        ..NONE
    },
    Paper {
        id: "2310.03789",
        authors: "Rubin, Seroussi, Ringel 2024",
        theories: &["mean-field"],
        models: &["erf-data-level", "xor-mean-field"],
        conventions: "temperature = N sigma^2, readout = N sigma_a^2, chi = \"width\"; see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "2311.14646",
        authors: "Simon et al. 2023",
        theories: &["random-feature-curve"],
        models: &["random-features-plane"],
        conventions: "samples P, features N; ridge not divided by P",
        ..NONE
    },
    Paper {
        id: "2405.00592",
        authors: "Atanasov, Zavatone-Veth, Pehlevan 2024",
        theories: &["random-feature-curve"],
        models: &["random-features-plane"],
        conventions: "samples P, features N; ridge not divided by P",
        ..NONE
    },
    Paper {
        id: "2405.06008",
        authors: "Howard, Jefferson, Maiti, Ringel 2024",
        theories: &["rg-flow"],
        models: &["ridge-flow"],
        conventions: "their flow is method \"tail-sum\"; cutoff counts modes",
        ..NONE
    },
    Paper {
        id: "2405.19398",
        authors: "Zhang 2024",
        theories: &["random-feature-curve"],
        models: &["random-features-plane"],
        conventions: "samples P, features N; ridge not divided by P",
        ..NONE
    },
    Paper {
        id: "2409.14623",
        authors: "Domine et al. 2024",
        theories: &["saxe"],
        models: &["lambda-balanced"],
        conventions: "lambda of W_2^T W_2 - W_1 W_1^T = lambda 1",
        ..NONE
    },
    Paper {
        id: "2410.24206",
        authors: "Cohen et al. 2024",
        theories: &["edge-of-stability"],
        models: &["edge-of-stability"],
        conventions: "edge at 2/learning rate",
        ..NONE
    },
    Paper {
        id: "2412.07942",
        authors: "Brill 2024",
        theories: &["cluster-discovery", "manifold", "tree-nearest"],
        models: &[
            "percolation-learning",
            "percolation-manifold",
            "percolation-combined",
        ],
        conventions: "sizes P(s) ~ s^(-5/2); error against samples",
        ..NONE
    },
    Paper {
        id: "2502.03210",
        authors: "Rubin, Fischer, Lindner, Dahmen, Seroussi, Ringel, Kraemer, Helias 2025",
        theories: &["kernel-adaptation"],
        models: &["kernel-scaling-vs-adaptation"],
        figure: "Fig. 2 (discrepancies on training and test samples; sizes are ours)",
        conventions: "kappa is T, g_v and g_w the variances; see `explain conventions`",
    },
    Paper {
        id: "2502.18553",
        authors: "Ringel, Rubin, Mor, Helias, Seroussi 2025 (review)",
        theories: &["mean-field"],
        models: &["xor-mean-field"],
        conventions: "see `explain conventions`",
        ..NONE
    },
    Paper {
        id: "2504.20197",
        authors: "Brill 2025",
        models: &["percolation-features"],
        conventions: "names of the features are theirs, definitions ours",
        ..NONE
    },
    Paper {
        id: "2506.06489",
        authors: "Kunin et al. 2025",
        theories: &["saddle-to-saddle"],
        models: &["saddle-to-saddle"],
        conventions: "alternating gradient flow as the scale alpha of the start -> 0",
        ..NONE
    },
    Paper {
        id: "2510.25553",
        authors: "Peraza Coppola, Helias, Ringel 2025",
        theories: &["quartic-flow", "flow-diagram"],
        models: &["quartic-flow", "flow-diagram", "weakly-nonlinear"],
        conventions: "the equations are derived here; see `explain quartic-flow`",
        ..NONE
    },
    Paper {
        id: "cond-mat/0005264",
        authors: "Newman, Ziff 2000",
        theories: &["percolation-limit"],
        models: &[
            "percolation-square",
            "percolation-wrapping",
            "percolation-crossing",
        ],
        conventions: "p of occupied sites or bonds; torus",
        ..NONE
    },
    Paper {
        id: "hep-th/9111026",
        authors: "Cardy 1992",
        theories: &["percolation-limit"],
        models: &["percolation-crossing"],
        conventions: "crossing of an open square",
        ..NONE
    },
];
