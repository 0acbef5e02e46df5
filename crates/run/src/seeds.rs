//! Random numbers: one stream for each use, so that a further parameter changes no other one.
//!
//! A stream is ChaCha with 8 rounds under a key made of the seed, the purpose and the name.
//! Everything drawn from it is computed here, so that a seed gives the same bits on every platform
//! and with every version.

use crate::arrays::Array;
use deltarule_core::model::{Initialiser, Model, Role, Tensor};
use deltarule_core::term::Name;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a seed for one purpose (`"parameter"`) and one name (`"W1"`).
    pub fn new(seed: u64, purpose: &str, name: &str) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&hash(purpose).to_le_bytes());
        key[16..24].copy_from_slice(&hash(name).to_le_bytes());
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `0..1`: a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..bound`, without bias; 0 where the bound is 0.
    ///
    /// Lemire, *Fast random integer generation in an interval* (2019): the upper half of a product
    /// of 128 bits, drawn again where the lower half would favour some values.
    pub fn below(&mut self, bound: u64) -> u64 {
        let threshold = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Two independent standard normal numbers (Box and Muller, 1958).
    fn normals(&mut self) -> [f64; 2] {
        // In (0, 1], where the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * self.uniform());
        [radius * cosine, radius * sine]
    }

    /// Puts them in an order in which every permutation is equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            values.swap(last, other);
        }
    }
}

/// The hash FNV-1a of 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// First values for all parameters of a model, in single precision: so every way to compute with
/// them begins with the same numbers.
pub fn initialise(model: &Model, seed: u64) -> BTreeMap<Name, Array> {
    let initialised = model.tensors.iter().filter_map(|tensor| {
        let mut values = vec![0.0; tensor.len()];
        initialise_tensor(tensor, seed, &mut values)
            .then(|| Some((tensor.name.clone(), Array::f32(tensor.shape.clone(), values)?)))?
    });
    initialised.collect()
}

/// Fills values with the first ones of a tensor, as [`initialise`] makes them; tells whether it is a parameter.
pub fn initialise_tensor(tensor: &Tensor, seed: u64, values: &mut [f32]) -> bool {
    let Role::Param(initialiser) = &tensor.role else { return false };
    first_values(*initialiser, values, &mut Stream::new(seed, "parameter", &tensor.name));
    true
}

fn first_values(initialiser: Initialiser, values: &mut [f32], stream: &mut Stream) {
    match initialiser {
        Initialiser::Constant(value) => values.fill(value as f32),
        Initialiser::Uniform { low, high } => {
            values.iter_mut().for_each(|value| *value = (low + (high - low) * stream.uniform()) as f32);
        }
        Initialiser::Normal { mean, deviation } => {
            for pair in values.chunks_mut(2) {
                let normals = stream.normals().map(|normal| (mean + deviation * normal) as f32);
                pair.copy_from_slice(&normals[..pair.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_their_own() {
        let draw = |seed, purpose, name| Stream::new(seed, purpose, name).uniform();
        assert_eq!(draw(0, "parameter", "W"), draw(0, "parameter", "W"));
        let all =
            [draw(0, "parameter", "W"), draw(1, "parameter", "W"), draw(0, "shuffle", "W"), draw(0, "parameter", "V")];
        for (number, value) in all.iter().enumerate() {
            assert!(all[..number].iter().all(|other| other != value));
        }
    }

    /// A change of these numbers changes what every seed means.
    #[test]
    fn the_numbers_of_a_seed_stay() {
        let mut stream = Stream::new(7, "test", "numbers");
        let found = [stream.uniform(), stream.normals()[0], stream.below(1000) as f64];
        assert_eq!(found, [0.9929161136322848, 1.9306492761795773, 748.0]);
    }

    #[test]
    fn draws_have_their_distributions() {
        let mut stream = Stream::new(0, "test", "moments");
        let mut drawn = |initialiser, count| {
            let mut values = vec![0.0; count];
            first_values(initialiser, &mut values, &mut stream);
            values
        };
        let normal = drawn(Initialiser::Normal { mean: 3.0, deviation: 2.0 }, 100_001);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let centred: Vec<f64> = normal.iter().map(|&value| f64::from(value) - 3.0).collect();
        let power = |exponent: i32| mean(&centred.iter().map(|value| value.powi(exponent)).collect::<Vec<_>>());
        // Within about five standard errors.
        assert!(power(1).abs() < 0.032 && (power(2) - 4.0).abs() < 0.09, "{} {}", power(1), power(2));
        assert!((power(4) - 48.0).abs() < 8.0, "{}", power(4));
        let uniform = drawn(Initialiser::Uniform { low: -1.0, high: 3.0 }, 100_000);
        assert!(uniform.iter().all(|value| (-1.0..=3.0).contains(value)));
        let average = mean(&uniform.iter().map(|&value| f64::from(value)).collect::<Vec<_>>());
        assert!((average - 1.0).abs() < 0.02, "{average}");
        assert_eq!(drawn(Initialiser::Constant(0.5), 3), [0.5; 3]);
    }

    #[test]
    fn every_permutation_comes() {
        let mut stream = Stream::new(0, "test", "shuffle");
        let mut counts = BTreeMap::new();
        for _ in 0..6000 {
            let mut values = [0, 1, 2];
            stream.shuffle(&mut values);
            *counts.entry(values).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(stream.below(1), 0);
    }
}
