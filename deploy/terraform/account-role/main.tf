# The role that Stoker assumes in the account of this provider configuration. Use the module once for each account.

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "AssumedByStoker"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.daemon_principal]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "stoker" {
  name                 = var.role_name
  description          = "Assumed by the Stoker daemon"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_policy" "stoker" {
  count       = length(var.iam_policies)
  name_prefix = "${var.role_name}-"
  policy      = var.iam_policies[count.index]
}

resource "aws_iam_role_policy_attachment" "stoker" {
  count      = length(var.iam_policies)
  role       = aws_iam_role.stoker.name
  policy_arn = aws_iam_policy.stoker[count.index].arn
}
