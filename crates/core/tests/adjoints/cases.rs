//! Models that read a parameter at compound subscripts, and what their gradient must be: found by going through all
//! positions of the indices and counting where each reads, without any rule.

/// Splitmix64.
pub struct Draw(pub u64);

impl Draw {
    /// Below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// The letters of indices, by number.
pub const LETTERS: [&str; 4] = ["i", "j", "k", "l"];

/// An integer that depends on indices.
#[derive(Clone, Debug)]
pub enum Sub {
    /// `Σ coefficient · index + constant`
    Affine(Vec<(i64, usize)>, i64),
    /// `coefficient · part + constant`
    Times(i64, Box<Sub>, i64),
    Plus(Box<Sub>, Box<Sub>),
    Mod(Box<Sub>, i64),
    Floor(Box<Sub>, i64),
}

pub fn affine(parts: &[(i64, usize)], constant: i64) -> Sub {
    Sub::Affine(parts.to_vec(), constant)
}

impl Sub {
    pub fn modulo(self, by: i64) -> Sub {
        Sub::Mod(Box::new(self), by)
    }

    pub fn floor(self, by: i64) -> Sub {
        Sub::Floor(Box::new(self), by)
    }

    pub fn times(self, number: i64, constant: i64) -> Sub {
        Sub::Times(number, Box::new(self), constant)
    }

    pub fn plus(self, other: Sub) -> Sub {
        Sub::Plus(Box::new(self), Box::new(other))
    }

    pub fn value(&self, at: &[i64]) -> i64 {
        match self {
            Sub::Affine(parts, constant) => {
                constant + parts.iter().map(|(number, index)| number * at[*index]).sum::<i64>()
            }
            Sub::Times(number, part, constant) => number * part.value(at) + constant,
            Sub::Plus(a, b) => a.value(at) + b.value(at),
            Sub::Mod(part, by) => part.value(at).rem_euclid(*by),
            Sub::Floor(part, by) => part.value(at).div_euclid(*by),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Sub::Affine(parts, constant) => {
                let mut text = constant.to_string();
                parts.iter().for_each(|(number, index)| text += &format!(" + ({number})*{}", LETTERS[*index]));
                text
            }
            Sub::Times(number, part, constant) => format!("({number})*({}) + ({constant})", part.text()),
            Sub::Plus(a, b) => format!("({}) + ({})", a.text(), b.text()),
            Sub::Mod(part, by) => format!("({}) mod {by}", part.text()),
            Sub::Floor(part, by) => format!("floor(({})/{by})", part.text()),
        }
    }
}

/// A condition on indices.
#[derive(Clone, Debug)]
pub struct Condition(pub Sub, pub &'static str, pub Sub);

impl Condition {
    fn holds(&self, at: &[i64]) -> bool {
        let (a, b) = (self.0.value(at), self.2.value(at));
        match self.1 {
            "=" => a == b,
            "!=" => a != b,
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a >= b,
        }
    }

    fn text(&self) -> String {
        format!("[{} {} {}]", self.0.text(), self.1, self.2.text())
    }
}

/// How the loss comes from the reads; all sums are over all indices that are not on the left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// `loss = sum[i,j] C[i,j] W[...]`
    Direct,
    /// `P[i,j] = W[...]`, `loss = sum[i,j] C[i,j] P[i,j]`
    Named,
    /// `P[i] = sum[j] C[i,j] W[...]`, `loss = sum[i] A[i] P[i]`
    Window,
    /// `P[i,j] = W[...] V[...]`
    Product,
    /// `P[i,j] = W[...] W[...]`
    Own,
    /// `P[i,j] = abs(sum[e:3] W[...,e] V[...,e] - 2)`
    Inner,
    /// `P[i,j] = abs(sum[e:3] W[...,e] W[...,e] - 2)`
    OwnInner,
    /// `P[i,j] = abs(V[...] - 1) max(W[...], 0)`
    Kinks,
}

pub const FORMS: [Form; 8] =
    [Form::Direct, Form::Named, Form::Window, Form::Product, Form::Own, Form::Inner, Form::OwnInner, Form::Kinks];

impl Form {
    /// Whether there is a second read.
    fn has_two(self) -> bool {
        !matches!(self, Form::Direct | Form::Named | Form::Window)
    }

    /// Whether it is of the same tensor.
    fn is_own(self) -> bool {
        matches!(self, Form::Own | Form::OwnInner)
    }

