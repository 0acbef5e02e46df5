//! Matrix products over groups of axes, in two ways. Mostly a kernel keeps a tile of results in registers
//! ([`blocks`]). Where there are few results, each a sum of many products of numbers that lie side by side
//! in both factors, they are summed in lanes ([`dots`]).

mod block;
mod blocks;
mod check;
mod dots;
mod ending;
mod kernel;
mod lanes;
mod lines;
mod offsets;
mod orient;
mod pack;
mod strip;
mod triangle;

use crate::arena::{Arena, Shared};
use crate::machine::Level;
use blocks::Blocks;
use check::check_steps;
use dots::Dots;
use offsets::Offsets;
use orient::{arranged, size};
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
    /// Whether results stay the same when row and column change places; then they are exactly the same.
    pub symmetric: bool,
    /// A number that is added to results whose row is their column, where the product is symmetric.
    pub diagonal: f32,
    /// Where factors of every summand begin in the arena, side by side.
    pub weights: Option<i64>,
    /// Whether it runs one position of the first axis of the batch at a time, so that other positions
    /// of the target may be read.
    pub by_steps: bool,
    /// What is done with finished results.
    pub ending: Ending,
}

/// What is done with a result: a number of its row or its column is added, negative numbers become 0, and so do
/// results where another value is not positive. By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// What is added.
    pub bias: Option<Bias>,
    /// Whether it becomes `relu` of itself.
    pub rectifies: bool,
    /// Where a value begins in the arena whose positions are those of the target.
    pub positive: Option<i64>,
}

/// Numbers side by side that are added to the results, one for each row or for each column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bias {
    /// Where they begin in the arena.
    pub offset: i64,
    /// Whether there is one for each row.
    pub by_rows: bool,
}

/// Rows and columns of the largest tile of any machine.
const WIDEST: [usize; 2] = [12, 32];

/// A checked product.
pub struct Product {
    shape: Shape,
    arena: usize,
    /// How many positions the first axis of the batch has, where they are run one by one.
    steps: Option<usize>,
    method: Method,
}

/// Where everything is.
struct Shape {
    batch: [Offsets; 3],
    rows: [Offsets; 2],
    columns: [Offsets; 2],
    inner: [Offsets; 2],
    /// Numbers of batch items, rows, columns and summands.
    sizes: [usize; 4],
    /// The least and the greatest place of the summands of a column of the right factor, and of all columns.
    summands: [isize; 2],
    right: [isize; 2],
    offsets: [isize; 3],
    scale: f32,
    descends: bool,
    symmetric: bool,
    diagonal: f32,
    weights: Option<isize>,
    ending: Ending,
    level: Level,
}

/// How it is computed.
enum Method {
    Blocks(Blocks),
    Dots(Dots),
}

/// Memory for sums that are not finished.
#[derive(Default)]
pub struct Workspace {
    sums: Vec<f32>,
}

impl Workspace {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Room for the sums of a product.
    pub fn reserve(&mut self, product: &Product) {
        let length = self.sums.len().max(product.room());
        self.sums.resize(length, 0.0);
    }
}

impl Product {
    /// Checks and prepares a product over an arena of a length.
    ///
    /// # Errors
    /// An access outside the arena, results that are written twice, a target that is also read, a symmetric
    /// product that is no square or adds to what is there.
    pub fn new(spec: &ProductSpec, arena: usize) -> Result<Product, String> {
        check_steps(spec, arena)?;
        // Of these the order of rows, columns and summands is part of what they are.
        let is_fixed = spec.symmetric || spec.weights.is_some();
        let as_it_is = (is_fixed || Dots::is_likely(spec)).then(|| Shape::new(spec));
        let as_it_is = as_it_is.filter(|shape| is_fixed || Dots::new(shape).is_some());
        let shape = as_it_is.unwrap_or_else(|| Shape::new(&arranged(spec, Level::detect())));
        let steps = spec.by_steps.then(|| spec.batch[0].extent);
        Ok(Product { method: Method::new(&shape), shape, arena, steps })
    }

    /// For tests: as on another processor.
    #[cfg(test)]
    pub(crate) fn with_level(mut self, level: Level) -> Product {
        self.shape.level = level;
        self.method = Method::new(&self.shape);
        self
    }

    /// How many numbers of the workspace it needs.
    fn room(&self) -> usize {
        match &self.method {
            Method::Dots(dots) => dots.room(),
            Method::Blocks(_) => 0,
        }
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
        assert!(workspace.sums.len() >= self.room(), "a workspace with room for the product");
        let shared = Shared(arena.values_mut().as_mut_ptr());
        let scale = if self.shape.descends { -rate * self.shape.scale } else { self.shape.scale };
        let steps = self.steps.unwrap_or(1);
        assert!(step < steps, "a step of the product");
        let items = self.shape.sizes[0] / steps;
        let task = Task { product: &self.shape, arena: shared, scale, items: [step * items, (step + 1) * items] };
        let room = Shared(workspace.sums.as_mut_ptr());
        match &self.method {
            Method::Dots(dots) => task.dots(dots, room),
            Method::Blocks(blocks) => task.blocks(blocks),
        }
    }
}

impl Method {
    fn new(shape: &Shape) -> Method {
        match Dots::new(shape) {
            Some(dots) => Method::Dots(dots),
            None => Method::Blocks(Blocks::new(shape)),
        }
    }
}

impl Shape {
    fn new(spec: &ProductSpec) -> Shape {
        let pair = |group: &[Dimension], a, b| [Offsets::new(group, a), Offsets::new(group, b)];
        let (summands, columns) = (span(&spec.inner, 1), span(&spec.columns, 1));
        Shape {
            batch: [0, 1, 2].map(|operand| Offsets::new(&spec.batch, operand)),
            rows: pair(&spec.rows, 0, 2),
            columns: pair(&spec.columns, 1, 2),
            inner: pair(&spec.inner, 0, 1),
            sizes: [&spec.batch, &spec.rows, &spec.columns, &spec.inner].map(|group| size(group)),
            summands,
            right: [summands[0] + columns[0], summands[1] + columns[1]],
            offsets: spec.offsets.map(|offset| offset as isize),
            scale: spec.scale,
            descends: spec.descends,
            symmetric: spec.symmetric,
            diagonal: spec.diagonal,
            weights: spec.weights.map(|offset| offset as isize),
            ending: spec.ending,
            level: Level::detect(),
        }
    }

    fn tile(&self) -> [usize; 2] {
        tile(self.level)
    }
}

/// The least and the greatest place of a group, from the first.
fn span(group: &[Dimension], operand: usize) -> [isize; 2] {
    let steps = group.iter().map(|axis| axis.strides[operand] as isize * (axis.extent as isize - 1).max(0));
    steps.fold([0, 0], |[least, greatest], step| [least + step.min(0), greatest + step.max(0)])
}

/// Rows and columns of a tile: two vectors of columns.
fn tile(level: Level) -> [usize; 2] {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::V4 => [12, 32],
        #[cfg(target_arch = "x86_64")]
        Level::V3 => [6, 16],
        Level::Portable => [4, 8],
    }
}

/// One run of a product.
#[derive(Clone, Copy)]
struct Task<'a> {
    product: &'a Shape,
    arena: Shared,
    scale: f32,
    /// Items of the batch, from the first on to before the last.
    items: [usize; 2],
}

/// An array by a function. A plain loop, which is always unrolled.
#[inline(always)]
fn array<T: Copy, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut array = [f(0); N];
    for (number, place) in array.iter_mut().enumerate().skip(1) {
        *place = f(number);
    }
    array
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
