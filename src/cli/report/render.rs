//! [`Page`] → one HTML document that asks nothing of any other host.
//!
//! Pure: the same page gives the same text. All data goes through [`Escaped`] or [`css_colour`]; the
//! policy in the head lets only the one script of this file run, whatever else got in.

use std::fmt::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::card;
use super::escape::{Escaped, css_colour};
use super::facets::{self, ColourFacet};
use super::page::{Asked, Page, Search, file_name};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Colours of the strip under the numbers.
const STRIP_COLOURS: usize = 12;

/// The whole document.
pub fn render(page: &Page) -> String {
    let mut html = String::new();
    // Writing to a String does not fail.
    let _ = document(page, &mut html);
    html
}

fn document(page: &Page, out: &mut String) -> fmt::Result {
    let hash = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    let name = Escaped(&page.name);
    write!(
        out,
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; \
         form-action 'none'\">\n\
         <meta name=color-scheme content=\"light dark\">\n<meta name=generator content=\"showroom {}\">\n\
         <link rel=icon href=\"data:,\">\n<title>{name} · showroom</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=skip href=#catalogue>Skip to the photos</a>\n",
        Escaped(&page.version)
    )?;
    let (sure, unsure): (Vec<_>, Vec<_>) = page
        .cards
        .iter()
        .enumerate()
        .partition(|(_, card)| card.record.category.is_some());
    let colours = facets::colours(&page.cards);
    header(page, &colours, out)?;
    out.push_str("<main>\n");
    if !page.searches.is_empty() {
        searches(page, out)?;
    }
    out.push_str(
        "<section id=catalogue aria-labelledby=catalogue-title>\n<div class=section-head>\n",
    );
    write!(
        out,
        "<h2 id=catalogue-title>Photos</h2>\n<p>{}</p>\n</div>\n",
        shown(page)
    )?;
    if page.cards.is_empty() {
        out.push_str("<p class=nothing>No photo is in this catalogue yet.</p>\n");
    } else {
        out.push_str("<div class=browse>\n");
        filters(page, &colours, out)?;
        out.push_str("<div class=results>\n");
        toolbar(out);
        out.push_str("<div class=grid id=sure>\n");
        for (at, card) in sure {
            card::write(card, Some(at), out)?;
        }
        out.push_str("</div>\n");
        if !unsure.is_empty() {
            write!(
                out,
                "<section id=review aria-labelledby=review-title>\n<div class=section-head>\n\
                 <h2 id=review-title>Needs review <span class=count>{}</span></h2>\n\
                 <p>The tagger was not sure enough of any category here, so it says none. \
                 A person should look.</p>\n</div>\n<div class=grid id=unsure>\n",
                unsure.len()
            )?;
            for (at, card) in unsure {
                card::write(card, Some(at), out)?;
            }
            out.push_str("</div>\n</section>\n");
        }
        out.push_str(
            "<p class=nothing id=nothing hidden>No photo passes this filter. \
             <button type=button class=link data-clear>Clear the filter</button></p>\n\
             </div>\n</div>\n",
        );
    }
    out.push_str("</section>\n");
    rejects(page, out)?;
    write!(
        out,
        "</main>\n<footer>Made by showroom {} on {} from <bdi>{}</bdi>. This page is one file: it \
         holds its pictures and asks nothing of any server.</footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        Escaped(&page.version),
        Escaped(&page.made_at),
        Escaped(&page.store),
    )
}

