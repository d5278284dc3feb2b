//! Shopify's categories in Google's product taxonomy.
//!
//! Both trees have one origin: half of Shopify's paths are Google's word for word, and most others are below
//! one of them. So a path is followed down as far as Google goes too, and where Shopify has renamed a node
//! or moved it, `RENAMED` says what it is at Google's.

use google_taxonomy::ProductCategory;

/// The beginning of a path in Shopify's taxonomy of 2024-07, and where that is in Google's.
#[rustfmt::skip]
const RENAMED: [(&str, &str); 48] = [
    ("Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Food > Non-Prescription Cat Food", "Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Food > Non-prescription Cat Food"),
    ("Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter > Cat Litter Box Liners", "Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter Box Liners"),
    ("Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter > Cat Litter Box Mats", "Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter Box Mats"),
    ("Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter > Cat Litter Boxes", "Animals & Pet Supplies > Pet Supplies > Cat Supplies > Cat Litter Boxes"),
    ("Animals & Pet Supplies > Pet Supplies > Dog Supplies > Dog Food > Non-Prescription Dog Food", "Animals & Pet Supplies > Pet Supplies > Dog Supplies > Dog Food > Non-prescription Dog Food"),
    ("Animals & Pet Supplies > Pet Supplies > Fish & Aquatic Supplies", "Animals & Pet Supplies > Pet Supplies > Fish Supplies"),
    ("Apparel & Accessories > Clothing > Boys' Underwear", "Apparel & Accessories > Clothing > Underwear & Socks"),
    ("Apparel & Accessories > Clothing > Clothing Tops", "Apparel & Accessories > Clothing > Shirts & Tops"),
    ("Apparel & Accessories > Clothing > Girls' Underwear", "Apparel & Accessories > Clothing > Underwear & Socks"),
    ("Apparel & Accessories > Clothing > Lingerie", "Apparel & Accessories > Clothing > Underwear & Socks > Lingerie"),
    ("Apparel & Accessories > Clothing > Men's Undergarments", "Apparel & Accessories > Clothing > Underwear & Socks"),
    ("Apparel & Accessories > Clothing > Sleepwear & Loungewear > Long Johns", "Apparel & Accessories > Clothing > Underwear & Socks > Long Johns"),
    ("Apparel & Accessories > Clothing > Socks", "Apparel & Accessories > Clothing > Underwear & Socks > Socks"),
    ("Apparel & Accessories > Jewelry > Smart Watches", "Apparel & Accessories > Jewelry > Watches"),
    ("Arts & Entertainment > Hobbies & Creative Arts > Musical Instrument & Orchestra Accessories > String Instrument Accessories > Guitar Accessories > Guitar Cases & Gigbags", "Arts & Entertainment > Hobbies & Creative Arts > Musical Instrument & Orchestra Accessories > String Instrument Accessories > Guitar Accessories > Guitar Cases & Gig Bags"),
    ("Baby & Toddler > Baby Toys & Activity Equipment > Baby Activity Toys > Rattles", "Baby & Toddler > Baby Toys & Activity Equipment > Rattles"),
    ("Electronics > Communications > Telephony > Mobile & Smart Phone Accessories", "Electronics > Communications > Telephony > Mobile Phone Accessories"),
    ("Electronics > Communications > Telephony > Mobile & Smart Phones", "Electronics > Communications > Telephony > Mobile Phones"),
    ("Furniture > Beds & Accessories > Footboards", "Furniture > Beds & Accessories > Headboards & Footboards"),
    ("Furniture > Beds & Accessories > Headboards", "Furniture > Beds & Accessories > Headboards & Footboards"),
    ("Furniture > Cabinets & Storage > Buffets", "Furniture > Cabinets & Storage > Buffets & Sideboards"),
    ("Furniture > Cabinets & Storage > Sideboards", "Furniture > Cabinets & Storage > Buffets & Sideboards"),
    ("Furniture > Carts & Islands > Islands", "Furniture > Carts & Islands > Kitchen Islands"),
    ("Furniture > Chairs > Armchairs, Recliners & Sleeper Chairs", "Furniture > Chairs > Arm Chairs, Recliners & Sleeper Chairs"),
    ("Health & Beauty > Personal Care > Cosmetics > Makeup > Eye Makeup > Eye Shadows", "Health & Beauty > Personal Care > Cosmetics > Makeup > Eye Makeup > Eye Shadow"),
    ("Health & Beauty > Personal Care > Cosmetics > Makeup > Eye Makeup > Mascaras", "Health & Beauty > Personal Care > Cosmetics > Makeup > Eye Makeup > Mascara"),
    ("Health & Beauty > Personal Care > Cosmetics > Makeup > Lip Makeup > Lip Liners", "Health & Beauty > Personal Care > Cosmetics > Makeup > Lip Makeup > Lip Liner"),
    ("Health & Beauty > Personal Care > Cosmetics > Makeup > Lip Makeup > Lipsticks", "Health & Beauty > Personal Care > Cosmetics > Makeup > Lip Makeup > Lipstick"),
    ("Health & Beauty > Personal Care > Cosmetics > Perfumes & Colognes", "Health & Beauty > Personal Care > Cosmetics > Perfume & Cologne"),
    ("Health & Beauty > Personal Care > Cosmetics > Skin Care > Lotions & Moisturizers", "Health & Beauty > Personal Care > Cosmetics > Skin Care > Lotion & Moisturizer"),
    ("Health & Beauty > Personal Care > Deodorants & Anti-Perspirant", "Health & Beauty > Personal Care > Deodorant & Anti-Perspirant"),
    ("Health & Beauty > Personal Care > Shaving & Grooming > Shaving Creams", "Health & Beauty > Personal Care > Shaving & Grooming > Shaving Cream"),
    ("Health & Beauty > Personal Care > Vision Care > Contact Lens Care > Contact Lenses", "Health & Beauty > Personal Care > Vision Care > Contact Lenses"),
    ("Home & Garden > Kitchen & Dining > Tableware > Coffee Servers & Teapots", "Home & Garden > Kitchen & Dining > Tableware > Coffee Servers & Tea Pots"),
    ("Home & Garden > Plants > Seeds, Bulbs & Accessories", "Home & Garden > Plants > Seeds"),
    ("Luggage & Bags > Tote Bags", "Luggage & Bags > Shopping Totes"),
    ("Mature > Weapons & Weapon Accessories", "Mature > Weapons"),
    ("Media > Books > E-Books", "Media > Books > E-books"),
    ("Media > Videos", "Media > DVDs & Videos"),
    ("Office Supplies > Office Instruments > Office Stamps", "Office Supplies > Office Instruments > Office Rubber Stamps"),
    ("Sporting Goods > Athletics > American Football", "Sporting Goods > Athletics > Football"),
    ("Sporting Goods > Athletics > Boxing & Martial Arts > Boxing & Martial Arts Protective Gear > Boxing & MMA Gloves & Mitts", "Sporting Goods > Athletics > Boxing & Martial Arts > Boxing & Martial Arts Protective Gear > Boxing Gloves & Mitts"),
    ("Sporting Goods > Fitness & General Exercise Equipment", "Sporting Goods > Exercise & Fitness"),
    ("Sporting Goods > Outdoor Recreation > Hunting & Shooting > Airsoft", "Sporting Goods > Outdoor Recreation > Hunting & Shooting > Paintball & Airsoft > Airsoft"),
    ("Sporting Goods > Outdoor Recreation > Hunting & Shooting > Paintball", "Sporting Goods > Outdoor Recreation > Hunting & Shooting > Paintball & Airsoft > Paintball"),
    ("Sporting Goods > Outdoor Recreation > Outdoor Games > Badminton > Badminton Rackets & Sets", "Sporting Goods > Outdoor Recreation > Outdoor Games > Badminton > Badminton Racquets & Sets"),
    ("Sporting Goods > Outdoor Recreation > Skateboarding > Complete Skateboards", "Sporting Goods > Outdoor Recreation > Skateboarding > Skateboards"),
    ("Toys & Games > Toys > Sports Toys > American Football Toys", "Toys & Games > Toys > Sports Toys > Toy Footballs"),
];

