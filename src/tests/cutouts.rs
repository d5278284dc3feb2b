//! `showroom cutout` with the small mask network: files and their JSON, resume, the catalogue, pipes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::pictures;
use crate::shop::{Shop, files, text};

const SMALL: [&str; 2] = ["--model", "u2netp"];

fn cutout<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["cutout"], args, &SMALL].concat()
}

/// The lines of `--json`, by the photo's file name.
fn lines(shop: &Shop, args: &[&str]) -> BTreeMap<String, Value> {
    let run = shop.ok(&[&cutout(args)[..], &["--json"]].concat());
    let lines: Vec<Value> = run.lines();
    let name = |line: &Value| {
        let uri = text(&line["uri"]);
        Path::new(&uri)
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    };
    lines.into_iter().map(|line| (name(&line), line)).collect()
}

#[test]
fn products_are_cut_out_and_what_is_there_is_left_alone() {
    let shop = Shop::with_photos(2);
    shop.add("broken.jpg", b"nothing");
    let args = ["photos", "-o", "out", "--mask"];
    let first = lines(&shop, &args);
    assert_eq!(first["broken.jpg"]["reject"]["code"], "not-an-image");
    for name in ["0000.jpg", "0001.jpg"] {
        let line = &first[name];
        assert_eq!(line["made"], true);
        let assets = line["assets"].as_array().unwrap();
        let kinds: Vec<&str> = assets
            .iter()
            .map(|asset| asset["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["cutout", "mask"]);
        for asset in assets {
            let file = shop.dir().join("out").join(text(&asset["file"]));
            let told: Value =
                serde_json::from_slice(&fs::read(format!("{}.json", file.display())).unwrap())
                    .unwrap();
            assert_eq!(&told, asset);
            assert_eq!(asset["bytes"], fs::metadata(&file).unwrap().len());
            assert!(text(&asset["model"]).starts_with("u2netp@"), "{asset}");
        }
        // A box or a disc on white: nothing to look at, and the corner is clear.
        assert_eq!(assets[0]["flags"], serde_json::json!([]), "{line}");
        let file = shop.dir().join("out").join(text(&assets[0]["file"]));
        let picture = image::open(file).unwrap().into_rgba8();
        assert_eq!(picture.dimensions(), (240, 240));
        assert_eq!(picture.get_pixel(0, 0)[3], 0);
        let photo = image::open(shop.photos().join(name)).unwrap().into_rgb8();
        let (before, after) = (photo.get_pixel(120, 120), picture.get_pixel(120, 120));
        assert_eq!(after[3], 255);
        // Another JPEG decoder may round differently.
        let apart = (0..3).map(|c| before[c].abs_diff(after[c])).max();
        assert!(apart <= Some(3), "{before:?} {after:?}");
    }
    let before = files(&shop.dir().join("out"));
    assert_eq!(before.len(), 8);
    let second = lines(&shop, &args);
    assert_eq!(second["0000.jpg"]["made"], false);
    assert_eq!(second["0000.jpg"]["assets"], first["0000.jpg"]["assets"]);
    assert_eq!(files(&shop.dir().join("out")), before);
}

#[test]
fn a_file_that_a_crash_left_without_its_json_or_cut_short_is_made_again() {
    let shop = Shop::with_photos(2);
    let first = lines(&shop, &["photos", "-o", "out"]);
    let file = |name: &str| {
        shop.dir()
            .join("out")
            .join(text(&first[name]["assets"][0]["file"]))
    };
    let whole = fs::read(file("0000.jpg")).unwrap();
    fs::remove_file(format!("{}.json", file("0000.jpg").display())).unwrap();
    fs::write(file("0001.jpg"), b"cut short").unwrap();
    let second = lines(&shop, &["photos", "-o", "out"]);
    for name in ["0000.jpg", "0001.jpg"] {
        assert_eq!(second[name]["made"], true, "{name}");
    }
    // The same photo with the same options gives the same bytes.
    assert_eq!(fs::read(file("0000.jpg")).unwrap(), whole);
    assert!(fs::metadata(file("0001.jpg")).unwrap().len() > 100);
}

#[test]
fn the_catalogue_knows_what_was_made_of_its_photos() {
    let shop = Shop::with_photos(3);
    shop.ingest();
    let keys: Vec<String> = shop
        .exported()
        .values()
        .map(|photo| text(&photo["sku"]))
        .collect();
    assert_eq!(keys, ["0000", "0001", "0002"]);
    let made = lines(
        &shop,
        &["-o", "out", "--where", "sku = '0001'", "--format", "webp"],
    );
    assert_eq!(made.keys().collect::<Vec<_>>(), ["0001.jpg"]);
    let log = fs::read_to_string(shop.store.join("assets.jsonl")).unwrap();
    let kept: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept, [made["0001.jpg"]["assets"][0].clone()]);
    assert_eq!(kept[0]["sku"], "0001");
    assert!(text(&kept[0]["file"]).ends_with(".webp"));
    shop.verify();
    // What was there already is not told again.
    lines(
        &shop,
        &["-o", "out", "--where", "sku = '0001'", "--format", "webp"],
    );
    assert_eq!(
        fs::read_to_string(shop.store.join("assets.jsonl")).unwrap(),
        log
    );
    let none = shop.run(&cutout(&["-o", "out", "--where", "sku = nobody"]));
    none.failed(3, "no photo of the catalogue passes the filter");
}

#[test]
fn a_doubtful_cut_out_is_named_for_review() {
    let shop = Shop::with_photos(1);
    let mut white = Vec::new();
    image::RgbImage::from_pixel(64, 64, image::Rgb([250; 3]))
        .write_to(
            &mut std::io::Cursor::new(&mut white),
            image::ImageFormat::Png,
        )
        .unwrap();
    shop.add("plain.png", &white);
    let run = shop.ok(&cutout(&["photos", "-o", "out", "--review-only"]));
    assert_eq!(run.stdout.lines().count(), 1, "{run:#?}");
    assert!(
        run.stdout.starts_with("plain.cutout-") && run.stdout.contains("no_product"),
        "{run:#?}"
    );
    // Asked again nothing is made, and it is named all the same.
    let again = shop.ok(&cutout(&["photos", "-o", "out", "--review-only"]));
    assert_eq!(again.stdout, run.stdout);
    assert!(
        again
            .stderr
            .contains("0 photos cut out, 2 there already, 1 to look at"),
        "{again:#?}"
    );
}

#[test]
fn a_picture_is_framed_by_its_product() {
    let shop = Shop::with_photos(1);
    let args = [
        "photos", "-o", "out", "--fill", "0.8", "--aspect", "4:5", "--size", "200",
    ];
    let asset = lines(&shop, &args)["0000.jpg"]["assets"][0].clone();
    assert_eq!(
        (&asset["width"], &asset["height"]),
        (&160.into(), &200.into())
    );
    let picture = image::open(shop.dir().join("out").join(text(&asset["file"])))
        .unwrap()
        .into_rgba8();
    // The drawn box of 140 × 120 fills .8 of the width.
    let solid = (0..160)
        .filter(|&x| picture.get_pixel(x, 100)[3] > 127)
        .count();
    assert!((126..=130).contains(&solid), "{solid}");
}

#[test]
fn one_photo_goes_through_a_pipe() {
    let shop = Shop::with_photos(0);
    let mut child = shop
        .command(&cutout(&["-", "--quiet"]))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&pictures::product(0))
        .unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let picture = image::load_from_memory(&done.stdout).unwrap();
    assert_eq!(
        (picture.width(), picture.color()),
        (240, image::ColorType::Rgba8)
    );
    let mut child = shop
        .command(&cutout(&["-"]))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"no photo").unwrap();
    crate::shop::finish(child).failed(3, "standard input: the file is no photo");
}

