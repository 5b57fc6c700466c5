"""The team: who may use the console, how they sign in, and for how long. Needs the ledger only.

A part of the composition root, for the console and `ethogram team`. Passwords are kept as argon2id with the parameters
of RFC 9106's second choice (argon2-cffi's defaults); sessions and invitations as hashes of 256 random bits. Every
change is audited.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import threading
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Self

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.errors import InputError, LedgerError, UnknownNameError, UserError
from ethogram.model.team import Invitation, Role, Session, User
from ethogram.store import audit
from ethogram.store import team as kept

__all__ = ["Invitation", "Role", "Session", "Team", "ThrottledError", "User", "acting_as"]

SESSION: Final = dt.timedelta(days=30)
IDLE: Final = dt.timedelta(days=7)  # a session that nobody uses for so long ends
INVITED: Final = dt.timedelta(days=7)
FIRST: Final = dt.timedelta(days=1)  # the link that a new workspace prints
SHORTEST_PASSWORD: Final = 12
_LONGEST_PASSWORD: Final = 1_000
_SEEN_EVERY = dt.timedelta(minutes=1)
_TRIES, _WITHIN = 5, dt.timedelta(minutes=5)  # failures by e-mail address, and by four times as many by network address
_MOST_REMEMBERED = 10_000


class ThrottledError(UserError):
    """Too many failed sign-ins; `wait` says for how long."""

    code = "too_many_tries"
    retryable = True

    def __init__(self, wait: dt.timedelta) -> None:
        super().__init__(
            "too many failed sign-ins", hint=f"Try again in {max(1, round(wait.total_seconds() / 60))} minutes."
        )
        self.wait = wait


@contextlib.contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Whatever is audited inside is audited as done by somebody."""
    with audit.acting_as(actor):
        yield


