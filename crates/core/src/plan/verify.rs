//! A proof that a plan uses no memory it should not: every access inside its place, every place
//! inside the arena, and nothing read before it is written or after its memory was given away.

use super::operation::{
    Access, Axis, Bound, Doubt, Ending, Guarded, Instruction, Loop, Operation, Product, Repeat, Scatter, Walk,
};
use super::{ALIGNMENT, Place, PlaceKind, Plan};

impl Plan {
    /// Checks the plan, believing nothing of how it was made.
    ///
    /// # Errors
    /// What is wrong, and in which operation.
    pub fn verify(&self) -> Result<(), String> {
        for place in &self.places {
            let inside = place.offset.checked_add(place.len()).is_some_and(|end| end <= self.arena);
            if !inside || place.offset % ALIGNMENT != 0 {
                return Err(format!("{} is outside the arena or not aligned", place.name));
            }
        }
        let mut written: Vec<bool> = self.places.iter().map(has_value).collect();
        self.check_given()?;
        for (number, operation) in self.operations.iter().enumerate() {
            let wrong = |message: String| format!("operation {number}: {message}");
            self.check_operation(operation).map_err(wrong)?;
            let own = match operation {
                Operation::Repeat(_) => operation.targets(),
                _ => Vec::new(),
            };
            for place in operation.sources() {
                if !written[place] && !own.contains(&place) {
                    return Err(wrong(format!("{} is read, but has no value", self.places[place].name)));
                }
            }
            for place in operation.targets() {
                self.overwrite(place, operation, &mut written).map_err(wrong)?;
            }
        }
        match self.places.iter().zip(written).find(|(place, written)| place.kind != PlaceKind::Temporary && !written) {
            Some((place, _)) => Err(format!("{} has no value in the end", place.name)),
            None => Ok(()),
        }
    }

    /// No given value lies in the memory of another.
    fn check_given(&self) -> Result<(), String> {
        let given: Vec<&Place> = self.places.iter().filter(|place| has_value(place)).collect();
        for (number, a) in given.iter().enumerate() {
            if let Some(b) = given[number + 1..].iter().find(|b| overlap(a, b)) {
                return Err(format!("{} and {} share memory", a.name, b.name));
            }
        }
        Ok(())
    }

    /// A place gets a value; whatever shares its memory has none any more.
    fn overwrite(&self, target: usize, operation: &Operation, written: &mut [bool]) -> Result<(), String> {
        let place = &self.places[target];
        for (other, over) in self.places.iter().enumerate().filter(|(other, _)| *other != target) {
            if !overlap(place, over) {
                continue;
            }
            if operation.sources().contains(&other) || operation.targets().contains(&other) {
                return Err(format!("{} and {} share memory in one operation", place.name, over.name));
            }
            written[other] = false;
        }
        written[target] = true;
        Ok(())
    }

    fn place_at(&self, number: usize) -> Result<&Place, String> {
        self.places.get(number).ok_or_else(|| "there is no such place".into())
    }

