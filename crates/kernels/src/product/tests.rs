//! Products of random shapes and layouts, held to plain loops, on every machine there is.

use super::blocks::Blocks;
use super::lines::Lines;
use super::pack::{height, pack_left};
use super::strip::Half;
use super::{Bias, Dimension, Ending, Method, Product, ProductSpec, Shape, Workspace};
use crate::machine::{Level, Portable};
use crate::{Arena, Team};

/// A generator of small numbers, good enough to choose shapes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn value(&mut self) -> f32 {
        self.below(2001) as f32 / 1000.0 - 1.0
    }

    /// An order of so many things.
    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

/// Strides without gaps, the axes in an order from the outermost, and the size of the whole.
fn dense(extents: &[usize], order: &[usize]) -> (Vec<i64>, usize) {
    let (mut strides, mut size) = (vec![0; extents.len()], 1);
    for &axis in order.iter().rev() {
        strides[axis] = size as i64;
        size *= extents[axis].max(1);
    }
    (strides, size)
}

/// A plain product of groups of axes: no batch, nothing added.
fn plain(rows: Vec<Dimension>, columns: Vec<Dimension>, inner: Vec<Dimension>, offsets: [i64; 3]) -> ProductSpec {
    ProductSpec {
        batch: vec![],
        rows,
        columns,
        inner,
        offsets,
        scale: 1.0,
        descends: false,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
        by_steps: false,
        ending: Ending::default(),
    }
}

/// A random product. Where `windows`, columns and summands move along the same axes of the right factor.
fn random(dice: &mut Dice, windows: bool) -> (ProductSpec, usize) {
    let sizes = [1, 1, 2, 3, 5, 7, 8, 9, 10, 14, 16, 17, 28, 33, 0];
    let mut extents = |count: usize| -> Vec<usize> { (0..count).map(|_| dice.of(&sizes)).collect() };
    let groups: [Vec<usize>; 4] = if windows {
        [vec![], extents(1), extents(2), extents(2)]
    } else {
        [extents(1), extents(1), extents(2), extents(2)]
    };
    let members = |wanted: [usize; 3]| wanted.map(|group| groups[group].clone());
    // The number of the first axis of a group within an operand.
    let start = |wanted: [usize; 3], group: usize| -> usize {
        wanted.iter().take_while(|other| **other != group).map(|other| groups[*other].len()).sum()
    };
    let operands = [[0, 1, 3], [0, 2, 3], [0, 1, 2]];
    let mut offsets = [0; 3];
    let mut strides: Vec<Vec<i64>> = Vec::new();
    let mut end = 0;
    for (operand, wanted) in operands.into_iter().enumerate() {
        let extents: Vec<usize> = members(wanted).concat();
        let order = if dice.below(2) == 0 { (0..extents.len()).collect() } else { dice.order(extents.len()) };
        let (own, size) = if windows && operand == 1 {
            let image: Vec<usize> = (0..2).map(|axis| groups[2][axis] + groups[3][axis]).collect();
            let (along, size) = dense(&image, &[0, 1]);
            ([along.clone(), along].concat(), size)
        } else {
            dense(&extents, &order)
        };
        offsets[operand] = end as i64;
        strides.push(own);
        end += size;
    }
    let group = |number: usize| -> Vec<Dimension> {
        let along = |operand: usize, axis: usize| match operands[operand].contains(&number) {
            true => strides[operand][start(operands[operand], number) + axis],
            false => 0,
        };
        let one =
            |(axis, extent): (usize, &usize)| Dimension { extent: *extent, strides: [0, 1, 2].map(|o| along(o, axis)) };
        groups[number].iter().enumerate().map(one).collect()
    };
    let spec = ProductSpec {
        batch: group(0),
        rows: group(1),
        columns: group(2),
        inner: group(3),
        offsets,
        scale: dice.of(&[1.0, 0.5]),
        descends: dice.below(2) == 0,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
        by_steps: false,
        ending: Ending::default(),
    };
    (spec, end)
}

