//! Every kernel against plain loops, for all vector units that the processor has.

use crate::machine::{Level, Machine, Portable};
use crate::math;
use crate::number::{Single, single};
use crate::reduce::{greater, lesser};
use crate::{
    Access, Arena, Bias, Binary, Comparison, Dimension, Ending, Instruction, Loop, Product, ProductSpec, Reduction,
    Unary,
};
use crate::{Walk, WalkSpec, Workspace};

mod walks;

/// Numbers without a pattern in -1..1.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Units in the last place between a single and the true value.
fn units(found: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if found == nearest || (found.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    let place = (nearest.abs().max(f32::MIN_POSITIVE).to_bits() >> 23) as i32 - 150;
    (found as f64 - exact).abs() / 2f64.powi(place)
}

/// Singles of all sizes: every 4001st, and those where things change.
fn singles() -> impl Iterator<Item = f32> {
    let special = [0.0, 1.0, 88.0, 88.72284, 89.0, 103.9, 104.0, 9.0, 9.1, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY];
    let small = (0..20_000).map(|at| at as f32 * 1e-3);
    let positive = (0..0x7f80_0000u32).step_by(4001).map(f32::from_bits).chain(special).chain(small);
    positive.flat_map(|x| [x, -x]).chain([f32::NAN])
}

/// A function of numbers as one of singles.
fn on<M>(f: impl Fn(Single<M>) -> Single<M>) -> impl Fn(f32) -> f32 {
    move |x| f(single(x)).0
}

fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> (f64, f32) {
    singles()
        .map(|x| (units(f(x), exact(x as f64)), x))
        .fold((0.0, 0.0), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a })
}

fn accurate<M: Machine>() {
    let sigmoid = |x: f64| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    let softplus = |x: f64| x.max(0.0) * f64::from(u8::from(!x.is_nan())) + (-x.abs()).exp().ln_1p();
    let cases: [(&str, (f64, f32)); 7] = [
        ("erf", worst(on(math::erf::<Single<M>>), libm::erf)),
        (
            "gelu",
            worst(
                on(math::gelu::<Single<M>>),
                |x| if x < -15.0 { 0.0 } else { 0.5 * x * libm::erfc(-x / 2f64.sqrt()) },
            ),
        ),
        ("exp", worst(on(math::exp::<Single<M>>), f64::exp)),
        ("log", worst(on(math::log::<Single<M>>), f64::ln)),
        ("tanh", worst(on(math::tanh::<Single<M>>), f64::tanh)),
        ("sigmoid", worst(on(math::sigmoid::<Single<M>>), sigmoid)),
        ("softplus", worst(on(math::softplus::<Single<M>>), softplus)),
    ];
    for (name, (worst, at)) in cases {
        let bound = if name == "gelu" { 5.5 } else { 3.5 };
        assert!(worst <= bound, "{name} is {worst} units off at {at:e}");
    }
}

/// Where the logistic function is a denormal number, `x` times it has its absolute error.
fn silu_is_accurate<M: Machine>() {
    for x in singles().filter(|x| x.abs() < 87.0) {
        let exact = x as f64 / (1.0 + (-x as f64).exp());
        assert!(units(math::silu(single::<M>(x)).0, exact) <= 4.0, "{x}");
    }
    assert_eq!(math::silu(single::<M>(f32::NEG_INFINITY)).0, 0.0);
}

struct FusedForTest;
impl Machine for FusedForTest {
    const FUSED: bool = true;
}

#[test]
fn functions_are_accurate_everywhere() {
    accurate::<Portable>();
    accurate::<FusedForTest>();
    silu_is_accurate::<Portable>();
    silu_is_accurate::<FusedForTest>();
}

