//! Matrix products over groups of axes. A kernel keeps a tile of results in registers; what differs is
//! how it gets its factors. Mostly the right one is packed into panels once, whatever its strides, and
//! a panel of the left one where it has gaps along the summands (after K. Goto and R. van de Geijn,
//! *Anatomy of High-Performance Matrix Multiplication*, 2008). Where the columns of the right factor
//! lie side by side it is read in place, as in a convolution; and where there are few results, each a
//! sum of many products of numbers that lie side by side, they are summed in lanes.

mod check;
mod direct;
mod dots;
mod kernel;
mod offsets;
mod pack;
mod packed;

use crate::arena::{Arena, Shared};
use crate::machine::Level;
use check::check_steps;
use direct::Direct;
use dots::Dots;
use offsets::Offsets;
use packed::SMALL;
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
    method: Method,
}

/// How it is computed.
enum Method {
    Packed,
    Direct(Direct),
    Dots(Dots),
}

/// Memory in which right factors are packed.
#[derive(Default)]
pub struct Workspace {
    packed: Vec<f32>,
}

impl Workspace {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Room for the right factor of a product.
    pub fn reserve(&mut self, product: &Product) {
        let length = self.packed.len().max(product.room());
        self.packed.resize(length, 0.0);
    }
}

/// Summands that are taken at once: a panel of so many stays in the first cache.
const DEPTH: usize = 256;
/// Multiplications in a piece of work that is worth handing to another thread.
const GRAIN: usize = 200_000;

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
        let product = Product {
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
            method: Method::Packed,
        };
        Ok(product.with_method())
    }

    fn with_method(mut self) -> Product {
        self.method = if let Some(dots) = Dots::new(&self) {
            Method::Dots(dots)
        } else if let Some(direct) = Direct::new(&self) {
            Method::Direct(direct)
        } else {
            Method::Packed
        };
        self
    }

    /// For tests: as on another processor.
    #[cfg(test)]
    pub(crate) fn with_level(mut self, level: Level) -> Product {
        self.level = level;
        self.with_method()
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

    /// How many numbers of the workspace it needs: for what is packed of the right factor at once, if the
    /// stack is not enough for that, or for sums in lanes.
    fn room(&self) -> usize {
        match &self.method {
            Method::Packed => self.packed_length(),
            Method::Direct(_) => 0,
            Method::Dots(dots) => dots.room(),
        }
    }

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
        assert!(workspace.packed.len() >= self.room(), "a workspace with room for the product");
        let shared = Shared(arena.values_mut().as_mut_ptr());
        let scale = if self.descends { -rate * self.scale } else { self.scale };
        let steps = self.steps.unwrap_or(1);
        assert!(step < steps, "a step of the product");
        let items = self.sizes[0] / steps;
        let task = Task { product: self, arena: shared, scale, items: [step * items, (step + 1) * items] };
        let room = Shared(workspace.packed.as_mut_ptr());
        match &self.method {
            Method::Packed if self.packed_length() == 0 => task.small(),
            Method::Packed => task.large(room),
            Method::Direct(direct) => task.direct(direct),
            Method::Dots(dots) => task.dots(dots, room),
        }
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

#[cfg(test)]
mod tests;
