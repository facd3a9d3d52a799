//! A commented spec put together from the tables of the models, for a task, a learner, a training and theories of choice.

use crate::error::{Error, Result};
use crate::instrument::INSTRUMENTS;
use crate::learner::LEARNERS;
use crate::models::MODELS;
use crate::run::estimate;
use crate::spec::{Options, Spec};
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use std::collections::BTreeSet;

/// Kinds that a new spec is to have; what is left out follows from the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    pub task: Option<String>,
    pub learner: Option<String>,
    pub training: Option<String>,
    pub theories: Vec<String>,
}

/// A spec with a note on each theory that declines.
#[derive(Debug)]
pub(super) struct Composed {
    pub text: String,
    pub declines: Vec<String>,
}

/// One table of a spec as text, its comments and tables below it included.
#[derive(Debug, Clone, PartialEq)]
struct Block {
    /// `task`, `theory`, ...
    head: String,
    kind: String,
    text: String,
}

/// The top-level tables of a spec text; lines of comment right above a header belong to it.
fn blocks(text: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut comments = String::new();
    for line in text.lines() {
        let header = line.strip_prefix('[').map(|l| l.trim_start_matches('['));
        let name = header.and_then(|h| h.split(']').next());
        match name {
            Some(name) => {
                let head = name.split('.').next().unwrap_or_default();
                let below = name.contains('.') && out.last().is_some_and(|b| b.head == head);
                if !below {
                    out.push(Block {
                        head: head.into(),
                        kind: String::new(),
                        text: String::new(),
                    });
                }
                if let Some(block) = out.last_mut() {
                    block.text.push_str(&format!("{comments}{line}\n"));
                }
                comments.clear();
            }
            None if line.starts_with('#') => comments.push_str(&format!("{line}\n")),
            None => {
                if let Some(block) = out.last_mut() {
                    block.text.push_str(&format!("{comments}{line}\n"));
                }
                comments.clear();
            }
        }
    }
    for block in &mut out {
        block.text = block.text.trim_end().to_string() + "\n";
        block.kind = kind(block).unwrap_or_default();
    }
    out
}

fn kind(block: &Block) -> Option<String> {
    let table = block.text.parse::<toml::Table>().ok()?;
    let of = match table.get(&block.head)? {
        toml::Value::Array(items) => items.first()?.as_table()?,
        other => other.as_table()?,
    };
    Some(of.get("kind")?.as_str()?.to_string())
}

/// The tables that the models have, those of the models that meet more of the wishes first.
struct Stock {
    models: Vec<Vec<Block>>,
}

impl Stock {
    fn new(wish: &Wish) -> Stock {
        let mut models: Vec<Vec<Block>> = MODELS.iter().map(|m| blocks(m.text)).collect();
        let met = |blocks: &Vec<Block>| {
            let has =
                |head: &str, kind: &str| blocks.iter().any(|b| b.head == head && b.kind == kind);
            let one =
                |head: &str, kind: &Option<String>| kind.as_ref().is_some_and(|k| has(head, k));
            let theories = wish.theories.iter().filter(|k| has("theory", k)).count();
            usize::from(one("task", &wish.task))
                + usize::from(one("learner", &wish.learner))
                + usize::from(one("training", &wish.training))
                + theories
        };
        models.sort_by_key(|blocks| std::cmp::Reverse(met(blocks)));
        Stock { models }
    }

    /// Task, learner and training of every model that has them as wished.
    fn together(&self, wish: &Wish) -> Vec<Vec<Block>> {
        let fits = |block: Option<&Block>, wished: &Option<String>| match (block, wished) {
            (Some(block), Some(kind)) => block.kind == *kind,
            (None, Some(_)) => false,
            _ => true,
        };
        let of = |model: &Vec<Block>| -> Option<Vec<Block>> {
            let find = |head: &str| {
                model
                    .iter()
                    .find(|b| b.head == head && !b.text.starts_with("[[training"))
            };
            let (task, learner, training) = (find("task")?, find("learner"), find("training"));
            let whole = learner.is_some() == training.is_some()
                && task.kind != "file"
                && !task.kind.is_empty();
            let wished = fits(Some(task), &wish.task)
                && fits(learner, &wish.learner)
                && fits(training, &wish.training);
            (whole && wished).then(|| {
                [Some(task), learner, training]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect()
            })
        };
        let mut found: Vec<Vec<Block>> = Vec::new();
        for parts in self.models.iter().filter_map(of) {
            let kinds = |p: &[Block]| p.iter().map(|b| b.kind.clone()).collect::<Vec<_>>();
            if found.iter().all(|f| kinds(f) != kinds(&parts)) {
                found.push(parts);
            }
        }
        found
    }

