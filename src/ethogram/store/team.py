"""Users, sessions and invitations in the ledger.

Step of the path: beside it; the console's. Statements inside the caller's transaction. Tokens come in and are kept as
SHA-256: they are 256 random bits, so their hash tells nothing. Passwords come in hashed already.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.team import Invitation, Role, Session, User
from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt

_USERS, _SESSIONS, _INVITATIONS = tables.users, tables.sessions, tables.invitations
_USER_COLUMNS: list[sa.Column[Any]] = [
    _USERS.c[name] for name in ("id", "email", "name", "role", "created_at", "signed_in_at", "disabled_at")
]
_LONGEST_AGENT = 300


def digest(token: str) -> str:
    """What the ledger keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def has_users(connection: sa.Connection) -> bool:
    """Whether anybody ever became a user."""
    return connection.execute(sa.select(_USERS.c.id).limit(1)).first() is not None


def users(connection: sa.Connection) -> tuple[User, ...]:
    """Every user, oldest first."""
    return tuple(_user(row) for row in connection.execute(sa.select(*_USER_COLUMNS).order_by(_USERS.c.id)))


def user(connection: sa.Connection, number: int) -> User | None:
    """The user of a number."""
    row = connection.execute(sa.select(*_USER_COLUMNS).where(_USERS.c.id == number)).first()
    return None if row is None else _user(row)


def password_of(connection: sa.Connection, email: str) -> tuple[User, str | None] | None:
    """The user of an address with the hash of the password; None where there is no such user."""
    query: sa.Select[Any] = sa.select(*_USER_COLUMNS, _USERS.c.password)
    row = connection.execute(query.where(_USERS.c.email == email)).first()
    return None if row is None else (_user(row), row.password)


def add_user(
    connection: sa.Connection, email: str, name: str, role: Role, password: str | None, now: dt.datetime
) -> User:
    """The new user.

    Raises:
        IntegrityError: the address is taken.
    """
    facts = {"email": email, "name": name, "role": role.value, "password": password, "created_at": now}
    connection.execute(_USERS.insert().values(**facts))
    row = connection.execute(sa.select(*_USER_COLUMNS).where(_USERS.c.email == email)).one()
    return _user(row)


def change_user(connection: sa.Connection, number: int, **facts: Any) -> None:
    """Changes columns of a user."""
    connection.execute(_USERS.update().where(_USERS.c.id == number).values(**facts))


def count_admins(connection: sa.Connection) -> int:
    """How many users may administer; on PostgreSQL their rows are held until the transaction ends."""
    found = connection.execute(
        sa.select(_USERS.c.id)
        .where((_USERS.c.role == Role.ADMIN.value) & _USERS.c.disabled_at.is_(None))
        .with_for_update()
    )
    return len(found.all())


# --- sessions -------------------------------------------------------------------------------------------------------


def add_session(
    connection: sa.Connection, user_id: int, token: str, agent: str, now: dt.datetime, expires_at: dt.datetime
) -> None:
    """Notes a session of a user."""
    connection.execute(
        _SESSIONS.insert().values(
            hash=digest(token),
            user=user_id,
            created_at=now,
            seen_at=now,
            expires_at=expires_at,
            agent=agent[:_LONGEST_AGENT],
        )
    )
    change_user(connection, user_id, signed_in_at=now)


def session(connection: sa.Connection, token: str, now: dt.datetime) -> Session | None:
    """The session of a token, unless it ended or its user is disabled."""
    row = connection.execute(_joined().where((_SESSIONS.c.hash == digest(token)) & _lasting(now))).first()
    return None if row is None else _session(row)


def sessions_of(connection: sa.Connection, user_id: int, now: dt.datetime) -> tuple[Session, ...]:
    """The sessions of a user that last, newest first."""
    query = _joined().where((_SESSIONS.c.user == user_id) & _lasting(now)).order_by(_SESSIONS.c.id.desc())
    return tuple(_session(row) for row in connection.execute(query))


def note_seen(connection: sa.Connection, number: int, now: dt.datetime) -> None:
    """Notes that a session is in use."""
    connection.execute(_SESSIONS.update().where(_SESSIONS.c.id == number).values(seen_at=now))


