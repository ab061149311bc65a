"""What docutils finds in reStructuredText, as HTML; run by `limited.py`, which says why, and imports nothing of this package.

Nothing that the text names is read or run: files are not included, raw HTML is no HTML, pictures are their alternative
texts. What docutils does not know, as most of what Sphinx adds, keeps its text: the arguments and the content of a
directive, the words of a role. Comments are not shown.

Keys of what `extract` gives: `error` ("deep" or "damaged"), or `html`.
"""

import re
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree, publish_parts
from docutils.io import DocTreeInput
from docutils.parsers.rst import Directive, directives, roles

SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "initial_header_level": 1,
    "line_length_limit": 2**26,  # as much as a text may have
    "report_level": 5,  # nothing is printed, nothing is fatal
    "halt_level": 5,
    "syntax_highlight": "none",
}
TARGET = re.compile(r"\s*<[^<>]*>$")  # of a reference: "the guide <guide>"
directive_known = directives.directive
role_known = roles.role


class AnyOption(dict[str, Any]):
    """The options of a directive, and whatever else Sphinx or another program gives it."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class Unknown(Directive):  # type: ignore[misc]  # of a library without types
    """A directive that docutils does not know, as its text."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = AnyOption(name=directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """Its arguments as a paragraph, and its content."""
        named = [nodes.paragraph(text=text) for text in self.arguments]
        inner = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, inner)
        return [*named, *inner.children]


class Nothing(Unknown):
    """A directive that only repeats what stands elsewhere: a table of contents."""

    def run(self) -> list[nodes.Node]:
        """Nothing."""
        return []


def extract(file: str) -> dict[str, Any]:
    """The document as HTML, or what is wrong with it."""
    with open(file, encoding="utf-8") as content:
        text = content.read()
    directives.directive, roles.role = _directive, _role
    try:
        tree = publish_doctree(text, settings_overrides=SETTINGS)
        _as_text(tree)
        parts = publish_parts(
            tree, source_class=DocTreeInput, reader="doctree", writer="html5", settings_overrides=SETTINGS
        )
    except RecursionError:
        return {"error": "deep"}
    except MemoryError:
        raise
    except Exception:  # the library raises all kinds of errors on odd texts
        return {"error": "damaged"}
    return {"html": parts["html_body"]}


def _directive(name: str, *where: Any) -> Any:
    known, messages = (Nothing, []) if name == "contents" else directive_known(name, *where)
    if not known:
        return Unknown, []
    known.option_spec = AnyOption(known.option_spec or {})
    return known, messages


def _role(name: str, *where: Any) -> Any:
    known, messages = role_known(name, *where)
    return (known, messages) if known else (_words, [])


def _words(role: str, raw: str, text: str, *where: Any, **options: Any) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The words of a role that docutils does not know, without what they point to."""
    words = TARGET.sub("", nodes.unescape(text)).lstrip("~!") or text
    return [nodes.inline(raw, words)], []


def _as_text(tree: nodes.document) -> None:
    """Put text in the place of what would be drawn, or read from files, and of what docutils complains of."""
    for node in list(tree.findall(lambda node: isinstance(node, tuple(TEXTS)))):
        node.parent.replace(node, next(TEXTS[kind](node) for kind in TEXTS if isinstance(node, kind)))


def _source(message: nodes.system_message) -> list[nodes.Node]:
    return list(message.findall(nodes.literal_block))  # what it could not make sense of


def _alternative(image: nodes.image) -> nodes.Node:
    words = nodes.inline("", image.get("alt", ""))
    return words if isinstance(image.parent, nodes.TextElement) else nodes.paragraph("", "", words)


TEXTS: dict[type[nodes.Element], Any] = {
    nodes.system_message: _source,
    nodes.image: _alternative,
    nodes.math: lambda formula: nodes.inline("", formula.astext()),
    nodes.math_block: lambda formula: nodes.literal_block("", formula.astext()),
}
