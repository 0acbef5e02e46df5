//! Training and evaluation of whole models, from their text.

use deltarule_core::derivation::{self, Backward};
use deltarule_core::meaning::{self, MeaningError};
use deltarule_core::model::{self, Model};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source as Text;
use deltarule_run::arrays::Array;
use deltarule_run::data::{self, Dataset, Examples, Source};
use deltarule_run::evaluate::evaluate;
use deltarule_run::seeds::{Stream, initialise};
use deltarule_run::train::{Event, Options, Outcome, TrainError, train};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const DIGITS: &str = include_str!("../../../models/digits.dr");
const LOGISTIC: &str = include_str!("../../../models/logistic.dr");
const FACTORISATION: &str = include_str!("../../../models/factorisation.dr");

fn model_of(text: &str) -> Model {
    let source = Text::new("test.dr", text);
    let tree = syntax::parse(&source).unwrap_or_else(|problems| panic!("{problems:?}"));
    model::build(&source, &tree).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn backward(model: &Model) -> Backward {
    let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    derivation::derive(model, model::LOSS, &parameters).expect("derivatives")
}

fn trained(text: &str, data: &Dataset, options: &Options) -> Result<Outcome, TrainError> {
    let model = model_of(text);
    let parameters = initialise(&model, options.seed);
    train(&backward(&model), data, &parameters, options, &mut |_| ControlFlow::Continue(()))
}

fn digits() -> Dataset {
    data::load(&Source::Digits, &model_of(DIGITS)).expect("digits")
}

#[test]
fn digits_are_learned_from_every_seed() {
    let data = digits();
    for seed in 0..5 {
        let outcome = trained(DIGITS, &data, &Options { seed, ..Options::default() }).expect("trained");
        let accuracy = outcome.held_out.metric("accuracy").expect("a metric");
        assert!(accuracy >= 0.96, "seed {seed}: {accuracy}");
        assert!(outcome.held_out.loss < 0.2, "seed {seed}: {}", outcome.held_out.loss);
        assert_eq!((outcome.epochs, outcome.stopped), (40, false));
        println!(
            "seed {seed}: accuracy {accuracy:.4}, {:?} in steps, {:.0} examples/s",
            outcome.time, outcome.examples_per_second
        );
    }
}

/// 1438 is no multiple of 100: the engine of the last batch is part of this.
#[test]
fn the_bits_do_not_depend_on_threads() {
    let data = digits();
    let run = |threads| {
        let options = Options { epochs: 2, batch: 100, threads, seed: 3, ..Options::default() };
        trained(DIGITS, &data, &options).expect("trained")
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one.parameters, two.parameters);
    assert_eq!((one.train_loss, &one.held_out), (two.train_loss, &two.held_out));
    let other = Options { epochs: 2, batch: 100, seed: 4, ..Options::default() };
    assert_ne!(one.parameters, trained(DIGITS, &data, &other).expect("trained").parameters);
}

/// Points on both sides of a plane, with every tenth label wrong.
fn planes(count: usize) -> Examples {
    let mut stream = Stream::new(0, "test", "planes");
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for example in 0..count {
        let point: Vec<f32> = (0..8).map(|_| stream.uniform() as f32 * 2.0 - 1.0).collect();
        let side = point.iter().enumerate().map(|(axis, value)| value * (axis as f32 - 2.0)).sum::<f32>() > 0.5;
        y.push(f32::from(u8::from(side != (example % 10 == 0))));
        x.extend(point);
    }
    Examples { count, tensors: BTreeMap::from([("x".into(), x), ("y".into(), y)]) }
}

#[test]
fn logistic_regression() {
    // More held-out examples than go through at once.
    let data = Dataset { train: planes(500), held_out: planes(300), ..Dataset::default() };
    let outcome = trained(LOGISTIC, &data, &Options { batch: 20, ..Options::default() }).expect("trained");
    let accuracy = outcome.held_out.metric("accuracy").expect("a metric");
    assert!((0.85..=0.95).contains(&accuracy), "{accuracy}");
    assert!(outcome.held_out.loss < 0.45, "{}", outcome.held_out.loss);

    let mut given: BTreeMap<Name, meaning::Array> =
        outcome.parameters.into_iter().map(|(name, array)| (name, array.into())).collect();
    for (name, values) in &data.held_out.tensors {
        let shape = if &**name == "x" { vec![300, 8] } else { vec![300] };
        let values = values.iter().map(|&value| f64::from(value)).collect();
        given.insert(name.clone(), meaning::Array::new(shape, values).expect("whole"));
    }
    let found = meaning::run(&model_of(LOGISTIC), &given, &["loss".into(), "accuracy".into()]).expect("values");
    let mean = |name: &str| found[name].values.iter().sum::<f64>() / 300.0;
    assert!((mean("loss") - outcome.held_out.loss).abs() < 1e-6 && (mean("accuracy") - accuracy).abs() < 1e-9);
}

#[test]
fn a_factorisation_has_no_examples() {
    let mut stream = Stream::new(1, "test", "factors");
    let (u, v): (Vec<f32>, Vec<f32>) =
        ((0..36).map(|_| stream.uniform() as f32).collect(), (0..27).map(|_| stream.uniform() as f32).collect());
    let entry = |row: usize, column: usize| (0..3).map(|k| u[3 * row + k] * v[3 * column + k]).sum::<f32>();
    let matrix =
        (0..12).flat_map(|row| (0..9).map(move |column| (row, column))).map(|(row, column)| entry(row, column));
    let constants = BTreeMap::from([("M".into(), matrix.collect())]);
    let data = Dataset { constants, ..Dataset::default() };
    let run = |epochs| trained(FACTORISATION, &data, &Options { epochs, rate: 0.05, ..Options::default() });
    let (before, after) = (run(0).expect("evaluated"), run(300).expect("trained"));
    assert_eq!((before.steps, before.train_loss, after.steps), (0, None, 300));
    assert!(after.held_out.loss < before.held_out.loss / 10.0, "{:?} {:?}", before.held_out, after.held_out);
    assert!(after.held_out.metric("rmse").expect("a metric") < 0.1, "{:?}", after.held_out);
    assert_eq!(after.examples_per_second, 0.0);
}

/// What steps do, by the reference: the parameters less the rate times the mean gradient. The
/// second one has fewer examples than the first.
#[test]
fn steps_are_those_of_the_reference() {
    let model = model_of(LOGISTIC);
    let backward = backward(&model);
    let data = Dataset { train: planes(7), held_out: planes(3), ..Dataset::default() };
    let options = Options { epochs: 1, batch: 4, rate: 0.5, seed: 6, ..Options::default() };
    let first = initialise(&model, 6);
    let outcome = train(&backward, &data, &first, &options, &mut |_| ControlFlow::Continue(())).expect("trained");

    let mut order: Vec<usize> = (0..7).collect();
    Stream::new(6, "order of epoch", "1").shuffle(&mut order);
    let mut given: BTreeMap<Name, meaning::Array> =
        first.into_iter().map(|(name, array)| (name, array.into())).collect();
    let mut losses = Vec::new();
    for rows in order.chunks(4) {
        for (name, own) in [("x", &[8][..]), ("y", &[])] {
            let length: usize = own.iter().product();
            let values = rows.iter().flat_map(|row| &data.train.tensors[name][row * length..][..length]);
            let shape = std::iter::once(rows.len()).chain(own.iter().copied()).collect();
            let values = values.map(|&value| f64::from(value)).collect();
            given.insert(name.into(), meaning::Array::new(shape, values).expect("whole"));
        }
        let gradients = ["w", "b"].map(|name| backward.gradient(name).expect("a gradient").name.clone());
        let wanted = [gradients[0].clone(), gradients[1].clone(), "loss".into()];
        let found = meaning::run(&backward.model, &given, &wanted).expect("values");
        losses.extend(found["loss"].values.clone());
        for (name, gradient) in ["w", "b"].iter().zip(&gradients) {
            let values = &mut given.get_mut(*name).expect("a parameter").values;
            values.iter_mut().zip(&found[gradient].values).for_each(|(value, gradient)| *value -= 0.5 * gradient);
        }
    }
    for name in ["w", "b"] {
        for (expected, found) in given[name].values.iter().zip(outcome.parameters[name].to_f64()) {
            assert!((expected - found).abs() < 1e-6, "{name}: {found} is not {expected}");
        }
    }
    let mean = losses.iter().sum::<f64>() / 7.0;
    assert!((outcome.train_loss.expect("an epoch") - mean).abs() < 1e-6, "every example counts once");
}

#[test]
fn events_and_stopping() {
    let model = model_of(LOGISTIC);
    let backward = backward(&model);
    let data = Dataset { train: planes(50), held_out: planes(10), ..Dataset::default() };
    let options = Options { epochs: 3, batch: 20, ..Options::default() };
    let run = |stop_after: usize| {
        let mut seen = Vec::new();
        let mut observe = |event: &Event| {
            seen.push(match event {
                Event::Step(done) => format!("{}:{}/{}:{}", done.epoch, done.step, done.steps, done.examples),
                Event::Epoch(done) => format!("epoch {}", done.epoch),
            });
            if seen.len() == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = train(&backward, &data, &initialise(&model, 0), &options, &mut observe).expect("trained");
        (seen, outcome)
    };
    let (seen, outcome) = run(usize::MAX);
    assert_eq!(seen[..5], ["1:1/3:20", "1:2/3:20", "1:3/3:10", "epoch 1", "2:1/3:20"]);
    assert_eq!((seen.len(), outcome.epochs, outcome.steps, outcome.stopped), (12, 3, 9, false));
    let (seen, outcome) = run(6);
    assert_eq!((seen.len(), outcome.epochs, outcome.steps, outcome.stopped), (6, 1, 5, true));
    assert!(outcome.held_out.loss.is_finite() && outcome.train_loss.is_some());
    let (_, outcome) = run(4);
    assert_eq!((outcome.epochs, outcome.steps, outcome.stopped), (1, 3, true));
}

#[test]
fn what_cannot_be_trained() {
    let data = digits();
    let message = |data: &Dataset, options: Options| trained(DIGITS, data, &options).expect_err("an error").to_string();
    let base = Options::default();
    assert!(message(&data, Options { batch: 0, ..base }).contains("at least one example"));
    assert!(message(&data, Options { rate: f32::NAN, ..base }).contains("the rate NaN"));
    assert!(message(&data, Options { rate: -1.0, ..base }).contains("the rate -1"));
    let mut without = data.clone();
    without.train.tensors.remove("y");
    assert!(message(&without, base).contains("no values for `y`"));
    assert!(message(&Dataset::default(), base).contains("no values for `x`"));
    let mut poisoned = data.clone();
    poisoned.train.tensors.get_mut("x").expect("x").fill(f32::NAN);
    assert!(message(&poisoned, base).contains("the loss is NaN before the first step"));
    let mut stream = Stream::new(2, "test", "matrix");
    let constants = BTreeMap::from([("M".into(), (0..108).map(|_| stream.uniform() as f32 * 10.0).collect())]);
    let data = Dataset { constants, ..Dataset::default() };
    let diverged = trained(FACTORISATION, &data, &Options { rate: 5.0, ..base }).expect_err("far too fast").to_string();
    assert!(diverged.contains("training diverged") && diverged.contains("0.5 instead of 5"), "{diverged}");
}

fn given(model: &Model, examples: usize, seed: u64) -> BTreeMap<Name, meaning::Array> {
    let mut stream = Stream::new(seed, "test", "given");
    let mut uniform = || stream.uniform() * 2.0 - 1.0;
    let mut points = (0..examples).map(|_| derivation::random_point(model, &mut uniform)).collect::<Vec<_>>();
    let mut given = points.pop().expect("an example");
    for tensor in model.data() {
        let array = given.get_mut(&tensor.name).expect("a value");
        array.shape.insert(0, examples);
        array.values.extend(points.iter().flat_map(|point| point[&tensor.name].values.clone()));
    }
    given
}

#[test]
fn evaluation_agrees_with_the_reference() {
    for text in [DIGITS, LOGISTIC, FACTORISATION] {
        let model = backward(&model_of(text)).model;
        let given = given(&model, 3, 0);
        let wanted: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let fast = evaluate(&model, &given, &wanted, 1).expect("fast");
        let slow = meaning::run(&model, &given, &wanted).expect("slow");
        for name in &wanted {
            assert_eq!(fast[name].shape(), slow[name].shape, "{name}");
            let size = slow[name].values.iter().fold(1.0f64, |size, value| size.max(value.abs()));
            for (fast, slow) in fast[name].to_f64().iter().zip(&slow[name].values) {
                assert!((fast - slow).abs() <= 1e-5 * size, "{name}: {fast} is not {slow}");
            }
        }
    }
}

#[test]
fn evaluation_says_the_same_as_the_reference() {
    let model = model_of(LOGISTIC);
    let good = given(&model, 2, 0);
    let array = |shape: &[usize]| meaning::Array { shape: shape.to_vec(), values: vec![0.5; shape.iter().product()] };
    let with = |name: &str, array: meaning::Array| {
        let mut given = good.clone();
        given.insert(name.into(), array);
        given
    };
    let without = |name: &str| {
        let mut given = good.clone();
        given.remove(name);
        given
    };
    let cases: Vec<(BTreeMap<Name, meaning::Array>, &str, &str)> = vec![
        (without("x"), "loss", "`x` has no value"),
        (without("w"), "loss", "`w` has no value"),
        (with("x", array(&[2, 7])), "loss", "`x` needs values of shape [examples, 8]"),
        (with("x", array(&[3, 8])), "loss", "`x` is given for 3 examples, but `y` for 2"),
        (with("w", array(&[2, 8])), "loss", "`w` should have shape [8]"),
        (with("loss", array(&[2])), "loss", "`loss` is defined by the model"),
        (with("x", array(&[0, 8])), "loss", "no examples"),
        (good.clone(), "lost", "no tensor `lost`"),
    ];
    for (given, wanted, expected) in cases {
        let wanted = [Name::from(wanted)];
        let fast = evaluate(&model, &given, &wanted, 1).expect_err(expected).to_string();
        let slow: MeaningError = meaning::run(&model, &given, &wanted).expect_err(expected);
        assert_eq!(fast, slow.to_string());
        assert!(fast.contains(expected), "{fast:?} should say {expected:?}");
    }
}

#[test]
fn parameters_begin_as_declared() {
    let model = model_of(DIGITS);
    let first = initialise(&model, 0);
    assert_eq!(first, initialise(&model, 0));
    assert_ne!(first["W1"], initialise(&model, 1)["W1"]);
    assert_eq!(first["b1"], Array::f32(vec![32], vec![0.0; 32]).expect("whole"));
    let values = first["W1"].to_f64();
    let deviation = (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
    assert!((deviation / (2.0f64 / 96.0).sqrt() - 1.0).abs() < 0.05, "{deviation}");
    // Another parameter before it changes nothing.
    let more = DIGITS.replace("param  b1", "param  A[3] ~ he\nparam  b1").replace("loss  =", "loss  = sum[i] A[i]^2");
    let more = model_of(&more);
    assert_eq!(initialise(&more, 0)["W1"], first["W1"]);
    assert_eq!(initialise(&more, 0)["W2"], first["W2"]);
}
