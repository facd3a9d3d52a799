//! `plot.py`: the figures of a run drawn from their tables with matplotlib, a start for figures of the user's own.

use super::figures::Drawn;
use crate::plot::{Panel, Scale};

const SCRIPT: &str = r#"
here = Path(__file__).parent / "figures"
for name in sys.argv[1:] or AXES:
    with open(here / f"{name}.csv", newline="") as table:
        rows = [r for r in csv.DictReader(table) if r["kind"] in ("line", "points", "steps")]
    panels = [p for p in AXES[name] if any(r["panel"] == p for r in rows)]
    if not panels:
        continue  # heat maps: see the columns of the table
    figure, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 3.6), squeeze=False)
    for ax, panel in zip(axes[0], panels):
        curves = {}
        for r in (r for r in rows if r["panel"] == panel):
            curves.setdefault((r["kind"], r["source"], r["curve"]), []).append(r)
        for (kind, source, curve), points in curves.items():
            x, y, low, high = ([float(p[k] or "nan") for p in points] for k in ("x", "y", "lower", "upper"))
            label = " ".join(filter(None, (source, curve)))
            if kind == "points":
                error = [[b - a for a, b in zip(low, y)], [b - a for a, b in zip(y, high)]]
                ax.errorbar(x, y, yerr=error, fmt="o", ms=3, label=label)
            else:
                ax.plot(x, y, drawstyle="steps-post" if kind == "steps" else "default", label=label)
        x_label, y_label, x_scale, y_scale = AXES[name][panel]
        ax.set(title=panel, xlabel=x_label, ylabel=y_label, xscale=x_scale, yscale=y_scale)
        ax.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(here / f"{name}-matplotlib.pdf")
"#;

/// The script with labels and scales of the axes, by figure and panel.
pub(super) fn script(drawn: &[Drawn]) -> String {
    let mut text = String::from(
        "\"\"\"The figures of this run with matplotlib, from their tables: python plot.py [NAME ...].\n\n\
         A start for figures of your own: figures/NAME.csv has one row per drawn number.\n\"\"\"\n\
         import csv\nimport sys\nfrom pathlib import Path\n\nimport matplotlib.pyplot as plt\n\nAXES = {\n",
    );
    for d in drawn {
        text.push_str(&format!("    {}: {{\n", quoted(&d.name)));
        for (panel, name) in d
            .figure
            .panels
            .iter()
            .zip(crate::plot::panel_names(&d.figure))
        {
            text.push_str(&format!("        {}: ({}),\n", quoted(&name), axes(panel)));
        }
        text.push_str("    },\n");
    }
    text.push_str("}\n");
    text + SCRIPT
}

fn axes(panel: &Panel) -> String {
    let scale = |scale: Scale| match scale {
        Scale::Linear => "\"linear\"",
        Scale::Log => "\"log\"",
    };
    format!(
        "{}, {}, {}, {}",
        quoted(&mathtext(&panel.x.title())),
        quoted(&mathtext(&panel.y.title())),
        scale(panel.x.scale),
        scale(panel.y.scale)
    )
}

/// Raised and lowered text in the words of matplotlib: `N^{-1}` as `N$^{\mathrm{-1}}$`.
fn mathtext(title: &str) -> String {
    let mut text = String::new();
    let mut rest = title;
    while let Some((at, end)) = ["^{", "_{"]
        .iter()
        .filter_map(|s| rest.find(s))
        .min()
        .and_then(|at| Some((at, at + rest[at..].find('}')?)))
    {
        let (before, sign, inner) = (&rest[..at], &rest[at..=at], &rest[at + 2..end]);
        let inner = inner.replace(' ', "\\ ");
        text.push_str(&format!(
            "{}${sign}{{\\mathrm{{{inner}}}}}$",
            before.replace('$', "\\$")
        ));
        rest = &rest[end + 1..];
    }
    text + &rest.replace('$', "\\$")
}

/// A text as Python writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::mathtext;

    #[test]
    fn scripts_are_those_of_matplotlib() {
        assert_eq!(mathtext("width N"), "width N");
        assert_eq!(
            mathtext("L^{-2.75} and s_{max 1}"),
            r"L$^{\mathrm{-2.75}}$ and s$_{\mathrm{max\ 1}}$"
        );
        assert_eq!(mathtext("cost in $"), r"cost in \$");
    }
}
