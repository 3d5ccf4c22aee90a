"""Addresses of metadata services, in every notation that a resolver accepts."""

import pytest

from config.loading.metadata_address import leads_to_metadata


@pytest.mark.parametrize("host", [
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "2852039166", "0xa9fea9fe", "0XA9FEA9FE", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "025177524776", "169.254.43518",
    "169.16689662", "0xa9.254.0251.254", "1684301000", "169.254.169.254.", "169%2e254.169.254", "%31%36%39.254.169.254",
    "\uff11\uff16\uff19.254.169.254", "169\u3002254\uff0e169\uff61254",
    "[fd00:ec2::254]", "[fd00:ec2::23]", "[fd20:ce::254]", "[fe80::1]", "[fe80::a9fe:a9fe%25eth0]",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:6464:64c8]", "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
    "metadata.google.internal", "METADATA.google.internal", "metadata.google.internal.", "metadata", "metadata.goog",
    "instance-data.ec2.internal", "metadata.azure.internal",
])
@pytest.mark.parametrize("rest", ["", ":80/latest/meta-data/", "/?x=1"])
def test_a_metadata_service_is_recognised(host, rest):
    assert leads_to_metadata(f"http://{host}{rest}")


@pytest.mark.parametrize("url", [
    "https://agent.example.com/ping", "http://127.0.0.1:8080/metrics", "http://10.0.0.1", "http://169.253.169.254",
    "http://[::1]/",
    "http://[2001:db8::a9fe:a9fe]/", "http://[::ffff:10.0.0.1]/", "http://metadata.example.com/",
    "http://agent.test/169.254.169.254",
    "http://metadata.google.internal.example.com", "http://agent.test?to=169.254.169.254", "", "http://", "http://[", "no url",
])
def test_other_addresses_are_not_a_metadata_service(url):
    assert not leads_to_metadata(url)
