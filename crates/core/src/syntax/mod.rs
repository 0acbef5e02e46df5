//! From text to tree: the lexer and the parser.

mod lexer;
mod lines;
mod mistakes;
mod parser;
pub mod tree;

use crate::text::{Problem, Source};
use tree::Tree;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// How deep brackets, signs, exponents and blocks may nest.
pub const MAX_NESTING: usize = 200;
/// The most parts of one statement: numbers, names, reads, calls and operations.
pub const MAX_PARTS: usize = 10_000;
/// After so many problems nothing more is read.
const MAX_PROBLEMS: usize = 10;

/// Reads a model file.
///
/// # Errors
///
/// All problems found, in the order of the text, at most ten: after a mistake reading goes on at
/// the next statement.
pub fn parse(source: &Source) -> Result<Tree, Vec<Problem>> {
    if source.text.len() > MAX_BYTES {
        return Err(vec![too_large(source.text.len())]);
    }
    parser::file(&source.text)
}

/// Takes the bytes of a file, which must be UTF-8, as a source. A byte order mark is dropped.
///
/// # Errors
///
/// The file is too large, or holds a byte that is not UTF-8; the problem names line and column.
pub fn source_from_bytes(name: &str, bytes: &[u8]) -> Result<Source, Problem> {
    if bytes.len() > MAX_BYTES {
        return Err(too_large(bytes.len()));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text))),
        Err(error) => Err(mistakes::not_utf8(bytes, error.valid_up_to())),
    }
}

fn too_large(bytes: usize) -> Problem {
    let message = format!("the file has {bytes} bytes; the limit is {MAX_BYTES} (16 MiB)");
    Problem { message, labels: Vec::new(), hints: Vec::new(), position: None }
}