    fn check_operation(&self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::Product(product) => self.check_product(product),
            Operation::Guarded(guarded) => self.check_guarded(guarded),
            Operation::Walk(walk) => self.check_walk(walk, false),
            Operation::Scatter(scatter) => self.check_scatter(scatter),
            Operation::Repeat(repeat) => self.check_repeat(repeat),
        }
    }

    /// Every operation inside by itself, with the steps outermost; every step of a target is a block
    /// of its place; and what is read of targets are steps that were done before.
    fn check_repeat(&self, repeat: &Repeat) -> Result<(), String> {
        let targets: Vec<usize> = repeat.operations.iter().flat_map(Operation::targets).collect();
        for (number, operation) in repeat.operations.iter().enumerate() {
            let (extents, accesses) = match operation {
                Operation::Product(product) => {
                    self.check_product(product)?;
                    product_accesses(product)
                }
                Operation::Walk(walk) => {
                    self.check_walk(walk, true)?;
                    walk_accesses(walk)
                }
                Operation::Guarded(_) | Operation::Scatter(_) | Operation::Repeat(_) => {
                    return Err("no operation for a step".into());
                }
            };
            if extents.first() != Some(&repeat.steps) {
                return Err("the steps are not the outermost loop".into());
            }
            for (access, is_written) in accesses {
                let Some(writer) = targets.iter().position(|target| *target == access.place) else { continue };
                // Of this step, of this and all before it, or of those before it.
                let (own, before) = (is_written || writer < number, !is_written);
                self.check_steps(repeat, &access, &extents, own, before)?;
            }
        }
        Ok(())
    }

    /// An access in every step keeps to the block of the step, where `own` allows it, and those of the
    /// steps that were done before, where `before` does.
    fn check_steps(
        &self,
        repeat: &Repeat,
        access: &Access,
        extents: &[usize],
        own: bool,
        before: bool,
    ) -> Result<(), String> {
        let place = self.place_at(access.place)?;
        let block = (place.len() / repeat.steps.max(1)) as i64;
        let count = repeat.steps as i64;
        for step in 0..count {
            let Some((least, greatest)) = reach_in_step(access, extents, step) else { continue };
            let (from, to) = if own {
                (step, step + 1)
            } else if repeat.backward {
                (step + 1, step + 1)
            } else {
                (step, step)
            };
            let (from, to) = match (before, repeat.backward) {
                (false, _) => (from, to),
                (true, true) => (from, count),
                (true, false) => (0, to),
            };
            if least < from * block || greatest >= to * block {
                return Err(format!("a step of {} is read or written out of order", place.name));
            }
        }
        Ok(())
    }

    fn check_product(&self, product: &Product) -> Result<(), String> {
        let operands = [[0, 1, 3], [0, 2, 3], [0, 1, 2]];
        for (operand, groups) in operands.iter().enumerate() {
            let axes: Vec<&Axis> = groups.iter().flat_map(|&group| product.groups()[group]).collect();
            let pairs = axes.iter().map(|axis| (axis.extent, axis.strides[operand]));
            inside(self.place_at(product.places[operand])?, product.offsets[operand], pairs)?;
        }
        if product.places[..2].contains(&product.places[2]) {
            return Err("the target of a product is one of its factors".into());
        }
        let count = |axes: &[Axis]| axes.iter().map(|axis| axis.extent).product::<usize>();
        if product.symmetric && (product.descends || count(&product.rows) != count(&product.columns)) {
            return Err("a symmetric product is no square, or adds to what is there".into());
        }
        if product.diagonal != 0.0 && !product.symmetric {
            return Err("a number is added to the diagonal of a product that is not symmetric".into());
        }
        if let Some(weights) = product.weights
            && (weights == product.places[2] || self.place_at(weights)?.len() != count(&product.inner))
        {
            return Err("the weights of a product are not one for each summand".into());
        }
        self.check_ending(product)?;
        let target = self.place_at(product.places[2])?;
        let results = || product.batch.iter().chain(&product.rows).chain(&product.columns);
        let all: usize = results().map(|axis| axis.extent).product();
        is_whole(target, all, results().map(|axis| (axis.extent, axis.strides[2])))
    }

    /// There is a number for every row or column, and one for every result, and none of them is a result.
    fn check_ending(&self, product: &Product) -> Result<(), String> {
        let Ending { bias, positive, .. } = product.ending;
        if product.ending != Ending::default() && (product.descends || product.symmetric) {
            return Err("results that are added to, or mirrored, have an ending".into());
        }
        if product.ending.places().any(|place| place == product.places[2]) {
            return Err("the ending of a product reads its target".into());
        }
        if let Some(bias) = bias {
            let group = if bias.by_rows { &product.rows } else { &product.columns };
            let axes: Vec<&Axis> = group.iter().filter(|axis| axis.extent != 1).collect();
            if axes.len() > 1 {
                return Err("a bias of several axes".into());
            }
            let count = axes.first().map_or(1, |axis| axis.extent);
            inside(self.place_at(bias.place)?, bias.offset, [(count, 1)].into_iter())?;
        }
        match positive {
            Some(place) if self.place_at(place)?.len() != self.place_at(product.places[2])?.len() => {
                Err("a product asks another value than one for each result".into())
            }
            _ => Ok(()),
        }
    }

    /// The loop writes all that the product writes, or wrote, from what was there before.
    fn check_guarded(&self, guarded: &Guarded) -> Result<(), String> {
        let Guarded { product, walk, doubt } = guarded;
        self.check_product(product)?;
        self.check_walk(walk, false)?;
        let target = product.places[2];
        match doubt {
            Doubt::Operands(places) => places.iter().try_for_each(|place| self.place_at(*place).map(|_| ()))?,
            Doubt::Results if product.descends || walk.reads.iter().any(|read| read.place == target) => {
                return Err("what is computed again reads what it wrote".into());
            }
            // What was done with the results may hide that one was no number.
            Doubt::Results if product.ending != Ending::default() => {
                return Err("results are looked at that are not those of the product".into());
            }
            Doubt::Results => {}
        }
        if walk.stores.is_empty() || walk.stores.iter().any(|store| store.access.place != target) {
            return Err("a product and its loop have different targets".into());
        }
        Ok(())
    }

    fn check_walk(&self, walk: &Walk, in_steps: bool) -> Result<(), String> {
        for access in walk.reads.iter().chain(walk.stores.iter().map(|store| &store.access)) {
            if access.strides.len() != walk.loops.len() {
                return Err("an access has another number of loops".into());
            }
            let place = self.place_at(access.place)?;
            if !access.axes.is_empty() {
                bounded(place, access)?;
                continue;
            }
            let extents = walk.loops.iter().map(|range| range.extent);
            inside(place, access.offset, extents.zip(access.strides.iter().copied()))?;
        }
        if walk.stores.iter().any(|store| !store.access.axes.is_empty()) {
            return Err("a result leaves its place".into());
        }
        check_program(&walk.program, walk, false)?;
        check_program(&walk.ending, walk, true)?;
        for store in &walk.stores {
            let values = if walk.reduction.is_some() { walk.ending.len() } else { walk.program.len() };
            if store.value >= values {
                return Err("a value is stored that is not computed".into());
            }
            self.check_store(walk, &store.access, in_steps)?;
        }
        Ok(())
    }

    fn check_scatter(&self, scatter: &Scatter) -> Result<(), String> {
        let extents = || scatter.loops.iter().map(|range| range.extent);
        let reads = scatter.keys.iter().map(|key| &key.read).chain([&scatter.source]);
        for access in reads.chain([&scatter.target]) {
            if access.strides.len() != scatter.loops.len() || !access.axes.is_empty() {
                return Err("an access has another number of loops".into());
            }
            inside(self.place_at(access.place)?, access.offset, extents().zip(access.strides.iter().copied()))?;
        }
        if moves(&scatter.loops, &scatter.target.strides) {
            return Err("a target moves along a loop that is reduced over".into());
        }
        let kept = scatter.loops.iter().zip(&scatter.target.strides).filter(|(range, _)| !range.reduced);
        let axes = kept.map(|(range, stride)| (range.extent, *stride));
        let axes: Vec<(usize, i64)> = axes.chain(scatter.keys.iter().map(|key| (key.extent, key.stride))).collect();
        let count = axes.iter().map(|(extent, _)| extent).product();
        let target = self.place_at(scatter.target.place)?;
        inside(target, scatter.target.offset, axes.iter().copied())?;
        is_whole(target, count, axes.into_iter())
    }

    fn check_store(&self, walk: &Walk, store: &Access, in_steps: bool) -> Result<(), String> {
        let loops = || walk.loops.iter().zip(store.strides.iter().copied());
        if moves(&walk.loops, &store.strides) {
            return Err("a result moves along a loop that is reduced over".into());
        }
        if !in_steps && walk.reads.iter().any(|read| read.place == store.place && read != store) {
            return Err("a place is read elsewhere while it is written".into());
        }
        let kept = || loops().filter(|(range, _)| !range.reduced);
        let count = kept().map(|(range, _)| range.extent).product();
        is_whole(self.place_at(store.place)?, count, kept().map(|(range, stride)| (range.extent, stride)))
    }
}