/// All offsets of a group, for each operand.
fn positions(group: &[Dimension]) -> Vec<[i64; 3]> {
    group.iter().fold(vec![[0; 3]], |before, axis| {
        let moved = |base: &[i64; 3], at: i64| [0, 1, 2].map(|operand| base[operand] + at * axis.strides[operand]);
        before.iter().flat_map(|base| (0..axis.extent as i64).map(move |at| moved(base, at))).collect()
    })
}

fn run(product: &Product, values: &[f32], threads: usize) -> Vec<f32> {
    let mut arena = Arena::new(values.len());
    arena.values_mut().copy_from_slice(values);
    let mut workspace = Workspace::default();
    workspace.reserve(product);
    Team::new(threads).unwrap().install(|| product.run(&mut arena, &mut workspace, 0.25));
    arena.values().to_vec()
}

fn agrees(spec: &ProductSpec, values: &[f32], product: &Product) {
    let found = run(product, values, 1);
    for threads in 2..=4 {
        let others = run(product, values, threads);
        assert!(found.iter().zip(&others).all(|(one, more)| one.to_bits() == more.to_bits()), "{threads}: {spec:?}");
    }
    let mut expected: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
    let inner = positions(&spec.inner);
    let at = |operand: usize, parts: &[[i64; 3]]| -> usize {
        (spec.offsets[operand] + parts.iter().map(|part| part[operand]).sum::<i64>()) as usize
    };
    for batch in positions(&spec.batch) {
        for (row_number, row) in positions(&spec.rows).into_iter().enumerate() {
            for (column_number, column) in positions(&spec.columns).into_iter().enumerate() {
                let factor = |operand, k: &[i64; 3]| f64::from(values[at(operand, &[batch, row, column, *k])]);
                let weight = |k: usize| spec.weights.map_or(1.0, |first| f64::from(values[first as usize + k]));
                let summands = inner.iter().enumerate();
                let sum: f64 = summands.map(|(number, k)| weight(number) * factor(0, k) * factor(1, k)).sum();
                let is_diagonal = row_number == column_number;
                let place = &mut expected[at(2, &[batch, row, column])];
                let scale = f64::from(spec.scale);
                *place = if spec.descends { *place - 0.25 * scale * sum } else { scale * sum };
                *place += if is_diagonal { f64::from(spec.diagonal) } else { 0.0 };
                if let Some(bias) = spec.ending.bias {
                    let number = if bias.by_rows { row_number } else { column_number };
                    *place += f64::from(values[bias.offset as usize + number]);
                }
                if spec.ending.rectifies {
                    *place = place.max(0.0);
                }
                let positive = spec.ending.positive.map(|offset| offset - spec.offsets[2]);
                if positive.is_some_and(|by| values[(at(2, &[batch, row, column]) as i64 + by) as usize] <= 0.0) {
                    *place = 0.0;
                }
            }
        }
    }
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let allowed = 1e-6 * (inner.len() as f64 + 4.0);
        assert!((f64::from(*found) - expected).abs() < allowed, "{number}: {found} {expected} in {spec:?}");
    }
}

#[test]
fn random_products() {
    let mut dice = Dice(1);
    let mut methods = [0; 3];
    for number in 0..400 {
        let (spec, length) = random(&mut dice, number % 2 == 0);
        let values: Vec<f32> = (0..length).map(|_| dice.value()).collect();
        for level in Level::all() {
            let product = Product::new(&spec, length).unwrap().with_level(level);
            methods[match product.method {
                Method::Blocks(Blocks { in_place: None, .. }) => 0,
                Method::Blocks(_) => 1,
                Method::Dots(_) => 2,
            }] += 1;
            agrees(&spec, &values, &product);
        }
    }
    assert!(methods.iter().all(|count| *count >= 20), "each method was tried: {methods:?}");
}

