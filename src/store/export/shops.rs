//! The catalogue as shops read it: Shopify's product CSV, and Google Merchant's TSV.
//!
//! Both have a product where the catalogue has photos, so the photos of a SKU are brought together:
//! the products (without vectors, about a kilobyte each) are held in memory. Photos without a SKU are
//! no products and are left out; their number is returned.

use std::collections::BTreeMap;
use std::io::Write;

use csv::{Writer, WriterBuilder};
use showroom_catalog::product::{Attributes, file_of};
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{Category, Filter};

use super::csv::text;
use super::google_category::google_category;
use super::{ExportError, output};

/// What one export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub products: usize,
    pub photos: usize,
    pub without_sku: usize,
}

/// The column of the tagger's category, by which a file is known to be ours.
const OWN_CATEGORY: &str = "showroom_category";

#[derive(Default)]
struct Product {
    title: Option<String>,
    attributes: Attributes,
    images: Vec<String>,
    category: Option<Category>,
    colours: Vec<String>,
}

impl Product {
    fn text(&self, name: &str) -> String {
        self.attributes.get(name).map(text).unwrap_or_default()
    }

    /// What the shop says under this name, or else something of ours.
    fn own_or(&self, name: &str, ours: impl FnOnce() -> String) -> String {
        match self.text(name) {
            own if own.is_empty() => ours(),
            own => own,
        }
    }

    /// What fills one of Shopify's columns; its vendor is the brand, which other feeds call so.
    fn shopify(&self, name: &str) -> String {
        self.own_or(name, || match name {
            BRAND => self.text(VENDOR),
            _ => String::new(),
        })
    }

    fn path(&self) -> String {
        let category = self.category.as_ref();
        category.map(|c| c.path.join(" > ")).unwrap_or_default()
    }

    fn google_category(&self) -> String {
        let category = self.category.as_ref();
        let google = category.and_then(|c| google_category(&c.path));
        google.map(|c| c.id().to_string()).unwrap_or_default()
    }
}

const BRAND: &str = "brand";
const VENDOR: &str = "vendor";

async fn products(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
) -> Result<(BTreeMap<String, Product>, Exported), ExportError> {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    let mut exported = Exported::default();
    catalogue
        .scan(filter, Columns::Tags, &mut |records| {
            for record in records {
                let Some(sku) = record.source.sku else {
                    exported.without_sku += 1;
                    continue;
                };
                exported.photos += 1;
                let product = products.entry(sku).or_default();
                product.images.push(file_of(&record.source.uri).to_string());
                product.title = product.title.take().or(record.title);
                for (name, value) in record.attributes {
                    product.attributes.entry(name).or_insert(value);
                }
                // The tagger's surest word of all its photos.
                let score =
                    |category: &Option<Category>| category.as_ref().map_or(0.0, |c| c.score);
                if score(&record.category) > score(&product.category) {
                    product.category = record.category;
                    product.colours = record.colours.into_iter().map(|c| c.name).collect();
                }
            }
            true
        })
        .await?;
    exported.products = products.len();
    Ok((products, exported))
}

/// Shopify's columns of attributes: `fields` names them, heading and attribute. Every other attribute
/// becomes a custom metafield, as Shopify's own exports write them.
///
/// `Product Category`, `Published` and `Status` are what the shop says (`product_category`, `published`,
/// `status`), else the tagger's category and a draft. These attributes are metafields too, as is the
/// brand where some products have a vendor: by those a feed that is read in again knows what the shop
/// said, and by the column `showroom_category` that the file is ours.
pub async fn export_shopify(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    fields: &[(&str, &str)],
    out: &mut (dyn Write + Send),
) -> Result<Exported, ExportError> {
    let (products, exported) = products(catalogue, filter).await?;
    let mut metafields: BTreeMap<&str, String> = BTreeMap::new();
    let has_vendor = (products.values()).any(|product| product.attributes.contains_key(VENDOR));
    for (name, value) in products.values().flat_map(|product| &product.attributes) {
        let is_told_apart = has_vendor && name == BRAND;
        if is_told_apart || !fields.iter().any(|(_, field)| field == name) {
            let kind = value.kind().name();
            let heading = format!("{name}:{kind} (product.metafields.custom.{name})");
            metafields.entry(name).or_insert(heading);
        }
    }
    let mut writer = WriterBuilder::new().from_writer(out);
    let fixed = [
        "Handle",
        "Title",
        "Product Category",
        "Variant SKU",
        "Image Src",
        "Image Position",
        "Image Alt Text",
        "Published",
        "Status",
    ];
    let headings = fixed
        .into_iter()
        .chain(fields.iter().map(|(heading, _)| *heading))
        .chain(metafields.values().map(String::as_str))
        .chain([OWN_CATEGORY]);
    writer.write_record(headings).map_err(output)?;
    let mut handles = BTreeMap::new();
    for (sku, product) in &products {
        shopify_rows(
            &mut writer,
            sku,
            product,
            handle(sku, &mut handles),
            fields,
            &metafields,
        )?;
    }
    writer.flush()?;
    Ok(exported)
}

