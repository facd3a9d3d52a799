//! One array of numpy (`.npy`): a short header that names type, order and extents, and the values behind it.
//!
//! The header is a Python literal; it is read by a parser of its own form alone, which does not recurse, so that no
//! header costs more time than its length. Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy
//! arrays".

use super::text::shown;
use crate::error::{Error, Result};

/// A header of an array of numbers has about 100 bytes; longer ones are refused.
const LONGEST_HEADER: usize = 1 << 16;

/// What every file begins with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Numpy itself has no array of more dimensions.
const MOST_DIMENSIONS: usize = 64;

/// An array, row-major whatever its order in the file is.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The first one varies slowest.
    pub extent: Vec<usize>,
    /// As many as the product of the extents.
    pub values: Values,
}

/// What an array holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Floating-point numbers of 16, 32 or 64 bits, integers of 8 to 64 bits, truth values (0 and 1); in either order
    /// of bytes.
    Numbers(Vec<f64>),
    /// Texts, of the types `U` and `S`.
    Texts(Vec<String>),
}

/// A number that an array may hold.
pub trait Element: Copy {
    /// Numpy's name of the type, with the order of its bytes.
    const TYPE: &'static str;
    /// Appends its bytes, the least significant one first.
    fn push(self, bytes: &mut Vec<u8>);
}

macro_rules! elements {
    ($($number:ty => $name:literal),* $(,)?) => {$(
        impl Element for $number {
            const TYPE: &'static str = $name;
            fn push(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        }
    )*};
}

elements!(f64 => "<f8", f32 => "<f4", i64 => "<i8", i32 => "<i4", u64 => "<u8");

impl Element for bool {
    const TYPE: &'static str = "|b1";
    fn push(self, bytes: &mut Vec<u8>) {
        bytes.push(self.into());
    }
}

/// A `.npy` file, version 1.0, of row-major values. The header is filled with blanks so that the values begin at a multiple
/// of 64 bytes, as numpy has it. The caller gives as many values as the extents say.
///
/// ```
/// use saddlepoint::numerics::npy::{Values, bytes, parse};
/// let file = bytes(&[3, 1], &[0.5, 1.0, 2.0]);
/// assert_eq!(file.len(), 128 + 3 * 8);
/// assert_eq!(parse("a", &file)?.values, Values::Numbers(vec![0.5, 1.0, 2.0]));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn bytes<T: Element>(extent: &[usize], values: &[T]) -> Vec<u8> {
    let list: String = extent.iter().map(|n| format!("{n}, ")).collect();
    let list = match extent.len() {
        0 | 1 => list.trim_end(),
        _ => list.trim_end_matches(", "),
    };
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({list}), }}",
        T::TYPE
    );
    let start = MAGIC.len() + 4;
    let whole = (start + header.len() + 1).next_multiple_of(64);
    header.push_str(&" ".repeat(whole - start - header.len() - 1));
    header.push('\n');
    let mut file = MAGIC.to_vec();
    file.extend([1, 0]);
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    values.iter().for_each(|v| v.push(&mut file));
    file
}

