//! JSON schemas: of specs, assembled from the registries, and of the `--json` document.

use super::Figure;
use super::keys::{Compare, EntryKeys, Measure};
use super::{FitKeys, League, ReduceKeys, RelateKeys};
use crate::compare::reductions::REDUCTIONS;
use crate::compare::relations::RELATIONS;
use crate::kind::Kind;
use crate::learner::LEARNERS;
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value as Json, json};

/// Schema of a spec file (JSON Schema 2020-12).
pub fn spec() -> Json {
    let mut g = SchemaGenerator::default();
    let task = one_of(&mut g, TASKS);
    let learner = one_of(&mut g, LEARNERS);
    let training = one_of(&mut g, TRAININGS);
    let mut theory = one_of(&mut g, THEORIES);
    let inline = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let common = inline.into_generator().into_root_schema_for::<EntryKeys>();
    let common = json!(common)["properties"].clone();
    if let Some(options) = theory["oneOf"].as_array_mut() {
        for option in options {
            if let (Some(p), Some(c)) = (option["properties"].as_object_mut(), common.as_object()) {
                for (key, schema) in c {
                    p.entry(key).or_insert_with(|| schema.clone());
                }
            }
        }
    }
    let measure = g.subschema_for::<Measure>();
    let compare = g.subschema_for::<Compare>();
    let reduce = with_common(&mut g, REDUCTIONS, <ReduceKeys as JsonSchema>::json_schema);
    let relate = with_common(&mut g, RELATIONS, <RelateKeys as JsonSchema>::json_schema);
    let figure = g.subschema_for::<Figure>();
    let fit = g.subschema_for::<FitKeys>();
    let league = g.subschema_for::<League>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "saddlepoint spec, version 1",
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "task"],
        "properties": {
            "version": { "const": 1, "description": "Version of the spec language: 1." },
            "title": { "type": "string", "description": "Title of the report and of its figures; {task.samples} stands for the value of a key. Default: the name of the file." },
            "seed": { "type": "integer", "minimum": 0, "default": 0, "description": "Seed of every random number." },
            "task": task,
            "learner": learner,
            "training": { "oneOf": [training, { "type": "array", "items": { "type": "object", "required": ["name", "kind"] } }] },
            "measure": measure,
            "theory": { "type": "array", "items": theory },
            "compare": compare,
            "reduce": { "type": "array", "items": reduce },
            "relate": { "type": "array", "items": relate },
            "fit": { "type": "array", "items": fit },
            "league": { "type": "array", "items": league },
            "figure": { "type": "array", "items": figure },
            "sweep": {
                "type": "object",
                "description": "key path -> list of values, or { from, to, points, scale = \"linear\" | \"log\" }; zip = [{ key = [..], key = [..] }]",
            },
            "map": {
                "type": "object",
                "description": "one or two key paths -> list of numbers, or { from, to, points, scale }, on which theories alone are solved; of: names of the quantities",
                "required": ["of"],
                "properties": { "of": { "description": "Names of the quantities that are mapped.", "type": "array", "items": { "type": "string" }, "minItems": 1 } },
            },
            "quick": { "type": "object", "description": "overrides applied by --quick" },
        },
        "$defs": g.take_definitions(true),
    })
}

/// Kinds of reductions or relations: each with the keys that all have and its own.
fn with_common<T: ?Sized>(
    g: &mut SchemaGenerator,
    kinds: &[Kind<T>],
    common: fn(&mut SchemaGenerator) -> schemars::Schema,
) -> Json {
    let mut all = one_of(g, kinds);
    let common = definition(g, common);
    let required = common["required"].as_array().cloned().unwrap_or_default();
    for option in all["oneOf"].as_array_mut().into_iter().flatten() {
        if let (Some(p), Some(c)) = (
            option["properties"].as_object_mut(),
            common["properties"].as_object(),
        ) {
            for (key, schema) in c {
                p.entry(key).or_insert_with(|| schema.clone());
            }
        }
        if let Some(of_kind) = option["required"].as_array_mut() {
            of_kind.extend(required.clone());
        }
    }
    all
}

/// A schema by its content, not by reference.
fn definition(
    g: &mut SchemaGenerator,
    schema: fn(&mut SchemaGenerator) -> schemars::Schema,
) -> Json {
    let schema = json!(schema(g));
    let name = schema.get("$ref").and_then(Json::as_str);
    let name = name.and_then(|r| r.rsplit('/').next());
    match name.and_then(|name| g.definitions().get(name)) {
        Some(definition) => definition.clone(),
        None => schema,
    }
}

