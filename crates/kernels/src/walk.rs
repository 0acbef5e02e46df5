//! Fused loops: a register program computed for all positions of a loop nest, a tile at a time,
//! with a reduction over some of the loops.

use crate::arena::{Arena, Shared};
use crate::check::check;
#[cfg(target_arch = "x86_64")]
use crate::emit::{self, Emitted, Layout, Placed};
use crate::machine::Level;
use crate::threads;
use crate::tile::{self, Scratch};
use std::cell::RefCell;
use std::ops::Range;

/// A loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// How often it runs.
    pub extent: usize,
    /// Whether it is reduced over.
    pub reduced: bool,
}

/// An arena position for every position of the loops: `offset + Σ stride · position`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// At the beginning of all loops.
    pub offset: i64,
    /// One for each loop.
    pub strides: Vec<i64>,
    /// For a read that may leave the axes of what it reads: beyond them it is 0. Else empty.
    pub axes: Vec<Bound>,
}

/// An axis that a read may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// How many positions are inside.
    pub extent: usize,
    /// What one position more adds to the position in the arena.
    pub step: i64,
    /// The position at the beginning of all loops.
    pub offset: i64,
    /// What every loop adds to it.
    pub strides: Vec<i64>,
}

/// An instruction; operands are numbers of earlier values.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Instruction {
    /// The result of the reduction: the first of an ending.
    Reduced,
    Constant(f32),
    /// The rate of the run.
    Rate,
    /// The read of that number.
    Read(usize),
    /// The read of that number with computed subscripts: pairs of a number among its axes and a
    /// value. NaN where the value is no position of that axis.
    Gather(usize, Vec<(usize, usize)>),
    /// An integer that depends on the position.
    Position(Access),
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    /// 1 or 0.
    Compare(Comparison, usize, usize),
    /// The second where the first is not 0, else the third.
    Select(usize, usize, usize),
}

/// Functions of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unary {
    Negative,
    Inverse,
    Square,
    /// `x^(1/2)`, at minus infinity infinite.
    HalfPower,
    /// `x^(-1/2)`
    InverseRoot,
    Not,
    Exp,
    Log,
    Sqrt,
    Abs,
    Sign,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Erf,
    Sigmoid,
    Relu,
    Softplus,
    Gelu,
    Silu,
    Floor,
}

/// Functions of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    And,
    Or,
    Max,
    Min,
    Modulo,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Reductions. NaN in gives NaN out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Prod,
    Max,
    Min,
    LogSumExp,
    /// The number of the first greatest value, or of the first NaN, in the order of the loops.
    ArgMax,
    ArgMin,
}

/// What a [`Walk`] does.
#[derive(Debug, Clone)]
pub struct WalkSpec {
    /// Outermost first. All but the last two have the loops that are not reduced over in front.
    pub loops: Vec<Loop>,
    /// What is read.
    pub reads: Vec<Access>,
    /// Instruction k computes value k.
    pub program: Vec<Instruction>,
    /// Reduces the last value of the program.
    pub reduction: Option<Reduction>,
    /// Computed with the results of the reduction.
    pub ending: Vec<Instruction>,
    /// Values of the ending, or where there is no reduction of the program, and where to.
    pub stores: Vec<(usize, Access)>,
    /// Whether it runs one position of the outermost loop at a time, so that other positions may be
    /// read of what is written.
    pub by_steps: bool,
}

/// A checked loop nest.
pub struct Walk {
    pub(crate) program: tile::Program,
    pub(crate) reduction: Option<Reduction>,
    pub(crate) ending: tile::Program,
    pub(crate) nest: Nest,
    level: Level,
    arena: usize,
    /// How many positions the outermost loop has, where they are run one by one.
    steps: Option<usize>,
    /// As machine code, where there is any.
    #[cfg(target_arch = "x86_64")]
    emitted: Option<Emitted>,
}

/// The loops of a walk: outer ones and those of a tile.
pub(crate) struct Nest {
    /// Loops outside the tiles: kept ones first.
    pub outer: Vec<Loop>,
    /// How many of them are kept.
    pub kept: usize,
    /// How many of these, the last ones, run inside the rows of tiles: what they write lies between the rows.
    pub between: usize,
    /// The rows and columns of all tiles.
    pub tile: [Loop; 2],
    /// Rows and columns of one tile; the last may be smaller.
    pub chunk: [usize; 2],
    /// Numbers of tiles along kept loops.
    pub units: usize,
    /// Units that one thread takes at once.
    pub together: usize,
    /// Numbers of tiles along reduced loops.
    pub steps: usize,
}

/// Instructions times elements in a piece of work that is worth handing to another thread.
const GRAIN: usize = 100_000;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

impl Walk {
    /// Checks and prepares a loop nest over an arena of a length.
    ///
    /// # Errors
    /// An access outside the arena, a place written twice or read elsewhere while it is written,
    /// values used before they are computed, loops in a wrong order.
    pub fn new(spec: &WalkSpec, arena: usize) -> Result<Walk, String> {
        Walk::on(Level::detect(), spec, arena)
    }