/// The extents of the loops of an operation, and its accesses along them, with whether they write.
type Accesses = (Vec<usize>, Vec<(Access, bool)>);

fn walk_accesses(walk: &Walk) -> Accesses {
    let written = walk.stores.iter().map(|store| (store.access.clone(), true));
    let reads = walk.reads.iter().map(|read| (read.clone(), false));
    (walk.loops.iter().map(|range| range.extent).collect(), reads.chain(written).collect())
}

/// All axes of a product are loops, the batch first.
fn product_accesses(product: &Product) -> Accesses {
    let axes: Vec<&Axis> = product.groups().into_iter().flatten().collect();
    let access = |operand: usize| Access {
        place: product.places[operand],
        offset: product.offsets[operand],
        strides: axes.iter().map(|axis| axis.strides[operand]).collect(),
        axes: Vec::new(),
    };
    let accesses = (0..3).map(|operand| (access(operand), operand == 2)).collect();
    (axes.iter().map(|axis| axis.extent).collect(), accesses)
}

/// The least and greatest position that an access reaches in a step; `None` where there is none.
fn reach_in_step(access: &Access, extents: &[usize], step: i64) -> Option<(i64, i64)> {
    let interval = |offset: i64, strides: &[i64]| {
        let mut range = (offset + strides.first().copied().unwrap_or(0) * step, 0);
        range.1 = range.0;
        for (stride, extent) in strides.iter().zip(extents).skip(1) {
            let reach = stride * (*extent as i64 - 1);
            range = (range.0 + reach.min(0), range.1 + reach.max(0));
        }
        range
    };
    if extents.contains(&0) {
        return None;
    }
    if access.axes.is_empty() {
        return Some(interval(access.offset, &access.strides));
    }
    let mut range = (0, 0);
    for axis in &access.axes {
        let (mut least, mut greatest) = interval(axis.offset, &axis.strides);
        if axis.strides.iter().all(|stride| *stride == 0) {
            // It may be computed, and then be anywhere.
            (least, greatest) = (0, axis.extent as i64 - 1);
        }
        let (least, greatest) = (least.max(0), greatest.min(axis.extent as i64 - 1));
        if least > greatest {
            return None;
        }
        range = (range.0 + least * axis.step, range.1 + greatest * axis.step);
    }
    Some(range)
}

