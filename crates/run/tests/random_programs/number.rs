//! Numbers that know how far a computation in single and in double precision may be off (running error
//! analysis, whatever the order of sums and products), and how they move with what is given.

/// The ways in which a number is computed: in single precision, in double precision by the rules, and in double
/// precision straight from the definition.
pub const WAYS: usize = 3;
pub const SINGLE: usize = 0;
pub const RULES: usize = 1;
pub const DEFINITION: usize = 2;

/// Half a unit in the last place.
const UNITS: [f64; WAYS] = [5.97e-8, 1.12e-16, 1.12e-16];
/// Above this a result or what it is made of overflows.
const GREATEST: [f64; WAYS] = [1e38, 1e300, 1e300];
/// Below this digits are lost.
const LEAST: [f64; WAYS] = [2e-38, 1e-300, 1e-300];

/// A value, and how far it may be off in each way to compute it. Infinite where nothing can be said: where a
/// branch may go the other way, or what it is made of overflows.
#[derive(Debug, Clone, Copy)]
pub struct Ball {
    pub value: f64,
    pub error: [f64; WAYS],
    /// Where NaN is as true.
    pub or_nan: [bool; WAYS],
    /// It is 0 because a condition is false, or because equal things cancel: rules may find that out earlier
    /// or later, so that what it is multiplied by may count or not.
    pub soft: bool,
    /// It is NaN as a product of 0 and infinity.
    is_made: bool,
    /// The least and the greatest number that products on the way may go through, in whatever order they are
    /// multiplied; at most and at least 1.
    span: (f64, f64),
}

/// A ball with its derivatives by the variables it moves with, in their order. What is not there is exactly
/// 0, whatever it is multiplied by.
#[derive(Debug, Clone)]
pub struct Number {
    pub ball: Ball,
    pub slopes: Vec<(u32, Ball)>,
    /// It is an entry of what is given, as it is.
    pub given: bool,
    /// A hash of the numbers it is computed from, in their order: products of the same factors in another order may be
    /// rounded apart.
    origin: u64,
    /// Whether it moves infinitely, or by NaN, with something that is computed. Backwards, that is multiplied by the
    /// 0 of all that this something does not move with, which is NaN; forwards, nothing is multiplied.
    pub wild: [bool; WAYS],
}

fn hash(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0xcbf2_9ce4_8422_2325, |hash, part| (hash ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(29))
}

/// Whether sums and products of such numbers are exact in single precision.
fn on_grid(value: f64, size: f64) -> bool {
    size < 32768.0 && (value * 256.0).fract() == 0.0
}

/// Where one of several may be NaN, what is made of them may.
fn or_nan(all: &[Ball]) -> [bool; WAYS] {
    [SINGLE, RULES, DEFINITION].map(|way| all.iter().any(|ball| ball.or_nan[way]))
}

fn span(value: f64) -> (f64, f64) {
    if value == 0.0 || !value.is_finite() {
        return (1.0, 1.0);
    }
    (value.abs().min(1.0), value.abs().max(1.0))
}

impl Ball {
    pub fn exact(value: f64) -> Ball {
        Ball { value, error: [0.0; WAYS], or_nan: [false; WAYS], soft: false, is_made: false, span: span(value) }
    }

    pub fn unknown(value: f64) -> Ball {
        Ball { error: [f64::INFINITY; WAYS], ..Ball::exact(value) }
    }

    /// 0 that may be absent.
    pub fn nothing() -> Ball {
        Ball { soft: true, ..Ball::exact(0.0) }
    }

    /// The same, as something that may be absent.
    pub fn softened(self) -> Ball {
        Ball { soft: true, ..self }
    }

    pub fn with_error(value: f64, error: [f64; WAYS]) -> Ball {
        Ball { error, ..Ball::exact(value) }
    }

    pub fn negative(self) -> Ball {
        Ball { value: -self.value, ..self }
    }

    pub fn is_exact(&self) -> bool {
        self.error == [0.0; WAYS]
    }

    pub fn is_unknown(&self) -> bool {
        self.error.contains(&f64::INFINITY)
    }

