//! The studio's routes, before a studio that is made up.

use std::io::Write;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use showroom_catalog::Stage;
use showroom_catalog::seams::{BadPhoto, ModelError, Studio, StudioWork};
use showroom_catalog::studio::*;

use crate::fakes::{data_uri, made, png};
use crate::http::{Answer, Server, answer, form, request};

/// Says what it was asked; `model` is how it should end.
pub struct FakeStudio;

struct FakeWork {
    task: StudioTask,
    asked: Vec<(String, String)>,
}

impl Studio for FakeStudio {
    fn choices(&self) -> StudioChoices {
        StudioChoices {
            models: vec!["good".into()],
            ..StudioChoices::default()
        }
    }

    fn understand(
        &self,
        task: StudioTask,
        asked: &[(String, String)],
    ) -> Result<Box<dyn StudioWork>, StudioError> {
        if let Some((name, value)) = asked.iter().find(|(_, value)| value == "wrong") {
            return Err(StudioError::BadParameter {
                name: name.clone(),
                value: value.clone(),
                wanted: "take another".into(),
            });
        }
        let asked = asked.to_vec();
        Ok(Box::new(FakeWork { task, asked }))
    }
}

impl StudioWork for FakeWork {
    fn run(&self, photo: &[u8]) -> Result<StudioFile, StudioError> {
        let bad = |code: &str| {
            StudioError::Photo(BadPhoto {
                stage: Stage::Decode,
                code: code.into(),
                reason: format!("it is {code}"),
            })
        };
        let model = self.asked.iter().find(|(name, _)| name == "model");
        match model.map(|(_, value)| value.as_str()) {
            Some("slow") => thread::sleep(Duration::from_millis(700)),
            Some("panic") => panic!("as asked"),
            Some("missing") => return Err(ModelError::Missing("fetch it".into()).into()),
            Some("failed") => return Err(ModelError::Failed("a secret path".into()).into()),
            Some(code @ ("not-an-image" | "too-many-pixels" | "corrupt")) => return Err(bad(code)),
            _ => {}
        }
        let said = json!({"task": self.task.name(), "asked": self.asked, "bytes": photo.len()});
        Ok(StudioFile {
            mime: "application/json",
            extension: "json",
            bytes: said.to_string().into_bytes(),
            confidence: Some(0.5),
            flags: vec!["cut_by_frame".into(), "low_confidence".into()],
        })
    }
}

fn server() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(made(dir.path()).parts);
    (dir, server)
}

fn send(server: &Server, path: &str, fields: &[(&str, &str)], photo: Option<&[u8]>) -> Answer {
    let files: Vec<_> = photo
        .map(|bytes| ("file", "a.png", bytes))
        .into_iter()
        .collect();
    let (kind, body) = form(fields, &files);
    server.ask("POST", path, &[("content-type", &kind)], &body)
}