/// Few sums of many parts, whose rows are two axes that do not lie like one in the target.
#[test]
fn long_sums_of_rows_of_two_axes() {
    let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
    let (inner, columns) = (300, 17);
    let spec = plain(
        vec![axis(2, [5 * inner, 0, 1]), axis(5, [inner, 0, 2])],
        vec![axis(columns, [0, inner, 10])],
        vec![axis(inner as usize, [1, 1, 0])],
        [0, 10 * inner, (10 + columns as i64) * inner],
    );
    let length = (10 + columns) * inner as usize + 10 * columns;
    let mut dice = Dice(3);
    let values: Vec<f32> = (0..length).map(|_| dice.value()).collect();
    for level in Level::all() {
        let product = Product::new(&spec, length).unwrap().with_level(level);
        assert!(matches!(product.method, Method::Dots(_)));
        agrees(&spec, &values, &product);
    }
}

/// Sizes at which the loops are cut.
#[test]
fn products_as_large_as_their_blocks() {
    let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
    let mut dice = Dice(2);
    for (rows, columns, inner) in
        [(5, 9, 1025), (3, 20, 2600), (13, 48, 641), (30, 300, 321), (600, 33, 20), (25, 17, 64), (300, 40, 330)]
    {
        for transposed in [false, true] {
            let right = if transposed { [1, inner as i64] } else { [columns as i64, 1] };
            let spec = plain(
                vec![axis(rows, [inner as i64, 0, columns as i64])],
                vec![axis(columns, [0, right[1], 1])],
                vec![axis(inner, [1, right[0], 0])],
                [0, (rows * inner) as i64, (rows * inner + inner * columns) as i64],
            );
            let length = rows * inner + inner * columns + rows * columns;
            let values: Vec<f32> = (0..length).map(|_| dice.value()).collect();
            for level in Level::all() {
                agrees(&spec, &values, &Product::new(&spec, length).unwrap().with_level(level));
            }
        }
    }
}

/// `Σ (w x) x` by factors in any order of their axes, with sizes around those of tiles, blocks and parts. Where
/// `apart`, rows and columns are of two axes each.
fn symmetric(dice: &mut Dice, size: usize, inner: usize, apart: bool) -> (ProductSpec, Vec<f32>) {
    let (batch, divisor) = (dice.of(&[1, 1, 2]), if apart { 2 } else { 1 });
    let side = [size / divisor, divisor];
    let mut strides = |extents: &[usize]| {
        let order = dice.order(extents.len());
        dense(extents, &order).0
    };
    let left = strides(&[batch, side[0], side[1], inner]);
    let right = strides(&[batch, side[0], side[1], inner]);
    let target = strides(&[batch, side[0], side[1], side[0], side[1]]);
    let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
    let count = batch * side[0] * side[1] * inner;
    let results = 2 * count + batch * (side[0] * side[1]).pow(2);
    let mut values = vec![0.0; results + inner];
    let weights: Vec<f32> = (0..inner).map(|_| dice.value()).collect();
    (0..inner).for_each(|k| values[results + k] = dice.value());
    let at = |strides: &[i64], position: [usize; 4]| -> usize {
        strides.iter().zip(position).map(|(stride, at)| *stride as usize * at).sum()
    };
    for b in 0..batch {
        for (i, j) in (0..side[0]).flat_map(|i| (0..side[1]).map(move |j| (i, j))) {
            for (k, weight) in weights.iter().enumerate() {
                let value = dice.value();
                values[at(&left, [b, i, j, k])] = weight * value;
                values[count + at(&right, [b, i, j, k])] = value;
            }
        }
    }
    let spec = ProductSpec {
        batch: vec![axis(batch, [left[0], right[0], target[0]])],
        rows: vec![axis(side[0], [left[1], 0, target[1]]), axis(side[1], [left[2], 0, target[2]])],
        columns: vec![axis(side[0], [0, right[1], target[3]]), axis(side[1], [0, right[2], target[4]])],
        inner: vec![axis(inner, [left[3], right[3], 0])],
        offsets: [0, count as i64, 2 * count as i64],
        scale: dice.of(&[1.0, 0.5]),
        descends: false,
        symmetric: true,
        diagonal: dice.of(&[0.0, 3.0]),
        weights: (dice.below(3) == 0).then_some(results as i64),
        by_steps: false,
        ending: Ending::default(),
    };
    (spec, values)
}