fn has_value(place: &Place) -> bool {
    matches!(place.kind, PlaceKind::Given | PlaceKind::Constant(_) | PlaceKind::Table)
}

fn overlap(a: &Place, b: &Place) -> bool {
    a.offset < b.offset + b.len() && b.offset < a.offset + a.len()
}

fn moves(loops: &[Loop], strides: &[i64]) -> bool {
    loops.iter().zip(strides).any(|(range, stride)| range.reduced && *stride != 0)
}

/// By interval arithmetic over the loops.
fn inside(place: &Place, offset: i64, loops: impl Iterator<Item = (usize, i64)>) -> Result<(), String> {
    let (mut least, mut greatest) = (offset, offset);
    for (extent, stride) in loops {
        if extent == 0 {
            return Ok(());
        }
        let reach = stride.checked_mul(extent as i64 - 1).ok_or("an access overflows")?;
        least = least.checked_add(reach.min(0)).ok_or("an access overflows")?;
        greatest = greatest.checked_add(reach.max(0)).ok_or("an access overflows")?;
    }
    if least < 0 || greatest >= place.len() as i64 {
        return Err(format!("{} has {} entries, an access reaches {least}..={greatest}", place.name, place.len()));
    }
    Ok(())
}

/// An access that may leave its axes, but reads only where it does not: the axes make up the
/// access, and all positions inside of them are inside the place.
fn bounded(place: &Place, access: &Access) -> Result<(), String> {
    let last = access.axes.iter().map(|axis| (axis.extent, axis.step));
    inside(place, 0, last)?;
    let offset: i64 = access.axes.iter().map(|axis| axis.step * axis.offset).sum();
    let same = access.strides.iter().enumerate().all(|(number, stride)| {
        let along = |axis: &Bound| axis.strides.get(number).map(|along| axis.step * along);
        access.axes.iter().map(along).sum::<Option<i64>>() == Some(*stride)
    });
    if offset != access.offset || !same {
        return Err(format!("the axes of a read of {} are not those of the read", place.name));
    }
    Ok(())
}

/// Every entry is written once: there are as many positions as entries, and different positions
/// are different entries, since every stride goes beyond all that the smaller ones reach.
fn is_whole(place: &Place, count: usize, loops: impl Iterator<Item = (usize, i64)>) -> Result<(), String> {
    let mut pairs: Vec<(i64, i64)> =
        loops.filter(|(extent, _)| *extent > 1).map(|(extent, stride)| (stride, extent as i64)).collect();
    pairs.sort_unstable();
    let mut reach = 0;
    let distinct = pairs.iter().all(|(stride, extent)| {
        let beyond = *stride > reach;
        reach += stride * (extent - 1);
        beyond
    });
    if !distinct || count != place.len() {
        return Err(format!("{} is not written once in every entry", place.name));
    }
    Ok(())
}

fn check_program(program: &[Instruction], walk: &Walk, is_ending: bool) -> Result<(), String> {
    for (number, instruction) in program.iter().enumerate() {
        if instruction.operands().iter().any(|operand| *operand >= number) {
            return Err("a value is used before it is computed".into());
        }
        let still = match instruction {
            Instruction::Reduced => is_ending && number == 0,
            Instruction::Read(read) | Instruction::Gather { read, .. } => {
                if let Instruction::Gather { read, subscripts } = instruction {
                    let axes = walk.reads.get(*read).map_or(0, |read| read.axes.len());
                    if subscripts.iter().any(|(axis, _)| *axis >= axes) {
                        return Err("a subscript is computed for an axis that is not there".into());
                    }
                }
                let read = walk.reads.get(*read).ok_or("a read that is not there")?;
                let along = read.axes.iter().map(|axis| &axis.strides).chain([&read.strides]);
                !is_ending || along.into_iter().all(|strides| !moves(&walk.loops, strides))
            }
            Instruction::Position { strides, .. } => {
                strides.len() == walk.loops.len() && (!is_ending || !moves(&walk.loops, strides))
            }
            _ => true,
        };
        if !still {
            return Err("an ending moves along a loop that is reduced over".into());
        }
    }
    let is_reduction = walk.reduction.is_some();
    if is_reduction != walk.loops.iter().any(|range| range.reduced) && !is_reduction {
        return Err("loops are reduced over without a reduction".into());
    }
    Ok(())
}
