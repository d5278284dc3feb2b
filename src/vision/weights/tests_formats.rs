//! The weight readers against PyTorch, safetensors and onnx, and against files that lie or run code.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Deserialize;

use super::error::WeightsError;
use super::pickle::{self, Refusal};
use super::tensors::{TensorData, tensors};
use super::testing;

const ZIP: &[u8] = include_bytes!("../fixtures/state-zip.pth");
const LEGACY: &[u8] = include_bytes!("../fixtures/state-legacy.pth");
/// `pickle.dumps(E(), 2)` of CPython 3.11, where `E.__reduce__` gives `(os.system, ("true",))`.
const EVIL: &[u8] = b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.";
/// The same as the value of a dict.
const EVIL_DICT: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01cposix\nsystem\nq\x02\
    X\x04\x00\x00\x00trueq\x03\x85q\x04Rq\x05s.";
/// `pickle.dumps(E(), 4)`: the global comes from the stack.
const EVIL_4: &[u8] =
    b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\
    \x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.";
/// `pickle.dumps(E(), 0)`.
const EVIL_0: &[u8] = b"cposix\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.";

/// Reads bytes as a file.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    tensors(file.path())
}

/// The sentence with which bytes are refused.
fn refused(bytes: &[u8]) -> String {
    read(bytes).expect_err("must be refused").to_string()
}

#[test]
fn real_weights_equal_what_their_own_libraries_read() {
    #[derive(Deserialize)]
    struct Expected {
        count: usize,
        tensors: BTreeMap<String, (Vec<usize>, f32, f32, f64)>,
    }
    let expected: BTreeMap<String, Expected> =
        serde_json::from_str(include_str!("../../../models/tensors.json")).unwrap();
    assert_eq!(expected.len(), 4);
    let library = testing::library();
    for (model, expected) in expected {
        let found = library.tensors(&model).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(found.len(), expected.count, "{model}");
        for (name, (shape, first, last, weighted_sum)) in expected.tensors {
            let tensor = &found[&name];
            assert_eq!(tensor.shape, shape, "{model} {name}");
            assert_eq!(tensor.data.first(), Some(&first), "{model} {name}");
            assert_eq!(tensor.data.last(), Some(&last), "{model} {name}");
            let terms = || {
                tensor
                    .data
                    .iter()
                    .enumerate()
                    .map(|(i, &v)| f64::from(v) * (i % 97 + 1) as f64)
            };
            let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            // The order of summation differs, and nothing else.
            assert!(
                (sum - weighted_sum).abs() <= 1e-12 * size,
                "{model} {name}: {sum}"
            );
        }
    }
}

#[test]
fn both_torch_containers_give_what_make_py_put_in() {
    for (kind, bytes) in [("zip", ZIP), ("legacy", LEGACY)] {
        let found = read(bytes).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let check = |name: &str, shape: &[usize], data: &[f32]| {
            let tensor = &found[name];
            assert_eq!(
                (tensor.shape.as_slice(), tensor.data.as_slice()),
                (shape, data),
                "{kind} {name}"
            );
        };
        let whole: Vec<f32> = (0..24).map(|i| i as f32 / 8.0 - 1.0).collect();
        check("whole", &[2, 3, 4], &whole);
        // turned[k][i][j] = whole[i][j][k]
        let turned: Vec<f32> = (0..24)
            .map(|n| whole[(n / 3 % 2) * 12 + (n % 3) * 4 + n / 6])
            .collect();
        check("turned", &[4, 2, 3], &turned);
        check("tail", &[6], &[6.0, 7.5, 9.0, 10.5, 12.0, 13.5]);
        check("every_third", &[3], &[1.5, 6.0, 10.5]);
        check("scalar", &[], &[2.5]);
        check("double", &[2], &[1.0 / 3.0, -1e10]);
        check("half", &[2], &[0.099_975_586, 65504.0]);
        check("brain", &[2], &[0.100_097_656, f32::from_bits(0xff62_0000)]);
        check("parameter", &[1, 2], &[7.0, 8.0]);
        check("empty", &[0, 5], &[]);
        assert!(!found.contains_key("counter"), "whole numbers are left out");
        assert_eq!(found.len(), 10);
    }
}