    /// The same, where products on the way go through these.
    fn through_span(mut self, span: (f64, f64)) -> Ball {
        self.span = span;
        for precision in 0..WAYS {
            if span.1 > GREATEST[precision] {
                self.error[precision] = f64::INFINITY;
            } else if span.0 < LEAST[precision] {
                let lost = LEAST[precision] * span.1;
                self.error[precision] += if self.value.is_finite() { lost } else { f64::INFINITY };
            }
        }
        self
    }

    /// 1, made of numbers as large and small as this one.
    pub fn as_way(&self) -> Ball {
        Ball { span: self.span, ..Ball::exact(1.0) }
    }

    /// A value whose parts may be off by `error`, rounded so many times at the size `size`.
    pub fn inexact(value: f64, error: [f64; WAYS], units: f64, size: f64) -> Ball {
        let mut result = Ball::with_error(value, error);
        for precision in 0..WAYS {
            let own = &mut result.error[precision];
            if own.is_nan() {
                *own = f64::INFINITY;
            }
            if !value.is_finite() {
                *own = if own.is_finite() { 0.0 } else { f64::INFINITY };
                continue;
            }
            if size + *own > GREATEST[precision] {
                *own = f64::INFINITY;
            }
            *own += units * UNITS[precision] * (size + *own) + LEAST[precision];
        }
        result
    }

    /// The same, rounded so many times at this size.
    pub fn rounded(self, units: f64, size: f64) -> Ball {
        let error = Ball::inexact(self.value, self.error, units, size).error;
        Ball { error, ..self }
    }

    /// The sum.
    pub fn sum(all: &[Ball]) -> Ball {
        if all.len() == 1 {
            return all[0];
        }
        let value: f64 = all.iter().map(|ball| ball.value).sum();
        // Equal things cancel, whatever they are.
        let cancels = value == 0.0 && all.iter().any(|ball| ball.value != 0.0);
        let soft = cancels || (!all.is_empty() && all.iter().all(|ball| ball.soft));
        let finite = all.iter().all(|ball| ball.value.is_finite());
        // `a inf - b inf` is as well `(a - b) inf`, and `a inf + 0 inf` is `(a + 0) inf`.
        let may_join = |ball: &Ball| !ball.value.is_nan() || ball.is_made;
        let is_new = value.is_nan() && all.iter().all(may_join);
        if (finite && !value.is_finite()) || is_new {
            return Ball::unknown(value);
        }
        let size: f64 = all.iter().map(|ball| ball.value.abs()).sum();
        let least = all.iter().map(|ball| ball.span.0).fold(span(value).0, f64::min);
        let most =
            all.iter().map(|ball| ball.span.1).fold(if size.is_finite() { size.max(1.0) } else { 1.0 }, f64::max);
        let is_exact = all.iter().all(|ball| ball.is_exact() && on_grid(ball.value, 0.0));
        let mut error = [0.0; WAYS];
        all.iter().for_each(|ball| (0..WAYS).for_each(|precision| error[precision] += ball.error[precision]));
        if all.iter().any(|ball| ball.soft) && most.is_finite() && most > size {
            // What cancels may be added to the others first: `(20 + 0.1) - 20`.
            let units = all.len() as f64 * 4.0;
            (0..WAYS).for_each(|precision| error[precision] += units * UNITS[precision] * most);
        }
        let sum = match is_exact && on_grid(value, size) {
            true => Ball::exact(value),
            false => Ball::inexact(value, error, all.len() as f64, size),
        };
        Ball { soft, or_nan: or_nan(all), ..sum.through_span((least, most)) }
    }

