"""Quoting: what a language reads back is the value that was quoted, whatever it holds."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import hcl2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from generator.render import quoting

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")))
"""One line of any characters; control characters are refused everywhere but in YAML."""

NASTY = (
    "",
    " ",
    "${path.root}",
    "%{ for x in y }",
    "{{ node.secret }}",
    "{% raw %}",
    "'; rm -rf / #",
    'a"b\\c',
    "%post",
    "yes",
    "12",
    "0x1F",
    "1e3",
    "0o17",
    "12:30:45",
    "2026-01-01",
    "~",
    "null",
    "- a",
    "a: b",
    "# comment",
    "*alias",
    "&anchor",
    "<<",
    "=",
    "привет",
    "\U0001f418",
)


@given(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(NASTY)))
def test_yaml_scalar_reads_back(value: str) -> None:
    """Any text is the same text after a YAML reader, never a number, a date or null."""
    assert yaml.safe_load(quoting.yaml_scalar(value)) == value
    assert yaml.safe_load(f"key: {quoting.yaml_scalar(value)}") == {"key": value}
    assert yaml.safe_load(f"- {quoting.yaml_scalar(value)}") == [value]


@given(st.one_of(st.booleans(), st.integers(), st.none()))
def test_yaml_scalar_keeps_types(value: bool | int | None) -> None:  # noqa: FBT001 -- a value under test
    """Numbers, flags and null stay what they are."""
    assert yaml.safe_load(quoting.yaml_scalar(value)) == value


@given(
    st.text(st.one_of(st.sampled_from("\n\n \t#-:|a"), st.characters(exclude_categories=["Cs"]))),
    st.integers(4, 9),
)
def test_yaml_block_keeps_every_byte(value: str, indent: int) -> None:
    """A file's content comes through a literal block unchanged, its last line breaks included."""
    margin = " " * (indent - 4)
    text = f"{margin}- content: {quoting.yaml_block(value, indent)}\n{margin}  mode: x\n"
    assert yaml.safe_load(text) == [{"content": value, "mode": "x"}]


def unescape_hcl(quoted: str) -> str:
    """Read an HCL string literal: no template may start in it, escapes are those of JSON."""
    assert "${" not in quoted
    assert "%{" not in quoted
    value: str = json.loads(quoted)
    return value


@given(st.one_of(LINE, st.sampled_from(NASTY)))
def test_hcl_string_reads_back(value: str) -> None:
    """No template starts in an HCL string, and its escapes give the value back."""
    assert unescape_hcl(quoting.hcl_string(value)) == value


@pytest.mark.parametrize("value", NASTY)
def test_hcl_string_is_one_token_for_a_parser(value: str) -> None:
    """An independent HCL parser sees one attribute that holds one string."""
    parsed = hcl2.loads(f"key = {quoting.hcl_string(value)}\nafter = 1\n")
    assert set(parsed) >= {"key", "after"}
    assert parsed["after"] == 1


@given(st.one_of(LINE, st.sampled_from(NASTY)))
def test_packer_string_leaves_nothing_to_expand(value: str) -> None:
    """Packer's own template sees the text of `{{`, never an action of ours or the user's."""
    text = unescape_hcl(quoting.packer_string(value))
    assert re.sub(r"\{\{`\{\{`\}\}", "{{", text) == value
    assert "{{" not in text.replace("{{`{{`}}", "")


@given(st.one_of(LINE, st.sampled_from(NASTY)))
def test_shell_word_reads_back(value: str) -> None:
    """A shell sees one word."""
    assert shlex.split(quoting.shell_word(value)) == [value]


@given(st.one_of(LINE, st.sampled_from(NASTY)))
def test_ks_word_reads_back(value: str) -> None:
    """Kickstart splits its lines with shlex and drops comments: still one word."""
    assert shlex.split(f"sshkey {quoting.ks_word(value)}", comments=True) == ["sshkey", value]


def read_systemd_words(line: str) -> list[str]:
    """Split a command line as systemd.service(5) says: quotes, specifiers, variables."""
    words = shlex.split(line)
    assert not re.search(r"(?<!%)(%%)*%(?!%)", line)
    assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", line)
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


@given(st.one_of(LINE, st.sampled_from(NASTY)))
def test_systemd_word_reads_back(value: str) -> None:
    """Systemd sees one word without a specifier or a variable."""
    assert read_systemd_words(f"/bin/true {quoting.systemd_word(value)}") == ["/bin/true", value]


@given(LINE)
def test_systemd_value_is_one_plain_word_or_is_refused(value: str) -> None:
    """Settings that name a path know no quotes: only what needs none gets through."""
    try:
        quoted = quoting.systemd_value(value)
    except quoting.QuotingError:
        assert not re.fullmatch(r"[A-Za-z0-9_/.-]+", value)
        return
    assert quoted.replace("%%", "%") == value
    assert not set(quoted) & set("\"'\\ \t$")


