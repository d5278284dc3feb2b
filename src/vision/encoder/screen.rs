//! The main colour of a thing with a screen: what the screen shows is not the product's colour.

use showroom_catalog::Colour;

/// Classes of ImageNet-1k: desktop computer, laptop, monitor, notebook, screen, television.
const SCREENS: [usize; 6] = [527, 620, 664, 681, 782, 851];
/// A photo shows a screen where these classes have more than this of the probability. Any value from .25
/// to .6 says the same of 258 labelled shop photos, where the rule put three main colours right and none
/// wrong.
const SURE: f32 = 0.3;
/// What the cases of screens are made in.
const CASES: [&str; 4] = ["black", "grey", "white", "silver"];

/// Puts the colours that cases are made in first, where the photo shows a screen; else all stay as they are.
pub(super) fn case_first(mut colours: Vec<Colour>, classes: &[f32]) -> Vec<Colour> {
    let screens = SCREENS.iter().filter_map(|class| classes.get(*class));
    if screens.sum::<f32>() > SURE {
        // Stable: among themselves they keep their order.
        colours.sort_by_key(|colour| !CASES.contains(&colour.name.as_str()));
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_on_a_screen_is_not_its_colour() {
        let names = |television: f32| {
            let mut classes = vec![0.0; 1000];
            classes[851] = television;
            let colours = ["blue", "orange", "black", "grey"].map(|name| Colour {
                name: name.into(),
                hex: String::new(),
                share: 0.25,
            });
            let told = case_first(colours.to_vec(), &classes);
            told.into_iter()
                .map(|colour| colour.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(0.9), ["black", "grey", "blue", "orange"]);
        assert_eq!(names(0.1), ["blue", "orange", "black", "grey"]);
    }
}
