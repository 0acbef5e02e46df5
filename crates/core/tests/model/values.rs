//! The summation convention, ranges, expressions and functions, against loops.

use super::{check, sum};

#[test]
fn free_indices_make_no_sum() {
    check("t[i] = u[i] v[i]", &[3], |m, at| m.at("u", at) * m.at("v", at));
    check("t[i,j] = u[i] delta[i,j]", &[3, 3], |m, at| if at[0] == at[1] { m.at("u", &at[..1]) } else { 0.0 });
    check("t[i] = C[i,i]", &[3], |m, at| m.at("C", &[at[0], at[0]]));
    check("t = sum[i] C[i,i]", &[], |m, _| sum(3, |i| m.at("C", &[i, i])));
    check("t[j,i] = C[i,j]", &[3, 3], |m, at| m.at("C", &[at[1], at[0]]));
}

#[test]
fn repeated_indices_are_summed_term_by_term() {
    check("t[i] = C[i,j] u[j] + v[i]", &[3], |m, at| {
        sum(3, |j| m.at("C", &[at[0], j]) * m.at("u", &[j])) + m.at("v", at)
    });
    check("t[i] = A[i,k] w[k] - w[j] B[j,i]", &[3], |m, at| {
        sum(4, |k| m.at("A", &[at[0], k]) * m.at("w", &[k])) - sum(4, |j| m.at("w", &[j]) * m.at("B", &[j, at[0]]))
    });
    // The same letter in two terms is two indices, here of different ranges.
    check("t = u[j] v[j] + w[j] w[j]", &[], |m, _| {
        sum(3, |j| m.at("u", &[j]) * m.at("v", &[j])) + sum(4, |j| m.at("w", &[j]).powi(2))
    });
    check("t = u[i] v[i] x[i]", &[], |m, _| sum(3, |i| m.at("u", &[i]) * m.at("v", &[i]) * m.at("x", &[i])));
    check("t[i] = A[i,j] B[j,k] u[k]", &[3], |m, at| {
        sum(4, |j| sum(3, |k| m.at("A", &[at[0], j]) * m.at("B", &[j, k]) * m.at("u", &[k])))
    });
    check("t = -u[i] exp(v[i])", &[], |m, _| -sum(3, |i| m.at("u", &[i]) * m.at("v", &[i]).exp()));
    check("t = C[i,i] u[i]", &[], |m, _| sum(3, |i| m.at("C", &[i, i]) * m.at("u", &[i])));
}

#[test]
fn division_counts_as_a_factor() {
    check("t = u[i] / v[i]", &[], |m, _| sum(3, |i| m.at("u", &[i]) / m.at("v", &[i])));
    check("t = 1 / (u[i] v[i])", &[], |m, _| 1.0 / sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])));
    check("t = u[i] / (1 + v[i]^2)", &[], |m, _| sum(3, |i| m.at("u", &[i]) / (1.0 + m.at("v", &[i]).powi(2))));
}