#[test]
fn a_pickle_with_code_is_refused_in_every_container() {
    let in_zip = torch_zip(EVIL_DICT);
    // The state dict is the fourth pickle of the older kind; its place starts after the third.
    let state_at = find(LEGACY, b"\x80\x02}q\x00(X\x05\x00\x00\x00epoch");
    let in_legacy = [&LEGACY[..state_at], EVIL_DICT].concat();
    for (what, bytes) in [
        ("bare", EVIL),
        ("dict", EVIL_DICT),
        ("zip", &in_zip),
        ("legacy", &in_legacy),
    ] {
        let sentence = refused(bytes);
        assert!(sentence.contains("`posix.system`"), "{what}: {sentence}");
        assert!(
            sentence.contains("source that you trust"),
            "{what}: {sentence}"
        );
    }
    for bytes in [EVIL_4, EVIL_0] {
        assert!(refused(bytes).contains("is refused"));
    }
}

#[test]
fn only_the_listed_globals_and_calls_pass() {
    let global = |module: &str, name: &str| format!("\x02c{module}\n{name}\n.").replace('\x02', "");
    let run = |text: &str| pickle::read(text.as_bytes()).map(|_| ());
    assert_eq!(run(&global("collections", "OrderedDict")), Ok(()));
    assert_eq!(run(&global("torch", "FloatStorage")), Ok(()));
    for (module, name) in [
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.__init__"),
        ("torch.storage", "_load_from_bytes"),
        ("numpy.core.multiarray", "_reconstruct"),
    ] {
        assert!(
            matches!(run(&global(module, name)), Err(Refusal::Unsafe(_))),
            "{module}.{name}"
        );
    }
    // Calling what is no name, setting attributes of a tensor, INST, OBJ, NEWOBJ, EXT1.
    for text in [
        "](tR.",
        "N}b.",
        "(ios\nsystem\n.",
        "(o.",
        "))\u{1}.",
        "P1\n.",
    ] {
        assert!(run(text).is_err(), "{text:?}");
    }
    assert!(matches!(pickle::read(b")\x81."), Err(Refusal::Unsafe(_))));
    assert!(matches!(
        pickle::read(b"\x82\x01."),
        Err(Refusal::Unsafe(_))
    ));
}

#[test]
fn broken_pickles_end_in_a_sentence() {
    for bytes in [
        &b""[..],
        b"\x80",
        b"\x80\x05.",
        b".",
        b"0.",
        b"t.",
        b"(",
        b"q\x00.",
        b"h\x00.",
        b"R.",
        b"u.",
        b"s.",
        b"}K\x01K\x02s",
        b"a.",
        b"X\xff\xff\xff\xffabc.",
        b"X\x02\x00\x00\x00\xc3\x28.",
        b"\x8a\x09123456789.",
        b"(\x85.",
        b"cno newline",
    ] {
        assert!(pickle::read(bytes).is_err(), "{bytes:?}");
    }
    let endless = [b"N".repeat(5_000_000), b".".to_vec()].concat();
    assert!(matches!(pickle::read(&endless), Err(Refusal::Malformed(_))));
    let stacked = [
        b"Nq\x00".to_vec(),
        b"h\x00".repeat(5_000_000),
        b".".to_vec(),
    ]
    .concat();
    assert!(matches!(pickle::read(&stacked), Err(Refusal::Malformed(_))));
}

#[test]
fn numbers_in_pickles_have_their_sign() {
    let read = |bytes: &[u8]| {
        let (values, id, _) = pickle::read(bytes).expect("a number");
        values.get(id).clone()
    };
    use pickle::Value::Int;
    assert_eq!(read(b"\x8a\x00."), Int(0));
    assert_eq!(read(b"\x8a\x01\xff."), Int(-1));
    assert_eq!(read(b"\x8a\x02\xff\x00."), Int(255));
    assert_eq!(
        read(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."),
        Int(i64::MIN)
    );
    assert_eq!(read(b"J\xfe\xff\xff\xff."), Int(-2));
    assert_eq!(read(b"M\xe9\x03."), Int(1001));
}

#[test]
fn every_truncation_and_any_appended_byte_is_refused() {
    let safetensors = safetensors(&[("a", "F32", &[2], 0, 8)], &[1.0, 2.0]);
    for (what, bytes) in [
        ("zip", ZIP),
        ("legacy", LEGACY),
        ("safetensors", &safetensors),
    ] {
        assert!(read(bytes).is_ok(), "{what}");
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{what} cut to {length}");
        }
        let longer = [bytes, b"\0"].concat();
        let sentence = refused(&longer);
        assert!(
            sentence.contains("pull the model again"),
            "{what}: {sentence}"
        );
    }
}

