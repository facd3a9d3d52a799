//! Laws of the loaders.

use super::*;
use crate::numerics::npy::tests::file;
use crate::numerics::npz::Writer;
use std::path::PathBuf;
use tempfile::TempDir;

pub fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// An npz archive of C-ordered arrays.
pub fn npz<T: crate::numerics::npy::Element>(arrays: &[(&str, &[usize], &[T])]) -> Vec<u8> {
    let mut archive = Writer::default();
    for (name, shape, values) in arrays {
        archive.add(name, shape, values).unwrap();
    }
    archive.finish().unwrap()
}

fn prefix(text: &str) -> Columns {
    Columns::Prefix(text.into())
}

fn names(list: &[&str]) -> Columns {
    Columns::Names(list.iter().map(|s| s.to_string()).collect())
}

fn loaded(name: &str, bytes: &[u8]) -> Result<Samples> {
    let folder = TempDir::new().unwrap();
    load(&write(&folder, name, bytes), &prefix("x"), &prefix("y"))
}

fn message(name: &str, bytes: &[u8]) -> String {
    loaded(name, bytes).unwrap_err().to_string()
}

#[test]
fn csv_columns_are_chosen_by_prefix_or_name() {
    let text = b"x1, name, y, x2\n1, a, 2, 3\n\n-4e-1, b, 5, 6\n";
    let s = loaded("a.csv", text).unwrap();
    assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[1.0, -0.4, 3.0, 6.0]));
    assert_eq!(s.y, DMatrix::from_row_slice(1, 2, &[2.0, 5.0]));
    assert_eq!(s.content, blake3::hash(text).to_hex().to_string());
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "b.CSV", text);
    let s = load(&path, &names(&["y", "x1"]), &names(&["x2"])).unwrap();
    assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[2.0, 5.0, 1.0, -0.4]));
}

/// `year` is no target of `y`: an exact name is meant alone, and a prefix takes a number behind it.
#[test]
fn csv_columns_that_only_begin_alike_are_left_out() {
    let text = b"x1,x2,y,year,xylem\n1,2,3,2001,8\n4,5,6,2002,9\n";
    let s = loaded("a.csv", text).unwrap();
    assert_eq!(s.y, DMatrix::from_row_slice(1, 2, &[3.0, 6.0]));
    assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[1.0, 4.0, 2.0, 5.0]));
    let [inputs, targets] = s.columns.unwrap();
    assert_eq!(
        (inputs, targets),
        (vec!["x1".into(), "x2".into()], vec!["y".to_string()])
    );
    let s = loaded("a.csv", b"x,y1,yes,y02,y2b\n1,2,3,4,5\n").unwrap();
    assert_eq!(s.y.as_slice(), [2.0, 4.0]);
    let m = message("a.csv", b"x,year\n1,2\n");
    assert!(
        m.contains("no column is called \"y\", or \"y\" and a number; the columns are x, year"),
        "{m}"
    );
}

#[test]
fn csv_columns_named_twice_are_refused() {
    let m = message("a.csv", b"x1,x2,x1,y\n1,2,3,4\n");
    let two = "column \"x1\": the header has two columns of this name, number 1 and number 3";
    assert!(
        m.contains(two) && m.contains("remedy: give every column"),
        "{m}"
    );
    let m = message("a.csv", b"x,y,y\n1,2,3\n");
    assert!(
        m.contains("column \"y\": the header has two columns"),
        "{m}"
    );
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.csv", b"x,y,note,note\n1,2,3,4\n");
    assert!(load(&path, &prefix("x"), &prefix("y")).is_ok());
    let m = load(&path, &prefix("x"), &names(&["y", "y"]))
        .unwrap_err()
        .to_string();
    assert!(m.contains("column \"y\": targets names it twice"), "{m}");
    let m = load(&path, &names(&["note"]), &prefix("y"))
        .unwrap_err()
        .to_string();
    assert!(m.contains("column \"note\": the header has two"), "{m}");
}

#[test]
fn csv_numbers_survive_to_the_last_bit() {
    let values = [0.1, 1.0 / 3.0, 6.02214076e23, 5e-324, -2.0f64.sqrt(), 1e300];
    let mut text = String::from("x,y\n");
    for pair in values.chunks(2) {
        text += &format!("{},{}\n", pair[0], pair[1]);
    }
    let s = loaded("a.csv", text.as_bytes()).unwrap();
    assert_eq!(s.x.as_slice(), [values[0], values[2], values[4]]);
    assert_eq!(s.y.as_slice(), [values[1], values[3], values[5]]);
}

