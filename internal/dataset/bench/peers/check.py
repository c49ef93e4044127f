"""The check of one data set with Python's own json, written the usual way.

Usage: check.py FILE prompt-completion|conversation

It prints what it counted as one line of JSON.
"""

import json
import sys

RESERVED = ("user:", "bot:", "assistant:", "system:", "thought:", "<image>", "<video>", "<unk>", "[eos]")


class Refused(Exception):
    """The line is JSON but not a record."""


def once(pairs):
    """An object without a key that stands twice."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise Refused
    return record


decode = json.JSONDecoder(object_pairs_hook=once).decode


def keys(value, needed, allowed):
    if type(value) is not dict or not needed <= value.keys() <= allowed:
        raise Refused


def text(value, words):
    """The characters of a text. Encoding it refuses lone surrogates."""
    if type(value) is not str or not value or value.isspace():
        raise Refused
    value.encode()
    if words and (":" in value or "<" in value or "[" in value):
        lower = value.lower()
        for word in RESERVED:
            if word in lower:
                raise Refused
    return len(value)


TEXT = {"text"}
MESSAGE = {"role", "content"}
CONVERSATION = {"schemaVersion", "messages"}
CONVERSATION_ALLOWED = CONVERSATION | {"system"}
PAIR = {"prompt", "completion"}


def blocks(value):
    if type(value) is not list or not value:
        raise Refused
    count = 0
    for block in value:
        keys(block, TEXT, TEXT)
        count += text(block["text"], True)
    return count


def conversation(record):
    keys(record, CONVERSATION, CONVERSATION_ALLOWED)
    messages = record["messages"]
    if type(record["schemaVersion"]) is not str or type(messages) is not list:
        raise Refused
    if len(messages) < 2 or len(messages) % 2:
        raise Refused
    count = blocks(record["system"]) if "system" in record else 0
    role = "user"
    for message in messages:
        keys(message, MESSAGE, MESSAGE)
        if message["role"] != role:
            raise Refused
        count += blocks(message["content"])
        role = "assistant" if role == "user" else "user"
    return count


def pair(record):
    keys(record, PAIR, PAIR)
    return text(record["prompt"], False) + text(record["completion"], False)


def main(name, form):
    check = conversation if form == "conversation" else pair
    records = duplicates = characters = errors = 0
    seen = set()
    with open(name, "rb") as file:
        for line in file:
            line = line.rstrip(b" \t\r\n")
            if not line:
                errors += 1
                continue
            records += 1
            mark = hash(line)
            if mark in seen:
                duplicates += 1
            else:
                seen.add(mark)
            try:
                characters += check(decode(line.decode()))
            except (ValueError, Refused):
                errors += 1
    print(json.dumps({"records": records, "duplicates": duplicates, "characters": characters, "errors": errors}))


main(*sys.argv[1:])