/// The array in the bytes of a `.npy` file; `place` is its name in messages. Sizes are checked before anything is
/// allocated.
///
/// Errors: no array, a header that is too long or of another form, a type that is no real number and no text, extents
/// that need other bytes than are there, a text that is not Unicode.
///
/// ```
/// use saddlepoint::numerics::npy::{Values, parse};
/// let header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }\n";
/// let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
/// bytes.extend((header.len() as u16).to_le_bytes());
/// bytes.extend(header.as_bytes());
/// bytes.extend([1u16, 2, 3, 4].iter().flat_map(|v| v.to_le_bytes()));
/// let array = parse("a", &bytes)?;
/// assert_eq!(array.extent, [2, 2]);
/// assert_eq!(array.values, Values::Numbers(vec![1.0, 3.0, 2.0, 4.0]));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn parse(place: &str, bytes: &[u8]) -> Result<Array> {
    let (header, data) = split(place, bytes)?;
    let Some(Header {
        descr,
        by_columns,
        extent,
    }) = Reading(header).header()
    else {
        let short: String = header.chars().take(100).collect();
        return Err(Error::input(
            place,
            format!(
                "its header is not that of an array of numbers: {}",
                shown(&short)
            ),
            "save the array with numpy.save or numpy.savez (no structured and no object array)",
        ));
    };
    let type_of = Type::of(&descr).ok_or_else(|| {
        Error::input(
            place,
            format!("values of type '{}' are not real numbers", shown(&descr)),
            "save the array with .astype(float), or names of classes with .astype(str)",
        )
    })?;
    let described = || {
        let extents: Vec<String> = extent.iter().map(usize::to_string).collect();
        format!("{} values of {} bytes", extents.join(" x "), type_of.size)
    };
    let needed = extent
        .iter()
        .try_fold(type_of.size, |n, e| n.checked_mul(*e));
    if needed != Some(data.len()) {
        return Err(Error::input(
            place,
            format!(
                "the header tells of {}, and {} bytes follow it",
                described(),
                data.len()
            ),
            "copy or save the file again",
        ));
    }
    let values = match type_of.read {
        Read::Number(convert) => {
            let values = data.chunks_exact(type_of.size).map(convert).collect();
            Values::Numbers(by_rows(values, &extent, by_columns))
        }
        Read::Text(convert) => {
            // Texts of no characters have no bytes.
            let count: usize = extent.iter().product();
            let size = type_of.size.max(1);
            let mut texts = Vec::new();
            for (k, text) in data.chunks_exact(size).map(convert).enumerate() {
                texts.push(text.ok_or_else(|| {
                    let cause = format!("text {k} (from 0) is not Unicode");
                    Error::input(place, cause, "save the names with .astype(str)")
                })?);
            }
            if texts.len() != count {
                let cause = "its texts have no characters";
                return Err(Error::input(
                    place,
                    cause,
                    "save names of one letter or more",
                ));
            }
            Values::Texts(by_rows(texts, &extent, by_columns))
        }
    };
    Ok(Array { extent, values })
}

/// The text of the header and the bytes behind it.
fn split<'a>(place: &str, bytes: &'a [u8]) -> Result<(&'a str, &'a [u8])> {
    let wrong = |cause: String| Error::input(place, cause, "copy or save the file again");
    let Some([major, _minor, rest @ ..]) = bytes.strip_prefix(MAGIC) else {
        return Err(wrong("it does not begin like a numpy array".into()));
    };
    let (length, rest) = match (*major, rest) {
        (1, [a, b, rest @ ..]) => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        (2 | 3, [a, b, c, d, rest @ ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        (1..=3, _) => return Err(wrong("it ends inside its header".into())),
        (major, _) => return Err(wrong(format!("version {major} of the format is not known"))),
    };
    if length > LONGEST_HEADER {
        return Err(wrong(format!(
            "its header has {length} bytes; one of an array of numbers has about 100"
        )));
    }
    let (header, data) = rest
        .split_at_checked(length)
        .ok_or_else(|| wrong("it ends inside its header".into()))?;
    let header = std::str::from_utf8(header).map_err(|_| wrong("its header is no text".into()))?;
    Ok((header, data))
}

struct Header {
    descr: String,
    by_columns: bool,
    extent: Vec<usize>,
}

/// What is left of a header.
struct Reading<'a>(&'a str);

impl<'a> Reading<'a> {
    /// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }`, the keys in any order.
    fn header(&mut self) -> Option<Header> {
        let (mut descr, mut by_columns, mut extent) = (None, None, None);
        self.is_next('{').then_some(())?;
        while !self.is_next('}') {
            let key = self.quoted()?;
            self.is_next(':').then_some(())?;
            match key {
                "descr" => descr = Some(self.quoted()?.to_string()),
                "fortran_order" => by_columns = Some(self.word()? == "True"),
                "shape" => extent = Some(self.extent()?),
                _ => return None,
            }
            if !self.is_next(',') {
                self.is_next('}').then_some(())?;
                break;
            }
        }
        self.0.trim().is_empty().then_some(())?;
        Some(Header {
            descr: descr?,
            by_columns: by_columns?,
            extent: extent?,
        })
    }

    fn is_next(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start();
        let behind = rest.strip_prefix(wanted);
        self.0 = behind.unwrap_or(rest);
        behind.is_some()
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = ['\'', '"'].into_iter().find(|q| self.is_next(*q))?;
        let (text, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    /// `True`, `False` or a whole number.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn extent(&mut self) -> Option<Vec<usize>> {
        let mut extent = Vec::new();
        self.is_next('(').then_some(())?;
        while !self.is_next(')') {
            // Python 2 wrote long numbers with an L.
            extent.push(self.word()?.trim_end_matches('L').parse().ok()?);
            if !self.is_next(',') {
                self.is_next(')').then_some(())?;
                break;
            }
        }
        (extent.len() <= MOST_DIMENSIONS).then_some(extent)
    }
}

struct Type {
    /// Bytes of a value.
    size: usize,
    read: Read,
}

enum Read {
    Number(fn(&[u8]) -> f64),
    Text(fn(&[u8]) -> Option<String>),
}

impl Type {
    /// The type of a description such as `<f8`: order of bytes, kind, size.
    fn of(descr: &str) -> Option<Type> {
        let (order, rest) = descr.split_at_checked(1)?;
        let (kind, size) = rest.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        let is_little = match order {
            "<" | "|" => true,
            "=" => cfg!(target_endian = "little"),
            ">" => false,
            _ => return None,
        };
        macro_rules! number {
            ($t:ty) => {
                match is_little {
                    true => Read::Number(|b| <$t>::from_le_bytes(array(b)) as f64),
                    false => Read::Number(|b| <$t>::from_be_bytes(array(b)) as f64),
                }
            };
        }
        let read = match (kind, size) {
            ("f", 2) if is_little => Read::Number(|b| half(u16::from_le_bytes(array(b)))),
            ("f", 2) => Read::Number(|b| half(u16::from_be_bytes(array(b)))),
            ("f", 4) => number!(f32),
            ("f", 8) => number!(f64),
            ("i", 1) => number!(i8),
            ("i", 2) => number!(i16),
            ("i", 4) => number!(i32),
            ("i", 8) => number!(i64),
            ("u", 1) => number!(u8),
            ("u", 2) => number!(u16),
            ("u", 4) => number!(u32),
            ("u", 8) => number!(u64),
            ("b", 1) => Read::Number(|b| f64::from(b != [0])),
            ("S", _) => Read::Text(|b| {
                let text = std::str::from_utf8(b).ok()?;
                Some(text.trim_end_matches('\0').to_string())
            }),
            ("U", _) if is_little => Read::Text(|b| utf32(b, u32::from_le_bytes)),
            ("U", _) => Read::Text(|b| utf32(b, u32::from_be_bytes)),
            _ => return None,
        };
        let size = match kind {
            "U" => size.checked_mul(4)?,
            _ => size,
        };
        Some(Type { size, read })
    }
}

/// The first bytes of a value, of which there are `N`.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|k| bytes[k])
}

/// A number of 16 bits (IEEE 754 binary16): sign, 5 bits of exponent, 10 bits of fraction; exact.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let size = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    match bits >> 15 {
        0 => size,
        _ => -size,
    }
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    let (units, _) = bytes.as_chunks::<4>();
    let text: Option<String> = units.iter().map(|u| char::from_u32(unit(*u))).collect();
    Some(text?.trim_end_matches('\0').to_string())
}