#[test]
fn csv_errors_name_line_and_column() {
    let m = message("a.csv", b"x1,x2,y\r\n1,2,3\r\n\r\n1,2\r\n");
    assert!(
        m.contains("a.csv: line 4: 2 cells where the rows above have 3"),
        "{m}"
    );
    let m = message("a.csv", b"x1,x2,y\n1,2,3\n\n1,two,3\n");
    assert!(
        m.contains("line 4, column \"x2\": \"two\" is not a number"),
        "{m}"
    );
    let m = message("a.csv", b"x1,y\n1,NaN\n");
    assert!(
        m.contains("line 2, column \"y\": \"NaN\" is not finite"),
        "{m}"
    );
    // Without names the last column is the target, and no sample is lost.
    let s = loaded("a.csv", b"1.0,2.0\n3.0,4.0\n").unwrap();
    assert_eq!(
        (s.x.as_slice(), s.y.as_slice()),
        (&[1.0, 3.0][..], &[2.0, 4.0][..])
    );
    let m = message("a.csv", b"x,y\n");
    assert!(m.contains("no samples"), "{m}");
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.csv", b"xy,x\n1,2\n");
    let m = load(&path, &prefix("xy"), &names(&["xy", "x"]))
        .unwrap_err()
        .to_string();
    assert!(
        m.contains("column \"xy\": it is both an input and a target"),
        "{m}"
    );
    let m = load(&path, &prefix("x"), &names(&["z"]))
        .unwrap_err()
        .to_string();
    assert!(
        m.contains("no column is called \"z\"; the columns are xy, x"),
        "{m}"
    );
    let m = load(&path, &prefix("x"), &names(&[]))
        .unwrap_err()
        .to_string();
    assert!(m.contains("header: no column is chosen"), "{m}");
}

#[test]
fn a_missing_or_unknown_file_is_an_input_error() {
    let e = load(Path::new("no/such.csv"), &prefix("x"), &prefix("y")).unwrap_err();
    assert!(
        e.to_string()
            .contains("no/such.csv: the data file cannot be read")
    );
    assert_eq!(e.exit_code(), 2);
    assert!(message("a.xyz", b"x,y\n1,2\n").contains(".npz or .npy"));
}

#[test]
fn npz_arrays_of_every_order_and_type() {
    let x: Vec<f64> = (0..6).map(|i| f64::from(i).sqrt()).collect();
    let bytes = npz(&[("x", &[3, 2], &x), ("y", &[3], &[1.0, 2.0, 3.0])]);
    let s = loaded("a.npz", &bytes).unwrap();
    assert_eq!(s.x, DMatrix::from_row_slice(3, 2, &x).transpose());
    assert_eq!(s.y, DMatrix::from_row_slice(1, 3, &[1.0, 2.0, 3.0]));
    let bytes = npz(&[("x", &[2, 1], &[7i32, -1]), ("y", &[2], &[0i32, 1])]);
    assert_eq!(loaded("a.npz", &bytes).unwrap().x.as_slice(), [7.0, -1.0]);
    let bytes = npz(&[("x", &[2, 1], &[true, false]), ("y", &[2], &[true, true])]);
    assert_eq!(loaded("a.npz", &bytes).unwrap().x.as_slice(), [1.0, 0.0]);
}

#[test]
fn npz_errors_name_the_array() {
    let one = [1.0];
    let m = message("a.npz", &npz(&[("x", &[1], &one), ("labels", &[1], &one)]));
    assert!(
        m.contains("array \"y\": there is no such array; the file holds labels, x"),
        "{m}"
    );
    let two = [1.0, f64::NAN];
    let m = message(
        "a.npz",
        &npz(&[("x", &[2, 1], &two), ("y", &[2], &[0.0, 0.0])]),
    );
    assert!(
        m.contains("array \"x\", row 1, entry 0 (from 0): NaN is not finite"),
        "{m}"
    );
    let m = message(
        "a.npz",
        &npz(&[("x", &[2], &[1.0, 2.0]), ("y", &[1], &one)]),
    );
    assert!(m.contains("2 samples of inputs, 1 of targets"), "{m}");
    let m = message("a.npz", &npz(&[("x", &[], &one), ("y", &[1], &one)]));
    assert!(m.contains("array \"x\": it is a single value"), "{m}");
}

