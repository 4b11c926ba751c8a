#!/usr/bin/env python3
"""Judge the stored pages as a browser would: well formed, nothing loaded, the style permitted."""
import base64
import hashlib
import html.parser
import os
import pathlib
import re
import sys

VOID = {'meta', 'link', 'br', 'img', 'hr', 'input'}
MARKUP_ATTRIBUTES = {'src', 'srcset', 'action', 'style', 'xlink:href', 'data', 'poster'}
FORBIDDEN_TAGS = {'script', 'img', 'iframe', 'object', 'embed', 'link', 'form', 'base'}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.faults, self.open, self.style, self.policy = [], [], '', ''
        self.ids, self.references, self.lang, self.captions, self.tables = set(), [], None, 0, 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in FORBIDDEN_TAGS:
            self.faults.append(f'<{tag}>')
        for name, value in attrs:
            if name in MARKUP_ATTRIBUTES and tag != 'path' or name.startswith('on'):
                self.faults.append(f'{tag} {name}')
            if name == 'href' and not value.startswith('#'):
                self.faults.append(f'href {value}')
        if 'id' in attributes:
            if attributes['id'] in self.ids:
                self.faults.append(f'id {attributes["id"]} twice')
            self.ids.add(attributes['id'])
        self.references += [attributes[a].lstrip('#') for a in ('href', 'aria-labelledby')
                            if a in attributes]
        if tag == 'html':
            self.lang = attributes.get('lang')
        if attributes.get('http-equiv') == 'Content-Security-Policy':
            self.policy = attributes['content']
        self.tables += tag == 'table'
        self.captions += tag == 'caption'
        if tag == 'svg' and 'aria-hidden' not in attributes and 'svg' not in self.open \
                and not (attributes.get('role') == 'img' and attributes.get('aria-label')):
            self.faults.append('a chart without a label')
        if tag == 'th' and 'scope' not in attributes and 'aria-hidden' not in attributes:
            self.faults.append('th without scope')
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f'</{tag}> at {self.getpos()}')

    def handle_data(self, data):
        if self.open and self.open[-1] == 'style':
            self.style += data


def faults_of(path):
    page = Page()
    text = path.read_text(encoding='utf-8')
    page.feed(text)
    page.close()
    faults = page.faults + [f'<{tag}> not closed' for tag in page.open]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    if f"style-src 'sha256-{digest}'" not in page.policy:
        faults.append('the policy does not permit the style')
    if "default-src 'none'" not in page.policy:
        faults.append('the policy is open')
    if re.search(r'url\(|@import|expression\(', page.style):
        faults.append('the style loads something')
    if page.lang != path.name.split('.')[1]:
        faults.append(f'lang {page.lang}')
    if page.tables != page.captions:
        faults.append(f'{page.tables} tables, {page.captions} captions')
    faults += [f'#{name} leads nowhere' for name in page.references if name not in page.ids]
    return faults


root = pathlib.Path(os.environ.get('HINOMI_SOURCE', '.'))
pages = sorted((root / 'tests/corpus/report').glob('*.html'))
failed = len(pages) < 8
for path in pages:
    for fault in faults_of(path):
        print(f'{path.name}: {fault}')
        failed = True
sys.exit(1 if failed else 0)
