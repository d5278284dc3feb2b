//! The JSON that others build on.

use serde_json::{Value, json};
use showroom_catalog::product::AttributeValue;
use showroom_catalog::query::Why;
use showroom_catalog::seams::Catalogue;
use showroom_catalog::{Category, Facts, Hit, VectorName};
use showroom_store::{ExportError, HitJson, export_google, export_jsonl};

use crate::sample::{record, records};

/// The number as JSON has it: the shortest text that reads back as this f32.
fn json_number(number: f32) -> Value {
    format!("{number:?}").parse().unwrap()
}

pub async fn a_line_a_photo(catalogue: &dyn Catalogue) {
    let mut rows = records(0..700);
    rows[0].category = None;
    rows[0].source.sku = None;
    rows[1].source.uri = "/photos/000001 \"é\".jpg".into();
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    let mut out = Vec::new();
    assert_eq!(export_jsonl(catalogue, None, &mut out).await.unwrap(), 700);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with('\n'));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 700);
    for (line, row) in lines.iter().zip(&rows) {
        let category = row.category.as_ref().map(
            |c| json!({"id": c.id, "name": c.name, "path": c.path, "score": json_number(c.score)}),
        );
        let colours: Vec<Value> = row
            .colours
            .iter()
            .map(|c| json!({"name": c.name, "hex": c.hex, "share": json_number(c.share)}))
            .collect();
        let labels: Vec<Value> = row
            .labels
            .iter()
            .map(|l| {
                let decision = format!("{:?}", l.decision).to_lowercase();
                json!({"name": l.name, "score": json_number(l.calibrated.unwrap_or(l.score)), "decision": decision})
            })
            .collect();
        let wanted = json!({
            "id": row.id.to_string(),
            "uri": row.source.uri,
            "sku": row.source.sku,
            "title": row.title,
            "attributes": row.attributes,
            "width": row.facts.width,
            "height": row.facts.height,
            "category": category,
            "colours": colours,
            "labels": labels,
            "facts": line["facts"],
        });
        assert_eq!(line, &wanted);
        let facts: Facts = serde_json::from_value(line["facts"].clone()).unwrap();
        assert_eq!(facts, row.facts);
    }
    assert_eq!(lines[0]["category"], Value::Null);
    let filter = "category = shoes".parse().unwrap();
    let few = export_jsonl(catalogue, Some(filter), &mut std::io::sink())
        .await
        .unwrap();
    assert!(few > 0 && few < 700, "{few}");

    let mut full = Full(1000);
    let error = export_jsonl(catalogue, None, &mut full).await.unwrap_err();
    assert!(matches!(error, ExportError::Output(_)), "{error}");
}

/// Google's number of the category that was tagged, unless the feed says one.
pub async fn google_is_told_its_own_category(catalogue: &dyn Catalogue) {
    let tagged = |number: u64, id: &str, path: &[&str]| {
        let mut record = record(number);
        record.source.sku = Some(format!("sku-{number}"));
        record.category = Some(Category {
            id: id.into(),
            name: path[path.len() - 1].into(),
            path: path.iter().map(|name| name.to_string()).collect(),
            score: 0.9,
            model: "by hand".into(),
        });
        record
    };
    let apparel = "Apparel & Accessories";
    let mut rows = vec![
        tagged(0, "aa-8-8", &[apparel, "Shoes", "Sneakers"]),
        tagged(
            1,
            "aa-1-13-8",
            &[apparel, "Clothing", "Clothing Tops", "T-Shirts"],
        ),
        tagged(2, "se", &["Services"]),
        tagged(3, "fr-24", &["Furniture", "Sofas"]),
    ];
    let own = AttributeValue::Text("Furniture > Sofas".into());
    (rows[3].attributes).insert("google_product_category".into(), own);
    catalogue.upsert(rows, vec![]).await.unwrap();
    let mut out = Vec::new();
    assert_eq!(
        export_google(catalogue, None, &mut out)
            .await
            .unwrap()
            .products,
        4
    );
    let text = String::from_utf8(out).unwrap();
    let mut lines = (text.lines()).map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let place = |name| head.iter().position(|column| *column == name).unwrap();
    let (id, kind, google) = (
        place("id"),
        place("product_type"),
        place("google_product_category"),
    );
    let said: Vec<_> = lines
        .map(|line| (line[id], line[kind], line[google]))
        .collect();
    assert_eq!(
        said,
        [
            ("sku-0", "Apparel & Accessories > Shoes > Sneakers", "187"),
            (
                "sku-1",
                "Apparel & Accessories > Clothing > Clothing Tops > T-Shirts",
                "212"
            ),
            ("sku-2", "Services", ""),
            ("sku-3", "Furniture > Sofas", "Furniture > Sofas"),
        ]
    );
}

/// Takes so many bytes and no more.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_hit_says_why() {
    let mut record = record(1);
    record.category = None;
    record.source.sku = None;
    record.colours.clear();
    let hit = Hit {
        score: 0.5,
        why: vec![Why {
            part: VectorName::Shape,
            score: 0.75,
        }],
        title: None,
        record: record.clone(),
    };
    assert_eq!(
        serde_json::to_value(HitJson::from(&hit)).unwrap(),
        json!({
            "id": record.id.to_string(),
            "uri": "/photos/000001.jpg",
            "sku": null,
            "title": "Title 1",
            "score": 0.5,
            "category": null,
            "colours": [],
            "why": [{"part": "shape", "score": 0.75}],
        })
    );
}
