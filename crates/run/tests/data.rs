//! Every source of data, on files made here and on real ones where they are, and what is said of
//! data that is damaged, broken in its promises or does not fit.

use deltarule_core::model::{Model, Role, Sizing, TargetKind, Tensor};
use deltarule_core::term::Extent;
use deltarule_core::text::Span;
use deltarule_run::arrays::{Array, write_npz};
use deltarule_run::data::{Dataset, Source, fits_digits, load};
use flate2::{Compression, write::GzEncoder};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const INPUT: Role = Role::Input { below: None };
const ONE_HOT: Role = Role::Target(TargetKind::OneHot);
const REAL: Role = Role::Target(TargetKind::Real);
const PROBABILITY: Role = Role::Target(TargetKind::Probability);

type Declared<'a> = (&'a str, &'a [usize], Role);

const X: Declared = ("x", &[2], INPUT);
const T: Declared = ("t", &[2], Role::Input { below: Some(128) });

fn below(below: usize) -> Role {
    Role::Input { below: Some(below) }
}

fn integer(below: usize) -> Role {
    Role::Target(TargetKind::Integer(below))
}

fn model(tensors: &[Declared]) -> Model {
    let tensor = |(name, shape, role): &Declared| {
        let per_example = !matches!(role, Role::Const(_));
        Tensor::new(name, Extent::numbers(shape), role.clone(), per_example, Span::default())
    };
    Model {
        tensors: tensors.iter().map(tensor).collect(),
        metrics: vec![],
        assumptions: vec![],
        sizes: vec![],
        sizing: Sizing::default(),
        symbols: Vec::new(),
        relations: Default::default(),
        batch: None,
        claims: vec![],
    }
}

fn source(kind: &str, path: &Path) -> Source {
    Source::parse(&format!("{kind}:{}", path.display())).expect("a source")
}

/// A file with the content, in a folder of its own, and its source.
struct Given {
    folder: tempfile::TempDir,
    source: Source,
}

fn given(kind: &str, content: &[u8]) -> Given {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("given");
    fs::write(&path, content).expect("written");
    Given { source: source(kind, &path), folder }
}

