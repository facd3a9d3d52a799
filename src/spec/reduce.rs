//! `[[reduce]]`: the keys that all kinds of reductions have; those of a kind are parsed by its file.

use super::{Abscissa, Expect, Tolerance};
use crate::compare::reductions::{Asked, Of, Over, REDUCTIONS, Reduction, Refusal};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::kind::{self, Kind, parse_table};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::{Table, Value};

/// Keys of `[[reduce]]` beside `kind` and the kind's own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The swept key that is removed.
    pub key: String,
    /// Name of the observable that is reduced, point by point of its grid or by its curves.
    pub observable: String,
    /// What is reduced of it: `value` (default); `deviation`, measurement minus prediction of each theory, compared
    /// with the rate at which the theory's limit is approached; or `scatter`, the standard deviation over all draws.
    #[serde(default, skip_serializing_if = "is_value")]
    pub of: Of,
    /// Over its grid: `points` (default), point by point; `grid`, of a deviation or a scatter, its root mean square over
    /// the whole grid as one number.
    #[serde(default, skip_serializing_if = "is_points")]
    pub over: Over,
    /// Abscissa made of the key's value `k`: `value` = k, `inverse` = 1/k, `log` = ln k, `log-inverse` = ln(1/k),
    /// `depth` = number of weight layers of a swept list of widths, `aspect` = (a - 1)/b of a swept pair of sides, `{
    /// power = e }` = k^e.
    #[serde(default)]
    pub abscissa: Abscissa,
    /// Name of the reduction in tables; default: what it does, such as `limit of loss in 1/learner.widths`.
    #[serde(default)]
    pub label: Option<String>,
    /// Tolerance of the comparison of the reduced values.
    #[serde(default)]
    pub tolerance: Option<Tolerance>,
    /// Of a kind that gives several numbers, such as `collapse`: tolerances by their names, where `tolerance` is not
    /// meant for all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerances: BTreeMap<String, Tolerance>,
    /// Expectations per theory label.
    #[serde(default)]
    pub expect: BTreeMap<String, Expect>,
}

fn is_value(of: &Of) -> bool {
    *of == Of::Value
}

fn is_points(over: &Over) -> bool {
    *over == Over::Points
}

/// One entry of `[[reduce]]`: a swept key is removed by a fit across cells, or by the crossing or the collapse of
/// their curves.
#[derive(Debug, Clone)]
pub struct Reduce {
    /// Kind of the reduction, as in `saddlepoint list`.
    pub kind: &'static str,
    /// The reduction with its own keys.
    pub reduction: Arc<dyn Reduction>,
    /// The keys that all kinds have.
    pub keys: Keys,
}

impl std::ops::Deref for Reduce {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.keys
    }
}

/// In one table, as it is written.
impl Serialize for Reduce {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut all = serde_json::json!(self.keys);
        if let (Some(all), Json::Object(own)) = (all.as_object_mut(), self.reduction.resolved()) {
            all.insert("kind".into(), self.kind.into());
            all.extend(own);
        }
        all.serialize(serializer)
    }
}

impl Reduce {
    /// Parses the entries of a spec.
    ///
    /// # Errors
    /// `Input` for an unknown kind, a key that the kind does not have, or a value of another type.
    pub fn all(tables: &[Table]) -> Result<Vec<Reduce>> {
        let place = |i: usize| format!("reduce[{i}]");
        let tables = tables.iter().enumerate();
        tables.map(|(i, t)| Reduce::new(&place(i), t)).collect()
    }

    fn new(place: &str, table: &Table) -> Result<Reduce> {
        let mut own = table.clone();
        let names: Vec<&str> = REDUCTIONS.iter().map(|k| k.about.kind).collect();
        let of_kind = match own.remove("kind") {
            Some(Value::String(name)) => kind::find(REDUCTIONS, &format!("{place}.kind"), &name)?,
            given => {
                return Err(Error::input(
                    format!("{place}.kind"),
                    given.map_or("missing".into(), |v| format!("{v} is not a text")),
                    format!("write kind = \"...\" with one of: {}", names.join(", ")),
                ));
            }
        };
        let common = common_keys();
        let known = own_keys(of_kind);
        let mut keys = own.keys();
        if let Some(key) = keys.find(|k| !common.contains(k) && !known.contains(k)) {
            return Err(unknown_key(place, key, of_kind.about.kind, &common, &known));
        }
        let shared: Table = common
            .iter()
            .filter_map(|key| own.remove(key).map(|value| (key.clone(), value)))
            .collect();
        let mut keys: Keys = parse_table(place, shared)?;
        let reduction = (of_kind.parse)(place, own)?;
        keys.tolerances = named(place, of_kind.about.kind, &*reduction, keys.tolerances)?;
        if let Some(tolerance) = keys.tolerance {
            tolerance.check(&format!("{place}.tolerance"))?;
        }
        for (name, tolerance) in &keys.tolerances {
            tolerance.check(&format!("{place}.tolerances.{name}"))?;
        }
        Ok(Reduce {
            kind: of_kind.about.kind,
            reduction,
            keys,
        })
    }