    /// The same on a level that this processor has.
    pub(crate) fn on(level: Level, spec: &WalkSpec, arena: usize) -> Result<Walk, String> {
        check(spec, arena)?;
        let mut loops = spec.loops.clone();
        let padding = 2usize.saturating_sub(loops.len());
        let reduced = spec.reduction.is_some() && !loops.is_empty() && loops.iter().all(|l| l.reduced);
        // The steps stay outside of the tiles.
        let front = usize::from(spec.by_steps);
        let padding = if spec.by_steps { 3usize.saturating_sub(loops.len()) } else { padding };
        loops.splice(front..front, std::iter::repeat_n(Loop { extent: 1, reduced: reduced && front == 0 }, padding));
        let spec = padded(spec, loops, front, padding);
        let nest = Nest::new(&spec)?;
        let ending = if spec.reduction.is_some() { spec.ending.clone() } else { Vec::new() };
        let (in_program, in_ending) = match spec.reduction {
            Some(_) => (&[][..], spec.stores.as_slice()),
            None => (spec.stores.as_slice(), &[][..]),
        };
        let program = tile::Program::new(&spec.program, &spec.reads, in_program, &spec, &nest);
        let ending = tile::Program::new(&ending, &spec.reads, in_ending, &spec, &nest);
        Ok(Walk {
            program,
            reduction: spec.reduction,
            ending,
            #[cfg(target_arch = "x86_64")]
            emitted: emit::emit(&spec, &nest, level),
            nest,
            level,
            arena,
            steps: spec.by_steps.then(|| spec.loops[0].extent),
        })
    }

    /// Puts the machine code of walks into memory, all at once. That of another is put there when it runs first.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables))]
    pub fn place(walks: &[&Walk]) {
        #[cfg(target_arch = "x86_64")]
        emit::place(walks.iter().filter_map(|walk| walk.emitted.as_ref()));
    }

    /// Runs it.
    ///
    /// # Panics
    /// Where the arena has not the length that was checked.
    pub fn run(&self, arena: &mut Arena, rate: f32) {
        (0..self.steps.unwrap_or(1)).for_each(|step| self.run_step(arena, rate, step));
    }

    /// Runs one position of the outermost loop, where the walk is one by steps.
    ///
    /// # Panics
    /// Where the arena has not the length that was checked, or there is no such step.
    pub fn run_step(&self, arena: &mut Arena, rate: f32, step: usize) {
        assert_eq!(arena.len(), self.arena, "the arena that the walk was made for");
        assert!(step < self.steps.unwrap_or(1), "a step of the walk");
        let shared = Shared(arena.values_mut().as_mut_ptr());
        #[cfg(target_arch = "x86_64")]
        if let Some(emitted) = &self.emitted
            && let Some(code) = emitted.placed()
        {
            return run_emitted(code, emitted.layout, shared, rate, step);
        }
        // Units are numbered along the kept loops, the outermost first.
        let units = self.nest.units / self.steps.unwrap_or(1);
        let first = step * units;
        let pieces = units.div_ceil(self.nest.together.max(1));
        threads::each(pieces, &|piece| {
            let from = first + piece * self.nest.together;
            let to = (from + self.nest.together).min(first + units);
            SCRATCH.with_borrow_mut(|scratch| {
                // SAFETY: `check` showed that every access of every position lies inside the
                // arena, which has the length it was given; that different kept positions are
                // written at different places, and units are disjoint sets of kept positions;
                // and that what is written is not read, but at the very position that writes it.
                unsafe { tile::run_units(self, shared, rate, from, to, scratch) }
            });
        });
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// For tests: without machine code.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub(crate) fn interpreted(mut self) -> Walk {
        self.emitted = None;
        self
    }

    /// For tests: as machine code, in pieces as small as can be; none where it is interpreted.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub(crate) fn in_small_pieces(mut self) -> Option<Walk> {
        self.emitted.as_mut()?.layout.work = usize::MAX;
        Some(self)
    }

    /// For tests: how many positions its code takes at once.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub(crate) fn unit(&self) -> Option<usize> {
        self.emitted.as_ref().map(|emitted| emitted.layout.unit)
    }
}

/// Shares the outermost loop out.
#[cfg(target_arch = "x86_64")]
fn run_emitted(code: &Placed, layout: Layout, arena: Shared, rate: f32, step: usize) {
    let Layout { extent, unit, work } = layout;
    let together = (GRAIN / work.max(1)).max(1).next_multiple_of(unit);
    threads::each(extent.div_ceil(together), &|piece| {
        let from = piece * together;
        // SAFETY: `check` showed that every access of every position lies inside the arena, that different kept
        // positions are written at different places, and that what is written is not read but at the very position
        // that writes it. Pieces are disjoint ranges that begin at multiples of the unit.
        unsafe { code.run(arena, rate, [from, (from + together).min(extent)], step) };
    });
}

