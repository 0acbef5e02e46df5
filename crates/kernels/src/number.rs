//! What functions are written over, so that each is written once: single numbers, which the compiler makes
//! vector code of, and values of a program that is emitted as machine code.

use crate::machine::{Machine, fma};
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Sub};

/// A number in single precision, or what stands for one.
pub(crate) trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f32, Output = Self>
    + Sub<f32, Output = Self>
    + Mul<f32, Output = Self>
{
    type Integer: Integer<Number = Self>;
    type Truth: Copy + BitAnd<Output = Self::Truth> + BitOr<Output = Self::Truth>;

    /// A constant of the same kind.
    fn constant(self, value: f32) -> Self;
    /// `self · factor + addend`, rounded once where the machine can.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// What the product of both lost when it was rounded to `product`.
    fn lost(self, factor: Self, product: Self) -> Self;
    fn square_root(self) -> Self;
    fn magnitude(self) -> Self;
    fn rounded_down(self) -> Self;
    /// With the sign of another.
    fn signed_as(self, other: Self) -> Self;
    /// The lesser of both; a NaN stays.
    fn at_most(self, limit: f32) -> Self;
    /// The greater of both; a NaN stays.
    fn at_least(self, limit: f32) -> Self;
    fn is_nan(self) -> Self::Truth;
    fn equals(self, other: Self) -> Self::Truth;
    fn is_below(self, other: Self) -> Self::Truth;
    fn is_at_most(self, other: Self) -> Self::Truth;
    /// The first where the condition holds, else the second.
    fn choose(condition: Self::Truth, a: Self, b: Self) -> Self;
    fn bits(self) -> Self::Integer;

    fn is(self, value: f32) -> Self::Truth {
        self.equals(self.constant(value))
    }
}

/// An integer of 32 bits that wraps, or what stands for one.
pub(crate) trait Integer: Copy + Add<i32, Output = Self> + Sub<Output = Self> + Sub<i32, Output = Self> {
    type Number: Number<Integer = Self>;

    fn clamped(self, least: i32, greatest: i32) -> Self;
    fn shifted_left(self, places: u8) -> Self;
    /// With copies of the sign.
    fn shifted_right(self, places: u8) -> Self;
    /// The number of equal value, rounded.
    fn number(self) -> Self::Number;
    /// The number that has these bits.
    fn as_bits(self) -> Self::Number;
}

/// A number as it is, on a machine.
pub(crate) struct Single<M>(pub f32, PhantomData<M>);

/// An integer as it is, on a machine.
pub(crate) struct Whole<M>(i32, PhantomData<M>);

impl<M> Clone for Single<M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Single<M> {}
impl<M> Clone for Whole<M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Whole<M> {}

#[inline(always)]
pub(crate) fn single<M>(value: f32) -> Single<M> {
    Single(value, PhantomData)
}

#[inline(always)]
fn whole<M>(value: i32) -> Whole<M> {
    Whole(value, PhantomData)
}

macro_rules! operators {
    ($($name:ident $method:ident $operator:tt;)*) => {$(
        impl<M> $name for Single<M> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                single(self.0 $operator other.0)
            }
        }
        impl<M> $name<f32> for Single<M> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f32) -> Self {
                single(self.0 $operator other)
            }
        }
    )*};
}
operators! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
}

impl<M> Neg for Single<M> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        single(-self.0)
    }
}

impl<M: Machine> Number for Single<M> {
    type Integer = Whole<M>;
    type Truth = bool;

    #[inline(always)]
    fn constant(self, value: f32) -> Self {
        single(value)
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        single(fma::<M>(self.0, factor.0, addend.0))
    }
    #[inline(always)]
    fn lost(self, factor: Self, product: Self) -> Self {
        let exact = || (self.0 as f64 * factor.0 as f64 - product.0 as f64) as f32;
        single(if M::FUSED { self.0.mul_add(factor.0, -product.0) } else { exact() })
    }
    #[inline(always)]
    fn square_root(self) -> Self {
        single(self.0.sqrt())
    }
    #[inline(always)]
    fn magnitude(self) -> Self {
        single(self.0.abs())
    }
    #[inline(always)]
    fn rounded_down(self) -> Self {
        single(self.0.floor())
    }
    #[inline(always)]
    fn signed_as(self, other: Self) -> Self {
        single(self.0.copysign(other.0))
    }
    #[inline(always)]
    fn at_most(self, limit: f32) -> Self {
        single(if self.0 > limit { limit } else { self.0 })
    }
    #[inline(always)]
    fn at_least(self, limit: f32) -> Self {
        single(if self.0 < limit { limit } else { self.0 })
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.0.is_nan()
    }
    #[inline(always)]
    fn equals(self, other: Self) -> bool {
        self.0 == other.0
    }
    #[inline(always)]
    fn is_below(self, other: Self) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn is_at_most(self, other: Self) -> bool {
        self.0 <= other.0
    }
    /// By bits: a choice between places in memory would be a loop over single numbers.
    #[inline(always)]
    fn choose(condition: bool, a: Self, b: Self) -> Self {
        let chosen = u32::from(condition).wrapping_neg();
        single(f32::from_bits(a.0.to_bits() & chosen | b.0.to_bits() & !chosen))
    }
    #[inline(always)]
    fn bits(self) -> Whole<M> {
        whole(self.0.to_bits() as i32)
    }
}

impl<M> Add<i32> for Whole<M> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: i32) -> Self {
        whole(self.0.wrapping_add(other))
    }
}

impl<M> Sub<i32> for Whole<M> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: i32) -> Self {
        whole(self.0.wrapping_sub(other))
    }
}

impl<M> Sub for Whole<M> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        whole(self.0.wrapping_sub(other.0))
    }
}

impl<M: Machine> Integer for Whole<M> {
    type Number = Single<M>;

    #[inline(always)]
    fn clamped(self, least: i32, greatest: i32) -> Self {
        whole(self.0.clamp(least, greatest))
    }
    #[inline(always)]
    fn shifted_left(self, places: u8) -> Self {
        whole(self.0 << places)
    }
    #[inline(always)]
    fn shifted_right(self, places: u8) -> Self {
        whole(self.0 >> places)
    }
    #[inline(always)]
    fn number(self) -> Single<M> {
        single(self.0 as f32)
    }
    #[inline(always)]
    fn as_bits(self) -> Single<M> {
        single(f32::from_bits(self.0 as u32))
    }
}
