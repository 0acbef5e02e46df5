//! Labelled images: the digits that come with Deltarule, MNIST and its like, CIFAR-10.

use super::fit::{self, LabelForm};
use super::{DataError, Dataset, Examples, Source, inputs, targets};
use crate::arrays::reason;
use deltarule_core::model::{Model, Role, Tensor};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// All sets here have the classes 0 to 9.
const CLASSES: usize = 10;
/// No file may hold more bytes, unpacked.
const LONGEST: u64 = 1 << 31;

/// Images with their labels.
#[derive(Debug, Default)]
struct Labelled {
    pixels: Vec<f32>,
    labels: Vec<u8>,
}

struct Images {
    /// Of one image.
    shape: Vec<usize>,
    train: Labelled,
    /// Where the source has test files.
    test: Option<Labelled>,
}

/// The tensors of a model that take the images and the labels.
struct Places<'a> {
    image: &'a Tensor,
    label: Option<(&'a Tensor, LabelForm)>,
}

pub(super) fn load(source: &Source, model: &Model) -> Result<Dataset, DataError> {
    let images = match source {
        Source::Mnist(folder) | Source::Fashion(folder) => mnist(folder)?,
        Source::Cifar10(folder) => cifar10(folder)?,
        _ => digits(),
    };
    let places = places(source, model, &images.shape)?;
    let train = places.fill(images.train);
    match images.test {
        Some(test) => Dataset::with_own(source, train, places.fill(test), "images"),
        None => Dataset::split(source, train, "images"),
    }
}

/// Whether a model takes images of 8 by 8 and their labels.
pub(super) fn fits_digits(model: &Model) -> bool {
    places(&Source::Digits, model, &[1, 8, 8]).is_ok()
}

fn places<'a>(source: &Source, model: &'a Model, shape: &[usize]) -> Result<Places<'a>, DataError> {
    let names = |tensors: &[&Tensor]| tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let all: Vec<&Tensor> = inputs(model).collect();
    let real: Vec<&Tensor> =
        all.iter().copied().filter(|tensor| matches!(tensor.role, Role::Input { below: None })).collect();
    // An integer input would be left without values.
    let [image] = real[..] else {
        return Err(DataError::OneInput { source: source.to_string(), gives: "images", inputs: names(&real) });
    };
    if all.len() > 1 {
        return Err(DataError::OneInput { source: source.to_string(), gives: "images", inputs: names(&all) });
    }
    fit::shape(source, image, shape)?;
    let targets: Vec<&Tensor> = targets(model).collect();
    let label = match targets[..] {
        [] => None,
        [target] => Some((target, label_form(source, target)?)),
        _ => {
            return Err(DataError::OneTarget { source: source.to_string(), gives: "labels", targets: names(&targets) });
        }
    };
    Ok(Places { image, label })
}

fn label_form(source: &Source, target: &Tensor) -> Result<LabelForm, DataError> {
    LabelForm::of(target, CLASSES).ok_or_else(|| DataError::Labels {
        source: source.to_string(),
        tensor: target.name.clone(),
        shape: target.shape.clone(),
        classes: CLASSES,
        note: String::new(),
    })
}

impl Places<'_> {
    fn fill(&self, images: Labelled) -> Examples {
        let count = images.labels.len();
        let mut tensors = BTreeMap::from([(self.image.name.clone(), images.pixels)]);
        if let Some((target, form)) = self.label {
            let mut values = Vec::with_capacity(count * target.len());
            for &label in &images.labels {
                form.append(usize::from(label), &mut values);
            }
            tensors.insert(target.name.clone(), values);
        }
        Examples { count, tensors }
    }
}

/// The embedded digits. The table is part of the program, so it is as it should be.
fn digits() -> Images {
    let mut train = Labelled::default();
    for line in include_str!("../../data/digits.csv").lines().skip(1) {
        let (pixels, label) = line.rsplit_once(',').unwrap_or_default();
        train.pixels.extend(pixels.split(',').map(|pixel| pixel.parse().unwrap_or(0.0f32) / 16.0));
        train.labels.push(label.parse().unwrap_or(0));
    }
    Images { shape: vec![1, 8, 8], train, test: None }
}

/// The four files of MNIST: <http://yann.lecun.com/exdb/mnist/> describes the format IDX.
fn mnist(folder: &Path) -> Result<Images, DataError> {
    let mut shape = None;
    let mut part = |name: &str| -> Result<Labelled, DataError> {
        let images = idx_file(folder, &format!("{name}-images"), 3)?;
        let labels = idx_file(folder, &format!("{name}-labels"), 1)?;
        let (extents, pixels) = idx(&images, 3)?;
        let (counts, labels_read) = idx(&labels, 1)?;
        if counts[0] != extents[0] {
            let reason = format!("{} labels for {} images", counts[0], extents[0]);
            return Err(DataError::File { path: labels, reason });
        }
        check_labels(&labels, &labels_read)?;
        let own = vec![1, extents[1], extents[2]];
        if let Some(other) = shape.replace(own.clone()).filter(|other| *other != own) {
            let reason = format!("its images have shape {own:?}, those to train on {other:?}");
            return Err(DataError::File { path: images, reason });
        }
        Ok(Labelled { pixels: scaled(&pixels), labels: labels_read })
    };
    let (train, test) = (part("train")?, part("t10k")?);
    Ok(Images { shape: shape.unwrap_or_default(), train, test: Some(test) })
}