#[test]
fn the_outermost_product_is_the_one_summed() {
    let exponent = |m: &super::Values, i: usize| sum(4, |j| m.at("A", &[i, j]) * m.at("w", &[j]));
    // Inside a function, where only there two factors have the index.
    check("t[i] = exp(A[i,j] w[j])", &[3], |m, at| exponent(m, at[0]).exp());
    check("t[i] = exp(A[i,j] w[j]) u[i]", &[3], |m, at| exponent(m, at[0]).exp() * m.at("u", at));
    // Outside, where another factor has it too: then the product in brackets makes no sum.
    check("t[i] = exp(A[i,j] w[j]) w[j]", &[3], |m, at| {
        sum(4, |j| (m.at("A", &[at[0], j]) * m.at("w", &[j])).exp() * m.at("w", &[j]))
    });
    check("t = exp(u[j]) v[j]", &[], |m, _| sum(3, |j| m.at("u", &[j]).exp() * m.at("v", &[j])));
    check("t = (u[k] v[k]) s", &[], |m, _| sum(3, |k| m.at("u", &[k]) * m.at("v", &[k])) * m.at("s", &[]));
    check("t = (u[k] v[k]) x[k]", &[], |m, _| sum(3, |k| m.at("u", &[k]) * m.at("v", &[k]) * m.at("x", &[k])));
    check("t = (u[k] v[k])^2", &[], |m, _| sum(3, |k| m.at("u", &[k]) * m.at("v", &[k])).powi(2));
    check("t = u[i] (v[i] + x[i])", &[], |m, _| sum(3, |i| m.at("u", &[i]) * (m.at("v", &[i]) + m.at("x", &[i]))));
    check("t = u[i] (v[i] + 1)", &[], |m, _| sum(3, |i| m.at("u", &[i]) * (m.at("v", &[i]) + 1.0)));
    // Two products inside each other, each with its own index.
    check("t = u[i] (C[i,j] v[j] + s)", &[], |m, _| {
        sum(3, |i| m.at("u", &[i]) * (sum(3, |j| m.at("C", &[i, j]) * m.at("v", &[j])) + m.at("s", &[])))
    });
    // The sum is over j in the outer product, and stands around the whole of the inner ones.
    check("t = u[j] exp(v[j] x[j] + s)", &[], |m, _| {
        sum(3, |j| m.at("u", &[j]) * (m.at("v", &[j]) * m.at("x", &[j]) + m.at("s", &[])).exp())
    });
}

#[test]
fn conditions_and_comparisons_take_part() {
    check("t = [i <= 1] u[i]", &[], |m, _| m.at("u", &[0]) + m.at("u", &[1]));
    check("t = delta[i,2] u[i]", &[], |m, _| m.at("u", &[2]));
    check("t[i] = [u[i] < v[i] and not x[i] > 0 or i = 0]", &[3], |m, at| {
        let holds = m.at("u", at) < m.at("v", at) && m.at("x", at) <= 0.0 || at[0] == 0;
        f64::from(u8::from(holds))
    });
    check("t = [u[i] v[i] > 0]", &[], |m, _| f64::from(u8::from(sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])) > 0.0)));
    let third = |m: &super::Values, at: &[usize]| f64::from(u8::from(m.at("c", &[]) == at[0] as f64));
    check("input c int(3)\nt[i:3] = delta[c, i]", &[3], third);
    check("input c int(3)\nt[i:3] = delta[i, c]", &[3], third);
    check("input c int(3)\nfn at[i](c) = delta[c, i]\nt[j:3] = at[j](c)", &[3], third);
    check("input c[2] int(3)\nt[i:3] = delta[c[1], i]", &[3], |m, at| {
        f64::from(u8::from(m.at("c", &[1]) == at[0] as f64))
    });
    check("t[i] = where(u[i] > 0, u[i], half v[i])", &[3], |m, at| {
        if m.at("u", at) > 0.0 { m.at("u", at) } else { 0.5 * m.at("v", at) }
    });
    check(
        "t[i,j:3] = delta[i, j + 1] u[i]",
        &[3, 3],
        |m, at| {
            if at[0] == at[1] + 1 { m.at("u", &at[..1]) } else { 0.0 }
        },
    );
}

#[test]
fn reductions_bind_their_indices() {
    check("t = mean[i] u[i]", &[], |m, _| sum(3, |i| m.at("u", &[i])) / 3.0);
    check("t = mean[i,j] A[i,j]", &[], |m, _| sum(12, |i| m.row("A")[i]) / 12.0);
    check("t = prod[i] u[i]", &[], |m, _| m.row("u").iter().product());
    check("t[i] = max[j] A[i,j]", &[3], |m, at| (0..4).map(|j| m.at("A", &[at[0], j])).fold(f64::MIN, f64::max));
    check("t = min[i,j] A[i,j]", &[], |m, _| m.row("A").into_iter().fold(f64::MAX, f64::min));
    check("t = logsumexp[j] w[j]", &[], |m, _| sum(4, |j| m.at("w", &[j]).exp()).ln());
    check("t = argmax[j] w[j]", &[], |m, _| {
        (0..4).max_by(|&a, &b| m.at("w", &[a]).total_cmp(&m.at("w", &[b]))).unwrap() as f64
    });
    check("t = argmin[j] w[j]", &[], |m, _| {
        (0..4).min_by(|&a, &b| m.at("w", &[a]).total_cmp(&m.at("w", &[b]))).unwrap() as f64
    });
    // The body is the product that follows, in which the convention holds as well.
    check("t = sum[i] A[i,j] w[j] + s", &[], |m, _| {
        sum(3, |i| sum(4, |j| m.at("A", &[i, j]) * m.at("w", &[j]))) + m.at("s", &[])
    });
    // Every reduction has its own index, also where the letter is free.
    check("t[i] = exp(u[i]) / sum[i] exp(u[i])", &[3], |m, at| m.at("u", at).exp() / sum(3, |i| m.at("u", &[i]).exp()));
    check("t = sum[i] (u[i] max[i] w[i])", &[], |m, _| {
        sum(3, |i| m.at("u", &[i])) * m.row("w").into_iter().fold(f64::MIN, f64::max)
    });
    check("t = sum[i:5] i^2", &[], |_, _| 30.0);
}