#[test]
fn symmetric_products() {
    let sizes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 24, 31, 32, 33, 48, 65, 96, 191, 192, 193, 210];
    let inner = [0, 1, 2, 7, 8, 9, 33, 127, 128, 129, 255, 256, 257, 300];
    let mut dice = Dice(5);
    let (mut methods, mut is_ordered) = ([0; 2], [0; 2]);
    for number in 0..7 * sizes.len() {
        let (size, inner) = (sizes[number % sizes.len()], dice.of(&inner));
        let (spec, values) = symmetric(&mut dice, size, inner, number % 3 == 0);
        for level in Level::all() {
            let product = Product::new(&spec, values.len()).unwrap().with_level(level);
            methods[usize::from(matches!(product.method, Method::Dots(_)))] += 1;
            let shape = &product.shape;
            is_ordered[usize::from(shape.rows[1].even_step().is_some() && shape.columns[1].is_dense())] += 1;
            agrees(&spec, &values, &product);
            let found = run(&product, &values, 2);
            let at = |[b, i, j]: [&[i64; 3]; 3]| found[(spec.offsets[2] + b[2] + i[2] + j[2]) as usize].to_bits();
            let (rows, columns) = (positions(&spec.rows), positions(&spec.columns));
            for (b, i, j) in positions(&spec.batch)
                .iter()
                .flat_map(|b| (0..rows.len()).flat_map(move |i| (0..i).map(move |j| (b, i, j))))
            {
                assert!(at([b, &rows[i], &columns[j]]) == at([b, &rows[j], &columns[i]]), "{i} {j} in {spec:?}");
            }
        }
    }
    assert!(methods.iter().chain(&is_ordered).all(|count| *count >= 4), "{methods:?} {is_ordered:?}");
}

#[test]
fn symmetric_products_that_are_none_are_refused() {
    let (spec, values) = symmetric(&mut Dice(6), 6, 4, false);
    let refused = |spec: &ProductSpec| Product::new(spec, values.len()).is_err();
    assert!(!refused(&spec) && refused(&ProductSpec { descends: true, ..spec.clone() }));
    assert!(refused(&ProductSpec { weights: Some(values.len() as i64 - 3), ..spec.clone() }));
    assert!(refused(&ProductSpec { weights: Some(spec.offsets[2]), ..spec.clone() }));
    assert!(refused(&ProductSpec { symmetric: false, diagonal: 1.0, ..spec.clone() }));
    let fewer = vec![Dimension { extent: 5, ..spec.rows[0] }, spec.rows[1]];
    assert!(refused(&ProductSpec { rows: fewer, ..spec }));
}

/// A random ending of results of those sizes, which reads what is in the arena from a place on.
fn ending(dice: &mut Dice, [rows, columns]: [usize; 2], first: usize) -> Ending {
    let bias = |by_rows| Some(Bias { offset: (first + rows * columns) as i64, by_rows });
    Ending {
        bias: [None, bias(true), bias(false)][dice.below(3)],
        rectifies: dice.below(2) == 0,
        positive: (dice.below(3) == 0).then_some(first as i64),
    }
}