class Team:
    """The users of a workspace's console.

    Args:
        hasher: of passwords; tests pass a cheap one.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, hasher: PasswordHasher | None = None) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()
        self._hasher = hasher or PasswordHasher()
        # Verified where there is no such user, so that the time tells nothing.
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())
        self._failures: dict[str, deque[dt.datetime]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    # --- invitations ------------------------------------------------------------------------------------------

    def first_token(self) -> str | None:
        """The token of a link that makes the first user, an admin; None where there is a user already.

        A new one each time it is asked for: the earlier ones are good for nothing any more.
        """
        now = self._clock.now()
        with self._database.writing() as connection:
            if kept.has_users(connection):
                return None
            token = secrets.token_urlsafe(32)
            kept.invite(connection, token, Role.ADMIN, "", now, now + FIRST, first=True)
        return token

    def is_new(self) -> bool:
        """Whether nobody ever became a user."""
        with self._database.reading() as connection:
            return not kept.has_users(connection)

    def invite(self, role: Role, email: str = "") -> tuple[Invitation, str]:
        """A new invitation with its token, which nobody can show again.

        Raises:
            InputError: the address cannot be one, or belongs to a user.
        """
        now, address = self._clock.now(), _address(email) if email.strip() else ""
        token = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            if address and kept.password_of(connection, address) is not None:
                raise InputError(f"`{address}` is a user already")
            made = kept.invite(connection, token, role, address, now, now + INVITED)
            self._note(connection, "invite", str(made.id), role=role.value, email=address)
        return made, token

    def invitations(self) -> tuple[Invitation, ...]:
        """The invitations that can be used, newest first."""
        with self._database.reading() as connection:
            return kept.invitations(connection, self._clock.now())

    def withdraw(self, number: int) -> None:
        """Makes an invitation good for nothing.

        Raises:
            UnknownNameError: there is no open one of that number.
        """
        with self._database.writing() as connection:
            if not kept.withdraw(connection, number):
                raise UnknownNameError(f"there is no open invitation {number}")
            self._note(connection, "withdraw invitation", str(number))

    def invited(self, token: str) -> Invitation | None:
        """The invitation of a token; None for one that was used, is too old, or was never given."""
        with self._database.reading() as connection:
            return kept.invitation(connection, token, self._clock.now())

    def accept(self, token: str, email: str, name: str, password: str, *, agent: str = "") -> str:
        """Makes the user that an invitation is for, and signs in: the session's token.

        Raises:
            InputError: the invitation is used or too old, or what was entered does not fit.
        """
        address, shown = _address(email), " ".join(name.split())
        if not 1 <= len(shown) <= 100:
            raise InputError("a name has 1 to 100 letters")
        _check(password, address)
        hashed = self._hasher.hash(password)
        now = self._clock.now()
        with self._database.writing() as connection:
            found = kept.invitation(connection, token, now)
            if found is None or not kept.use_invitation(connection, found.id, now):
                raise InputError("this invitation was used or is too old", hint="Ask for a new one.")
            if found.email and found.email != address:
                raise InputError(f"this invitation is for `{found.email}`", hint="Use that address.")
            if kept.password_of(connection, address) is not None:
                raise InputError(f"`{address}` is a user already", hint="Sign in instead.")
            user = kept.add_user(connection, address, shown, found.role, hashed, now)
            session = self._begin(connection, user, agent)
            self._note(connection, "join team", address, actor=address, role=found.role.value)
        return session

    # --- signing in -------------------------------------------------------------------------------------------

    def sign_in(self, email: str, password: str, *, source: str = "", agent: str = "") -> str | None:
        """The token of a new session; None when address and password do not go together.

        The answer and the time it takes are the same whether or not there is such a user.

        Args:
            source: the network address that asks, to slow down guessing.

        Raises:
            ThrottledError: too many have failed lately, for the user or from the source.
        """
        address = email.strip().casefold()[:320]
        now = self._clock.now()
        self._throttle(address, source, now)
        with self._database.reading() as connection:
            found = kept.password_of(connection, address)
        held = found[1] if found is not None else None
        good = self._verifies(held or self._nobodys, password[:_LONGEST_PASSWORD])
        if found is None or held is None or not good or found[0].disabled_at is not None:
            self._failed(address, source, now)
            return None
        with self._lock:
            self._failures.pop(f"user {address}", None)
        with self._database.writing() as connection:
            if self._hasher.check_needs_rehash(held):
                kept.change_user(connection, found[0].id, password=self._hasher.hash(password))
            return self._begin(connection, found[0], agent)

    def sign_on(
        self, email: str, name: str, *, role: Role | None = None, domains: Collection[str] = (), agent: str = ""
    ) -> str:
        """The token of a new session for somebody whose address a provider has verified.

        Users come in, and those who were invited by their address; others get a role where their address is of a
        domain whose people are welcome.

        Args:
            role: what somebody gets who is neither; None lets nobody else in.
            domains: of the addresses that get it.

        Raises:
            InputError: nobody lets them in.
        """
        address = _address(email)
        now = self._clock.now()
        with self._database.writing() as connection:
            found = kept.password_of(connection, address)
            if found is not None:
                if found[0].disabled_at is not None:
                    raise InputError(f"`{address}` may not sign in any more", hint="An admin can allow it again.")
                return self._begin(connection, found[0], agent)
            invited = next((each for each in kept.invitations(connection, now) if each.email == address), None)
            if invited is not None and kept.use_invitation(connection, invited.id, now):
                role = invited.role
            elif role is None or address.rpartition("@")[2] not in {each.casefold() for each in domains}:
                raise InputError(f"nobody has invited `{address}`", hint="An admin can, under Settings, Team.")
            shown = " ".join(name.split())[:100] or address
            user = kept.add_user(connection, address, shown, role, None, now)
            session = self._begin(connection, user, agent)
            self._note(connection, "join team", address, actor=address, role=role.value)
        return session

    def session(self, token: str) -> Session | None:
        """The session of a token; None for one that ended."""
        now = self._clock.now()
        with self._database.reading() as connection:
            found = kept.session(connection, token, now)
        if found is None or now - found.seen_at >= IDLE:
            return None
        if now - found.seen_at >= _SEEN_EVERY:
            with contextlib.suppress(LedgerError), self._database.writing() as connection:
                kept.note_seen(connection, found.id, now)
        return found

    def sign_out(self, session: Session) -> None:
        """Ends a session."""
        with self._database.writing() as connection:
            kept.end_sessions(connection, session.user.id, self._clock.now(), only=session.id)

    def sessions_of(self, user_id: int) -> tuple[Session, ...]:
        """The sessions of a user that last, newest first."""
        now = self._clock.now()
        with self._database.reading() as connection:
            return tuple(each for each in kept.sessions_of(connection, user_id, now) if now - each.seen_at < IDLE)

    def end_sessions(self, user_id: int, *, only: int | None = None, but: int | None = None) -> int:
        """How many sessions of a user ended: one, or all, or all but one."""
        with self._database.writing() as connection:
            ended = kept.end_sessions(connection, user_id, self._clock.now(), only=only, but=but)
            self._note(connection, "end sessions", str(user_id), ended=ended)
        return ended

    def change_password(self, session: Session, old: str, new: str) -> None:
        """Changes the password of who is signed in, and ends all other sessions.

        Raises:
            InputError: the old one is wrong, or the new one does not fit.
        """
        _check(new, session.user.email)
        with self._database.reading() as connection:
            found = kept.password_of(connection, session.user.email)
        if found is None or found[1] is None or not self._verifies(found[1], old[:_LONGEST_PASSWORD]):
            raise InputError("the old password is wrong")
        hashed = self._hasher.hash(new)
        with self._database.writing() as connection:
            kept.change_user(connection, session.user.id, password=hashed)
            kept.end_sessions(connection, session.user.id, self._clock.now(), but=session.id)
            self._note(connection, "change password", session.user.email)

    # --- users ------------------------------------------------------------------------------------------------

    def users(self) -> tuple[User, ...]:
        """Every user, oldest first."""
        with self._database.reading() as connection:
            return kept.users(connection)

    def user(self, number: int) -> User:
        """The user of a number.

        Raises:
            UnknownNameError: there is no such user.
        """
        with self._database.reading() as connection:
            return self._existing(connection, number)

    def set_role(self, number: int, role: Role) -> User:
        """The user with another role, which holds from the next request on.

        Raises:
            UnknownNameError: there is no such user.
            InputError: nobody would be left who may administer.
        """
        with self._database.writing() as connection:
            user = self._existing(connection, number)
            self._keep_one(connection, user, stays=role is Role.ADMIN)
            kept.change_user(connection, number, role=role.value)
            self._note(connection, "set role", user.email, role=role.value)
            return self._existing(connection, number)

    def disable(self, number: int) -> User:
        """The user, who cannot sign in any more; all sessions end at once.

        Raises:
            UnknownNameError: there is no such user.
            InputError: nobody would be left who may administer.
        """
        now = self._clock.now()
        with self._database.writing() as connection:
            user = self._existing(connection, number)
            self._keep_one(connection, user, stays=False)
            kept.change_user(connection, number, disabled_at=now)
            kept.end_sessions(connection, number, now)
            self._note(connection, "disable user", user.email)
            return self._existing(connection, number)

    def enable(self, number: int) -> User:
        """The user, who can sign in again.

        Raises:
            UnknownNameError: there is no such user.
        """
        with self._database.writing() as connection:
            user = self._existing(connection, number)
            kept.change_user(connection, number, disabled_at=None)
            self._note(connection, "enable user", user.email)
            return self._existing(connection, number)

    def prune(self) -> int:
        """How many sessions and invitations were removed that ended long ago."""
        with self._database.writing() as connection:
            return kept.prune(connection, self._clock.now() - SESSION)

    # --- inside -----------------------------------------------------------------------------------------------

    def _begin(self, connection: audit.Connection, user: User, agent: str) -> str:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        kept.add_session(connection, user.id, token, agent, now, now + SESSION)
        self._note(connection, "sign in", user.email, actor=user.email)
        return token

    def _existing(self, connection: audit.Connection, number: int) -> User:
        found = kept.user(connection, number)
        if found is None:
            raise UnknownNameError(f"there is no user {number}", hint="`ethogram team list` shows the users.")
        return found

    def _keep_one(self, connection: audit.Connection, user: User, *, stays: bool) -> None:
        is_admin = user.role is Role.ADMIN and user.disabled_at is None
        if is_admin and not stays and kept.count_admins(connection) < 2:
            raise InputError(
                f"`{user.email}` is the only one who may administer", hint="Make somebody else an admin first."
            )

    def _verifies(self, held: str, password: str) -> bool:
        try:
            return self._hasher.verify(held, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _throttle(self, address: str, source: str, now: dt.datetime) -> None:
        with self._lock:
            for key, most in ((f"user {address}", _TRIES), (f"from {source}", 4 * _TRIES)):
                failures = self._failures.get(key, deque())
                while failures and now - failures[0] >= _WITHIN:
                    failures.popleft()
                if len(failures) >= most:
                    raise ThrottledError(failures[0] + _WITHIN - now)

    def _failed(self, address: str, source: str, now: dt.datetime) -> None:
        with self._lock:
            if len(self._failures) >= _MOST_REMEMBERED:
                self._failures = {
                    key: failures for key, failures in self._failures.items() if now - failures[-1] < _WITHIN
                }
            for key in (f"user {address}", f"from {source}"):
                self._failures.setdefault(key, deque(maxlen=4 * _TRIES)).append(now)

    def _note(
        self, connection: audit.Connection, verb: str, about: str, *, actor: str = "local", **detail: object
    ) -> None:
        audit.record(connection, actor=actor, verb=verb, object=about, detail=detail, now=self._clock.now())


def _address(email: str) -> str:
    """An address as users are known by it.

    Raises:
        InputError: it cannot be one.
    """
    address = email.strip().casefold()
    name, at, domain = address.partition("@")
    if not (name and at and domain) or len(address) > 320 or not address.isprintable() or " " in address:
        raise InputError(f"`{email[:100]}` is no e-mail address", hint="Write one such as `ada@shop.example`.")
    return address


def _check(password: str, address: str) -> None:
    """Refuses passwords that are easily guessed (NIST SP 800-63B-4: length counts, rules about letters do not)."""
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise InputError(
            f"a password has at least {SHORTEST_PASSWORD} letters", hint="Three or four random words make a good one."
        )
    plain = password.casefold()
    if len(set(plain)) < 5 or (address.partition("@")[0] in plain and len(address.partition("@")[0]) > 3):
        raise InputError("this password is too easy to guess", hint="Three or four random words make a good one.")
