//! Arithmetic in which equality is decided exactly: residues modulo two primes.
//!
//! A rational identity with small coefficients that holds at a random point modulo a prime of 62 bits holds
//! everywhere, but for a chance of about its degree in 2^62 (J. Schwartz, R. Zippel, 1979/80).

/// `2 · HALF + 1`, so that the squares form a group of prime order `HALF`.
const WHOLE: u64 = 4_611_686_018_427_377_339;
/// A prime: exponents are taken modulo it.
const HALF: u64 = 2_305_843_009_213_688_669;
/// A square, so that its powers have the order `HALF`; of a number that nobody writes, since it is what `exp(1)` is.
const BASE: u64 = 2_718_281_828_459_045_236;

/// A number modulo the one prime, and modulo the other where it is an exponent. Both are homomorphisms, so
/// `exp(a + b) = exp(a) exp(b)` holds for residues as it does for numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Residue {
    value: u64,
    exponent: u64,
}

/// The product modulo a prime that is a little less than a power of two, by which no division is needed:
/// `high · 2^n + low = high · (2^n - prime) + low`.
fn times(a: u64, b: u64, prime: u64) -> u64 {
    let bits = u64::BITS - prime.leading_zeros();
    let (gap, mask) = (u128::from((1u64 << bits) - prime), (1u128 << bits) - 1);
    let mut product = u128::from(a) * u128::from(b);
    while product > mask {
        product = (product >> bits) * gap + (product & mask);
    }
    let rest = product as u64;
    if rest >= prime { rest - prime } else { rest }
}

fn plus(a: u64, b: u64, prime: u64) -> u64 {
    let sum = a + b;
    if sum >= prime { sum - prime } else { sum }
}

fn power(mut base: u64, mut exponent: u64, prime: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, prime);
        }
        base = times(base, base, prime);
        exponent >>= 1;
    }
    result
}

/// The inverse of a number that is not 0, by the algorithm of Euclid: a third of the time that a power takes.
fn inverse(number: u64, prime: u64) -> u64 {
    let (mut above, mut below) = (prime, number);
    // What `number` is multiplied by to give them; below the prime, so that 64 bits hold it.
    let (mut first, mut second) = (0i64, 1i64);
    while below > 1 {
        let quotient = above / below;
        (above, below) = (below, above - quotient * below);
        (first, second) = (second, first - quotient as i64 * second);
    }
    if second < 0 { prime - second.unsigned_abs() } else { second as u64 }
}

impl Residue {
    pub const ZERO: Residue = Residue { value: 0, exponent: 0 };
    pub const ONE: Residue = Residue { value: 1, exponent: 1 };

    pub fn integer(value: i64) -> Residue {
        let modulo = |prime: u64| i128::from(value).rem_euclid(i128::from(prime)) as u64;
        Residue { value: modulo(WHOLE), exponent: modulo(HALF) }
    }

    /// An unknown that has nothing to do with any other of another key.
    pub fn unknown(key: u64) -> Residue {
        Residue { value: scatter(key) % WHOLE, exponent: scatter(key ^ 0x5851_F42D_4C95_7F2D) % HALF }
    }

    /// A function of which nothing is known but that it is one.
    pub fn opaque(function: u64, arguments: &[Residue]) -> Residue {
        let fold = |key: u64, argument: &Residue| scatter(key.rotate_left(17) ^ argument.value);
        Residue::unknown(arguments.iter().fold(scatter(function), fold))
    }

    pub fn plus(self, other: Residue) -> Residue {
        Residue { value: plus(self.value, other.value, WHOLE), exponent: plus(self.exponent, other.exponent, HALF) }
    }

    pub fn times(self, other: Residue) -> Residue {
        Residue { value: times(self.value, other.value, WHOLE), exponent: times(self.exponent, other.exponent, HALF) }
    }

    pub fn negated(self) -> Residue {
        self.times(Residue::integer(-1))
    }

    pub fn minus(self, other: Residue) -> Residue {
        self.plus(other.negated())
    }

    /// `None` for 0.
    pub fn inverse(self) -> Option<Residue> {
        (self.value != 0 && self.exponent != 0)
            .then(|| Residue { value: inverse(self.value, WHOLE), exponent: inverse(self.exponent, HALF) })
    }

