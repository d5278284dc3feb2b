//! Feeds from the outside: in, filtered, out in every format and in again; deleted; watched.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pictures;
use crate::shop::{Shop, finish, text};

const FEED: &str = "sku,title,image,price,brand,size,in_stock\n\
    A-1,\"Red \"\"boot\"\"\",photos/0000.jpg|photos/0001.jpg,49.5,Acme,38,true\n\
    B-2,Été,photos/0002.jpg,120,Müller & Söhne,M,false\n\
    C-3,No photo,photos/gone.jpg,1,Acme,1,true\n";

fn skus(run: &crate::shop::Run) -> Vec<String> {
    let lines: Vec<Value> = run.lines();
    lines.iter().map(|line| text(&line["sku"])).collect()
}

/// SKU, title and attributes of every photo, which every format brings back.
fn products(shop: &Shop, store: &Path) -> Vec<Value> {
    let store = store.to_str().unwrap();
    let lines: Vec<Value> = shop.ok(&["export", "--store", store]).lines();
    let product = |line: &Value| {
        let name = text(&line["uri"]).rsplit('/').next().unwrap().to_string();
        json!([name, line["sku"], line["title"], line["attributes"]])
    };
    lines.iter().map(product).collect()
}

#[test]
fn a_feed_goes_in_and_out_and_in_again() {
    let shop = Shop::with_photos(4);
    fs::write(shop.dir().join("feed.csv"), FEED).unwrap();
    let preview = shop.json(&["ingest", "feed.csv", "--image-root", ".", "--dry-run"]);
    assert_eq!(preview["products"], 3);
    assert_eq!(
        (&preview["photos"], &preview["problems"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(preview["photos_without_product"]["photos"], 1);
    assert_eq!(shop.photos_in_catalogue(), 0);

    let summary = shop.json(&["ingest", "feed.csv"]);
    assert_eq!(
        (&summary["added"], &summary["rejected"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(shop.rejects()["gone.jpg"], "not-found");
    let cheap = shop.ok(&["export", "--where", "price < 50 and brand = acme"]);
    assert_eq!(skus(&cheap), ["A-1", "A-1"]);
    assert_eq!(
        skus(&shop.ok(&["export", "--where", "size = m or in_stock = false"])),
        ["B-2"]
    );
    shop.run(&["export", "--where", "weight > 3"])
        .failed(2, "attributes: brand, in_stock, price, size");
    let hits = shop.json(&[
        "search",
        "--like",
        "A-1",
        "--where",
        "brand = 'müller & söhne'",
    ]);
    assert_eq!(hits["hits"][0]["title"], "Été");

    let before = products(&shop, &shop.store);
    assert_eq!(
        before[0],
        json!(["0000.jpg", "A-1", "Red \"boot\"",
               {"brand": "Acme", "in_stock": true, "price": 49.5, "size": "38"}])
    );
    for (format, file) in [
        ("csv", "out.csv"),
        ("jsonl", "out.jsonl"),
        ("parquet", "out.parquet"),
        ("shopify", "shopify.csv"),
    ] {
        shop.ok(&["export", "--format", format, "-o", file]);
        let again = shop.dir().join(format);
        let store = again.to_str().unwrap();
        let summary = shop.json(&["ingest", file, "--store", store]);
        assert_eq!(summary["added"], 3, "{format}: {summary}");
        assert_eq!(products(&shop, &again), before, "{format}");
    }
    let google = shop.ok(&["export", "--format", "google"]).stdout;
    let lines: Vec<&str> = google.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("id\ttitle\timage_link\tadditional_image_link\t"));
    assert!(
        lines[1].starts_with("A-1\t") && lines[1].contains("0001.jpg"),
        "{}",
        lines[1]
    );

    deleting(&shop);
    shop.verify();
}

#[test]
fn what_a_shop_says_fills_shopifys_columns_and_comes_back() {
    let shop = Shop::with_photos(3);
    let feed = "sku,title,image,vendor,brand,published,status,product_category\n\
                A,One,photos/0000.jpg,Maker,,true,active,Apparel > Shoes\n\
                B,Two,photos/0001.jpg,Maker,Acme,,,\n\
                C,Three,photos/0002.jpg,,Acme,,,\n";
    fs::write(shop.dir().join("feed.csv"), feed).unwrap();
    shop.json(&["ingest", "feed.csv"]);
    shop.ok(&["export", "--format", "shopify", "-o", "shopify.csv"]);
    let file = fs::read_to_string(shop.dir().join("shopify.csv")).unwrap();
    let mut lines = file.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let headings = lines.next().unwrap();
    let place = |heading: &str| headings.iter().position(|found| *found == heading).unwrap();
    let columns = ["Vendor", "Published", "Status", "Product Category"].map(place);
    let cells: Vec<_> = lines.map(|cells| columns.map(|at| cells[at])).collect();
    assert_eq!(cells[0], ["Maker", "TRUE", "active", "Apparel > Shoes"]);
    assert_eq!(cells[1][..3], ["Acme", "FALSE", "draft"]);
    assert_eq!(cells[2][..3], ["Acme", "FALSE", "draft"]);

    let again = shop.dir().join("again");
    shop.json(&["ingest", "shopify.csv", "--store", again.to_str().unwrap()]);
    assert_eq!(products(&shop, &again), products(&shop, &shop.store));
}

fn deleting(shop: &Shop) {
    shop.run(&["delete", "A-1", "nothing"])
        .failed(3, "nothing was deleted");
    assert_eq!(shop.json(&["delete", "A-1", "--dry-run"])["deleted"], 2);
    assert_eq!(shop.photos_in_catalogue(), 3);
    assert_eq!(shop.json(&["delete", "A-1"])["deleted"], 2);
    assert_eq!(
        shop.json(&["delete", "--where", "price > 100"])["deleted"],
        1
    );
    assert_eq!(shop.photos_in_catalogue(), 0);
    assert_eq!(shop.run(&["delete"]).code, Some(2));
}

/// Waits until `done` holds, for a minute at the most.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(100));
    }
}

#[cfg(unix)]
#[test]
fn a_watched_folder_is_kept_in_step() {
    let shop = Shop::with_photos(2);
    let args = [
        "ingest",
        "photos",
        "--watch",
        "--watch-every",
        "0.2",
        "--json",
    ];
    let child = shop.command(&args).spawn().unwrap();
    wait_for("the first photos", || shop.photos_in_catalogue() == 2);
    shop.add("new.jpg", &pictures::product(9));
    wait_for("a new photo", || shop.photos_in_catalogue() == 3);
    let id = |name: &str| {
        let photos = shop.exported();
        let photo = photos.iter().find(|(uri, _)| uri.ends_with(name));
        photo.map(|(_, photo)| text(&photo["id"]))
    };
    let before = id("new.jpg");
    shop.add("new.jpg", &pictures::product(10));
    wait_for("a changed photo", || id("new.jpg") != before);
    fs::remove_file(shop.photos().join("0000.jpg")).unwrap();
    wait_for("a photo that is gone", || id("0000.jpg").is_none());
    let pid = child.id().to_string();
    std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    let run = finish(child);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(shop.photos_in_catalogue(), 2);
    shop.verify();
}
