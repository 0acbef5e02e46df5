//! How fast products are: `cargo run --release -p deltarule-kernels --example products [THREADS
//! [WORDS]]`, of those with the words in their names. The least time of many runs, beside the peak of one core.

use deltarule_kernels::{Arena, Dimension, Ending, Product, ProductSpec, Team, Workspace, peak};
use std::time::Instant;

fn axis(extent: usize, strides: [i64; 3]) -> Dimension {
    Dimension { extent, strides }
}

/// `left[rows, inner] right[inner, columns]`, each transposed in memory or not.
fn dense([rows, columns, inner]: [usize; 3], transposed: [bool; 2]) -> (ProductSpec, usize) {
    let left = if transposed[0] { [1, rows] } else { [inner, 1] }.map(|stride| stride as i64);
    let right = if transposed[1] { [1, inner] } else { [columns, 1] }.map(|stride| stride as i64);
    let (first, second) = (rows * inner, inner * columns);
    let spec = ProductSpec {
        batch: vec![],
        rows: vec![axis(rows, [left[0], 0, columns as i64])],
        columns: vec![axis(columns, [0, right[1], 1])],
        inner: vec![axis(inner, [left[1], right[0], 0])],
        offsets: [0, first as i64, (first + second) as i64],
        scale: 1.0,
        descends: false,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
        by_steps: false,
        ending: Ending::default(),
    };
    (spec, first + second + rows * columns)
}

/// A convolution of so many images: channels out and in, size out, window. With `kernel` the gradient
/// by the kernel; with `apart` channels lie outermost.
fn convolution([images, out, channels, size, window]: [usize; 5], kernel: bool, apart: bool) -> (ProductSpec, usize) {
    let wide = size + window - 1;
    let area = (size * size) as i64;
    let (image, channel) = if apart { (1, images) } else { (channels, 1) };
    let [image, channel] = [image, channel].map(|count| (count * wide * wide) as i64);
    let weights = channels * window * window;
    let result = images * out * size * size;
    let pixels = images * channels * wide * wide;
    let images_area = images as i64 * area;
    let sizes = [out * weights, pixels, result];
    // Places of the pixel axes: of the image, and of the result, in which the channel is outermost.
    let pixel = [(images, image, area), (size, wide as i64, size as i64), (size, 1, 1)];
    let weight = [(channels, channel, (window * window) as i64), (window, wide as i64, window as i64), (window, 1, 1)];
    let spec = if kernel {
        ProductSpec {
            batch: vec![],
            rows: vec![axis(out, [images_area, 0, weights as i64])],
            columns: weight.map(|(extent, image, own)| axis(extent, [0, image, own])).to_vec(),
            inner: pixel.map(|(extent, image, own)| axis(extent, [own, image, 0])).to_vec(),
            offsets: [(sizes[0] + sizes[1]) as i64, sizes[0] as i64, 0],
            scale: 1e-6,
            descends: true,
            symmetric: false,
            diagonal: 0.0,
            weights: None,
            by_steps: false,
            ending: Ending::default(),
        }
    } else {
        ProductSpec {
            batch: vec![],
            rows: vec![axis(out, [weights as i64, 0, images_area])],
            columns: pixel.map(|(extent, image, own)| axis(extent, [0, image, own])).to_vec(),
            inner: vec![axis(weights, [1, 0, 0])],
            offsets: [0, sizes[0] as i64, (sizes[0] + sizes[1]) as i64],
            scale: 1.0,
            descends: false,
            symmetric: false,
            diagonal: 0.0,
            weights: None,
            by_steps: false,
            ending: Ending::default(),
        }
    };
    let mut spec = spec;
    if !kernel {
        spec.inner = weight.map(|(extent, image, own)| axis(extent, [own, image, 0])).to_vec();
    }
    (spec, sizes.iter().sum())
}

