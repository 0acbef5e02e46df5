//! Tiles: a register program computed for a few hundred positions at a time, so that all its
//! values stay in the first cache.

use crate::arena::Shared;
use crate::gather::{count, gather, gather_computed, gather_inside, position, scatter, tile_strides};
use crate::machine::{Level, Machine, Portable};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::math::{self, scalar};
use crate::number::{Number, Single, single};
use crate::reduce::{Accumulator, greater, lesser};
use crate::walk::{Access, Binary, Comparison, Instruction, Nest, Unary, Walk, WalkSpec};

/// Where a value of a program is.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// In the register of that number.
    Register(usize),
    /// In the arena, where the read of the instruction is: the tile lies there without gaps.
    Memory,
    /// Written at once where the store of that number puts it.
    Target(usize),
}

/// A program with a register for every value.
pub(crate) struct Program {
    code: Vec<Instruction>,
    sources: Vec<Source>,
    reads: Vec<Access>,
    stores: Vec<(usize, Access)>,
    /// Whether the store needs no copying.
    direct: Vec<bool>,
    pub registers: usize,
    /// Values that are the same everywhere: their registers are their own and filled once.
    uniform: Vec<usize>,
}

/// How many positions a tile has at most: the fewer, the more values there are.
pub(crate) fn tile_length(spec: &WalkSpec) -> usize {
    match spec.program.len() + spec.ending.len() {
        0..=24 => 512,
        25..=64 => 256,
        _ => 128,
    }
}

/// Memory of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    registers: Vec<f32>,
    pointers: Vec<*const f32>,
    at: Vec<i64>,
    pub accumulator: Accumulator,
}

impl Program {
    /// Gives every value a place. `nest` tells which accesses are without gaps.
    pub fn new(
        code: &[Instruction],
        reads: &[Access],
        stores: &[(usize, Access)],
        spec: &WalkSpec,
        nest: &Nest,
    ) -> Program {
        let extents = |axis: usize| nest.tile[axis].extent;
        // A tile is without gaps where its columns are neighbours and its rows follow each other.
        let rows_matter = nest.chunk[0] > 1 && extents(0) > 1;
        let dense = |access: &Access, kept_only: bool| {
            let [row, column] = tile_strides(access);
            let axis_counts = |axis: usize| !kept_only || !nest.tile[axis].reduced;
            let columns = if axis_counts(1) { extents(1) } else { 1 };
            let row_ok = !axis_counts(0) || !rows_matter || row == columns as i64;
            let column_ok = columns == 1 || column == 1;
            row_ok && column_ok
        };
        // An ending sees one position of the loops that are reduced over.
        let kept_only = matches!(code.first(), Some(Instruction::Reduced));
        let overlaps_reads = |store: &Access| spec.reads.iter().any(|read| read == store);
        let mut sources = Vec::with_capacity(code.len());
        let mut last_use: Vec<usize> = (0..code.len()).collect();
        for (number, instruction) in code.iter().enumerate() {
            operands(instruction).for_each(|operand| last_use[operand] = number);
        }
        for (value, _) in stores {
            last_use[*value] = code.len();
        }
        if spec.reduction.is_some() && !kept_only && !code.is_empty() {
            last_use[code.len() - 1] = code.len();
        }
        // What is read may be overwritten by another value before it is stored elsewhere.
        let is_stored_late = |number: usize, read: &Access| {
            let is_stored = stores.iter().any(|(value, _)| *value == number);
            is_stored && stores.iter().any(|(value, store)| *value != number && store == read)
        };
        let direct_store = |number: usize| {
            let position = stores.iter().position(|(value, _)| *value == number)?;
            let access = &stores[position].1;
            (dense(access, kept_only) && !overlaps_reads(access)).then_some(position)
        };
        let (mut free, mut registers, mut uniform) = (Vec::new(), 0, Vec::new());
        let mut take = |free: &mut Vec<usize>| {
            free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            })
        };
        for (number, instruction) in code.iter().enumerate() {
            let source = match instruction {
                Instruction::Constant(_) | Instruction::Rate => {
                    uniform.push(number);
                    last_use[number] = usize::MAX;
                    Source::Register(take(&mut Vec::new()))
                }
                Instruction::Read(read)
                    if reads[*read].axes.is_empty()
                        && dense(&reads[*read], kept_only)
                        && !is_stored_late(number, &reads[*read]) =>
                {
                    Source::Memory
                }
                Instruction::Read(_) | Instruction::Gather(..) | Instruction::Position(_) | Instruction::Reduced => {
                    Source::Register(take(&mut free))
                }
                _ => match direct_store(number) {
                    Some(store) => Source::Target(store),
                    None => Source::Register(take(&mut free)),
                },
            };
            sources.push(source);
            // Registers whose value was used for the last time; after the result has its own.
            let mut dying: Vec<usize> = operands(instruction).collect();
            dying.push(number);
            dying.sort_unstable();
            dying.dedup();
            for value in dying {
                if let Source::Register(register) = sources[value]
                    && last_use[value] == number
                {
                    free.push(register);
                }
            }
        }
        let direct = stores
            .iter()
            .enumerate()
            .map(|(position, (value, _))| matches!(sources[*value], Source::Target(target) if target == position))
            .collect();
        Program {
            code: code.to_vec(),
            sources,
            reads: reads.to_vec(),
            stores: stores.to_vec(),
            direct,
            registers,
            uniform,
        }
    }
}

