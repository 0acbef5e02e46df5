//! Compound subscripts, padding, given ranges and integer subscripts, against loops.

use super::{Values, build, check, sum, try_build};
use deltarule_core::page::{index::equation, text};

/// The entry, or 0 outside.
fn padded(m: &Values, name: &str, at: &[isize]) -> f64 {
    let shape = &m.array(name).shape;
    let inside = at.iter().zip(shape).all(|(&at, &extent)| at >= 0 && (at as usize) < extent);
    if inside { m.at(name, &at.iter().map(|&at| at as usize).collect::<Vec<_>>()) } else { 0.0 }
}

const SIGNAL: &str = "size m = 9\ninput a[m]\nparam k[3] ~ zeros\ninput c[9] int(4)\ninput one int(3)\n\
                      param image[2,6,7] ~ zeros\nparam K[4,2,3,2] ~ zeros\nparam E[4,5] ~ zeros\n";

#[track_caller]
fn holds(text: &str, shape: &[usize], expected: impl Fn(&Values, &[usize]) -> f64) {
    check(&format!("{SIGNAL}{text}"), shape, expected);
}

#[test]
fn windows_take_the_largest_range() {
    holds("t[i] = a[i+j] k[j]", &[7], |m, at| sum(3, |j| m.at("a", &[at[0] + j]) * m.at("k", &[j])));
    holds("t[i] = a[2 i + j] k[j]", &[4], |m, at| sum(3, |j| m.at("a", &[2 * at[0] + j]) * m.at("k", &[j])));
    holds("t[i] = k[j] a[3*i+2*j]", &[2], |m, at| sum(3, |j| m.at("a", &[3 * at[0] + 2 * j]) * m.at("k", &[j])));
    holds("t[i] = a[i+2]", &[7], |m, at| m.at("a", &[at[0] + 2]));
    holds("t[i] = a[m-1-i]", &[9], |m, at| m.at("a", &[8 - at[0]]));
    holds("t[i] = a[5-2 i]", &[3], |m, at| m.at("a", &[5 - 2 * at[0]]));
    holds("t[i] = a[i+1] a[2*i]", &[5], |m, at| m.at("a", &[at[0] + 1]) * m.at("a", &[2 * at[0]]));
    holds("t[i] = a[i+1] a[m - 1 - 3 i]", &[3], |m, at| m.at("a", &[at[0] + 1]) * m.at("a", &[8 - 3 * at[0]]));
    holds("t[i] = a[i + m/3]", &[6], |m, at| m.at("a", &[at[0] + 3]));
    holds("t[i] = a[i + 8]", &[1], |m, _| m.at("a", &[8]));
    holds("t = sum[i] a[i+1]", &[], |m, _| sum(8, |i| m.at("a", &[i + 1])));
}

#[test]
fn convolution() {
    let entry = |m: &Values, o: usize, r: isize, s: isize| {
        sum(2, |c| {
            sum(3, |u| {
                sum(2, |v| m.at("K", &[o, c, u, v]) * padded(m, "image", &[c as isize, r + u as isize, s + v as isize]))
            })
        })
    };
    holds("t[o,r,s] = K[o,c,u,v] image[c,r+u,s+v]", &[4, 4, 6], |m, at| {
        entry(m, at[0], at[1] as isize, at[2] as isize)
    });
    holds("t[o,r,s] = K[o,c,u,v] image[c,2*r+u,2*s+v]", &[4, 2, 3], |m, at| {
        entry(m, at[0], 2 * at[1] as isize, 2 * at[2] as isize)
    });
    holds("t[o,r:6,s:8] = K[o,c,u,v] pad(image)[c,r+u-1,s+v-1]", &[4, 6, 8], |m, at| {
        entry(m, at[0], at[1] as isize - 1, at[2] as isize - 1)
    });
    holds("t[o,r:2,s:2] = K[o,c,u,v] image[c,r+u,s+v]", &[4, 2, 2], |m, at| {
        entry(m, at[0], at[1] as isize, at[2] as isize)
    });
    holds("t[c,r,s] = max[u:2,v:2] image[c,2*r+u,2*s+v]", &[2, 3, 3], |m, at| {
        let all = (0..4).map(|n| m.at("image", &[at[0], 2 * at[1] + n / 2, 2 * at[2] + n % 2]));
        all.fold(f64::MIN, f64::max)
    });
}