    /// The product.
    pub fn product(all: &[Ball]) -> Ball {
        if all.len() == 1 {
            return all[0];
        }
        let value: f64 = all.iter().map(|ball| ball.value).product();
        let least: f64 = all.iter().map(|ball| ball.span.0).product();
        let most: f64 = all.iter().map(|ball| ball.span.1).product();
        let soft = all.iter().any(|ball| ball.soft);
        if !value.is_finite() {
            // Infinity times what may be 0, or of the other sign.
            let finite = all.iter().all(|ball| ball.value.is_finite());
            let is_made = value.is_nan() && !all.iter().any(|ball| ball.value.is_nan());
            let mut result = Ball { is_made, ..Ball::exact(value) };
            for (precision, own) in result.error.iter_mut().enumerate() {
                let doubtful = |ball: &Ball| {
                    let error = ball.error[precision];
                    error == f64::INFINITY || (error > 0.0 && error >= ball.value.abs())
                };
                if finite || soft || all.iter().any(doubtful) {
                    *own = f64::INFINITY;
                }
            }
            return Ball { or_nan: or_nan(all), ..result.through_span((least, most)) };
        }
        let grid = all.iter().all(|ball| ball.is_exact() && on_grid(ball.value, 0.0)) && on_grid(value, most);
        let mut error = [0.0; WAYS];
        for (precision, sum) in error.iter_mut().enumerate() {
            let (mut bound, mut product) = (0.0, 1.0f64);
            for ball in all {
                let own = ball.error[precision];
                bound = bound * (ball.value.abs() + own) + product.abs() * own;
                product *= ball.value;
            }
            *sum = bound;
        }
        if soft && value == 0.0 && !grid {
            // Equal things that cancel may have been multiplied before, each with its own rounding.
            let units = all.len() as f64 * 4.0;
            (0..WAYS).for_each(|precision| error[precision] += units * UNITS[precision] * most);
        }
        let result = match grid || (value == 0.0 && error == [0.0; WAYS]) {
            true => Ball::exact(value),
            false => Ball::inexact(value, error, all.len() as f64, value.abs()),
        };
        Ball { soft: soft && value == 0.0, or_nan: or_nan(all), ..result.through_span((least, most)) }
    }

    /// `1 / self`
    pub fn inverse(self) -> Ball {
        if self.value == 0.0 {
            // The algebra knows no signs of zeros, so that the infinity may be either.
            return Ball::unknown(f64::INFINITY);
        }
        let ball = Ball::through(&[self], 2.0, 0.0, &|x| 1.0 / x[0]);
        ball.through_span((1.0 / self.span.1, 1.0 / self.span.0))
    }

    /// A function of one or two balls: how much it changes as they do, and its own rounding, relative to the
    /// result and to a size that it goes through.
    pub fn through(arguments: &[Ball], units: f64, size: f64, f: &dyn Fn(&[f64]) -> f64) -> Ball {
        let centre: Vec<f64> = arguments.iter().map(|argument| argument.value).collect();
        let value = f(&centre);
        let mut error = [0.0; WAYS];
        for (precision, sum) in error.iter_mut().enumerate() {
            for (position, argument) in arguments.iter().enumerate() {
                let own = argument.error[precision];
                if own == 0.0 {
                    continue;
                }
                if own == f64::INFINITY {
                    *sum = own;
                    continue;
                }
                let moved = |by: f64| {
                    let mut moved = centre.clone();
                    moved[position] += by;
                    let moved = f(&moved);
                    let stays = moved == value || (moved.is_nan() && value.is_nan());
                    if stays { 0.0 } else { (moved - value).abs() }
                };
                // Even functions have their extremes at 0.
                let zero = if centre[position].abs() < own { -centre[position] } else { 0.0 };
                let both = [moved(own), moved(-own), moved(0.5 * own), moved(zero)];
                let worst =
                    both.iter().fold(0.0f64, |worst, by| if by.is_nan() { f64::INFINITY } else { worst.max(*by) });
                *sum += 1.5 * worst;
            }
        }
        Ball::inexact(value, error, units, value.abs().max(size))
    }

    /// Whether two balls may be in the other order than they are, or equal where they are not.
    pub fn may_meet(&self, other: &Ball) -> bool {
        if self.is_unknown() || other.is_unknown() {
            return true;
        }
        let distance = (self.value - other.value).abs();
        // Equal values come from the same formula, so that they are equal in every precision.
        let equal = self.value == other.value;
        !equal && (0..WAYS).any(|precision| distance <= 2.0 * (self.error[precision] + other.error[precision]))
    }

