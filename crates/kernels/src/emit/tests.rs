//! Machine code against the interpreter: maps, products and greatest values have the same bits, sums nearly.

use crate::machine::Level;
use crate::{Access, Arena, Binary, Bound, Comparison, Instruction, Loop, Reduction, Unary, Walk, WalkSpec};

/// Numbers without a pattern.
struct Dice(u32);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Mostly in -2..2, at times one at which functions change.
    fn number(&mut self) -> f32 {
        let special =
            [0.0, -0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, 88.7, -103.9, 1e30, 0.56, -14.9];
        if self.below(12) == 0 { self.one_of(&special) } else { self.next() as f32 / (1 << 22) as f32 - 2.0 }
    }
}

const UNARY: [Unary; 19] = [
    Unary::Negative,
    Unary::Inverse,
    Unary::Square,
    Unary::HalfPower,
    Unary::InverseRoot,
    Unary::Not,
    Unary::Exp,
    Unary::Log,
    Unary::Sqrt,
    Unary::Abs,
    Unary::Sign,
    Unary::Tanh,
    Unary::Erf,
    Unary::Sigmoid,
    Unary::Relu,
    Unary::Softplus,
    Unary::Gelu,
    Unary::Silu,
    Unary::Floor,
];
const BINARY: [Binary; 8] = [
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::And,
    Binary::Or,
    Binary::Max,
    Binary::Min,
];
const GENTLE: [Binary; 4] = [Binary::Add, Binary::Subtract, Binary::Max, Binary::Min];
const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Greater,
    Comparison::GreaterEqual,
];

/// Loops over results first, but for the last two, which may be of either kind.
fn loops(dice: &mut Dice, reduces: bool) -> Vec<Loop> {
    let extents = [1, 2, 3, 5, 7, 8, 9, 14, 16, 31, 33, 40, 70];
    let count = 1 + dice.below(4);
    let mut loops: Vec<Loop> = (0..count)
        .map(|place| {
            let extent = if place + 2 < count { 1 + dice.below(4) } else { dice.one_of(&extents) };
            Loop { extent, reduced: reduces && dice.below(2) == 0 }
        })
        .collect();
    let outer = count.saturating_sub(2);
    loops[..outer].sort_by_key(|range| range.reduced);
    loops
}

/// Strides over some of the loops, in an order of their own, and how many places they reach.
fn strides(dice: &mut Dice, loops: &[Loop], all_kept: bool) -> (Vec<i64>, usize) {
    let mut strides = vec![0; loops.len()];
    let mut places: Vec<usize> = (0..loops.len()).collect();
    if dice.below(3) == 0 {
        places.rotate_left(1);
    }
    let mut step = 1 + if dice.below(4) == 0 { dice.below(3) as i64 } else { 0 };
    for place in places.into_iter().rev() {
        let moves = if all_kept { !loops[place].reduced } else { dice.below(4) > 0 };
        if moves {
            strides[place] = step;
            step *= loops[place].extent as i64;
        }
    }
    (strides, step as usize + 3)
}

/// A read of a tensor of two axes that follow a loop each and may leave them, and its length.
fn guarded(dice: &mut Dice, loops: &[Loop], at: usize) -> (Access, usize) {
    let extents = [1 + dice.below(6), 1 + dice.below(40)];
    let steps = [extents[1] as i64, 1];
    let mut read = Access { offset: at as i64, strides: vec![0; loops.len()], axes: vec![] };
    for (axis, loop_from_end) in [2, 1].into_iter().enumerate() {
        let mut strides = vec![0; loops.len()];
        if let Some(place) = loops.len().checked_sub(loop_from_end)
            && dice.below(4) > 0
        {
            strides[place] = dice.one_of(&[1, 1, 1, -1, 2]);
        }
        let offset = dice.below(7) as i64 - 3;
        read.offset += steps[axis] * offset;
        read.strides.iter_mut().zip(&strides).for_each(|(sum, stride)| *sum += steps[axis] * stride);
        read.axes.push(Bound { extent: extents[axis], step: steps[axis], offset, strides });
    }
    (read, extents[0] * extents[1])
}