#[test]
fn padding_is_what_is_read_outside() {
    holds("t[i:11] = pad(a)[i-1]", &[11], |m, at| padded(m, "a", &[at[0] as isize - 1]));
    holds("t[i:4] = pad(a)[2*i+3]", &[4], |m, at| padded(m, "a", &[2 * at[0] as isize + 3]));
    holds("t[i:9] = max[j:3] pad(a, -inf)[i+j-1]", &[9], |m, at| {
        let inside = (0..9).filter(|&p| p + 1 >= at[0] && p <= at[0] + 1);
        inside.map(|p| m.at("a", &[p])).fold(f64::MIN, f64::max)
    });
    holds("t[i:12] = pad(a, s + k[0])[i]", &[12], |m, at| {
        if at[0] < 9 { m.at("a", at) } else { m.at("s", &[]) + m.at("k", &[0]) }
    });
    holds("t[i:12] = pad(a, k[j])[i] k[j]", &[12], |m, at| {
        sum(3, |j| if at[0] < 9 { m.at("a", at) } else { m.at("k", &[j]) } * m.at("k", &[j]))
    });
}

#[test]
fn conditions_keep_reads_inside() {
    holds("t[i] = a[i] + [i > 0] a[i-1]", &[9], |m, at| m.at("a", at) + padded(m, "a", &[at[0] as isize - 1]));
    holds("t[i:11] = [1 <= i and i <= 9] a[i-1]", &[11], |m, at| padded(m, "a", &[at[0] as isize - 1]));
    holds("t[i:11] = [i < 9] a[i]", &[11], |m, at| padded(m, "a", &[at[0] as isize]));
    holds("t[i] = where(i = 0, a[i], a[i-1])", &[9], |m, at| m.at("a", &[at[0].max(1) - 1]));
    holds("t[i:9] = where(not i >= m-1, a[i+1], a[0])", &[9], |m, at| m.at("a", &[(at[0] + 1) % 9]));
    holds("t[i] = [i != 0] (a[i-1] + s) a[i]", &[9], |m, at| {
        if at[0] == 0 { 0.0 } else { (m.at("a", &[at[0] - 1]) + m.at("s", &[])) * m.at("a", at) }
    });
    holds("t[i] = [i mod 2 = 1] a[floor((i-1)/2)] + a[i]", &[9], |m, at| {
        m.at("a", at) + if at[0] % 2 == 1 { m.at("a", &[(at[0] - 1) / 2]) } else { 0.0 }
    });
    holds("t[i:9] = sum[j:3] [i-j >= 0] [i-j < m] k[j] a[i-j]", &[9], |m, at| {
        sum(3, |j| m.at("k", &[j]) * padded(m, "a", &[at[0] as isize - j as isize]))
    });
}

#[test]
fn floors_and_remainders() {
    holds("t[i:18] = a[floor(i/2)]", &[18], |m, at| m.at("a", &[at[0] / 2]));
    holds("t[i:20] = a[i mod m]", &[20], |m, at| m.at("a", &[at[0] % 9]));
    holds("t[i:3] = a[floor((2 i + 1)/3) + i mod 2]", &[3], |m, at| m.at("a", &[(2 * at[0] + 1) / 3 + at[0] % 2]));
    holds("t[i:9] = a[i - i mod 3]", &[9], |m, at| m.at("a", &[at[0] - at[0] % 3]));
    holds("t[i:9] = a[2*floor(i/2)]", &[9], |m, at| m.at("a", &[2 * (at[0] / 2)]));
    holds("t[i:5] = a[floor(i/2 + 3/2)]", &[5], |m, at| m.at("a", &[at[0].div_ceil(2) + 1]));
    holds("t[i:4] = a[(m - 1) - floor(-i/2) - 2]", &[4], |m, at| m.at("a", &[6 + at[0].div_ceil(2)]));
}

