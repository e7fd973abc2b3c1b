# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles on disk are what DESIGN promises; profiles that contradict themselves are refused with a sentence."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from wolfguard.errors import ConfigurationError
from wolfguard.policy.load import load_profile, parse_profile, profile_names, read_profile
from wolfguard.policy.place import policies

NIST_CURVES = ("secp256r1", "secp384r1", "secp521r1")
HYBRIDS = ("SecP256r1MLKEM768", "SecP384r1MLKEM1024")


@pytest.fixture
def document() -> dict[str, Any]:
    text = (policies() / "profiles" / "fips-hybrid.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return copy.deepcopy(loaded)


def refusal(document: object, name: str = "fips-hybrid") -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_profile(document, name)
    return str(caught.value)


def test_the_four_profiles_are_there() -> None:
    assert set(profile_names()) == {"fips-strict", "fips-hybrid", "cnsa-2.0-transition", "compat"}


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_keeps_the_floor(name: str) -> None:
    profile = read_profile(name).profile
    assert profile.name == name
    assert set(profile.versions) <= {"1.3", "1.2"}
    assert all("GCM" in suite for suite in profile.suites_tls13 + profile.suites_tls12)
    assert all("ECDHE" in suite for suite in profile.suites_tls12)
    assert "x25519" not in {group.lower() for group in profile.groups}
    assert not any("sha1" in signature for signature in profile.signatures)
    assert profile.minimum_rsa_bits >= 2048
    assert profile.require_extended_master_secret
    assert profile.record_limit <= 2**24
    assert not any("sha1" in signature.lower() for signature in profile.certificate_signatures)
    assert not profile.tickets


def test_strict_has_nist_curves_alone() -> None:
    profile = read_profile("fips-strict").profile
    assert profile.groups == NIST_CURVES
    assert profile.key_shares == ()
    assert profile.approved
    assert profile.not_validated == ()


def test_hybrid_prefers_hybrids_and_says_that_they_are_not_validated() -> None:
    profile = read_profile("fips-hybrid").profile
    assert profile.groups == HYBRIDS + NIST_CURVES
    assert profile.key_shares == HYBRIDS
    assert profile.approved
    assert profile.not_validated == HYBRIDS
    assert profile.not_approved == ()


def test_compat_says_that_it_is_not_approved() -> None:
    profile = read_profile("compat").profile
    assert not profile.approved
    assert profile.not_approved == ("X25519MLKEM768", "require_extended_master_secret_dtls")
    assert not profile.require_extended_master_secret_dtls


def test_cnsa_has_one_strength_alone() -> None:
    profile = read_profile("cnsa-2.0-transition").profile
    assert profile.versions == ("1.3",)
    assert all("AES_256_GCM_SHA384" in suite for suite in profile.suites_tls13 + profile.suites_dtls12)
    assert profile.groups == profile.key_shares == ("SecP384r1MLKEM1024", "MLKEM1024")
    assert profile.signatures == ("mldsa87", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384")
    assert (profile.certificate_keys, profile.minimum_rsa_bits) == (("secp384r1", "rsa"), 3072)
    assert profile.require_hybrid
    assert profile.not_validated == ("SecP384r1MLKEM1024", "MLKEM1024", "mldsa87")


def test_nothing_claims_to_meet_cnsa() -> None:
    files = [*(policies() / "profiles").iterdir(), policies() / "schema" / "profile.yml"]
    assert not any("compliant" in file.read_text(encoding="utf-8").lower() for file in files)


@pytest.mark.parametrize("name", profile_names())
def test_every_value_has_a_document_as_its_source(name: str) -> None:
    statements = read_profile(name).statements
    assert len(statements) > 15
    assert all(statement.source for statement in statements)


@pytest.mark.parametrize("name", ["", "nothing", "../schema/profile", "FIPS-STRICT", "fips-strict\n", "a" * 100])
def test_unknown_names_are_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError, match="fips-strict"):
        load_profile(name)


def test_a_document_must_be_a_mapping() -> None:
    assert "mapping" in refusal(["fips-hybrid"])


def test_unknown_algorithms_are_refused_with_their_place(document: dict[str, Any]) -> None:
    document["suites_tls13"][0]["value"] = "TLS_CHACHA20_POLY1305_SHA256"
    text = refusal(document)
    assert "suites_tls13.0.value" in text
    assert "unallowed" in text


def test_unknown_keys_are_refused(document: dict[str, Any]) -> None:
    document["early_data"] = True
    assert "early_data: unknown field" in refusal(document)


def test_the_name_must_be_that_of_the_file(document: dict[str, Any]) -> None:
    assert "must be that of the file" in refusal(document, "other")


def test_a_source_that_is_not_listed_is_refused(document: dict[str, Any]) -> None:
    document["groups"][0]["source"] = "hearsay"
    assert "hearsay" in refusal(document)


def test_a_value_may_stand_only_once(document: dict[str, Any]) -> None:
    document["groups"].append(dict(document["groups"][0]))
    assert "groups names a value twice" in refusal(document)


def test_key_shares_are_some_of_the_groups(document: dict[str, Any]) -> None:
    document["key_shares"][0]["value"] = "X25519MLKEM768"
    assert "key_shares names X25519MLKEM768 as not-validated, groups does not" in refusal(document)
    document["key_shares"] = [document["groups"][2] | {"standing": "not-validated"}]
    assert "key_shares names secp256r1 as not-validated" in refusal(document)
    document["key_shares"] = []
    assert parse_profile(document, "fips-hybrid").profile.key_shares == ()


def test_suites_and_versions_must_fit(document: dict[str, Any]) -> None:
    document["suites_tls12"] = []
    assert "come together" in refusal(document)


def test_a_required_hybrid_excludes_tls_1_2(document: dict[str, Any]) -> None:
    document["require_hybrid"]["value"] = True
    assert "take 1.2 out" in refusal(document)
    document["versions"] = [entry for entry in document["versions"] if entry["value"] == "1.3"]
    document["suites_tls12"] = []
    assert parse_profile(document, "fips-hybrid").profile.require_hybrid


def test_installed_and_checked_out_files_are_found() -> None:
    assert isinstance(policies(), Path)
    assert (policies() / "schema" / "profile.yml").is_file()
