//! Fits: how chi2 rises on both sides of every estimate, and the theory at the estimate over what was measured.

use super::scene::{BLACK, STDERR};
use super::width;
use crate::compare::fit;
use crate::error::Result;
use crate::plot::{AxisSpec, Dash, Figure, Legend, Panel, Series, Tag};
use crate::run::fitting::{Fitted, Fitting};
use crate::spec::labels::{of_key, symbol};
use crate::spec::sweep::named;

/// One panel for each parameter, and one with all points.
pub(super) fn fitted(fitting: &Fitting, found: &Fitted) -> Result<(Figure, String)> {
    let mut panels: Vec<Panel> = Vec::new();
    for (k, parameter) in found.fit.parameters.iter().enumerate() {
        let reference = found.reference.as_ref().map(|r| r[k]);
        panels.push(profile(parameter, reference));
    }
    panels.push(points(fitting, found));
    let columns = panels.len().min(3);
    let rows = panels.len().div_ceil(columns);
    let mut figure =
        Figure::new(width(columns, 250.0) + 90.0, 260.0 * rows as f64).columns(columns);
    figure.panels = panels;
    let text = format!(
        "Fit of {} to {}. Profiles: rise of chi2, minimised over all other parameters; level lines end the intervals of 68 and 95 %; the upright \
         line is the value that the experiment was run at. Last panel: all points that entered, in the order of cells and observables: \
         the theory at the estimate, and as it stands without a fit, minus the measurement, in standard errors of the difference (paired draw \
         by draw, at the estimate).",
        fitting.theory,
        fitting.observables.join(", "),
    );
    Ok((figure, text))
}

/// The label with the parameters in words of physics, and where the fit was made.
pub(super) fn title(fitting: &Fitting, found: &Fitted) -> String {
    let parameters = found.fit.parameters.iter();
    let label = parameters.fold(fitting.label.clone(), |text, p| {
        text.replace(&p.name, &of_key(&p.name))
    });
    let place = |(k, v): &(String, toml::Value)| format!("{} = {}", symbol(k), named(v));
    let places: Vec<String> = fitting.set.iter().map(place).collect();
    match places.is_empty() {
        true => label,
        false => format!("{label} ({})", places.join(", ")),
    }
}

fn profile(parameter: &fit::Fitted, reference: Option<f64>) -> Panel {
    let (x, y): (Vec<f64>, Vec<f64>) = parameter.curve.iter().map(|[x, rise]| (*x, *rise)).unzip();
    let least = x.iter().copied().fold(f64::INFINITY, f64::min);
    let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let name = of_key(&parameter.name);
    let across = match least > 0.0 && most > 5.0 * least {
        true => AxisSpec::log(&name, ""),
        false => AxisSpec::linear(&name, ""),
    };
    let tag = Tag {
        source: parameter.name.clone(),
        curve: "profile".into(),
        ..Tag::default()
    };
    let mut panel = Panel::new("", across, AxisSpec::linear("rise of χ²", "")).legend(Legend::None);
    for rise in parameter.rise {
        panel = panel.with(Series::hline(rise));
    }
    panel = panel.with(Series::line("", x, y).color(0).tag(tag));
    if let Some(at) = reference.filter(|at| (least..=most).contains(at)) {
        panel = panel.with(Series::vline(at));
    }
    panel
}

fn points(fitting: &Fitting, found: &Fitted) -> Panel {
    let x: Vec<f64> = (1..=found.measured.len()).map(|k| k as f64).collect();
    let distance = |theory: &[f64]| -> Vec<f64> {
        let points = theory.iter().zip(&found.measured).zip(&found.stderr);
        points.map(|((f, y), stderr)| (f - y) / stderr).collect()
    };
    let tag = |source: &str, curve: &str, band: &str| Tag {
        source: source.into(),
        curve: curve.into(),
        band: band.into(),
        ..Tag::default()
    };
    let mut panel = Panel::new(
        "",
        AxisSpec::linear("point", "")
            .numbered()
            .range(0.5, x.len() as f64 + 0.5),
        AxisSpec::linear("theory minus measurement", "standard errors"),
    )
    .legend(Legend::Right);
    let label = |what: &str| format!("{}, {what}", fitting.theory);
    let line = Series::line(label("fitted"), x.clone(), distance(&found.estimate));
    panel = panel.with(line.color(0).tag(tag(&fitting.theory, "fitted", "")));
    if let Some(stated) = &found.stated {
        let line = Series::line(label("no fit"), x.clone(), distance(stated));
        let line = line.color(1).dash(Dash::Dashed);
        panel = panel.with(line.tag(tag(&fitting.theory, "no fit", "")));
    }
    let entered = |stderr: &f64| if stderr.is_finite() { 0.0 } else { f64::NAN };
    let zeros: Vec<f64> = found.stderr.iter().map(entered).collect();
    let errors = vec![1.0; x.len()];
    let measured = Series::points("measured", x, zeros)
        .error(&errors)
        .color(BLACK)
        .open();
    panel.with(measured.tag(tag("measured", "", STDERR)))
}
