//! `list papers` and `explain 1312.6120`: papers with the theories and models that stand for them.

use super::text::{definition, print, print_json};
use crate::error::Result;
use crate::papers::{PAPERS, Paper};
use serde_json::{Value as Json, json};

/// The paper of an arXiv identifier, with or without `arXiv:` and a version.
pub(super) fn find(name: &str) -> Option<&'static Paper> {
    let name = name.strip_prefix("arXiv:").unwrap_or(name);
    let id = match name.rsplit_once('v') {
        Some((id, version)) if version.bytes().all(|b| b.is_ascii_digit()) => id,
        _ => name,
    };
    PAPERS.iter().find(|p| p.id == id)
}

fn entry(paper: &Paper) -> Json {
    json!({
        "noun": "paper", "kind": paper.id, "summary": paper.authors, "theories": paper.theories,
        "models": paper.models, "figure": paper.figure, "conventions": paper.conventions,
    })
}

/// One entry per paper.
pub(super) fn list(as_json: bool) -> Result<u8> {
    if as_json {
        let entries: Vec<Json> = PAPERS.iter().map(entry).collect();
        print_json(&json!({ "schema": "saddlepoint/1/list", "entries": entries }))?;
        return Ok(0);
    }
    let lines: String = PAPERS.iter().map(line).collect();
    print(&lines)?;
    print(
        "\n`saddlepoint run models/NAME.toml` runs a model, `saddlepoint explain NAME` tells a theory, `saddlepoint explain ID` one\n\
         paper. Figures are named where they are known.\n",
    )?;
    Ok(0)
}

/// Identifier, authors, and below them what stands for the paper.
fn line(paper: &Paper) -> String {
    let of = |what: &str, text: &str| match text {
        "" | "-" => String::new(),
        text => format!("; {what} {text}"),
    };
    let text = format!(
        "{}{}{}{}{}",
        paper.authors,
        of("theories", &or_none(paper.theories)),
        of("models", &or_none(paper.models)),
        of("figure", paper.figure),
        of("conventions:", paper.conventions)
    );
    definition(2, 10, paper.id, &text)
}

fn or_none(names: &[&str]) -> String {
    match names.is_empty() {
        true => "-".into(),
        false => names.join(", "),
    }
}

/// One paper.
pub(super) fn explain(paper: &Paper, as_json: bool) -> Result<u8> {
    if as_json {
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": [entry(paper)] }))?;
        return Ok(0);
    }
    let commands: Vec<String> = paper.commands().collect();
    let commands = match commands.is_empty() {
        true => "-".to_string(),
        false => commands.join("\n             "),
    };
    print(&format!(
        "arXiv:{} (paper)\n{}\n\ntheories     {}\nrun          {commands}\nfigure       {}\nconventions  {}\n",
        paper.id,
        paper.authors,
        or_none(paper.theories),
        paper.figure,
        paper.conventions
    ))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::MODELS;
    use crate::theory::THEORIES;
    use std::collections::BTreeSet;

    /// Identifiers of arXiv in a text: `arXiv:2205.09653`, and those of the old form.
    fn identifiers(text: &str) -> BTreeSet<&str> {
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let of = |rest: &str| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let mut found = BTreeSet::new();
        for (k, _) in text.match_indices("arXiv:") {
            let rest = &text[k + 6..];
            let id = rest[..of(rest)].trim_end_matches('.');
            if !id.is_empty() {
                found.insert(id);
            }
        }
        // Papers that are named after the first one of a list: "arXiv:2310.03789; review 2502.18553".
        for word in text.split(|c: char| !is_part(c)) {
            let word = word.trim_end_matches('.');
            if let Some((month, number)) = word.split_once('.')
                && month.len() == 4
                && (4..=5).contains(&number.len())
                && !number.contains('.')
            {
                found.insert(word);
            }
        }
        for archive in ["cond-mat/", "hep-th/"] {
            for (k, _) in text.match_indices(archive) {
                let end = k + archive.len();
                found.insert(&text[k..end + of(&text[end..])]);
            }
        }
        found
    }

    #[test]
    fn every_paper_that_a_theory_names_is_listed_with_it_and_no_other() {
        for kind in THEORIES {
            let theory = (kind.parse)("theory", toml::Table::new());
            let source = theory.map_or("", |t| t.info().source);
            let named = identifiers(source);
            for id in &named {
                let paper = find(id).unwrap_or_else(|| panic!("{id} of {}", kind.about.kind));
                assert!(
                    paper.theories.contains(&kind.about.kind),
                    "{id}: {}",
                    kind.about.kind
                );
            }
            for paper in PAPERS
                .iter()
                .filter(|p| p.theories.contains(&kind.about.kind))
            {
                assert!(named.contains(paper.id), "{}: {source}", paper.id);
            }
        }
        let known: Vec<&str> = THEORIES.iter().map(|k| k.about.kind).collect();
        for name in PAPERS.iter().flat_map(|p| p.theories) {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn every_paper_that_a_model_names_is_listed_with_it_and_every_model_exists() {
        for model in MODELS {
            for id in identifiers(model.text) {
                let paper = find(id).unwrap_or_else(|| panic!("{id} of models/{}", model.name));
                assert!(paper.models.contains(&model.name), "{id}: {}", model.name);
            }
        }
        for paper in PAPERS {
            for (k, name) in paper.models.iter().enumerate() {
                let model = MODELS.iter().find(|m| m.name == *name);
                let model = model.unwrap_or_else(|| panic!("{}: no model {name}", paper.id));
                assert!(!paper.models[..k].contains(name), "{name} twice");
                // A model of the paper uses its theory, or names the paper.
                let uses = |t: &&str| model.text.contains(&format!("kind = \"{t}\""));
                let names = identifiers(model.text).contains(paper.id);
                assert!(
                    names || paper.theories.iter().any(uses),
                    "{}: {name}",
                    paper.id
                );
            }
            assert!(!paper.authors.is_empty() && !paper.conventions.is_empty());
        }
        let ids: BTreeSet<&str> = PAPERS.iter().map(|p| p.id).collect();
        assert_eq!(ids.len(), PAPERS.len(), "a paper is listed twice");
        assert!(PAPERS.is_sorted_by_key(|p| p.id));
    }

    #[test]
    fn an_identifier_is_found_as_it_is_cited() {
        for name in ["2205.09653", "arXiv:2205.09653", "2205.09653v3"] {
            assert_eq!(find(name).unwrap().theories, ["dmft"], "{name}");
        }
        assert_eq!(
            find("cond-mat/0005264").unwrap().authors,
            "Newman, Ziff 2000"
        );
        assert!(find("2205.0965").is_none() && find("v2").is_none());
    }
}