fn scaled(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
}

fn check_labels(path: &Path, labels: &[u8]) -> Result<(), DataError> {
    match labels.iter().position(|&label| usize::from(label) >= CLASSES) {
        None => Ok(()),
        Some(at) => {
            let reason = format!("the label of image {at} (from 0) is {}, not in 0..{CLASSES}", labels[at]);
            Err(DataError::File { path: path.to_owned(), reason })
        }
    }
}

/// The file under one of the names people keep it.
fn idx_file(folder: &Path, stem: &str, axes: usize) -> Result<PathBuf, DataError> {
    let ends = ["", ".gz"];
    let names = ends.iter().flat_map(|end| ['-', '.'].map(|dot| format!("{stem}{dot}idx{axes}-ubyte{end}")));
    let found = names.map(|name| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| DataError::Absent {
        folder: folder.to_owned(),
        files: format!("{stem}-idx{axes}-ubyte, {stem}.idx{axes}-ubyte, or one of them with .gz"),
    })
}

/// Reads a file of bytes in the format IDX: two zeros, the type 8, the number of axes, the extents
/// (four bytes each, the highest first), the values.
fn idx(path: &Path, axes: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let fail = |reason: String| DataError::File { path: path.to_owned(), reason };
    let mut reader = unpacked(path)?;
    let ended = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => fail("the file ends too early".to_owned()),
        _ => fail(reason(&error)),
    };
    let mut word = [0; 4];
    reader.read_exact(&mut word).map_err(ended)?;
    if word != [0, 0, 8, axes as u8] {
        return Err(fail(format!("not a file of bytes with {axes} axes in the IDX format: it begins with {word:?}")));
    }
    let mut extents = Vec::with_capacity(axes);
    for _ in 0..axes {
        reader.read_exact(&mut word).map_err(ended)?;
        extents.push(u32::from_be_bytes(word) as usize);
    }
    let length = extents.iter().try_fold(1u64, |length, &extent| length.checked_mul(extent as u64));
    let length = length.filter(|&length| length <= LONGEST);
    let length = length.ok_or_else(|| fail(format!("its extents {extents:?} are more than {LONGEST} bytes")))?;
    let mut bytes = Vec::new();
    reader.take(length + 1).read_to_end(&mut bytes).map_err(ended)?;
    if bytes.len() as u64 != length {
        let found = if bytes.len() as u64 > length { "more".to_owned() } else { format!("only {}", bytes.len()) };
        return Err(fail(format!("its extents {extents:?} say {length} bytes, but there are {found}")));
    }
    Ok((extents, bytes))
}

/// The bytes of a file, unpacked where it begins as gzip does, whatever its name.
fn unpacked(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let open = || -> std::io::Result<Box<dyn Read>> {
        let mut file = File::open(path)?;
        let mut start = Vec::new();
        (&mut file).take(2).read_to_end(&mut start)?;
        file.rewind()?;
        let reader = BufReader::new(file);
        Ok(if start == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) })
    };
    open().map_err(|error| DataError::File { path: path.to_owned(), reason: reason(&error) })
}

/// The binary version of CIFAR-10 (<https://www.cs.toronto.edu/~kriz/cifar.html>): records of a
/// label and 3 × 32 × 32 pixels: channel, row, column.
fn cifar10(folder: &Path) -> Result<Images, DataError> {
    let train = batches(folder, "data_batch")?;
    if train.is_empty() {
        let files = "data_batch_1.bin or data_batch_1.bin.gz".to_owned();
        return Err(DataError::Absent { folder: folder.to_owned(), files });
    }
    let test = batches(folder, "test_batch")?;
    let read = |paths: &[PathBuf]| -> Result<Labelled, DataError> {
        let mut all = Labelled::default();
        paths.iter().try_for_each(|path| records(path, &mut all))?;
        Ok(all)
    };
    let test = if test.is_empty() { None } else { Some(read(&test)?) };
    Ok(Images { shape: vec![3, 32, 32], train: read(&train)?, test })
}

/// The batches with such a name, in the order of their names; of one that stands there packed and
/// unpacked, the unpacked one.
fn batches(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, DataError> {
    let fail = |error: std::io::Error| DataError::File { path: folder.to_owned(), reason: reason(&error) };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        if !stem.starts_with(prefix) || !stem.ends_with(".bin") {
            continue;
        }
        if stem == name || !found.contains_key(stem) {
            found.insert(stem.to_owned(), path);
        }
    }
    Ok(found.into_values().collect())
}

fn records(path: &Path, all: &mut Labelled) -> Result<(), DataError> {
    const RECORD: usize = 1 + 3 * 32 * 32;
    let fail = |reason: String| DataError::File { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    unpacked(path)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| fail(reason(&error)))?;
    if bytes.len() as u64 > LONGEST {
        return Err(fail(format!("it holds more than {LONGEST} bytes")));
    }
    if bytes.len() % RECORD != 0 {
        return Err(fail(format!("{} bytes are no whole number of records of {RECORD} bytes", bytes.len())));
    }
    let labels: Vec<u8> = bytes.chunks_exact(RECORD).map(|record| record[0]).collect();
    check_labels(path, &labels)?;
    all.labels.extend(labels);
    for record in bytes.chunks_exact(RECORD) {
        all.pixels.extend(record[1..].iter().map(|&pixel| f32::from(pixel) / 255.0));
    }
    Ok(())
}
