"""What `datacontract test` says of a contract, as lines of JSON. Run by a Python that has datacontract-cli with DuckDB.

    python datacontract_results.py CONTRACT     in the folder that the contract's paths begin in
"""

import json
import sys

from datacontract.data_contract import DataContract

for check in DataContract(data_contract_file=sys.argv[1]).test().checks:
    measured = check.diagnostics or {}
    print(json.dumps({
        "type": check.type, "field": check.field, "rule": check.qualityId, "result": check.result and check.result.value,
        "measured": measured.get("percent", measured.get("value")), "reason": check.reason}, default=float))
