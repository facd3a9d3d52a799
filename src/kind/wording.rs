//! What the deserialiser complains about, in the words of a spec's author.

/// Cause and remedy for a message of serde about the key `key`.
pub(super) fn plain(key: &str, text: &str) -> (String, String) {
    let text = text.lines().next().unwrap_or("invalid value");
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let found_expected = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|start| text.strip_prefix(start)?.split_once(", expected "));
    if let ("unknown field" | "unknown variant", [given, known @ ..]) = (start(text), &quoted[..]) {
        let noun = if start(text) == "unknown field" {
            "key"
        } else {
            "value"
        };
        return (
            format!("unknown {noun} \"{given}\""),
            super::nearest(given, known),
        );
    }
    if let ("missing field", [missing]) = (start(text), &quoted[..]) {
        return (
            format!("the key \"{missing}\" is missing"),
            format!("add {missing} = ...; `saddlepoint explain KIND` lists the keys"),
        );
    }
    match found_expected {
        Some((found, expected)) => mismatch(key, found, expected),
        None => (
            text.to_string(),
            "see `saddlepoint explain KIND` for the keys and their types".into(),
        ),
    }
}

/// The first two words.
fn start(text: &str) -> &str {
    let end = text.match_indices(' ').nth(1).map_or(text.len(), |m| m.0);
    &text[..end]
}

/// `found` as serde names it (``integer `5` ``), `expected` as serde names it (`usize`).
fn mismatch(key: &str, found: &str, expected: &str) -> (String, String) {
    let (kind, value) = match found.split_once(['`', '"']) {
        Some((kind, value)) => (kind.trim(), value.trim_end_matches(['`', '"'])),
        None => (found, ""),
    };
    let literal = match kind {
        "string" => format!("\"{value}\""),
        _ => value.to_string(),
    };
    let found = match kind {
        "sequence" => "a list".to_string(),
        "map" => "a table".to_string(),
        "unit variant" | "unit" => "something else".to_string(),
        _ => literal.clone(),
    };
    let key = key.split('[').next().unwrap_or(key);
    let (expected, remedy) = match expected {
        "usize" | "u64" | "u32" => (
            "a whole number >= 0",
            format!("write {key} as 8 or another whole number"),
        ),
        "f64" => ("a number", format!("write {key} as 0.1 or another number")),
        "a boolean" => ("true or false", "write it without quotes".to_string()),
        "a sequence" if kind == "map" => ("a list of tables", format!("write [[{key}]] above it")),
        "a sequence" => ("a list", format!("put it into brackets: [{literal}]")),
        "a string" | "string only" => ("a text", "write it in quotes".to_string()),
        "a map" => ("a table", format!("write [{key}] and its keys below it")),
        other => match other.strip_prefix("struct ") {
            Some(_) => ("a table", format!("write [{key}] and its keys below it")),
            None => (
                other,
                "see `saddlepoint explain KIND` for the keys and their types".into(),
            ),
        },
    };
    (format!("expected {expected}, found {found}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn types_are_named_as_in_a_spec() {
        let cause = |text: &str| plain("x", text).0;
        assert_eq!(
            cause("invalid value: integer `-4`, expected usize\nin `x`\n"),
            "expected a whole number >= 0, found -4"
        );
        assert_eq!(
            cause("invalid type: string \"fast\", expected f64"),
            "expected a number, found \"fast\""
        );
        assert_eq!(
            cause("invalid type: sequence, expected f64"),
            "expected a number, found a list"
        );
        assert_eq!(
            plain("x", "invalid type: integer `5`, expected a sequence").1,
            "put it into brackets: [5]"
        );
        assert_eq!(
            plain("theory", "invalid type: map, expected a sequence").1,
            "write [[theory]] above it"
        );
    }

    #[test]
    fn names_get_a_suggestion() {
        let (cause, remedy) = plain(
            "x",
            "unknown field `widhts`, expected one of `widths`, `init`",
        );
        assert_eq!(cause, "unknown key \"widhts\"");
        assert_eq!(remedy, "did you mean \"widths\"? (known: widths, init)");
        let (cause, remedy) = plain("x", "missing field `scale`");
        assert_eq!(cause, "the key \"scale\" is missing");
        assert!(remedy.starts_with("add scale = "));
        assert_eq!(plain("x", "a message of its own").0, "a message of its own");
    }
}
