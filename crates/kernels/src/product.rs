//! Matrix products over groups of axes. The right factor is packed into panels once, whatever its
//! strides; a panel of the left one is packed as it is needed; and a kernel that keeps its results
//! in registers does the rest (after K. Goto and R. van de Geijn, *Anatomy of High-Performance
//! Matrix Multiplication*, 2008).

use crate::arena::{Arena, Shared};
use crate::check::is_injective;
use crate::machine::{Level, Machine, Portable, fma};
#[cfg(target_arch = "x86_64")]
use crate::machine::{V3, V4};
use crate::threads;
use std::mem::MaybeUninit;

/// One axis of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension {
    /// How many positions it has.
    pub extent: usize,
    /// What one position more adds in the left factor, in the right one, and in the target.
    pub strides: [i64; 3],
}

/// What a [`Product`] does: `target (+)= scale Σ left · right`, the sum over the inner axes.
#[derive(Debug, Clone)]
pub struct ProductSpec {
    /// Axes of both factors and the target.
    pub batch: Vec<Dimension>,
    /// Axes of the left factor and the target.
    pub rows: Vec<Dimension>,
    /// Axes of the right factor and the target.
    pub columns: Vec<Dimension>,
    /// Axes of both factors that are summed over.
    pub inner: Vec<Dimension>,
    /// Where left, right and target begin in the arena.
    pub offsets: [i64; 3],
    /// A factor of the result.
    pub scale: f32,
    /// Whether the scale is multiplied by minus the rate of the run, and the target added to.
    pub descends: bool,
    /// Whether it runs one position of the first axis of the batch at a time, so that other positions
    /// of the target may be read.
    pub by_steps: bool,
}

/// Positions of a group of axes in one place.
enum Offsets {
    Even(isize),
    /// With how many in a row are neighbours.
    Table(Vec<isize>, usize),
}

impl Offsets {
    fn new(group: &[Dimension], operand: usize) -> Offsets {
        match group {
            [] => Offsets::Even(0),
            [one] => Offsets::Even(one.strides[operand] as isize),
            _ => {
                let mut table = vec![0isize];
                for axis in group {
                    let steps = (0..axis.extent as isize).map(|at| at * axis.strides[operand] as isize);
                    let steps: Vec<isize> = steps.collect();
                    table = table.iter().flat_map(|base| steps.iter().map(move |step| base + step)).collect();
                }
                let innermost = group[group.len() - 1];
                let run = if innermost.strides[operand] == 1 { innermost.extent } else { 1 };
                Offsets::Table(table, run)
            }
        }
    }

    #[inline(always)]
    fn at(&self, position: usize) -> isize {
        match self {
            Offsets::Even(stride) => position as isize * stride,
            Offsets::Table(table, _) => table[position],
        }
    }

    /// How many positions from this one on are neighbours.
    #[inline(always)]
    fn run_from(&self, position: usize) -> usize {
        match self {
            Offsets::Even(1) => usize::MAX,
            Offsets::Even(_) => 1,
            Offsets::Table(_, run) => run - position % run,
        }
    }

    /// Whether it is worth copying neighbours together.
    #[inline(always)]
    fn has_runs(&self) -> bool {
        matches!(self, Offsets::Table(_, 5..))
    }

    /// Whether these positions are neighbours.
    #[inline(always)]
    fn is_dense(&self) -> bool {
        matches!(self, Offsets::Even(1))
    }
}

/// A checked product.
pub struct Product {
    batch: [Offsets; 3],
    rows: [Offsets; 2],
    columns: [Offsets; 2],
    inner: [Offsets; 2],
    /// Numbers of batch items, rows, columns and summands.
    sizes: [usize; 4],
    offsets: [isize; 3],
    scale: f32,
    descends: bool,
    level: Level,
    arena: usize,
    /// How many positions the first axis of the batch has, where they are run one by one.
    steps: Option<usize>,
}

/// Memory in which right factors are packed.
#[derive(Default)]
pub struct Workspace {
    packed: Vec<f32>,
}

impl Workspace {
    /// Room for the right factor of a product.
    pub fn reserve(&mut self, product: &Product) {
        let length = self.packed.len().max(product.packed_length());
        self.packed.resize(length, 0.0);
    }
}

/// Summands that are taken at once: a panel of so many stays in the first cache.
const DEPTH: usize = 256;
/// Up to this size a right factor is packed anew by every thread, on its stack.
const SMALL: usize = 4096;
/// Multiplications in a piece of work that is worth handing to another thread.
const GRAIN: usize = 1_000_000;

