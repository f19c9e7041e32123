"""A failed build names its cause, which Packer alone often hides."""

from __future__ import annotations

from generator.build.explain import explain_failure, list_findings
from generator.tools.packer import Message, parse_message


def test_qemus_own_words_are_shown() -> None:
    """Packer says that QEMU did not start; only its log says why."""
    log = (
        "2026/01/01 packer-plugin-qemu: Qemu stderr: qemu-system-x86_64: warning: something small\n"
        "2026/01/01 packer-plugin-qemu: Qemu stderr: qemu-system-x86_64: could not open disk\n"
    )
    said = explain_failure([Message("error", "Build errored: Qemu failed to start.")], log, "")
    assert said == "QEMU did not start:\n  qemu-system-x86_64: could not open disk"


def test_a_machine_nobody_could_reach_shows_its_console() -> None:
    """Without colours and carriage returns."""
    console = "\x1b[1;31mKernel panic\x1b[0m: no root\r\n\r\nlast words\r\n"
    said = explain_failure([Message("error", "Timeout waiting for SSH.")], "", console)
    assert said.endswith("  Kernel panic: no root\n  last words")


def test_another_disc_shows_both_checksums() -> None:
    """Packer says it four times over; once is enough."""
    words = "[Checksums did not match for /srv/redos.iso.\nExpected: 0000\nGot: aed2\n*md5.digest]"
    errors = [f"error downloading ISO: {words}", f"Build 'qemu.iso' errored: error downloading ISO: {words}"]
    said = explain_failure([Message("error", text) for text in errors], "", "")
    assert said.splitlines()[1:] == [
        "  /srv/redos.iso",
        "  checksum declared  0000",
        "  checksum found     aed2",
    ]
    assert "image.iso_checksum" in said


def test_a_disc_that_does_not_come_says_why() -> None:
    """And which key of the spec names a copy."""
    error = Message("error", 'error downloading ISO: [Get "https://files.example/a.iso": no such host]')
    said = explain_failure([error], "", "")
    assert said.startswith("the installer's disc could not be downloaded (image.iso_url may name")
    assert said.endswith('\n  Get "https://files.example/a.iso": no such host')


def test_every_finding_of_the_image_check_is_listed() -> None:
    """The list is the error; the closing line is none of it."""
    messages = [
        Message("message", "image check: missing in the image: /usr/bin/consul"),
        Message("message", "image check: the user consul is missing\nimage check: failed, 2 findings"),
        Message("error", "Script exited with non-zero exit status: 1"),
    ]
    assert list_findings(messages) == ["missing in the image: /usr/bin/consul", "the user consul is missing"]
    assert explain_failure(messages, "", "").startswith("the image is not fit (2 findings):\n  missing")


def test_a_passed_check_is_no_finding() -> None:
    """Nor is anything else that the scripts print."""
    assert list_findings([Message("message", "image check: passed (debian13)")]) == []


def test_an_unknown_failure_shows_packers_last_lines() -> None:
    """And QEMU's, which may be the cause."""
    said = explain_failure([Message("message", "E: Unable to locate package nosuch")], "", "")
    assert "E: Unable to locate package nosuch" in said


def test_machine_readable_lines_are_read_back() -> None:
    """Commas and line ends in the text are escaped; the builder's name in front goes."""
    line = "1700000000,,ui,say,==> qemu.base: Starting VM%!(PACKER_COMMA) booting disk image"
    assert parse_message(line) == Message("say", "Starting VM, booting disk image")
    line = "1700000000,,ui,message,    qemu.base: one\\n    qemu.base: two"
    assert parse_message(line) == Message("message", "one\ntwo")
    assert parse_message("1700000000,qemu.base,artifact,0,files-count,1") is None
    assert parse_message("") is None
