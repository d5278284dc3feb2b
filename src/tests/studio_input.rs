//! What the studio makes of awkward photos, and of a run that is interrupted, through the binary with the
//! small mask network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::pictures;
use crate::shop::{Shop, files, text};

/// The lines of `showroom ARGS --json`, by the photo's file name.
fn by_photo(shop: &Shop, args: &[&str]) -> BTreeMap<String, Value> {
    let run = shop.ok(&[args, &["--json"]].concat());
    let lines: Vec<Value> = run.lines();
    let name = |line: &Value| {
        let uri = text(&line["uri"]);
        let name = Path::new(&uri).file_name().unwrap();
        name.to_string_lossy().into_owned()
    };
    lines.into_iter().map(|line| (name(&line), line)).collect()
}

fn cut(shop: &Shop) -> BTreeMap<String, Value> {
    by_photo(
        shop,
        &["cutout", "photos", "-o", "out", "--model", "u2netp"],
    )
}

fn flags(line: &Value) -> Vec<String> {
    let flags = line["assets"][0]["flags"].as_array();
    flags.unwrap().iter().map(text).collect()
}

fn picture(shop: &Shop, folder: &str, asset: &Value) -> image::DynamicImage {
    image::open(shop.dir().join(folder).join(text(&asset["file"]))).unwrap()
}

#[test]
fn grey_and_cmyk_photos_are_cut_out_as_the_same_photo_in_rgb_is() {
    let shop = Shop::with_photos(0);
    shop.add("rgb.jpg", &pictures::product(1));
    shop.add("grey.jpg", &pictures::grey_product(1));
    shop.add("cmyk.jpg", &pictures::cmyk_product(1));
    let made = cut(&shop);
    let product = |name: &str| {
        let cut = picture(&shop, "out", &made[name]["assets"][0]).into_rgba8();
        assert_eq!(cut.dimensions(), (240, 240), "{name}");
        cut
    };
    let rgb = product("rgb.jpg");
    for name in ["grey.jpg", "cmyk.jpg"] {
        let found = product(name);
        let count = |both: fn(bool, bool) -> bool| {
            let pairs = rgb.pixels().zip(found.pixels());
            pairs.filter(|(a, b)| both(a[3] > 127, b[3] > 127)).count() as f64
        };
        let overlap = count(|a, b| a && b) / count(|a, b| a || b);
        assert!(overlap > 0.98, "{name}: {overlap}");
        assert_eq!(flags(&made[name]), [] as [&str; 0], "{name}");
    }
    // In the colours of the photo: blue in four inks, grey in one.
    let middle = product("cmyk.jpg").get_pixel(120, 120).0;
    assert!(middle[2] > 180 && middle[0] < 60, "{middle:?}");
    let [r, g, b, alpha] = product("grey.jpg").get_pixel(120, 120).0;
    assert!(r == g && g == b && alpha == 255);
}

#[test]
fn grey_and_cmyk_photos_stand_in_a_scene() {
    let shop = Shop::with_photos(0);
    shop.add("grey.jpg", &pictures::grey_product(1));
    shop.add("cmyk.jpg", &pictures::cmyk_product(1));
    let made = by_photo(
        &shop,
        &[
            "backdrop",
            "photos",
            "--on",
            "oak-table",
            "--size",
            "160",
            "--model",
            "u2netp",
            "-o",
            "out",
        ],
    );
    for name in ["grey.jpg", "cmyk.jpg"] {
        let shown = picture(&shop, "out", &made[name]).into_rgb8();
        assert_eq!(shown.dimensions(), (160, 160), "{name}");
        // The floor is wood and no longer white; the product is its own colour.
        let [r, g, b] = shown.get_pixel(4, 155).0;
        assert!(r > g && g > b && b < 220, "{name}: {r} {g} {b}");
        let [r, g, b] = shown.get_pixel(80, 90).0;
        match name {
            "grey.jpg" => assert!(r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1, "{r} {g} {b}"),
            _ => assert!(b > 180 && r < 60, "{r} {g} {b}"),
        }
    }
}

