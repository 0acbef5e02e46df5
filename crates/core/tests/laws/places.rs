//! A rule is tried only where it says that it can fit (`Place`): whatever it fits without that, it fits with it.

use super::{Subject, build, subjects_of};
use deltarule_core::derivation::{Context, Derivation, Rule, derive, everywhere, rules};
use deltarule_core::model::Definition;
use deltarule_core::term::{Name, Node, Term};
use std::collections::{BTreeMap, BTreeSet};

/// A term and all in it, reductions opened.
fn each_part(term: &Term, visit: &mut dyn FnMut(&Term)) {
    visit(term);
    match (term.node(), term.open()) {
        (Node::Reduce { .. }, Some(opened)) => each_part(&opened.body, visit),
        _ => term.for_each_child(&mut |child| each_part(child, visit)),
    }
}

/// Every rule on every part of a term, without asking for its place first.
fn try_all(term: &Term, context: &Context, fitted: &mut BTreeSet<&str>) {
    each_part(term, &mut |part| {
        for rule in rules::all() {
            // An entry is not given another name: that is said by where the rule can stand alone.
            if rule.name == rules::names::FOLD.name && matches!(part.node(), Node::Read { .. }) {
                continue;
            }
            let Some(after) = (rule.apply)(part, context).filter(|after| after != part) else { continue };
            fitted.insert(rule.name);
            let found = everywhere(rule, part, context);
            assert!(found.as_ref() == Some(&after), "«{}» fits {part:?}, but is not tried there: {found:?}", rule.name);
        }
    });
}

#[test]
fn every_rule_is_tried_where_it_fits() {
    let mut fitted = BTreeSet::new();
    for rule in rules::all() {
        for subject in subjects_of(rule, 0) {
            let Subject { term, .. } = &subject;
            try_all(term, &subject.context(), &mut fitted);
        }
    }
    assert!(rules::all().iter().all(|rule: &&Rule| fitted.contains(rule.name)));
}

/// The same on the way of whole derivations.
#[test]
fn every_rule_is_tried_on_the_way_of_derivations() {
    const NETWORKS: [&str; 3] = [
        "input x[2,6]\ntarget y[3] onehot\nparam K[2,2,3] ~ he\nparam W[3,2,3] ~ he\nz[o, r:6] = K[o,c,u] pad(x)[c, r+u-1]\n\
         a[o,r] = relu(z[o,r])\nm[o,r:3] = max[u:2] a[o, 2*r+u]\nl[k] = W[k,o,r] m[o,r]\n\
         p[k] = exp(l[k]) / sum[j] exp(l[j])\nloss = -y[k] log(p[k])\n",
        "input t[4] int(5)\nparam E[5,3] ~ he\nparam Q[3,3] ~ he\nx[s,d] = E[t[s],d]\nv[s,d] = layernorm[d](x[s,d])\n\
         S[q,k] = where(k <= q, v[q,d] Q[d,e] v[k,e] / sqrt(3), -inf)\nA[q,k] = softmax[k](S[q,k])\n\
         o[q,d] = gelu(A[q,k] v[k,d])\nloss = mean[q] o[q, 1]^2\n",
        "input x[4,2]\ntarget y\nparam U[3,2] ~ he\nparam V[3,3] ~ he\nh[s:-1, i] = 0\n\
         h[s,i] = tanh(U[i,j] x[s,j] + V[i,j] h[s-1,j])\nloss = log(1 + exp(-y sum[i] h[3,i])) + (x[i,j] - 1) (x[i,j] - 1)\n",
    ];
    let mut fitted = BTreeSet::new();
    for text in NETWORKS {
        let model = build(text);
        let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
        let backward = derive(&model, "loss", &parameters).unwrap();
        let local = backward.jacobians.iter().map(|local| {
            let body = local.derivation.end().clone();
            ((local.tensor.clone(), local.wrt.clone()), Definition { indices: local.indices.clone(), body })
        });
        let (jacobians, known) = (local.collect(), BTreeMap::new());
        let context = Context { model: &backward.model, jacobians: &jacobians, known: &known };
        let mut try_derivation = |derivation: &Derivation| {
            let terms = derivation.steps.iter().map(|step| &step.after).chain([&derivation.start]);
            terms.for_each(|term| try_all(term, &context, &mut fitted));
        };
        backward.stabilised.iter().for_each(|one| try_derivation(&one.derivation));
        backward.jacobians.iter().for_each(|one| try_derivation(&one.derivation));
        backward.gradients.iter().flat_map(|one| [&one.derivation, &one.shown]).for_each(&mut try_derivation);
    }
    assert!(fitted.len() > 40, "{}: {fitted:?}", fitted.len());
}