fn one_of<T: ?Sized>(g: &mut SchemaGenerator, kinds: &[Kind<T>]) -> Json {
    let options: Vec<Json> = kinds
        .iter()
        .map(|k| {
            let mut schema = definition(g, k.schema);
            schema["title"] = json!(k.about.kind);
            schema["description"] = json!(k.about.summary);
            if !schema["properties"].is_object() {
                schema["properties"] = json!({});
            }
            schema["properties"]["kind"] = json!({ "const": k.about.kind });
            match schema["required"].as_array_mut() {
                Some(required) => required.push(json!("kind")),
                None => schema["required"] = json!(["kind"]),
            }
            schema
        })
        .collect();
    json!({ "oneOf": options })
}

/// Schema of the document that `predict`, `measure` and `run` print with `--json`.
pub fn output() -> Json {
    let (numbers, texts) = (numbers(), texts());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "saddlepoint --json document, version 1",
        "type": "object",
        "required": ["schema", "name", "hash", "cells", "derived"],
        "properties": {
            "schema": { "enum": ["saddlepoint/1/predict", "saddlepoint/1/measure", "saddlepoint/1/run"] },
            "name": { "type": "string" },
            "title": { "type": "string" },
            "hash": { "type": "string" },
            "quick": { "type": "boolean" },
            "seed": { "type": "integer" },
            "cells": { "type": "array", "items": {
                "type": "object",
                "required": ["set", "status", "theories", "measurements", "comparison"],
                "properties": {
                    "set": { "type": "object", "description": "swept keys and their values" },
                    "status": { "enum": ["done", "failed"] },
                    "reason": { "type": ["string", "null"] },
                    "theories": { "type": "array", "items": {
                        "type": "object",
                        "required": ["theory", "kind", "status", "observables", "solver", "warnings"],
                        "properties": {
                            "theory": { "type": "string", "description": "label of the entry" },
                            "kind": { "type": "string" },
                            "status": { "enum": ["predicted", "declined", "failed", "mapped"] },
                            "reason": { "type": ["string", "null"] },
                            "conditioning": { "enum": ["none", "data", "initial", "trained", null] },
                            "assumptions": texts, "limits": texts,
                            "observables": { "type": "array", "items": { "$ref": "#/$defs/observable" } },
                            "solver": { "type": "object" },
                            "warnings": texts,
                        },
                    }},
                    "measurements": { "type": "array", "items": { "$ref": "#/$defs/observable" } },
                    "comparison": { "type": "array", "items": { "$ref": "#/$defs/row" } },
                },
            }},
            "derived": { "type": "array", "items": { "type": "object", "description": "one reduction: label, kind, of (value, deviation or scatter), key, abscissa, x, observable, axes, set, measured { estimate, stderr, interval, bound and theory_stderr (of a deviation: numerical bound and statistical error of the theory), residual, spread (of a collapse: chi2 per degree of freedom) } or { reason }, theories [ row + reduced, which has a reason in place of numbers where the theory gives none ]" } },
            "maps": { "type": "array", "items": mapped() },
            "fits": { "type": "array", "items": { "type": "object", "description": "one fit: label, theory, observables, set, cells, and reason (why there is none) or fit { parameters [ name, estimate, stderr, at_bound, profile, bootstrap (intervals of 68 and 95 %), curve, systematic, pull ], covariance, correlation, chi2, degrees, p, minima, shrinkage, evaluations, notes }, points { measured, stderr, estimate, stated } and stated_chi2" } },
            "leagues": { "type": "array", "items": { "type": "object", "description": "one league over the cells that share `set`: label, observable, over, along, set, cells [ cell, at, nearest, leaders (the nearest and those not told apart from it), ranked [ theory, deviation, interval, verdict, behind (null for the nearest) { difference of squared deviations, stderr, bound, told_apart }, conditioning, limits, seconds ], others [ theory, reason ] ], changes and boundaries along the key { between, located { at, interval } }, pairs { told_apart_at, not_at }" } },
            "relations": { "type": "array", "items": { "type": "object", "required": ["label", "kind", "x", "y", "over"], "description": "one [[relate]] entry in one cell (over points) or in all (over cells: cell is null): label, kind, x, y, over, cell, set, and value, stderr, n, level, chance, chance_interval (where 95 % of the null lie), p, pairs, excluded, notes; or reason where it does not exist" } },
            "expectations": { "type": "array", "items": { "type": "object", "required": ["label", "expect", "met", "why"] } },
            "warnings": texts,
        },
        "$defs": {
            "observable": {
                "type": "object",
                "required": ["name", "label", "unit", "convention", "axes", "shape", "mean", "stderr", "bound", "n", "level"],
                "properties": {
                    "name": { "type": "string" }, "label": { "type": "string" }, "unit": { "type": "string" },
                    "convention": { "type": "string" },
                    "axes": { "type": "array", "items": { "type": "object", "required": ["name", "unit", "values"] } },
                    "axis": { "type": "string", "description": "name of the only axis" },
                    "x": numbers,
                    "shape": { "type": "array", "items": { "type": "integer" } },
                    "mean": numbers, "stderr": numbers, "bound": numbers,
                    "array": { "type": "string", "description": "arrays.npz#name, above 4096 numbers" },
                    "reason": { "type": "string", "description": "why numbers are null" },
                    "n": { "type": "integer" }, "level": { "enum": ["datasets", "replicas"] },
                },
            },
            "row": {
                "type": "object",
                "required": ["theory", "observable", "status"],
                "properties": {
                    "theory": { "type": "string" }, "observable": { "type": ["string", "null"] },
                    "status": { "enum": ["compared", "not-compared", "declined", "failed"] },
                    "reason": { "type": "string" },
                    "deviation": { "type": "number" }, "interval": numbers, "bound": { "type": "number" },
                    "tolerance": { "type": "object", "description": "{ relative: x } or { absolute: x }" },
                    "p": { "type": ["number", "null"] },
                    "worst": { "type": ["object", "null"] }, "worst_at": { "type": "string" },
                    "verdict": { "enum": ["agree", "disagree", "inconclusive"] },
                    "draws_needed": { "type": ["integer", "null"] },
                    "n": { "type": "integer" }, "level": { "type": "string" },
                    "points": { "type": "integer" }, "excluded": { "type": "integer" },
                    "held_out": { "type": ["object", "null"], "description": "{ samples, population, error }: held-out samples that all draws share; whether the statement is for the population; their standard error in units of the deviation, in the interval" },
                    "notes": { "type": "array", "items": { "type": "string" } },
                    "expect": { "enum": ["agree", "disagree", null] },
                    "reference": { "type": ["string", "null"], "description": "label of the theory that the row is compared with (`[compare] reference`); null: the measurement" },
                    "conditioning": { "enum": ["none", "data", "initial", "trained", null] },
                },
            },
        },
    })
}

