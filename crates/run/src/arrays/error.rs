//! What can be wrong with a file of arrays.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file of arrays could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayError {
    /// The file.
    pub file: PathBuf,
    /// The array in it, where the fault is with one.
    pub array: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The system refused; its own words.
    System(String),
    /// The file is no ZIP archive, or a damaged one; the reason.
    Archive(String),
    /// An entry of the archive is no `.npy` file.
    Entry,
    /// Two arrays have one name.
    Duplicate,
    /// An entry is encrypted.
    Encrypted,
    /// The arrays would take more memory than is allowed.
    TooLarge {
        /// How many bytes they take, if 64 bits hold it.
        bytes: Option<u64>,
        /// How many are allowed.
        limit: u64,
    },
    /// The data does not begin as a `.npy` file does.
    Magic,
    /// A version of the format that NumPy did not have when this was written.
    Version(u8, u8),
    /// The header is not the dictionary it should be; what is wrong with it.
    Header(String),
    /// Python objects.
    Objects,
    /// A type of values that has no numbers we could use, as NumPy writes it.
    Type(String),
    /// The data is not what was once written; how that was seen.
    Damaged(String),
    /// The data ends before all values were read.
    Truncated,
    /// There is more data than the shape says.
    Longer,
    /// An integer that double precision does not hold exactly.
    Integer(i128),
}

impl ArrayError {
    pub(crate) fn new(file: &Path, fault: Fault) -> ArrayError {
        ArrayError { file: file.to_owned(), array: None, fault }
    }

    pub(crate) fn system(file: &Path, error: &std::io::Error) -> ArrayError {
        ArrayError::new(file, Fault::System(reason(error)))
    }

    pub(super) fn of(file: &Path, array: &str, fault: Fault) -> ArrayError {
        ArrayError { file: file.to_owned(), array: Some(array.to_owned()), fault }
    }
}

/// The words for an error of the system, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "access to it is not permitted".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => error.to_string(),
    }
}

impl Fault {
    /// The fault behind an error in the middle of a file: a decoder's, or the system's.
    pub(super) fn while_reading(error: &std::io::Error) -> Fault {
        use std::io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => Fault::Truncated,
            InvalidData | InvalidInput | Other => Fault::Damaged(error.to_string()),
            _ => Fault::System(reason(error)),
        }
    }
}

impl fmt::Display for ArrayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(array) = &self.array {
            write!(f, "array `{array}`: ")?;
        }
        self.fault.fmt(f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::System(reason) => f.write_str(reason),
            Fault::Archive(reason) => {
                write!(f, "not a whole .npz file ({reason}); write it again with numpy.savez(file, name=array, ...)")
            }
            Fault::Entry => f.write_str("the entry is no .npy file, and .npz files hold nothing else; take it out"),
            Fault::Duplicate => f.write_str("the file holds two arrays of this name; leave one"),
            Fault::Encrypted => f.write_str("the entry is encrypted; write it without a password"),
            Fault::TooLarge { bytes: Some(bytes), limit } => {
                write!(f, "its values take {bytes} bytes, more than the {limit} that are allowed")
            }
            Fault::TooLarge { bytes: None, limit } => {
                write!(f, "its shape has more values than 64 bits can count; {limit} bytes are allowed")
            }
            Fault::Magic => f.write_str("not in the .npy format; write it with numpy.save(file, array)"),
            Fault::Version(major, minor) => {
                write!(f, "version {major}.{minor} of the .npy format is not known; versions 1.0 to 3.0 are")
            }
            Fault::Header(reason) => write!(f, "the .npy header is not as NumPy writes it: {reason}"),
            Fault::Objects => f.write_str(
                "it holds Python objects, which are programs to run and are never loaded; \
                 convert it to numbers, say with array.astype(\"float32\")",
            ),
            Fault::Type(descr) => write!(
                f,
                "values of type {descr} are not numbers that can be used here; \
                 convert them, say with array.astype(\"float32\")"
            ),
            Fault::Damaged(reason) => write!(f, "its data is damaged ({reason}); write it again"),
            Fault::Truncated => f.write_str("the data ends before all values of the shape were read; write it again"),
            Fault::Longer => f.write_str("there is more data than the shape says; write it again"),
            Fault::Integer(value) => {
                write!(f, "the integer {value} is not exact in double precision; only those up to 2^53 always are")
            }
        }
    }
}

impl std::error::Error for ArrayError {}
