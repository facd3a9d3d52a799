//! Pages of `explain` that belong to no component: the tables of a spec, and concepts.

/// A page on a concept.
pub(super) struct Concept {
    pub name: &'static str,
    pub summary: &'static str,
    pub text: &'static str,
}

/// A table of a spec; its kinds and keys are added from the registries.
pub(super) struct Table {
    pub name: &'static str,
    pub summary: &'static str,
    pub text: &'static str,
}

macro_rules! tables {
    ($($name:literal: $summary:literal),* $(,)?) => {
        &[$(Table { name: $name, summary: $summary, text: include_str!(concat!("../tables/", $name, ".md")) }),*]
    };
}

macro_rules! concepts {
    ($($name:literal: $summary:literal),* $(,)?) => {
        &[$(Concept { name: $name, summary: $summary, text: include_str!(concat!($name, ".md")) }),*]
    };
}

pub(super) const TABLES: &[Table] = tables![
    "spec": "the tables of a spec file, and what overrides them",
    "task": "[task]: what is learned, the data and the target",
    "learner": "[learner]: what learns; may be left out",
    "training": "[training]: how it learns; a table, or a list of named stages",
    "measure": "[measure]: what is recorded, and on how many draws",
    "theory": "[[theory]]: what predicts the observables, or tells quantities of its own",
    "compare": "[compare]: how far a theory may be off and still agree, and with what it is compared",
    "sweep": "[sweep]: one cell for every combination of the values of its keys",
    "map": "[map]: one or two keys on a dense grid, for theories alone",
    "reduce": "[[reduce]]: a swept key is removed by a fit across cells, for measurement and theory alike",
    "relate": "[[relate]]: what one quantity says of another one, with what chance gives",
    "fit": "[[fit]]: parameters of a theory, estimated from what is measured",
    "league": "[[league]]: which theory is nearest to the measurement, cell by cell",
    "figure": "[[figure]]: the pictures of a run",
    "quick": "[quick]: what --quick changes",
];

pub(super) const PAGES: &[Concept] = concepts![
    "verdict": "how a theory is judged: deviation, interval, tolerance, agree, disagree, inconclusive",
    "conditioning": "what a theory may be given of each draw: nothing, the data, the start, the trained network",
    "ranking": "which of several theories is nearest: the paired contrast of their squared distances",
    "held-out": "test samples, fresh or shared by all draws, and the error that they bring",
    "p": "the column p: a test of exactly zero distance, and when it is empty",
    "time": "steps, learning rates, gradient-flow time and the times of theories, in every parametrisation",
    "notation": "symbols that mean the same on all pages",
    "conventions": "symbols, losses, temperatures and prior variances of the Bayesian theories, and those of papers in these terms",
];
