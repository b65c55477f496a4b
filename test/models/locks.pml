// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Locks of write transactions: database/lock_table.hpp (acquire, release_all,
 * grant_waiting, the search for cycles) and its use by committer.hpp (commit,
 * rollback, end_too_old).
 *
 * A transaction reads and writes arrays in any order: a shared lock for what
 * it reads, an exclusive one for what it writes, which may replace its shared
 * one. Who cannot have a lock waits in order of arrival, upgrades first, and
 * is given it by those that let theirs go. Who would wait for ever is the
 * victim: it rolls back and begins again. Locks go after the commit record is
 * in the log and the version is published, in one step under `work`. Once,
 * a wait may time out, or a transaction be ended from outside, for it is too
 * old, also while it waits.
 *
 * No two hold what excludes each other. Nobody waits for ever: every process
 * reaches its end. The victim of a deadlock is in one, by a count that is not
 * the search: who could finish if all that do not wait did. What a commit has
 * read is the newest version still, so that the history is the one where
 * commits run one after the other (no write skew); and it is in the log
 * before.
 *
 * Left out: names, and intents on all of them; the rule for two transactions
 * of one thread; closing, which is like an end from outside.
 *
 * Broken variants: NO_SEARCH, READS_DROPPED (a shared lock goes once it is
 * read), UPGRADE_ALONE (whoever else shares), WAKE_ONE (of several that
 * share), RELEASE_EARLY (before the commit record is in the log),
 * QUIET_LEAVE (who times out does not look whether those behind may go),
 * GRANT_TO_ENDED (a transaction that was ended while it waits stays in the
 * queue until its thread runs), STALE_WAIT (so does, for the search, what
 * has been granted).
 */
#define N 3 /* transactions */
#define ARRAYS 2
#define S 1
#define X 2
#define NONE 255

#define NOTHING 0
#define TIMEOUT 1
#define TOO_OLD 2

byte sharers[ARRAYS];        /* transactions, as bits */
byte owners[ARRAYS];
byte queue[ARRAYS * N];
byte waiters[ARRAYS];
byte at[N];                  /* the array that a request is for, */
byte wanted[N];              /* and the mode */
bool upgrade[N];
bool queued[N];              /* not granted */
bool parked[N];              /* its thread sleeps */
bool ended[N];
bool busy[N];                /* commits, or is over: nobody else ends it */
byte base[ARRAYS * N];       /* the version that it works on */
byte newest[ARRAYS];         /* versions */
byte logged[ARRAYS];         /* of these, with a record in the log */
byte upset = NOTHING;        /* what may happen yet */

hidden byte i, u, seen, more, first, stop;

#define BIT(t) (1 << (t))
#define HAS(set, t) (((set) >> (t)) & 1)

/* Who holds array a in a way that excludes mode m of transaction t. */
#define EXCLUDERS(t, a, m) \
    ((m == X -> sharers[a] | owners[a] : owners[a]) & ~BIT(t))

#ifdef UPGRADE_ALONE
#define IN_THE_WAY(t, a, m, up) \
    (up -> owners[a] & ~BIT(t) : EXCLUDERS(t, a, m))
#else
#define IN_THE_WAY(t, a, m, up) EXCLUDERS(t, a, m)
#endif

#ifdef STALE_WAIT
bool stale[N]; /* granted, and its thread has not run */
#define STALE(t, is) stale[t] = is
#define WAITS(t) (queued[t] || stale[t])
#else
#define STALE(t, is) skip
#define WAITS(t) queued[t]
#endif

inline grant(t) {
    queued[t] = false;
    parked[t] = false;
    if
    :: wanted[t] == X ->
        owners[at[t]] = owners[at[t]] | BIT(t);
        sharers[at[t]] = sharers[at[t]] & ~BIT(t);
        assert(owners[at[t]] == BIT(t) && sharers[at[t]] == 0)
    :: else ->
        sharers[at[t]] = sharers[at[t]] | BIT(t);
        assert(owners[at[t]] == 0)
    fi
}

