//! Malformed models: each ends with exit code 2 and a message with line and column that is kept as
//! a snapshot; none panics, none leaves anything behind.

use std::process::Command;

const VALID: &str = "input x[3]\ntarget y[2]\nparam W[2,3] ~ he\nz[i] = W[i,j] x[j]\n";

/// A name, and what the file holds after a few valid lines.
const BROKEN: &[(&str, &str)] = &[
    ("unknown_name", "loss = sum[i] (z[i] - w[i])^2\n"),
    ("unknown_name_like_another", "loss = sum[i] (z[i] - Y[i])^2\n"),
    ("index_once", "loss = z[i]\n"),
    ("index_once_in_a_square", "loss = z[i]^2\n"),
    ("index_once_in_one_addend", "s[i] = z[i] + W[i,j]\n"),
    ("extents_disagree", "s[i] = W[i,j] y[j]\n"),
    ("extents_disagree_on_the_left", "s[i:3] = z[i]\n"),
    ("extents_disagree_in_a_reduction", "loss = sum[i:3] z[i]\n"),
    ("repeated_definition", "z[i] = y[i]\n"),
    ("repeated_declaration", "param W[3] ~ zeros\n"),
    ("use_before_definition", "a[i] = tanh(b[i])\nb[i] = z[i] + y[i]\n"),
    ("use_of_itself", "a[i] = a[i] + z[i]\n"),
    ("ambiguous_product", "a[i] = z[i] / 2 y[i]\n"),
    ("left_index_nowhere", "a[i,j] = z[i]\n"),
    ("left_index_twice", "a[i,i] = z[i]\n"),
    ("too_few_subscripts", "a[i] = W[i]\n"),
    ("too_many_subscripts", "a[i] = z[i,j]\n"),
    ("no_subscripts", "a = z\n"),
    ("subscript_out_of_range", "a = z[2]\n"),
    ("negative_subscript", "a = z[-1]\n"),
    ("loss_with_an_axis", "loss[i] = z[i]\n"),
    ("missing_bracket", "a[i] = tanh(z[i]\n"),
    ("bracket_too_many", "a[i] = tanh(z[i]))\n"),
    ("brackets_of_two_kinds", "a[i] = tanh(z[i)]\n"),
    ("missing_right_side", "a[i] =\n"),
    ("missing_operand", "a[i] = z[i] + * y[i]\n"),
    ("unknown_character", "a[i] = z[i] @ y[i]\n"),
    ("double_equals", "a[i] == z[i]\n"),
    ("two_stars", "a[i] = z[i]**2\n"),
    ("plus_equals", "a[i] += z[i]\n"),
    ("unknown_function", "a[i] = softplas(z[i])\n"),
    ("function_without_brackets", "a[i] = tanh z[i]\n"),
    ("wrong_number_of_arguments", "a[i] = max(z[i])\n"),
    ("unknown_initialiser", "param b[2] ~ xavier\n"),
    ("missing_initialiser", "param b[2]\n"),
    ("unknown_property", "target t[2] hot\n"),
    ("unknown_statement", "paran b[2] ~ zeros\n"),
    ("round_brackets_for_shape", "param b(2) ~ zeros\n"),
    ("size_zero", "size n = 0\n"),
    ("size_not_whole", "size n = 7 / 2\n"),
    ("size_overflows", "size n = 9223372036854775807 * 2\n"),
    ("tensor_too_large", "size n = 100000\nparam V[n, n] ~ zeros\n"),
    ("unknown_size", "param b[hidden] ~ zeros\n"),
    ("number_with_two_points", "a[i] = 1.2.3 z[i]\n"),
    ("recursive_function", "fn f(u) = f(u)\na[i] = f(z[i])\n"),
    (
        "function_grows_without_bound",
        "fn a(u) = u u u u u u u u\nfn b(u) = a(a(a(u)))\nfn c(u) = b(b(b(u)))\nloss = c(z[0])\n",
    ),
    ("function_with_missing_index", "loss = crossentropy(z[c], y[c])\n"),
    ("condition_as_value", "a[i] = z[i] > 0\n"),
    ("text_style_subscripts_of_unknown_extent", "a_i = z_i + q_i\n"),
    ("window_leaves_its_tensor", "a[i:2] = z[i+1]\n"),
    ("window_without_range", "a[i] = z[i+k]\n"),
    ("recurrence_without_boundary", "a[i] = a[i-1] + z[i]\n"),
    ("data_as_subscript_is_no_integer", "a = x[y[0]]\n"),
    ("claim_of_an_unknown_name", "claim z[i] = W[i,j] q[j]\n"),
    ("claim_with_a_condition_that_is_none", "claim z[i] = W[i,j] x[j] given x[0]\n"),
];

