"""Where an endpoint is, as a person writes it."""

import pytest

from advisor import address


@pytest.mark.parametrize("url", ["http://me:pw@host/v1", "http://host/v1?api_key=pw", "ftp://host", "host:80/v1"])
def test_an_address_that_holds_a_secret_or_is_none_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match="endpoint") as refused:
        address.parse_address({"endpoint": url, "name": "tiny"})
    assert "pw" not in str(refused.value)


def test_an_address_has_one_short_form_that_is_read_back():
    found = address.parse_address("https://host:8000/v1/#org/tiny:8b#SOME_KEY")
    assert (found.endpoint, found.name, found.key_env) == ("https://host:8000/v1", "org/tiny:8b", "SOME_KEY")
    assert address.parse_address(str(found)) == found
    same = address.parse_address(
        {"endpoint": "https://host:8000/v1", "name": "org/tiny:8b", "price": {"prompt": 1, "completion": 2}}
    )
    assert same.fingerprint == found.fingerprint  # the key and the price make it no other model
    assert address.parse_address("https://host:8000/v1#other").fingerprint != found.fingerprint


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True), ("10.0.0.1", False),
     ("0.0.0.0", False), ("localhost.example", False), ("models.example", False)],
)  # fmt: skip
def test_only_loopback_is_on_this_machine(host, here):
    assert address.parse_address(f"http://{host}:8000/v1#tiny").on_this_machine is here
