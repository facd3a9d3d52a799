//! `new`: a commented spec to start from.

use super::text::{print, print_json};
use crate::error::{Error, Result};
use crate::kind::unknown;
use crate::models::MODELS;
use crate::run::store::write_atomic;
use serde_json::json;
use std::path::PathBuf;

pub(crate) fn new(name: &str, model: &str, as_json: bool) -> Result<u8> {
    let names: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
    let Some(model) = MODELS.iter().find(|m| m.name == model) else {
        return Err(unknown("--model", model, &names));
    };
    let path = PathBuf::from(match name.ends_with(".toml") {
        true => name.to_string(),
        false => format!("{name}.toml"),
    });
    if path.exists() {
        return Err(Error::input(
            path.display().to_string(),
            "the file exists already",
            "choose another name; nothing was overwritten",
        ));
    }
    write_atomic(&path, model.text.as_bytes())?;
    let path = path.display().to_string();
    match as_json {
        true => print_json(
            &json!({ "schema": "saddlepoint/1/new", "path": path, "model": model.name }),
        )?,
        false => print(&format!(
            "wrote {path} (from the model {}); next: saddlepoint check {path}\n",
            model.name
        ))?,
    }
    Ok(0)
}