    /// The extent of a last axis that both reads have.
    fn inner(self) -> usize {
        if matches!(self, Form::Inner | Form::OwnInner) { 3 } else { 1 }
    }
}

/// A sum of reads.
#[derive(Clone, Debug)]
pub struct Case {
    pub extents: Vec<usize>,
    /// Of the read of `W`, and of the second read.
    pub subscripts: [Vec<Sub>; 2],
    pub conditions: Vec<Condition>,
    /// Whether the reads are padded; their tensors then have these extents, else those that the reads need.
    pub padded: Option<Vec<usize>>,
    pub form: Form,
}

/// A case as a model, with the values of what is given and the gradient by `W`.
pub struct Model {
    pub text: String,
    /// The name, shape and values of each tensor; the first is `W`.
    pub given: Vec<(&'static str, Vec<usize>, Vec<f64>)>,
    pub gradient: Vec<f64>,
}

fn positions(extents: &[usize]) -> Vec<Vec<i64>> {
    extents.iter().fold(vec![Vec::new()], |all, extent| {
        all.iter().flat_map(|at| (0..*extent as i64).map(move |next| [at.as_slice(), &[next]].concat())).collect()
    })
}

/// The place of an entry, where it is inside.
fn place(subscripts: &[Sub], shape: &[usize], at: &[i64]) -> Option<usize> {
    subscripts.iter().zip(shape).try_fold(0usize, |place, (subscript, extent)| {
        let value = usize::try_from(subscript.value(at)).ok().filter(|value| value < extent)?;
        Some(place * extent + value)
    })
}

impl Case {
    fn holds(&self, at: &[i64]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(at))
    }

    /// The subscripts, moved where they would begin below 0, and the extents that they need, and more. `None` where nothing is
    /// read.
    fn fitted(&self, subscripts: &[Sub], more: usize) -> Option<(Vec<Sub>, Vec<usize>)> {
        let all = positions(&self.extents);
        let one = |subscript: &Sub| {
            let values = || all.iter().filter(|at| self.holds(at)).map(|at| subscript.value(at));
            let (low, high) = (values().min()?, values().max()?);
            let moved = if low < 0 { subscript.clone().times(1, -low) } else { subscript.clone() };
            Some((moved, (high - low.min(0)) as usize + 1 + more))
        };
        subscripts.iter().map(one).collect::<Option<Vec<_>>>().map(|all| all.into_iter().unzip())
    }

    /// `None` where nothing is read, or the tensors would be large.
    pub fn model(&self, draw: &mut Draw, most: usize) -> Option<Model> {
        // One entry more than is read now and then.
        let [first, second] = match &self.padded {
            Some(shape) => self.subscripts.clone().map(|own| Some((own, shape.clone()))),
            None => {
                [0, 1].map(|read| (read, draw.below(2))).map(|(read, more)| self.fitted(&self.subscripts[read], more))
            }
        };
        let ((first, mut shape), (second, mut other)) = (first?, second?);
        if self.form.is_own() {
            shape = shape.iter().zip(&other).map(|(a, b)| *a.max(b)).collect();
            other = shape.clone();
        }
        if shape.iter().product::<usize>().max(other.iter().product()) > 4000 {
            return None;
        }
        let (all, inner) = (positions(&self.extents), self.form.inner());
        let lengths = [&shape, &other].map(|shape| shape.iter().product::<usize>() * inner);
        let c: Vec<f64> = all.iter().map(|_| (1 + draw.below(most)) as f64).collect();
        let a: Vec<f64> = (0..self.extents[0]).map(|_| (1 + draw.below(most)) as f64).collect();
        let [w, v] = lengths.map(|length| (0..length).map(|_| draw.below(6) as f64 - 2.0).collect::<Vec<f64>>());
        let v = if self.form.is_own() { w.clone() } else { v };
        let mut gradient = vec![0.0; w.len()];
        let rows = all.len() / self.extents[0];
        for (number, at) in all.iter().enumerate().filter(|(_, at)| self.holds(at)) {
            let weight = if self.form == Form::Window { a[number / rows] * c[number] } else { c[number] };
            let (one, two) = (place(&first, &shape, at), place(&second, &other, at));
            let entry = |values: &[f64], place: Option<usize>, e: usize| place.map_or(0.0, |p| values[p * inner + e]);
            let sum: f64 = (0..inner).map(|e| entry(&w, one, e) * entry(&v, two, e)).sum();
            for e in 0..inner {
                let [x, y] = [entry(&w, one, e), entry(&v, two, e)];
                let (by_first, by_second) = match self.form {
                    Form::Direct | Form::Named | Form::Window => (1.0, 0.0),
                    Form::Product => (y, 0.0),
                    Form::Own => (y, x),
                    Form::Inner => (sign(sum - 2.0) * y, 0.0),
                    Form::OwnInner => (sign(sum - 2.0) * y, sign(sum - 2.0) * x),
                    Form::Kinks => (
                        (y - 1.0).abs()
                            * if x > 0.0 {
                                1.0
                            } else if x == 0.0 {
                                0.5
                            } else {
                                0.0
                            },
                        0.0,
                    ),
                };
                for (place, derivative) in [(one, by_first), (two.filter(|_| self.form.is_own()), by_second)] {
                    if let Some(place) = place {
                        gradient[place * inner + e] += weight * derivative;
                    }
                }
            }
        }
        let with_inner = |shape: Vec<usize>| if inner > 1 { [shape, vec![inner]].concat() } else { shape };
        let [shape, other] = [shape, other].map(with_inner);
        let text = self.text([&first, &second], [&shape, &other]);
        let mut given = vec![("W", shape, w), ("C", self.extents.clone(), c)];
        match self.form {
            Form::Window => given.push(("A", vec![self.extents[0]], a)),
            form if form.has_two() && !form.is_own() => given.push(("V", other, v)),
            _ => {}
        }
        Some(Model { text, given, gradient })
    }