#[test]
fn wrong_usage_and_bad_input_have_their_exit_codes() {
    let shop = Shop::with_photos(1);
    shop.run(&cutout(&["photos"])).failed(2, "-o DIR");
    shop.run(&cutout(&["-", "-o", "out"]))
        .failed(2, "leave -o out");
    shop.run(&cutout(&["nowhere", "-o", "out"]))
        .failed(3, "nowhere");
    shop.run(&cutout(&["-o", "out"]))
        .failed(5, "there is no catalogue");
    shop.run(&["cutout", "photos", "-o", "out", "--model", "no-such"])
        .failed(2, "no-such");
    shop.run(&[
        "cutout",
        "photos",
        "-o",
        "out",
        "--model",
        "efficientnet-lite2",
    ])
    .failed(3, "take u2net");
    for wrong in [
        ["--fill", "0"],
        ["--aspect", "1"],
        ["--size", "0"],
        ["--quality", "101"],
        ["--format", "gif"],
    ] {
        let run = shop.run(&[&cutout(&["photos", "-o", "out"])[..], &wrong].concat());
        assert_eq!(run.code, Some(2), "{wrong:?}: {run:#?}");
    }
    let both = shop.run(&cutout(&["photos", "-o", "out", "--where", "width > 1"]));
    assert_eq!(both.code, Some(2), "{both:#?}");
    shop.add("broken.jpg", b"nothing");
    shop.run(&cutout(&["photos", "-o", "out", "--strict"]))
        .failed(4, "1 photo rejected");
    assert!(
        !shop.store.exists(),
        "photos that are named make no catalogue"
    );
}
