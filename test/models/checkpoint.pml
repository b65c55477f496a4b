// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Checkpoints, superblocks and the recycling of log segments:
 * database/checkpointer.hpp (sort_log_segments, write_superblock, install,
 * write_twin, recycle_log), database/recovery.hpp (choose_superblock, replay),
 * log/log_segments.hpp (release_before), log/batch_queue.hpp (link),
 * log/log_scan.hpp.
 *
 * Commits are numbered; each is one record, durable when it is acknowledged. A
 * segment of the log has room for CAPACITY records and then a link to the
 * next one. A checkpoint writes the superblock with the next generation over
 * the older one, which is torn until the write ends; twins are written one
 * after the other. The process may crash at any step, recovery included; the
 * newest valid superblock and the log from its redo point must then reach
 * every acknowledged commit. Once, while both superblocks are whole, the newer
 * one is damaged at rest: the older one must reach the same.
 *
 * Left out: pages (pages.pml), how a record becomes durable (log.pml).
 *
 * Broken variants: RECYCLE_EARLY (segments are free when the new superblock
 * does not need them), SAME_SLOT (the newer superblock is written over),
 * ONE_AFTER_REPLAY (recovery writes one superblock), RESUME_FOLLOWED (recovery
 * goes on where a twin has not been written), RESUME_DAMAGED (or where the
 * other superblock is damaged), REUSE_AT_ONCE (the new generation of the log
 * may begin in a segment of the old one).
 */
#define PLACES 4
#define CAPACITY 1
#define COMMITS 3
#define CHECKPOINTS 2
#define CRASHES 2
#define NONE 255
#define FOLLOWED 1
#define TWIN 2

/* On the disk. */
typedef superblock {
    bool valid;
    byte generation;
    byte version;  /* the last commit in its pages */
    byte redo;     /* commits before the point where its log starts */
    byte place;    /* of the segment with that point */
    byte salt;
    byte next;     /* places that are free one superblock later, as bits */
    byte twin
}
superblock sb[2];
typedef segment {
    byte salt;
    byte first;    /* commits before its first record */
    byte records;
    byte link
}
segment disk[PLACES];

/* In memory. */
byte newest = 1;      /* generation of the newest superblock */
byte redo = 0;        /* of that superblock, */
byte redo_place = 0;  /* and the segment with it */
byte current = 0;     /* place of the last segment of the log */
byte salt = 1;
byte used = 1;        /* places of the log */
byte waiting = 0;     /* places that ripen, */
byte ripe[PLACES];    /* and the generation that makes them free */

byte acked = 0;
byte commits = 0;
byte checkpoints = 0;
byte crashes = 0;
byte damages = 0;

byte i, j, q, n;
byte best, held, held_place, open_redo, next_bits;
bool found, torn, harmed;

#define BIT(p) (1 << (p))
#define HAS(set, p) (((set) >> (p)) & 1)
#define IS_FREE(p) (!HAS(used, p) && !HAS(waiting, p))

#define MAY_CRASH \
    if :: true :: crashes < CRASHES -> crashes++; goto recover fi

inline take_place() { /* any free one, or NONE */
    q = NONE;
    if
    :: IS_FREE(0) -> q = 0
    :: IS_FREE(1) -> q = 1
    :: IS_FREE(2) -> q = 2
    :: IS_FREE(3) -> q = 3
    :: else
    fi
}

inline ripen() {
    for (i : 0 .. PLACES - 1) {
        if
        :: HAS(waiting, i) && ripe[i] <= newest -> waiting = waiting & ~BIT(i)
        :: else
        fi
    }
    i = 0
}

/* A redo point behind all records of a segment may still be in it, at its
 * link. */
#define ENDS_BEFORE(s, commits_before, with) \
    (disk[s].first + CAPACITY <= commits_before && s != with)

