//! Renditions: sizes and formats, signatures, the cache, many who ask for the same.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use showroom_catalog::Record;
use showroom_catalog::seams::{BoxFuture, Fetch, FetchError};
use showroom_pixels::Limits;
use showroom_server::images::ask::{Ask, Fit, Output};
use showroom_server::images::bytes::PhotoBytes;
use showroom_server::images::make::plan;
use showroom_server::images::sign::Signer;
use showroom_server::images::{RenditionConfig, Renditions, routes};
use tempfile::{TempDir, tempdir};

use crate::one_photo::{Photos, put, record};
use crate::served::{Answer, Served};

struct Shop {
    dir: TempDir,
    photo: Record,
    catalogue: Arc<Photos>,
    renditions: Renditions,
    served: Served,
}

fn config(dir: &Path) -> RenditionConfig {
    RenditionConfig {
        signer: Signer::new([7; 32], vec![[6; 32]]),
        cache: dir.join("cache"),
        max_cache_bytes: 10 << 20,
        photos: PhotoBytes::default(),
        limits: Limits::default(),
        workers: 2,
        queue: 100,
    }
}

/// A server with one photo of that size.
fn shop(width: u32, height: u32) -> Shop {
    let dir = tempdir().unwrap();
    let photo = put(&dir.path().join("photo.png"), width, height);
    let config = config(dir.path());
    shop_with(dir, photo, config)
}

fn shop_with(dir: TempDir, photo: Record, config: RenditionConfig) -> Shop {
    let catalogue = Arc::new(Photos::new(vec![photo.clone()]));
    let renditions = Renditions::new(config).unwrap();
    let served = Served::new(|| routes(renditions.clone(), catalogue.clone()));
    Shop {
        dir,
        photo,
        catalogue,
        renditions,
        served,
    }
}

impl Shop {
    fn ask(&self) -> Ask {
        Ask::of(self.photo.id)
    }

    fn signed(&self, ask: &Ask) -> String {
        self.renditions.signer().sign(ask)
    }

    #[track_caller]
    fn get(&self, ask: &Ask) -> Answer {
        let answer = self.served.get(&self.signed(ask));
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }
}

fn sized(photo: &Shop, width: Option<u32>, height: Option<u32>, fit: Fit) -> Ask {
    Ask {
        width,
        height,
        fit,
        output: Some(Output::Jpeg),
        ..photo.ask()
    }
}

/// Width, height and the colours at the left edge's and the right edge's middle.
fn look(answer: &Answer) -> (u32, u32, [u8; 3], [u8; 3]) {
    let picture = image::load_from_memory(&answer.body).unwrap().to_rgb8();
    let (w, h) = picture.dimensions();
    let at = |x| picture.get_pixel(x, h / 2).0;
    (w, h, at(0), at(w - 1))
}

#[test]
fn sizes_are_those_that_were_worked_out_by_hand() {
    let of = |w: Option<u32>, h: Option<u32>, fit| Ask {
        width: w,
        height: h,
        fit,
        ..Ask::of("0".repeat(64).parse().unwrap())
    };
    use Fit::{Contain, Cover, Inside};
    let (some, none) = (Some::<u32>, None);
    for ((w, h), (ask_w, ask_h, fit), (made_w, made_h)) in [
        ((400, 300), (some(200), none, Inside), (200, 150)),
        ((400, 300), (none, some(150), Inside), (200, 150)),
        ((400, 300), (some(200), none, Cover), (200, 150)),
        ((400, 300), (some(100), some(100), Inside), (100, 75)),
        ((400, 300), (some(100), some(100), Contain), (100, 100)),
        ((400, 300), (some(100), some(100), Cover), (100, 100)),
        // Nothing is enlarged, and a box keeps its shape.
        ((400, 300), (some(800), none, Inside), (400, 300)),
        ((400, 300), (some(800), some(600), Contain), (400, 300)),
        ((400, 300), (some(800), some(800), Contain), (400, 400)),
        ((400, 300), (some(600), some(600), Cover), (300, 300)),
        ((400, 300), (some(4096), some(4096), Cover), (300, 300)),
        ((400, 300), (none, none, Inside), (400, 300)),
        // The longest side that is made.
        ((8192, 100), (none, none, Inside), (4096, 50)),
        ((30_000, 3), (some(160), none, Inside), (160, 1)),
        ((1, 1), (some(4096), some(4096), Contain), (1, 1)),
    ] {
        let plan = plan(w, h, &of(ask_w, ask_h, fit));
        let asked = format!("{w}x{h} as {ask_w:?} {ask_h:?} {fit:?}");
        assert_eq!((plan.width, plan.height), (made_w, made_h), "{asked}");
        assert!(plan.scale <= 1.0);
    }
}

