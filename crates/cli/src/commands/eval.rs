//! `eval`: the loss, tensors, gradients and Jacobians at given values.

use super::with_gradients;
use crate::arguments::{Common, Engine, Eval, Format};
use crate::failure::{Failure, print};
use crate::{model_file, names};
use deltarule_core::derivation::{derivative_name, for_running};
use deltarule_core::meaning;
use deltarule_core::model::{LOSS, Model, Role, Tensor};
use deltarule_core::term::Name;
use deltarule_run::arrays::{self, Array};
use deltarule_run::{data, evaluate, seeds};
use serde_json::json;
use std::collections::BTreeMap;

type Values = BTreeMap<Name, meaning::Array>;

/// Runs the verb.
pub fn run(arguments: &Eval, common: &Common) -> Result<(), Failure> {
    let arrays = arrays::read_npz(&arguments.values).map_err(Failure::message)?;
    let model = load(arguments, &arrays)?;
    let wanted = Wanted::new(&model, arguments)?;
    let given = given(&model, arrays, arguments, common)?;
    let engine = Running { engine: arguments.engine, threads: common.threads() };
    let mut out = tensors_and_gradients(&model, &given, &wanted, &engine)?;
    for (of, by) in &wanted.jacobians {
        out.extend(jacobians(&model, &given, of, by, &engine)?);
    }
    let arrays: BTreeMap<Name, Array> =
        out.into_iter().map(|(name, array)| (name, engine.in_its_precision(array))).collect();
    arrays::write_npz(&arguments.out, &arrays).map_err(Failure::message)?;
    print(&written(arguments, &arrays));
    Ok(())
}

/// What was written, in words or as one JSON object.
fn written(arguments: &Eval, arrays: &BTreeMap<Name, Array>) -> String {
    let loss = arrays.get(LOSS).and_then(|loss| loss.values().get(0));
    if arguments.format == Format::Json {
        let shapes: serde_json::Map<_, _> =
            arrays.iter().map(|(name, array)| (name.to_string(), json!(array.shape()))).collect();
        return format!("{}\n", json!({ "out": arguments.out, "loss": loss, "arrays": shapes }));
    }
    let shapes: Vec<String> = arrays.iter().map(|(name, array)| format!("{name} {:?}", array.shape())).collect();
    let loss = loss.map(|loss| format!("loss {loss}\n")).unwrap_or_default();
    format!("{loss}{}: {}\n", arguments.out.display(), shapes.join(", "))
}

/// The model; where it carries the axis of the examples itself, for as many as there are.
fn load(arguments: &Eval, arrays: &BTreeMap<Name, Array>) -> Result<Model, Failure> {
    let model = model_file::load(&arguments.model)?;
    let examples = model.batch.and_then(|_| {
        model.data().find_map(|tensor| arrays.get(&tensor.name)?.shape().first().copied()).filter(|count| *count > 0)
    });
    match examples {
        Some(count) => model_file::load_for(&arguments.model, count),
        None => Ok(model),
    }
}

/// What the command line asks for, held to the model.
struct Wanted {
    outputs: Vec<Name>,
    gradients: Vec<Name>,
    /// Of a tensor, by tensors.
    jacobians: BTreeMap<Name, Vec<Name>>,
    /// The scalar that is differentiated.
    of: Name,
}

impl Wanted {
    fn new(model: &Model, arguments: &Eval) -> Result<Wanted, Failure> {
        let tensors = |list: &[String]| list.iter().map(|name| names::tensor(model, name)).collect::<Result<_, _>>();
        let mut jacobians: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        for pair in &arguments.jacobian {
            let (of, by) = pair.split_once(':').ok_or_else(|| {
                let hint = "write Y:X for the Jacobian of Y by X, such as p:z2";
                Failure::input(format!("`{pair}` does not say of what by what"), hint)
            })?;
            jacobians.entry(names::defined(model, of)?).or_default().push(names::tensor(model, by)?);
        }
        let is_needed = !arguments.grad.is_empty() || arguments.of != LOSS;
        let of = if is_needed { names::scalar(model, &arguments.of)? } else { LOSS.into() };
        Ok(Wanted { outputs: tensors(&arguments.outputs)?, gradients: tensors(&arguments.grad)?, jacobians, of })
    }
}