/// The same, every pixel with all its channels side by side, as a product of pixels by channels; with `kernel`
/// the kernel, in its own order, by channels out.
fn channels_last([images, out, channels, size, window]: [usize; 5], kernel: bool) -> (ProductSpec, usize) {
    let wide = size + window - 1;
    let (pixel, line) = (channels as i64, (wide * channels) as i64);
    let (area, own) = ((size * size * out) as i64, (size * out) as i64);
    let weights = (channels * window * window) as i64;
    let sizes = [out * channels * window * window, images * channels * wide * wide, images * out * size * size];
    let places = [0, sizes[0] as i64, (sizes[0] + sizes[1]) as i64];
    // Strides in the image, in the kernel, and in the result.
    let pixels = [(images, wide as i64 * line, area), (size, line, own), (size, pixel, out as i64)];
    let taps = [(channels, 1, (window * window) as i64), (window, line, window as i64), (window, pixel, 1)];
    let mut spec = ProductSpec {
        batch: vec![],
        rows: pixels.map(|(extent, image, result)| axis(extent, [image, 0, result])).to_vec(),
        columns: vec![axis(out, [0, weights, 1])],
        inner: taps.map(|(extent, image, kernel)| axis(extent, [image, kernel, 0])).to_vec(),
        offsets: [places[1], places[0], places[2]],
        scale: 1.0,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
        descends: false,
        by_steps: false,
        ending: Ending::default(),
    };
    if kernel {
        spec.rows = vec![axis(out, [1, 0, weights])];
        spec.columns = taps.map(|(extent, image, kernel)| axis(extent, [0, image, kernel])).to_vec();
        spec.inner = pixels.map(|(extent, image, result)| axis(extent, [result, image, 0])).to_vec();
        spec.offsets = [places[2], places[1], places[0]];
        (spec.scale, spec.descends) = (1e-6, true);
    }
    (spec, sizes.iter().sum())
}

/// A layer by images whose channels are outermost, or the gradient of its weights.
fn flattened([images, out, channels, area]: [usize; 4], weights: bool) -> (ProductSpec, usize) {
    let sizes = [images * channels * area, out * channels * area, images * out];
    let places = [0, sizes[0] as i64, (sizes[0] + sizes[1]) as i64];
    let (apart, all) = ((images * area) as i64, (channels * area) as i64);
    let channel = |first: i64, second: i64, third: i64| axis(channels, [first, second, third]);
    let mut spec = ProductSpec {
        batch: vec![],
        rows: vec![axis(images, [area as i64, 0, out as i64])],
        columns: vec![axis(out, [0, all, 1])],
        inner: vec![channel(apart, area as i64, 0), axis(area, [1, 1, 0])],
        offsets: places,
        scale: 1.0,
        descends: false,
        symmetric: false,
        diagonal: 0.0,
        weights: None,
        by_steps: false,
        ending: Ending::default(),
    };
    if weights {
        spec.rows = vec![axis(out, [1, 0, all])];
        spec.columns = vec![channel(0, apart, area as i64), axis(area, [0, 1, 1])];
        spec.inner = vec![axis(images, [out as i64, area as i64, 0])];
        spec.offsets = [places[2], places[0], places[1]];
        (spec.scale, spec.descends) = (1e-6, true);
    }
    (spec, sizes.iter().sum())
}

/// Products of so many matrices apart: `left[rows, inner] right[inner, columns]`.
fn many(count: usize, [rows, columns, inner]: [usize; 3], transposed: [bool; 2]) -> (ProductSpec, usize) {
    let (mut spec, _) = dense([rows, columns, inner], transposed);
    let sizes = [rows * inner, inner * columns, rows * columns];
    spec.batch = vec![axis(count, sizes.map(|size| size as i64))];
    spec.offsets = [0, (count * sizes[0]) as i64, (count * (sizes[0] + sizes[1])) as i64];
    (spec, count * sizes.iter().sum::<usize>())
}