fn header(page: &Page, colours: &[ColourFacet], out: &mut String) -> fmt::Result {
    write!(
        out,
        "<header>\n<p class=brand>showroom</p>\n<h1><bdi>{}</bdi></h1>\n<dl class=numbers>\n",
        Escaped(&page.name)
    )?;
    let share = match page.photos {
        0 => "–".to_string(),
        photos => card::percent(page.categorised as f32 / photos as f32),
    };
    let mut tile = |label: &str, number: String, note: String| {
        writeln!(
            out,
            "<div><dt>{label}</dt><dd>{number}<small>{note}</small></dd></div>"
        )
    };
    tile("Photos", thousands(page.photos), String::new())?;
    tile(
        "With a category",
        share,
        format!("{} photos", thousands(page.categorised)),
    )?;
    tile(
        "To review",
        thousands(page.photos.saturating_sub(page.categorised)),
        "no category".to_string(),
    )?;
    tile(
        "Rejects",
        thousands(page.rejected),
        "could not be used".to_string(),
    )?;
    out.push_str("</dl>\n");
    palette(colours, out)?;
    if !page.models.is_empty() {
        out.push_str("<details class=models><summary>");
        let many = if page.models.len() == 1 { "" } else { "s" };
        write!(
            out,
            "{} model{many} made the tags</summary>\n<dl>\n",
            page.models.len()
        )?;
        for (role, id) in &page.models {
            writeln!(
                out,
                "<div><dt>{}</dt><dd><code>{}</code></dd></div>",
                Escaped(role),
                Escaped(id)
            )?;
        }
        out.push_str("</dl></details>\n");
    }
    out.push_str("</header>\n");
    Ok(())
}

/// All the colours of the page as one strip, with the shares of the main ones.
fn palette(colours: &[ColourFacet], out: &mut String) -> fmt::Result {
    if colours.is_empty() {
        return Ok(());
    }
    out.push_str("<div class=palette>\n<div class=strip aria-hidden=true>");
    for colour in colours {
        write!(
            out,
            "<i style=\"flex-grow:{:.4};background:{}\"></i>",
            colour.share,
            css_colour(&colour.hex)
        )?;
    }
    out.push_str("</div>\n<ul aria-label=\"Colours of all products by area\">");
    for colour in colours.iter().take(STRIP_COLOURS) {
        write!(
            out,
            "<li><i class=dot style=\"background:{}\"></i>{} <b>{}</b></li>",
            css_colour(&colour.hex),
            Escaped(&colour.name),
            card::percent(colour.share)
        )?;
    }
    out.push_str("</ul>\n</div>\n");
    Ok(())
}

fn searches(page: &Page, out: &mut String) -> fmt::Result {
    out.push_str(
        "<section id=searches aria-labelledby=searches-title>\n<div class=section-head>\n\
         <h2 id=searches-title>A few searches</h2>\n\
         <p>What shoppers would type, answered from the photos alone.</p>\n</div>\n",
    );
    for (at, search) in page.searches.iter().enumerate() {
        one_search(at, search, out)?;
    }
    out.push_str("</section>\n");
    Ok(())
}

fn one_search(at: usize, search: &Search, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<article class=search aria-labelledby=search-{at}>\n<h3 id=search-{at}>"
    )?;
    match &search.asked {
        Asked::Words(words) => write!(out, "<q><bdi>{}</bdi></q>", Escaped(words))?,
        Asked::Photo(card) => {
            let name = card
                .record
                .source
                .sku
                .as_deref()
                .unwrap_or_else(|| file_name(&card.record.source.uri));
            write!(out, "More like <bdi>{}</bdi>", Escaped(name))?;
        }
    }
    write!(
        out,
        "</h3>\n<code class=command>{}</code>\n",
        Escaped(&search.command)
    )?;
    if search.hits.is_empty() {
        out.push_str("<p class=nothing>Nothing was found.</p>\n</article>\n");
        return Ok(());
    }
    write!(
        out,
        "<div class=shelf tabindex=0 role=group aria-labelledby=search-{at}>\n<ol>\n"
    )?;
    if let Asked::Photo(asked) = &search.asked {
        out.push_str("<li class=asked>");
        card::picture(asked, out)?;
        out.push_str("<span class=hit-name>this one</span></li>\n");
    }
    for hit in &search.hits {
        out.push_str("<li>");
        card::picture(&hit.card, out)?;
        card::hit_line(hit, out)?;
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n</div>\n</article>\n");
    Ok(())
}