#[test]
fn ranges_come_from_subscripts_or_are_given() {
    check("t[i:5] = i / 4", &[5], |_, at| at[0] as f64 / 4.0);
    check("t[i:3] = u[i]", &[3], |m, at| m.at("u", at));
    check("t[i:n+1] = i + n", &[4], |_, at| at[0] as f64 + 3.0);
    check("t[i:3,j:2] = u[0] + i - j", &[3, 2], |m, at| m.at("u", &[0]) + at[0] as f64 - at[1] as f64);
    check("t = i u[i]", &[], |m, _| sum(3, |i| i as f64 * m.at("u", &[i])));
    check("t[j] = sum[i:4] [i = j] w[i]", &[4], |m, at| m.at("w", at));
    check("t[i] = C[i, n - 1] + C[0, i]", &[3], |m, at| m.at("C", &[at[0], 2]) + m.at("C", &[0, at[0]]));
    check("t = u_i v_i + C_{0,2}", &[], |m, _| sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])) + m.at("C", &[0, 2]));
}

#[test]
fn a_letter_may_be_the_name_of_a_tensor() {
    check("t[u] = v[u]", &[3], |m, at| m.at("v", at));
    check("t = sum[s] w[s] + s", &[], |m, _| sum(4, |j| m.at("w", &[j])) + m.at("s", &[]));
}

#[test]
fn functions_are_expanded_by_name() {
    check("fn f(a, b) = a - 2 b\nt[i] = f(u[i], v[i])", &[3], |m, at| m.at("u", at) - 2.0 * m.at("v", at));
    // An argument is a term of its own: it sums inside.
    check("fn f(a) = a^2\nt = f(u[i] v[i])", &[], |m, _| sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])).powi(2));
    check("fn f(a) = a^2\nt = f(u[i] v[i]) x[i] u[i]", &[], |m, _| {
        sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])).powi(2) * sum(3, |i| m.at("x", &[i]) * m.at("u", &[i]))
    });
    check("fn f(a) = a^2\nt = exp(f(u[i] v[i]) + x[i]) u[i]", &[], |m, _| {
        let square = sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])).powi(2);
        sum(3, |i| (square + m.at("x", &[i])).exp() * m.at("u", &[i]))
    });
    // An index of one factor of an argument meets another factor of the caller.
    check("fn f(a) = a^2\nt = f(u[i]) v[i]", &[], |m, _| sum(3, |i| m.at("u", &[i]).powi(2) * m.at("v", &[i])));
    // The body sees the argument at other indices.
    check("fn d[i](z) = z[i] - z[0]\nt[k] = d[k](u[k])", &[3], |m, at| m.at("u", at) - m.at("u", &[0]));
    check("fn tr[i,j](M) = sum[k] M[k,k]\nt = tr[a,b](C[a,b])", &[], |m, _| sum(3, |k| m.at("C", &[k, k])));
    check("fn tp[i,j](M) = M[j,i]\nt[a,b] = tp[a,b](C[a,b])", &[3, 3], |m, at| m.at("C", &[at[1], at[0]]));
    // A parameter without subscripts is the argument itself.
    check("fn f[i](z) = z + max[k] z[k]\nt[k] = f[k](u[k])", &[3], |m, at| {
        m.at("u", at) + m.row("u").into_iter().fold(f64::MIN, f64::max)
    });
    check("fn f(a, b) = a\nt[i] = f(u[i], w[j])", &[3], |m, at| m.at("u", at));
    check("fn g(a) = a + 1\nfn f(a) = 2 g(a)\nt[i] = f(g(u[i]))", &[3], |m, at| 2.0 * (m.at("u", at) + 2.0));
}