fn measure(name: &str, (spec, length): (ProductSpec, usize), most: f64) {
    if std::env::args().nth(2).is_some_and(|words| !name.contains(&words)) {
        return;
    }
    let size = |group: &[Dimension]| group.iter().map(|axis| axis.extent as f64).product::<f64>();
    let flops = 2.0 * size(&spec.batch) * size(&spec.rows) * size(&spec.columns) * size(&spec.inner);
    let product = Product::new(&spec, length).expect("a product");
    let mut arena = Arena::new(length);
    arena.values_mut().iter_mut().enumerate().for_each(|(at, value)| *value = (at % 17) as f32 / 17.0 - 0.5);
    let mut workspace = Workspace::default();
    workspace.reserve(&product);
    let (mut least, start) = (f64::INFINITY, Instant::now());
    while start.elapsed().as_secs_f64() < 0.15 {
        let start = Instant::now();
        product.run(&mut arena, &mut workspace, 1e-6);
        least = least.min(start.elapsed().as_secs_f64());
    }
    let rate = flops / least;
    println!("{name:36} {:10.2} us {:7.1} GFLOP/s {:5.1} %", least * 1e6, rate / 1e9, 100.0 * rate / most);
}

fn main() {
    let most = peak();
    println!("peak {:.1} GFLOP/s", most / 1e9);
    let threads = std::env::args().nth(1).map_or(1, |threads| threads.parse().expect("a number of threads"));
    Team::new(threads).expect("a team").install(|| {
        for (sizes, transposed) in [
            ([10, 30, 784], [false, true]),
            ([30, 784, 10], [true, false]),
            ([32, 32, 64], [false, true]),
            ([32, 10, 32], [false, true]),
            ([32, 32, 10], [false, false]),
            ([32, 64, 32], [true, false]),
            ([64, 10, 84], [false, true]),
            ([128, 10, 512], [false, true]),
            ([6, 16, 4], [true, false]),
            ([128, 512, 10], [false, false]),
            ([10, 512, 128], [true, false]),
            ([128, 512, 784], [false, true]),
            ([128, 512, 512], [false, true]),
            ([128, 512, 512], [false, false]),
            ([512, 784, 128], [true, false]),
            ([1024, 1024, 1024], [false, true]),
            ([1024, 1024, 1024], [false, false]),
            ([256, 2048, 2048], [false, true]),
            ([64, 8, 64], [false, true]),
            ([64, 8, 64], [false, false]),
            ([128, 20, 100], [false, false]),
            ([128, 10, 32], [false, false]),
            ([128, 40, 128], [false, false]),
            ([64, 120, 400], [false, true]),
            ([120, 400, 64], [true, false]),
            ([2048, 512, 128], [false, true]),
            ([2048, 512, 128], [false, false]),
            ([2048, 128, 512], [false, true]),
            ([512, 128, 2048], [true, false]),
            ([128, 512, 2048], [true, false]),
            ([128, 128, 2048], [true, false]),
        ] {
            measure(&format!("dense {sizes:?} {transposed:?}"), dense(sizes, transposed), most);
        }
        for (sizes, transposed) in
            [([128, 128, 32], [false, true]), ([128, 32, 128], [false, false]), ([128, 32, 128], [true, false])]
        {
            measure(&format!("64 times {sizes:?} {transposed:?}"), many(64, sizes, transposed), most);
        }
        for weights in [false, true] {
            measure(&format!("LeNet 3, weights {weights}"), flattened([64, 120, 16, 25], weights), most);
        }
        for (name, sizes) in [
            ("LeNet 1", [64, 6, 1, 28, 5]),
            ("LeNet 2", [64, 16, 6, 10, 5]),
            ("LeNet 2, back", [64, 6, 16, 14, 5]),
            ("3x3x32", [8, 32, 32, 32, 3]),
            ("3x3x64", [8, 64, 64, 16, 3]),
            ("VGG 1", [64, 32, 3, 32, 3]),
            ("VGG 2", [64, 32, 32, 32, 3]),
            ("VGG 3", [64, 64, 32, 16, 3]),
            ("VGG 4", [64, 64, 64, 16, 3]),
            ("VGG 3, back", [64, 32, 64, 16, 3]),
        ] {
            measure(&format!("convolution {name} last"), channels_last(sizes, false), most);
            measure(&format!("convolution {name} last, by its kernel"), channels_last(sizes, true), most);
            for apart in [false, true] {
                let name = format!("{name}{}", if apart { " apart" } else { "" });
                measure(&format!("convolution {name}"), convolution(sizes, false, apart), most);
                measure(&format!("convolution {name}, by its kernel"), convolution(sizes, true, apart), most);
            }
        }
    });
}