#[test]
fn photos_just_below_the_limit_and_of_one_pixel_go_through() {
    let shop = Shop::with_photos(0);
    // 99,990,000 pixels: a black block on white.
    let block = |eight: u32, y: u32| !((400..850).contains(&eight) && (2500..7500).contains(&y));
    shop.add("giant.png", &pictures::png_of_one_bit(10_000, 9_999, block));
    let one = |width: u32, height: u32| {
        pictures::png(&image::RgbImage::from_pixel(width, height, image::Rgb([90, 20, 20])).into())
    };
    shop.add("pixel.png", &one(1, 1));
    shop.add("column.png", &one(1, 300));
    shop.add("row.png", &one(2000, 2));
    let made = cut(&shop);
    let giant = &made["giant.png"]["assets"][0];
    assert_eq!(
        (&giant["width"], &giant["height"]),
        (&10_000.into(), &9_999.into())
    );
    let cut = picture(&shop, "out", giant).into_rgba8();
    let at = |x: u32, y: u32| cut.get_pixel(x, y)[3];
    assert_eq!(
        [at(5000, 5000), at(3300, 2600), at(100, 100), at(9000, 5000)],
        [255, 255, 0, 0]
    );
    for (name, size) in [
        ("pixel.png", (1, 1)),
        ("column.png", (1, 300)),
        ("row.png", (2000, 2)),
    ] {
        let asset = &made[name]["assets"][0];
        let cut = picture(&shop, "out", asset);
        assert_eq!((cut.width(), cut.height()), size, "{name}");
    }
    let checked = by_photo(&shop, &["check", "photos", "--rules", "amazon"]);
    assert_eq!(checked.len(), 4);
    for (name, found) in &checked {
        // A line of 2,000 pixels is long enough, and no product is in it.
        let verdict = if name == "row.png" { "unknown" } else { "fail" };
        assert_eq!(found["verdict"], verdict, "{name}: {found}");
    }
}

#[test]
fn what_should_be_looked_at_is_named() {
    let shop = Shop::with_photos(0);
    shop.add("nothing.png", &pictures::transparent(|_, _| false));
    shop.add(
        "cut.png",
        &pictures::transparent(|x, y| x < 120 && (40..160).contains(&y)),
    );
    // A veil at its upper edge, and nothing taken away.
    let veiled = image::RgbaImage::from_fn(200, 200, |_, y| {
        image::Rgba([90, 60, 30, if y < 10 { 240 } else { 255 }])
    });
    shop.add("full.png", &pictures::png(&veiled.into()));
    shop.add(
        "whole.png",
        &pictures::transparent(|x, y| x.max(y) < 150 && x.min(y) > 50),
    );
    let made = cut(&shop);
    assert_eq!(flags(&made["nothing.png"]), ["empty"]);
    assert_eq!(flags(&made["cut.png"]), ["cut_by_frame"]);
    assert_eq!(flags(&made["full.png"]), ["full", "cut_by_frame"]);
    assert_eq!(flags(&made["whole.png"]), [] as [&str; 0]);

    // Nothing can be put on a backdrop: a reject that says so, and the others are made.
    let on = &[
        "backdrop", "photos", "--on", "white", "--model", "u2netp", "-o", "on",
    ];
    let run = shop.ok(on);
    assert!(run.stderr.contains("nothing.png"), "{}", run.stderr);
    assert!(run.stderr.contains("1 photo rejected"), "{}", run.stderr);
    let checked = by_photo(&shop, &["check", "photos", "--rules", "amazon"]);
    let of = |name: &str, measure: &str| {
        let findings = checked[name]["findings"].as_array().unwrap();
        let found = findings.iter().find(|found| found["measure"] == measure);
        found.unwrap()["verdict"].clone()
    };
    assert_eq!(of("nothing.png", "fill"), "unknown");
    assert_eq!(of("cut.png", "cut-by-frame"), "fail");
    assert_eq!(of("whole.png", "cut-by-frame"), "pass");
}

