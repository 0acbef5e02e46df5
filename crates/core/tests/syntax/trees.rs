//! What the constructs of the language are read as.

use super::show;
use deltarule_core::syntax;
use deltarule_core::text::Source;

fn read(text: &str) -> String {
    let source = Source::new("test.dr", text);
    match syntax::parse(&source) {
        Ok(tree) => show::tree(&tree),
        Err(problems) => problems.iter().map(|problem| problem.render(&source)).collect(),
    }
}

/// The right side of an equation.
fn value(text: &str) -> String {
    let shown = read(&format!("z = {text}"));
    let inner = shown.strip_prefix("(= z[] ").and_then(|rest| rest.strip_suffix(')'));
    inner.map_or(shown.clone(), str::to_owned)
}

#[test]
fn every_construct_parses() {
    insta::assert_snapshot!(read(include_str!("sample.dr")));
}

#[test]
fn products_and_signs() {
    assert_eq!(value("-x^2 y"), "(* (neg (^ x 2)) y)");
}
