//! Vectors and models in OpenAI's shapes, and tags.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fakes::{data_uri, made, png};
use crate::http::{Server, form};

const EMBEDDINGS: &str = "/v1/embeddings";

#[test]
fn words_and_pictures_lie_in_one_space() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let red = data_uri(&png([200, 0, 0]));
    let answer = server.ok(
        EMBEDDINGS,
        &json!({"model": "text", "input": ["red", red, "two words"]}),
    );
    let vectors: Vec<&Value> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["embedding"])
        .collect();
    assert_eq!(vectors[0], vectors[1]);
    assert_eq!(vectors[2], &json!([0.0, 0.0, 1.0]));
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("list"), &json!("text"))
    );
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 4, "total_tokens": 4})
    );
    let base64 = server.ok(
        EMBEDDINGS,
        &json!({"model": "colour", "input": red, "encoding_format": "base64", "dimensions": 2}),
    );
    let bytes = STANDARD
        .decode(base64["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let numbers: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, [0.6, 0.8]);
    let words = server.ok(
        EMBEDDINGS,
        &json!({"model": "text", "input": red, "modality": "text"}),
    );
    assert_eq!(words["data"][0]["embedding"], json!([0.0, 0.0, 1.0]));
}

#[test]
fn what_has_no_vector_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    for (body, status, code) in [
        (
            json!({"model": "gpt", "input": "a"}),
            404,
            "model_not_found",
        ),
        (json!({"model": "shape", "input": "words"}), 400, "no_words"),
        (
            json!({"model": "text", "input": "a", "dimensions": 5}),
            400,
            "not_supported",
        ),
        (json!({"model": "text", "input": []}), 422, "invalid_value"),
        (
            json!({"model": "text", "input": [[1, 2]]}),
            422,
            "invalid_value",
        ),
        (
            json!({"model": "text", "input": " "}),
            422,
            "nothing_to_look_for",
        ),
        (
            json!({"model": "text", "input": "a", "modality": "image"}),
            422,
            "invalid_value",
        ),
        (
            json!({"model": "text", "input": vec!["a"; 5]}),
            413,
            "too_large",
        ),
        (json!({"input": "a"}), 422, "invalid_value"),
    ] {
        let answer = server.post(EMBEDDINGS, &body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
    }
}

#[test]
fn a_photo_is_tagged_without_being_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let catalogue = made.catalogue.clone();
    let server = Server::start(made.parts);
    let photo = png([200, 0, 0]);
    let by_uri = server.ok("/v1/tag", &json!({ "image": data_uri(&photo) }));
    let (kind, body) = form(&[], &[("image", "a.png", &photo)]);
    let by_form = server
        .ask("POST", "/v1/tag", &[("content-type", &kind)], &body)
        .json();
    assert_eq!(by_uri, by_form);
    assert_eq!(by_uri["tags"][0]["decision"], "review");
    assert_eq!(by_uri["colours"][0]["name"], "red");
    assert_eq!(
        (&by_uri["facts"]["width"], &by_uri["facts"]["product_share"]),
        (&json!(6), &json!(0.5))
    );
    assert_eq!(by_uri["encoder"], "fake-encoder");
    assert!(catalogue.records().is_empty());
    assert_eq!(server.post("/v1/tag", &json!({})).code(), "invalid_value");
}

#[test]
fn models_have_cards() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    let models = server.get("/v1/models").json();
    let ids: Vec<&Value> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(ids, ["shape", "colour", "text", "fake-net"]);
    assert_eq!(server.get("/v1/models/text").json()["dimensions"], 3);
    assert_eq!(server.get("/v1/models/fake-net").json()["licence"], "MIT");
    assert_eq!(server.get("/v1/models/fake-net/card").body, "# fake-net\n");
    assert_eq!(server.get("/v1/models/none").code(), "model_not_found");
    assert_eq!(server.get("/v1/models/text/card").code(), "model_not_found");
}
