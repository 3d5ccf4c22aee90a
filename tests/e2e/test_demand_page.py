"""What the command line says of a page of metrics that answers and cannot be used."""

import pytest
from aiohttp import web

from tests.e2e.daemons import stoker
from tests.web_servers import served

PAGES = {
    "requests_in_flight 7\nrequests_in_flight{a=\"y} 9\nrequests_total 10\n": "requests_in_flight in line 2",
    "<html>sign in</html>\n": "no metric requests_in_flight",
    "requests_in_flight NaN\nrequests_total 10\n": "the value nan for requests_in_flight",
}


@pytest.mark.parametrize("page", PAGES)
async def test_doctor_names_the_demand_page_and_not_the_network(tmp_path, page):
    async def answer(_):
        return web.Response(text=page)

    async with served(answer) as url:
        policy = tmp_path / "policy.yaml"
        policy.write_text("version: 1\npools:\n  - name: agent\n    max: 5\n    "
                          f"lever: {{kind: http-ping, url: '{url}/ping', opted_in: true}}\n"
                          f"    demand: {{kind: http-metrics, url: '{url}/metrics'}}\n")
        code, out, _ = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "state"))

    said = " ".join(out.split())
    assert code == 1
    assert PAGES[page] in said
    assert "-> correct the named value, then run doctor again" in said
    assert "DNS" not in said
