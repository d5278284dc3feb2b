//! What shells, pipes and scripts rely on: help, exit codes, and what goes to which output.

use std::process::Stdio;

use serde_json::Value;

use crate::shop::{Shop, finish};

const VERBS: [&[&str]; 21] = [
    &["ingest"],
    &["tag"],
    &["reindex"],
    &["search"],
    &["serve"],
    &["rejects"],
    &["dedup"],
    &["bench"],
    &["export"],
    &["delete"],
    &["report"],
    &["index"],
    &["models"],
    &["doctor"],
    &["eval"],
    &["labels"],
    &["cutout"],
    &["check"],
    &["rendition"],
    &["backdrop"],
    &["adapt"],
];

#[test]
fn every_verb_has_help_with_examples() {
    let shop = Shop::with_photos(0);
    let help = shop.ok(&["--help"]).stdout;
    for verb in VERBS {
        assert!(help.contains(verb[0]), "--help does not name {verb:?}");
        let help = shop.ok(&[verb, &["--help"]].concat()).stdout;
        assert!(help.contains("Examples:\n  showroom "), "{verb:?}: {help}");
    }
}

#[test]
fn the_verbs_of_the_help_are_those_tested_here() {
    let help = Shop::with_photos(0).ok(&["--help"]).stdout;
    let commands = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let listed: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert_eq!(listed, VERBS.map(|verb| verb[0]));
}

#[test]
fn exit_codes_are_documented() {
    let help = Shop::with_photos(0).ok(&["--help"]).stdout;
    let codes = help
        .split("Exit codes:")
        .nth(1)
        .expect("a list of exit codes");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130"] {
        assert!(
            codes.split_whitespace().any(|word| word == code),
            "{code} is not in {codes}"
        );
    }
}

#[test]
fn wrong_usage_is_2() {
    let shop = Shop::with_photos(0);
    for args in [
        &["no-such-verb"] as &[&str],
        &[],
        &["ingest"],
        &["search"],
        &["search", "--text", "a", "-k", "0"],
        &["search", "--minus", "a"],
        &["search", "--like", "a", "--colour-weight", "x"],
        &["export", "--format", "xml"],
    ] {
        let run = shop.run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {run:#?}");
        assert!(
            run.stdout.is_empty() && !run.stderr.is_empty(),
            "{args:?}: {run:#?}"
        );
    }
}

#[test]
fn a_filter_that_cannot_be_read_is_2_and_says_where() {
    // What is no field may be an attribute of the catalogue, so there has to be one.
    let shop = Shop::with_photos(1);
    shop.ingest();
    shop.run(&["export", "--where", "size = 3"])
        .failed(2, "no field \"size\"");
    shop.run(&["search", "--text", "a", "--where", "width >"])
        .failed(2, "expected a value");
}

#[test]
fn without_a_catalogue_it_is_5_and_says_how_to_make_one() {
    let shop = Shop::with_photos(0);
    for verb in ["export", "rejects", "report"] {
        let run = shop.run(&[verb]);
        run.failed(5, "showroom ingest PATH");
        assert!(run.stdout.is_empty());
    }
    shop.run(&["index", "stats"])
        .failed(5, "there is no catalogue");
    shop.run(&["search", "--text", "shoes"])
        .failed(5, "there is no catalogue");
    assert!(!shop.store.exists(), "reading makes no catalogue");
}

#[test]
fn without_models_it_is_6_and_says_how_to_get_them() {
    let shop = Shop::with_photos(1);
    let cache = shop.dir().join("empty-cache");
    let cache = cache.to_str().unwrap();
    let run = shop.run(&["ingest", "photos", "--cache", cache, "--engine", "burn"]);
    run.failed(6, "showroom models pull");
    assert!(
        !shop.store.exists(),
        "no catalogue is made where there is no model"
    );
    let run = shop.run(&["doctor", "--json", "--cache", cache]);
    assert_eq!(run.code, Some(6), "{run:#?}");
    let _: Value = run.parse();
}

#[test]
fn a_device_that_is_not_there_is_8_and_what_is_none_is_2() {
    let shop = Shop::with_photos(1);
    for verb in [&["ingest", "photos"] as &[&str], &["bench", "photos"]] {
        let run = shop.run(&[verb, &["--device", "gpu:no-such-adapter"]].concat());
        run.failed(8, "--device gpu:no-such-adapter: ");
        let run = shop.run(&[verb, &["--device", "abacus"]].concat());
        assert_eq!(run.code, Some(2), "{run:#?}");
        assert!(run.stderr.contains("gpu:NAME"), "{run:#?}");
        let run = shop.run(&[verb, &["--device", "gpu", "--engine", "onnxruntime"]].concat());
        run.failed(8, "onnxruntime runs on the CPU");
    }
    assert!(
        !shop.store.exists(),
        "no catalogue is made where there is no device"
    );
    let run = shop.run(&["doctor", "--json", "--device", "gpu:no-such-adapter"]);
    let checks = &run.parse::<Value>()["checks"];
    let engine = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["area"] == "engine");
    assert_eq!(engine.unwrap()["state"], "missing");
}

