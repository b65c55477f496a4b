// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Commits that share a sync, and who may see them: database/committer.hpp
 * (publish, install, sync_log, make_durable), database/engine.hpp
 * (show_durable), log/wal.hpp (append, flush, sync_queue, want_all, fail),
 * log/write_turns.hpp with its condition variables, and the flush of
 * database/checkpointer.hpp.
 *
 * Committers, some with a bulk page, append commit records and publish their
 * versions under `work`, let all locks go, and wait for the log. One of those
 * that wait leads: it takes what has been appended and makes it durable, with
 * one durable write or with writes and a sync of everything; the others sleep,
 * and what is appended meanwhile is the next batch. Before it takes anything
 * it may gather, for any time: those who come then go with its batch. Whoever
 * has led wakes, a little later, those who waited for that batch, and one of
 * those who wait for the next. One sync may fail. Beside them is either a checkpoint, or a
 * transaction that only reads: it sees the newest version, and is acknowledged
 * when that is durable.
 *
 * The power may go at any moment. What is left at least is counted whenever
 * the disk, an acknowledgement or the visible version changes: batches that
 * are stable up to the first that is not, or that has a commit whose page is
 * not. This is a prefix of the commits, for they are published in the order
 * of their records, and holds what was acknowledged, with its pages, and what
 * snapshots may see. What they see never goes back. Nobody sleeps for ever.
 *
 * Left out: bytes, blocks, batches that fill up, retries and what a cache
 * hides (log.pml); the locks (locks.pml); segments (checkpoint.pml).
 *
 * Broken variants: LATE_END (the leader counts what was appended while it
 * synced), WISH_LOST (it clears the wish of others for a sync of everything
 * when it ends), FLAG_LATE (it says that it leads after it has let the mutex
 * go), FAILURE_IGNORED, SILENT_FAILURE (nobody is woken), KEPT_TO_ITSELF (who
 * was woken to lead, and need not, wakes nobody), ALL_NEXT (that, and who waits
 * for this batch sleeps among those who wait for the next), NEXT_SLEEPS (the
 * end of a turn wakes nobody to lead the next), TWO_LEAD (nobody looks whether
 * one gathers, nor it whether another leads by now), SHOW_PUBLISHED
 * (before it is durable), BARE_SHOW (without a mutex), PUBLISH_LATE (after
 * `work` has been left), READ_AT_ONCE (who has only read does not wait).
 */
#define N 2 /* committers, and so records */
#define OTHER N

#define ABSENT 0
#define VOLATILE 1
#define SYNCING 2 /* given to the device before the sync that runs */
#define STABLE 3
#define LOST 4    /* a sync failed: perhaps there, and never written again */

bool work = false;
bool show_guard = false;

byte page[N];           /* of committer i */
bool has_page[N];
byte record_of[N];      /* its place in the log, from 1 */
bool acked[N];
byte block[N + 1];      /* of record r */
byte first_of[N + 1];   /* record of its batch */
byte owner[N + 1];
byte sleeps[N + 1];     /* 0: awake; else 1 + the parity of a turn */

byte records = 0;       /* appended */
byte published = 0;
byte visible = 0;
byte read = 0;          /* what the reader was told has been committed */
byte taken = 0;         /* records, by leaders */
byte durable = 0;
bool busy = false;
bool gathering = false;
bit parity = 0;         /* of the turn that writes, or will next */
bool failed = false;
bool all_wanted = false;
byte full_begun = 0;
byte full_ended = 0;
byte writes = 0;        /* of pages */
byte synced = 0;
bool fault = false;     /* a sync has failed */

hidden byte i, end;

#ifndef TWO_LEAD
#define IN_TURN(gathered) (busy || gathering)
#else
#define IN_TURN(gathered) (busy && !gathered)
#endif

#define DONE(upto, all, ticket) \
    (durable >= upto && (!all || full_ended >= ticket))