#[test]
fn a_truncated_archive_is_recognised_wherever_it_ends() {
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    let bytes = npz(&[("x", &[50, 2], &values), ("y", &[50], &values[..50])]);
    for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        let m = message("a.npz", &bytes[..end]);
        assert!(m.contains(&format!("the file ends at byte {end}")), "{m}");
    }
    let mut damaged = bytes.clone();
    damaged[300] ^= 0xff;
    assert!(loaded("a.npz", &damaged).is_err());
}

/// A folder, and the samples of a file in it under these keys.
fn read(name: &str, bytes: &[u8], reading: Reading) -> Result<Samples> {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, name, bytes);
    Source::read(&path, None, reading)?.samples(&prefix("x"), &prefix("y"))
}

fn transposed(transpose: Transpose) -> Reading {
    Reading {
        transpose,
        ..Reading::default()
    }
}

/// An npz archive of these `.npy` files.
fn archive(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{name}.npy"), options).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn utf16(text: &str, mark: [u8; 2], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(unit);
    mark.into_iter().chain(units).collect()
}

/// Numbers of 16 bits, so that every format holds them exactly.
const NUMBERS: [[f64; 3]; 4] = [
    [0.5, -2.0, 7.0],
    [1.25, 8.0, -1.0],
    [-0.125, 3.0, 0.0],
    [1024.0, 0.25, 2.0],
];

