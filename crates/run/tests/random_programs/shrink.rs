//! A program that fails, made smaller for as long as it fails in the same way.

use super::grammar::{Equation, Expr, Outside, Program, Reduce, Spelling, Sub};
use std::time::{Duration, Instant};

/// The smallest program found for which `fails` holds.
pub fn smallest(program: &Program, time: Duration, fails: &dyn Fn(&Program) -> bool) -> Program {
    let start = Instant::now();
    let mut best = program.clone();
    loop {
        let size = best.clone().size();
        let mut all = candidates(&best);
        all.retain_mut(|candidate| candidate.size() < size);
        all.sort_by_cached_key(|candidate| candidate.clone().size());
        let next = all.into_iter().take_while(|_| start.elapsed() < time).find(|candidate| fails(candidate));
        match next {
            Some(next) => best = next,
            None => return best,
        }
    }
}

/// All programs that are one change away.
fn candidates(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for place in 0..program.equations.len() {
        // An equation that nothing reads goes; one without a use in the loss can.
        let mut without = program.clone();
        let gone = without.equations.remove(place);
        if gone.name != program.target {
            all.push(without);
        }
        if !gone.left.is_empty() && gone.name != program.target {
            for axis in 0..gone.left.len() {
                all.extend(shorter(program, place, axis));
            }
        }
        if gone.boundary.is_some() {
            let mut simple = program.clone();
            simple.equations[place].boundary = Some(Expr::Number("2"));
            all.push(simple);
        }
        all.extend(bodies(&gone).into_iter().map(|body| {
            let mut changed = program.clone();
            changed.equations[place].body = body;
            changed
        }));
    }
    for place in 0..program.tensors.len() {
        let mut without = program.clone();
        without.tensors.remove(place);
        all.push(without);
        for axis in 0..program.tensors[place].shape.len() {
            for extent in [1, 2, 3, 5] {
                let mut less = program.clone();
                if extent < less.tensors[place].shape[axis] {
                    less.tensors[place].shape[axis] = extent;
                    all.push(less);
                }
            }
        }
    }
    all
}

/// Left sides with fewer values of an index, and with the index at 0 everywhere.
fn shorter(program: &Program, place: usize, axis: usize) -> Vec<Program> {
    let mut all = Vec::new();
    for extent in [1, 2, 3, 5] {
        let mut less = program.clone();
        if extent < less.equations[place].left[axis].extent {
            less.equations[place].left[axis].extent = extent;
            all.push(less);
        }
    }
    // The ranges of what reads it follow.
    for extent in [1, 2, 3, 5] {
        let mut less = program.clone();
        let before = less.equations[place].left[axis].extent;
        if extent >= before {
            continue;
        }
        less.equations[place].left[axis].extent = extent;
        for equation in &mut less.equations {
            equation.body.each(&mut |expr| {
                if let Expr::Reduce(_, binders, ..) = expr {
                    binders
                        .iter_mut()
                        .filter(|binder| binder.extent == before)
                        .for_each(|binder| binder.extent = extent);
                }
            });
        }
        all.push(less);
    }
    all
}

fn bodies(equation: &Equation) -> Vec<Expr> {
    let mut all = Vec::new();
    let mut count = 0;
    equation.body.clone().each(&mut |_| count += 1);
    for number in 0..count {
        let mut copy = equation.body.clone();
        let found = copy.at(&mut number.clone()).expect("an expression of this number").clone();
        for simpler in simpler(&found) {
            let mut changed = equation.body.clone();
            *changed.at(&mut number.clone()).expect("the same") = simpler;
            all.push(changed);
        }
    }
    all
}

/// Expressions that could stand in the place of this one.
fn simpler(expr: &Expr) -> Vec<Expr> {
    let mut all: Vec<Expr> = Vec::new();
    let mut copy = expr.clone();
    all.extend(copy.parts().into_iter().map(|part| part.clone()));
    all.push(Expr::Number("2"));
    match expr {
        Expr::Sum(addends) if addends.len() > 1 => {
            for place in 0..addends.len() {
                let mut less = addends.clone();
                less.remove(place);
                all.push(if less.len() == 1 && less[0].0 { less.remove(0).1 } else { Expr::Sum(less) });
            }
        }
        Expr::Product(factors) if factors.len() > 2 => {
            for place in 0..factors.len() {
                let mut less = factors.clone();
                less.remove(place);
                all.push(Expr::Product(less));
            }
        }
        Expr::Reduce(reduce, binders, body, implicit) => {
            for place in 0..binders.len() {
                let mut less = binders.clone();
                let gone = less.remove(place);
                let body = Box::new(at_zero(body, gone.letter));
                all.push(match less.is_empty() {
                    true => *body,
                    false => Expr::Reduce(*reduce, less, body, *implicit),
                });
                for extent in (1..4).filter(|extent| *extent < binders[place].extent) {
                    let mut shorter = binders.clone();
                    shorter[place].extent = extent;
                    all.push(Expr::Reduce(*reduce, shorter, body_of(expr), *implicit));
                }
            }
            if *implicit {
                all.push(Expr::Reduce(Reduce::Sum, binders.clone(), body_of(expr), false));
            }
        }
        Expr::Row(row, at, binder, body, spelling) if *spelling != Spelling::Call => {
            all.push(Expr::Row(*row, *at, *binder, body.clone(), Spelling::Call));
        }
        Expr::Read(read) => {
            for place in 0..read.subs.len() {
                for sub in subs(&read.subs[place]) {
                    let mut changed = read.clone();
                    changed.subs[place] = sub;
                    all.push(Expr::Read(changed));
                }
            }
            if let Outside::Value(_) = read.outside {
                all.push(Expr::Read(super::grammar::Read { outside: Outside::Zero, ..read.clone() }));
            }
            if !matches!(read.outside, Outside::Never) {
                all.push(Expr::Read(super::grammar::Read { outside: Outside::Never, ..read.clone() }));
            }
        }
        Expr::Integer(sub) => all.extend(subs(sub).into_iter().map(Expr::Integer)),
        _ => {}
    }
    use super::grammar::Condition;
    let wrap = |condition: Condition| match expr {
        Expr::Mask(_, a) => Expr::Mask(condition, a.clone()),
        Expr::Where(_, a, b) => Expr::Where(condition, a.clone(), b.clone()),
        _ => unreachable!(),
    };
    if let Expr::Mask(condition, _) | Expr::Where(condition, ..) = expr {
        match condition {
            Condition::And(a, b) | Condition::Or(a, b) => all.extend([a, b].map(|own| wrap((**own).clone()))),
            Condition::Not(a) => all.push(wrap((**a).clone())),
            Condition::Integers(compare, a, b) => {
                all.extend(subs(a).into_iter().map(|sub| wrap(Condition::Integers(*compare, sub, b.clone()))));
                all.extend(subs(b).into_iter().map(|sub| wrap(Condition::Integers(*compare, a.clone(), sub))));
            }
            Condition::Values(..) => {}
        }
    }
    all
}

