//! Every instruction of a walk, and the order of its loops.

use super::{dense, range, units};
use crate::machine::Level;
use crate::{Arena, Binary, Comparison, Instruction, Team, Unary, Walk, WalkSpec};

/// What is allowed, in units in the last place, and what a function gives.
type Case<F> = (f64, F);

fn unary(function: Unary) -> Case<fn(f64) -> f64> {
    let sigmoid: fn(f64) -> f64 = |x| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
    match function {
        Unary::Negative => (0.0, |x| -x),
        Unary::Inverse => (0.5, |x| 1.0 / x),
        Unary::Square => (0.5, |x| x * x),
        Unary::HalfPower => (0.5, |x| x.powf(0.5)),
        Unary::InverseRoot => (1.5, |x| x.powf(-0.5)),
        Unary::Not => (0.0, |x| f64::from(u8::from(x == 0.0))),
        Unary::Exp => (3.5, f64::exp),
        Unary::Log => (3.5, f64::ln),
        Unary::Sqrt => (0.5, f64::sqrt),
        Unary::Abs => (0.0, f64::abs),
        Unary::Sign => (0.0, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        Unary::Sin => (0.5, f64::sin),
        Unary::Cos => (0.5, f64::cos),
        Unary::Tan => (0.5, f64::tan),
        Unary::Asin => (0.5, f64::asin),
        Unary::Acos => (0.5, f64::acos),
        Unary::Atan => (0.5, f64::atan),
        Unary::Sinh => (0.5, f64::sinh),
        Unary::Cosh => (0.5, f64::cosh),
        Unary::Tanh => (3.5, f64::tanh),
        Unary::Erf => (3.5, libm::erf),
        Unary::Sigmoid => (3.5, sigmoid),
        Unary::Relu => (0.0, |x| if x <= 0.0 { 0.0 } else { x }),
        Unary::Softplus => (3.5, |x| if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }),
        Unary::Gelu => (5.5, |x| if x < -15.0 { 0.0 } else { 0.5 * x * libm::erfc(-x / 2f64.sqrt()) }),
        Unary::Silu => (4.0, |x| if x < -1e9 { 0.0 } else { x / (1.0 + (-x).exp()) }),
        Unary::Floor => (0.0, f64::floor),
    }
}

const UNARY: [Unary; 27] = [
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
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Asin,
    Unary::Acos,
    Unary::Atan,
    Unary::Sinh,
    Unary::Cosh,
    Unary::Tanh,
    Unary::Erf,
    Unary::Sigmoid,
    Unary::Relu,
    Unary::Softplus,
    Unary::Gelu,
    Unary::Silu,
    Unary::Floor,
];

fn binary(function: Binary) -> Case<fn(f64, f64) -> f64> {
    match function {
        Binary::Add => (0.5, |a, b| a + b),
        Binary::Subtract => (0.5, |a, b| a - b),
        Binary::Multiply => (0.5, |a, b| a * b),
        Binary::Divide => (0.5, |a, b| a / b),
        Binary::Power => (0.5, f64::powf),
        Binary::And => (0.0, |a, b| f64::from(u8::from(a != 0.0 && b != 0.0))),
        Binary::Or => (0.0, |a, b| f64::from(u8::from(a != 0.0 || b != 0.0))),
        Binary::Max => (0.0, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }),
        Binary::Min => (0.0, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }),
        Binary::Modulo => (1.0, |a, b| {
            let remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }
        }),
    }
}

const BINARY: [Binary; 10] = [
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::Power,
    Binary::And,
    Binary::Or,
    Binary::Max,
    Binary::Min,
    Binary::Modulo,
];

type Compares = fn(&f64, &f64) -> bool;

const COMPARISONS: [(Comparison, Compares); 6] = [
    (Comparison::Equal, f64::eq),
    (Comparison::NotEqual, f64::ne),
    (Comparison::Less, f64::lt),
    (Comparison::LessEqual, f64::le),
    (Comparison::Greater, f64::gt),
    (Comparison::GreaterEqual, f64::ge),
];

/// Pairs of numbers of all kinds: special ones with each other, then others.
fn pairs() -> [Vec<f32>; 2] {
    let special = [0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 80.0, -80.0, 200.0, -200.0, 1e30, -1e30, 1e-40];
    let special = [special.as_slice(), &[f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -0.0, f32::MIN_POSITIVE]].concat();
    let mixed = super::noise(1400, 21).into_iter().zip(super::noise(1400, 22)).map(|(a, b)| (4.0 * a, 4.0 * b));
    let all: Vec<(f32, f32)> =
        special.iter().flat_map(|a| special.iter().map(move |b| (*a, *b))).chain(mixed).collect();
    [all.iter().map(|pair| pair.0).collect(), all.iter().map(|pair| pair.1).collect()]
}

/// Results of an instruction with values 0 and 1, for all pairs, in rows of so many columns.
fn computed(level: Level, instruction: Instruction, [a, b]: &[Vec<f32>; 2], columns: usize) -> Vec<f32> {
    let rows = a.len() / columns;
    let size = rows * columns;
    let mut arena = Arena::new(3 * size);
    arena.values_mut()[..size].copy_from_slice(&a[..size]);
    arena.values_mut()[size..2 * size].copy_from_slice(&b[..size]);
    let matrix = |number: usize| dense(number * size, &[columns as i64, 1]);
    let spec = WalkSpec {
        by_steps: false,
        loops: vec![range(rows, false), range(columns, false)],
        reads: vec![matrix(0), matrix(1)],
        program: vec![Instruction::Read(0), Instruction::Read(1), instruction],
        reduction: None,
        ending: vec![],
        stores: vec![(2, matrix(2))],
    };
    Walk::on(level, &spec, arena.len()).unwrap().run(&mut arena, 0.0);
    arena.values()[2 * size..].to_vec()
}