    /// Whether it is equal to another by chance, so that other roundings could part them.
    pub fn may_part(&self, other: &Ball) -> bool {
        self.value == other.value && !(self.is_exact() && other.is_exact())
    }
}

impl Number {
    /// Whether it is equal to another by chance, or by a law of algebra that roundings do not know: not since the
    /// same is computed from the same.
    pub fn may_part(&self, other: &Number) -> bool {
        let same = |(one, other): (&(u32, Ball), &(u32, Ball))| one.0 == other.0 && one.1.value == other.1.value;
        let alike = self.origin == other.origin
            && self.slopes.len() == other.slopes.len()
            && self.slopes.iter().zip(&other.slopes).all(same);
        self.ball.may_part(&other.ball) && !alike
    }

    pub fn exact(value: f64) -> Number {
        Number::of(Ball::exact(value))
    }

    /// The same by a name of its own.
    pub fn computed(number: Number) -> Number {
        Number { given: false, ..number }
    }

    /// 0 behind a false condition.
    pub fn nothing() -> Number {
        Number::of(Ball::nothing())
    }

    pub fn of(ball: Ball) -> Number {
        let origin = hash([ball.value.to_bits()].into_iter());
        Number { ball, slopes: Vec::new(), given: false, origin, wild: [false; WAYS] }
    }

    /// An entry of what is given, the variable of this number where it moves.
    pub fn given(value: f64, variable: Option<u32>) -> Number {
        let slopes: Vec<(u32, Ball)> = variable.into_iter().map(|variable| (variable, Ball::exact(1.0))).collect();
        let origin = hash(slopes.iter().map(|(variable, _)| *variable as u64).chain([value.to_bits()]));
        Number { slopes, origin, given: true, ..Number::exact(value) }
    }

    /// It as it is computed here, and nothing known of how else it may come out, of what it may be made of.
    pub fn doubted(self, others: &[&Number]) -> Number {
        let ball = Ball::unknown(self.ball.value);
        let zeros: Vec<(&Number, Ball)> = others.iter().map(|other| (*other, Ball::exact(0.0))).collect();
        let all = [vec![(&self, Ball::exact(1.0))], zeros].concat();
        let mut result = Number::combined(ball, &all);
        result.slopes.iter_mut().for_each(|(_, slope)| slope.error = [f64::INFINITY; WAYS]);
        result.wild = [true; WAYS];
        result
    }

    /// What a condition, or a kink, keeps out of a value: nothing moves with it. So it is by the definition, whatever
    /// the rest is. The rules take what is read for finite: backwards a mask becomes the 0 of a derivative with a
    /// name, or what is read leaves a sum behind the mask, and 0 is multiplied by what is infinite or NaN.
    pub fn kept_out(&self, ball: Ball) -> Number {
        let mut result = Number::of(ball);
        let is_infinite = self.slopes.iter().any(|(_, slope)| !slope.value.is_finite());
        // In single precision also what overflows there.
        let overflows = self.slopes.iter().any(|(_, slope)| slope.error[SINGLE].is_infinite());
        let by_rules = self.wild[RULES] || is_infinite;
        if by_rules || self.wild[SINGLE] || overflows {
            let ways = [true, by_rules, false];
            let slope = Ball { or_nan: ways, ..Ball::nothing() };
            result.slopes = self.slopes.iter().map(|(variable, _)| (*variable, slope)).collect();
            result.wild = ways;
        }
        result
    }

    /// What is computed from this one, with this value and nothing known of its derivatives.
    pub fn with_doubted_slopes(&self, ball: Ball) -> Number {
        let mut result = self.clone().doubted(&[]);
        result.ball = ball;
        result
    }