impl Given {
    fn load(&self, tensors: &[Declared]) -> Dataset {
        load(&self.source, &model(tensors)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn message(&self, tensors: &[Declared]) -> String {
        let message = load(&self.source, &model(tensors)).expect_err("an error").to_string();
        message.replace(&self.folder.path().join("given").display().to_string(), "FILE")
    }
}

/// All examples of a tensor, those to train on first, sorted: each as one text.
fn rows(data: &Dataset, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in [&data.train, &data.held_out] {
        let values = &part.tensors[name];
        all.extend(values.chunks(values.len() / part.count).map(|row| format!("{row:?}")));
    }
    all.sort();
    all
}

#[test]
fn sources() {
    for text in ["digits", "mnist:a/b", "fashion:.", "cifar10:c:d", "csv:x.csv", "npz:x", "text:y.txt"] {
        assert_eq!(Source::parse(text).expect(text).to_string(), text);
    }
    for text in ["", "digit", "digits:x", "imagenet:x", "x.csv"] {
        let message = Source::parse(text).expect_err(text).to_string();
        assert!(message.contains("digits, mnist:DIR, fashion:DIR, cifar10:DIR, csv:FILE, npz:FILE"), "{message}");
    }
    assert!(Source::parse("csv").expect_err("no path").to_string().contains("`csv` needs a path"));
}

#[test]
fn digits_fit_many_shapes() {
    for shape in [&[64][..], &[8, 8], &[1, 8, 8], &[8, 8, 1]] {
        let data = load(&Source::Digits, &model(&[("x", shape, INPUT), ("y", &[10], ONE_HOT)])).expect("digits");
        assert_eq!((data.train.count, data.held_out.count), (1438, 359));
        assert_eq!(data.train.tensors["x"].len(), 1438 * 64);
        assert!(data.train.tensors["x"].iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        assert!(data.held_out.tensors["y"].chunks(10).all(|row| row.iter().sum::<f32>() == 1.0));
        assert_eq!(data.description, "digits: 1797 images, of which a fifth, 359, is held out");
    }
    let labels = |role, shape: &[usize]| {
        let model = model(&[("image", &[64], INPUT), ("what", shape, role)]);
        load(&Source::Digits, &model).expect("digits").train.tensors["what"].clone()
    };
    let numbers = labels(integer(10), &[]);
    assert_eq!((numbers.len(), numbers.iter().copied().fold(0.0, f32::max)), (1438, 9.0));
    assert_eq!(labels(REAL, &[]), numbers);
    let rows = labels(REAL, &[10]);
    assert_eq!(rows, labels(PROBABILITY, &[10]));
    assert!(rows.chunks(10).zip(&numbers).all(|(row, &label)| row[label as usize] == 1.0));
    let alone = load(&Source::Digits, &model(&[("x", &[64], INPUT)])).expect("no target is needed");
    assert_eq!(alone.train.tensors.len(), 1);
}

#[test]
fn digits_do_not_fit_everything() {
    let cases: &[(&[Declared], &str)] = &[
        (&[("x", &[10], INPUT)], "an example of `x` has shape [10] in the model, but shape [1, 8, 8] in the data"),
        (&[("x", &[64], INPUT), ("y", &[3], ONE_HOT)], "10 kinds of labels, but target `y` has shape [3]"),
        (&[("x", &[64], INPUT), ("y", &[10, 1], ONE_HOT)], "target `y` has shape [10, 1]"),
        (&[("x", &[64], INPUT), ("y", &[], integer(9))], "write `target y[10] onehot` or `target y int(10)`"),
        (&[("x", &[64], INPUT), ("v", &[64], INPUT)], "digits gives images for one input, but the model has `x`, `v`"),
        (&[("t", &[64], below(17))], "but the model has no such input"),
        (
            &[("x", &[64], INPUT), ("y", &[10], REAL), ("z", &[], REAL)],
            "labels for one target, but the model has `y`, `z`",
        ),
        (&[("x", &[64], INPUT), ("M", &[2], Role::Const(None))], "`M` is a const without a value, and digits has none"),
    ];
    for (tensors, expected) in cases {
        let model = model(tensors);
        assert!(!fits_digits(&model));
        let message = load(&Source::Digits, &model).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
    assert!(fits_digits(&model(&[("x", &[8, 8], INPUT), ("y", &[10], ONE_HOT)])));
}

#[test]
fn the_split_is_always_the_same() {
    let model = model(&[("x", &[64], INPUT), ("y", &[10], ONE_HOT)]);
    let (first, second) = (load(&Source::Digits, &model), load(&Source::Digits, &model));
    assert_eq!(first, second);
    let data = first.expect("digits");
    let per_class = (0..10).map(|class| data.held_out.tensors["y"].chunks(10).filter(|row| row[class] == 1.0).count());
    assert!(per_class.clone().all(|count| count > 15), "{:?}", per_class.collect::<Vec<_>>());
}

fn idx(extents: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, extents.len() as u8];
    bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

/// Four small files, under the names and packed as asked.
fn mnist_folder(dot: char, packed: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let name = if packed { format!("{name}.gz") } else { name.to_owned() };
        let bytes = if packed { gzip(bytes) } else { bytes.to_vec() };
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    write(&format!("train-images{dot}idx3-ubyte"), &idx(&[3, 2, 2], &[0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8]));
    write(&format!("train-labels{dot}idx1-ubyte"), &idx(&[3], &[7, 0, 9]));
    write(&format!("t10k-images{dot}idx3-ubyte"), &idx(&[1, 2, 2], &[0, 0, 0, 255]));
    write(&format!("t10k-labels{dot}idx1-ubyte"), &idx(&[1], &[4]));
    folder
}

#[test]
fn mnist() {
    let tensors: &[Declared] = &[("x", &[4], INPUT), ("y", &[], integer(10))];
    for (kind, dot, packed) in
        [("mnist", '-', false), ("mnist", '-', true), ("fashion", '.', false), ("mnist", '.', true)]
    {
        let folder = mnist_folder(dot, packed);
        let data = load(&source(kind, folder.path()), &model(tensors)).expect("images");
        assert_eq!((data.train.count, data.held_out.count), (3, 1));
        assert_eq!(data.train.tensors["x"][..4], [0.0, 0.2, 0.4, 1.0]);
        assert_eq!((&data.train.tensors["y"][..], &data.held_out.tensors["y"][..]), (&[7.0, 0.0, 9.0][..], &[4.0][..]));
        assert!(data.description.ends_with("3 images to train on, 1 held out"), "{}", data.description);
    }
}

#[test]
fn malformed_mnist() {
    let tensors: &[Declared] = &[("x", &[4], INPUT), ("y", &[], integer(10))];
    let images = "train-images-idx3-ubyte";
    let labels = "train-labels-idx1-ubyte";
    let truncated = gzip(&idx(&[3, 2, 2], &[1; 12]));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (images, vec![], "ends too early"),
        (images, idx(&[3], &[1, 2, 3]), "not a file of bytes with 3 axes"),
        (images, idx(&[3, 2, 2], &[1; 11]), "say 12 bytes, but there are only 11"),
        (images, idx(&[3, 2, 2], &[1; 13]), "say 12 bytes, but there are more"),
        (images, idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "are more than 2147483648 bytes"),
        (images, truncated[..truncated.len() - 9].to_vec(), "ends too early"),
        (images, idx(&[2, 2, 2], &[1; 8]), "3 labels for 2 images"),
        (images, idx(&[3, 1, 4], &[1; 12]), "its images have shape [1, 2, 2], those to train on [1, 1, 4]"),
        (labels, idx(&[3], &[1, 10, 2]), "the label of image 1 (from 0) is 10"),
        (labels, b"hello world".to_vec(), "not a file of bytes with 1 axes"),
    ];
    for (name, bytes, expected) in cases {
        let folder = mnist_folder('-', false);
        fs::write(folder.path().join(name), bytes).expect("written");
        let message = load(&source("mnist", folder.path()), &model(tensors)).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
    let folder = mnist_folder('-', false);
    fs::remove_file(folder.path().join(labels)).expect("removed");
    let message = load(&source("mnist", folder.path()), &model(tensors)).expect_err("absent").to_string();
    assert!(message.contains("there is no train-labels-idx1-ubyte, train-labels.idx1-ubyte, or one"), "{message}");
}

fn cifar_record(label: u8, pixel: u8) -> Vec<u8> {
    let mut record = vec![label];
    record.extend([pixel; 3072]);
    record
}

#[test]
fn cifar10() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let tensors: &[Declared] = &[("x", &[3, 32, 32], INPUT), ("y", &[10], ONE_HOT)];
    let source = source("cifar10", folder.path());
    let message = |tensors| load(&source, &model(tensors)).expect_err("an error").to_string();
    assert!(message(tensors).contains("there is no data_batch_1.bin or data_batch_1.bin.gz"));
    fs::write(at("data_batch_2.bin.gz"), gzip(&cifar_record(2, 255))).expect("written");
    fs::write(at("data_batch_1.bin"), [cifar_record(1, 0), cifar_record(3, 51)].concat()).expect("written");
    fs::write(at("data_batch_1.bin.gz"), "a packed copy is not read").expect("written");
    let data = load(&source, &model(tensors)).expect("without test files a fifth is held out");
    assert_eq!((data.train.count, data.held_out.count), (2, 1));
    fs::write(at("test_batch.bin"), cifar_record(9, 1)).expect("written");
    let data = load(&source, &model(tensors)).expect("batches");
    assert_eq!((data.train.count, data.held_out.count), (3, 1));
    assert_eq!(
        [data.train.tensors["x"][0], data.train.tensors["x"][3072], data.train.tensors["x"][2 * 3072]],
        [0.0, 0.2, 1.0]
    );
    assert_eq!(data.held_out.tensors["y"][9], 1.0);
    let reordered = message(&[("x", &[32, 32, 3], INPUT), ("y", &[10], ONE_HOT)]);
    assert!(reordered.contains("but shape [3, 32, 32] in the data; put the axes into that order"), "{reordered}");
    fs::write(at("test_batch.bin"), [1; 100]).expect("written");
    assert!(message(tensors).contains("100 bytes are no whole number of records of 3073 bytes"));
    fs::write(at("test_batch.bin"), cifar_record(10, 1)).expect("written");
    assert!(message(tensors).contains("the label of image 0 (from 0) is 10"));
}

#[test]
fn tables() {
    let table = given("csv", b"x1,y,x0, w ,unused\n1,0,0.5,7,a\n2,1,1.5,8,b\n3,1,2.5,9,\n4,0,3.5,1e1,c\n");
    let data = table.load(&[("x", &[2], INPUT), ("w", &[], INPUT), ("y", &[], REAL)]);
    assert_eq!((data.train.count, data.held_out.count), (3, 1));
    assert_eq!(rows(&data, "x"), ["[0.5, 1.0]", "[1.5, 2.0]", "[2.5, 3.0]", "[3.5, 4.0]"]);
    assert_eq!(rows(&data, "w"), ["[10.0]", "[7.0]", "[8.0]", "[9.0]"]);
    assert_eq!(rows(&data, "y"), ["[0.0]", "[0.0]", "[1.0]", "[1.0]"]);
    // Every example keeps its values together.
    for part in [&data.train, &data.held_out] {
        let x = part.tensors["x"].chunks(2);
        assert!(x.zip(&part.tensors["w"]).all(|(x, &w)| w == x[0] + 6.5));
    }
}

#[test]
fn labels_in_tables() {
    let table = given("csv", b"x,y\n1,cat\n2,dog\n3,cat\n4,ant\n");
    let data = table.load(&[("x", &[], INPUT), ("y", &[3], ONE_HOT)]);
    let ant = "[1.0, 0.0, 0.0]";
    assert_eq!(rows(&data, "y"), ["[0.0, 0.0, 1.0]", "[0.0, 1.0, 0.0]", "[0.0, 1.0, 0.0]", ant]);
    let data = table.load(&[("x", &[], INPUT), ("y", &[], integer(5))]);
    assert_eq!(rows(&data, "y"), ["[0.0]", "[1.0]", "[1.0]", "[2.0]"]);
    let message = table.message(&[("x", &[], INPUT), ("y", &[2], ONE_HOT)]);
    assert!(message.contains("3 kinds of labels, but target `y` has shape [2]"), "{message}");
    let numbers = given("csv", b"x,y\n1,2\n2,0\n3,1.0\n");
    let data = numbers.load(&[("x", &[], INPUT), ("y", &[3], ONE_HOT)]);
    assert_eq!(rows(&data, "y"), ["[0.0, 0.0, 1.0]", "[0.0, 1.0, 0.0]", "[1.0, 0.0, 0.0]"]);
    let given_rows = given("csv", b"x,y0,y1\n1,0,1\n2,1,0\n");
    assert_eq!(rows(&given_rows.load(&[("x", &[], INPUT), ("y", &[2], ONE_HOT)]), "y"), ["[0.0, 1.0]", "[1.0, 0.0]"]);
}

/// The names of a model are free: one input and one target find their columns.
#[test]
fn tables_with_other_names() {
    let table = given("csv", b"age,height,label\n1,10,b\n2,20,a\n3,30,b\n");
    let data = table.load(&[("x", &[2], INPUT), ("y", &[2], ONE_HOT)]);
    assert_eq!(rows(&data, "x"), ["[1.0, 10.0]", "[2.0, 20.0]", "[3.0, 30.0]"]);
    let message = table.message(&[("x", &[3], INPUT), ("y", &[2], ONE_HOT)]);
    let expected = "csv:FILE has nothing for `x`, which needs columns `x0` to `x2`; there is `age`, `height`, `label`";
    assert_eq!(message, expected);
}

#[test]
fn malformed_tables() {
    let cases: &[(&str, &[Declared], &str)] = &[
        ("", &[X], "csv:FILE has nothing for `x`"),
        ("x0,x1\n", &[X], "csv:FILE has 0 examples"),
        ("x0,x1\n1,2\n", &[X], "csv:FILE has 1 example;"),
        ("x0,x1\n1,2\n3\n", &[X], "FILE: line 3 has 1 fields, but the header has 2"),
        ("x0,x1,x0\n1,2,3\n", &[X], "FILE: two columns have the name `x0`"),
        ("x0,x1\n1,2\n3,\n", &[X], "line 3, column `x1`, for `x`: the value is missing"),
        ("x0,x1\n1,2\n3,four\n", &[X], "line 3, column `x1`, for `x`: `four` is not a number"),
        ("x0,x1\n1,NaN\n3,4\n", &[X], "line 2, column `x1`, for `x`: the value is NaN"),
        ("x0,x1\n1,-inf\n3,4\n", &[X], "line 2, column `x1`, for `x`: the value is -inf"),
        ("x0,x1\n1,1e300\n3,4\n", &[X], "too large for single precision"),
        ("x0,x1,x2\n1,2,3\n", &[X], "shape [2] in the model, but shape [3] in the data"),
        ("x0\n1\n2\n", &[X], "shape [2] in the model, but shape [1] in the data"),
        ("x0,x1\n1,2\n3,4\n", &[X, ("y", &[], REAL)], "nothing for `y`, which needs a column `y` or `label`"),
        ("x0,x1,y\n1,2,3\n3,4,0\n", &[X, ("y", &[3], ONE_HOT)], "line 2, column `y`, for `y`: 3 is not in 0..3"),
        ("x0,x1,y\n1,2,-1\n3,4,0\n", &[X, ("y", &[], integer(3))], "for `y`: -1 is not in 0..3"),
        ("x0,x1,y\n1,2,0.5\n3,4,0\n", &[X, ("y", &[], integer(3))], "for `y`: 0.5 is no integer"),
        ("t\n1\n9\n", &[("t", &[], below(9))], "line 3, column `t`, for `t`: 9 is not in 0..9"),
        (
            "x0,x1,y\n1,2,0\n3,4,1\n5,6,2z\n",
            &[X, ("y", &[2], ONE_HOT)],
            "the first label that is no number is `2z` in line 4",
        ),
        (
            "x0,x1,y0,y1\n1,2,1,1\n3,4,1,0\n",
            &[X, ("y", &[2], ONE_HOT)],
            "line 2, for `y`: the row should have one entry 1",
        ),
        (
            "x0,x1,y0,y1\n1,2,1,0\n3,4,0.6,0.5\n",
            &[X, ("y", &[2], PROBABILITY)],
            "line 3, for `y`: the probabilities sum to 1.1",
        ),
        (
            "x0,x1,y0,y1\n1,2,1,0\n3,4,-0.5,1.5\n",
            &[X, ("y", &[2], PROBABILITY)],
            "column `y0`, for `y`: the probability -0.5 is negative",
        ),
        ("x0,x1,y0,y1\n1,2,1,0\n3,4,1,0\n", &[X, ("M", &[2], Role::Const(None))], "`M` is a const without a value"),
    ];
    for (text, tensors, expected) in cases {
        let message = given("csv", text.as_bytes()).message(tensors);
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
    assert!(given("csv", b"x0,x1\n1,\xff\n").message(&[X]).contains("line 2 is not UTF-8 text"));
    let message = load(&source("csv", Path::new("/nowhere.csv")), &model(&[])).expect_err("no file").to_string();
    assert_eq!(message, "/nowhere.csv: there is no such file");
}

struct Arrays(tempfile::TempDir);

fn arrays(arrays: &[(&str, &[usize], &[f64])]) -> Arrays {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let all: BTreeMap<_, _> = arrays
        .iter()
        .map(|(name, shape, values)| ((*name).into(), Array::f64(shape.to_vec(), values.to_vec()).expect("whole")))
        .collect();
    write_npz(&folder.path().join("given.npz"), &all).expect("written");
    Arrays(folder)
}

impl Arrays {
    fn load(&self, tensors: &[Declared]) -> Result<Dataset, String> {
        let error = |error: deltarule_run::data::DataError| error.to_string();
        load(&source("npz", &self.0.path().join("given.npz")), &model(tensors)).map_err(error)
    }
}

#[test]
fn named_arrays() {
    let file = arrays(&[
        ("x", &[3, 2, 2], &[0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0]),
        ("y", &[3], &[2.0, 0.0, 1.0]),
        ("p", &[3, 2], &[0.25, 0.75, 0.0, 1.0, 0.5, 0.5]),
        ("M", &[2, 2], &[1.0, f64::NEG_INFINITY, 3.0, 4.0]),
    ]);
    let constant = Role::Const(None);
    let data = file
        .load(&[("x", &[4], INPUT), ("y", &[3], ONE_HOT), ("p", &[2], PROBABILITY), ("M", &[2, 2], constant.clone())])
        .expect("arrays");
    assert_eq!((data.train.count, data.held_out.count), (2, 1));
    assert_eq!(rows(&data, "x")[0], "[0.0, 1.0, 2.0, 3.0]");
    assert_eq!(rows(&data, "y"), ["[0.0, 0.0, 1.0]", "[0.0, 1.0, 0.0]", "[1.0, 0.0, 0.0]"]);
    assert_eq!(data.constants["M"], [1.0, f32::NEG_INFINITY, 3.0, 4.0]);
    let data = file.load(&[("x", &[2, 2], INPUT), ("y", &[], integer(3))]).expect("numbers as labels");
    assert_eq!(rows(&data, "y"), ["[0.0]", "[1.0]", "[2.0]"]);
    // Nothing per example: the model of a factorisation.
    let data = file.load(&[("M", &[2, 2], constant)]).expect("only a constant");
    assert_eq!((data.train.count, data.held_out.count, data.constants["M"].len()), (0, 0, 4));
}

#[test]
fn malformed_named_arrays() {
    let nan = f64::NAN;
    type Case<'a> = (&'a [(&'a str, &'a [usize], &'a [f64])], &'a [Declared<'a>], &'a str);
    let cases: &[Case] = &[
        (&[("z", &[1], &[1.0])], &[X], "has nothing for `x`, which needs an array of its name; there is `z`"),
        (&[("x", &[], &[1.0])], &[X], "examples along its first axis"),
        (&[("x", &[2, 3], &[0.0; 6])], &[X], "`x` has shape [2] in the model, but shape [3] in the data"),
        (&[("x", &[2], &[0.0; 2])], &[X], "`x` has shape [2] in the model, but shape [] in the data"),
        (&[("x", &[0, 2], &[])], &[X], "has 0 examples"),
        (&[("x", &[2, 2], &[0.0, 1.0, 2.0, nan])], &[X], "example 1 (from 0), entry [1], for `x`: the value is NaN"),
        (
            &[("x", &[2, 2], &[0.0; 4]), ("y", &[3], &[0.0; 3])],
            &[X, ("y", &[], REAL)],
            "holds 2 examples of `x`, but 3 of `y`",
        ),
        (
            &[("y", &[2, 2], &[0.0, 1.0, 1.0, 1.0])],
            &[("y", &[2], ONE_HOT)],
            "example 1 (from 0), for `y`: the row should have one",
        ),
        (&[("y", &[2, 2], &[0.0, 1.0, 0.9, 0.2])], &[("y", &[2], PROBABILITY)], "the probabilities sum to 1.1"),
        (&[("y", &[2], &[0.0, 2.0])], &[("y", &[2], ONE_HOT)], "example 1 (from 0), for `y`: 2 is not in 0..2"),
        (&[("t", &[2, 2], &[0.0, 1.0, 1.5, 0.0])], &[("t", &[2], below(5))], "entry [0], for `t`: 1.5 is no integer"),
        (
            &[("M", &[4], &[0.0; 4])],
            &[("M", &[2, 2], Role::Const(None))],
            "`M` has shape [2, 2] in the model, but shape [4]",
        ),
        (
            &[("M", &[2, 2], &[0.0, 1.0, nan, 1.0])],
            &[("M", &[2, 2], Role::Const(None))],
            "entry [1, 0], for `M`: the value is NaN",
        ),
    ];
    for (file, tensors, expected) in cases {
        let message = arrays(file).load(tensors).expect_err(expected);
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
    let message = given("npz", b"no archive").message(&[X]);
    assert!(message.contains("FILE: not a whole .npz file"), "{message}");
}

#[test]
fn texts() {
    let text = given("text", b"abcabcabcab");
    let data = text.load(&[T, ("y", &[2], integer(128))]);
    assert_eq!((data.train.count, data.held_out.count), (4, 1));
    assert_eq!(data.train.tensors["t"], [97.0, 98.0, 99.0, 97.0, 98.0, 99.0, 97.0, 98.0]);
    assert_eq!(data.train.tensors["y"], [98.0, 99.0, 97.0, 98.0, 99.0, 97.0, 98.0, 99.0]);
    assert_eq!(data.held_out.tensors["y"], [97.0, 98.0]);
    let data = text.load(&[("t", &[2], below(3)), ("next", &[3], ONE_HOT)]);
    assert_eq!(data.train.tensors["t"][..4], [0.0, 1.0, 2.0, 0.0]);
    assert_eq!(data.train.tensors["next"][..3], [0.0, 0.0, 1.0], "the token after the window");
    assert!(data.description.contains("tokens number the 3 different bytes"), "{}", data.description);
    let cases: &[(&[Declared], &str)] = &[
        (&[("x", &[2], INPUT)], "tokens (write `input t[8] int(256)`) for one input, but the model has no such input"),
        (&[T, ("x", &[2], INPUT)], "for one input, but the model has `t`, `x`"),
        (&[("t", &[2], below(2))], "FILE: it has 3 different bytes, more than the 2 tokens of the model"),
        (&[("t", &[9], below(3))], "text:FILE has 1 example;"),
        (&[T, ("y", &[3], integer(128))], "`y` has shape [3] in the model, but shape [2] in the data"),
        (&[T, ("y", &[2], REAL)], "but shape [2] in the data"),
    ];
    for (tensors, expected) in cases {
        let message = text.message(tensors);
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
    }
}

/// The real files, where they stand beside the project.
fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data").join(path));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: ../shared/data/{path} is not here");
    }
    found
}

#[test]
fn real_images() {
    if let Some(folder) = shared("mnist") {
        let tensors: &[Declared] = &[("x", &[28, 28], INPUT), ("y", &[], integer(10))];
        let data = load(&source("mnist", &folder), &model(tensors)).expect("MNIST");
        assert_eq!((data.train.count, data.held_out.count), (60_000, 10_000));
        assert_eq!(data.held_out.tensors["y"][..5], [7.0, 2.0, 1.0, 0.0, 4.0]);
    }
    if let Some(folder) = shared("cifar10") {
        let tensors: &[Declared] = &[("x", &[3, 32, 32], INPUT), ("y", &[10], ONE_HOT)];
        let data = load(&source("cifar10", &folder), &model(tensors)).expect("CIFAR-10");
        assert_eq!((data.train.count, data.held_out.count), (10_000, 1_000));
    }
}

#[test]
fn real_tables_and_texts() {
    if let Some(file) = shared("digits/digits.csv") {
        let tensors: &[Declared] = &[("x", &[64], INPUT), ("y", &[10], ONE_HOT)];
        let data = load(&source("csv", &file), &model(tensors)).expect("digits as a table");
        let own = load(&Source::Digits, &model(tensors)).expect("digits");
        assert_eq!(data.held_out.tensors["y"], own.held_out.tensors["y"], "the same rows are held out");
    }
    if let Some(file) = shared("text/tinyshakespeare.txt") {
        let tensors: &[Declared] = &[("t", &[64], below(96)), ("y", &[64], integer(96))];
        let data = load(&source("text", &file), &model(tensors)).expect("a text");
        assert!(data.description.contains("65 different bytes"), "{}", data.description);
    }
}
