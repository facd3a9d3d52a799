//! One error type: every kind has a place, a cause and a remedy, and maps to an exit code of the program.

use std::path::Path;

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, why and what to do about it.
///
/// The kind decides the exit code ([`Error::exit_code`]); the text is for the user, in one place and once.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A spec, an option, an argument or a data file is wrong; nothing has been computed or written.
    #[error("{place}: {cause}\n  remedy: {remedy}")]
    Input {
        /// Key path, file position or argument that is wrong.
        place: String,
        /// What is wrong with it.
        cause: String,
        /// What the user can change.
        remedy: String,
    },
    /// A solver did not reach its tolerance. There is no number to report.
    #[error("{solver} did not converge: {cause}\n  remedy: {remedy}")]
    Unconverged {
        /// Name of the solver.
        solver: String,
        /// Where it stopped: the residual reached, the limit hit.
        cause: String,
        /// Which setting may bring it to its tolerance.
        remedy: String,
    },
    /// Training left the finite numbers (or the loss exploded) at a step.
    #[error(
        "{place}: training diverged at step {step} ({block} moved farthest) with learning_rate = {learning_rate}{}\n  remedy: lower training.learning_rate{}",
        bound_clause(.stable_bound),
        bound_remedy(.stable_bound)
    )]
    Diverged {
        /// The draw whose training diverged.
        place: String,
        /// Step at which the loss was not finite or had exploded.
        step: usize,
        /// Parameter block (`layers.1.weight`) that moved farthest from the start, or the first one that is not finite.
        block: String,
        /// Learning rate of the training.
        learning_rate: f64,
        /// `2 / lambda_max` of the loss Hessian (Gauss-Newton part), the smaller one of the start and of a point reached
        /// from it by line search; where known.
        stable_bound: Option<f64>,
    },
    /// A measured or predicted quantity is not a finite number where its observable is one everywhere.
    #[error("{place}: {cause}\n  remedy: {remedy}")]
    NotFinite {
        /// The draw, and the observable.
        place: String,
        /// Which value is not finite, and of how many.
        cause: String,
        /// What may bring it back to finite numbers.
        remedy: String,
    },
    /// A theory found on the data that it does not apply: a row with its reason, no failure.
    #[error("does not apply: {reason}")]
    Declined {
        /// What the theory needs, what it found, and the key that would make it so.
        reason: String,
    },
    /// The run needs more memory than it may use; nothing has been allocated.
    #[error("{what} needs {}, the limit is {}\n  remedy: {remedy}", human_bytes(*.needed), human_bytes(*.limit))]
    Resource {
        /// What the memory is for.
        what: String,
        /// Estimated need in bytes.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
        /// Which option or number lowers the need or raises the limit.
        remedy: String,
    },
    /// The run would take longer than a day; nothing has been computed.
    #[error(
        "{what} would take {range}\n  remedy: confirm it with --yes, or ask for less (fewer cells, draws or steps); `saddlepoint check` tells the cost"
    )]
    TooLong {
        /// Name of the spec.
        what: String,
        /// From and to, by short trials.
        range: String,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {cause}\n  remedy: {remedy}")]
    Storage {
        /// File or folder.
        path: String,
        /// Message of the operating system.
        cause: String,
        /// What to change so that the same command succeeds.
        remedy: String,
        /// The disk, the quota or the limit on file sizes is exhausted (exit code 5 instead of 2).
        full: bool,
    },
    /// The user asked to stop; finished records are kept.
    #[error(
        "interrupted: finished draws are kept, unfinished ones go on from their checkpoints\n  remedy: run the same command again to resume"
    )]
    Interrupted,
    /// An invariant of the program itself is broken.
    #[error(
        "internal error in {place}: {cause}\n  remedy: please report this with the command and the spec"
    )]
    Bug {
        /// Function whose invariant is broken.
        place: String,
        /// The invariant, and what was found instead.
        cause: String,
    },
}