#[test]
fn each_fit_shows_what_it_should() {
    let shop = shop(400, 200);
    let is_red = |[r, _, b]: [u8; 3]| r > 150 && b < 80;
    let is_blue = |[r, _, b]: [u8; 3]| b > 150 && r < 80;
    let is_white = |rgb: [u8; 3]| rgb.iter().all(|channel| *channel > 240);
    let inside = shop.get(&sized(&shop, Some(100), Some(100), Fit::Inside));
    let (w, h, left, right) = look(&inside);
    assert_eq!((w, h), (100, 50));
    assert!(is_red(left) && is_blue(right));
    let cover = shop.get(&sized(&shop, Some(100), Some(100), Fit::Cover));
    let (w, h, left, right) = look(&cover);
    assert_eq!((w, h), (100, 100));
    assert!(is_red(left) && is_blue(right));
    let contain = shop.get(&sized(&shop, Some(100), Some(100), Fit::Contain));
    let picture = image::load_from_memory(&contain.body).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (100, 100));
    assert!(is_white(picture.get_pixel(50, 5).0) && is_white(picture.get_pixel(50, 95).0));
    assert!(is_red(picture.get_pixel(5, 50).0));
}

#[test]
fn the_format_is_the_one_asked_for_or_the_one_that_the_client_likes_best() {
    let shop = shop(64, 48);
    for (output, mime, magic) in [
        (Output::Webp, "image/webp", &b"RIFF"[..]),
        (Output::Jpeg, "image/jpeg", b"\xff\xd8\xff"),
        (Output::Avif, "image/avif", b"\0\0\0"),
    ] {
        let ask = Ask {
            output: Some(output),
            ..shop.ask()
        };
        let answer = shop.get(&ask);
        assert_eq!(answer.header("content-type"), mime);
        assert!(answer.body.starts_with(magic), "{:?}", &answer.body[..12]);
        assert_eq!(answer.header("vary"), "");
        if output == Output::Avif {
            assert_eq!(&answer.body[4..12], b"ftypavif");
        }
    }
    let path = shop.signed(&shop.ask());
    for (accept, mime) in [
        (
            "image/avif,image/webp,image/apng,image/*,*/*;q=0.8",
            "image/webp",
        ),
        ("image/avif,image/*;q=0.8", "image/avif"),
        ("image/avif;q=0.9, image/webp;q=0.5", "image/avif"),
        ("image/avif;q=0, image/webp;q=0.001", "image/webp"),
        ("image/webp;q=nonsense", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("", "image/jpeg"),
    ] {
        let answer = shop.served.send("GET", &path, &[("accept", accept)], b"");
        assert_eq!(answer.header("content-type"), mime, "{accept}");
        assert_eq!(answer.header("vary"), "Accept");
    }
}

#[test]
fn a_rendition_is_kept_for_ever_and_known_by_its_etag() {
    let shop = shop(300, 200);
    let path = shop.signed(&sized(&shop, Some(100), None, Fit::Inside));
    let first = shop.served.get(&path);
    assert_eq!(
        first.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let etag = first.header("etag").to_string();
    // From the cache, also when the photo is no more where it was.
    std::fs::remove_file(shop.dir.path().join("photo.png")).unwrap();
    let again = shop.served.get(&path);
    assert_eq!((again.status, again.body), (200, first.body));
    for tag in [etag.as_str(), "*", &format!("\"other\", W/{etag}")] {
        let known = shop
            .served
            .send("GET", &path, &[("if-none-match", tag)], b"");
        assert_eq!((known.status, known.body.len()), (304, 0), "{tag}");
        assert_eq!(known.header("etag"), etag);
    }
    // Another size, which is not in the cache, cannot be made any more.
    let other = shop
        .served
        .get(&shop.signed(&sized(&shop, Some(50), None, Fit::Inside)));
    assert_eq!((other.status, other.code().as_str()), (404, "photo_gone"));
    // HEAD says the same without the bytes.
    let head = shop.served.send("HEAD", &path, &[], b"");
    assert_eq!(
        (head.status, head.header("etag"), head.body.len()),
        (200, &etag[..], 0)
    );
}

#[test]
fn no_change_of_an_address_keeps_its_signature_right() {
    let shop = shop(300, 200);
    let ask = Ask {
        quality: Some(70),
        ..sized(&shop, Some(100), Some(80), Fit::Cover)
    };
    let path = shop.signed(&ask);
    assert_eq!(shop.served.get(&path).status, 200);
    let (unsigned, signature) = path.split_once("&sig=").unwrap();
    let id = shop.photo.id.to_string();
    let other = "f".repeat(64);
    let sig = |rest: &str| format!("{rest}&sig={signature}");
    let attempts = [
        // Another value, one more, one less.
        path.replace("w=100", "w=101"),
        path.replace("w=100", "w=4096"),
        path.replace("h=80", "h=81"),
        path.replace("q=70", "q=71"),
        path.replace("fit=cover", "fit=contain"),
        path.replace("format=jpeg", "format=webp"),
        path.replace("&format=jpeg", ""),
        path.replace("&q=70", ""),
        sig(&format!("{unsigned}&exp=99999999999")),
        path.replace(&id, &other),
        // Twice: whichever reader takes the first or the last.
        sig(&format!("{unsigned}&w=4096")),
        sig(&format!(
            "{}w=4096&{}",
            &unsigned[..unsigned.find("w=").unwrap()],
            &unsigned[unsigned.find("w=").unwrap()..]
        )),
        format!("{path}&sig={signature}"),
        format!("{unsigned}&sig=AAAA&sig={signature}"),
        // Other spellings of the same.
        path.replace("w=100", "w=0100"),
        path.replace("w=100", "w=+100"),
        path.replace("w=100", "w=%31%30%30"),
        path.replace("w=100", "W=100"),
        path.replace("w=100", "w=100.0"),
        path.replace("w=100", "w[]=100"),
        path.replace("w=100", "w=100;h=4096"),
        path.replace("fit=cover", "fit=COVER"),
        path.replace(&id, &id.to_uppercase()),
        format!("{path}&"),
        format!("{path}&&"),
        format!("{path}&x=1"),
        format!("{path}&="),
        // Signatures of something else, empty, too short, padded, of another alphabet.
        unsigned.to_string(),
        format!("{unsigned}&sig="),
        format!("{unsigned}&sig=unsafe"),
        format!("{unsigned}&sig={}", &signature[..42]),
        format!("{unsigned}&sig={signature}="),
        format!("{unsigned}&sig={signature}A"),
        format!("{unsigned}&sig={}", "A".repeat(43)),
        // Odd paths.
        path.replace("/images/", "/images//"),
        path.replace("/images/", "/images/./"),
        path.replace("/images/", "/images/x/../"),
        path.replace("/images/", "/images/unsafe/"),
        path.replace("/images/", "//images/"),
        path.replace("/images/", "/images/%2e%2e/images/"),
        path.replace("/images/", "/images%2f"),
        path.replace(&id, &format!("{id}%00")),
        path.replace(&id, &format!("{id}/")),
        path.replace(&id, &format!("..%2f{id}")),
        path.replace(&id, "..%2f..%2fetc%2fpasswd"),
        path.replace(&id, &format!("%{:02x}{}", id.as_bytes()[0], &id[1..]))
            .replace("w=100", "w=99"),
    ];
    for attempt in &attempts {
        let answer = shop.served.get(attempt);
        let is_refused = matches!(answer.status, 400 | 403 | 404);
        assert!(is_refused, "{attempt}: {}", answer.status);
        assert!(!answer.body.starts_with(b"\xff\xd8"), "{attempt}");
    }
    // The order of parameters is none of the signature's business, and an older key still is one.
    let (page, query) = unsigned.split_once('?').unwrap();
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.reverse();
    let turned = sig(&format!("{page}?{}", parts.join("&")));
    assert_eq!(shop.served.get(&turned).status, 200);
    let older = Signer::new([6; 32], Vec::new()).sign(&ask);
    assert_eq!(shop.served.get(&older).status, 200);
    let foreign = Signer::new([5; 32], Vec::new()).sign(&ask);
    assert_eq!(shop.served.get(&foreign).status, 403);
}

#[test]
fn no_size_is_made_that_is_out_of_bounds_whoever_signs_it() {
    let shop = shop(300, 200);
    let of = |width, height| Ask {
        width,
        height,
        ..sized(&shop, None, None, Fit::Cover)
    };
    for ask in [
        of(Some(0), None),
        of(Some(4097), None),
        of(None, Some(u32::MAX)),
        of(Some(100_000), Some(100_000)),
    ] {
        let answer = shop.served.get(&shop.signed(&ask));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "bad_rendition")
        );
    }
    // A large box for a small photo costs what the photo costs.
    let (w, h, ..) = look(&shop.get(&of(Some(4096), Some(4096))));
    assert_eq!((w, h), (200, 200));
}