/// The values of the file and, where that is asked for, first values of parameters that it does not hold.
fn given(
    model: &Model,
    mut given: BTreeMap<Name, Array>,
    arguments: &Eval,
    common: &Common,
) -> Result<Values, Failure> {
    let missing = |given: &BTreeMap<Name, Array>| -> Vec<&Tensor> {
        model.tensors.iter().filter(|tensor| is_given(&tensor.role) && !given.contains_key(&tensor.name)).collect()
    };
    for name in given.keys() {
        refuse_strange(model, name, &missing(&given), arguments)?;
    }
    if arguments.init {
        let drawn = seeds::initialise(model, common.seed);
        let drawn: Vec<_> = drawn.into_iter().filter(|(name, _)| !given.contains_key(name)).collect();
        let names: Vec<String> = drawn.iter().map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() && !common.quiet {
            anstream::eprintln!("note: drawn from seed {}: {}", common.seed, names.join(", "));
        }
        given.extend(drawn);
    }
    match missing(&given).as_slice() {
        [] => {}
        tensors => return Err(missing_arrays(tensors, arguments)),
    }
    data::keep_promises(&arguments.values, model, &given).map_err(Failure::message)?;
    Ok(given.into_iter().map(|(name, array)| (name, array.into())).collect())
}

/// Whether the values of a tensor must be in the file.
fn is_given(role: &Role) -> bool {
    match role {
        Role::Input { .. } | Role::Target(_) | Role::Const(None) | Role::Param(_) => true,
        Role::Const(Some(_)) | Role::Defined(_) => false,
    }
}

/// Refuses an array of a name that no values are given for: it may be a slip, and would be passed over in silence.
fn refuse_strange(model: &Model, name: &str, missing: &[&Tensor], arguments: &Eval) -> Result<(), Failure> {
    let file = arguments.values.display();
    let Some(tensor) = model.tensor(name) else {
        let near = names::nearest_of(missing.iter().copied(), name).or_else(|| names::nearest(model, name));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("arrays are given for {}", names::list(model, |tensor| is_given(&tensor.role))),
        };
        return Err(Failure::input(format!("{file} has an array `{name}`, but the model has no such tensor"), &hint));
    };
    let why = match tensor.role {
        Role::Defined(_) => "computed by its equation",
        Role::Const(Some(_)) => "a constant with a value in the model",
        _ => return Ok(()),
    };
    let hint = "take the array away; `--outputs` writes what is computed";
    Err(Failure::input(format!("{file} has an array `{name}`, which is {why}"), hint))
}

/// Some tensors have no array.
fn missing_arrays(tensors: &[&Tensor], arguments: &Eval) -> Failure {
    let named = |tensor: &&Tensor| format!("`{}`", tensor.name);
    let arrays: Vec<String> = tensors.iter().map(named).collect();
    let word = if tensors.len() == 1 { "array" } else { "arrays" };
    let shape = |tensor: &&Tensor| {
        let axes = tensor.shape.iter().map(usize::to_string);
        let axes: Vec<String> = tensor.per_example.then(|| "examples".to_string()).into_iter().chain(axes).collect();
        format!("`{}` of shape [{}]", tensor.name, axes.join(", "))
    };
    let shapes: Vec<String> = tensors.iter().map(shape).collect();
    let mut hint = format!("add {}", shapes.join(", "));
    let is_param = |tensor: &&&Tensor| matches!(tensor.role, Role::Param(_));
    let parameters: Vec<String> = tensors.iter().filter(is_param).map(named).collect();
    if !parameters.is_empty() {
        hint += &format!("\n  help: with `--init`, first values of {} are drawn from the seed", parameters.join(", "));
    }
    Failure::input(format!("{} has no {word} {}", arguments.values.display(), arrays.join(", ")), &hint)
}

