"""Nobody but the server's own page gets an answer, and nothing outside what is shipped and indexed can be named."""

from __future__ import annotations

import pytest

from thecal.dashboard.guard import refusal

OWN = {"host": ["127.0.0.1:9"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": ["127.0.0.1:9"]}, None),
        ({"host": ["localhost:9"]}, None),
        ({"host": ["localhost"]}, None),
        ({"host": ["evil.example:9"]}, 421),
        ({"host": ["127.0.0.1.evil.example"]}, 421),
        ({"host": ["[::1]:9"]}, 421),
        ({"host": []}, 421),
        ({"host": ["127.0.0.1:9", "evil.example"]}, 421),
        (OWN | {"origin": ["http://127.0.0.1:9"]}, None),
        (OWN | {"origin": ["http://127.0.0.1:10"]}, 403),
        (OWN | {"origin": ["http://localhost:9"]}, 403),
        (OWN | {"origin": ["null"]}, 403),
        (OWN | {"origin": ["https://evil.example"]}, 403),
        (OWN | {"sec-fetch-site": ["same-origin"]}, None),
        (OWN | {"sec-fetch-site": ["cross-site"]}, 403),
        (OWN | {"sec-fetch-site": ["same-site"]}, 403),
        (OWN | {"sec-fetch-site": ["cross-site"], "sec-fetch-mode": ["navigate"]}, 403),
    ],
)
def test_who_may_ask(headers, status):
    found = refusal("GET", "/api/runs", headers)
    assert (found and found[0]) == status


def test_a_link_from_elsewhere_opens_the_page_alone():
    linked = OWN | {"sec-fetch-site": ["cross-site"], "sec-fetch-mode": ["navigate"]}
    assert refusal("GET", "/", linked) is None
    assert refusal("GET", "/js/main.js", linked) == (403, "only the page of this server may ask it")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_the_server_only_reads(site, method):
    answer = site.ask("/api/runs", method)
    assert answer.status == 405
    assert b"only reads" in answer.body


def test_what_is_refused_over_the_wire(site):
    assert site.ask("/api/runs", Host="evil.example").status == 421
    assert site.ask("/api/runs", Origin="http://evil.example").status == 403
    assert site.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    assert site.ask("/api/runs", Origin=f"http://127.0.0.1:{site.port}").status == 200


@pytest.mark.parametrize("path", ["/", "/api/runs", "/nowhere", "/style.css"])
def test_every_answer_forbids_what_is_elsewhere(site, path):
    headers = site.ask(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml", "/js/../../server.py", "/js/%2e%2e/%2e%2e/server.py", "/..%2f..%2fserver.py", "//etc/passwd",
        "/vendor/../../../../../../etc/passwd", "/%00", "/js", "/js/", "/index.html/../../command.py",
    ],
)  # fmt: skip
def test_no_path_leaves_the_shipped_files(site, path):
    answer = site.ask(path)
    assert answer.status == 404
    assert answer.data == {"error": "there is no such page"}


@pytest.mark.parametrize("id_", ["..", "%2e%2e%2f%2e%2e", "small", "..%2fsmall", "0" * 12, "%00", "etc%2fpasswd"])
def test_no_id_is_a_path(site, id_):
    for rest in ("", "/patients", "/patients/0", "/patients/0/tracks"):
        assert site.ask(f"/api/runs/{id_}{rest}").status == 404
    assert site.ask(f"/api/leaderboards/{id_}").status == 404
    assert site.ask(f"/api/headrooms/{id_}").status == 404
