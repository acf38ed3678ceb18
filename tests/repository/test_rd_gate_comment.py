"""The comment on a pull request: its pages have no effect, are cut and closed, hide nothing."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from markdown_it import MarkdownIt

from tests.helpers.actions import COMMENT


def comment_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rd_gate_comment", COMMENT / "comment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


comment = comment_module()
HOSTILE = """<script>alert(1)</script>
<details onclick="x">
<details>
<img src=x onerror=y>
<summary><b>@someone</b></summary>
~~~
```js
@someone #12 [click](https://example.org) ![](https://example.org/x.png) www.example.org
&commat;someone &#64;someone &num;12 GH\\-12 www\\.example.org https:\\//example.org
$\\color{green}x$
[ref]: https://example.org
\\[not](x) \\\\[yes](https://example.org)
```text
</code></pre><script>
[x](y) @someone
"""


def test_pages_of_a_pull_request_have_no_effect_in_the_comment(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(HOSTILE)
    (tmp_path / "secret.md").symlink_to("/etc/hostname")
    (tmp_path / "status").write_text("<b>passed</b>")
    url = "https://github.example/run"
    text = comment.composed([("cpu", tmp_path, "success")], "a" * 40, url)
    assert "- **cpu**: it left no results" in text
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    tags = set(re.findall(r"<(\w+[^>]*)>", html))
    assert tags <= {"h2", "ul", "li", "strong", "p", f'a href="{url}"', "details", "summary", "pre"}
    shown = re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL).replace(url, "")
    assert not re.search(r"@\w|#\d|://|www\.|GH-\d", shown.replace("&amp;#", ""))
    assert not re.search(r"(?<!\\)\$", text)
    assert html.rstrip().endswith("</details>") or "</pre>" in html
    assert Path("/etc/hostname").read_text().strip() not in text


def test_long_pages_are_cut_and_closed(tmp_path: Path) -> None:
    for name, folder in (("cpu", tmp_path / "a"), ("gpu", tmp_path / "b")):
        folder.mkdir()
        lines = ["<details>", "<summary>all</summary>", "", "```text", *["x" * 99] * 2000]
        (folder / f"1-{name}.md").write_text("\n".join(lines))
        (folder / f"2-{name}.md").write_text(f"### the last of {name}\n")
    parts = [("cpu", tmp_path / "a", "success"), ("gpu", tmp_path / "b", "success")]
    text = comment.composed(parts, "a" * 40, "https://github.example/run")
    assert len(text.encode()) <= 60_000
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.count("<pre>") == text.count("</pre>") == 2
    assert "the last of cpu" in text
    assert "the last of gpu" in text
    assert text.count("left out for want of room") == 2


@pytest.mark.parametrize(
    "pages",
    [
        {"page.md": "<details>\n" * 20_000},
        {f"{number}.md": "more\n" for number in range(3000)},
        {"page.md": "```text\n" + "&\n" * 70_000},
    ],
    ids=["folds", "pages", "code"],
)
def test_no_page_makes_the_comment_too_long_to_post(tmp_path: Path, pages: dict[str, str]) -> None:
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    parts = [("cpu", tmp_path, "failure")]
    text = comment.composed(parts, "a" * 40, "https://github.example/run")
    assert len(text.encode()) <= 60_000
    assert text.count("<details>") == text.count("</details>")


def test_a_page_hides_nothing_of_the_next(tmp_path: Path) -> None:
    (tmp_path / "1.md").write_text("</details>\n<details>\n<summary>all</summary>\n")
    (tmp_path / "2.md").write_text("### the next\n")
    parts = [("cpu", tmp_path, "success")]
    text = comment.composed(parts, "a" * 40, "https://github.example/run")
    _, _, rest = text.partition("<details>")
    assert "</details>" in rest.partition("### the next")[0], text


def test_what_a_failed_run_left_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("0\n")
    for result, told in (("success", "passed"), ("failure", "failed: its run ended with failure")):
        text = comment.composed([("cpu", tmp_path, result)], "a" * 40, "https://github.example/run")
        assert f"- **cpu**: {told}\n" in text
