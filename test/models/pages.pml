// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Reuse of pages: pager/space_map.hpp (retire, ripen, stored),
 * database/reclaimer.hpp (settle), committer.hpp (install, abandon),
 * checkpointer.hpp (write_free_map, install, write_twin) and recovery.hpp
 * (load_free_map, replay) with log_analysis.hpp (verify_bulk).
 *
 * There is one array of one page. A commit writes a fresh page, names it in
 * its log record and frees the page of the version before; a transaction may
 * stay open while others happen to the file, and be rolled back. A
 * checkpoint writes a fresh page of its own and a superblock with the newest
 * version, the pages that are free in its eyes, and those that are free one
 * superblock later. The process may crash at any step; the newest superblock
 * (or the older one, if the newer is torn, or once is damaged at rest) and
 * the log must then lead to pages that nobody has written over. The page of
 * a live snapshot must never be written over.
 *
 * Left out: how much of the log is kept (checkpoint.pml), sharing counts, the
 * copies that recovery makes of bulk pages that may not be durable, and a
 * superblock that a killed process left in the cache only.
 *
 * Broken variants: ONE_SUPERBLOCK (pages are free when one superblock has
 * followed), BLIND_TO_READERS, NO_RESERVATION (recovery takes the free map as
 * it is, whatever the log names), RELEASE_COMMITTED (replaced pages are free
 * at once), NO_FAILED_STATE (writing goes on after the write of a superblock
 * has failed).
 */
#define PAGES 5
#define COMMITS 2
#define CHECKPOINTS 2
#define CRASHES 1
#define NONE 255
#define TWIN 2

byte content[PAGES]; /* number of whoever wrote the page last */

typedef superblock {
    bool valid;
    byte generation;
    byte version;
    byte page;    /* of the array */
    byte own;     /* of the checkpoint: catalogue, lists, free map */
    byte stamp;   /* what it wrote there */
    byte free;
    byte next;
    bool twin
}
superblock sb[2];
byte log_page[COMMITS + 2];  /* the page that a commit's record names */
byte log_stamp[COMMITS + 2];

byte newest = 1;
byte captured = 1;
byte version = 1;
byte sequence = 1;     /* of versions in memory, checkpoints included */
byte page = 0;
byte free = 0;
byte waiting = 0;
byte ripe_generation[PAGES];
byte ripe_sequence[PAGES];
byte own = 1;
byte open = NONE;      /* page of an open transaction */
byte open_stamp;
byte snapshot = 0;     /* its sequence, or 0 */
byte snapshot_page;
byte snapshot_stamp;
byte stamps = 1;
byte commits = 1;      /* acknowledged; the first is the empty array */
byte checkpoints = 0;
byte crashes = 0;
byte damages = 0;
byte snapshots = 0;
byte rollbacks = 0;
bool failed = false;
bool harmed = false;

byte i, q, old, best, fresh, free_bits, next_bits;

#define BIT(p) (1 << (p))
#define HAS(set, p) (((set) >> (p)) & 1)

#define MAY_CRASH \
    if :: true :: crashes < CRASHES -> crashes++; goto recover fi

inline take(to) { /* the first free page, or NONE */
    to = 0;
    do
    :: to < PAGES && !HAS(free, to) -> to++
    :: else -> break
    od;
    if :: to == PAGES -> to = NONE :: else fi;
    if
    :: to != NONE -> free = free & ~BIT(to); stamps++; content[to] = stamps
    :: else
    fi;
    assert(snapshot == 0 || content[snapshot_page] == snapshot_stamp)
}

inline retire(p, at, generation) {
#ifdef RELEASE_COMMITTED
    free = free | BIT(p);
#else
    waiting = waiting | BIT(p);
    ripe_sequence[p] = at;
#ifdef ONE_SUPERBLOCK
    ripe_generation[p] = generation + 1;
#else
    ripe_generation[p] = generation + 2;
#endif
#endif
}

inline ripen() {
    for (i : 0 .. PAGES - 1) {
        if
        :: HAS(waiting, i) && ripe_generation[i] <= newest &&
#ifndef BLIND_TO_READERS
           (snapshot == 0 || ripe_sequence[i] <= snapshot) &&
#endif
           true ->
            waiting = waiting & ~BIT(i);
            free = free | BIT(i);
            ripe_generation[i] = 0; ripe_sequence[i] = 0
        :: else
        fi
    }
    i = 0
}

/* A bulk page: it is written, and named in the log, before its commit. */
inline begin() { atomic { take(open); open_stamp = stamps } }

inline commit() {
    atomic {
        old = page;
        version++;
        log_page[version] = open;
        log_stamp[version] = open_stamp;
        commits = version;
        sequence++;
        page = open;
        open = NONE; open_stamp = 0;
        retire(old, sequence, captured);
        old = 0
    }
}

inline rollback() {
    atomic { free = free | BIT(open); open = NONE; open_stamp = 0 }
}

inline stored() {
    free_bits = free; next_bits = BIT(own);
    if :: open != NONE -> free_bits = free_bits | BIT(open) :: else fi;
    for (i : 0 .. PAGES - 1) {
        if
        :: HAS(waiting, i) && ripe_generation[i] <= captured ->
            free_bits = free_bits | BIT(i)
        :: HAS(waiting, i) && ripe_generation[i] > captured ->
            next_bits = next_bits | BIT(i)
        :: else
        fi
    }
    i = 0
}

