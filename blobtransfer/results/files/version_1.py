"""Convert result files of format version 1, which supported blobs only."""

import json
import re

from blobtransfer.specs.data import ROLES

VERSION_1 = re.compile(rb'"schema_version"\s*:\s*1\b')


def convert_from_1(text: bytes) -> bytes:
    """Convert JSON text of version 1 to version 2; return any other text unchanged."""
    if not VERSION_1.search(text):
        return text
    try:
        record = json.loads(text)
        if type(record["schema_version"]) is not int or record["schema_version"] != 1:
            return text
        record["schema_version"] = 2
        for role in ROLES:
            if record["spec"][role] is not None:
                record["spec"][role]["kind"] = "blobs"
        for variant in record["spec"]["variants"]:
            variant["n_frozen"] = variant.pop("n_fixed")
        for data in record["tasks"]:
            data["name"] = f"problem {data.pop('seed')}"
            data["floor"] = 1 / record["spec"]["network"]["n_classes"]
        if record.get("regions") is not None:
            record["regions"]["rows"] = record["regions"].pop("runs")
        return json.dumps(record).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return text
