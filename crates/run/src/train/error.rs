//! Why training could not be done, or came to nothing.

use deltarule_core::plan::PlanError;
use deltarule_core::term::Name;
use std::fmt;

/// Why training could not be done, or came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainError {
    /// A batch of no examples.
    Batch,
    /// A rate that is no number, infinite, or negative.
    Rate(f32),
    /// Of a tensor there are no values, or not as many as there should be.
    Missing(Name),
    /// The loss is not a scalar.
    NotScalar(Name),
    /// The model cannot be planned.
    Plan(PlanError),
    /// No threads could be had; the system's words.
    Threads(String),
    /// The loss, or a parameter, became infinite or NaN.
    Diverged {
        /// In which epoch, from 1.
        epoch: usize,
        /// In which step of the epoch, from 1.
        step: usize,
        /// The loss; NaN where a parameter is not finite.
        loss: f64,
        /// The rate.
        rate: f32,
        /// Whether it was so before anything was learned.
        first: bool,
    },
    /// A parameter left the domain that is declared of it.
    LeftDomain {
        /// The parameter.
        parameter: Name,
        /// Its value.
        value: f32,
        /// The domain, as it is declared.
        domain: String,
        /// In which epoch, from 1.
        epoch: usize,
        /// In which step of the epoch, from 1.
        step: usize,
        /// The rate.
        rate: f32,
    },
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::Batch => f.write_str("a batch needs at least one example"),
            TrainError::Rate(rate) => write!(f, "the rate {rate} is not a number from 0 on"),
            TrainError::Missing(name) => {
                write!(f, "there are no values for `{name}`, or not as many as the model reads")
            }
            TrainError::NotScalar(name) => write!(f, "`{name}` is no scalar, so it cannot be made small"),
            TrainError::Plan(error) => error.fmt(f),
            TrainError::Threads(reason) => write!(f, "no threads to compute with: {reason}"),
            TrainError::LeftDomain { parameter, value, domain, epoch, step, rate } => write!(
                f,
                "in step {step} of epoch {epoch} `{parameter}` became {value}, but it is declared {domain}; \
                 try a lower rate, {} instead of {rate}, or make it a function of a parameter that is free, such as exp",
                rate / 10.0
            ),
            TrainError::Diverged { loss, first: true, .. } => write!(
                f,
                "the loss is {loss} before the first step; look at the first values of the parameters and at the data"
            ),
            TrainError::Diverged { epoch, step, loss, rate, .. } => write!(
                f,
                "training diverged: in step {step} of epoch {epoch} the loss became {loss}; \
                 try a lower rate, {} instead of {rate}",
                rate / 10.0
            ),
        }
    }
}

impl std::error::Error for TrainError {}

impl From<PlanError> for TrainError {
    fn from(error: PlanError) -> TrainError {
        TrainError::Plan(error)
    }
}