/* Gives up segments that end at or before `upto`, which is in `with`. */
inline release_before(upto, with) {
    for (i : 0 .. PLACES - 1) {
        if
        :: HAS(used, i) && i != current && ENDS_BEFORE(i, upto, with) ->
            used = used & ~BIT(i)
        :: else
        fi
    }
    i = 0
}

/* The segment that holds the point behind `r` commits. */
inline place_of(r) {
    j = current;
    for (i : 0 .. PLACES - 1) {
        if
        :: HAS(used, i) && disk[i].salt == salt && disk[i].first <= r &&
           r < disk[i].first + CAPACITY -> j = i
        :: else
        fi
    }
    i = 0
}

/* Segments that the superblock before needs, and the new one does not. */
inline sort_segments() {
    place_of(open_redo);
    next_bits = waiting;
    for (i : 0 .. PLACES - 1) {
        if
        :: HAS(waiting, i) && ripe[i] <= newest + 1 ->
            next_bits = next_bits & ~BIT(i)
        :: HAS(used, i) && i != current && ENDS_BEFORE(i, open_redo, j) &&
           !ENDS_BEFORE(i, redo, redo_place) -> next_bits = next_bits | BIT(i)
        :: else
        fi
    }
    i = 0
}

#ifdef SAME_SLOT
#define SLOT(g) 0
#else
#define SLOT(g) ((g) % 2)
#endif

inline write_superblock(role) {
    d_step { sb[SLOT(newest + 1)].valid = false } /* torn until it is whole */
    MAY_CRASH;
    d_step {
        q = SLOT(newest + 1);
        place_of(open_redo);
        sb[q].generation = newest + 1;
        sb[q].version = acked;
        sb[q].redo = open_redo;
        sb[q].place = j;
        sb[q].salt = salt;
        sb[q].next = next_bits;
        sb[q].twin = role;
        sb[q].valid = true;
        q = 0; j = 0
    }
    MAY_CRASH
}

inline checkpoint(twins) {
    d_step { sort_segments(); j = 0 }
    if
    :: twins -> write_superblock(FOLLOWED)
    :: else -> write_superblock(0)
    fi;
    d_step {
        newest++;
        held = redo; held_place = redo_place;
        place_of(open_redo);
        redo = open_redo; redo_place = j; j = 0;
#ifdef RECYCLE_EARLY
        held = redo; held_place = redo_place;
#endif
        ripen();
        release_before(held, held_place)
    }
    if
    :: twins ->
        write_superblock(TWIN);
        d_step { newest++; ripen();
                 release_before(redo, redo_place) }
    :: else
    fi;
    d_step {
        open_redo = 0; next_bits = 0; held = 0; held_place = 0; j = 0
    }
}

inline commit() {
    if
    :: disk[current].records == CAPACITY ->
        atomic {
            take_place();
            if :: q == NONE -> goto serve :: else fi;
            d_step {
                disk[q].salt = salt;
                disk[q].first = disk[current].first + CAPACITY;
                disk[q].records = 0;
                disk[q].link = NONE;
                disk[current].link = q;
                used = used | BIT(q);
                current = q;
                q = 0
            }
        }
    :: else
    fi;
    MAY_CRASH;
    d_step { commits++; disk[current].records++ }
    MAY_CRASH; /* written, and nobody has been told */
    acked = commits
}

/* From the redo point of sb[best]: n commits can be reached; `held` becomes
 * the set of segments that were read. */
inline scan() {
    d_step {
        n = sb[best].redo; j = sb[best].place; held = 0;
        found = false;
        /* A later log at its place: the engine refuses to open. */
        assert(disk[j].salt == sb[best].salt && disk[j].first <= n);
        do
        :: true ->
            held = held | BIT(j);
            current = j;
            if
            :: n < disk[j].first + disk[j].records ->
                n = disk[j].first + disk[j].records; found = true
            :: else
            fi;
            if
            :: disk[j].records == CAPACITY && disk[j].link != NONE &&
               disk[disk[j].link].salt == sb[best].salt &&
               disk[disk[j].link].first == n ->
                j = disk[j].link; found = true
            :: else -> break
            fi
        od;
        j = 0
    }
}

