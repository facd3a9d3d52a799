//! Ctrl-C: the first one asks the run to stop after its current write, the second one ends the process.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// An error once a stop was requested.
pub fn check() -> Result<()> {
    match REQUESTED.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}
