"""Quoting: one filter per language, so that a value can never leave its place.

In: a value of the spec, the bundle or a profile (SecretStr included).  Out: the
text that stands for it in the file.  `parse(quote(x)) == x` holds for every
value that is not refused; what a language cannot express raises QuotingError.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pydantic import SecretStr

from generator.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Callable


class QuotingError(InputInvalid):
    """A value cannot be written in this language; the message never shows it, it may be secret."""


def _text(value: object) -> str:
    """Return the text of a value; a hand-written file comes as bytes."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.decode() if isinstance(value, bytes) else str(value)


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_YAML_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
# Everything that PyYAML's reader or its double-quoted scanner would not give back as it is.
_YAML_ESCAPED = re.compile(
    r'["\\]|[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]'
)
_NOT_IN_BLOCK = re.compile(
    r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SYSTEMD_PLAIN = re.compile(r"[A-Za-z0-9_/.,:+@=%~-]+")
_CONF_WORD = re.compile(r"[A-Za-z0-9_./:@+=~%^,*-]+")
_KS_DISK = re.compile(r"[A-Za-z0-9_.:+@=-]+(/[A-Za-z0-9_.:+@=-]+)*")
_KS_PACKAGE = re.compile(r"(@\^?)?[A-Za-z0-9][A-Za-z0-9._:+=~^-]*")
_SUDOERS_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_XML_ILLEGAL = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _one_line(value: object, language: str) -> str:
    text = _text(value)
    if CONTROL.search(text):
        raise QuotingError(f"a value for {language} holds a line break or a control character")
    return text


def _yaml_escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 -- the widths of YAML's \x, \u and \U
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def yaml_scalar(value: object) -> str:
    """Return a YAML scalar that reads back as the same value, in YAML 1.1 and 1.2 alike."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = _text(value)
    plain = not isinstance(value, SecretStr) and _YAML_PLAIN.fullmatch(text) is not None
    if plain and text.lower() not in _YAML_WORDS:
        return text
    return f'"{_YAML_ESCAPED.sub(_yaml_escape, text)}"'


def yaml_block(value: object, indent: int) -> str:
    """Return `value` as a literal block of a mapping whose content stands `indent` columns in.

    Text that a literal block cannot hold byte for byte becomes a quoted scalar.
    """
    text = _text(value)
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    # A first line that starts with a space would be read as deeper indentation.
    if not body or body[0] in " \n" or _NOT_IN_BLOCK.search(text):
        return f'"{_YAML_ESCAPED.sub(_yaml_escape, text)}"'
    chomping = {0: "-", 1: ""}.get(ends, "+")
    margin = " " * indent
    lines = "\n".join(margin + line if line else "" for line in body.split("\n"))
    return f"|{chomping}\n{lines}" + "\n" * max(0, ends - 1)


def hcl_string(value: object) -> str:
    r"""Return an HCL string for HCL 1 (Consul) and HCL 2 (Packer).

    `${` and `%{` would start a template: the first character is written as
    \uXXXX, which both languages know, because HCL 1 has no `$${`.
    """
    text = json.dumps(_one_line(value, "HCL"), ensure_ascii=False)
    return text.replace("${", "\\u0024{").replace("%{", "\\u0025{")


def packer_string(value: object) -> str:
    """Return an HCL string for a field in which Packer would expand `{{ }}` of its own."""
    return hcl_string(re.sub(r"\{\{", "{{`{{`}}", _one_line(value, "Packer")))


def shell_word(value: object) -> str:
    """Return one word of a POSIX shell."""
    return shlex.quote(_one_line(value, "the shell"))


def ks_word(value: object) -> str:
    """Return one word of a kickstart command; Anaconda splits lines as a shell does."""
    return shlex.quote(_one_line(value, "kickstart"))


def ks_disk(value: object) -> str:
    """Return a disk for `--only-use` and its like: without /dev/, and exactly one.

    A comma would name a second disk, a `*` or `|` several.
    """
    text = _one_line(value, "kickstart").removeprefix("/dev/")
    if not _KS_DISK.fullmatch(text):
        raise QuotingError("the install disk must be one path below /dev without commas or wildcards")
    return text


def ks_package(value: object) -> str:
    """Return one line of `%packages`: a package, `@group` or `@^environment`.

    That section has no quotes: a line that starts with % ends it, one with - leaves a package out.
    """
    text = _text(value)
    if not _KS_PACKAGE.fullmatch(text):
        raise QuotingError("a package for kickstart is not a plain name")
    return text


def ks_script(value: object) -> str:
    """Return a script for a kickstart section; a line that starts with % would end it."""
    text = _text(value)
    if re.search(r"^%", text, re.MULTILINE):
        raise QuotingError("a kickstart script holds a line that starts with %")
    return text.rstrip("\n")


def systemd_value(value: object) -> str:
    """Return one word of a unit setting that expands %-specifiers but may know no quotes.

    `AssertPathIsMountPoint=` or `EnvironmentFile=` take quotes as part of the path:
    what would need them is refused.
    """
    text = _one_line(value, "systemd")
    if not _SYSTEMD_PLAIN.fullmatch(text):
        raise QuotingError("a value for a systemd setting holds a space, a quote or a special character")
    return text.replace("%", "%%")


def systemd_word(value: object) -> str:
    """Return one word of a command line (`ExecStart=` and its like)."""
    text = _one_line(value, "systemd")
    if not _SYSTEMD_PLAIN.fullmatch(text):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text.replace("%", "%%").replace("$", "$$")


def ini_value(value: object) -> str:
    """Return the value of an INI file; it has no quotes, so edges must not be blank."""
    text = _one_line(value, "an INI file")
    if text != text.strip() or not text:
        raise QuotingError("a value for an INI file is empty or starts or ends with a space")
    return text


def xml_text(value: object) -> str:
    """Return text for an XML element or a double-quoted attribute."""
    text = _text(value)
    if _XML_ILLEGAL.search(text):
        raise QuotingError("a value for XML holds a control character")
    # Attribute values turn line breaks and tabs into spaces unless they are written as references.
    return escape(text, {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def xml_comment(value: object) -> str:
    """Return text for a comment in XML, where two hyphens end it.

    A hyphen that follows one, or stands at an end of the text, is written as a reference.
    """
    text = xml_text(value)
    return re.sub(r"(?<=-)-|^-|-$", "&#45;", text)


def sudoers_user(value: object) -> str:
    """Return one user of a sudoers file; %, + and # would name a group or a number, ALL everybody."""
    text = _text(value)
    if not _SUDOERS_USER.fullmatch(text) or text == "ALL":
        raise QuotingError("a value for sudoers is not the name of one user")
    return text


def repository_url(value: object) -> str:
    """Return one address of a list of addresses; a comma would end it, and is the same as %2C in a URL."""
    return ini_value(value).replace(",", "%2C")


def conf_word(value: object) -> str:
    """Return a plain word for files without any quoting (hosts, chrony, sysctl, sshd, udev)."""
    text = _text(value)
    if not _CONF_WORD.fullmatch(text):
        raise QuotingError("a value for a plain configuration file holds a space or a special character")
    return text


def pgpass_field(value: object) -> str:
    """Return one field of a password file of libpq, where a colon would end it."""
    return re.sub(r"([:\\])", r"\\\1", _one_line(value, "a password file"))


def sql_literal(value: object) -> str:
    """Return an SQL string literal; `standard_conforming_strings` is on, so a backslash is one."""
    return "'" + _one_line(value, "SQL").replace("'", "''") + "'"


def sql_name(value: object) -> str:
    """Return an SQL identifier in quotes."""
    return '"' + _one_line(value, "SQL").replace('"', '""') + '"'


def hba_line(value: object) -> str:
    """Return one line of pg_hba.conf as a quoted YAML scalar; words are checked one by one."""
    return yaml_scalar(" ".join(conf_word(word) for word in _one_line(value, "pg_hba").split(" ")))


FILTERS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        yaml_scalar,
        yaml_block,
        hcl_string,
        packer_string,
        shell_word,
        ks_word,
        ks_disk,
        ks_package,
        ks_script,
        systemd_value,
        systemd_word,
        ini_value,
        xml_text,
        xml_comment,
        sudoers_user,
        repository_url,
        conf_word,
        hba_line,
        pgpass_field,
        sql_literal,
        sql_name,
    )
}
"""What a template may end a `{{ }}` with."""
