//! Functions that programs define and call, of two numbers each.

use super::grammar::{Call, Compare, Condition, Expr};
use std::sync::LazyLock;

pub struct Template {
    pub name: &'static str,
    pub text: &'static str,
    pub body: Expr,
    /// Functions that it calls.
    pub calls: &'static [usize],
}

fn u() -> Box<Expr> {
    Box::new(Expr::Argument(0))
}

fn v() -> Box<Expr> {
    Box::new(Expr::Argument(1))
}

fn number(text: &'static str) -> Box<Expr> {
    Box::new(Expr::Number(text))
}

static ALL: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let square = Expr::Power(u(), number("2"));
    vec![
        Template {
            name: "swell",
            text: "fn swell(u, v) = u^2 + sin(v)",
            body: Expr::Sum(vec![(true, square), (true, Expr::Call(Call::Sin, vec![*v()]))]),
            calls: &[],
        },
        Template {
            name: "lesser",
            text: "fn lesser(u, v) = where(u < v, u v, v)",
            body: Expr::Where(
                Condition::Values(Compare::Less, u(), v()),
                Box::new(Expr::Product(vec![*u(), *v()])),
                v(),
            ),
            calls: &[],
        },
        Template {
            name: "above",
            text: "fn above(u, v) = max(u, v) - 0.5 u",
            body: Expr::Sum(vec![
                (true, Expr::Call(Call::Max, vec![*u(), *v()])),
                (false, Expr::Product(vec![*number("0.5"), *u()])),
            ]),
            calls: &[],
        },
        Template {
            name: "gate",
            text: "fn gate(u, v) = [u > 0] swell(v, u) tanh(v)",
            body: Expr::Mask(
                Condition::Values(Compare::Greater, u(), number("0")),
                Box::new(Expr::Product(vec![Expr::Apply(0, vec![*v(), *u()]), Expr::Call(Call::Tanh, vec![*v()])])),
            ),
            calls: &[0],
        },
    ]
});

/// The function of this number.
pub fn function(number: usize) -> &'static Template {
    &ALL[number]
}

pub fn count() -> usize {
    ALL.len()
}
