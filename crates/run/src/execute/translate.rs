//! From operations of a plan to loops over one arena.

use super::{Doubt, Step};
use deltarule_core::plan::{self, Operation, Plan};
use deltarule_core::term::{Comparison, Function, Reduction};
use deltarule_kernels as kernels;

/// The checked loop of an operation.
pub(super) fn step(plan: &Plan, operation: &Operation, by_steps: bool) -> Result<Step, String> {
    match operation {
        Operation::Repeat(repeat) => {
            let steps = repeat.operations.iter().map(|operation| step(plan, operation, true));
            Ok(Step::Repeat(repeat.steps, repeat.backward, steps.collect::<Result<_, _>>()?))
        }
        Operation::Product(product) => {
            kernels::Product::new(&product_spec(plan, product, by_steps), plan.arena).map(Step::Product)
        }
        Operation::Guarded(guarded) => {
            let range = |place: usize| plan.places[place].offset..plan.places[place].offset + plan.places[place].len();
            let doubt = match &guarded.doubt {
                plan::Doubt::Results => Doubt::Results(range(guarded.product.places[2])),
                plan::Doubt::Operands(places) => Doubt::Operands(places.iter().copied().map(range).collect()),
            };
            let product = kernels::Product::new(&product_spec(plan, &guarded.product, by_steps), plan.arena)?;
            let walk = kernels::Walk::new(&walk_spec(plan, &guarded.walk, by_steps)?, plan.arena)?;
            Ok(Step::Guarded(product, Box::new(walk), doubt))
        }
        Operation::Scatter(scatter) => {
            kernels::Scatter::new(&scatter_spec(plan, scatter), plan.arena).map(Step::Scatter)
        }
        Operation::Walk(walk) => kernels::Walk::new(&walk_spec(plan, walk, by_steps)?, plan.arena).map(Step::Walk),
    }
}

fn scatter_spec(plan: &Plan, scatter: &plan::Scatter) -> kernels::ScatterSpec {
    let access = |access: &plan::Access| self::access(plan, access);
    let key = |key: &plan::Key| kernels::Key { read: access(&key.read), extent: key.extent, stride: key.stride };
    kernels::ScatterSpec {
        loops: scatter.loops.iter().map(|l| kernels::Loop { extent: l.extent, reduced: l.reduced }).collect(),
        source: access(&scatter.source),
        keys: scatter.keys.iter().map(key).collect(),
        target: access(&scatter.target),
    }
}

fn access(plan: &Plan, access: &plan::Access) -> kernels::Access {
    kernels::Access {
        offset: access.offset + plan.places[access.place].offset as i64,
        strides: access.strides.clone(),
        axes: access.axes.iter().map(bound).collect(),
    }
}

fn product_spec(plan: &Plan, product: &plan::Product, by_steps: bool) -> kernels::ProductSpec {
    let group = |axes: &[plan::Axis]| {
        axes.iter().map(|axis| kernels::Dimension { extent: axis.extent, strides: axis.strides }).collect()
    };
    let offset = |operand: usize| product.offsets[operand] + plan.places[product.places[operand]].offset as i64;
    kernels::ProductSpec {
        batch: group(&product.batch),
        rows: group(&product.rows),
        columns: group(&product.columns),
        inner: group(&product.inner),
        offsets: [0, 1, 2].map(offset),
        scale: product.scale as f32,
        descends: product.descends,
        symmetric: product.symmetric,
        diagonal: product.diagonal as f32,
        weights: product.weights.map(|place| plan.places[place].offset as i64),
        by_steps,
        ending: kernels::Ending {
            bias: product.ending.bias.map(|bias| kernels::Bias {
                offset: plan.places[bias.place].offset as i64 + bias.offset,
                by_rows: bias.by_rows,
            }),
            rectifies: product.ending.rectifies,
            positive: product.ending.positive.map(|place| plan.places[place].offset as i64 + product.offsets[2]),
        },
    }
}

fn walk_spec(plan: &Plan, walk: &plan::Walk, by_steps: bool) -> Result<kernels::WalkSpec, String> {
    let access = |access: &plan::Access| self::access(plan, access);
    let code = |program: &[plan::Instruction]| program.iter().map(instruction).collect::<Result<Vec<_>, _>>();
    Ok(kernels::WalkSpec {
        loops: walk.loops.iter().map(|l| kernels::Loop { extent: l.extent, reduced: l.reduced }).collect(),
        reads: walk.reads.iter().map(access).collect(),
        program: code(&walk.program)?,
        reduction: walk.reduction.map(reduction),
        ending: code(&walk.ending)?,
        stores: walk.stores.iter().map(|store| (store.value, access(&store.access))).collect(),
        by_steps,
    })
}

