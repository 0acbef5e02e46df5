//! Models made by hand, and what is asked of them.

use deltarule_core::derivation::{Backward, derive, random_point, verify};
use deltarule_core::meaning::{Point, complete};
use deltarule_core::model::{self, Definition, Initialiser, Model, Role, Tensor};
use deltarule_core::page::{self, text};
use deltarule_core::syntax;
use deltarule_core::term::{Comparison, Extent, Index, Term};
use deltarule_core::text::{Problem, Source, Span};

/// Tensors in the order in which they are added.
#[derive(Default)]
pub struct Hand {
    tensors: Vec<Tensor>,
}

impl Hand {
    fn add(mut self, name: &str, shape: &[usize], role: Role, per_example: bool) -> Hand {
        let span = Span::default();
        self.tensors.push(Tensor::new(name, Extent::numbers(shape), role, per_example, span));
        self
    }

    pub fn input(self, name: &str, shape: &[usize]) -> Hand {
        self.add(name, shape, Role::Input { below: None }, true)
    }

    pub fn integers(self, name: &str, shape: &[usize], below: usize) -> Hand {
        self.add(name, shape, Role::Input { below: Some(below) }, true)
    }

    pub fn param(self, name: &str, shape: &[usize]) -> Hand {
        self.add(name, shape, Role::Param(Initialiser::Constant(0.0)), false)
    }

    pub fn define(self, name: &str, indices: &[&Index], body: Term) -> Hand {
        let indices: Vec<Index> = indices.iter().copied().cloned().collect();
        let shape: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
        self.add(name, &shape, Role::Defined(Definition { indices, body }), true)
    }

    pub fn model(self) -> Model {
        Model {
            tensors: self.tensors.into(),
            metrics: Vec::new(),
            assumptions: Vec::new(),
            sizes: Vec::new(),
            sizing: Default::default(),
            symbols: Vec::new(),
            relations: Default::default(),
            batch: None,
            claims: Vec::new(),
        }
    }
}

pub fn index(id: u32, extent: usize, letter: &str) -> Index {
    Index::new(id, extent, letter)
}

/// `Σ coefficient · index + constant`
pub fn form(parts: &[(i64, &Index)], constant: i64) -> Term {
    let part = |(coefficient, index): &(i64, &Index)| Term::mul(vec![Term::integer(*coefficient), Term::index(index)]);
    Term::add(parts.iter().map(part).chain([Term::integer(constant)]).collect())
}

pub fn at(index: &Index) -> Term {
    Term::index(index)
}

pub fn read(name: &str, subscripts: &[Term]) -> Term {
    Term::read(name, subscripts.to_vec())
}

/// `[0 <= s] [s < n]` for every subscript, with the read.
pub fn padded(name: &str, subscripts: &[(Term, usize)]) -> Term {
    let mut product = vec![Term::read(name, subscripts.iter().map(|(subscript, _)| subscript.clone()).collect())];
    product.extend(subscripts.iter().flat_map(|(subscript, extent)| inside(subscript, *extent)));
    Term::mul(product)
}

pub fn inside(subscript: &Term, extent: usize) -> [Term; 2] {
    [
        Term::compare(Comparison::LessEqual, Term::integer(0), subscript.clone()),
        Term::compare(Comparison::Less, subscript.clone(), Term::integer(extent as i64)),
    ]
}

pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// The derivative of the loss by a tensor as it is written, after everything was verified at two
/// points.
pub fn adjoint(model: &Model, wrt: &str) -> String {
    let backward = verified(model, &[wrt]);
    let gradient = backward.gradient(wrt).unwrap();
    text(&page::index::equation(&backward.model, &gradient.name, &gradient.indices, gradient.derivation.end()))
}

pub fn verified(model: &Model, wrt: &[&str]) -> Backward {
    let wrt: Vec<_> = wrt.iter().map(|name| (*name).into()).collect();
    let backward = derive(model, "loss", &wrt).unwrap();
    let points: Vec<Point> = (1..3).map(|seed| random_point(model, &mut uniform(seed))).collect();
    if let Err(error) = verify(&backward, &points) {
        for gradient in &backward.gradients {
            for step in &gradient.derivation.steps {
                let line = page::index::term(&backward.model, &gradient.indices, &step.after);
                println!("{} = {}   {}", gradient.name, text(&line), step.rule.name);
            }
        }
        panic!("{error}");
    }
    backward
}

/// The values of everything at a point.
pub fn completed(model: &Model, mut point: Point) -> Point {
    let all: Vec<_> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    complete(model, &mut point, &all).unwrap();
    point
}

/// A model from text.
pub fn model(text: &str) -> Model {
    let source = Source::new("test.dr", text);
    let render = |problems: Vec<Problem>| problems.iter().map(|problem| problem.render(&source)).collect::<String>();
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{}", render(problems)));
    model::build(&source, &tree).unwrap_or_else(|problems| panic!("{}", render(problems)))
}
