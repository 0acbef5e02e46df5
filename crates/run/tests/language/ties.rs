//! What is compared with a maximum is the very number that was reduced: some entry always receives the gradient,
//! in both engines, whatever the values of a row are computed from.

use crate::common::generator::Dice;
use crate::common::{Given, build, fill, gradients, random};
use deltarule_core::derivation::for_running;
use deltarule_core::meaning;
use deltarule_core::model::Role;
use deltarule_core::plan::{Memory, Request, plan};
use deltarule_core::term::Name;
use deltarule_run::execute::Engine;

/// `loss` is the sum of so many extremes of rows that add `t`: the shares of all entries of `t` sum to as many.
struct Case {
    extremes: f64,
    text: &'static str,
}

const GIVEN: &str = "param A[5] ~ zeros\nparam B[5] ~ zeros\nparam C[5] ~ zeros\nparam s ~ zeros\nparam M[4,5] ~ zeros\n\
                     param N[4,5] ~ zeros\nparam V[4] ~ zeros\ninput x[5]\n";

const CASES: &[Case] = &[
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (A[j] B[j] + A[j] C[j] + t[j])" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = min[j] (A[j] B[j] + A[j] C[j] + t[j])" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nm = max[j] ((sum[v] M[v,j] B[j] N[v,j]) + t[j])\nloss = m" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nm = max[j] (sum[v] (M[v,j] B[j] N[v,j] + t[j] / 4))\nloss = m" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (s A[j] B[j] - s A[j] C[j] + s^2 A[j] + t[j] - s)" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nu[j] = A[j] B[j] + t[j]\nloss = max[j] (u[j] + A[j] C[j])" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (exp(A[j]) exp(B[j]) + exp(A[j]) C[j] + t[j])" },
    Case {
        extremes: 1.0,
        text: "param t[5] ~ zeros\nloss = max[j] (t[j] + A[j] / (1 + B[j]^2) + C[j] / (1 + B[j]^2))",
    },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (t[j] + tanh(A[j] B[j] + A[j] C[j]))" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (x[j] A[j] + x[j] B[j] + t[j])" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (t[j] + softmax[j](A[j] + x[j]))" },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] min[v] (M[v,j] A[j] + M[v,j] V[v] + t[j])" },
    Case { extremes: 1.0, text: "param t[4,5] ~ zeros\nloss = max[v,j] (M[v,j] A[j] + M[v,j] V[v] + t[v,j])" },
    Case { extremes: 4.0, text: "param t[4,5] ~ zeros\nloss = sum[v] max[j] (M[v,j] A[j] + M[v,j] V[v] + t[v,j])" },
    Case {
        extremes: 4.0,
        text: "param t[4,5] ~ zeros\nm[v] = max[j] (M[v,j] A[j] + M[v,j] V[v] + t[v,j])\nloss = sum[v] m[v]",
    },
    Case {
        extremes: 2.0,
        text: "param t[5] ~ zeros\nloss = max[j] (A[j] B[j] + A[j] C[j] + t[j]) + max[j] (B[j] A[j] - B[j] C[j] + t[j])",
    },
    Case {
        extremes: 0.0,
        text: "param t[5] ~ zeros\nloss = max[j] (A[j] B[j] + A[j] C[j] + t[j]) - min[j] (A[j] B[j] + A[j] C[j] + t[j])",
    },
    // Of two.
    Case {
        extremes: 5.0,
        text: "param t[5] ~ zeros\nloss = sum[j] max(A[j] B[j] + A[j] C[j] + t[j], A[j] (B[j] + C[j]) + t[j])",
    },
    Case {
        extremes: 5.0,
        text: "param t[5] ~ zeros\nloss = sum[j] min(A[j] (B[j] - C[j]) + t[j], t[j] - A[j] C[j] + A[j] B[j])",
    },
    // Entries that are equal but for their form.
    Case {
        extremes: 1.0,
        text: "param t[5] ~ zeros\nloss = max[j] (where(j < 2, s (V[0] + V[1]), s V[0] + s V[1]) + t[j])",
    },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = max[j] (s (V[0] + V[1]) / 3 + t[j])" },
    // Under conditions, with reads that they keep inside.
    Case {
        extremes: 3.0,
        text: "param t[5] ~ zeros\nloss = sum[i:5] [i > 1] max[j:2] (A[i-2+j] B[i-1] + A[i-2+j] C[i-1] + t[i-2+j])",
    },
    Case {
        extremes: 3.0,
        text: "param t[5] ~ zeros\nm[i:5] = where(i < 3, max[j:3] (A[i+j] B[i] + A[i+j] C[i] + t[i+j]), 0)\nloss = sum[i] m[i]",
    },
    // In a recurrence, whose earlier steps are read by the row.
    Case {
        extremes: 1.0,
        text: "param t[5] ~ zeros\nh[k:-1] = 0\nh[k:3] = max[j] (A[j] B[j] + A[j] C[j] + s h[k-1] - s + [k = 2] t[j])\nloss = h[2]",
    },
    // The conditions of the file itself.
    Case {
        extremes: 1.0,
        text: "param t[5] ~ zeros\nu = max[j] (A[j] B[j] + A[j] C[j])\n\
               n = sum[j] [A[j] B[j] + A[j] C[j] = u]\nloss = sum[j] [A[j] B[j] + A[j] C[j] = u] t[j] / n",
    },
    Case { extremes: 1.0, text: "param t[5] ~ zeros\nloss = t[argmax[j] (A[j] B[j] + A[j] C[j])]" },
];

#[test]
fn some_entry_always_receives_the_gradient() {
    let mut dice = Dice::new(11);
    let mut wrong = String::new();
    for Case { extremes, text } in CASES {
        let model = gradients(&build(&format!("{GIVEN}{text}\n"))).model;
        let wanted: Vec<Name> = vec!["∂loss/∂t".into()];
        let mut engines: Vec<Engine> = [Memory::Plenty, Memory::Low]
            .into_iter()
            .map(|memory| {
                let descend: [(Name, Name); 0] = [];
                let request = Request { outputs: &wanted, batch: 2, descend: &descend, memory };
                Engine::new(plan(&model, &request).unwrap())
            })
            .collect();
        let running = for_running(&model);
        for round in 0..60 {
            let mut given = random(&model, 2, &mut dice);
            if round % 3 == 0 {
                coarsen(&mut given);
            }
            let is_learned = |name: &Name| matches!(model.tensor(name).unwrap().role, Role::Param(_));
            assert!(given.keys().any(is_learned));
            let double: f64 = meaning::run(&running, &given, &wanted).unwrap()[&wanted[0]].values.iter().sum();
            let mut found = vec![("double", double)];
            for engine in &mut engines {
                fill(engine, &given);
                engine.run(0.0);
                found.push(("single", engine.tensor(&wanted[0]).unwrap().iter().map(|share| f64::from(*share)).sum()));
            }
            for (engine, shares) in found {
                if (shares - extremes).abs() > 1e-5 {
                    wrong += &format!("{text}\n    in {engine} precision the shares sum to {shares}\n");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Few different values, so that there are ties.
fn coarsen(given: &mut Given) {
    for array in given.values_mut() {
        array.values.iter_mut().for_each(|value| *value = (*value * 2.0).round() / 10.0);
    }
}
