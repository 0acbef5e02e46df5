//! How a walk becomes code: the order of its loops, the pointers that move with them, which value is computed in
//! which, and how many vectors side by side.

use super::assembler::Assembler;
use super::block::{COPIES, Places};
use super::frame::Frame;
use super::graph::{Graph, Id, Node, Op, masks, operands};
use super::lower::Lowering;
use super::vectors::Width;
use crate::check::bounds;
use crate::walk::{Access, Nest, Reduction, WalkSpec};
use iced_x86::Register;

/// A loop, in the order of the code.
pub(super) struct Range {
    pub extent: usize,
    /// Its number in the walk.
    number: usize,
}

/// Where an access is: by a pointer that moves with the loops, at a distance from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub group: usize,
    /// In bytes; for a position in ones.
    pub displacement: i32,
    /// What one lane more adds, in numbers.
    pub lane_stride: i64,
}

/// A pointer, or a position, that moves with the loops.
pub(super) struct Group {
    /// Along the loops of the code, and along the steps.
    pub strides: Vec<i64>,
    pub along_steps: i64,
    pub offset: i64,
    /// 4 bytes for a number, 1 for a position.
    pub scale: i64,
}

/// The most bytes that a loop moves a pointer by.
pub(super) const MOST_BYTES: i64 = i32::MAX as i64 / 2;

/// What writes the code of a walk.
pub(super) struct Emitter<'a> {
    pub asm: Assembler,
    pub places: Places,
    pub frame: Frame,
    pub nodes: Vec<Node>,
    /// Whether a value is a mask in a register for such.
    pub masks: Vec<bool>,
    pub loads: Vec<Place>,
    pub positions: Vec<Place>,
    pub stores: Vec<(Id, Place)>,
    /// Whether a value is used in another block than its own.
    pub exported: Vec<bool>,
    /// The value that is reduced.
    pub reduced: Option<Id>,
    pub reduction: Option<Reduction>,
    /// Whether all went well so far.
    pub fits: bool,
    /// Where sums are carried on in doubles, if they are.
    pub carried: Option<i32>,
    /// How many numbers each lane of an accumulator takes.
    pub additions: usize,
    spec: &'a WalkSpec,
    pub order: Vec<Range>,
    pub groups: Vec<Group>,
    /// How many loops are over results, and which one has lanes.
    pub kept: usize,
    pub lane: usize,
    /// Whether a value is needed for what is reduced, or where nothing is.
    in_program: Vec<bool>,
    pub needed: Vec<bool>,
    /// Vectors side by side in the code that is being written, and lanes of the last.
    pub copies: usize,
    pub tail: usize,
    /// As many as there are in the loop.
    pub most_copies: usize,
    /// Pointers that are in registers.
    pub registers: Vec<Option<Register>>,
}

/// How the loops are ordered and shared out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Positions of the outermost loop over results; the code runs over a range of them.
    pub extent: usize,
    /// The range begins at multiples of it.
    pub unit: usize,
    /// Instructions for one of them.
    pub work: usize,
}

