//! The tree of a model file: what was written, with the place of everything.
//!
//! Nothing is resolved here: a bare name may be an index, a size or a scalar tensor, and
//! juxtaposition is a product whose sums are not yet known. Lists are n-ary, so that a long
//! sum is wide and not deep.

use crate::text::Span;

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// In the order of the file.
    pub statements: Vec<Statement>,
}

/// A name and where it stands. Names hold letters, digits and primes (NFC).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The text. Inside a `for` block it may hold `{l-1}` as written, white space removed; the
    /// model replaces it when the block is repeated.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `size h = 32`
    Size {
        /// The name defined.
        name: Name,
        /// A constant integer expression over sizes.
        value: Expr,
    },
    /// `input x[64]`, `target y[10] onehot`, `param W[h, 64] ~ he`, `const A[3,3]`,
    /// `const eps = 1e-5`
    Declaration(Declaration),
    /// `z[i] = ...`, `loss = ...`
    Equation(Equation),
    /// `metric accuracy = ...`
    Metric(Equation),
    /// `fn softmax[i](z) = ...`
    Function(FunctionDefinition),
    /// `for l in 1..3:` and its block; kept until the model is built.
    For {
        /// The variable.
        variable: Name,
        /// First value.
        first: Expr,
        /// Last value, included.
        last: Expr,
        /// The block.
        body: Vec<Statement>,
    },
    /// `claim a = b = c given d = e`
    Claim(Claim),
}

impl StatementKind {
    /// The name that it defines.
    pub fn defined(&self) -> Option<&Name> {
        match self {
            StatementKind::Size { name, .. } => Some(name),
            StatementKind::Declaration(declaration) => Some(&declaration.name),
            StatementKind::Equation(equation) | StatementKind::Metric(equation) => Some(&equation.name),
            StatementKind::Function(definition) => Some(&definition.name),
            StatementKind::For { .. } | StatementKind::Claim(_) => None,
        }
    }

    /// The name that it defines, to be changed.
    pub fn defined_mut(&mut self) -> Option<&mut Name> {
        match self {
            StatementKind::Size { name, .. } => Some(name),
            StatementKind::Declaration(declaration) => Some(&mut declaration.name),
            StatementKind::Equation(equation) | StatementKind::Metric(equation) => Some(&mut equation.name),
            StatementKind::Function(definition) => Some(&mut definition.name),
            StatementKind::For { .. } | StatementKind::Claim(_) => None,
        }
    }
}

/// `input`, `target`, `param` and `const`.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Which of the four.
    pub role: DeclaredRole,
    /// The name declared.
    pub name: Name,
    /// Constant integer expressions over sizes; `batch` stands as a bare name.
    pub extents: Vec<Expr>,
    /// Words after the shape: `onehot`, `probability`, `int(96)`.
    pub properties: Vec<Property>,
    /// After `~`.
    pub initialiser: Option<Property>,
    /// After `=`: only for `const`.
    pub value: Option<Expr>,
}

/// What is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredRole {
    /// Given per example.
    Input,
    /// Given per example, for the loss and metrics.
    Target,
    /// Learned.
    Param,
    /// A number, or a tensor given with the data.
    Const,
}

/// A word with arguments: `onehot`, `int(96)`, `normal(0, 0.1)`, `he`.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The word.
    pub name: Name,
    /// Constant expressions.
    pub arguments: Vec<Expr>,
}

/// `name[subscripts] = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Equation {
    /// The tensor defined.
    pub name: Name,
    /// Its subscripts on the left.
    pub subscripts: Vec<LeftSubscript>,
    /// The right side.
    pub value: Expr,
}

/// A subscript on the left of an equation: `i`, `r:14`, `t:-1`, `0`.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftSubscript {
    /// Usually a bare name.
    pub index: Expr,
    /// The range given after a colon: an extent, or -1 for the boundary of a recurrence.
    pub range: Option<Expr>,
}

/// `fn name[i, j](u, v) = body`.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionDefinition {
    /// Its name.
    pub name: Name,
    /// Index parameters.
    pub indices: Vec<Name>,
    /// Tensor parameters.
    pub parameters: Vec<Name>,
    /// What a call stands for.
    pub body: Expr,
}

/// `claim first = second = ... given condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// At least two expressions said to be equal.
    pub lines: Vec<ClaimLine>,
}

/// One expression of a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimLine {
    /// The expression.
    pub value: Expr,
    /// What stands after `given` on this line.
    pub given: Option<Expr>,
}