#[test]
fn the_device_is_told_first_and_each_stage_is_measured() {
    let shop = Shop::with_photos(3);
    let run = shop.ok(&["ingest", "photos", "--device", "cpu"]);
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("device: CPU, onnxruntime, "),
        "{}",
        run.stderr
    );
    let bench = shop.json(&["bench", "photos", "--device", "cpu", "--batch", "2"]);
    assert_eq!((&bench["photos"], &bench["batch"]), (&3.into(), &2.into()));
    let names = |list: &str| -> Vec<String> {
        let list = bench[list].as_array().unwrap().iter();
        list.inspect(|stage| assert!(stage["photos_per_second"].as_f64().unwrap() > 0.0))
            .map(|stage| stage["name"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(
        names("stages"),
        ["fetch and decode", "encode", "list", "tag", "write"]
    );
    assert!(names("steps").contains(&"embedding network".to_string()));
    assert!(names("stages").contains(&bench["slowest"].as_str().unwrap().to_string()));
    assert!(bench["whole_photos_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn json_is_alone_on_standard_output() {
    let shop = Shop::with_photos(2);
    shop.add("broken.jpg", b"");
    shop.ingest();
    for args in [
        &["search", "--text", "red box"] as &[&str],
        &["index", "stats"],
        &["index", "verify"],
        &["models", "ls"],
        &["tag"],
        &["report"],
        &["doctor"],
    ] {
        assert!(!shop.json(args).is_null(), "{args:?}");
    }
    assert_eq!(shop.ok(&["rejects", "--json"]).lines::<Value>().len(), 1);
    assert_eq!(shop.ok(&["export", "--json"]).lines::<Value>().len(), 2);
}

#[test]
fn quiet_says_nothing_but_results() {
    let shop = Shop::with_photos(1);
    let run = shop.ok(&["ingest", "photos", "--quiet", "--json"]);
    assert_eq!(run.stderr, "");
    let twin = shop
        .command(&["ingest", "photos"])
        .env("SHOWROOM_QUIET", "true")
        .env("SHOWROOM_JSON", "true")
        .spawn();
    let run = finish(twin.unwrap());
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "flags have twins in the environment"
    );
    assert_eq!(run.parse::<Value>()["unchanged"], 1);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    for args in [
        &["export"] as &[&str],
        &["index", "stats"],
        &["models", "ls"],
        &["search", "--like", "0000"],
    ] {
        let mut child = shop.command(args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = finish(child);
        assert_eq!(run.code, Some(0), "{args:?}: {run:#?}");
        assert!(
            !run.stderr.contains("panicked") && !run.stderr.contains("pipe"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn doctor_finds_everything_that_ingest_needs() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    let run = shop.ok(&["doctor"]);
    for said in ["showroom", "onnxruntime", "cores", "models", "1 photo"] {
        assert!(
            run.stdout.contains(said),
            "{said:?} is not in {}",
            run.stdout
        );
    }
}

#[test]
fn doctor_says_that_a_store_is_damaged() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    std::fs::write(shop.store.join("showroom.json"), "{").unwrap();
    let run = shop.run(&["doctor", "--json"]);
    assert_eq!(run.code, Some(5), "{run:#?}");
    let _: Value = run.parse();
}
