//! The rooms of this crate use each other in one direction only, and files stay small enough to read.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("syntax", &["text"]),
    ("term", &["syntax"]),
    ("model", &["text", "syntax", "term"]),
    ("meaning", &["term", "model"]),
    ("derivation", &["term", "model", "meaning"]),
    ("proof", &["text", "syntax", "term", "model", "meaning", "derivation", "page"]),
    ("plan", &["term", "model", "derivation"]),
    ("page", &["text", "syntax", "term", "model", "meaning", "derivation"]),
];

/// More lines than this are two rooms.
const MOST_LINES: usize = 600;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn sources(folder: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let rust = files(&folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(&path).expect("text")))
}

/// The rooms named after `crate::` in the code of a text; its comments may point anywhere, and its tests use what
/// they need to make terms.
fn used(text: &str) -> Vec<&str> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let word = |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| &rest[..word(rest)]).collect()
}

#[test]
fn rooms_use_each_other_in_one_direction() {
    for (room, allowed) in MAY_USE {
        for (path, text) in sources(&format!("src/{room}")) {
            for name in used(&text) {
                let is_room = MAY_USE.iter().any(|(other, _)| *other == name);
                let fits = !is_room || name == *room || allowed.contains(&name);
                assert!(fits, "{} uses {name}, but {room} may only use {allowed:?}", path.display());
            }
        }
    }
}

#[test]
fn every_room_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        let room = name.trim_end_matches(".rs");
        assert!(room == "lib" || MAY_USE.iter().any(|(listed, _)| *listed == room), "{name} is no room");
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for folder in ["src", "../kernels/src", "../run/src", "../cli/src"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= MOST_LINES, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn unsafe_stays_in_the_kernels() {
    for folder in ["src", "../run/src", "../cli/src"] {
        for (path, text) in sources(folder) {
            assert!(!text.contains("unsafe "), "{}", path.display());
        }
    }
    for (path, text) in sources("../kernels/src") {
        let blocks = text.matches("unsafe {").count();
        let arguments = text.matches("SAFETY:").count();
        assert!(blocks <= arguments, "{} has {blocks} unsafe blocks and {arguments} arguments", path.display());
    }
}