/// One theory on one `[map]`.
fn mapped() -> Json {
    let numbers = numbers();
    let texts = texts();
    json!({
        "type": "object",
        "description": "one theory on one [map]: set (the other swept keys), its points along axes, and quantities",
        "required": ["set", "theory", "kind", "axes", "observables"],
        "properties": {
            "set": { "type": "object" },
            "theory": { "type": "string" }, "kind": { "type": "string" },
            "conditioning": { "enum": ["none", "data", "initial", null] },
            "assumptions": texts, "limits": texts, "warnings": texts,
            "solver": { "type": "object" },
            "axes": { "type": "array", "items": { "type": "object", "required": ["key", "scale", "values"] } },
            "observables": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "label", "unit", "convention", "shape", "mean", "bound", "stderr", "points", "declined", "failed"],
                "properties": {
                    "shape": { "type": "array", "items": { "type": "integer" }, "description": "one number per axis, and 4 where a theory tells several branches" },
                    "mean": numbers, "bound": numbers, "stderr": numbers,
                    "array": { "type": "string", "description": "arrays.npz#name, above 4096 numbers" },
                    "points": { "type": "integer" }, "declined": { "type": "integer" }, "failed": { "type": "integer" },
                    "reason": { "type": "string", "description": "why numbers are null, with the first reason" },
                },
            }},
        },
    })
}

fn numbers() -> Json {
    json!({ "type": ["array", "null"], "items": { "type": ["number", "null"] } })
}

fn texts() -> Json {
    json!({ "type": "array", "items": { "type": "string" } })
}