#[test]
fn an_address_may_expire() {
    let shop = shop(30, 20);
    let at = |expires_s| Ask {
        expires_s: Some(expires_s),
        ..shop.ask()
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let answer = shop.served.get(&shop.signed(&at(now - 1)));
    assert_eq!((answer.status, answer.code().as_str()), (403, "expired"));
    let answer = shop.get(&at(now + 1000));
    let control = answer.header("cache-control");
    let age = control
        .split("max-age=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    assert!(
        (900..=1000).contains(&age.parse::<u64>().unwrap()),
        "{control}"
    );
}

#[test]
fn only_photos_that_the_catalogue_lists_are_shown() {
    let shop = shop(30, 20);
    let secret = put(&shop.dir.path().join("secret.png"), 20, 20);
    let answer = shop.served.get(&shop.signed(&Ask::of(secret.id)));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "no_such_photo")
    );
    // A file that is not what was taken in is not shown, whatever it is.
    let path = shop.dir.path().join("photo.png");
    std::fs::copy(shop.dir.path().join("secret.png"), path).unwrap();
    let answer = shop.served.get(&shop.signed(&shop.ask()));
    assert_eq!((answer.status, answer.code().as_str()), (404, "photo_gone"));
}

#[test]
fn a_photo_whose_file_is_damaged_is_an_answer_and_no_crash() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("photo.png");
    let mut photo = put(&path, 64, 64);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    std::fs::write(&path, &bytes).unwrap();
    photo.id = showroom_pixels::photo_id(&bytes);
    let config = config(dir.path());
    let shop = shop_with(dir, photo, config);
    let answer = shop.served.get(&shop.signed(&shop.ask()));
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_photo"));
}

