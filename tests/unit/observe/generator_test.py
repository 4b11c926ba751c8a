#!/usr/bin/env python3
"""script/registry refuses what must not be in a registry, and names file and line.

usage: generator_test.py SOURCE
"""

import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = sys.argv[1]

# name, file, what is done with the lines, line of the mistake (None: the last), message
CASES = [
    ('number twice', 'tools', lambda l: l + ['25\tagain\ten\tja'], None, 'already used in line'),
    ('name twice', 'tools', lambda l: l + ['26\tzmap\ten\tja'], None, 'name "zmap" is already'),
    ('same constant', 'tools', lambda l: l + ['26\tlinux.stack\ten\tja'], None, 'already used'),
    ('retired number again', 'tools',
     lambda l: l + ['-26\told\tnever shipped', '26\tnew\ten\tja'], None, 'number 26 is already'),
    ('retired name again', 'tools',
     lambda l: l + ['-26\told\tnever shipped', '27\told\ten\tja'], None, 'name "old" is already'),
    ('retired without why', 'tools', lambda l: l + ['-26\told'], None, '2 columns, 3'),
    ('number goes down', 'tools', lambda l: l + ['19\tlate\ten\tja'], None, 'does not ascend'),
    ('number too large', 'verdicts', lambda l: l + ['256\tlate\ten\tja'], None, 'not in 1-255'),
    ('number zero', 'tools', lambda l: ['0\tnone\ten\tja'] + l, 1, 'not in 1-65535'),
    ('no number', 'tools', lambda l: l + ['x\tnone\ten\tja'], None, 'not a number'),
    ('column missing', 'tools', lambda l: l + ['26\tnew\ten'], None, '3 columns, 4'),
    ('column empty', 'tools', lambda l: l + ['26\tnew\t\tja'], None, 'empty column'),
    ('quote', 'tools', lambda l: l + ['26\tnew\t"\tja'], None, 'quote'),
    ('bad name', 'tools', lambda l: l + ['26\tnew tool\ten\tja'], None, 'not a name'),
    ('long name', 'tools', lambda l: l + ['26\t' + 'x' * 48 + '\ten\tja'], None, 'not a name'),
    ('unknown field', 'kinds',
     lambda l: l + ['2900\tnew\tD\tno\t-\tduration payload\ten\tja'], None,
     'unknown field "payload"'),
    ('field twice', 'kinds', lambda l: l + ['2900\tnew\tD\tno\t-\tsrc src\ten\tja'], None,
     'field "src" twice'),
    ('unknown sensor', 'kinds', lambda l: l + ['2900\tnew\tX\tno\t-\tsrc\ten\tja'], None,
     'unknown sensor'),
    ('outside its block', 'kinds', lambda l: l + ['3900\tnew\tT\tno\t-\tsrc\ten\tja'], None,
     'outside the block'),
    ('urgent unclear', 'kinds', lambda l: l + ['2900\tnew\tD\tmaybe\t-\tsrc\ten\tja'], None,
     'yes or no'),
    ('unknown STIX type', 'kinds', lambda l: l + ['2900\tnew\tD\tno\tbotnet\tsrc\ten\tja'], None,
     'unknown STIX'),
    ('select with evidence', 'kinds',
     lambda l: l + ['5000\tnew\tL\tno\t-\tsrc evidence\ten\tja'], None, 'keeps no evidence'),
    ('wrong registry', 'kinds', lambda l: l + ['2900\tnew\tD\tno\t-\tsrc=kinds\ten\tja'], None,
     'only rule'),
    ('product of another name', 'products',
     lambda l: l + ['0xffffffffffffffff\tcpe:/a:x:y\ten\tja'], None, 'the number of cpe:/a:x:y'),
    ('field with a gap', 'fields', lambda l: l + ['40\tnew\tu8\t-\ten\tja'], None, 'no gaps'),
    ('field of no type', 'fields', lambda l: l + ['32\tnew\tu7\t-\ten\tja'], None,
     'unknown type'),
    ('field without a column', 'fields', lambda l: l + ['32\tnew\tu8\t-\ten\tja'], None,
     'column new is missing'),
]


def run(schema):
    done = subprocess.run([os.path.join(SOURCE, 'script', 'registry'), schema, '--check'],
                          capture_output=True, text=True)
    return done.returncode, done.stderr


def check_case(folder, case):
    name, file, change, place, text = case
    schema = os.path.join(folder, 'schema')
    shutil.rmtree(schema, ignore_errors=True)
    shutil.copytree(os.path.join(SOURCE, 'schema'), schema)
    path = os.path.join(schema, 'registry', file)
    with open(path, encoding='utf-8') as source:
        lines = change(source.read().rstrip('\n').split('\n'))
    with open(path, 'w', encoding='utf-8') as target:
        target.write('\n'.join(lines) + '\n')
    code, errors = run(schema)
    where = f'{path}:{place or len(lines)}: '
    if text.startswith('column '):
        where = os.path.join(schema, 'observation.proto') + ':'
    if code == 1 and any(l.startswith(where) and text in l for l in errors.split('\n')):
        return True
    sys.stderr.write(f'{name}: status {code}, not "{where}...{text}" but:\n{errors}')
    return False


def check_proto(folder):
    """A column of the wrong number or message is found as well."""
    good = True
    for old, new in (('Numbers sport = 23', 'Numbers sport = 63'),
                     ('Numbers link = 41', 'Digests link = 41')):
        schema = os.path.join(folder, 'schema')
        shutil.rmtree(schema, ignore_errors=True)
        shutil.copytree(os.path.join(SOURCE, 'schema'), schema)
        path = os.path.join(schema, 'observation.proto')
        with open(path, encoding='utf-8') as source:
            content = source.read()
        with open(path, 'w', encoding='utf-8') as target:
            target.write(content.replace(old, new))
        code, errors = run(schema)
        if code != 1 or ' must be Numbers = ' not in errors:
            sys.stderr.write(f'{new}: status {code}: {errors}')
            good = False
    return good


def main():
    with tempfile.TemporaryDirectory() as folder:
        code, errors = run(os.path.join(SOURCE, 'schema'))
        good = code == 0
        if not good:
            sys.stderr.write(errors)
        for case in CASES:
            good = check_case(folder, case) and good
        good = check_proto(folder) and good
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
