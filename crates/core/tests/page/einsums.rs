//! Sums of products of reads as calls of `einsum`.

use crate::random::{GIVEN, Random};
use crate::{model, point};
use deltarule_core::meaning::{Array, Point, complete, evaluate};
use deltarule_core::page::{Einsum, EinsumProgram, Intermediate, einsum, einsum_program, einsum_sum};
use deltarule_core::term::{Index, Term};
use std::collections::BTreeMap;

fn form(equation: &str) -> Option<String> {
    let text =
        format!("param A[4,5]\nparam B[5,3]\nparam T[2,3,4]\nparam a[4]\nparam b[5]\nparam s\n{equation}\nloss = s\n");
    let model = model(&text.replace("]\nparam", "] ~ zeros\nparam").replace("param s\n", "param s ~ zeros\n"));
    let definition = model.definition("t").unwrap();
    einsum(&model, &definition.indices, &definition.body).map(|einsum| einsum.to_string())
}

#[test]
fn sums_of_products_are_one_call() {
    let expect = |equation: &str, expected: &str| assert_eq!(form(equation).as_deref(), Some(expected), "{equation}");
    expect("t[i] = A[i,j] b[j]", "einsum(\"ij,j->i\", A, b)");
    expect("t[k,i] = A[i,j] B[j,k]", "einsum(\"jk,ki->ij\", A, B)");
    expect("t[p,q,r] = T[p,q,r] a[r]", "einsum(\"ijk,k->ijk\", T, a)");
    expect("t[j] = sum[i,k] T[i,j,k]", "einsum(\"jik->i\", T)");
    expect("t[i] = 2 a[i] sum[j] b[j]^2", "einsum(\",i,j,j->i\", 2, a, b, b)");
    expect("t[i] = s (sum[j] b[j]) (sum[j] A[i,j])", "einsum(\",ij,k->i\", s, A, b)");
}

#[test]
fn a_sum_is_a_sum_of_calls() {
    let model = model(
        "param A[4,5] ~ zeros\nparam a[4] ~ zeros\nparam b[5] ~ zeros\nt[i,j] = a[i] b[j] - 2 A[i,j]\nloss = sum[i] a[i]\n",
    );
    let definition = model.definition("t").unwrap();
    let calls = einsum_sum(&model, &definition.indices, &definition.body).unwrap();
    let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["einsum(\"i,j->ij\", a, b)", "einsum(\",ij->ij\", -2, A)"]);
}

#[test]
fn anything_else_is_not() {
    assert_eq!(form("t[i] = a[i] + s"), None);
    assert_eq!(form("t[i] = exp(a[i])"), None);
    assert_eq!(form("t[i:4] = s"), None);
    assert_eq!(form("t[i] = a[i] / s"), None);
}

/// The sum of the products that a call says, in plain loops.
fn called(call: &Einsum, point: &Point) -> Array {
    let (inputs, output) = call.subscripts.split_once("->").unwrap();
    let inputs: Vec<&str> = inputs.split(',').collect();
    let value = |operand: &String| match operand.parse::<f64>() {
        Ok(number) => Array::scalar(number),
        Err(_) => match operand.split_once('/') {
            Some((n, d)) => Array::scalar(n.parse::<f64>().unwrap() / d.parse::<f64>().unwrap()),
            None => point[operand.as_str()].clone(),
        },
    };
    let operands: Vec<Array> = call.operands.iter().map(value).collect();
    let mut extents: BTreeMap<char, usize> = BTreeMap::new();
    for (input, operand) in inputs.iter().zip(&operands) {
        assert_eq!(input.chars().count(), operand.shape.len(), "{call}");
        extents.extend(input.chars().zip(operand.shape.iter().copied()));
    }
    let letters: Vec<char> = extents.keys().copied().collect();
    let shape: Vec<usize> = output.chars().map(|letter| extents[&letter]).collect();
    let mut values = vec![0.0; shape.iter().product()];
    for mut flat in 0..extents.values().product::<usize>() {
        let mut at: BTreeMap<char, usize> = BTreeMap::new();
        for letter in &letters {
            at.insert(*letter, flat % extents[letter]);
            flat /= extents[letter];
        }
        let entry = |letters: &str| letters.chars().map(|letter| at[&letter]).collect::<Vec<_>>();
        let product: f64 =
            inputs.iter().zip(&operands).map(|(input, operand)| operand.get(&entry(input)).unwrap()).product();
        let place = output.chars().fold(0, |place, letter| place * extents[&letter] + at[&letter]);
        values[place] += product;
    }
    Array { shape, values }
}