#[test]
fn any_flipped_byte_is_read_or_refused_but_never_panics() {
    for bytes in [ZIP, LEGACY] {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                let _ = read(&changed);
            }
        }
    }
}

#[test]
fn a_tensor_that_reaches_beyond_its_storage_is_refused() {
    // The strides of "whole" are (12, 4, 1), pickled as K\x0cK\x04K\x01.
    let at = find(LEGACY, b"K\x0cK\x04K\x01");
    let mut wide = LEGACY.to_vec();
    wide[at + 1] = 0xff;
    assert!(
        refused(&wide).contains("beyond the end of its storage"),
        "{}",
        refused(&wide)
    );
    // Its shape is (2, 3, 4), pickled as K\x02K\x03K\x04.
    let at = find(LEGACY, b"K\x02K\x03K\x04");
    let mut large = LEGACY.to_vec();
    large[at + 1] = 0xff;
    assert!(
        refused(&large).contains("more elements than its storage"),
        "{}",
        refused(&large)
    );
}

#[test]
fn safetensors_are_read() {
    let bytes = safetensors(
        &[
            ("b", "F32", &[1, 2], 4, 12),
            ("__metadata__", "", &[], 0, 0),
            ("a", "F32", &[], 0, 4),
        ],
        &[0.5, -1.0, 3e38],
    );
    let found = read(&bytes).expect("right");
    assert_eq!(
        found["a"],
        TensorData {
            shape: vec![],
            data: vec![0.5]
        }
    );
    assert_eq!(
        found["b"],
        TensorData {
            shape: vec![1, 2],
            data: vec![-1.0, 3e38]
        }
    );
    // f16 1.5 and bf16 -2, then an integer that is left out.
    let header = r#"{"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"i":{"dtype":"I32","shape":[1],"data_offsets":[4,8]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0x00, 0x3e, 0x00, 0xc0, 9, 0, 0, 0]);
    let found = read(&bytes).expect("right");
    assert_eq!(
        (found["h"].data[0], found["b"].data[0], found.len()),
        (1.5, -2.0, 2)
    );
}

