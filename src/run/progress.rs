//! A progress bar on stderr for anything over a second, only when stderr is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Counts finished training steps and solved theories.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    shown: OnceLock<()>,
    visible: bool,
}

impl Progress {
    /// A bar over `total` units of work, shown after one second when `visible`.
    pub fn new(total: u64, visible: bool) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} [{bar:40}] {pos}/{len} steps, {elapsed} spent, {eta} left",
        ) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message("running");
        Progress {
            bar,
            start: Instant::now(),
            shown: OnceLock::new(),
            visible: visible && std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }

    /// Adds `amount` finished units of work.
    pub fn advance(&self, amount: u64) {
        if self.visible && self.start.elapsed() > Duration::from_secs(1) {
            self.shown
                .get_or_init(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
        self.bar.inc(amount);
    }

    /// Removes the bar from the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
