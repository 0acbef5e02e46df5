//! Numbers as people write them.

use crate::page::Markup;
use crate::term::Number;

/// The number without its sign.
pub fn magnitude(number: Number) -> Markup {
    Markup::Number(match number {
        Number::Ratio(n, 1) => n.unsigned_abs().to_string(),
        Number::Ratio(n, d) => decimal(n.unsigned_abs(), d).unwrap_or_else(|| format!("{}/{d}", n.unsigned_abs())),
        Number::Float(x) => float(x.abs()),
    })
}

/// The number above and below a fraction bar, each `None` where it is 1. Without a fraction the
/// whole number stands above.
pub fn parts(number: Number, is_fraction: bool) -> (Option<Markup>, Option<Markup>) {
    let integer = |value: u64| (value != 1).then(|| Markup::Number(value.to_string()));
    match number {
        Number::Ratio(1 | -1, 1) => (None, None),
        Number::Ratio(n, d) if is_fraction && decimal(n.unsigned_abs(), d).is_none() => {
            (integer(n.unsigned_abs()), integer(d.unsigned_abs()))
        }
        _ => (Some(magnitude(number)), None),
    }
}

/// `n / d` as a decimal, where it is a short one. Halves, quarters and eighths stay fractions.
fn decimal(n: u64, d: i64) -> Option<String> {
    if d % 5 != 0 {
        return None;
    }
    let (places, scale) =
        (1..=12u32).map(|places| (places, 10i128.pow(places))).find(|(_, scale)| scale % d as i128 == 0)?;
    let digits = n as i128 * (scale / d as i128);
    let (whole, part) = (digits / scale, digits % scale);
    if whole == 0 && places > 4 {
        return Some(format!("{digits}e-{places}"));
    }
    Some(format!("{whole}.{part:0width$}", width = places as usize))
}

fn float(x: f64) -> String {
    if x.is_infinite() {
        return "inf".into();
    }
    if (1e-4..1e9).contains(&x) { format!("{x}") } else { format!("{x:e}") }
}
