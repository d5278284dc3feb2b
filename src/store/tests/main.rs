//! Tests of the store.
//!
//! `contract` is the suite that every implementation of `Catalogue` passes; it knows only the
//! trait. The rest is about Lance on a local disk: opening, crashes, full disks, indices, accelerators.

mod accelerated;
mod contract;
mod crash;
mod disk;
mod exact;
mod export;
mod filters;
mod find;
mod generation;
mod hot;
mod index;
mod objects;
mod opening;
mod sample;
mod search;

use showroom_catalog::manifest::StoreManifest;
use showroom_store::LanceCatalogue;
use tempfile::TempDir;

/// A new catalogue in a folder of its own.
async fn new_catalogue() -> (TempDir, LanceCatalogue) {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = open(&dir, &sample::manifest()).await;
    (dir, catalogue)
}

async fn open(dir: &TempDir, manifest: &StoreManifest) -> LanceCatalogue {
    LanceCatalogue::create_or_open_for_write(dir.path(), manifest)
        .await
        .unwrap()
}

/// Two tests a function of the contract: of a catalogue that is read from the disk, and of one whose rows are
/// kept in memory.
macro_rules! lance_passes {
    ($($module:ident::$name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_dir, catalogue) = new_catalogue().await;
                $module::$name(&catalogue).await;
            }
        )*
        mod kept_in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (_dir, catalogue) = super::new_catalogue().await;
                    super::$module::$name(&catalogue.with_hot_rows(1 << 30)).await;
                }
            )*
        }
    };
}

lance_passes! {
    contract::an_empty_catalogue_answers
    contract::a_record_comes_back_as_it_went_in
    contract::the_same_record_twice_is_one_row
    contract::a_changed_record_replaces_its_row
    contract::one_upsert_may_hold_the_same_uri_twice
    contract::a_reject_is_kept_and_goes_when_the_photo_comes_in
    contract::a_rejected_newer_version_leaves_the_photo
    contract::tagging_again_keeps_the_reject_of_a_newer_version
    contract::photos_are_found_by_id_prefix_uri_and_sku
    contract::scans_are_in_order_and_stop_when_told
    contract::delete_removes_photos_and_rejects
    contract::odd_words_come_back
    contract::a_spoilt_record_is_refused_and_changes_nothing
    contract::stats_count
    contract::verify_tells_what_is_wrong
    filters::every_field_and_comparison
    filters::words_never_become_sql
    filters::long_and_deep_filters
    search::exact_search_equals_brute_force
    search::ties_are_in_the_order_of_uris
    search::a_search_without_parts_lists_what_passes
    search::bad_queries_are_refused
    find::diversity_worked_by_hand
    find::titles_and_vectors_are_joined_by_rank
    find::a_catalogue_without_titles_is_searched_as_before
    find::a_title_speaks_for_its_sku
    find::facets_count_what_passes
    find::hits_bring_their_vectors_where_they_are_asked_for
    export::a_line_a_photo
    export::google_is_told_its_own_category
}
