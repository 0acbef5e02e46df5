//! A tree as a compact s-expression.

use deltarule_core::syntax::tree::*;

fn seq<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(" ")
}

pub fn tree(tree: &Tree) -> String {
    tree.statements.iter().map(statement).collect::<Vec<_>>().join("\n")
}

fn statement(statement: &Statement) -> String {
    match &statement.kind {
        StatementKind::Size { name, value } => format!("(size {} {})", name.text, expr(value)),
        StatementKind::Declaration(it) => declaration(it),
        StatementKind::Equation(it) => format!("(= {})", equation(it)),
        StatementKind::Metric(it) => format!("(metric {})", equation(it)),
        StatementKind::Function(it) => {
            let names = |names: &[Name]| seq(names, |name| name.text.clone());
            format!("(fn {} [{}] ({}) {})", it.name.text, names(&it.indices), names(&it.parameters), expr(&it.body))
        }
        StatementKind::For { variable, first, last, body } => {
            let (first, last) = (expr(first), expr(last));
            format!("(for {} {first} {last} {})", variable.text, seq(body, self::statement))
        }
        StatementKind::Claim(claim) => format!(
            "(claim {})",
            seq(&claim.lines, |line| match &line.given {
                None => expr(&line.value),
                Some(given) => format!("(given {} {})", expr(&line.value), expr(given)),
            })
        ),
    }
}

fn declaration(it: &Declaration) -> String {
    let mut text = format!("({} {}", format!("{:?}", it.role).to_lowercase(), it.name.text);
    if !it.extents.is_empty() {
        text += &format!(" [{}]", seq(&it.extents, expr));
    }
    let property = |it: &Property| match it.arguments.as_slice() {
        [] => it.name.text.clone(),
        arguments => format!("({} {})", it.name.text, seq(arguments, expr)),
    };
    for it in &it.properties {
        text += &format!(" {}", property(it));
    }
    if let Some(it) = &it.initialiser {
        text += &format!(" ~ {}", property(it));
    }
    if let Some(it) = &it.value {
        text += &format!(" = {}", expr(it));
    }
    text + ")"
}

fn ranged(text: String, range: &Option<Expr>) -> String {
    range.as_ref().map_or(text.clone(), |range| format!("{text}:{}", expr(range)))
}

fn equation(it: &Equation) -> String {
    let subscripts = seq(&it.subscripts, |one| ranged(expr(&one.index), &one.range));
    format!("{}[{subscripts}] {}", it.name.text, expr(&it.value))
}

pub fn expr(it: &Expr) -> String {
    let pair = |word: &str, a: &Expr, b: &Expr| format!("({word} {} {})", expr(a), expr(b));
    match &it.kind {
        ExprKind::Number(text) => text.clone(),
        ExprKind::Name(name) => name.text.clone(),
        ExprKind::Read { tensor, pad, subscripts } => {
            let subscripts = seq(subscripts, expr);
            match pad {
                None => format!("{}[{subscripts}]", tensor.text),
                Some(None) => format!("(pad {})[{subscripts}]", tensor.text),
                Some(Some(value)) => format!("(pad {} {})[{subscripts}]", tensor.text, expr(value)),
            }
        }
        ExprKind::Sum(addends) => {
            format!("(+ {})", seq(addends, |(minus, it)| format!("{}{}", if *minus { "-" } else { "" }, expr(it))))
        }
        ExprKind::Product(factors) => {
            let factor = |it: &Factor| format!("{}{}", if it.divides { "/" } else { "" }, expr(&it.value));
            format!("(* {})", seq(factors, factor))
        }
        ExprKind::Negate(inner) => format!("(neg {})", expr(inner)),
        ExprKind::Power(a, b) => pair("^", a, b),
        ExprKind::Group(inner) => format!("(group {})", expr(inner)),
        ExprKind::Call { function, indices, arguments } if indices.is_empty() => {
            format!("({}! {})", function.text, seq(arguments, expr))
        }
        ExprKind::Call { function, indices, arguments } => {
            format!("({}![{}] {})", function.text, seq(indices, expr), seq(arguments, expr))
        }
        ExprKind::Reduce { reduction, binders, body, .. } => {
            let binders = seq(binders, |it| ranged(it.name.text.clone(), &it.range));
            format!("({}[{binders}] {})", format!("{reduction:?}").to_lowercase(), expr(body))
        }
        ExprKind::Bracket(inner) => format!("(bracket {})", expr(inner)),
        ExprKind::Delta(a, b) => pair("delta", a, b),
        ExprKind::Compare(comparison, a, b) => pair(&format!("{comparison:?}"), a, b),
        ExprKind::And(all) => format!("(and {})", seq(all, expr)),
        ExprKind::Or(all) => format!("(or {})", seq(all, expr)),
        ExprKind::Not(inner) => format!("(not {})", expr(inner)),
        ExprKind::Mod(a, b) => pair("mod", a, b),
        ExprKind::Derivative { of, wrt } => pair("∂", of, wrt),
    }
}
