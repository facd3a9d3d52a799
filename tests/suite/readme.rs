//! What the documents for newcomers show is what the program takes: spec, library example, links.

use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The code blocks of one language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    text.split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn the_spec_is_valid() {
    use saddlepoint::spec::{Options, Spec};
    let readme = read("README.md");
    let specs = blocks(&readme, "toml");
    assert!(!specs.is_empty());
    for text in specs {
        Spec::parse("readme", "README.md", text, &Options::default()).unwrap();
    }
}

/// The crate's documentation test compiles and runs it.
#[test]
fn the_library_example_is_the_one_of_the_crate_documentation() {
    let crate_tour: String = read("src/lib.rs")
        .lines()
        .filter_map(|l| l.strip_prefix("//!"))
        .map(|l| l.strip_prefix(' ').unwrap_or(l))
        .filter(|l| !l.starts_with("# "))
        .map(|l| format!("{l}\n"))
        .collect();
    let readme = read("README.md");
    let examples = blocks(&readme, "rust");
    assert_eq!(examples.len(), 1);
    assert!(crate_tour.contains(&format!("```\n{}```", examples[0])));
}

#[test]
fn links_lead_to_files() {
    for document in ["README.md", "CONTRIBUTING.md", "figures/README.md"] {
        let text = read(document);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or("");
            assert!(
                link.starts_with("http") || folder.with_file_name(file).exists(),
                "{document}: {link} does not exist"
            );
        }
    }
}
