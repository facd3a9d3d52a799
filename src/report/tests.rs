//! Laws of a report: complete, escaped, self-contained. With `SADDLEPOINT_GALLERY=folder` a page is written there.

use super::*;
use crate::plot::{AxisSpec, Figure, Panel, Series, escape, render_svg};

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| s.to_string()).collect()
}

fn example() -> ReportDocument {
    let t: Vec<f64> = (0..40).map(|i| 0.25 * i as f64).collect();
    let u: Vec<f64> = t
        .iter()
        .map(|t| 1.0 / (1.0 + 99.0 * (-1.5 * t).exp()))
        .collect();
    let figure = Figure::new(480.0, 300.0).with(
        Panel::new(
            "",
            AxisSpec::linear("time t", "τ"),
            AxisSpec::linear("mode strength u₁", "1"),
        )
        .with(Series::line("saxe", t.clone(), u.clone()))
        .with(Series::points("saxe", t, u).error(&[0.03; 40])),
    );
    let row = |cells: &[&str], verdict| Row {
        cells: words(cells),
        verdict: Some(verdict),
    };
    ReportDocument {
        relations: None,
        title: "Deep linear network <two layers> & \"modes\"".into(),
        subtitle: "4 modes, 8 networks".into(),
        notice: Some("Quick run: fewer draws, no expectations.".into()),
        summary: "saxe agrees in all 2 comparisons.".into(),
        prose: Some("Modes *rise* one by one.\n\n- `saxe` is **exact**".into()),
        pictures: vec![Picture {
            svg: render_svg(&figure).unwrap(),
            file: "figures/mode strength.svg".into(),
            caption: "Lines: theory; points: networks, one standard error.".into(),
        }],
        league: Table {
            header: words(&["entry", "observable", "deviation", "95 % interval", "tolerance", "p", "worst", "verdict", "expect", "conditions on", "s"]),
            rows: vec![
                row(&["saxe matched", "mode-strength", "0.0071", "[0.0064, 0.0078]", "0.05", "0.41", "u₁ at t = 1.3", "agree", "met", "initial", "0.01"], Verdict::Agree),
                row(&["saxe idealised", "mode-strength", "0.048", "[0.031, 0.065]", "0.05", "0.02", "u₃ at t = 4.1", "inconclusive", "", "none", "0.00"], Verdict::Inconclusive),
                row(&["ntk", "mode-strength", "0.62", "[0.58, 0.66]", "0.05", "<0.001", "u₁ | u₂ at t = 2", "disagree", "met", "initial", "0.12"], Verdict::Disagree),
                row(&["mean-field", "mode-strength", "", "", "", "", "", "declined", "", "", ""], Verdict::Declined),
            ],
        },
        fits: None,
        standings: None,
        statements: vec![],
        derived: Some(Table {
            header: words(&["reduction", "measured", "theory"]),
            rows: vec![row(&["slope of half-rise-time", "0.3380 ± 0.0002", "0.3383"], Verdict::Agree)],
        }),
        theories: vec![
            TheoryNote {
                label: "saxe matched".into(),
                kind: "saxe".into(),
                assumptions: words(&["whitened inputs", "gradient flow (η → 0)"]),
                source: "Saxe, McClelland, Ganguli 2014, arXiv:1312.6120; Domine et al. 2024 (arXiv:2409.14623).".into(),
                conditioning: "initial weights of each replica".into(),
                limits: words(&["training.learning_rate -> 0"]),
                solver: words(&["semigroup steps, 40 factorisations", "residual 2.1e-13"]),
                warnings: words(&["start is balanced only to 3e-3"]),
            },
            TheoryNote {
                label: "<script>alert('x')</script>".into(),
                kind: "ntk".into(),
                ..TheoryNote::default()
            },
        ],
        declined: vec![Decline { label: "mean-field".into(), reason: "needs learner.parametrization = \"mean-field\" & width > 1".into() }],
        provenance: vec![("version".into(), "0.1.0".into()), ("CPU".into(), "A&B <4 cores>".into()), ("hash".into(), "1a2b3c4d".into())],
        spec: "version = 1\n[task]\nkind = \"linear-teacher\" # a < b\nnote = '''```'''\n".into(),
        reproduce: words(&["saddlepoint run spec.toml --seed 7", "saddlepoint report runs/deep-linear-1a2b3c4d"]),
    }
}

