//! Plans that use little memory: values that are computed again instead of kept, with the same results.

mod common;

use common::generator::Dice;
use common::{Given, fill, random};
use deltarule_core::derivation::{derivative_name, derive, with_derivatives};
use deltarule_core::model::{self, LOSS, Model};
use deltarule_core::plan::{Memory, Plan, Request, plan};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;
use deltarule_run::execute::Engine;

/// The model of a file that comes with the program, with its gradients, and pairs of parameters and gradients.
fn with_gradients(file: &str, text: &str) -> (Model, Vec<(Name, Name)>) {
    let source = Source::new(file, text);
    let built = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    let model = built.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)));
    let model = with_derivatives(&model).unwrap();
    let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let backward = derive(&model, LOSS, &parameters).unwrap();
    (backward.model, parameters.into_iter().map(|name| (name.clone(), derivative_name(LOSS, &name))).collect())
}

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{}/../../models/{file}", env!("CARGO_MANIFEST_DIR"))).expect(file)
}

fn planned(model: &Model, descend: &[(Name, Name)], batch: usize, memory: Memory) -> Plan {
    let plan = plan(model, &Request { outputs: &[LOSS.into()], batch, descend, memory }).unwrap();
    plan.verify().unwrap_or_else(|wrong| panic!("{wrong}\n{plan}"));
    plan
}

/// How many values are computed again.
fn repeated(plan: &Plan) -> usize {
    plan.places.iter().filter(|place| place.name.ends_with(" again")).count()
}

/// The bits of the loss and of all parameters after some steps.
fn bits(plan: Plan, given: &Given, descend: &[(Name, Name)]) -> Vec<u32> {
    let mut engine = Engine::new(plan);
    fill(&mut engine, given);
    (0..3).for_each(|_| engine.run(0.01));
    let names = descend.iter().map(|(name, _)| &**name).chain([LOSS]);
    names.flat_map(|name| engine.tensor(name).unwrap()).map(|value| value.to_bits()).collect()
}

/// That a model needs less memory, at most so many hundredths, with the same results.
fn saves(file: &str, text: &str, batch: usize, most: usize) {
    let (model, descend) = with_gradients(file, text);
    let [plenty, low] = [Memory::Plenty, Memory::Low].map(|memory| planned(&model, &descend, batch, memory));
    let sizes = [&plenty, &low].map(|plan| plan.arena);
    assert_eq!(repeated(&plenty), 0);
    assert!(repeated(&low) > 0, "{file}\n{low}");
    assert!(100 * sizes[1] <= most * sizes[0], "{file}: {sizes:?}\n{low}");
    let given = random(&model, batch, &mut Dice::new(11));
    assert!(bits(plenty, &given, &descend) == bits(low, &given, &descend), "{file}");
}

#[test]
fn activations_and_copies_are_computed_again() {
    saves("vgg.dr", &read("vgg.dr"), 2, 99);
    saves("attention.dr", &read("bench/attention.dr").replace("128", "24"), 2, 99);
    saves("transformer.dr", &read("transformer.dr"), 2, 99);
}

/// Activations of a chain, of which each is computed from the one before.
#[test]
fn chains_are_computed_again() {
    let chain = "input x[2000]
param w[2000] ~ normal(0, 1)
a[i] = sin(w[i] x[i])
b[i] = exp(a[i])
c[i] = tanh(b[i] + a[i])
d[i] = c[i] b[i] + sin(c[i])
loss = sum[i] (d[i]^2 + c[i]^4)
";
    let (model, descend) = with_gradients("chain.dr", chain);
    let [plenty, low] = [Memory::Plenty, Memory::Low].map(|memory| planned(&model, &descend, 8, memory));
    assert!(low.arena <= plenty.arena);
    let given = random(&model, 8, &mut Dice::new(2));
    assert!(bits(plenty, &given, &descend) == bits(low, &given, &descend));
}

/// A step of descent is done when its product is, not at the end.
#[test]
fn parameters_change_as_soon_as_they_may() {
    let text = "input x[64]
param A[64, 64] ~ normal(0, 1)
param B[64, 64] ~ normal(0, 1)
param C[64, 64] ~ normal(0, 1)
a[i] = sin(A[i,j] x[j])
b[i] = sin(B[i,j] a[j])
c[i] = sin(C[i,j] b[j])
loss = sum[i] c[i]^2
";
    let (model, descend) = with_gradients("layers.dr", text);
    let plan = planned(&model, &descend, 16, Memory::Plenty);
    let written = |name: &str| {
        let place = plan.places.iter().position(|place| &*place.name == name).unwrap();
        let last = plan.operations.iter().rposition(|operation| operation.targets().contains(&place)).unwrap();
        let read = plan.operations.iter().enumerate();
        let read = read.filter(|(time, operation)| *time != last && operation.sources().contains(&place));
        assert!(read.map(|(time, _)| time).max().unwrap() < last, "{name}\n{plan}");
        last
    };
    let [a, b, c] = ["A", "B", "C"].map(written);
    assert!(c < b && b < a && c + 2 < plan.operations.len(), "{plan}");
}
