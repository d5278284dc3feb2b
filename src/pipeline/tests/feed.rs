//! Feeds: awkward files, products and their photos, what an update costs, what is deleted.

use std::fs;
use std::path::Path;

use showroom_catalog::feed::Table;
use showroom_catalog::seams::Source;
use showroom_catalog::{AttributeKind, AttributeValue, Record};
use showroom_pipeline::*;
use tempfile::{TempDir, tempdir};

use crate::fakes::*;

fn shop(feed: &[u8]) -> TempDir {
    let dir = tempdir().unwrap();
    for name in ["a.png", "b.png", "c.png"] {
        put(dir.path(), name, &png([name.as_bytes()[0], 100, 200]));
    }
    fs::write(dir.path().join("feed.csv"), feed).unwrap();
    dir
}

fn open(dir: &Path, mapping: &[&str]) -> FeedSource {
    try_open(dir, mapping).unwrap()
}

fn try_open(dir: &Path, said: &[&str]) -> Result<FeedSource, String> {
    let path = dir.join("feed.csv").canonicalize().unwrap();
    let table: Box<dyn Table> = Box::new(CsvTable::new(path.to_str().unwrap().into()));
    let mut mapping = Mapping::default();
    for said in said {
        mapping.add(said)?;
    }
    FeedSource::new(table, &mapping, None).map_err(|error| error.to_string())
}

/// File name and SKU of each photo, and code of each reject.
fn listed(source: &FeedSource) -> Vec<String> {
    let mut all = Vec::new();
    let name = |uri: &str| uri.rsplit('/').next().unwrap().to_string();
    source
        .list(&mut |found| {
            all.push(match found {
                Ok(photo) => format!("{} {}", name(&photo.uri), photo.sku.unwrap()),
                Err(reject) => format!("{} {}", name(&reject.source.uri), reject.code),
            });
            true
        })
        .unwrap();
    all
}

fn take(dir: &Path, catalogue: &Memory, delete_missing: bool) -> IngestSummary {
    let options = IngestOptions {
        delete_missing,
        ..IngestOptions::default()
    };
    run(
        &open(dir, &[]),
        encoder(),
        catalogue,
        options,
        &Cancel::new(),
    )
    .unwrap()
}

fn text(value: &str) -> Option<AttributeValue> {
    Some(AttributeValue::Text(value.into()))
}

fn by_sku(catalogue: &Memory, sku: &str) -> Record {
    let mut all = catalogue.records().into_iter();
    all.find(|record| record.source.sku.as_deref() == Some(sku))
        .unwrap()
}