/// Gives the same bytes for every address, slowly, and counts.
struct Slow {
    bytes: Vec<u8>,
    asked: AtomicUsize,
    may_answer: tokio::sync::Semaphore,
}

impl Fetch for Slow {
    fn fetch<'a>(
        &'a self,
        _address: &'a str,
        _max_bytes: u64,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async {
            self.asked.fetch_add(1, SeqCst);
            let _turn = self.may_answer.acquire().await;
            Ok(self.bytes.clone())
        })
    }
}

/// A photo on the web, which is given once the test allows it.
fn slow_shop(workers: usize, queue: usize) -> (Shop, Arc<Slow>) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("photo.png");
    put(&path, 400, 300);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let photo = record("https://shop.example/photo.png#sku=A", &bytes);
    let slow = Arc::new(Slow {
        bytes,
        asked: AtomicUsize::new(0),
        may_answer: tokio::sync::Semaphore::new(0),
    });
    let config = RenditionConfig {
        photos: PhotoBytes {
            web: Some(slow.clone()),
            objects: None,
        },
        workers,
        queue,
        ..config(dir.path())
    };
    (shop_with(dir, photo, config), slow)
}

#[test]
fn many_who_ask_for_the_same_wait_for_one_that_is_made_once() {
    let (shop, slow) = slow_shop(4, 100);
    let path = shop.signed(&sized(&shop, Some(100), None, Fit::Inside));
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| shop.served.get(&path)))
            .collect();
        // The catalogue was asked by each or remembered; the photo is fetched by one.
        crate::served::until("somebody fetches", || slow.asked.load(SeqCst) == 1);
        std::thread::sleep(std::time::Duration::from_millis(100));
        slow.may_answer.add_permits(1000);
        for asker in askers {
            assert_eq!(asker.join().unwrap().status, 200);
        }
    });
    assert_eq!(slow.asked.load(SeqCst), 1);
    assert!(shop.catalogue.asked.load(SeqCst) <= 20);
}

