// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Group commit: log/wal.hpp (append, write_queue, sync_queue, flush),
 * log/batch_queue.hpp (seal) and database/committer.hpp (publish, sync_log), with a checkpoint's flush
 * (database/checkpointer.hpp, flush_log) beside.
 *
 * Each committer may write a bulk page, appends its commit record under the
 * `work` mutex, and waits for the log. One of those that wait writes the
 * batches of all; it does so with one durable write of one batch, or with
 * writes and a sync of everything. The power may go at any moment: what no
 * sync covered is there or not. Recovery (log/log_scan.hpp,
 * database/log_analysis.hpp) reads batches up to the first that is missing,
 * and ends the log before a batch that has a commit without its page.
 *
 * Left out: segments (checkpoint.pml), the bytes of records, several records
 * for each transaction. `guard` of the log is an atomic step here.
 *
 * Broken variants: LATE_WISH (only the committer itself asks for the sync of
 * its pages, when it waits), PARTIAL (a durable write although older batches
 * have not been synced), ACK_FAILED, RETRY_SYNC, SHARED_BLOCK (a batch goes
 * on in the block of the one before), NO_WAIT (acknowledged when written).
 */
#ifndef N
#define N 2 /* committers, and so records and batches */
#endif

#define ABSENT 0
#define VOLATILE 1
#define STABLE 2
#define LOST 3 /* a sync failed: perhaps on the disk, and never again dirty */

bool alive = true;
bool work = false;

byte page[N];       /* of committer i */
bool has_page[N];
byte record_of[N];  /* its place in the log, from 1 */
bool acked[N];
byte owner[N + 1];  /* of record r */
byte batch_of[N + 1];
byte block[N + 1];  /* of batch b */
byte last_in[N + 1];
byte known[N + 1];  /* what was known to be durable when it was sealed */

byte records = 0;   /* appended */
byte sealed = 0;
byte batches = 0;
byte taken = 0;     /* batches that a leader has taken from the queue */
byte written = 0;   /* records */
byte durable = 0;   /* records */
byte shown = 0;     /* records whose version readers may see */
bool unsynced = false;
bool busy = false;
bool failed = false;
bool all_wanted = false;
byte full_begun = 0;
byte full_ended = 0;
byte writes = 0;    /* of pages */
byte synced = 0;
byte faults = 0;    /* syncs that failed */

#define DONE(upto, all, ticket) \
    (durable >= upto && (!all || full_ended >= ticket))

inline seal_open() {
    if
    :: records > sealed ->
        batches++;
        last_in[batches] = records;
        known[batches] = durable;
        do
        :: sealed < records -> sealed++; batch_of[sealed] = batches
        :: else -> break
        od
    :: else
    fi
}

inline put(from, to) {
    for (i : from .. to) {
        block[i] = VOLATILE;
#ifdef SHARED_BLOCK
        if
        :: i > 1 && block[i - 1] == STABLE -> block[i - 1] = VOLATILE
        :: else
        fi
#endif
    }
    i = 0
}

inline settle(from, to) { /* what was volatile becomes `to` */
    d_step {
    j = 0;
    do
    :: j <= N ->
        if :: block[j] == from -> block[j] = to :: else fi;
        if
        :: j < N ->
            if :: page[j] == from -> page[j] = to :: else fi
        :: else
        fi;
        j++
    :: else -> break
    od;
    j = 0
    }
}

inline device_sync(error) {
    atomic {
        if
        :: settle(VOLATILE, STABLE); error = false
        :: faults == 0 -> faults++; settle(VOLATILE, LOST); error = true
        fi
    }
}

inline write_queue() { /* precondition: not busy */
    lo = taken + 1; hi = batches; taken = batches;
    busy = true
}

inline flush(upto, all) {
    atomic { ticket = full_begun + 1 }
    do
    :: atomic { DONE(upto, all, ticket) -> break }
    :: atomic { !DONE(upto, all, ticket) && failed -> threw = true; break }
    :: atomic { !DONE(upto, all, ticket) && !failed && busy && all &&
                !all_wanted -> all_wanted = true }
    :: atomic { !DONE(upto, all, ticket) && !failed && !busy ->
            if :: all -> all_wanted = true :: else fi;
            seal_open();
            write_queue();
            until = (hi >= lo -> last_in[hi] : written);
            whole = all_wanted || unsynced || hi != lo;
#ifdef PARTIAL
            whole = all_wanted || hi != lo;
#endif
            all_wanted = false;
            if :: whole -> full_begun++ :: else fi;
            put(lo, hi)
        }
        if
        :: whole ->
#ifdef NO_WAIT
            atomic { durable = until; shown = until }
#endif
            device_sync(error);
#ifdef RETRY_SYNC
            if :: error -> device_sync(error) :: else fi
#endif
        :: else ->
            atomic {
                if
                :: block[hi] = STABLE; error = false
                :: faults == 0 -> faults++; block[hi] = LOST; error = true
                fi
            }
        fi;
        atomic {
            busy = false;
#ifdef ACK_FAILED
            error = false;
#endif
            if
            :: error -> failed = true
            :: else ->
                if :: whole -> full_ended++; unsynced = false :: else fi;
                written = until;
                durable = until
            fi;
            lo = 0; hi = 0; until = 0; whole = false; error = false
        }
    od
}