fn shopify_rows<W: Write>(
    writer: &mut Writer<W>,
    sku: &str,
    product: &Product,
    handle: String,
    fields: &[(&str, &str)],
    metafields: &BTreeMap<&str, String>,
) -> Result<(), ExportError> {
    let title = product.title.clone().unwrap_or_default();
    for (at, image) in product.images.iter().enumerate() {
        let first = |text: String| if at == 0 { text } else { String::new() };
        let mut cells = vec![
            handle.clone(),
            first(title.clone()),
            first(product.own_or("product_category", || product.path())),
            first(sku.to_string()),
            image.clone(),
            (at + 1).to_string(),
            title.clone(),
            first(
                product
                    .own_or("published", || "false".into())
                    .to_uppercase(),
            ),
            first(product.own_or("status", || "draft".into())),
        ];
        cells.extend(fields.iter().map(|(_, name)| first(product.shopify(name))));
        cells.extend(metafields.keys().map(|name| first(product.text(name))));
        cells.push(first(product.path()));
        writer.write_record(&cells).map_err(output)?;
    }
    Ok(())
}

/// A handle as Shopify wants it, letters, digits and `-`, and none twice.
fn handle(sku: &str, taken: &mut BTreeMap<String, u32>) -> String {
    let mut handle = String::new();
    for c in sku.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_alphanumeric() => handle.push(c),
            _ if handle.ends_with('-') || handle.is_empty() => {}
            _ => handle.push('-'),
        }
    }
    let handle = match handle.trim_end_matches('-') {
        "" => "product".to_string(),
        handle => handle.to_string(),
    };
    let times = taken.entry(handle.clone()).or_insert(0);
    *times += 1;
    match *times {
        1 => handle,
        again => format!("{handle}-{again}"),
    }
}

/// Columns of Google Merchant that a feed's attributes fill under the same names.
const GOOGLE: [&str; 9] = [
    "description",
    "link",
    "price",
    "sale_price",
    "availability",
    "brand",
    "gtin",
    "mpn",
    "condition",
];
/// Additional photos that Google takes.
const MOST_ADDITIONAL: usize = 10;

/// Google Merchant's TSV. `product_type` is the path in Shopify's taxonomy, `google_product_category` the
/// number of Google's category that it is in, unless the shop's feed says otherwise.
pub async fn export_google(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    out: &mut (dyn Write + Send),
) -> Result<Exported, ExportError> {
    let (products, exported) = products(catalogue, filter).await?;
    let mut writer = WriterBuilder::new().delimiter(b'\t').from_writer(out);
    let fixed = [
        "id",
        "title",
        "image_link",
        "additional_image_link",
        "color",
        "product_type",
        "google_product_category",
    ];
    writer
        .write_record(fixed.into_iter().chain(GOOGLE))
        .map_err(output)?;
    for (sku, product) in &products {
        let more: Vec<&str> = product
            .images
            .iter()
            .skip(1)
            .take(MOST_ADDITIONAL)
            .map(String::as_str)
            .collect();
        let colours: Vec<&str> = product.colours.iter().take(3).map(String::as_str).collect();
        let mut cells = vec![
            sku.clone(),
            product.title.clone().unwrap_or_default(),
            product.images.first().cloned().unwrap_or_default(),
            more.join(","),
            product.own_or("feed_color", || colours.join("/")),
            product.own_or("product_type", || product.path()),
            product.own_or("google_product_category", || product.google_category()),
        ];
        cells.extend(GOOGLE.map(|name| product.text(name)));
        // A tab or a line break would end the cell: Google's format has no quotes for them.
        let cells = cells
            .iter()
            .map(|cell| cell.replace(['\t', '\n', '\r'], " "));
        writer
            .write_record(cells.collect::<Vec<_>>())
            .map_err(output)?;
    }
    writer.flush()?;
    Ok(exported)
}