    /// Whether the reduction can be made of these cells: the abscissas of all, and the grids of the observable.
    ///
    /// # Errors
    /// `Input` at the key at fault.
    pub(super) fn check(&self, place: &str, x: &[f64], grids: &[&[Axis]]) -> Result<()> {
        if self.over == Over::Grid && (self.of == Of::Value || self.reduction.uses_axis()) {
            return Err(Error::input(
                format!("{place}.over"),
                "a root mean square over the grid is taken of a deviation or a scatter, by a kind without an axis of its own",
                "write of = \"deviation\" or of = \"scatter\", or remove it",
            ));
        }
        let asked = Asked {
            key: &self.key,
            observable: &self.observable,
            abscissa: self.abscissa,
            of: self.of,
            x,
            grids,
        };
        let at =
            |Refusal { key, cause, remedy }| Error::input(format!("{place}.{key}"), cause, remedy);
        self.reduction.check(&asked).map_err(at)
    }

    /// Drops what is expected of the theories.
    pub(super) fn forget_expectations(&mut self) {
        self.keys.expect.clear();
    }

    /// The tolerance stated for one of its numbers.
    pub fn stated(&self, part: &str) -> Option<crate::compare::Tolerance> {
        let own = self.tolerances.get(part).copied();
        own.or(self.tolerance).map(Into::into)
    }

    /// Its name in tables, of one theory's deviation and of one number of several.
    pub fn name(&self, cells: usize, theory: Option<&str>, part: Option<&str>) -> String {
        let label = match (&self.label, theory) {
            (Some(label), None) => label.clone(),
            (Some(label), Some(theory)) => format!("{label}: {theory}"),
            (None, theory) => {
                let (before, after) = self.reduction.words(cells);
                let scatter = if self.of == Of::Scatter {
                    " the scatter of"
                } else {
                    ""
                };
                let minus = theory.map_or(String::new(), |t| format!(" minus {t}"));
                let abscissa = self.abscissa.text(&self.key);
                let observable = &self.observable;
                match self.over {
                    Over::Points => {
                        format!("{before}{scatter} {observable}{minus} in {abscissa}{after}")
                    }
                    Over::Grid => {
                        format!("{before}{scatter} |{observable}{minus}| in {abscissa}{after}")
                    }
                }
            }
        };
        match part {
            Some(part) => format!("{label}: {part}"),
            None => label,
        }
    }
}

/// Tolerances by the names of the kind's numbers; former names stand for the new ones.
fn named(
    place: &str,
    kind: &str,
    reduction: &dyn Reduction,
    stated: BTreeMap<String, Tolerance>,
) -> Result<BTreeMap<String, Tolerance>> {
    let parts = reduction.parts();
    let several = |k: &&Kind<dyn Reduction>| {
        let table = |r: Arc<dyn Reduction>| r.parts().len() > 1;
        (k.parse)("", Table::new()).is_ok_and(table)
    };
    if parts.len() == 1 && !stated.is_empty() {
        let kinds: Vec<String> = REDUCTIONS
            .iter()
            .filter(several)
            .map(|k| format!("\"{}\"", k.about.kind))
            .collect();
        return Err(Error::input(
            format!("{place}.tolerances"),
            format!("belongs to kind = {}", kinds.join(" or ")),
            format!("use tolerance = ...: {kind} gives one number"),
        ));
    }
    let mut out = BTreeMap::new();
    for (name, tolerance) in stated {
        let part = parts
            .iter()
            .find(|p| p.name == name || p.alias == Some(&name));
        let Some(part) = part else {
            let known: Vec<&str> = parts.iter().map(|p| p.name).collect();
            return Err(kind::unknown(
                &format!("{place}.tolerances.{name}"),
                &name,
                &known,
            ));
        };
        out.insert(part.name.to_string(), tolerance);
    }
    Ok(out)
}

/// A key that this kind does not have: that of another kind, or a slip of the pen.
fn unknown_key(place: &str, key: &str, kind: &str, common: &[String], own: &[String]) -> Error {
    let others: Vec<String> = REDUCTIONS
        .iter()
        .filter(|k| own_keys(k).iter().any(|o| o == key))
        .map(|k| format!("\"{}\"", k.about.kind))
        .collect();
    let place = format!("{place}.{key}");
    let all: Vec<&str> = own.iter().chain(common).map(String::as_str).collect();
    match others.is_empty() {
        true => match kind::unknown(&place, key, &all) {
            Error::Input { place, remedy, .. } => Error::input(
                place,
                format!("kind = \"{kind}\" has no key \"{key}\""),
                remedy,
            ),
            other => other,
        },
        false => Error::input(
            place,
            format!("belongs to kind = {}", others.join(" or ")),
            format!("remove it (keys of kind = \"{kind}\": {})", all.join(", ")),
        ),
    }
}