#[test]
fn html_says_everything_escaped() {
    let report = example();
    let page = html(&report);
    if let Ok(folder) = std::env::var("SADDLEPOINT_GALLERY") {
        std::fs::write(format!("{folder}/report.html"), &page).unwrap();
        std::fs::write(format!("{folder}/report.md"), markdown(&report)).unwrap();
    }
    let mut said = vec![&report.title, &report.subtitle, &report.pictures[0].caption];
    said.extend(&report.reproduce);
    said.extend(report.league.header.iter());
    said.extend(report.league.rows.iter().flat_map(|r| &r.cells));
    for t in &report.theories {
        said.extend([&t.label, &t.kind, &t.conditioning]);
        said.extend(
            t.assumptions
                .iter()
                .chain(&t.limits)
                .chain(&t.solver)
                .chain(&t.warnings),
        );
    }
    said.extend(report.declined.iter().flat_map(|d| [&d.label, &d.reason]));
    said.extend(report.provenance.iter().flat_map(|(n, v)| [n, v]));
    for text in said {
        assert!(page.contains(&escape(text)), "{text}");
    }
    for line in report.spec.lines() {
        assert!(page.contains(&escape(line)), "{line}");
    }
    assert!(!page.contains("<script"));
    assert!(page.contains(&report.pictures[0].svg));
    assert!(page.contains("<tr class=\"disagree\">"));
}

#[test]
fn html_is_self_contained() {
    let page = html(&example());
    for resource in ["src=", "<link", "@import", "url(", "<script", "<iframe"] {
        assert!(!page.contains(resource), "{resource}");
    }
    let links: Vec<&str> = page
        .match_indices("href=")
        .map(|(i, _)| &page[i - 3..i + 28])
        .collect();
    assert_eq!(links.len(), 2);
    assert!(
        links
            .iter()
            .all(|l| l.starts_with("<a href=\"https://arxiv.org/abs")),
        "{links:?}"
    );
    assert!(page.contains("<a href=\"https://arxiv.org/abs/2409.14623\">arXiv:2409.14623</a>)."));
}

#[test]
fn html_tags_are_balanced() {
    let page = html(&example());
    for tag in [
        "html", "head", "body", "main", "section", "figure", "svg", "text", "table", "tr", "td",
        "th", "dl", "dt", "dd", "ul", "li", "div", "pre", "code", "a", "h2", "h3", "p", "span",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn empty_parts_leave_no_headings() {
    let page = html(&ReportDocument::default());
    assert!(!page.contains("<h2>") && !page.contains("<table"));
    assert_eq!(markdown(&ReportDocument::default()), "# \n");
}

#[test]
fn markdown_says_everything() {
    let report = example();
    let page = markdown(&report);
    assert!(page.contains("# Deep linear network \\<two layers\\> \\& \"modes\"\n"));
    assert!(page.contains("](<figures/mode strength.svg>)"));
    assert!(page.contains("u₁ \\| u₂ at t = 2"));
    // The spec holds three backticks, so its fence has four.
    assert!(page.contains(&format!("````toml\n{}````", report.spec)));
    assert!(page.contains(
        "- **mean-field**: needs learner.parametrization = \"mean-field\" \\& width \\> 1"
    ));
    for t in report
        .theories
        .iter()
        .flat_map(|t| t.assumptions.iter().chain(&t.solver))
    {
        assert!(page.contains(&t.replace('>', "\\>")), "{t}");
    }
    let table: Vec<&str> = page.lines().filter(|l| l.starts_with('|')).collect();
    let derived = report.derived.as_ref().unwrap();
    assert_eq!(
        table.len(),
        4 + report.league.rows.len() + derived.rows.len()
    );
    let (table, reduced) = table.split_at(2 + report.league.rows.len());
    assert!(reduced[0].contains("reduction"));
    let bars = |l: &str| l.replace("\\|", "").matches('|').count();
    assert!(
        table
            .iter()
            .all(|l| bars(l) == report.league.header.len() + 1),
        "{table:?}"
    );
}

#[test]
fn links_end_where_the_number_does() {
    let page = |source: &str| {
        let theories = vec![TheoryNote {
            source: source.into(),
            ..TheoryNote::default()
        }];
        html(&ReportDocument {
            theories,
            ..ReportDocument::default()
        })
    };
    assert!(page("arXiv:1312.6120.").contains("abs/1312.6120\">arXiv:1312.6120</a>."));
    assert!(page("arXiv:\"><b>").contains("arXiv:&quot;&gt;&lt;b&gt;"));
    assert!(page("hep-th arXiv:hep-th/9901001").contains("abs/hep-th/9901001\">"));
}

/// JSON that was edited elsewhere is read with its byte order mark; brackets without end are an error with the file's
/// name.
#[test]
fn json_of_a_folder_is_read_in_any_encoding_and_to_a_bounded_depth() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(folder.path().join("manifest.json"), bytes).unwrap();
        super::folder::read_json(folder.path(), "manifest.json")
    };
    assert_eq!(read(b"\xef\xbb\xbf{\"a\": 1}\r\n").unwrap()["a"], 1);
    let deep = read("[".repeat(200_000).as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        deep.contains("manifest.json: not valid JSON: recursion limit"),
        "{deep}"
    );
}
