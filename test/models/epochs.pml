// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Readers and versions: pager/epochs.hpp (enter, leave, show, oldest),
 * database/version_chain.hpp (publish, at, cut), cut_queue.hpp, and their
 * use in database/engine.hpp (show_durable, reclaim), committer.hpp
 * (install) and checkpointer.hpp (install).
 *
 * Every version changes the one array there is, and the page that it
 * replaces is freed with it. Commits publish under the `work` mutex and are
 * shown after it has been left, by whoever comes first; a checkpoint
 * publishes, shows and reclaims under `work`. A reader takes a slot with the
 * version that it has seen, reads the version again, and walks the chain. It
 * must always find a version, the one that it announced, and never one that
 * has been freed. Memory is sequentially consistent, as the code asks for, but
 * for the announcements of plain reads (enter_here): such a store waits in
 * `buffer` until some moment, at the latest until the reclaimer has all threads
 * pass a fence. The last reader is a plain one.
 *
 * Left out: blocks of slots, several arrays, the time in a slot, versions that
 * are skipped between snapshots (cut_queue::skip).
 *
 * Broken variants: NO_REREAD (the version is not read again), SLOTS_FIRST
 * (the reclaimer loads slots before the visible version), VISIBLE_ONLY
 * (versions below the visible one are cut), BARE_SHOW (a checkpoint shows its
 * version without the order of those that show commits), SHOW_EARLY (before
 * the version is in the chain), NO_FENCE (the reclaimer does without),
 * FENCE_FIRST (before it loads the visible version).
 */
#define READERS 2
#define LAST 4 /* versions: 1 at the start, two commits, a checkpoint */
#define IDLE 255
#define EMPTY 254
#define PLAIN (READERS - 1)

bool work = false;
bool show_guard = false;
byte visible = 1;
byte slot[READERS];
byte buffer = EMPTY; /* what the plain reader has stored and nobody sees */
byte latest = 1;     /* under `work` */
byte newest = 1;     /* of the chain: versions oldest_kept .. newest */
byte oldest_kept = 1;
byte unshown = 0;    /* newest version that is published and not shown */

inline show_durable() {
    atomic { !show_guard -> show_guard = true;
             sequence = unshown; unshown = 0 }
    if
    :: sequence > visible -> visible = sequence
    :: else
    fi;
    atomic { show_guard = false; sequence = 0 }
}

inline drain() {
    atomic { buffer != EMPTY -> slot[PLAIN] = buffer; buffer = EMPTY }
}

inline fence() {
    atomic {
        if
        :: buffer != EMPTY -> slot[PLAIN] = buffer; buffer = EMPTY
        :: else
        fi
    }
}

/* In the order of the reader's stores: the last one goes first. */
inline announce(sequence_) {
    if
    :: me == PLAIN -> fence(); buffer = sequence_
    :: else -> slot[me] = sequence_
    fi
}

inline reclaim() { /* under `work` */
#ifdef FENCE_FIRST
    fence();
#endif
#ifndef SLOTS_FIRST
    least = visible;
#else
    least = IDLE;
#endif
#if !defined(NO_FENCE) && !defined(FENCE_FIRST)
    fence();
#endif
#ifndef VISIBLE_ONLY
    for (i : 0 .. READERS - 1) {
        atomic {
            if :: slot[i] < least -> least = slot[i] :: else fi
        }
    }
#endif
#ifdef SLOTS_FIRST
    atomic { if :: visible < least -> least = visible :: else fi }
#endif
    atomic {
        if
        :: least > oldest_kept -> oldest_kept = least
        :: else
        fi;
        i = 0; least = 0
    }
}

proctype committer() {
    byte sequence, least, i;
    atomic { !work -> work = true }
#ifdef SHOW_EARLY
    visible = latest + 1;
#endif
    newest = latest + 1; /* publish */
    atomic { latest = newest; !show_guard -> unshown = newest }
    work = false;
    show_durable();
    atomic { !work -> work = true }
    reclaim();
    work = false
}

proctype checkpointer() {
    byte sequence, least, i;
    atomic { !work -> work = true }
    newest = latest + 1;
    latest = newest;
#ifdef BARE_SHOW
    visible = newest;
#else
    atomic { !show_guard -> unshown = newest }
    show_durable();
#endif
    reclaim();
    work = false
}

proctype reader(byte me) {
    byte seen, now;
    now = visible;
    atomic { announce(now); seen = now } /* takes a slot that is idle */
#ifndef NO_REREAD
    do
    :: now = visible;
       if
       :: now == seen -> break
       :: else -> atomic { announce(now) }; seen = now
       fi
    od;
#endif
    /* Walks from the newest version down to the one that it announced. */
    now = newest;
    do
    :: now > seen ->
        assert(now >= oldest_kept);
        now--
    :: else -> break
    od;
    assert(now == seen);         /* nothing older than all, nothing newer */
    assert(now >= oldest_kept);  /* while it reads the pages of the version */
    atomic { announce(IDLE); seen = 0; now = 0 }
}

/* Stores leave the buffer when they will. */
active proctype memory() {
end:
    do
    :: drain()
    od
}

init {
    byte i;
    atomic {
        for (i : 0 .. READERS - 1) { slot[i] = IDLE }
        for (i : 0 .. READERS - 1) { run reader(i) }
        i = 0;
        run committer(); run committer(); run checkpointer()
    }
}
