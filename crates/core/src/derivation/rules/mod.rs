//! The table of rules. Each is directed and has a name and a law; none is a general
//! commutativity, since the constructors of terms keep them sorted.

pub mod collapse;
pub mod declared;
pub mod differentiate;
mod expand;
mod exponentials;
mod logarithm;
pub mod names;
pub mod reading;
pub(crate) mod safe;
pub mod simplify;
pub mod stable;
pub mod totals;

use super::rewrite::Rule;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Answers `∂/∂`: the rules of differentiation.
pub static DIFFERENTIATE: &[&Rule] = &[
    &names::DEFINITION,
    &names::VALUE_BY_NAME,
    &differentiate::CONSTANT,
    &differentiate::ENTRY,
    &differentiate::SUM_RULE,
    &differentiate::CONSTANT_FACTOR,
    &differentiate::PRODUCT_RULE,
    &differentiate::POWER_RULE,
    &differentiate::EXPONENTIAL_RULE,
    &differentiate::GENERAL_POWER_RULE,
    &differentiate::EXP,
    &differentiate::LOG,
    &differentiate::SQRT,
    &differentiate::ABS,
    &differentiate::SIN,
    &differentiate::COS,
    &differentiate::TAN,
    &differentiate::ASIN,
    &differentiate::ACOS,
    &differentiate::ATAN,
    &differentiate::SINH,
    &differentiate::COSH,
    &differentiate::TANH,
    &differentiate::ERF,
    &differentiate::SIGMOID,
    &differentiate::RELU,
    &differentiate::SOFTPLUS,
    &differentiate::GELU,
    &differentiate::SILU,
    &differentiate::MOD,
    &differentiate::MAXIMUM_OF_TWO,
    &differentiate::MINIMUM_OF_TWO,
    &differentiate::BRANCHES,
    &differentiate::UNDER_SUM,
    &differentiate::LOGSUMEXP,
    &differentiate::GREATEST,
    &differentiate::LEAST,
    &differentiate::PRODUCT_OVER_INDEX,
];

/// Makes terms shorter: deltas collapse sums, factors cancel, constants leave sums.
pub static SIMPLIFY: &[&Rule] = &[
    &collapse::DELTA_COLLAPSES_SUM,
    &simplify::IMPLIED_CONDITION,
    &declared::AS_DECLARED,
    &simplify::CANCEL,
    &simplify::PRODUCT_OF_EXPONENTIALS,
    &simplify::LOG_OF_EXPONENTIAL,
    &stable::TANH_OF_SIGMOID,
    &collapse::DELTA_OUT_OF_BRANCH,
    &collapse::DISTRIBUTE_IN_BRANCH,
    &collapse::SPLIT_BRANCHES,
    &collapse::BRANCH_AS_BRACKET,
    &collapse::DISTRIBUTE_TO_CANCEL,
    &collapse::DISTRIBUTE_OVER_DELTA,
    &collapse::SPLIT_SUM,
    &collapse::FACTOR_OUT_OF_SUM,
    &collapse::SUM_OF_CONSTANT,
    &names::SUMS_TO_ONE,
    &totals::CENTRED,
    &totals::SUM_OF_DEFINITION,
    &simplify::MULTIPLY_OUT,
];

/// Deltas that are left once nothing else makes terms shorter: they become conditions. A local
/// Jacobian keeps them, so that a chain can choose which index they are solved for.
pub static SOLVE: &[&Rule] =
    &[&collapse::JOIN_SUMS, &collapse::BLOCKS, &collapse::DELTA_OF_QUOTIENT, &collapse::GUARDED_COLLAPSE];

/// Puts the result in the form people write: known tensors by their names, common factors out.
pub static TIDY: &[&Rule] = &[
    &names::FOLD,
    &names::FOLD_PART,
    &names::ROOT_CONDITION,
    &names::RECTIFIED_CONDITION,
    &simplify::IMPLIED_WITHIN,
    &reading::JOIN_BRANCHES,
    &reading::SYMMETRIC,
    &simplify::COMMON_FACTOR,
];

/// Makes what is only read, not computed, shorter still.
pub static READ: &[&Rule] =
    &[&collapse::FACTOR_OUT_OF_SUM, &reading::LIKE_SUMS, &reading::SYMMETRIC, &simplify::COMMON_FACTOR];

/// Gives definitions the forms that neither overflow nor lose digits.
pub static STABLE: &[&Rule] = &[
    &stable::TANH,
    &stable::SIGMOID,
    &stable::EXPONENTIAL_BESIDE_SIGMOID,
    &stable::SOFTMAX,
    &simplify::PRODUCT_OF_EXPONENTIALS,
    &stable::SOFTPLUS,
    &stable::LOG_OF_SUM_OF_EXPONENTIALS,
    &stable::CONSTANT_OUT_OF_LOGSUMEXP,
    &simplify::LOG_OF_EXPONENTIAL,
    &stable::LOG_OF_SIGMOID,
    &stable::LOG_OF_ONE_MINUS_SIGMOID,
    &stable::LOG_OF_POSITIVE,
];

/// Gives logarithms in derivatives the form that does not look at what was rounded to 0.
pub static STABLE_LOGARITHMS: &[&Rule] =
    &[&stable::LOG_OF_NAMED, &simplify::LOG_OF_EXPONENTIAL, &stable::LOG_OF_SIGMOID, &stable::LOG_OF_ONE_MINUS_SIGMOID];

/// The place of a rule in the table.
pub(super) fn number(rule: &Rule) -> Option<usize> {
    static NUMBERS: OnceLock<HashMap<usize, usize>> = OnceLock::new();
    let address = |rule: &Rule| std::ptr::from_ref(rule).addr();
    let numbers = NUMBERS.get_or_init(|| all().iter().map(|rule| address(rule)).zip(0..).collect());
    numbers.get(&address(rule)).copied()
}

/// Every rule there is.
pub fn all() -> &'static [&'static Rule] {
    static ALL: OnceLock<Vec<&'static Rule>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut rules: Vec<&'static Rule> = Vec::new();
        let single = [
            &names::CHAIN_RULE,
            &names::CHAIN_RULE_FORWARD,
            &names::LOCAL_JACOBIANS,
            &names::MASKED_POLE,
            &names::MASKED_POLE_AGAIN,
            &names::STEP_BY_CONDITION,
            &names::KNOWN_DERIVATIVE,
            &stable::LOG_OF_NAMED,
            &stable::ROOT_OF_NAMED,
        ];
        for rule in DIFFERENTIATE
            .iter()
            .chain(SIMPLIFY)
            .chain(SOLVE)
            .chain(TIDY)
            .chain(READ)
            .chain(STABLE)
            .copied()
            .chain(single)
        {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    })
}