inline leave_queue(t) {
    i = 0;
    do
    :: queue[at[t] * N + i] == t -> break
    :: else -> i++
    od;
    do
    :: i + 1 < waiters[at[t]] ->
        queue[at[t] * N + i] = queue[at[t] * N + i + 1]; i++
    :: else -> break
    od;
    queue[at[t] * N + i] = 0;
    waiters[at[t]]--;
    queued[t] = false
}

inline grant_waiting(a) {
    do
    :: waiters[a] == 0 -> break
    :: else ->
        first = queue[a * N];
        if
        :: IN_THE_WAY(first, a, wanted[first], upgrade[first]) -> break
        :: else ->
            leave_queue(first);
            grant(first);
            STALE(first, true)
        fi;
#ifdef WAKE_ONE
        break
#endif
    od
}

inline enqueue(t) {
    i = waiters[at[t]];
    do
    :: i > 0 && upgrade[t] && !upgrade[queue[at[t] * N + i - 1]] ->
        queue[at[t] * N + i] = queue[at[t] * N + i - 1]; i--
    :: else -> break
    od;
    queue[at[t] * N + i] = t;
    waiters[at[t]]++;
    queued[t] = true;
    parked[t] = true
}

/* Adds to `more` whom t waits for: holders, and those before it. */
inline add_blockers(t) {
    more = more | EXCLUDERS(t, at[t], wanted[t]);
    i = 0;
    do
    :: i == waiters[at[t]] || queue[at[t] * N + i] == t ||
       (upgrade[t] && !upgrade[queue[at[t] * N + i]]) -> break
    :: else -> more = more | BIT(queue[at[t] * N + i]); i++
    od
}

inline search(t) { /* sets `stop` if a wait of t would close a cycle */
    more = 0;
    add_blockers(t);
    do
    :: seen = more;
       u = 0;
       do
       :: u < N ->
           if :: HAS(seen, u) && WAITS(u) -> add_blockers(u) :: else fi;
           u++
       :: else -> break
       od;
       if :: seen == more -> break :: else fi
    od;
    stop = HAS(seen, t)
}

/* Whoever does not wait finishes, then those that waited only for them. */
inline check(t) { /* `stop` must be right */
    seen = 0;
    u = 0;
    do
    :: u < N ->
        if :: u != t && !queued[u] -> seen = seen | BIT(u) :: else fi;
        u++
    :: else -> break
    od;
    do
    :: first = seen;
       u = 0;
       do
       :: u < N ->
           more = 0;
           if
           :: u == t || queued[u] ->
               add_blockers(u);
               if :: (more & ~seen) == 0 -> seen = seen | BIT(u) :: else fi
           :: else
           fi;
           u++
       :: else -> break
       od;
       if :: first == seen -> break :: else fi
    od;
    assert(stop == !HAS(seen, t))
}

inline release_all(t) {
    u = 0;
    do
    :: u < ARRAYS ->
        if
        :: HAS(sharers[u] | owners[u], t) ->
            sharers[u] = sharers[u] & ~BIT(t);
            owners[u] = owners[u] & ~BIT(t);
            grant_waiting(u)
        :: else
        fi;
        u++
    :: else -> break
    od
}

/* Another transaction, with the guard of this one. */
inline end_from_outside(t) {
    ended[t] = true;
    parked[t] = false;
#ifndef GRANT_TO_ENDED
    if
    :: queued[t] -> leave_queue(t); grant_waiting(at[t])
    :: else
    fi;
#endif
    release_all(t);
    forget_work(t);
    upset = NOTHING
}

inline touch(t) { /* the private root */
    if
    :: base[at[t] * N + t] == NONE -> base[at[t] * N + t] = newest[at[t]]
    :: else
    fi
#ifdef READS_DROPPED
    ;
    sharers[at[t]] = sharers[at[t]] & ~BIT(t);
    grant_waiting(at[t])
#endif
}

inline forget_request(t) { at[t] = 0; wanted[t] = 0; upgrade[t] = false }

inline forget_work(t) { base[t] = NONE; base[N + t] = NONE }

