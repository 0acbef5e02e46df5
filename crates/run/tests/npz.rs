//! Files of arrays: what NumPy writes is read, what is written is what NumPy reads, and files that
//! are damaged, hostile or of another kind give messages.

use deltarule_core::term::Name;
use deltarule_run::arrays::{Array, Fault, Values, read_npy, read_npz, read_npz_within, write_npy, write_npz};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A `.npy` file of version 1 with the given header and data.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn typed(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

fn read(bytes: &[u8]) -> Result<Array, Fault> {
    let folder = folder();
    let path = folder.path().join("a.npy");
    fs::write(&path, bytes).expect("written");
    read_npy(&path).map_err(|error| {
        let message = error.to_string();
        assert!(message.contains("a.npy"), "names the file: {message}");
        error.fault
    })
}

/// A `.npz` file of entries.
fn npz(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("an archive").into_inner()
}

fn in_file(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("in.npz");
    fs::write(&path, bytes).expect("written");
    path
}

fn f64s(array: &Array) -> Vec<f64> {
    array.to_f64()
}

#[test]
fn every_type_of_number() {
    let cases: &[(&str, &[u8], &[f64])] = &[
        ("<f2", &[0x00, 0x3c, 0x00, 0xc0], &[1.0, -2.0]),
        (">f2", &[0x3c, 0x00, 0xc0, 0x00], &[1.0, -2.0]),
        ("|i1", &[0xff, 0x7f], &[-1.0, 127.0]),
        ("|u1", &[0xff, 0x7f], &[255.0, 127.0]),
        ("|b1", &[0, 1], &[0.0, 1.0]),
        ("?", &[0, 1], &[0.0, 1.0]),
        ("<i2", &[0xfe, 0xff, 1, 0], &[-2.0, 1.0]),
        (">i2", &[0xff, 0xfe, 0, 1], &[-2.0, 1.0]),
        ("<u2", &[0xfe, 0xff, 1, 0], &[65534.0, 1.0]),
        ("<i4", &[0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0], &[-2.0, 1.0]),
        (">u4", &[0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1], &[4294967294.0, 1.0]),
    ];
    for (descr, bytes, expected) in cases {
        let array = read(&typed(descr, "(2,)", bytes)).unwrap_or_else(|fault| panic!("{descr}: {fault}"));
        assert_eq!((array.shape(), f64s(&array)), (&[2][..], expected.to_vec()), "{descr}");
    }
    let longs = [-3i64, 1 << 52];
    let little: Vec<u8> = longs.iter().flat_map(|long| long.to_le_bytes()).collect();
    let big: Vec<u8> = longs.iter().flat_map(|long| long.to_be_bytes()).collect();
    for (descr, bytes) in [("<i8", little), (">i8", big)] {
        assert_eq!(f64s(&read(&typed(descr, "(2,)", &bytes)).expect("longs")), [-3.0, (1u64 << 52) as f64]);
    }
    let big: Vec<u8> = [1.5f64, -0.1].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(f64s(&read(&typed(">f8", "(2,)", &big)).expect("doubles")), [1.5, -0.1]);
    let big: Vec<u8> = [1.5f32, -0.1].iter().flat_map(|value| value.to_be_bytes()).collect();
    let array = read(&typed(">f4", "(2,)", &big)).expect("floats");
    assert_eq!(array.values(), &Values::F32(vec![1.5, -0.1]), "single precision stays so");
}

#[test]
fn shapes_and_orders() {
    let bytes: Vec<u8> = (0..6u8).collect();
    let array =
        read(&npy("{\"shape\": (2, 3), 'fortran_order': True, 'descr': '|u1'}", &bytes)).expect("columns first");
    assert_eq!((array.shape(), f64s(&array)), (&[2, 3][..], vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]));
    let bytes: Vec<u8> = (0..24u8).collect();
    let array = read(&npy("{'descr':'|u1','fortran_order':True,'shape':(2,3,4)}", &bytes)).expect("three axes");
    assert_eq!(f64s(&array)[..5], [0.0, 6.0, 12.0, 18.0, 2.0]);
    assert_eq!(read(&typed("|u1", "()", &[7])).expect("a scalar").shape(), &[] as &[usize]);
    assert_eq!(read(&typed("|u1", "(0, 5)", &[])).expect("no values").shape(), &[0, 5]);
    assert_eq!(read(&typed("|u1", "(2L,)", &[7, 8])).expect("of Python 2").shape(), &[2]);
}

