"""Checks for common mistakes in the function, alias and region of a policy, with the correct value in the error.

Each check raises `ValueError` for a mistake that it recognises, and returns the value otherwise; the pattern of the setting then
decides.
"""

import re
from typing import NamedTuple

from pydantic_core.core_schema import ValidationInfo

from config.loading.wording import shown

FUNCTION = r"^[A-Za-z0-9_-]{1,140}$"
ALIAS = r"^[0-9]*[A-Za-z_-][A-Za-z0-9_-]*$"
REGION = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"

PART = r"[A-Za-z0-9_-]+"
QUALIFIER = rf"(?P<qualifier>\$?{PART}(\.PUBLISHED)?)"
ARN = re.compile(
    rf"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]*):(?P<account>\d{{12}}):function:(?P<function>{PART})(:{QUALIFIER})?")
PARTIAL = re.compile(rf"((?P<account>\d{{12}}):)?(function:)?(?P<function>{PART})(:{QUALIFIER})?")
FUNCTION_URL = re.compile(r"https?://[a-z0-9]+\.lambda-url\.(?P<region>[a-z0-9-]+)\.on\.aws(/.*)?", re.IGNORECASE)
CONSOLE = re.compile(r"https?://[a-z0-9.-]*console\.[a-z0-9.-]+/lambda/.*#/functions/"
                     rf"(?P<function>{PART})(/(?:aliases|versions)/{QUALIFIER})?([/?].*)?")
CONSOLE_REGION = re.compile(r"[?&]region=(?P<region>[a-z0-9-]+)")
ZONE = re.compile(r"(?P<region>[a-z]{2,}(-[a-z]+)+-[0-9]+)[a-z]")
GOOGLE_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+(-[a-z])?")


class Address(NamedTuple):
    """Parts of an ARN or of a partial ARN; empty when it has no such part. `what`: the form of the value, as display text."""

    what: str
    function: str
    qualifier: str
    region: str


def address(value: str) -> Address | None:
    """Return the parts of an ARN, a partial ARN, `name:alias` or the URL of a console page; None for any other value."""
    page = CONSOLE.fullmatch(value)
    if page is not None:
        region = CONSOLE_REGION.search(value)
        return Address("a page of the AWS console", page["function"], page["qualifier"] or "", region["region"] if region else "")
    found = ARN.search(value)
    if found is not None:
        arn = f"the ARN of a function{' with a qualifier' if found['qualifier'] else ''}"
        what = arn if found[0] == value else "a longer ARN that contains the ARN of a function"
        return Address(what, found["function"], found["qualifier"] or "", found["region"])
    part = PARTIAL.fullmatch(value)
    if part is None or part[0] == part["function"]:
        return None
    what = "a part of a function's ARN" if part["account"] or "function:" in value else "a function with a qualifier"
    return Address(what, part["function"], part["qualifier"] or "", "")


def function_name(value: object, info: ValidationInfo) -> object:
    """Return `value`. Raise `ValueError` if it is an ARN or URL of a function instead of its name."""
    if not isinstance(value, str) or re.fullmatch(FUNCTION, value):
        return value
    found = address(value)
    if found is None:
        if FUNCTION_URL.fullmatch(value):
            raise ValueError(f"{shown(value)} is the URL of a function, which does not contain its name: write the name, as "
                             "aws lambda list-functions shows it")
        if value.startswith("arn:"):
            raise ValueError(f"{shown(value)} is not the ARN of a Lambda function: write the name of one, such as support-agent")
        return value
    write = [f"function: {found.function}"]
    if found.region and found.region != info.data.get("region"):
        write.append(f"region: {found.region}")
    if re.fullmatch(ALIAS, found.qualifier):
        write.append(f"alias: {found.qualifier}")
    text = f"{shown(value)} is {found.what}: write {' and '.join(write)}"
    wrong = not_an_alias(found.qualifier, found.function)
    raise ValueError(f"{text}. {wrong}" if wrong else text)


def alias_name(value: object, info: ValidationInfo) -> object:
    """Return `value`. Raise `ValueError` if it is $LATEST, a version number, or more than the name of an alias."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    function = info.data.get("function", "NAME")
    wrong = not_an_alias(value, function) if isinstance(value, str) else None
    if wrong:
        raise ValueError(wrong)
    if not isinstance(value, str) or re.fullmatch(ALIAS, value):
        return value
    found = address(value)
    if found is None:
        return value
    wrong = not_an_alias(found.qualifier, found.function)
    if wrong:
        raise ValueError(f"{shown(value)} is {found.what}. {wrong}")
    if not found.qualifier:
        raise ValueError(f"{shown(value)} is {found.what} and names no alias: write the alias that callers use, such as live")
    raise ValueError(f"{shown(value)} is {found.what}: write alias: {found.qualifier}")


def not_an_alias(qualifier: str, function: str) -> str | None:
    """Return why a qualifier of `function` is not allowed as alias; None for an alias and for an empty qualifier."""
    create = f"aws lambda create-alias --function-name {function} --name live --function-version"
    if qualifier.upper() in ("$LATEST", "$LATEST.PUBLISHED"):
        publish = f"aws lambda publish-version --function-name {function}"
        return (f"{qualifier} is not an alias, and AWS provisions no concurrency for it: publish a version ({publish}), "
                f"create an alias ({create} VERSION), let callers use it, and write alias: live")
    if qualifier.isdecimal():
        return (f"{qualifier} is a version number, which changes with every deployment: create an alias ({create} {qualifier}), "
                "let callers use it, and write alias: live")
    return None


def region_name(value: object) -> object:
    """Return `value`. Raise `ValueError` if it is an availability zone or a region of Google Cloud."""
    if isinstance(value, str):
        zone = ZONE.fullmatch(value)
        if zone is not None:
            raise ValueError(f"{shown(value)} is an availability zone: write region: {zone['region']}")
        if GOOGLE_REGION.fullmatch(value):
            raise ValueError(f"{shown(value)} has the form of a region of Google Cloud: write a region of AWS, such as us-east-1")
    return value
