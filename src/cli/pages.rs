//! `schema`, `completions`, `man`.

use super::Cli;
use super::text::{print, print_json};
use crate::error::{Error, Result};
use crate::spec::schema;
use clap::CommandFactory;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum SchemaOf {
    Spec,
    Output,
}

pub(crate) fn schema(of: SchemaOf) -> Result<u8> {
    print_json(&match of {
        SchemaOf::Spec => schema::spec(),
        SchemaOf::Output => schema::output(),
    })?;
    Ok(0)
}

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "saddlepoint", &mut out);
    print(&String::from_utf8_lossy(&out))?;
    Ok(0)
}

pub(crate) fn man() -> Result<u8> {
    let mut out = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut out)
        .map_err(|e| Error::bug("man", e.to_string()))?;
    print(&String::from_utf8_lossy(&out))?;
    Ok(0)
}