    fn text(&self, subscripts: [&[Sub]; 2], shapes: [&[usize]; 2]) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let count = self.extents.len();
        let letters = |from: usize| list(LETTERS[from..count].iter().map(|letter| letter.to_string()).collect());
        let ranges = |from: usize| {
            list((from..count).map(|number| format!("{}:{}", LETTERS[number], self.extents[number])).collect())
        };
        let numbers = |numbers: &[usize]| list(numbers.iter().map(usize::to_string).collect());
        let read = |name: &str, subscripts: &[Sub]| {
            let name = if self.padded.is_some() { format!("pad({name})") } else { name.into() };
            let inner = if self.form.inner() > 1 { ", e" } else { "" };
            format!("{name}[{}{inner}]", list(subscripts.iter().map(Sub::text).collect()))
        };
        let (all, own, first) = (ranges(0), letters(0), self.extents[0]);
        let conditions: String = self.conditions.iter().map(|condition| condition.text() + " ").collect();
        let w = read("W", subscripts[0]);
        let v = read(if self.form.is_own() { "W" } else { "V" }, subscripts[1]);
        let mut text = format!("param W[{}] ~ ones\ninput C[{}]\n", numbers(shapes[0]), numbers(&self.extents));
        if self.form.has_two() && !self.form.is_own() {
            text += &format!("param V[{}] ~ ones\n", numbers(shapes[1]));
        }
        let value = match self.form {
            Form::Direct => return text + &format!("loss = sum[{all}] {conditions}C[{own}] {w}\n"),
            Form::Window => {
                let sum = if count > 1 { format!("sum[{}] ", ranges(1)) } else { String::new() };
                return text
                    + &format!(
                        "input A[{first}]\nP[i:{first}] = {sum}{conditions}C[{own}] {w}\nloss = sum[i] A[i] P[i]\n"
                    );
            }
            Form::Named => w,
            Form::Product | Form::Own => format!("{w} {v}"),
            Form::Inner | Form::OwnInner => format!("abs(sum[e:3] {w} {v} - 2)"),
            Form::Kinks => format!("abs({v} - 1) max({w}, 0)"),
        };
        text + &format!("P[{all}] = {conditions}{value}\nloss = sum[{own}] C[{own}] P[{own}]\n")
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Every subscript of one index up to two operations deep: each is counted on by a number, so that a part of them can
/// be taken.
pub fn of_one_index(index: usize) -> Vec<Sub> {
    let mut all = Vec::new();
    for number in [1, -1, 2, -2, 3, -3] {
        for constant in [0, 1, -2] {
            let first = affine(&[(number, index)], constant);
            all.push(first.clone());
            for inner in inner_operations(&first) {
                all.push(inner.clone());
                for (times, plus) in [(1, 0), (2, 1), (3, 0), (-1, 2)] {
                    let dividend = inner.clone().times(times, plus);
                    all.extend(inner_operations(&dividend));
                    all.push(dividend.plus(affine(&[(1, index)], 0)));
                }
            }
        }
    }
    all
}

/// Every subscript of two indices: windows, blocks, diagonals, also divided.
pub fn of_two_indices([a, b]: [usize; 2]) -> Vec<Sub> {
    let mut all = Vec::new();
    for first in [1, 2, 3, -1, -2] {
        for second in [1, 2, -1, -3] {
            for constant in [0, -1, 2] {
                let window = affine(&[(first, a), (second, b)], constant);
                all.push(window.clone());
                for inner in inner_operations(&window) {
                    all.push(inner.clone());
                    all.push(inner.clone().plus(affine(&[(1, a)], 0)));
                    all.extend(inner_operations(&inner.times(2, 1)));
                }
            }
            for by in [2, 3] {
                let (x, y) = (affine(&[(first, a)], 0), affine(&[(second, b)], 1));
                all.push(x.clone().modulo(by).plus(y.clone().floor(by)));
                all.push(x.clone().modulo(by).times(2, 0).plus(y.clone().modulo(3)));
                all.push(x.clone().floor(by).times(-1, 0).plus(y.clone().floor(2)));
                all.push(x.modulo(by).plus(y).modulo(4));
            }
        }
    }
    all
}

fn inner_operations(part: &Sub) -> Vec<Sub> {
    let part = || part.clone();
    vec![part().modulo(2), part().modulo(3), part().modulo(5), part().floor(2), part().floor(3)]
}

/// Conditions on some of these indices.
pub fn conditions(draw: &mut Draw, count: usize) -> Vec<Condition> {
    let one = |draw: &mut Draw| {
        let index = draw.below(count);
        let other = draw.below(count);
        let left = match draw.below(4) {
            0 => affine(&[(1, index)], 0),
            1 => affine(&[(1, index)], 0).modulo(2 + draw.below(2) as i64),
            2 => affine(&[(1, index)], 1).floor(2),
            _ => affine(&[(draw.below(5) as i64 - 2, index), (1, other)], 0),
        };
        let right = match draw.below(3) {
            0 => affine(&[(1, other)], 0),
            _ => affine(&[], draw.below(3) as i64),
        };
        Condition(left, draw.pick(&["=", "!=", "<", "<=", ">", ">="]), right)
    };
    (0..[0, 0, 1, 1, 2][draw.below(5)]).map(|_| one(draw)).collect()
}

/// Cases of all kinds, of each list every `step`-th.
pub fn cases(step: usize, draw: &mut Draw) -> Vec<Case> {
    let mut all = Vec::new();
    let (one, two) = (of_one_index(0), of_two_indices([0, 1]));
    let mut add = |extents: Vec<usize>, subscripts: Vec<Sub>, draw: &mut Draw| {
        let other = |_: &Sub| match draw.below(3) {
            0 => affine(&[(1, draw.below(extents.len()))], 0),
            1 => draw.pick(&one),
            _ if extents.len() > 1 => draw.pick(&two),
            _ => draw.pick(&one),
        };
        let second = subscripts.iter().map(other).collect();
        let conditions = conditions(draw, extents.len());
        let padded = (draw.below(3) == 0).then(|| subscripts.iter().map(|_| 1 + draw.below(5)).collect());
        let form = draw.pick(&FORMS);
        all.push(Case { extents, subscripts: [subscripts, second], conditions, padded, form });
    };
    let strided = |list: Vec<Sub>, draw: &mut Draw| -> Vec<Sub> {
        let skip = draw.below(step);
        list.into_iter().skip(skip).step_by(step).collect()
    };
    for extent in 1..=7 {
        for subscript in strided(of_one_index(0), draw) {
            add(vec![extent], vec![subscript], draw);
        }
    }
    for extents in [[1, 1], [1, 4], [2, 3], [3, 2], [4, 3], [5, 5], [7, 2], [6, 4]] {
        for subscript in strided(of_two_indices([0, 1]), draw) {
            add(extents.to_vec(), vec![subscript], draw);
        }
    }
    for extent in [1, 2, 3, 5, 7, 33] {
        for first in strided(one.clone(), draw) {
            let second = draw.pick(&one);
            add(vec![extent], vec![first, second], draw);
        }
    }
    for extents in [[2, 2], [3, 4], [5, 3], [4, 6]] {
        for first in strided(two.clone(), draw) {
            let index = draw.below(2);
            let second = if draw.below(2) == 0 { draw.pick(&two) } else { draw.pick(&of_one_index(index)) };
            add(extents.to_vec(), vec![first, second], draw);
        }
    }
    for extents in [[2, 3, 2], [3, 3, 3], [4, 2, 5]] {
        for first in strided(two.clone(), draw) {
            let second = draw.pick(&of_two_indices([1, 2]));
            let subscripts = match draw.below(3) {
                0 => vec![first.plus(second)],
                1 => vec![first.plus(affine(&[(1, 2)], 0)), second],
                _ => vec![first, second, affine(&[(1, 2)], 0)],
            };
            add(extents.to_vec(), subscripts, draw);
        }
    }
    all
}
