//! What a model holds besides values: roles, first values, assumptions, what is per example.

use super::{GIVEN, build};
use deltarule_core::model::{Assumption, Initialiser, Role, TargetKind};
use deltarule_core::term::{Number, Term};
use std::fs;
use std::path::Path;

#[test]
fn the_models_of_the_repository_build() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut built = 0;
    for entry in fs::read_dir(folder).expect("the folder of models") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "dr") {
            let model = build(&fs::read_to_string(&path).expect("a text"));
            assert!(model.definition("loss").is_some(), "{path:?} has a loss");
            assert!(!model.metrics.is_empty(), "{path:?} has a metric");
            built += 1;
        }
    }
    assert!(built >= 5);
}

fn deviation(text: &str, name: &str) -> f64 {
    match build(text).tensor(name).expect("the parameter").role {
        Role::Param(Initialiser::Normal { mean: 0.0, deviation }) => deviation,
        ref role => panic!("{name} starts from {role:?}"),
    }
}

#[test]
fn fans_come_from_the_first_equation() {
    let text = |scheme: &str, equations: &str| format!("input x[64]\nparam W[32,64] ~ {scheme}\n{equations}\n");
    let layer = "z[i] = W[i,j] x[j]\nv = sum[i,j] W[i,j]^2";
    assert_eq!(deviation(&text("he", layer), "W"), (2.0f64 / 64.0).sqrt());
    assert_eq!(deviation(&text("glorot", layer), "W"), (2.0f64 / 96.0).sqrt());
    assert_eq!(deviation(&text("lecun", layer), "W"), (1.0f64 / 64.0).sqrt());
    // The other axis, and through a function.
    assert_eq!(deviation(&text("he", "h[i:32] = i\nz[j] = W[i,j] h[i]"), "W"), (2.0f64 / 32.0).sqrt());
    let layer = "fn layer[j](w, v) = w[k] v[k]\nz[i] = layer[j](W[i,j], x[j])";
    assert_eq!(deviation(&text("glorot", layer), "W"), (2.0f64 / 96.0).sqrt());
    // Nothing is summed over: one value in.
    assert_eq!(deviation("input x[3]\nparam g[3] ~ he\nz[i] = g[i] x[i]", "g"), 2f64.sqrt());
    assert_eq!(deviation("input x\nparam g ~ glorot\nz = g x", "g"), 1.0);
}

#[test]
fn first_values_are_read() {
    let start = |text: &str| match build(&format!("const a = 1/4\nparam p ~ {text}")).tensor("p").unwrap().role {
        Role::Param(start) => start,
        ref role => panic!("{role:?}"),
    };
    assert_eq!(start("zeros"), Initialiser::Constant(0.0));
    assert_eq!(start("ones"), Initialiser::Constant(1.0));
    assert_eq!(start("constant(2 a)"), Initialiser::Constant(0.5));
    assert_eq!(start("normal(0, 0.02)"), Initialiser::Normal { mean: 0.0, deviation: 0.02 });
    assert_eq!(start("uniform(-a, a)"), Initialiser::Uniform { low: -0.25, high: 0.25 });
}

#[test]
fn roles_and_promises() {
    let model = build(
        "size k = 4\ninput t[2] int(k)\ninput x[k]\ntarget y[k] onehot\ntarget q[2, k] probability\n\
         target c int(10)\ntarget z\nconst e = 1e-5\nconst M[k,k]\nmetric m = sum[i] x[i]\nmetric o = e",
    );
    let role = |name: &str| &model.tensor(name).unwrap().role;
    assert!(matches!(role("t"), Role::Input { below: Some(4) }));
    assert!(matches!(role("x"), Role::Input { below: None }));
    assert!(matches!(role("y"), Role::Target(TargetKind::OneHot)));
    assert!(matches!(role("q"), Role::Target(TargetKind::Probability)));
    assert!(matches!(role("c"), Role::Target(TargetKind::Integer(10))));
    assert!(matches!(role("z"), Role::Target(TargetKind::Real)));
    assert!(matches!(role("e"), Role::Const(Some(Number::Ratio(1, 100_000)))));
    assert!(matches!(role("M"), Role::Const(None)));
    assert_eq!(model.assumptions, [Assumption::SumsToOne("y".into()), Assumption::SumsToOne("q".into())]);
    assert_eq!(model.metrics, ["m".into(), "o".into()]);
    assert_eq!(model.tensor("q").unwrap().shape, [2, 4]);
    // A constant is read by its name.
    assert_eq!(model.definition("o").unwrap().body, Term::read("e", Vec::new()));
}