/// Instructions on some reads, and on what `first` computes: any, or gentle ones, which make no great differences
/// of small ones.
fn program(dice: &mut Dice, reads: usize, first: Vec<Instruction>, is_gentle: bool) -> Vec<Instruction> {
    let mut code = first;
    code.extend((0..reads).map(Instruction::Read));
    for _ in 0..1 + dice.below(9) {
        let (a, b, c) = (dice.below(code.len()), dice.below(code.len()), dice.below(code.len()));
        code.push(match dice.below(9) {
            number if is_gentle && number < 5 => Instruction::Binary(dice.one_of(&GENTLE), a, b),
            _ if is_gentle => Instruction::Unary(dice.one_of(&[Unary::Tanh, Unary::Abs, Unary::Sigmoid]), a),
            0 => Instruction::Constant(dice.number()),
            1 => Instruction::Rate,
            2 => Instruction::Compare(dice.one_of(&COMPARISONS), a, b),
            3 => Instruction::Select(a, b, c),
            4..=6 => Instruction::Binary(dice.one_of(&BINARY), a, b),
            _ => Instruction::Unary(dice.one_of(&UNARY), a),
        });
    }
    code
}

fn is_sum(reduction: Option<Reduction>) -> bool {
    matches!(reduction, Some(Reduction::Sum | Reduction::Prod))
}

/// A walk, and the length of its arena.
fn walk(dice: &mut Dice) -> (WalkSpec, usize) {
    let reduction = dice.one_of(&[
        None,
        None,
        Some(Reduction::Sum),
        Some(Reduction::Max),
        Some(Reduction::Min),
        Some(Reduction::Prod),
    ]);
    let loops = loops(dice, reduction.is_some());
    let mut arena = 0;
    let access = |dice: &mut Dice, arena: &mut usize, all_kept: bool| {
        let (strides, length) = strides(dice, &loops, all_kept);
        *arena += length;
        Access { offset: (*arena - length) as i64 + dice.below(3) as i64, strides, axes: vec![] }
    };
    let mut reads: Vec<Access> = (0..1 + dice.below(3)).map(|_| access(dice, &mut arena, false)).collect();
    if dice.below(3) == 0 {
        let (read, length) = guarded(dice, &loops, arena);
        reads.push(read);
        arena += length;
    }
    let targets: Vec<Access> = (0..1 + dice.below(2)).map(|_| access(dice, &mut arena, true)).collect();
    let is_position = dice.below(4) == 0;
    let (along, _) = strides(dice, &loops, false);
    let position = Instruction::Position(Access { offset: dice.below(9) as i64 - 4, strides: along, axes: vec![] });
    let mut code = program(dice, reads.len(), is_position.then_some(position).into_iter().collect(), is_sum(reduction));
    let mut ending = Vec::new();
    if reduction.is_some() {
        // What an ending reads does not move along loops that are reduced over.
        reads.push(targets[0].clone());
        ending = vec![Instruction::Reduced, Instruction::Read(reads.len() - 1)];
        ending = program(dice, 0, ending, true);
    } else if dice.below(2) == 0 {
        // In place.
        reads.push(targets[0].clone());
        code.push(Instruction::Read(reads.len() - 1));
        code.push(Instruction::Binary(Binary::Add, code.len() - 2, code.len() - 1));
    }
    let values = if reduction.is_some() { ending.len() } else { code.len() };
    let stores = targets.into_iter().enumerate().map(|(number, target)| (values - 1 - number, target)).collect();
    (WalkSpec { loops, reads, program: code, reduction, ending, stores, by_steps: false }, arena + 3)
}

