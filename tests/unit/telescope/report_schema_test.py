#!/usr/bin/env python3
"""Validate the stored JSON reports against schema/telescope-report.schema.json."""
import copy
import json
import os
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print('python3-jsonschema is not installed')
    sys.exit(77)  # skipped

root = pathlib.Path(os.environ.get('HINOMI_SOURCE', '.'))
schema = json.loads((root / 'schema/telescope-report.schema.json').read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

failed = 0
reports = sorted((root / 'tests/corpus/report').glob('*.json'))
for path in reports:
    for error in validator.iter_errors(json.loads(path.read_text())):
        print(f'{path.name}: {list(error.path)}: {error.message[:200]}')
        failed += 1
if len(reports) < 4:
    print(f'{len(reports)} reports, expected 4 or more')
    failed += 1


def refuses(what, change):
    """The schema must not be so wide that it holds anything."""
    global failed
    report = copy.deepcopy(sample)
    change(report)
    if validator.is_valid(report):
        print(f'schema accepts {what}')
        failed += 1


sample = json.loads((root / 'tests/corpus/report/all.json').read_text())
refuses('an unknown key', lambda r: r.update(extra=1))
refuses('a missing list', lambda r: r.pop('victims'))
refuses('a plain "icmp" kind', lambda r: r['kinds'].update(icmp=1))
refuses('a null estimate', lambda r: r['events'][0].update(world_rate=None))
refuses('an estimate of zero', lambda r: r['events'][0].update(world_rate=0))
refuses('a number as text', lambda r: r['events'][0].update(packets='1'))
refuses('an unknown scan', lambda r: r['events'][0].update(scan='diagonal'))
refuses('a local time', lambda r: r.update(first='2017-09-10T17:52:28+09:00'))
sys.exit(1 if failed else 0)
