//! From text to tree: the lexer and the parser.

pub mod tree;
