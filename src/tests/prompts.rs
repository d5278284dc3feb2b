//! `backdrop --prompt`, through the binary, with a tiny inpainting model of random weights: what it paints means
//! nothing, so that only where it paints is looked at.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use showroom_catalog::Pixels;
use showroom_pixels::{DecodeOptions, decode_pixels};

use crate::shared_space::{Place, hub};
use crate::shop::{Run, Shop, files, finish, text};
use crate::tiny_diffusion::write;

/// A shop with a tiny model in it.
fn shop(photos: usize) -> (Shop, PathBuf) {
    let shop = Shop::with_photos(photos);
    let model = shop.dir().join("tiny");
    write("sd1-tiny", &model);
    (shop, model)
}

/// The pictures of a folder, in the order of their names.
fn pictures(shop: &Shop, out: &str) -> Vec<Vec<u8>> {
    let all = files(&shop.dir().join(out)).into_iter();
    all.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "png"))
        .map(|(_, bytes)| bytes)
        .collect()
}

fn shown(bytes: &[u8]) -> Pixels {
    let options = DecodeOptions {
        min_side: u32::MAX,
        ..DecodeOptions::default()
    };
    decode_pixels(bytes, &options).unwrap()
}

fn prompt(shop: &Shop, out: &str, more: &[&str]) -> Run {
    let usual = [
        "backdrop",
        "photos",
        "--prompt",
        "on a <mossy> rock",
        "--negative",
        "people",
        "--model",
        "u2netp",
        "--steps",
        "2",
        "-o",
        out,
    ];
    shop.run(&[&usual[..], more].concat())
}

#[test]
fn the_product_stays_and_what_is_round_it_is_made_of_words() {
    let (shop, _) = shop(2);
    let tiny = &["--diffusion", "tiny"][..];
    let run = prompt(&shop, "a", &[tiny, &["--seed", "5", "--json"]].concat());
    assert_eq!(run.code, Some(0), "{run:#?}");
    // A pixel that is the same on two colours is the product's own.
    for (on, out) in [("#ff00ff", "x"), ("#00ff00", "y")] {
        shop.ok(&[
            "backdrop", "photos", "--on", on, "--model", "u2netp", "-o", out,
        ]);
    }
    let (made, on_one, on_other) = (
        pictures(&shop, "a"),
        pictures(&shop, "x"),
        pictures(&shop, "y"),
    );
    assert_eq!((made.len(), on_one.len(), on_other.len()), (2, 2, 2));
    for ((made, on_one), on_other) in made.iter().zip(&on_one).zip(&on_other) {
        let (made, one, other) = (shown(made), shown(on_one), shown(on_other));
        assert_eq!((made.width, made.height), (one.width, one.height));
        let (mut product, mut round) = (0, BTreeSet::new());
        let pixels = one
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .zip(other.rgba.as_chunks::<4>().0);
        for ((one, other), made) in pixels.zip(made.rgba.as_chunks::<4>().0) {
            if one == other {
                assert_eq!(made, one);
                product += 1;
            } else if one[..3] == [255, 0, 255] && other[..3] == [0, 255, 0] {
                round.insert(*made);
            }
        }
        assert!(
            product > 5000 && round.len() > 500,
            "{product} pixels, {} colours",
            round.len()
        );
    }
    // What was made says so, in the file and beside it.
    let told = run.lines::<Value>();
    for (told, made) in told.iter().zip(&made) {
        let parameters = &told["parameters"];
        let id = text(&parameters["diffusion"]);
        assert!(id.starts_with("tiny@") && id.len() == 21, "{id}");
        assert_eq!(parameters["prompt"], "on a <mossy> rock");
        assert_eq!(
            (&parameters["negative"], &parameters["seed"]),
            (&"people".into(), &"5".into())
        );
        assert!(
            text(&parameters["digital_source_type"])
                .ends_with("compositeWithTrainedAlgorithmicMedia")
        );
        let made = String::from_utf8_lossy(made);
        for said in [
            "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/\
             compositeWithTrainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
            "on a &lt;mossy&gt; rock",
            "seed 5",
            &id,
        ] {
            assert!(made.contains(said), "{said} is not in the file");
        }
    }
    // The same seed gives the same bytes, another one others; what is there is not made again.
    assert_eq!(
        prompt(&shop, "b", &[tiny, &["--seed", "5"]].concat()).code,
        Some(0)
    );
    assert_eq!(pictures(&shop, "b"), made);
    assert_eq!(
        prompt(&shop, "c", &[tiny, &["--seed", "6"]].concat()).code,
        Some(0)
    );
    assert!(pictures(&shop, "c").iter().zip(&made).all(|(a, b)| a != b));
    let again = prompt(&shop, "a", &[tiny, &["--seed", "5"]].concat());
    assert!(again.stderr.contains("2 there already"), "{}", again.stderr);
}