    /// `Σ weight · slope` for all variables.
    pub fn combined(ball: Ball, parts: &[(&Number, Ball)]) -> Number {
        let mut variables: Vec<u32> =
            parts.iter().flat_map(|(number, _)| number.slopes.iter().map(|(variable, _)| *variable)).collect();
        variables.sort_unstable();
        variables.dedup();
        let is_wild =
            |slope: &Ball, way: usize| !slope.value.is_finite() || slope.error[way].is_infinite() || slope.or_nan[way];
        let of_part = |(number, weight): &(&Number, Ball)| {
            [SINGLE, RULES, DEFINITION].map(|way| number.wild[way] || (!number.given && is_wild(weight, way)))
        };
        let wild: Vec<[bool; WAYS]> = parts.iter().map(of_part).collect();
        let is_tame = wild.iter().all(|wild| *wild == [false; WAYS]);
        let mut cancels = false;
        let mut slopes = Vec::new();
        for variable in variables {
            let addends: Vec<Ball> = (parts.iter())
                .filter_map(|(number, weight)| Some(Ball::product(&[*weight, number.slope(variable)?])))
                .collect();
            let mut sum = Ball::sum(&addends);
            let size: f64 = addends.iter().map(|addend| addend.value.abs()).sum();
            if size.is_finite() && size > sum.value.abs() {
                // Backwards each of them is multiplied by what comes from behind, and rounded, before they cancel.
                sum = sum.rounded(addends.len() as f64, size);
            }
            if addends.len() > 1 && sum.value == 0.0 && addends.iter().any(|addend| addend.value != 0.0) {
                // Equal things cancel, whatever they are.
                sum.soft = true;
                cancels = true;
            }
            if sum.value.is_nan() && addends.iter().any(|addend| !addend.value.is_nan()) {
                // `a inf - b inf` is as well `(a - b) inf`, and `a inf + 0 inf` is `(a + 0) inf`.
                sum = Ball::unknown(sum.value);
            }
            if !is_tame {
                // What a part does not move with is multiplied backwards by what the part is; so is what it moves
                // with behind a condition that stands beside another one.
                wild.iter().for_each(|wild| [SINGLE, RULES].into_iter().for_each(|way| sum.or_nan[way] |= wild[way]));
            }
            slopes.push((variable, sum));
        }
        let ball = if cancels && !ball.value.is_finite() { Ball::unknown(ball.value) } else { ball };
        let computed = parts.len() > 1 || parts.iter().any(|(number, _)| !number.given);
        let wild = [SINGLE, RULES, DEFINITION].map(|way| {
            wild.iter().any(|wild| wild[way]) || (computed && slopes.iter().any(|(_, slope)| is_wild(slope, way)))
        });
        let origin = hash(parts.iter().map(|(number, _)| number.origin).chain([ball.value.to_bits()]));
        Number { ball, slopes, given: false, origin, wild }
    }

    pub fn slope(&self, variable: u32) -> Option<Ball> {
        let place = self.slopes.binary_search_by_key(&variable, |(own, _)| *own).ok()?;
        Some(self.slopes[place].1)
    }

    pub fn sum(all: &[Number]) -> Number {
        let balls: Vec<Ball> = all.iter().map(|number| number.ball).collect();
        let parts: Vec<(&Number, Ball)> = all.iter().map(|number| (number, Ball::exact(1.0))).collect();
        Number::combined(Ball::sum(&balls), &parts)
    }

    /// A sum in an expression. A number beside what moves may come out of it as a factor, `c (1 + u / c)`, which the
    /// derivative then goes through.
    pub fn sum_with_constants(all: &[Number]) -> Number {
        let sum = Number::sum(all);
        let is_rounded = |number: &Number| number.slopes.is_empty() && !number.ball.is_exact();
        if !all.iter().any(is_rounded) {
            return sum;
        }
        let slopes = sum.slopes.iter().map(|(variable, slope)| (*variable, slope.rounded(4.0, slope.value.abs())));
        Number { slopes: slopes.collect(), ..sum }
    }

    pub fn product(all: &[Number]) -> Number {
        let balls: Vec<Ball> = all.iter().map(|number| number.ball).collect();
        let others = |place: usize| {
            let rest: Vec<Ball> =
                balls.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, ball)| *ball).collect();
            Ball::product(&rest)
        };
        let moving = all.iter().enumerate().filter(|(_, number)| !number.slopes.is_empty());
        let parts: Vec<(&Number, Ball)> = moving.map(|(place, number)| (number, others(place))).collect();
        Number::combined(Ball::product(&balls), &parts)
    }
}
