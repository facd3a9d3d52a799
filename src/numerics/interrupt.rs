//! Ctrl-C: the first one asks the run to stop after its current write, the second one ends the process.

use crate::error::{Error, Result};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler (once; later calls do nothing).
pub fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // A failure to install leaves the default behaviour (the process ends), which is safe: writes are atomic.
        let _ = ctrlc::set_handler(|| {
            if REQUESTED.swap(true, Ordering::SeqCst) {
                std::process::exit(6);
            }
        });
    });
}

/// Milliseconds on the [`clock`] at which a trial ends; 0 where there is no trial.
static END: AtomicU64 = AtomicU64::new(0);

fn clock() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

/// An error once a stop was requested, or the time of a trial is over.
pub fn check() -> Result<()> {
    let end = END.load(Ordering::Relaxed);
    match REQUESTED.load(Ordering::Relaxed) || (end > 0 && clock() >= end) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// Carries out what looks for interrupts, and stops it when its time is over: it ends with [`Error::Interrupted`]. One trial at a time.
pub fn within<T>(time: Duration, work: impl FnOnce() -> Result<T>) -> Result<T> {
    END.store(clock() + time.as_millis() as u64 + 1, Ordering::Relaxed);
    let done = work();
    END.store(0, Ordering::Relaxed);
    done
}