fn bound(axis: &plan::Bound) -> kernels::Bound {
    kernels::Bound { extent: axis.extent, step: axis.step, offset: axis.offset, strides: axis.strides.clone() }
}

fn instruction(instruction: &plan::Instruction) -> Result<kernels::Instruction, String> {
    use kernels::Instruction as To;
    use plan::Instruction as From;
    Ok(match instruction {
        From::Reduced => To::Reduced,
        From::Constant(value) => To::Constant(*value as f32),
        From::Rate => To::Rate,
        From::Read(read) => To::Read(*read),
        From::Gather { read, subscripts } => To::Gather(*read, subscripts.clone()),
        From::Position { offset, strides } => {
            To::Position(kernels::Access { offset: *offset, strides: strides.clone(), axes: Vec::new() })
        }
        From::Unary(function, a) => To::Unary(unary(*function)?, *a),
        From::Binary(function, a, b) => To::Binary(binary(*function), *a, *b),
        From::Compare(comparison, a, b) => To::Compare(compare(*comparison), *a, *b),
        From::Select(a, b, c) => To::Select(*a, *b, *c),
    })
}

fn unary(function: plan::Unary) -> Result<kernels::Unary, String> {
    use kernels::Unary as To;
    Ok(match function {
        plan::Unary::Negative => To::Negative,
        plan::Unary::Inverse => To::Inverse,
        plan::Unary::Square => To::Square,
        plan::Unary::HalfPower => To::HalfPower,
        plan::Unary::InverseRoot => To::InverseRoot,
        plan::Unary::Not => To::Not,
        plan::Unary::Call(function) => match function {
            Function::Exp => To::Exp,
            Function::Log => To::Log,
            Function::Sqrt => To::Sqrt,
            Function::Abs => To::Abs,
            Function::Sign => To::Sign,
            Function::Sin => To::Sin,
            Function::Cos => To::Cos,
            Function::Tan => To::Tan,
            Function::Asin => To::Asin,
            Function::Acos => To::Acos,
            Function::Atan => To::Atan,
            Function::Sinh => To::Sinh,
            Function::Cosh => To::Cosh,
            Function::Tanh => To::Tanh,
            Function::Erf => To::Erf,
            Function::Sigmoid => To::Sigmoid,
            Function::Relu => To::Relu,
            Function::Softplus => To::Softplus,
            Function::Gelu => To::Gelu,
            Function::Silu => To::Silu,
            Function::Floor => To::Floor,
            Function::Stop | Function::Max | Function::Min | Function::Mod => {
                return Err(format!("{} is no function of one value here", function.name()));
            }
        },
    })
}

fn binary(function: plan::Binary) -> kernels::Binary {
    use kernels::Binary as To;
    match function {
        plan::Binary::Add => To::Add,
        plan::Binary::Subtract => To::Subtract,
        plan::Binary::Multiply => To::Multiply,
        plan::Binary::Divide => To::Divide,
        plan::Binary::Power => To::Power,
        plan::Binary::And => To::And,
        plan::Binary::Or => To::Or,
        plan::Binary::Max => To::Max,
        plan::Binary::Min => To::Min,
        plan::Binary::Modulo => To::Modulo,
    }
}

fn compare(comparison: Comparison) -> kernels::Comparison {
    use kernels::Comparison as To;
    match comparison {
        Comparison::Equal => To::Equal,
        Comparison::NotEqual => To::NotEqual,
        Comparison::Less => To::Less,
        Comparison::LessEqual => To::LessEqual,
        Comparison::Greater => To::Greater,
        Comparison::GreaterEqual => To::GreaterEqual,
    }
}

fn reduction(reduction: Reduction) -> kernels::Reduction {
    use kernels::Reduction as To;
    match reduction {
        Reduction::Sum => To::Sum,
        Reduction::Prod => To::Prod,
        Reduction::Max => To::Max,
        Reduction::Min => To::Min,
        Reduction::LogSumExp => To::LogSumExp,
        Reduction::ArgMax => To::ArgMax,
        Reduction::ArgMin => To::ArgMin,
    }
}