impl Product {
    /// Checks and prepares a product over an arena of a length.
    ///
    /// # Errors
    /// An access outside the arena, results that are written twice, a target that is also read.
    pub fn new(spec: &ProductSpec, arena: usize) -> Result<Product, String> {
        let groups = [&spec.batch, &spec.rows, &spec.columns, &spec.inner];
        let size = |group: &Vec<Dimension>| group.iter().map(|axis| axis.extent).product::<usize>();
        check_steps(spec, arena)?;
        let pair = |group: &[Dimension], a, b| [Offsets::new(group, a), Offsets::new(group, b)];
        Ok(Product {
            batch: [0, 1, 2].map(|operand| Offsets::new(&spec.batch, operand)),
            rows: pair(&spec.rows, 0, 2),
            columns: pair(&spec.columns, 1, 2),
            inner: pair(&spec.inner, 0, 1),
            sizes: groups.map(size),
            offsets: spec.offsets.map(|offset| offset as isize),
            scale: spec.scale,
            descends: spec.descends,
            level: Level::detect(),
            arena,
            steps: spec.by_steps.then(|| spec.batch[0].extent),
        })
    }

    /// For tests: as on another processor.
    #[cfg(test)]
    pub(crate) fn with_level(mut self, level: Level) -> Product {
        self.level = level;
        self
    }

    fn tile(&self) -> [usize; 2] {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::V4 => [12, 32],
            #[cfg(target_arch = "x86_64")]
            Level::V3 => [6, 16],
            Level::Portable => [4, 8],
        }
    }

    /// How much is packed of the right factor at once; 0 where the stack is enough.
    fn packed_length(&self) -> usize {
        let [_, _, columns, inner] = self.sizes;
        let length = columns.next_multiple_of(self.tile()[1]) * inner.min(DEPTH);
        if length <= SMALL { 0 } else { length }
    }

    /// Runs it.
    ///
    /// # Panics
    /// Where arena or workspace are not those it was made for.
    pub fn run(&self, arena: &mut Arena, workspace: &mut Workspace, rate: f32) {
        (0..self.steps.unwrap_or(1)).for_each(|step| self.run_step(arena, workspace, rate, step));
    }

    /// Runs one position of the first axis of the batch, where the product is one by steps.
    ///
    /// # Panics
    /// Where arena or workspace are not those it was made for, or there is no such step.
    pub fn run_step(&self, arena: &mut Arena, workspace: &mut Workspace, rate: f32, step: usize) {
        assert_eq!(arena.len(), self.arena, "the arena that the product was made for");
        assert!(workspace.packed.len() >= self.packed_length(), "a workspace with room for the product");
        let shared = Shared(arena.values_mut().as_mut_ptr());
        let scale = if self.descends { -rate * self.scale } else { self.scale };
        let steps = self.steps.unwrap_or(1);
        assert!(step < steps, "a step of the product");
        let items = self.sizes[0] / steps;
        let task = Task { product: self, arena: shared, scale, items: [step * items, (step + 1) * items] };
        if self.packed_length() == 0 { task.small() } else { task.large(Shared(workspace.packed.as_mut_ptr())) }
    }
}

/// One run of a product.
#[derive(Clone, Copy)]
struct Task<'a> {
    product: &'a Product,
    arena: Shared,
    scale: f32,
    /// Items of the batch, from the first on to before the last.
    items: [usize; 2],
}

/// Part of the results.
#[derive(Clone, Copy)]
struct Block {
    rows: [usize; 2],
    columns: [usize; 2],
    inner: [usize; 2],
}

/// Room on the stack, not initialised: it is written before it is read.
#[repr(align(64))]
struct Panel<const N: usize>(MaybeUninit<[f32; N]>);

impl<const N: usize> Panel<N> {
    fn new() -> Panel<N> {
        Panel(MaybeUninit::uninit())
    }
}