#[test]
fn more_than_may_wait_are_turned_away_and_told_when_to_come_back() {
    let (shop, slow) = slow_shop(1, 1);
    let path = |w| shop.signed(&sized(&shop, Some(w), None, Fit::Inside));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| shop.served.get(&path(10)));
        crate::served::until("the first is being made", || slow.asked.load(SeqCst) == 1);
        let askers: Vec<_> = (11..16)
            .map(|w| {
                let path = path(w);
                let served = &shop.served;
                scope.spawn(move || served.get(&path))
            })
            .collect();
        // One of them may wait; the others are answered at once.
        crate::served::until("four are answered", || {
            askers.iter().filter(|asker| asker.is_finished()).count() == 4
        });
        slow.may_answer.add_permits(1000);
        let answers: Vec<Answer> = askers
            .into_iter()
            .map(|asker| asker.join().unwrap())
            .collect();
        let refused: Vec<&Answer> = answers
            .iter()
            .filter(|answer| answer.status == 429)
            .collect();
        assert_eq!(refused.len(), 4);
        assert!(
            refused
                .iter()
                .all(|answer| answer.header("retry-after") == "1")
        );
        assert_eq!(first.join().unwrap().status, 200);
    });
}

#[test]
fn a_card_offers_no_width_above_the_photos_and_all_its_addresses_work() {
    for (width, widths, src) in [
        (2000, &[160, 320, 640, 1280][..], 640),
        (700, &[160, 320, 640, 700], 640),
        (640, &[160, 320, 640], 640),
        (200, &[160, 200], 200),
        (90, &[90], 90),
    ] {
        let shop = shop(width, 90);
        let card = shop.renditions.card(&shop.photo);
        assert_eq!(card.placeholder, None);
        assert_eq!(card.colour.as_deref(), Some("#c81414"));
        assert_eq!((card.width, card.height), (width, 90));
        let offered: Vec<(String, u32)> = card
            .srcset
            .split(", ")
            .map(|one| {
                let (path, width) = one.split_once(' ').unwrap();
                (
                    path.to_string(),
                    width.trim_end_matches('w').parse().unwrap(),
                )
            })
            .collect();
        let offered_widths: Vec<u32> = offered.iter().map(|(_, width)| *width).collect();
        assert_eq!(offered_widths, widths);
        for (path, width) in offered {
            let answer = shop
                .served
                .send("GET", &path, &[("accept", "image/jpeg")], b"");
            assert_eq!(look(&answer).0, width);
        }
        let usual = shop.served.get(&card.src);
        assert_eq!(look(&usual).0, src);
        // Once any was made, the placeholder is there and small.
        let placeholder = shop.renditions.card(&shop.photo).placeholder.unwrap();
        assert!(placeholder.starts_with("data:image/webp;base64,") && placeholder.len() <= 400);
    }
}

#[test]
fn a_key_is_made_once_and_only_its_owner_may_read_it() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("image.key");
    let ask = Ask::of("0".repeat(64).parse().unwrap());
    let signed = Signer::from_file(&path).unwrap().sign(&ask);
    assert_eq!(Signer::from_file(&path).unwrap().sign(&ask), signed);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&path, b"short").unwrap();
    let error = Signer::from_file(&path).err().unwrap();
    assert!(error.to_string().contains("32 bytes"), "{error}");
}
