//! Weights in files: the safetensors format, which numpy, PyTorch and JAX read and write.

use crate::error::{Error, Result};
use crate::learner::{Learner, Parameters, Precision};
use crate::numerics::atomic::write_atomic;
use crate::numerics::text;
use crate::task::Shape;
use crate::task::loader::Contents;
use nalgebra::DMatrix;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;
use std::path::Path;

/// Writes raw parameters to a safetensors file: one tensor per block under the learner's names ([`Learner::names`]), row-major
/// `[outputs, inputs]` as in PyTorch, biases (single columns) as `[outputs]`, in the precision of the learner. The metadata hold the learner's resolved table
/// (`learner`), `inputs`, `outputs` and the version of this crate.
///
/// Raw parameters are those that training moves; an effective weight is the raw one times the multiplier of the
/// parametrisation (1 in the standard one).
///
/// # Errors
/// `Storage` when the file cannot be written (it is written whole or not at all); `Bug` for blocks of other shapes than the learner's.
///
/// ```
/// use saddlepoint::learner::{Learner, Mlp, Parameters, weights};
/// use saddlepoint::task::Shape;
/// let (mlp, shape) = (Mlp { widths: vec![4], ..Mlp::default() }, Shape { inputs: 3, outputs: 2, samples: 1 });
/// let mut p = Parameters::zeros(&mlp.shapes(shape));
/// p.blocks[0][(1, 2)] = 0.1;
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("net.safetensors");
/// weights::save(&file, &mlp, shape, &p).unwrap();
/// assert_eq!(weights::load(&file, &mlp, shape, None).unwrap(), p);
/// ```
pub fn save(
    path: &Path,
    learner: &dyn Learner,
    shape: Shape,
    parameters: &Parameters,
) -> Result<()> {
    let shapes: Vec<_> = parameters.blocks.iter().map(|b| b.shape()).collect();
    if shapes != learner.shapes(shape) {
        return Err(Error::bug(
            "save",
            "the blocks are not those of the learner",
        ));
    }
    let (dtype, encode): (Dtype, fn(f64, &mut Vec<u8>)) = match learner.precision() {
        Precision::F64 => (Dtype::F64, |v, out| out.extend(v.to_le_bytes())),
        Precision::F32 => (Dtype::F32, |v, out| out.extend((v as f32).to_le_bytes())),
    };
    let bytes: Vec<Vec<u8>> = parameters
        .blocks
        .iter()
        .map(|block| {
            let mut out = Vec::new();
            block.transpose().iter().for_each(|&v| encode(v, &mut out));
            out
        })
        .collect();
    let failed = |e| Error::bug("save", format!("{e}"));
    let mut tensors = Vec::new();
    for ((name, &shape), bytes) in learner.names(shape).into_iter().zip(&shapes).zip(&bytes) {
        tensors.push((
            name,
            TensorView::new(dtype, dimensions(shape), bytes).map_err(failed)?,
        ));
    }
    let metadata = HashMap::from([
        (
            "saddlepoint".to_string(),
            env!("CARGO_PKG_VERSION").to_string(),
        ),
        ("learner".to_string(), learner.resolved().to_string()),
        ("inputs".to_string(), shape.inputs.to_string()),
        ("outputs".to_string(), shape.outputs.to_string()),
    ]);
    write_atomic(
        path,
        &safetensors::serialize(tensors, Some(metadata)).map_err(failed)?,
    )
}

/// Shape of a block in the file.
fn dimensions((rows, columns): (usize, usize)) -> Vec<usize> {
    match columns {
        1 => vec![rows],
        _ => vec![rows, columns],
    }
}

/// Reads raw parameters from a safetensors file (F32 or F64), whoever wrote it. `names` are the tensors of the blocks in the order of
/// [`Learner::shapes`]; by default the learner's own. A column may be stored as `[n]` or `[n, 1]`.
///
/// # Errors
/// `Input` naming the file: unreadable or damaged, written by [`save`] for a learner of other keys (unless `names` are given), a tensor missing (with those that are there), of another shape, of another type, or with a
/// number that is not finite.
pub fn load(
    path: &Path,
    learner: &dyn Learner,
    shape: Shape,
    names: Option<&[String]>,
) -> Result<Parameters> {
    parse(&Contents::read(path)?, learner, shape, names)
}

