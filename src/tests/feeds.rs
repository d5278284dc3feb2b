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

/// A web server on loopback with a photo under every number: `/3.jpg`.
fn web_server() -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                let number = first.split(['/', '.']).nth(1).unwrap().parse().ok();
                let (status, body) = match number {
                    Some(number) => ("200 OK", pictures::product(number)),
                    None => ("404 Not Found", Vec::new()),
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            });
        }
    });
    address
}

#[test]
fn photos_at_web_addresses_come_in_where_their_host_is_allowed() {
    let shop = Shop::with_photos(1);
    let address = web_server();
    let feed = format!(
        "sku,title,image\nA,one,http://{address}/1.jpg|photos/0000.jpg\n\
         B,two,\"http://{address}/2.jpg, http://{address}/3.jpg\"\nC,three,http://{address}/none.jpg\n"
    );
    fs::write(shop.dir().join("feed.csv"), feed).unwrap();
    // This machine is nobody's photo server unless that is said.
    let summary = shop.json(&["ingest", "feed.csv"]);
    assert_eq!(
        (&summary["added"], &summary["rejected"]),
        (&json!(1), &json!(3))
    );
    let refused = shop.rejects();
    assert!(
        refused.values().all(|code| code == "not-a-file"),
        "{refused:?}"
    );
    let host = address.to_string();
    let allowed = ["ingest", "feed.csv", "--fetch-private-hosts", &host];
    let summary = shop.json(&allowed);
    assert_eq!(
        (&summary["added"], &summary["rejected"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(shop.rejects()["none.jpg"], "not-found");
    let summary = shop.json(&allowed);
    assert_eq!(
        (&summary["added"], &summary["unchanged"]),
        (&json!(0), &json!(4))
    );
    // Also what reads photos again finds them there.
    let found = shop.json(&["search", "--like", "B", "--where", "sku = B"]);
    assert!(found["hits"].as_array().is_some(), "{found}");
    for (hosts, said) in [
        ("not a host", "is no host"),
        ("a.example", "cannot be used with"),
    ] {
        let mut args = vec!["ingest", "feed.csv", "--fetch-hosts", hosts];
        args.extend((hosts == "a.example").then_some("--no-fetch"));
        let run = shop.run(&args);
        assert_eq!(run.code, Some(2), "{run:#?}");
        assert!(run.stderr.contains(said), "{run:#?}");
    }
    shop.verify();
}
