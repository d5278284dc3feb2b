//! `check`, `rendition` and `backdrop`, through the binary, with the small mask network.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use showroom_pixels::{DecodeOptions, decode_pixels};
use showroom_studio::backdrop::Environment;
use showroom_vision::weights::library::Library;

use crate::shop::{Shop, files, text};

/// Files of a folder whose names end so.
fn ending(dir: &Path, end: &str) -> Vec<PathBuf> {
    let all = files(dir).into_keys();
    all.filter(|path| path.to_string_lossy().ends_with(end))
        .collect()
}

#[test]
fn photos_are_checked_once_and_the_findings_are_kept() {
    let shop = Shop::with_photos(3);
    shop.add("broken.jpg", b"no picture");
    let check = &[
        "check", "photos", "--rules", "amazon", "-o", "checks", "--json",
    ];
    let run = shop.ok(check);
    let found: Vec<Value> = run.lines();
    assert_eq!(found.len(), 3);
    for one in &found {
        assert_eq!(one["rules"], "amazon");
        assert_eq!(
            one["verdict"], "fail",
            "240 pixels are less than 500: {one}"
        );
        let findings = one["findings"].as_array().unwrap();
        let of = |name: &str| {
            findings
                .iter()
                .find(|finding| finding["measure"] == name)
                .unwrap()
        };
        assert_eq!(of("longest-side")["value"], 240.0);
        assert_eq!(of("frame")["verdict"], "pass");
        assert_eq!(of("format")["value"], "jpeg");
    }
    assert!(
        run.stderr.contains("3 photos checked, 1 photo rejected"),
        "{}",
        run.stderr
    );
    let again = shop.ok(check);
    assert!(
        again.stderr.contains("0 photos checked, 3 there already"),
        "{}",
        again.stderr
    );
    assert_eq!(again.lines::<Value>(), found);
    shop.run(&["check", "photos", "--rules", "amazon", "--strict"])
        .failed(4, "could not be used");
    fs::remove_file(shop.photos().join("broken.jpg")).unwrap();
    shop.run(&["check", "photos", "--rules", "amazon", "--strict"])
        .failed(4, "3 of 3 photos");
}

#[test]
fn the_pictures_that_keep_the_rules_are_made_and_made_again_when_gone() {
    let shop = Shop::with_photos(2);
    let fix = &[
        "check",
        "photos",
        "--rules",
        "zalando",
        "--fix",
        "--model",
        "u2netp",
        "-o",
        "fixed",
        "--report",
        "report.csv",
    ];
    shop.ok(fix);
    let made = ending(&shop.dir().join("fixed"), ".jpg");
    assert_eq!(made.len(), 2);
    for path in &made {
        let shown = decode_pixels(&fs::read(path).unwrap(), &DecodeOptions::default()).unwrap();
        let aspect = f64::from(shown.width) / f64::from(shown.height);
        assert!((aspect - 0.6927).abs() < 0.01, "{aspect}");
        assert_eq!(shown.rgba[..4], [255; 4]);
    }
    let csv = fs::read_to_string(shop.dir().join("report.csv")).unwrap();
    assert!(csv.starts_with("uri,sku,photo_verdict,rule,level,verdict,value,limit,says,remedy"));
    assert!(
        csv.lines()
            .any(|line| line.contains(",aspect,required,fail,") && line.ends_with(",pass,"))
    );
    fs::remove_file(&made[0]).unwrap();
    let again = shop.ok(fix);
    assert!(
        again.stderr.contains("1 photo checked, 1 there already"),
        "{}",
        again.stderr
    );
    assert!(made[0].is_file());
}