/// As [`load`], from the bytes of the file.
pub(super) fn parse(
    contents: &Contents,
    learner: &dyn Learner,
    shape: Shape,
    names: Option<&[String]>,
) -> Result<Parameters> {
    let wrong = |cause: String, remedy: &str| Error::input(&contents.file, cause, remedy);
    let file = SafeTensors::deserialize(&contents.bytes).map_err(|e| {
        wrong(
            format!("not a complete safetensors file: {e} ({} bytes)", contents.bytes.len()),
            "write the weights again; in PyTorch: safetensors.torch.save_file(model.state_dict(), path)",
        )
    })?;
    if names.is_none()
        && let Some((key, theirs, ours)) = difference(&contents.bytes, &learner.resolved())
    {
        return Err(wrong(
            format!("written by a learner with {key} = {theirs}, this one has {ours}"),
            "state the learner as it was, or give learner.weights.names to read the tensors as those of another network",
        ));
    }
    let shapes = learner.shapes(shape);
    let own = learner.names(shape);
    let names = names.unwrap_or(&own);
    if names.len() != shapes.len() {
        return Err(wrong(
            format!(
                "{} names for {} parameter blocks",
                names.len(),
                shapes.len()
            ),
            &format!("name the tensors in the order of {}", own.join(", ")),
        ));
    }
    let mut blocks = Vec::with_capacity(shapes.len());
    for (name, &(rows, columns)) in names.iter().zip(&shapes) {
        let tensor = file.tensor(name).map_err(|_| {
            let mut there = file.names();
            there.sort_unstable();
            wrong(
                format!(
                    "no tensor \"{}\"; the file has {}",
                    text::shown(name),
                    text::names(&there, name)
                ),
                "give the tensors' names in learner.weights.names, in the order of the learner's blocks",
            )
        })?;
        let is_column = columns == 1 && tensor.shape() == [rows];
        if !is_column && tensor.shape() != [rows, columns] {
            return Err(wrong(
                format!(
                    "\"{name}\" is {:?}, the learner needs [{rows}, {columns}]",
                    tensor.shape()
                ),
                "make the learner's widths and the task those of the stored network; weights are [outputs, inputs]",
            ));
        }
        let values = numbers(tensor.dtype(), tensor.data()).ok_or_else(|| {
            let cause = format!("\"{name}\" is of type {:?}", tensor.dtype());
            wrong(cause, "store F32 or F64")
        })?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let cause = format!("number {at} of \"{name}\" is {}", values[at]);
            return Err(wrong(cause, "store finite numbers"));
        }
        blocks.push(DMatrix::from_row_slice(rows, columns, &values));
    }
    Ok(Parameters { blocks })
}

/// Keys that say how a network starts or what it is computed in, not which function its weights make.
const FREE: [&str; 4] = ["init", "prior", "precision", "weights"];

