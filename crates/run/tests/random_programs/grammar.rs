//! Programs as trees of our own: nothing here knows the terms of the project.

/// A whole program: what is given, and equations that each read what stands above them.
#[derive(Debug, Clone)]
pub struct Program {
    pub tensors: Vec<Tensor>,
    pub equations: Vec<Equation>,
    /// The scalar that is differentiated: `loss`, or another equation without axes.
    pub target: String,
}

/// A tensor that is given.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Param,
    Input,
    Target,
    Const,
    /// Integers below this.
    Tokens(usize),
}

/// `name[left] = body`
#[derive(Debug, Clone)]
pub struct Equation {
    pub name: String,
    pub left: Vec<Binder>,
    pub body: Expr,
    /// What stands before the first entry along the first axis, where the equation reads itself.
    pub boundary: Option<Expr>,
}

/// An index: a number of its own in the whole program, and how many values it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binder {
    pub letter: usize,
    pub extent: usize,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Expr {
    Number(&'static str),
    /// An index, or what is made of indices, as a number.
    Integer(Sub),
    Read(Read),
    /// The first is added, each other one added or subtracted.
    Sum(Vec<(bool, Expr)>),
    /// Two or more factors.
    Product(Vec<Expr>),
    Quotient(Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
    Power(Box<Expr>, Box<Expr>),
    Call(Call, Vec<Expr>),
    /// `[condition] expression`
    Mask(Condition, Box<Expr>),
    Where(Condition, Box<Expr>, Box<Expr>),
    /// Over all values of the binders; the flag says that a sum is written by convention, if it can be.
    Reduce(Reduce, Vec<Binder>, Box<Expr>, bool),
    /// An entry of a row of exponentials over their sum, or the like: the letter where it is read, the
    /// letter of the row, the body in the letter of the row, and how it is spelled.
    Row(Row, usize, Binder, Box<Expr>, Spelling),
    /// `fn` number this, of two arguments.
    Apply(usize, Vec<Expr>),
    /// An argument of the function whose body this is in.
    Argument(usize),
}

/// An entry of a tensor, and what is found outside: nothing, 0 or a value.
#[derive(Debug, Clone)]
pub struct Read {
    pub tensor: String,
    pub subs: Vec<Sub>,
    pub outside: Outside,
}

#[derive(Debug, Clone)]
pub enum Outside {
    Never,
    Zero,
    Value(Box<Expr>),
}

/// An integer.
#[derive(Debug, Clone)]
pub enum Sub {
    /// `Σ factor letter + constant`
    Affine(Vec<(i64, usize)>, i64),
    Floor(Box<Sub>, i64),
    Mod(Box<Sub>, i64),
    /// `factor a + b`
    Plus(i64, Box<Sub>, Box<Sub>),
    Token(String, Vec<Sub>),
    /// Where the greatest or the least value is.
    Place(bool, Binder, Box<Expr>),
}

#[derive(Debug, Clone)]
pub enum Condition {
    Integers(Compare, Sub, Sub),
    Values(Compare, Box<Expr>, Box<Expr>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Less,
    AtMost,
    Equal,
    Differs,
    AtLeast,
    Greater,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    Sum,
    Mean,
    Prod,
    Max,
    Min,
    LogSumExp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Softmax,
    LogSoftmax,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    Call,
    Quotient,
    /// With the greatest value subtracted.
    Shifted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Exp,
    Log,
    Sqrt,
    Abs,
    Sign,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Erf,
    Sigmoid,
    Relu,
    Softplus,
    Gelu,
    Silu,
    Max,
    Min,
    Stop,
}

impl Expr {
    /// The expressions directly inside, in a fixed order.
    pub fn parts(&mut self) -> Vec<&mut Expr> {
        match self {
            Expr::Number(_) | Expr::Argument(_) => Vec::new(),
            Expr::Integer(sub) => sub.parts(),
            Expr::Read(read) => {
                let mut all: Vec<&mut Expr> = read.subs.iter_mut().flat_map(Sub::parts).collect();
                if let Outside::Value(value) = &mut read.outside {
                    all.push(value);
                }
                all
            }
            Expr::Sum(addends) => addends.iter_mut().map(|(_, addend)| addend).collect(),
            Expr::Product(all) | Expr::Call(_, all) | Expr::Apply(_, all) => all.iter_mut().collect(),
            Expr::Quotient(a, b) | Expr::Power(a, b) => vec![a, b],
            Expr::Negative(a) | Expr::Reduce(_, _, a, _) | Expr::Row(_, _, _, a, _) => vec![a],
            Expr::Mask(condition, a) => [condition.parts(), vec![&mut **a]].into_iter().flatten().collect(),
            Expr::Where(condition, a, b) => {
                [condition.parts(), vec![&mut **a, &mut **b]].into_iter().flatten().collect()
            }
        }
    }

    /// All expressions, this one first.
    pub fn each(&mut self, found: &mut dyn FnMut(&mut Expr)) {
        found(self);
        self.parts().into_iter().for_each(|part| part.each(found));
    }

    /// The expression that is found after this many others, itself the first.
    pub fn at(&mut self, number: &mut usize) -> Option<&mut Expr> {
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        self.parts().into_iter().find_map(|part| part.at(number))
    }

    /// How many expressions there are, and how large their numbers and ranges.
    pub fn size(&mut self) -> usize {
        let mut size = 0;
        self.each(&mut |expr| {
            size += 4;
            size += match expr {
                Expr::Reduce(_, binders, _, implicit) => {
                    usize::from(*implicit) + binders.iter().map(|binder| binder.extent + 1).sum::<usize>()
                }
                Expr::Row(_, _, _, _, spelling) => 1 + usize::from(*spelling != Spelling::Call),
                Expr::Integer(sub) => sub.size(),
                Expr::Read(read) => {
                    2 * usize::from(!matches!(read.outside, Outside::Never))
                        + read.subs.iter_mut().map(Sub::size).sum::<usize>()
                }
                Expr::Mask(condition, _) | Expr::Where(condition, _, _) => condition.size(),
                Expr::Sum(_) | Expr::Product(_) | Expr::Quotient(..) => 1,
                Expr::Power(..) | Expr::Call(..) | Expr::Apply(..) => 2,
                Expr::Number(text) => usize::from(*text != "2"),
                Expr::Negative(_) | Expr::Argument(_) => 0,
            };
        });
        size
    }
}

impl Sub {
    /// An index by itself.
    pub fn letter(letter: usize) -> Sub {
        Sub::Affine(vec![(1, letter)], 0)
    }

    pub fn constant(value: i64) -> Sub {
        Sub::Affine(Vec::new(), value)
    }

    /// Its value where the indices have these; `None` where it depends on numbers.
    pub fn value(&self, letter: &dyn Fn(usize) -> i64) -> Option<i64> {
        match self {
            Sub::Affine(terms, constant) => {
                Some(constant + terms.iter().map(|(factor, own)| factor * letter(*own)).sum::<i64>())
            }
            Sub::Floor(a, by) => Some(a.value(letter)?.div_euclid(*by)),
            Sub::Mod(a, by) => Some(a.value(letter)?.rem_euclid(*by)),
            Sub::Plus(factor, a, b) => Some(factor * a.value(letter)? + b.value(letter)?),
            Sub::Token(..) | Sub::Place(..) => None,
        }
    }

    /// The index that it is by itself.
    pub fn as_letter(&self) -> Option<usize> {
        match self {
            Sub::Affine(terms, 0) if terms.len() == 1 && terms[0].0 == 1 => Some(terms[0].1),
            _ => None,
        }
    }

    /// The expressions inside.
    pub fn parts(&mut self) -> Vec<&mut Expr> {
        match self {
            Sub::Affine(..) => Vec::new(),
            Sub::Floor(a, _) | Sub::Mod(a, _) => a.parts(),
            Sub::Plus(_, a, b) => [a.parts(), b.parts()].into_iter().flatten().collect(),
            Sub::Token(_, subs) => subs.iter_mut().flat_map(Sub::parts).collect(),
            Sub::Place(_, _, body) => vec![body],
        }
    }

    pub fn size(&mut self) -> usize {
        match self {
            Sub::Affine(terms, constant) => {
                terms.iter().map(|(factor, _)| factor.unsigned_abs() as usize).sum::<usize>()
                    + constant.unsigned_abs() as usize
            }
            Sub::Floor(a, by) | Sub::Mod(a, by) => 3 + *by as usize + a.size(),
            Sub::Plus(factor, a, b) => 2 + factor.unsigned_abs() as usize + a.size() + b.size(),
            Sub::Token(_, subs) => 6 + subs.iter_mut().map(Sub::size).sum::<usize>(),
            Sub::Place(_, binder, _) => 8 + binder.extent,
        }
    }
}

impl Condition {
    /// The expressions inside.
    pub fn parts(&mut self) -> Vec<&mut Expr> {
        match self {
            Condition::Integers(_, a, b) => [a.parts(), b.parts()].into_iter().flatten().collect(),
            Condition::Values(_, a, b) => vec![a, b],
            Condition::And(a, b) | Condition::Or(a, b) => [a.parts(), b.parts()].into_iter().flatten().collect(),
            Condition::Not(a) => a.parts(),
        }
    }

    pub fn size(&mut self) -> usize {
        match self {
            Condition::Integers(_, a, b) => 2 + a.size() + b.size(),
            Condition::Values(..) => 2,
            Condition::And(a, b) | Condition::Or(a, b) => 3 + a.size() + b.size(),
            Condition::Not(a) => 2 + a.size(),
        }
    }
}

impl Program {
    pub fn equation(&self, name: &str) -> Option<&Equation> {
        self.equations.iter().find(|equation| equation.name == name)
    }

    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The shape of what is given or defined.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let given = self.tensor(name).map(|tensor| tensor.shape.clone());
        given.or_else(|| Some(self.equation(name)?.left.iter().map(|binder| binder.extent).collect()))
    }

    /// All names by which is differentiated.
    pub fn variables(&self) -> Vec<&Tensor> {
        self.tensors.iter().filter(|tensor| matches!(tensor.kind, Kind::Param | Kind::Input)).collect()
    }

    /// How much there is of it.
    pub fn size(&mut self) -> usize {
        let entries: usize = self.tensors.iter().map(|tensor| 3 + tensor.shape.iter().sum::<usize>()).sum();
        let of_equations = self.equations.iter_mut().map(|equation| {
            let boundary = equation.boundary.as_mut().map_or(0, |boundary| 3 + boundary.size());
            let left: usize = equation.left.iter().map(|binder| binder.extent + 2).sum();
            5 + left + boundary + equation.body.size()
        });
        entries + of_equations.sum::<usize>()
    }
}
