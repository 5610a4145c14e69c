"""The signed heads of the audit trail's chains, locked while a chain grows, and the head of all chains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from wizard.storage.audit_chain import BEGUN_ANEW, NOTHING, ROOT, Head, Signer
from wizard.storage.crypto import Cipher
from wizard.storage.trail_tables import HEADS, AuditHeadRow
from wizard.storage.upsert import insert_or

_COLUMNS = tuple(HEADS.columns.keys())
_THESE = HEADS.c.chain.in_(bindparam("chains", expanding=True))
_LOCKED = select(HEADS).where(_THESE).order_by(HEADS.c.chain).with_for_update()
_BEGUN = select(func.count()).select_from(HEADS).where(_THESE)
_GROWN = ("length", "last", "key_id", "mac")
_GROW = update(HEADS).where(HEADS.c.chain == bindparam("of")).values({name: bindparam(name) for name in _GROWN})


class AuditHeads:
    """Where chains end. Heads go out once, as they are in the end: `keep` what was `held`."""

    def __init__(self, session: Session, signer: Signer) -> None:
        self._session = session
        self._signer = signer

    def held(self, chains: AbstractSet[str]) -> dict[str, Head]:
        """The heads of some chains, locked; those of new chains are begun, and counted in the head of all.

        In one order for everybody, the root before all others: two who append to several chains at once never wait for
        each other. (One who appends twice in a transaction has to see to that.)
        """
        if len(chains) > 1 and not self._all_begun(chains):
            self._root()
        heads = self._locked(chains)
        return heads if len(heads) == len(chains) else heads | self._begun(chains - heads.keys())

    def keep(self, heads: Iterable[Head]) -> None:
        """Sign and write those that are new or have grown."""
        changed = [head for head in heads if head.is_new or head.has_grown]
        for head in changed:
            head.key_id, head.mac = self._signer.head(head)
        new = [_row(head) for head in changed if head.is_new]
        grown = [{"of": head.chain, **_row(head, _GROWN)} for head in changed if not head.is_new]
        if new:
            self._connection.execute(insert(HEADS), new)
        if grown:
            self._connection.execute(_GROW, grown)

    @property
    def _connection(self) -> Connection:
        return self._session.connection()

    def _locked(self, chains: Collection[str]) -> dict[str, Head]:
        return {row.chain: Head(*row) for row in self._connection.execute(_LOCKED, {"chains": list(chains)})}

    def _begun(self, chains: AbstractSet[str]) -> dict[str, Head]:
        """The heads of new chains, and that of all."""
        root = self._root()
        # Whoever held the root before may have begun these very chains.
        heads = self._locked(chains)
        for chain in sorted(chains - heads.keys()):
            root.length, root.has_grown = root.length + 1, True
            heads[chain] = Head(chain, ordinal=root.length, length=0, last=NOTHING, is_new=True)
        return {ROOT: root, **heads}

    def _all_begun(self, chains: Collection[str]) -> bool:
        return self._connection.scalar(_BEGUN, {"chains": list(chains)}) == len(chains)

    def _root(self) -> Head:
        return self._locked({ROOT}).get(ROOT) or self._root_begun_anew()

    def _root_begun_anew(self) -> Head:
        """Somebody removed the root: the site goes on, and `verify` says so for good."""
        chains = self._connection.scalar(select(func.max(HEADS.c.ordinal))) or 0
        added = insert_or(self._session, AuditHeadRow).values(_root_row(self._signer, chains, BEGUN_ANEW))
        self._connection.execute(added.on_conflict_do_nothing(index_elements=["chain"]))
        return self._locked({ROOT})[ROOT]


def plant_root(connection: Connection, cipher: Cipher) -> None:
    """Make the head of all chains, in the transaction that makes the tables."""
    connection.execute(insert(HEADS).values(_root_row(Signer(cipher), 0, NOTHING)))


def _root_row(signer: Signer, length: int, last: str) -> dict[str, object]:
    root = Head(ROOT, ordinal=0, length=length, last=last)
    root.key_id, root.mac = signer.head(root)
    return _row(root)


def _row(head: Head, names: Iterable[str] = _COLUMNS) -> dict[str, object]:
    return {name: getattr(head, name) for name in names}
