//! Colour words, taken out of a query.

/// Colour names that photos are measured in; their order is the order in the text vector.
pub const NAMES: [&str; 17] = [
    "black",
    "grey",
    "silver",
    "white",
    "beige",
    "brown",
    "red",
    "orange",
    "yellow",
    "gold",
    "green",
    "teal",
    "turquoise",
    "blue",
    "navy",
    "purple",
    "pink",
];

/// Words for colours that are not their name.
const SYNONYMS: [(&str, &str); 14] = [
    ("gray", "grey"),
    ("cream", "beige"),
    ("ivory", "beige"),
    ("tan", "brown"),
    ("camel", "brown"),
    ("coral", "orange"),
    ("golden", "gold"),
    ("khaki", "green"),
    ("olive", "green"),
    ("aqua", "turquoise"),
    ("violet", "purple"),
    ("lilac", "purple"),
    ("burgundy", "red"),
    ("maroon", "red"),
];

/// Who asks for the first may well mean the second, this much.
const NEAR: [(&str, &str, f32); 41] = [
    ("silver", "grey", 0.8),
    ("silver", "white", 0.4),
    ("grey", "silver", 1.0),
    ("grey", "black", 0.2),
    ("navy", "blue", 0.5),
    ("navy", "black", 0.3),
    ("blue", "navy", 0.7),
    ("blue", "teal", 0.5),
    ("blue", "turquoise", 0.4),
    ("gold", "yellow", 0.7),
    ("gold", "beige", 0.5),
    ("gold", "brown", 0.3),
    ("yellow", "gold", 0.7),
    ("yellow", "beige", 0.1),
    ("turquoise", "teal", 0.8),
    ("turquoise", "blue", 0.3),
    ("turquoise", "green", 0.3),
    ("teal", "turquoise", 0.7),
    ("teal", "blue", 0.4),
    ("teal", "green", 0.3),
    ("green", "turquoise", 0.2),
    ("green", "teal", 0.2),
    ("beige", "brown", 0.3),
    ("beige", "white", 0.2),
    ("beige", "gold", 0.4),
    ("brown", "beige", 0.3),
    ("brown", "gold", 0.3),
    ("brown", "orange", 0.2),
    ("pink", "red", 0.3),
    ("pink", "purple", 0.2),
    ("red", "pink", 0.3),
    ("red", "orange", 0.3),
    ("orange", "red", 0.2),
    ("orange", "yellow", 0.2),
    ("orange", "pink", 0.2),
    ("purple", "pink", 0.2),
    ("purple", "navy", 0.1),
    ("black", "navy", 0.3),
    ("black", "grey", 0.2),
    ("white", "grey", 0.2),
    ("white", "beige", 0.1),
];

/// Joining words that mean nothing at the end, where a colour was taken away.
const JOINERS: [&str; 3] = ["in", "and", "or"];

/// Words that say nothing of a product where a colour is asked for: "the same but in blue, please".
const FILLERS: [&str; 27] = [
    "a", "an", "and", "any", "but", "color", "colored", "colour", "coloured", "else", "in",
    "instead", "is", "it", "just", "like", "of", "one", "or", "please", "same", "that", "the",
    "thing", "this", "version", "with",
];

/// Whether what is left of a query beside its colours only joins them.
pub fn only_joins(rest: &str) -> bool {
    rest.split(' ')
        .all(|word| word.is_empty() || FILLERS.contains(&word))
}

/// A query in its two parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Numbers into [`NAMES`], in the order of the words; may repeat.
    pub colours: Vec<usize>,
    /// The words that are no colours, lower case, joined by spaces.
    pub rest: String,
}

/// "Red trainers" → red, "trainers".
pub fn parse(words: &str) -> Parsed {
    let lower = words.to_lowercase();
    let mut colours = Vec::new();
    let mut rest = Vec::new();
    for word in lower
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-'))
        .filter(|word| !word.is_empty())
    {
        match colour(word) {
            Some(name) => colours.push(name),
            None => rest.push(word),
        }
    }
    if rest.len() > 1 && rest.last().is_some_and(|last| JOINERS.contains(last)) {
        rest.pop();
    }
    Parsed {
        colours,
        rest: rest.join(" "),
    }
}

fn colour(word: &str) -> Option<usize> {
    let name = SYNONYMS
        .iter()
        .find(|(synonym, _)| *synonym == word)
        .map_or(word, |(_, name)| name);
    NAMES.iter().position(|known| *known == name)
}

/// How much each of [`NAMES`] answers the colours asked for, 0–1.
pub fn wanted(colours: &[usize]) -> [f32; NAMES.len()] {
    let mut wanted = [0f32; NAMES.len()];
    for &asked in colours {
        wanted[asked] = 1.0;
        for (_, name, much) in NEAR.iter().filter(|(from, ..)| *from == NAMES[asked]) {
            if let Some(place) = NAMES.iter().position(|known| known == name) {
                wanted[place] = wanted[place].max(*much);
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_word_leads_to_a_name() {
        for (synonym, _) in SYNONYMS {
            assert!(colour(synonym).is_some(), "{synonym}");
        }
        for (from, to, much) in NEAR {
            assert!(NAMES.contains(&from) && NAMES.contains(&to), "{from} {to}");
            assert!(much > 0.0 && much <= 1.0);
        }
    }

    #[test]
    fn colours_are_taken_out_and_a_joiner_goes_with_them() {
        let check = |words, colours: &[&str], rest: &str| {
            let parsed = parse(words);
            let names: Vec<_> = parsed.colours.iter().map(|&c| NAMES[c]).collect();
            assert_eq!((names.as_slice(), parsed.rest.as_str()), (colours, rest));
        };
        check("Red  trainers!", &["red"], "trainers");
        check("suit in GRAY", &["grey"], "suit");
        check("in", &[], "in");
        check("", &[], "");
        check("ladies' t-shirt", &[], "ladies' t-shirt");
    }

    #[test]
    fn words_that_join_are_told_from_those_that_name() {
        let rest = |words| parse(words).rest;
        for joining in ["but in blue", "the same one, in red please", "navy", "in"] {
            assert!(only_joins(&rest(joining)), "{joining}");
        }
        for naming in ["but in blue leather", "red shoes"] {
            assert!(!only_joins(&rest(naming)), "{naming}");
        }
    }
}
