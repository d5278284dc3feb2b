//! A photo → all that the catalogue would keep of it.

use showroom_catalog::decide::settle;
use showroom_catalog::seams::Features;
use showroom_catalog::{Decisions, Facts, Photo, PhotoId, PhotoRef, Record, Vectors};

use crate::documents::now_ms;
use crate::error::ApiError;
use crate::state::App;

impl App {
    /// The row of a photo: encoded, tagged, with the shop's own labels, and with what people have decided of its
    /// bytes.
    pub(crate) async fn describe(&self, photo: Photo) -> Result<Record, ApiError> {
        let Photo {
            id, source, facts, ..
        } = &photo;
        let (id, source, facts) = (*id, source.clone(), facts.clone());
        let features = self.encoder.encode(photo).await?;
        let decisions = self.reviewer.decided_of(&[id]).await?;
        let app = self.clone();
        // Of a large label set it takes milliseconds.
        let row = tokio::task::spawn_blocking(move || {
            app.row_of(id, source, facts, features, &decisions)
        });
        row.await.map_err(|error| ApiError::internal(&error))?
    }

    fn row_of(
        &self,
        id: PhotoId,
        source: PhotoRef,
        facts: Facts,
        features: Features,
        decisions: &Decisions,
    ) -> Result<Record, ApiError> {
        let tagged = self.tagger.tag(&features.classes, &features.colours);
        let text = match tagged.text.is_empty() {
            // Words and photos share a space.
            true => features.shape.clone(),
            false => tagged.text,
        };
        if text.len() != self.catalogue.manifest().dimensions.text {
            let reason = "the tagger is one for another catalogue";
            return Err(ApiError::internal(&reason));
        }
        let mut record = Record {
            id,
            source,
            title: None,
            attributes: Default::default(),
            facts: Facts {
                product_share: features.product_share,
                ..facts
            },
            category: tagged.category,
            colours: features.colours,
            labels: tagged.labels,
            classes: features.classes,
            vectors: Vectors {
                shape: features.shape,
                colour: features.colour,
                text,
            },
            tagger: self.tagger.id().to_string(),
            ingested_at_ms: now_ms(),
        };
        for set in &self.now.get().labellers {
            let tags = set.label(id, &record.vectors, decisions);
            record.labels.extend(tags);
        }
        settle(&mut record, decisions);
        Ok(record)
    }
}