/* Locks are held as the code that runs with them thinks. */
inline check_reads(t) {
    u = 0;
    do
    :: u < ARRAYS ->
        assert(base[u * N + t] == NONE || base[u * N + t] == newest[u]);
        u++
    :: else -> break
    od
}

inline append(t) { /* what it builds on is in the log */
    u = 0;
    do
    :: u < ARRAYS ->
        assert(base[u * N + t] == NONE || base[u * N + t] <= logged[u]);
        if :: HAS(wrote, u) -> logged[u]++ :: else fi;
        u++
    :: else -> break
    od
}

inline install(t) {
    u = 0;
    do
    :: u < ARRAYS ->
        if :: HAS(wrote, u) -> newest[u]++ :: else fi;
        u++
    :: else -> break
    od
}

#define WANTS(a, m) \
    d_step { !ended[me] && !HAS(owners[a], me) && \
             (m == X || base[a * N + me] == NONE) -> \
             at[me] = a; wanted[me] = m; upgrade[me] = HAS(sharers[a], me) }

proctype transaction(byte me) {
    bool victim;
    byte wrote; /* arrays, as bits */
again:
    atomic {
        if
        :: ended[me] -> goto over
        :: WANTS(0, S)
        :: WANTS(0, X)
        :: WANTS(1, S)
        :: WANTS(1, X)
        :: !ended[me] -> goto commit
        fi;
        d_step {
            victim = false;
            if
            :: (waiters[at[me]] == 0 || upgrade[me]) &&
               !IN_THE_WAY(me, at[me], wanted[me], upgrade[me]) ->
                grant(me)
            :: else ->
#ifndef NO_SEARCH
                search(me);
                check(me);
                victim = stop;
#endif
                if :: !victim -> enqueue(me) :: else fi
            fi
        }
        if :: victim -> goto rollback :: else fi
    }
    if
    :: atomic { !parked[me] && (!queued[me] || ended[me]) ->
                if
                :: ended[me] ->
                    d_step {
                        if
                        :: queued[me] ->
                            leave_queue(me); grant_waiting(at[me])
                        :: else
                        fi
                    }
                    goto over
                :: else
                fi }
    :: d_step { parked[me] && queued[me] && upset == TIMEOUT ->
                upset = NOTHING;
                parked[me] = false;
                leave_queue(me);
#ifndef QUIET_LEAVE
                grant_waiting(at[me]);
#endif
                forget_request(me) }
        goto again /* and keeps what it has */
    fi;
    d_step { STALE(me, false); touch(me); forget_request(me) }
    goto again;

rollback:
    skip;
    d_step {
        if
        :: !ended[me] -> release_all(me); forget_work(me)
        :: else
        fi;
        victim = false;
        forget_request(me)
    }
    goto again;

commit:
    atomic {
        skip;
        d_step { /* under `work` */
            busy[me] = true;
            check_reads(me);
            wrote = HAS(owners[0], me) | (HAS(owners[1], me) << 1);
#ifndef RELEASE_EARLY
            append(me);
#endif
            install(me)
        }
    }
    d_step { release_all(me); busy[me] = true }
#ifdef RELEASE_EARLY
    d_step { append(me); busy[me] = true }
#endif
over:
    atomic {
        forget_request(me);
        forget_work(me);
        wrote = 0;
        ended[me] = false;
        busy[me] = true
    }
}

#define MAY_END(t) \
    (upset == TOO_OLD && !busy[t] && HAS(owners[0] | owners[1], t))

proctype outside() {
end:
    if
    :: d_step { MAY_END(0) -> end_from_outside(0) }
    :: d_step { MAY_END(1) -> end_from_outside(1) }
    :: d_step { MAY_END(2) -> end_from_outside(2) }
    fi
}

init {
    byte t;
    atomic {
        for (t : 0 .. ARRAYS * N - 1) { base[t] = NONE }
        if :: true :: upset = TIMEOUT :: upset = TOO_OLD fi;
        for (t : 0 .. N - 1) { run transaction(t) }
        run outside();
        t = 0
    }
}
