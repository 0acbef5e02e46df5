//! Whether a line of a claim equals the one above it, by nothing but numbers: the reference interpreter at
//! points of this test's own, at every entry.

use super::uniform;
use deltarule_core::derivation::random_point;
use deltarule_core::meaning::{Point, Totals, complete};
use deltarule_core::model::{Claim, Model, Role};
use deltarule_core::term::{Index, Name};

pub(crate) struct Oracle<'a> {
    model: &'a Model,
    points: Vec<Point>,
}

/// What the numbers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Equal,
    Different,
    /// The indices of a line cannot be right.
    Misfit,
    /// The line above has no value at any point.
    Undefined,
}

impl<'a> Oracle<'a> {
    /// With points at which targets keep their promises, or hold any numbers.
    pub fn new(model: &'a Model, keeps_promises: bool) -> Oracle<'a> {
        let mut uniform = uniform();
        let mut free = || -> Point {
            let mut point = random_point(model, &mut uniform);
            for (name, array) in point.iter_mut() {
                let is_target = model.tensor(name).is_some_and(|tensor| matches!(tensor.role, Role::Target(_)));
                if is_target && !keeps_promises {
                    array.values.iter_mut().for_each(|value| *value = uniform());
                }
            }
            point
        };
        let mut points = vec![free(), free(), free()];
        // Roots and logarithms need numbers above 0.
        points[1].values_mut().for_each(|array| array.values.iter_mut().for_each(|value| *value = value.abs()));
        let all: Vec<Name> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        points.iter_mut().for_each(|point| complete(model, point, &all).expect("values"));
        Oracle { model, points }
    }

    pub fn compare(&self, claim: &Claim, line: usize) -> Answer {
        let (Ok(above), Ok(own)) = (&claim.lines[line - 1].value, &claim.lines[line].value) else {
            return Answer::Misfit;
        };
        let mut is_defined = false;
        for point in &self.points {
            let totals = Totals::new(self.model, point);
            for at in entries(&claim.indices) {
                let (Ok(above), Ok(own)) = (totals.evaluate(above, &at), totals.evaluate(own, &at)) else {
                    return Answer::Misfit;
                };
                if !above.is_finite() {
                    continue;
                }
                is_defined = true;
                if (above - own).abs() > 1e-7 * above.abs().max(own.abs()).max(1.0) || own.is_nan() {
                    return Answer::Different;
                }
            }
        }
        if is_defined { Answer::Equal } else { Answer::Undefined }
    }
}

fn entries(indices: &[Index]) -> Vec<Vec<(Index, usize)>> {
    indices.iter().fold(vec![Vec::new()], |entries, index| {
        let with = |entry: &Vec<(Index, usize)>| {
            let entry = entry.clone();
            (0..index.extent.value()).map(move |value| [entry.clone(), vec![(index.clone(), value)]].concat())
        };
        entries.iter().flat_map(with).collect()
    })
}