/// `1234567` bytes as `1.2 MiB`.
pub fn human_bytes(n: u64) -> String {
    let x = n as f64;
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{:.1} KiB", x / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", x / 1_048_576.0),
        _ => format!("{:.1} GiB", x / 1_073_741_824.0),
    }
}

fn bound_clause(bound: &Option<f64>) -> String {
    match bound {
        Some(b) => format!(" (stable bound 2/lambda_max = {b:.4e})"),
        None => String::new(),
    }
}

fn bound_remedy(bound: &Option<f64>) -> String {
    match bound {
        Some(b) => format!(" below {b:.4e}"),
        None => String::new(),
    }
}

/// Most characters of one part of a message.
const LONGEST: usize = 1500;

/// A part of a message as a terminal may show it: control characters are written out, and what is too long is cut.
///
/// What a user's file holds ends up in messages: names of columns, lines of a spec, paths.
fn readable(text: String) -> String {
    let is_odd = |c: char| c.is_control() && c != '\n';
    if text.len() <= LONGEST && !text.contains(is_odd) {
        return text;
    }
    let mut out = String::with_capacity(LONGEST + 40);
    for (written, c) in text.chars().enumerate() {
        if written == LONGEST {
            let more = text.chars().count() - LONGEST;
            out.push_str(&format!("... ({more} more characters)"));
            break;
        }
        match is_odd(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

impl Error {
    /// A wrong input: `place` is a key path, a file position or an argument name.
    pub fn input(
        place: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Input {
            place: readable(place.into()),
            cause: readable(cause.into()),
            remedy: readable(remedy.into()),
        }
    }

    /// A wrong input of a function, with the `place` in the spec that its argument came from put before; other errors as they are.
    pub fn within(self, place: &str) -> Self {
        match self {
            Error::Input {
                place: argument,
                cause,
                remedy,
            } => Error::input(format!("{place}.{argument}"), cause, remedy),
            other => other,
        }
    }

    /// A wrong input found at another place than it was looked for; other errors as they are.
    pub fn at(self, place: &str) -> Self {
        match self {
            Error::Input { cause, remedy, .. } => Error::input(place, cause, remedy),
            other => other,
        }
    }

    /// A solver that stopped short of its tolerance.
    pub fn unconverged(
        solver: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Unconverged {
            solver: solver.into(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// A broken invariant of the program.
    pub fn bug(place: impl Into<String>, cause: impl Into<String>) -> Self {
        Error::Bug {
            place: place.into(),
            cause: cause.into(),
        }
    }

    /// An input/output failure at `path`.
    pub fn storage(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::*;
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        let remedy = match error.kind() {
            StorageFull | QuotaExceeded => {
                "free some space or choose another folder with --out; finished records are kept"
            }
            FileTooLarge => "raise the limit on file sizes; finished records are kept",
            PermissionDenied | ReadOnlyFilesystem => "choose a writable folder with --out",
            NotFound => "check the path",
            _ => "check the path and its permissions",
        };
        Error::Storage {
            path: readable(path.display().to_string()),
            cause: error.to_string(),
            remedy: remedy.into(),
            full,
        }
    }

    /// Exit code of the program for this error: 2 usage or input, 3 no theory number, 4 failed cells,
    /// 5 resource limit, 6 interrupted, 70 bug.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Input { .. } | Error::Storage { full: false, .. } => 2,
            Error::Unconverged { .. } | Error::Declined { .. } => 3,
            Error::Diverged { .. } | Error::NotFinite { .. } => 4,
            Error::Resource { .. } | Error::TooLong { .. } | Error::Storage { full: true, .. } => 5,
            Error::Interrupted => 6,
            Error::Bug { .. } => 70,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn messages_are_fit_for_a_terminal() {
        let text = Error::input("a\u{1b}[31m", "x".repeat(100_000), "b\r\nc").to_string();
        assert!(text.starts_with("a\\u{1b}[31m: xxx"), "{}", &text[..40]);
        assert!(text.contains("(98500 more characters)"));
        assert!(text.ends_with("b\\r\nc"));
        assert!(text.len() < 2000);
    }
}
