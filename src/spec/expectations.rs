//! Expectations belong to the spec as it is written: what varies the experiment drops them.

use super::{Document, Options, Source, Spec};

/// Tables whose keys an expectation depends on.
const EXPERIMENT: [&str; 6] = ["task", "learner", "training", "theory", "sweep", "map"];

/// What varies the experiment, if something does; an override of an `expect` itself states the expectations anew.
pub(super) fn dropped(options: &Options, document: &Document) -> Option<String> {
    let sets: Vec<(&str, &str)> = document
        .overrides
        .iter()
        .filter_map(|o| match &o.source {
            Source::Set(text) => Some((o.key.as_str(), text.as_str())),
            _ => None,
        })
        .collect();
    if options.explore {
        return Some("--explore".into());
    }
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_string();
    if sets
        .iter()
        .any(|(key, _)| last(key) == "expect" || key.contains(".expect."))
    {
        return None;
    }
    let varies = |key: &str| {
        let head = key.split(['.', '[']).next().unwrap_or_default();
        EXPERIMENT.contains(&head) && last(key) != "label"
    };
    let found = sets.iter().find(|(key, _)| varies(key));
    found.map(|(_, text)| format!("--set {text}"))
}

/// Removes all expectations; whether there were any.
pub(super) fn drop_all(spec: &mut Spec) -> bool {
    let mut any = false;
    for entry in spec.cells.iter_mut().flat_map(|c| &mut c.theories) {
        any |= entry.expect.take().is_some();
    }
    for reduce in &mut spec.reduce {
        any |= !reduce.expect.is_empty();
        reduce.forget_expectations();
    }
    any
}