impl<'a> Emitter<'a> {
    /// Orders the loops and finds what is computed in which; none where no code is emitted for such a walk.
    pub fn new(spec: &'a WalkSpec, nest: &Nest, width: Width) -> Option<Emitter<'a>> {
        let (order, kept) = order(spec, nest)?;
        let lane = order.iter().position(|range| range.number + 1 == spec.loops.len())?;
        let reduces = spec.reduction.is_some();
        let loops_of = |access: &Access| {
            let moves = |range: &Range| access.strides[range.number] != 0;
            order.iter().enumerate().fold(0, |loops, (place, range)| loops | u64::from(moves(range)) << place)
        };
        let all_kept = (1u64 << kept) - 1;
        let lowering = Lowering {
            graph: Graph::default().into(),
            reads: &spec.reads,
            loops: &spec.loops,
            loops_of: &loops_of,
            kept: all_kept,
        };
        let program = lowering.lower(&spec.program)?;
        let ending = lowering.lower(&spec.ending)?;
        let graph = lowering.graph.into_inner();
        let reduced = if reduces { Some(*program.last()?) } else { None };
        let values = if reduces { &ending } else { &program };
        let mut emitter = Emitter {
            asm: Assembler::new(width),
            places: Places::new(graph.nodes.len()),
            frame: Frame::new(0, 0, width.bytes()),
            loads: Vec::new(),
            positions: Vec::new(),
            stores: Vec::new(),
            exported: Vec::new(),
            masks: if width.embeds() { masks(&graph.nodes)? } else { vec![false; graph.nodes.len()] },
            nodes: graph.nodes,
            reduced,
            reduction: spec.reduction,
            fits: true,
            carried: None,
            additions: 0,
            spec,
            order,
            groups: Vec::new(),
            kept,
            lane,
            in_program: Vec::new(),
            needed: Vec::new(),
            copies: 1,
            tail: width.lanes(),
            most_copies: 1,
            registers: Vec::new(),
        };
        emitter.loads = graph.loads.iter().map(|access| emitter.place(access, 4)).collect::<Option<_>>()?;
        emitter.positions = graph.positions.iter().map(|access| emitter.place(access, 1)).collect::<Option<_>>()?;
        let stores = spec.stores.iter().map(|(value, access)| Some((values[*value], emitter.place(access, 4)?)));
        emitter.stores = stores.collect::<Option<_>>()?;
        emitter.find_blocks();
        emitter.choose_copies();
        emitter.frame = Frame::new(emitter.groups.len(), emitter.order.len(), width.bytes());
        emitter.registers = vec![None; emitter.groups.len()];
        Some(emitter)
    }

    pub fn layout(&self) -> Layout {
        let extent = if self.kept > 0 { self.order[0].extent } else { 1 };
        let unit = if self.lane == 0 && self.kept > 0 { self.lanes() * self.most_copies } else { 1 };
        let inner: usize = self.order.iter().map(|range| range.extent).product::<usize>() / extent;
        Layout { extent, unit, work: inner.saturating_mul(self.nodes.len() + 2) }
    }

    /// The pointer of an access, shared with others that move like it.
    fn place(&mut self, access: &Access, scale: i64) -> Option<Place> {
        let spec = self.spec;
        if scale == 1 {
            let (least, greatest) = bounds(access, &spec.loops).ok()??;
            i32::try_from(least).ok().zip(i32::try_from(greatest).ok())?;
        }
        let strides: Vec<i64> = self.order.iter().map(|range| access.strides[range.number]).collect();
        let far = |(stride, range): (&i64, &Range)| stride.abs() * range.extent as i64 * scale > MOST_BYTES;
        let along_steps = if spec.by_steps { access.strides[0] } else { 0 };
        if strides.iter().zip(&self.order).any(far) || along_steps.abs() * scale > MOST_BYTES {
            return None;
        }
        let lane_stride = strides[self.lane];
        let near = |group: &Group| {
            (group.scale, group.along_steps, &group.strides) == (scale, along_steps, &strides)
                && ((access.offset - group.offset) * scale).abs() < MOST_BYTES
        };
        let group = self.groups.iter().position(near).unwrap_or(self.groups.len());
        if group == self.groups.len() {
            self.groups.push(Group { strides, along_steps, offset: access.offset, scale });
        }
        let displacement = ((access.offset - self.groups[group].offset) * scale) as i32;
        Some(Place { group, displacement, lane_stride })
    }

    /// The number of loops around a value.
    pub fn level(&self, id: Id) -> usize {
        (u64::BITS - self.nodes[id].loops.leading_zeros()) as usize
    }

    pub fn is_in_lanes(&self, id: Id) -> bool {
        self.nodes[id].loops >> self.lane & 1 == 1
    }

    pub fn lane_is_reduced(&self) -> bool {
        self.lane >= self.kept
    }

    /// Lanes of a vector.
    pub fn lanes(&self) -> usize {
        self.asm.width.lanes()
    }

    /// Lanes that count of one of the vectors side by side.
    pub fn lanes_of(&self, copy: usize) -> usize {
        if copy + 1 == self.copies { self.tail } else { self.lanes() }
    }

    fn mark(&self, from: impl Iterator<Item = Id>) -> Vec<bool> {
        let mut marked = vec![false; self.nodes.len()];
        from.for_each(|id| marked[id] = true);
        for id in (0..marked.len()).rev() {
            if marked[id] {
                operands(self.nodes[id].op).for_each(|operand| marked[operand] = true);
            }
        }
        marked
    }

    /// The block of a value: the number of loops around it, and whether it comes after a reduction.
    pub fn block_of(&self, id: Id) -> (usize, bool) {
        let level = self.level(id);
        (level, self.reduction.is_some() && level == self.kept && !self.in_program[id])
    }

    fn find_blocks(&mut self) {
        let stored: Vec<Id> = self.stores.iter().map(|(id, _)| *id).collect();
        self.in_program = match self.reduced {
            Some(reduced) => self.mark([reduced].into_iter()),
            None => self.mark(stored.iter().copied()),
        };
        self.needed = self.mark(stored.into_iter().chain(self.reduced));
        self.exported = vec![false; self.nodes.len()];
        for id in (0..self.nodes.len()).filter(|id| self.needed[*id]) {
            for operand in operands(self.nodes[id].op) {
                self.exported[operand] |= self.block_of(operand) != self.block_of(id);
            }
        }
        let end = if self.reduction.is_some() { (self.kept, true) } else { (self.order.len(), false) };
        for (id, _) in self.stores.clone() {
            self.exported[id] |= self.block_of(id) != end;
        }
        if let Some(reduced) = self.reduced {
            self.exported[reduced] |= self.level(reduced) != self.order.len();
        }
        // The result of the reduction is in registers when its block begins.
        for id in 0..self.nodes.len() {
            self.exported[id] &= self.nodes[id].op != Op::Reduced;
        }
    }

    /// How many vectors are computed side by side: more where there is little to do for each.
    fn choose_copies(&mut self) {
        let inside =
            |id: &Id| self.needed[*id] && self.is_in_lanes(*id) && !matches!(self.nodes[*id].op, Op::Constant(_));
        let work = (0..self.nodes.len()).filter(inside).count();
        let vectors = self.order[self.lane].extent.div_ceil(self.lanes());
        // Where NaN are kept in masks, there are few of these.
        let limit = if self.asm.width.embeds() && self.keeps_flags() { 2 } else { COPIES };
        let most = match work {
            0..=12 => limit,
            13..=24 => 2,
            _ => 1,
        };
        self.most_copies = match vectors {
            // Blocks of a range that is shared out are counted by shifts.
            _ if self.is_shared_out(self.lane) => 1 << most.min(vectors).ilog2(),
            few if few <= limit && work <= 40 => few,
            _ => most.min(vectors),
        };
        let whole = self.order[self.lane].extent / (self.lanes() * self.most_copies);
        if self.reduction.is_none() {
            return;
        }
        let others = self.order[self.kept..].iter().filter(|range| range.number + 1 != self.spec.loops.len());
        let others: usize = others.map(|range| range.extent).product();
        let rest = usize::from(!self.order[self.lane].extent.is_multiple_of(self.lanes() * self.most_copies));
        self.additions = if self.lane_is_reduced() { others * (whole + rest) } else { others };
    }
}

/// The loops in the order of the code, without those that run once, and how many of them are over results.
fn order(spec: &WalkSpec, nest: &Nest) -> Option<(Vec<Range>, usize)> {
    let loops = spec.loops.len();
    if spec.loops.iter().any(|range| range.extent == 0 || range.extent > i32::MAX as usize) || loops > 32 {
        return None;
    }
    let steps = usize::from(spec.by_steps);
    let row = loops - 2;
    // Loops that write between the rows of a tile run inside of them.
    let between = nest.kept - nest.between..nest.kept;
    let slow = steps..between.start;
    let numbers = slow.chain([row]).chain(between).chain(nest.kept..row).chain([loops - 1]);
    let (lane, others): (Vec<_>, Vec<_>) =
        numbers.filter(|&number| spec.loops[number].extent > 1 || number + 1 == loops).partition(|&n| n + 1 == loops);
    let range = |number: &usize| Range { extent: spec.loops[*number].extent, number: *number };
    let of = |reduced: bool| others.iter().chain(&lane).filter(move |number| spec.loops[**number].reduced == reduced);
    let order: Vec<Range> = of(false).chain(of(true)).map(range).collect();
    let kept = of(false).count();
    // Without a loop over what is reduced there would be nothing to reduce.
    (spec.reduction.is_none() || kept < order.len()).then_some((order, kept))
}
