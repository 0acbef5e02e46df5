//! The parser: trees, messages, and what no text may do to it.

mod show;
mod trees;