/// An expression and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of expression. Conditions are expressions too: the model tells them apart.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `32`, `1e-5`, `inf`; the text as written, so that decimals stay exact.
    Number(String),
    /// A bare name: an index, a size, a scalar tensor, a constant.
    Name(Name),
    /// `x[i, 2*r+u-1]`, `x_i`, `W1_ij`, `x_{i,r+u}`; `pad(x, -inf)[...]`.
    Read {
        /// The tensor.
        tensor: Name,
        /// What it reads outside: `pad(x)` is `Some(None)`, `pad(x, v)` is `Some(Some(v))`.
        pad: Option<Option<Box<Expr>>>,
        /// At least one.
        subscripts: Vec<Expr>,
    },
    /// `a + b - c`: each with its sign, `true` where it is subtracted.
    Sum(Vec<(bool, Expr)>),
    /// `a * b / c`, and juxtaposition. Never holds a `Product` that was written without
    /// brackets; brackets are kept as `Group`.
    Product(Vec<Factor>),
    /// `-a`
    Negate(Box<Expr>),
    /// `a ^ b`
    Power(Box<Expr>, Box<Expr>),
    /// `(a)`
    Group(Box<Expr>),
    /// `name(arguments)`, or `name[indices](arguments)` for a function with indices. Also the
    /// scalar functions, `where`, `stop` and `delta(i,j)`.
    Call {
        /// The function (`σ` already read as `sigmoid`).
        function: Name,
        /// `softmax[k](...)`: the caller's indices.
        indices: Vec<Expr>,
        /// The arguments.
        arguments: Vec<Expr>,
    },
    /// `sum[j, u:5] body`
    Reduce {
        /// Which.
        reduction: Reduction,
        /// Where the word stands.
        keyword: Span,
        /// The indices bound, each perhaps with a range, in the order written.
        binders: Vec<Binder>,
        /// The product that follows.
        body: Box<Expr>,
    },
    /// `[condition]`
    Bracket(Box<Expr>),
    /// `delta[i, j]`
    Delta(Box<Expr>, Box<Expr>),
    /// `a < b`; chains `a <= b < c` are read as `a <= b and b < c`.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a and b and c`
    And(Vec<Expr>),
    /// `a or b or c`
    Or(Vec<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `floor(i/2)` is a `Call`; `i mod n` is this.
    Mod(Box<Expr>, Box<Expr>),
    /// `∂a/∂x[i]`, `d(a)/d(x[i])`
    Derivative {
        /// What is differentiated.
        of: Box<Expr>,
        /// A read or a bare name.
        wrt: Box<Expr>,
    },
}

impl Expr {
    /// The expressions directly inside, each with whether it is a subscript.
    pub fn parts(&self) -> Vec<(&Expr, bool)> {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Name(_) => Vec::new(),
            ExprKind::Read { pad, subscripts, .. } => {
                let padding = pad.iter().flatten().map(|padding| (&**padding, false));
                padding.chain(subscripts.iter().map(|subscript| (subscript, true))).collect()
            }
            ExprKind::Sum(addends) => addends.iter().map(|(_, addend)| (addend, false)).collect(),
            ExprKind::Product(factors) => factors.iter().map(|factor| (&factor.value, false)).collect(),
            ExprKind::Negate(inner) | ExprKind::Group(inner) | ExprKind::Bracket(inner) | ExprKind::Not(inner) => {
                vec![(&**inner, false)]
            }
            ExprKind::Power(a, b) | ExprKind::Compare(_, a, b) | ExprKind::Mod(a, b) => {
                vec![(&**a, false), (&**b, false)]
            }
            ExprKind::Delta(a, b) => vec![(&**a, true), (&**b, true)],
            ExprKind::Call { indices, arguments, .. } => {
                let indices = indices.iter().map(|index| (index, true));
                indices.chain(arguments.iter().map(|argument| (argument, false))).collect()
            }
            ExprKind::Reduce { body, .. } => vec![(&**body, false)],
            ExprKind::And(all) | ExprKind::Or(all) => all.iter().map(|part| (part, false)).collect(),
            ExprKind::Derivative { of, wrt } => vec![(&**of, false), (&**wrt, false)],
        }
    }

    /// Calls a function with an expression and everything inside it, from the outside in.
    pub fn visit<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        f(self);
        self.parts().into_iter().for_each(|(part, _)| part.visit(f));
    }
}

/// A factor of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The factor.
    pub value: Expr,
    /// Whether it divides.
    pub divides: bool,
}

/// An index bound by a reduction.
#[derive(Debug, Clone, PartialEq)]
pub struct Binder {
    /// The letter.
    pub name: Name,
    /// The range given after a colon, a constant integer expression.
    pub range: Option<Expr>,
}

/// Reductions as they are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Mean,
    Prod,
    Max,
    Min,
    ArgMax,
    ArgMin,
    LogSumExp,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}
