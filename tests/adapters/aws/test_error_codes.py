"""Error codes: every code that botocore retries is retryable, in every way that AWS writes it."""

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.retries import standard

from adapters.aws.error_codes import stem
from adapters.aws.errors import ApiCall, ConditionFailed, Contended, translate
from adapters.ports.errors import OutcomeUnknown, Retryable, Throttled, Unreachable, Unsupported

TABLE = "lease table stoker in us-east-1"
WRITE = ApiCall("dynamodb", "transact_write_items", TABLE)
SERVICES = ("lambda", "cloudwatch", "application-autoscaling", "dynamodb", "sts")
QUOTA = "LimitExceededException"
"""botocore retries it; of these services it is AWS's word for a quota of resources, which does not pass by itself."""


def refused(code, message="no", status=400, **fields):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}
    return ClientError(answer | fields, "TransactWriteItems")


def cancelled(*codes, named=True):
    """Return DynamoDB's error of a cancelled transaction. `named`: with the reasons of the items, which are optional."""
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    reasons = {"CancellationReasons": [{"Code": code} if code == "None" else {"Code": code, "Message": f"{code} it is"}
                                       for code in codes]}
    return refused("TransactionCanceledException", text, **(reasons if named else {}))


def legacy(name):
    """Return the codes in botocore's older retry rules, for all services and for `name`."""
    rules = create_loader().load_data("_retry")
    policies = [*rules["definitions"].values(), *rules["retry"].get(name, {}).get("__default__", {}).get("policies", {}).values()]
    responses = [each["applies_when"]["response"] for each in policies if "response" in each["applies_when"]]
    return {each["service_error_code"] for each in responses if "service_error_code" in each}


def retried(name):
    """Return all codes that botocore retries for a service, by its lists, its older rules and the service's model."""
    modelled = {shape.error_code for shape in botocore.session.get_session().get_service_model(name).error_shapes
                if shape.metadata.get("retryable")}
    lists = (standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES, standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    return {code for each in lists for code in each} | legacy(name) | modelled


@pytest.mark.parametrize("service", SERVICES)
def test_errors_that_botocore_retries_are_retryable(service):
    codes = retried(service) - {QUOTA}
    kinds = {code: translate(refused(code), ApiCall(service, "any", TABLE)) for code in codes}

    assert len(codes) > 14
    assert [code for code, error in kinds.items() if not isinstance(error, Retryable)] == []


@pytest.mark.parametrize("code", sorted(set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
                                        - {QUOTA, "TransactionInProgressException"}))
def test_every_throttling_code_of_botocore_is_throttled(code):
    error = translate(refused(code), WRITE)

    assert type(error) is Throttled
    assert code in str(error)


@pytest.mark.parametrize(("code", "kind"), [
    ("ProvisionedThroughputExceededException", Throttled), ("RequestLimitExceeded", Throttled),
    ("ThrottlingException", Throttled), ("ThrottlingError", Throttled),
    ("EC2ThrottledException", Throttled), ("TransactionInProgressException", Contended),
    ("TransactionConflictException", Contended), ("ReplicatedWriteConflictException", Contended),
    ("ConcurrentUpdateException", Contended), ("InternalServerError", Unreachable), ("InternalServiceException", Unreachable),
    ("RequestTimeoutException", Unreachable), ("ItemCollectionSizeLimitExceededException", Unsupported),
])
def test_a_code_has_the_same_error_with_any_status(code, kind):
    assert type(translate(refused(code), WRITE)) is kind


@pytest.mark.parametrize("named", [True, False], ids=["reasons", "text alone"])
@pytest.mark.parametrize(("codes", "kind"), [
    (("ConditionalCheckFailed", "None"), ConditionFailed), (("None", "ThrottlingError"), Throttled),
    (("None", "ProvisionedThroughputExceeded", "None"), Throttled), (("RequestLimitExceeded",), Throttled),
    (("TransactionConflict",), Contended), (("None", "InternalServerError"), Unreachable), (("ValidationError",), Unsupported),
    # the condition decides: whatever else is in the way, trying again does not help
    (("ThrottlingError", "ConditionalCheckFailed"), ConditionFailed),
    (("TransactionConflict", "ConditionalCheckFailed"), ConditionFailed),
    (("TransactionConflict", "ThrottlingError"), Throttled), (("ValidationError", "ThrottlingError"), Throttled),
])
def test_a_cancelled_transaction_has_the_error_of_its_main_reason(codes, kind, named):
    assert type(translate(cancelled(*codes, named=named), WRITE)) is kind


@pytest.mark.parametrize("error", [refused("TransactionCanceledException", "without a word", CancellationReasons=[]),
                                   refused("TransactionCanceledException", "x", CancellationReasons=[{}, {"Code": "None"}])])
def test_a_transaction_cancelled_without_a_reason_is_refused_in_one_line(error):
    assert type(translate(error, WRITE)) is Unsupported
    assert "TransactionCanceledException" in str(translate(error, WRITE))


def test_a_reason_that_needs_the_operator_is_quoted():
    assert "ValidationError it is" in str(translate(cancelled("None", "ValidationError"), WRITE))


def test_a_throttled_write_did_not_happen_and_a_faulty_one_may_have():
    put = ApiCall("lambda", "put_provisioned_concurrency_config", "alias agent:live", writes=True)

    assert type(translate(refused("EC2ThrottledException", status=502), put)) is Throttled
    assert type(translate(refused("ServiceUnavailableException", status=400), put)) is OutcomeUnknown
    assert type(translate(refused("", status=509), put)) is Throttled


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "ThrottlingError", "ThrottlingFault"])
def test_codes_are_compared_without_their_ending(code):
    assert stem(code) == "Throttling"
    assert stem("Exception") == "Exception"
