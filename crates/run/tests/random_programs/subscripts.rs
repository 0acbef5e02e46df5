//! Random reads: subscripts that slide, wrap, divide, gather and leave their tensor.

use super::generate::{Generator, WITHOUT};
use super::grammar::{Binder, Compare, Condition, Expr, Kind, Outside, Read, Sub, Tensor};

/// The least and the greatest value that an integer may have.
type Range = (i64, i64);

impl Generator {
    /// An entry of a tensor that is given or defined.
    pub fn read(&mut self, scope: &[Binder]) -> Expr {
        self.read_of(scope, &[])
    }

    /// An entry of a tensor, with these indices alone in subscripts where there is room.
    pub fn read_of(&mut self, scope: &[Binder], wanted: &[Binder]) -> Expr {
        let tensors = self.readable();
        let fits = |tensor: &Tensor| wanted.iter().all(|binder| tensor.shape.contains(&binder.extent));
        let able: Vec<&Tensor> = tensors.iter().filter(|tensor| fits(tensor)).collect();
        let tensor =
            if able.is_empty() { &tensors[self.dice.below(tensors.len())] } else { able[self.dice.below(able.len())] };
        let mut guards = Vec::new();
        let mut outside = false;
        let mut left: Vec<Binder> = wanted.to_vec();
        let mut subs = Vec::new();
        for &extent in &tensor.shape {
            if let Some(place) = left.iter().position(|binder| binder.extent == extent) {
                subs.push(Sub::letter(left.remove(place).letter));
                continue;
            }
            let mut sub = self.subscript(scope, extent);
            let alone = sub.as_letter().and_then(|letter| scope.iter().find(|own| own.letter == letter));
            if WITHOUT.longer && alone.is_some_and(|own| own.extent > extent) {
                sub = Sub::Mod(Box::new(sub), extent as i64);
            }
            let (mut least, mut most) = match alone.is_some_and(|own| own.extent == extent) {
                true => (0, extent as i64 - 1),
                false => range(&sub, scope, &self.tensors),
            };
            let outside_of = least < 0 || most >= extent as i64;
            if extent == 0 && outside_of && self.is_recurrence(&tensor.name) {
                return Expr::Number("2");
            }
            if WITHOUT.padded_recurrences && outside_of && self.is_recurrence(&tensor.name) {
                sub = Sub::Mod(Box::new(sub), extent as i64);
                (least, most) = (0, extent as i64 - 1);
            }
            if least < 0 || most >= extent as i64 {
                outside = true;
                guards.push((sub.clone(), least < 0, most >= extent as i64, extent));
            }
            subs.push(sub);
        }
        let name = tensor.name.clone();
        if !outside {
            return Expr::Read(Read { tensor: name, subs, outside: Outside::Never });
        }
        let plain = guards.iter().all(|(sub, ..)| matches!(sub, Sub::Affine(..)));
        if !plain || self.dice.chance(55) {
            let outside = match self.dice.below(3) {
                0 => Outside::Value(Box::new(self.expr(scope, 1))),
                _ => Outside::Zero,
            };
            return Expr::Read(Read { tensor: name, subs, outside });
        }
        let read = Expr::Read(Read { tensor: name, subs, outside: Outside::Never });
        let mut conditions = Vec::new();
        for (sub, below, above, extent) in guards {
            if below {
                conditions.push(Condition::Integers(Compare::AtLeast, sub.clone(), Sub::constant(0)));
            }
            if above {
                conditions.push(Condition::Integers(Compare::Less, sub, Sub::constant(extent as i64)));
            }
        }
        let joined = conditions.into_iter().reduce(|a, b| Condition::And(Box::new(a), Box::new(b)));
        let condition = joined.expect("one that is outside");
        match self.dice.below(2) {
            0 => Expr::Mask(condition, Box::new(read)),
            _ => Expr::Where(condition, Box::new(read), Box::new(self.expr(scope, 1))),
        }
    }

    /// All that can be read as a value.
    fn readable(&self) -> Vec<Tensor> {
        let given = self.tensors.iter().filter(|tensor| !matches!(tensor.kind, Kind::Tokens(_))).cloned();
        let defined = self.defined().map(|(name, shape)| Tensor { name, shape, kind: Kind::Const });
        // What is defined is read more often.
        given.chain(defined.clone()).chain(defined).collect()
    }

    fn subscript(&mut self, scope: &[Binder], extent: usize) -> Sub {
        let same: Vec<usize> = scope.iter().filter(|own| own.extent == extent).map(|own| own.letter).collect();
        if extent == 0 {
            // Nothing is inside, so that the read has to say what is outside.
            return same.first().map_or(Sub::constant(self.dice.below(3) as i64 - 1), |letter| Sub::letter(*letter));
        }
        match self.dice.below(20) {
            0..9 if !same.is_empty() => Sub::letter(same[self.dice.below(same.len())]),
            9..11 => Sub::constant(self.dice.below(extent) as i64),
            11 => self.gather(scope, extent).unwrap_or_else(|| Sub::constant(0)),
            12 if extent <= 7 => {
                let binder = self.binder(extent);
                let body = self.expr(&[scope, &[binder]].concat(), 2);
                Sub::Place(self.dice.chance(50), binder, Box::new(body))
            }
            _ if scope.is_empty() => Sub::constant(self.dice.below(extent) as i64),
            _ => self.puzzle(scope, extent),
        }
    }