#[test]
fn what_depends_on_data_is_per_example() {
    let model =
        build(&format!("{GIVEN}a[i] = u[i]^2\nb[i] = a[i] x[i]\nc = sum[i] b[i]\nd = half s\ne[i] = y[i]\nf = 2"));
    let per_example = |name: &str| model.tensor(name).unwrap().per_example;
    for name in ["x", "y", "b", "c", "e"] {
        assert!(per_example(name), "{name}");
    }
    for name in ["u", "half", "a", "d", "f"] {
        assert!(!per_example(name), "{name}");
    }
}

#[test]
fn sizes_are_constant_expressions() {
    let model =
        build("size n = 28\nsize k = 5\nsize s = 2\nsize out = (n - k + 1) / s\ninput x[out, 2^3, n mod 5 + 1]");
    assert_eq!(model.tensor("x").unwrap().shape, [12, 8, 4]);
}

#[test]
fn equal_equations_are_equal_terms() {
    let model = build(&format!(
        "{GIVEN}a[i] = C[i,j] u[j]\nb[k] = sum[l] u[l] C[k,l]\nc[i] = softmax[i](u[i])\nd[j] = exp(u[j]) / sum[i] exp(u[i])"
    ));
    let body = |name: &str| &model.definition(name).unwrap().body;
    assert_eq!(body("a"), body("b"));
    assert_eq!(body("c"), body("d"));
}

#[test]
fn common_networks_can_be_written() {
    let convolution = "size c = 4\ninput x[3,12,12]\ntarget y[10] onehot\nparam K[c,3,3,3] ~ he\nparam b[c] ~ zeros\n\
        param W[10,c,6,6] ~ glorot\n\
        z[o,r:12,s:12] = K[o,i,u,v] pad(x)[i,r+u-1,s+v-1] + b[o]\na[o,r,s] = relu(z[o,r,s])\n\
        p[o,r,s] = max[u:2,v:2] a[o,2*r+u,2*s+v]\nq[k] = W[k,o,r,s] p[o,r,s]\nloss = softmaxcrossentropy[k](q[k], y[k])";
    let model = build(convolution);
    assert_eq!(model.tensor("p").unwrap().shape, [4, 6, 6]);
    assert_eq!(deviation(convolution, "K"), (2.0f64 / 27.0).sqrt());
    let gates: String = ["f", "g", "o", "n"]
        .map(|gate| {
            let function = if gate == "n" { "tanh" } else { "sigmoid" };
            format!(
                "param W{gate}[8,5] ~ glorot\nparam U{gate}[8,8] ~ glorot\nparam b{gate}[8] ~ zeros\n\
                 {gate}[t,i] = {function}(W{gate}[i,j] x[t,j] + U{gate}[i,j] h[t-1,j] + b{gate}[i])\n"
            )
        })
        .concat();
    let lstm = format!(
        "input w[7] int(20)\ntarget y[7] int(20)\nparam E[20,5] ~ normal(0, 1)\nparam V[20,8] ~ glorot\n\
         x[t,j] = E[w[t],j]\nh[t:-1,i] = 0\nc[t:-1,i] = 0\n{gates}\
         c[t,i] = f[t,i] c[t-1,i] + g[t,i] n[t,i]\nh[t,i] = o[t,i] tanh(c[t,i])\n\
         s[t,k] = V[k,i] h[t,i]\nloss = mean[t] (logsumexp[k] s[t,k] - s[t,y[t]])"
    );
    let model = build(&lstm);
    assert_eq!(model.tensor("c").unwrap().shape, [7, 8]);
    assert_eq!(
        model.stages().iter().filter(|stage| stage.is_recurrent).map(|stage| stage.members.len()).max(),
        Some(6)
    );
    let normalised = "input x[batch,6]\ntarget y[batch]\nparam w[6] ~ glorot\nm[i] = mean[b] x[b,i]\n\
        v[i] = mean[b] (x[b,i] - m[i])^2\nz[b] = w[i] (x[b,i] - m[i]) / sqrt(v[i] + 1e-5)\n\
        loss = mean[b] (z[b] - y[b])^2";
    assert!(build(normalised).batch.is_some());
    let penalty = "input x[6]\ntarget y\nparam w[4,6] ~ he\nparam v[4] ~ lecun\nu = v[i] tanh(w[i,j] x[j])\n\
        loss = (u - y)^2 + 0.1 ∂u/∂x[j] ∂u/∂x[j]\nH[i,j] = ∂(∂u/∂x[i])/∂x[j]";
    assert_eq!(build(penalty).tensor("H").unwrap().shape, [6, 6]);
}