/// The law of the loaders: the same numbers give the same matrices to the last bit, however they are written.
#[test]
fn one_set_of_numbers_in_every_format_is_one_data_set() {
    let rows = |separator: &str, sign: &str, quote: &str, end: &str| {
        let mut text = format!("x1{separator}x2{separator}y{end}");
        for row in NUMBERS {
            let cells: Vec<String> = row
                .iter()
                .map(|v| format!("{quote}{}{quote}", v.to_string().replace('.', sign)))
                .collect();
            text += &(cells.join(separator) + end);
        }
        text
    };
    let plain = loaded("a.csv", rows(",", ".", "", "\n").as_bytes()).unwrap();
    let german = rows(";", ",", "", "\r\n");
    let commented = rows("\t", ".", "", "\n").replace("\n1.25", "\n# half way\n1.25");
    let savetxt = "# written by a program\n# ".to_string() + &rows(",", ".", "", "\n");
    for (name, bytes, form) in [
        (
            "a.csv",
            rows(";", ".", "", "\n").into_bytes(),
            "separated by ;, decimal point",
        ),
        (
            "a.csv",
            german.clone().into_bytes(),
            "separated by ;, decimal comma",
        ),
        (
            "a.tsv",
            rows("\t", ",", "", "\n").into_bytes(),
            "separated by tab, decimal comma",
        ),
        (
            "a.csv",
            rows(",", ",", "\"", "\n").into_bytes(),
            "separated by ,, decimal comma",
        ),
        (
            "a.csv",
            rows(", \t", ".", "", "\n").into_bytes(),
            "separated by ,, decimal point",
        ),
        (
            "a.csv",
            commented.into_bytes(),
            "separated by tab, decimal point, 1 line of comment left out",
        ),
        (
            "a.csv",
            savetxt.into_bytes(),
            "separated by ,, decimal point, column names from a comment, 1 line of comment left out",
        ),
        (
            "a.csv",
            ("sep=;\r\n".to_string() + &german).into_bytes(),
            "separated by ;, decimal comma",
        ),
        (
            "a.txt",
            rows("   ", ",", "", " \n").into_bytes(),
            "separated by blank, decimal comma",
        ),
        (
            "a.dat",
            ("# ".to_string() + &rows(" ", ".", "", "\n  ")).into_bytes(),
            "separated by blank, decimal point, column names from a comment",
        ),
        (
            "a.txt",
            rows(" ", ".", "", "\n")
                .split_once('\n')
                .unwrap()
                .1
                .as_bytes()
                .to_vec(),
            "separated by blank, decimal point, no header: the columns are called x1, x2, ... and y, the last one",
        ),
        (
            "a.csv",
            utf16(&german, [0xff, 0xfe], u16::to_le_bytes),
            "separated by ;, decimal comma",
        ),
        (
            "a.csv",
            utf16(&german, [0xfe, 0xff], u16::to_be_bytes),
            "separated by ;, decimal comma",
        ),
        (
            "a.csv",
            [b"\xef\xbb\xbf", german.as_bytes()].concat(),
            "separated by ;, decimal comma",
        ),
    ] {
        let s = loaded(name, &bytes).unwrap();
        assert_eq!((&s.x, &s.y), (&plain.x, &plain.y), "{form}");
        assert_eq!(s.form.unwrap().to_string(), form);
    }
    let x: Vec<f64> = NUMBERS.iter().flat_map(|r| [r[0], r[1]]).collect();
    let y: Vec<f64> = NUMBERS.iter().map(|r| r[2]).collect();
    let by_columns: Vec<f64> = (0..8).map(|k| x[k % 4 * 2 + k / 4]).collect();
    let bits = |values: &[f64], big: bool| -> Vec<u8> {
        let half = |v: &f64| {
            // All of them are normal numbers or 0.
            let size = v.abs();
            let exponent = size.log2().floor();
            let fraction = (size / exponent.exp2() - 1.0) * 1024.0;
            let sign = if *v < 0.0 { 1 << 15 } else { 0 };
            let code = if size == 0.0 {
                0
            } else {
                (exponent + 15.0) as u16 * 1024 + fraction as u16
            };
            let code: u16 = sign + code;
            if big {
                code.to_be_bytes()
            } else {
                code.to_le_bytes()
            }
        };
        values.iter().flat_map(half).collect()
    };
    let wide =
        |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_be_bytes()).collect() };
    let whole: Vec<u8> = y.iter().map(|v| *v as i8 as u8).collect();
    let none = Transpose::Both(false);
    for (x, y, transpose) in [
        (
            file("<f2", false, &[4, 2], &bits(&x, false)),
            file("|i1", false, &[4], &whole),
            none,
        ),
        (
            file(">f2", true, &[4, 2], &bits(&by_columns, true)),
            file("|i1", false, &[4, 1], &whole),
            none,
        ),
        (
            file(">f8", false, &[4, 1, 2], &wide(&x)),
            file(">f8", false, &[4], &wide(&y)),
            none,
        ),
        (
            file(">f8", false, &[4, 2, 1, 1], &wide(&x)),
            file(">f8", false, &[4], &wide(&y)),
            none,
        ),
        (
            file(">f8", false, &[2, 4], &wide(&by_columns)),
            file(">f8", false, &[1, 4], &wide(&y)),
            Transpose::Both(true),
        ),
        (
            file(">f8", true, &[2, 4], &wide(&x)),
            file(">f8", false, &[4, 1], &wide(&y)),
            Transpose::One(Side::Inputs),
        ),
        (
            file(">f8", false, &[4, 2], &wide(&x)),
            file(">f8", true, &[1, 4], &wide(&y)),
            Transpose::One(Side::Targets),
        ),
    ] {
        let packed = archive(&[("x", x.clone()), ("y", y.clone())]);
        let s = read("a.npz", &packed, transposed(transpose)).unwrap();
        assert_eq!((&s.x, &s.y), (&plain.x, &plain.y), "{transpose:?}");
        let folder = TempDir::new().unwrap();
        let (x, y) = (write(&folder, "x.npy", &x), write(&folder, "y.npy", &y));
        let pair = Source::read(&x, Some(&y), transposed(transpose)).unwrap();
        let unused = prefix("");
        let s = pair.samples(&unused, &unused).unwrap();
        assert_eq!((&s.x, &s.y), (&plain.x, &plain.y), "{transpose:?}");
    }
}

/// Pixels of an image come in the same order from IDX and from arrays, in either order of storage.
#[test]
fn images_are_flattened_as_those_of_idx_files_are() {
    let folder = TempDir::new().unwrap();
    let pixels: Vec<u8> = (0..24).collect();
    let labels = [1u8, 0];
    let images = write(
        &folder,
        "a-idx4",
        &super::idx::tests::bytes(&[2, 3, 2, 2], &pixels),
    );
    let classes = write(&folder, "b-idx1", &super::idx::tests::bytes(&[2], &labels));
    let unused = prefix("");
    let wanted = Source::read(&images, Some(&classes), Reading::default()).unwrap();
    let wanted = wanted.samples(&unused, &unused).unwrap();
    let of = |extent: &[usize], place: &dyn Fn([usize; 4]) -> usize| {
        let mut data = vec![0; 24];
        for (k, pixel) in pixels.iter().enumerate() {
            data[place([k / 12, k / 4 % 3, k / 2 % 2, k % 2])] = *pixel;
        }
        (extent.to_vec(), data)
    };
    let samples_last = of(&[3, 2, 2, 2], &|[n, i, j, c]| ((i * 2 + j) * 2 + c) * 2 + n);
    let by_columns = of(&[2, 3, 2, 2], &|[n, i, j, c]| n + 2 * (i + 3 * (j + 2 * c)));
    for ((extent, data), order, transpose) in [
        (
            (vec![2, 3, 2, 2], pixels.clone()),
            false,
            Transpose::Both(false),
        ),
        (by_columns, true, Transpose::Both(false)),
        (samples_last, false, Transpose::Both(true)),
    ] {
        let arrays = [
            ("x", file("|u1", order, &extent, &data)),
            ("y", file("|u1", false, &[2], &labels)),
        ];
        let s = read("a.npz", &archive(&arrays), transposed(transpose)).unwrap();
        assert_eq!((&s.x, &s.y), (&wanted.x, &wanted.y));
    }
}

