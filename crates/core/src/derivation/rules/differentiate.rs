//! Rules that answer derivatives. The variable is one tensor; all others are held fixed.

use super::safe::{is_finite, is_positive, may_have_pole};
use crate::derivation::rewrite::{Place, Rule};
use crate::model::Model;
use crate::term::{Comparison, Connective, Function, Kinds, Name, Node, Number, Opened, Reduction, Term, fresh_id};

/// A derivative taken apart.
struct Question<'a> {
    whole: &'a Term,
    of: &'a Term,
    wrt: &'a Name,
    at: &'a [Term],
}

impl Question<'_> {
    /// The same question about another term.
    fn ask(&self, of: Term) -> Term {
        Term::derivative(of, self.wrt, self.at.to_vec())
    }

    fn depends(&self, term: &Term) -> bool {
        term.reads(self.wrt)
    }
}

fn question(term: &Term) -> Option<Question<'_>> {
    match term.node() {
        Node::Derivative { of, wrt, at } => Some(Question { whole: term, of, wrt, at }),
        _ => None,
    }
}

/// The question and the argument, where a scalar function is asked about.
fn call(term: &Term, function: Function) -> Option<(Question<'_>, &Term)> {
    let question = question(term)?;
    match question.of.node() {
        Node::Call(found, arguments) if *found == function => arguments.first().map(|argument| (question, argument)),
        _ => None,
    }
}

/// `f'(u) ∂u`, for the derivative of a scalar function.
fn chain(term: &Term, function: Function, outer: fn(&Term) -> Term) -> Option<Term> {
    let (question, argument) = call(term, function)?;
    Some(Term::mul(vec![outer(argument), question.ask(argument.clone())]))
}

/// The question and the reduction opened, its indices free nowhere in the question.
fn reduction(term: &Term, wanted: Reduction) -> Option<(Question<'_>, Opened)> {
    let question = question(term)?;
    let opened = question.of.open_from(fresh_id(&[question.whole]))?;
    (opened.reduction == wanted).then_some((question, opened))
}

fn one() -> Term {
    Term::integer(1)
}

fn f(function: Function, argument: &Term) -> Term {
    Term::call(function, argument.clone())
}

fn squared(term: &Term) -> Term {
    Term::pow(term, &Term::integer(2))
}

macro_rules! rule {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $law:literal, $place:expr, $apply:expr) => {
        #[doc = concat!("`", $law, "`")]
        #[doc = ""]
        $(#[$doc])*
        pub static $constant: Rule = Rule { name: $name, law: $law, place: $place, apply: $apply };
    };
}
pub(super) use rule;