#[test]
fn data_can_be_a_subscript() {
    let class = |m: &Values, s: usize| m.at("c", &[s]) as usize;
    holds("t[s,d] = E[c[s],d]", &[9, 5], |m, at| m.at("E", &[class(m, at[0]), at[1]]));
    holds("t[s,d] = E[c[s+1],d]", &[8, 5], |m, at| m.at("E", &[class(m, at[0] + 1), at[1]]));
    holds("t[d] = E[one,d]", &[5], |m, at| m.at("E", &[m.at("one", &[]) as usize, at[0]]));
    holds("t[d] = E[one + 1,d] E[3 - one, d]", &[5], |m, at| {
        let one = m.at("one", &[]) as usize;
        m.at("E", &[one + 1, at[0]]) * m.at("E", &[3 - one, at[0]])
    });
    holds("t = -a[one]", &[], |m, _| -m.at("a", &[m.at("one", &[]) as usize]));
    holds("t[s] = [c[s] > 0] E[c[s] - 1, 0]", &[9], |m, at| {
        if class(m, at[0]) > 0 { m.at("E", &[class(m, at[0]) - 1, 0]) } else { 0.0 }
    });
    holds("t[s:9] = E[pad(c)[s-1], 2]", &[9], |m, at| m.at("E", &[padded(m, "c", &[at[0] as isize - 1]) as usize, 2]));
    holds("t = a[argmax[i] k[i]]", &[], |m, _| {
        let best = (0..3).rev().max_by(|&i, &j| m.at("k", &[i]).total_cmp(&m.at("k", &[j])));
        m.at("a", &[best.unwrap()])
    });
    holds("t[j] = a[argmax[i] E[i,j] + 2]", &[5], |m, at| {
        let best = (0..4).rev().max_by(|&i, &j| m.at("E", &[i, at[0]]).total_cmp(&m.at("E", &[j, at[0]])));
        m.at("a", &[best.unwrap() + 2])
    });
    // A sum over an index of the subscript of a subscript.
    holds("t[d] = sum[s] E[c[s],d]", &[5], |m, at| sum(9, |s| m.at("E", &[class(m, s), at[0]])));
    holds("t[d] = E[c[s],d] a[s]", &[5], |m, at| sum(9, |s| m.at("E", &[class(m, s), at[0]]) * m.at("a", &[s])));
}

#[test]
fn functions_pass_subscripts_on() {
    holds("fn step[i](z) = z[i+1] - z[0]\nt[i:8] = step[i](a[i])", &[8], |m, at| {
        m.at("a", &[at[0] + 1]) - m.at("a", &[0])
    });
    holds("fn twice[i](z) = z[2*i+1]\nt[i] = twice[i](a[8-i])", &[4], |m, at| m.at("a", &[7 - 2 * at[0]]));
    holds("fn at(z, j) = k[j] + z\nt[i] = at(a[2], i)", &[3], |m, at| m.at("k", at) + m.at("a", &[2]));
    holds("fn pick(j) = a[j+1]\nt = pick(2*3)", &[], |m, _| m.at("a", &[7]));
}

#[test]
fn extents_of_one() {
    check("input b[1]\nt[i] = b[i] + u[i+2]", &[1], |m, _| m.at("b", &[0]) + m.at("u", &[2]));
    check("param b[1,1] ~ zeros\nt[i,j] = b[u,v] C[i+u,j+v]", &[3, 3], |m, at| m.at("b", &[0, 0]) * m.at("C", at));
    check("input b[1]\nt[i:3] = pad(b)[i]", &[3], |m, at| if at[0] == 0 { m.at("b", &[0]) } else { 0.0 });
}

#[test]
fn a_plain_subscript_decides_and_the_others_are_checked() {
    let (_, model) = try_build("input a[9]\nt[i] = a[i] + a[i+1]");
    assert!(model.is_err());
    // Each unknown index from the reads in which it is the only one.
    let model = build("input a[9]\ninput b[4]\ninput x[20]\nt[i] = x[i+j] b[j+1] a[i+5]");
    assert_eq!(model.tensor("t").unwrap().shape, [4]);
}

/// A range that is written out may be shorter than the axes along which the index runs, not longer.
#[test]
fn written_ranges_may_be_shorter_than_axes() {
    let built = build(
        "param x[6] ~ ones\nparam A[4,6] ~ ones\nd[i:5] = x[i+1] - x[i]\nv[r:3] = sum[j:2] A[r,j] x[j]\nm = mean[j:4] x[j]\nloss = m + sum[i] d[i] + sum[r] v[r]\n",
    );
    let shape = |name: &str| built.tensor(name).unwrap().shape.clone();
    assert_eq!((shape("d"), shape("v")), (vec![5], vec![3]));
    let definition = built.definition("v").unwrap();
    let written = equation(&built, "v", &definition.indices, &definition.body);
    assert_eq!(text(&written), "v[r:3] = sum[j:2] A[r,j] x[j]");
}