#[test]
fn later_versions() {
    for version in [2, 3] {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }\n";
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.push(9);
        assert_eq!(f64s(&read(&bytes).expect("later versions")), [9.0]);
    }
}

#[test]
fn malformed_arrays() {
    let header = |text: &str| npy(text, &[0; 64]);
    let good = "'fortran_order': False, 'shape': (1,)";
    let mut version = typed("|u1", "(1,)", &[0]);
    version[6] = 9;
    let mut endless = b"\x93NUMPY\x02\x00".to_vec();
    endless.extend(u32::MAX.to_le_bytes());
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "not in the .npy format"),
        (b"PK\x03\x04".to_vec(), "not in the .npy format"),
        (b"\x93NUMPX\x01\x00\x00\x00".to_vec(), "not in the .npy format"),
        (b"\x93NUMPY\x01\x00\xff".to_vec(), "ends before"),
        (b"\x93NUMPY\x01\x00\xff\x00{".to_vec(), "ends before"),
        (version, "version 9.0"),
        (endless, "4294967295 bytes long"),
        (header(""), "`{` should stand"),
        (header("{"), "in quotes should stand"),
        (header("{'descr"), "not closed"),
        (header("{'descr' '<f4'}"), "`:` should stand"),
        (header("{'descr': '<f4'}"), "\"fortran_order\" is missing"),
        (header(&format!("{{{good}}}")), "\"descr\" is missing"),
        (header("{'descr': '<f4', 'fortran_order': False}"), "\"shape\" is missing"),
        (header(&format!("{{'descr': '<f4', 'colour': 1, {good}}}")), "\"colour\""),
        (header(&format!("{{'descr': '<f4', {good}, 'shape': (1,)}}")), "stands there twice"),
        (header(&format!("{{'descr': '<f4', {good}}} import os")), "after the closing brace"),
        (header("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}"), "neither True nor False"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), "an extent should stand"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': 3}"), "`(` should stand"),
        (typed("<f4", "(99999999999999999999999,)", &[]), "too large"),
        (typed("<f4", "(4294967296, 4294967296, 2)", &[]), "more values than 64 bits"),
        (typed("<f4", "(1099511627776,)", &[0; 8]), "4398046511104 bytes, more than"),
        (typed("<f4", &format!("({})", "1,".repeat(65)), &[0; 8]), "more than 64 axes"),
        (typed("|O", "(1,)", b"\x80\x04N."), "Python objects"),
        (typed("<U5", "(1,)", &[0; 20]), "\"<U5\""),
        (typed("<c8", "(1,)", &[0; 8]), "\"<c8\""),
        (typed("<f16", "(1,)", &[0; 16]), "\"<f16\""),
        (typed("<i3", "(1,)", &[0; 3]), "\"<i3\""),
        (typed("", "(1,)", &[0; 3]), "not numbers"),
        (header(&format!("{{'descr': [('a', '<f4')], {good}}}")), "named fields"),
        (typed("<f4", "(2,)", &[0; 7]), "ends before"),
        (typed("<f4", "(1000000000,)", &[0; 7]), "ends before"),
        (typed("<f4", "(1,)", &[0; 5]), "more data"),
        (typed("<i8", "(1,)", &i64::MAX.to_le_bytes()), "9223372036854775807"),
        (typed("<u8", "(1,)", &((1u64 << 53) + 1).to_le_bytes()), "9007199254740993"),
    ];
    for (bytes, expected) in cases {
        let message = match read(&bytes) {
            Ok(array) => panic!("{expected}: read as {array:?}"),
            Err(fault) => fault.to_string(),
        };
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
}

