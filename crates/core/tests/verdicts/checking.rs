//! What `check` does with a model.

use crate::dice::Dice;
use deltarule_core::derivation::{Backward, CheckError, derive, random_point, verify, with_derivatives};
use deltarule_core::meaning::Point;
use deltarule_core::model::{Model, Role, build};
use deltarule_core::syntax::parse;
use deltarule_core::term::Name;
use deltarule_core::text::Source;

/// At how many points lines are evaluated for one seed.
const POINTS: usize = 3;

/// The model of a text.
pub fn built(text: &str) -> Result<Model, String> {
    let source = Source::new("model.dr", text);
    let model = parse(&source).and_then(|tree| build(&source, &tree));
    let model = model.map_err(|problems| problems[0].render(&source))?;
    with_derivatives(&model).map_err(|error| error.to_string())
}

/// The scalars that nothing else reads.
pub fn scalars(model: &Model) -> Vec<Name> {
    let defined = || model.tensors.iter().filter_map(|tensor| Some((tensor, model.definition(&tensor.name)?)));
    let is_read = |name: &Name| defined().any(|(_, definition)| definition.body.reads(name));
    let scalars = defined().filter(|(tensor, _)| tensor.shape.is_empty() && !model.metrics.contains(&tensor.name));
    scalars.map(|(tensor, _)| tensor.name.clone()).filter(|name| !is_read(name)).collect()
}

/// The derivatives of a scalar by all that is given.
pub fn derived(model: &Model, of: &Name) -> Result<Backward, String> {
    let is_varied = |role: &Role| matches!(role, Role::Param(_) | Role::Input { below: None });
    let given = model.tensors.iter().filter(|tensor| is_varied(&tensor.role));
    let wrt: Vec<Name> = given.map(|tensor| tensor.name.clone()).collect();
    let mut backward = derive(model, of, &wrt).map_err(|error| error.to_string())?;
    backward.put_in_full();
    Ok(backward)
}

/// Points of a seed.
pub fn points(backward: &Backward, seed: u64) -> Vec<Point> {
    let mut dice = Dice::new(seed);
    let mut uniform = || dice.uniform();
    (0..POINTS).map(|_| random_point(&backward.model, &mut uniform)).collect()
}

/// Verifies at the points of a seed.
pub fn verified(backward: &Backward, seed: u64) -> Result<(), CheckError> {
    verify(backward, &points(backward, seed)).map(|_| ())
}