inline check_crash() {
    end = 0;
    do
    :: end < N && block[end + 1] == STABLE -> end++
    :: else -> break
    od;
    i = 1;
    do
    :: i <= end && has_page[owner[i]] && page[owner[i]] != STABLE ->
        end = first_of[i] - 1
    :: i <= end && !(has_page[owner[i]] && page[owner[i]] != STABLE) -> i++
    :: else -> break
    od;
    assert(visible <= end);
    assert(read <= end);
    i = 0;
    do
    :: i < N -> assert(!acked[i] || record_of[i] <= end); i++
    :: else -> break
    od;
    i = 0; end = 0
}

inline turn(from, to) { /* all blocks and pages */
    i = 0;
    do
    :: i <= N ->
        if :: block[i] == from -> block[i] = to :: else fi;
        if
        :: i < N -> if :: page[i] == from -> page[i] = to :: else fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline put(from, to, what) {
    i = from;
    do
    :: i <= to -> block[i] = what; i++
    :: else -> break
    od;
    i = 0
}

inline wake_all() {
    i = 0;
    do
    :: i <= N -> sleeps[i] = 0; i++
    :: else -> break
    od;
    i = 0
}

#define ANY(group) \
    (sleeps[0] == 1 + (group) || sleeps[1] == 1 + (group) \
     || sleeps[OTHER] == 1 + (group))

inline wake_one(group) {
    if
    :: sleeps[0] == 1 + (group) -> sleeps[0] = 0
    :: sleeps[1] == 1 + (group) -> sleeps[1] = 0
    :: sleeps[OTHER] == 1 + (group) -> sleeps[OTHER] = 0
    :: else
    fi
}

inline wake_group(group) {
    i = 0;
    do
    :: i <= N -> if :: sleeps[i] == 1 + (group) -> sleeps[i] = 0 :: else fi; i++
    :: else -> break
    od;
    i = 0
}

inline lead() { /* under the mutex */
    lo = taken + 1; hi = records; taken = records;
    i = lo;
    do
    :: i <= hi -> first_of[i] = lo; i++
    :: else -> break
    od;
    until = (hi >= lo -> hi : durable);
    whole = all_wanted || hi < lo;
#ifndef WISH_LOST
    all_wanted = false;
#endif
    if :: whole -> full_begun++ :: else fi;
#ifndef FLAG_LATE
    busy = true;
#endif
    leads = true
}

inline device_begin() {
    put(lo, hi, VOLATILE);
    if :: whole -> turn(VOLATILE, SYNCING) :: else fi;
    busy = true
}

inline device_end(is) { /* LOST or STABLE */
    if
    :: whole -> turn(SYNCING, is)
    :: else -> put(lo, hi, is)
    fi;
    check_crash()
}

inline sync_ends() { /* under the mutex again */
    busy = false;
#ifdef WISH_LOST
    all_wanted = false;
#endif
    if
    :: error ->
        failed = true;
        threw = true;
#ifndef SILENT_FAILURE
        wake_all();
#endif
    :: else ->
        if :: whole -> full_ended++ :: else fi;
#ifdef LATE_END
        durable = records;
#else
        durable = until;
#endif
        ended = parity;
        parity = 1 - parity;
        wakes_done = ANY(ended);
        wakes_next = ANY(parity)
    fi;
    leads = false; led = true; error = false; whole = false;
    lo = 0; hi = 0; until = 0
}

inline flush(me, upto, all) {
    ticket = full_begun + 1;
    do
    :: d_step { /* under the mutex, also when it wakes */
            !sleeps[me] && !leads && !done && !gathers ->
            if
            :: DONE(upto, all, ticket) ->
                done = true;
#if !defined(KEPT_TO_ITSELF) && !defined(ALL_NEXT)
                if
                :: !busy && !gathering && !led -> wake_one(parity)
                :: else
                fi
#endif
            :: else ->
                if
#ifdef FAILURE_IGNORED
                :: failed -> done = true
#else
                :: failed -> threw = true; done = true
#endif
                :: else ->
                    if :: all -> all_wanted = true :: else fi;
                    if
                    :: IN_TURN(gathered) ->
                        led = false;
#ifdef ALL_NEXT
                        sleeps[me] = 2 - parity
#else
                        sleeps[me] =
                            ((upto <= taken && !all) || gathering
                                 -> 1 + parity : 2 - parity)
#endif
                    :: !IN_TURN(gathered) && !gathered ->
                        gathering = true; gathers = true
                    :: !IN_TURN(gathered) -> lead()
                    fi
                fi
            fi;
            i = 0
        }
    :: d_step { gathers -> gathers = false; gathering = false;
                gathered = true }
    :: leads ->
        d_step { device_begin(); i = 0 }
        if
        :: d_step { device_end(STABLE); error = false }
        :: d_step { !fault -> fault = true; device_end(LOST); error = true }
        fi;
        d_step { sync_ends(); if :: threw -> done = true :: else fi; i = 0 }
        atomic { /* without the mutex */
#ifndef NEXT_SLEEPS
            if :: wakes_next -> wake_one(1 - ended) :: else fi;
#endif
            if :: wakes_done -> wake_group(ended) :: else fi;
            wakes_next = false; wakes_done = false; ended = 0
        }
    :: done -> break
    od;
    atomic { done = false; ticket = 0; led = false; gathered = false }
}

inline show_durable() {
    atomic {
#ifndef BARE_SHOW
        !show_guard -> show_guard = true;
#endif
        shows = published;
#ifndef SHOW_PUBLISHED
        if :: durable < shows -> shows = durable :: else fi;
#endif
        goes_on = shows > visible
    }
    d_step {
        if
        :: goes_on ->
            assert(shows >= visible); /* never goes back */
            visible = shows;
            check_crash()
        :: else
        fi;
        show_guard = false; shows = 0; goes_on = false
    }
}

#define LOCALS \
    byte lo, hi, until, ticket, shows; \
    bool whole, error, leads, done, threw, goes_on, wakes_done, wakes_next; \
    bool led, gathers, gathered; \
    bit ended

proctype committer(byte me) {
    LOCALS;
    byte mine, count;
    bool all;
    if
    :: d_step { page[me] = VOLATILE; has_page[me] = true; writes++ }
    :: true
    fi;
    atomic { !work -> work = true;
             if :: writes != synced -> all_wanted = true :: else fi }
    d_step { /* append */
        if
        :: failed -> threw = true; work = false
        :: else ->
            records++;
            mine = records;
            owner[mine] = me;
            record_of[me] = mine
#ifdef PUBLISH_LATE
            ; work = false
#endif
        fi
    }
    if :: threw -> goto over :: else fi;
    d_step { /* install; all locks go */
        assert(mine == published + 1);
        published = mine;
        work = false
    }
    atomic { count = writes; all = (synced != writes) }
    flush(me, mine, all);
    if :: threw -> goto over :: else fi;
    d_step { if :: all && count > synced -> synced = count :: else fi;
             count = 0 }
    show_durable();
    d_step { acked[me] = true; check_crash() }
over:
    atomic { mine = 0; count = 0; all = false; threw = false }
}

/* Its shared lock waits for a commit record, and so for a version. */
proctype reader() {
    LOCALS;
    byte seen, count;
    bool all;
    atomic { !work -> seen = published }
#ifndef READ_AT_ONCE
    if
    :: seen > durable ->
        atomic { count = writes; all = (synced != writes) }
        flush(OTHER, seen, all);
        if :: threw -> goto over :: else fi;
        d_step { if :: all && count > synced -> synced = count :: else fi;
                 count = 0 }
    :: else
    fi;
#endif
    d_step { read = seen; check_crash() }
over:
    atomic { seen = 0; count = 0; all = false; threw = false }
}

proctype checkpointer() {
    LOCALS;
    byte newest;
    atomic { !work -> work = true; newest = records }
    flush(OTHER, newest, false);
    if :: !threw -> show_durable() :: else fi;
    atomic { work = false; newest = 0; threw = false }
}

init {
    byte p;
    atomic {
        for (p : 0 .. N - 1) { run committer(p) }
        if :: run reader() :: run checkpointer() fi;
        p = 0
    }
}
