//! The keys of assets: the same photo, model and parameters are the same file.

use showroom_catalog::{AssetKind, PhotoId, Planned, Recipe};

use crate::write::ImageFormat;

/// BLAKE3 of all that settles an asset, 64 hexadecimal digits.
pub fn key(kind: AssetKind, photo: PhotoId, recipe: &Recipe) -> String {
    let mut hasher = blake3::Hasher::new();
    // Each part with its length before it, so that no two lists of parts read alike.
    let mut add = |part: &str| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    add("showroom asset 1");
    add(kind.name());
    add(&photo.to_string());
    add(recipe.model.as_deref().unwrap_or_default());
    for (name, value) in &recipe.parameters {
        add(name);
        add(value);
    }
    hasher.finalize().to_hex().to_string()
}

/// An asset that will be made so.
pub fn planned(kind: AssetKind, photo: PhotoId, recipe: &Recipe, format: ImageFormat) -> Planned {
    Planned {
        kind,
        key: key(kind, photo, recipe),
        extension: format.extension(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(model: Option<&str>, parameters: &[(&str, &str)]) -> Recipe {
        let owned = |&(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Recipe {
            model: model.map(String::from),
            parameters: parameters.iter().map(owned).collect(),
        }
    }

    #[test]
    fn whatever_settles_an_asset_changes_its_key() {
        let photo = PhotoId([7; 32]);
        let of = |kind, recipe: &Recipe| key(kind, photo, recipe);
        let plain = recipe(Some("m@1"), &[("ab", "c")]);
        let first = of(AssetKind::Cutout, &plain);
        assert_eq!(first, of(AssetKind::Cutout, &plain.clone()));
        assert_eq!(first.len(), 64);
        let others = [
            of(AssetKind::Mask, &plain),
            key(AssetKind::Cutout, PhotoId([8; 32]), &plain),
            of(AssetKind::Cutout, &recipe(Some("m@2"), &[("ab", "c")])),
            of(AssetKind::Cutout, &recipe(None, &[("ab", "c")])),
            of(AssetKind::Cutout, &recipe(Some("m@1"), &[("a", "bc")])),
            of(
                AssetKind::Cutout,
                &recipe(Some("m@1"), &[("ab", "c"), ("d", "e")]),
            ),
        ];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
    }
}