#[test]
fn archives() {
    let folder = folder();
    let one = typed("|u1", "(2,)", &[3, 4]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let path = in_file(&folder, &npz(method, &[("x.npy", &one), ("ünï.npy", &one)]));
        let arrays = read_npz(&path).expect("an archive");
        assert_eq!(arrays.keys().map(|name| &**name).collect::<Vec<_>>(), ["x", "ünï"]);
        assert_eq!(f64s(&arrays["x"]), [3.0, 4.0]);
    }
}

#[test]
fn malformed_archives() {
    let folder = folder();
    let one = typed("|u1", "(2,)", &[3, 4]);
    let stored = CompressionMethod::Stored;
    let good = npz(stored, &[("first.npy", &one), ("other.npy", &one)]);
    // The same length, so that only the names change: both entries, and both in the directory.
    let mut twice = good.clone();
    while let Some(at) = twice.windows(5).position(|bytes| bytes == b"other") {
        twice[at..at + 5].copy_from_slice(b"first");
    }
    let mut damaged = good.clone();
    let start = damaged.windows(6).position(|bytes| bytes == b"\x93NUMPY").expect("the array");
    let data = start + one.len() - 2;
    assert_eq!(damaged[data..data + 2], [3, 4]);
    damaged[data] = 5;
    let zeros = vec![0; 1 << 20];
    let bomb = typed("|u1", "(1048576,)", &zeros);
    let objects = typed("|O", "(1,)", b"\x80\x04N.");
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "not a whole .npz file"),
        (one.clone(), "not a whole .npz file"),
        (good[..good.len() - 30].to_vec(), "not a whole .npz file"),
        (twice, "one name"),
        (damaged, "array `first`: its data is damaged"),
        (npz(stored, &[("x.txt", b"hello")]), "array `x.txt`: the entry is no .npy file"),
        (npz(stored, &[("x.npy", b"hello")]), "array `x`: not in the .npy format"),
        (npz(stored, &[("o.npy", &objects)]), "array `o`: it holds Python objects"),
        (npz(CompressionMethod::Deflated, &[("x.npy", &bomb)]), "array `x`: its values take 8388608 bytes"),
        (npz(stored, &[("x.npy", &bomb[..1 << 19])]), "array `x`: its values take 8388608 bytes"),
    ];
    for (bytes, expected) in cases {
        let path = in_file(&folder, &bytes);
        let message = read_npz_within(&path, 1 << 20).expect_err(expected).to_string();
        assert!(message.contains(expected) && message.contains("in.npz"), "{message:?} should say {expected:?}");
    }
    let missing = read_npz(Path::new("/nowhere/x.npz")).expect_err("no file").to_string();
    assert_eq!(missing, "/nowhere/x.npz: there is no such file");
}

/// Neither an end too early nor any single wrong byte makes the reader panic.
#[test]
fn damaged_anywhere() {
    let folder = folder();
    let one = typed("<f4", "(1, 2)", &[0; 8]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let good = npz(method, &[("x.npy", &one)]);
        for at in 0..good.len() {
            let _ = read_npz(&in_file(&folder, &good[..at]));
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                let _ = read_npz(&in_file(&folder, &bad));
            }
        }
    }
    for at in 0..one.len() {
        let _ = read(&one[..at]);
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = one.clone();
            bad[at] ^= flip;
            let _ = read(&bad);
        }
    }
}

fn samples() -> BTreeMap<Name, Array> {
    let large = (0..40_000).map(|value| value as f32 / 7.0).collect();
    let arrays = [
        ("loss", Array::f64(vec![], vec![0.1])),
        ("p", Array::f32(vec![2, 3], vec![1.0, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 4.0, 5.5, 6.0])),
        ("v", Array::f64(vec![3], vec![1e-300, -2.5, f64::NEG_INFINITY])),
        ("grad_W1", Array::f32(vec![200, 10, 20], large)),
        ("none", Array::f64(vec![0, 4], vec![])),
    ];
    arrays.into_iter().map(|(name, array)| (name.into(), array.expect("whole"))).collect()
}