/* Other records fill a batch: it is sealed, and written if nobody is. */
inline pressure() {
    if
    :: true
    :: atomic { !busy && !failed && records > sealed -> seal_open();
                write_queue(); until = last_in[hi]; put(lo, hi) }
        atomic { busy = false; written = until; unsynced = true;
                 lo = 0; hi = 0; until = 0 }
    fi
}

proctype committer(byte me) provided (alive) {
    byte i, j, lo, hi, until, ticket, mine, count;
    bool whole, error, threw, all;
    atomic { !work -> work = true }
    if
    :: atomic { page[me] = VOLATILE; has_page[me] = true; writes++ }
    :: true
    fi;
    pressure();
#ifndef LATE_WISH
    atomic { if :: writes != synced -> all_wanted = true :: else fi }
#endif
    atomic { /* publish */
        if
        :: failed -> threw = true
        :: else ->
            records++;
            mine = records;
            owner[records] = me;
            record_of[me] = records
        fi;
        work = false
    }
    if
    :: threw -> goto over
    :: else
    fi;
    atomic { count = writes; all = (synced != writes) }
    flush(mine, all);
    if
    :: threw -> goto over
    :: else
    fi;
    atomic {
        if :: all && count > synced -> synced = count :: else fi;
        acked[me] = true;
        if :: durable > shown -> shown = durable :: else fi
    }
over:
    skip
}

/* Flushes, shows, and syncs its pages; the superblock is checkpoint.pml's. */
proctype checkpointer() provided (alive) {
    byte i, j, lo, hi, until, ticket, newest, count;
    bool whole, error, threw;
    atomic { !work -> work = true; newest = records }
    flush(newest, false);
    atomic { if :: !threw && durable > shown -> shown = durable
                :: else fi }
    count = writes;
    device_sync(error);
    atomic { if :: error -> failed = true
                :: else -> if :: count > synced -> synced = count :: else fi
             fi;
             work = false }
}

inline survive(what) { /* what is not stable is there or not */
    if
    :: what == VOLATILE || what == LOST ->
        if :: what = STABLE :: what = ABSENT fi
    :: else
    fi
}

active proctype crash() {
    byte b, r, end, knew, reached;
    atomic {
        for (b : 0 .. N - 1) { run committer(b) }
        run checkpointer();
        b = 0
    }
    atomic {
        true -> alive = false;
        for (b : 1 .. N) { survive(block[b]) }
        for (b : 0 .. N - 1) { survive(page[b]) }
        d_step {
        end = 0;
        do
        :: end < N && block[end + 1] == STABLE ->
            end++;
            if :: known[end] > knew -> knew = known[end] :: else fi
        :: else -> break
        od;
        reached = (end == 0 -> 0 : last_in[end]);
        /* A later batch must not know that more was durable. */
        for (b : 1 .. N) {
            assert(b <= end || block[b] != STABLE || known[b] <= reached)
        }
        /* A commit that lacks its page ends the log before its batch. */
        for (r : 1 .. N) {
            if
            :: r <= reached && page[owner[r]] == ABSENT &&
               has_page[owner[r]] ->
                assert(r > knew);
                reached = last_in[batch_of[r] - 1]
            :: else
            fi
        }
        for (b : 0 .. N - 1) {
            assert(!acked[b] || record_of[b] <= reached)
        }
        assert(shown <= reached);
        for (b : 0 .. N) { /* one state for all that may be left */
            block[b] = 0; batch_of[b] = 0; owner[b] = 0;
            last_in[b] = 0; known[b] = 0
        }
        for (b : 0 .. N - 1) {
            page[b] = 0; has_page[b] = 0; record_of[b] = 0; acked[b] = 0
        }
        b = 0; r = 0; end = 0; knew = 0; reached = 0
        }
    }
}
