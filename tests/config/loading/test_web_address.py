import pytest

from config.loading.web_address import fault_of


@pytest.mark.parametrize("url", ["http://a", "https://a.example/b?c=d", "http://127.0.0.1:8080", "http://[::1]:1/x",
                                 "HTTPS://A/b", "http://user:word@proxy:3128"])
def test_a_valid_url_has_no_fault(url):
    assert fault_of(url) is None


@pytest.mark.parametrize(("url", "words"), [
    ("", "no scheme"), ("hooks.example/x", "no scheme"), ("127.0.0.1:4318", "no scheme"), ("localhost:4318", "no scheme"),
    ("//hooks.example", "no scheme"), ("https:hooks.example", "has no host"), ("ftp://hooks.example", "scheme other than"),
    ("grpc://collector:4317", "scheme other than"), ("http://", "no host"), ("http://:80/x", "no host"),
    ("https:///path", "no host"),
    ("http://h:99999/x", "port"), ("http://h:port/x", "port"), ("http://h:0/x", "port 0"), ("http://[::1", "not a URL"),
    ("http://a b/c", "contains a space"),
])
def test_a_fault_does_not_quote_the_url(url, words):
    fault = fault_of(url)

    assert words in fault
    assert not url or url not in fault
