//! The studio of the server, asked as rembg's users ask: its answers are those of the command line.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use showroom_catalog::Pixels;
use showroom_pixels::{DecodeOptions, decode_pixels};

use crate::serve::{Served, clients, python};
use crate::shop::{Shop, files};

const KEY: &str = "a-key-for-the-tests";

fn read(path: &Path) -> Pixels {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let options = DecodeOptions {
        min_side: u32::MAX,
        ..DecodeOptions::default()
    };
    decode_pixels(&bytes, &options).unwrap()
}

fn alpha(pixels: &Pixels) -> Vec<u8> {
    pixels.rgba.iter().skip(3).step_by(4).copied().collect()
}

/// The one file of a folder that ends so.
fn only(folder: &Path, end: &str) -> Pixels {
    let all: Vec<_> = files(folder)
        .into_keys()
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    assert_eq!(all.len(), 1, "{all:?}");
    read(&all[0])
}

#[test]
fn what_rembgs_clients_ask_for_is_what_the_command_line_makes() {
    let shop = Shop::with_photos(2);
    shop.ingest();
    let answers = shop.dir().join("answers");
    fs::create_dir(&answers).unwrap();
    let keys = format!("read:{KEY}");
    let served = Served::start(&shop, &["--studio-model", "u2netp", "--key", &keys]);
    let run = Command::new(python("python"))
        .arg(clients().join("studio.py"))
        .args([&format!("http://{}", served.address), KEY])
        .arg(shop.photos().join("0001.jpg"))
        .arg("0001")
        .arg(&answers)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let photo = read(&shop.photos().join("0001.jpg"));
    let of = |name: &str| read(&answers.join(name));

    let small = ["--model", "u2netp"];
    shop.ok(&[&["cutout", "photos/0001.jpg", "-o", "cut"], &small[..]].concat());
    let plain = of("plain.png");
    assert_eq!(plain, only(&shop.dir().join("cut"), ".png"));
    assert_eq!(plain, of("same.png"));
    assert_eq!((plain.width, plain.height), (photo.width, photo.height));
    // A disc or a box of a third of the photo, in the middle: there is product, rim and nothing.
    let alphas = alpha(&plain);
    let share = |range: std::ops::RangeInclusive<u8>| {
        let count = alphas.iter().filter(|alpha| range.contains(alpha)).count();
        count as f64 / alphas.len() as f64
    };
    assert!(
        (0.1..0.7).contains(&share(255..=255)),
        "{}",
        share(255..=255)
    );
    assert!((0.2..0.9).contains(&share(0..=0)), "{}", share(0..=0));
    assert!(
        (0.0001..0.1).contains(&share(1..=254)),
        "{}",
        share(1..=254)
    );
    let both = photo
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .zip(plain.rgba.as_chunks::<4>().0);
    for (before, after) in both.filter(|(_, after)| after[3] == 255) {
        assert_eq!(before, after, "the product's own pixels stay");
    }

    let mask = of("mask.png");
    let grey: Vec<u8> = mask.rgba.iter().step_by(4).copied().collect();
    assert_eq!(grey, alphas);
    assert!(
        alpha(&of("hard.png"))
            .iter()
            .all(|alpha| matches!(alpha, 0 | 255))
    );
    let green = of("green.png");
    assert_eq!(green.rgba[..4], [0, 255, 0, 255]);
    assert!(alpha(&of("matted.png")).contains(&255));
    let framed = of("framed.webp");
    assert_eq!(framed.width, framed.height);
    assert!(framed.width < photo.width, "cropped to the product");

    let white = [
        "backdrop",
        "photos/0001.jpg",
        "--on",
        "white",
        "--size",
        "400",
        "-o",
        "white",
    ];
    shop.ok(&[&white, &small[..]].concat());
    assert_eq!(of("white.png"), only(&shop.dir().join("white"), ".png"));
    let scene = of("scene.jpg");
    let aspect = f64::from(scene.width) / f64::from(scene.height);
    assert!((aspect - 0.8).abs() < 0.01, "{aspect}");
    let checked: Value = shop.json(&["check", "photos/0001.jpg", "--rules", "amazon"]);
    let answer: Value =
        serde_json::from_slice(&fs::read(answers.join("check.json")).unwrap()).unwrap();
    for field in ["rules", "verdict", "findings"] {
        assert_eq!(answer[field], checked[field], "{field}");
    }
}

#[test]
fn a_server_may_do_without_its_studio() {
    let shop = Shop::with_photos(1);
    shop.ingest();
    shop.run(&["serve", "--studio-model", "none"])
        .failed(2, "--studio-model");
    let served = Served::start(&shop, &["--studio", "off"]);
    let (status, said) = served.get("/v1/studio");
    assert_eq!((status, &said["code"]), (404, &"studio_is_off".into()));
}
