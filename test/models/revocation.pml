// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Revoked snapshots: pager/epochs.hpp (enter_beside, make_revocable,
 * revoke_if, leave, oldest), database/read_pin.hpp and engine.hpp (reclaim).
 *
 * A snapshot has announced version 1 in a slot that may be revoked. Two uses
 * of it, reads or views, announce that version in slots of their own and then
 * look whether the snapshot was revoked. Commits publish versions; each
 * reclaims once, and may revoke one before; all that under the `work` mutex. A
 * third reader lets the slot of another snapshot go and takes it for the next,
 * as often as it is let.
 *
 * A use that was not refused must find version 1 until it ends; a refused one
 * must have been; and what a snapshot that was not revoked announces is kept.
 * Memory is sequentially consistent, as the code asks for.
 *
 * Left out: how a version becomes visible (epochs.pml), what is counted.
 *
 * Broken variants: LOOK_FIRST (a use looks before it announces), NO_SLOT (it
 * announces nothing), REVOKE_LAST (the reclaimer looks at the slots before it
 * revokes, and takes the snapshot's for revoked), REVOKE_ASIDE (who revokes
 * does so without `work`, beside a reclaimer), NO_NUMBER (a use of a slot has
 * no number: the next one is revoked in its place), SLOT_LET_GO (the snapshot
 * gives up its slot before a view made from it).
 */
#define USES 2 /* with the first slots */
#define IDLE 255
#define SNAPSHOT USES
#define OTHER (USES + 1) /* a snapshot that comes and goes */
#define SLOTS (USES + 2)

#define HELD 0
#define REVOCABLE 1
#define REVOKED 2

bool work = false;
byte visible = 1;
byte slot[SLOTS];
byte kind[SLOTS];
byte number[SLOTS];  /* of the use of the slot */
byte kept = 1;       /* the oldest version that has its pages */

inline revoke(i) { /* what `past` says of the slot, then the exchange */
    atomic { met = number[i]; seen = kind[i] }
    seen_version = slot[i];
    if
    :: seen == REVOCABLE && seen_version < visible ->
        atomic {
            if
#ifdef NO_NUMBER
            :: kind[i] == REVOCABLE ->
#else
            :: kind[i] == REVOCABLE && number[i] == met ->
#endif
                assert(slot[i] == seen_version); /* what was looked at */
                kind[i] = REVOKED
            :: else
            fi
        }
    :: else
    fi
}

inline look_at(i) {
    seen_version = slot[i];
    if
#ifdef REVOKE_LAST
    :: seen_version < least && i != SNAPSHOT && kind[i] != REVOKED ->
#else
    :: seen_version < least && kind[i] != REVOKED ->
#endif
        least = seen_version
    :: else
    fi
}

inline reclaim() {
    least = visible;
    i = 0;
    do
    :: i < SLOTS -> look_at(i); i++
    :: else -> break
    od;
    atomic {
        if
        :: least > kept -> kept = least
        :: else
        fi;
        i = 0
    }
}

proctype committer() {
    byte least, i, met, seen, seen_version;
    atomic { !work -> work = true; visible++ }
#ifdef REVOKE_LAST
    reclaim();
    revoke(SNAPSHOT);
#else
    if
#ifndef REVOKE_ASIDE
    :: revoke(SNAPSHOT)
    :: revoke(OTHER)
#endif
    :: skip
    fi;
    reclaim();
#endif
    work = false
}

#ifdef REVOKE_ASIDE
proctype revoker() {
    byte met, seen, seen_version;
    revoke(SNAPSHOT)
}
#endif

bool gone = false; /* the snapshot */
byte users = 0;    /* that have announced, or might yet */

proctype user(byte me) {
    bool refused = false;
#ifdef LOOK_FIRST
    refused = (kind[SNAPSHOT] == REVOKED);
    if
    :: !refused -> slot[me] = 1
    :: else
    fi;
#else
#ifndef NO_SLOT
    slot[me] = 1;
#endif
    refused = (kind[SNAPSHOT] == REVOKED);
#endif
#ifdef SLOT_LET_GO
    users--;
#endif
    if
    :: !refused ->
        assert(kept == 1);
        assert(kept == 1) /* until it ends */
    :: else
    fi;
    slot[me] = IDLE;
#ifndef SLOT_LET_GO
    users--
#endif
}

/* The snapshot goes after all that was made from it. */
proctype holder() {
    (users == 0);
    assert(kind[SNAPSHOT] == REVOKED || kept == 1);
    kind[SNAPSHOT] = HELD;
    number[SNAPSHOT]++;
    slot[SNAPSHOT] = IDLE
}

/* A snapshot goes, and the next one takes its slot with what is visible. */
proctype other() {
    byte version;
    kind[OTHER] = HELD;
    number[OTHER]++;
    slot[OTHER] = IDLE;
    version = visible;
    slot[OTHER] = version;
    do
    :: version == visible -> break
    :: else -> version = visible; slot[OTHER] = version
    od;
    kind[OTHER] = REVOCABLE;
    assert(kind[OTHER] == REVOKED || kept <= version)
}

init {
    byte i;
    atomic {
        for (i : 0 .. SLOTS - 1) { slot[i] = IDLE }
        slot[SNAPSHOT] = 1; kind[SNAPSHOT] = REVOCABLE;
        slot[OTHER] = 1; kind[OTHER] = REVOCABLE;
        users = USES;
        for (i : 0 .. USES - 1) { run user(i) }
        i = 0;
        run holder(); run other();
        run committer(); run committer()
#ifdef REVOKE_ASIDE
        ; run revoker()
#endif
    }
}
