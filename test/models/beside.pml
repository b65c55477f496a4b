// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
/* Processes that read a file beside its writer: storage/reader_locks.hpp
 * (begin, settle, oldest), database/recovery.hpp (open, keep_for_reading),
 * pager/space_map.hpp (ripen) and database/checkpointer.hpp (recycle_log).
 *
 * A page freed after superblock g was captured has the tag g: superblocks up
 * to g may refer to it. It is used again once superblock g + 2 is written and
 * no other process needs g or an older one. The log of superblock g is given
 * up once g + 2 is written, unless somebody opens the file. The writer may
 * also end, and another one begin, which knows no tags: it leaves alone what
 * is free while somebody needs an older superblock than the newest.
 *
 * A reader locks the byte `opening`, reads the newest superblock, reads its
 * log, locks the byte of the superblock, gives `opening` up, and then reads
 * pages. It may be killed at any time. The writer looks for locks with one
 * call of the system after the other: each tells one lock, any, of those in a
 * range; the next looks below that.
 *
 * Left out: superblocks and batches that are read while they are written,
 * which checksums tell.
 *
 * Broken variants: NO_OPENING (a reader locks nothing before it reads the
 * superblock), UNLOCK_FIRST (it gives `opening` up before it locks its
 * superblock), LOG_FREELY (the log goes though somebody opens the file), HEIR_TRUSTS (the
 * next writer uses what it finds free), ONE_CALL (the first lock that the
 * system tells is taken for the oldest).
 */
#define READERS 2
#define LAST 5
#define NOBODY 255
#define OPENING 1 /* place of a lock: that of superblock g is g + 1 */

byte newest = 1;       /* superblock */
byte log_from = 1;     /* the log of this one and of later ones is there */
byte reused = 0;       /* pages with tags up to this are used again */
bool opening[READERS];
byte pin[READERS];     /* 0: none */
byte oldest;           /* what the writer last found */

#define HELD(lock, place) ((lock) && (place) < below)
#define NONE_HELD (!HELD(opening[0], OPENING) && !HELD(opening[1], OPENING) && !HELD(pin[0] != 0, pin[0] + 1) && !HELD(pin[1] != 0, pin[1] + 1))

inline ask() {
    d_step { below = NOBODY; found = 0 }
    do
    :: atomic {
        found = 0;
        if
        :: HELD(opening[0], OPENING) -> found = OPENING
        :: HELD(opening[1], OPENING) -> found = OPENING
        :: HELD(pin[0] != 0, pin[0] + 1) -> found = pin[0] + 1
        :: HELD(pin[1] != 0, pin[1] + 1) -> found = pin[1] + 1
        :: NONE_HELD -> skip
        fi;
        if
        :: found == 0 -> break
        :: else -> below = found
        fi
       }
#ifdef ONE_CALL
       break
#endif
    od;
    atomic {
        if
        :: below == NOBODY -> oldest = NOBODY
        :: else -> oldest = below - 1 /* 0: somebody opens the file */
        fi;
        below = 0; found = 0
    }
}

inline ripen() {
    atomic {
        if
        :: newest >= 2 && oldest != 0 ->
            tag = newest - 2;
            if :: tag >= oldest -> tag = oldest - 1 :: else fi;
            if :: tag > reused && tag >= known -> reused = tag :: else fi;
            tag = 0
        :: else
        fi
    }
}

inline recycle() {
    atomic {
        if
#ifndef LOG_FREELY
        :: oldest == 0
#endif
        :: else -> if :: newest >= 2 -> log_from = newest - 1 :: else fi
        fi
    }
}

proctype writer() {
    byte below, found, tag;
    byte known = 0; /* older tags than this are unknown: as good as this */
    do
    :: newest < LAST ->
        newest++;
        ask();
        ripen();
        ask();
        recycle()
    :: newest < LAST -> /* the next one opens the file */
        ask();
#ifdef HEIR_TRUSTS
        oldest = NOBODY;
#endif
        atomic {
            if
            :: oldest < newest -> known = newest - 1
            :: oldest >= newest && newest >= 2 && reused < newest - 2 ->
                reused = newest - 2
            :: else
            fi
        }
    :: newest == LAST -> break
    od
}

proctype reader(byte me) {
    byte seen;
#ifndef NO_OPENING
    opening[me] = true;
#endif
    seen = newest;
    assert(log_from <= seen); /* while it reads the log */
#ifdef UNLOCK_FIRST
    opening[me] = false;
    pin[me] = seen;
#else
    if
    :: pin[me] = seen
    :: goto killed
    fi;
    assert(log_from <= seen);
    opening[me] = false;
#endif
    assert(reused < seen); /* pages that it needs */
    assert(reused < seen);
killed:
    atomic { opening[me] = false; pin[me] = 0; seen = 0 }
}

init {
    atomic {
        run reader(0); run reader(1); run writer()
    }
}
