//! `new`: a commented spec to start from, a copy of a model or put together from the tables of several.

mod compose;

use super::list;
use super::text::{note, print, print_json};
use crate::error::{Error, Result};
use crate::kind::{find, unknown};
use crate::learner::LEARNERS;
use crate::models::MODELS;
use crate::run::store::write_atomic;
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use compose::{Wish, compose};
use serde_json::json;
use std::path::{Path, PathBuf};

/// `new NAME`: what to start from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NewArgs {
    /// Name of the spec: NAME.toml is written
    name: String,
    /// Model to copy, see `saddlepoint list models`
    #[arg(long, conflicts_with_all = ["task", "learner", "training", "theory"])]
    model: Option<String>,
    /// Kind of the task; `file` writes an example NAME.csv beside the spec
    #[arg(long)]
    task: Option<String>,
    /// Kind of the learner
    #[arg(long)]
    learner: Option<String>,
    /// Kind of the training
    #[arg(long)]
    training: Option<String>,
    /// Kind of a theory; may be given several times
    #[arg(long)]
    theory: Vec<String>,
}

pub(crate) fn new(args: &NewArgs, as_json: bool) -> Result<u8> {
    let stem = args.name.strip_suffix(".toml").unwrap_or(&args.name);
    let path = PathBuf::from(format!("{stem}.toml"));
    is_free(&path)?;
    let wish = Wish {
        task: args.task.clone(),
        learner: args.learner.clone(),
        training: args.training.clone(),
        theories: once(&args.theory),
    };
    let given = [&wish.task, &wish.learner, &wish.training];
    let chosen = given.iter().any(|k| k.is_some()) || !wish.theories.is_empty();
    let data = PathBuf::from(format!("{stem}.csv"));
    let (from, text, declines) = match &args.model {
        Some(model) => (format!("the model {model}"), copied(model)?, vec![]),
        None if chosen => {
            known(&wish)?;
            let example = wish.task.as_deref() == Some("file") && !data.exists();
            if example {
                write_atomic(&data, example_data().as_bytes())?;
                note(&format!(
                    "wrote {}: an example, to be replaced by your data",
                    data.display()
                ));
            }
            let shown = data.display().to_string().replace('\\', "/");
            let name = path
                .file_stem()
                .map_or("my".into(), |s| s.to_string_lossy().into_owned());
            let composed = compose(&name, &wish, &shown);
            if composed.is_err() && example {
                let _ = std::fs::remove_file(&data);
            }
            let composed = composed?;
            (
                "tables of the models".to_string(),
                composed.text,
                composed.declines,
            )
        }
        None => return Err(choices()),
    };
    write_atomic(&path, text.as_bytes())?;
    for reason in &declines {
        note(&format!("declines: {reason}"));
    }
    let path = path.display().to_string();
    match as_json {
        true => print_json(
            &json!({ "schema": "saddlepoint/1/new", "path": path, "model": args.model, "declines": declines }),
        )?,
        false => print(&format!(
            "wrote {path} (from {from}); next: saddlepoint check {path}\n"
        ))?,
    }
    Ok(0)
}

/// Kinds in their order, each once.
fn once(kinds: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for kind in kinds {
        if !seen.contains(kind) {
            seen.push(kind.clone());
        }
    }
    seen
}

/// Kinds that a spec cannot have without more than their names.
const NEEDS_MORE: &[(&str, &str, &str)] = &[
    (
        "--task",
        "text",
        "needs a text file: copy a model, or see `saddlepoint explain text`",
    ),
    (
        "--training",
        "stages",
        "is a list of stages: see `saddlepoint explain training`",
    ),
    (
        "--theory",
        "table",
        "needs a csv of your curve: see `saddlepoint explain table`",
    ),
];

fn is_free(path: &Path) -> Result<()> {
    match path.exists() {
        false => Ok(()),
        true => Err(Error::input(
            path.display().to_string(),
            "the file exists already",
            "choose another name; nothing was overwritten",
        )),
    }
}

fn copied(model: &str) -> Result<String> {
    let names: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
    let found = MODELS.iter().find(|m| m.name == model);
    let found = found.ok_or_else(|| unknown("--model", model, &names))?;
    Ok(found.text.to_string())
}

fn known(wish: &Wish) -> Result<()> {
    let wished = |option: &str, kind: &str| match option {
        "--task" => wish.task.as_deref() == Some(kind),
        "--training" => wish.training.as_deref() == Some(kind),
        _ => wish.theories.iter().any(|t| t == kind),
    };
    if let Some((option, kind, why)) = NEEDS_MORE.iter().find(|n| wished(n.0, n.1)) {
        return Err(Error::input(
            *option,
            format!("{kind} cannot be put together from its name alone"),
            format!("{kind} {why}"),
        ));
    }
    if let Some(kind) = &wish.task {
        find(TASKS, "--task", kind)?;
    }
    if let Some(kind) = &wish.learner {
        find(LEARNERS, "--learner", kind)?;
    }
    if let Some(kind) = &wish.training {
        find(TRAININGS, "--training", kind)?;
    }
    for kind in &wish.theories {
        find(THEORIES, "--theory", kind)?;
    }
    Ok(())
}

/// What a new spec may start from.
fn choices() -> Error {
    let names = |noun: &str| {
        let components = list::components().into_iter().filter(|(n, _)| *n == noun);
        components
            .map(|(_, a)| a.kind)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Error::input(
        "new",
        "nothing to start from was chosen",
        format!(
            "copy a model, --model deep-linear (`saddlepoint list models`), or choose kinds, as in\n    \
             saddlepoint new my --task file --learner kernel-ridge --theory learning-curve\n  \
             --task      {}\n  --learner   {}\n  --training  {}\n  --theory    {}",
            names("task"),
            names("learner"),
            names("training"),
            names("theory"),
        ),
    )
}

/// 160 samples of `y = x1 - x2 / 2 + x1 x3 / 4` on a fixed grid-like sequence: data of the right form to replace.
fn example_data() -> String {
    let mut text = String::from("x1,x2,x3,x4,y\n");
    for k in 1..=160u32 {
        // The additive recurrence of golden ratios of four dimensions: evenly spread and not random.
        let part = |power: i32| (f64::from(k) * 1.324_717_957_244_746_f64.powi(-power)).fract();
        let x: Vec<f64> = (1..=4).map(|p| 2.0 * part(p) - 1.0).collect();
        let y = x[0] - x[1] / 2.0 + x[0] * x[2] / 4.0;
        let row: Vec<String> = x.iter().chain([&y]).map(|v| format!("{v:.4}")).collect();
        text.push_str(&format!("{}\n", row.join(",")));
    }
    text
}