@given(LINE)
def test_ini_value_reads_back_or_is_refused(value: str) -> None:
    """An INI reader gets the value; what INI cannot hold is refused."""
    if not value or value != value.strip():
        with pytest.raises(quoting.QuotingError):
            quoting.ini_value(value)
        return
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(f"[section]\nkey={quoting.ini_value(value)}\n")
    assert parser["section"]["key"] == value


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp"))))
def test_xml_text_reads_back(value: str) -> None:
    """An XML reader gets the value from an element and from an attribute."""
    quoted = quoting.xml_text(value)
    element = ET.fromstring(f'<a b="{quoted}">{quoted}</a>')  # noqa: S314 -- text of our own
    assert (element.text or "", element.get("b")) == (value, value)


@given(
    st.text(
        st.sampled_from("-- ab<&>\"'\n")
        | st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp"))
    )
)
def test_xml_comment_stays_a_comment(value: str) -> None:
    """Two hyphens in a name end a comment, and the parser refuses the file."""
    for shape in ("<a><!-- {} --></a>", "<a><!--{}--></a>", "<a><!-- x{}.x --></a>"):
        element = ET.fromstring(shape.format(quoting.xml_comment(value)))  # noqa: S314 -- text of our own
        assert element.tag == "a"
        assert not list(element)
        assert not element.text


@given(st.text())
def test_sudoers_user_is_one_user_or_is_refused(value: str) -> None:
    """Never a group (%), a netgroup (+), a number (#), a list, an alias for everybody."""
    try:
        quoted = quoting.sudoers_user(value)
    except quoting.QuotingError:
        return
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", quoted)
    assert quoted != "ALL"


@given(LINE)
def test_repository_url_is_one_of_a_list(value: str) -> None:
    """Dnf splits addresses at commas and spaces."""
    try:
        quoted = quoting.repository_url(value)
    except quoting.QuotingError:
        return
    assert "," not in quoted
    assert quoted.replace("%2C", ",") == value.replace("%2C", ",")


@given(st.text())
def test_ks_package_is_one_package_or_is_refused(value: str) -> None:
    """No section ends or begins, nothing is left out, no option, no comment."""
    try:
        quoted = quoting.ks_package(value)
    except quoting.QuotingError:
        return
    assert quoted == value
    assert re.fullmatch(r"(@\^?)?[A-Za-z0-9][!-~]*", quoted)
    assert shlex.split(quoted, comments=True) == [quoted]


@given(st.text())
def test_conf_word_is_one_word_or_is_refused(value: str) -> None:
    """A file without quotes gets words of harmless characters only."""
    try:
        quoted = quoting.conf_word(value)
    except quoting.QuotingError:
        assert not re.fullmatch(r"[A-Za-z0-9_./-]+", value)
        return
    assert quoted == value
    assert re.fullmatch(r"[!-~]+", quoted)
    assert not set(quoted) & set("\"'`\\#;&|<>$(){}[]!?")


ONE_LINE_FILTERS: tuple[Callable[[object], str], ...] = (
    quoting.hcl_string,
    quoting.packer_string,
    quoting.shell_word,
    quoting.ks_word,
    quoting.ks_disk,
    quoting.ks_package,
    quoting.sudoers_user,
    quoting.repository_url,
    quoting.systemd_value,
    quoting.systemd_word,
    quoting.ini_value,
    quoting.conf_word,
    quoting.hba_line,
    quoting.pgpass_field,
    quoting.sql_literal,
    quoting.sql_name,
)


@pytest.mark.parametrize("quote", ONE_LINE_FILTERS)
@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\x1b", "\x85", "\u2028"])
def test_no_line_is_injected(quote: Callable[[object], str], end: str) -> None:
    """A line break ends no line of ours: it is refused, and the message does not show the value."""
    shown = "swordfish"
    with pytest.raises(quoting.QuotingError) as caught:
        quote(SecretStr(f"{shown}{end}%post"))
    assert shown not in str(caught.value)


@pytest.mark.parametrize("disk", ["/dev/sda,sdb", "/dev/sd*", "sda sdb", "/dev/sda|sdb", "", "/dev/"])
def test_trap_03_an_install_disk_is_exactly_one(disk: str) -> None:
    """A list or a pattern in --only-use would hand over a data disk."""
    with pytest.raises(quoting.QuotingError):
        quoting.ks_disk(disk)


def test_a_disk_by_id_keeps_its_path() -> None:
    """Anaconda takes paths below /dev."""
    assert quoting.ks_disk("/dev/disk/by-id/wwn-0x5000c500a0b1c2d3") == "disk/by-id/wwn-0x5000c500a0b1c2d3"


def test_a_script_cannot_end_its_section() -> None:
    """Kickstart ends a section at a line that starts with %."""
    with pytest.raises(quoting.QuotingError):
        quoting.ks_script("echo 1\n%end\n")


@pytest.mark.parametrize("quote", [quoting.yaml_scalar, quoting.hcl_string, quoting.shell_word])
def test_secrets_are_written_and_stay_text(quote: Callable[[object], str]) -> None:
    """A secret that looks like a number is quoted like any text."""
    assert "1234" in quote(SecretStr("1234"))
    assert yaml.safe_load(quoting.yaml_scalar(SecretStr("yes"))) == "yes"
    assert yaml.safe_load(quoting.yaml_scalar(SecretStr("1234"))) == "1234"
