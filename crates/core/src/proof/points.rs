//! Where the lines of a claim are evaluated: points that a model may be at, and such that obey a condition.

use crate::derivation::points::{integers_below, keeps_declarations, obeying, restrict};
use crate::meaning::{Array, Point, complete};
use crate::model::{Given, Model, Role};
use crate::term::Name;

/// What a point is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of both signs, not far from 0.
    Random,
    /// Numbers above 0.
    Positive,
    /// Small integers, so that 0 and ties are frequent.
    Ties,
    /// Everything is 0.
    Zero,
    /// Everything is 1.
    Equal,
    /// Large numbers of both signs, and some zeros.
    Large,
}

impl Kind {
    /// All kinds of which points are made, as often as they are made.
    pub const ALL: [Kind; 8] =
        [Kind::Random, Kind::Positive, Kind::Random, Kind::Ties, Kind::Ties, Kind::Zero, Kind::Equal, Kind::Large];

    /// In words, for the place of a difference.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Random | Kind::Positive => "at a random point",
            Kind::Ties => "at a point with zeros and ties",
            Kind::Zero => "where everything given is 0",
            Kind::Equal => "where everything given is 1",
            Kind::Large => "at a point with large values",
        }
    }

    /// Whether kinks may lie there.
    pub fn is_special(self) -> bool {
        matches!(self, Kind::Ties | Kind::Zero | Kind::Equal)
    }
}

/// A point of a kind, with the values of all tensors that are asked for.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it is like.
    pub kind: Kind,
    /// Values of what is given and of what is defined.
    pub values: Point,
}

/// Points of these kinds that obey the conditions, and the declared domains and structures. That rows sum to one is
/// not among them: targets are free. `uniform` gives numbers in -1..1. The error is the first condition for which no
/// point was found.
pub fn places<'g>(
    model: &Model,
    wanted: &[Name],
    given: &[&'g Given],
    kinds: &[Kind],
    uniform: &mut dyn FnMut() -> f64,
) -> Result<Vec<Place>, Option<&'g Given>> {
    let mut places = Vec::new();
    let mut unmet = None;
    for &kind in kinds {
        let start = values(model, kind, uniform);
        match obeying(model, start, given, uniform) {
            Ok(mut values) => {
                if keeps_declarations(model, &values) && complete(model, &mut values, wanted).is_ok() {
                    places.push(Place { kind, values });
                }
            }
            Err(condition) => unmet = unmet.or(condition),
        }
    }
    if places.is_empty() { Err(unmet) } else { Ok(places) }
}

fn values(model: &Model, kind: Kind, uniform: &mut dyn FnMut() -> f64) -> Point {
    let mut point = Point::new();
    for tensor in &model.tensors {
        if matches!(tensor.role, Role::Defined(_) | Role::Const(Some(_))) {
            continue;
        }
        let scale = match tensor.role {
            // Sums over a row stay of order one.
            Role::Param(_) => 2.0 / (tensor.shape.last().copied().unwrap_or(1).max(1) as f64).sqrt(),
            _ => 1.0,
        };
        let mut value = || match (integers_below(tensor), kind) {
            (Some(_), Kind::Zero) => 0.0,
            (Some(below), Kind::Equal) => f64::from(u8::from(below > 1)),
            (Some(below), _) => ((uniform() + 1.0) / 2.0 * below as f64).floor().min(below as f64 - 1.0).max(0.0),
            (None, Kind::Random) => uniform() * scale,
            (None, Kind::Positive) => (1.05 + uniform()) * scale,
            (None, Kind::Ties) => (uniform() * 2.0).round(),
            (None, Kind::Zero) => 0.0,
            (None, Kind::Equal) => 1.0,
            (None, Kind::Large) => {
                let size = uniform();
                if size.abs() < 0.3 { 0.0 } else { (size * 60.0).round() }
            }
        };
        let values = (0..tensor.len()).map(|_| value()).collect();
        let mut array = Array { shape: tensor.shape.clone(), values };
        restrict(model, tensor, &mut array);
        point.insert(tensor.name.clone(), array);
    }
    point
}