    /// Whether the models with this task have no learner: a simulation.
    fn is_bare(&self, task: Option<&String>) -> bool {
        let has = |b: &Block| b.head == "task" && Some(&b.kind) == task;
        let model = self.models.iter().find(|m| m.iter().any(has));
        model.is_some_and(|m| m.iter().all(|b| b.head != "learner"))
    }

    /// Tables of this head, and of this kind if one is wished; no two of one kind.
    fn of(&self, head: &str, kind: Option<&String>) -> Vec<Block> {
        let mut found: Vec<Block> = Vec::new();
        for block in self.models.iter().flatten().filter(|b| b.head == head) {
            let wished = kind.is_none_or(|k| *k == block.kind);
            // Files of the user are not at hand, and stages belong together.
            let usable = block.kind != "file"
                && !block.kind.is_empty()
                && !block.text.starts_with("[[training");
            if wished && usable && found.iter().all(|f| f.kind != block.kind) {
                found.push(block.clone());
            }
        }
        found
    }
}

/// A table of a task that reads a file.
fn file_task(path: &str) -> Block {
    let text = format!(
        "[task]\nkind = \"file\"\n\
         path = \"{path}\"            # a header line, one sample per row: inputs x1, x2, ..., target y\n\
         samples = 60                      # P: every data set is a fresh random subset of this many training samples\n\
         test_fraction = 0.25              # held out: the same samples for all data sets\n"
    );
    Block {
        head: "task".into(),
        kind: "file".into(),
        text,
    }
}

/// Tables of kinds that no model has and that are nothing without their keys.
const STARTERS: &[(&str, &str, &str)] = &[(
    "learner",
    "convolution",
    "[learner]\nkind = \"convolution\"\n\
     patch = 2                                # positions per patch and stride: every layer halves their number\n\
     channels = [8]                           # one layer\n\
     activation = \"relu\"\n",
)];

/// The table without tables below it, for a kind that no model has.
fn bare(head: &str, kind: &str) -> Block {
    let starter = STARTERS.iter().find(|s| (s.0, s.1) == (head, kind));
    if let Some((.., text)) = starter {
        return Block {
            head: head.into(),
            kind: kind.into(),
            text: text.to_string(),
        };
    }
    let (open, close) = if head == "theory" {
        ("[[", "]]")
    } else {
        ("[", "]")
    };
    Block {
        head: head.into(),
        kind: kind.into(),
        text: format!("{open}{head}{close}\nkind = \"{kind}\"\n"),
    }
}

/// Most combinations that are tried.
const TRIES: usize = 400;