/// Dense factors in any order of their axes, with sizes around those of tiles, blocks and parts.
#[test]
fn products_around_their_blocks() {
    let rows = [1, 2, 3, 4, 6, 7, 11, 12, 13, 24, 25, 49, 127, 128, 129, 191, 192, 193, 207, 383, 384, 385, 397];
    let columns = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130];
    let inner = [0, 1, 2, 7, 8, 9, 16, 31, 32, 33, 127, 128, 129, 255, 256, 257, 300];
    let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
    let mut dice = Dice(3);
    for _ in 0..120 {
        let sizes = [dice.of(&rows), dice.of(&columns), dice.of(&inner)];
        let mut strides = |extents: [usize; 2]| {
            let order = dice.order(2);
            dense(&extents, &order).0
        };
        let (left, right) = (strides([sizes[0], sizes[2]]), strides([sizes[1], sizes[2]]));
        let target = strides([sizes[0], sizes[1]]);
        let (first, second) = (sizes[0] * sizes[2].max(1), sizes[1] * sizes[2].max(1));
        let descends = dice.below(2) == 0;
        let end = first + second + sizes[0] * sizes[1] + sizes[2];
        let spec = ProductSpec {
            batch: vec![],
            rows: vec![axis(sizes[0], [left[0], 0, target[0]])],
            columns: vec![axis(sizes[1], [0, right[0], target[1]])],
            inner: vec![axis(sizes[2], [left[1], right[1], 0])],
            offsets: [0, first as i64, (first + second) as i64],
            scale: dice.of(&[1.0, 0.5]),
            descends,
            symmetric: false,
            diagonal: 0.0,
            weights: (dice.below(3) == 0).then_some((first + second + sizes[0] * sizes[1]) as i64),
            by_steps: false,
            ending: if descends { Ending::default() } else { ending(&mut dice, [sizes[0], sizes[1]], end) },
        };
        let length = end + sizes[0] * sizes[1] + sizes[0].max(sizes[1]);
        let values: Vec<f32> = (0..length).map(|_| dice.value()).collect();
        for level in Level::all() {
            agrees(&spec, &values, &Product::new(&spec, length).unwrap().with_level(level));
        }
    }
}

/// Windows of images, channels outermost or innermost, by a kernel, and the gradient of the kernel: rows in place,
/// more of them than a block, factors that are exchanged, results that are collected, columns in place in runs that are
/// shorter than a vector.
#[test]
fn windows_of_images() {
    let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
    let mut dice = Dice(5);
    let mut methods = [0; 4];
    for number in 0..40 {
        let [images, out, channels] = [dice.of(&[1, 2, 3]), dice.of(&[3, 6, 16, 17, 32]), dice.of(&[1, 3, 8, 16, 33])];
        let (size, window) = (dice.of(&[5, 12, 19]), dice.of(&[1, 2, 3]));
        let wide = size + window - 1;
        let strides = |count: usize, side: usize| -> [i64; 4] {
            let order: &[usize] = if number % 2 == 0 { &[0, 1, 2, 3] } else { &[0, 2, 3, 1] };
            dense(&[images, count, side, side], order).0.try_into().unwrap()
        };
        let (image, result) = (strides(channels, wide), strides(out, size));
        let kernel: [i64; 4] = dense(&[out, channels, window, window], &[0, 1, 2, 3]).0.try_into().unwrap();
        let sizes = [images * channels * wide * wide, out * channels * window * window, images * out * size * size];
        let places = [0, sizes[0] as i64, (sizes[0] + sizes[1]) as i64];
        // Strides in image, kernel and result.
        let pixels = [(images, image[0], result[0]), (size, image[2], result[2]), (size, image[3], result[3])];
        let taps = [(channels, image[1], kernel[1]), (window, image[2], kernel[2]), (window, image[3], kernel[3])];
        let all: usize = sizes.iter().sum();
        let mut forward_ending = ending(&mut dice, [1, sizes[2]], all);
        // The rows have several axes.
        forward_ending.bias = forward_ending.bias.map(|bias| Bias { by_rows: false, ..bias });
        let forward = ProductSpec {
            batch: vec![],
            rows: pixels.map(|(extent, image, result)| axis(extent, [image, 0, result])).to_vec(),
            columns: vec![axis(out, [0, kernel[0], result[1]])],
            inner: taps.map(|(extent, image, kernel)| axis(extent, [image, kernel, 0])).to_vec(),
            offsets: places,
            scale: 1.0,
            symmetric: false,
            diagonal: 0.0,
            weights: None,
            descends: false,
            by_steps: false,
            ending: forward_ending,
        };
        let gradient = ProductSpec {
            rows: vec![axis(out, [result[1], 0, kernel[0]])],
            columns: taps.map(|(extent, image, kernel)| axis(extent, [0, image, kernel])).to_vec(),
            inner: pixels.map(|(extent, image, result)| axis(extent, [result, image, 0])).to_vec(),
            offsets: [places[2], places[0], places[1]],
            descends: number % 3 == 0,
            ending: Ending::default(),
            ..forward.clone()
        };
        let length = all + sizes[2] + out;
        let values: Vec<f32> = (0..length).map(|_| dice.value()).collect();
        for (spec, level) in
            [forward, gradient].iter().flat_map(|spec| Level::all().into_iter().map(move |l| (spec, l)))
        {
            let product = Product::new(spec, length).unwrap().with_level(level);
            if let Method::Blocks(blocks) = &product.method {
                methods[usize::from(blocks.collects)] += 1;
                let halves = blocks.in_place.iter().flat_map(|in_place| &in_place.halves);
                let is_short = |half: &&Half| half.to - half.from < product.shape.tile()[1] / 2 && !half.together;
                let short: Vec<&Half> = halves.filter(is_short).collect();
                methods[2] += usize::from(short.iter().any(|half| half.before == 0));
                methods[3] += usize::from(short.iter().any(|half| half.before > 0));
            }
            agrees(spec, &values, &product);
        }
    }
    assert!(methods.iter().all(|count| *count >= 4), "each way was tried: {methods:?}");
}