fn padded(spec: &WalkSpec, loops: Vec<Loop>, front: usize, padding: usize) -> WalkSpec {
    let longer = |strides: &[i64]| {
        let (first, rest) = strides.split_at(front);
        first.iter().copied().chain(std::iter::repeat_n(0, padding)).chain(rest.iter().copied()).collect()
    };
    let pad = |access: &Access| {
        let axes = access.axes.iter().map(|axis| Bound { strides: longer(&axis.strides), ..axis.clone() });
        Access { offset: access.offset, strides: longer(&access.strides), axes: axes.collect() }
    };
    let code = |program: &[Instruction]| -> Vec<Instruction> {
        let one = |instruction: &Instruction| match instruction {
            Instruction::Position(access) => Instruction::Position(pad(access)),
            other => other.clone(),
        };
        program.iter().map(one).collect()
    };
    WalkSpec {
        loops,
        reads: spec.reads.iter().map(pad).collect(),
        program: code(&spec.program),
        reduction: spec.reduction,
        ending: code(&spec.ending),
        stores: spec.stores.iter().map(|(value, access)| (*value, pad(access))).collect(),
        by_steps: spec.by_steps,
    }
}

impl Nest {
    fn new(spec: &WalkSpec) -> Result<Nest, String> {
        let (outer, tile) = spec.loops.split_at(spec.loops.len() - 2);
        let tile = [tile[0], tile[1]];
        let kept = outer.iter().take_while(|range| !range.reduced).count();
        if outer[kept..].iter().any(|range| !range.reduced) {
            return Err("a loop over results inside one that is reduced over".into());
        }
        let by_rows = matches!(spec.reduction, Some(Reduction::LogSumExp | Reduction::ArgMax | Reduction::ArgMin));
        if by_rows && !tile[1].reduced {
            return Err("this reduction goes along the innermost loop".into());
        }
        let length = tile::tile_length(spec);
        // Equal parts, rather than a small last one.
        let parts = tile[1].extent.div_ceil(length).max(1);
        let columns =
            if parts == 1 { tile[1].extent.max(1) } else { tile[1].extent.div_ceil(parts).next_multiple_of(16) };
        let rows = if columns < tile[1].extent { 1 } else { (length / columns).clamp(1, tile[0].extent.max(1)) };
        let chunk = [rows, columns];
        let between = between(spec, kept, tile[0]);
        let along = |reduced: bool| -> usize {
            let tiles = (0..2).filter(|&axis| tile[axis].reduced == reduced);
            let tiles: usize = tiles.map(|axis| tile[axis].extent.div_ceil(chunk[axis])).product();
            let loops = outer.iter().filter(|range| range.reduced == reduced);
            tiles * loops.map(|range| range.extent).product::<usize>()
        };
        let (units, steps) = (along(false), along(true));
        let work = rows * columns * steps.max(1) * (spec.program.len() + 2);
        let together = (GRAIN / work.max(1)).max(1);
        Ok(Nest { outer: outer.to_vec(), kept, between, tile, chunk, units, together, steps })
    }

    /// The kept loops, the fastest first: their places, how often they run and how much at once.
    #[inline(always)]
    pub fn kept_loops(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (slow, fast) = (0..self.kept - self.between, self.kept - self.between..self.kept);
        let outer = |range: Range<usize>| range.rev().map(|place| (place, self.outer[place].extent, 1));
        self.along_tile(1, false).chain(outer(fast)).chain(self.along_tile(0, false)).chain(outer(slow))
    }

    /// The loops that are reduced over, as [`Nest::kept_loops`].
    #[inline(always)]
    pub fn reduced_loops(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let outer = (self.kept..self.outer.len()).rev().map(|place| (place, self.outer[place].extent, 1));
        self.along_tile(1, true).chain(self.along_tile(0, true)).chain(outer)
    }

    #[inline(always)]
    fn along_tile(&self, axis: usize, reduced: bool) -> impl Iterator<Item = (usize, usize, usize)> {
        let one = (self.outer.len() + axis, self.tile[axis].extent, self.chunk[axis]);
        (self.tile[axis].reduced == reduced).then_some(one).into_iter()
    }
}

/// How many of the last kept loops write between the rows of a tile, as those over the places under one window
/// of a pooling: inside the rows they write each line of memory at once, outside they would go through all of
/// it again and again.
fn between(spec: &WalkSpec, kept: usize, rows: Loop) -> usize {
    let Some((_, store)) = spec.stores.first().filter(|_| !rows.reduced) else { return 0 };
    let step = store.strides[store.strides.len() - 2].abs();
    let first = usize::from(spec.by_steps).min(kept);
    (first..kept).rev().take_while(|&place| (1..step).contains(&store.strides[place].abs())).count()
}
