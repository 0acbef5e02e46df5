//! How long a training step takes: `cargo run --release -p deltarule-run --example step_time`.
//! Arguments: `plan` prints the plans; a file, or some of the names `digits`, `lenet`, `convolution`, `mlp`.

use deltarule_core::derivation::{derivative_name, derive};
use deltarule_core::model::{self, LOSS, Model};
use deltarule_core::plan::{Request, plan};
use deltarule_core::syntax;
use deltarule_core::term::Name;
use deltarule_core::text::Source;
use deltarule_run::execute::Engine;
use std::time::Instant;

const MLP: &str = "input  x[784]
target y[10] onehot
param  W1[512, 784] ~ he
param  b1[512]      ~ zeros
param  W2[512, 512] ~ he
param  b2[512]      ~ zeros
param  W3[10, 512]  ~ he
param  b3[10]       ~ zeros
z1[i] = W1[i,j] x[j] + b1[i]
a1[i] = relu(z1[i])
z2[i] = W2[i,j] a1[j] + b2[i]
a2[i] = relu(z2[i])
z3[i] = W3[i,j] a2[j] + b3[i]
p[i]  = exp(z3[i]) / sum[k] exp(z3[k])
loss  = -y[i] log(p[i])
";

const LENET: &str = "input  x[1, 28, 28]
target y[10] onehot
param  K1[6, 1, 5, 5]  ~ he
param  c1[6]           ~ zeros
param  K2[16, 6, 5, 5] ~ he
param  c2[16]          ~ zeros
param  W1[120, 16, 5, 5] ~ he
param  b1[120]         ~ zeros
param  W2[84, 120]     ~ he
param  b2[84]          ~ zeros
param  W3[10, 84]      ~ he
param  b3[10]          ~ zeros
z1[o, r:28, s:28] = K1[o,c,u,v] pad(x)[c, r+u-2, s+v-2] + c1[o]
a1[o, r, s] = relu(z1[o,r,s])
p1[o, r:14, s:14] = max[u:2, v:2] a1[o, 2*r+u, 2*s+v]
z2[o, r, s] = K2[o,c,u,v] p1[c, r+u, s+v] + c2[o]
a2[o, r, s] = relu(z2[o,r,s])
p2[o, r:5, s:5] = max[u:2, v:2] a2[o, 2*r+u, 2*s+v]
z3[i] = W1[i,c,r,s] p2[c,r,s] + b1[i]
a3[i] = relu(z3[i])
z4[i] = W2[i,j] a3[j] + b2[i]
a4[i] = relu(z4[i])
z5[i] = W3[i,j] a4[j] + b3[i]
p[i]  = exp(z5[i]) / sum[k] exp(z5[k])
loss  = -y[i] log(p[i])
";

const CONVOLUTION: &str = "input x[32, 32, 32]
target y[32, 32, 32]
param K1[32, 32, 3, 3] ~ he
param K2[32, 32, 3, 3] ~ he
z1[o, r:32, s:32] = K1[o,c,u,v] pad(x)[c, r+u-1, s+v-1]
a1[o, r, s] = relu(z1[o,r,s])
z2[o, r:32, s:32] = K2[o,c,u,v] pad(a1)[c, r+u-1, s+v-1]
loss = sum[o,r,s] (z2[o,r,s] - y[o,r,s])^2 / 1000
";

fn build(name: &str, text: &str) -> Model {
    let source = Source::new(name, text);
    let model = syntax::parse(&source).and_then(|tree| model::build(&source, &tree));
    model.unwrap_or_else(|problems| panic!("{}", problems[0].render(&source)))
}

/// Small numbers without a pattern.
fn fill(values: &mut [f32], scale: f32) {
    let mut state = 1u32;
    for value in values {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = scale * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0);
    }
}

fn measure(name: &str, text: &str, batch: usize, threads: usize, print: bool) {
    let model = build(name, text);
    let parameters: Vec<Name> = model.parameters().map(|tensor| tensor.name.clone()).collect();
    let model = derive(&model, LOSS, &parameters).expect("derivatives").model;
    let descend: Vec<(Name, Name)> =
        parameters.iter().map(|name| (name.clone(), derivative_name(LOSS, name))).collect();
    let start = Instant::now();
    let flops = |plan: &deltarule_core::plan::Plan| {
        plan.operations.iter().map(deltarule_core::plan::Operation::flops).sum::<f64>()
    };
    let outputs = [Name::from(LOSS)];
    let plan = plan(&model, &Request { outputs: &outputs, batch, descend: &descend }).expect("a plan");
    let planning = start.elapsed();
    let flops = flops(&plan);
    if print {
        println!("{plan}");
    }
    let given: Vec<(Name, usize)> =
        plan.places.iter().map(|place| (place.name.clone(), *place.shape.last().unwrap_or(&1))).collect();
    let mut engine = Engine::new(plan);
    for (name, last) in given {
        let is_target = &*name == "y";
        if let Some(values) = engine.tensor_mut(&name) {
            fill(values, if name.starts_with('x') { 1.0 } else { 0.05 });
            if is_target {
                values
                    .iter_mut()
                    .enumerate()
                    .for_each(|(at, y)| *y = f32::from(u8::from(at % last == at / last % last)));
            }
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let seconds = pool.install(|| {
        let mut best = f64::INFINITY;
        for _ in 0..7 {
            let start = Instant::now();
            let mut steps = 0;
            while start.elapsed().as_secs_f64() < 0.2 {
                engine.run(0.001);
                steps += 1;
            }
            best = best.min(start.elapsed().as_secs_f64() / steps as f64);
        }
        best
    });
    if print {
        let mut times = vec![std::time::Duration::ZERO; engine.plan().operations.len()];
        let mut least = vec![f64::INFINITY; times.len()];
        for _ in 0..30 {
            pool.install(|| engine.run_timed(0.001, &mut times));
            least.iter_mut().zip(&times).for_each(|(least, time)| *least = least.min(time.as_secs_f64()));
        }
        for (number, seconds) in least.iter().enumerate() {
            let rate = engine.plan().operations[number].flops() / seconds / 1e9;
            println!("{number:3}  {:8.1} us  {rate:6.1} GFLOP/s", seconds * 1e6);
        }
        println!("{:.1} us in all", least.iter().sum::<f64>() * 1e6);
    }
    let loss = engine.tensor(LOSS).map_or(f32::NAN, |loss| loss.iter().sum::<f32>() / loss.len() as f32);
    println!(
        "{name} batch {batch}, {threads} threads: {:.2} us a step, {:.1} GFLOP/s (planned in {planning:.1?}, loss {loss})",
        seconds * 1e6,
        flops / seconds / 1e9
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let print = arguments.iter().any(|argument| argument == "plan");
    let digits = include_str!("../../../models/digits.dr");
    let named = |name: &str| arguments.iter().all(|a| a == "plan") || arguments.iter().any(|argument| argument == name);
    for threads in [1, 2] {
        if named("digits") {
            measure("digits", digits, 32, threads, print && threads == 1);
        }
        if named("lenet") {
            measure("lenet", LENET, 64, threads, print && threads == 1);
        }
        if named("convolution") {
            measure("convolution", CONVOLUTION, 16, threads, print && threads == 1);
        }
        if named("mlp") {
            measure("mlp", MLP, 128, threads, print && threads == 1);
        }
    }
    for path in arguments.iter().filter(|argument| argument.ends_with(".dr")) {
        let text = std::fs::read_to_string(path).expect("a file");
        measure(path, &text, 32, 1, print);
    }
}
