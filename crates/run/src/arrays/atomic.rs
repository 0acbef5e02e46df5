//! Writing whole files or nothing.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a file as a whole: into a temporary file beside it, which takes its name when
/// everything is written and on the disk. Whatever goes wrong, the file is as it was before.
///
/// # Errors
/// What `write` gives, and whatever the system refuses.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let (temporary, file) = beside(path)?;
    let result = fill(file, write).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn fill(file: File, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}

/// A new file in the same folder, so that renaming it stays within one file system.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or_else(|| io::Error::other("this names no file"))?;
    for attempt in 0..1000 {
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}-{attempt}.part", std::process::id()));
        let temporary = path.with_file_name(own);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many unfinished files stand beside it"))
}
