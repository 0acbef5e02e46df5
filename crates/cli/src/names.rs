//! Names of tensors on the command line.

use crate::failure::Failure;
use deltarule_core::model::{Model, Tensor};
use deltarule_core::term::Name;

/// The tensor of that name.
pub fn tensor(model: &Model, name: &str) -> Result<Name, Failure> {
    find(model, name).map(|tensor| tensor.name.clone())
}

/// The tensor of that name, which an equation defines.
pub fn defined(model: &Model, name: &str) -> Result<Name, Failure> {
    let name = tensor(model, name)?;
    match model.definition(&name) {
        Some(_) => Ok(name),
        None => Err(Failure::input(
            format!("`{name}` is given, not defined by an equation, so it has no derivative"),
            &format!("the defined tensors are {}", list(model, |tensor| model.definition(&tensor.name).is_some())),
        )),
    }
}

/// The scalar of that name, which an equation defines.
pub fn scalar(model: &Model, name: &str) -> Result<Name, Failure> {
    let name = defined(model, name)?;
    if find(model, &name)?.shape.is_empty() {
        return Ok(name);
    }
    Err(Failure::input(format!("`{name}` is no scalar"), &format!("the scalars of this model are {}", scalars(model))))
}

/// The scalars that equations define, separated by commas.
pub fn scalars(model: &Model) -> String {
    list(model, |tensor| tensor.shape.is_empty() && model.definition(&tensor.name).is_some())
}

fn find<'a>(model: &'a Model, name: &str) -> Result<&'a Tensor, Failure> {
    model.tensor(name).ok_or_else(|| {
        let near = nearest(model, name).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let all = list(model, |_| true);
        Failure::input(format!("the model has no tensor `{name}`"), &format!("{near}the tensors are {all}"))
    })
}

/// The tensors that are wanted, separated by commas.
pub fn list(model: &Model, wanted: impl Fn(&Tensor) -> bool) -> String {
    let names: Vec<&str> = model.tensors.iter().filter(|tensor| wanted(tensor)).map(|tensor| &*tensor.name).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The tensor whose name is most like this one, where one is.
pub fn nearest(model: &Model, name: &str) -> Option<Name> {
    nearest_of(model.tensors.iter(), name)
}

/// The tensor of these whose name is most like this one, where one is.
pub fn nearest_of<'a>(tensors: impl Iterator<Item = &'a Tensor>, name: &str) -> Option<Name> {
    let distance = |tensor: &Tensor| strsim::damerau_levenshtein(&tensor.name.to_lowercase(), &name.to_lowercase());
    let (best, tensor) = tensors.map(|tensor| (distance(tensor), tensor)).min_by_key(|(distance, _)| *distance)?;
    (best <= 1 + name.chars().count() / 4).then(|| tensor.name.clone())
}