#[test]
fn functions_keep_nan_and_know_infinity() {
    type N = Single<Portable>;
    let functions: [fn(N) -> N; 11] = [
        math::exp,
        math::log,
        math::tanh,
        math::sigmoid,
        math::softplus,
        math::silu,
        math::erf,
        math::gelu,
        math::relu,
        math::sign,
        math::root,
    ];
    assert!(functions.iter().all(|f| on(f)(f32::NAN).is_nan()));
    let at_infinity = |f: fn(N) -> N| (on(f)(f32::INFINITY), on(f)(f32::NEG_INFINITY));
    assert_eq!(at_infinity(math::exp), (f32::INFINITY, 0.0));
    assert_eq!(
        (on::<Portable>(math::log)(0.0), on::<Portable>(math::log)(f32::INFINITY)),
        (f32::NEG_INFINITY, f32::INFINITY)
    );
    assert!(on::<Portable>(math::log)(-1.0).is_nan());
    assert_eq!(at_infinity(math::tanh), (1.0, -1.0));
    assert_eq!(at_infinity(math::erf), (1.0, -1.0));
    assert_eq!(at_infinity(math::gelu), (f32::INFINITY, 0.0));
    assert_eq!((on::<Portable>(math::relu)(-1.0), at_infinity(math::root).1), (0.0, f32::INFINITY));
    assert!(greater(f32::NAN, 1.0).is_nan() && greater(1.0, f32::NAN).is_nan());
    assert!(lesser(f32::NAN, 1.0).is_nan() && lesser(1.0, f32::NAN).is_nan());
    assert_eq!((math::scalar::power(f32::NAN, 0.0), math::scalar::modulo(-1.0, 3.0)), (1.0, 2.0));
}