impl Task<'_> {
    /// Every thread packs the right factor for itself.
    fn small(self) {
        let (first, batch) = (self.items[0], self.items[1] - self.items[0]);
        let [_, rows, columns, inner] = self.product.sizes;
        let tall = self.product.tile()[0];
        let per_row = (columns * inner).max(1);
        let rows_at_once = (GRAIN / per_row).next_multiple_of(tall).clamp(tall, rows.next_multiple_of(tall).max(tall));
        let pieces = rows.div_ceil(rows_at_once);
        let items_at_once = (GRAIN / (per_row * rows.max(1))).clamp(1, batch.max(1));
        threads::each(batch.div_ceil(items_at_once) * pieces, &|unit| {
            let (items, piece) = (unit / pieces, unit % pieces);
            let rows = [piece * rows_at_once, ((piece + 1) * rows_at_once).min(rows)];
            let mut panel = Panel::<SMALL>::new();
            for item in items * items_at_once..((items + 1) * items_at_once).min(batch) {
                let item = first + item;
                let mut from = 0;
                loop {
                    let inner = [from, (from + DEPTH).min(inner)];
                    let block = Block { rows, columns: [0, columns], inner };
                    let packed = panel.0.as_mut_ptr().cast();
                    // SAFETY: `packed_length` is 0, so the block fits the panel. Units are
                    // different rows or items, hence different places of the target, which no
                    // factor meets (`check`).
                    unsafe {
                        self.pack(item, block, packed);
                        self.multiply(item, block, packed);
                    }
                    from += DEPTH;
                    if from >= self.product.sizes[3] {
                        break;
                    }
                }
            }
        });
    }

    /// The right factor is packed once, by all threads, and then used by all of them.
    fn large(self, packed: Shared) {
        let [_, rows, columns, inner] = self.product.sizes;
        let [tall, wide] = self.product.tile();
        let (row_block, column_block) = blocks(rows, columns, inner.min(DEPTH), [tall, wide]);
        let (row_blocks, column_blocks) = (rows.div_ceil(row_block), columns.div_ceil(column_block));
        for item in self.items[0]..self.items[1] {
            for from in (0..inner).step_by(DEPTH) {
                let inner = [from, (from + DEPTH).min(inner)];
                let depth = inner[1] - inner[0];
                let column_range = |number: usize| [number * column_block, ((number + 1) * column_block).min(columns)];
                let start = |number: usize| packed.at((number * column_block * depth) as isize);
                threads::each(column_blocks, &|number| {
                    let block = Block { rows: [0, rows], columns: column_range(number), inner };
                    // SAFETY: the workspace has room for all columns, and the blocks are
                    // multiples of a panel, so they do not meet.
                    unsafe { self.pack(item, block, start(number)) };
                });
                threads::each(row_blocks * column_blocks, &|unit| {
                    let (r, c) = (unit % row_blocks, unit / row_blocks);
                    let rows = [r * row_block, ((r + 1) * row_block).min(rows)];
                    let block = Block { rows, columns: column_range(c), inner };
                    // SAFETY: units are different rows or columns, hence different places of the
                    // target, which no factor meets (`check`).
                    unsafe { self.multiply(item, block, start(c)) };
                });
            }
        }
    }

    unsafe fn pack(self, item: usize, block: Block, packed: *mut f32) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => pack_right::<32>(self, item, block, packed),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => pack_right::<16>(self, item, block, packed),
                Level::Portable => pack_right::<8>(self, item, block, packed),
            }
        }
    }

    unsafe fn multiply(self, item: usize, block: Block, packed: *const f32) {
        // SAFETY: as the caller promises; the processor has what was detected.
        unsafe {
            match self.product.level {
                #[cfg(target_arch = "x86_64")]
                Level::V4 => multiply_v4(self, item, block, packed),
                #[cfg(target_arch = "x86_64")]
                Level::V3 => multiply_v3(self, item, block, packed),
                Level::Portable => multiply::<Portable, 4, 8>(self, item, block, packed),
            }
        }
    }
}