    /// `None` for a negative power of 0.
    pub fn power(self, exponent: i64) -> Option<Residue> {
        let base = if exponent < 0 { self.inverse()? } else { self };
        let size = exponent.unsigned_abs();
        Some(Residue { value: power(base.value, size, WHOLE), exponent: power(base.exponent, size, HALF) })
    }

    pub fn exponential(self) -> Residue {
        let value = power(BASE, self.exponent, WHOLE);
        Residue { value, exponent: scatter(value) % HALF }
    }

    pub fn is_zero(self) -> bool {
        self.value == 0
    }

    /// Whether two are the same number.
    pub fn equals(self, other: Residue) -> bool {
        self.value == other.value
    }

    /// A sign that nothing tells, that of the opposite being the opposite: -1, 0 or 1. There is no order
    /// modulo a prime, so what holds for all choices holds for every order.
    pub fn sign(self, seed: u64) -> i64 {
        let least = self.value.min(WHOLE - self.value);
        match scatter(seed ^ scatter(least)) % 3 {
            _ if self.value == 0 => 0,
            0 => 0,
            choice if (choice == 1) == (least == self.value) => 1,
            _ => -1,
        }
    }
}

/// A function that scatters its arguments (the finalizer of SplitMix64, G. Steele and others, 2014).
pub(crate) fn scatter(key: u64) -> u64 {
    let mut mixed = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residues_obey_the_laws_of_numbers() {
        let (a, b) = (Residue::unknown(1), Residue::unknown(2));
        assert_eq!(a.plus(b).times(a), a.times(a).plus(b.times(a)));
        assert_eq!(a.minus(a), Residue::ZERO);
        assert_eq!(a.times(a.inverse().unwrap()), Residue::ONE);
        assert_eq!(a.power(3).unwrap().times(a.power(-2).unwrap()), a);
        assert!(a.plus(b).exponential().equals(a.exponential().times(b.exponential())));
        assert!(a.negated().exponential().equals(a.exponential().inverse().unwrap()));
        assert_eq!(Residue::ZERO.exponential().value, 1);
        assert!((0..50).all(|seed| a.sign(seed) == -a.negated().sign(seed)));
        assert!((1..1000).all(|number| !Residue::ONE.exponential().equals(Residue::integer(number))));
        assert_eq!(power(BASE, HALF, WHOLE), 1);
        assert!(Residue::ZERO.inverse().is_none());
        let (half, third) = (Residue::integer(2).inverse().unwrap(), Residue::integer(3).inverse().unwrap());
        assert_eq!(half.plus(third), Residue::integer(5).times(Residue::integer(6).inverse().unwrap()));
    }

    #[test]
    fn products_are_those_of_a_division() {
        for prime in [WHOLE, HALF] {
            let small = [0, 1, 2, prime / 2, prime - 2, prime - 1].into_iter();
            let numbers: Vec<u64> = small.chain((0..200).map(|key| scatter(key) % prime)).collect();
            for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (*a, *b))) {
                let expected = (u128::from(a) * u128::from(b) % u128::from(prime)) as u64;
                assert_eq!(times(a, b, prime), expected, "{a} {b}");
            }
        }
    }

    #[test]
    fn inverses_are_those_of_powers() {
        for prime in [WHOLE, HALF] {
            let small = [1, 2, 3, prime / 2, prime - 2, prime - 1].into_iter();
            for number in small.chain((0..2000).map(|key| 1 + scatter(key) % (prime - 1))) {
                assert_eq!(inverse(number, prime), power(number, prime - 2, prime), "{number}");
            }
        }
    }

    #[test]
    fn both_moduli_are_prime() {
        for prime in [WHOLE, HALF] {
            let (odd, twos) = ((prime - 1) >> (prime - 1).trailing_zeros(), (prime - 1).trailing_zeros());
            for base in [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37] {
                let first = power(base, odd, prime);
                let mut squares =
                    std::iter::successors(Some(first), |x| Some(times(*x, *x, prime))).take(twos as usize);
                assert!(first == 1 || squares.any(|x| x == prime - 1), "{prime}");
            }
        }
        assert_eq!(WHOLE, 2 * HALF + 1);
    }
}