/// Rows of tiles of all machines: squares that are turned reach beyond them.
#[test]
fn packed_rows() {
    fn packed<const R: usize, const S: usize, const T: usize>(rows: usize, depth: usize) {
        let axis = |extent: usize, strides: [i64; 3]| Dimension { extent, strides };
        let spec = ProductSpec {
            batch: vec![],
            rows: vec![axis(rows, [depth as i64, 0, 1])],
            columns: vec![],
            inner: vec![axis(depth, [1, 1, 0])],
            offsets: [0, (rows * depth) as i64, ((rows + 1) * depth) as i64],
            scale: 1.0,
            descends: false,
            symmetric: false,
            diagonal: 0.0,
            weights: None,
            by_steps: false,
            ending: Ending::default(),
        };
        let shape = Shape::new(&spec);
        let values: Vec<f32> = (0..rows * depth).map(|value| value as f32).collect();
        let mut lines = Lines::new();
        lines.fill(&shape, [0, rows], None);
        for dense in [false, true] {
            let mut panels = vec![f32::NAN; (rows + R) * depth + 32];
            let base = values.as_ptr();
            // SAFETY: the rows are in the values, and the panels have room for them and more.
            unsafe { pack_left::<Portable, R, S, T>(base, |k| k as isize, dense, &lines, depth, panels.as_mut_ptr()) };
            let mut first = 0;
            while first < rows {
                let tall = height::<R, S, T>(rows - first);
                for (row, k) in (first..rows.min(first + tall)).flat_map(|row| (0..depth).map(move |k| (row, k))) {
                    let found = panels[first * depth + k * tall + row - first];
                    assert!(found.to_bits() == values[row * depth + k].to_bits(), "{R} {rows} {depth}: {row} {k}");
                }
                first += tall;
            }
        }
    }
    for rows in 1..40 {
        for depth in [1, 7, 8, 9, 16, 19] {
            packed::<12, 8, 6>(rows, depth);
            packed::<6, 4, 4>(rows, depth);
            packed::<4, 2, 2>(rows, depth);
        }
    }
}