def end_sessions(
    connection: sa.Connection, user_id: int, now: dt.datetime, *, only: int | None = None, but: int | None = None
) -> int:
    """How many sessions of a user ended: one, or all, or all but one."""
    chosen = (_SESSIONS.c.user == user_id) & _SESSIONS.c.revoked_at.is_(None)
    if only is not None:
        chosen &= _SESSIONS.c.id == only
    if but is not None:
        chosen &= _SESSIONS.c.id != but
    return connection.execute(_SESSIONS.update().where(chosen).values(revoked_at=now)).rowcount


def prune(connection: sa.Connection, before: dt.datetime) -> int:
    """Removes sessions and invitations that ended before an instant; returns how many."""
    ended = connection.execute(_SESSIONS.delete().where(_SESSIONS.c.expires_at < before)).rowcount
    return ended + connection.execute(_INVITATIONS.delete().where(_INVITATIONS.c.expires_at < before)).rowcount


# --- invitations ----------------------------------------------------------------------------------------------------


def invite(
    connection: sa.Connection,
    token: str,
    role: Role,
    email: str,
    now: dt.datetime,
    expires_at: dt.datetime,
    *,
    first: bool = False,
) -> Invitation:
    """Notes an invitation; a new first link replaces the earlier ones."""
    if first:
        connection.execute(_INVITATIONS.delete().where(_INVITATIONS.c.first & _INVITATIONS.c.used_at.is_(None)))
    facts = {"role": role.value, "email": email, "first": first, "created_at": now, "expires_at": expires_at}
    connection.execute(_INVITATIONS.insert().values(hash=digest(token), **facts))
    row = connection.execute(sa.select(_INVITATIONS).where(_INVITATIONS.c.hash == digest(token))).one()
    return _invitation(row)


def invitation(connection: sa.Connection, token: str, now: dt.datetime) -> Invitation | None:
    """The invitation of a token, unless it was used or is too old."""
    row = connection.execute(
        sa.select(_INVITATIONS)
        .where(
            (_INVITATIONS.c.hash == digest(token))
            & _INVITATIONS.c.used_at.is_(None)
            & (_INVITATIONS.c.expires_at > now)
        )
        .with_for_update()
    ).first()
    return None if row is None else _invitation(row)


def invitations(connection: sa.Connection, now: dt.datetime) -> tuple[Invitation, ...]:
    """The invitations that can be used, newest first; not the first link."""
    open_ = _INVITATIONS.c.used_at.is_(None) & (_INVITATIONS.c.expires_at > now) & ~_INVITATIONS.c.first
    query = sa.select(_INVITATIONS).where(open_).order_by(_INVITATIONS.c.id.desc())
    return tuple(_invitation(row) for row in connection.execute(query))


def use_invitation(connection: sa.Connection, number: int, now: dt.datetime) -> bool:
    """Whether an invitation was open until now; it is used from now on."""
    open_ = (_INVITATIONS.c.id == number) & _INVITATIONS.c.used_at.is_(None)
    return bool(connection.execute(_INVITATIONS.update().where(open_).values(used_at=now)).rowcount)


def withdraw(connection: sa.Connection, number: int) -> bool:
    """Whether there was an open invitation of that number; there is none any more."""
    open_ = (_INVITATIONS.c.id == number) & _INVITATIONS.c.used_at.is_(None)
    return bool(connection.execute(_INVITATIONS.delete().where(open_)).rowcount)


def _joined() -> sa.Select[Any]:
    columns = [
        _SESSIONS.c[name].label(f"session_{name}") for name in ("id", "created_at", "seen_at", "expires_at", "agent")
    ]
    return sa.select(*_USER_COLUMNS, *columns).join(_USERS, _USERS.c.id == _SESSIONS.c.user)


def _lasting(now: dt.datetime) -> sa.ColumnElement[bool]:
    return _SESSIONS.c.revoked_at.is_(None) & (_SESSIONS.c.expires_at > now) & _USERS.c.disabled_at.is_(None)


def _user(row: sa.Row[Any]) -> User:
    return User(row.id, row.email, row.name, Role(row.role), row.created_at, row.signed_in_at, row.disabled_at)


def _session(row: sa.Row[Any]) -> Session:
    return Session(
        row.session_id,
        _user(row),
        row.session_created_at,
        row.session_seen_at,
        row.session_expires_at,
        row.session_agent,
    )


def _invitation(row: sa.Row[Any]) -> Invitation:
    return Invitation(row.id, Role(row.role), row.email, row.created_at, row.expires_at, row.used_at)