/// The kind's own keys, from its schema.
pub fn own_keys<T: ?Sized>(kind: &Kind<T>) -> Vec<String> {
    properties(&(kind.schema)(&mut SchemaGenerator::default()))
        .into_iter()
        .map(|(key, _)| key)
        .collect()
}

/// The keys that all kinds have.
fn common_keys() -> Vec<String> {
    let keys = properties(&schemars::schema_for!(Keys));
    keys.into_iter().map(|(key, _)| key).collect()
}

/// Names and descriptions of a schema's properties.
pub fn properties(schema: &schemars::Schema) -> Vec<(String, String)> {
    let list = schema.get("properties").and_then(Json::as_object);
    let text = |of: &Json| {
        of["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ")
    };
    list.into_iter()
        .flatten()
        .map(|(key, of)| (key.clone(), text(of)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Reduce> {
        let table = format!("key = \"task.size\"\nobservable = \"train-loss\"\n{text}");
        Reduce::all(&[table.parse().unwrap()]).map(|mut all| all.remove(0))
    }

    /// Former names of the numbers of a collapse, and every key that specs have used.
    #[test]
    fn what_specs_say_today_is_understood() {
        let old = "kind = \"collapse\"\ntolerances = { threshold = 0.1, inverse-nu = { absolute = 0.2 } }";
        let new = old
            .replace("threshold", "crossing")
            .replace("inverse-nu", "scaling-exponent");
        let [old, new] = [old, &new].map(|text| parse(text).unwrap());
        assert_eq!(serde_json::json!(old), serde_json::json!(new));
        let tolerance = crate::compare::Tolerance::Absolute(0.2);
        assert_eq!(old.stated("scaling-exponent"), Some(tolerance));
        assert_eq!(serde_json::json!(old)["degree"], 7);
        let all = "kind = \"exponent\"\nabscissa = { power = -2.3 }\ncorrection = 1.2\nlabel = \"a\"\ntolerance = 0.1\nexpect = { a = \"agree\" }";
        let resolved = serde_json::json!(parse(all).unwrap());
        assert_eq!(
            (&resolved["correction"], &resolved["kind"]),
            (&1.2.into(), &"exponent".into())
        );
        assert!(
            resolved["of"].is_null(),
            "values are the default, and stay unwritten"
        );
    }

    #[test]
    fn keys_that_a_kind_does_not_have_are_named() {
        for (text, place, says) in [
            (
                "kind = \"slope\"\ncorrection = 1.0",
                "reduce[0].correction",
                "belongs to kind = \"exponent\" or \"crossing\"",
            ),
            (
                "kind = \"slope\"\nwindow = 10.0",
                "reduce[0].window",
                "belongs to kind = \"local-exponent\"",
            ),
            (
                "kind = \"local-exponent\"\nwindw = 10.0",
                "reduce[0].windw",
                "did you mean \"window\"",
            ),
            (
                "kind = \"local-exponent\"\ncorrection = 10.0",
                "reduce[0].correction",
                "keys of kind = \"local-exponent\": window, ",
            ),
            (
                "kind = \"exponent\"\ntolerances = { crossing = 1.0 }",
                "reduce[0].tolerances",
                "belongs to kind = \"collapse\"",
            ),
            (
                "kind = \"collapse\"\ntolerances = { crosing = 1.0 }",
                "reduce[0].tolerances.crosing",
                "did you mean \"crossing\"",
            ),
            (
                "kind = \"exponnt\"",
                "reduce[0].kind",
                "did you mean \"exponent\"",
            ),
            (
                "kind = \"exponent\"\nof = \"mean\"",
                "reduce[0].of",
                "deviation",
            ),
            ("correction = 1.0", "reduce[0].kind", "missing"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(place) && error.contains(says),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn labels_say_what_is_reduced() {
        let label = |text: &str, theory, part| parse(text).unwrap().name(3, theory, part);
        let plain = "kind = \"exponent\"";
        assert_eq!(
            label(plain, None, None),
            "exponent of train-loss in task.size"
        );
        let deviation = "kind = \"exponent\"\nof = \"deviation\"\nabscissa = \"inverse\"";
        let of_theory = label(deviation, Some("ntk"), None);
        assert_eq!(of_theory, "exponent of train-loss minus ntk in 1/task.size");
        assert_eq!(
            label("kind = \"slope\"\nlabel = \"a\"", Some("ntk"), None),
            "a: ntk"
        );
        let crossing = label("kind = \"crossing\"", None, None);
        assert_eq!(
            crossing,
            "crossing of train-loss in task.size, last two alone"
        );
        let collapse = label("kind = \"collapse\"", None, Some("p_c"));
        assert_eq!(collapse, "collapse of train-loss in task.size: p_c");
    }
}