fn body_of(expr: &Expr) -> Box<Expr> {
    match expr {
        Expr::Reduce(_, _, body, _) => body.clone(),
        _ => unreachable!("a reduction"),
    }
}

/// The expression with an index at 0.
fn at_zero(expr: &Expr, letter: usize) -> Expr {
    let mut copy = expr.clone();
    copy.each(&mut |expr| {
        each_sub(expr, &mut |sub| {
            if let Sub::Affine(terms, _) = sub {
                terms.retain(|(_, own)| *own != letter);
            }
        })
    });
    copy
}

fn each_sub(expr: &mut Expr, change: &mut dyn FnMut(&mut Sub)) {
    fn within(sub: &mut Sub, change: &mut dyn FnMut(&mut Sub)) {
        change(sub);
        match sub {
            Sub::Affine(..) | Sub::Place(..) => {}
            Sub::Floor(a, _) | Sub::Mod(a, _) => within(a, change),
            Sub::Plus(_, a, b) => {
                within(a, change);
                within(b, change);
            }
            Sub::Token(_, subs) => subs.iter_mut().for_each(|sub| within(sub, change)),
        }
    }
    fn of_condition(condition: &mut super::grammar::Condition, change: &mut dyn FnMut(&mut Sub)) {
        use super::grammar::Condition;
        match condition {
            Condition::Integers(_, a, b) => {
                within(a, change);
                within(b, change);
            }
            Condition::Values(..) => {}
            Condition::And(a, b) | Condition::Or(a, b) => {
                of_condition(a, change);
                of_condition(b, change);
            }
            Condition::Not(a) => of_condition(a, change),
        }
    }
    match expr {
        Expr::Read(read) => read.subs.iter_mut().for_each(|sub| within(sub, change)),
        Expr::Integer(sub) => within(sub, change),
        Expr::Mask(condition, _) | Expr::Where(condition, ..) => of_condition(condition, change),
        _ => {}
    }
}

/// Integers that could stand in the place of this one.
fn subs(sub: &Sub) -> Vec<Sub> {
    let mut all = Vec::new();
    match sub {
        Sub::Affine(terms, constant) => {
            for place in 0..terms.len() {
                let mut less = terms.clone();
                less.remove(place);
                all.push(Sub::Affine(less, *constant));
                if terms[place].0 != 1 {
                    let mut less = terms.clone();
                    less[place].0 = if less[place].0 > 0 { less[place].0 - 1 } else { less[place].0.min(-2) + 1 };
                    all.push(Sub::Affine(less, *constant));
                }
            }
            if *constant != 0 {
                all.push(Sub::Affine(terms.clone(), 0));
                all.push(Sub::Affine(terms.clone(), constant - constant.signum()));
            }
        }
        Sub::Floor(a, by) | Sub::Mod(a, by) => {
            all.push((**a).clone());
            let again = |a: Sub, by: i64| match sub {
                Sub::Floor(..) => Sub::Floor(Box::new(a), by),
                _ => Sub::Mod(Box::new(a), by),
            };
            if *by > 2 {
                all.push(again((**a).clone(), by - 1));
            }
            all.extend(subs(a).into_iter().map(|a| again(a, *by)));
        }
        Sub::Plus(factor, a, b) => {
            all.extend([(**a).clone(), (**b).clone()]);
            all.extend(subs(a).into_iter().map(|a| Sub::Plus(*factor, Box::new(a), b.clone())));
            all.extend(subs(b).into_iter().map(|b| Sub::Plus(*factor, a.clone(), Box::new(b))));
            if *factor != 1 {
                all.push(Sub::Plus(1, a.clone(), b.clone()));
            }
        }
        Sub::Token(..) => all.push(Sub::constant(0)),
        Sub::Place(..) => all.push(Sub::constant(0)),
    }
    all
}
