//! How good a model is on examples that it was not trained on.

use super::steps::{Column, Stepper, columns, engine, mean};
use super::{Given, TrainError};
use crate::execute::Engine;
use deltarule_core::plan::{Memory, Request};
use deltarule_core::term::Name;

/// How many examples go through the model at once.
const BLOCK: usize = 256;

/// The loss and the metrics, averaged over examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// The loss.
    pub loss: f64,
    /// The metrics, in the order of the model.
    pub metrics: Vec<(Name, f64)>,
}

impl Measures {
    /// The metric of that name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(metric, _)| &**metric == name).map(|(_, value)| *value)
    }
}

/// The engines that look at the held-out examples: one for whole blocks, one for what is left.
pub(super) struct Judge<'a> {
    /// With the numbers of their examples.
    engines: Vec<(usize, Engine)>,
    count: usize,
    data: Vec<Column<'a>>,
    /// The loss, then the metrics, each with whether every example has its own.
    measures: Vec<(Name, bool)>,
    rows: Vec<usize>,
}

impl<'a> Judge<'a> {
    pub fn new(loss: &Name, given: &Given<'a>) -> Result<Judge<'a>, TrainError> {
        let names: Vec<Name> = std::iter::once(loss).chain(&given.model.metrics).cloned().collect();
        let mut measures = Vec::new();
        for name in &names {
            let tensor = given.model.tensor(name).ok_or_else(|| TrainError::Missing(name.clone()))?;
            if tensor.len() != 1 {
                return Err(TrainError::NotScalar(name.clone()));
            }
            measures.push((name.clone(), tensor.per_example));
        }
        let count = given.data.held_out.count;
        // A model without examples is evaluated as if it had one.
        let sizes = [count.clamp(1, BLOCK), if count > BLOCK { count % BLOCK } else { 0 }];
        let sizes = sizes.into_iter().filter(|&size| size > 0);
        let request = |batch| Request { outputs: &names, batch, descend: &[], memory: Memory::Plenty };
        let engines =
            sizes.map(|size| Ok((size, engine(given, &request(size))?))).collect::<Result<_, TrainError>>()?;
        let data = columns(given.model, &given.data.held_out);
        Ok(Judge { engines, count, data, measures, rows: (0..count).collect() })
    }

    /// The means over all held-out examples, in the order of the data and in double precision.
    pub fn measure(&mut self, stepper: &Stepper) -> Result<Measures, TrainError> {
        for (_, engine) in &mut self.engines {
            stepper.write_parameters(engine);
        }
        let mut sums = vec![0.0; self.measures.len()];
        let mut at = 0;
        while at < self.count.max(1) {
            let left = self.count.max(1) - at;
            let number = usize::from(self.engines[0].0 > left);
            let (size, engine) = &mut self.engines[number];
            let rows = &self.rows[at.min(self.count)..self.count.min(at + *size)];
            self.data.iter().for_each(|column| column.gather(rows, engine));
            engine.run(0.0);
            for (sum, (name, per_example)) in sums.iter_mut().zip(&self.measures) {
                let values = engine.tensor(name).unwrap_or_default();
                if *per_example {
                    *sum += values.iter().map(|&value| f64::from(value)).sum::<f64>();
                } else {
                    *sum = mean(values);
                }
            }
            at += *size;
        }
        let average =
            |(sum, (_, per_example)): (f64, &(Name, bool))| if *per_example { sum / self.count as f64 } else { sum };
        let mut values = sums.into_iter().zip(&self.measures).map(average);
        let loss = values.next().unwrap_or(f64::NAN);
        let metrics = self.measures[1..].iter().map(|(name, _)| name.clone()).zip(values).collect();
        Ok(Measures { loss, metrics })
    }
}
