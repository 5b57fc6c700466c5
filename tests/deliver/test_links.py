"""Links in messages are ours, or they lead nowhere."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.deliver.links import PATHS, Link, Purpose, Signer, signer
from ethogram.store.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = b"k" * 32, b"o" * 32
ID = "msg_" + "0123456789abcdef" * 2
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
links = st.builds(
    Link,
    st.sampled_from(Purpose),
    st.just(ID) | texts.filter(lambda text: 0 < len(text.encode()) < 256),
    number=st.integers(0, 65_535),
    url=texts,
)


@given(links)
def test_what_was_signed_is_read_back(link: Link) -> None:
    token = Signer([KEY]).sign(link)
    assert Signer([KEY]).verify(token, link.purpose) == link
    assert all(character.isalnum() or character in "-_" for character in token)


@given(links, st.sampled_from(Purpose))
def test_a_token_is_good_for_one_purpose(link: Link, purpose: Purpose) -> None:
    assert (Signer([KEY]).verify(Signer([KEY]).sign(link), purpose) is None) == (purpose != link.purpose)


@given(links, st.data())
def test_a_changed_token_is_refused(link: Link, data: st.DataObject) -> None:
    token = Signer([KEY]).sign(link)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_=+/ é"))
    for changed in (token[:place] + letter + token[place + 1 :], token[:place], token + letter, letter + token):
        if changed != token:
            assert Signer([KEY]).verify(changed, link.purpose) is None


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_a_made_up_token_is_refused(made_up: bytes | str) -> None:
    token = base64.urlsafe_b64encode(made_up).decode() if isinstance(made_up, bytes) else made_up
    for purpose in Purpose:
        assert Signer([KEY]).verify(token, purpose) is None


def test_old_links_work_after_the_key_was_changed() -> None:
    link = Link(Purpose.UNSUBSCRIBE, ID)
    old, new = Signer([OTHER]).sign(link), Signer([KEY, OTHER]).sign(link)
    assert Signer([KEY, OTHER]).verify(old, Purpose.UNSUBSCRIBE) == link
    assert Signer([KEY]).verify(new, Purpose.UNSUBSCRIBE) == link
    assert Signer([KEY]).verify(old, Purpose.UNSUBSCRIBE) is None


def test_an_address_is_short_and_of_the_purpose() -> None:
    address = Signer([KEY]).address("https://n.example/", Link(Purpose.UNSUBSCRIBE, ID))
    assert address.startswith("https://n.example" + PATHS[Purpose.UNSUBSCRIBE])
    assert len(address) < 70
    assert len(set(PATHS.values())) == len(Purpose)


@pytest.mark.parametrize("link", [
    Link(Purpose.CLICK, ID, 1, "https://x.example/" + "a" * 9_000), Link(Purpose.CLICK, "", 1),
    Link(Purpose.CLICK, ID, -1), Link(Purpose.CLICK, "x" * 256),
])  # fmt: skip
def test_what_makes_no_token_is_refused(link: Link) -> None:
    with pytest.raises(ValueError, match=r"too long|no message's id|fewer links"):
        Signer([KEY]).sign(link)


@pytest.mark.parametrize("keys", [[], [b"short"], [KEY, b""]])
def test_a_short_key_signs_nothing(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        Signer(keys)


def test_the_workspace_makes_its_key_once(tmp_path: Path) -> None:
    link = Link(Purpose.OPEN, ID)
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger, ThreadPoolExecutor(4) as pool:
        tokens = {each.sign(link) for each in pool.map(lambda _: signer(ledger.database), range(8))}
        kept = ledger.setting("links_key")
    assert len(tokens) == 1
    assert len(kept[0]) == 64