inline write_superblock(role) {
    d_step { sb[(newest + 1) % 2].valid = false }
    MAY_CRASH;
    d_step {
        q = (newest + 1) % 2;
        sb[q].generation = newest + 1;
        sb[q].version = version;
        sb[q].page = page;
        sb[q].own = fresh;
        sb[q].stamp = content[fresh];
        sb[q].free = free_bits;
        sb[q].next = next_bits;
        sb[q].twin = role;
        sb[q].valid = true;
        q = 0
    }
    MAY_CRASH
}

inline checkpoint(twins) {
    atomic {
        take(fresh);
        if :: fresh == NONE -> fresh = 0; goto serve :: else fi;
        captured = newest + 1;
        stored()
    }
    if
    :: true -> write_superblock(false)
    :: !failed && crashes < CRASHES -> /* the write fails, and is there */
        write_superblock(false);
        atomic {
            free = free | BIT(fresh); fresh = 0;
            free_bits = 0; next_bits = 0;
            failed = true;
            goto serve
        }
    fi;
    atomic {
        newest++;
        sequence++;
        old = own; own = fresh;
        retire(old, sequence, newest - 1);
        old = 0;
        ripen()
    }
    if
    :: twins ->
        write_superblock(true);
        atomic { newest++; captured = newest; ripen() }
    :: else
    fi;
    atomic { fresh = 0; free_bits = 0; next_bits = 0 }
}

/* What opening reads must be what was written for it. */
inline check(s) {
    assert(content[sb[s].own] == sb[s].stamp);
    assert(content[sb[s].page] == log_stamp[sb[s].version]);
    for (i : 2 .. COMMITS + 1) {
        assert(i <= sb[s].version || i > commits ||
               content[log_page[i]] == log_stamp[i])
    }
    i = 0
}

active proctype database() {
    d_step {
        for (i : 0 .. 1) {
            sb[i].valid = true; sb[i].generation = i;
            sb[i].version = 1; sb[i].own = 1; sb[i].stamp = 1
        }
        content[0] = 1; content[1] = 1;
        log_stamp[1] = 1;
        free = 28; /* pages 2, 3 and 4 */
        i = 0
    }
serve:
    if
    :: failed && crashes < CRASHES -> crashes++; goto recover
#ifdef NO_FAILED_STATE
    :: true
#else
    :: !failed
#endif
       -> if
    :: commits <= COMMITS && open == NONE -> begin();
        MAY_CRASH
    :: commits <= COMMITS && open != NONE -> commit()
    :: open != NONE && rollbacks == 0 -> rollbacks++; rollback()
    :: checkpoints < CHECKPOINTS ->
        checkpoints++;
        if :: checkpoint(false) :: checkpoint(true) fi
    :: snapshot == 0 && snapshots == 0 ->
        atomic { snapshots++; snapshot = sequence; snapshot_page = page;
                 snapshot_stamp = content[page] }
    :: snapshot != 0 ->
        atomic { snapshot = 0; snapshot_page = 0; snapshot_stamp = 0;
                 ripen() }
    :: crashes < CRASHES -> crashes++; goto recover
    :: damages == 0 && sb[0].valid && sb[1].valid ->
        harmed = true; goto recover
    fi
    fi;
    goto serve;

recover:
    atomic {
        snapshot = 0; snapshot_page = 0; snapshot_stamp = 0;
        open = NONE; open_stamp = 0; failed = false;
        fresh = 0; free_bits = 0; next_bits = 0; waiting = 0; old = 0; q = 0;
        if
        :: harmed || (damages == 0 && sb[0].valid && sb[1].valid) ->
            harmed = false;
            damages++;
            if
            :: sb[0].generation > sb[1].generation -> sb[0].valid = false
            :: else -> sb[1].valid = false
            fi
        :: !harmed
        fi;
        best = (sb[1].valid && (!sb[0].valid ||
                sb[1].generation > sb[0].generation) -> 1 : 0);
        assert(sb[best].valid);
        check(best);
        newest = sb[best].generation; captured = newest;
        own = sb[best].own;
        free = sb[best].free;
        for (i : 0 .. PAGES - 1) {
            ripe_generation[i] = 0; ripe_sequence[i] = 0;
            if
            :: HAS(sb[best].next, i) && sb[best].twin ->
                free = free | BIT(i)
            :: HAS(sb[best].next, i) && !sb[best].twin ->
                waiting = waiting | BIT(i);
                ripe_generation[i] = newest + 1
            :: else
            fi
        }
        sequence = 1; version = sb[best].version; page = sb[best].page;
        i = 0;
        do /* redo */
        :: version < commits ->
            version++;
#ifndef NO_RESERVATION
            free = free & ~BIT(log_page[version]);
            waiting = waiting & ~BIT(log_page[version]);
#endif
            retire(page, 0, captured);
            page = log_page[version]
        :: else -> break
        od;
        best = 0
    }
    checkpoint(true);
    goto serve
}