#[test]
fn renditions_of_a_catalogue_are_made_with_their_page() {
    let shop = Shop::with_photos(2);
    shop.ingest();
    let make = &[
        "rendition",
        "-o",
        "out",
        "--widths",
        "100,200,999",
        "--target",
        "0.01",
    ];
    let run = shop.ok(&[&make[..], &["--json"]].concat());
    let all: Vec<Value> = run.lines();
    assert_eq!(all.len(), 2);
    for one in &all {
        let pictures = one["pictures"].as_array().unwrap();
        let widths: Vec<u64> = pictures
            .iter()
            .map(|p| p["width"].as_u64().unwrap())
            .collect();
        assert_eq!(
            widths,
            [100, 100, 100, 200, 200, 200, 240, 240, 240],
            "three formats, no wider than the photo"
        );
        let html = fs::read_to_string(shop.dir().join("out").join(text(&one["html"]))).unwrap();
        for picture in pictures {
            assert!(picture["dssim"].as_f64().unwrap() <= 0.01, "{picture}");
            let file = text(&picture["file"]);
            assert!(html.contains(&file), "{file} is not in {html}");
            let bytes = fs::read(shop.dir().join("out").join(&file)).unwrap();
            assert_eq!(bytes.len() as u64, picture["bytes"].as_u64().unwrap());
        }
    }
    let before = files(&shop.dir().join("out"));
    let again = shop.ok(make);
    assert!(
        again.stderr.contains("0 photos made, 2 there already"),
        "{}",
        again.stderr
    );
    assert_eq!(files(&shop.dir().join("out")), before);
    let one = ending(&shop.dir().join("out"), ".webp").remove(0);
    fs::remove_file(&one).unwrap();
    let again = shop.ok(make);
    assert!(
        again.stderr.contains("1 photo made, 1 there already"),
        "{}",
        again.stderr
    );
    assert!(one.is_file());
    let none = shop.run(&["rendition", "-o", "out", "--where", "width > 5000"]);
    none.failed(3, "no photo of the catalogue passes the filter");
}

#[test]
fn backdrops_are_the_same_bytes_for_the_same_seed() {
    let shop = Shop::with_photos(2);
    let make = |out: &str, seed: &str| {
        shop.ok(&[
            "backdrop",
            "photos",
            "--on",
            "blush-sweep",
            "--model",
            "u2netp",
            "--seed",
            seed,
            "-o",
            out,
        ]);
        let made = ending(&shop.dir().join(out), ".png");
        made.into_iter()
            .map(|path| fs::read(path).unwrap())
            .collect::<Vec<_>>()
    };
    let (first, same, other) = (make("a", "1"), make("b", "1"), make("c", "2"));
    assert_eq!(first.len(), 2);
    assert_eq!(first, same);
    assert!(first.iter().zip(&other).all(|(a, b)| a != b));
    let json = ending(&shop.dir().join("a"), ".png.json");
    let told: Value = serde_json::from_slice(&fs::read(&json[0]).unwrap()).unwrap();
    assert_eq!(told["kind"], "backdrop");
    assert!(text(&told["model"]).starts_with("u2netp@"));
    assert!(text(&told["parameters"]["backdrop"]).starts_with("blush-sweep@"));
}

#[test]
fn a_scene_of_ones_own_a_picture_and_colours_are_backdrops() {
    let shop = Shop::with_photos(1);
    fs::copy(shop.photos().join("0000.jpg"), shop.dir().join("wall.jpg")).unwrap();
    fs::write(
        shop.dir().join("own.toml"),
        "name = 'own'\ntitle = 'Own'\n[light]\nenvironment = 'studio'\n[floor]\ncolour = '#aabbcc'\n\
         material = 'wood'\n[wall]\ncolour = '#ddeeff'\ndistance = 1.0\n",
    )
    .unwrap();
    for (on, corner) in [
        ("white", Some([255, 255, 255])),
        ("#102030", Some([16, 32, 48])),
        ("#000000..#ffffff@90", None),
        ("wall.jpg", None),
        ("own.toml", None),
    ] {
        let out = format!("out-{}", on.len());
        let run = shop.json(&[
            "backdrop",
            "photos/0000.jpg",
            "--on",
            on,
            "--model",
            "u2netp",
            "--aspect",
            "4:5",
            "--size",
            "100",
            "-o",
            &out,
        ]);
        assert_eq!(
            (run["width"].as_u64(), run["height"].as_u64()),
            (Some(80), Some(100)),
            "{on}"
        );
        let file = shop.dir().join(&out).join(text(&run["file"]));
        let shown = decode_pixels(&fs::read(file).unwrap(), &DecodeOptions::default()).unwrap();
        if let Some(corner) = corner {
            assert_eq!(shown.rgba[..3], corner, "{on}");
        }
    }
}