/// The first key in which the learner that [`save`] noted in a file differs from `ours`.
fn difference(bytes: &[u8], ours: &serde_json::Value) -> Option<(String, String, String)> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let theirs = header.metadata().as_ref()?.get("learner")?;
    let theirs: serde_json::Map<_, _> = serde_json::from_str(theirs).ok()?;
    let (key, value) = theirs
        .iter()
        .filter(|(key, _)| !FREE.contains(&key.as_str()))
        .find(|(key, value)| ours.get(key) != Some(value))?;
    let ours = ours.get(key).unwrap_or(&serde_json::Value::Null);
    Some((key.clone(), value.to_string(), ours.to_string()))
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f64>> {
    let (four, _) = bytes.as_chunks::<4>();
    let (eight, _) = bytes.as_chunks::<8>();
    match dtype {
        Dtype::F32 => Some(four.iter().map(|b| f32::from_le_bytes(*b).into()).collect()),
        Dtype::F64 => Some(eight.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Activation, Mlp, Parametrization};

    const SHAPE: Shape = Shape {
        inputs: 3,
        outputs: 2,
        samples: 1,
    };

    fn mlp(precision: Precision) -> Mlp {
        Mlp {
            widths: vec![4],
            bias: true,
            precision,
            ..Mlp::default()
        }
    }

    /// The same shapes, another function: not without saying so.
    #[test]
    fn a_file_of_another_learner_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.safetensors");
        let tanh = Mlp {
            activation: Activation::Tanh,
            ..mlp(Precision::F64)
        };
        save(&file, &tanh, SHAPE, &parameters()).unwrap();
        let other = |change: fn(&mut Mlp)| {
            let mut other = tanh.clone();
            change(&mut other);
            other
        };
        let relu = other(|m| m.activation = Activation::Relu);
        let message = load(&file, &relu, SHAPE, None).unwrap_err().to_string();
        let expected = "activation = \"tanh\", this one has \"relu\"";
        assert!(message.contains(expected), "{message}");
        let scaled = other(|m| m.parametrization = Parametrization::Ntk);
        assert!(load(&file, &scaled, SHAPE, None).is_err());
        let single = other(|m| m.precision = Precision::F32);
        assert_eq!(load(&file, &single, SHAPE, None).unwrap(), parameters());
        let names = relu.names(SHAPE);
        assert_eq!(
            load(&file, &relu, SHAPE, Some(&names)).unwrap(),
            parameters()
        );
    }

    fn parameters() -> Parameters {
        let mut p = Parameters::zeros(&mlp(Precision::F64).shapes(SHAPE));
        for (i, v) in p.blocks.iter_mut().flat_map(|b| b.iter_mut()).enumerate() {
            *v = (1.0 + i as f64).sqrt();
        }
        p
    }

    #[test]
    fn what_is_saved_is_loaded_in_the_precision_of_the_learner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/net.safetensors");
        for (precision, exact) in [
            (Precision::F64, parameters()),
            (Precision::F32, parameters().cast::<f32>().cast()),
        ] {
            let learner = mlp(precision);
            save(&path, &learner, SHAPE, &parameters()).unwrap();
            assert_eq!(load(&path, &learner, SHAPE, None).unwrap(), exact);
        }
    }

    /// The bytes as PyTorch writes them: row-major, little-endian, names of a Sequential.
    #[test]
    fn foreign_files_are_read_by_their_names_and_layout() {
        let header = r#"{"0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        for v in [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0] {
            bytes.extend(v.to_le_bytes());
        }
        let contents = |bytes: &[u8]| Contents {
            file: "net".into(),
            bytes: bytes.to_vec(),
        };
        let learner = Mlp::default();
        let names = ["0.weight".to_string()];
        let read = parse(&contents(&bytes), &learner, SHAPE, Some(&names)).unwrap();
        let expected = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(read.blocks, vec![expected]);

        let refused = |bytes: &[u8], names: Option<&[String]>, shape: Shape| {
            parse(&contents(bytes), &learner, shape, names)
                .unwrap_err()
                .to_string()
        };
        let brackets = format!("{{\"a\":{}", "[".repeat(200_000));
        let mut deep = (brackets.len() as u64).to_le_bytes().to_vec();
        deep.extend(brackets.as_bytes());
        let wide = Shape { inputs: 4, ..SHAPE };
        let halved = String::from_utf8_lossy(&bytes[..8 + header.len()]).replace("F32", "I32");
        let mut integers = halved.into_bytes();
        integers.extend(&bytes[8 + header.len()..]);
        let mut infinite = bytes.clone();
        let end = infinite.len();
        infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        for (message, part) in [
            (refused(&bytes, None, SHAPE), "the file has 0.weight"),
            (
                refused(&bytes, Some(&names), wide),
                "[2, 3], the learner needs [2, 4]",
            ),
            (
                refused(&bytes[..end - 1], Some(&names), SHAPE),
                "not a complete safetensors file",
            ),
            // A header of brackets without end is an error, not the end of the stack.
            (
                refused(&deep, Some(&names), SHAPE),
                "not a complete safetensors file",
            ),
            (refused(&integers, Some(&names), SHAPE), "type I32"),
            (
                refused(&infinite, Some(&names), SHAPE),
                "number 5 of \"0.weight\" is inf",
            ),
            (refused(&bytes, Some(&[]), SHAPE), "0 names for 1"),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
