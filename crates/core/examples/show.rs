use deltarule_core::{model, syntax, text::Source};
fn main() {
    for path in std::env::args().skip(1) {
        let source = Source::new(path.clone(), std::fs::read_to_string(&path).unwrap());
        match syntax::parse(&source).and_then(|tree| model::build(&source, &tree)) {
            Ok(model) => {
                for t in &model.tensors {
                    println!("{} {:?} {} {:?}", t.name, t.shape, t.per_example, t.role);
                }
            }
            Err(problems) => {
                for p in problems {
                    println!("{}", p.render(&source));
                }
            }
        }
    }
}
