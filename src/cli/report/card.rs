//! One photo as HTML: the picture, its tags, its colours and what was measured on it.

use std::fmt::{self, Write};

use super::escape::{Escaped, css_colour, file_link};
use super::flags::flags;
use super::page::{Card, Found, Thumbnail, file_name};

/// Colours that a card names.
const COLOURS: usize = 4;
/// Labels that a card names.
const LABELS: usize = 3;

/// A card of the grid. `at` is its place on the page, by which its details are named.
pub fn write(card: &Card, at: Option<usize>, out: &mut String) -> fmt::Result {
    let record = &card.record;
    let uri = &record.source.uri;
    let flags: Vec<_> = flags(&record.facts).collect();
    out.push_str("<article class=card");
    if let Some(category) = &record.category {
        let ids: Vec<&str> = category.ancestors().collect();
        write!(
            out,
            " data-category=\"{}\" data-path=\"{}\" data-score={:.4}",
            Escaped(&ids.join(" ")),
            Escaped(&category.path.join(" › ")),
            category.score
        )?;
    }
    let colours: Vec<&str> = record
        .colours
        .iter()
        .map(|colour| colour.name.as_str())
        .collect();
    let codes: Vec<&str> = flags.iter().map(|flag| flag.code).collect();
    writeln!(
        out,
        " data-colour=\"{}\" data-flag=\"{}\" data-words=\"{}\">",
        Escaped(&colours.join("|")),
        codes.join("|"),
        Escaped(&words(card))
    )?;
    picture(card, out)?;
    out.push_str("<div class=body>\n");
    match &record.category {
        Some(category) => {
            write!(out, "<h3>{}</h3>\n<p class=path>", Escaped(&category.name))?;
            let above = category.path.len().saturating_sub(1);
            for name in &category.path[..above] {
                write!(out, "<span>{}</span>", Escaped(name))?;
            }
            out.push_str("</p>\n");
            score_bar(
                category.score,
                &percent(category.score),
                "sure of the category",
                out,
            )?;
        }
        None => {
            out.push_str("<h3>No category</h3>\n");
            let seen: Vec<String> = record
                .labels
                .iter()
                .take(LABELS)
                .map(|label| format!("{} {}", Escaped(&label.name), percent(label.score)))
                .collect();
            if !seen.is_empty() {
                writeln!(out, "<p class=path>perhaps {}</p>", seen.join(", "))?;
            }
        }
    }
    if !record.colours.is_empty() {
        out.push_str("<ul class=colours aria-label=Colours>");
        for colour in record.colours.iter().take(COLOURS) {
            write!(
                out,
                "<li><i class=dot style=\"background:{}\" title=\"{}\"></i>{} <b>{}</b></li>",
                css_colour(&colour.hex),
                css_colour(&colour.hex),
                Escaped(&colour.name),
                percent(colour.share)
            )?;
        }
        out.push_str("</ul>\n");
    }
    if !flags.is_empty() {
        out.push_str("<ul class=flags aria-label=\"About the photo\">");
        for flag in &flags {
            write!(out, "<li title=\"{}\">{}</li>", flag.meaning, flag.label)?;
        }
        out.push_str("</ul>\n");
    }
    let id = at.map(|at| format!(" id=p{at}")).unwrap_or_default();
    writeln!(
        out,
        "<details{id}><summary><bdi>{}</bdi></summary>",
        Escaped(file_name(uri))
    )?;
    facts(card, out)?;
    out.push_str("</details>\n</div>\n</article>\n");
    Ok(())
}

/// The thumbnail on its tile, or a tile that says why there is none.
pub fn picture(card: &Card, out: &mut String) -> fmt::Result {
    match &card.thumbnail {
        Thumbnail::Jpeg(base64) => writeln!(
            out,
            "<div class=picture><img alt=\"{}\" decoding=async \
             src=\"data:image/jpeg;base64,{base64}\"></div>",
            Escaped(&describe(card))
        ),
        Thumbnail::None(reason) => writeln!(
            out,
            "<div class=\"picture gone\" role=img aria-label=\"{}\"><span>{}</span></div>",
            Escaped(&describe(card)),
            Escaped(reason)
        ),
    }
}