fn filters(page: &Page, colours: &[ColourFacet], out: &mut String) -> fmt::Result {
    out.push_str(
        "<form class=filters id=filters hidden aria-label=\"Filter the photos\">\n\
         <label class=find>Find<input type=search id=find autocomplete=off \
         placeholder=\"words, SKU, file name\"></label>\n\
         <details id=facets open><summary>Filters</summary>\n",
    );
    out.push_str("<fieldset><legend>Category</legend>\n<div class=scroll>\n");
    let choice = |id: &str, name: &str, depth: usize, photos: usize, checked: &str| {
        format!(
            "<label class=row style=\"--depth:{depth}\"><input type=radio name=category \
             value=\"{}\"{checked}><span>{}</span><b class=n>{photos}</b></label>\n",
            Escaped(id),
            Escaped(name)
        )
    };
    out.push_str(&choice("", "All", 0, page.cards.len(), " checked"));
    for facet in facets::categories(&page.cards) {
        out.push_str(&choice(
            &facet.id,
            &facet.name,
            facet.depth,
            facet.photos,
            "",
        ));
    }
    let unsure = page
        .cards
        .iter()
        .filter(|card| card.record.category.is_none())
        .count();
    if unsure > 0 {
        out.push_str(&choice("-", "No category", 0, unsure, ""));
    }
    out.push_str("</div></fieldset>\n");
    if !colours.is_empty() {
        out.push_str("<fieldset><legend>Colour</legend>\n<div class=chips>\n");
        for colour in colours {
            writeln!(
                out,
                "<label class=chip><input type=checkbox name=colour value=\"{name}\">\
                 <span><i class=dot style=\"background:{}\"></i>{name} \
                 <b class=n>{}</b></span></label>",
                css_colour(&colour.hex),
                colour.photos,
                name = Escaped(&colour.name),
            )?;
        }
        out.push_str("</div></fieldset>\n");
    }
    let flags = facets::flag_counts(&page.cards);
    if !flags.is_empty() {
        out.push_str("<fieldset><legend>Photo</legend>\n");
        for (flag, photos) in flags {
            writeln!(
                out,
                "<label class=row><input type=checkbox name=flag value={}>\
                 <span>{}<small>{}</small></span><b class=n>{photos}</b></label>",
                flag.code, flag.label, flag.meaning
            )?;
        }
        out.push_str("</fieldset>\n");
    }
    out.push_str("</details>\n</form>\n");
    Ok(())
}

fn toolbar(out: &mut String) {
    out.push_str(
        "<div class=toolbar id=toolbar hidden>\n<p id=found role=status></p>\n\
         <button type=button class=link data-clear id=clear hidden>Clear the filter</button>\n\
         <label>Order <select id=order>\n<option value=category>by category</option>\n\
         <option value=score>least sure first</option>\n\
         <option value=name>by file name</option></select></label>\n</div>\n",
    );
}

fn rejects(page: &Page, out: &mut String) -> fmt::Result {
    if page.rejected == 0 {
        return Ok(());
    }
    write!(
        out,
        "<section id=rejects aria-labelledby=rejects-title>\n<div class=section-head>\n\
         <h2 id=rejects-title>Rejects <span class=count>{}</span></h2>\n\
         <p>Files that could not be used. Nothing vanishes: mend them and run the same \
         <code>showroom ingest</code> again.</p>\n</div>\n\
         <table>\n<thead><tr><th scope=col>File<th scope=col>Stage<th scope=col>Code\
         <th scope=col>Reason</tr></thead>\n<tbody>\n",
        thousands(page.rejected)
    )?;
    for reject in &page.rejects {
        let uri = &reject.source.uri;
        writeln!(
            out,
            "<tr><th scope=row title=\"{}\"><bdi>{}</bdi></th><td data-name=Stage>{}</td>\
             <td data-name=Code><code>{}</code></td><td data-name=Reason>{}</td></tr>",
            Escaped(uri),
            Escaped(file_name(uri)),
            reject.stage.name(),
            Escaped(&reject.code),
            Escaped(&reject.reason),
        )?;
    }
    out.push_str("</tbody>\n</table>\n");
    let more = page.rejected.saturating_sub(page.rejects.len());
    if more > 0 {
        writeln!(
            out,
            "<p class=nothing>{more} more: <code>showroom rejects</code> lists all.</p>"
        )?;
    }
    out.push_str("</section>\n");
    Ok(())
}

