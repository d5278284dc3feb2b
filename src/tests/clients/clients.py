"""The clients that people have, against a running server: clients.py URL INDEX KEY PHOTO.jpg

Prints what it checked; an assertion ends it.
"""

import base64
import logging
import math
import sys

import marqo
import openai
from marqo.errors import MarqoWebError

url, index, key, photo = sys.argv[1:]
with open(photo, "rb") as file:
    picture = "data:image/jpeg;base64," + base64.b64encode(file.read()).decode()


def marqo_client():
    warnings = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())
    logging.getLogger("marqo").addHandler(handler)
    client = marqo.Client(url=url, api_key=key)
    shop = client.index(index)
    assert warnings == [], warnings
    assert client.get_indexes() == {"results": [{"indexName": index}]}
    before = shop.get_stats()["numberOfDocuments"]

    added = shop.add_documents(
        [
            {"_id": "m-1", "image": picture, "title": "Ruby ball", "price": 12.5},
            {"_id": "m-2", "title": "no picture"},
        ],
        tensor_fields=["image"],
    )
    assert added["errors"] and [item["status"] for item in added["items"]] == [200, 400], added
    assert shop.get_stats()["numberOfDocuments"] == before + 1
    document = shop.get_document("m-1")
    assert (document["title"], document["price"]) == ("Ruby ball", 12.5), document

    updated = shop.update_documents([{"_id": "m-1", "price": 14.0, "size": "M"}, {"_id": "m-2", "price": 1}])
    assert updated["errors"] and [item["status"] for item in updated["items"]] == [200, 404], updated
    batched = shop.update_documents([{"_id": "m-1", "price": 15.0}, {"_id": "m-1", "new": True}], client_batch_size=1)
    assert [answer["errors"] for answer in batched] == [False, False], batched
    several = shop.get_documents(["m-1", "m-2"])["results"]
    assert [document["_found"] for document in several] == [True, False], several
    changed = several[0]
    assert (changed["title"], changed["price"], changed["size"], changed["new"]) == ("Ruby ball", 15.0, "M", True), changed

    found = shop.search(q="ruby ball", limit=3)
    assert found["query"] == "ruby ball" and found["processingTimeMs"] >= 0
    assert found["hits"][0]["_id"] == "m-1" and "_highlights" in found["hits"][0], found["hits"][0]
    by_picture = shop.search(q=picture, limit=1)
    assert by_picture["hits"][0]["_id"] == "m-1" and by_picture["match"] == "same_product", by_picture
    weighted = shop.search(q={"ball": 1.0, "red": -0.5}, limit=2, offset=1, show_highlights=False)
    assert weighted["offset"] == 1 and "_highlights" not in weighted["hits"][0]
    filtered = shop.search(q="ball", filter_string="price:[14.5 TO 20]", attributes_to_retrieve=["price"])
    assert [set(hit) for hit in filtered["hits"]] == [{"_id", "_score", "_highlights", "price"}], filtered
    like = shop.recommend(["m-1"], limit=2)
    assert len(like["hits"]) == 2 and all(hit["_id"] != "m-1" for hit in like["hits"])

    batched = shop.add_documents([{"_id": f"m-{n}", "image": picture} for n in (3, 4, 5)], client_batch_size=2)
    assert [answer["errors"] for answer in batched] == [False, False], batched
    deleted = shop.delete_documents(["m-1", "m-3", "m-4", "m-5", "nobody"])
    assert deleted["details"]["deletedDocuments"] == 4, deleted
    assert shop.get_stats()["numberOfDocuments"] == before
    for wrong, status in [(lambda: shop.get_document("m-1"), 404), (lambda: shop.search(q="a", limit=0), 422)]:
        try:
            wrong()
        except MarqoWebError as error:
            assert error.status_code == status and error.code, error
        else:
            raise AssertionError("that must fail")
    print("marqo: ok")


def openai_client():
    client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    names = {model.id for model in client.models.list()}
    assert {"text", "shape", "colour", "efficientnet-lite2"} <= names, names
    assert client.models.retrieve("text").id == "text"
    answer = client.embeddings.create(model="text", input=["a red ball", picture])
    words, seen = (item.embedding for item in answer.data)
    plain = client.embeddings.create(model="text", input="a red ball", encoding_format="float")
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(words, plain.data[0].embedding, strict=True))
    assert len(words) == len(seen) == client.models.retrieve("text").dimensions
    other = client.embeddings.create(model="text", input="a green forest").data[0].embedding
    nearer = sum(a * b for a, b in zip(words, seen))
    farther = sum(a * b for a, b in zip(other, seen))
    assert nearer > farther, (nearer, farther)
    assert answer.usage.total_tokens == 4
    for model, kind in [("none", openai.NotFoundError), ("shape", openai.BadRequestError)]:
        try:
            client.embeddings.create(model=model, input="words")
        except kind:
            continue
        raise AssertionError(f"{model} must fail")
    try:
        openai.OpenAI(base_url=url + "/v1", api_key="no-such-key", max_retries=0).models.list()
    except openai.AuthenticationError:
        print("openai: ok")
    else:
        raise AssertionError("a key that is not known must be refused")


marqo_client()
openai_client()