#[test]
fn text_beside_a_product_is_found_and_where_it_is() {
    let shop = Shop::with_photos(0);
    // The letters of models/pp-ocr/expected/text.png, above a product.
    let words = image::open(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/models/pp-ocr/expected/text.png"
    ));
    let words = words.unwrap().into_rgb8();
    let words = image::imageops::crop_imm(&words, 30, 20, 540, 150).to_image();
    let mut photo = image::RgbImage::from_pixel(1000, 1000, image::Rgb([245, 245, 240]));
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        if (250..750).contains(&x) && (350..900).contains(&y) {
            *pixel = image::Rgb([20, 90, 60]);
        }
    }
    shop.add("clean.png", &pictures::png(&photo.clone().into()));
    image::imageops::replace(&mut photo, &words, 200, 60);
    shop.add("written.png", &pictures::png(&photo.into()));
    let found = by_photo(
        &shop,
        &["check", "photos", "--rules", "amazon", "--report", "a.csv"],
    );
    let of = |name: &str| {
        let findings = found[name]["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|found| found["measure"] == "text")
            .unwrap()
            .clone()
    };
    assert_eq!(of("clean.png")["verdict"], "pass", "{}", of("clean.png"));
    assert_eq!(found["clean.png"]["text"], serde_json::json!([]));
    assert_eq!(of("written.png")["verdict"], "fail");
    assert_eq!(of("written.png")["value"], 2.0, "two lines");
    for line in found["written.png"]["text"].as_array().unwrap() {
        let number = |name: &str| line[name].as_u64().unwrap();
        assert!(
            number("x") >= 190 && number("x") + number("width") <= 760,
            "{line}"
        );
        assert!(
            number("y") >= 60 && number("y") + number("height") <= 230,
            "{line}"
        );
        assert_eq!(line["on_product"], false);
    }
    let csv = fs::read_to_string(shop.dir().join("a.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",where"), "{csv}");

    // Without onnxruntime nobody looks, and the rule says so.
    let blind = &[
        "check", "photos", "--rules", "amazon", "--json", "--engine", "burn",
    ];
    let blind: Vec<Value> = shop.ok(blind).lines();
    for found in &blind {
        let findings = found["findings"].as_array().unwrap();
        let text_rule = findings
            .iter()
            .find(|found| found["measure"] == "text")
            .unwrap();
        assert_eq!(text_rule["verdict"], "unknown");
        assert!(
            text(&text_rule["says"]).contains("onnxruntime"),
            "{text_rule}"
        );
        assert!(found["text"].is_null());
    }
}

/// Photos of the run that is interrupted: more than are made before the signal arrives.
#[cfg(unix)]
const PHOTOS: usize = 80;

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_bulk_run_finishes_what_is_in_flight_and_the_next_run_does_the_rest() {
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::shop::finish;

    let shop = Shop::with_photos(PHOTOS);
    let out = shop.dir().join("out");
    let args = [
        "cutout", "photos", "-o", "out", "--mask", "--model", "u2netp",
    ];
    let child = shop.command(&args).spawn().unwrap();
    let started = Instant::now();
    // Only the names: what is being written has another soon.
    while fs::read_dir(&out).map_or(0, Iterator::count) == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(300),
            "nothing is made"
        );
        thread::sleep(Duration::from_millis(2));
    }
    let signal = format!("kill -INT {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &signal])
            .status()
            .unwrap()
            .success()
    );
    finish(child).failed(130, "interrupted");

    // Cut-out and mask of each photo that was begun, each with its JSON, and nothing else.
    let left: BTreeSet<_> = files(&out).into_keys().collect();
    let pictures: Vec<_> = left
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "png"))
        .collect();
    assert_eq!(left.len(), 2 * pictures.len(), "{left:?}");
    for path in &pictures {
        image::open(path).unwrap();
        let told = fs::read(format!("{}.json", path.display())).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told["bytes"], fs::metadata(path).unwrap().len());
    }
    let done = pictures.len() / 2;
    assert_eq!(pictures.len(), 2 * done);
    assert!((1..PHOTOS).contains(&done), "{done}");

    let before: BTreeMap<_, _> = files(&out);
    let again = shop.ok(&args);
    let said = format!("{} photos cut out, {done} there already", PHOTOS - done);
    assert!(
        again.stderr.contains(&said),
        "{said:?} is not in {}",
        again.stderr
    );
    let after = files(&out);
    assert_eq!(after.len(), 4 * PHOTOS);
    assert!(
        before.iter().all(|(path, bytes)| after[path] == *bytes),
        "what was there is as it was"
    );
}
