"""Call the inference API with boto3, its signature being for API Gateway.

Usage: client.py <endpoint> <region> <model> <question>

Prints the text of Converse and of ConverseStream, one a line, and then the
error code for a model that does not exist.
"""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def sign_for_api_gateway(request, **_):
    """Sign for the service that answers: API Gateway, in front of Bedrock."""
    request.context.setdefault("signing", {})["signing_name"] = "execute-api"  # as docs/inference.md has it


def main():
    endpoint, region, model, question = sys.argv[1:]
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=endpoint,
        region_name=region,
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-sign.bedrock-runtime", sign_for_api_gateway)
    messages = [{"role": "user", "content": [{"text": question}]}]
    answer = client.converse(modelId=model, messages=messages)
    print(answer["output"]["message"]["content"][0]["text"])
    events = client.converse_stream(modelId=model, messages=messages)["stream"]
    deltas = (event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    print("".join(deltas))
    try:
        client.converse(modelId="nobody", messages=messages)
    except ClientError as error:
        print(error.response["Error"]["Code"])


if __name__ == "__main__":
    main()
