//! Maps of the results of a product that the product does itself, while a result is still in the first cache: a bias
//! for each row or each column, `relu`, and results that count only where another value is positive.

use super::operation::{
    Axis, Bias, Binary, Doubt, Ending, Guarded, Instruction, Operation, Product, Store, Unary, Walk,
};
use super::{Place, PlaceKind};
use crate::term::{Comparison, Function};

/// Fewer results stay in a cache until the map comes, which then costs no more than an ending.
const FEWEST: usize = 1 << 14;

/// Lets products do the maps that nothing but them needs. `in_loop` gives the loop of a guarded product, with the
/// map, by their numbers.
pub(super) fn absorb(
    operations: &mut Vec<Operation>,
    places: &[Place],
    in_loop: &mut dyn FnMut(usize, usize) -> Option<Walk>,
) {
    let (mut readers, mut writers) = (vec![Vec::new(); places.len()], vec![Vec::new(); places.len()]);
    for (number, operation) in operations.iter().enumerate() {
        operation.sources().into_iter().for_each(|place| readers[place].push(number));
        operation.targets().into_iter().for_each(|place| writers[place].push(number));
    }
    let mut absorbed = vec![false; operations.len()];
    for number in 0..operations.len() {
        let Some(product) = product_of(&operations[number]) else { continue };
        let results = product.places[2];
        let is_own = places[results].kind == PlaceKind::Temporary && places[results].len() >= FEWEST;
        let (true, [last]) = (is_own, &readers[results][..]) else { continue };
        let Operation::Walk(walk) = &operations[*last] else { continue };
        let Some((ending, store)) = ending(product, walk) else { continue };
        // What it reads has been there before, and what it writes is not needed as it was.
        let is_there = |place: usize| writers[place].iter().all(|writer| *writer < number || writer > last);
        let place = store.access.place;
        let is_new = writers[place] == [*last] && readers[place].iter().all(|reader| reader > last);
        let is_free = !matches!(places[place].kind, PlaceKind::Given | PlaceKind::Constant(_) | PlaceKind::Table);
        let is_whole = places[place].len() == places[results].len();
        if !(ending.places().all(is_there) && is_new && is_free && is_whole) {
            continue;
        }
        match &mut operations[number] {
            Operation::Product(product) => (product.places[2], product.ending) = (place, ending),
            Operation::Guarded(guarded) => {
                let Some(walk) = in_loop(number, *last) else { continue };
                (guarded.product.places[2], guarded.product.ending) = (place, ending);
                guarded.walk = walk;
            }
            _ => continue,
        }
        absorbed[*last] = true;
    }
    let mut absorbed = absorbed.into_iter();
    operations.retain(|_| absorbed.next() == Some(false));
}

/// The product whose results nothing has to look at.
fn product_of(operation: &Operation) -> Option<&Product> {
    match operation {
        Operation::Product(product) | Operation::Guarded(Guarded { product, doubt: Doubt::Operands(_), .. }) => {
            Some(product)
        }
        _ => None,
    }
}

/// The walk as the ending of a product, and where its results go.
fn ending<'a>(product: &Product, walk: &'a Walk) -> Option<(Ending, &'a Store)> {
    let [store] = &walk.stores[..] else { return None };
    let is_plain = !product.descends && !product.symmetric && product.ending == Ending::default();
    if !is_plain || walk.reduction.is_some() {
        return None;
    }
    let results = |value: usize| match walk.program[value] {
        Instruction::Read(read) => {
            let access = &walk.reads[read];
            let is_same = access.strides == store.access.strides && access.axes.is_empty();
            is_same && access.place == product.places[2] && access.offset == 0 && store.access.offset == 0
        }
        _ => false,
    };
    let ending = match walk.program[store.value] {
        Instruction::Select(condition, value, otherwise) if results(value) && is_zero(walk, otherwise) => {
            Ending { positive: Some(positive(walk, condition, store)?), ..Ending::default() }
        }
        Instruction::Unary(Unary::Call(Function::Relu), value) => {
            let bias = if results(value) { None } else { Some(bias(product, walk, value, results)?) };
            Ending { bias, rectifies: true, positive: None }
        }
        _ => Ending { bias: Some(bias(product, walk, store.value, results)?), ..Ending::default() },
    };
    Some((ending, store))
}

fn is_zero(walk: &Walk, value: usize) -> bool {
    walk.program[value] == Instruction::Constant(0.0)
}

/// The place of which a condition asks whether its values are positive, those at the places of the results.
fn positive(walk: &Walk, condition: usize, store: &Store) -> Option<usize> {
    let value = match walk.program[condition] {
        Instruction::Compare(Comparison::Greater, value, zero) if is_zero(walk, zero) => value,
        Instruction::Compare(Comparison::Less, zero, value) if is_zero(walk, zero) => value,
        _ => return None,
    };
    let Instruction::Read(read) = walk.program[value] else { return None };
    let access = &walk.reads[read];
    let is_same = access.strides == store.access.strides && access.axes.is_empty() && access.offset == 0;
    (is_same && access.place != store.access.place).then_some(access.place)
}

/// What is added to the results: numbers side by side along the only axis of the rows or of the columns.
fn bias(product: &Product, walk: &Walk, value: usize, results: impl Fn(usize) -> bool) -> Option<Bias> {
    let Instruction::Binary(Binary::Add, a, b) = walk.program[value] else { return None };
    let other = match (results(a), results(b)) {
        (true, false) => b,
        (false, true) => a,
        _ => return None,
    };
    let Instruction::Read(read) = walk.program[other] else { return None };
    let access = &walk.reads[read];
    let mut moving = (0..walk.loops.len()).filter(|number| access.strides[*number] != 0);
    let (along, None) = (moving.next()?, moving.next()) else { return None };
    if access.strides[along] != 1 || !access.axes.is_empty() || access.place == product.places[2] {
        return None;
    }
    let target = walk.stores[0].access.strides[along];
    let is_along = |group: &[Axis]| {
        let axes: Vec<&Axis> = group.iter().filter(|axis| axis.extent != 1).collect();
        axes.len() == 1 && axes[0].extent == walk.loops[along].extent && axes[0].strides[2] == target
    };
    let by_rows = match [&product.rows, &product.columns].map(|group| is_along(group)) {
        [true, false] => true,
        [false, true] => false,
        _ => return None,
    };
    Some(Bias { place: access.place, offset: access.offset, by_rows })
}