/// Rows and columns of a piece of work: cut by the shape alone, the longer side first.
fn blocks(rows: usize, columns: usize, depth: usize, [tall, wide]: [usize; 2]) -> (usize, usize) {
    let (mut row_block, mut column_block) = (rows.max(1), columns.max(1));
    while row_block * column_block * depth > 4 * GRAIN || row_block > 512 {
        if row_block >= column_block && row_block > 4 * tall {
            row_block = (row_block / 2).next_multiple_of(tall);
        } else if column_block > 4 * wide {
            column_block = (column_block / 2).next_multiple_of(wide);
        } else {
            break;
        }
    }
    (row_block.next_multiple_of(tall), column_block.next_multiple_of(wide))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn multiply_v4(task: Task, item: usize, block: Block, packed: *const f32) {
    // SAFETY: as the caller promises.
    unsafe { multiply::<V4, 12, 32>(task, item, block, packed) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply_v3(task: Task, item: usize, block: Block, packed: *const f32) {
    // SAFETY: as the caller promises.
    unsafe { multiply::<V3, 6, 16>(task, item, block, packed) }
}

/// Packs columns of the right factor into panels of N columns, one summand after the other.
///
/// # Safety
/// The block is part of the product, and `packed` has room for it, columns rounded up to panels.
unsafe fn pack_right<const N: usize>(task: Task, item: usize, block: Block, packed: *mut f32) {
    let product = task.product;
    let base = task.arena.at(product.offsets[1] + product.batch[1].at(item));
    let depth = block.inner[1] - block.inner[0];
    let mut panel = packed;
    for column in (block.columns[0]..block.columns[1]).step_by(N) {
        let width = N.min(block.columns[1] - column);
        // SAFETY: the caller's; reads are those of the product, which `check` showed to be inside.
        unsafe {
            if width < N {
                panel.write_bytes(0, depth * N);
            }
            if product.inner[1].is_dense() && !product.columns[0].is_dense() {
                for c in 0..width {
                    let source = base.wrapping_offset(product.columns[0].at(column + c) + block.inner[0] as isize);
                    spread(source, panel.add(c), depth, N);
                }
            } else {
                for k in 0..depth {
                    let source = base.wrapping_offset(product.inner[1].at(block.inner[0] + k));
                    let line = panel.add(k * N);
                    if product.columns[0].is_dense() {
                        line.copy_from_nonoverlapping(source.wrapping_add(column), width);
                        continue;
                    }
                    if product.columns[0].has_runs() {
                        let mut c = 0;
                        while c < width {
                            let run = product.columns[0].run_from(column + c).min(width - c);
                            let source = source.wrapping_offset(product.columns[0].at(column + c));
                            line.add(c).copy_from_nonoverlapping(source, run);
                            c += run;
                        }
                        continue;
                    }
                    for c in 0..width {
                        *line.add(c) = *source.wrapping_offset(product.columns[0].at(column + c));
                    }
                }
            }
            panel = panel.add(depth * N);
        }
    }
}

/// Packs R rows of the left factor, one summand after the other; rows beyond the last are 0.
///
/// # Safety
/// The rows are part of the product, and `packed` has room for R times the depth.
#[inline(always)]
unsafe fn pack_left<const R: usize>(task: Task, item: usize, rows: [usize; 2], inner: [usize; 2], packed: *mut f32) {
    let product = task.product;
    let base = task.arena.at(product.offsets[0] + product.batch[0].at(item));
    let depth = inner[1] - inner[0];
    // SAFETY: the caller's; reads are those of the product, which `check` showed to be inside.
    unsafe {
        let count = rows[1] - rows[0];
        if count < R {
            packed.write_bytes(0, R * depth);
        }
        if product.inner[0].is_dense() {
            for r in 0..count {
                let source = base.wrapping_offset(product.rows[0].at(rows[0] + r) + inner[0] as isize);
                spread(source, packed.add(r), depth, R);
            }
            return;
        }
        for k in 0..depth {
            let source = base.wrapping_offset(product.inner[0].at(inner[0] + k));
            let line = packed.add(k * R);
            if product.rows[0].is_dense() {
                line.copy_from_nonoverlapping(source.wrapping_add(rows[0]), count);
                continue;
            }
            for r in 0..count {
                *line.add(r) = *source.wrapping_offset(product.rows[0].at(rows[0] + r));
            }
        }
    }
}

/// Copies neighbours to places that are `step` apart.
///
/// # Safety
/// `source` points to `length` numbers, and `target` has room for `step · length`, less what is
/// before it.
#[inline(always)]
unsafe fn spread(source: *const f32, target: *mut f32, length: usize, step: usize) {
    for k in 0..length {
        // SAFETY: the caller's.
        unsafe { *target.add(k * step) = *source.add(k) };
    }
}

/// Computes a block of results from packed columns.
///
/// # Safety
/// The block is part of the product, `packed` holds its columns, and no one else uses its results.
#[inline(always)]
unsafe fn multiply<M: Machine, const R: usize, const N: usize>(
    task: Task,
    item: usize,
    block: Block,
    packed: *const f32,
) {
    let product = task.product;
    let depth = block.inner[1] - block.inner[0];
    let adds = product.descends || block.inner[0] > 0;
    let mut left = Panel::<{ 12 * DEPTH }>::new();
    let target = task.arena.at(product.offsets[2] + product.batch[2].at(item));
    for row in (block.rows[0]..block.rows[1]).step_by(R) {
        let rows = [row, (row + R).min(block.rows[1])];
        // SAFETY: R is at most 12 and the depth at most DEPTH; the rest is the caller's.
        unsafe {
            pack_left::<R>(task, item, rows, block.inner, left.0.as_mut_ptr().cast());
            for (number, column) in (block.columns[0]..block.columns[1]).step_by(N).enumerate() {
                let right = packed.add(number * depth * N);
                let results = kernel::<M, R, N>(left.0.as_ptr().cast(), right, depth);
                let columns = [column, (column + N).min(block.columns[1])];
                store(task, &results, target, rows, columns, adds);
            }
        }
    }
}

/// `Σ left right` over packed panels: R by N results, all in registers.
///
/// # Safety
/// `left` points to `R · depth` numbers, `right` to `N · depth`.
#[inline(always)]
unsafe fn kernel<M: Machine, const R: usize, const N: usize>(
    left: *const f32,
    right: *const f32,
    depth: usize,
) -> [[f32; N]; R] {
    let mut results = [[0.0f32; N]; R];
    for k in 0..depth {
        // SAFETY: the caller's.
        let (left, right) = unsafe { (&*left.add(k * R).cast::<[f32; R]>(), &*right.add(k * N).cast::<[f32; N]>()) };
        for r in 0..R {
            for c in 0..N {
                results[r][c] = fma::<M>(left[r], right[c], results[r][c]);
            }
        }
    }
    results
}

/// Writes results, scaled, or adds them.
///
/// # Safety
/// Rows and columns are part of the product, whose target begins at `target`; no one else uses them.
#[inline(always)]
unsafe fn store<const R: usize, const N: usize>(
    task: Task,
    results: &[[f32; N]; R],
    target: *mut f32,
    rows: [usize; 2],
    columns: [usize; 2],
    adds: bool,
) {
    let product = task.product;
    for (row, values) in (rows[0]..rows[1]).zip(results) {
        let line = target.wrapping_offset(product.rows[1].at(row));
        // SAFETY: the caller's; `check` showed the places to be inside the arena.
        unsafe {
            if product.columns[1].is_dense() {
                let line = std::slice::from_raw_parts_mut(line.add(columns[0]), columns[1] - columns[0]);
                for (place, value) in line.iter_mut().zip(values) {
                    let before = if adds { *place } else { 0.0 };
                    *place = before + task.scale * value;
                }
                continue;
            }
            for (column, value) in (columns[0]..columns[1]).zip(values) {
                let place = line.wrapping_offset(product.columns[1].at(column));
                *place = if adds { *place } else { 0.0 } + task.scale * value;
            }
        }
    }
}

/// The positions that an operand reaches; `None` where there are none.
fn reach(
    spec: &ProductSpec,
    groups: &[&Vec<Dimension>],
    operand: usize,
    arena: usize,
) -> Result<Option<[i64; 2]>, String> {
    let (mut least, mut greatest) = (spec.offsets[operand], spec.offsets[operand]);
    for axis in groups.iter().flat_map(|group| group.iter()) {
        if axis.extent == 0 {
            return Ok(None);
        }
        let step = axis.strides[operand].checked_mul(axis.extent as i64 - 1).ok_or("a product overflows")?;
        least = least.checked_add(step.min(0)).ok_or("a product overflows")?;
        greatest = greatest.checked_add(step.max(0)).ok_or("a product overflows")?;
    }
    if least < 0 || greatest >= arena as i64 {
        return Err(format!("a product reaches {least}..={greatest} in an arena of {arena}"));
    }
    Ok(Some([least, greatest]))
}

/// One check, or one for each step.
fn check_steps(spec: &ProductSpec, arena: usize) -> Result<(), String> {
    if !spec.by_steps {
        return check(spec, [&spec.batch, &spec.rows, &spec.columns, &spec.inner], arena);
    }
    let Some(steps) = spec.batch.first().copied() else { return Err("a product by steps without steps".into()) };
    for step in 0..steps.extent as i64 {
        let offsets = [0, 1, 2].map(|operand| spec.offsets[operand] + steps.strides[operand] * step);
        let one = ProductSpec { batch: spec.batch[1..].to_vec(), offsets, by_steps: false, ..spec.clone() };
        check(&one, [&one.batch, &one.rows, &one.columns, &one.inner], arena)?;
    }
    Ok(())
}

fn check(spec: &ProductSpec, [batch, rows, columns, inner]: [&Vec<Dimension>; 4], arena: usize) -> Result<(), String> {
    let left = reach(spec, &[batch, rows, inner], 0, arena)?;
    let right = reach(spec, &[batch, columns, inner], 1, arena)?;
    let Some(target) = reach(spec, &[batch, rows, columns], 2, arena)? else { return Ok(()) };
    let results = [batch, rows, columns].into_iter().flatten().map(|axis| (axis.extent, axis.strides[2]));
    if !is_injective(results) {
        return Err("a result is written twice".into());
    }
    let meets = |other: &[i64; 2]| other[0] <= target[1] && target[0] <= other[1];
    if left.as_ref().is_some_and(meets) || right.as_ref().is_some_and(meets) {
        return Err("the target of a product is one of its factors".into());
    }
    Ok(())
}