#[test]
fn safetensors_that_lie_are_refused() {
    let four = [1.0, 2.0, 3.0, 4.0];
    type Row<'a> = (&'a str, &'a str, &'a [usize], usize, usize);
    let cases: [(&str, &[Row<'_>], &str); 9] = [
        (
            "overlap",
            &[("a", "F32", &[2], 0, 8), ("b", "F32", &[3], 4, 16)],
            "overlaps",
        ),
        (
            "same bytes",
            &[("a", "F32", &[4], 0, 16), ("b", "F32", &[4], 0, 16)],
            "overlaps",
        ),
        (
            "hole",
            &[("a", "F32", &[1], 0, 4), ("b", "F32", &[2], 8, 16)],
            "hole",
        ),
        ("late start", &[("a", "F32", &[3], 4, 16)], "hole"),
        ("beyond", &[("a", "F32", &[5], 0, 20)], "truncated"),
        ("unused end", &[("a", "F32", &[3], 0, 12)], "bytes follow"),
        ("shape", &[("a", "F32", &[3], 0, 16)], "does not fill"),
        ("backwards", &[("a", "F32", &[4], 16, 0)], "does not fill"),
        (
            "huge",
            &[("a", "F32", &[usize::MAX, 4], 0, 16)],
            "does not fill",
        ),
    ];
    for (what, rows, expected) in cases {
        let sentence = refused(&safetensors(rows, &four));
        assert!(sentence.contains(expected), "{what}: {sentence}");
    }
    let twice = refused(&safetensors(
        &[("a", "F32", &[4], 0, 16), ("a", "F32", &[4], 0, 16)],
        &four,
    ));
    assert!(twice.contains("there twice"), "{twice}");
    let unknown = refused(&safetensors(&[("a", "F7", &[4], 0, 16)], &four));
    assert!(unknown.contains("unknown type"), "{unknown}");
}

#[test]
fn a_header_that_claims_too_much_is_refused_at_once() {
    for claim in [100_000_001u64, u64::MAX, 1 << 40] {
        let mut bytes = claim.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        assert!(refused(&bytes).contains("are the limit"));
    }
    // Within the limit, but longer than the file.
    let mut bytes = 99_000_000u64.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    assert!(refused(&bytes).contains("truncated"));
}

#[test]
fn onnx_weights_must_fit_their_shape() {
    use super::onnx::{GraphProto, ModelProto, TensorProto, data_type};
    use prost::Message;
    let file = |tensors: Vec<TensorProto>| {
        let graph = GraphProto {
            initializer: tensors,
            ..Default::default()
        };
        ModelProto {
            ir_version: 8,
            graph: Some(graph),
            ..Default::default()
        }
        .encode_to_vec()
    };
    let right = TensorProto::from_f32("w", &[2, 2], &[1.0, -2.0, 3.5, 4.0]);
    let shape = TensorProto::from_i64("shape", &[2], &[1, -1]);
    let listed = TensorProto {
        dims: vec![1],
        float_data: vec![0.25],
        name: "l".into(),
        ..right.clone()
    };
    let listed = TensorProto {
        raw_data: vec![],
        ..listed
    };
    let found = read(&file(vec![right.clone(), shape, listed])).expect("right");
    assert_eq!(
        found["w"],
        TensorData {
            shape: vec![2, 2],
            data: vec![1.0, -2.0, 3.5, 4.0]
        }
    );
    assert_eq!((found["l"].data[0], found.len()), (0.25, 2));

    let short = TensorProto {
        raw_data: vec![0; 12],
        ..right.clone()
    };
    let odd = TensorProto {
        raw_data: vec![0; 15],
        ..right.clone()
    };
    let negative = TensorProto {
        dims: vec![-2, -2],
        ..right.clone()
    };
    let huge = TensorProto {
        dims: vec![i64::MAX, i64::MAX],
        ..right.clone()
    };
    let elsewhere = TensorProto {
        data_location: 1,
        ..right.clone()
    };
    let half = TensorProto {
        data_type: data_type::FLOAT16,
        ..right.clone()
    };
    for bad in [short, odd, negative, huge, elsewhere, half] {
        assert!(refused(&file(vec![bad])).contains("tensor \"w\""));
    }
    assert!(refused(&file(vec![right.clone(), right.clone()])).contains("there twice"));
    let whole = file(vec![right]);
    assert!(read(&whole[..whole.len() - 1]).is_err());
}

#[test]
fn another_file_is_no_weight_file() {
    for bytes in [
        &b""[..],
        b"hello",
        b"\xff\xd8\xff\xe0 a JPEG",
        b"{\"json\": true}",
    ] {
        assert!(refused(bytes).contains("no PyTorch, safetensors or ONNX file"));
    }
    let missing = tensors(Path::new("no/such/file"))
        .expect_err("missing")
        .to_string();
    assert!(
        missing.contains("cannot read the weights at no/such/file"),
        "{missing}"
    );
}

/// A safetensors file of f32 numbers; the header has the rows in the given order.
fn safetensors(rows: &[(&str, &str, &[usize], usize, usize)], data: &[f32]) -> Vec<u8> {
    let entry = |&(name, dtype, shape, start, end): &(&str, &str, &[usize], usize, usize)| {
        if name == "__metadata__" {
            return r#""__metadata__":{"format":"pt"}"#.to_owned();
        }
        format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        )
    };
    let header = format!(
        "{{{}}}",
        rows.iter().map(entry).collect::<Vec<_>>().join(",")
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

/// A zip as torch.save makes it, with this pickle.
fn torch_zip(pickle: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("state/data.pkl", stored).expect("a member");
    zip.write_all(pickle).expect("written");
    zip.finish().expect("finished").into_inner()
}

/// Where `part` starts in `whole`.
fn find(whole: &[u8], part: &[u8]) -> usize {
    whole
        .windows(part.len())
        .position(|window| window == part)
        .expect("is there")
}