/// A rule that answers a question `∂u`.
macro_rules! answer {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $law:literal, $apply:expr) => {
        rule!($(#[$doc])* $constant, $name, $law, Place::on(Kinds::DERIVATIVE), $apply);
    };
}

answer!(
    /// What does not hold the variable, or is constant between jumps. An entry of another tensor does not move
    /// with what only its subscripts hold: they are integers.
    CONSTANT, "derivative of a constant", "∂c/∂x = 0", |term, _| {
        let question = question(term)?;
        let flat = match question.of.node() {
            Node::Compare(..) | Node::Logic(..) => true,
            Node::Call(Function::Sign | Function::Floor | Function::Stop, _) => true,
            Node::Reduce { reduction: Reduction::ArgMax | Reduction::ArgMin, .. } => true,
            Node::Read { tensor, .. } => tensor != question.wrt,
            _ => !question.depends(question.of),
        };
        flat.then(|| Term::integer(0))
    }
);

answer!(
    /// An entry by an entry of the same tensor.
    ENTRY, "entry by entry", "∂x[i]/∂x[j] = δ[i,j]", |term, _| {
        let question = question(term)?;
        let Node::Read { tensor, subscripts } = question.of.node() else { return None };
        if tensor != question.wrt {
            return None;
        }
        let deltas = subscripts.iter().zip(question.at).map(|(left, right)| Term::delta(left.clone(), right.clone()));
        Some(Term::mul(deltas.collect()))
    }
);

answer!(
    /// Linearity over addends; constant addends drop out.
    SUM_RULE, "sum rule", "∂(u + v) = ∂u + ∂v", |term, _| {
        let question = question(term)?;
        let Node::Add(addends) = question.of.node() else { return None };
        let dependent = addends.iter().filter(|addend| question.depends(addend));
        Some(Term::add(dependent.map(|addend| question.ask(addend.clone())).collect()))
    }
);

answer!(
    /// Factors that do not hold the variable.
    CONSTANT_FACTOR, "constant factor", "∂(c u) = c ∂u", |term, _| {
        let question = question(term)?;
        let Node::Mul(factors) = question.of.node() else { return None };
        let (dependent, mut constant): (Vec<Term>, Vec<Term>) =
            factors.iter().cloned().partition(|factor| question.depends(factor));
        if constant.is_empty() || dependent.is_empty() {
            return None;
        }
        constant.push(question.ask(Term::mul(dependent)));
        Some(Term::mul(constant))
    }
);

answer!(
    /// One addend for each factor.
    PRODUCT_RULE, "product rule", "∂(u v) = ∂u v + u ∂v", |term, _| {
        let question = question(term)?;
        let Node::Mul(factors) = question.of.node() else { return None };
        let addend = |position: usize| {
            let mut product = factors.clone();
            product[position] = question.ask(factors[position].clone());
            Term::mul(product)
        };
        Some(Term::add((0..factors.len()).map(addend).collect()))
    }
);

/// The condition under which `u^v` has the derivative `v u^(v-1)` by `u`. At 0 a root, and what is
/// constantly 1 there, has the derivative 0; where a power cannot be that this is 1.
fn has_slope(base: &Term, exponent: &Term, model: &Model) -> Term {
    let is_smooth = |number: Number| !(0.0..1.0).contains(&number.value());
    if exponent.as_number().is_some_and(is_smooth) {
        return one();
    }
    // Whatever the base is: what is positive may be rounded to 0, and its inverse may overflow.
    if exponent.as_affine().and_then(|form| form.bounds()).is_some_and(|(least, _)| least >= 0) {
        return Term::compare(Comparison::GreaterEqual, exponent.clone(), one());
    }
    if is_positive(base, model) {
        return one();
    }
    let moves = Term::compare(Comparison::NotEqual, base.clone(), Term::integer(0));
    match exponent.as_number() {
        Some(_) => moves,
        None => {
            let is_smooth = Term::compare(Comparison::GreaterEqual, exponent.clone(), one());
            let has_slope = Term::logic(Connective::Or, vec![moves, is_smooth]);
            if is_finite(base, model) && !may_have_pole(base, model) {
                return has_slope;
            }
            // What is constantly 1 does not move at a pole either.
            let is_power = Term::compare(Comparison::NotEqual, exponent.clone(), Term::integer(0));
            Term::mul(vec![is_power, has_slope])
        }
    }
}

answer!(
    /// A power whose exponent is constant. The derivative of a root at 0 is 0.
    POWER_RULE, "power rule", "∂(u^c) = c u^(c-1) ∂u; for c < 1, unless u > 0 by its form, with [u != 0]", |term, context| {
        let question = question(term)?;
        let Node::Pow(base, exponent) = question.of.node() else { return None };
        if question.depends(exponent) {
            return None;
        }
        let less = exponent.minus(&one());
        let moves = has_slope(base, exponent, context.model);
        Some(Term::mul(vec![moves, exponent.clone(), Term::pow(base, &less), question.ask(base.clone())]))
    }
);

answer!(
    /// A power whose base is constant.
    EXPONENTIAL_RULE, "exponential rule", "∂(c^v) = c^v log(c) ∂v", |term, _| {
        let question = question(term)?;
        let Node::Pow(base, exponent) = question.of.node() else { return None };
        if question.depends(base) {
            return None;
        }
        Some(Term::mul(vec![power_times_log(base, exponent), question.ask(exponent.clone())]))
    }
);

answer!(
    /// A power whose base and exponent both vary.
    GENERAL_POWER_RULE, "general power rule", "∂(u^v) = [u != 0 or v >= 1] v u^(v-1) ∂u + u^v log(u) ∂v", |term, context| {
        let question = question(term)?;
        let Node::Pow(base, exponent) = question.of.node() else { return None };
        let less = exponent.minus(&one());
        Some(Term::add(vec![
            Term::mul(vec![
                has_slope(base, exponent, context.model),
                exponent.clone(),
                Term::pow(base, &less),
                question.ask(base.clone()),
            ]),
            Term::mul(vec![power_times_log(base, exponent), question.ask(exponent.clone())]),
        ]))
    }
);

/// `u^v log(u)`, which tends to 0 with `u`.
fn power_times_log(base: &Term, exponent: &Term) -> Term {
    let at_zero = Term::compare(Comparison::Equal, base.clone(), Term::integer(0));
    let product = Term::mul(vec![Term::pow(base, exponent), f(Function::Log, base)]);
    Term::choose(at_zero, Term::integer(0), product)
}

answer!(EXP, "derivative of exp", "∂exp(u) = exp(u) ∂u", |term, _| chain(term, Function::Exp, |u| f(
    Function::Exp,
    u
)));
answer!(LOG, "derivative of log", "∂log(u) = ∂u / u", |term, _| chain(term, Function::Log, Term::inverse));
answer!(
    /// The derivative at 0 is 0, so that a norm has its subgradient of smallest norm.
    SQRT, "derivative of sqrt", "∂sqrt(u) = ∂u / (2 sqrt(u)); unless u > 0 by its form, with [u != 0]",
    |term, context| {
        let (question, argument) = call(term, Function::Sqrt)?;
        let outer = Term::mul(vec![Term::ratio(1, 2), f(Function::Sqrt, argument).inverse()]);
        let moves = has_slope(argument, &Term::ratio(1, 2), context.model);
        Some(Term::mul(vec![moves, outer, question.ask(argument.clone())]))
    }
);
answer!(ABS, "derivative of abs", "∂abs(u) = sign(u) ∂u", |term, _| chain(term, Function::Abs, |u| f(
    Function::Sign,
    u
)));
answer!(SIN, "derivative of sin", "∂sin(u) = cos(u) ∂u", |term, _| chain(term, Function::Sin, |u| f(
    Function::Cos,
    u
)));
answer!(COS, "derivative of cos", "∂cos(u) = -sin(u) ∂u", |term, _| {
    chain(term, Function::Cos, |u| f(Function::Sin, u).negated())
});
answer!(TAN, "derivative of tan", "∂tan(u) = (1 + tan(u)^2) ∂u", |term, _| {
    chain(term, Function::Tan, |u| Term::add(vec![one(), squared(&f(Function::Tan, u))]))
});
answer!(ASIN, "derivative of asin", "∂asin(u) = ∂u / sqrt(1 - u^2)", |term, _| {
    chain(term, Function::Asin, |u| f(Function::Sqrt, &one().minus(&squared(u))).inverse())
});
answer!(ACOS, "derivative of acos", "∂acos(u) = -∂u / sqrt(1 - u^2)", |term, _| {
    chain(term, Function::Acos, |u| f(Function::Sqrt, &one().minus(&squared(u))).inverse().negated())
});
answer!(ATAN, "derivative of atan", "∂atan(u) = ∂u / (1 + u^2)", |term, _| {
    chain(term, Function::Atan, |u| Term::add(vec![one(), squared(u)]).inverse())
});
answer!(SINH, "derivative of sinh", "∂sinh(u) = cosh(u) ∂u", |term, _| {
    chain(term, Function::Sinh, |u| f(Function::Cosh, u))
});
answer!(COSH, "derivative of cosh", "∂cosh(u) = sinh(u) ∂u", |term, _| {
    chain(term, Function::Cosh, |u| f(Function::Sinh, u))
});
answer!(TANH, "derivative of tanh", "∂tanh(u) = (1 - tanh(u)^2) ∂u", |term, _| {
    chain(term, Function::Tanh, |u| one().minus(&squared(&f(Function::Tanh, u))))
});
answer!(ERF, "derivative of erf", "∂erf(u) = 2/sqrt(π) exp(-u^2) ∂u", |term, _| {
    chain(term, Function::Erf, |u| {
        let scale = f(Function::Sqrt, &Term::pi()).inverse();
        Term::mul(vec![Term::integer(2), scale, f(Function::Exp, &squared(u).negated())])
    })
});
answer!(SIGMOID, "derivative of sigmoid", "∂σ(u) = σ(u) (1 - σ(u)) ∂u", |term, _| {
    chain(term, Function::Sigmoid, |u| {
        let value = f(Function::Sigmoid, u);
        Term::mul(vec![value.clone(), one().minus(&value)])
    })
});
answer!(RELU, "derivative of relu", "∂relu(u) = [u > 0] ∂u", |term, _| chain(term, Function::Relu, positive));
answer!(SOFTPLUS, "derivative of softplus", "∂softplus(u) = σ(u) ∂u", |term, _| {
    chain(term, Function::Softplus, |u| f(Function::Sigmoid, u))
});
answer!(
    GELU,
    "derivative of gelu",
    "∂gelu(u) = (Φ(u) + u φ(u)) ∂u, Φ(u) = (1 + erf(u/sqrt(2)))/2, φ(u) = Φ′(u) = exp(-u^2/2)/sqrt(2 π)",
    |term, _| {
        chain(term, Function::Gelu, |u| {
            let root = f(Function::Sqrt, &Term::integer(2)).inverse();
            let error = f(Function::Erf, &Term::mul(vec![u.clone(), root]));
            let distribution = Term::mul(vec![Term::ratio(1, 2), Term::add(vec![one(), error])]);
            let scale = f(Function::Sqrt, &Term::mul(vec![Term::integer(2), Term::pi()])).inverse();
            let density = f(Function::Exp, &Term::mul(vec![Term::ratio(-1, 2), squared(u)]));
            Term::add(vec![distribution, Term::mul(vec![scale, u.clone(), density])])
        })
    }
);
answer!(SILU, "derivative of silu", "∂silu(u) = σ(u) (1 + u (1 - σ(u))) ∂u", |term, _| {
    chain(term, Function::Silu, |u| {
        let value = f(Function::Sigmoid, u);
        let inner = Term::mul(vec![u.clone(), one().minus(&value)]);
        Term::mul(vec![value, Term::add(vec![one(), inner])])
    })
});

answer!(
    /// The remainder moves as the dividend does, between jumps.
    MOD, "derivative of a remainder", "∂(u mod c) = ∂u", |term, _| {
        let (question, dividend) = call(term, Function::Mod)?;
        Some(question.ask(dividend.clone()))
    }
);

fn positive(term: &Term) -> Term {
    Term::compare(Comparison::Greater, term.clone(), Term::integer(0))
}

fn two_arguments(term: &Term, function: Function, wins: Comparison) -> Option<Term> {
    let question = question(term)?;
    let Node::Call(found, arguments) = question.of.node() else { return None };
    let [a, b] = arguments.as_slice() else { return None };
    if *found != function {
        return None;
    }
    let when = |comparison, left: &Term, right: &Term| Term::compare(comparison, left.clone(), right.clone());
    let both = Term::add(vec![question.ask(a.clone()), question.ask(b.clone())]);
    Some(Term::add(vec![
        Term::mul(vec![when(wins, a, b), question.ask(a.clone())]),
        Term::mul(vec![when(wins, b, a), question.ask(b.clone())]),
        Term::mul(vec![Term::ratio(1, 2), when(Comparison::Equal, a, b), both]),
    ]))
}

answer!(
    /// A tie is shared equally.
    MAXIMUM_OF_TWO, "derivative of max", "∂max(u, v) = [u > v] ∂u + [v > u] ∂v + 1/2 [u = v] (∂u + ∂v)", |term, _| {
        two_arguments(term, Function::Max, Comparison::Greater)
    }
);
answer!(
    /// A tie is shared equally.
    MINIMUM_OF_TWO, "derivative of min", "∂min(u, v) = [u < v] ∂u + [v < u] ∂v + 1/2 [u = v] (∂u + ∂v)", |term, _| {
        two_arguments(term, Function::Min, Comparison::Less)
    }
);

answer!(
    /// Only the chosen branch moves.
    BRANCHES, "derivative of where", "∂where(c, u, v) = where(c, ∂u, ∂v)", |term, _| {
        let question = question(term)?;
        let Node::Where(condition, then, otherwise) = question.of.node() else { return None };
        let ask = |branch: &Term| match question.depends(branch) {
            true => question.ask(branch.clone()),
            false => Term::integer(0),
        };
        Some(Term::choose(condition.clone(), ask(then), ask(otherwise)))
    }
);

answer!(
    /// Linearity over a sum.
    UNDER_SUM, "derivative under the sum", "∂(sum[k] u[k]) = sum[k] ∂u[k]", |term, _| {
        let (question, opened) = reduction(term, Reduction::Sum)?;
        Some(Term::sum(&opened.indices, question.ask(opened.body)))
    }
);

answer!(
    /// The weights are the softmax; with a bracket `[u[k] != -inf]` where that could fail by the form of `u`.
    LOGSUMEXP, "derivative of logsumexp", "∂(logsumexp[k] u[k]) = sum[k] exp(u[k] - logsumexp[l] u[l]) ∂u[k]", |term, context| {
        let (question, opened) = reduction(term, Reduction::LogSumExp)?;
        let weight = super::logarithm::weight(&opened.body, question.of, context.model);
        Some(Term::sum(&opened.indices, Term::mul(vec![weight, question.ask(opened.body.clone())])))
    }
);

fn extremum(term: &Term, wanted: Reduction) -> Option<Term> {
    let (question, opened) = reduction(term, wanted)?;
    let attains = Term::compare(Comparison::Equal, opened.body.clone(), question.of.clone());
    let ties = Term::sum(&opened.indices, attains.clone());
    Some(Term::sum(&opened.indices, Term::mul(vec![attains, ties.inverse(), question.ask(opened.body.clone())])))
}

answer!(
    /// Ties share it equally.
    GREATEST, "derivative of a maximum",
    "∂(max[k] u[k]) = sum[k] [u[k] = m] / (sum[l] [u[l] = m]) ∂u[k], m = max[k] u[k]",
    |term, _| extremum(term, Reduction::Max)
);
answer!(
    /// Ties share it equally.
    LEAST, "derivative of a minimum",
    "∂(min[k] u[k]) = sum[k] [u[k] = m] / (sum[l] [u[l] = m]) ∂u[k], m = min[k] u[k]",
    |term, _| extremum(term, Reduction::Min)
);

answer!(
    /// The product of all other factors, exact when some are 0.
    PRODUCT_OVER_INDEX, "derivative of a product",
    "∂(prod[k] u[k]) = sum[k] (prod[l] where(l = k, 1, u[l])) ∂u[k]",
    |term, _| {
        let (question, opened) = reduction(term, Reduction::Prod)?;
        let base = opened.indices.iter().map(|index| index.id + 1).max()?.max(fresh_id(&[question.whole]));
        let other = question.of.open_from(base)?;
        let equal = opened.indices.iter().zip(&other.indices).map(|(k, l)| Term::delta(Term::index(l), Term::index(k)));
        let same = Term::logic(Connective::And, equal.collect());
        let rest = Term::reduce(Reduction::Prod, &other.indices, Term::choose(same, one(), other.body));
        Some(Term::sum(&opened.indices, Term::mul(vec![rest, question.ask(opened.body.clone())])))
    }
);
