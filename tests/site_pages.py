"""Hook of `make docs`: the README and the other pages of the root become pages of the site, and links are adapted to it.

A link to a file that is not part of the site, such as a module, becomes text: the site does not know where the source is.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OF_ROOT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md",
           "SECURITY.md": "security.md", "CODE_OF_CONDUCT.md": "conduct.md"}
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
CODE = re.compile(r"(```.*?```)", re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root."""
    from mkdocs.structure.files import File  # tests of links run without the program

    for source, page in OF_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Return the text of a page with links that lead to pages and pictures of the site."""
    path = page.file.src_uri
    source = next((each for each, name in OF_ROOT.items() if name == path), f"docs/{path}")
    known = {each.src_uri for each in files}
    parts = CODE.split(markdown)
    return "".join(part if at % 2 else LINK.sub(lambda found: adapted(found, source, path, known), part)
                   for at, part in enumerate(parts))


def adapted(found: re.Match[str], source: str, page: str, known: set[str]) -> str:
    """Return a link of the file `source` as a link of the page `page`, or its text where the site does not have the target."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found["target"]))
    inside = OF_ROOT.get(target, target.removeprefix("docs/"))
    if inside not in known:
        return found["text"]
    link = posixpath.relpath(inside, posixpath.dirname(page) or ".")
    return f"{found['picture']}[{found['text']}]({link}{found['anchor'] or ''})"