/// Values in row-major order; in the file the first index runs fastest where they stand by columns.
fn by_rows<T: Clone>(values: Vec<T>, extent: &[usize], by_columns: bool) -> Vec<T> {
    if !by_columns || extent.len() < 2 {
        return values;
    }
    let strides: Vec<usize> = extent
        .iter()
        .scan(1, |stride, n| {
            let here = *stride;
            *stride *= n;
            Some(here)
        })
        .collect();
    let (mut index, mut at) = (vec![0; extent.len()], 0);
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[at].clone());
        for k in (0..extent.len()).rev() {
            index[k] += 1;
            at += strides[k];
            if index[k] < extent[k] {
                break;
            }
            at -= strides[k] * extent[k];
            index[k] = 0;
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The bytes of a `.npy` file with this header.
    pub fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    /// The bytes of a `.npy` file.
    pub fn file(descr: &str, by_columns: bool, extent: &[usize], data: &[u8]) -> Vec<u8> {
        let extent: String = extent.iter().map(|n| format!("{n}, ")).collect();
        let order = if by_columns { "True" } else { "False" };
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({extent}), }}\n");
        with_header(&header, data)
    }

    fn numbers(descr: &str, data: &[u8], count: usize) -> Vec<f64> {
        match parse("a", &file(descr, false, &[count], data))
            .unwrap()
            .values
        {
            Values::Numbers(values) => values,
            Values::Texts(_) => vec![],
        }
    }

    #[test]
    fn every_type_in_both_orders_of_bytes_is_read_to_the_last_bit() {
        macro_rules! check {
            ($($t:ty: $descr:literal, $values:expr);*) => {$(
                let values: &[$t] = &$values;
                let wanted: Vec<f64> = values.iter().map(|v| *v as f64).collect();
                let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
                assert_eq!(numbers(concat!("<", $descr), &little, values.len()), wanted);
                assert_eq!(numbers(concat!(">", $descr), &big, values.len()), wanted);
            )*};
        }
        check!(
            f64: "f8", [0.1, -1e300, 5e-324]; f32: "f4", [0.1, -3e38];
            i8: "i1", [-128, 7]; i16: "i2", [-300, 7]; i32: "i4", [-70_000]; i64: "i8", [-1 << 52];
            u8: "u1", [255]; u16: "u2", [65_535]; u32: "u4", [u32::MAX]; u64: "u8", [1 << 53]
        );
        assert_eq!(numbers("|b1", &[0, 1], 2), [0.0, 1.0]);
    }

    /// Every number of 16 bits has neighbours at the distance of its last bit: a table of a few, and monotony of all.
    #[test]
    fn numbers_of_16_bits_are_exact() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 1.0 / 16_777_216.0),
            (0x0400, 1.0 / 16_384.0),
            (0x3555, 1365.0 / 4096.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
        ] {
            assert_eq!(half(bits), value);
        }
        assert!((0..0x7c00).all(|bits| half(bits) < half(bits + 1)));
        assert!(half(0x7c01).is_nan() && half(0xfc00) == f64::NEG_INFINITY);
    }

    #[test]
    fn both_orders_of_storage_are_one_array() {
        let extent = [2usize, 3, 2];
        let by_rows: Vec<u8> = (0..12).collect();
        let mut by_columns = vec![0u8; 12];
        for (k, value) in by_rows.iter().enumerate() {
            let (i, j, l) = (k / 6, k / 2 % 3, k % 2);
            by_columns[i + 2 * (j + 3 * l)] = *value;
        }
        assert_eq!(
            parse("a", &file("|u1", false, &extent, &by_rows)).unwrap(),
            parse("a", &file("|u1", true, &extent, &by_columns)).unwrap()
        );
    }

    #[test]
    fn texts_lose_their_filling() {
        let units = |text: &str, unit: fn(u32) -> [u8; 4]| -> Vec<u8> {
            text.chars().flat_map(|c| unit(c as u32)).collect()
        };
        let wanted = Values::Texts(vec!["cat".into(), "né".into()]);
        let little = units("cat\0né\0\0", u32::to_le_bytes);
        let big = units("cat\0né\0\0", u32::to_be_bytes);
        for bytes in [
            file("<U4", false, &[2], &little),
            file(">U4", false, &[2], &big),
            file("|S4", false, &[2], "cat\0né\0".as_bytes()),
        ] {
            assert_eq!(parse("a", &bytes).unwrap().values, wanted);
        }
    }

    #[test]
    fn ill_headers_are_refused_at_once_and_nothing_is_allocated_for_them() {
        let deep = |n: usize| format!("{{'descr': {}{}}}", "[".repeat(n), "]".repeat(n));
        let shape = |shape: &str| {
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}")
        };
        let started = std::time::Instant::now();
        for (header, wanted) in [
            (deep(22), "its header is not that of an array"),
            (deep(20_000), "its header is not that of an array"),
            (deep(200_000), "its header has 400011 bytes"),
            (shape("1099511627776, 16777216, 2"), "and 8 bytes follow it"),
            (shape("4000000000"), "4000000000 values of 8 bytes, and 8"),
            (shape(&"1, ".repeat(500)), "its header is not that"),
            (shape("99999999999999999999"), "its header is not that"),
            (shape("-1"), "its header is not that"),
            (shape("2"), "2 values of 8 bytes, and 8 bytes follow"),
            (
                "{'descr': [('a', '<f8')], 'shape': (1,)}".into(),
                "no structured",
            ),
            (
                "{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}".into(),
                "'<c16' are not",
            ),
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}".into(),
                "'|O' are not",
            ),
            (
                "{'descr': '<U0', 'fortran_order': False, 'shape': (0,)}".into(),
                "and 8 bytes",
            ),
            (String::new(), "its header is not that"),
        ] {
            let message = parse("a", &with_header(&header, &[0; 8]))
                .unwrap_err()
                .to_string();
            assert!(
                message.starts_with("a: ") && message.contains(wanted),
                "{message}"
            );
            assert!(message.len() < 400, "{message}");
        }
        assert!(started.elapsed().as_secs() < 10);
    }

    #[test]
    fn no_length_is_a_panic() {
        let whole = file("<f4", false, &[2], &[0; 8]);
        assert!(parse("a", &whole).is_ok());
        assert!((0..whole.len()).all(|end| parse("a", &whole[..end]).is_err()));
    }
}
