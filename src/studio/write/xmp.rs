//! The XMP packet: what made a picture, of which photo, and whether an algorithm had a hand in it.

use serde::{Deserialize, Serialize};

/// IPTC's word for how a picture came to be (`DigitalSourceType`,
/// <https://cv.iptc.org/newscodes/digitalsourcetype/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// A photo that an algorithm corrected without adding anything to it: a cut-out, a crop.
    AlgorithmicallyEnhanced,
    /// Several photos, or a photo on a plain colour.
    Composite,
    /// A photo and something that was computed: a rendered scene, a shadow.
    CompositeSynthetic,
    /// A photo and something that a trained model made up: an inpainted background.
    CompositeWithTrainedAlgorithmicMedia,
}

impl SourceType {
    /// The term's address.
    pub fn uri(self) -> &'static str {
        match self {
            SourceType::AlgorithmicallyEnhanced => {
                "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
            }
            SourceType::Composite => "http://cv.iptc.org/newscodes/digitalsourcetype/composite",
            SourceType::CompositeSynthetic => {
                "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
            }
            SourceType::CompositeWithTrainedAlgorithmicMedia => {
                "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
            }
        }
    }
}

/// What is written into a file beside its pixels. Without a date, so that the same input gives the same
/// bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `None` where the picture shows nothing but the photo: a smaller copy of it.
    pub source_type: Option<SourceType>,
    /// Id of the photo that it was made of (BLAKE3, hexadecimal).
    pub photo: Option<String>,
    /// What was done, for people: `background removed with u2net`.
    pub description: Option<String>,
}

impl Metadata {
    /// The packet in UTF-8: RDF/XML without padding, as it is not to be changed in place.
    pub fn packet(&self) -> Vec<u8> {
        let mut properties = String::from("\n   <xmp:CreatorTool>showroom</xmp:CreatorTool>");
        if let Some(source) = self.source_type {
            properties += &format!(
                "\n   <Iptc4xmpExt:DigitalSourceType>{}</Iptc4xmpExt:DigitalSourceType>",
                source.uri()
            );
        }
        if let Some(photo) = &self.photo {
            properties += &format!("\n   <dc:source>blake3:{}</dc:source>", escaped(photo));
        }
        if let Some(text) = &self.description {
            properties += &format!(
                "\n   <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:description>",
                escaped(text)
            );
        }
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n \
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n  \
             <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
             xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">{properties}\n  \
             </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>"
        )
        .into_bytes()
    }
}

/// Text as XML takes it; control characters, which XML 1.0 cannot hold, become spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_people_cannot_break_out_of_the_packet() {
        let metadata = Metadata {
            description: Some("<b> & \u{0} ]]>".to_string()),
            ..Metadata::default()
        };
        let packet = String::from_utf8(metadata.packet()).unwrap();
        assert!(
            packet.contains(">&lt;b&gt; &amp;   ]]&gt;</rdf:li>"),
            "{packet}"
        );
        assert!(!packet.contains("DigitalSourceType>"), "{packet}");
    }
}
