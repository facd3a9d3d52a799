//! A trial ends with its time. It has a process of its own: the clock of a trial is that of the whole process.

use saddlepoint::error::{Error, Result};
use saddlepoint::numerics::interrupt::{check, within};
use std::time::Duration;

#[test]
fn a_trial_ends_with_its_time() {
    let endless = || -> Result<()> {
        loop {
            check()?;
        }
    };
    let stopped = within(Duration::from_millis(2), endless);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    assert!(check().is_ok());
}
