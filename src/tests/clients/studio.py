"""What rembg's users send to its server, sent to ours: studio.py URL KEY PHOTO.jpg SKU FOLDER

The answers are left in FOLDER; an assertion ends it.
"""

import json
import pathlib
import sys

import requests

url, key, photo, sku, folder = sys.argv[1:]
folder = pathlib.Path(folder)
session = requests.Session()
session.headers["Authorization"] = f"Bearer {key}"


def keep(name, response, kind="image/png"):
    assert response.status_code == 200, (name, response.status_code, response.text[:500])
    assert response.headers["content-type"] == kind, (name, response.headers)
    (folder / name).write_bytes(response.content)
    return response


def remove(name, kind="image/png", params=None, **fields):
    with open(photo, "rb") as file:
        sent = session.post(f"{url}/api/remove", files={"file": file}, data=fields, params=params)
    return keep(name, sent, kind)


def refused(status, code, response):
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


# As in rembg's README, with every parameter of its form, and bgc and extras where it reads them.
plain = remove("plain.png")
assert 0.5 < float(plain.headers["x-confidence"]) <= 1, plain.headers
every = {"model": "u2netp", "a": "true", "af": 240, "ab": 10, "ae": 10, "om": "false", "ppm": "false"}
remove("matted.png", **every, dc="true", vm="false")
remove("mask.png", om="true")
remove("hard.png", ppm="true")
remove("green.png", params={"bgc": "0,255,0,255", "extras": "{}"})
remove("framed.webp", "image/webp", format="webp", quality=100, fill=0.9, aspect="1:1")
keep("same.png", session.post(f"{url}/api/remove", json={"photo": sku}))

refused(400, "fetch_refused", session.get(f"{url}/api/remove", params={"url": f"{url}/"}))
with open(__file__, "rb") as file:
    refused(415, "bad_photo", session.post(f"{url}/api/remove", files={"file": file}))
refused(422, "invalid_value", session.post(f"{url}/api/remove", json={"photo": sku, "model": "sam"}))
refused(422, "invalid_value", session.post(f"{url}/v1/backdrop", json={"photo": sku, "on": "/etc/passwd"}))
refused(401, "unauthorised", requests.post(f"{url}/api/remove", json={"photo": sku}))

choices = session.get(f"{url}/v1/studio").json()
assert choices["models"][0] == "u2netp" and len(choices["scenes"]) == 12, choices
white = {"photo": sku, "on": "white", "size": 400}
keep("white.png", session.post(f"{url}/v1/backdrop", json=white))
scene = {**white, "on": "studio-white", "aspect": "4:5", "format": "jpeg"}
first = keep("scene.jpg", session.post(f"{url}/v1/backdrop", json=scene), "image/jpeg")
assert first.content == session.post(f"{url}/v1/backdrop", json=scene).content, "the same every time"
asked = {"photo": sku, "rules": "amazon"}
keep("check.json", session.post(f"{url}/v1/check", json=asked), "application/json")
stages = [line for line in session.get(f"{url}/metrics").text.splitlines() if "stage_duration_seconds_count" in line]
counts = {line.split('"')[1]: float(line.split()[-1]) for line in stages}
assert (counts["cutout"], counts["backdrop"], counts["check"]) == (8, 3, 1), counts
print(json.dumps(choices["models"]))