fn operands(instruction: &Instruction) -> impl Iterator<Item = usize> {
    let some = match *instruction {
        Instruction::Unary(_, a) => [Some(a), None, None],
        Instruction::Binary(_, a, b) | Instruction::Compare(_, a, b) => [Some(a), Some(b), None],
        Instruction::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        _ => [None; 3],
    };
    let subscripts = match instruction {
        Instruction::Gather(_, subscripts) => subscripts.as_slice(),
        _ => &[],
    };
    some.into_iter().flatten().chain(subscripts.iter().map(|(_, value)| *value))
}

/// Computes units of a walk.
///
/// # Safety
/// The walk was checked, `arena` points to as many numbers as it was checked for, and no one else
/// uses what these units write, or writes what they read.
pub(crate) unsafe fn run_units(walk: &Walk, arena: Shared, rate: f32, from: usize, to: usize, scratch: &mut Scratch) {
    // SAFETY: as the caller promises; the processor has what was detected.
    unsafe {
        match walk.level() {
            #[cfg(target_arch = "x86_64")]
            Level::V4 => units_v4(walk, arena, rate, from, to, scratch),
            #[cfg(target_arch = "x86_64")]
            Level::V3 => units_v3(walk, arena, rate, from, to, scratch),
            Level::Portable => units::<Portable>(walk, arena, rate, from, to, scratch),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn units_v4(walk: &Walk, arena: Shared, rate: f32, from: usize, to: usize, scratch: &mut Scratch) {
    // SAFETY: as the caller promises.
    unsafe { units::<V4>(walk, arena, rate, from, to, scratch) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn units_v3(walk: &Walk, arena: Shared, rate: f32, from: usize, to: usize, scratch: &mut Scratch) {
    // SAFETY: as the caller promises.
    unsafe { units::<V3>(walk, arena, rate, from, to, scratch) }
}

/// Moves the position of the kept loops to the unit of that number.
#[inline(always)]
fn seek(nest: &Nest, mut number: usize, at: &mut [i64]) {
    for (place, extent, chunk) in nest.kept_loops() {
        let pieces = extent.div_ceil(chunk).max(1);
        at[place] = ((number % pieces) * chunk) as i64;
        number /= pieces;
    }
}

/// Moves the position of some loops, the fastest first, to the next; from the last to the first.
#[inline(always)]
fn advance(loops: impl Iterator<Item = (usize, usize, usize)>, at: &mut [i64]) {
    for (place, extent, chunk) in loops {
        at[place] += chunk as i64;
        if at[place] < extent as i64 {
            return;
        }
        at[place] = 0;
    }
}

/// The rows and columns of the tile at a position.
#[inline(always)]
fn shape(nest: &Nest, at: &[i64]) -> [usize; 2] {
    let outer = nest.outer.len();
    [0, 1].map(|axis| nest.chunk[axis].min(nest.tile[axis].extent - at[outer + axis] as usize))
}

#[inline(always)]
unsafe fn units<M: Machine>(walk: &Walk, arena: Shared, rate: f32, from: usize, to: usize, scratch: &mut Scratch) {
    let nest = &walk.nest;
    let length = nest.chunk[0] * nest.chunk[1];
    let (first, second) = (walk.program.registers * length, walk.ending.registers * length);
    scratch.registers.resize(scratch.registers.len().max(first + second + 16), 0.0);
    scratch.at.clear();
    scratch.at.resize(nest.outer.len() + 2, 0);
    let values = walk.program.code.len().max(walk.ending.code.len());
    scratch.pointers.resize(scratch.pointers.len().max(values), std::ptr::null());
    let misaligned = (scratch.registers.as_ptr() as usize / 4) % 16;
    let registers = scratch.registers.as_mut_ptr().wrapping_add((16 - misaligned) % 16);
    let (at, pointers) = (&mut scratch.at, scratch.pointers.as_mut_slice());
    let bank = |offset: usize| Bank { arena, registers: registers.wrapping_add(offset), length, rate };
    let (own, ending) = (bank(0), bank(first));
    // SAFETY: registers are `length` numbers each, in memory that was just made large enough;
    // the rest is what the caller promises.
    unsafe {
        own.fill(&walk.program);
        ending.fill(&walk.ending);
        seek(nest, from, at);
        for unit in from..to {
            if unit > from {
                advance(nest.kept_loops(), at);
            }
            let Some(reduction) = walk.reduction else {
                let [rows, columns] = shape(nest, at);
                own.evaluate::<M>(&walk.program, at, rows, columns, std::ptr::null(), pointers);
                continue;
            };
            let reduced = [nest.tile[0].reduced, nest.tile[1].reduced];
            let accumulator = &mut scratch.accumulator;
            let results = (0..2).filter(|&axis| !reduced[axis]).map(|axis| nest.chunk[axis]).product();
            accumulator.begin(reduction, reduced, results);
            // Those that are reduced over are at their first position, and are again after the last.
            for _ in 0..nest.steps {
                let [rows, columns] = shape(nest, at);
                own.evaluate::<M>(&walk.program, at, rows, columns, std::ptr::null(), pointers);
                let value = pointers[walk.program.code.len() - 1];
                accumulator.add::<M>(value, rows, columns, || number_of(nest, at));
                advance(nest.reduced_loops(), at);
            }
            // The ending sees one position of the loops that were reduced over.
            let [rows, columns] = shape(nest, at);
            let rows = if reduced[0] { 1 } else { rows };
            let columns = if reduced[1] { 1 } else { columns };
            let result = accumulator.finish(rows * columns);
            ending.evaluate::<M>(&walk.ending, at, rows, columns, result, pointers);
        }
    }
}

/// The number of a position among all that are reduced over, in the order of the loops.
#[inline(always)]
fn number_of(nest: &Nest, at: &[i64]) -> [usize; 2] {
    let (mut number, mut row_stride) = (0, 1);
    for (place, range) in nest.outer.iter().chain(&nest.tile).enumerate() {
        if range.reduced {
            number = number * range.extent + at[place] as usize;
        }
    }
    if nest.tile[1].reduced {
        row_stride = nest.tile[1].extent;
    }
    [number, row_stride]
}

/// The registers of a program in the memory of a thread.
struct Bank {
    arena: Shared,
    registers: *mut f32,
    length: usize,
    rate: f32,
}

impl Bank {
    #[inline(always)]
    fn register(&self, number: usize) -> *mut f32 {
        self.registers.wrapping_add(number * self.length)
    }

    /// Fills the registers that hold the same number in all tiles.
    #[inline(always)]
    unsafe fn fill(&self, program: &Program) {
        for &number in &program.uniform {
            let value = match program.code[number] {
                Instruction::Constant(value) => value,
                _ => self.rate,
            };
            if let Source::Register(register) = program.sources[number] {
                // SAFETY: a register has `length` numbers.
                unsafe { std::slice::from_raw_parts_mut(self.register(register), self.length) }.fill(value);
            }
        }
    }

    /// Computes and stores all values of a tile. Afterwards `pointers` tells where they are.
    ///
    /// # Safety
    /// As `run_units`; the tile at `at` has these rows and columns.
    #[inline(always)]
    unsafe fn evaluate<M: Machine>(
        &self,
        program: &Program,
        at: &[i64],
        rows: usize,
        columns: usize,
        reduced: *const f32,
        pointers: &mut [*const f32],
    ) {
        let n = rows * columns;
        // SAFETY: `pointers` has a place for every value of the program. Operands were computed
        // before, so their pointers lead to n numbers: in a register, or in the arena by a checked
        // access. A result is written to a register that no operand is in, or to a checked store
        // that meets no read.
        unsafe {
            for (number, instruction) in program.code.iter().enumerate() {
                let out = match program.sources[number] {
                    Source::Register(register) => self.register(register),
                    Source::Target(store) => self.arena.at(position(&program.stores[store].1, at)),
                    Source::Memory => std::ptr::null_mut(),
                };
                *pointers.get_unchecked_mut(number) = out;
                let operand = |value: usize| *pointers.get_unchecked(value);
                match instruction {
                    Instruction::Constant(_) | Instruction::Rate => {}
                    Instruction::Reduced => std::ptr::copy_nonoverlapping(reduced, out, n),
                    Instruction::Read(read) => {
                        let access = &program.reads[*read];
                        let source = self.arena.at(position(access, at));
                        match program.sources[number] {
                            Source::Memory => *pointers.get_unchecked_mut(number) = source,
                            _ if !access.axes.is_empty() => gather_inside(self.arena, access, at, out, rows, columns),
                            _ => gather(source, tile_strides(access), out, rows, columns),
                        }
                    }
                    Instruction::Gather(read, subscripts) => {
                        let access = &program.reads[*read];
                        gather_computed(self.arena, (access, subscripts), at, out, [rows, columns], operand)
                    }
                    Instruction::Position(access) => {
                        count(position(access, at) as i64, tile_strides(access), out, rows, columns)
                    }
                    Instruction::Unary(function, a) => unary::<M>(*function, operand(*a), out, n),
                    Instruction::Binary(function, a, b) => binary(*function, operand(*a), operand(*b), out, n),
                    Instruction::Compare(comparison, a, b) => compare(*comparison, operand(*a), operand(*b), out, n),
                    Instruction::Select(a, b, c) => select(operand(*a), operand(*b), operand(*c), out, n),
                }
            }
            for (store, (value, access)) in program.stores.iter().enumerate() {
                if !program.direct[store] {
                    let target = self.arena.at(position(access, at));
                    scatter(*pointers.get_unchecked(*value), target, tile_strides(access), rows, columns);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn map(a: *const f32, out: *mut f32, n: usize, f: impl Fn(f32) -> f32) {
    // SAFETY: the caller gives pointers to n numbers each, the result apart from the operand.
    let (a, out) = unsafe { (std::slice::from_raw_parts(a, n), std::slice::from_raw_parts_mut(out, n)) };
    for (out, a) in out.iter_mut().zip(a) {
        *out = f(*a);
    }
}

/// A function that is written over numbers of any kind.
#[inline(always)]
unsafe fn compute<M: Machine>(a: *const f32, out: *mut f32, n: usize, f: impl Fn(Single<M>) -> Single<M>) {
    // SAFETY: as in `map`.
    unsafe { map(a, out, n, |a| f(single(a)).0) }
}

#[inline(always)]
unsafe fn map2(a: *const f32, b: *const f32, out: *mut f32, n: usize, f: impl Fn(f32, f32) -> f32) {
    // SAFETY: as in `map`.
    let (a, b) = unsafe { (std::slice::from_raw_parts(a, n), std::slice::from_raw_parts(b, n)) };
    // SAFETY: as in `map`.
    let out = unsafe { std::slice::from_raw_parts_mut(out, n) };
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

#[inline(always)]
unsafe fn select(a: *const f32, b: *const f32, c: *const f32, out: *mut f32, n: usize) {
    // SAFETY: as in `map`.
    unsafe {
        let (a, b) = (std::slice::from_raw_parts(a, n), std::slice::from_raw_parts(b, n));
        let (c, out) = (std::slice::from_raw_parts(c, n), std::slice::from_raw_parts_mut(out, n));
        for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = Single::<Portable>::choose(*a != 0.0, single(*b), single(*c)).0;
        }
    }
}

fn holds(condition: bool) -> f32 {
    f32::from(u8::from(condition))
}

#[inline(always)]
unsafe fn compare(comparison: Comparison, a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        match comparison {
            Comparison::Equal => map2(a, b, out, n, |a, b| if a == b { 1.0 } else { 0.0 }),
            Comparison::NotEqual => map2(a, b, out, n, |a, b| if a != b { 1.0 } else { 0.0 }),
            Comparison::Less => map2(a, b, out, n, |a, b| if a < b { 1.0 } else { 0.0 }),
            Comparison::LessEqual => map2(a, b, out, n, |a, b| if a <= b { 1.0 } else { 0.0 }),
            Comparison::Greater => map2(a, b, out, n, |a, b| if a > b { 1.0 } else { 0.0 }),
            Comparison::GreaterEqual => map2(a, b, out, n, |a, b| if a >= b { 1.0 } else { 0.0 }),
        }
    }
}

#[inline(always)]
unsafe fn binary(function: Binary, a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        match function {
            Binary::Add => map2(a, b, out, n, |a, b| a + b),
            Binary::Subtract => map2(a, b, out, n, |a, b| a - b),
            Binary::Multiply => map2(a, b, out, n, |a, b| a * b),
            Binary::Divide => map2(a, b, out, n, |a, b| a / b),
            Binary::Power => map2(a, b, out, n, scalar::power),
            Binary::And => map2(a, b, out, n, |a, b| holds((a != 0.0) & (b != 0.0))),
            Binary::Or => map2(a, b, out, n, |a, b| holds((a != 0.0) | (b != 0.0))),
            Binary::Max => map2(a, b, out, n, greater),
            Binary::Min => map2(a, b, out, n, lesser),
            Binary::Modulo => map2(a, b, out, n, scalar::modulo),
        }
    }
}

#[inline(always)]
unsafe fn unary<M: Machine>(function: Unary, a: *const f32, out: *mut f32, n: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        match function {
            Unary::Negative => map(a, out, n, |a| -a),
            Unary::Inverse => map(a, out, n, |a| 1.0 / a),
            Unary::Square => map(a, out, n, |a| a * a),
            Unary::HalfPower => compute::<M>(a, out, n, math::root),
            Unary::InverseRoot => compute::<M>(a, out, n, |a| a.constant(1.0) / math::root(a)),
            Unary::Not => map(a, out, n, |a| if a == 0.0 { 1.0 } else { 0.0 }),
            Unary::Exp => compute::<M>(a, out, n, math::exp),
            Unary::Log => compute::<M>(a, out, n, math::log),
            Unary::Sqrt => map(a, out, n, f32::sqrt),
            Unary::Abs => map(a, out, n, f32::abs),
            Unary::Sign => compute::<M>(a, out, n, math::sign),
            Unary::Sin => map(a, out, n, |a| (a as f64).sin() as f32),
            Unary::Cos => map(a, out, n, |a| (a as f64).cos() as f32),
            Unary::Tan => map(a, out, n, |a| (a as f64).tan() as f32),
            Unary::Asin => map(a, out, n, |a| (a as f64).asin() as f32),
            Unary::Acos => map(a, out, n, |a| (a as f64).acos() as f32),
            Unary::Atan => map(a, out, n, |a| (a as f64).atan() as f32),
            Unary::Sinh => map(a, out, n, |a| (a as f64).sinh() as f32),
            Unary::Cosh => map(a, out, n, |a| (a as f64).cosh() as f32),
            Unary::Tanh => compute::<M>(a, out, n, math::tanh),
            Unary::Erf => compute::<M>(a, out, n, math::erf),
            Unary::Sigmoid => compute::<M>(a, out, n, math::sigmoid),
            Unary::Relu => compute::<M>(a, out, n, math::relu),
            Unary::Softplus => compute::<M>(a, out, n, math::softplus),
            Unary::Gelu => compute::<M>(a, out, n, math::gelu),
            Unary::Silu => compute::<M>(a, out, n, math::silu),
            Unary::Floor => map(a, out, n, f32::floor),
        }
    }
}