/// The first combination that is valid and in which the theories answer, with the tables of models that fit the wishes best.
///
/// # Errors
/// `Input` where no combination makes a valid spec.
pub(super) fn compose(name: &str, wish: &Wish, data: &str) -> Result<Composed> {
    let stock = Stock::new(wish);
    let tasks = match wish.task.as_deref() {
        Some("file") => vec![file_task(data)],
        _ => stock.of("task", wish.task.as_ref()),
    };
    let theories = wish.theories.iter().map(|kind| {
        let found = stock.of("theory", Some(kind)).into_iter().next();
        plain(found.unwrap_or_else(|| bare("theory", kind)))
    });
    let theories: Vec<Block> = theories.collect();
    let choices = |head: &str, wished: Option<&String>, known: Vec<&str>| -> Vec<Option<Block>> {
        let mut found: Vec<Option<Block>> = stock.of(head, wished).into_iter().map(Some).collect();
        if let (Some(kind), true) = (wished, found.is_empty()) {
            found.push(Some(bare(head, kind)));
        }
        if wished.is_none() {
            if stock.is_bare(wish.task.as_ref()) {
                found.insert(0, None);
            }
            let rest = known
                .iter()
                .filter(|k| !found.iter().flatten().any(|b| b.kind == **k));
            let rest: Vec<Block> = rest.map(|k| bare(head, k)).collect();
            found.extend(rest.into_iter().map(Some));
            found.push(None);
        }
        found
    };
    let learners = choices(
        "learner",
        wish.learner.as_ref(),
        LEARNERS.iter().map(|k| k.about.kind).collect(),
    );
    let trainings = choices(
        "training",
        wish.training.as_ref(),
        TRAININGS.iter().map(|k| k.about.kind).collect(),
    );
    let mut best: Option<Composed> = None;
    // The tables of one model belong together: these come first.
    for parts in stock.together(wish) {
        if let Ok(composed) = assemble(name, &parts.iter().collect::<Vec<_>>(), &theories) {
            if composed.declines.is_empty() {
                return Ok(composed);
            }
            best = best.or(Some(composed));
        }
    }
    let mut first_error = None;
    let mut tries = 0;
    for task in &tasks {
        for learner in &learners {
            for training in &trainings {
                // A learner without training is a network at its start, which the training "none" says.
                if learner.is_some() != training.is_some() || tries >= TRIES {
                    continue;
                }
                tries += 1;
                let parts: Vec<&Block> = [Some(task), learner.as_ref(), training.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect();
                match assemble(name, &parts, &theories) {
                    Ok(composed) if composed.declines.is_empty() => return Ok(composed),
                    Ok(composed) => {
                        let fewer = |b: &Composed| composed.declines.len() < b.declines.len();
                        if best.as_ref().is_none_or(fewer) {
                            best = Some(composed);
                        }
                    }
                    Err(e) => first_error = first_error.or(Some(e)),
                }
            }
        }
    }
    let impossible = || {
        Error::input(
            "new",
            "no models have tables for these choices",
            "leave some of --task, --learner, --training and --theory out",
        )
    };
    best.ok_or_else(|| match first_error {
        Some(Error::Input { cause, .. }) => Error::input(
            "new",
            format!("no combination of tables is valid; the first one: {cause}"),
            "leave some of --task, --learner, --training and --theory out, or copy a model (`saddlepoint list models`)",
        ),
        Some(other) => other,
        None => impossible(),
    })
}

/// Remarks on a sweep that the model has and the new spec has not.
fn unswept(text: &str) -> String {
    let line = |l: &str| match l.split_once('#') {
        Some((code, remark)) if remark.contains("swept") && !code.trim().is_empty() => {
            code.trim_end().to_string()
        }
        _ => l.to_string(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

/// A theory's entry without what it expected of its model.
fn plain(block: Block) -> Block {
    let dropped = |l: &&str| !l.starts_with("expect") && !l.starts_with("assume");
    let lines = block.text.lines().filter(dropped);
    Block {
        text: lines.map(|l| format!("{l}\n")).collect(),
        ..block
    }
}

/// Draws to be tried: several data sets, else several networks, else what the spec takes by itself.
const DRAWS: [&str; 3] = [
    "datasets = 8                         # independent draws of the task: they make the error bars\nreplicas = 1\n",
    "replicas = 8                         # networks, each from its own initialisation: they make the error bars\n",
    "",
];

/// The spec with up to two observables that its theories answer.
fn assemble(name: &str, parts: &[&Block], theories: &[Block]) -> Result<Composed> {
    let usual = ["test-loss", "train-loss", "predictor-mean", "mode-strength"];
    let all: Vec<&str> = INSTRUMENTS.iter().map(|i| i.about().kind).collect();
    // What the theories answer comes first, of it the usual ones.
    let answers: Vec<&str> = theories
        .iter()
        .flat_map(|t| answers(&t.kind))
        .copied()
        .collect();
    let answered = |o: &&str| answers.contains(o);
    let mut observables: Vec<&str> = usual.into_iter().filter(answered).collect();
    observables.extend(all.iter().copied().filter(answered));
    observables.extend(usual.into_iter().chain(all));
    let mut seen = BTreeSet::new();
    observables.retain(|o| seen.insert(*o));
    if !theories.is_empty() {
        observables.truncate(40);
    }
    // Of a learner without theories, the usual observables are soon found.
    if theories.is_empty() && parts.len() > 1 {
        observables.truncate(30);
    }
    let mut found: Vec<&str> = Vec::new();
    let mut declines = None;
    let mut error = None;
    for draws in DRAWS {
        for observable in &observables {
            if found.len() == 2 {
                break;
            }
            let text = write(name, parts, theories, &[observable], draws);
            match declining(name, &text) {
                Ok(reasons) if reasons.is_empty() => found.push(observable),
                Ok(reasons) => declines = declines.or(Some((*observable, reasons))),
                Err(e) => error = error.or(Some(e)),
            }
        }
        let text = write(name, parts, theories, &found, draws);
        if !found.is_empty() && declining(name, &text).is_ok() {
            return Ok(Composed {
                text,
                declines: vec![],
            });
        }
        if let Some((observable, declines)) = declines {
            let text = write(name, parts, theories, &[observable], draws);
            return Ok(Composed { text, declines });
        }
        found.clear();
    }
    // Theories may tell quantities of their own, without any measurement.
    let text = write(name, parts, theories, &[], "");
    match declining(name, &text) {
        Ok(declines) => Ok(Composed { text, declines }),
        Err(e) => Err(error.unwrap_or(e)),
    }
}

/// What a theory of this kind can answer.
fn answers(kind: &str) -> &'static [&'static str] {
    let found = THEORIES.iter().find(|k| k.about.kind == kind);
    let theory = found.and_then(|k| (k.parse)("theory", toml::Table::new()).ok());
    theory.map_or(&[], |t| t.info().observables)
}

/// Reasons of the theories that decline in a valid spec.
fn declining(name: &str, text: &str) -> Result<Vec<String>> {
    let spec = Spec::parse(name, name, text, &Options::default())?;
    let estimate = estimate(&spec, 1, u64::MAX)?;
    let theories = estimate.cells.iter().flat_map(|c| &c.theories);
    let declined = theories.filter_map(|t| {
        let reason = t.declined.as_ref();
        let silent = t
            .observables
            .is_empty()
            .then(|| "it answers none of this".to_string());
        reason
            .map(|r| r.to_string())
            .or(silent)
            .map(|r| format!("{}: {r}", t.label))
    });
    Ok(declined.collect())
}

fn write(
    name: &str,
    parts: &[&Block],
    theories: &[Block],
    observables: &[&str],
    draws: &str,
) -> String {
    let mut text = format!(
        "# Check it with `saddlepoint check {name}.toml`, run it with `saddlepoint run {name}.toml`.\n\
         # `saddlepoint explain NAME` tells every kind, table and key.\nversion = 1\ntitle = \"{name}\"\nseed = 0\n"
    );
    for part in parts {
        text.push_str(&format!("\n{}", unswept(&part.text)));
    }
    if !observables.is_empty() {
        let names: Vec<String> = observables.iter().map(|o| format!("\"{o}\"")).collect();
        text.push_str(&format!(
            "\n[measure]\nobservables = [{}]\n{draws}",
            names.join(", ")
        ));
    }
    for theory in theories {
        text.push_str(&format!("\n{}", theory.text));
    }
    if !theories.is_empty() && !observables.is_empty() {
        text.push_str("\n[compare]\ntolerance = 0.05                     # agreement: the 95 % interval of the relative distance stays below 5 %\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_their_comments() {
        let text = "version = 1\n# of the file\n\n# the task\n[task]\nkind = \"a\" # k\n[task.x]\ny = 1\n\n[[theory]]\nkind = \"b\"\n[[theory]]\nkind = \"c\"\n";
        let found = blocks(text);
        let kinds: Vec<&str> = found.iter().map(|b| b.kind.as_str()).collect();
        assert_eq!(kinds, ["a", "b", "c"]);
        assert_eq!(
            found[0].text,
            "# the task\n[task]\nkind = \"a\" # k\n[task.x]\ny = 1\n"
        );
    }
}
