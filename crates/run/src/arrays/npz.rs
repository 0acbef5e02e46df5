//! The `.npz` format: a ZIP archive with one `.npy` file for each array.

use super::error::{Fault, reason};
use super::npy::{decode, encode};
use super::{Array, ArrayError, write_atomically};
use deltarule_core::term::Name;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// How many bytes all arrays of a file may take in memory: 4 GiB.
pub const LARGEST: u64 = 1 << 32;

/// Reads all arrays of a `.npz` file, which may take [`LARGEST`] bytes in memory.
///
/// # Errors
/// See [`Fault`].
pub fn read_npz(path: &Path) -> Result<BTreeMap<Name, Array>, ArrayError> {
    read_npz_within(path, LARGEST)
}

/// Reads all arrays of a `.npz` file, which may take `limit` bytes in memory.
///
/// # Errors
/// See [`Fault`].
pub fn read_npz_within(path: &Path, limit: u64) -> Result<BTreeMap<Name, Array>, ArrayError> {
    let file = File::open(path).map_err(|error| ArrayError::system(path, &error))?;
    let whole = |error: ZipError| ArrayError::new(path, archive_fault(&error));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(whole)?;
    if archive.has_duplicate_names() {
        return Err(ArrayError::new(path, Fault::Archive("two entries have one name".to_owned())));
    }
    let mut arrays = BTreeMap::new();
    let mut budget = limit;
    for entry in 0..archive.len() {
        let mut file = archive.by_index(entry).map_err(whole)?;
        let full = file.name().map_err(whole)?.into_owned();
        let name = full.strip_suffix(".npy").unwrap_or(&full);
        let fail = |fault| ArrayError::of(path, name, fault);
        if name.len() == full.len() {
            return Err(fail(Fault::Entry));
        }
        if file.encrypted() {
            return Err(fail(Fault::Encrypted));
        }
        let array = decode(&mut file, &mut budget).map_err(|fault| match fault {
            Fault::TooLarge { bytes, .. } => fail(Fault::TooLarge { bytes, limit }),
            other => fail(other),
        })?;
        if arrays.insert(Name::from(name), array).is_some() {
            return Err(fail(Fault::Duplicate));
        }
    }
    Ok(arrays)
}

/// Writes arrays as `numpy.savez` does, as a whole or not at all; the same arrays are always the
/// same bytes.
///
/// # Errors
/// What the system refuses.
pub fn write_npz<'a>(path: &Path, arrays: impl IntoIterator<Item = (&'a Name, &'a Array)>) -> Result<(), ArrayError> {
    let write = |writer: &mut io::BufWriter<File>| -> io::Result<()> {
        let mut archive = ZipWriter::new(&mut *writer);
        for (name, array) in arrays {
            // A size for which the fields of 32 bits might not do.
            let large = array.values().len() >= 1 << 28;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::default())
                .unix_permissions(0o644)
                .large_file(large);
            archive.start_file(format!("{name}.npy"), options).map_err(io::Error::from)?;
            encode(&mut archive, array)?;
        }
        archive.finish().map_err(io::Error::from)?.flush()
    };
    write_atomically(path, write).map_err(|error| ArrayError::system(path, &error))
}

fn archive_fault(error: &ZipError) -> Fault {
    match error {
        ZipError::Io(error) => Fault::System(reason(error)),
        ZipError::InvalidArchive(reason) => Fault::Archive(reason.to_string()),
        ZipError::UnsupportedArchive(reason) if reason.contains("assword") => Fault::Encrypted,
        ZipError::InvalidPassword => Fault::Encrypted,
        ZipError::UnsupportedArchive(reason) => Fault::Archive((*reason).to_owned()),
        ZipError::CompressionMethodNotSupported(method) => {
            Fault::Archive(format!("compression method {method} is not one that NumPy uses"))
        }
        other => Fault::Archive(other.to_string()),
    }
}