const BETWEEN: &str = " > ";

/// The deepest category of Google's that a path of Shopify's, from the top level down, is in; `None` for what
/// Google does not list, e.g. services.
pub(super) fn google_category(path: &[String]) -> Option<ProductCategory> {
    let path = path.join(BETWEEN);
    let path = renamed(&path).unwrap_or(path);
    let ends = path.match_indices(BETWEEN).map(|(end, _)| end);
    let ends: Vec<usize> = ends.chain([path.len()]).collect();
    (ends.iter().rev()).find_map(|&end| ProductCategory::from_name(&path[..end]).ok())
}

fn renamed(path: &str) -> Option<String> {
    RENAMED.iter().find_map(|(ours, google)| {
        let below = path.strip_prefix(ours)?;
        (below.is_empty() || below.starts_with(BETWEEN)).then(|| format!("{google}{below}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(path: &str) -> Option<u32> {
        let path: Vec<String> = path.split(BETWEEN).map(str::to_string).collect();
        google_category(&path).map(|category| category.id())
    }

    /// The numbers are those of Google's published list.
    #[test]
    fn a_path_is_followed_as_far_as_google_goes() {
        assert_eq!(id("Furniture"), Some(436));
        assert_eq!(id("Furniture > Sofas"), Some(460));
        assert_eq!(id("Furniture > Sofas > Sectional Sofas"), Some(460));
        assert_eq!(id("Apparel & Accessories > Shoes > Sneakers"), Some(187));
        assert_eq!(
            id("Apparel & Accessories > Handbags, Wallets & Cases > Handbags"),
            Some(3032)
        );
    }

    #[test]
    fn what_shopify_renamed_or_moved_is_found() {
        assert_eq!(
            id("Apparel & Accessories > Clothing > Clothing Tops > T-Shirts"),
            Some(212)
        );
        assert_eq!(id("Apparel & Accessories > Clothing > Socks"), Some(209));
        assert_eq!(
            id("Electronics > Communications > Telephony > Mobile & Smart Phones"),
            Some(267)
        );
        let accessories =
            "Electronics > Communications > Telephony > Mobile & Smart Phone Accessories";
        assert_eq!(id(accessories), Some(264));
        // No part of a name.
        assert_eq!(
            id("Apparel & Accessories > Clothing > Socks & More"),
            Some(1604)
        );
    }

    #[test]
    fn what_google_does_not_list_has_none() {
        assert_eq!(id("Services > Photography"), None);
        assert_eq!(id("Gift Cards"), None);
        assert_eq!(google_category(&[]), None);
    }

    #[test]
    fn every_renamed_one_is_googles() {
        for (ours, google) in RENAMED {
            assert!(ProductCategory::from_name(google).is_ok(), "{google}");
            assert!(
                ProductCategory::from_name(ours).is_err(),
                "{ours} needs no line"
            );
        }
    }
}
