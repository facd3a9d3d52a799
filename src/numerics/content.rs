//! Content hashes: BLAKE3 of canonical JSON (keys sorted, shortest round-trip numbers), and of the numbers of matrices.

use nalgebra::DMatrix;
use serde_json::Value;

/// Hexadecimal BLAKE3 of shapes and numbers, bit by bit.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::numerics::content::of_matrices;
/// let row = DMatrix::from_row_slice(1, 2, &[1.0, 2.0]);
/// assert_ne!(of_matrices(&[&row]), of_matrices(&[&row.transpose()]));
/// ```
pub fn of_matrices(matrices: &[&DMatrix<f64>]) -> String {
    let mut hasher = blake3::Hasher::new();
    for matrix in matrices {
        for n in [matrix.nrows(), matrix.ncols()] {
            hasher.update(&(n as u64).to_le_bytes());
        }
        for value in matrix.iter() {
            hasher.update(&value.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Hexadecimal BLAKE3 of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Hexadecimal BLAKE3 of a JSON value, independent of the order of its keys.
pub fn of(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for key in keys {
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(&map[key], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter_but_values_do() {
        let a = super::of(&json!({ "x": 1, "y": [1.5, null] }));
        assert_eq!(a, super::of(&json!({ "y": [1.5, null], "x": 1 })));
        assert_ne!(a, super::of(&json!({ "x": 1, "y": [1.25, null] })));
    }
}