#[test]
fn arrays_stored_the_other_way_name_the_key() {
    let of = |x: &[usize], y: &[usize]| {
        let zeros =
            |extent: &[usize]| file("|u1", false, extent, &vec![0; extent.iter().product()]);
        archive(&[("x", zeros(x)), ("y", zeros(y))])
    };
    for (x, y, wanted) in [
        (&[3, 5][..], &[5][..], "task.transpose = true"),
        (&[3, 5], &[2, 5], "task.transpose = true"),
        (&[3, 5], &[5, 2], "task.transpose = \"inputs\""),
        (&[5, 3], &[2, 5], "task.transpose = \"targets\""),
        (&[4, 4, 5], &[5], "task.transpose = true"),
        (
            &[3, 5],
            &[4, 6],
            "remedy: give inputs and targets the same number",
        ),
    ] {
        let m = message("a.npz", &of(x, y));
        assert!(m.contains(wanted) && m.contains("samples of inputs"), "{m}");
    }
    let m = read(
        "a.npz",
        &of(&[5, 3], &[5]),
        transposed(Transpose::Both(true)),
    );
    let m = m.unwrap_err().to_string();
    assert!(m.contains("write task.transpose = false"), "{m}");
    let m = read("a.csv", b"x,y\n1,2\n", transposed(Transpose::Both(true)));
    assert!(
        m.unwrap_err()
            .to_string()
            .contains("transpose is for the arrays")
    );
}

/// What the text leaves open is asked for, and the answer decides.
#[test]
fn an_ambiguous_separator_or_decimal_sign_names_its_key() {
    for (text, wanted) in [
        (
            "x;y\n1,234;5\n2,500;6\n",
            "line 2 has a number with a comma before three digits",
        ),
        (
            "x;y\n1,5;2.5\n",
            "line 2 has a number with a comma, line 2 one with a point",
        ),
        ("y\n1,5\n", "the header has one column"),
        ("x,y;z\n1,b;3\n", "several separators are possible: ,  ;"),
    ] {
        let m = message("a.csv", text.as_bytes());
        assert!(m.contains(wanted), "{m}");
        assert!(
            m.contains("decimal = ") || m.contains("separator = "),
            "{m}"
        );
    }
    let stated = |separator, decimal| Reading {
        dialect: Dialect { separator, decimal },
        ..Reading::default()
    };
    let text = b"x;y\n1,234;5\n2,500;6\n";
    let s = read("a.csv", text, stated(None, Some(Decimal::Comma))).unwrap();
    assert_eq!(s.x.as_slice(), [1.234, 2.5]);
    let m = read("a.csv", text, stated(None, Some(Decimal::Point)));
    let m = m.unwrap_err().to_string();
    assert!(
        m.contains("\"1,234\" is not a number with a decimal point"),
        "{m}"
    );
    let text = b"x;y\n0,5;1.000\n";
    let m = read(
        "a.csv",
        text,
        stated(Some(Separator::Semicolon), Some(Decimal::Comma)),
    );
    let m = m.unwrap_err().to_string();
    assert!(
        m.contains("\"1.000\" is not a number with a decimal comma"),
        "{m}"
    );
    // Whole numbers need no sign, and text in a column that is not chosen tells nothing.
    let s = loaded("a.csv", b"x;y;note\n1;2;\"1,2 and 3\"\n3;4;0.5\n").unwrap();
    assert_eq!(s.x.as_slice(), [1.0, 3.0]);
    // Quoted separators and headers with other signs are no separators.
    let s = loaded("a.csv", b"x,\"note; a, b\",y\n1,\"p;q\",2\n").unwrap();
    assert_eq!((s.x[0], s.y[0]), (1.0, 2.0));
}