active proctype database() {
    d_step {
        disk[0].salt = 1; disk[0].link = NONE;
        for (i : 1 .. PLACES - 1) { disk[i].link = NONE }
        sb[0].valid = true; sb[0].generation = 0; sb[0].salt = 1;
        sb[1].valid = true; sb[1].generation = 1; sb[1].salt = 1;
        i = 0
    }
serve:
    q = 0;
    if
    :: commits < COMMITS -> commit()
    :: checkpoints < CHECKPOINTS ->
        checkpoints++;
        /* An open transaction may hold the redo point back. */
        if :: open_redo = acked :: open_redo = redo fi;
        if :: checkpoint(true) :: checkpoint(false) fi
    :: crashes < CRASHES -> crashes++; goto recover
    :: damages == 0 -> harmed = true; goto recover
    :: commits == COMMITS && checkpoints == CHECKPOINTS -> goto over
    fi;
    goto serve;

recover:
    atomic {
        /* Memory is gone. */
        used = 0; waiting = 0; newest = 0; redo = 0; current = 0; salt = 0;
        q = 0; i = 0; j = 0; open_redo = 0; next_bits = 0;
        held = 0; held_place = 0;
        for (i : 0 .. PLACES - 1) { ripe[i] = 0 }
        i = 0;
        if
        :: !harmed
        :: damages == 0 && sb[0].valid && sb[1].valid ->
            damages++;
            harmed = false;
            if
            :: sb[0].generation > sb[1].generation -> sb[0].valid = false
            :: else -> sb[1].valid = false
            fi
        fi;
        assert(sb[0].valid || sb[1].valid);
        best = (sb[1].valid && (!sb[0].valid ||
                sb[1].generation > sb[0].generation) -> 1 : 0);
        torn = !sb[1 - best].valid;
        scan();
        /* Nothing that was acknowledged is lost, nothing is made up. */
        if :: n < sb[best].version -> n = sb[best].version :: else fi;
        assert(n >= acked);
        assert(n <= commits);
        acked = n; commits = n;
        newest = sb[best].generation;
        redo = sb[best].redo;
        redo_place = sb[best].place;
        salt = sb[best].salt;
        waiting = sb[best].next & ~held;
        if :: sb[best].twin == TWIN -> waiting = 0 :: else fi;
        for (i : 0 .. PLACES - 1) { ripe[i] = newest + 1 }
        i = 0
    }
    if
    :: !found ->
        d_step { used = BIT(current); open_redo = acked }
        if
#ifdef RESUME_FOLLOWED
        :: torn -> checkpoint(false)
#elif defined(RESUME_DAMAGED)
        :: sb[best].twin == FOLLOWED -> checkpoint(false)
#else
        :: torn || sb[best].twin == FOLLOWED -> checkpoint(false)
#endif
        :: else -> open_redo = 0
        fi
    :: else ->
        atomic { /* a new generation of the log, in a place of its own */
#ifndef REUSE_AT_ONCE
            used = held;
#endif
            take_place();
            /* The file grows where nothing is free. */
            if :: q == NONE -> goto over :: else fi;
            d_step {
                used = BIT(q);
                waiting = waiting | (held & ~BIT(q));
                for (i : 0 .. PLACES - 1) {
                    if :: HAS(held, i) -> ripe[i] = newest + 2 :: else fi
                }
                i = 0;
                salt = 2 + crashes + damages;
                disk[q].salt = salt; disk[q].first = acked;
                disk[q].records = 0; disk[q].link = NONE;
                current = q; q = 0; held = 0;
                open_redo = acked
            }
        }
        MAY_CRASH;
#ifdef ONE_AFTER_REPLAY
        checkpoint(false)
#else
        checkpoint(true)
#endif
    fi;
    assert(sb[0].valid && sb[1].valid); /* ready for the next fault */
    goto serve;
over:
    skip
}
