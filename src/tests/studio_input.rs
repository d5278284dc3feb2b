//! What the studio makes of awkward photos, through the binary with the small mask network.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::pictures;
use crate::shop::{Shop, text};

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
