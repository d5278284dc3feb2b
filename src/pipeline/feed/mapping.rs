//! Which column is what: the SKU, the title, photos, an attribute.

use std::collections::BTreeMap;

use serde::Deserialize;
use showroom_catalog::AttributeKind;
use showroom_catalog::product::attribute_name;

/// What the user says of the columns; what is not said is guessed from their headings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Headings of the SKU: the first that is there and not empty counts.
    #[serde(default)]
    pub sku: Vec<String>,
    #[serde(default)]
    pub title: Vec<String>,
    /// All of these are photos.
    #[serde(default)]
    pub image: Vec<String>,
    /// Attribute → heading.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Headings that are left out.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// What a column is taken for.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    Sku,
    Title,
    Image,
    /// Rows with the same value follow each other and are one product (Shopify's `Handle`).
    Group,
    Attribute(String, Option<AttributeKind>),
    Ignored,
}

/// Headings as shops, Shopify and Google write them, as [`attribute_name`] makes them; the first
/// that a feed has is taken.
const SKUS: &[&str] = &[
    "sku",
    "variant_sku",
    "id",
    "product_id",
    "item_id",
    "item_number",
    "article_number",
    "artikelnummer",
    "artikel",
    "article",
    "handle",
];
const TITLES: &[&str] = &[
    "title",
    "name",
    "product_title",
    "product_name",
    "titel",
    "bezeichnung",
];
/// All that a feed has.
const IMAGES: &[&str] = &[
    "image",
    "images",
    "image_link",
    "additional_image_link",
    "additional_image_links",
    "image_src",
    "variant_image",
    "image_url",
    "image_urls",
    "image_path",
    "image_file",
    "photo",
    "photos",
    "picture",
    "pictures",
    "file",
    "filename",
    "path",
    "bild",
    "bilder",
    "uri",
];
/// Shopify's columns under the names that its other feeds use, there and back.
pub const SHOPIFY: [(&str, &str); 7] = [
    ("Body (HTML)", "description"),
    ("Vendor", "brand"),
    ("Type", "product_type"),
    ("Tags", "tags"),
    ("Variant Price", "price"),
    ("Variant Compare At Price", "compare_at_price"),
    ("Variant Barcode", "gtin"),
];
/// Shopify's columns that say nothing of the product.
const SHOPIFY_IGNORED: &[&str] = &["image_position", "image_alt_text", "gift_card"];
/// Shopify's columns that our own export fills where the shop says nothing; what it says is a metafield
/// there.
const SHOPIFY_FILLED: &[&str] = &["product_category", "published", "status"];
/// Columns that an export adds, which are measured again.
const OWN: &str = "showroom_";

/// The role of each heading of a feed.
pub fn roles(headings: &[String], mapping: &Mapping) -> Result<BTreeMap<String, Role>, String> {
    let said = mapping
        .sku
        .iter()
        .chain(&mapping.title)
        .chain(&mapping.image)
        .chain(mapping.attributes.values());
    for heading in said {
        if !headings.iter().any(|known| is_same(known, heading)) {
            return Err(format!(
                "there is no column {heading:?}; columns are {}",
                headings.join(", ")
            ));
        }
    }
    let plain: Vec<String> = headings.iter().map(|h| plain(h)).collect();
    let first = |names: &[&str]| {
        let name = names.iter().find(|name| plain.iter().any(|p| p == *name));
        name.map(|name| name.to_string())
    };
    let (sku, title) = (first(SKUS), first(TITLES));
    let has = |name: &str| plain.iter().any(|p| p == name);
    let is_shopify = has("handle") && (has("image_src") || has("variant_sku"));
    let is_ours = is_shopify && headings.iter().any(|heading| heading.starts_with(OWN));
    let metafields: Vec<String> = headings.iter().filter_map(|h| metafield(h)).collect();
    let is_metafield = |name: &str| {
        let mut names = metafields.iter();
        names.any(|known| known == name || known.starts_with(&format!("{name}:")))
    };
    let is_filled = |plain: &str| {
        SHOPIFY_FILLED.contains(&plain) || plain == "vendor" && is_metafield("vendor")
    };
    let guess = |heading: &String, plain: &String| -> Role {
        if mapping.sku.is_empty() && sku.as_ref() == Some(plain) {
            return Role::Sku;
        }
        if mapping.title.is_empty() && title.as_ref() == Some(plain) {
            return Role::Title;
        }
        let numbered = plain
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end_matches('_');
        if mapping.image.is_empty()
            && (IMAGES.contains(&plain.as_str()) || IMAGES.contains(&numbered))
        {
            return Role::Image;
        }
        if plain == "handle" && is_shopify {
            return Role::Group;
        }
        if plain.starts_with(OWN) || is_shopify && SHOPIFY_IGNORED.contains(&plain.as_str()) {
            return Role::Ignored;
        }
        if is_ours && is_filled(plain) {
            return Role::Ignored;
        }
        attribute(heading, is_shopify)
    };
    let mut roles = BTreeMap::new();
    for (heading, plain) in headings.iter().zip(&plain) {
        let is_in = |list: &[String]| list.iter().any(|said| is_same(said, heading));
        let named = mapping
            .attributes
            .iter()
            .find(|(_, said)| is_same(said, heading));
        let role = if is_in(&mapping.ignore) {
            Role::Ignored
        } else if is_in(&mapping.sku) {
            Role::Sku
        } else if is_in(&mapping.title) {
            Role::Title
        } else if is_in(&mapping.image) {
            Role::Image
        } else if let Some((name, _)) = named {
            attribute_name(name).map_or(Role::Ignored, |name| Role::Attribute(name, None))
        } else {
            guess(heading, plain)
        };
        roles.insert(heading.clone(), role);
    }
    Ok(roles)
}

