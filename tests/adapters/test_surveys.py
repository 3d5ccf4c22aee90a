"""Surveys of accounts: which roles are assumed, and that accounts that refuse are reported beside those that are listed."""

import pytest

from adapters.ports.discovery import Member, Survey
from adapters.ports.errors import Misconfigured
from adapters.surveys import Target, in_members, in_roles, surveys
from config.model.credentials import Credentials

PLACES = [{"region": "us-east-1"}, {"region": "eu-west-1"}]
MEMBERS = [Member("111122223333", "central", own=True), Member("444455556666", "agents", own=False)]
ROLE = "arn:aws:iam::444455556666:role/stoker-444455556666"


class FakeSurveyor:
    """Refuses the roles of the accounts in `refusing`."""

    def __init__(self, *refusing):
        self.refusing, self.asked = refusing, []

    async def survey(self, where, credentials=None):
        self.asked.append((dict(where), credentials))
        if credentials is not None and credentials.account in self.refusing:
            raise Misconfigured("AWS refuses AssumeRole")
        return Survey((), ())


def test_members_are_read_with_the_role_of_their_account_and_the_own_account_without():
    found = in_members(PLACES, MEMBERS, "stoker-{account}", "known-id", "aws")

    assert [each.credentials for each in found] == [None, None, *[Credentials(role_arn=ROLE, external_id="known-id")] * 2]
    assert [each.where["region"] for each in found] == ["us-east-1", "eu-west-1"] * 2
    assert [each.title for each in found[1:3]] == ["account (central) in eu-west-1",
                                                   "account 444455556666 (agents) in us-east-1"]


@pytest.mark.parametrize(("roles", "external_id"), [(["stoker"], None), ([ROLE], "x")])
def test_a_role_or_external_id_that_is_not_valid_is_refused(roles, external_id):
    with pytest.raises(ValueError, match=r"role_arn|external_id"):
        in_roles(PLACES, roles, external_id)


async def test_an_account_that_refuses_is_reported_and_the_others_are_listed():
    surveyor = FakeSurveyor("444455556666")
    found = await surveys(surveyor, in_members(PLACES, MEMBERS, "stoker", None, "aws"))

    assert len(surveyor.asked) == 4
    assert [[each.name for each in survey.skipped] for survey in found] == [[], [], *(
        [f"account 444455556666 (agents) in {place['region']}"] for place in PLACES)]
    assert found[2].skipped[0].why == "AWS refuses AssumeRole"


async def test_a_place_that_is_not_optional_and_cannot_be_read_is_an_error():
    with pytest.raises(Misconfigured):
        await surveys(FakeSurveyor("444455556666"), [Target(PLACES[0], Credentials(role_arn=ROLE))])