fn agree(a: f32, b: f32, exactly: bool) -> bool {
    let near = (a - b).abs() <= 1e-4 * (1.0 + a.abs().max(b.abs()));
    (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits() || (!exactly && near)
}

/// A walk, its memory, and the code of it; none where it is interpreted.
fn emitted(dice: &mut Dice, level: Level) -> Option<(WalkSpec, Arena, Walk)> {
    let (mut spec, length) = walk(dice);
    let kept_first = spec.loops.first().is_some_and(|range| !range.reduced);
    spec.by_steps = kept_first && spec.loops.len() > 1 && dice.below(8) == 0;
    let mut arena = Arena::new(length);
    let is_sum = is_sum(spec.reduction);
    arena.values_mut().fill_with(|| if is_sum { dice.number().clamp(-2.0, 2.0) } else { dice.number() });
    // Long products leave the range of numbers, in one order or another.
    let over: usize = spec.loops.iter().filter(|range| range.reduced).map(|range| range.extent).product();
    if spec.reduction == Some(Reduction::Prod) && over > 30 {
        return None;
    }
    let code = Walk::on(level, &spec, length).ok()?.in_small_pieces()?;
    Some((spec, arena, code))
}

/// Runs the code and the interpreter.
fn compare(level: Level, spec: &WalkSpec, mut arena: Arena, code: &Walk) {
    let mut other = Arena::new(arena.len());
    other.values_mut().copy_from_slice(arena.values());
    Walk::on(level, spec, arena.len()).unwrap().interpreted().run(&mut arena, 0.3);
    code.run(&mut other, 0.3);
    // Sums are added in another order, and of zeros of both signs another one may be the least.
    let exactly = spec.reduction.is_none();
    for (place, (a, b)) in arena.values().iter().zip(other.values()).enumerate() {
        assert!(agree(*a, *b, exactly), "{level:?}, at {place}: {a} {b}\n{spec:#?}");
    }
}

/// The levels for which code is emitted, and how wide it is.
fn levels() -> impl Iterator<Item = (Level, usize)> {
    Level::all().into_iter().filter_map(|level| match level {
        Level::V4 => Some((level, 16)),
        Level::V3 => Some((level, 8)),
        Level::Portable => None,
    })
}

#[test]
fn code_computes_what_the_interpreter_does() {
    for (level, _) in levels() {
        let mut dice = Dice(1);
        let (mut counts, mut with_guards) = ([0, 0], 0);
        for (spec, arena, code) in (0..4000).filter_map(|_| emitted(&mut dice, level)) {
            counts[usize::from(spec.reduction.is_some())] += 1;
            with_guards += usize::from(spec.reads.iter().any(|read| !read.axes.is_empty()));
            compare(level, &spec, arena, &code);
        }
        assert!(counts.iter().all(|count| *count > 500) && with_guards > 200, "{counts:?}, {with_guards} were emitted");
    }
}

#[test]
fn codes_may_stand_in_memory_together() {
    for (level, _) in levels() {
        let mut dice = Dice(2);
        let all: Vec<_> = (0..80).filter_map(|_| emitted(&mut dice, level)).collect();
        let walks: Vec<&Walk> = all.iter().map(|(_, _, code)| code).collect();
        // Some of them stand there already.
        Walk::place(&walks[..5]);
        Walk::place(&walks);
        for (spec, arena, code) in &all {
            let mut copy = Arena::new(arena.len());
            copy.values_mut().copy_from_slice(arena.values());
            compare(level, spec, copy, code);
        }
    }
}

/// Numbers side by side, of which each is compared with the next; all are used in the opposite order.
#[test]
fn there_may_be_more_values_than_registers() {
    const VALUES: usize = 36;
    for ((level, lanes), extent) in levels().flat_map(|level| [9, 40, 103].map(|extent| (level, extent))) {
        let access = |offset: usize| Access { offset: offset as i64, strides: vec![1], axes: vec![] };
        let mut program: Vec<Instruction> = (0..VALUES).map(Instruction::Read).collect();
        program.extend((1..VALUES).map(|value| Instruction::Compare(Comparison::Less, value - 1, value)));
        let mut last = 0;
        for value in (1..VALUES).rev() {
            program.push(Instruction::Select(VALUES + value - 1, last, value));
            program.push(Instruction::Binary(Binary::Subtract, program.len() - 1, value - 1));
            last = program.len() - 1;
        }
        let spec = WalkSpec {
            loops: vec![Loop { extent, reduced: false }],
            reads: (0..VALUES).map(access).collect(),
            program,
            reduction: None,
            ending: vec![],
            stores: vec![(last, access(VALUES + extent))],
            by_steps: false,
        };
        let mut arena = Arena::new(VALUES + 2 * extent);
        let mut dice = Dice(7);
        arena.values_mut().fill_with(|| dice.number());
        let code = Walk::on(level, &spec, arena.len()).unwrap();
        assert_eq!(code.unit(), Some(lanes), "{level:?}");
        compare(level, &spec, arena, &code);
    }
}