#[test]
fn letters_of_callers_and_definitions_never_meet() {
    // The body sums over k, and the argument has the caller's k.
    check("fn f[i](z) = z[i] sum[k] z[k]\nt[k] = f[k](u[k])", &[3], |m, at| {
        m.at("u", at) * sum(3, |k| m.at("u", &[k]))
    });
    check("fn f[i](z) = sum[k] z[k]\nt[k] = f[j](C[k,j])", &[3], |m, at| sum(3, |j| m.at("C", &[at[0], j])));
    // The argument has the caller's i, the body binds its own.
    check("fn f[k](z) = sum[i] z[i] (z[k] + i)\nt[i,k] = f[k](C[i,k])", &[3, 3], |m, at| {
        sum(3, |i| m.at("C", &[at[0], i]) * (m.at("C", at) + i as f64))
    });
    // A dummy that the body sums over by the convention, and one of the caller.
    check("fn f[i](a, b) = a[j] b[j]\nt[j] = u[j] f[k](C[j,k], C[k,j])", &[3], |m, at| {
        m.at("u", at) * sum(3, |k| m.at("C", &[at[0], k]) * m.at("C", &[k, at[0]]))
    });
    check("fn f[i](a, b) = a[j] b[j]\nt = f[j](u[j], f[k](C[j,k], v[k]))", &[], |m, _| {
        sum(3, |j| m.at("u", &[j]) * sum(3, |k| m.at("C", &[j, k]) * m.at("v", &[k])))
    });
    // Nested calls of one function with one letter.
    check("t[i] = softmax[i](softmax[i](u[i]))", &[3], |m, at| {
        let soft = |z: Vec<f64>| {
            let total: f64 = z.iter().map(|z| z.exp()).sum();
            z.iter().map(|z| z.exp() / total).collect::<Vec<f64>>()
        };
        soft(soft(m.row("u")))[at[0]]
    });
}

#[test]
fn bodies_and_arguments_keep_their_own_names() {
    // A parameter named as a tensor of the file, and an argument that reads that tensor.
    check("fn f(u) = u + s\nt[i] = f(v[i] + u[i])", &[3], |m, at| m.at("v", at) + m.at("u", at) + m.at("s", &[]));
    check("fn f(a, b) = a - b\nfn g(b, a) = f(a, b)\nt = g(s, r)", &[], |m, _| m.at("r", &[]) - m.at("s", &[]));
    // A size defined after a function is no size in its body, nor in the prelude.
    check("fn f[i](z) = sum[k] z[k]\nsize k = 2\nt = f[j](u[j]) + k", &[], |m, _| sum(3, |j| m.at("u", &[j])) + 2.0);
    check("size k = 2\nt[i] = softmax[i](u[i])", &[3], |m, at| m.at("u", at).exp() / sum(3, |i| m.at("u", &[i]).exp()));
    // A function of the file hides one of the prelude, but not from the prelude.
    check("fn variance[i](x) = 7\nt = variance[i](u[i]) + deviation[i](u[i])^2", &[], |m, _| {
        let mean = sum(3, |i| m.at("u", &[i])) / 3.0;
        7.0 + sum(3, |i| (m.at("u", &[i]) - mean).powi(2)) / 3.0
    });
    check("variance = variance[i](u[i])\nt = variance", &[], |m, _| {
        let mean = sum(3, |i| m.at("u", &[i])) / 3.0;
        sum(3, |i| (m.at("u", &[i]) - mean).powi(2)) / 3.0
    });
}