#[test]
fn instructions_do_what_they_say() {
    let pairs = pairs();
    let agrees = |instruction: Instruction, allowed: f64, exact: &dyn Fn(f64, f64) -> f64| {
        for level in Level::all() {
            for columns in [1, 7, 16, 37, 1500] {
                let found = computed(level, instruction.clone(), &pairs, columns);
                for ((a, b), found) in pairs[0].iter().zip(&pairs[1]).zip(found) {
                    let off = units(found, exact(f64::from(*a), f64::from(*b)));
                    assert!(off <= allowed, "{instruction:?} of {a:e} and {b:e} is {found:e}, {level:?}");
                }
            }
        }
    };
    for function in UNARY {
        let (allowed, exact) = unary(function);
        agrees(Instruction::Unary(function, 0), allowed, &|a, _| exact(a));
    }
    for function in BINARY {
        let (allowed, exact) = binary(function);
        agrees(Instruction::Binary(function, 0, 1), allowed, &exact);
    }
    for (comparison, holds) in COMPARISONS {
        agrees(Instruction::Compare(comparison, 0, 1), 0.0, &|a, b| f64::from(u8::from(holds(&a, &b))));
    }
    agrees(Instruction::Select(1, 0, 1), 0.0, &|a, b| if b != 0.0 { a } else { b });
}

/// The kept loops of a walk, the fastest first.
fn order(walk: &Walk) -> Vec<usize> {
    walk.nest.kept_loops().map(|(place, ..)| place).collect()
}

/// `y[n, 2 i + a, 2 j + b] = x[n, i, j] + a`, as the gradient of a pooling: the places in a window are between the
/// rows, so that the lines of `y` are written one after the other.
#[test]
fn loops_between_rows_run_inside_them() {
    let [images, rows, columns] = [2, 40, 30];
    let size = images * rows * columns;
    let wide = 2 * columns as i64;
    let image = 2 * rows as i64 * wide;
    let target = vec![image, wide, 1, 2 * wide, 2];
    let spec = WalkSpec {
        by_steps: false,
        loops: [images, 2, 2, rows, columns].map(|extent| range(extent, false)).to_vec(),
        reads: vec![dense(0, &[(rows * columns) as i64, 0, 0, columns as i64, 1])],
        program: vec![
            Instruction::Read(0),
            Instruction::Position(dense(0, &[0, 1, 0, 0, 0])),
            Instruction::Binary(Binary::Add, 0, 1),
        ],
        reduction: None,
        ending: vec![],
        stores: vec![(2, dense(size, &target))],
    };
    let mut arena = Arena::new(5 * size);
    let x = super::noise(size, 31);
    let expected = |at: usize| {
        let (n, line, column) = (at / image as usize, at / wide as usize % (2 * rows), at % wide as usize);
        x[(n * rows + line / 2) * columns + column / 2] + (line % 2) as f32
    };
    for level in Level::all() {
        for threads in 1..=3 {
            let walk = Walk::on(level, &spec, arena.len()).unwrap();
            assert!(walk.nest.chunk[0] < rows, "several tiles of rows");
            assert_eq!(order(&walk), [4, 2, 1, 3, 0]);
            arena.values_mut()[..size].copy_from_slice(&x);
            arena.values_mut()[size..].fill(f32::NAN);
            Team::new(threads).unwrap().install(|| walk.run(&mut arena, 0.0));
            assert!(arena.values()[size..].iter().enumerate().all(|(at, y)| *y == expected(at)), "{level:?}");
        }
    }
    // What is written row by row stays outside of the rows.
    let mut apart = spec.clone();
    apart.stores[0].1.strides = vec![image, image / 2, columns as i64 * rows as i64, columns as i64, 1];
    assert_eq!(order(&Walk::new(&apart, arena.len()).unwrap()), [4, 3, 2, 1, 0]);
}

/// `y[t, i, j] = 2 x[i, j]`, t innermost in memory and hence between the rows; but a step is that of one t only.
#[test]
fn steps_are_outermost_wherever_they_are_written() {
    let [steps, rows, columns] = [3, 40, 30];
    let size = rows * columns;
    let spec = WalkSpec {
        by_steps: true,
        loops: [steps, rows, columns].map(|extent| range(extent, false)).to_vec(),
        reads: vec![dense(0, &[0, columns as i64, 1])],
        program: vec![Instruction::Read(0), Instruction::Binary(Binary::Add, 0, 0)],
        reduction: None,
        ending: vec![],
        stores: vec![(1, dense(size, &[1, (columns * steps) as i64, steps as i64]))],
    };
    let x = super::noise(size, 32);
    for level in Level::all() {
        let mut arena = Arena::new((1 + steps) * size);
        arena.values_mut()[..size].copy_from_slice(&x);
        let walk = Walk::on(level, &spec, arena.len()).unwrap();
        assert!(walk.nest.chunk[0] < rows, "several tiles of rows");
        for done in 0..steps {
            walk.run_step(&mut arena, 0.0, done);
            let expected = |at: usize| if at % steps <= done { 2.0 * x[at / steps] } else { 0.0 };
            assert!(arena.values()[size..].iter().enumerate().all(|(at, y)| *y == expected(at)), "{level:?} {done}");
        }
        assert_eq!(order(&walk), [2, 1, 0]);
    }
}
