//! What can be said on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Takes a model in index notation, derives its gradients, checks them, and trains it.
#[derive(Debug, Parser)]
#[command(name = "deltarule", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Options of every verb.
    #[command(flatten)]
    pub common: Common,
}

/// Options of every verb.
#[derive(Debug, Args)]
pub struct Common {
    /// Threads to use; the results have the same bits for any number [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of the first parameters, the shuffling and the points of checks
    #[arg(long, global = true, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Say less on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: `train` shows its plan on standard error, `derive` the plain steps that it folds
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

impl Common {
    /// The number of threads asked for, or all cores.
    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }
}

/// What to do with the model.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Derive, check and compile the model, then train it and report on held-out data
    Train(Train),
    /// Show the backpropagation, step by step, in index and matrix notation
    Derive(Derive),
    /// Check the model and every derivative numerically; exit 1 where one fails
    Check(Check),
    /// Evaluate the loss, tensors, gradients and Jacobians at given values
    Eval(Eval),
    /// Time a training step on random data: samples/s, GFLOP/s, memory and the plan
    Bench(Bench),
}

/// `train`
#[derive(Debug, Args)]
pub struct Train {
    /// The model, a `.dr` file
    pub model: PathBuf,
    /// digits, mnist:DIR, fashion:DIR, cifar10:DIR, csv:FILE, npz:FILE or text:FILE
    #[arg(long, value_name = "SOURCE", default_value = "digits")]
    pub data: String,
    /// Passes over the training data
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub epochs: usize,
    /// Examples in a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub batch: usize,
    /// Learning rate of gradient descent
    #[arg(long, value_name = "X", default_value_t = 0.2, value_parser = positive_number,
        allow_negative_numbers = true)]
    pub rate: f32,
    /// What becomes of values that the backward pass needs again
    #[arg(long, value_enum, default_value_t = Memory::Plenty)]
    pub memory: Memory,
    /// One JSON object a line instead of text
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `derive`
#[derive(Debug, Args)]
pub struct Derive {
    /// The model, a `.dr` file
    pub model: PathBuf,
    /// Only these tensors, separated by commas; `w:b` is the second derivative, by `w` and then by `b`
    /// [default: all that the loss depends on]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub wrt: Vec<String>,
    /// What is differentiated: a scalar, or with `--as jacobian` any tensor
    #[arg(long, value_name = "NAME", default_value = "loss")]
    pub of: String,
    /// Numbers in the place of named sizes, separated by commas: `batch=4,hidden=3`
    #[arg(long = "for", value_name = "SIZE=N", value_delimiter = ',', value_parser = size)]
    pub sizes: Vec<(String, usize)>,
    /// Which notation
    #[arg(long = "as", value_enum, default_value_t = Notation::All)]
    pub notation: Notation,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Document::Text)]
    pub format: Document,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// The models, `.dr` files
    #[arg(required = true)]
    pub models: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `eval`
#[derive(Debug, Args)]
pub struct Eval {
    /// The model, a `.dr` file
    pub model: PathBuf,
    /// One array for each input, target, parameter and constant, by name
    #[arg(long, value_name = "IN.npz")]
    pub values: PathBuf,
    /// Where the results go
    #[arg(long, value_name = "OUT.npz")]
    pub out: PathBuf,
    /// Draw first values from the seed for parameters that are not among the values
    #[arg(long)]
    pub init: bool,
    /// Tensors to write besides the loss, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub outputs: Vec<String>,
    /// Tensors to differentiate by, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub grad: Vec<String>,
    /// The scalar that is differentiated
    #[arg(long, value_name = "NAME", default_value = "loss")]
    pub of: String,
    /// Jacobians `Y:X` of the first example, separated by commas
    #[arg(long, value_name = "Y:X", value_delimiter = ',')]
    pub jacobian: Vec<String>,
    /// In single precision, planned, or in double precision, straight from the definitions
    #[arg(long, value_enum, default_value_t = Engine::Fast)]
    pub engine: Engine,
    /// How to say what was written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `bench`
#[derive(Debug, Args)]
pub struct Bench {
    /// The model, a `.dr` file
    pub model: PathBuf,
    /// Examples in a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub batch: usize,
    /// Steps to time, after some that are not counted
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = positive)]
    pub steps: usize,
    /// Learning rate of gradient descent
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = positive_number,
        allow_negative_numbers = true)]
    pub rate: f32,
    /// Time the evaluation of these tensors, separated by commas, instead of a training step
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub outputs: Vec<String>,
    /// What becomes of values that the backward pass needs again
    #[arg(long, value_enum, default_value_t = Memory::Plenty)]
    pub memory: Memory,
    /// Show every operation with its share of the time and of the processor's peak
    #[arg(long)]
    pub plan: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What becomes of values that are needed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Memory {
    /// They are kept
    Plenty,
    /// Cheap ones, such as activations, are computed again where that lowers the peak; the results are the same
    Low,
}

impl From<Memory> for deltarule_core::plan::Memory {
    fn from(memory: Memory) -> deltarule_core::plan::Memory {
        match memory {
            Memory::Plenty => deltarule_core::plan::Memory::Plenty,
            Memory::Low => deltarule_core::plan::Memory::Low,
        }
    }
}

/// How a derivation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// For the terminal.
    Text,
    /// For GitHub and other places that know its Markdown.
    Markdown,
    /// A document that LaTeX compiles as it is.
    Latex,
    /// One page for a browser, without scripts.
    Html,
    /// For programs.
    Json,
}

/// Which notation a derivation is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notation {
    /// Index notation.
    Index,
    /// The results in matrix notation.
    Matrix,
    /// The local derivatives, or the Jacobian of a tensor, with its structure.
    Jacobian,
    /// Everything.
    All,
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Planned, in single precision.
    Fast,
    /// Straight from the definitions, in double precision.
    Reference,
}

fn size(text: &str) -> Result<(String, usize), String> {
    let (name, number) = text.split_once('=').ok_or("a size and its number are needed: `batch=4`")?;
    Ok((name.trim().to_string(), positive(number.trim())?))
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "a positive integer is needed".into())
}

fn positive_number(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|x| x.is_finite() && *x > 0.0);
    number.ok_or_else(|| "a positive number is needed".into())
}