#[test]
fn size_and_aspect_hold_and_a_broken_photo_stops_nothing() {
    let (shop, model) = shop(1);
    shop.add("broken.jpg", b"no picture");
    let model = model.to_str().unwrap();
    let run = prompt(
        &shop,
        "out",
        &[
            "--diffusion",
            model,
            "--size",
            "100",
            "--aspect",
            "4:5",
            "--guidance",
            "1",
        ],
    );
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stderr.contains("1 photo rejected"), "{}", run.stderr);
    let made = shown(&pictures(&shop, "out")[0]);
    assert_eq!((made.width, made.height), (80, 100));
    assert!(
        made.rgba
            .as_chunks::<4>()
            .0
            .iter()
            .all(|pixel| pixel[3] == 255)
    );
}

#[test]
fn a_model_that_is_missing_or_wrong_is_said() {
    let (shop, model) = shop(1);
    prompt(&shop, "out", &[]).failed(6, "--diffusion DIR");
    prompt(&shop, "out", &["--diffusion", "nowhere"]).failed(6, "model_index.json");
    let weights = model.join("vae/diffusion_pytorch_model.safetensors");
    fs::remove_file(weights).unwrap();
    prompt(&shop, "out", &["--diffusion", "tiny"])
        .failed(6, "vae/diffusion_pytorch_model.safetensors");
    write("sd1-tiny", &model);
    let scheduler = model.join("scheduler/scheduler_config.json");
    let other = fs::read_to_string(&scheduler)
        .unwrap()
        .replace("DDIM", "Heun");
    fs::write(&scheduler, other).unwrap();
    prompt(&shop, "out", &["--diffusion", "tiny"]).failed(6, "HeunScheduler");
    let blank = &["backdrop", "photos", "--prompt", " ", "-o", "out"];
    shop.run(blank).failed(2, "--prompt has no words");
    for args in [
        &["--prompt", "x"][..],
        &["--prompt", "x", "-o", "out", "--on", "white"],
        &["--prompt", "x", "-o", "out", "--steps", "0"],
        &["--prompt", "x", "-o", "out", "--guidance", "0.5"],
        &["--prompt", "x", "-o", "out", "--harmonise"],
    ] {
        let args = [&["backdrop", "photos"], args].concat();
        assert_eq!(shop.run(&args).code, Some(2), "{args:?}");
    }
    assert!(pictures_or_none(&shop).is_empty());
}

fn pictures_or_none(shop: &Shop) -> Vec<Vec<u8>> {
    match shop.dir().join("out").exists() {
        true => pictures(shop, "out"),
        false => Vec::new(),
    }
}

#[test]
fn a_model_of_the_hub_is_fetched_once() {
    let place = Place::with_photos(1);
    let model = place.shop.dir().join("there");
    write("sd1-tiny", &model);
    let endpoint = hub(model.clone());
    let run = |out: &str| {
        let args = [
            "backdrop",
            "photos",
            "--prompt",
            "on snow",
            "--diffusion",
            "hub:team/clip@v1",
            "--model",
            "u2netp",
            "--steps",
            "1",
            "-o",
            out,
        ];
        let mut command = place.command(&args);
        finish(command.env("HF_ENDPOINT", &endpoint).spawn().unwrap())
    };
    let first = run("a");
    assert_eq!(first.code, Some(0), "{first:#?}");
    assert!(
        first
            .stderr
            .contains("fetching unet/diffusion_pytorch_model"),
        "{}",
        first.stderr
    );
    // The hub has nothing more to give.
    fs::remove_dir_all(&model).unwrap();
    let second = run("b");
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert!(!second.stderr.contains("fetching"), "{}", second.stderr);
    assert_eq!(pictures(&place.shop, "a"), pictures(&place.shop, "b"));
}

#[test]
fn ctrl_c_stops_between_two_steps() {
    let (shop, _) = shop(1);
    let args = [
        "backdrop",
        "photos",
        "--prompt",
        "on snow",
        "--diffusion",
        "tiny",
        "--model",
        "u2netp",
        "--steps",
        "200",
        "-o",
        "out",
    ];
    let mut child = shop.command(&args).spawn().unwrap();
    // The last line before the first step.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("on the CPU, where a step")));
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    let run = finish(child);
    assert_eq!(run.code, Some(130), "{said:?}");
    assert!(
        said.iter().any(|line| line.contains("interrupted")),
        "{said:?}"
    );
    assert!(pictures(&shop, "out").is_empty());
}