/// The loss, the outputs and the gradients, by the names they have in the file.
fn tensors_and_gradients(model: &Model, given: &Values, wanted: &Wanted, engine: &Running) -> Result<Values, Failure> {
    let derived = match wanted.gradients.as_slice() {
        [] => model.clone(),
        gradients => with_gradients(model, &wanted.of, gradients)?,
    };
    let mut names = wanted.outputs.clone();
    names.extend(model.tensor(LOSS).map(|loss| loss.name.clone()));
    names.extend(wanted.gradients.iter().map(|wrt| derivative_name(&wanted.of, wrt)));
    names.sort();
    names.dedup();
    let mut found = engine.run(&derived, given, &names)?;
    let is_per_example = |name: &str| model.tensor(name).is_some_and(|tensor| tensor.per_example);
    let mut gradients = Values::new();
    for wrt in &wanted.gradients {
        let Some(mut gradient) = found.remove(&derivative_name(&wanted.of, wrt)) else { continue };
        // The loss is a mean over the examples, and each example has its own part of it.
        if is_per_example(wrt) && is_per_example(&wanted.of) {
            let examples = gradient.shape[0] as f64;
            gradient.values.iter_mut().for_each(|value| *value /= examples);
        }
        gradients.insert(format!("grad_{wrt}").into(), gradient);
    }
    if let Some(loss) = found.get_mut(LOSS) {
        *loss = meaning::Array::scalar(loss.values.iter().sum::<f64>() / loss.values.len() as f64);
    }
    found.extend(gradients);
    Ok(found)
}

/// The Jacobians of one tensor, for the first example.
fn jacobians(model: &Model, given: &Values, of: &Name, by: &[Name], engine: &Running) -> Result<Values, Failure> {
    let derived = with_gradients(model, of, by)?;
    let names: Vec<Name> = by.iter().map(|wrt| derivative_name(of, wrt)).collect();
    let mut found = engine.run(&derived, &first_example(model, given), &names)?;
    let axes = |name: &Name| model.tensor(name).map_or(0, |tensor| tensor.shape.len());
    let jacobian = |wrt: &Name| {
        let mut jacobian = found.remove(&derivative_name(of, wrt))?;
        // The axis of the examples, of which there is one.
        let own = jacobian.shape.len() - axes(of) - axes(wrt);
        jacobian.shape.drain(..own);
        Some((format!("jacobian_{of}_{wrt}").into(), jacobian))
    };
    Ok(by.iter().filter_map(jacobian).collect())
}

fn first_example(model: &Model, given: &Values) -> Values {
    let first = |(name, array): (&Name, &meaning::Array)| {
        let mut array = array.clone();
        let is_per_example = model.tensor(name).is_some_and(|tensor| tensor.per_example);
        if is_per_example && array.shape.first().is_some_and(|examples| *examples > 0) {
            array.values.truncate(array.values.len() / array.shape[0]);
            array.shape[0] = 1;
        }
        (name.clone(), array)
    };
    given.iter().map(first).collect()
}

struct Running {
    engine: Engine,
    threads: usize,
}

impl Running {
    /// The wanted tensors; per-example ones with the examples in front.
    fn run(&self, model: &Model, given: &Values, wanted: &[Name]) -> Result<Values, Failure> {
        match self.engine {
            Engine::Fast => {
                let found = evaluate::evaluate(model, given, wanted, self.threads).map_err(Failure::message)?;
                Ok(found.into_iter().map(|(name, array)| (name, array.into())).collect())
            }
            Engine::Reference => meaning::run(&for_running(model), given, wanted).map_err(Failure::message),
        }
    }

    fn in_its_precision(&self, array: meaning::Array) -> Array {
        let values = match self.engine {
            Engine::Fast => arrays::Values::F32(array.values.iter().map(|&value| value as f32).collect()),
            Engine::Reference => arrays::Values::F64(array.values),
        };
        Array::new(array.shape, values).expect("a result has as many values as its shape says")
    }
}