fn sum(calls: &[Einsum], point: &Point) -> Array {
    let parts: Vec<Array> = calls.iter().map(|call| called(call, point)).collect();
    let add = |a: Array, b: &Array| Array { values: a.values.iter().zip(&b.values).map(|(x, y)| x + y).collect(), ..a };
    parts[1..].iter().fold(parts[0].clone(), add)
}

/// What a program gives: intermediates are read as equations of the language.
fn run(program: &EinsumProgram, given: &str, point: &Point) -> Array {
    let (mut point, mut text) = (point.clone(), given.to_string());
    for intermediate in &program.intermediates {
        let (name, value) = match intermediate {
            Intermediate::Contraction(name, calls) => (name.to_string(), sum(calls, &point)),
            Intermediate::Elementwise(equation) => {
                let name = equation.split(['[', ' ']).next().unwrap().to_string();
                let model = model(&format!("{text}{equation}\nloss = s\n"));
                let mut point = point.clone();
                complete(&model, &mut point, &[name.as_str().into()]).unwrap();
                (name.clone(), point[name.as_str()].clone())
            }
        };
        let extents: Vec<String> = value.shape.iter().map(ToString::to_string).collect();
        let axes = if extents.is_empty() { String::new() } else { format!("[{}]", extents.join(",")) };
        text += &format!("param {name}{axes} ~ zeros\n");
        point.insert(name.as_str().into(), value);
    }
    sum(&program.calls, &point)
}

/// How far a program is from the term it is for.
fn error(given: &str, indices: &[Index], term: &Term) -> Option<f64> {
    let model = model(&format!("{given}loss = s\n"));
    let point = point(&model, 9);
    let program = einsum_program(&model, indices, term)?;
    let found = run(&program, given, &point);
    let extents: Vec<usize> = indices.iter().map(|index| index.extent.value()).collect();
    assert_eq!(found.shape, extents, "{program}");
    let (mut size, mut error) = (1e-3f64, 0.0f64);
    for (flat, value) in found.values.iter().enumerate() {
        let mut rest = flat;
        let mut at = Vec::new();
        for index in indices.iter().rev() {
            at.push((index.clone(), rest % index.extent.value()));
            rest /= index.extent.value();
        }
        let expected = evaluate(&model, &point, term, &at).unwrap();
        size = size.max(expected.abs());
        error = if (expected - value).is_nan() { f64::NAN } else { error.max((expected - value).abs()) };
    }
    Some(error / size)
}

#[test]
fn random_terms_keep_their_value_as_programs() {
    let mut random = Random::plain(11);
    let mut compared = 0;
    for round in 0..150 {
        let all = [Index::new(0, 4, "i"), Index::new(1, 5, "j"), Index::new(2, 3, "k")];
        let indices = &all[..random.below(4)];
        let term = random.term(1 + round % 3, indices);
        let Some(error) = error(GIVEN, indices, &term).filter(|error| error.is_finite()) else { continue };
        compared += 1;
        assert!(error < 1e-9, "round {round}: {term:?} is off by {error}");
    }
    assert!(compared > 100, "only {compared} comparisons");
}

#[test]
fn functions_come_first() {
    let text = "param A[4,5] ~ zeros\nparam b[5] ~ zeros\nparam x[8] ~ zeros\nparam s ~ zeros\n";
    let program = |equation: &str| {
        let model = model(&format!("{text}{equation}\nloss = s\n"));
        let definition = model.definition("t").unwrap();
        assert!(error(text, &definition.indices, &definition.body).unwrap() < 1e-12, "{equation}");
        einsum_program(&model, &definition.indices, &definition.body).unwrap().to_string()
    };
    let expect = |equation: &str, expected: &str| assert_eq!(program(equation), expected);
    expect("t[i] = tanh(A[i,j] b[j])", "t1 = einsum(\"ij,j->i\", A, b); t2[i] = tanh(t1[i]); einsum(\"i->i\", t2)");
    expect("t[i] = A[i,j] exp(b[j])", "t1[j] = exp(b[j]); einsum(\"ij,j->i\", A, t1)");
    expect("t[i:4] = s", "t1[i:4] = 1; einsum(\",i->i\", s, t1)");
    expect("t[i] = sum[j:3] A[i,j] b[j]", "t1[i,j:3] = A[i,j]; t2[j:3] = b[j]; einsum(\"ij,j->i\", t1, t2)");
    expect("t[i:4] = x[i+k] b[k]", "t1[i:4,k:5] = x[i+k]; einsum(\"j,ij->i\", b, t1)");
    expect("t[i:6] = sum[k] [i > k] x[i-1-k] b[k]", "t1[i:6,k:5] = [i > k] x[i-k-1]; einsum(\"j,ij->i\", b, t1)");
}