    /// An integer that fits, or nearly so.
    fn puzzle(&mut self, scope: &[Binder], extent: usize) -> Sub {
        let raw = self.raw(scope, 2);
        let (least, most) = range(&raw, scope, &self.tensors);
        if least >= 0 && most < extent as i64 {
            return raw;
        }
        match self.dice.below(5) {
            0 | 1 => Sub::Mod(Box::new(raw), extent as i64),
            2 if most - least < extent as i64 => moved(raw, -least),
            3 => {
                let by = (most - least + 1 + extent as i64) / extent as i64;
                Sub::Floor(Box::new(moved(raw, -least)), by.max(1))
            }
            _ => raw,
        }
    }

    /// An integer made of indices: affine, divided, wrapped, and these in each other.
    pub fn raw(&mut self, scope: &[Binder], depth: usize) -> Sub {
        const FACTORS: [i64; 8] = [1, 1, 1, 2, 3, -1, -1, -2];
        let count = 1 + usize::from(self.dice.chance(40));
        let mut terms: Vec<(i64, usize)> = Vec::new();
        for _ in 0..count {
            let letter = scope[self.dice.below(scope.len())].letter;
            if terms.iter().all(|(_, own)| *own != letter) {
                terms.push((FACTORS[self.dice.below(FACTORS.len())], letter));
            }
        }
        let constant = if self.dice.chance(50) { self.dice.below(7) as i64 - 3 } else { 0 };
        let mut sub = Sub::Affine(terms, constant);
        for _ in 0..depth {
            sub = match self.dice.below(7) {
                0 => Sub::Floor(Box::new(sub), 2 + self.dice.below(3) as i64),
                1 | 2 => Sub::Mod(Box::new(sub), 2 + self.dice.below(6) as i64),
                3 if depth > 1 => {
                    let factor = FACTORS[self.dice.below(FACTORS.len())];
                    Sub::Plus(factor, Box::new(sub), Box::new(self.raw(scope, depth - 1)))
                }
                _ => sub,
            };
        }
        sub
    }

    /// An entry of the tokens, where they fit.
    fn gather(&mut self, scope: &[Binder], extent: usize) -> Option<Sub> {
        let tokens = self.tensors.iter().find(|tensor| matches!(tensor.kind, Kind::Tokens(_)))?.clone();
        let Kind::Tokens(below) = tokens.kind else { return None };
        if tokens.shape.contains(&0) {
            return None;
        }
        let subs = (tokens.shape.iter())
            .map(|axis| {
                let sub = self.subscript_without_place(scope, *axis);
                let (least, most) = range(&sub, scope, &self.tensors);
                let alone = sub.as_letter().and_then(|letter| scope.iter().find(|own| own.letter == letter));
                let refused = WITHOUT.longer && alone.is_some_and(|own| own.extent > *axis);
                if least >= 0 && most < *axis as i64 && !refused { sub } else { Sub::Mod(Box::new(sub), *axis as i64) }
            })
            .collect();
        let token = Sub::Token(tokens.name, subs);
        Some(if below <= extent { token } else { Sub::Mod(Box::new(token), extent as i64) })
    }

    fn subscript_without_place(&mut self, scope: &[Binder], extent: usize) -> Sub {
        let same: Vec<usize> = scope.iter().filter(|own| own.extent == extent).map(|own| own.letter).collect();
        match same.is_empty() {
            false if self.dice.chance(60) => Sub::letter(same[self.dice.below(same.len())]),
            _ if scope.is_empty() => Sub::constant(self.dice.below(extent) as i64),
            _ => self.raw(scope, 1),
        }
    }
}

fn moved(sub: Sub, by: i64) -> Sub {
    match sub {
        Sub::Affine(terms, constant) => Sub::Affine(terms, constant + by),
        _ if by == 0 => sub,
        _ => Sub::Plus(1, Box::new(sub), Box::new(Sub::constant(by))),
    }
}

/// What an integer may be, by interval arithmetic.
pub fn range(sub: &Sub, scope: &[Binder], tensors: &[Tensor]) -> Range {
    match sub {
        Sub::Affine(terms, constant) => {
            let (mut least, mut most) = (*constant, *constant);
            for (factor, letter) in terms {
                let last =
                    scope.iter().find(|own| own.letter == *letter).map_or(0, |own| (own.extent as i64 - 1).max(0));
                least += (factor * last).min(0);
                most += (factor * last).max(0);
            }
            (least, most)
        }
        Sub::Floor(a, by) => {
            let (least, most) = range(a, scope, tensors);
            (least.div_euclid(*by), most.div_euclid(*by))
        }
        Sub::Mod(a, by) => {
            let (least, most) = range(a, scope, tensors);
            let same = least.div_euclid(*by) == most.div_euclid(*by);
            if same { (least.rem_euclid(*by), most.rem_euclid(*by)) } else { (0, by - 1) }
        }
        Sub::Plus(factor, a, b) => {
            let ((least, most), (low, high)) = (range(a, scope, tensors), range(b, scope, tensors));
            ((factor * least).min(factor * most) + low, (factor * least).max(factor * most) + high)
        }
        Sub::Token(name, _) => {
            let found = tensors.iter().find(|tensor| tensor.name == *name);
            let below = found.map_or(1, |tensor| if let Kind::Tokens(below) = tensor.kind { below } else { 1 });
            (0, below as i64 - 1)
        }
        Sub::Place(_, binder, _) => (0, binder.extent as i64 - 1),
    }
}