#[test]
fn expressions_are_read_as_written() {
    check("t[i] = -u[i]^2", &[3], |m, at| -m.at("u", at).powi(2));
    check("t[i] = 2^3^u[i]", &[3], |m, at| 2f64.powf(3f64.powf(m.at("u", at))));
    check("t[i] = u[i] / 2 / n", &[3], |m, at| m.at("u", at) / 6.0);
    check("t[i] = u[i] - (v[i] - x[i]) - 1e-3", &[3], |m, at| m.at("u", at) - m.at("v", at) + m.at("x", at) - 1e-3);
    check("t[i] = max(u[i], v[i]) + min(u[i], 0)", &[3], |m, at| {
        m.at("u", at).max(m.at("v", at)) + m.at("u", at).min(0.0)
    });
    check("t[i] = σ(u[i]) + relu(v[i])", &[3], |m, at| 1.0 / (1.0 + (-m.at("u", at)).exp()) + m.at("v", at).max(0.0));
    check("t[i] = floor(4 u[i]) + (i mod 2)", &[3], |m, at| (4.0 * m.at("u", at)).floor() + (at[0] % 2) as f64);
    check("const third = 1/3\nconst c = sqrt(2) third - half\nt = c", &[], |_, _| 2f64.sqrt() / 3.0 - 0.5);
}

#[test]
fn calls_take_part_in_the_convention() {
    let soft = |m: &super::Values, k: usize| m.at("u", &[k]).exp() / sum(3, |k| m.at("u", &[k]).exp());
    // The body reads the index of this call, so the call has it; the other binds it.
    check("t = softmax[k](u[k]) v[k]", &[], |m, _| sum(3, |k| soft(m, k) * m.at("v", &[k])));
    check("t[k] = sumsquares[k](u[k]) v[k]", &[3], |m, at| sum(3, |k| m.at("u", &[k]).powi(2)) * m.at("v", at));
    check("t = sumsquares[k](u[k]) v[k] x[k]", &[], |m, _| {
        sum(3, |k| m.at("u", &[k]).powi(2)) * sum(3, |k| m.at("v", &[k]) * m.at("x", &[k]))
    });
    // A condition can be an argument.
    check("fn pick(c, a) = where(c, a, 0)\nt[i] = pick([u[i] > 0], v[i])", &[3], |m, at| {
        if m.at("u", at) > 0.0 { m.at("v", at) } else { 0.0 }
    });
    // An index of the caller that is summed outside may stand deep in an argument.
    check("fn f[i](z) = max[k] z[k]\nt = u[i] f[j](C[i,j] + v[i])", &[], |m, _| {
        let most = |i| (0..3).map(|j| m.at("C", &[i, j]) + m.at("v", &[i])).fold(f64::MIN, f64::max);
        sum(3, |i| m.at("u", &[i]) * most(i))
    });
}

#[test]
fn pi_is_a_constant_unless_the_name_has_another_meaning() {
    use std::f64::consts::PI;
    check("t[i] = sin(2 pi u[i]) / sqrt(2 π)", &[3], |m, at| (2.0 * PI * m.at("u", at)).sin() / (2.0 * PI).sqrt());
    check("const right = pi / 2\nt = right s", &[], |m, _| PI / 2.0 * m.at("s", &[]));
    check("fn turn(x) = 2 pi x\nt = turn(s)", &[], |m, _| 2.0 * PI * m.at("s", &[]));
    // An index, on the left and summed; a tensor; a size; a function.
    check("t[pi] = pi u[pi]", &[3], |m, at| at[0] as f64 * m.at("u", at));
    check("t = sum[pi] u[pi] v[pi]", &[], |m, _| sum(3, |i| m.at("u", &[i]) * m.at("v", &[i])));
    check("pi = 3 s\nt = pi + pi", &[], |m, _| 6.0 * m.at("s", &[]));
    check("pi[i] = 2 u[i]\nt = sum[i] pi[i]", &[], |m, _| sum(3, |i| 2.0 * m.at("u", &[i])));
    check("size pi = 3\nt = pi s", &[], |m, _| 3.0 * m.at("s", &[]));
    check("fn pi(x) = x + 1\nt = pi(s)", &[], |m, _| m.at("s", &[]) + 1.0);
}