#[test]
fn lines_are_counted_over_comments_and_blank_lines() {
    let m = message("a.csv", b"# one\n\nx,y\n1,2\n# two\n\n# three\n1,z\n");
    assert!(
        m.contains("a.csv: line 8, column \"y\": \"z\" is not a number"),
        "{m}"
    );
}

#[test]
fn classes_have_names_in_alphabetical_order() {
    let text = "x,y\n1,dog\n2,cat\n3,dog\n4,Ant\n";
    let csv = loaded("a.csv", text.as_bytes()).unwrap();
    assert_eq!(csv.y.as_slice(), [2.0, 1.0, 2.0, 0.0]);
    let names: Vec<&str> = csv.classes.iter().flatten().map(String::as_str).collect();
    assert_eq!(names, ["Ant", "cat", "dog"]);
    let units: Vec<u8> = "dogcatdogAnt"
        .chars()
        .flat_map(|c| (c as u32).to_be_bytes())
        .collect();
    let arrays = [
        ("x", file("|u1", false, &[4, 1], &[1, 2, 3, 4])),
        ("y", file(">U3", false, &[4], &units)),
    ];
    let npz = loaded("a.npz", &archive(&arrays)).unwrap();
    assert_eq!(
        (&npz.x, &npz.y, &npz.classes),
        (&csv.x, &csv.y, &csv.classes)
    );
    // A cell that begins like a number, or is empty, is a mistake in a column of numbers.
    for (text, wanted) in [
        (
            "x,y\n1,dog\n2,3\n",
            "line 2, column \"y\": \"dog\" is not a number",
        ),
        (
            "x,y\n1,2\n2,dog\n",
            "line 3, column \"y\": \"dog\" is not a number",
        ),
        ("x,y\n1,\"1,234.5\"\n", "\"1,234.5\" is not a number"),
        ("x,y\n1,nan\n", "\"nan\" is not finite"),
        (
            "x,y\n1,dog\n2,\n",
            "line 2, column \"y\": \"dog\" is not a number",
        ),
    ] {
        let m = message("a.csv", text.as_bytes());
        assert!(m.contains(wanted), "{m}");
    }
    let as_names = Reading {
        as_names: true,
        ..Reading::default()
    };
    let s = read("a.csv", b"x,y\n1,3 legs\n2,10\n3,3 legs\n", as_names).unwrap();
    assert_eq!(s.y.as_slice(), [1.0, 0.0, 1.0]);
    let m = read("a.csv", b"x,y\n1,a\n2,\n", as_names).unwrap_err();
    assert!(
        m.to_string()
            .contains("line 3, column \"y\": the cell is empty"),
        "{m}"
    );
}

/// A small file does not fill the memory, nor does its message the screen.
#[test]
fn ill_files_are_refused_before_they_take_memory() {
    let lie = |declared: u32| {
        let mut bytes = archive(&[("x", file("|u1", false, &[1], &[1])), ("y", vec![])]);
        // The uncompressed size in the table of contents, behind its signature.
        let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        bytes[at + 24..at + 28].copy_from_slice(&declared.to_le_bytes());
        bytes
    };
    let m = message("a.npz", &lie(u32::MAX - 1));
    assert!(
        m.contains("its content is larger than 1073741824 bytes"),
        "{m}"
    );
    let deep = "[".repeat(200_000);
    let header = crate::numerics::npy::tests::with_header(&format!("{{'descr': {deep}"), &[]);
    let m = message("a.npz", &archive(&[("x", header.clone()), ("y", header)]));
    assert!(
        m.contains("array \"x\": its header has 200010 bytes"),
        "{m}"
    );
    let wide: Vec<String> = (0..5000).map(|k| format!("column{k}")).collect();
    let m = message("a.csv", format!("{}\n", wide.join(",")).as_bytes());
    assert!(m.contains(" and 4997 more") && m.len() < 500, "{m}");
    let m = message("a.csv", b"\x1b[31mred\x07,b\n1,2\n");
    assert!(m.contains("\\u{1b}[31mred\\u{7}, b"), "{m}");
    let m = message("a.csv", b"x,y\n1,\xe4\n");
    assert!(
        m.contains("a.csv: line 2, byte 6: 0xe4 is not UTF-8"),
        "{m}"
    );
}