#[test]
fn what_is_no_rule_backdrop_or_photo_is_said() {
    let shop = Shop::with_photos(1);
    fs::write(shop.dir().join("bad.toml"), "name = 3").unwrap();
    shop.run(&["check", "photos", "--rules", "ebay"])
        .failed(2, "amazon, google, shopify, zalando");
    shop.run(&["check", "photos", "--rules", "bad.toml"])
        .failed(3, "bad.toml");
    shop.run(&["check", "nowhere", "--rules", "amazon"])
        .failed(3, "nowhere");
    shop.run(&["check", "photos", "--rules", "amazon", "--report", "a.xls"])
        .failed(2, ".csv");
    let on = |on: &str| shop.run(&["backdrop", "photos", "--on", on, "-o", "out"]);
    on("moon").failed(2, "oak-table");
    on("#12345").failed(2, "#rrggbb");
    on("#123..x").failed(2, "#rrggbb");
    on("bad.toml").failed(3, "bad.toml");
    shop.run(&["backdrop", "photos", "--prompt", "a beach", "-o", "out"])
        .failed(6, "diffusion");
    shop.run(&["rendition", "-o", "out"])
        .failed(5, "no catalogue");
    let cache = shop.dir().join("empty");
    let scene = &[
        "backdrop", "photos", "--on", "concrete", "-o", "out", "--cache",
    ];
    shop.run(&[&scene[..], &[cache.to_str().unwrap()]].concat())
        .failed(6, "showroom models pull environments");
    for args in [
        &["check", "photos"] as &[&str],
        &["check", "photos", "--rules", "amazon", "--fix"],
        &["rendition", "photos", "-o", "out", "--target", "2"],
        &["backdrop", "photos", "-o", "out"],
        &[
            "backdrop", "photos", "--on", "white", "-o", "out", "--aspect", "1",
        ],
    ] {
        assert_eq!(shop.run(args).code, Some(2), "{args:?}");
    }
    let listed = shop.ok(&["backdrop", "--list"]).stdout;
    assert!(listed.contains("marble") && listed.contains("White marble"));
}

#[test]
fn environments_give_the_light_that_openexr_reads_in_them() {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = home("SHOWROOM_CACHE")
        .or_else(|| home("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
        .or_else(|| home("HOME").map(|dir| dir.join(".cache/showroom")))
        .unwrap();
    let library = Library::new(&[], &cache).unwrap();
    let expected: Value = serde_json::from_str(include_str!(
        "../../models/environments/expected/expected.json"
    ))
    .unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 18);
    for (name, wanted) in expected {
        let file = library.file("environments", name).unwrap();
        let environment = Environment::read(&fs::read(file).unwrap()).unwrap();
        for (side, normal) in [("floor", [0.0, 1.0, 0.0]), ("wall", [0.0, 0.0, 1.0])] {
            let found = environment.irradiance(normal);
            for (found, wanted) in found.iter().zip(wanted[side].as_array().unwrap()) {
                let wanted = wanted.as_f64().unwrap();
                // The decoders of a lossy format may round half floats differently.
                assert!(
                    (found / wanted - 1.0).abs() < 1e-4,
                    "{name} {side}: {found}, {wanted}"
                );
            }
        }
    }
}
