//! All entries of defined tensors: of one, or of several that are computed step by step.

use super::evaluate::{Prepared, each_position};
use super::prepare::Names;
use super::{Array, MeaningError, Point};
use crate::model::{Definition, Model, Recurrence, Stage, Tensor};

/// Tensors to compute together.
pub(super) struct Tabulation<'a> {
    pub model: &'a Model,
    /// The stage that the members are of.
    pub stage: &'a Stage,
    /// Those of its tensors that have no values yet.
    pub members: Vec<(&'a Tensor, &'a Definition)>,
    /// What is added to entries once they are computed.
    pub offsets: &'a Point,
    /// Where what is stopped is looked up, if it is held.
    pub held: Option<&'a Point>,
}

impl Tabulation<'_> {
    /// The values of the members; what they read is in the points.
    pub fn values(&self, points: Vec<&Point>) -> Result<Point, MeaningError> {
        for (tensor, definition) in &self.members {
            let extents: Vec<usize> = definition.indices.iter().map(|index| index.extent.value()).collect();
            if extents != tensor.shape {
                let (name, found) = (tensor.name.clone(), tensor.shape.clone());
                return Err(MeaningError::Shape { tensor: name, expected: extents, found });
            }
        }
        if self.stage.is_recurrent && !self.members.is_empty() { self.steps(points) } else { self.at_once(points) }
    }

    fn at_once(&self, points: Vec<&Point>) -> Result<Point, MeaningError> {
        let held = self.held.map(|point| [point]);
        let names = Names { held: held.as_ref().map(<[_; 1]>::as_slice), ..Names::new(self.model, &points) };
        let mut found = Point::new();
        for (tensor, definition) in &self.members {
            let mut entry = Prepared::definition(names, definition);
            let mut values = Vec::new();
            each_position(&tensor.shape, &mut |at| {
                values.push(self.moved(tensor, values.len(), entry.at(at)?));
                Ok(())
            })?;
            found.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
        }
        Ok(found)
    }

    /// One step after the other; in each the members in their order.
    fn steps(&self, points: Vec<&Point>) -> Result<Point, MeaningError> {
        let order = || MeaningError::Order(self.members[0].0.name.clone());
        let recurrences = self.model.stage_recurrence(self.stage).ok_or_else(order)?;
        let name = |position: usize| &self.model.tensors[self.stage.members[position]].name;
        let recurrence = |tensor: &Tensor| -> Option<Recurrence> {
            (0..recurrences.len())
                .find(|position| *name(*position) == tensor.name)
                .map(|position| recurrences[position])
        };
        let mut found = Point::new();
        for (tensor, _) in &self.members {
            // Nothing reads an entry before it is computed.
            let values = vec![f64::NAN; tensor.len()];
            found.insert(tensor.name.clone(), Array { shape: tensor.shape.clone(), values });
        }
        let axis = |tensor: &Tensor| recurrence(tensor).map(|recurrence| recurrence.axis);
        let steps = axis(self.members[0].0).map_or(0, |axis| self.members[0].0.shape[axis]);
        for number in 0..steps {
            let step = if recurrences[0].backward { steps - 1 - number } else { number };
            for (tensor, definition) in &self.members {
                let axis = axis(tensor).ok_or_else(order)?;
                let entries = self.step(tensor, definition, [axis, step], &found, &points)?;
                if let Some(array) = found.get_mut(&tensor.name) {
                    entries.into_iter().for_each(|(place, value)| array.values[place] = value);
                }
            }
        }
        Ok(found)
    }

    /// The entries of one step of a tensor, each with its place.
    fn step(
        &self,
        tensor: &Tensor,
        definition: &Definition,
        [axis, step]: [usize; 2],
        found: &Point,
        points: &[&Point],
    ) -> Result<Vec<(usize, f64)>, MeaningError> {
        let points: Vec<&Point> = std::iter::once(found).chain(points.iter().copied()).collect();
        let held = self.held.map(|point| [point]);
        let names = Names { held: held.as_ref().map(<[_; 1]>::as_slice), ..Names::new(self.model, &points) };
        let mut entry = Prepared::definition(names, definition);
        let mut entries = Vec::new();
        let mut place = 0;
        each_position(&tensor.shape, &mut |at| {
            if at[axis] == step {
                entries.push((place, self.moved(tensor, place, entry.at(at)?)));
            }
            place += 1;
            Ok(())
        })?;
        Ok(entries)
    }

    fn moved(&self, tensor: &Tensor, place: usize, value: f64) -> f64 {
        match self.offsets.get(&tensor.name).and_then(|array| array.values.get(place)) {
            Some(offset) => value + offset,
            None => value,
        }
    }
}