/// As it stands in the lists above.
fn plain(heading: &str) -> String {
    let name = attribute_name(heading).unwrap_or_default();
    name.strip_prefix("feed_").unwrap_or(&name).to_string()
}

fn is_same(a: &str, b: &str) -> bool {
    a == b || a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// The attribute under a heading, which may name its kind: `size:text`.
fn attribute(heading: &str, is_shopify: bool) -> Role {
    if is_shopify
        && let Some((_, name)) = SHOPIFY
            .iter()
            .find(|(shopify, _)| is_same(shopify, heading))
    {
        return Role::Attribute(name.to_string(), None);
    }
    let metafield = metafield(heading);
    let heading = metafield.as_deref().unwrap_or(heading);
    let (name, kind) = match heading.rsplit_once(':') {
        Some((name, "any")) => (name, None),
        Some((name, kind)) => match AttributeKind::ALL.into_iter().find(|k| k.name() == kind) {
            Some(kind) => (name, Some(kind)),
            None => (heading, None),
        },
        None => (heading, None),
    };
    match attribute_name(name) {
        Some(name) => Role::Attribute(name, kind),
        None => Role::Ignored,
    }
}

/// Shopify's own way of naming a field that it does not know: `Size (product.metafields.custom.size)`.
/// What stands before it is for people, but that our own exports add the kind.
fn metafield(heading: &str) -> Option<String> {
    let (shown, rest) = heading.split_once("(product.metafields.custom.")?;
    let name = rest.trim_end().trim_end_matches(')');
    let kind = shown.trim_end().rsplit_once(':').map(|(_, kind)| kind);
    Some(kind.map_or(name.to_string(), |kind| format!("{name}:{kind}")))
}

impl Mapping {
    /// Takes in `sku=Artikel`, `image=Bild1,Bild2`, `ignore=Lager` or `price=Preis`.
    pub fn add(&mut self, said: &str) -> Result<(), String> {
        let bad = || {
            format!(
                "{said:?} is no mapping; write sku=COLUMN, title=COLUMN, image=COLUMN,COLUMN, ignore=COLUMN or ATTRIBUTE=COLUMN"
            )
        };
        let (role, headings) = said.split_once('=').ok_or_else(bad)?;
        let headings: Vec<String> = headings
            .split(',')
            .map(|heading| heading.trim().to_string())
            .filter(|heading| !heading.is_empty())
            .collect();
        match (role.trim(), headings.as_slice()) {
            (_, []) => return Err(bad()),
            ("sku", _) => self.sku.extend(headings),
            ("title", _) => self.title.extend(headings),
            ("image", _) => self.image.extend(headings),
            ("ignore", _) => self.ignore.extend(headings),
            (name, [heading]) if attribute_name(name).is_some() => {
                self.attributes.insert(name.to_string(), heading.clone());
            }
            _ => return Err(bad()),
        }
        Ok(())
    }
}