#[test]
fn written_arrays_are_read_again() {
    let folder = folder();
    let path = folder.path().join("out.npz");
    write_npz(&path, &samples()).expect("written");
    assert_eq!(read_npz(&path).expect("read"), samples());
    let bytes = fs::read(&path).expect("bytes");
    write_npz(&path, &samples()).expect("written over the first");
    assert_eq!(fs::read(&path).expect("bytes"), bytes, "always the same bytes");
    for (name, array) in samples() {
        let path = folder.path().join("one.npy");
        write_npy(&path, &array).expect("written");
        assert_eq!(read_npy(&path).expect("read"), array, "{name}");
        assert_eq!(fs::read(&path).expect("bytes").len() % 4, 0);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 2, "no temporary file is left");
}

#[test]
fn nothing_is_half_written() {
    let folder = folder();
    let target = folder.path().join("a folder");
    fs::create_dir(&target).expect("a folder in the way");
    assert!(write_npz(&target, &samples()).is_err());
    assert!(write_npz(&folder.path().join("no/such/folder.npz"), &samples()).is_err());
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "no temporary file is left");
    let old = folder.path().join("old.npz");
    fs::write(&old, "old").expect("written");
    let failing = deltarule_run::arrays::write_atomically(&old, |writer| {
        writer.write_all(&[0; 100_000])?;
        Err(std::io::Error::other("the disk is full"))
    });
    assert_eq!(failing.expect_err("it failed").to_string(), "the disk is full");
    assert_eq!(fs::read(&old).expect("still there"), b"old");
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 2);
}

/// NumPy reads what is written, and what it writes is read. Where Python has no NumPy, skipped.
#[test]
fn numpy_agrees() {
    let python =
        |script: &str, folder: &Path| Command::new("python3").args(["-c", script]).current_dir(folder).output();
    let folder = folder();
    match python("import numpy", folder.path()) {
        Ok(output) if output.status.success() => {}
        _ => return eprintln!("skipped: python3 with numpy is not here"),
    }
    write_npz(&folder.path().join("out.npz"), &samples()).expect("written");
    let script = "
import numpy as np
a = np.load('out.npz')
assert sorted(a.files) == ['grad_W1', 'loss', 'none', 'p', 'v'], a.files
assert a['loss'].shape == () and a['loss'].dtype == np.float64 and a['loss'] == 0.1
assert a['p'].dtype == np.float32 and a['p'].shape == (2, 3) and np.isinf(a['p'][0, 2]) and a['p'][1, 2] == 6
assert a['v'].tolist() == [1e-300, -2.5, -np.inf] and a['none'].shape == (0, 4)
g = (np.arange(40000, dtype=np.float32) / np.float32(7)).reshape(200, 10, 20)
assert (a['grad_W1'] == g).all()
f = np.asfortranarray(np.arange(24).reshape(2, 3, 4))
kinds = {k: np.arange(6).astype(k).reshape(2, 3) for k in 'f2 f4 f8 >f4 >f8 i1 i2 i4 i8 >i8 u1 u2 u4 u8 >u2 ?'.split()}
np.savez('in.npz', f=f, s=np.float32(2.5), **{k.replace('>', 'big').replace('?', 'bool'): v for k, v in kinds.items()})
np.savez_compressed('packed.npz', f=f, zeros=np.zeros((1000, 100)))
";
    let output = python(script, folder.path()).expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let arrays = read_npz(&folder.path().join("in.npz")).expect("of NumPy");
    assert_eq!(arrays.len(), 18);
    for (name, array) in &arrays {
        let expected = match &**name {
            "s" => vec![2.5],
            "f" => (0..24).map(f64::from).collect(),
            "bool" => vec![0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            _ => (0..6).map(f64::from).collect(),
        };
        assert_eq!(f64s(array), expected, "{name}");
    }
    let packed = read_npz(&folder.path().join("packed.npz")).expect("compressed, of NumPy");
    assert_eq!((f64s(&packed["f"])[23], packed["zeros"].shape()), (23.0, &[1000, 100][..]));
}
