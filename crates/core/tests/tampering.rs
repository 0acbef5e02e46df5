//! Every recorded step is checked: whatever is changed in one, the check sees it.

use deltarule_core::derivation::{Backward, Derivation, Rule, derive, random_point, rules, verify, with_derivatives};
use deltarule_core::model::{Model, build};
use deltarule_core::syntax::parse;
use deltarule_core::term::{Affine, Name, Node, Term};
use deltarule_core::text::Source;

const MODELS: &[&str] = &[
    "input x[3]\ntarget y[4] onehot\nparam W[5,3] ~ he\nparam V[4,5] ~ he\nparam b[5] ~ zeros\n\
     z[i] = W[i,j] x[j] + b[i]\na[i] = sigmoid(z[i])\nu[i] = V[i,j] a[j]\n\
     p[i] = exp(u[i]) / sum[k] exp(u[k])\nloss = -y[i] log(p[i])\n",
    "input x[4]\ntarget y[3]\nparam A[3,4] ~ he\ne[i] = relu(A[i,j] x[j]) - y[i]\nm = max[i] e[i]\n\
     loss = 1/2 e[i] e[i] + m tanh(m)\n",
    "input x[4,2]\ntarget y\nparam U[3,2] ~ he\nparam V[3,3] ~ he\nh[t:-1, i] = 0\n\
     h[t,i] = tanh(U[i,j] x[t,j] + V[i,j] h[t-1,j])\nloss = (sum[i] h[3,i] - y)^2\n",
    "input x[9]\ntarget y\nparam w[3] ~ he\nc[i:4] = x[2*i+k] w[k]\nloss = (sum[i] max(c[i], 0) - y)^2 / (1 + c[i] c[i])\n",
    "input x[2]\nparam W[3,2] ~ he\nparam w[3] ~ he\na[h] = tanh(W[h,i] x[i])\nu = w[h] a[h]\ng[i] = ∂u/∂x[i]\n\
     loss = (g[i] g[i] - 1)^2\n",
];

fn built(text: &str) -> Model {
    let source = Source::new("model.dr", text);
    build(&source, &parse(&source).unwrap()).unwrap()
}

fn uniform() -> impl FnMut() -> f64 {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// All derivations, to be changed.
fn derivations(backward: &mut Backward) -> Vec<&mut Derivation> {
    let stable = backward.stabilised.iter_mut().map(|stable| &mut stable.derivation);
    let local = backward.jacobians.iter_mut().map(|local| &mut local.derivation);
    let gradients = backward
        .gradients
        .iter_mut()
        .flat_map(|gradient| [&mut gradient.derivation, &mut gradient.shown].into_iter().chain(&mut gradient.in_full));
    stable.chain(local).chain(gradients).collect()
}

/// The first addend with the opposite sign.
fn sign(term: &Term) -> Term {
    let (first, rest) = term.addends().split_first().expect("an addend");
    Term::add([&[first.negated()], rest].concat())
}

/// The whole term twice.
fn factor(term: &Term) -> Term {
    Term::mul(vec![Term::integer(2), term.clone()])
}

/// An index by another place: the first free one where there is one, or else the first subscript that is read.
fn index(term: &Term) -> Term {
    match term.free().first() {
        Some(first) => {
            let next = Affine::combine(&[
                (-1, &Affine::index(first)),
                (1, &Affine::constant(first.extent.value() as i64 - 1)),
            ]);
            term.substitute(first, &next.expect("a small form"))
        }
        None => shifted(term).unwrap_or_else(|| factor(term)),
    }
}

fn shifted(term: &Term) -> Option<Term> {
    if let Node::Read { tensor, subscripts } = term.node() {
        let (first, rest) = subscripts.split_first()?;
        let next = Term::add(vec![first.clone(), Term::integer(1)]);
        return Some(Term::read(tensor, [&[next], rest].concat()));
    }
    let children = term.children();
    let place = children.iter().position(|child| shifted(child).is_some())?;
    let changed = children.iter().enumerate().map(|(number, child)| match number == place {
        true => shifted(child).expect("as before"),
        false => child.clone(),
    });
    Some(term.with_children(changed.collect()))
}

/// A way to change a line, with its name.
type Change = (&'static str, fn(&Term) -> Term);

#[test]
fn every_changed_step_is_seen() {
    let changes: [Change; 3] = [("sign", sign), ("factor", factor), ("index", index)];
    let (mut tampered, mut in_full) = (0, 0);
    for text in MODELS {
        let model = with_derivatives(&built(text)).unwrap();
        let wrt: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
        let mut backward = derive(&model, "loss", &wrt).unwrap();
        backward.put_in_full();
        in_full += backward.gradients.iter().flat_map(|own| &own.in_full).map(|own| own.steps.len()).sum::<usize>();
        let mut uniform = uniform();
        let points = [random_point(&backward.model, &mut uniform)];
        let verification = verify(&backward, &points).unwrap();
        assert!(verification.exact > 0, "{verification:?}");
        let counts: Vec<usize> = derivations(&mut backward).iter().map(|derivation| derivation.steps.len()).collect();
        for (chain, count) in counts.into_iter().enumerate() {
            for step in 0..count {
                let kept = derivations(&mut backward)[chain].steps[step].clone();
                let mut expect_seen = |what: &str, changed: deltarule_core::derivation::Step| {
                    derivations(&mut backward)[chain].steps[step] = changed;
                    assert!(verify(&backward, &points).is_err(), "{what} of step {step} of chain {chain}: {kept:?}");
                    tampered += 1;
                };
                for (what, change) in changes {
                    let after = change(&kept.after);
                    if after != kept.after {
                        expect_seen(what, deltarule_core::derivation::Step { rule: kept.rule, after });
                    }
                }
                let another = rules::all()
                    .iter()
                    .find(|rule| rule.name != kept.rule.name && rule.name != "definition, in normal form");
                let rule = another.expect("another rule");
                expect_seen("rule", deltarule_core::derivation::Step { rule, after: kept.after.clone() });
                // The same function under a name that is not in the table.
                let forged: &'static Rule = Box::leak(Box::new(Rule {
                    name: "magic",
                    law: kept.rule.law,
                    place: kept.rule.place,
                    apply: kept.rule.apply,
                }));
                expect_seen("name", deltarule_core::derivation::Step { rule: forged, after: kept.after.clone() });
                derivations(&mut backward)[chain].steps[step] = kept.clone();
            }
        }
        assert!(verify(&backward, &points).is_ok());
    }
    assert!(tampered > 500 && in_full > 3, "{tampered} changes, {in_full} steps in full");
}

/// Where a chain goes on it must begin with what the one before it ends in, also where it has no steps.
#[test]
fn a_changed_beginning_is_seen() {
    let model = built(MODELS[0]);
    let wrt: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let mut backward = derive(&model, "loss", &wrt).unwrap();
    backward.put_in_full();
    for number in 0..backward.gradients.len() {
        for chain in 0..3 {
            let begin = |backward: &mut Backward, changed: Option<Term>| {
                let gradient = &mut backward.gradients[number];
                let in_full = gradient.in_full.as_mut().expect("a short result");
                let derivation = [&mut gradient.derivation, &mut gradient.shown, in_full].into_iter().nth(chain);
                let start = &mut derivation.expect("one of three").start;
                std::mem::replace(start, changed.unwrap_or_else(|| factor(start)))
            };
            let kept = begin(&mut backward, None);
            assert!(verify(&backward, &[]).is_err(), "chain {chain} of gradient {number}");
            begin(&mut backward, Some(kept));
        }
    }
    assert!(verify(&backward, &[]).is_ok());
}