#[test]
fn a_form_of_rembgs_clients_is_understood_with_its_address() {
    let (_dir, server) = server();
    let photo = png([1, 2, 3]);
    let fields = [
        ("model", "good"),
        ("a", "true"),
        ("af", "240"),
        ("extras", "{\"k\": 1}"),
    ];
    let answer = send(
        &server,
        "/api/remove?bgc=1,2,3,255&om=false",
        &fields,
        Some(&photo),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let said = answer.json();
    assert_eq!(
        (&said["task"], &said["bytes"]),
        (&json!("cutout"), &json!(photo.len()))
    );
    let mut asked: Vec<(String, String)> = serde_json::from_value(said["asked"].clone()).unwrap();
    asked.sort();
    let wanted = [
        ("a", "true"),
        ("af", "240"),
        ("bgc", "1,2,3,255"),
        ("extras", "{\"k\":1}"),
        ("model", "good"),
        ("om", "false"),
    ];
    let text = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
    assert_eq!(asked, wanted.map(text));
    assert_eq!(
        answer.header("x-flags"),
        Some("cut_by_frame, low_confidence")
    );
    assert_eq!(answer.header("x-confidence"), Some("0.500"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let name = answer.header("content-disposition");
    assert_eq!(name, Some("inline; filename=\"cutout.json\""));
}

#[test]
fn photos_come_as_files_addresses_and_out_of_the_catalogue() {
    let (dir, server) = server();
    let red = png([200, 0, 0]);
    let bytes = |answer: Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["bytes"].clone()
    };
    let same = json!(red.len());
    let address = "/api/remove?url=https%3A%2F%2Fshop.example%2Fred.png";
    assert_eq!(bytes(server.get(address)), same);
    let data = json!({"image": data_uri(&red), "on": "white"});
    assert_eq!(bytes(server.post("/v1/backdrop", &data)), same);
    let documents = json!({"documents": [{"_id": "SKU 7", "image": data_uri(&red)}]});
    server.ok("/indexes/shop/documents", &documents);
    assert_eq!(
        bytes(send(&server, "/v1/check", &[("photo", "SKU 7")], None)),
        same
    );
    // What was changed since it was taken in is not taken for the photo.
    let kept = std::fs::read_dir(dir.path().join("uploads")).unwrap();
    for file in kept
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
    {
        std::fs::write(file, png([0, 0, 0])).unwrap();
    }
    let gone = server.post("/v1/check", &json!({"photo": "SKU 7"}));
    assert_eq!((gone.status, gone.code().as_str()), (404, "photo_gone"));
}

#[test]
fn what_cannot_be_done_is_said_in_the_one_shape_of_errors() {
    let (_dir, server) = server();
    let photo = png([1, 2, 3]);
    let ended = |fields: &[(&str, &str)], photo: Option<&[u8]>| {
        let answer = send(&server, "/api/remove", fields, photo);
        (answer.status, answer.code())
    };
    let told = |status: u16, code: &str| (status, code.to_string());
    for (model, status, code) in [
        ("wrong", 422, "invalid_value"),
        ("not-an-image", 415, "bad_photo"),
        ("too-many-pixels", 413, "bad_photo"),
        ("corrupt", 422, "bad_photo"),
        ("missing", 424, "model_missing"),
        ("failed", 424, "model_failed"),
        ("panic", 424, "model_failed"),
    ] {
        assert_eq!(
            ended(&[("model", model)], Some(&photo)),
            told(status, code),
            "{model}"
        );
    }
    let failed = send(&server, "/api/remove", &[("model", "failed")], Some(&photo));
    assert!(!failed.body.contains("secret"), "{failed:?}");
    assert_eq!(ended(&[], None), told(422, "invalid_value"));
    assert_eq!(
        ended(&[("photo", "a")], Some(&photo)),
        told(422, "invalid_value")
    );
    assert_eq!(
        ended(&[("photo", "nobody")], None),
        told(404, "no_such_photo")
    );
    assert_eq!(
        ended(&[("url", "/etc/passwd")], None),
        told(422, "invalid_value")
    );
    let refused = server.get("/api/remove?url=http%3A%2F%2F127.0.0.1%2F");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "fetch_refused")
    );
    let large = vec![0; 65 << 10];
    assert_eq!(ended(&[], Some(&large)), told(413, "too_large"));
    let other = [("sec-fetch-site", "cross-site")];
    let answer = server.ask("GET", "/api/remove?photo=a", &other, b"");
    assert_eq!((answer.status, answer.code().as_str()), (403, "not_local"));
    // It goes on after all that.
    assert_eq!(send(&server, "/api/remove", &[], Some(&photo)).status, 200);
    assert_eq!(server.get("/v1/studio").json()["models"], json!(["good"]));
}

#[test]
fn more_than_may_wait_is_turned_away() {
    let (_dir, server) = server();
    let photo = png([1, 2, 3]);
    let (kind, body) = form(&[("model", "slow")], &[("file", "a.png", &photo)]);
    let bytes = request("POST", "/api/remove", &[("content-type", &kind)], &body);
    // One is worked on, one waits: the others are refused at once.
    let mut streams: Vec<_> = (0..6).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&bytes).unwrap();
    }
    let ended: Vec<Answer> = streams.iter_mut().map(|one| answer(one).unwrap()).collect();
    let of = |status: u16| ended.iter().filter(|one| one.status == status).count();
    assert_eq!(of(200) + of(429), 6, "{ended:?}");
    assert!((1..=3).contains(&of(200)), "{ended:?}");
    for busy in ended.iter().filter(|one| one.status == 429) {
        assert_eq!(busy.code(), "too_many_requests");
    }
    assert_eq!(send(&server, "/api/remove", &[], Some(&photo)).status, 200);
}

#[test]
fn the_numbers_tell_what_the_studio_did() {
    let (_dir, server) = server();
    let photo = png([1, 2, 3]);
    send(&server, "/api/remove", &[], Some(&photo));
    let text = server.get("/metrics").body;
    assert!(text.contains("queue_depth{queue=\"studio\"} 0"), "{text}");
    let contract: Value = server.get("/openapi.json").json();
    assert!(contract["paths"]["/api/remove"]["post"].is_object());
}
