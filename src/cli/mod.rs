//! The command line: one file per verb.

mod check;
mod concepts;
mod explain;
mod job;
mod keys;
mod league;
mod list;
mod new;
mod pages;
mod papers;
mod reproduce;
mod revisit;
mod text;

use crate::error::{Error, Result};
use crate::run::Side;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The physics of deep learning: theories predict, networks are trained, both on the same axes with error bars and a verdict.
#[derive(Debug, Parser)]
#[command(
    name = "saddlepoint",
    version,
    after_help = "Exit codes: 0 done, whatever the verdicts; 1 a stated expectation is not met; 2 usage or spec error; 3 no theory gave a number;\n4 some cells failed; 5 resource limit refused; 6 interrupted, resumable; 70 bug."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List tasks, learners, training rules, instruments, theories, models, ... or papers with what stands for them
    List {
        /// `tasks`, `theories`, `models`, ..., or `papers`: with one line each
        what: Option<String>,
        /// Models of one field: `list models dmft`
        field: Option<String>,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Explain a component, a table or key of a spec, a choice, a concept, a model or a paper
    Explain {
        /// Names, one page after the other
        #[arg(required = true)]
        names: Vec<String>,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Write a commented starting spec NAME.toml: a copy of a model, or for kinds of your choice
    New {
        #[command(flatten)]
        args: new::NewArgs,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Validate a spec: cells, declines, memory and time, without solving
    Check(JobArgs),
    /// Solve the theories alone
    Predict(JobArgs),
    /// Train the networks alone
    Measure(TrainingArgs),
    /// Theories and networks: compare, draw, report (resumes by itself)
    Run(TrainingArgs),
    /// State of a run folder: finished and missing records, damaged files
    Status {
        dir: PathBuf,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Redraw figures, tables and report of a run folder from its records
    Report {
        dir: PathBuf,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// One table of the single numbers of several runs: theory, measurement, distance in standard errors
    League {
        /// Run folders
        #[arg(required = true)]
        dirs: Vec<PathBuf>,
        /// Tables with all their columns, however wide
        #[arg(long)]
        wide: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Recompute a run folder, or `figures` for the whole gallery, and check the numbers
    Reproduce(reproduce::ReproduceArgs),
    /// JSON schema of specs (`spec`) or of the --json document (`output`)
    Schema {
        #[arg(value_enum, default_value = "spec")]
        of: pages::SchemaOf,
    },
    /// Shell completions on stdout
    Completions { shell: clap_complete::Shell },
    /// Manual page (roff) on stdout
    Man,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct JsonFlag {
    /// One JSON document on stdout
    #[arg(long)]
    json: bool,
}

/// Options of every verb that takes a spec.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// Spec file (TOML)
    spec: PathBuf,
    /// Override a key: --set learner.widths=[64]
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Apply the spec's [quick] table (smaller, marked, without expectations)
    #[arg(long)]
    quick: bool,
    /// Drop the spec's expectations: see what happens when it is varied
    #[arg(long)]
    explore: bool,
    /// Root seed
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Worker threads (default: all cores); results do not depend on it
    #[arg(long, allow_negative_numbers = true, value_parser = text::threads, default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Refuse above this much memory, e.g. 500M, 4G
    #[arg(long, value_parser = text::bytes, default_value = "4G")]
    max_memory: u64,
    /// Run it although it takes longer than a day
    #[arg(long)]
    yes: bool,
    /// Tables with all their columns, however wide
    #[arg(long)]
    wide: bool,
    /// Folder for records and run folders
    #[arg(long, default_value = "runs")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonFlag,
}

/// Options of the verbs that train.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainingArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Write the trained weights of every draw to the run folder (safetensors)
    #[arg(long)]
    save_weights: bool,
}

/// Runs the program, built from `commit` where that is known; returns the exit code. A panic is a bug: one message, exit code 70.
pub fn run(commit: Option<&'static str>) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("?".into(), |l| l.to_string());
        let payload = panic.payload();
        let cause = match (
            payload.downcast_ref::<&str>(),
            payload.downcast_ref::<String>(),
        ) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "panic",
        };
        text::note(&format!("error: {}", Error::bug(place, cause)));
    }));
    std::panic::catch_unwind(|| program(commit)).unwrap_or(70)
}

fn program(commit: Option<&str>) -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { 2 } else { 0 };
            let _ = e.print();
            return code;
        }
    };
    match dispatch(cli.verb, commit) {
        Ok(code) => code,
        Err(e) => {
            text::note(&format!("error: {e}"));
            e.exit_code()
        }
    }
}

fn dispatch(verb: Verb, commit: Option<&str>) -> Result<u8> {
    match verb {
        Verb::List { what, field, json } => {
            list::list(what.as_deref(), field.as_deref(), json.json)
        }
        Verb::Explain { names, json } if json.json && names.len() > 1 => Err(Error::input(
            "explain --json",
            "several names",
            "ask for one: the answer is one JSON document",
        )),
        Verb::Explain { names, json } => names
            .iter()
            .try_fold(0, |_, name| explain::explain(name, json.json)),
        Verb::New { args, json } => new::new(&args, json.json),
        Verb::Check(args) => check::check(&args),
        Verb::Predict(args) => job::job(&args, Side::Theory, false, commit),
        Verb::Measure(args) => job::job(&args.job, Side::Networks, args.save_weights, commit),
        Verb::Run(args) => job::job(&args.job, Side::Both, args.save_weights, commit),
        Verb::Status { dir, json } => revisit::status(&dir, json.json),
        Verb::Report { dir, json } => revisit::report(&dir, json.json, commit),
        Verb::League { dirs, wide, json } => league::league(&dirs, json.json, wide),
        Verb::Reproduce(args) => reproduce::reproduce(&args),
        Verb::Schema { of } => pages::schema(of),
        Verb::Completions { shell } => pages::completions(shell),
        Verb::Man => pages::man(),
    }
}
