//! The parser: trees, messages, and what no text may do to it.

mod messages;
mod robust;
mod show;
mod trees;