/// Name and score under a hit.
pub fn hit_line(hit: &Found, out: &mut String) -> fmt::Result {
    let record = &hit.card.record;
    let name = match &record.category {
        Some(category) => category.name.as_str(),
        None => file_name(&record.source.uri),
    };
    write!(out, "<span class=hit-name>{}</span>", Escaped(name))?;
    write!(
        out,
        "<span class=hit-sku><bdi>{}</bdi></span>",
        Escaped(short_name(&hit.card))
    )?;
    score_bar(hit.score, &format!("{:.2}", hit.score), "similarity", out)
}

fn facts(card: &Card, out: &mut String) -> fmt::Result {
    let record = &card.record;
    let facts = &record.facts;
    out.push_str("<dl class=facts>\n");
    let mut fact =
        |name: &str, value: String| writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    if let Some(sku) = &record.source.sku {
        fact("SKU", format!("<bdi>{}</bdi>", Escaped(sku)))?;
    }
    let size = format!("{} × {} px", facts.width, facts.height);
    fact(
        "Size",
        format!(
            "{size}, {}, {}",
            facts.format.name().to_uppercase(),
            bytes(facts.bytes)
        ),
    )?;
    fact("Sharpness", format!("{:.0}", facts.sharpness))?;
    fact("Brightness", percent(facts.brightness))?;
    fact(
        "Clipped",
        format!(
            "{} dark, {} bright",
            percent(facts.clipped_dark),
            percent(facts.clipped_bright)
        ),
    )?;
    fact(
        "Border",
        format!(
            "{} white, {} uniform",
            percent(facts.border_white),
            percent(facts.border_uniform)
        ),
    )?;
    fact(
        "Product",
        format!("{} of the photo", percent(facts.product_share)),
    )?;
    for label in &record.labels {
        fact(
            "Label",
            format!(
                "{} {}",
                Escaped(&label.name),
                percent(label.calibrated.unwrap_or(label.score))
            ),
        )?;
    }
    fact(
        "Id",
        format!("<code>{}</code>", &record.id.to_string()[..8]),
    )?;
    let path = Escaped(&record.source.uri);
    let file = match file_link(&record.source.uri) {
        Some(link) => format!("<a href=\"{}\">{path}</a>", Escaped(&link)),
        None => path.to_string(),
    };
    fact("File", format!("<bdi>{file}</bdi>"))?;
    out.push_str("</dl>\n");
    Ok(())
}

/// `score` 0–1 as a bar, with the text of it and what it is the score of.
fn score_bar(score: f32, shown: &str, what: &str, out: &mut String) -> fmt::Result {
    let width = percent(score.clamp(0.0, 1.0));
    writeln!(
        out,
        "<p class=score title=\"{shown} {what}\"><span class=bar aria-hidden=true>\
         <i style=\"width:{width}\"></i></span>{shown}<span class=sr> {what}</span></p>"
    )
}

/// What a person who does not see the picture is told.
fn describe(card: &Card) -> String {
    let record = &card.record;
    let colours: Vec<&str> = record
        .colours
        .iter()
        .take(2)
        .map(|colour| colour.name.as_str())
        .collect();
    let what = record
        .category
        .as_ref()
        .map_or("Product", |category| &category.name);
    let name = short_name(card);
    if colours.is_empty() {
        format!("{what}: {name}")
    } else {
        format!("{what}, {}: {name}", colours.join(" and "))
    }
}

fn short_name(card: &Card) -> &str {
    let uri = &card.record.source.uri;
    card.record
        .source
        .sku
        .as_deref()
        .unwrap_or_else(|| file_name(uri))
}

/// Everything that the text filter looks at, lower case.
fn words(card: &Card) -> String {
    let record = &card.record;
    let mut words = vec![file_name(&record.source.uri)];
    words.extend(record.source.sku.as_deref());
    words.extend(
        record
            .category
            .iter()
            .flat_map(|c| c.path.iter().map(String::as_str)),
    );
    words.extend(record.colours.iter().map(|colour| colour.name.as_str()));
    words.extend(record.labels.iter().map(|label| label.name.as_str()));
    words.join(" ").to_lowercase()
}

/// 0.634 → `63%`; under one percent `<1%` would be markup, so it is `0%`.
pub fn percent(share: f32) -> String {
    format!("{:.0}%", share * 100.0)
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", (bytes + 500) / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