#[test]
fn awkward_csv_is_read() {
    let feed = "\u{feff}Artikel;Name;Bild;Preis;EAN;Neu;Größe;Note\r\n\
        A-1;\"Schuh \"\"Röt\"\"; neu\";a.png;12,50;0012345678905;true;38;x\r\n\
        \r\n\
        A-2;\"zwei\r\nZeilen\";b.png;7;4006381333931;false;M;\r\n";
    let dir = shop(feed.as_bytes());
    let source = open(dir.path(), &["sku=Artikel", "image=Bild"]);
    let kinds: Vec<_> = source
        .survey()
        .columns
        .iter()
        .map(|column| (column.heading.as_str(), column.role, column.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("Artikel", "sku", None),
            ("Name", "title", None),
            ("Bild", "image", None),
            ("Preis", "attribute", Some(AttributeKind::Number)),
            ("EAN", "attribute", Some(AttributeKind::Text)),
            ("Neu", "attribute", Some(AttributeKind::Bool)),
            ("Größe", "attribute", Some(AttributeKind::Text)),
            ("Note", "attribute", Some(AttributeKind::Text)),
        ]
    );
    let catalogue = Memory::new();
    assert_eq!(counts(&run_ok(&source, &catalogue)), [2, 0, 2, 0, 0]);
    let one = by_sku(&catalogue, "A-1");
    assert_eq!(one.title.as_deref(), Some("Schuh \"Röt\"; neu"));
    assert_eq!(one.attributes["preis"], AttributeValue::Number(12.5));
    assert_eq!(one.attributes.get("ean").cloned(), text("0012345678905"));
    assert_eq!(one.attributes["neu"], AttributeValue::Bool(true));
    let two = by_sku(&catalogue, "A-2");
    assert_eq!(two.title.as_deref(), Some("zwei\r\nZeilen"));
    assert!(
        !two.attributes.contains_key("note"),
        "an empty cell is no value"
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    for (feed, said) in [
        (&b""[..], "it is empty"),
        (b"\xff\xfes\0k\0u\0", "UTF-16"),
        (b"sku,gr\xf6\xdfe,image\n", "not UTF-8"),
        (b"name,image\nx,a.png\n", "--map sku=COLUMN"),
        (b"sku,name\n1,x\n", "--map image=COLUMN"),
    ] {
        let dir = shop(feed);
        let error = try_open(dir.path(), &[]).err().unwrap();
        assert!(
            error.contains(said) && error.contains("feed.csv"),
            "{error}"
        );
    }
    let dir = shop(b"sku,image\n1,a.png\n");
    let error = try_open(dir.path(), &["sku=Artikel"]).err().unwrap();
    assert!(
        error.contains("no column \"Artikel\"; columns are sku, image"),
        "{error}"
    );
    assert!(try_open(dir.path(), &["sku"]).is_err());
}

#[test]
fn bad_rows_do_not_stop_the_others() {
    let dir = shop(
        b"sku,title,image\nA,\xe9t\xe9,a.png\nB,two,b.png,more\n,three,c.png\nD,four,gone.png\n\
          E,five,\nF,six,https://shop.example/f.jpg\nG,seven,c.png\n",
    );
    let source = open(dir.path(), &[]);
    assert_eq!(
        listed(&source),
        [
            "feed.csv#row=2 bad-row",
            "feed.csv#row=3 bad-row",
            "feed.csv#row=4 no-sku",
            "gone.png not-found",
            "feed.csv#row=6 no-photo",
            "feed.csv#row=7 not-a-file",
            "c.png G",
        ]
    );
}

#[test]
fn products_and_photos_are_many_to_many() {
    let dir = shop(
        b"sku,title,image,image_2,size\nA,one,a.png|b.png,a.png,1\nA,,./c.png,,\nB,two,a.png,,2\n\
          C,three,\"b.png, c.png\",,3\nA,again,a.png,,\n",
    );
    let source = open(dir.path(), &[]);
    let wanted = [
        "a.png A",
        "b.png A",
        "c.png A",
        "a.png#sku=B B",
        "b.png#sku=C C",
        "c.png#sku=C C",
    ];
    assert_eq!(listed(&source), wanted);
    assert_eq!(
        (source.survey().products, source.survey().repeated_skus),
        (3, 1)
    );
    let catalogue = Memory::new();
    assert_eq!(counts(&run_ok(&source, &catalogue)), [6, 0, 6, 0, 0]);
    // A row below inherits what it leaves empty.
    let all = catalogue.records();
    let third = all
        .iter()
        .find(|r| r.source.uri.ends_with("c.png"))
        .unwrap();
    assert_eq!(third.title.as_deref(), Some("one"));
    assert_eq!(third.attributes["size"], AttributeValue::Number(1.0));
    let second = by_sku(&catalogue, "B");
    assert_eq!(second.title.as_deref(), Some("two"));
    assert_eq!(second.vectors.shape[0], f32::from(b'a'));
}

#[test]
fn a_new_title_costs_no_encoding() {
    let dir = shop(b"sku,title,image,price\nA,one,a.png,1\nB,two,b.png,2\n");
    let catalogue = Memory::new();
    take(dir.path(), &catalogue, false);
    let before = by_sku(&catalogue, "A");
    assert_eq!(
        counts(&take(dir.path(), &catalogue, false)),
        [2, 2, 0, 0, 0]
    );

    fs::write(
        dir.path().join("feed.csv"),
        "sku,title,image,price\nA,ONE,a.png,1.5\nB,two,b.png,2\n",
    )
    .unwrap();
    let never = Box::new(FakeEncoder(|_: &[showroom_catalog::Photo]| -> Answers {
        panic!("nothing is to be encoded")
    }));
    let source = open(dir.path(), &[]);
    let cancel = Cancel::new();
    let summary = run(
        &source,
        never,
        &catalogue,
        IngestOptions::default(),
        &cancel,
    )
    .unwrap();
    assert_eq!(counts(&summary), [2, 1, 0, 1, 0]);
    let after = by_sku(&catalogue, "A");
    assert_eq!(after.title.as_deref(), Some("ONE"));
    assert_eq!(after.attributes["price"], AttributeValue::Number(1.5));
    assert_eq!(after.vectors, before.vectors);
    assert_eq!(counts(&run_ok(&source, &catalogue)), [2, 2, 0, 0, 0]);

    // The folder alone knows of no products, and takes nothing away from them.
    let folder = counting(dir.path());
    assert_eq!(counts(&run_ok(&folder, &catalogue)), [3, 2, 1, 0, 0]);
    put(dir.path(), "a.png", &png([250, 1, 1]));
    assert_eq!(counts(&run_ok(&folder, &catalogue))[3], 1);
    let changed = by_sku(&catalogue, "A");
    assert_eq!(changed.vectors.shape[0], 250.0);
    assert_eq!(changed.title.as_deref(), Some("ONE"));
}

#[test]
fn what_is_gone_from_the_feed_is_deleted_only_when_asked_and_sure() {
    let dir = shop(b"sku,image\nA,a.png\nB,b.png\n");
    put(dir.path(), "other/d.png", &png([9, 9, 9]));
    let catalogue = Memory::new();
    run_ok(&counting(&dir.path().join("other")), &catalogue);
    take(dir.path(), &catalogue, false);
    let feed = |text: &str| fs::write(dir.path().join("feed.csv"), text).unwrap();

    feed("sku,image\nA,a.png\n");
    assert_eq!(take(dir.path(), &catalogue, false).deleted, 0);
    feed("sku,image\nA,a.png\n,b.png\n");
    let held = take(dir.path(), &catalogue, true);
    assert_eq!((held.deleted, held.deletion_held), (0, true));
    assert_eq!(catalogue.rejected().len(), 1);
    feed("sku,image\n");
    let held = take(dir.path(), &catalogue, true);
    assert_eq!((held.deleted, held.deletion_held), (0, true));
    assert!(catalogue.rejected().is_empty(), "the row is mended");

    feed("sku,image\nA,a.png\n");
    let done = take(dir.path(), &catalogue, true);
    assert_eq!((done.deleted, done.deletion_held), (1, false));
    // The photo of the folder came from no feed.
    assert_eq!(catalogue.records().len(), 2);
}

#[test]
fn a_long_feed_streams() {
    let dir = shop(b"");
    let mut feed = String::from("sku,title,image,price\n");
    for number in 0..100_000 {
        feed += &format!("S{number},Title {number},a.png,{number}\n");
    }
    fs::write(dir.path().join("feed.csv"), feed).unwrap();
    let source = open(dir.path(), &[]);
    assert_eq!(source.survey().products, 100_000);
    let mut photos = 0;
    source
        .list_products(&mut |found| {
            photos += usize::from(found.is_ok());
            true
        })
        .unwrap();
    assert_eq!(photos, 100_000);
}

#[test]
fn shopifys_own_columns_are_attributes_and_those_that_our_export_fills_are_not() {
    let take_in = |feed: &str| {
        let dir = shop(feed.as_bytes());
        let catalogue = Memory::new();
        take(dir.path(), &catalogue, false);
        by_sku(&catalogue, "S-1").attributes
    };
    let shopifys = take_in(
        "Handle,Title,Product Category,Vendor,Variant SKU,Image Src,Image Position,Published,Status\n\
         boot,Boot,Apparel > Shoes,Acme,S-1,a.png,1,TRUE,active\n",
    );
    assert_eq!(
        shopifys.get("product_category").cloned(),
        text("Apparel > Shoes")
    );
    assert_eq!(shopifys.get("brand").cloned(), text("Acme"));
    assert_eq!(shopifys.get("published"), Some(&AttributeValue::Bool(true)));
    assert_eq!(shopifys.get("status").cloned(), text("active"));
    assert_eq!(shopifys.len(), 4, "{shopifys:?}");
    let ours = take_in(
        "Handle,Title,Product Category,Variant SKU,Image Src,Published,Status,Vendor,\
         vendor:text (product.metafields.custom.vendor),showroom_category\n\
         boot,Boot,Shoes,S-1,a.png,FALSE,draft,Acme,Acme,Shoes\n",
    );
    assert_eq!(ours.get("vendor").cloned(), text("Acme"));
    assert_eq!(ours.len(), 1, "{ours:?}");
}