/// A product of dense matrices, either of them transposed in memory, held to plain loops.
fn product(level: Level, sizes: [usize; 4], transposed: [bool; 2], descends: bool) {
    let [batch, rows, columns, inner] = sizes;
    let (left, right, target) = (batch * rows * inner, batch * inner * columns, batch * rows * columns);
    let (a, b, c) = (noise(left, 1), noise(right, 2), noise(target, 3));
    let mut arena = Arena::new(left + right + target);
    arena.values_mut()[..left].copy_from_slice(&a);
    arena.values_mut()[left..left + right].copy_from_slice(&b);
    arena.values_mut()[left + right..].copy_from_slice(&c);
    let of =
        |transposed: bool, outer: usize, inner: usize| if transposed { (1, outer as i64) } else { (inner as i64, 1) };
    let (row_a, inner_a) = of(transposed[0], rows, inner);
    let (inner_b, column_b) = of(transposed[1], inner, columns);
    let axis = |extent: usize, strides: [i64; 3]| vec![Dimension { extent, strides }];
    let spec = ProductSpec {
        by_steps: false,
        ending: Ending::default(),
        batch: axis(batch, [(rows * inner) as i64, (inner * columns) as i64, (rows * columns) as i64]),
        rows: axis(rows, [row_a, 0, columns as i64]),
        columns: axis(columns, [0, column_b, 1]),
        inner: axis(inner, [inner_a, inner_b, 0]),
        offsets: [0, left as i64, (left + right) as i64],
        scale: 0.5,
        descends,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
    };
    let product = Product::new(&spec, arena.len()).unwrap().with_level(level);
    let mut workspace = Workspace::default();
    workspace.reserve(&product);
    product.run(&mut arena, &mut workspace, 0.25);
    for item in 0..batch {
        for i in 0..rows {
            for j in 0..columns {
                let a = |k: usize| a[item * rows * inner + i * row_a as usize + k * inner_a as usize] as f64;
                let b = |k: usize| b[item * inner * columns + k * inner_b as usize + j * column_b as usize] as f64;
                let sum: f64 = (0..inner).map(|k| a(k) * b(k)).sum();
                let at = (item * rows + i) * columns + j;
                let expected = if descends { c[at] as f64 - 0.125 * sum } else { 0.5 * sum };
                let found = arena.values()[left + right + at] as f64;
                assert!(
                    (found - expected).abs() < 1e-6 * (inner as f64 + 4.0),
                    "{sizes:?} {transposed:?} at {at}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn products_are_sums_of_products() {
    let sizes = [
        [1, 1, 1, 1],
        [1, 1, 1, 0],
        [1, 0, 3, 2],
        [1, 5, 7, 3],
        [1, 6, 16, 4],
        [1, 7, 17, 257],
        [3, 13, 33, 9],
        [5, 1, 40, 31],
        [1, 70, 1, 300],
        [1, 33, 90, 513],
        [2, 65, 129, 70],
    ];
    for level in Level::all() {
        for sizes in sizes {
            for transposed in [[false, false], [false, true], [true, false], [true, true]] {
                product(level, sizes, transposed, false);
            }
            product(level, sizes, [true, false], true);
        }
    }
}

#[test]
fn products_over_several_axes() {
    // target[i1, i2, j] = Σ over k1, k2 of left[k1, i1, k2, i2] right[k2, j, k1]
    let [i1, i2, j, k1, k2] = [3usize, 4, 5, 2, 6];
    let (left, right) = (noise(k1 * i1 * k2 * i2, 5), noise(k2 * j * k1, 6));
    let mut arena = Arena::new(left.len() + right.len() + i1 * i2 * j);
    arena.values_mut()[..left.len()].copy_from_slice(&left);
    arena.values_mut()[left.len()..][..right.len()].copy_from_slice(&right);
    let axis = |extent: usize, left: usize, right: usize, target: usize| Dimension {
        extent,
        strides: [left as i64, right as i64, target as i64],
    };
    let spec = ProductSpec {
        by_steps: false,
        ending: Ending::default(),
        batch: vec![],
        rows: vec![axis(i1, k2 * i2, 0, i2 * j), axis(i2, 1, 0, j)],
        columns: vec![axis(j, 0, k1, 1)],
        inner: vec![axis(k1, i1 * k2 * i2, 1, 0), axis(k2, i2, j * k1, 0)],
        offsets: [0, left.len() as i64, (left.len() + right.len()) as i64],
        scale: 1.0,
        descends: false,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
    };
    let product = Product::new(&spec, arena.len()).unwrap();
    product.run(&mut arena, &mut Workspace::default(), 0.0);
    for (at, found) in arena.values()[left.len() + right.len()..].iter().enumerate() {
        let (a, b, c) = (at / (i2 * j), at / j % i2, at % j);
        let terms = (0..k1).flat_map(|m| (0..k2).map(move |n| (m, n)));
        let sum: f32 = terms.map(|(m, n)| left[((m * i1 + a) * k2 + n) * i2 + b] * right[(n * j + c) * k1 + m]).sum();
        assert!((found - sum).abs() < 1e-5);
    }
}

#[test]
fn wrong_products_are_refused() {
    let axis = |strides| vec![Dimension { extent: 4, strides }];
    let spec = |offsets, target| ProductSpec {
        by_steps: false,
        ending: Ending::default(),
        batch: vec![],
        rows: axis([4, 0, target]),
        columns: axis([0, 1, 1]),
        inner: axis([1, 4, 0]),
        offsets,
        scale: 1.0,
        descends: false,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
    };
    assert!(Product::new(&spec([0, 16, 32], 4), 48).is_ok());
    assert!(Product::new(&spec([0, 16, 32], 4), 47).is_err());
    assert!(Product::new(&spec([0, 16, 31], 4), 48).is_err());
    assert!(Product::new(&spec([0, 16, 32], 3), 48).is_err());
    assert!(Product::new(&spec([-1, 16, 32], 4), 48).is_err());
    // Endings that read outside of the arena or their target, or belong to results that are not written once.
    let ended = |ending| ProductSpec { ending, ..spec([0, 16, 32], 4) };
    let bias = |offset| Ending { bias: Some(Bias { offset, by_rows: true }), ..Ending::default() };
    let positive = |offset| Ending { positive: Some(offset), ..Ending::default() };
    let is_refused = |spec: ProductSpec| Product::new(&spec, 64).is_err();
    for right in [bias(0), bias(28), bias(60), positive(0), positive(48)] {
        assert!(!is_refused(ended(right)), "{right:?}");
    }
    for wrong in [bias(-1), bias(29), bias(47), bias(61), positive(-1), positive(17), positive(32), positive(49)] {
        assert!(is_refused(ended(wrong)), "{wrong:?}");
    }
    assert!(is_refused(ProductSpec { descends: true, ..ended(bias(60)) }));
    assert!(is_refused(ProductSpec { symmetric: true, ..ended(bias(60)) }));
    let halves = [[8, 0, 8], [4, 0, 4]].map(|strides| Dimension { extent: 2, strides });
    assert!(is_refused(ProductSpec { rows: halves.to_vec(), ..ended(bias(60)) }));
}

fn dense(offset: usize, strides: &[i64]) -> Access {
    Access { offset: offset as i64, strides: strides.to_vec(), axes: vec![] }
}

fn range(extent: usize, reduced: bool) -> Loop {
    Loop { extent, reduced }
}

/// `x - 2 y` over a matrix, y a row that is repeated, or a column.
fn map(level: Level, rows: usize, columns: usize, by_row: bool) {
    let size = rows * columns;
    let (x, y) = (noise(size, 7), noise(rows.max(columns), 8));
    let mut arena = Arena::new(2 * size + y.len());
    arena.values_mut()[..size].copy_from_slice(&x);
    arena.values_mut()[2 * size..].copy_from_slice(&y);
    let spec = WalkSpec {
        by_steps: false,
        loops: vec![range(rows, false), range(columns, false)],
        reads: vec![dense(0, &[columns as i64, 1]), dense(2 * size, if by_row { &[0, 1] } else { &[1, 0] })],
        program: vec![
            Instruction::Read(0),
            Instruction::Read(1),
            Instruction::Constant(2.0),
            Instruction::Binary(Binary::Multiply, 1, 2),
            Instruction::Binary(Binary::Subtract, 0, 3),
        ],
        reduction: None,
        ending: vec![],
        stores: vec![(4, dense(size, &[columns as i64, 1]))],
    };
    Walk::on(level, &spec, arena.len()).unwrap().run(&mut arena, 0.0);
    for (at, x) in x.iter().enumerate() {
        let (r, c) = (at / columns, at % columns);
        assert_eq!(arena.values()[size + at], x - 2.0 * y[if by_row { c } else { r }], "{rows} {columns}");
    }
}

#[test]
fn maps_compute_every_position() {
    for level in Level::all() {
        for (rows, columns) in
            [(0, 3), (1, 1), (1, 511), (1, 512), (1, 513), (3, 1600), (70, 10), (1000, 1), (513, 3), (7, 77)]
        {
            map(level, rows, columns, true);
            map(level, rows, columns, false);
        }
    }
}

/// A reduction of a matrix along rows or along columns, held to plain loops.
fn reduction(level: Level, reduction: Reduction, [kept, over]: [usize; 2], along_rows: bool, x: &[f32]) -> Vec<f32> {
    let mut arena = Arena::new(x.len() + kept);
    arena.values_mut()[..x.len()].copy_from_slice(x);
    let (loops, strides, store) = if along_rows {
        ([range(kept, false), range(over, true)], [over as i64, 1], [1, 0])
    } else {
        ([range(over, true), range(kept, false)], [kept as i64, 1], [0, 1])
    };
    let spec = WalkSpec {
        by_steps: false,
        loops: loops.to_vec(),
        reads: vec![dense(0, &strides)],
        program: vec![Instruction::Read(0)],
        reduction: Some(reduction),
        ending: vec![Instruction::Reduced, Instruction::Unary(Unary::Negative, 0)],
        stores: vec![(1, dense(x.len(), &store))],
    };
    Walk::on(level, &spec, arena.len()).unwrap().run(&mut arena, 0.0);
    arena.values()[x.len()..].iter().map(|value| -value).collect()
}

fn plain(reduction: Reduction, row: &[f64]) -> f64 {
    let nan = row.iter().any(|x| x.is_nan());
    let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = row.iter().copied().fold(f64::INFINITY, f64::min);
    let find = |value: f64| row.iter().position(|x| *x == value).unwrap_or(0) as f64;
    match reduction {
        Reduction::ArgMax | Reduction::ArgMin if nan => row.iter().position(|x| x.is_nan()).unwrap_or(0) as f64,
        Reduction::ArgMax => find(greatest),
        Reduction::ArgMin => find(least),
        _ if nan => f64::NAN,
        Reduction::Sum => row.iter().sum(),
        Reduction::Prod => row.iter().product(),
        Reduction::Max => greatest,
        Reduction::Min => least,
        Reduction::LogSumExp if greatest.is_infinite() => greatest,
        Reduction::LogSumExp => greatest + row.iter().map(|x| (x - greatest).exp()).sum::<f64>().ln(),
    }
}

#[test]
fn reductions_are_what_plain_loops_say() {
    let all = [
        Reduction::Sum,
        Reduction::Prod,
        Reduction::Max,
        Reduction::Min,
        Reduction::LogSumExp,
        Reduction::ArgMax,
        Reduction::ArgMin,
    ];
    let shapes = [[1, 1], [3, 5], [70, 10], [2, 1500], [600, 3], [40, 33], [1, 100_003], [1030, 65]];
    for level in Level::all() {
        for (number, one) in all.into_iter().enumerate() {
            for shape in shapes {
                let [kept, over] = shape;
                let mut x = noise(kept * over, 11 + number as u32);
                // Ties, masks and a NaN.
                x[0] = 1.0;
                x[over / 2] = 1.0;
                if kept > 2 {
                    x[over..2 * over].fill(f32::NEG_INFINITY);
                    x[2 * over + over / 2] = f32::NAN;
                }
                let rows: Vec<f64> =
                    x.chunks(over).map(|row| plain(one, &row.iter().map(|x| *x as f64).collect::<Vec<_>>())).collect();
                compare(&reduction(level, one, shape, true, &x), &rows, one, shape);
                if matches!(one, Reduction::Sum | Reduction::Prod | Reduction::Max | Reduction::Min) {
                    let transposed: Vec<f32> = (0..kept * over).map(|at| x[at % kept * over + at / kept]).collect();
                    compare(&reduction(level, one, shape, false, &transposed), &rows, one, shape);
                }
            }
        }
    }
}

fn compare(found: &[f32], expected: &[f64], reduction: Reduction, shape: [usize; 2]) {
    for (found, expected) in found.iter().zip(expected) {
        let same = (found.is_nan() && expected.is_nan()) || *found as f64 == *expected;
        let near = (*found as f64 - expected).abs() <= 2e-6 * expected.abs().max((shape[1] as f64).sqrt());
        assert!(same || near, "{reduction:?} {shape:?}: {found} {expected}");
    }
}

#[test]
fn reads_beyond_an_axis_are_zero() {
    // y[i] = x[i - 1] for i in 0..4, x of three values.
    let mut arena = Arena::new(7);
    arena.values_mut()[..3].copy_from_slice(&[1.0, 2.0, 3.0]);
    let axis = crate::Bound { extent: 3, step: 1, offset: -1, strides: vec![1] };
    let spec = WalkSpec {
        by_steps: false,
        loops: vec![range(4, false)],
        reads: vec![Access { offset: -1, strides: vec![1], axes: vec![axis] }],
        program: vec![Instruction::Read(0)],
        reduction: None,
        ending: vec![],
        stores: vec![(0, dense(3, &[1]))],
    };
    Walk::new(&spec, 7).unwrap().run(&mut arena, 0.0);
    assert_eq!(arena.values(), &[1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0]);
    assert!(Walk::new(&spec, 6).is_err());
}

#[test]
fn wrong_walks_are_refused() {
    let copy = |read: Access, store: Access| WalkSpec {
        by_steps: false,
        loops: vec![range(4, false)],
        reads: vec![read],
        program: vec![Instruction::Read(0)],
        reduction: None,
        ending: vec![],
        stores: vec![(0, store)],
    };
    let refused = |spec: &WalkSpec| Walk::new(spec, 8).is_err();
    assert!(!refused(&copy(dense(0, &[1]), dense(4, &[1]))));
    assert!(!refused(&copy(dense(4, &[1]), dense(4, &[1]))));
    assert!(refused(&copy(dense(0, &[1]), dense(5, &[1]))));
    assert!(refused(&copy(dense(0, &[3]), dense(4, &[1]))));
    assert!(refused(&copy(dense(0, &[1]), dense(3, &[1]))));
    assert!(refused(&copy(dense(0, &[1]), dense(4, &[0]))));
    let mut early = copy(dense(0, &[1]), dense(4, &[1]));
    early.program.insert(0, Instruction::Compare(Comparison::Less, 1, 1));
    assert!(refused(&early));
}

#[test]
fn computed_subscripts_outside_are_nan() {
    // y[i] = x[t[i]], x of three values.
    let mut arena = Arena::new(15);
    arena.values_mut()[..9].copy_from_slice(&[5.0, 6.0, 7.0, 2.0, 0.0, 3.0, -1.0, 0.5, f32::NAN]);
    let free = crate::Bound { extent: 3, step: 1, offset: 0, strides: vec![0] };
    let spec = WalkSpec {
        by_steps: false,
        loops: vec![range(6, false)],
        reads: vec![dense(3, &[1]), Access { offset: 0, strides: vec![0], axes: vec![free] }],
        program: vec![Instruction::Read(0), Instruction::Gather(1, vec![(0, 0)])],
        reduction: None,
        ending: vec![],
        stores: vec![(1, dense(9, &[1]))],
    };
    Walk::new(&spec, 15).unwrap().run(&mut arena, 0.0);
    assert_eq!(arena.values()[9..11], [7.0, 5.0]);
    assert!(arena.values()[11..].iter().all(|value| value.is_nan()));
    let mut wrong = spec.clone();
    wrong.reads[1].axes[0].extent = 100;
    assert!(Walk::new(&wrong, 15).is_err());
    let mut wrong = spec.clone();
    wrong.reads[1].axes[0].strides = vec![1];
    wrong.reads[1].strides = vec![1];
    assert!(Walk::new(&wrong, 15).is_err());
}

#[test]
fn rows_of_a_table_are_read_as_a_whole() {
    // y[i, j] = x[t[i], j], x of three rows of two.
    let mut arena = Arena::new(20);
    arena.values_mut()[..11].copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 2.0, 0.0, 3.0, -1.0, f32::NAN]);
    let axis = |extent, step, strides: &[i64]| crate::Bound { extent, step, offset: 0, strides: strides.to_vec() };
    let row = Access { offset: 0, strides: vec![0, 1], axes: vec![axis(3, 2, &[0, 0]), axis(2, 1, &[0, 1])] };
    let spec = WalkSpec {
        by_steps: false,
        loops: vec![range(4, false), range(2, false)],
        reads: vec![dense(6, &[1, 0]), row],
        program: vec![Instruction::Read(0), Instruction::Gather(1, vec![(0, 0)])],
        reduction: None,
        ending: vec![],
        stores: vec![(1, dense(12, &[2, 1]))],
    };
    Walk::new(&spec, 20).unwrap().run(&mut arena, 0.0);
    assert_eq!(arena.values()[12..16], [5.0, 6.0, 1.0, 2.0]);
    assert!(arena.values()[16..].iter().all(|value| value.is_nan()));
}

#[test]
fn scatters_add_in_order_and_skip_what_is_no_position() {
    // y[v, d] = sum[s] [t[s] = v] g[s, d]
    let spec = crate::ScatterSpec {
        loops: vec![range(5, true), range(2, false)],
        source: dense(5, &[2, 1]),
        keys: vec![crate::Key { read: dense(0, &[1, 0]), extent: 3, stride: 2 }],
        target: dense(15, &[0, 1]),
    };
    let mut arena = Arena::new(21);
    arena.values_mut()[..5].copy_from_slice(&[1.0, 3.0, 1.0, f32::NAN, 0.0]);
    (5..21).for_each(|place| arena.values_mut()[place] = place as f32);
    crate::Scatter::new(&spec, 21).unwrap().run(&mut arena);
    assert_eq!(arena.values()[15..], [13.0, 14.0, 5.0 + 9.0, 6.0 + 10.0, 0.0, 0.0]);
    let mut wrong = spec.clone();
    wrong.keys[0].extent = 4;
    assert!(crate::Scatter::new(&wrong, 21).is_err());
    let mut wrong = spec.clone();
    wrong.target.offset = 14;
    assert!(crate::Scatter::new(&wrong, 21).is_err());
    let mut wrong = spec;
    wrong.keys[0].stride = 1;
    assert!(crate::Scatter::new(&wrong, 21).is_err());
}

#[test]
fn steps_read_what_earlier_steps_wrote() {
    // h[t, i] = 2 h[t - 1, i] + 1, and 1 where t = 0.
    let before = Access {
        offset: -3,
        strides: vec![3, 1],
        axes: vec![
            crate::Bound { extent: 4, step: 3, offset: -1, strides: vec![1, 0] },
            crate::Bound { extent: 3, step: 1, offset: 0, strides: vec![0, 1] },
        ],
    };
    let spec = WalkSpec {
        by_steps: true,
        loops: vec![range(4, false), range(3, false)],
        reads: vec![before],
        program: vec![
            Instruction::Read(0),
            Instruction::Constant(1.0),
            Instruction::Binary(Binary::Add, 0, 0),
            Instruction::Binary(Binary::Add, 2, 1),
        ],
        reduction: None,
        ending: vec![],
        stores: vec![(3, dense(0, &[3, 1]))],
    };
    let mut arena = Arena::new(12);
    Walk::new(&spec, 12).unwrap().run(&mut arena, 0.0);
    assert_eq!(arena.values(), &[1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 7.0, 7.0, 7.0, 15.0, 15.0, 15.0]);
    let mut all_at_once = spec.clone();
    all_at_once.by_steps = false;
    assert!(Walk::new(&all_at_once, 12).is_err());
}