fn shown(page: &Page) -> String {
    let (here, all) = (page.cards.len(), page.photos);
    if here < all {
        let (here, all) = (thousands(here), thousands(all));
        format!("{here} of {all} photos; <code>--limit</code> shows more.")
    } else {
        "Every photo with what was seen and measured on it.".to_string()
    }
}

/// 12345 → `12,345`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use showroom_catalog::{PhotoRef, Reject, Stage};

    use super::*;
    use crate::report::page::sample::record;
    use crate::report::page::{Card, Found, Thumbnail};

    const HOSTILE: &str =
        "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&é漢\u{202e}";

    fn page() -> Page {
        let mut sure: Card = record(
            "/p/shoe.jpg",
            Some(("aa-8", "Shoes", 0.93)),
            &["red", "black"],
        )
        .into();
        sure.thumbnail = Thumbnail::Jpeg("QUJD".into());
        let mut hostile = record(
            &format!("/p/{HOSTILE}"),
            Some(("aa-8", HOSTILE, 0.5)),
            &[HOSTILE],
        );
        hostile.source.sku = Some(HOSTILE.into());
        hostile.colours[0].hex = "red;background:url(https://example.org)".into();
        hostile.tagger = HOSTILE.into();
        let unsure = record("/p/odd.jpg", None, &["grey"]);
        let card: Card = hostile.clone().into();
        let search = |asked| Search {
            asked,
            command: HOSTILE.into(),
            hits: vec![Found {
                card: card.clone(),
                score: 0.4,
            }],
        };
        Page {
            name: HOSTILE.into(),
            store: HOSTILE.into(),
            made_at: "2026-11-20 04:51 UTC".into(),
            version: "0.1.0".into(),
            photos: 12_345,
            categorised: 2,
            models: vec![("Tags", HOSTILE.into())],
            searches: vec![
                search(Asked::Words(HOSTILE.into())),
                search(Asked::Photo(Box::new(card.clone()))),
            ],
            cards: vec![sure, card.clone(), unsure.into()],
            rejects: vec![Reject {
                source: PhotoRef {
                    uri: format!("/p/{HOSTILE}"),
                    etag: String::new(),
                    bytes: 0,
                    sku: None,
                },
                stage: Stage::Decode,
                code: HOSTILE.into(),
                reason: HOSTILE.into(),
                rejected_at_ms: 0,
            }],
            rejected: 7,
        }
    }

    #[test]
    fn nothing_that_was_read_becomes_markup() {
        let html = render(&page());
        assert_eq!(html.matches("<script").count(), 1, "only the page's own");
        assert_eq!(html.matches("</script").count(), 1);
        assert_eq!(html.matches("<img").count(), 1, "only the thumbnail");
        assert!(!html.contains("url("), "no style asks for anything");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        let outside = html.matches("http").count();
        assert_eq!(
            outside,
            html.matches("http-equiv").count() + html.matches("example.org").count()
        );
        assert_eq!(html.matches("example.org").count(), 0);
    }

    #[test]
    fn the_policy_lets_the_script_of_the_page_run() {
        let html = render(&Page::default());
        let script = html
            .split("<script>")
            .nth(1)
            .unwrap()
            .split("</script>")
            .next()
            .unwrap();
        let hash = BASE64_STANDARD.encode(Sha256::digest(script));
        assert!(html.contains(&format!("script-src 'sha256-{hash}'")));
    }

    #[test]
    fn the_page_says_what_is_in_the_catalogue() {
        let html = render(&page());
        for said in [
            "12,345",
            "alt=\"Shoes, red and black: shoe.jpg\"",
            "data:image/jpeg;base64,QUJD",
            "<h3>No category</h3>",
            "Needs review <span class=count>1</span>",
            "Rejects <span class=count>7</span>",
            "6 more: <code>showroom rejects</code>",
            "3 of 12,345 photos",
        ] {
            assert!(html.contains(said), "{said}");
        }
        let empty = render(&Page::default());
        assert!(empty.contains("No photo is in this catalogue yet."));
        assert!(!empty.contains("id=rejects"));
    }
}
