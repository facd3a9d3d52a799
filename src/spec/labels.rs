//! Words and symbols of physics for keys of a spec, as figures write them along an axis.

use super::Abscissa;

/// The end of a key's path, its words and its symbol; the longer end comes first.
const LABELS: &[(&str, &str, &str)] = &[
    ("prior.weight", "prior variance of the weights", "s_{w}²"),
    ("prior.bias", "prior variance of the biases", "s_{b}²"),
    ("prior.readout", "prior variance of the read-out", "s_{a}²"),
    ("prior.chi", "scale of the read-out", "χ"),
    ("init.scale", "scale of the initial weights", "σ"),
    ("init.lambda", "imbalance of the layers", "λ"),
    ("learning_rate", "learning rate", "η"),
    ("samples", "number of samples", "P"),
    ("test_samples", "number of test samples", ""),
    ("input_dim", "number of inputs", "d"),
    ("output_dim", "number of outputs", ""),
    ("dimension", "dimension", "d"),
    ("noise", "noise of the targets", "σ"),
    ("size", "size", "L"),
    ("sides", "sides", ""),
    ("modes", "number of modes", "M"),
    ("widths", "width", "N"),
    ("features", "number of features", "N"),
    ("richness", "richness", "γ₀"),
    ("ridge", "ridge", ""),
    ("neighbours", "number of neighbours", "k"),
    ("temperature", "temperature", "T"),
    ("steps", "number of steps", ""),
    ("batch", "batch size", "B"),
    ("momentum", "momentum", ""),
    ("weight_decay", "weight decay", ""),
    ("time", "training time", "t"),
    ("u0", "starting strength", "u₀"),
    ("degree", "mean degree", "c"),
    ("coordination", "neighbours per site", "z"),
    ("vertices", "number of vertices", "N"),
    ("cap", "largest size", "s_{max}"),
    ("task.p", "occupation probability", "p"),
    ("spectrum_exponent", "exponent of the spectrum", "1 + α"),
    ("target_exponent", "exponent of the target", "1 + β"),
    ("seed", "seed", ""),
];

fn known(key: &str) -> Option<(&'static str, &'static str)> {
    let ends = |end: &str| key == end || key.ends_with(&format!(".{end}"));
    let found = LABELS.iter().find(|(end, ..)| ends(end));
    found.map(|(_, words, symbol)| (*words, *symbol))
}

/// `number of samples P` for `task.samples`; a key without words of its own goes by its last part.
///
/// ```
/// use saddlepoint::spec::labels::of_key;
/// assert_eq!(of_key("task.samples"), "number of samples P");
/// assert_eq!(of_key("task.leaf_noise"), "leaf noise");
/// ```
pub fn of_key(key: &str) -> String {
    match known(key) {
        Some((words, "")) => words.into(),
        Some((words, symbol)) => format!("{words} {symbol}"),
        None => plain(key),
    }
}

/// The shortest name: the symbol, or the words.
///
/// ```
/// use saddlepoint::spec::labels::symbol;
/// assert_eq!(symbol("learner.widths"), "N");
/// assert_eq!(symbol("learner.ridge"), "ridge");
/// ```
pub fn symbol(key: &str) -> String {
    match known(key) {
        Some((words, "")) => words.into(),
        Some((_, symbol)) => symbol.into(),
        None => plain(key),
    }
}

fn plain(key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    last.replace(['_', '-'], " ")
}

/// The text along an axis that shows a function of a swept key.
///
/// ```
/// use saddlepoint::spec::{Abscissa, labels::along};
/// assert_eq!(along(Abscissa::Inverse, "learner.widths"), "inverse width 1/N");
/// assert_eq!(along(Abscissa::Power(-2.75), "task.size"), "L^{−2.75}");
/// ```
pub fn along(abscissa: Abscissa, key: &str) -> String {
    let inner = match known(key) {
        Some((_, symbol)) if !symbol.is_empty() => symbol.to_string(),
        _ => format!("({})", of_key(key)),
    };
    match abscissa {
        Abscissa::Value => of_key(key),
        Abscissa::Inverse => match known(key) {
            Some((words, symbol)) if !symbol.is_empty() => format!("inverse {words} 1/{symbol}"),
            _ => format!("1/{inner}"),
        },
        Abscissa::Log => format!("ln {inner}"),
        Abscissa::LogInverse => format!("ln(1/{})", inner.trim_matches(['(', ')'])),
        Abscissa::Power(e) => format!("{inner}^{{{}}}", power(e)),
        Abscissa::Aspect => "aspect ratio (L_{1} − 1)/L_{2}".into(),
        Abscissa::Depth => abscissa.text(key),
    }
}

/// An exponent with at most four digits behind the point.
fn power(exponent: f64) -> String {
    let rounded = (exponent * 1e4).round() / 1e4;
    rounded.to_string().replace('-', "−")
}

/// A label without the signs that raise and lower: `P_∞` for `P_{∞}`.
pub fn plain_text(label: &str) -> String {
    label.replace("_{", "_").replace("^{", "^").replace('}', "")
}
