//! Sums of products that stay the same when rows and columns change places, such as `sum[n] w[n] X[n,i] X[n,j]`:
//! of their results half are computed. It is a property of the term, which is decided before its factors are
//! values of their own: with the weights in one of them they are no longer alike.

use super::lower::{Lowering, orders};
use super::tasks::{Work, replace_reads};
use crate::term::{Affine, Index, Name, Node, Term};

/// Sums over more rows than this many indices are not looked at.
const MOST_INDICES: usize = 3;
/// So many values are looked up in a term, and it is made no larger than this.
const MOST_LOOKED_UP: usize = 32;
const LARGEST: usize = 400;

impl Lowering {
    /// Every index of the rows with the index of the columns that it changes places with; none where the product of
    /// the two does not stay the same.
    pub fn symmetric_pairs(&self, product: &Term, rows: &[Index], columns: &[Index]) -> Vec<(Index, Index)> {
        let are_alike =
            |order: &[Index]| rows.iter().map(|i| i.extent.value()).eq(order.iter().map(|i| i.extent.value()));
        let is_large = rows.is_empty() || rows.len() > MOST_INDICES;
        if rows.len() != columns.len() || is_large || self.is_by_steps() {
            return Vec::new();
        }
        let orders: Vec<Vec<Index>> = orders(columns).into_iter().filter(|order| are_alike(order)).collect();
        if orders.is_empty() {
            return Vec::new();
        }
        let moving: Vec<Index> = rows.iter().chain(columns).cloned().collect();
        let Some(product) = self.looked_up(product, &moving) else { return Vec::new() };
        let stays = |order: &&Vec<Index>| {
            let there = rows.iter().zip(*order).map(|(row, column)| (row.clone(), Affine::index(column)));
            let back = order.iter().zip(rows).map(|(column, row)| (column.clone(), Affine::index(row)));
            product.substitute_all(&there.chain(back).collect::<Vec<_>>()) == product
        };
        let order = orders.iter().find(stays);
        order.map(|order| rows.iter().cloned().zip(order.iter().cloned()).collect()).unwrap_or_default()
    }

    /// A term with the reads of values that move with some indices replaced by what they are computed by, as far
    /// as they are neither sums nor computed step by step; `None` where it becomes too large.
    fn looked_up(&self, term: &Term, moving: &[Index]) -> Option<Term> {
        let mut term = term.clone();
        for _ in 0..MOST_LOOKED_UP {
            let Some((name, body, indices)) = self.computed_read(&term, moving) else { return Some(term) };
            // Outside of a value there is 0, which what computes it does not say.
            if self.leaves(&term, &name) {
                return None;
            }
            term = replace_reads(&term, &name, &|subscripts| {
                let pairs: Vec<(Index, Term)> = indices.iter().cloned().zip(subscripts.iter().cloned()).collect();
                body.substitute_terms(&pairs)
            });
            if term.size() > LARGEST {
                return None;
            }
        }
        None
    }

    /// Whether some read of a tensor may leave it.
    fn leaves(&self, term: &Term, name: &Name) -> bool {
        let is_own = matches!(term.node(), Node::Read { tensor, .. } if tensor == name);
        (is_own && !self.stays_inside(term)) || term.children().iter().any(|child| self.leaves(child, name))
    }

    /// A value that a term reads along some indices, by the term that computes it.
    fn computed_read(&self, term: &Term, moving: &[Index]) -> Option<(Name, Term, Vec<Index>)> {
        if !moving.iter().any(|index| term.depends_on(index)) {
            return None;
        }
        if let Node::Read { tensor, .. } = term.node()
            && !self.values[tensor].is_recurrent
            && let Some(task) = self.tasks.iter().rev().find(|task| task.target == *tensor)
            && let Work::Map(body) = &task.work
        {
            return Some((tensor.clone(), body.clone(), task.indices.clone()));
        }
        term.children().iter().find_map(|child| self.computed_read(child, moving))
    }
}