/// What a run printed, and its exit code.
fn check(contents: &[u8]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("model.dr"), contents).expect("the model is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltarule"));
    let output = command.args(["check", "model.dr"]).current_dir(folder.path()).output().expect("it runs");
    assert!(output.stdout.is_empty(), "a message goes to standard error: {}", String::from_utf8_lossy(&output.stdout));
    let left = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(left, 1, "nothing is written");
    (output.status.code(), String::from_utf8(output.stderr).expect("messages are text"))
}

/// The message, held to what every message must be.
fn message(name: &str, contents: &[u8]) -> String {
    let (code, message) = check(contents);
    assert_eq!(code, Some(2), "{name}: {message}");
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{name}: {message}");
    let place = message.split("model.dr:").nth(1).unwrap_or_else(|| panic!("{name} names no place: {message}"));
    let mut numbers = place.split(|c: char| !c.is_ascii_digit());
    assert!(numbers.next().is_some_and(|line| line.parse::<u32>().is_ok()), "{name}: {message}");
    assert!(numbers.next().is_some_and(|column| column.parse::<u32>().is_ok()), "{name}: {message}");
    assert!(message.len() < 6000, "{name} prints {} bytes", message.len());
    message
}

#[test]
fn malformed_models_get_a_message_with_line_and_column() {
    for (name, text) in BROKEN {
        insta::assert_snapshot!(*name, message(name, format!("{VALID}{text}").as_bytes()));
    }
}

#[test]
fn hostile_files_get_a_message_with_line_and_column() {
    let brackets = format!("{VALID}loss = {}z[0]{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let minuses = format!("{VALID}loss = {}z[0]\n", "-".repeat(100_000));
    let powers = format!("{VALID}loss = z[0]{}\n", "^2".repeat(100_000));
    let terms = format!("{VALID}loss = {}z[0]\n", "z[0] + ".repeat(100_000));
    let factors = format!("{VALID}loss = {}z[0]\n", "z[0] ".repeat(100_000));
    let calls = format!("{VALID}loss = {}z[0]{}\n", "exp(".repeat(10_000), ")".repeat(10_000));
    let mut invalid = VALID.as_bytes().to_vec();
    invalid.extend(b"a[i] = z[i] + \xff\xfe\n");
    let cases: [(&str, &[u8]); 12] = [
        ("empty_file", b""),
        ("only_a_comment", b"# nothing here\n\n"),
        ("too_many_brackets", brackets.as_bytes()),
        ("too_many_minuses", minuses.as_bytes()),
        ("too_many_powers", powers.as_bytes()),
        ("too_many_terms", terms.as_bytes()),
        ("too_many_factors", factors.as_bytes()),
        ("too_many_calls", calls.as_bytes()),
        ("invalid_utf8", &invalid),
        ("a_zero_byte", b"input x[3]\0\n"),
        ("a_picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("one_line_without_end", b"input x[3"),
    ];
    for (name, contents) in cases {
        insta::assert_snapshot!(name, message(name, contents));
    }
}
